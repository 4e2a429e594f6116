"""Dicts and streams of datasets: the train split is augmented, and new rows are in between."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("datasets", reason="Hugging Face datasets need the extra 'hf'")
from datasets import DatasetDict, IterableDataset, IterableDatasetDict, Value, load_dataset

from ganaug import GANAugmenter
from ganaug.errors import ConfigError, InvalidInputError
from tests.hf.support import LEARNED, QUICK, assert_starts_with, augmented

pytestmark = pytest.mark.filterwarnings("ignore::ganaug.GanaugWarning")


def test_only_the_train_split_is_augmented(table, fitted):
    splits = DatasetDict(train=table, test=table.select(range(10)).with_format("numpy"))
    result = augmented(splits, fitted)
    assert isinstance(result, DatasetDict)
    assert list(result) == ["train", "test"]
    assert_starts_with(result["train"], table)
    assert_starts_with(result["test"], splits["test"])
    assert result["test"].format["type"] == "numpy"
    assert len(result["test"]) == 10
    named = augmented(DatasetDict(fold=table, test=table), fitted, split="fold")
    assert (len(named["fold"]), len(named["test"])) == (56, 40)
    with pytest.raises(ConfigError, match=r"split='trian'.*did you mean 'train'"):
        augmented(splits, fitted, split="trian")


@pytest.fixture
def stream(table, tmp_path):
    for i in range(4):
        table.shard(4, i).to_parquet(tmp_path / f"{i}.parquet")
    files = {"train": str(tmp_path / "*.parquet")}
    return load_dataset("parquet", data_files=files, split="train", streaming=True)


def test_a_stream_has_synthetic_rows_in_between(stream, fitted):
    result = augmented(stream, fitted)
    assert isinstance(result, IterableDataset)
    assert (result.num_shards, result.split) == (stream.num_shards, stream.split)
    rows = list(result)
    marks = [row.pop("is_synthetic") for row in rows]
    assert [row for row, mark in zip(rows, marks, strict=True) if not mark] == list(stream)
    assert sum(row["label"] for row in rows) == 28
    assert 2 < np.flatnonzero(marks).mean() - np.flatnonzero(marks)[0] < 50
    assert sum(marks[:28]) > 3
    assert list(result) == list(augmented(stream, fitted))
    assert list(result) != list(augmented(stream, fitted, seed=1))


def test_a_stream_gives_the_rows_that_the_dataset_gives(stream, table):
    options: dict[str, Any] = {"feature_columns": LEARNED}
    one, other = augmented(stream, **options), augmented(table, **options)
    made = [str(row) for row in one if row["is_synthetic"]]
    assert sorted(made) == sorted(str(row) for row in other if row["is_synthetic"])


def test_each_worker_of_a_loader_gets_its_share(stream, fitted):
    from torch.utils.data import DataLoader

    result = augmented(stream, fitted).select_columns(["amount", "is_synthetic"])
    loader = DataLoader(result, batch_size=None, num_workers=2)
    seen = [(row["amount"], row["is_synthetic"]) for row in loader]
    assert sorted(seen) == sorted((row["amount"], row["is_synthetic"]) for row in result)


def test_an_interrupted_stream_is_resumed(stream, fitted):
    result = augmented(stream, fitted)
    rows = iter(result)
    for _ in range(20):
        next(rows)
    state = result.state_dict()
    rest = list(rows)
    result.load_state_dict(state)
    assert list(result) == rest


@pytest.mark.parametrize("form", [None, "numpy", "torch", "arrow"])
def test_a_stream_keeps_its_format(form, stream):
    ds = stream.with_format(form)
    ds = ds.select_columns(["amount", "label"])
    first, last = next(iter(ds)), next(iter(augmented(ds)))
    assert type(first) is type(last)
    assert type(first["amount"]) is type(last["amount"])


def test_of_a_stream_a_sample_of_each_class_is_learned(stream):
    seen: list[int] = []

    class Counting(GANAugmenter):
        def fit(self, X: Any, y: Any) -> Any:
            seen.append(len(X))
            return super().fit(X, y)

    result = augmented(stream, Counting(**QUICK), feature_columns=["amount"], rows_per_class=15)
    assert seen == [15 + 12]
    assert sum(row["label"] for row in result) == 28


def test_a_stream_without_features_gets_those_of_its_rows(fitted):
    plain = IterableDataset.from_generator(
        lambda: ({"amount": i / 4, "label": int(i > 27)} for i in range(40))
    )
    assert plain.features is None
    result = augmented(plain)
    assert result.features == {
        "amount": Value("float64"),
        "label": Value("int64"),
        "is_synthetic": Value("bool"),
    }
    assert [row["amount"] for row in result if not row["is_synthetic"]] == [
        i / 4 for i in range(40)
    ]


def test_a_dict_of_streams(stream, fitted):
    """Of a dict of streams the train split is augmented, the others get the column."""
    result = augmented(IterableDatasetDict(train=stream, test=stream), fitted)
    assert isinstance(result, IterableDatasetDict)
    assert result["train"].features == result["test"].features
    test = list(result["test"])
    assert {row.pop("is_synthetic") for row in test} == {False}
    assert test == list(stream)


def test_a_stream_is_augmented_before_it_is_split_by_node(stream, fitted):
    from datasets.distributed import split_dataset_by_node

    with pytest.raises(InvalidInputError, match="one node's share"):
        augmented(split_dataset_by_node(stream, rank=0, world_size=2), fitted)
    nodes = [split_dataset_by_node(augmented(stream, fitted), rank=r, world_size=2) for r in (0, 1)]
    assert sum(len(list(node)) for node in nodes) == 56


def test_a_stream_of_images_and_no_column_of_marks(images, fitted_images):
    stream = images.to_iterable_dataset(num_shards=2)
    result = augmented(stream, fitted_images, synthetic_column=None)
    assert result.features == images.features
    rows = list(result)
    real = [row for row in rows if row["file"] is not None]
    assert [row["file"] for row in real] == images["file"][:]
    assert len(rows) == 32
    assert rows[0]["image"].mode == "L"
    gathered = augmented(stream, rows_per_class=10)
    assert sum(row["label"] for row in gathered) == 16


def test_a_column_of_a_stream_that_begins_empty_needs_features():
    def rows():
        for i in range(1200):
            yield {"a": float(i % 7), "late": "x" if i > 1100 else None, "label": int(i % 9 == 0)}

    ds = IterableDataset.from_generator(rows)
    with pytest.raises(InvalidInputError, match=r"'late' is None in the first 1000 rows"):
        augmented(ds, GANAugmenter(max_steps=1), feature_columns=["a"])
