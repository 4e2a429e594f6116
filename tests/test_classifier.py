"""AugmentedClassifier: doses, weights, samplers, prefit, and that nothing leaks."""

from __future__ import annotations

import copy
import warnings
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from imblearn.combine import SMOTEENN
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.under_sampling import RandomUnderSampler
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression, Perceptron
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_val_score,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from ganaug import (
    AugmentedClassifier,
    Callback,
    ConfigError,
    GANAugmenter,
    GanaugWarning,
    InvalidInputError,
    InvalidTypeError,
    NotAvailableError,
)

pytestmark = pytest.mark.filterwarnings("ignore::ganaug.GanaugWarning")


class Spy(ClassifierMixin, BaseEstimator):
    """Keeps what it is fitted on and what it is asked, in itself and in a log of all spies."""

    log: ClassVar[list[tuple[Any, Any]]] = []

    def fit(self, X: Any, y: Any, sample_weight: Any = None, note: Any = None) -> Spy:
        self.classes_ = np.unique(np.asarray(y))
        self.X_, self.y_, self.weight_, self.note_ = X, y, sample_weight, note
        self.n_asked_ = 0
        return self

    def predict(self, X: Any) -> Any:
        self.log.append((self.X_, X))
        return np.repeat(self.classes_[0], len(X))


class CountRuns(Callback):
    """Counts training runs outside of itself, so that its own state stays the same."""

    runs: ClassVar[list[int]] = []

    def on_train_begin(self, trainer: Any) -> None:
        self.runs.append(1)


@pytest.fixture
def runs() -> list[int]:
    CountRuns.runs.clear()
    return CountRuns.runs


def quick(**options: Any) -> GANAugmenter:
    return GANAugmenter(**{"max_steps": 1, "random_state": 0, **options})


def data(n: int = 150, rare: int = 30) -> tuple[Any, Any]:
    random = np.random.default_rng(0)
    y = random.permutation(np.repeat([0, 1], [n - rare, rare]))
    return random.normal(size=(n, 4)) + 2 * y[:, None], y


# ------------------------------------------------------------------ dose and weights


@pytest.mark.parametrize(("dose", "added"), [(0, 0), (0.5, 45), (1, 90), (np.float32(0.1), 9)])
def test_dose_is_a_fraction_of_the_deficit(dose: float, added: int) -> None:
    X, y = data()
    model = AugmentedClassifier(Spy(), quick(), dose=dose).fit(X, y)
    spy = model.estimator_
    assert Counter(spy.y_.tolist()) == {0: 120, 1: 30 + added}
    assert np.array_equal(spy.X_[:150], X)
    assert np.array_equal(spy.y_[:150], y)
    assert model.n_synthetic_ == added
    assert spy.weight_ is None


def test_dose_scales_a_strategy_that_is_given() -> None:
    X, y = data()
    model = AugmentedClassifier(Spy(), quick(sampling_strategy={1: 50}), dose=0.5).fit(X, y)
    assert Counter(model.estimator_.y_.tolist()) == {0: 120, 1: 40}
    assert model.augmenter.sampling_strategy == {1: 50}, "the user's augmenter is not touched"


@pytest.mark.parametrize("dose", [-0.1, "1", None, True, np.nan, np.inf])
@pytest.mark.parametrize("option", ["dose", "synthetic_weight"])
def test_impossible_options_are_refused(option: str, dose: Any, runs: list[int]) -> None:
    model = AugmentedClassifier(Spy(), quick(callbacks=[CountRuns()]), **{option: dose})
    with pytest.raises(ConfigError, match=option):
        model.fit(*data())
    assert not runs


def test_synthetic_weight_reaches_the_estimator() -> None:
    X, y = data()
    model = AugmentedClassifier(Spy(), quick(), synthetic_weight=0.25).fit(X, y)
    weight = model.estimator_.weight_
    assert np.array_equal(weight, np.repeat([1.0, 0.25], [150, 90]))


def test_synthetic_weight_is_relative_to_the_real_rows_of_the_class() -> None:
    X, y = data()
    given = np.where(y == 1, 3.0, 1.0)
    given[np.flatnonzero(y == 1)[0]] = 33.0  # the mean of the class is 4
    model = AugmentedClassifier(Spy(), quick(), synthetic_weight=0.5)
    weight = model.fit(X, y, sample_weight=given).estimator_.weight_
    assert np.array_equal(weight[:150], given)
    assert np.allclose(weight[150:], 2.0)
    unscaled = clone(model).set_params(synthetic_weight=1.0)
    weight = unscaled.fit(X, y, sample_weight=given).estimator_.weight_
    assert np.allclose(weight[150:], 4.0)


def test_sample_weight_matters_to_a_real_classifier() -> None:
    X, y = data()
    model = AugmentedClassifier(LogisticRegression(), quick())
    plain = clone(model).fit(X, y).predict_proba(X)
    heavy = clone(model).fit(X, y, sample_weight=1.0 + 50 * y).predict_proba(X)
    assert heavy[:, 1].mean() > plain[:, 1].mean()


@pytest.mark.parametrize(
    ("weight", "error"),
    [(np.ones(3), InvalidInputError), (np.full(150, np.nan), InvalidInputError)],
)
def test_bad_weights_are_refused_before_training(weight: Any, error: Any, runs: list[int]) -> None:
    model = AugmentedClassifier(LogisticRegression(), quick(callbacks=[CountRuns()]))
    with pytest.raises(error):
        model.fit(*data(), sample_weight=weight)
    assert not runs


def test_a_classifier_without_weights_says_so_before_training(runs: list[int]) -> None:
    augmenter = quick(callbacks=[CountRuns()])
    with pytest.raises(ConfigError, match="KNeighborsClassifier does not take sample_weight"):
        AugmentedClassifier(KNeighborsClassifier(), augmenter, synthetic_weight=0.5).fit(*data())
    with pytest.raises(ConfigError, match="KNeighborsClassifier"):
        AugmentedClassifier(KNeighborsClassifier(), augmenter).fit(
            *data(), sample_weight=np.ones(150)
        )
    assert not runs


@pytest.mark.parametrize("estimator", ["forest", Spy, None, LinearRegression()], ids=repr)
def test_what_is_no_classifier_is_refused(estimator: Any) -> None:
    with pytest.raises(InvalidTypeError, match="must be a classifier"):
        AugmentedClassifier(estimator, quick()).fit(*data())


def test_fit_params_are_passed_on() -> None:
    """What fit is given beside the data reaches the classifier."""
    model = AugmentedClassifier(Spy(), quick()).fit(*data(), note="hello")
    assert model.estimator_.note_ == "hello"


@pytest.mark.parametrize("dose", [1.0, 0.5, "auto"])
def test_a_fit_param_with_a_value_for_each_row_is_refused(dose: Any, runs: list[int]) -> None:
    X, y = data()
    with pytest.raises(ConfigError, match="note has a value for each row"):
        AugmentedClassifier(Spy(), quick(), dose=dose).fit(X, y, note=np.arange(len(y)))
    assert not runs
    for one in (np.float64(0.1), np.array(3), "n" * len(y), dict.fromkeys(range(len(y)))):
        AugmentedClassifier(Spy(), RandomOverSampler(), dose=dose).fit(X, y, note=one)
    kept = AugmentedClassifier(Spy(), quick(), dose=0).fit(X, y, note=np.arange(len(y)))
    assert len(kept.estimator_.note_) == len(y), "no row is added"


# ------------------------------------------------------------------ any sampler


@pytest.mark.parametrize(
    "sampler", [SMOTE(random_state=0), RandomOverSampler(random_state=0)], ids=repr
)
def test_other_over_samplers(sampler: Any) -> None:
    """Over-samplers of imbalanced-learn take doses and weights too."""
    X, y = data()
    model = AugmentedClassifier(Spy(), sampler, dose=0.5, synthetic_weight=0.5).fit(X, y)
    assert Counter(model.estimator_.y_.tolist()) == {0: 120, 1: 75}
    assert model.n_synthetic_ == 45
    assert np.array_equal(model.estimator_.weight_, np.repeat([1.0, 0.5], [150, 45]))


def test_an_under_sampler() -> None:
    """An under-sampler removes rows, with their weights, and takes no dose."""
    X, y = data()
    sampler = RandomUnderSampler(random_state=0)
    model = AugmentedClassifier(Spy(), sampler).fit(X, y)
    assert Counter(model.estimator_.y_.tolist()) == {0: 30, 1: 30}
    assert model.n_synthetic_ == 0
    given = np.arange(150.0)
    weighted = clone(model).fit(X, y, sample_weight=given).estimator_
    assert np.array_equal(weighted.X_, X[weighted.weight_.astype(int)]), "weights follow their rows"
    with pytest.raises(ConfigError, match="RandomUnderSampler"):
        AugmentedClassifier(Spy(), sampler, dose=0.5).fit(X, y)


def test_a_sampler_that_adds_and_removes_cannot_carry_weights() -> None:
    X, y = data()
    X = X - 1.5 * y[:, None]  # overlapping, so that rows are removed
    model = AugmentedClassifier(Spy(), SMOTEENN(random_state=0))
    assert len(clone(model).fit(X, y).estimator_.y_) != 240
    with pytest.raises(ConfigError, match="SMOTEENN"):
        model.fit(X, y, sample_weight=np.ones(150))


def test_the_default_is_a_gan() -> None:
    model = AugmentedClassifier(Spy())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.set_params(augmenter=None).fit(*data(40, 12))
    assert isinstance(model.augmenter_, GANAugmenter)
    assert model.augmenter is None


def test_a_seed_makes_it_repeatable_and_the_augmenter_stays_unfitted() -> None:
    X, y = data()
    augmenter = quick()
    model = AugmentedClassifier(LogisticRegression(), augmenter)
    assert np.array_equal(model.fit(X, y).predict_proba(X), model.fit(X, y).predict_proba(X))
    assert not hasattr(augmenter, "model_")


# ------------------------------------------------------------------ prefit


def state(augmenter: GANAugmenter) -> dict[str, Any]:
    return {**augmenter.get_params(), "next": copy.deepcopy(augmenter).sample(3)[0].tolist()}


@pytest.mark.parametrize("dose", [0, 0.5, 1])
def test_prefit_reuses_the_augmenter_and_leaves_it_alone(dose: float, runs: list[int]) -> None:
    X, y = data()
    augmenter = quick(callbacks=[CountRuns()]).fit(X, y)
    before = state(augmenter)
    model = AugmentedClassifier(Spy(), augmenter, dose=dose, prefit=True)
    model.fit(X, y)
    assert Counter(model.estimator_.y_.tolist()) == {0: 120, 1: 30 + round(90 * dose)}
    assert len(runs) == 1
    assert state(augmenter) == before
    assert not hasattr(augmenter, "synthetic_mask_")
    first = model.estimator_.X_
    assert np.array_equal(model.fit(X, y).estimator_.X_, first)


def test_prefit_warns_of_leaks() -> None:
    X, y = data()
    model = AugmentedClassifier(Spy(), quick().fit(X, y), prefit=True)
    with pytest.warns(GanaugWarning, match="must not have seen"):
        model.fit(X, y)


def test_prefit_survives_clone_and_cross_validation(runs: list[int]) -> None:
    X, y = data()
    augmenter = quick(callbacks=[CountRuns()]).fit(X, y)
    model = AugmentedClassifier(LogisticRegression(), augmenter, prefit=True)
    scores = cross_val_score(model, X, y, cv=3, error_score="raise")
    assert (scores > 0.5).all()
    grid = {"augmenter__sampling_strategy": [0.5, 1.0], "estimator__C": [0.1, 1.0]}
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(X, y)
    assert search.best_estimator_.augmenter is not augmenter
    assert augmenter.sampling_strategy == "auto"
    assert len(runs) == 1
    assert not hasattr(clone(AugmentedClassifier(Spy(), augmenter)).augmenter, "model_")


def test_prefit_needs_something_fitted() -> None:
    X, y = data()
    with pytest.raises(NotFittedError):
        AugmentedClassifier(Spy(), quick(), prefit=True).fit(X, y)
    for augmenter in (None, SMOTE(), quick(mode="replace").fit(X, y)):
        with pytest.raises(ConfigError, match="prefit"):
            AugmentedClassifier(Spy(), augmenter, prefit=True).fit(X, y)


# ------------------------------------------------------------------ no leakage


def test_nothing_leaks_and_test_rows_are_never_changed() -> None:
    X, y = data()
    kept = X.copy()
    Spy.log.clear()
    folds = StratifiedKFold(3)
    cross_val_predict(AugmentedClassifier(Spy(), quick(max_steps=3)), X, y, cv=folds)
    assert len(Spy.log) == 3
    for (train, test), (seen, asked) in zip(folds.split(X, y), Spy.log, strict=True):
        assert np.array_equal(seen[: len(train)], X[train])
        assert np.array_equal(asked, X[test])
        together = set(map(tuple, seen)) & set(map(tuple, X[test]))
        assert not together, "a test row was among those fitted on"
    assert np.array_equal(X, kept)


def test_synthetic_rows_of_a_fold_depend_on_its_training_rows_only() -> None:
    X, y = data()
    train, test = next(StratifiedKFold(3).split(X, y))
    other = X.copy()
    other[test] += 100.0
    model = AugmentedClassifier(Spy(), quick(max_steps=3))
    rows = [clone(model).fit(table[train], y[train]).estimator_.X_ for table in (X, other)]
    assert np.array_equal(*rows)
    Spy.log.clear()
    for table in (X, other):
        cross_val_predict(model, table, y, cv=[(train, test), (test, train)])
    assert np.array_equal(Spy.log[0][0], Spy.log[2][0])


# ------------------------------------------------------------------ in company


@pytest.mark.parametrize(
    "wrap",
    [
        lambda model: CalibratedClassifierCV(model, cv=3),
        lambda model: CalibratedClassifierCV(model, cv=3, ensemble=False),
        lambda model: TunedThresholdClassifierCV(model, cv=3),
        lambda model: BaggingClassifier(model, n_estimators=3, random_state=0),
        lambda model: AdaBoostClassifier(model, n_estimators=3, random_state=0),
        lambda model: make_pipeline(StandardScaler(), model),
    ],
    ids=["calibrated", "calibrated once", "threshold", "bagging", "adaboost", "pipeline"],
)
def test_inside_meta_estimators(wrap: Any) -> None:
    """Estimators that wrap others take it as any classifier."""
    X, y = data()
    model = wrap(AugmentedClassifier(LogisticRegression(), quick())).fit(X, y)
    assert model.score(X, y) > 0.8
    assert np.allclose(model.predict_proba(X).sum(1), 1)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda model: CalibratedClassifierCV(model, cv=3),
        lambda model: BaggingClassifier(model, n_estimators=3, random_state=0),
        lambda model: AdaBoostClassifier(model, n_estimators=3, random_state=0),
    ],
    ids=["calibrated", "bagging", "adaboost"],
)
def test_weights_pass_through_meta_estimators(wrap: Any) -> None:
    X, y = data()
    X = X - 1.5 * y[:, None]
    heavy = 1.0 + 30.0 * y
    model = wrap(AugmentedClassifier(LogisticRegression(), quick(sampling_strategy={1: 60})))
    sure = clone(model).fit(X, y, sample_weight=heavy).predict_proba(X)[:, 1].mean()
    assert sure > clone(model).fit(X, y).predict_proba(X)[:, 1].mean()


def test_grid_search_reaches_both_parts() -> None:
    X, y = data()
    grid = {"estimator__C": [0.1, 1.0], "augmenter__max_steps": [1, 2], "dose": [0.5, 1.0]}
    model = AugmentedClassifier(LogisticRegression(), quick())
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(X, y)
    best = search.best_estimator_
    assert search.best_params_["estimator__C"] == best.estimator_.C
    assert best.augmenter_.max_steps == search.best_params_["augmenter__max_steps"]


def test_memory_trains_each_generator_once(tmp_path: Path, runs: list[int]) -> None:
    X, y = data()
    model = AugmentedClassifier(
        LogisticRegression(), quick(callbacks=[CountRuns()]), memory=str(tmp_path)
    )
    first = clone(model).fit(X, y)
    again = clone(model).fit(X, y)
    assert len(runs) == 1
    assert np.array_equal(first.predict_proba(X), again.predict_proba(X))
    assert np.array_equal(first.augmenter_.sample(4)[0], again.augmenter_.sample(4)[0])
    runs.clear()
    grid = {"estimator__C": [0.01, 0.1, 1.0]}
    GridSearchCV(model, grid, cv=3, error_score="raise").fit(X, y)
    assert len(runs) == 3, "three folds; the refit is the fit of above"
    model.set_params(dose=0.5).fit(X, y)
    assert len(runs) == 4


# ------------------------------------------------------------------ what comes out


def test_string_labels_and_the_order_of_columns() -> None:
    X, codes = make_classification(
        120, 6, n_informative=4, n_classes=3, weights=[0.6, 0.3], class_sep=2, random_state=0
    )
    y = np.array(["rot", "blau", "gelb"], dtype=object)[codes]
    model = AugmentedClassifier(LogisticRegression(max_iter=500), quick()).fit(X, y)
    assert model.classes_.tolist() == ["blau", "gelb", "rot"]
    assert model.classes_.tolist() == model.estimator_.classes_.tolist()
    proba = model.predict_proba(X)
    assert proba.shape == (120, 3)
    assert np.array_equal(model.classes_[proba.argmax(1)], model.predict(X))
    assert np.allclose(model.predict_log_proba(X), np.log(proba))
    assert model.decision_function(X).shape == (120, 3)
    assert model.score(X, y) > 0.6


@pytest.mark.parametrize(
    ("estimator", "has", "lacks"),
    [
        (LogisticRegression(), ["predict_proba", "predict_log_proba", "decision_function"], []),
        (Perceptron(), ["decision_function"], ["predict_proba", "predict_log_proba"]),
        (RandomForestClassifier(3), ["predict_proba"], ["decision_function"]),
        (KNeighborsClassifier(), ["predict_proba"], ["decision_function", "predict_log_proba"]),
        (SVC(), ["decision_function"], ["predict_proba"]),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseEstimator) else "",
)
def test_methods_follow_the_estimator(estimator: Any, has: list[str], lacks: list[str]) -> None:
    """It has the methods that its classifier has, and says so of the others."""
    X, y = data()
    model = AugmentedClassifier(estimator, quick())
    for fitted in (model, clone(model).fit(X, y)):
        assert all(hasattr(fitted, name) for name in has)
        assert not any(hasattr(fitted, name) for name in lacks)
        for name in lacks:
            message = f"^AugmentedClassifier has '{name}' where its classifier has it: .*{name}"
            with pytest.raises(NotAvailableError, match=message):
                getattr(fitted, name)
    for name in [*has, "predict"]:
        with pytest.raises(NotFittedError):
            getattr(model, name)(X)


def test_feature_names_reach_the_estimator() -> None:
    values, y = data()
    X = pd.DataFrame(values, columns=list("abcd"))
    model = AugmentedClassifier(LogisticRegression(), quick()).fit(X, pd.Series(y))
    assert model.feature_names_in_.tolist() == list("abcd")
    assert model.estimator_.feature_names_in_.tolist() == list("abcd")
    assert model.n_features_in_ == 4
    with pytest.raises(ValueError, match="feature names"):
        model.predict(X[list("dcba")])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(X)


def test_mixed_columns_go_to_an_estimator_that_takes_them() -> None:
    from sklearn.compose import make_column_transformer
    from sklearn.preprocessing import OneHotEncoder

    values, y = data()
    X = pd.DataFrame({"n": values[:, 0], "kind": np.where(values[:, 1] > 0, "up", "down")})
    encode = make_column_transformer((OneHotEncoder(), ["kind"]), remainder="passthrough")
    model = AugmentedClassifier(make_pipeline(encode, LogisticRegression()), quick()).fit(X, y)
    assert model.score(X, y) > 0.7


def test_lists_will_do() -> None:
    """Lists in place of arrays give the same predictions."""
    X, y = data()
    model = AugmentedClassifier(LogisticRegression(), quick()).fit(X.tolist(), y.tolist())
    assert model.predict(X.tolist()).tolist() == model.predict(X).tolist()


def test_names_of_which_only_some_are_strings_are_refused() -> None:
    X, y = data()
    framed = pd.DataFrame(np.asarray(X)).rename(columns={0: "a"})
    with pytest.raises(InvalidTypeError, match=r"columns\.astype\(str\)"):
        AugmentedClassifier(LogisticRegression(), quick()).fit(framed, y)
    model = AugmentedClassifier(LogisticRegression(), quick()).fit(X, y)
    with pytest.raises(InvalidTypeError, match=r"columns\.astype\(str\)"):
        model.predict(framed)
