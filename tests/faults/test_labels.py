"""Faults 1 to 13: what can be wrong with labels and with the numbers asked for."""

from __future__ import annotations

import re
import time
import warnings
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from ganaug import ConfigError, GanaugError, GanaugWarning, InvalidInputError, MemoryBudgetError

RNG = np.random.default_rng(0)
N = 60
NUMBERS = RNG.normal(size=(N, 2))
FRAME = pd.DataFrame(NUMBERS, columns=["width", "height"])
RARE = np.repeat([0, 1], [45, 15])


@pytest.mark.parametrize(
    "y",
    [np.zeros(N, int), ["only"] * N, pd.Series(["only"] * N, dtype="category"), np.full(N, 2.0)],
    ids=["int", "list", "category", "float"],
)
def test_fault_1_one_class_is_refused(refused, y):
    label = repr(np.asarray(y)[0].item() if y[0] != "only" else "only")
    for X in (NUMBERS, FRAME):
        refused(X, y, "more than 1 class", f"Got 1 class instead: {label}")


@pytest.mark.parametrize("X", [NUMBERS, FRAME], ids=["array", "frame"])
@pytest.mark.parametrize("label", [7, "fraud"])
def test_fault_2_one_row_class_is_refused(refused, X, label):
    common = 0 if label == 7 else "fine"
    y = np.array([common] * (N - 1) + [label], dtype=object)
    refused(X, y, f"Class {label!r}", "one row", 'on_singleton="duplicate"')


@pytest.mark.parametrize("recipe", ["auto", "cgan", "gan"])
def test_fault_2_one_row_class_is_duplicated_on_request(quick, recipe):
    y = pd.Series(["a"] * 40 + ["b"] * 19 + ["c"])
    with pytest.warns(GanaugWarning, match=r"'c'.*(1|one) row"):
        augmenter = quick(on_singleton="duplicate", recipe=recipe).fit(FRAME, y)
    assert augmenter.plan_["c"] == "duplicate"
    X_res, y_res = augmenter.resample(FRAME, y)
    assert Counter(y_res) == {"a": 40, "b": 40, "c": 40}
    copies = X_res[y_res == "c"]
    np.testing.assert_allclose(copies, np.tile(FRAME.iloc[-1], (40, 1)), rtol=1e-5, atol=1e-5)


def test_fault_2_singleton_that_needs_nothing_is_no_fault(quick):
    y = np.array([0] * 40 + [1] * 19 + [2])
    with warnings.catch_warnings():
        warnings.simplefilter("error", GanaugWarning)
        _, y_res = quick(sampling_strategy={1: 30}).fit_resample(FRAME, y)
    assert Counter(y_res.tolist()) == {0: 40, 1: 30, 2: 1}


def test_fault_2_singleton_is_refused_when_sampled_later(quick):
    y = np.array([0] * 40 + [1] * 19 + [2])
    augmenter = quick(sampling_strategy={1: 30}).fit(FRAME, y)
    with pytest.raises(InvalidInputError, match=r"Class 2.*on_singleton"):
        augmenter.sample({2: 5})


@pytest.mark.parametrize("count", [2, 3, 5, 9])
@pytest.mark.parametrize("recipe", ["auto", "cgan"])
def test_fault_3_small_class_is_sampled_with_a_warning(quick, count, recipe):
    y = np.repeat([0, 1], [N - count, count])
    with pytest.warns(GanaugWarning, match=rf"Class 1 has only {count} row"):
        X_res, y_res = quick(recipe=recipe).fit_resample(FRAME, y)
    assert Counter(y_res.tolist()) == {0: N - count, 1: N - count}
    assert np.isfinite(X_res.to_numpy()).all()


def test_fault_3_ten_rows_give_no_warning(quick):
    y = np.repeat([0, 1], [N - 10, 10])
    with warnings.catch_warnings():
        warnings.simplefilter("error", GanaugWarning)
        quick().fit_resample(FRAME, y)


@pytest.mark.parametrize("ratio", [0.29, np.float64(0.29), np.float32(0.29)])
def test_fault_4_a_ratio_is_taken_as_it_is_written(quick, ratio):
    X = RNG.normal(size=(110, 2))
    y = np.repeat([0, 1], [100, 10])
    augmenter = quick(sampling_strategy=ratio)
    _, y_res = augmenter.fit_resample(X, y)
    assert Counter(y_res.tolist()) == {0: 100, 1: 29}
    assert augmenter.sampling_strategy_ == {1: 19}


@pytest.mark.filterwarnings("ignore::ganaug.GanaugWarning")
def test_fault_4_every_percentage_is_exact(quick):
    y = np.repeat([0, 1], [100, 1])
    X = RNG.normal(size=(101, 1))
    for percent in (1, 7, 14, 28, 29, 55, 56, 57, 58, 100):
        augmenter = quick(sampling_strategy=percent / 100, on_singleton="duplicate")
        assert augmenter.fit(X, y).sampling_strategy_ == {1: percent - 1}


def test_fault_4_a_ratio_that_is_reached_already_adds_nothing(quick):
    X, y = RNG.normal(size=(129, 2)), np.repeat([0, 1], [100, 29])
    _, y_res = quick(sampling_strategy=0.29).fit_resample(X, y)
    assert len(y_res) == 129


@pytest.mark.parametrize("target", [14, 0])
def test_fault_5_a_target_below_the_count_is_refused(refused, target):
    refused(FRAME, RARE, f"{target} rows of class 1", "15", sampling_strategy={1: target})
    refused(
        NUMBERS, RARE, f"{target} rows of class 1", "15", sampling_strategy=lambda y: {1: target}
    )


def test_fault_5_a_ratio_below_the_present_one_is_refused(refused):
    refused(FRAME, RARE, "class 1", "increase the ratio", sampling_strategy=0.2)


@pytest.mark.parametrize("target", [20.5, "20", None, True, -1])
def test_fault_5_a_target_that_is_no_count_is_refused(refused, target):
    assert isinstance(refused(FRAME, RARE, "class 1", sampling_strategy={1: target}), ConfigError)


def test_fault_6_unknown_class_is_refused_with_the_nearest(refused, quick):
    words = np.where(RARE == 1, "fraud", "fine")
    refused(FRAME, words, "'fraude'", "did you mean 'fraud'?", sampling_strategy={"fraude": 50})
    refused(FRAME, RARE, "'1' of type str", "1 of type int", sampling_strategy={"1": 50})
    refused(FRAME, RARE, "class 3", sampling_strategy={3: 50})
    refused(FRAME, RARE, "class 3", sampling_strategy=lambda y: {3: 50})
    augmenter = quick().fit(FRAME, words)
    with pytest.raises(InvalidInputError, match="did you mean 'fraud'"):
        augmenter.sample({"fraude": 5})
    with pytest.raises(InvalidInputError, match="There is no class 'theft'"):
        augmenter.resample(FRAME, np.where(RARE == 1, "theft", "fine"))


@pytest.mark.parametrize(
    "y",
    [
        np.where(np.arange(N) == 7, None, RARE.astype(object)),
        np.where(np.arange(N) == 7, np.nan, RARE.astype(float)),
        pd.Series(RARE, dtype="Int64").where(np.arange(N) != 7),
        pd.Series(np.where(RARE, "a", "b")).where(np.arange(N) != 7),
        pd.Series(np.where(RARE, "a", "b"), dtype="category").where(np.arange(N) != 7),
        pd.Series(np.where(RARE, "a", "b"), dtype="string").where(np.arange(N) != 7),
        [None if i == 7 else int(v) for i, v in enumerate(RARE)],
    ],
    ids=["object", "nan", "Int64", "str", "category", "string", "list"],
)
def test_fault_7_missing_label_is_refused(refused, y):
    for X in (NUMBERS, FRAME):
        refused(X, y, "Input y contains NaN", "row 7")


def test_fault_7_no_labels_are_refused(refused):
    refused(FRAME, None, "requires y to be passed")


@pytest.mark.parametrize(
    "y",
    [
        RNG.normal(size=N),
        RNG.normal(size=N).tolist(),
        pd.Series(RNG.normal(size=N), dtype="Float64"),
        RNG.integers(0, 3, (N, 2)) + 1,
        pd.DataFrame(RNG.integers(0, 3, (N, 2)) + 1),
        np.where(RNG.random((N, 3)) < 0.7, 1, 0),
        sp.csr_matrix(np.ones((N, 3), int)),
        np.full(N, 1j),
        np.where(RARE, np.inf, 0.0),
        np.zeros((N, 2, 2)),
        [[0]] * (N - 1) + [[0, 1]],
        pd.Series(pd.date_range("2020", periods=2)).repeat(30),
        np.array([b"a", b"b"] * 30),
        np.array(["a", 1] * 30, dtype=object),
    ],
    ids=[
        "continuous", "continuous-list", "Float64", "multi-output", "multi-output-frame",
        "multilabel", "sparse-multilabel", "complex", "infinite", "3d", "ragged", "dates", "bytes",
        "mixed",
    ],
)  # fmt: skip
def test_fault_8_targets_that_are_no_classes_are_refused(refused, y):
    refused(FRAME, y)
    refused(NUMBERS, y)


@pytest.mark.parametrize(
    "make",
    [
        lambda one_hot: one_hot,
        lambda one_hot: one_hot.astype(float),
        lambda one_hot: one_hot.astype(bool),
        lambda one_hot: one_hot.tolist(),
        lambda one_hot: pd.DataFrame(one_hot, columns=["fine", "fraud", "error"]),
        lambda one_hot: pd.DataFrame(one_hot, index=range(5, 5 + N)).astype("boolean"),
        lambda one_hot: sp.csr_matrix(one_hot),
    ],
    ids=["int", "float", "bool", "list", "frame", "boolean-frame", "sparse"],
)
def test_fault_8_one_hot_comes_back_one_hot(quick, make):
    codes = np.repeat([0, 1, 2], [30, 20, 10])
    y = make(np.eye(3, dtype=int)[codes])
    _, y_res = quick().fit_resample(FRAME, y)
    assert type(y_res) is type(y)
    dense = y_res.toarray() if sp.issparse(y_res) else np.asarray(y_res, dtype=float)
    assert dense.shape == (90, 3)
    assert (dense.sum(1) == 1).all()
    assert dense.sum(0).tolist() == [30, 30, 30]
    assert (dense[:N].argmax(1) == codes).all()
    if isinstance(y, pd.DataFrame):
        assert y_res.dtypes.equals(y.dtypes)
        assert y_res.columns.equals(y.columns)
    elif not isinstance(y, list):
        assert y_res.dtype == y.dtype


def test_fault_8_one_hot_with_an_empty_class_keeps_its_column(quick):
    codes = np.repeat([0, 3], [45, 15])
    _, y_res = quick().fit_resample(NUMBERS, np.eye(4, dtype=int)[codes])
    assert y_res.sum(0).tolist() == [45, 0, 0, 45]


WORDS = np.where(RARE == 1, "fraud", "fine")


@pytest.mark.parametrize(
    "y",
    [
        WORDS,
        WORDS.astype(object),
        WORDS.tolist(),
        RARE.astype(bool),
        RARE.astype(np.uint8),
        RARE.astype(float),
        pd.Series(WORDS, name="target"),
        pd.Series(WORDS, dtype="category", name="target"),
        pd.Series(WORDS, dtype=pd.CategoricalDtype(["never", "fraud", "fine"], ordered=True)),
        pd.Series(WORDS, dtype="string"),
        pd.Series(RARE, dtype="Int64"),
        pd.Series(RARE, dtype="int8"),
        pd.Series(RARE.astype(bool), dtype="boolean"),
        pd.Series(RARE, index=range(100, 100 + N)),
        pd.Categorical(WORDS),
        pd.array(RARE, dtype="Int64"),
        pd.Index(WORDS),
        pd.DataFrame({"target": WORDS}),
        RARE.reshape(-1, 1),
    ],
    ids=[
        "str", "object", "list", "bool", "uint8", "float", "series", "category", "ordered",
        "string", "Int64", "int8", "boolean", "indexed", "Categorical", "Int64-array", "Index",
        "frame", "column",
    ],
)  # fmt: skip
def test_fault_9_labels_of_any_type_come_back_in_it(quick, y):
    augmenter = quick()
    X_res, y_res = augmenter.fit_resample(FRAME, y)
    assert type(y_res) is type(y)
    assert len(y_res) == len(X_res) == 90
    if isinstance(y, pd.DataFrame):
        assert y_res.dtypes.equals(y.dtypes)
        pd.testing.assert_frame_equal(y_res.iloc[:N], y)
    elif isinstance(y, pd.Series):
        assert y_res.name == y.name
        pd.testing.assert_series_equal(y_res.iloc[:N], y)
        assert y_res.index.is_unique
    elif not isinstance(y, list):
        assert y_res.dtype == y.dtype
        assert (np.asarray(y_res)[:N] == np.asarray(y)).all()
    flat = np.asarray(y_res).ravel().tolist()
    assert set(Counter(flat).values()) == {45}
    label = flat[-1]
    assert augmenter.sample({label: 3})[1].tolist() == [label] * 3


@pytest.mark.parametrize("strategy", ["auto", "minority", "all", 1.0, {0: 30, 1: 30}])
def test_fault_10_balanced_data_come_back_as_they_are(quick, strategy):
    y = np.repeat([0, 1], 30)
    for X in (NUMBERS, FRAME):
        augmenter = quick(sampling_strategy=strategy)
        X_res, y_res = augmenter.fit_resample(X, y)
        assert (y_res == y).all()
        if isinstance(X, pd.DataFrame):
            pd.testing.assert_frame_equal(X_res, X)
        else:
            assert X_res.tobytes() == X.tobytes()
        assert len(X_res) == N
        assert not augmenter.synthetic_mask_.any()


@pytest.mark.parametrize(
    "y", [RARE[:-1], [*RARE, 1], pd.Series(RARE[1:]), np.eye(2)[RARE[1:]], 1, "fraud"]
)
def test_fault_11_length_mismatch_is_refused(refused, y):
    for X in (NUMBERS, FRAME, sp.csr_matrix(NUMBERS)):
        refused(X, y, "inconsistent numbers of samples", "60")


@pytest.mark.parametrize(
    ("X", "y"),
    [
        (np.empty((0, 2)), np.empty(0, int)),
        (FRAME.iloc[:0], []),
        (FRAME[[]], RARE),
        (np.empty((N, 0)), RARE),
        ([], []),
        ([[]], [0]),
        (sp.csr_matrix((0, 2)), np.empty(0, int)),
    ],
    ids=["no-rows", "frame", "no-columns", "array-no-columns", "list", "nested", "sparse"],
)
def test_fault_12_empty_tables_are_refused(refused, X, y):
    refused(X, y)


HUGE = 10**13
ESTIMATE = r"about [\d,.]+ (TB|PB)"


@pytest.mark.parametrize(
    "strategy", [{1: HUGE}, {1: np.int64(HUGE)}, lambda y: {1: HUGE}, {1: 10**30}]
)
def test_fault_13_a_request_beyond_memory_is_refused_at_fit(refused, strategy):
    for X in (NUMBERS, FRAME):
        start = time.perf_counter()
        error = refused(X, RARE, "memory_budget", sampling_strategy=strategy)
        assert time.perf_counter() - start < 1
        assert isinstance(error, MemoryBudgetError)
        assert re.search(ESTIMATE, str(error))


@pytest.mark.parametrize("wanted", [HUGE, np.int64(HUGE), {1: HUGE}, {0: HUGE // 2, 1: HUGE // 2}])
def test_fault_13_a_request_beyond_memory_is_refused_at_sampling(quick, wanted):
    augmenter = quick().fit(FRAME, RARE)
    start = time.perf_counter()
    with pytest.raises(MemoryBudgetError, match=ESTIMATE):
        augmenter.sample(wanted)
    assert time.perf_counter() - start < 1


def test_fault_13_a_request_beyond_memory_is_refused_at_resampling(quick):
    augmenter = quick().fit(FRAME, RARE).set_params(sampling_strategy={1: HUGE})
    start = time.perf_counter()
    with pytest.raises(MemoryBudgetError, match=ESTIMATE):
        augmenter.resample(FRAME, RARE)
    assert time.perf_counter() - start < 1


def test_fault_13_the_users_budget_counts(refused, quick):
    refused(FRAME, RARE, "memory_budget=10.0 KB", memory_budget="10KB", sampling_strategy={1: 9999})
    _, y_res = quick(memory_budget="10MB", sampling_strategy={1: 999}).fit_resample(FRAME, RARE)
    assert (y_res == 1).sum() == 999


def test_the_refusals_are_also_builtin_errors():
    assert issubclass(GanaugError, Exception)
    for kind in (ConfigError, InvalidInputError, MemoryBudgetError):
        assert issubclass(kind, ValueError)


def test_fault_3_many_small_classes_are_said_once(quick):
    X, y = np.arange(120.0).reshape(60, 2), np.r_[np.zeros(20, int), np.repeat(np.arange(1, 21), 2)]
    with pytest.warns(GanaugWarning, match="20 of 21 classes .*regression target") as caught:
        quick().fit(X, y)
    assert len([w for w in caught if "hardly vary" in str(w.message)]) == 1
