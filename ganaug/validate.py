"""Checks at the edge: what fit, resample and sample accept, and what they say when they do not.

Everything here runs before any training and raises a :class:`~ganaug.errors.GanaugError` that
names the column, the class or the option.
"""

from __future__ import annotations

import math
import numbers
import os
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from imblearn.utils import check_sampling_strategy
from numpy.typing import NDArray
from sklearn.utils import check_array
from sklearn.utils.multiclass import type_of_target

from ganaug.errors import (
    ConfigError,
    GanaugError,
    InvalidInputError,
    InvalidTypeError,
    MemoryBudgetError,
    did_you_mean,
)

MAX_WIDTH = 8192
"""Widest encoded row: beyond it a table has more columns than a GAN can learn from rows."""

_UNITS = {"": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


def check_table(X: Any, budget: int) -> pd.DataFrame:
    """Return ``X`` as a frame that shares its data where possible.

    Raises
    ------
    InvalidInputError, InvalidTypeError, MemoryBudgetError
        For duplicate column names, infinities, no rows or columns, wrong dimensions, and sparse
        matrices that do not fit the budget as dense ones.
    """
    if isinstance(X, pd.DataFrame):
        check_names(X)
        frame = X
        if len(frame) == 0:
            raise InvalidInputError(
                f"Found array with 0 sample(s) (shape={X.shape}) while a minimum of 1 is required."
            )
        if frame.shape[1] == 0:
            raise InvalidInputError(
                f"Found array with 0 feature(s) (shape={X.shape}) while a minimum of 1 is required."
            )
    else:
        matrix = _check_matrix(X, budget)
        # With its dtype, or pandas takes an object array of strings for one of its own dtypes.
        frame = pd.DataFrame(matrix, dtype=matrix.dtype)
    check_width(frame.shape[1], "It has that many columns.", len(frame))
    _check_finite(frame)
    return frame


def _check_matrix(X: Any, budget: int) -> NDArray[Any]:
    if sp.issparse(X):
        check_width(X.shape[1], "It has that many columns.", X.shape[0])
        size = X.shape[0] * X.shape[1] * X.dtype.itemsize
        if size > budget:
            raise MemoryBudgetError(
                f"A dense copy of the sparse matrix needs {readable(size)}, more than "
                f"memory_budget={readable(budget)}. Reduce its columns first, for instance with "
                "sklearn.decomposition.TruncatedSVD."
            )
    try:
        checked = check_array(
            X, accept_sparse=True, dtype=None, ensure_all_finite=False, estimator="GANAugmenter"
        )
    except ValueError as error:
        raise InvalidInputError(str(error)) from None
    except TypeError as error:
        raise InvalidTypeError(str(error)) from None
    dense = checked.toarray() if sp.issparse(checked) else checked
    return dense.astype(object) if dense.dtype.kind in "US" else dense


def check_names(frame: pd.DataFrame) -> None:
    """Refuse columns that cannot be told apart."""
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()].unique().tolist()
        raise InvalidInputError(
            f"Duplicate column names: {twice}. Rename them, so that each column can be told apart."
        )


def _check_finite(frame: pd.DataFrame) -> None:
    for position, dtype in enumerate(frame.dtypes):
        infinite = _infinite(frame.iloc[:, position])
        if infinite.any():
            raise InvalidInputError(
                f"Input X contains infinity or a value too large for {dtype}: column "
                f"{frame.columns[position]!r}, row {int(infinite.argmax())}. Replace it by "
                "NaN (kept as missing) or by a bound."
            )


def _infinite(series: pd.Series) -> NDArray[np.bool_]:
    if pd.api.types.is_float_dtype(series.dtype):
        # A wider float that does not fit float64 becomes infinite here, and is refused as such.
        with np.errstate(over="ignore"):
            return np.isinf(series.to_numpy(dtype=np.float64, na_value=np.nan))
    if series.dtype == object:
        floats = (float, np.floating)
        found = (isinstance(value, floats) and math.isinf(value) for value in series)
        return np.fromiter(found, bool, len(series))
    return np.zeros(1, bool)


def describe_drift(seen: Sequence[tuple[Any, Any]], frame: pd.DataFrame, *, by_name: bool) -> str:
    """Return how a table's columns differ from the fitted ones; empty if they do not.

    Parameters
    ----------
    seen : sequence of (name, dtype)
        The fitted columns; a dtype of None is not compared.
    frame : DataFrame
        As :func:`check_table` returned it.
    by_name : bool
        Whether columns are compared by name (else by position).
    """
    names, found = [name for name, _ in seen], frame.columns.tolist()
    drift: list[str] = []
    if by_name:
        drift += _listed("missing", [name for name in names if name not in found])
        drift += _listed("new", [name for name in found if name not in names])
        if not drift:
            moved = [now for was, now in zip(names, found, strict=True) if was != now]
            drift += _listed("in another place", moved)
        now = dict(zip(found, frame.dtypes, strict=True))
        pairs = [(name, was, now[name]) for name, was in seen if name in now]
    else:
        if len(names) != len(found):
            drift.append(f"{len(found)} columns instead of {len(names)}")
        pairs = [(*column, now) for column, now in zip(seen, frame.dtypes, strict=False)]
    drift += [
        f"column {name!r} is {_dtype_name(now)} and was {_dtype_name(was)}"
        for name, was, now in pairs
        if not _holds(now, was)
    ]
    if not drift:
        return ""
    return (
        f"X differs from the table seen at fit: {'; '.join(drift)}. Select and convert the "
        "columns as at fit, or fit again."
    )


def _listed(what: str, names: Sequence[Any]) -> list[str]:
    return [f"{what}: {', '.join(map(repr, names))}"] if names else []


def _holds(now: Any, was: Any) -> bool:
    """Return whether a column of dtype ``now`` can take synthetic values of dtype ``was``."""
    if isinstance(now, pd.CategoricalDtype) and isinstance(was, pd.CategoricalDtype):
        # More categories than at fit are harmless: the synthetic rows do not use them.
        common = [level for level in now.categories if level in was.categories]
        same = common if now.ordered else [level for level in was.categories if level in common]
        return bool(now.ordered == was.ordered and same == was.categories.tolist())
    return was is None or bool(now == was)


def _dtype_name(dtype: Any) -> str:
    if isinstance(dtype, pd.CategoricalDtype):
        kind = "ordered category" if dtype.ordered else "category"
        return f"{kind} of {dtype.categories.tolist()}"
    return str(dtype)


def check_labels(y: Any, n_rows: int) -> tuple[NDArray[Any], bool]:
    """Return the labels as a one-dimensional array, and whether ``y`` was one-hot.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For missing, continuous, multi-output or multilabel targets, and for a wrong length.
    """
    _check_label_shape(y, n_rows)
    missing = _missing_labels(y)
    if missing.any():
        raise InvalidInputError(
            f"Input y contains NaN or None: {int(missing.sum())} missing label(s), the first in "
            f"row {int(np.argwhere(missing)[0][0])}. Drop those rows or label them."
        )
    labels = _plain(y)
    kind = _kind_of(labels)
    if kind == "multilabel-indicator":
        if not (np.asarray(labels).sum(1) == 1).all():
            raise InvalidInputError(
                "Imbalanced-learn currently supports binary, multiclass and binarized encoded "
                "multiclass targets. Multilabel and multioutput targets are not supported."
            )
        return np.asarray(labels).argmax(1), True
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels.ravel()
        kind = _kind_of(labels)
    if kind not in ("binary", "multiclass"):
        raise InvalidInputError(
            f"Unknown label type: {kind}. Maybe you are trying to fit a sampler, which expects "
            "discrete classes, on a regression or multi-output target."
        )
    return labels, False


def _check_label_shape(y: Any, n_rows: int) -> None:
    if y is None:
        raise InvalidInputError(
            "This GANAugmenter estimator requires y to be passed, but the target y is None."
        )
    try:
        shape = y.shape if sp.issparse(y) else np.asarray(y).shape
    except ValueError:
        raise InvalidInputError(
            "y must hold one label a row; its rows are sequences of different lengths."
        ) from None
    if shape[:1] != (n_rows,):
        raise InvalidInputError(
            "Found input variables with inconsistent numbers of samples: "
            f"X has {n_rows} rows and y has shape {shape}."
        )
    if len(shape) > 2:
        raise InvalidInputError(
            f"Unknown label type: y has {len(shape)} dimensions. Pass one label a row, or a "
            "one-hot matrix."
        )


def _missing_labels(y: Any) -> NDArray[np.bool_]:
    if sp.issparse(y):
        return np.isnan(y.data) if y.dtype.kind == "f" else np.zeros(1, bool)
    values = y if hasattr(y, "__len__") else np.asarray(y)
    return np.asarray(pd.isna(pd.DataFrame(values) if np.ndim(values) == 2 else pd.Series(values)))


def _kind_of(labels: NDArray[Any]) -> str:
    """Return scikit-learn's name for the target; what it refuses is refused in our type."""
    if labels.dtype.kind in "mM":
        raise InvalidTypeError(
            f"Input y holds {labels.dtype} labels. Convert them to strings, for instance with "
            "astype(str)."
        )
    if labels.dtype.kind == "f" and np.isinf(labels).any():
        raise InvalidInputError("Input y contains infinity.")
    try:
        return str(type_of_target(labels))
    except ValueError as error:
        raise InvalidInputError(f"Input y: {error}") from None
    except TypeError as error:
        raise InvalidTypeError(f"Input y: {error}") from None


def _plain(y: Any) -> NDArray[Any]:
    """Return labels of any container as a numpy array of a plain dtype."""
    if sp.issparse(y):
        return y.toarray()
    # An array made of a list at once would turn ["x", 1] into strings.
    array = np.array(y, dtype=object) if isinstance(y, (list, tuple)) else np.asarray(y)
    if array.dtype == object and array.ndim == 2:
        return np.asarray(array.tolist())
    if array.dtype == object and array.ndim == 1:
        kinds = {type(value) for value in array}
        if len(kinds) > 1 and not all(issubclass(k, (int, float, np.number)) for k in kinds):
            names = sorted(kind.__name__ for kind in kinds)
            raise InvalidTypeError(f"Input y mixes labels of different types: {', '.join(names)}.")
        if kinds <= {str}:
            return array
        array = np.asarray(array.tolist())
    return array


def nearest_option(message: str) -> str:
    """Return the end of scikit-learn's message about a misspelt option: what was meant."""
    found = re.search(r"must be (.*) Got '([^']*)' instead", message, re.DOTALL)
    options = re.findall(r"'([^']+)'", found[1]) if found else []
    if not found or not options:
        return ""
    nearest = did_you_mean(found[2], options)
    return f" {nearest[0].upper()}{nearest[1:]}"


def check_strategy(strategy: Any, labels: NDArray[Any]) -> dict[Any, int]:
    """Return the number of rows to add to each class, in every form imbalanced-learn knows.

    Ratios are taken as they are written: 0.29 of 100 rows is 29, not the 28 of a truncated float.

    Raises
    ------
    ConfigError
        If the strategy is impossible: unknown classes, a target below the present count.
    """
    classes, counts = np.unique(labels, return_counts=True)
    if len(classes) < 2:
        raise InvalidInputError(
            f"The target 'y' needs to have more than 1 class. Got 1 class instead: {classes[0]!r}."
        )
    present = dict(zip(classes.tolist(), counts.tolist(), strict=True))
    if callable(strategy):
        strategy = strategy(labels)
    if isinstance(strategy, Mapping):
        return _add_to_targets(strategy, present)
    if isinstance(strategy, numbers.Real) and not isinstance(strategy, bool):
        return _add_to_ratio(strategy, present)
    try:
        # Labels by their codes would lose the user's keys; object labels upset numpy's unique.
        added = check_sampling_strategy(strategy, labels, "over-sampling")
    except GanaugError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"sampling_strategy={strategy!r}: {error}") from None
    if added is None:
        raise ConfigError(
            "sampling_strategy must be a float, a name, a dict, or a callable that returns one of "
            f"them, got {strategy!r}."
        )
    return {label: int(added[label]) for label in present if label in added}


def _add_to_ratio(ratio: Any, present: Mapping[Any, int]) -> dict[Any, int]:
    if len(present) != 2:
        raise ConfigError(
            '"sampling_strategy" can be a float only when the type of target is binary. For '
            "multi-class, use a dict."
        )
    if not 0 < ratio <= 1:
        raise ConfigError(
            "When 'sampling_strategy' is a float, it should be in the range (0, 1]. Got "
            f"{ratio} instead."
        )
    common = max(present, key=lambda label: present[label])
    (rare,) = (label for label in present if label != common)
    # As the decimal that was written: the float nearest to 0.29 times 100 is below 29.
    target = int(Fraction(str(ratio)) * present[common])
    if target < present[rare]:
        raise ConfigError(
            f"sampling_strategy={ratio} asks for {target} rows of class {rare!r}, which already "
            f"has {present[rare]}. The specified ratio required to remove samples from the "
            "minority class while trying to generate new samples. Please increase the ratio."
        )
    return {rare: target - present[rare]}


def _add_to_targets(strategy: Mapping[Any, Any], present: Mapping[Any, int]) -> dict[Any, int]:
    for label, target in strategy.items():
        if label not in present:
            raise ConfigError(unknown_class(label, present))
        if isinstance(target, bool) or not isinstance(target, (int, np.integer)):
            raise ConfigError(
                f"sampling_strategy: the target of class {label!r} must be an integer, "
                f"got {target!r}."
            )
        if target < present[label]:
            raise ConfigError(
                f"sampling_strategy asks for {target} rows of class {label!r}, which already has "
                f"{present[label]}: an over-sampler only adds. With over-sampling methods, the "
                "number of samples in a class should be greater or equal to the original."
            )
    return {
        label: int(strategy[label]) - count for label, count in present.items() if label in strategy
    }


def unknown_class(label: Any, known: Mapping[Any, Any] | Sequence[Any]) -> str:
    """Return the message for a class that was not in the training data."""
    same = [k for k in known if str(k) == str(label)]
    if same:
        return (
            f"There is no class {label!r} of type {type(label).__name__}; there is {same[0]!r} of "
            f"type {type(same[0]).__name__}."
        )
    return f"There is no class {label!r}; {did_you_mean(str(label), map(str, known))}"


def check_categorical(option: Any, frame: pd.DataFrame) -> list[bool]:
    """Return which columns the user declared categorical.

    Raises
    ------
    ConfigError
        If a name or a position does not exist.
    """
    n = frame.shape[1]
    if option is None or (isinstance(option, str) and option == "auto"):
        return [False] * n
    if isinstance(option, (str, int, np.integer)):
        option = [option]
    chosen = list(option)
    if len(chosen) == n and all(isinstance(item, (bool, np.bool_)) for item in chosen):
        return [bool(item) for item in chosen]
    flags = [False] * n
    for item in chosen:
        flags[_position(item, frame)] = True
    return flags


def _position(item: Any, frame: pd.DataFrame) -> int:
    if isinstance(item, (int, np.integer)) and not isinstance(item, bool):
        if -frame.shape[1] <= item < frame.shape[1]:
            return int(item) % frame.shape[1]
        raise ConfigError(
            f"categorical_features: there is no column {item}; X has {frame.shape[1]} columns."
        )
    names = frame.columns.tolist()
    if item in names:
        return names.index(item)
    raise ConfigError(
        f"categorical_features: there is no column {item!r}; "
        f"{did_you_mean(str(item), ['auto', *map(str, frame.columns)])}"
    )


def check_budget(option: Any) -> int:
    """Return the memory budget in bytes: half of what is free, or what the user said."""
    if isinstance(option, str) and option == "auto":
        return _free_memory() // 2
    if isinstance(option, (int, np.integer)) and not isinstance(option, bool) and option > 0:
        return int(option)
    if isinstance(option, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmg]i?b|)\s*", option.lower())
        if match:
            return int(float(match[1]) * _UNITS[match[2]])
    raise ConfigError(
        f'memory_budget must be "auto", a number of bytes or a size such as "2GB", got {option!r}.'
    )


def _free_memory() -> int:
    """Return the bytes that can be had without swapping: free pages and reclaimable caches."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
        if match := re.search(r"^MemAvailable:\s+(\d+) kB", text, re.MULTILINE):
            return int(match[1]) * 1024
    except (OSError, ValueError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 4 * 2**30


def check_memory(n_rows: int, n_columns: int, width: int, budget: int, what: str) -> None:
    """Refuse a job whose encoded rows and table together exceed the budget."""
    size = n_rows * (4 * width + 3 * 8 * n_columns)
    if size > budget:
        raise MemoryBudgetError(
            f"{what} needs about {readable(size)} ({n_rows:,} rows, {n_columns:,} columns, "
            f"{width:,} after encoding), more than memory_budget={readable(budget)}. Ask for fewer "
            "rows at a time, or raise memory_budget."
        )


def check_width(width: int, widest: str, n_rows: int) -> None:
    """Refuse a table whose encoding is too wide to learn."""
    if width > MAX_WIDTH:
        size = 4 * width * (n_rows + 3 * 256)
        raise MemoryBudgetError(
            f"The encoded table would be {width:,} wide (at most {MAX_WIDTH:,} can be learned), "
            f"which needs about {readable(size)}. {widest} Select or project the columns first, "
            "for instance with sklearn.feature_selection.SelectKBest or sklearn.decomposition.PCA."
        )


def readable(size: float) -> str:
    """Return a number of bytes for people."""
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            return f"{size:,.0f} {unit}" if unit == "B" else f"{size:,.1f} {unit}"
        size /= 1000
    raise AssertionError
