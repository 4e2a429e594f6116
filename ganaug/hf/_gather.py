"""One pass over a dataset or a stream that counts classes and keeps rows to learn from."""

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
"""Rows that are read at a time, as in ``Dataset.map``."""


@dataclass(frozen=True)
class Gathered:
    """Result of one pass over a dataset.

    Parameters
    ----------
    counts : Counter
        Number of rows of each class, without unlabelled rows.
    n_rows : int
        Number of all rows.
    table : pyarrow.Table
        Kept rows, in the order of the dataset.
    labels : list
        Classes of the kept rows.
    positions : list of int
        Row numbers of the kept rows in the dataset.
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
        """The same result with only the first of the kept rows."""
        return replace(
            self, table=self.table.slice(0, 1), labels=self.labels[:1], positions=self.positions[:1]
        )


class Reservoir:
    """Reservoir sampling: all rows of rare classes, a random sample of common ones.

    Each class follows Vitter's algorithm R (https://doi.org/10.1145/3147.3165): after any number of
    rows, each of them has the same probability of being kept.

    Parameters
    ----------
    limit : int or None
        Maximal number of rows of each class; None keeps all.
    seed : int
    """

    def __init__(self, limit: int | None, seed: int) -> None:
        self.limit = math.inf if limit is None else limit
        self.counts: Counter[Any] = Counter()
        self._random = numpy_stream(seed, "reservoir")

    def place(self, label: Any) -> tuple[Any, int] | None:
        """Count a row. Return the place in which it is kept, or None if it is not kept.

        A place is a class and a number below the limit. The row replaces any earlier one there.
        """
        n_before = self.counts[label]
        self.counts[label] += 1
        if n_before < self.limit:
            return label, n_before
        place = int(self._random.integers(0, n_before + 1))
        return (label, place) if place < self.limit else None


def gather(ds: Any, columns: Columns, wanted: list[str], limit: int | None, seed: int) -> Gathered:
    """Read a dataset or a stream once, without decoding images.

    Parameters
    ----------
    ds : Dataset or IterableDataset
    columns : Columns
    wanted : list of str
        Columns to keep.
    limit : int or None
        Maximal number of rows of each class to keep; None keeps all.
    seed : int
        Seed of the random sample of classes with more rows.
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
        # Replaced rows are dropped at the end only. They are few: of n rows, a class copies about
        # limit * (1 + log(n / limit)).
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
    """Return the columns that must have a value for a row to be learned."""
    return [columns.label] if columns.image is None else [columns.label, columns.image]


def _labelled(batch: pa.Table, columns: Columns) -> Iterator[tuple[int, Any]]:
    """Yield row number and label of each row that has a label and, for images, an image."""
    present = pc.is_valid(batch[columns.label])
    if columns.image is not None:
        present = pc.and_(present, pc.is_valid(batch[columns.image]))
    unlabelled = -1 if isinstance(columns.features[columns.label], ClassLabel) else None
    labels = batch[columns.label].to_pylist()
    for i, (label, is_present) in enumerate(zip(labels, present.to_pylist(), strict=True)):
        # NaN is the only value that differs from itself.
        if is_present and label != unlabelled and label == label:
            yield i, label
