"""Checks at the edge: what fit, resample and sample accept, and what they say when they do not.

Everything here runs before any training and raises a :class:`~ganaug.errors.GanaugError` that
names the column, the class or the option.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
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
        _check_names(X)
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
        frame = pd.DataFrame(_check_matrix(X, budget))
    _check_finite(frame)
    return frame


def _check_matrix(X: Any, budget: int) -> NDArray[Any]:
    if sp.issparse(X):
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


def _check_names(frame: pd.DataFrame) -> None:
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()].unique().tolist()
        raise InvalidInputError(
            f"Duplicate column names: {twice}. Rename them, so that each column can be told apart."
        )


def _check_finite(frame: pd.DataFrame) -> None:
    for position, dtype in enumerate(frame.dtypes):
        if not pd.api.types.is_float_dtype(dtype):
            continue
        values = frame.iloc[:, position].to_numpy(dtype=np.float64, na_value=np.nan)
        if np.isinf(values).any():
            raise InvalidInputError(
                f"Input X contains infinity or a value too large for {dtype}: column "
                f"{frame.columns[position]!r}, row {int(np.isinf(values).argmax())}. Replace it by "
                "NaN (kept as missing) or by a bound."
            )


def check_labels(y: Any, n_rows: int) -> tuple[NDArray[Any], bool]:
    """Return the labels as a one-dimensional array, and whether ``y`` was one-hot.

    Raises
    ------
    InvalidInputError
        For missing, continuous, multi-output or multilabel targets, and for a wrong length.
    """
    if y is None:
        raise InvalidInputError(
            "This GANAugmenter estimator requires y to be passed, but the target y is None."
        )
    if np.shape(y)[:1] != (n_rows,):
        raise InvalidInputError(
            "Found input variables with inconsistent numbers of samples: "
            f"X has {n_rows} rows and y has shape {np.shape(y)}."
        )
    missing = np.asarray(pd.isna(pd.DataFrame(y) if np.ndim(y) == 2 else pd.Series(y)))
    if missing.any():
        raise InvalidInputError(
            f"Input y contains NaN or None: {int(missing.sum())} missing label(s), the first in "
            f"row {int(np.argwhere(missing)[0][0])}. Drop those rows or label them."
        )
    labels = _plain(y)
    kind = type_of_target(labels)
    if kind == "multilabel-indicator":
        if not (np.asarray(labels).sum(1) == 1).all():
            raise InvalidInputError(
                "Imbalanced-learn currently supports binary, multiclass and binarized encoded "
                "multiclass targets. Multilabel and multioutput targets are not supported."
            )
        return np.asarray(labels).argmax(1), True
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels.ravel()
        kind = type_of_target(labels)
    if kind not in ("binary", "multiclass"):
        raise InvalidInputError(
            f"Unknown label type: {kind}. Maybe you are trying to fit a sampler, which expects "
            "discrete classes, on a regression or multi-output target."
        )
    return labels, False


def _plain(y: Any) -> NDArray[Any]:
    """Return labels of any container as a numpy array of a plain dtype."""
    if sp.issparse(y):
        return y.toarray()
    array = np.asarray(y)
    if array.dtype == object and array.ndim == 1:
        kinds = {type(value) for value in array}
        if len(kinds) > 1 and not all(issubclass(k, (int, float, np.number)) for k in kinds):
            names = sorted(kind.__name__ for kind in kinds)
            raise InvalidTypeError(f"Input y mixes labels of different types: {', '.join(names)}.")
        if kinds <= {str}:
            return array
        array = np.asarray(array.tolist())
    return array


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
        _check_targets(strategy, present)
    try:
        # Labels by their codes would lose the user's keys; object labels upset numpy's unique.
        added = check_sampling_strategy(strategy, labels, "over-sampling")
    except GanaugError:
        raise
    except (ValueError, KeyError) as error:
        raise ConfigError(f"sampling_strategy={strategy!r}: {error}") from None
    if isinstance(strategy, (float, np.floating)):
        most = max(present.values())
        added = {label: int(most * strategy + 1e-9) - present[label] for label in added}
    return {label: int(added[label]) for label in added}


def _check_targets(strategy: Mapping[Any, Any], present: Mapping[Any, int]) -> None:
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
    if item in frame.columns:
        return int(frame.columns.get_loc(item))
    raise ConfigError(
        f"categorical_features: there is no column {item!r}; "
        f"{did_you_mean(str(item), map(str, frame.columns))}"
    )


def check_budget(option: Any) -> int:
    """Return the memory budget in bytes: half of what is free, or what the user said."""
    if isinstance(option, str) and option == "auto":
        try:
            return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES") // 2
        except (ValueError, OSError, AttributeError):
            return 2 * 2**30
    if isinstance(option, (int, np.integer)) and not isinstance(option, bool) and option > 0:
        return int(option)
    if isinstance(option, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmg]i?b|)\s*", option.lower())
        if match:
            return int(float(match[1]) * _UNITS[match[2]])
    raise ConfigError(
        f'memory_budget must be "auto", a number of bytes or a size such as "2GB", got {option!r}.'
    )


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
