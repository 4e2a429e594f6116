"""Checks of tables and of the options for tables.

They run before any training and raise a :class:`~ganaug.errors.GanaugError` that names the column
or the option. The labels are checked in :mod:`ganaug.data.labels`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.utils import check_array

from ganaug.data import polars
from ganaug.data.containers import as_array
from ganaug.errors import (
    ConfigError,
    InvalidInputError,
    InvalidTypeError,
    MemoryBudgetError,
    did_you_mean,
    near,
    warn,
)
from ganaug.runtime.memory import readable
from ganaug.tables.codec import TableCodec
from ganaug.tables.columns import CategoryCodec

MAX_WIDTH = 8192
"""Most columns of an encoded row.

The weights of the networks grow with it, and a GAN cannot learn so many columns from the rows that
fit in memory.
"""


def check_table(X: Any, budget: int, widest: int = MAX_WIDTH) -> pd.DataFrame:
    """Return ``X`` as a frame that shares its data if possible.

    Parameters
    ----------
    X : object
        Table in any container.
    budget : int
        Bytes that a dense copy of a sparse matrix may take.
    widest : int, default=MAX_WIDTH
        Most columns.

    Raises
    ------
    InvalidInputError
        If the column names are not unique, the table has no rows or no columns, or it holds
        infinities.
    InvalidTypeError
        If the values cannot be used, or a polars frame is lazy or has nested columns.
    MemoryBudgetError
        If the table has too many columns, or a sparse matrix does not fit the budget.
    """
    polars.refuse_lazy(X)
    if isinstance(X, pd.DataFrame) or polars.is_polars(X):
        frame = X if isinstance(X, pd.DataFrame) else polars.to_pandas(X)
        check_column_names(frame)
        if len(frame) == 0:
            raise InvalidInputError(
                f"Found array with 0 sample(s) (shape={X.shape}) while a minimum of 1 is required."
            )
        if frame.shape[1] == 0:
            raise InvalidInputError(
                f"Found array with 0 feature(s) (shape={X.shape}) while a minimum of 1 is required."
            )
    else:
        matrix = _check_matrix(X, budget, widest)
        # Without a dtype pandas converts an object array of strings to a string dtype of its own.
        frame = pd.DataFrame(matrix, dtype=matrix.dtype)
    check_width(frame.shape[1], "X has that many columns.", len(frame), widest)
    _check_finite(frame)
    return frame


def _check_matrix(X: Any, budget: int, widest: int) -> NDArray[Any]:
    if sp.issparse(X):
        check_width(X.shape[1], "X has that many columns.", X.shape[0], widest)
        size = X.shape[0] * X.shape[1] * X.dtype.itemsize
        if size > budget:
            raise MemoryBudgetError(
                f"A dense copy of the sparse matrix needs {readable(size)}, more than "
                f"memory_budget={readable(budget)}. Reduce its columns first, for instance with "
                "sklearn.decomposition.TruncatedSVD."
            )
    try:
        checked = check_array(
            as_array(X) if isinstance(X, (list, tuple)) else X,
            accept_sparse=True,
            dtype=None,
            ensure_all_finite=False,
            estimator="GANAugmenter",
        )
    except ValueError as error:
        raise InvalidInputError(str(error)) from None
    except TypeError as error:
        raise InvalidTypeError(str(error)) from None
    dense = checked.toarray() if sp.issparse(checked) else checked
    # pandas has no strings of fixed width.
    return dense.astype(object) if dense.dtype.kind in "US" else dense


def check_column_names(frame: pd.DataFrame) -> None:
    """Raise `InvalidInputError` if column names are not unique."""
    if not frame.columns.is_unique:
        repeated = frame.columns[frame.columns.duplicated()].unique().tolist()
        raise InvalidInputError(
            f"Duplicate column names: {repeated}. Rename columns until all names are different."
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
        # A longer float that exceeds float64 becomes infinite here and is reported as such.
        with np.errstate(over="ignore"):
            return np.isinf(series.to_numpy(dtype=np.float64, na_value=np.nan))
    if series.dtype == object:
        floats = (float, np.floating)
        found = (isinstance(value, floats) and math.isinf(value) for value in series)
        return np.fromiter(found, bool, len(series))
    return np.zeros(1, bool)


def describe_drift(
    fitted: Sequence[tuple[Any, Any]], found: Sequence[tuple[Any, Any]], *, by_name: bool
) -> str:
    """Return a message about how columns differ from the fitted ones; empty if they do not.

    Parameters
    ----------
    fitted : sequence of (name, dtype)
        Columns seen at fit; a dtype of None is not compared.
    found : sequence of (name, dtype)
        Columns of the table to compare.
    by_name : bool
        Whether columns are compared by name; otherwise by position.
    """
    names, present = [name for name, _ in fitted], [name for name, _ in found]
    drift: list[str] = []
    if by_name:
        drift += _listed("missing", [name for name in names if name not in present])
        drift += _listed("new", [name for name in present if name not in names])
        if not drift:
            moved = [now for was, now in zip(names, present, strict=True) if was != now]
            drift += _listed("in another place", moved)
        now = dict(found)
        pairs = [(name, was, now[name]) for name, was in fitted if name in now]
    else:
        if len(names) != len(present):
            drift.append(f"{len(present)} columns instead of {len(names)}")
        # Not strict: the drift above already names another number of columns.
        pairs = [(*column, now) for column, (_, now) in zip(fitted, found, strict=False)]
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
        # Categories that are new since the fit do no harm: synthetic rows do not have them. The
        # order of the common ones must be the same.
        common = [level for level in now.categories if level in was.categories]
        same = common if now.ordered else [level for level in was.categories if level in common]
        return bool(now.ordered == was.ordered and same == was.categories.tolist())
    return was is None or bool(now == was)


def _dtype_name(dtype: Any) -> str:
    if isinstance(dtype, pd.CategoricalDtype):
        kind = "ordered category" if dtype.ordered else "category"
        return f"{kind} of {dtype.categories.tolist()}"
    return str(dtype)


def check_categorical(option: Any, frame: pd.DataFrame) -> list[bool]:
    """Return for each column whether the option ``categorical_features`` names it.

    Raises
    ------
    ConfigError
        If a name or a position does not exist, or a mask has the wrong length.
    """
    n = frame.shape[1]
    if option is None or (isinstance(option, str) and option == "auto"):
        return [False] * n
    names = [str(name) for name in frame.columns]
    if isinstance(option, str) and near(option, ["auto", *names]) == "auto":
        raise ConfigError(f"categorical_features={option!r} is not possible; did you mean 'auto'?")
    if isinstance(option, (str, int, np.integer)):
        option = [option]
    chosen = list(option)
    masks = [isinstance(item, (bool, np.bool_)) for item in chosen]
    if any(masks):
        if len(chosen) != n or not all(masks):
            # Python would take True and False for the positions 1 and 0.
            raise ConfigError(
                f"categorical_features: a mask needs True or False for each of the {n} columns, "
                f"got {len(chosen)} items."
            )
        return [bool(item) for item in chosen]
    flags = [False] * n
    for item in chosen:
        flags[_position(item, frame)] = True
    return flags


def _position(item: Any, frame: pd.DataFrame) -> int:
    if isinstance(item, (int, np.integer)):
        if -frame.shape[1] <= item < frame.shape[1]:
            return int(item) % frame.shape[1]
        raise ConfigError(
            f"categorical_features: there is no column at position {item} (an int is always a "
            f"position, never a name); X has {frame.shape[1]} columns."
        )
    names = frame.columns.tolist()
    if item in names:
        return names.index(item)
    raise ConfigError(
        f"categorical_features: there is no column {item!r}; "
        f"{did_you_mean(str(item), map(str, frame.columns))}"
    )


def check_memory(n_rows: int, n_columns: int, width: int, budget: int, what: str) -> None:
    """Raise `MemoryBudgetError` if the encoded rows and the table together exceed the budget."""
    # Four bytes for each encoded value, and about three tables at once of 8 bytes a value.
    size = n_rows * (4 * width + 3 * 8 * n_columns)
    if size > budget:
        raise MemoryBudgetError(
            f"{what} needs about {readable(size)} ({n_rows:,} rows, {n_columns:,} columns, "
            f"{width:,} after encoding), more than memory_budget={readable(budget)}. Ask for fewer "
            "rows at a time, or raise memory_budget."
        )


def check_width(width: int, reason: str, n_rows: int, limit: int = MAX_WIDTH) -> None:
    """Raise `MemoryBudgetError` if encoded rows are wider than ``limit``.

    ``reason`` is a sentence of the message that says which columns are responsible.
    """
    if width > limit:
        # Four bytes a value: the encoded rows, and about three batches of 256 rows.
        size = 4 * width * (n_rows + 3 * 256)
        raise MemoryBudgetError(
            f"The encoded table would be {width:,} wide (at most {limit:,} can be learned), "
            f"which needs about {readable(size)}. {reason} Select or project the columns first, "
            "for instance with sklearn.feature_selection.SelectKBest or sklearn.decomposition.PCA."
        )


ID_ROWS = 50
"""Fewest rows for a warning about identifiers: in a small table all values may differ by chance."""

MAX_LEVELS = 20_000
"""Most categories of a column: the arrays of one chunk of candidates then take 0.5 GB."""


def check_columns(codec: TableCodec, frame: pd.DataFrame, budget: int) -> None:
    """Warn about identifiers; raise `MemoryBudgetError` for too many categories or columns."""
    widest, most = "", 0
    for position, column in enumerate(codec.columns):
        unique = column.type.storage != "float" and _looks_like_id(frame.iloc[:, position])
        if unique and len(frame) >= ID_ROWS:
            warn(
                f"Column {column.name!r} looks like an identifier: every value is different. "
                "Synthetic identifiers mean nothing; drop the column."
            )
        if isinstance(column.codec, CategoryCodec) and column.codec.n_levels > most:
            widest, most = str(column.name), column.codec.n_levels
    # Three arrays of a chunk of 2,048 rows and all categories, at four bytes a value.
    if most > MAX_LEVELS or 4 * most * 2048 * 3 > budget:
        raise MemoryBudgetError(
            f"Column {widest!r} has {most:,} categories, which needs about "
            f"{readable(4 * most * 2048 * 3)} a step (at most {MAX_LEVELS:,} "
            "categories). Drop it if it is an identifier, or group rare categories."
        )
    detail = f"The widest category is {widest!r} with {most} levels." if most else ""
    check_width(codec.layout.width, detail, len(frame))


def _looks_like_id(series: pd.Series) -> bool:
    plain = pd.api.types.is_integer_dtype(series.dtype) or pd.api.types.is_string_dtype(series)
    return bool(plain and series.is_unique)


def check_request(codec: TableCodec, n_rows: int, wanted: Iterable[int], budget: int) -> None:
    """Raise `MemoryBudgetError` if ``n_rows`` old and the wanted new rows exceed the budget."""
    n_new = sum(wanted)
    what = f"Making {n_new:,} rows" if n_new else "This table"
    check_memory(n_rows + n_new, len(codec.columns), codec.layout.width, budget, what)
