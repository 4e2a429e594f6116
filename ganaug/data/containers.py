"""Appends synthetic rows to real rows, in the container that the user passed.

Real rows are never converted: they are returned unchanged, with their index and dtypes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from ganaug.data import polars
from ganaug.runtime.privates import safe_indexing


def take(data: Any, rows: NDArray[Any]) -> Any:
    """Return the rows with these indices, in the container of ``data``."""
    if hasattr(data, "detach"):  # a tensor
        import torch

        return data[torch.from_numpy(rows).to(data.device)]
    if sp.issparse(data):  # not every sparse format can be indexed
        return data.tocsr()[rows].asformat(data.format)
    return safe_indexing(list(data) if isinstance(data, tuple) else data, rows)


def like_table(X: Any, synthetic: pd.DataFrame) -> Any:
    """Return synthetic rows in the container and dtype of ``X``; a frame has a new index."""
    if polars.is_polars(X):
        return polars.from_pandas(synthetic, X)
    if isinstance(X, pd.DataFrame):
        new = synthetic.set_axis(X.columns, axis=1)
        # Only the dtype of a categorical column can differ from fit: it may have more categories.
        dtypes = zip(X.columns, X.dtypes, new.dtypes, strict=True)
        changed = {name: dtype for name, dtype, new_dtype in dtypes if dtype != new_dtype}
        return new.astype(changed) if changed else new
    if sp.issparse(X):
        return X.__class__(sp.csr_matrix(_matrix(synthetic, X.dtype)))
    matrix = _matrix(synthetic, as_array(X).dtype)
    return matrix.tolist() if isinstance(X, list) else matrix


def append_table(X: Any, synthetic: pd.DataFrame) -> Any:
    """Return ``X`` followed by the synthetic rows, in the container of ``X``."""
    new = like_table(X, synthetic)
    if polars.is_polars(X):
        return polars.append_frame(X, new)
    if isinstance(X, pd.DataFrame):
        if not len(new):
            return X.copy()
        return pd.concat([X, new.set_axis(next_index(X.index, len(new)))])
    if sp.issparse(X):
        return X.__class__(sp.vstack([X, new]).asformat(X.format))
    if isinstance(X, list):
        return [*X, *new]
    old = as_array(X)
    return np.concatenate([old, new], dtype=old.dtype)


def replace_rows(X: Any, rows: NDArray[np.bool_], synthetic: pd.DataFrame) -> Any:
    """Return a copy of ``X`` in which the marked rows are the synthetic ones."""
    if isinstance(X, pd.DataFrame):
        order = np.arange(len(X))
        order[rows] = len(X) + np.arange(rows.sum())
        # Concatenating and selecting keeps the dtypes of all columns; assigning might change them.
        stacked = pd.concat([X, like_table(X, synthetic)], ignore_index=True)
        return stacked.iloc[order].set_axis(X.index)
    new = like_table(X, synthetic)
    if polars.is_polars(X):
        return polars.replace_rows(X, rows, new)
    if sp.issparse(X):
        changed = X.tolil(copy=True)
        changed[np.flatnonzero(rows)] = new
        return X.__class__(changed.asformat(X.format))
    if isinstance(X, list):
        synthetic_rows = iter(new)
        return [next(synthetic_rows) if swap else row for row, swap in zip(X, rows, strict=True)]
    changed = as_array(X).copy()
    changed[rows] = new
    return changed


def _matrix(frame: pd.DataFrame, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return a frame as an array, column by column, without a copy in a wider common dtype."""
    out = np.empty(frame.shape, dtype)
    for i in range(frame.shape[1]):
        out[:, i] = frame.iloc[:, i].to_numpy()
    return out


def next_index(index: pd.Index, n: int) -> pd.Index:
    """Return index labels for ``n`` more rows.

    Integers continue after the largest one; any other index continues with ``synthetic_0`` and so
    on, without labels that exist already.
    """
    if isinstance(index, pd.MultiIndex):
        taken = set(index.get_level_values(0))
        first = _fresh_labels(taken, n)
        # A level that has only missing values has no label to repeat.
        rest = [[level[0] if len(level) else np.nan] * n for level in index.levels[1:]]
        return pd.MultiIndex.from_arrays([first, *rest], names=index.names)
    if pd.api.types.is_integer_dtype(index.dtype) and index.notna().any():
        if isinstance(index, pd.RangeIndex) and index.step > 0:
            stop = index[-1] + index.step * (n + 1)
            return pd.RangeIndex(index[-1] + index.step, stop, index.step, name=index.name)
        largest = int(index.max())
        # int64 where the labels would overflow a smaller dtype, else text labels as below.
        for dtype in (index.dtype, np.dtype(np.int64)):
            if largest + n <= np.iinfo(getattr(dtype, "numpy_dtype", dtype)).max:
                labels = [largest + 1 + i for i in range(n)]
                return pd.Index(labels, name=index.name, dtype=dtype)
    return pd.Index(_fresh_labels(set(index), n), name=index.name, dtype=object)


def _fresh_labels(taken: set[Any], n: int) -> list[str]:
    labels: list[str] = []
    number = 0
    while len(labels) < n:
        label = f"synthetic_{number}"
        if label not in taken:
            labels.append(label)
        number += 1
    return labels


def as_array(X: Any) -> NDArray[Any]:
    """Return an array-like as an array; numbers in lists that also have strings stay numbers."""
    array = np.asarray(X)
    if array.dtype.kind in "US" and isinstance(X, (list, tuple)):
        return np.array(X, dtype=object)
    return array


def dtype_of(X: Any) -> np.dtype[Any]:
    """Return the dtype of an array-like; strings become objects."""
    dtype = (
        X.dtype if hasattr(X, "dtype") and isinstance(X.dtype, np.dtype) else np.asarray(X).dtype
    )
    return np.dtype(object) if dtype.kind in "US" else dtype


def in_turn(codes: NDArray[np.int64], order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the order of rows that gives the classes ``codes`` the sequence of ``order``.

    The rows of each class stay in their own sequence.
    """
    ranks = np.argsort(np.argsort(order, kind="stable"), kind="stable")
    return np.argsort(codes, kind="stable")[ranks]
