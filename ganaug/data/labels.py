"""Checks of the target: the labels of the rows, and the number of rows to add to each class."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from imblearn.utils import check_sampling_strategy
from numpy.typing import NDArray
from sklearn.utils.multiclass import type_of_target

from ganaug.data import polars
from ganaug.data.containers import next_index
from ganaug.errors import (
    ConfigError,
    GanaugError,
    InvalidInputError,
    InvalidTypeError,
    did_you_mean,
)


def check_labels(y: Any, n_rows: int) -> tuple[NDArray[Any], bool]:
    """Return the labels as a one-dimensional array, and whether ``y`` is one-hot.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        If labels are missing, continuous, multi-output or multilabel, or if their number is not
        ``n_rows``.
    """
    y = _off_device(y)
    _check_label_shape(y, n_rows)
    missing = _missing_labels(y)
    if missing.any():
        raise InvalidInputError(
            f"Input y contains NaN or None: {int(missing.sum())} missing label(s), the first in "
            f"row {int(np.argwhere(missing)[0][0])}. Drop these rows or label them."
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


def check_label_list(y: Any, n_rows: int, option: str) -> NDArray[Any]:
    """Return the labels, one for each row, where a one-hot matrix cannot be used.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        As :func:`check_labels`, and for a one-hot matrix; the message then names the ``option``.
    """
    labels, one_hot = check_labels(y, n_rows)
    if one_hot:
        raise InvalidInputError(
            f"{option} needs one label for each row, and y is one-hot: pass y.argmax(axis=1)."
        )
    return labels


def labels_of(y: Any) -> NDArray[Any]:
    """Return labels that were checked before as a one-dimensional array."""
    labels = _plain(_off_device(y))
    one_hot = labels.ndim == 2 and labels.shape[1] > 1
    return np.asarray(labels).argmax(1) if one_hot else labels.ravel()


def _off_device(y: Any) -> Any:
    """Return tensors as arrays, and polars frames and series as those of pandas."""
    return polars.labels_to_pandas(y.detach().cpu().numpy() if hasattr(y, "detach") else y)


def _check_label_shape(y: Any, n_rows: int) -> None:
    """Raise `InvalidInputError` if there is not one label, or one row of labels, for each row."""
    if y is None:
        raise InvalidInputError(
            "This GANAugmenter estimator requires y to be passed, but the target y is None."
        )
    try:
        shape = y.shape if sp.issparse(y) else np.asarray(y).shape
    except ValueError:
        raise InvalidInputError(
            "y must have one label for each row, but its rows are sequences of different lengths."
        ) from None
    if shape[:1] != (n_rows,):
        raise InvalidInputError(
            "Found input variables with inconsistent numbers of samples: "
            f"X has {n_rows} rows and y has shape {shape}."
        )
    if len(shape) > 2:
        raise InvalidInputError(
            f"Unknown label type: y has {len(shape)} dimensions. Pass one label for each row, or "
            "a one-hot matrix."
        )


def _missing_labels(y: Any) -> NDArray[np.bool_]:
    if sp.issparse(y):
        return np.isnan(y.data) if y.dtype.kind == "f" else np.zeros(1, bool)
    values = y if hasattr(y, "__len__") else np.asarray(y)
    return np.asarray(pd.isna(pd.DataFrame(values) if np.ndim(values) == 2 else pd.Series(values)))


def _kind_of(labels: NDArray[Any]) -> str:
    """Return scikit-learn's name for the type of target; its errors become those of ganaug."""
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
    """Return labels of any container as a numpy array; objects become a plain dtype if possible."""
    if sp.issparse(y):
        return y.toarray()
    # np.asarray(["x", 1]) would turn the number into a string.
    array = np.array(y, dtype=object) if isinstance(y, (list, tuple)) else np.asarray(y)
    if array.dtype == object and array.ndim == 2:
        return np.asarray(array.tolist())
    if array.dtype == object and array.ndim == 1:
        kinds = {type(value) for value in array}
        if len(kinds) > 1 and not all(issubclass(k, (int, float, np.number)) for k in kinds):
            names = sorted(kind.__name__ for kind in kinds)
            raise InvalidTypeError(
                f"Input y mixes labels of different types: {', '.join(names)}. Convert them to one "
                "type."
            )
        if kinds <= {str}:
            return array
        array = np.asarray(array.tolist())
    return array


def check_strategy(strategy: Any, labels: NDArray[Any]) -> dict[Any, int]:
    """Return the number of rows to add to each class.

    The strategy has any form that imbalanced-learn accepts. Ratios are exact decimals: 0.29 of 100
    rows is 29 rows, not 28 as for the float, which is slightly smaller.

    Raises
    ------
    ConfigError
        If the strategy is not valid, for instance for unknown classes or a target below the present
        number of rows.
    InvalidInputError
        If there is one class only.
    """
    classes, counts = np.unique(labels, return_counts=True)
    if len(classes) < 2:
        raise InvalidInputError(
            "The target 'y' needs to have more than 1 class. Got 1 class instead: "
            f"{classes.tolist()[0]!r}."
        )
    present = dict(zip(classes.tolist(), counts.tolist(), strict=True))
    if callable(strategy):
        strategy = strategy(labels)
    if isinstance(strategy, Mapping):
        return _add_to_targets(strategy, present)
    if isinstance(strategy, numbers.Real) and not isinstance(strategy, bool):
        return _add_to_ratio(strategy, present)
    try:
        # The labels themselves, not their codes: a strategy names classes by label.
        added = check_sampling_strategy(strategy, labels, "over-sampling")
    except GanaugError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"sampling_strategy={strategy!r}: {error}") from None
    if added is None:
        raise ConfigError(
            "sampling_strategy must be a float, a name, a dict, or a callable that returns one of "
            f"these, got {strategy!r}."
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
    # The exact decimal: the float 0.29 times 100 is below 29, and would be truncated to 28.
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
            problem = unknown_class(label, present)
            raise ConfigError(f"sampling_strategy: {problem[0].lower()}{problem[1:]}")
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
    """Return the message for a class that is not in the training data."""
    # The usual mistake: "1" for 1, after reading a file or JSON.
    same = [k for k in known if str(k) == str(label)]
    if same:
        return (
            f"There is no class {label!r} of type {type(label).__name__}; there is {same[0]!r} of "
            f"type {type(same[0]).__name__}."
        )
    return f"There is no class {label!r}; {did_you_mean(str(label), map(str, known))}"


def append_target(X: Any, X_res: Any, y: Any, labels: NDArray[Any], one_hot: bool) -> Any:
    """Return ``y`` followed by the labels of the rows that ``X_res`` has after those of ``X``."""
    same_index = isinstance(X, pd.DataFrame) and getattr(y, "index", None) is not None
    index = X_res.index[len(X) :] if same_index and X.index.equals(y.index) else None
    if hasattr(y, "detach"):  # a tensor
        import torch

        new = like_labels(y.detach().cpu().numpy(), labels, one_hot)
        return torch.cat([y, torch.from_numpy(new).to(y)])
    return append_labels(y, like_labels(y, labels, one_hot), index)


def like_labels(y: Any, labels: NDArray[Any], one_hot: bool) -> Any:
    """Return new labels (column numbers if one-hot) in the container and dtype of ``y``."""
    if polars.is_polars(y) or polars.is_polars_series(y):
        return polars.labels_like(labels, y, one_hot)
    if one_hot:
        n_columns = y.shape[1] if hasattr(y, "shape") else len(y[0])
        block = np.eye(n_columns)[labels.astype(np.int64)]
        if isinstance(y, pd.DataFrame):
            return pd.DataFrame(block, columns=y.columns).astype(y.dtypes.to_dict())
        if sp.issparse(y):
            return y.__class__(sp.csr_matrix(block.astype(y.dtype)))
        new = block.astype(np.asarray(y).dtype)
        return new.tolist() if isinstance(y, list) else new
    if isinstance(y, pd.DataFrame):
        return pd.DataFrame({y.columns[0]: pd.Series(labels).astype(y.dtypes.iloc[0])})
    if isinstance(y, (pd.Series, pd.Index)):
        return pd.Series(labels, name=y.name).astype(y.dtype)
    if isinstance(y, pd.api.extensions.ExtensionArray):
        dtype: Any = y.dtype
        return pd.array(labels, dtype=dtype)
    if isinstance(y, list):
        return labels.tolist()
    shape = (-1, 1) if np.asarray(y).ndim == 2 else (-1,)
    return labels.astype(np.asarray(y).dtype).reshape(shape)


def append_labels(y: Any, new: Any, index: pd.Index | None) -> Any:
    """Return ``y`` followed by ``new``; ``index`` is that of the new rows of a frame or series."""
    if polars.is_polars(y):
        return polars.append_frame(y, new)
    if polars.is_polars_series(y):
        return polars.append_series(y, new)
    if isinstance(y, (pd.Series, pd.DataFrame)):
        if not len(new):
            return y.copy()
        own = next_index(y.index, len(new)) if index is None else index
        return pd.concat([y, new.set_axis(own)])
    if isinstance(y, pd.Index):
        return y.append(pd.Index(new))
    if isinstance(y, pd.api.extensions.ExtensionArray):
        return pd.concat([pd.Series(y), pd.Series(new)]).array
    if sp.issparse(y):
        return y.__class__(sp.vstack([y, new]).asformat(y.format))
    if isinstance(y, list):
        return [*y, *new]
    return np.concatenate([np.asarray(y), new])
