"""Promises 1 to 5 of the library, by number; each test can fail.

Promise 6 (resuming) and 8 (reports) belong to parts that have tests of their own.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from typing import Any, ClassVar

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from ganaug import AugmentedClassifier, Callback, GanaugError, GANAugmenter, Recipe
from tests.promises import Y, frame, labels, numbers, quick

pytestmark = pytest.mark.filterwarnings("ignore::ganaug.GanaugWarning")


CHUNK = 2048
"""Candidates come in chunks of this size: requests beyond it cross a border."""


class CountRuns(Callback):
    runs: ClassVar[list[int]] = []

    def on_train_begin(self, trainer: Any) -> None:
        self.runs.append(1)


def same_bytes(a: Any, b: Any) -> bool:
    """Compare values bit for bit: NaNs with their payload, negative zero, padding aside."""
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


# ------------------------------------------------------------------ 1: originals


BIG = 2**53 + 1

COLUMNS: dict[str, Any] = {
    "int64": lambda n: np.arange(BIG, BIG + n),
    "int64 max": lambda n: np.iinfo(np.int64).max - np.arange(n),
    "uint64": lambda n: np.uint64(2**64 - 1) - np.arange(n, dtype=np.uint64),
    "float32": lambda n: np.linspace(0.1, 0.7, n, dtype=np.float32),
    "float64": lambda n: np.where(np.arange(n) % 5, np.linspace(-1e-300, 1e300, n), -0.0),
    "nan payload": lambda n: np.where(
        np.arange(n) % 3, 1.5, np.array(0x7FF8DEADBEEF0001, np.uint64).view(np.float64)
    ),
    "float16": lambda n: np.linspace(0, 1, n, dtype=np.float16),
    "int8": lambda n: (np.arange(n) % 7).astype(np.int8),
    "bool": lambda n: np.arange(n) % 3 == 0,
    "datetime": lambda n: pd.date_range("1999-12-31 23:59:59.123456789", periods=n, freq="37s"),
    "datetime tz": lambda n: pd.date_range("2024-03-30", periods=n, freq="h", tz="Europe/Vienna"),
    "timedelta": lambda n: pd.to_timedelta(np.arange(n) * 10**9 + 1),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_promise_1_original_rows_are_bit_identical(kind: str) -> None:
    n = 40
    # Half of the columns with one kind of index, half with another.
    odd = list(COLUMNS).index(kind) % 2
    names = pd.Index([f"row {i}" for i in range(n)]) if odd else pd.RangeIndex(n)
    X = pd.DataFrame({"it": COLUMNS[kind](n), "beside": np.linspace(0, 1, n)}, index=names)
    y = pd.Series(labels((28, 12)), index=names)
    before = X.copy(deep=True)
    X_res, y_res = quick(max_steps=1).fit_resample(X, y)
    assert X_res["it"].dtype == X["it"].dtype
    pd.testing.assert_frame_equal(X, before)
    column, original = X_res["it"].iloc[:n], before["it"]
    if kind == "datetime tz":
        column, original = column.astype("int64"), original.astype("int64")
    assert same_bytes(column.to_numpy(), original.to_numpy())
    assert X_res.index[:n].equals(names)
    assert type(X_res.index[:n]) is type(names)
    assert X_res.index.is_unique
    assert y_res.index.equals(X_res.index)
    assert same_bytes(y_res.iloc[:n].to_numpy(), y.to_numpy())
    assert len(X_res) == 56


def test_promise_1_objects_are_the_same_objects() -> None:
    n = 40
    text = [f"word {i % 4}" + "x" * i for i in range(n)]
    missing = [None if i % 4 == 0 else text[i % 4] for i in range(n)]
    X = pd.DataFrame({"text": text, "missing": missing}, dtype=object)
    X_res, _ = quick(max_steps=1).fit_resample(X, labels((28, 12)))
    for name in X:
        assert X_res[name].dtype == object
        assert all(a is b for a, b in zip(X_res[name].iloc[:n], X[name], strict=True))


def test_promise_1_categories_keep_codes_order_and_unused_levels() -> None:
    n = 40
    kinds = pd.CategoricalDtype(["low", "mid", "high", "unused"], ordered=True)
    X = pd.DataFrame(
        {"it": pd.Categorical(np.array(["mid", "low"])[labels((28, 12))], dtype=kinds)}
    )
    X.loc[3, "it"] = np.nan
    X_res, _ = quick(max_steps=1).fit_resample(X, labels((28, 12)))
    assert X_res["it"].dtype == kinds
    assert same_bytes(X_res["it"].iloc[:n].cat.codes.to_numpy(), X["it"].cat.codes.to_numpy())
    assert not (X_res["it"] == "unused").any()


@pytest.mark.parametrize("dtype", [np.int64, np.uint64, np.float32, np.float64, bool, object])
def test_promise_1_arrays(dtype: Any) -> None:
    """Arrays of any dtype keep their rows, and objects are the same objects."""
    y = labels((28, 12))
    X = (np.arange(80).reshape(40, 2) + (BIG if dtype in (np.int64, np.uint64) else 0)).astype(
        dtype
    )
    X.setflags(write=False)
    X_res, y_res = quick(max_steps=1).fit_resample(X, y)
    if dtype is object:
        assert all(a is b for a, b in zip(X_res[:40].ravel(), X.ravel(), strict=True))
    else:
        assert same_bytes(X_res[:40], X)
    assert same_bytes(y_res[:40], y)


@pytest.mark.parametrize("make", [sp.csr_matrix, sp.csc_array])
def test_promise_1_sparse(make: Any) -> None:
    """Sparse tables keep their rows."""
    X, y = numbers((28, 12))
    X[X < 0.5] = 0
    X_res, _ = quick(max_steps=1).fit_resample(make(X), y)
    assert same_bytes(X_res.toarray()[:40], X)


def test_promise_1_labels_above_what_a_float_holds() -> None:
    X, codes = numbers((28, 12))
    y = codes + np.int64(BIG)
    augmenter = quick(max_steps=1)
    _, y_res = augmenter.fit_resample(X, y)
    assert same_bytes(y_res[:40], y)
    assert Counter(y_res.tolist()) == {BIG: 28, BIG + 1: 28}


@st.composite
def column(draw: Any, n: int) -> Any:
    """Draw a column of some dtype, dull or odd, with gaps where it can have them."""
    seed = draw(st.integers(0, 2**32 - 1))
    stream = np.random.default_rng(seed)
    kind = draw(
        st.sampled_from(["normal", "heavy", "few", "constant", "int", "bool", "text", "cat"])
    )
    if kind == "text":
        return pd.Series(stream.choice(["a", "b", "ccc"], n)).astype(object)
    if kind == "cat":
        return pd.Series(pd.Categorical(stream.choice([7, 8], n), categories=[7, 8, 9]))
    if kind == "bool":
        return pd.Series(stream.random(n) < 0.2)
    if kind == "int":
        return pd.Series(stream.integers(-(10 ** draw(st.integers(1, 15))), 10, n))
    values = {
        "normal": stream.normal(size=n),
        "heavy": stream.standard_cauchy(n) ** 3,
        "few": stream.choice([0.0, 0.5, 99.0], n),
        "constant": np.full(n, 2.5),
    }[kind]
    if draw(st.booleans()):
        values = np.where(stream.random(n) < 0.2, np.nan, values)
    return pd.Series(values.astype(draw(st.sampled_from([np.float32, np.float64]))))


@st.composite
def requests(draw: Any) -> Any:
    """Draw a small table, its labels, and how many rows each class shall have."""
    counts = draw(st.lists(st.integers(2, 25), min_size=2, max_size=4))
    more = draw(st.lists(st.integers(0, 40), min_size=len(counts), max_size=len(counts)))
    n = sum(counts)
    X = pd.DataFrame({f"c{i}": draw(column(n)) for i in range(draw(st.integers(1, 4)))})
    names = draw(st.sampled_from([[0, 1, 2, 3], ["a", "b", "c", "d"], [-1.0, 0.0, 2.0, 9.0]]))
    y = np.random.default_rng(0).permutation(np.repeat(np.array(names[: len(counts)]), counts))
    target = {names[i]: counts[i] + more[i] for i in range(len(counts))}
    return X, y, target


@settings(max_examples=settings().max_examples // 2)
@given(requests(), st.sampled_from(["auto", "auto", "wgan-gp"]))
def test_promise_2_exact_counts_and_valid_values(request_: Any, recipe: str) -> None:
    X, y, target = request_
    small = Recipe.preset(recipe).replace(width=16)
    augmenter = quick(max_steps=1, sampling_strategy=target, recipe=small)
    X_res, y_res = augmenter.fit_resample(X, y)
    assert Counter(y_res.tolist()) == Counter(target)
    assert X_res.dtypes.equals(X.dtypes)
    pd.testing.assert_frame_equal(X_res.iloc[: len(X)], X)
    for name in X:
        seen, new = X[name], X_res[name].iloc[len(X) :]
        if seen.notna().all():
            assert new.notna().all(), f"{name} never lacked a value"
        if seen.dtype.kind in "fiu":
            assert not np.isinf(new.astype(float)).any()
            assert (new.isna() | new.between(seen.min(), seen.max())).all(), name
        else:
            assert set(new.dropna()) <= set(seen.dropna()), name


@settings(max_examples=max(20, settings().max_examples // 10))
@given(st.dictionaries(st.integers(0, 2), st.integers(0, 5000), max_size=3))
def test_promise_2_sample_gives_what_was_asked_for(wanted: dict[int, int]) -> None:
    augmenter = _fitted()
    X_new, y_new = augmenter.sample(wanted)
    assert Counter(y_new.tolist()) == Counter({k: v for k, v in wanted.items() if v})
    assert X_new.shape == (sum(wanted.values()), 3)
    assert np.isfinite(X_new).all()


_FITTED: list[GANAugmenter] = []


def _fitted() -> GANAugmenter:
    if not _FITTED:
        _FITTED.append(quick().fit(*numbers()))
    return _FITTED[0]


# ------------------------------------------------------------------ 3: reproducible


@pytest.mark.parametrize("recipe", ["auto", "gan", "cgan", "wgan", "wgan-gp"])
def test_promise_3_the_same_seed_gives_the_same_bytes(recipe: str) -> None:
    X, y = numbers()
    one, two = (quick(recipe=recipe, max_steps=5) for _ in range(2))
    a, b = one.fit_resample(X, y), two.fit_resample(X, y)
    assert same_bytes(a[0], b[0])
    assert same_bytes(a[1], b[1])
    assert same_bytes(one.sample(100)[0], two.sample(100)[0])
    other = quick(recipe=recipe, max_steps=5, random_state=1).fit_resample(X, y)
    assert not same_bytes(a[0], other[0])


def test_promise_3_frames_and_arrays_agree() -> None:
    X, y = numbers()
    a = quick().fit_resample(X, y)[0]
    b = quick().fit_resample(pd.DataFrame(X), y)[0].to_numpy()
    assert same_bytes(a, np.ascontiguousarray(b))


SIZES = [1, CHUNK // 3, CHUNK, CHUNK + 1, 2 * CHUNK + 5]


def test_promise_3_an_int_request_begins_with_the_smaller_one() -> None:
    X_more, y_more = _fitted().sample(3 * CHUNK + 1, random_state=5)
    for k in SIZES:
        X, y = _fitted().sample(k, random_state=5)
        assert same_bytes(X_more[:k], X)
        assert same_bytes(y_more[:k], y)


@pytest.mark.parametrize("label", [0, 1, 2])
def test_promise_3_a_request_by_class_begins_with_the_smaller_one(label: int) -> None:
    """Classes 0 and 1 are anchored, class 2 is interpolated."""
    X, y = _fitted().sample(
        {0: 10, label: 3 * CHUNK, 2: 9 if label != 2 else 3 * CHUNK}, random_state=5
    )
    for k in SIZES:
        few = _fitted().sample({label: k}, random_state=5)[0]
        assert same_bytes(X[y == label][:k], few)


def test_promise_3_a_generator_as_seed_makes_the_call_pure_too() -> None:
    for make in (np.random.default_rng, np.random.RandomState):
        a, b = (_fitted().sample(n, random_state=make(3))[0] for n in (10, 3000))
        assert same_bytes(b[:10], a)


def _global_states() -> tuple[Any, ...]:
    name, keys, *rest = np.random.get_state()  # noqa: NPY002
    return random.getstate(), (name, keys.tobytes(), *rest), torch.get_rng_state().numpy().tobytes()


@pytest.mark.parametrize("seed", [0, None])
def test_promise_3_the_global_generators_are_not_touched(seed: int | None) -> None:
    X, y = numbers()
    before = _global_states()
    augmenter = quick(random_state=seed)
    augmenter.fit_resample(X, y)
    augmenter.sample(10)
    augmenter.sample({0: 5}, random_state=1)
    GANAugmenter(mode="replace", max_steps=1, random_state=seed).fit_transform(X, y)
    AugmentedClassifier(LogisticRegression(), quick(random_state=seed)).fit(X, y).predict(X)
    assert _global_states() == before


def test_promise_3_the_global_generators_do_not_matter() -> None:
    X, y = numbers()
    drawn = []
    for seed in (1, 2):
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        torch.manual_seed(seed)
        drawn.append(quick().fit_resample(X, y)[0])
    assert same_bytes(*drawn)


def test_promise_3_threads_neither_touch_nor_suffer() -> None:
    X, y = numbers()

    def drawn(seed: int) -> Any:
        augmenter = quick(random_state=seed).fit(X, y)
        return augmenter.resample(X, y)[0], augmenter.sample(500)[0]

    alone = [drawn(seed) for seed in range(4)]
    stop = threading.Event()

    def disturb() -> None:
        while not stop.is_set():
            torch.rand(10)
            np.random.random(10)  # noqa: NPY002
            time.sleep(0.001)

    noise = threading.Thread(target=disturb)
    noise.start()
    try:
        together = joblib.Parallel(3, backend="threading")(
            joblib.delayed(drawn)(s) for s in range(4)
        )
    finally:
        stop.set()
        noise.join()
    for one, other in zip(alone, together, strict=True):
        assert all(same_bytes(a, b) for a, b in zip(one, other, strict=True))
    before = _global_states()
    joblib.Parallel(3, backend="threading")(joblib.delayed(drawn)(s) for s in range(3))
    assert _global_states() == before


def test_promise_3_sampling_on_two_threads_is_repeatable() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        X, y = numbers()
        # Wide enough that the threads share the work.
        augmenter = quick(recipe=Recipe.preset("auto").replace(width=512)).fit(X, y)
        assert torch.get_num_threads() == 2
        for label in (0, 1, 2):
            a, b, short = (
                augmenter.sample({label: n}, random_state=5)[0]
                for n in (2 * CHUNK, 2 * CHUNK, CHUNK // 2)
            )
            assert same_bytes(a, b)
            assert same_bytes(a[: CHUNK // 2], short)
    finally:
        torch.set_num_threads(before)


def test_promise_3_auto_never_reads_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = numbers()
    expected = quick(max_steps="auto").fit_resample(X, y)[0]
    jump = iter(range(0, 10**9, 7919))
    for name in ("time", "monotonic", "perf_counter", "process_time"):
        monkeypatch.setattr(time, name, lambda: float(next(jump)))
    augmenter = quick(max_steps="auto")
    found = augmenter.fit_resample(X, y)[0]
    monkeypatch.undo()
    assert same_bytes(found, expected)


class Recorder(ClassifierMixin, BaseEstimator):
    log: ClassVar[list[tuple[Any, Any]]] = []

    def fit(self, X: Any, y: Any) -> Recorder:
        self.classes_, self.X_ = np.unique(y), X
        return self

    def predict(self, X: Any) -> Any:
        self.log.append((self.X_, X))
        return np.repeat(self.classes_[0], len(X))


@pytest.mark.parametrize("how", ["classifier", "append", "replace"])
def test_promise_4_test_folds_never_leak(how: str) -> None:
    """Absurd test rows leave no trace in what was fitted, and come back as they were."""
    import imblearn.pipeline
    import sklearn.pipeline

    X, y = numbers((60, 24))
    model = {
        "classifier": AugmentedClassifier(Recorder(), quick()),
        "append": imblearn.pipeline.make_pipeline(quick(), Recorder()),
        "replace": sklearn.pipeline.make_pipeline(quick(mode="replace"), Recorder()),
    }[how]
    for train, test in StratifiedKFold(3).split(X, y):
        Recorder.log.clear()
        absurd = X.copy()
        absurd[test] = 1e6
        for table in (X, absurd):
            clone(model).fit(table[train], y[train]).predict(table[test])
        (fitted, asked), (fitted_again, asked_again) = Recorder.log
        assert same_bytes(fitted, fitted_again)
        assert same_bytes(asked, X[test])
        assert same_bytes(asked_again, absurd[test])
    Recorder.log.clear()
    cross_val_predict(model, X, y, cv=StratifiedKFold(3))
    for (_, test), (fitted, asked) in zip(
        StratifiedKFold(3).split(X, y), Recorder.log, strict=True
    ):
        assert same_bytes(asked, X[test])
        assert not set(map(tuple, fitted)) & set(map(tuple, X[test]))


def test_promise_4_sampling_and_predicting_do_not_learn() -> None:
    X, y = numbers()
    augmenter = quick().fit(X, y)
    before = augmenter.sample(200, random_state=0)[0]
    augmenter.resample(X[::2] + 50, y[::2])
    assert same_bytes(augmenter.sample(200, random_state=0)[0], before)


# ------------------------------------------------------------------ 5: errors before training


BAD_DATA: dict[str, tuple[Any, Any, str]] = {
    "one class": (frame(), np.zeros(30), "1 class"),
    "one row in a class": (frame(), np.array([7] + [3] * 29), "Class 7"),
    "missing label": (frame(), [None, *Y[1:].tolist()], "row 0"),
    "continuous y": (frame(), np.linspace(0, 1, 30), "continuous"),
    "multilabel y": (frame(), np.ones((30, 2), int), "[Mm]ultilabel|multi-output|multioutput"),
    "no y": (frame(), None, "y"),
    "mixed labels": (frame(), ["x", *Y[1:].tolist()], "y"),
    "length": (frame(), Y[:-1], "inconsistent|length"),
    "no rows": (frame().iloc[:0], Y[:0], "0 sample"),
    "no columns": (frame()[[]], Y, "0 feature"),
    "infinite": (frame(b=np.where(Y, np.inf, 0.0)), Y, "'b'"),
    "mixed objects": (frame(c=["x", 1.5] * 15), Y, "'c'"),
    "dicts": (frame(c=[{}] * 30), Y, "'c'"),
    "complex": (frame(c=np.ones(30) * 1j), Y, "'c'|[Cc]omplex"),
    "duplicate names": (frame().set_axis(["a", "b", "a"], axis=1), Y, "'a'"),
    "three dimensions": (np.zeros((30, 2, 2)), Y, "dim"),
    "one dimension": (np.zeros(30), Y, "1D"),
}


@pytest.mark.parametrize("name", BAD_DATA)
def test_promise_5_bad_data_are_refused_before_training(name: str) -> None:
    X, y, message = BAD_DATA[name]
    CountRuns.runs.clear()
    append = quick(callbacks=[CountRuns()])
    replace = quick(callbacks=[CountRuns()], mode="replace")
    calls = [append.fit_resample, replace.fit_transform]
    if name != "one class":  # a classifier may learn a constant
        calls.append(AugmentedClassifier(LogisticRegression(), append).fit)
    for call in calls:
        with pytest.raises(GanaugError, match=message) as caught:
            call(X, y)
        assert isinstance(caught.value, (ValueError, TypeError))
        assert not CountRuns.runs, "training had begun"


def test_promise_5_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where there is another one."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    CountRuns.runs.clear()
    with pytest.raises(GanaugError, match="cuda:99"):
        quick(callbacks=[CountRuns()], device="cuda:99").fit(frame(), Y)
    assert not CountRuns.runs, "training had begun"


def test_promise_5_too_large_a_request_states_its_size() -> None:
    with pytest.raises(GanaugError, match=r"B \("):
        quick(sampling_strategy={1: 10**13}).fit(frame(), Y)
    with pytest.raises(GanaugError, match="memory_budget"):
        _fitted().sample(10**13)
    with pytest.raises(GanaugError, match="memory_budget"):
        _fitted().sample({0: 10**13})
