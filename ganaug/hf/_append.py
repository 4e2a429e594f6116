"""Datasets in memory or on disk: synthetic rows behind their own."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
from datasets import Dataset, DatasetInfo, Value, concatenate_datasets
from datasets.table import InMemoryTable

from ganaug.hf._features import Columns

SIZES = ("splits", "download_checksums", "download_size", "dataset_size", "size_in_bytes")
"""What a dataset's description says of its files, which is no longer true with more rows."""


def append(ds: Dataset, synthetic: pa.Table, columns: Columns) -> Dataset:
    """Return a dataset followed by synthetic rows, with its format.

    The fingerprint follows from that of ``ds`` and from the synthetic values, so that later steps
    find their cached results, and never those of other rows.
    """
    real = mark(ds, columns.synthetic)
    if not len(synthetic):
        return real
    info = without_sizes(ds.info)
    info.features = columns.result
    new = Dataset(
        InMemoryTable(synthetic),
        info=DatasetInfo(features=columns.result),
        split=ds.split,
        fingerprint=_hash(synthetic),
    )
    # Concatenating datasets of different formats would drop them.
    both = concatenate_datasets([real.with_format(None), new], info=info, split=ds.split)
    return _formatted(both, ds)


def without_sizes(info: DatasetInfo) -> DatasetInfo:
    """Return a copy of a description that says nothing of the number of rows."""
    same = info.copy()
    for name in SIZES:
        setattr(same, name, None)
    return same


def mark(ds: Dataset, column: str | None) -> Dataset:
    """Return a dataset whose rows say that they are not synthetic; for None the same."""
    if column is None:
        return ds
    zeros = np.zeros(len(ds), bool)
    marked = ds.with_format(None).add_column(column, zeros, feature=Value("bool"))
    return _formatted(marked, ds)


def _formatted(result: Dataset, ds: Dataset) -> Dataset:
    """Return a dataset in the format of another."""
    form = ds.format
    # Where all columns were shown, the new one is, too.
    columns = None if set(form["columns"]) == set(ds.column_names) else form["columns"]
    return result.with_format(
        form["type"], columns, form["output_all_columns"], **form["format_kwargs"]
    )


def _hash(table: pa.Table) -> str:
    file = pa.BufferOutputStream()
    with pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return hashlib.sha256(file.getvalue()).hexdigest()[:16]
