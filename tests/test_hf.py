"""``ganaug.hf``: datasets come back as they went in, with rows of the rare classes added."""

from __future__ import annotations

import base64
import datetime as dt
import inspect
import io
import json
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("datasets", reason="Hugging Face datasets need the extra 'hf'")

import datasets
from datasets import (
    Array2D,
    ClassLabel,
    Dataset,
    DatasetDict,
    Features,
    Image,
    IterableDataset,
    IterableDatasetDict,
    List,
    Value,
    load_dataset,
)
from PIL import Image as PILImage
from sklearn.datasets import load_digits

from ganaug import GANAugmenter, GanaugWarning, ImageOptions, Pix2PixAugmenter
from ganaug.errors import (
    ConfigError,
    InvalidInputError,
    InvalidTypeError,
    MemoryBudgetError,
    SchemaDriftError,
)
from ganaug.hf import augment_dataset

pytestmark = pytest.mark.filterwarnings("ignore::ganaug.GanaugWarning")

NAMES = ["common", "rare"]
QUICK: dict[str, Any] = {"max_steps": 1, "random_state": 0}


@pytest.fixture(autouse=True, scope="module")
def quiet(tmp_path_factory):
    """No progress bars, no wait of seconds after each stream, and a cache of our own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.config, "SLEEP_TIME_ON_THREADS_SHUTDOWN", 0, raising=False)
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))
        datasets.disable_progress_bars()
        yield
        datasets.enable_progress_bars()


TABLE = Features(
    id=Value("int64"),
    amount=Value("float32"),
    kind=Value("string"),
    day=Value("timestamp[us]"),
    group=ClassLabel(names=["x", "y", "z"]),
    note=Value("string"),
    label=ClassLabel(names=NAMES),
)


def table_rows(n: int = 40, rare: int = 12) -> dict[str, list[Any]]:
    random = np.random.default_rng(0)
    start = dt.datetime(2024, 1, 1)
    return {
        "id": [2**60 + 3 * i if i % 7 else None for i in range(n)],
        "amount": np.round(random.normal(size=n), 2).astype(np.float32).tolist(),
        "kind": [None if i == 3 else "ab"[i % 2] for i in range(n)],
        "day": [start + dt.timedelta(hours=13 * i) for i in range(n)],
        "group": [None if i == 5 else i % 3 for i in range(n)],
        "note": [f"note number {i}" for i in range(n)],
        "label": [int(i >= n - rare) for i in range(n)],
    }


LEARNED = ["id", "amount", "kind", "day", "group"]


@pytest.fixture(scope="module")
def parquet(tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / "table.parquet"
    Dataset.from_dict(table_rows(), features=TABLE).to_parquet(path)
    return str(path)


@pytest.fixture(scope="module")
def table(parquet) -> Dataset:
    return load_dataset("parquet", data_files=parquet, split="train")


@pytest.fixture(scope="module")
def fitted(table) -> GANAugmenter:
    augmenter = GANAugmenter(**QUICK)
    augment_dataset(table, augmenter, label_column="label", feature_columns=LEARNED)
    return augmenter


def augmented(ds: Any, augmenter: GANAugmenter | None = None, **options: Any) -> Any:
    options = {"label_column": "label", **options}
    return augment_dataset(ds, augmenter or GANAugmenter(**QUICK), **options)


def arrow(ds: Dataset) -> Any:
    return ds.with_format("arrow")[:].combine_chunks()


def assert_starts_with(result: Dataset, ds: Dataset) -> None:
    """The rows of ``ds`` come first, value by value in Arrow, then synthetic ones."""
    assert result.features == Features({**ds.features, "is_synthetic": Value("bool")})
    first = result.with_format(None).select(range(len(ds)))
    plain = ds.with_format(None)
    assert arrow(first.remove_columns("is_synthetic")).equals(arrow(plain))
    marks = np.asarray(result.with_format(None)[:]["is_synthetic"])
    assert (marks == (np.arange(len(result)) >= len(ds))).all()


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


# ------------------------------------------------------------------ dicts and streams


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


# ------------------------------------------------------------------ images


def digit_images(mode: str = "L") -> list[PILImage.Image]:
    pixels, digits = load_digits(n_class=2, return_X_y=True)
    chosen = [*np.flatnonzero(digits == 0)[:16], *np.flatnonzero(digits == 1)[:10]]
    images = [PILImage.fromarray(np.uint8(pixels[i].reshape(8, 8) * 15.9)) for i in chosen]
    if mode == "I;16":
        return [PILImage.fromarray(np.asarray(image).astype(np.uint16) * 257) for image in images]
    if mode == "P":
        return [image.convert("RGB").quantize(16) for image in images]
    return [image.convert(mode) for image in images]


def image_dataset(images: list[Any], **feature: Any) -> Dataset:
    features = Features(image=Image(**feature), label=ClassLabel(names=NAMES), file=Value("string"))
    labels = [int(i >= 16) for i in range(26)]
    names = [f"{i}.png" for i in range(26)]
    return Dataset.from_dict({"image": images, "label": labels, "file": names}, features=features)


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> Dataset:
    path = str(tmp_path_factory.mktemp("images") / "images.parquet")
    image_dataset(digit_images()).to_parquet(path)
    return load_dataset("parquet", data_files=path, split="train")


@pytest.fixture(scope="module")
def fitted_images(images) -> GANAugmenter:
    augmenter = GANAugmenter(**QUICK)
    augment_dataset(images, augmenter, label_column="label")
    return augmenter


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "RGB", "RGBA", "P", "CMYK", "YCbCr", "I;16", "I", "F"]
)
def test_images_of_any_mode_are_balanced(mode):
    ds = image_dataset(digit_images(mode))
    result = augmented(ds)
    assert_starts_with(result, ds)
    for row in result.select(range(26, 32)):
        assert row["image"].mode == ds[0]["image"].mode
        assert row["image"].size == (8, 8)
        assert row["label"] == 1
        assert row["file"] is None
        assert len(np.unique(np.asarray(row["image"]))) > 1


def test_synthetic_images_differ_and_look_like_their_class(images, fitted_images):
    result = augmented(images, fitted_images)
    pixels = np.stack([np.asarray(image, float) for image in result["image"]])
    new = pixels[26:]
    assert len(np.unique(new, axis=0)) == 6
    zero, one = pixels[:16].mean(0), pixels[16:26].mean(0)
    nearer = ((new - one) ** 2).sum((1, 2)) < ((new - zero) ** 2).sum((1, 2))
    assert nearer.all()


@pytest.mark.parametrize("form", [None, "numpy", "torch"])
def test_columns_of_a_dataset_are_images_and_labels_as_lists_are(images, form):
    ds = images.select_columns(["image", "label"]).with_format(form)
    column, labels = ds["image"], ds["label"]
    assert not isinstance(column, list)
    augmenter = GANAugmenter(**QUICK)
    X, y = augmenter.fit_resample(column, labels)
    same, _ = GANAugmenter(**QUICK).fit_resample(list(column), np.asarray(labels))
    assert len(X) == len(y) == 32
    assert type(X) is list
    assert isinstance(X[0], type(X[-1]))  # of images, one was read from a file
    for a, b in zip(X, same, strict=True):
        assert np.array_equal(np.asarray(a), np.asarray(b))
    assert len(augmenter.resample(column, labels)[0]) == 32
    replacing = GANAugmenter(mode="replace", p=1.0, **QUICK)
    assert len(replacing.fit_transform(column, labels)) == len(replacing.transform(column)) == 26


def test_columns_of_a_dataset_are_pairs(images):
    column = images["image"]
    augmenter = Pix2PixAugmenter(max_steps=2, random_state=0).fit(column, column)
    assert len(augmenter.transform(column)) == 26
    assert len(augmenter.make_pool(column, images["label"], 2)) == 52
    with pytest.raises(InvalidInputError, match="got no list"):
        augmenter.make_pool(column, "0" * 26)


def test_files_of_images_are_not_encoded_again(tmp_path, fitted_images):
    files = []
    for i, image in enumerate(digit_images()):
        files.append(str(tmp_path / f"{i}.jpg"))
        image.save(files[-1], quality=30)
    ds = image_dataset(files)
    result = augmented(ds, fitted_images).cast_column("image", Image(decode=False))
    assert [row["path"] for row in result["image"][:26]] == files
    stream = augmented(ds.to_iterable_dataset(), fitted_images)
    stream = stream.cast_column("image", Image(decode=False))
    assert [row["image"]["path"] for row in stream if not row["is_synthetic"]] == files


def test_images_that_are_not_decoded_stay_so(images, fitted_images):
    ds = images.cast_column("image", Image(decode=False))
    result = augmented(ds, fitted_images)
    assert_starts_with(result, ds)
    assert result[-1]["image"]["bytes"].startswith(b"\x89PNG")


def test_a_mode_of_the_feature_holds_for_synthetic_images(images):
    ds = images.cast_column("image", Image(mode="RGB"))
    result = augmented(ds)
    assert_starts_with(result, ds)
    assert {image.mode for image in result["image"]} == {"RGB"}


def test_images_through_map_and_transform(images, fitted_images):
    result = augmented(images, fitted_images)
    inverted = result.map(lambda row: {"image": PILImage.eval(row["image"], lambda v: 255 - v)})
    assert (np.asarray(inverted[-1]["image"]) == 255 - np.asarray(result[-1]["image"])).all()
    arrays = result.with_transform(lambda b: {"x": [np.asarray(image) for image in b["image"]]})
    assert arrays[20:32]["x"][-1].shape == (8, 8)
    assert augmented(images.with_format("torch"), fitted_images)[-1]["image"].shape == (1, 8, 8)


def test_rows_without_an_image_are_passed_through(images, fitted_images):
    ds = images.map(lambda row, i: {"image": None if i == 0 else row["image"]}, with_indices=True)
    result = augmented(ds, fitted_images)
    assert_starts_with(result, ds)
    assert len(result) == 31


def test_augmenters_fitted_on_arrays_make_images(images):
    X = np.stack([np.asarray(image) for image in images["image"]])
    augmenter = GANAugmenter(**QUICK).fit(X[:, None] / 255, list(images["label"]))
    result = augmented(images, augmenter)
    assert result[-1]["image"].mode == "L"
    with pytest.raises(
        SchemaDriftError, match="8x8 of mode 'RGB'; the augmenter was fitted on 8x8"
    ):
        augmented(images.cast_column("image", Image(mode="RGB")), augmenter)


# ------------------------------------------------------------------ refused, by name


def refused(match: str, error: type[Exception], ds: Any, **options: Any) -> None:
    augmenter = options.pop("augmenter", None)
    with pytest.raises(error, match=match):
        augmented(ds, augmenter, **options)


UNLEARNABLE = {
    "sound": (datasets.Audio(), None),
    "nested": ({"a": Value("int64")}, {"a": 1}),
    "words": (List(Value("string")), ["a", "b"]),
    "grid": (Array2D((2, 2), "float32"), [[1, 2], [3, 4]]),
    "raw": (Value("binary"), b"abc"),
}


@pytest.mark.parametrize("name", UNLEARNABLE)
def test_what_cannot_be_synthesised_is_refused_by_name_or_left_out(name, table):
    feature, value = UNLEARNABLE[name]
    features = Features({"amount": Value("float64"), name: feature, "label": Value("int64")})
    rows = {
        "amount": list(range(40)),
        name: [value] * 40,
        "label": [int(i > 27) for i in range(40)],
    }
    ds = Dataset.from_dict(rows, features=features)
    refused(rf"'{name}' is .*feature_columns=\['amount'\]", InvalidTypeError, ds)
    result = augmented(ds, feature_columns=["amount"])
    assert result.features[name] == features[name]
    plain = result.cast_column(name, datasets.Audio(decode=False)) if name == "sound" else result
    assert plain[-1][name] is None or set(plain[-1][name].values()) == {None}
    refused(
        rf"no values for the columns \['{name}'\]",
        InvalidInputError,
        ds,
        feature_columns=["amount"],
        other_columns="raise",
    )


def test_text_is_refused_and_few_categories_are_not(table):
    refused(r"'note' is text \(40 different values in 40 rows", InvalidTypeError, table)
    long = table.map(lambda row: {"note": "word " * 40})
    refused("200 characters on average", InvalidTypeError, long)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"label_column": "lable"}, InvalidInputError, "no column 'lable'; did you mean 'label'"),
        ({"feature_columns": ["amout"]}, InvalidInputError, "did you mean 'amount'"),
        ({"feature_columns": "amount"}, ConfigError, "must be a list of names"),
        ({"feature_columns": ["amount", "label"]}, ConfigError, "not the label"),
        ({"image_column": "amount"}, InvalidTypeError, r"'amount' is Value\('float32'\)"),
        ({"image_column": "amount", "feature_columns": []}, ConfigError, "learned alone"),
        ({"synthetic_column": "kind"}, InvalidInputError, "has a column 'kind' already"),
        ({"other_columns": "nul"}, ConfigError, "did you mean 'null'"),
        ({"rows_per_class": 0}, ConfigError, "rows_per_class"),
        ({"seed": -1}, ConfigError, "random_state"),
        ({"augmenter": "auto"}, InvalidTypeError, "must be a GANAugmenter"),
        ({"augmenter": GANAugmenter(mode="replace")}, ConfigError, 'mode="append"'),
    ],
)
def test_impossible_options_are_refused_with_the_way_out(options, error, match, table):
    refused(match, error, table, **options)


def test_other_objects_than_datasets_are_refused(table):
    refused("ds must be a Dataset", InvalidTypeError, table.to_pandas())


def test_labels_that_are_no_classes_are_refused(table):
    refused(
        "Unknown label type: continuous",
        InvalidInputError,
        table,
        label_column="amount",
        feature_columns=["group"],
    )
    nothing = table.map(lambda row: {"label": None})
    refused("no row has a label", InvalidInputError, nothing, feature_columns=["amount"])
    listed = table.map(lambda row: {"many": [1, 2]})
    refused("'many' is List", InvalidTypeError, listed, label_column="many")


def test_a_class_of_one_row_is_refused_before_training(table):
    one = table.select(range(29))
    refused("Class 1 has one row", InvalidInputError, one, feature_columns=["amount"])


def test_a_fitted_augmenter_that_learned_something_else(table, images, fitted, fitted_images):
    refused("no column of images", SchemaDriftError, table, augmenter=fitted_images)
    refused(
        "name their column",
        SchemaDriftError,
        images,
        augmenter=fitted_images,
        feature_columns=["file"],
    )
    refused(
        r"lacks: \['amount'\]", SchemaDriftError, table.remove_columns("amount"), augmenter=fitted
    )
    refused("fitted on a table", SchemaDriftError, images, augmenter=fitted, image_column="image")
    wrong = table.remove_columns("amount").add_column("amount", list(range(40)))
    wrong = wrong.cast_column("kind", Value("string")).rename_columns(
        {"kind": "day", "day": "kind"}
    )
    refused("makes .* values for the column", SchemaDriftError, wrong, augmenter=fitted)
    other = table.map(lambda row: {"label": 1 - row["label"]}).cast_column("label", Value("string"))
    refused(
        "There is no class '0' of type str; there is 0", InvalidInputError, other, augmenter=fitted
    )


def test_images_that_are_not_alike_are_refused_by_row(images):
    def swap(image: PILImage.Image) -> Dataset:
        return image_dataset([*images["image"][:7], image, *images["image"][8:]])

    refused(
        "row 7 of column 'image' has mode 'RGB', but that in row 0 has mode 'L'.*cast_column",
        InvalidInputError,
        swap(PILImage.new("RGB", (8, 8))),
    )
    refused(
        "row 7 of column 'image' is 9x8, but that in row 0 is 8x8.*resize",
        InvalidInputError,
        swap(PILImage.new("L", (8, 9))),
    )
    lab = image_dataset([image.convert("RGB").convert("LAB") for image in images["image"]])
    refused("'LAB', which cannot be learned", InvalidInputError, lab)
    sized = swap(PILImage.new("L", (8, 9)))
    options = ImageOptions(resize=8)
    assert len(augmented(sized, GANAugmenter(image_options=options, **QUICK))) == 32


def test_images_beyond_the_budget_are_refused_before_they_are_decoded(images):
    augmenter = GANAugmenter(memory_budget="10KB", **QUICK)
    refused(
        r"The images to learn \(rows_per_class\) need about",
        MemoryBudgetError,
        images,
        augmenter=augmenter,
    )
    few = GANAugmenter(memory_budget="20KB", **QUICK)
    assert len(augmented(images, few, rows_per_class=10)) == 32


def test_a_loaded_augmenter_makes_the_same_rows(table, images, fitted, fitted_images, tmp_path):
    for ds, augmenter, name in ((table, fitted, "table"), (images, fitted_images, "images")):
        augmenter.save_pretrained(tmp_path / name)
        again = GANAugmenter.from_pretrained(tmp_path / name)
        assert augmented(ds, again)._fingerprint == augmented(ds, augmenter)._fingerprint


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


def test_an_image_that_cannot_be_read_is_named(images, tmp_path):
    file = io.BytesIO()
    PILImage.new("L", (64, 64)).save(file, "PNG")
    broken = {"bytes": file.getvalue()[:60], "path": "scan.png"}
    ds = image_dataset([*images["image"][:7], broken, *images["image"][8:]])
    refused(r"row 7 of column 'image' \(scan.png\) cannot be read", InvalidInputError, ds)


def test_two_columns_of_images_must_be_told_apart(images):
    ds = images.add_column(
        "mask", images.cast_column("image", Image(decode=False))["image"][:], feature=Image()
    )
    refused("'image', 'mask': name the one", InvalidInputError, ds)


def test_warnings_of_the_augmenter_point_at_the_caller(table):
    small = table.select([*range(20), 30, 31])
    with pytest.warns(GanaugWarning, match="Class 1 has only 2 rows") as caught:
        augment_dataset(
            small, GANAugmenter(**QUICK), label_column="label", feature_columns=["amount"]
        )
    assert caught[0].filename == __file__


# ------------------------------------------------------------------ the Hub


class FakeHub:
    """A Hub behind the HTTP transport: it keeps the files of commits in memory."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.large: dict[str, bytes] = {}

    def answer(self, request: Any) -> dict[str, Any]:
        path, body = request.url.path, request.read()
        if request.method == "PUT":
            self.large[path.rpartition("/")[2]] = body
            return {}
        if path.endswith("/info/lfs/objects/batch"):
            objects = [
                {**wanted, "actions": {"upload": {"href": f"https://storage/{wanted['oid']}"}}}
                for wanted in json.loads(body)["objects"]
            ]
            return {"transfer": "basic", "objects": objects}
        if "/preupload/" in path:
            names = [file["path"] for file in json.loads(body)["files"]]
            modes = {name: "lfs" if name.endswith(".parquet") else "regular" for name in names}
            files = [{"path": n, "uploadMode": m, "shouldIgnore": False} for n, m in modes.items()]
            return {"files": files}
        if "/commit/" in path:
            self.commit([json.loads(line) for line in body.splitlines()])
        url = "https://huggingface.co/datasets/me/digits"
        return {
            **{"id": "me/digits", "sha": "0" * 40, "siblings": [], "private": False, "tags": []},
            **{"url": url, "commitUrl": f"{url}/commit/{0:040}", "commitOid": f"{0:040}"},
        }

    def commit(self, lines: list[dict[str, Any]]) -> None:
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                self.files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                self.files[value["path"]] = self.large[value["oid"]]


@pytest.fixture
def hub(monkeypatch):
    huggingface_hub = pytest.importorskip("huggingface_hub", minversion="2.0")
    httpx = pytest.importorskip("httpx2")
    fake = FakeHub()

    def respond(request: Any) -> Any:
        if "/tree/" in request.url.path:  # nothing was pushed before
            return httpx.Response(404, headers={"X-Error-Code": "EntryNotFound"})
        return httpx.Response(200, json=fake.answer(request))

    def client() -> Any:
        return httpx.Client(transport=httpx.MockTransport(respond))

    # Its own protocol for large files bypasses HTTP clients; the other one does the same.
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    huggingface_hub.set_client_factory(client)
    yield fake
    huggingface_hub.set_client_factory(huggingface_hub.utils._http.default_client_factory)


def test_pushed_to_the_hub_it_arrives_as_it_is(images, fitted_images, hub, tmp_path):
    splits = DatasetDict(train=images, test=images.select(range(5)))
    result = augmented(splits, fitted_images)
    result.push_to_hub("me/digits", token="hf_fake")
    pushed = {name: data for name, data in hub.files.items() if name.endswith(".parquet")}
    assert len(pushed) == 2
    for split in ("train", "test"):
        (data,) = (data for name, data in pushed.items() if split in name)
        (tmp_path / f"{split}.parquet").write_bytes(data)
    files = {split: str(tmp_path / f"{split}.parquet") for split in ("train", "test")}
    again = load_dataset("parquet", data_files=files)
    for split in result:
        assert again[split].features == result[split].features
        assert arrow(again[split]).equals(arrow(result[split]))
    card = hub.files["README.md"].decode()
    assert "num_examples: 32" in card
    assert "is_synthetic" in card


def test_a_mark_that_another_split_has_taken_is_refused_before_training(table):
    parts = DatasetDict(train=table, test=table.add_column("is_synthetic", [False] * len(table)))
    with pytest.raises(ConfigError, match=r"split 'test' has a column"):
        augmented(parts, GANAugmenter(max_steps=10**6))


def test_a_column_of_a_stream_that_begins_empty_needs_features():
    def rows():
        for i in range(1200):
            yield {"a": float(i % 7), "late": "x" if i > 1100 else None, "label": int(i % 9 == 0)}

    ds = IterableDataset.from_generator(rows)
    with pytest.raises(InvalidInputError, match=r"'late' is None in the first 1000 rows"):
        augmented(ds, GANAugmenter(max_steps=1), feature_columns=["a"])
