"""Polars data frames, through narwhals: to the pandas form that is used inside, and back.

Real rows are never converted: synthetic rows get the dtypes of the frame and are appended to it.
Polars is not imported unless the user has imported it, or a saved model needs it.
"""

from __future__ import annotations

import decimal
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ganaug.errors import ArtifactError, InvalidInputError, InvalidTypeError

Mask = NDArray[np.bool_]
PolarsColumn = Any
"""A narwhals Series."""

_EXACT = decimal.Context(prec=100)
"""Arithmetic that rounds no decimal of polars, which has at most 38 digits."""


def is_polars(X: Any) -> bool:
    """Return whether ``X`` is a polars DataFrame."""
    return bool(nw.dependencies.is_polars_dataframe(X))


def is_polars_series(y: Any) -> bool:
    """Return whether ``y`` is a polars Series."""
    return bool(nw.dependencies.is_polars_series(y))


def refuse_lazy(X: Any, name: str = "X") -> None:
    """Raise `InvalidTypeError` for a polars LazyFrame, whose rows are not read yet.

    Parameters
    ----------
    X : any
    name : str, default="X"
        Name of the parameter in the message.
    """
    if nw.dependencies.is_polars_lazyframe(X):
        raise InvalidTypeError(
            f"{name} is a polars LazyFrame, whose rows are not read yet. Pass {name}.collect()."
        )


# ------------------------------------------------------------------ into pandas


def to_pandas(X: Any) -> pd.DataFrame:
    """Return a polars frame as pandas; columns with nulls get nullable dtypes.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For columns that cannot be synthesised; the message names the column.
    """
    frame = nw.from_native(X, eager_only=True)
    columns = {column.name: _read(column) for column in frame.iter_columns()}
    return pd.DataFrame(columns, index=pd.RangeIndex(len(frame)))


def labels_to_pandas(y: Any) -> Any:
    """Return a polars target as pandas, anything else as it is.

    Raises
    ------
    InvalidTypeError
        For dtypes that cannot be labels, and for a LazyFrame.
    """
    refuse_lazy(y, "y")
    if not (is_polars(y) or is_polars_series(y)):
        return y
    single = is_polars_series(y)
    columns = [nw.from_native(y, series_only=True)] if single else _columns(y)
    for column in columns:
        if type(column.dtype) not in _LABELS:
            raise InvalidTypeError(
                f"Input y holds {column.dtype} labels. Convert them to strings or integers, for "
                "instance with cast(pl.String)."
            )
    return _read(columns[0]) if single else to_pandas(y)


def _columns(X: Any) -> list[PolarsColumn]:
    return list(nw.from_native(X, eager_only=True).iter_columns())


def _read(column: PolarsColumn) -> pd.Series:
    """Return a column as pandas, by the reader of its dtype."""
    kind = type(column.dtype)
    if kind not in _READERS:
        if column.null_count() == len(column):  # for instance of polars' dtype Null
            return pd.Series([None] * len(column), dtype=object, name=column.name)
        raise InvalidTypeError(
            f"Column {column.name!r} has the polars dtype {column.to_native().dtype}, which cannot "
            "be synthesised. Drop it, or convert it to numbers, strings, dates or categories."
        )
    return pd.Series(_READERS[kind](column), name=column.name)


def _filled(column: PolarsColumn, blank: Any) -> tuple[NDArray[Any], Mask]:
    """Return the values, with ``blank`` in place of nulls, and which are null."""
    missing = np.array(column.is_null().to_numpy(), dtype=bool)
    filled = column.fill_null(blank) if missing.any() else column
    return np.array(filled.to_numpy()), missing


def _integers(column: PolarsColumn) -> Any:
    values, missing = _filled(column, 0)
    return pd.arrays.IntegerArray(values, missing) if missing.any() else values


def _floats(column: PolarsColumn) -> Any:
    values, missing = _filled(column, 0.0)
    # Inside there is one kind of missing value. The dtype records which kind is returned: null, or
    # NaN if the column has no nulls.
    return pd.arrays.FloatingArray(values, missing | np.isnan(values)) if missing.any() else values


def _booleans(column: PolarsColumn) -> Any:
    values, missing = _filled(column, False)
    return pd.arrays.BooleanArray(values, missing) if missing.any() else values


def _strings(column: PolarsColumn) -> Any:
    return np.array(column.cast(nw.String).to_list(), dtype=object)


def _enum(column: PolarsColumn) -> Any:
    levels = list(column.dtype.categories)
    return pd.Categorical(_strings(column), categories=levels, ordered=True)


def _dates(column: PolarsColumn) -> Any:
    days, missing = _filled(column.cast(nw.Int32), 0)
    stamps = days.astype("M8[D]").astype("M8[s]")
    stamps[missing] = np.datetime64("NaT")
    return stamps


def _instants(column: PolarsColumn) -> Any:
    stamps = _counts(column, "M")
    zone = column.dtype.time_zone
    if zone is None:
        return stamps
    return pd.Series(stamps).dt.tz_localize("UTC").dt.tz_convert(zone)


def _durations(column: PolarsColumn) -> Any:
    return _counts(column, "m")


def _counts(column: PolarsColumn, letter: str) -> NDArray[Any]:
    """Return instants (``letter`` "M") or durations ("m") in the unit of the column."""
    values, missing = _filled(column.cast(nw.Int64), 0)
    # numpy has the same integers as polars: counts of the unit, since 1970 for instants.
    stamps = values.view(f"{letter}8[{column.dtype.time_unit}]")
    stamps[missing] = np.array("NaT", stamps.dtype)
    return stamps


def _times(column: PolarsColumn) -> Any:
    """Return times of the day as integers: nanoseconds since midnight."""
    return _integers(column.cast(nw.Int64))


def _decimals(column: PolarsColumn) -> Any:
    """Return decimals as integers, in units of their last digit."""
    scale = column.to_native().dtype.scale
    missing = np.array(column.is_null().to_numpy(), dtype=bool)
    try:
        whole = [int(_EXACT.scaleb(value or 0, scale)) for value in column.to_list()]
        values = np.array(whole, dtype=np.int64)
    except OverflowError:
        raise InvalidInputError(
            f"Column {column.name!r} holds decimals of more than 18 digits. Cast it to Float64."
        ) from None
    return pd.arrays.IntegerArray(values, missing) if missing.any() else values


_INTEGERS = (
    nw.Int8, nw.Int16, nw.Int32, nw.Int64, nw.UInt8, nw.UInt16, nw.UInt32, nw.UInt64,
)  # fmt: skip
_READERS: dict[Any, Callable[[PolarsColumn], Any]] = {
    **dict.fromkeys(_INTEGERS, _integers),
    nw.Float32: _floats,
    nw.Float64: _floats,
    nw.Boolean: _booleans,
    nw.String: _strings,
    nw.Categorical: _strings,
    nw.Enum: _enum,
    nw.Date: _dates,
    nw.Datetime: _instants,
    nw.Duration: _durations,
    nw.Time: _times,
    nw.Decimal: _decimals,
}
_LABELS = {*_INTEGERS, nw.Float32, nw.Float64, nw.Boolean, nw.String, nw.Categorical, nw.Enum}


# ------------------------------------------------------------------ back to polars


def from_pandas(new: pd.DataFrame, like: Any) -> Any:
    """Return new rows with the columns and dtypes of the polars frame ``like``, by position."""
    template = nw.from_native(like, eager_only=True)
    written = [
        _write(new.iloc[:, i], column, template.implementation)
        for i, column in enumerate(template.iter_columns())
    ]
    if not written:
        return like.clear()
    return nw.concat([one.to_frame() for one in written], how="horizontal").to_native()


def labels_like(labels: NDArray[Any], y: Any, one_hot: bool) -> Any:
    """Return new labels (column numbers if one-hot) as a polars Series or frame like ``y``."""
    if one_hot:
        return from_pandas(pd.DataFrame(np.eye(y.shape[1])[labels.astype(np.int64)]), y)
    if is_polars(y):
        return labels_like(labels, y.to_series(), False).to_frame()
    column = nw.from_native(y, series_only=True)
    made = nw.new_series(column.name, labels.tolist(), backend=column.implementation)
    return made.to_native().cast(y.dtype)


def append_frame(X: Any, new: Any) -> Any:
    """Return the rows of one polars frame followed by those of another of the same schema."""
    frames = [nw.from_native(part, eager_only=True) for part in (X, new)]
    return nw.concat(frames, how="vertical").to_native()


def append_series(y: Any, new: Any) -> Any:
    """Return a polars Series followed by another of the same dtype."""
    return append_frame(y.to_frame(), new.to_frame()).to_series()


def replace_rows(X: Any, rows: Mask, new: Any) -> Any:
    """Return a copy of ``X`` in which the marked rows are replaced by those of ``new``."""
    order = np.arange(len(X))
    order[rows] = len(X) + np.arange(rows.sum())
    return append_frame(X, new)[order.tolist()]


def _write(series: pd.Series, like: PolarsColumn, backend: Any) -> PolarsColumn:
    """Return a pandas column with the dtype of the polars column ``like``."""
    kind = type(like.dtype)
    # In a float column without nulls, NaN is a value and must not become null.
    nan_is_value = isinstance(series.dtype, np.dtype) and series.dtype.kind == "f"
    missing = np.zeros(len(series), bool) if nan_is_value else series.isna().to_numpy(dtype=bool)
    array = _WRITERS.get(kind, _objects)(series, like)
    values: Any = array
    if missing.any() or array.dtype == object:
        pairs = zip(array.tolist(), missing.tolist(), strict=True)
        values = [None if is_missing else value for value, is_missing in pairs]
    made = nw.new_series(like.name, values, backend=backend)
    # Cast by polars: dtypes of narwhals lack some parameters, such as those of Decimal.
    return nw.from_native(made.to_native().cast(like.to_native().dtype), series_only=True)


def _objects(series: pd.Series, _: PolarsColumn) -> NDArray[Any]:
    return series.astype(object).to_numpy()


def _numbers(series: pd.Series, _: PolarsColumn) -> NDArray[Any]:
    if isinstance(series.dtype, np.dtype):
        return series.to_numpy()
    dtype: Any = series.dtype
    return series.to_numpy(dtype=dtype.numpy_dtype, na_value=0)  # a null replaces the 0 later


def _days(series: pd.Series, _: PolarsColumn) -> NDArray[Any]:
    """Return dates as days since 1970; clipped, because polars stores them in 32 bits."""
    return series.to_numpy().astype("M8[D]").astype(np.int64).clip(-(2**31), 2**31 - 1)


def _stamps(series: pd.Series, like: PolarsColumn) -> NDArray[Any]:
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        series = series.dt.tz_convert("UTC").dt.tz_localize(None)
    raw = series.to_numpy()
    return raw.astype(f"{raw.dtype.char}8[{like.dtype.time_unit}]").view(np.int64)


def _points(series: pd.Series, like: PolarsColumn) -> NDArray[Any]:
    """Return integers in units of the last digit as decimals."""
    scale = like.to_native().dtype.scale
    values = _numbers(series, like).tolist()
    points = [_EXACT.scaleb(decimal.Decimal(value), -scale) for value in values]
    return np.array(points, dtype=object)


_WRITERS: dict[Any, Callable[[pd.Series, PolarsColumn], NDArray[Any]]] = {
    **dict.fromkeys((*_INTEGERS, nw.Float32, nw.Float64, nw.Boolean, nw.Time), _numbers),
    nw.Date: _days,
    nw.Datetime: _stamps,
    nw.Duration: _stamps,
    nw.Decimal: _points,
}


# ------------------------------------------------------------------ schemas


def schema_of(X: Any) -> list[tuple[str, Any]]:
    """Return names and dtypes for a comparison with those at fit.

    An Enum becomes the categorical dtype of pandas, since additional categories are allowed.
    """
    return [(column.name, _comparable(column)) for column in _columns(X)]


def _comparable(column: PolarsColumn) -> Any:
    if isinstance(column.dtype, nw.Enum):
        return pd.CategoricalDtype(list(column.dtype.categories), ordered=True)
    return column.to_native().dtype


def schema_to_list(X: Any) -> list[list[Any]]:
    """Return names, dtypes and parameters of dtypes as plain values, for a model file."""
    return [[name, *_described(dtype)] for name, dtype in X.schema.items()]


def _described(dtype: Any) -> tuple[str, dict[str, Any]]:
    """Return the name of a polars dtype, and its parameters as plain values."""
    kind = dtype.base_type().__name__
    values = {name: getattr(dtype, name) for name in _PARAMETERS.get(kind, ())}
    if kind == "Enum":
        values["categories"] = dtype.categories.to_list()
    if kind == "Categorical" and not dtype.categories.is_global():
        categories = dtype.categories
        values["categories"] = [
            categories.name(), categories.namespace(), str(categories.physical())
        ]  # fmt: skip
    return kind, values


_PARAMETERS = {
    "Datetime": ("time_unit", "time_zone"),
    "Duration": ("time_unit",),
    "Decimal": ("precision", "scale"),
}
_KINDS = {kind.__name__ for kind in _READERS} | {"Null"}


def empty_from_list(schema: Sequence[Sequence[Any]]) -> Any:
    """Return an empty polars frame with the schema from :func:`schema_to_list`.

    Raises
    ------
    ArtifactError
        If polars is missing, or a dtype is unknown.
    """
    try:
        import polars as pl
    except ModuleNotFoundError:
        raise ArtifactError(
            "The model was fitted on polars, which is missing: pip install 'ganaug[polars]'"
        ) from None
    kinds: Mapping[str, Any] = {name: getattr(pl, name) for name in _KINDS}
    unknown = [kind for _, kind, _ in schema if kind not in kinds]
    if unknown:
        raise ArtifactError(f"The saved schema has an unknown dtype: {unknown[0]!r}.")
    for _, kind, values in schema:
        if kind == "Categorical" and values:
            name, namespace, physical = values["categories"]
            values["categories"] = pl.Categories(name, namespace, kinds[physical])
    return pl.DataFrame(schema={name: kinds[kind](**values) for name, kind, values in schema})
