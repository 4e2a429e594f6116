"""One pandas column as plain numbers or category codes, and back to its exact dtype.

Everything a column can hold is one of two things: a *number* (``int64`` or ``float64`` values with
a mask of missing ones; dates, durations and periods are counts of their unit) or a *category*
(codes into a list of levels, -1 for missing).
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


@dataclass(frozen=True)
class ColumnType:
    """The dtype of a column and how ganaug treats it.

    Parameters
    ----------
    kind : {"number", "category"}
    dtype : pandas or numpy dtype
        What comes back.
    storage : str
        How numbers are stored in the column: ``int``, ``uint64``, ``float``, ``datetime``,
        ``timedelta``, ``period``, ``objects``; for categories ``levels``.
    unit : str
        Resolution of dates and durations, else empty.
    blank : {"nan", "None", "NA"}
        What a missing value of an object column is.
    """

    kind: Kind
    dtype: Any
    storage: str
    unit: str = ""
    blank: str = "nan"


def column_type(series: pd.Series, name: Any, categorical: bool) -> ColumnType:
    """Decide how to treat a column.

    Parameters
    ----------
    series : Series
    name : object
        For messages.
    categorical : bool
        The user declared it a category.

    Raises
    ------
    InvalidTypeError
        If the values are of mixed or unsupported types.
    """
    dtype = series.dtype
    if isinstance(dtype, pd.SparseDtype):
        dense = column_type(_dense(series), name, categorical)
        return ColumnType(dense.kind, dtype, dense.storage, dense.unit)
    if categorical or isinstance(dtype, pd.CategoricalDtype) or pd.api.types.is_bool_dtype(dtype):
        return ColumnType("category", dtype, "levels", blank=_blank(series))
    if pd.api.types.is_complex_dtype(dtype):
        raise InvalidTypeError(f"Complex data not supported: column {name!r}.")
    if isinstance(dtype, pd.PeriodDtype):
        return ColumnType("number", dtype, "period")
    if pd.api.types.is_datetime64_any_dtype(dtype) or dtype.kind == "m":
        what = "timedelta" if dtype.kind == "m" else "datetime"
        return ColumnType("number", dtype, what, _unit(dtype))
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
    """Return what marks a missing value in an object column (NaN if there are several marks)."""
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
    """Return the numpy dtype in which the decimals of a column are to be counted."""
    dtype = kind.dtype.subtype if isinstance(kind.dtype, pd.SparseDtype) else kind.dtype
    if kind.storage != "float":
        return np.dtype(np.float64)
    return np.dtype(getattr(dtype, "numpy_dtype", dtype))


def to_numbers(series: pd.Series, kind: ColumnType) -> tuple[Numbers, NDArray[np.bool_]]:
    """Return the values as int64 or float64, and which are missing (their value is 0)."""
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
                f"Column {series.name!r} holds integers beyond 64 bits."
            ) from None
    return np.where(missing, 0.0, series.to_numpy(dtype=np.float64, na_value=np.nan)), missing


def _naive(series: pd.Series, kind: ColumnType) -> pd.Series:
    """Drop the time zone, keeping the instant, and any Arrow storage."""
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
    """Return the column that :func:`to_numbers` came from, for new values."""
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
    stamps = values.astype(np.int64).view(f"{_numpy_letter(kind)}8[{kind.unit}]").copy()
    stamps[missing] = np.array("NaT", stamps.dtype)
    column = pd.Series(stamps)
    if isinstance(kind.dtype, pd.DatetimeTZDtype):
        return column.dt.tz_localize("UTC").dt.tz_convert(kind.dtype.tz)
    return column.astype(kind.dtype)


def levels_of(series: pd.Series) -> list[Any]:
    """Return the levels of a category column that occur, in their declared or natural order."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        return series.cat.remove_unused_categories().cat.categories.tolist()
    try:
        unique = series.dropna().unique()
    except (TypeError, NotImplementedError) as error:
        raise InvalidTypeError(f"Column {series.name!r} cannot be a category: {error}.") from None
    present = [v.item() if isinstance(v, np.generic) else v for v in unique]
    try:
        return sorted(present)
    except TypeError:
        return present


def to_codes(series: pd.Series, levels: list[Any]) -> NDArray[np.int64]:
    """Return the position of each value in ``levels``, -1 where missing or unknown."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        position = _positions(series.cat.categories.tolist(), levels)
        return position[series.cat.codes.to_numpy()]
    # An object index compares True with True and "1" with "1", without casting to one type.
    found: Any = pd.Index(levels, dtype=object).get_indexer(pd.Index(series.astype(object)))
    return np.asarray(found, np.int64)


def from_codes(codes: NDArray[np.int64], levels: list[Any], kind: ColumnType) -> pd.Series:
    """Return the column with the level of each code, missing where it is -1."""
    dtype = kind.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        declared = _positions(levels, dtype.categories.tolist())[codes]
        return pd.Series(pd.Categorical.from_codes(declared.tolist(), dtype=dtype))
    table = np.empty(len(levels) + 1, dtype=object)
    table[:-1] = levels
    table[-1] = _BLANKS[kind.blank] if isinstance(dtype, np.dtype) else pd.NA
    return pd.Series(table[codes], dtype=object).astype(dtype)


def _positions(levels: list[Any], among: list[Any]) -> NDArray[np.int64]:
    """Return where each level stands in another list, -1 if it does not; the last is for -1."""
    where = {level: i for i, level in enumerate(among)}
    return np.array([*(where.get(level, -1) for level in levels), -1], np.int64)
