"""Codec of tables: from columns to the encoded rows that networks learn, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ganaug.nets.layout import Layout, Segment, SegmentKind
from ganaug.runtime.rng import numpy_stream
from ganaug.tables.columns import CategoryCodec, NumberCodec
from ganaug.tables.dtypes import (
    ColumnType,
    column_type,
    float_precision,
    from_codes,
    from_numbers,
    levels_of,
    to_codes,
    to_numbers,
)

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
        Layout of an encoded row: the normal scores, then the one-hot blocks, then the embeddings.
        It is never empty.
    tables : list of ndarray
        Embedding table of each ``code`` segment.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from ganaug.tables.codec import TableCodec
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
        tables = {i: _table(column) for i, column in enumerate(self.columns)}
        self.tables = [table for table in tables.values() if table is not None]
        segments: list[Segment] = []

        def place(column: int, kind: SegmentKind, width: int, levels: int = 0) -> Segment:
            start = segments[-1].stop if segments else 0
            segments.append(Segment(kind, start, width, levels, column))
            return segments[-1]

        # Segments of one kind must be adjacent, so that `Layout.span` is one slice.
        self._value = {
            i: place(i, "value", 1)
            for i, column in enumerate(self.columns)
            if isinstance(column.codec, NumberCodec) and column.codec.n_values
        }
        if not any(column.codec.n_levels for column in self.columns) and not segments:
            place(-1, "value", 1)  # In a table of constants, the networks still need an input.
        self._choice = {
            i: place(i, "choice", column.codec.n_choices, column.codec.n_choices)
            for i, column in enumerate(self.columns)
            if column.codec.n_choices
        }
        self._code = {
            i: place(i, "code", table.shape[1], table.shape[0])
            for i, table in tables.items()
            if table is not None
        }
        self.layout = Layout(tuple(segments))

    @classmethod
    def fit(cls, frame: pd.DataFrame, categorical: Sequence[bool], seed: int) -> TableCodec:
        """Learn a codec for each column.

        Parameters
        ----------
        frame : DataFrame
        categorical : sequence of bool
            Whether each column holds categories, whatever its dtype.
        seed : int
            Seed of the embedding tables.
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

    @property
    def may_be_missing(self) -> list[Segment]:
        """One-hot segments whose last category is "missing"."""
        return [choice for i, choice in self._choice.items() if self.columns[i].codec.has_missing]

    def encode(self, frame: pd.DataFrame, rng: np.random.Generator) -> Encoded:
        """Return encoded rows of shape (n, layout.width); ``rng`` spreads tied numbers."""
        out = np.zeros((len(frame), self.layout.width), np.float32)
        rows = np.arange(len(frame))
        for i, column in enumerate(self.columns):
            series, codec = frame.iloc[:, i], column.codec
            if isinstance(codec, NumberCodec):
                score, choices = codec.encode(*to_numbers(series, column.type), rng)
                if i in self._value:
                    out[:, self._value[i].start] = score
            else:
                codes = to_codes(series, codec.levels)
                choices = codec.choose(codes)
                if code := self._code.get(i):
                    out[:, code.start : code.stop] = codec.embed(codes, rng)
            if choice := self._choice.get(i):
                out[rows, choice.start + choices] = 1.0
        return out

    def decode(self, encoded: Encoded) -> pd.DataFrame:
        """Return encoded rows as a table with the original dtypes."""
        data = [self._decode_column(i, encoded) for i in range(len(self.columns))]
        frame = pd.concat(data, axis=1) if data else pd.DataFrame(index=range(len(encoded)))
        frame.columns = pd.Index(self.names)  # tuples become a MultiIndex
        return frame

    def _decode_column(self, i: int, encoded: Encoded) -> pd.Series:
        column = self.columns[i]
        choices = np.zeros(len(encoded), np.int64)
        if choice := self._choice.get(i):
            choices = encoded[:, choice.start : choice.stop].argmax(1)
        if isinstance(column.codec, CategoryCodec):
            code = self._code.get(i, Segment("code", 0, 0))  # an empty slice if one-hot
            codes = column.codec.decode(choices, encoded[:, code.start : code.stop])
            return from_codes(codes, column.codec.levels, column.type)
        score = np.zeros(len(encoded), np.float32)
        if value := self._value.get(i):
            score = encoded[:, value.start]
        return from_numbers(*column.codec.decode(score, choices), column.type)


def _table(column: Column) -> NDArray[np.float32] | None:
    return column.codec.table if isinstance(column.codec, CategoryCodec) else None


def _fit_column(
    series: pd.Series, kind: ColumnType, seed: int, index: int
) -> NumberCodec | CategoryCodec:
    if kind.kind == "number":
        return NumberCodec.fit(*to_numbers(series, kind), precision=float_precision(kind))
    levels = levels_of(series)
    codes = to_codes(series, levels)
    return CategoryCodec.fit(codes, levels, numpy_stream(seed, "table", index))
