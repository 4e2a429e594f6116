"""Append synthetic rows to datasets in memory or on disk."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
from datasets import Dataset, DatasetInfo, Value, concatenate_datasets
from datasets.table import InMemoryTable

from ganaug.hf._features import Columns

SIZES = ("splits", "download_checksums", "download_size", "dataset_size", "size_in_bytes")
"""Fields of ``DatasetInfo`` about the size of a dataset, which are wrong once rows are added."""


def append(ds: Dataset, synthetic: pa.Table, columns: Columns) -> Dataset:
    """Return a dataset followed by synthetic rows, in the format of the dataset.

    The new fingerprint depends on that of ``ds`` and on the synthetic values. A later ``map`` or
    ``filter`` therefore finds its cached result for the same rows and only for these.
    """
    real = mark(ds, columns.synthetic)
    if not len(synthetic):  # the fingerprint then depends on ``ds`` alone
        return real
    info = without_sizes(ds.info)
    info.features = columns.result
    new = Dataset(
        InMemoryTable(synthetic),
        info=DatasetInfo(features=columns.result),
        split=ds.split,
        fingerprint=_hash(synthetic),
    )
    # concatenate_datasets drops formats that differ, so the format is set afterwards.
    both = concatenate_datasets([real.with_format(None), new], info=info, split=ds.split)
    return _formatted(both, ds)


def without_sizes(info: DatasetInfo) -> DatasetInfo:
    """Return a copy of a dataset's description without its size."""
    clone = info.copy()
    for name in SIZES:
        setattr(clone, name, None)
    return clone


def mark(ds: Dataset, column: str | None) -> Dataset:
    """Return a dataset with a column of False, or the same dataset if ``column`` is None."""
    if column is None:
        return ds
    zeros = np.zeros(len(ds), bool)
    marked = ds.with_format(None).add_column(column, zeros, feature=Value("bool"))
    return _formatted(marked, ds)


def _formatted(result: Dataset, ds: Dataset) -> Dataset:
    """Return the dataset ``result`` in the format of ``ds``."""
    form = ds.format
    # If the format shows all columns, it shows the new one, too.
    columns = None if set(form["columns"]) == set(ds.column_names) else form["columns"]
    return result.with_format(
        form["type"], columns, form["output_all_columns"], **form["format_kwargs"]
    )


def _hash(table: pa.Table) -> str:
    """Return a fingerprint of 16 characters, the length of those that ``datasets`` makes."""
    file = pa.BufferOutputStream()
    with pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return hashlib.sha256(file.getvalue()).hexdigest()[:16]
