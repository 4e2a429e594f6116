"""One pass over a dataset or a stream: counts the classes, and keeps rows to learn from."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from datasets import ClassLabel
from numpy.typing import NDArray

from ganaug.hf._features import Columns
from ganaug.runtime.rng import numpy_stream

BATCH = 1000
"""Rows that are read at a time."""


@dataclass(frozen=True)
class Gathered:
    """What one pass has found.

    Parameters
    ----------
    counts : Counter
        Rows of each class, unlabelled ones left out.
    n_rows : int
        All rows.
    table : pyarrow.Table
        The rows kept, in the order of the dataset.
    labels : list
        Their classes.
    positions : list of int
        Their row numbers in the dataset.
    """

    counts: Counter[Any]
    n_rows: int
    table: pa.Table
    labels: list[Any]
    positions: list[int]

    @property
    def all_labels(self) -> NDArray[Any]:
        """The class of each labelled row of the dataset, sorted."""
        classes = np.empty(len(self.counts), dtype=object)
        classes[:] = sorted(self.counts, key=lambda label: (str(type(label)), label))
        return np.repeat(classes, [self.counts[label] for label in classes])

    @property
    def first(self) -> Gathered:
        """The first row alone."""
        return replace(
            self, table=self.table.slice(0, 1), labels=self.labels[:1], positions=self.positions[:1]
        )


class Reservoir:
    """At most ``limit`` rows of each class: all of a rare one, a random sample of a common one.

    Vitter's algorithm R (https://doi.org/10.1145/3147.3165) for each class: after any number of
    rows each of them has the same chance to be among those kept.

    Parameters
    ----------
    limit : int or None
        None keeps all rows.
    seed : int
    """

    def __init__(self, limit: int | None, seed: int) -> None:
        self.limit = math.inf if limit is None else limit
        self.counts: Counter[Any] = Counter()
        self._random = numpy_stream(seed, "reservoir")

    def place(self, label: Any) -> tuple[Any, int] | None:
        """Count a row; return the place that it takes from another, or None if it is not kept."""
        seen = self.counts[label]
        self.counts[label] += 1
        if seen < self.limit:
            return label, seen
        place = int(self._random.integers(0, seen + 1))
        return (label, place) if place < self.limit else None


def gather(ds: Any, columns: Columns, wanted: list[str], limit: int | None, seed: int) -> Gathered:
    """Read a dataset or a stream once, without decoding images.

    Parameters
    ----------
    ds : Dataset or IterableDataset
    columns : Columns
    wanted : list of str
        The columns to keep, of the rows kept.
    limit : int or None
        Rows of each class to keep.
    seed : int
    """
    reservoir = Reservoir(limit, seed)
    kept: dict[tuple[Any, int], tuple[int, int, Any]] = {}
    schema = pa.schema([columns.features.arrow_schema.field(name) for name in wanted])
    parts = [schema.empty_table()]
    n_rows = n_copied = 0
    read = list(dict.fromkeys([*wanted, *_needed(columns)]))
    for batch in ds.select_columns(read).with_format("arrow").iter(BATCH):
        taken: list[int] = []
        for i, label in _labelled(batch, columns):
            place = reservoir.place(label)
            if place is not None:
                kept[place] = (n_rows + i, n_copied + len(taken), label)
                taken.append(i)
        # Rows that others take the place of later are few: each class keeps limit * log(n).
        parts.append(batch.select(wanted).take(pa.array(taken, pa.int64())).cast(schema))
        n_rows, n_copied = n_rows + len(batch), n_copied + len(taken)
    in_order = sorted(kept.values(), key=lambda row: row[0])
    return Gathered(
        reservoir.counts,
        n_rows,
        pa.concat_tables(parts).take(pa.array([i for _, i, _ in in_order], pa.int64())),
        [label for *_, label in in_order],
        [position for position, *_ in in_order],
    )


def _needed(columns: Columns) -> list[str]:
    """Return the columns that say whether a row can be learned."""
    return [columns.label] if columns.image is None else [columns.label, columns.image]


def _labelled(batch: pa.Table, columns: Columns) -> Iterator[tuple[int, Any]]:
    """Return which rows have a label, and an image if images are learned, with their labels."""
    present = pc.is_valid(batch[columns.label])
    if columns.image is not None:
        present = pc.and_(present, pc.is_valid(batch[columns.image]))
    unlabelled = -1 if isinstance(columns.features[columns.label], ClassLabel) else None
    labels = batch[columns.label].to_pylist()
    for i, (label, here) in enumerate(zip(labels, present.to_pylist(), strict=True)):
        # NaN is the one value that differs from itself.
        if here and label != unlabelled and label == label:
            yield i, label
