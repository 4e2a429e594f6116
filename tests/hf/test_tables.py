"""Datasets of rows come back as they went in, with rows of the rare classes added."""

from __future__ import annotations

import datetime as dt
import inspect
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("datasets", reason="Hugging Face datasets need the extra 'hf'")
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value, load_dataset

from ganaug import GANAugmenter
from ganaug.errors import ConfigError, SchemaDriftError
from ganaug.hf import augment_dataset
from tests.hf.support import LEARNED, NAMES, QUICK, TABLE, arrow, assert_starts_with, augmented

pytestmark = pytest.mark.filterwarnings("ignore::ganaug.GanaugWarning")


# ------------------------------------------------------------------ tables


def test_a_table_is_balanced_behind_its_own_rows(table, fitted):
    result = augmented(table, fitted)
    assert_starts_with(result, table)
    assert np.bincount(result["label"]).tolist() == [28, 28]
    new = result.select(range(40, len(result)))[:]
    assert set(new["kind"]) <= {"a", "b", None}
    assert set(new["group"]) <= {0, 1, 2, None}
    assert all(value is None or 2**60 <= value <= 2**60 + 120 for value in new["id"])
    assert all(value.year == 2024 for value in new["day"])
    assert set(new["note"]) == {None}


def test_without_an_augmenter_one_is_made(table):
    small = table.select_columns(["group", "label"])
    result = augment_dataset(
        small, GANAugmenter(max_steps=1), label_column="label", seed=3, synthetic_column=None
    )
    assert result.features == small.features
    assert len(result) == 56


def test_the_augmenter_is_fitted_and_otherwise_left_as_it_was(table, fitted):
    assert fitted.plan_ == {0: "anchored", 1: "anchored"}
    assert fitted.sampling_strategy == "auto"
    assert fitted.sampling_strategy_ == {1: 16}
    assert fitted.feature_names_in_.tolist() == LEARNED


def test_names_of_a_class_label_may_stand_in_the_strategy(table):
    augmenter = GANAugmenter(sampling_strategy={"rare": 20}, **QUICK)
    result = augmented(table, augmenter, feature_columns=["amount"])
    assert np.bincount(result["label"]).tolist() == [28, 20]
    with pytest.raises(ConfigError, match="'rara'; did you mean 'rare'"):
        augmented(table, GANAugmenter(sampling_strategy={"rara": 20}), feature_columns=["amount"])


def test_an_augmenter_fitted_elsewhere_on_names_knows_the_ids(table):
    frame = table.to_pandas()
    names = [NAMES[i] for i in frame.pop("label")]
    augmenter = GANAugmenter(**QUICK).fit(frame[["amount"]], names)
    result = augmented(table, augmenter)
    assert np.bincount(result["label"]).tolist() == [28, 28]


def test_an_augmenter_fitted_on_an_array_takes_columns_by_position(table):
    X = np.asarray(table["amount"])[:, None]
    augmenter = GANAugmenter(**QUICK).fit(X, list(table["label"]))
    assert len(augmented(table, augmenter, feature_columns=["amount"])) == 56
    with pytest.raises(SchemaDriftError, match="fitted on 1 columns, but the dataset has 2"):
        augmented(table, augmenter, feature_columns=["amount", "day"])


def test_a_balanced_dataset_stays_as_it_is(table):
    even = table.select(range(24, 40)).select(list(range(4)) + list(range(12, 16)))
    augmenter = GANAugmenter(**QUICK)
    assert_starts_with(augmented(even, augmenter, feature_columns=["amount"]), even)
    assert not hasattr(augmenter, "model_")


@pytest.mark.parametrize("missing", [None, -1])
def test_unlabelled_rows_are_passed_through(table, missing):
    def without(row: dict[str, Any], i: int) -> dict[str, Any]:
        return {"label": missing if i in (0, 39) else row["label"]}

    some = table.map(without, with_indices=True)
    result = augmented(some, feature_columns=["amount"])
    assert_starts_with(result, some)
    assert result["label"][0] == missing
    assert len(result) == 40 + 27 - 11


def test_minus_one_is_a_class_of_a_plain_column(table):
    signs = [-1 if i < 12 else 1 for i in range(40)]
    ds = table.select_columns(["amount"]).add_column("label", signs)
    result = augmented(ds)
    assert result["label"][40:] == [-1] * 16


def test_labels_may_be_strings_and_booleans(table):
    for kind, common, rare in (("string", "no", "yes"), ("bool", False, True)):
        values = [rare if i < 12 else common for i in range(40)]
        ds = table.select_columns(["amount"]).add_column("label", values, feature=Value(kind))
        result = augmented(ds)
        assert_starts_with(result, ds)
        assert result["label"][40:] == [rare] * 16


KINDS: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "int8": (Value("int8"), st.integers(-128, 127)),
    "int64": (Value("int64"), st.integers(-(2**63), 2**63 - 1)),
    "uint64": (Value("uint64"), st.integers(0, 2**63 - 1)),  # from_dict overflows above
    "float16": (Value("float16"), st.floats(-1000, 1000, width=16)),
    "float32": (Value("float32"), st.floats(-1e6, 1e6, width=32)),
    "float64": (Value("float64"), st.floats(-1e6, 1e6)),
    "bool": (Value("bool"), st.booleans()),
    "string": (Value("string"), st.sampled_from(["", "a", "b b", "ü"])),
    "large": (Value("large_string"), st.sampled_from("abc")),
    "class": (ClassLabel(names=list("pqrs")), st.integers(-1, 3)),
    "stamp": (
        Value("timestamp[ns]"),
        st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2030, 1, 1)),
    ),
    "zone": (
        Value("timestamp[s, tz=Europe/Berlin]"),
        st.datetimes(
            dt.datetime(1990, 1, 1), dt.datetime(2030, 1, 1), timezones=st.just(dt.UTC)
        ).map(lambda t: t.replace(microsecond=0)),
    ),
    "date32": (Value("date32"), st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1))),
    "date64": (Value("date64"), st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1))),
    "time": (Value("time64[us]"), st.times()),
    "span": (Value("duration[ms]"), st.integers(0, 10**9).map(lambda s: dt.timedelta(seconds=s))),
    "decimal": (
        Value("decimal128(9, 2)"),
        st.integers(-(10**6), 10**6).map(lambda n: Decimal(n).scaleb(-2)),
    ),
    "null": (Value("null"), st.none()),
}


@st.composite
def tables(draw: st.DrawFn) -> Dataset:
    names = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=5, unique=True))
    names = names if names != ["null"] else ["null", "bool"]
    n = draw(st.integers(6, 14))
    rows: dict[str, Any] = {}
    for name in names:
        values = KINDS[name][1]
        column = st.lists(
            values | st.none() if draw(st.booleans()) else values, min_size=n, max_size=n
        )
        rows[name] = draw(column)
    labels = [0] * (n - 2) + [1, 1]
    rows["label"] = draw(st.permutations(labels))
    features = Features({name: KINDS[name][0] for name in names}, label=ClassLabel(names=NAMES))
    return Dataset.from_dict(rows, features=features)


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(ds=tables(), shuffled=st.booleans(), shards=st.integers(1, 3))
def test_any_table_comes_back_exactly(ds, shuffled, shards):
    """Dataset, DatasetDict and stream: features, dtypes, order and values."""
    ds = ds.shuffle(seed=0) if shuffled else ds
    augmenter = GANAugmenter(**QUICK)
    result = augmented(ds, augmenter)
    assert_starts_with(result, ds)
    assert np.bincount(np.asarray(result["label"])).tolist() == [len(ds) - 2] * 2
    parts = augmented(DatasetDict(train=ds, test=ds), augmenter)
    assert arrow(parts["train"]).equals(arrow(result))
    assert parts["train"]._fingerprint == result._fingerprint
    assert parts["test"].features == result.features

    stream = augmented(ds.to_iterable_dataset(num_shards=shards), augmenter)
    assert stream.features == result.features
    rows = pd.concat([batch.to_pandas() for batch in stream.with_format("arrow").iter(3)])
    real = rows[~rows["is_synthetic"]].reset_index(drop=True)
    expected = arrow(ds).to_pandas()
    pd.testing.assert_frame_equal(real.drop(columns="is_synthetic"), expected, check_dtype=False)
    assert len(rows) == len(result)


def test_missing_floats_stay_nan_or_null():
    values = np.where(np.arange(40) % 4, np.arange(40) / 8, np.nan)
    labels = [int(i > 27) for i in range(40)]
    nan = Dataset.from_dict({"x": values, "label": labels})
    null = Dataset.from_pandas(pd.DataFrame({"x": values, "label": labels}))
    for ds, nulls in ((nan, False), (null, True)):
        column = arrow(augmented(ds))["x"][40:]
        assert pd.isna(column.to_pandas()).any()
        assert bool(column.null_count) is nulls


# ------------------------------------------------------------------ formats and what follows


FORMATS: dict[str, Any] = {
    "plain": lambda ds: ds,
    "torch": lambda ds: ds.with_format("torch", columns=["amount", "label"]),
    "some columns": lambda ds: ds.with_format("numpy", columns=["amount", "label"]),
    "and the others": lambda ds: ds.with_format(
        "numpy", columns=["amount"], output_all_columns=True, dtype=np.float64
    ),
    "pandas": lambda ds: ds.with_format("pandas"),
    "arrow": lambda ds: ds.with_format("arrow"),
}


@pytest.mark.parametrize("name", FORMATS)
def test_the_format_is_kept(name, table, fitted):
    """A dataset with a format gives its rows, old and new ones, in it."""
    ds = FORMATS[name](table)
    result = augmented(ds, fitted)
    assert_starts_with(result, ds)
    shown = ds.format["columns"]
    everything = set(shown) == set(ds.column_names)
    assert result.format == {
        **ds.format,
        "columns": [*ds.column_names, "is_synthetic"] if everything else shown,
    }
    assert type(result[:]) is type(ds[:])


def test_a_transform_on_the_fly_sees_synthetic_rows_too(table, fitted):
    def double(batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
        return {"twice": [2 * value for value in batch["amount"]]}

    result = augmented(table.with_transform(double), fitted)
    assert result.format["type"] == "custom"
    assert result[0]["twice"] == 2 * table[0]["amount"]
    assert len(result[40:]["twice"]) == 16


def test_the_fingerprint_follows_from_data_augmenter_and_seed(table, fitted, parquet):
    first = augmented(table, fitted)
    assert augmented(table, fitted)._fingerprint == first._fingerprint
    again = load_dataset("parquet", data_files=parquet, split="train")
    fresh = augmented(again, feature_columns=LEARNED)
    assert fresh._fingerprint == first._fingerprint
    others = [
        augmented(table, fitted, seed=1),
        augmented(table.select(range(39)), fitted),
        augmented(table, fitted, synthetic_column="made"),
    ]
    assert len({ds._fingerprint for ds in [first, *others]}) == 4
    assert augmented(table, fitted, seed=None)._fingerprint != first._fingerprint


def test_map_finds_its_cache_again_and_never_that_of_other_rows(table, fitted):
    calls = []

    def double(row: dict[str, Any]) -> dict[str, Any]:
        calls.append(1)
        return {"twice": 2 * row["amount"]}

    first, other = augmented(table, fitted), augmented(table, fitted, seed=1)
    twice = first.map(double, new_fingerprint=None)
    assert twice["twice"][-1] == 2 * first["amount"][-1]
    assert other.map(double)["twice"][40:] == [2 * x for x in other["amount"][40:]]
    assert twice.features["is_synthetic"] == Value("bool")
    real = twice.filter(lambda synthetic: not synthetic, input_columns="is_synthetic")
    assert len(real) == 40


def test_columns_that_the_model_does_not_take_are_removed_as_trainer_does(table, fitted):
    def forward(amount=None, group=None, label=None): ...

    result = augmented(table, fitted).with_format("torch")
    signature = list(inspect.signature(forward).parameters)
    unused = sorted(set(result.column_names) - set(signature))
    assert unused == ["day", "id", "is_synthetic", "kind", "note"]
    batch = result.remove_columns(unused)[:]
    assert set(batch) == set(signature)
    assert len(batch["label"]) == 56


def test_saved_and_loaded_it_is_the_same(table, fitted, tmp_path):
    result = augmented(table, fitted)
    result.save_to_disk(tmp_path / "disk")
    assert arrow(Dataset.load_from_disk(tmp_path / "disk")).equals(arrow(result))
    result.to_parquet(tmp_path / "file.parquet")
    again = load_dataset("parquet", data_files=str(tmp_path / "file.parquet"), split="train")
    assert again.features == result.features
    assert arrow(again).equals(arrow(result))


def test_what_is_said_of_the_dataset_stays_but_not_its_sizes(table, fitted):
    result = augmented(table, fitted)
    assert result.split == table.split == "train"
    assert result.info.dataset_name == table.info.dataset_name
    assert table.info.splits is not None
    assert result.info.splits is None
    assert table.column_names == list(TABLE)


def test_a_loaded_augmenter_makes_the_same_rows(table, images, fitted, fitted_images, tmp_path):
    for ds, augmenter, name in ((table, fitted, "table"), (images, fitted_images, "images")):
        augmenter.save_pretrained(tmp_path / name)
        again = GANAugmenter.from_pretrained(tmp_path / name)
        assert augmented(ds, again)._fingerprint == augmented(ds, augmenter)._fingerprint
