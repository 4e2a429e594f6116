"""Features of streams, and synthetic rows between the real rows of a stream."""

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
"""Rows from which features are inferred if a stream has none.

A column that is None in all of them has no type. The library ``datasets`` reads only five.
"""


def with_features(ds: IterableDataset) -> IterableDataset:
    """Return a stream whose features are known.

    Raises
    ------
    InvalidInputError
        If it is empty, its features cannot be inferred, or it belongs to one node of several.
    """
    # datasets has no public attribute for this. A node would not count the rows of the others.
    if getattr(ds, "_distributed", None) is not None:
        raise InvalidInputError(
            "This stream is one node's share of a dataset. Augment the whole stream, then call "
            "split_dataset_by_node."
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
                f"The stream has no features, and column {name!r} is None in the first "
                f"{len(rows)} rows, so its type is unknown. Set the features with "
                "ds.cast(features)."
            )
    return ds.cast(features)


def format_of(ds: IterableDataset) -> str | None:
    """Return the format of a stream, for which datasets has no public attribute."""
    form: str | None = getattr(getattr(ds, "_formatting", None), "format_type", None)
    return form


def mark(ds: IterableDataset, column: str) -> IterableDataset:
    """Return a stream with a column of False.

    It is added to Arrow tables, so that images are not decoded and encoded again.
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
    """Return a stream of the real rows in their order, with synthetic rows between them.

    Each row occurs once. The positions of synthetic rows are random and spread evenly.
    """
    real = ds if columns.synthetic is None else mark(ds, columns.synthetic)
    if not len(synthetic):
        return real.with_format(format_of(ds))
    # Synthetic rows are made class by class; a stream should mix the classes.
    order = numpy_stream(seed, "order").permutation(len(synthetic))
    shuffled = Dataset(
        InMemoryTable(synthetic.take(order)), info=DatasetInfo(features=columns.result)
    )
    # There cannot be more shards than synthetic rows. Fewer than the stream has would reduce its
    # own number of shards, and so the number of workers that can read it.
    new = shuffled.to_iterable_dataset(num_shards=min(real.num_shards, len(synthetic)))
    total = n_rows + len(synthetic)
    both = interleave_datasets(
        [real.with_format(None), new],
        # In proportion to the numbers of rows, so that both streams end at about the same time.
        probabilities=[n_rows / total, len(synthetic) / total],
        seed=derive(seed, "interleave") % 2**32,
        info=without_sizes(ds.info),
        split=ds.split,
        stopping_strategy="all_exhausted_without_replacement",
    )
    return both.with_format(format_of(ds))
