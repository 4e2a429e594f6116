"""AugmentedClassifier(dose="auto"): what it tries, what it chooses, and that it does no harm."""

from __future__ import annotations

import pickle
import warnings
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import SMOTE, BorderlineSMOTE
from imblearn.under_sampling import RandomUnderSampler
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer, precision_score, recall_score
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    RepeatedStratifiedKFold,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from ganaug import AugmentedClassifier, Callback, ConfigError, GANAugmenter, InvalidInputError
from ganaug.choose.dose import decide
from ganaug.choose.remedies import DOSES, NOTHING, Arm
from ganaug.choose.samplers import RepeatRows, SmoteRows
from ganaug.choose.trials import Trials

pytestmark = pytest.mark.filterwarnings("ignore::ganaug.GanaugWarning")

ALL = ["nothing", "class weights", "random duplication", "SMOTE", "ganaug"]


class CountRuns(Callback):
    runs: ClassVar[list[int]] = []

    def on_train_begin(self, trainer: Any) -> None:
        self.runs.append(trainer.n_rows if hasattr(trainer, "n_rows") else 1)


def quick(**options: Any) -> GANAugmenter:
    return GANAugmenter(**{"max_steps": 1, "random_state": 0, **options})


def data(n: int = 150, rare: int = 30, apart: float = 1.0) -> tuple[Any, Any]:
    random = np.random.default_rng(0)
    y = random.permutation(np.repeat([0, 1], [n - rare, rare]))
    return random.normal(size=(n, 4)) + apart * y[:, None], y


def auto(estimator: Any = None, augmenter: Any = None, **options: Any) -> AugmentedClassifier:
    estimator = LogisticRegression() if estimator is None else estimator
    augmenter = quick() if augmenter is None else augmenter
    return AugmentedClassifier(estimator, augmenter, dose="auto", **options)


# ------------------------------------------------------------------ what is tried


def test_every_remedy_is_tried_in_every_dose() -> None:
    frame = auto().fit(*data()).dose_report_.to_frame()
    assert list(dict.fromkeys(frame["remedy"])) == ALL
    for remedy in ALL[2:]:
        assert tuple(frame.loc[frame["remedy"] == remedy, "dose"]) == DOSES
    assert frame["chosen"].sum() == 1
    assert (frame["reason"] == "").all()
    assert np.isfinite(frame[["score", "difference", "error"]]).all(axis=None)
    nothing = frame.iloc[0]
    assert (nothing["remedy"], nothing["difference"], nothing["error"]) == ("nothing", 0, 0)
    assert np.allclose(frame["score"] - nothing["score"], frame["difference"])


def test_each_fold_trains_the_generator_once() -> None:
    CountRuns.runs.clear()
    model = auto(augmenter=quick(callbacks=[CountRuns()]), cv=StratifiedKFold(3)).fit(*data())
    assert len(CountRuns.runs) == 3 + (model.dose_report_.chosen.remedy == "ganaug")


def test_the_doses_are_prefixes_of_what_was_made_once() -> None:
    from ganaug.choose.remedies import resample_fold

    X, y = data()
    grown = resample_fold(quick(), X, y, y, {1: 120})
    rows = [grown.dosed(dose) for dose in DOSES]
    assert [len(each.y) - 150 for each in rows] == [9, 22, 45, 90]
    for each in rows:
        assert np.array_equal(each.X, grown.X[: len(each.X)])
        assert np.array_equal(each.X[:150], X)


def test_test_rows_of_a_fold_teach_nothing() -> None:
    X, y = data()
    train, test = next(StratifiedKFold(2).split(X, y))
    cv = [(train, test), (train, test[:50])]
    other = X.copy()
    other[test] = np.nan
    seen: list[Any] = []

    def spy(model: Any, X: Any, y: Any) -> float:
        seen.append(model.coef_)
        return 0.0

    auto(cv=cv, scoring=spy).fit(X, y)
    first = list(seen)
    seen.clear()
    with pytest.raises(ValueError, match="NaN"):  # the last fit, on all rows
        auto(cv=cv, scoring=spy).fit(other, y)
    assert len(first) == len(seen) == 28
    assert all(np.array_equal(a, b) for a, b in zip(first, seen, strict=True))


# ------------------------------------------------------------------ what is chosen


def test_the_winner_is_fitted_on_all_rows_as_its_dose_says() -> None:
    X, y = data()
    model = auto().fit(X, y)
    best = model.dose_report_.chosen
    assert best.remedy != "nothing"
    assert best.difference > best.error
    by_name = {
        "class weights": lambda: LogisticRegression(class_weight="balanced").fit(X, y),
        "ganaug": lambda: AugmentedClassifier(LogisticRegression(), quick(), dose=best.dose),
        "random duplication": lambda: AugmentedClassifier(
            LogisticRegression(), model.augmenter_, dose=best.dose
        ),
        "SMOTE": lambda: AugmentedClassifier(
            LogisticRegression(), clone(model.augmenter_).set_params(sampling_strategy="auto"),
            dose=best.dose,
        ),
    }  # fmt: skip
    same = by_name[best.remedy]().fit(X, y)
    assert np.array_equal(model.predict_proba(X), same.predict_proba(X))


def test_the_augmenter_can_win_and_its_rows_are_those_of_that_dose() -> None:
    X, y = data()
    X[:, 0] = X[:, 0] > 0
    model = auto(Spy(), scoring=made_by_a_gan).fit(X, y)
    best = model.dose_report_.chosen
    fixed = AugmentedClassifier(Spy(), quick(), dose=best.dose).fit(X, y)
    assert best.remedy == "ganaug"
    assert model.n_synthetic_ == fixed.n_synthetic_ == round(90 * best.dose)
    assert np.array_equal(model.estimator_.X_, fixed.estimator_.X_)
    assert isinstance(model.augmenter_, GANAugmenter)


class Spy(ClassifierMixin, BaseEstimator):
    """Keeps what it is fitted on."""

    def fit(self, X: Any, y: Any) -> Spy:
        self.X_, self.y_, self.classes_ = X, y, np.unique(y)
        return self

    def predict(self, X: Any) -> Any:
        return np.zeros(len(X), int)


def made_by_a_gan(model: Spy, X: Any, y: Any) -> float:
    """Some for rows added, and more for rows that are no copies and begin with 0 or 1."""
    rows = model.X_
    new = len(np.unique(rows, axis=0)) == len(rows) and np.isin(rows[:, 0], [0, 1]).all()
    return float((model.y_.mean() > 0.21) * (0.1 + model.y_.mean() * new))


def test_nothing_is_an_answer() -> None:
    """Where nothing can be gained, the classifier is fitted as if there were no remedy."""
    X, y = data(apart=9.0)  # every classifier is perfect
    model = auto().fit(X, y)
    report = model.dose_report_
    assert report.chosen.remedy == "nothing"
    assert model.n_synthetic_ == 0
    assert np.array_equal(model.predict_proba(X), LogisticRegression().fit(X, y).predict_proba(X))
    assert "no remedy is better by more than its standard error" in report.reason


def trials(**arms: list[float]) -> Trials:
    names = {
        "weights": Arm("class weights"),
        "smote": Arm("SMOTE", 1.0),
        "little": Arm("ganaug", 0.1),
        "ganaug": Arm("ganaug", 1.0),
    }
    scores = {Arm(NOTHING): [0.5, 0.6, 0.7], **{names[k]: v for k, v in arms.items()}}
    return Trials({"f1": scores}, overlap=0.5)


def test_a_change_must_beat_nothing_by_more_than_its_standard_error() -> None:
    steady = decide(trials(ganaug=[0.55, 0.64, 0.76]), "f1", decisions=True).chosen
    assert (steady.remedy, steady.dose) == ("ganaug", 1.0)
    assert steady.difference == pytest.approx(0.05)
    assert steady.error == pytest.approx(np.sqrt(0.0001 / 3))
    lucky = decide(trials(ganaug=[0.45, 0.55, 0.9]), "f1", decisions=True)
    assert lucky.chosen.remedy == "nothing"
    assert lucky.arms[1].difference == pytest.approx(1 / 30)


def test_repeats_of_the_same_rows_count_once() -> None:
    own = trials(ganaug=[0.55, 0.64, 0.76])
    twice = Trials({"f1": {arm: 2 * s for arm, s in own.scores["f1"].items()}}, repeats=2.0)
    once, again = (decide(each, "f1", decisions=True).chosen.error for each in (own, twice))
    assert again == pytest.approx(once * np.sqrt(2 / 6 * 3 * 0.8))  # 0.8: n - 1 is 5, not 2 * 2


def test_a_dose_counts_with_the_others_of_its_remedy() -> None:
    both = trials(little=[0.49, 0.59, 0.7], ganaug=[0.55, 0.65, 0.74], weights=[0.54, 0.64, 0.74])
    report = decide(both, "f1", decisions=True)
    assert report.arms[2].difference > report.arms[3].difference
    assert report.chosen.remedy == "class weights", "ganaug gains more in one dose only"


def test_a_ranking_changes_only_where_the_remedies_together_gain() -> None:
    alone = trials(ganaug=[0.55, 0.65, 0.76], smote=[0.42, 0.57, 0.66], weights=[0.5, 0.61, 0.71])
    report = decide(alone, "f1", decisions=False)
    assert report.chosen.remedy == "nothing"
    assert "the remedies together gain too little (" in report.reason
    assert decide(alone, "f1", decisions=True).chosen.remedy == "ganaug"
    agreed = trials(ganaug=[0.55, 0.65, 0.76], smote=[0.5, 0.6, 0.71], weights=[0.51, 0.61, 0.71])
    assert decide(agreed, "f1", decisions=False).chosen.remedy == "ganaug"


@pytest.mark.parametrize(("errors", "taken"), [(1.4, "nothing"), (1.6, "ganaug")])
def test_a_ranking_needs_one_and_a_half_standard_errors(errors: float, taken: str) -> None:
    spread = 0.03 * np.array([-1.0, 0.0, 1.0])  # a standard error of .03 over the root of 3
    gains = errors * 0.03 / np.sqrt(3) + spread
    own = trials(ganaug=(np.array([0.5, 0.6, 0.7]) + gains).tolist())
    assert decide(own, "f1", decisions=False).chosen.remedy == taken
    assert decide(own, "f1", decisions=True).chosen.remedy == "ganaug"


def test_for_a_ranking_each_remedy_has_one_voice() -> None:
    doses = {"little": [0.54, 0.64, 0.74], "ganaug": [0.54, 0.64, 0.74]}
    won = trials(**doses, smote=[0.48, 0.58, 0.68])
    assert decide(won, "f1", decisions=False).chosen.remedy == "ganaug"
    lost = trials(**doses, smote=[0.45, 0.55, 0.65])
    assert decide(lost, "f1", decisions=False).chosen.remedy == "nothing", "over arms .01"


def test_the_scoring_decides() -> None:
    """Another score may choose another remedy; balanced accuracy is the default."""
    X, y = data(apart=0.7)
    kept = auto(scoring="accuracy").fit(X, y).dose_report_
    assert kept.scoring == "accuracy"
    assert kept.chosen.remedy == "nothing", "accuracy does not count rare rows"
    recall = auto(scoring=make_scorer(recall_score)).fit(X, y).dose_report_
    assert recall.chosen.remedy != "nothing"
    assert auto().fit(X, y).dose_report_.scoring == "balanced_accuracy"


@pytest.mark.parametrize("scoring", ["average_precision", "roc_auc", "neg_log_loss"])
@pytest.mark.parametrize("correct", [False, True])
def test_scores_that_need_probabilities(scoring: str, correct: bool) -> None:
    """Ranking scores and log loss can be the score, with corrected priors or not."""
    report = auto(GaussianNB(), scoring=scoring, correct_prior=correct).fit(*data()).dose_report_
    assert np.isfinite(report.chosen.score)


# ------------------------------------------------------------------ what cannot run


def reasons(model: AugmentedClassifier) -> dict[str, str]:
    frame = model.dose_report_.to_frame()
    return dict(frame.loc[frame["reason"] != "", ["remedy", "reason"]].to_numpy())


def test_class_weights_only_where_the_classifier_has_them() -> None:
    X, y = data()
    assert "no class_weight" in reasons(auto(KNeighborsClassifier()).fit(X, y))["class weights"]
    own = auto(LogisticRegression(class_weight={0: 1, 1: 3})).fit(X, y)
    assert "set already" in reasons(own)["class weights"]
    piped = auto(make_pipeline(StandardScaler(), DecisionTreeClassifier(random_state=0)))
    assert "class weights" not in reasons(piped.fit(X, y))


def test_smote_takes_a_missing_number_for_the_median() -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier

    X, y = data()
    X[::7, 0] = np.nan
    assert not reasons(auto(HistGradientBoostingClassifier(max_iter=3)).fit(X, y))
    X[:, 1] = np.nan
    X_res, _ = SmoteRows(random_state=0).fit_resample(X, y)
    np.testing.assert_array_equal(X_res[:150], X)
    filled = X.copy()
    filled[::7, 0], filled[:, 1] = np.nanmedian(X[:, 0]), 0.0
    expected, _ = SmoteRows(random_state=0).fit_resample(filled, y)
    np.testing.assert_allclose(X_res[150:, [0, 2, 3]], expected[150:, [0, 2, 3]])
    assert np.isnan(X_res[:, 1]).all(), "of a column without values nothing is known"


def test_mixed_columns_are_interpolated_too() -> None:
    values, y = data()
    X = pd.DataFrame({"n": values[:, 0], "kind": np.where(values[:, 1] > 0, "up", "down")})
    X["whole"] = (values[:, 2] * 10).round().astype(np.int64)
    encode = make_column_transformer((OneHotEncoder(), ["kind"]), remainder="passthrough")
    model = auto(make_pipeline(encode, DecisionTreeClassifier(random_state=0))).fit(X, y)
    assert not reasons(model)
    X_res, y_res = SmoteRows(random_state=0).fit_resample(X, y)
    assert X_res.dtypes.equals(X.dtypes)
    pd.testing.assert_frame_equal(X_res.iloc[:150], X)
    assert np.bincount(y_res).tolist() == [120, 120]
    assert set(X_res["kind"]) == {"up", "down"}


def test_duplication_draws_rows_that_are_there() -> None:
    X, y = data()
    X_res, y_res = RepeatRows(random_state=0).fit_resample(X, y)
    assert np.bincount(y_res).tolist() == [120, 120]
    assert {tuple(row) for row in X_res[150:]} <= {tuple(row) for row in X[y == 1]}


def test_rare_classes_get_fewer_folds() -> None:
    X, y = data(60, 2)
    model = auto(cv=5).fit(X, y)
    assert model.dose_report_.n_folds == 2 * 2
    assert {"SMOTE", "ganaug"} <= set(reasons(model)), "a fold has one rare row to learn from"


def test_one_row_cannot_be_tested() -> None:
    """A class of one row cannot stand in a test fold: nothing is chosen, and the reason is said."""
    X, y = data(60, 1)
    model = auto(augmenter=quick(on_singleton="duplicate")).fit(X, y)
    assert model.dose_report_.chosen.remedy == "nothing"
    assert model.dose_report_.n_folds == 0
    assert "class 1 has one row" in model.dose_report_.reason
    assert "one row" in repr(model.dose_report_)


def test_balanced_classes_need_nothing() -> None:
    X, y = data(60, 30)
    report = auto().fit(X, y).dose_report_
    assert report.reason == "Nothing is done: no class lacks rows."


def test_a_dose_too_small_for_a_row_is_not_tried() -> None:
    X, y = data(62, 30)
    frame = auto().fit(X, y).dose_report_.to_frame()
    idle = frame[frame["reason"] == "adds no row"]
    assert set(idle["dose"]) == {0.1, 0.25}


def test_the_strategy_of_the_augmenter_is_the_full_dose() -> None:
    X, y = data()
    model = auto(GaussianNB(), quick(sampling_strategy={1: 70}), scoring=moved_a_little).fit(X, y)
    assert model.n_synthetic_ == 40


def moved_a_little(model: Any, X: Any, y: Any) -> float:
    return float(model.class_prior_[1])


@pytest.mark.parametrize("sampler", [SMOTE(random_state=0), BorderlineSMOTE(random_state=0)])
def test_other_over_samplers_take_the_place_of_the_gan(sampler: Any) -> None:
    frame = auto(augmenter=sampler).fit(*data()).dose_report_.to_frame()
    assert type(sampler).__name__ in set(frame["remedy"])
    assert "ganaug" not in set(frame["remedy"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cv": 1}, "cv"),
        ({"cv": "three"}, "cv"),
        ({"scoring": "balanced_acuracy"}, "did you mean 'balanced_accuracy'"),
        ({"scoring": 3}, "scoring"),
        ({"scoring": make_scorer(precision_score, pos_label="gone")}, "cannot score these rows"),
        ({"cv": GroupKFold(3)}, "cv: The 'groups'"),
        ({"augmenter": RandomUnderSampler()}, "RandomUnderSampler"),
        ({"augmenter": quick(recipe="no such")}, "no such"),
        ({"augmenter": quick(mode="replace")}, 'needs mode="append"'),
        ({"scoring": lambda *_: float("nan")}, "cannot score these rows: it is nan"),
    ],
)
def test_impossible_options(options: dict[str, Any], message: str) -> None:
    """Options that cannot be are refused by fit."""
    with pytest.raises(ConfigError, match=message):
        auto(**options).fit(*data())


def test_a_one_hot_target_is_refused() -> None:
    X, y = data()
    with pytest.raises(InvalidInputError, match="argmax"):
        auto().fit(X, np.eye(2)[y])


def test_a_fitted_augmenter_has_seen_the_folds() -> None:
    X, y = data()
    with pytest.raises(ConfigError, match="prefit=False"):
        auto(augmenter=quick().fit(X, y), prefit=True).fit(X, y)


# ------------------------------------------------------------------ in company


def test_a_seed_makes_it_repeatable() -> None:
    X, y = data(apart=0.7)
    first, again = auto().fit(X, y), auto().fit(X, y)
    assert first.dose_report_ == again.dose_report_
    assert np.array_equal(first.predict_proba(X), again.predict_proba(X))
    other = auto(augmenter=quick(random_state=1)).fit(X, y)
    assert other.dose_report_ != first.dose_report_


def test_pipelines_searches_clones_and_pickles() -> None:
    """dose="auto" works inside what scikit-learn builds, and is pickled with its report."""
    X, y = data()
    model = make_pipeline(StandardScaler(), auto(cv=StratifiedKFold(2)))
    assert (cross_val_score(clone(model), X, y, cv=2, error_score="raise") > 0.5).all()
    grid = {"augmentedclassifier__estimator__C": [0.1, 1.0]}
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(X, y)
    best = search.best_estimator_[-1]
    again = pickle.loads(pickle.dumps(best))
    assert again.dose_report_ == best.dose_report_
    assert np.array_equal(again.predict(X), best.predict(X))
    assert not hasattr(clone(best), "dose_report_")


def test_splitters_are_taken() -> None:
    """cv may be a splitter of scikit-learn: each of its folds counts."""
    cv = RepeatedStratifiedKFold(n_splits=2, n_repeats=2, random_state=0)
    assert auto(cv=cv).fit(*data()).dose_report_.n_folds == 4


def test_memory_trains_the_generators_of_the_folds_once(tmp_path: Any) -> None:
    X, y = data()
    model = auto(augmenter=quick(callbacks=[CountRuns()]), memory=str(tmp_path))
    first = clone(model).fit(X, y)
    CountRuns.runs.clear()
    assert clone(model).fit(X, y).dose_report_ == first.dose_report_
    assert not CountRuns.runs


def test_weights_reach_the_folds() -> None:
    """Sample weights count in each fold, and a classifier that takes none is refused."""
    X, y = data(apart=0.7)
    heavy = np.where(y == 1, 4.0, 1.0)  # balanced by weights already
    report = auto().fit(X, y, sample_weight=heavy).dose_report_
    plain = auto().fit(X, y).dose_report_
    assert report.arms[0].score > plain.arms[0].score
    with pytest.raises(ConfigError, match="KNeighborsClassifier"):
        auto(KNeighborsClassifier()).fit(X, y, sample_weight=heavy)


def test_strings_for_labels_and_the_readable_report() -> None:
    X, y = data()
    model = auto().fit(X, np.where(y == 1, "fraud", "fine"))
    text = repr(model.dose_report_)
    assert text.startswith("DoseReport(balanced_accuracy, 6 folds)")
    assert text.count("*") == 1
    assert set(model.predict(X)) == {"fraud", "fine"}


# ------------------------------------------------------------------ the prior


def test_probabilities_are_corrected_and_decisions_are_not() -> None:
    X, y = data(3000, 300, apart=0.7)
    options: dict[str, Any] = {"augmenter": RepeatRows(random_state=0)}
    plain = AugmentedClassifier(LogisticRegression(), **options).fit(X, y)
    model = AugmentedClassifier(LogisticRegression(), correct_prior=True, **options).fit(X, y)
    assert np.allclose(model.prior_ratio_, [0.9 / 0.5, 0.1 / 0.5])
    p = plain.predict_proba(X)
    by_hand = p * [0.9 / 0.5, 0.1 / 0.5]
    by_hand /= by_hand.sum(1, keepdims=True)
    assert np.allclose(model.predict_proba(X), by_hand)
    assert np.allclose(model.predict_log_proba(X), np.log(by_hand))
    assert np.array_equal(model.predict(X), plain.predict(X))
    assert abs(model.predict_proba(X)[:, 1].mean() - 0.1) < 0.02 < abs(p[:, 1].mean() - 0.1)


def test_class_weights_and_row_weights_count_as_trained_on() -> None:
    X, y = data()
    weighted = AugmentedClassifier(
        LogisticRegression(class_weight="balanced"), quick(), dose=0, correct_prior=True
    ).fit(X, y)
    assert np.allclose(weighted.prior_ratio_, [0.8 / 0.5, 0.2 / 0.5])
    light = AugmentedClassifier(
        LogisticRegression(), quick(), synthetic_weight=0.5, correct_prior=True
    ).fit(X, y)
    assert np.allclose(light.prior_ratio_, [0.8 / (120 / 195), 0.2 / (75 / 195)])


def test_the_gate_scores_the_probabilities_that_will_be_given() -> None:
    X, y = data()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain, model = (
            auto(GaussianNB(), scoring="neg_log_loss", correct_prior=c).fit(X, y).dose_report_
            for c in (False, True)
        )
    full = [k for k, each in enumerate(plain.arms) if each.dose == 1]
    assert any(model.arms[k].score > plain.arms[k].score + 0.01 for k in full)


def test_a_later_fit_leaves_no_old_evidence() -> None:
    X, y = data()
    model = auto(cv=StratifiedKFold(2), correct_prior=True).fit(X, y)
    model.set_params(dose=0.5, correct_prior=False).fit(X, y)
    assert not hasattr(model, "dose_report_")
    assert not hasattr(model, "prior_ratio_")
    assert not hasattr(model.set_params(dose=0).fit(X, y), "augmenter_")
