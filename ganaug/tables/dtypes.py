"""Conversion of one pandas column to numbers or category codes, and back to its dtype.

A column holds *numbers* or *categories*. Numbers are ``int64`` or ``float64`` values with a mask of
the missing ones; dates, durations and periods are counts of their unit. Categories are positions in
a list of levels, -1 for missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ganaug.errors import InvalidInputError, InvalidTypeError

Kind = Literal["number", "category"]
Numbers = NDArray[Any]
"""int64 or float64."""

_BLANKS: dict[str, Any] = {"nan": np.nan, "None": None, "NA": pd.NA}
_SIGN_BIT = np.uint64(1 << 63)
"""Flipping this bit maps uint64 to int64 and keeps the order."""


@dataclass(frozen=True)
class ColumnType:
    """The dtype of a column, and how it is converted.

    Parameters
    ----------
    kind : {"number", "category"}
    dtype : pandas or numpy dtype
        Dtype of the column at fit, to which synthetic values are converted.
    storage : str
        How the column stores its numbers: ``int``, ``uint64``, ``float``, ``datetime``,
        ``timedelta``, ``period`` or ``objects``; ``levels`` if it holds categories.
    unit : str
        Resolution of dates and durations; kind of the numbers in a column of objects; else empty.
    blank : {"nan", "None", "NA"}
        Missing value of a column of objects.
    """

    kind: Kind
    dtype: Any
    storage: str
    unit: str = ""
    blank: str = "nan"


def column_type(series: pd.Series, name: Any, categorical: bool) -> ColumnType:
    """Return how a column is converted.

    Parameters
    ----------
    series : Series
    name : object
        Name of the column for error messages.
    categorical : bool
        Whether the user declared the column categorical.

    Raises
    ------
    InvalidTypeError
        If the values are of mixed or unsupported types.
    """
    dtype = series.dtype
    if isinstance(dtype, pd.SparseDtype):
        # Treated as the values that it holds, but returned as sparse.
        dense = column_type(_dense(series), name, categorical)
        return ColumnType(dense.kind, dtype, dense.storage, dense.unit)
    if categorical or isinstance(dtype, pd.CategoricalDtype) or pd.api.types.is_bool_dtype(dtype):
        return ColumnType("category", dtype, "levels", blank=_blank(series))
    if pd.api.types.is_complex_dtype(dtype):
        raise InvalidTypeError(f"Complex data not supported: column {name!r}.")
    if isinstance(dtype, pd.PeriodDtype):  # its kind is "O": not one of the dates below
        return ColumnType("number", dtype, "period")
    if pd.api.types.is_datetime64_any_dtype(dtype) or dtype.kind == "m":
        storage = "timedelta" if dtype.kind == "m" else "datetime"
        return ColumnType("number", dtype, storage, _unit(dtype))
    if pd.api.types.is_integer_dtype(dtype):
        wide = pd.api.types.is_unsigned_integer_dtype(dtype) and _bits(dtype) == 64
        return ColumnType("number", dtype, "uint64" if wide else "int")
    if pd.api.types.is_float_dtype(dtype):
        return ColumnType("number", dtype, "float")
    if pd.api.types.is_object_dtype(dtype) or pd.api.types.is_string_dtype(dtype):
        return _object_type(series, name)
    raise InvalidTypeError(
        f"Column {name!r} has dtype {dtype}, which cannot be synthesised. Convert it to numbers, "
        "strings, dates or a category."
    )


def _object_type(series: pd.Series, name: Any) -> ColumnType:
    """Return how a column of objects or strings is converted, from the types of its values."""
    present = series[series.notna()]
    found = pd.api.types.infer_dtype(present, skipna=True)
    if found in ("string", "boolean", "empty"):
        return ColumnType("category", series.dtype, "levels", blank=_blank(series))
    if found in ("integer", "floating", "mixed-integer-float"):
        return ColumnType("number", series.dtype, "objects", found, _blank(series))
    if found.startswith("mixed"):
        kinds = sorted({type(value).__name__ for value in present})
        raise InvalidTypeError(
            f"Column {name!r} mixes values of different types ({', '.join(kinds)}); every column "
            "of the argument must be all strings or all numbers. Convert it to one type, for "
            "instance with astype(str)."
        )
    raise InvalidTypeError(
        f"Column {name!r} holds {found} objects, which cannot be synthesised. Convert it first: "
        "dates with pandas.to_datetime, decimals with astype(float), others with astype(str)."
    )


def _dense(series: pd.Series) -> pd.Series:
    accessor: Any = series.sparse
    return accessor.to_dense()


def _array(series: pd.Series) -> Any:
    return series.array


def _blank(series: pd.Series) -> str:
    """Return the missing value of a column of objects; "nan" if it has several kinds of them."""
    if series.dtype != object:
        return "nan"
    kinds = {type(value).__name__ for value in series[series.isna()]}
    if len(kinds) != 1:
        return "nan"
    return {"NoneType": "None", "NAType": "NA"}.get(kinds.pop(), "nan")


def _bits(dtype: Any) -> int:
    return 8 * int(getattr(dtype, "itemsize", None) or dtype.numpy_dtype.itemsize)


def _unit(dtype: Any) -> str:
    if isinstance(dtype, pd.ArrowDtype):
        return str(getattr(dtype.pyarrow_dtype, "unit", "s"))
    return str(getattr(dtype, "unit", None) or np.datetime_data(dtype)[0])


def float_precision(kind: ColumnType) -> np.dtype[Any]:
    """Return the numpy dtype in which the decimals of a column are counted."""
    dtype = kind.dtype.subtype if isinstance(kind.dtype, pd.SparseDtype) else kind.dtype
    if kind.storage != "float":
        return np.dtype(np.float64)
    return np.dtype(getattr(dtype, "numpy_dtype", dtype))


def to_numbers(series: pd.Series, kind: ColumnType) -> tuple[Numbers, NDArray[np.bool_]]:
    """Return the values as int64 or float64, 0 if missing, and a mask of the missing ones.

    Raises
    ------
    InvalidInputError
        If integers need more than 64 bits.
    """
    if isinstance(series.dtype, pd.SparseDtype):
        series = _dense(series)
    missing = series.isna().to_numpy(dtype=bool)
    if kind.storage == "period":
        return np.where(missing, 0, _array(series).asi8), missing
    if kind.storage in ("datetime", "timedelta"):
        raw = _naive(series, kind).to_numpy()
        return np.where(
            missing, 0, raw.astype(f"{raw.dtype.char}8[{kind.unit}]").view("i8")
        ), missing
    if kind.storage == "uint64":
        unsigned = series.to_numpy(dtype=np.uint64, na_value=0)
        return (unsigned ^ _SIGN_BIT).view(np.int64), missing
    if kind.storage == "int" or (kind.storage, kind.unit) == ("objects", "integer"):
        filled = series.where(~missing, 0) if missing.any() else series
        try:
            return filled.to_numpy(dtype=np.int64), missing
        except OverflowError:
            raise InvalidInputError(
                f"Column {series.name!r} holds integers beyond 64 bits. Convert it, for instance "
                "with astype(float), or with astype(str) if the integers are categories."
            ) from None
    return np.where(missing, 0.0, series.to_numpy(dtype=np.float64, na_value=np.nan)), missing


def _naive(series: pd.Series, kind: ColumnType) -> pd.Series:
    """Return dates or durations without time zone (the instant is kept) and Arrow storage."""
    if isinstance(series.dtype, pd.ArrowDtype):
        if str(series.dtype).startswith("date"):
            stamp: Any = pd.api.types.pandas_dtype(f"timestamp[{kind.unit}][pyarrow]")
            series = series.astype(stamp)
        series = pd.Series(series.to_numpy(dtype=f"{_numpy_letter(kind)}8[{kind.unit}]"))
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        return series.dt.tz_convert("UTC").dt.tz_localize(None)
    return series


def _numpy_letter(kind: ColumnType) -> str:
    return "m" if kind.storage == "timedelta" else "M"


def from_numbers(values: Numbers, missing: NDArray[np.bool_], kind: ColumnType) -> pd.Series:
    """Return values and mask, in the form of :func:`to_numbers`, as a column of type ``kind``."""
    dtype = kind.dtype
    if isinstance(dtype, pd.SparseDtype):
        dense = ColumnType(kind.kind, np.dtype(dtype.subtype), kind.storage, kind.unit)
        return from_numbers(values, missing, dense).astype(dtype)
    if kind.storage == "period":
        ordinals = np.where(missing, pd.NaT.value, values)
        index: Any = pd.PeriodIndex
        return pd.Series(index.from_ordinals(ordinals, freq=dtype.freq))
    if kind.storage in ("datetime", "timedelta"):
        return _dates(values, missing, kind)
    if kind.storage == "objects":
        # As numbers of Python: objects of numpy would have other types than at fit.
        column = pd.Series(values.tolist(), dtype=object)
        return column.mask(missing, _BLANKS[kind.blank])
    if kind.storage == "float":
        column = pd.Series(np.where(missing, np.nan, values)).astype(dtype)
    elif kind.storage == "uint64":
        column = pd.Series(values.view(np.uint64) ^ _SIGN_BIT).astype(dtype)
    else:
        column = pd.Series(values).astype(dtype)
    if missing.any() and not isinstance(dtype, np.dtype):
        column[missing] = pd.NA
    return column


def _dates(values: Numbers, missing: NDArray[np.bool_], kind: ColumnType) -> pd.Series:
    # A copy, because setting NaT in a view would change the values.
    stamps = values.astype(np.int64).view(f"{_numpy_letter(kind)}8[{kind.unit}]").copy()
    stamps[missing] = np.array("NaT", stamps.dtype)
    column = pd.Series(stamps)
    if isinstance(kind.dtype, pd.DatetimeTZDtype):
        return column.dt.tz_localize("UTC").dt.tz_convert(kind.dtype.tz)
    return column.astype(kind.dtype)


def levels_of(series: pd.Series) -> list[Any]:
    """Return the levels that occur in a column of categories, in their declared or sorted order.

    Raises
    ------
    InvalidTypeError
        If the values cannot be hashed, such as lists.
    """
    if isinstance(series.dtype, pd.CategoricalDtype):
        return series.cat.remove_unused_categories().cat.categories.tolist()
    try:
        unique = series.dropna().unique()
    except (TypeError, NotImplementedError) as error:
        raise InvalidTypeError(
            f"Column {series.name!r} cannot be a category: {error}. Convert it, for instance with "
            "astype(str)."
        ) from None
    present = [v.item() if isinstance(v, np.generic) else v for v in unique]
    try:
        return sorted(present)
    except TypeError:  # values of types that have no common order stay in order of occurrence
        return present


def to_codes(series: pd.Series, levels: list[Any]) -> NDArray[np.int64]:
    """Return the position of each value in ``levels``; -1 if it is missing or unknown."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        position = _positions(series.cat.categories.tolist(), levels)
        return position[series.cat.codes.to_numpy()]
    # An index of objects compares values as they are: others would convert True to 1 or "True".
    found: Any = pd.Index(levels, dtype=object).get_indexer(pd.Index(series.astype(object)))
    return np.asarray(found, np.int64)


def from_codes(codes: NDArray[np.int64], levels: list[Any], kind: ColumnType) -> pd.Series:
    """Return the column with the level of each code; a code of -1 is a missing value."""
    dtype = kind.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        declared = _positions(levels, dtype.categories.tolist())[codes]
        return pd.Series(pd.Categorical.from_codes(declared.tolist(), dtype=dtype))
    table = np.empty(len(levels) + 1, dtype=object)
    table[:-1] = levels
    table[-1] = _BLANKS[kind.blank] if isinstance(dtype, np.dtype) else pd.NA
    return pd.Series(table[codes], dtype=object).astype(dtype)


def _positions(levels: list[Any], among: list[Any]) -> NDArray[np.int64]:
    """Return the position of each level in another list, -1 if it is not there.

    The last entry is -1, so that the code -1 (missing) also selects -1.
    """
    where = {level: i for i, level in enumerate(among)}
    return np.array([*(where.get(level, -1) for level in levels), -1], np.int64)
