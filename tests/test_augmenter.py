"""GANAugmenter on tables: how many rows it adds, its plan, sampling, warnings and messages."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
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
    Recipe,
    SchemaDriftError,
)
from ganaug.tables.sampling import TableModel
from tests.tables.support import numbers, quick, table

pytestmark = pytest.mark.filterwarnings("ignore::ganaug.GanaugWarning")


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
def test_strategies_add_as_many_rows_as_imbalanced_learn(strategy: Any) -> None:
    X, y = numbers()
    augmenter = quick(sampling_strategy=strategy)
    _, ours = augmenter.fit_resample(X, y)
    for peer in (SMOTE(random_state=0), RandomOverSampler(random_state=0)):
        peer.set_params(sampling_strategy=strategy)
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
    """A strategy that adds no rows, or names no class, is refused with what is wrong."""
    X, y = numbers()
    with pytest.raises(ConfigError, match=message):
        quick(sampling_strategy=strategy).fit(X, y)


# ------------------------------------------------------------------ sample and resample


def test_sample_by_class() -> None:
    """sample takes counts by class, and gives the classes in that order."""
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
    """fit sets the attributes that scikit-learn and the documentation name."""
    X, y = table()
    augmenter = quick().fit(X, y)
    assert augmenter.n_features_in_ == X.shape[1]
    assert augmenter.feature_names_in_.tolist() == list(X.columns)
    assert augmenter.classes_.tolist() == ["common", "rare"]
    assert dict(augmenter.sampling_strategy_) == {"rare": 20}
    assert "critic_loss" in augmenter.history_.to_frame()
    assert not hasattr(quick().fit(*numbers()), "feature_names_in_")


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


def test_a_far_fetched_option_is_not_suggested() -> None:
    with pytest.raises(ConfigError) as caught:
        GANAugmenter(on_singleton="maybe").fit(*numbers())
    assert "did you mean" not in str(caught.value).lower()
