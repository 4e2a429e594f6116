"""Streams: their features, and synthetic rows between those that come from afar."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from datasets import (
    Dataset,
    DatasetInfo,
    Features,
    IterableDataset,
    Value,
    interleave_datasets,
)
from datasets.table import InMemoryTable

from ganaug.errors import InvalidInputError
from ganaug.hf._append import without_sizes
from ganaug.hf._features import Columns
from ganaug.runtime.rng import derive, numpy_stream

PEEK = 1000
"""Rows from which the features of a stream are inferred that does not state them."""


def with_features(ds: IterableDataset) -> IterableDataset:
    """Return a stream that knows its features.

    Raises
    ------
    InvalidInputError
        If it is empty, or belongs to one node of several.
    """
    # Nothing public says so, and the rows that other nodes see would be counted nowhere.
    if getattr(ds, "_distributed", None) is not None:
        raise InvalidInputError(
            "This stream is one node's share: augment the whole one, then split_dataset_by_node."
        )
    if ds.features is not None:
        return ds
    rows = list(ds.take(PEEK))
    if not rows:
        raise InvalidInputError("The stream has no rows.")
    features = Dataset.from_list(rows).features
    for name, feature in features.items():
        if feature == Value("null"):
            raise InvalidInputError(
                f"The stream does not say its features, and column {name!r} is None in the first "
                f"{len(rows)} rows: state them, by ds.cast(features)."
            )
    return ds.cast(features)


def format_of(ds: IterableDataset) -> str | None:
    """Return the format of a stream, which nothing public tells."""
    form: str | None = getattr(getattr(ds, "_formatting", None), "format_type", None)
    return form


def mark(ds: IterableDataset, column: str) -> IterableDataset:
    """Return a stream whose rows say that they are not synthetic.

    On Arrow tables: files of images pass through as they are, not decoded and encoded again.
    """
    wider = Features({**ds.features, column: Value("bool")})
    return ds.with_format("arrow").map(
        _add_false, batched=True, features=wider, fn_kwargs={"column": column}
    )


def _add_false(batch: pa.Table, column: str) -> pa.Table:
    return batch.append_column(column, pa.array(np.zeros(len(batch), bool)))


def interleave(
    ds: IterableDataset, synthetic: pa.Table, columns: Columns, n_rows: int, seed: int
) -> IterableDataset:
    """Return a stream of the real rows in their order, and between them the synthetic ones.

    Each row comes once. Where a synthetic one comes is drawn at random, evenly over the stream.
    """
    real = ds if columns.synthetic is None else mark(ds, columns.synthetic)
    if not len(synthetic):
        return real.with_format(format_of(ds))
    order = numpy_stream(seed, "order").permutation(len(synthetic))
    shuffled = Dataset(
        InMemoryTable(synthetic.take(order)), info=DatasetInfo(features=columns.result)
    )
    # Not more shards than there are rows; and not fewer, or the stream would lose some of its own.
    new = shuffled.to_iterable_dataset(num_shards=min(real.num_shards, len(synthetic)))
    total = n_rows + len(synthetic)
    both = interleave_datasets(
        [real.with_format(None), new],
        probabilities=[n_rows / total, len(synthetic) / total],
        seed=derive(seed, "interleave") % 2**32,
        info=without_sizes(ds.info),
        split=ds.split,
        stopping_strategy="all_exhausted_without_replacement",
    )
    return both.with_format(format_of(ds))
