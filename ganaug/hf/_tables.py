"""Columns of a dataset as a pandas frame, and synthetic rows as columns of a dataset."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from datasets import ClassLabel, Features

from ganaug.errors import SchemaDriftError

_NULLABLE = {
    pa.int8(): pd.Int8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.uint8(): pd.UInt8Dtype(),
    pa.uint16(): pd.UInt16Dtype(),
    pa.uint32(): pd.UInt32Dtype(),
    pa.uint64(): pd.UInt64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}
"""Nullable types for columns with missing values.

pandas would convert such integers to floats, which loses the last digits of large ones.
"""


def to_frame(table: pa.Table, features: Features) -> pd.DataFrame:
    """Return Arrow columns as a frame that the augmenter can be fitted on.

    Integers with missing values stay integers. Dates, times of day and durations become counts of
    their unit, decimals become floats, and a ClassLabel becomes a category of its ids.
    """
    columns = {name: _to_series(table[name], features[name]) for name in table.column_names}
    return pd.DataFrame(columns)


def _to_series(column: pa.ChunkedArray, feature: Any) -> pd.Series:
    if isinstance(feature, ClassLabel):
        return pd.Series(pd.Categorical(_plain(column)))
    if pa.types.is_date64(column.type):
        column = column.cast(pa.date32())  # days in place of milliseconds
    return _plain(column.cast(_learned_as(column.type)))


def _plain(column: pa.ChunkedArray) -> pd.Series:
    """Return a column as a series, with a nullable type if values are missing."""
    mapper = _NULLABLE.get if column.null_count else None
    series: pd.Series = column.to_pandas(types_mapper=mapper)
    return series.reset_index(drop=True)


def _learned_as(kind: pa.DataType) -> pa.DataType:
    """Return the type in which a column is learned: a number, timestamp or string of pandas."""
    if pa.types.is_date64(kind) or pa.types.is_date32(kind) or pa.types.is_time32(kind):
        return pa.int32()
    if pa.types.is_time64(kind) or pa.types.is_duration(kind):
        return pa.int64()
    if pa.types.is_decimal(kind):
        return pa.float64()
    return pa.large_string() if str(kind) == "string_view" else kind


def to_columns(frame: pd.DataFrame, features: Features, real: pa.Table) -> dict[str, pa.Array]:
    """Return synthetic rows as Arrow columns with exactly the types of the dataset.

    Parameters
    ----------
    frame : DataFrame
    features : Features
    real : pyarrow.Table
        Those real rows that have been read.

    Raises
    ------
    SchemaDriftError
        If values of a fitted augmenter do not fit the type of a column.
    """
    arrays = {name: _to_array(frame[name], features, name) for name in frame.columns}
    for name in set(real.column_names) & set(arrays):
        arrays[name] = _nulls_as_in(arrays[name], real[name])
    return arrays


def _to_array(series: pd.Series, features: Features, name: str) -> pa.Array:
    wanted = features.arrow_schema.field(name).type
    plain = series.astype(object) if isinstance(series.dtype, pd.CategoricalDtype) else series
    try:
        array = pa.Array.from_pandas(plain, type=None if len(plain) else wanted)
        return _cast(array, wanted)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise SchemaDriftError(
            f"The augmenter makes {series.dtype} values for the column {name!r}, which has the "
            f"type {wanted} in the dataset: {error}. Fit it on data like this dataset."
        ) from None


def _cast(array: pa.Array, wanted: pa.DataType) -> pa.Array:
    """Return values in the type of the dataset."""
    if pa.types.is_date64(wanted):
        return _cast(array, pa.date32()).cast(wanted)
    if pa.types.is_decimal(wanted):
        return pc.round(array.cast(pa.float64()), ndigits=wanted.scale).cast(wanted, safe=False)
    # Dates and times were learned as integers; Arrow converts only integers of the same width.
    count_type = _learned_as(wanted)
    if count_type != wanted and pa.types.is_integer(count_type) and pa.types.is_integer(array.type):
        return array.cast(count_type).cast(wanted)
    if pa.types.is_floating(array.type) and pa.types.is_floating(wanted):
        return array.cast(wanted, safe=False)  # rounds to the nearest value of the type
    return array.cast(wanted)


def _nulls_as_in(array: pa.Array, column: pa.ChunkedArray) -> pa.Array:
    """Return floats with NaN in place of null if the real ``column`` has no null."""
    if pa.types.is_floating(array.type) and array.null_count and not column.null_count:
        return array.fill_null(np.nan)
    return array
