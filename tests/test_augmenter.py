"""GANAugmenter through its public methods: strategies, containers, class sizes, modes."""

from __future__ import annotations

import inspect
import pickle
import re
import warnings
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from imblearn.over_sampling import SMOTE, RandomOverSampler
from sklearn.exceptions import NotFittedError
from sklearn.naive_bayes import GaussianNB

from ganaug import (
    AugmentedClassifier,
    Callback,
    ConfigError,
    GanaugError,
    GANAugmenter,
    GanaugWarning,
    InvalidInputError,
    NotAvailableError,
    Recipe,
    SchemaDriftError,
)
from ganaug.tables.sampling import TableModel

pytestmark = pytest.mark.filterwarnings("ignore::ganaug.GanaugWarning")


def quick(**options: Any) -> GANAugmenter:
    return GANAugmenter(**{"max_steps": 1, "random_state": 0, **options})


def numbers(counts: tuple[int, ...] = (40, 20, 10), seed: int = 0) -> tuple[Any, Any]:
    """Return shuffled rows of classes 0, 1, ... with the given counts."""
    random = np.random.default_rng(seed)
    y = random.permutation(np.repeat(np.arange(len(counts)), counts))
    return random.normal(size=(len(y), 3)) + y[:, None], y


def table(n: int = 40, rare: int = 10) -> tuple[pd.DataFrame, pd.Series]:
    """Return a frame with every kind of column that people have."""
    random = np.random.default_rng(0)
    day = pd.Timestamp("2024-03-01", tz="Europe/Vienna")
    hours = pd.to_timedelta(random.integers(0, 5000, n), unit="h")
    X = pd.DataFrame(
        {
            "float": random.normal(size=n),
            "single": random.normal(size=n).astype(np.float32),
            "int": random.integers(-5, 90, n),
            "tiny": random.integers(0, 9, n).astype(np.int8),
            "nullable": pd.array([None, *random.integers(0, 50, n - 1)], dtype="Int64"),
            "nullable_float": pd.array([None, *random.normal(size=n - 1)], dtype="Float64"),
            "bool": random.random(n) < 0.3,
            "nullable_bool": pd.array([None, *(random.random(n - 1) < 0.3)], dtype="boolean"),
            "category": pd.Categorical(random.choice(["x", "y"], n), categories=["y", "x", "z"]),
            "ordered": pd.Categorical(random.choice([1, 2], n), categories=[1, 2], ordered=True),
            "text": random.choice(["red", "green"], n),
            "string": pd.array(random.choice(["a", "b"], n), dtype="string"),
            "when": (day + hours),
            "naive": (day.tz_localize(None) + hours),
            "lasted": hours,
        }
    )
    X.loc[3, ["float", "when"]] = None
    return X, pd.Series(["rare"] * rare + ["common"] * (n - rare), name="target")


# ------------------------------------------------------------------ how many rows


STRATEGIES = [
    "auto",
    "minority",
    "not minority",
    "not majority",
    "all",
    {1: 25, 2: 30},
    {2: 10},
    lambda y: {label: int(count) + 3 for label, count in Counter(y.tolist()).items()},
]


@pytest.mark.parametrize(
    "strategy", STRATEGIES, ids=lambda s: "callable" if callable(s) else str(s)
)
@pytest.mark.parametrize("peer", [SMOTE(random_state=0), RandomOverSampler(random_state=0)])
def test_strategies_add_as_many_rows_as_imbalanced_learn(strategy: Any, peer: Any) -> None:
    X, y = numbers()
    augmenter = quick(sampling_strategy=strategy)
    _, ours = augmenter.fit_resample(X, y)
    peer = peer.set_params(sampling_strategy=strategy)
    _, theirs = peer.fit_resample(X, y)
    assert Counter(ours.tolist()) == Counter(theirs.tolist())
    assert dict(augmenter.sampling_strategy_) == dict(peer.sampling_strategy_)


@pytest.mark.parametrize("ratio", [0.5, 0.75, 1.0, 1])
def test_a_ratio_adds_as_many_rows_as_imbalanced_learn(ratio: float) -> None:
    X, y = numbers((40, 10))
    _, ours = quick(sampling_strategy=ratio).fit_resample(X, y)
    _, theirs = SMOTE(sampling_strategy=float(ratio)).fit_resample(X, y)
    assert Counter(ours.tolist()) == Counter(theirs.tolist())


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        ({2: 5}, "only adds"),
        ({7: 50}, "no class 7"),
        ({"2": 50}, "of type str"),
        ({2: 20.5}, "integer"),
        (0.5, "binary"),
        (1.5, "sampling_strategy"),
        ("minorty", "minority"),
    ],
)
def test_impossible_strategies_are_refused(strategy: Any, message: str) -> None:
    X, y = numbers()
    with pytest.raises(ConfigError, match=message):
        quick(sampling_strategy=strategy).fit(X, y)


def test_balanced_classes_come_back_as_they_are() -> None:
    X, y = numbers((12, 12))
    augmenter = quick()
    X_res, y_res = augmenter.fit_resample(X, y)
    assert np.array_equal(X_res, X)
    assert np.array_equal(y_res, y)
    assert not augmenter.synthetic_mask_.any()


# ------------------------------------------------------------------ sample and resample


def test_sample_by_class() -> None:
    X, y = numbers()
    augmenter = quick().fit(X, y)
    X_new, y_new = augmenter.sample({2: 7, 0: 3, 1: 0})
    assert X_new.shape == (10, 3)
    assert X_new.dtype == X.dtype
    assert y_new.tolist() == [2] * 7 + [0] * 3
    assert np.isfinite(X_new).all()


def test_sample_splits_an_int_as_the_strategy_would() -> None:
    X, y = numbers((40, 20, 10))
    augmenter = quick().fit(X, y)  # lacks 20 and 30
    _, y_new = augmenter.sample(50)
    assert Counter(y_new.tolist()) == {1: 20, 2: 30}
    _, y_new = augmenter.sample(10)
    assert Counter(y_new.tolist()) == {1: 4, 2: 6}


def test_sample_splits_an_int_evenly_where_nothing_lacks() -> None:
    augmenter = quick().fit(*numbers((12, 12)))
    assert Counter(augmenter.sample(20)[1].tolist()) == {0: 10, 1: 10}


def test_sample_continues_its_stream_and_a_seed_makes_it_pure() -> None:
    augmenter = quick().fit(*numbers())
    first, second = augmenter.sample({2: 5})[0], augmenter.sample({2: 5})[0]
    assert not np.array_equal(first, second)
    again = quick().fit(*numbers())
    assert np.array_equal(again.sample({2: 5})[0], first)
    pure = augmenter.sample({2: 5}, random_state=3)[0]
    assert np.array_equal(augmenter.sample({2: 5}, random_state=3)[0], pure)
    assert np.array_equal(again.sample({2: 5})[0], second), "a pure call does not move the stream"


@pytest.mark.parametrize("wanted", [0, {}, {1: 0}])
def test_sample_of_nothing_is_an_empty_table(wanted: Any) -> None:
    X, y = table()
    augmenter = quick().fit(X, y)
    if wanted == {1: 0}:
        wanted = {"rare": 0}
    X_new, y_new = augmenter.sample(wanted)
    assert len(X_new) == len(y_new) == 0
    assert X_new.dtypes.equals(X.dtypes)


@pytest.mark.parametrize("wanted", [-1, 2.5, "3", True, {9: 1}, {0: -1}, {0: 1.5}, {"0": 1}, None])
def test_sample_refuses_impossible_requests(wanted: Any) -> None:
    augmenter = quick().fit(*numbers())
    with pytest.raises((ConfigError, InvalidInputError)):
        augmenter.sample(wanted)


@pytest.mark.parametrize("call", ["sample", "resample", "save_pretrained"])
def test_an_unfitted_augmenter_says_so(call: str, tmp_path: Any) -> None:
    arguments = {"sample": (3,), "resample": numbers(), "save_pretrained": (tmp_path / "x",)}
    with pytest.raises(NotFittedError):
        getattr(quick(), call)(*arguments[call])


def test_resample_of_other_rows_counts_their_classes() -> None:
    augmenter = quick().fit(*numbers((40, 10)))
    X, y = numbers((15, 4), seed=1)
    X_res, y_res = augmenter.resample(X, y)
    assert np.array_equal(X_res[:19], X)
    assert Counter(y_res.tolist()) == {0: 15, 1: 15}
    assert augmenter.synthetic_mask_.tolist() == [False] * 19 + [True] * 11


def test_resample_refuses_classes_and_columns_it_does_not_know() -> None:
    augmenter = quick().fit(*numbers((40, 10)))
    X, y = numbers((10, 5, 5))
    with pytest.raises(InvalidInputError, match="class 2"):
        augmenter.resample(X, y)
    with pytest.raises(SchemaDriftError):
        augmenter.resample(X[y < 2][:, :2], y[y < 2])


def test_refitting_forgets_the_previous_data() -> None:
    augmenter = quick().fit(*numbers((40, 10)))
    other = quick()
    X, y = table()
    assert (
        augmenter.fit(X, y)
        .sample(4, random_state=0)[0]
        .equals(other.fit(X, y).sample(4, random_state=0)[0])
    )
    assert augmenter.plan_ == other.plan_


# ------------------------------------------------------------------ containers of X


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.int8, bool, object])
def test_arrays_come_back_as_arrays(dtype: Any) -> None:
    X, y = numbers()
    X = np.abs(X * 10).astype(int).astype(dtype) if dtype is not bool else X > 1
    augmenter = quick()
    X_res, y_res = augmenter.fit_resample(X, y)
    assert type(X_res) is np.ndarray
    assert X_res.dtype == X.dtype
    assert np.array_equal(X_res[: len(X)], X)
    assert y_res.dtype == y.dtype
    assert augmenter.sample(3)[0].dtype == X.dtype


def test_strings_in_arrays_stay_categories() -> None:
    _, y = numbers()
    X = np.array([["a", "x"], ["b", "y"]], dtype=object)[y % 2]
    X_res, _ = quick().fit_resample(X, y)
    assert X_res.dtype == object
    assert set(X_res[:, 0]) == {"a", "b"}
    assert set(X_res[:, 1]) == {"x", "y"}


def test_a_frame_keeps_its_dtypes_and_its_values_their_domain() -> None:
    X, y = table()
    X_res, y_res = quick().fit_resample(X, y)
    assert X_res.dtypes.equals(X.dtypes)
    assert list(X_res.columns) == list(X.columns)
    pd.testing.assert_frame_equal(X_res.iloc[: len(X)], X)
    new = X_res.iloc[len(X) :]
    assert len(new) == 20
    assert (y_res.iloc[len(X) :] == "rare").all()
    assert y_res.name == "target"
    assert set(new["text"]) <= {"red", "green"}
    assert set(new["category"].dropna()) <= {"x", "y"}
    for name in ("int", "tiny", "when", "naive", "lasted"):
        assert new[name].dropna().between(X[name].min(), X[name].max()).all(), name
    for name in ("int", "tiny", "bool", "text", "string", "lasted"):
        assert new[name].notna().all(), f"{name} never lacked a value"


def test_lists_come_back_as_lists() -> None:
    X, y = numbers()
    X_res, y_res = quick().fit_resample(X.tolist(), y.tolist())
    assert isinstance(X_res, list)
    assert isinstance(X_res[-1], list)
    assert X_res[: len(X)] == X.tolist()
    assert isinstance(y_res, list)
    assert Counter(y_res) == {0: 40, 1: 40, 2: 40}
    assert all(type(label) is int for label in y_res)


@pytest.mark.parametrize("outer", [list, tuple])
def test_numbers_beside_strings_in_lists_stay_numbers(outer: Any) -> None:
    rng = np.random.default_rng(0)
    rows = [[float(x), n, "ab"[n % 2]] for n, x in enumerate(rng.normal(size=40))]
    y = [0] * 30 + [1] * 10
    augmenter = quick()
    X_res, _ = augmenter.fit_resample(outer(rows), y)
    assert [type(value) for value in X_res[-1]] == [float, int, str]
    assert [list(row) for row in X_res[:40]] == rows
    assert len({row[0] for row in X_res[40:]}) > 2
    assert all(0 <= row[1] < 40 for row in X_res[40:])
    assert [type(value) for value in augmenter.sample({1: 2})[0][0]] == [float, int, str]
    again, _ = augmenter.resample(outer(rows), y)
    assert [type(value) for value in again[-1]] == [float, int, str]


@pytest.mark.parametrize("make", [sp.csr_matrix, sp.csc_matrix, sp.csr_array, sp.csc_array])
def test_sparse_comes_back_sparse(make: Any) -> None:
    X, y = numbers()
    X[X < 1] = 0
    X_res, y_res = quick().fit_resample(make(X), y)
    assert type(X_res) is type(make(X))
    assert X_res.format == make(X).format
    assert X_res.dtype == X.dtype
    assert np.array_equal(X_res.toarray()[: len(X)], X)
    assert X_res.shape == (120, 3)
    assert len(y_res) == 120
    assert (X_res.toarray()[len(X) :] == 0).any(), "zeros are an atom of the distribution"


@pytest.mark.parametrize("columns", [[0, 1, 2], ["a", 1, "b"], [("x", 1), ("x", 2), ("y", 1)]])
def test_any_unique_column_names_will_do(columns: list[Any]) -> None:
    X, y = numbers()
    names = pd.MultiIndex.from_tuples(columns) if isinstance(columns[0], tuple) else columns
    X = pd.DataFrame(X, columns=names)
    if columns[0] == "a":  # scikit-learn refuses a mixture of strings and other names
        with pytest.raises((TypeError, InvalidInputError)):
            quick().fit(X, y)
        return
    augmenter = quick()
    X_res, _ = augmenter.fit_resample(X, y)
    assert X_res.columns.equals(X.columns)
    assert augmenter.sample(2)[0].columns.equals(X.columns)


# ------------------------------------------------------------------ containers of y


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["b", "a"]),
        np.array(["b", "a"], dtype=object),
        np.array([True, False]),
        np.array([2.0, 1.0]),
        np.array([-1, 1], dtype=np.int8),
    ],
    ids=lambda labels: str(labels.dtype),
)
def test_labels_keep_their_dtype(labels: Any) -> None:
    X, y = numbers((20, 8))
    augmenter = quick()
    _, y_res = augmenter.fit_resample(X, labels[y])
    assert type(y_res) is np.ndarray
    assert y_res.dtype == labels.dtype
    assert Counter(y_res.tolist()) == dict.fromkeys(labels.tolist(), 20)
    assert augmenter.classes_.tolist() == sorted(labels.tolist())
    assert set(augmenter.plan_) == set(labels.tolist())


@pytest.mark.parametrize("dtype", ["category", "Int64", "string", "boolean", "int8", object])
def test_a_series_of_labels_stays_one(dtype: Any) -> None:
    X, codes = numbers((20, 8))
    y = pd.Series(codes, name="class")
    y = y.astype(bool).astype(dtype) if dtype == "boolean" else y.astype(dtype)
    _, y_res = quick().fit_resample(X, y)
    assert isinstance(y_res, pd.Series)
    assert y_res.dtype == y.dtype
    assert y_res.name == "class"
    assert y_res.value_counts().tolist() == [20, 20]
    pd.testing.assert_series_equal(y_res.iloc[:28], y)


def test_a_column_of_labels_stays_one() -> None:
    X, codes = numbers((20, 8))
    frame = pd.DataFrame({"class": codes})
    _, y_res = quick().fit_resample(X, frame)
    assert list(y_res.columns) == ["class"]
    assert y_res["class"].value_counts().tolist() == [20, 20]
    _, y_res = quick().fit_resample(X, codes.reshape(-1, 1))
    assert y_res.shape == (40, 1)


def test_one_hot_labels_stay_one_hot() -> None:
    X, codes = numbers((20, 8, 5))
    y = np.eye(3, dtype=int)[codes]
    _, y_res = quick().fit_resample(X, y)
    assert y_res.dtype == y.dtype
    assert y_res.sum(0).tolist() == [20, 20, 20]
    assert (y_res.sum(1) == 1).all()
    _, framed = quick().fit_resample(X, pd.DataFrame(y, columns=list("abc")))
    assert list(framed.columns) == list("abc")
    assert framed.sum().tolist() == [20, 20, 20]
    _, sparse = quick().fit_resample(X, sp.csr_matrix(y))
    assert np.array_equal(sparse.toarray(), y_res)


@pytest.mark.parametrize("fault", ["label", "column", "option", "interrupt"])
def test_a_failed_fit_leaves_nothing_of_two_fits(fault: str) -> None:
    X, y = numbers()
    augmenter = quick()
    augmenter.fit_resample(X, y)
    before = {name for name in vars(augmenter) if name.endswith("_")}
    assert {"model_", "classes_", "synthetic_mask_", "n_features_in_"} <= before
    wrong = {"label": (X[:, :2], y[:-1]), "column": (X[:, :2] * np.inf, y)}.get(fault, (X, y))
    if fault == "option":
        augmenter.set_params(device="nowhere")
    if fault == "interrupt":
        augmenter.set_params(callbacks=[Interrupt()])
    with pytest.raises((GanaugError, KeyboardInterrupt)):
        augmenter.fit(*wrong)
    assert not [name for name in vars(augmenter) if name.endswith("_")]
    with pytest.raises(NotFittedError):
        augmenter.sample(3)


class Interrupt(Callback):
    def on_train_begin(self, trainer: Any) -> None:
        raise KeyboardInterrupt


# ------------------------------------------------------------------ index


@pytest.mark.parametrize(
    ("index", "first"),
    [
        (pd.RangeIndex(28), 28),
        (pd.RangeIndex(10, 66, 2), 66),
        (pd.Index(range(27, -1, -1)), 28),
        (pd.Index([*range(27), 1000]), 1001),
        (pd.Index([f"r{i}" for i in range(28)]), "synthetic_0"),
        (pd.Index(["synthetic_0", *(f"r{i}" for i in range(27))]), "synthetic_1"),
        (pd.date_range("2024", periods=28), "synthetic_0"),
        (pd.Index(np.arange(220, 248, dtype=np.uint8)), 248),
        (pd.Index(np.arange(95, 123, dtype=np.int8)), 123),
        (pd.Index(np.arange(95, 123), dtype="Int8"), 123),
        (pd.Index(2**63 - 30 + np.arange(28)), "synthetic_0"),
    ],
    ids=[
        "range",
        "step",
        "descending",
        "gap",
        "names",
        "taken",
        "dates",
        "uint8",
        "int8",
        "Int8",
        "int64",
    ],
)
def test_synthetic_rows_are_named_after_the_originals(index: pd.Index, first: Any) -> None:
    values, codes = numbers((20, 8))
    X, y = pd.DataFrame(values, index=index), pd.Series(codes, index=index)
    X_res, y_res = quick().fit_resample(X, y)
    assert X_res.index[:28].tolist() == index.tolist()
    assert X_res.index[28] == first
    assert X_res.index.is_unique
    assert X_res.index.equals(y_res.index)


def test_an_index_of_two_levels() -> None:
    values, codes = numbers((20, 8))
    index = pd.MultiIndex.from_product([["a", "b"], range(14)], names=["site", "visit"])
    X_res, _ = quick().fit_resample(pd.DataFrame(values, index=index), codes)
    assert X_res.index[:28].equals(index)
    assert X_res.index.names == index.names
    assert X_res.index.is_unique


def test_an_index_with_a_level_of_missing_values() -> None:
    values, codes = numbers((20, 8))
    index = pd.MultiIndex.from_arrays([range(28), [np.nan] * 28])
    X_res, _ = quick().fit_resample(pd.DataFrame(values, index=index), codes)
    assert X_res.index[:28].equals(index)
    assert X_res.index.is_unique
    assert X_res.index.get_level_values(1).isna().all()


def test_no_synthetic_rows_leave_the_index_alone() -> None:
    values, codes = numbers((8, 8))
    index = pd.Index([f"r{i}" for i in range(16)])
    X_res, _ = quick().fit_resample(pd.DataFrame(values, index=index), codes)
    assert X_res.index.equals(index)


# ------------------------------------------------------------------ class sizes and plans


@pytest.mark.parametrize(
    ("count", "method"),
    [
        (2, "interpolate"),
        (3, "interpolate"),
        (9, "interpolate"),
        (10, "anchored"),
        (50, "anchored"),
        (200, "anchored"),
    ],
)
def test_every_class_size_has_an_answer(count: int, method: str) -> None:
    X, y = numbers((220, count))
    augmenter = quick()
    X_res, y_res = augmenter.fit_resample(X, y)
    assert augmenter.plan_ == {0: "anchored", 1: method}
    assert Counter(y_res.tolist()) == {0: 220, 1: 220}
    assert np.isfinite(X_res).all()
    new, real = X_res[220 + count :], X[y == 1]
    if method == "interpolate":
        assert (new >= real.min(0) - 1e-6).all()
        assert (new <= real.max(0) + 1e-6).all()


def test_the_plan_is_there_before_training(capsys) -> None:
    class Watch(Callback):
        def on_train_begin(self, trainer: Any) -> None:
            self.plan, self.said = dict(augmenter.plan_), capsys.readouterr().err

    X, y = numbers((40, 12))
    watch = Watch()
    augmenter = quick(verbose=1, callbacks=[watch])
    augmenter.fit(X, y)
    assert watch.plan == augmenter.plan_ == {0: "anchored", 1: "anchored"}
    assert "0 (40) anchored, 1 (12) anchored" in watch.said


@pytest.mark.parametrize("count", [2, 9])
def test_a_handful_of_rows_warns(count: int) -> None:
    X, y = numbers((40, count))
    with pytest.warns(GanaugWarning, match=f"Class 1 has only {count} row"):
        quick().fit(X, y)


def test_a_class_of_one_row_is_refused_before_training() -> None:
    X, y = numbers((40, 1))
    for make in (
        lambda a: a.fit_resample(X, y),
        lambda a: a.set_params(mode="replace").fit_transform(X, y),
    ):
        augmenter = quick()
        with pytest.raises(InvalidInputError, match=r"Class 1 has one row.*on_singleton"):
            make(augmenter)
        assert not hasattr(augmenter, "model_")


def test_fit_learns_beside_a_class_of_one_row_and_will_not_make_more_of_it() -> None:
    X, y = numbers((40, 12, 1))
    augmenter = quick()
    with pytest.warns(GanaugWarning, match="Class 2 has one row"):
        augmenter.fit(X, y)
    assert augmenter.plan_[2] == "duplicate"
    assert len(augmenter.sample({1: 4})[0]) == 4
    for call in (
        lambda: augmenter.sample({2: 1}),
        lambda: augmenter.sample(30),
        lambda: augmenter.resample(X, y),
    ):
        with pytest.raises(InvalidInputError, match="Class 2 has one row"):
            call()


def test_a_class_of_one_row_is_refused_before_others_are_sampled(monkeypatch: Any) -> None:
    X, y = numbers((40, 12, 1))
    augmenter = quick(sampling_strategy={1: 20}).fit(X, y)
    first = quick(sampling_strategy={1: 20}).fit(X, y).sample({0: 3})[0]
    with monkeypatch.context() as patch:
        patch.setattr(TableModel, "sample", lambda *_: pytest.fail("rows were made"))
        with pytest.raises(InvalidInputError, match="Class 2 has one row"):
            augmenter.sample({0: 5, 1: 5, 2: 5})
    assert np.array_equal(augmenter.sample({0: 3})[0], first), "the refusal used up the stream"


def test_a_class_of_one_row_that_needs_no_more_is_no_problem() -> None:
    X, y = numbers((40, 12, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error", GanaugWarning)
        _, y_res = quick(sampling_strategy={1: 20}).fit_resample(X, y)
    assert Counter(y_res.tolist()) == {0: 40, 1: 20, 2: 1}


def test_a_single_row_is_repeated_on_request() -> None:
    X, y = numbers((40, 1))
    augmenter = quick(on_singleton="duplicate")
    with pytest.warns(GanaugWarning, match=r"Class 1 has one row.*repeated") as caught:
        X_res, _ = augmenter.fit_resample(X, y)
    assert not any("on_singleton" in str(warning.message) for warning in caught)
    assert augmenter.plan_[1] == "duplicate"
    assert np.allclose(X_res[41:], X[y == 1])


@pytest.mark.parametrize("preset", ["gan", "cgan", "wgan", "wgan-gp"])
@pytest.mark.parametrize("as_name", [True, False])
def test_a_named_gan_is_always_the_gan_that_is_trained(preset: str, as_name: bool) -> None:
    X, y = numbers((120, 20, 3))
    augmenter = quick(recipe=preset if as_name else Recipe.preset(preset))
    _, y_res = augmenter.fit_resample(X, y)
    assert augmenter.plan_ == {0: "gan", 1: "gan", 2: "gan"}
    assert Counter(y_res.tolist()) == {0: 120, 1: 120, 2: 120}


def test_what_is_known_after_fit() -> None:
    X, y = table()
    augmenter = quick().fit(X, y)
    assert augmenter.n_features_in_ == X.shape[1]
    assert augmenter.feature_names_in_.tolist() == list(X.columns)
    assert augmenter.classes_.tolist() == ["common", "rare"]
    assert dict(augmenter.sampling_strategy_) == {"rare": 20}
    assert "critic_loss" in augmenter.history_.to_frame()
    assert not hasattr(quick().fit(*numbers()), "feature_names_in_")


# ------------------------------------------------------------------ modes


@pytest.mark.parametrize(
    ("mode", "hidden", "instead"),
    [
        ("append", "transform", "AugmentedClassifier"),
        ("append", "fit_transform", "fit_resample"),
        ("append", "set_output", "replace"),
        ("replace", "fit_resample", "fit_transform"),
        ("replace", "resample", "append"),
    ],
)
def test_a_mode_hides_the_other_ones_methods(mode: Any, hidden: str, instead: str) -> None:
    augmenter = quick(mode=mode)
    assert not hasattr(augmenter, hidden)
    message = f"'{hidden}' is not available with mode=\"{mode}\".*{instead}"
    with pytest.raises(AttributeError, match=message) as caught:
        getattr(augmenter, hidden)
    assert isinstance(caught.value, NotAvailableError)
    with pytest.raises(AttributeError, match=message):
        getattr(GANAugmenter, hidden)(augmenter)
    other = {"append": "replace", "replace": "append"}[mode]
    assert hasattr(augmenter.set_params(mode=other), hidden)


def test_a_gated_method_is_an_ordinary_one_to_tools() -> None:
    assert list(inspect.signature(GANAugmenter.transform).parameters) == ["self", "X"]
    assert "prediction time" in (inspect.getdoc(GANAugmenter.transform) or "")
    assert pickle.loads(pickle.dumps(GANAugmenter.transform)) is GANAugmenter.transform
    X, y = numbers((60, 30))
    method = pickle.loads(pickle.dumps(quick(mode="replace").fit(X, y).transform))
    assert method.__name__ == "transform"
    assert list(inspect.signature(method).parameters) == ["X"]
    assert np.array_equal(method(X), X)


def make_replace(p: float = 0.5) -> tuple[GANAugmenter, Any, Any, Any]:
    X, y = numbers((60, 30, 12))
    augmenter = quick(mode="replace", p=p)
    return augmenter, X, y, augmenter.fit_transform(X, y)


def test_replace_swaps_rare_rows_only() -> None:
    augmenter, X, y, X_new = make_replace()
    changed = (X_new != X).any(1)
    assert X_new.shape == X.shape
    assert X_new.dtype == X.dtype
    assert np.array_equal(changed, augmenter.synthetic_mask_)
    assert not changed[y == 0].any(), "the majority is never rare"
    assert 0 < changed[y == 1].sum() < 30
    assert 0 < changed[y == 2].sum() < 12


@pytest.mark.parametrize(("p", "share"), [(0.0, 0), (1.0, 1)])
def test_replace_with_certainty(p: float, share: int) -> None:
    augmenter, _, y, _ = make_replace(p)
    assert augmenter.synthetic_mask_[y > 0].mean() == share


def test_replace_gives_a_row_of_the_same_class() -> None:
    y = np.repeat([0, 1, 2], (40, 12, 12))
    y = np.random.default_rng(0).permutation(y)
    X = pd.DataFrame({"of": np.array(["zero", "one", "two"])[y], "n": np.arange(64.0)})
    X_new = quick(mode="replace", p=1.0, max_steps=150).fit_transform(X, y)
    own = X_new["of"] == X["of"]
    assert own[y > 0].mean() > 0.8, "synthetic rows were put in places of another class"


def test_replace_leaves_prediction_data_alone() -> None:
    augmenter, X, _, _ = make_replace()
    other, _ = numbers((9, 1), seed=5)
    assert np.array_equal(augmenter.transform(other), other)
    assert np.array_equal(augmenter.transform(X), X)
    with pytest.raises(SchemaDriftError):
        augmenter.transform(X[:, :2])


def test_replace_returns_lists_for_lists() -> None:
    X, y = numbers((60, 30, 12))
    augmenter = quick(mode="replace")
    assert isinstance(augmenter.fit_transform(X.tolist(), y), list)
    assert augmenter.transform(X.tolist()) == X.tolist()
    augmenter.set_output(transform="pandas")
    assert augmenter.transform(X.tolist()).to_numpy().tolist() == X.tolist()
    assert isinstance(augmenter.fit_transform(X.tolist(), y), pd.DataFrame)


@pytest.mark.parametrize("make", [sp.csr_matrix, sp.csc_array, np.ndarray.tolist, pd.DataFrame])
def test_replace_keeps_the_container(make: Any) -> None:
    X, y = numbers((60, 30, 12))
    given = make(X)
    X_new = quick(mode="replace").fit_transform(given, y)
    assert type(X_new) is type(given)
    plain = X_new.toarray() if sp.issparse(X_new) else np.asarray(X_new)
    assert np.array_equal(plain[y == 0], X[y == 0])
    assert plain.shape == X.shape


def test_replace_keeps_dtypes_and_index_of_a_frame() -> None:
    X, y = table()
    X.index = pd.Index([f"r{i}" for i in range(len(X))])
    before = X.copy(deep=True)
    X_new = quick(mode="replace").fit_transform(X, y)
    assert X_new.dtypes.equals(X.dtypes)
    assert X_new.index.equals(X.index)
    common = (y == "common").to_numpy()
    pd.testing.assert_frame_equal(X_new[common], X[common])
    pd.testing.assert_frame_equal(X, before)


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_set_output(container: str) -> None:
    frames = pytest.importorskip(container, reason=f"{container} is not installed")
    X, y = numbers((60, 30, 12))
    augmenter = quick(mode="replace").set_output(transform=container)
    X_new = augmenter.fit_transform(X, y)
    assert isinstance(X_new, frames.DataFrame)
    assert list(X_new.columns) == ["x0", "x1", "x2"]
    assert isinstance(augmenter.transform(X), frames.DataFrame)
    assert isinstance(augmenter.set_output(transform="default").transform(X), np.ndarray)


def test_set_output_keeps_the_index() -> None:
    X, y = numbers((60, 30, 12))
    frame = pd.DataFrame(X, index=np.arange(len(X)) * 3, columns=list("abc"))
    augmenter = quick(mode="replace").set_output(transform="pandas")
    X_new = augmenter.fit_transform(frame, y)
    assert X_new.index.equals(frame.index)
    assert list(X_new.columns) == list("abc")
    assert augmenter.get_feature_names_out().tolist() == list("abc")


# ------------------------------------------------------------------ warnings


def append(X: Any, y: Any, **options: Any) -> int:
    quick(**options).fit_resample(X, y)
    return line()


def replace(X: Any, y: Any, **options: Any) -> int:
    quick(mode="replace", **options).fit_transform(X, y)
    return line()


def learn(X: Any, y: Any, **options: Any) -> int:
    quick(**options).fit(X, y)
    return line()


def wrapped(X: Any, y: Any, **options: Any) -> int:
    AugmentedClassifier(GaussianNB(), quick(**options)).fit(X, y)
    return line()


def line() -> int:
    """Return the line before the one that asks."""
    frame: Any = inspect.currentframe()
    return frame.f_back.f_lineno - 1


@pytest.mark.parametrize("call", [append, replace, learn, wrapped])
def test_warnings_point_at_the_line_of_the_user(call: Any) -> None:
    X = pd.DataFrame({"id": range(69), "size": np.tile([0.5, 1.5, 2.5], 23)})
    with pytest.warns(GanaugWarning) as caught:
        at = call(X, np.repeat([0, 1], [60, 9]), batch_size=128)
    ours = [w for w in caught if issubclass(w.category, GanaugWarning)]
    assert all((w.filename, w.lineno) == (__file__, at) for w in ours)
    text = " ".join(str(w.message) for w in ours)
    for part in ("only 9 rows", "'id' looks like an identifier", "batch_size=128 is more"):
        assert part in text


# ------------------------------------------------------------------ messages


@pytest.mark.parametrize(
    ("options", "says", "never"),
    [
        (
            {"sampling_strategy": {9: 50}},
            "^sampling_strategy: there is no class 9; known: 0, 1",
            "",
        ),
        ({"sampling_strategy": "minorty"}, "Did you mean 'minority'", "collections.abc"),
        ({"sampling_strategy": "maybe"}, "Known: ", "'dict'.* Known:.*dict"),
        ({"categorical_features": ["q"]}, "no column 'q'; known: a, b", "auto"),
        ({"categorical_features": "atuo"}, "did you mean 'auto'", "known"),
    ],
)
def test_a_message_names_the_option_and_what_was_meant(
    options: dict[str, Any], says: str, never: str
) -> None:
    values, y = numbers((30, 12))
    X = pd.DataFrame(values[:, :2], columns=["a", "b"])
    with pytest.raises(ConfigError, match=says) as caught:
        quick(**options).fit(X, y)
    assert not never or not re.search(never, str(caught.value))


def test_one_class_is_shown_as_a_plain_value() -> None:
    with pytest.raises(InvalidInputError, match="Got 1 class instead: 0"):
        quick().fit(np.ones((5, 2)), np.zeros(5, int))


def test_a_far_fetched_option_is_not_suggested() -> None:
    with pytest.raises(ConfigError) as caught:
        GANAugmenter(on_singleton="maybe").fit(*numbers())
    assert "did you mean" not in str(caught.value).lower()
