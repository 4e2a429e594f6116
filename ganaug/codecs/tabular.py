"""Tables to encoded matrices and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ganaug.codecs.columns import CategoryCodec, NumberCodec
from ganaug.codecs.dtypes import (
    ColumnType,
    column_type,
    from_codes,
    from_numbers,
    levels_of,
    to_codes,
    to_numbers,
)
from ganaug.encoding import Layout, Segment
from ganaug.rng import numpy_stream

Encoded = NDArray[np.float32]


@dataclass(frozen=True)
class Column:
    """A column's name, dtype and codec."""

    name: Any
    type: ColumnType
    codec: NumberCodec | CategoryCodec


class TableCodec:
    """Codec of a whole table.

    Parameters
    ----------
    columns : sequence of Column

    Attributes
    ----------
    layout : Layout
        Of an encoded row: the normal scores, then the one-hot blocks, then the embeddings.
    tables : list of ndarray
        Embedding table of each ``code`` segment.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from ganaug.codecs.tabular import TableCodec
    >>> frame = pd.DataFrame({"age": [20, 30, 50], "sex": ["f", "m", "f"]})
    >>> codec = TableCodec.fit(frame, categorical=[False, False], seed=0)
    >>> encoded = codec.encode(frame, np.random.default_rng(0))
    >>> encoded.shape
    (3, 3)
    >>> codec.decode(encoded).equals(frame)
    True
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = list(columns)
        self.tables: list[NDArray[np.float32]] = []
        segments: list[Segment] = []
        self._value: dict[int, Segment] = {}
        self._category: dict[int, Segment] = {}
        start = 0
        for i, column in enumerate(self.columns):
            if isinstance(column.codec, NumberCodec) and column.codec.n_values:
                self._value[i] = Segment("value", start, 1)
                start += 1
        segments += self._value.values()
        for i, column in enumerate(self.columns):
            if column.codec.n_levels and _table(column) is None:
                levels = column.codec.n_levels
                self._category[i] = Segment("choice", start, levels, levels)
                segments.append(self._category[i])
                start += levels
        for i, column in enumerate(self.columns):
            table = _table(column)
            if table is not None:
                self._category[i] = Segment("code", start, table.shape[1], table.shape[0])
                segments.append(self._category[i])
                self.tables.append(table)
                start += table.shape[1]
        self.layout = Layout(tuple(segments))

    @classmethod
    def fit(cls, frame: pd.DataFrame, categorical: Sequence[bool], seed: int) -> TableCodec:
        """Learn a codec for each column.

        Parameters
        ----------
        frame : DataFrame
        categorical : sequence of bool
            Columns that are categories whatever their dtype.
        seed : int
            For the embedding tables.
        """
        columns = []
        for i, name in enumerate(frame.columns):
            series = frame.iloc[:, i]
            kind = column_type(series, name, categorical[i])
            columns.append(Column(name, kind, _fit_column(series, kind, seed, i)))
        return cls(columns)

    @property
    def names(self) -> list[Any]:
        """Column names."""
        return [column.name for column in self.columns]

    def encode(self, frame: pd.DataFrame, rng: np.random.Generator) -> Encoded:
        """Return the encoded rows, (n, layout.width) float32; ``rng`` spreads the ties."""
        out = np.zeros((len(frame), self.layout.width), np.float32)
        rows = np.arange(len(frame))
        for i, column in enumerate(self.columns):
            series = frame.iloc[:, i]
            if isinstance(column.codec, NumberCodec):
                score, codes = column.codec.encode(*to_numbers(series, column.type), rng)
                if i in self._value:
                    out[:, self._value[i].start] = score
            else:
                codes = column.codec.encode(to_codes(series, column.codec.levels))
            segment = self._category.get(i)
            if segment is None:
                continue
            table = _table(column)
            if table is None:
                out[rows, segment.start + codes] = 1.0
            else:
                out[:, segment.start : segment.stop] = table[codes]
        return out

    def decode(self, encoded: Encoded) -> pd.DataFrame:
        """Return the table that the encoded rows stand for, with the original dtypes."""
        data = [self._decode_column(i, encoded) for i in range(len(self.columns))]
        frame = pd.concat(data, axis=1) if data else pd.DataFrame(index=range(len(encoded)))
        frame.columns = pd.RangeIndex(len(data))
        return frame.set_axis(self.names, axis=1)

    def _decode_column(self, i: int, encoded: Encoded) -> pd.Series:
        column = self.columns[i]
        codes = self._codes(i, encoded)
        if isinstance(column.codec, CategoryCodec):
            return from_codes(column.codec.decode(codes), column.codec.levels, column.type)
        segment = self._value.get(i)
        score = np.zeros(len(encoded), np.float32)
        if segment is not None:
            score = encoded[:, segment.start]
        return from_numbers(*column.codec.decode(score, codes), column.type)

    def _codes(self, i: int, encoded: Encoded) -> NDArray[np.int64]:
        segment = self._category.get(i)
        if segment is None:
            return np.zeros(len(encoded), np.int64)
        block = encoded[:, segment.start : segment.stop]
        table = _table(self.columns[i])
        if table is not None:
            block = block @ table.T
        return block.argmax(1)


def _table(column: Column) -> NDArray[np.float32] | None:
    return column.codec.table if isinstance(column.codec, CategoryCodec) else None


def _fit_column(
    series: pd.Series, kind: ColumnType, seed: int, index: int
) -> NumberCodec | CategoryCodec:
    if kind.kind == "number":
        return NumberCodec.fit(*to_numbers(series, kind))
    levels = levels_of(series)
    codes = to_codes(series, levels)
    return CategoryCodec.fit(codes, levels, numpy_stream(seed, "table", index))
