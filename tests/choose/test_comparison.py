"""compare: every remedy on the same folds, intervals that mean something, and plain advice."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import ShuffleSplit, StratifiedKFold, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

from ganaug import (
    ConfigError,
    GanaugError,
    GANAugmenter,
    InvalidInputError,
    InvalidTypeError,
    compare,
)
from ganaug.choose.compare import METHODS
from ganaug.choose.result import Comparison, MethodResult
from ganaug.choose.thresholds import TunedClassWeights

pytestmark = pytest.mark.filterwarnings("ignore::ganaug.GanaugWarning")

FREE = METHODS[:-1]


def quick(**options: Any) -> GANAugmenter:
    return GANAugmenter(**{"max_steps": 1, "random_state": 0, **options})


def data(n: int = 200, rare: int = 40, apart: float = 1.0, classes: int = 2) -> tuple[Any, Any]:
    random = np.random.default_rng(0)
    sizes = [n - rare * (classes - 1), *[rare] * (classes - 1)]
    y = random.permutation(np.repeat(np.arange(classes), sizes))
    return random.normal(size=(n, 4)) + apart * y[:, None], y


class Spy(ClassifierMixin, BaseEstimator):
    log: ClassVar[list[tuple[Any, Any]]] = []

    def fit(self, X: Any, y: Any) -> Spy:
        self.classes_, self.X_ = np.unique(y), X
        return self

    def predict(self, X: Any) -> Any:
        self.log.append((self.X_, X))
        return np.zeros(len(X), int)


def test_all_methods_on_the_same_folds() -> None:
    X, y = data()
    cv = StratifiedKFold(3, shuffle=True, random_state=0)
    found = compare(X, y, LogisticRegression(), augmenter=quick(), cv=cv, random_state=0)
    frame = found.to_frame()
    assert frame.index.tolist() == list(METHODS)
    assert (frame["reason"] == "").all()
    by_hand = {
        "nothing": LogisticRegression(),
        "class weights": LogisticRegression(class_weight="balanced"),
    }
    scores = {
        name: cross_val_score(model, X, y, cv=cv, scoring="balanced_accuracy")
        for name, model in by_hand.items()
    }
    for name, own in scores.items():
        assert frame.loc[name, "score"] == pytest.approx(own.mean())
    d = scores["class weights"] - scores["nothing"]
    reach = t.ppf(0.975, 2) * np.sqrt((1 / 3 + 1 / 2) * d.var(ddof=1))
    row = frame.loc["class weights"]
    assert row["difference"] == pytest.approx(d.mean())
    assert (row["low"], row["high"]) == pytest.approx(
        (d.mean() - reach, d.mean() + reach), abs=1e-3
    )


def test_no_test_row_is_learned_from() -> None:
    X, y = data()
    Spy.log.clear()
    compare(X, y, Spy(), ["SMOTE", "ganaug", "random duplication"], augmenter=quick(), cv=3)
    assert len(Spy.log) == 12
    for seen, asked in Spy.log:
        assert not set(map(tuple, seen)) & set(map(tuple, asked))


def test_the_seed_makes_it_repeatable() -> None:
    """The same seed gives the same figures, another one others."""
    X, y = data()
    options: dict[str, Any] = {"augmenter": quick(random_state=None), "cv": 3}
    first, again, other = (
        compare(X, y, GaussianNB(), random_state=seed, **options) for seed in (0, 0, 1)
    )
    assert first.methods == again.methods
    assert first.methods != other.methods


# ------------------------------------------------------------------ advice


def result(method: str, score: float, reach: float = 0.02, **options: Any) -> MethodResult:
    d = score - 0.5
    return MethodResult(method, score, d, d - reach, d + reach, reach / 2, **options)


def comparison(*methods: MethodResult) -> Comparison:
    return Comparison((MethodResult("nothing", 0.5, 0, 0, 0, 0), *methods), "f1", 5, {})


def test_advice_names_the_simplest_of_those_that_help_alike() -> None:
    found = comparison(result("class weights", 0.6), result("SMOTE", 0.605), result("ganaug", 0.52))
    assert found.best.method == "class weights"
    assert found.advice.startswith(
        "Use class weights: f1 0.600 against 0.500 (+0.100, 95% interval"
    )
    assert "SMOTE scores 0.605, but its lead may be chance" in found.advice
    clear = comparison(result("class weights", 0.55), result("ganaug", 0.6))
    assert clear.advice.startswith("Use ganaug")
    assert "narrow by chance" not in clear.advice
    assert replace(clear, n_folds=3).advice.endswith(
        "With only 3 folds an interval can be narrow by chance."
    )


def test_advice_against_everything() -> None:
    """Where no remedy gains, the advice is to do nothing, with the best one's interval."""
    found = comparison(result("class weights", 0.51), result("SMOTE", 0.4))
    assert found.best.method == "nothing"
    assert found.advice == (
        "No method is better than doing nothing here: no interval is above 0 "
        "(best: class weights, +0.010, 95% interval -0.010 to +0.030)."
    )
    none = comparison(MethodResult("SMOTE", reason="missing values"))
    assert none.advice == "No method is better than doing nothing here: no method could run."


def test_data_where_weights_help_and_data_where_nothing_does() -> None:
    X, y = data(2000, 200)
    helped = compare(X, y, LogisticRegression(), ["class weights"], random_state=0)
    assert helped.advice.startswith("Use class weights")
    X, y = data(400, 40, apart=0.0)
    idle = compare(X, y, DummyClassifier(), ["random duplication", "SMOTE"], random_state=0)
    assert idle.advice.startswith("No method is better than doing nothing here")


# ------------------------------------------------------------------ what cannot run


def reasons(found: Comparison) -> dict[str, str]:
    return {each.method: each.reason for each in found.methods if each.reason}


def test_methods_that_cannot_run_say_why() -> None:
    found = compare(*data(), KNeighborsClassifier(), ["class weights"], cv=2)
    assert reasons(found) == {"class weights": "the classifier has no class_weight"}
    ranked = compare(*data(), GaussianNB(), ["tuned threshold"], cv=2, scoring="roc_auc")
    assert "does not look at decisions" in reasons(ranked)["tuned threshold"]


def test_several_classes_tune_a_weight_each() -> None:
    X, y = data(300, 30, apart=0.8, classes=3)
    found = compare(X, y, GaussianNB(), ["tuned threshold"], cv=3, random_state=0)
    assert not reasons(found)
    model = TunedClassWeights(GaussianNB(), StratifiedKFold(3)).fit(X, y)
    plain = GaussianNB().fit(X, y)
    assert model.weights_.shape == (3,)
    assert balanced_accuracy_score(y, model.predict(X)) > balanced_accuracy_score(
        y, plain.predict(X)
    )
    assert np.array_equal(model.predict_proba(X), plain.predict_proba(X))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"methods": ["smite"]}, "There is no method"),
        ({"methods": None}, "methods must be names"),
        ({"estimator": "forest"}, "must be a classifier"),
        ({"estimator": GaussianNB}, "must be a classifier"),
        ({"estimator": LinearRegression()}, "must be a classifier"),
        ({"augmenter": "smote"}, "needs a sampler such as"),
        ({"augmenter": quick(mode="replace")}, 'needs mode="append"'),
        ({"y": np.eye(2)[data()[1]]}, "argmax"),
        ({"scoring": lambda *_: float("nan")}, "it is nan on the 40 test rows"),
        ({"methods": ["class weight"]}, "did you mean 'class weights'"),
        ({"scoring": "f2"}, "scoring='f2'"),
        ({"cv": 1}, "cv must be at least 2"),
        ({"cv": ShuffleSplit(1)}, "two or more folds"),
        ({"X": np.zeros((200, 2, 2))}, "Pass an estimator"),
        ({"y": np.zeros(200)}, "one class"),
        ({"y": np.arange(200) == 7}, "has one row"),
    ],
)
def test_impossible_requests(change: dict[str, Any], message: str) -> None:
    """compare refuses arguments that cannot be, in types of its own."""
    X, y = data()
    with pytest.raises(GanaugError, match=message) as caught:
        compare(**{"X": X, "y": y, **change})
    assert isinstance(caught.value, (ConfigError, InvalidInputError, InvalidTypeError))


@pytest.mark.parametrize("scoring", ["average_precision", "f1", "neg_brier_score"])
def test_of_two_names_the_rarer_is_the_positive_one(scoring: str) -> None:
    X, y = data()
    named = np.where(y == 1, "bad", "good")  # alphabetical order would say "good"
    options: Any = {"methods": ["class weights"], "scoring": scoring, "random_state": 0}
    found = compare(X, named, LogisticRegression(), **options)
    known = compare(X, y, LogisticRegression(), **options)
    assert [e.score for e in found.methods] == pytest.approx([e.score for e in known.methods])


@pytest.mark.parametrize("missing", [slice(None, None, 9), slice(None)], ids=["some", "all"])
def test_missing_numbers_stop_no_method(missing: slice) -> None:
    """Missing values leave no remedy out of the comparison."""
    X, y = data()
    X[missing, 1] = np.nan
    assert not reasons(compare(X, y, augmenter=quick(), cv=2, random_state=0))


# ------------------------------------------------------------------ containers and forms


def mixed() -> tuple[pd.DataFrame, pd.Series]:
    values, y = data()
    X = pd.DataFrame({"n": values[:, 0], "kind": np.where(values[:, 1] > 0, "up", "down")})
    X["whole"] = (values[:, 2] * 10).round().astype(np.int64)
    X["day"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(X["whole"], unit="D")
    return X, pd.Series(np.where(y == 1, "yes", "no"))


def test_mixed_frames_of_pandas_and_polars_score_the_same() -> None:
    pl = pytest.importorskip("polars")
    X, y = mixed()
    options: dict[str, Any] = {"methods": FREE[2:], "cv": 2, "random_state": 0}
    found = compare(X, y, **options)
    assert not reasons(found)
    assert compare(pl.from_pandas(X), pl.Series(y.tolist()), **options).methods == found.methods


@pytest.fixture(scope="module")
def found() -> Comparison:
    return compare(*data(), GaussianNB(), augmenter=quick(), cv=2, random_state=0)


def test_json_holds_the_figures(found: Comparison, tmp_path: Any) -> None:
    text = found.to_json(tmp_path / "found.json")
    document = json.loads(text)
    assert (tmp_path / "found.json").read_text() == text
    assert [each["method"] for each in document["methods"]] == list(METHODS)
    assert document["methods"][2]["score"] is None, "naive Bayes has no class weights"
    assert document["advice"] == found.advice
    assert document["facts"]["classes"] == {"0": 160, "1": 40}


def test_the_picture_shows_what_ran(found: Comparison) -> None:
    """The figure has the methods that ran, and no others."""
    pytest.importorskip("matplotlib")
    axes = found.plot().axes[0]
    shown = [text.get_text() for text in axes.get_yticklabels()]
    assert shown == [m for m in METHODS[1:] if m != "class weights"]


def test_the_page_says_it_all_and_loads_nothing(found: Comparison, tmp_path: Any) -> None:
    pytest.importorskip("jinja2")
    page = found.to_html(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text() == page
    for each in found.methods:
        assert each.method in page
    assert "not available: the classifier has no class_weight" in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org", "")


def test_repr_is_readable(found: Comparison) -> None:
    lines = repr(found).splitlines()
    assert lines[0] == f"Comparison(balanced_accuracy of {found.facts['classifier']}, 2 folds)"
    assert lines[-1] == found.advice
    assert sum(line.startswith("*") for line in lines) == 1


# ------------------------------------------------------------------ command line


def test_the_command(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """``ganaug compare`` prints the table and writes the page and the figures."""
    pytest.importorskip("typer")
    from ganaug.cli import main

    X, y = mixed()
    table = tmp_path / "table.csv"
    X.assign(answer=y).to_csv(table, index=False)
    page, numbers = tmp_path / "page.html", tmp_path / "numbers.json"
    options = ["--target", "answer", "--folds", "2", "--max-steps", "1", "--seed", "0"]
    with pytest.raises(SystemExit) as stop:
        main(["compare", str(table), *options, "-o", str(page), "--json", str(numbers)])
    assert stop.value.code == 0
    said = capsys.readouterr().out
    document = json.loads(numbers.read_text())
    assert document["advice"] in said
    assert document["advice"].split(" (")[0] in page.read_text()
    with pytest.raises(SystemExit) as stop:
        main(["compare", str(table), *options, "--scoring", "f2"])
    assert stop.value.code == 1
    assert "scoring='f2'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("boosting", "HistGradientBoostingClassifier"),
        ("forest", "RandomForestClassifier"),
        ("logistic", "LogisticRegression"),
        ("knn", "KNeighborsClassifier"),
    ],
)
def test_the_command_takes_a_classifier(
    name: str, kind: str, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("typer")
    from ganaug.cli import main

    X, y = mixed()
    X.iloc[::7, 0] = np.nan
    table = tmp_path / "table.csv"
    X.assign(answer=y).to_csv(table, index=False)
    options = ["--target", "answer", "--folds", "2", "--max-steps", "1", "--seed", "0"]
    with pytest.raises(SystemExit) as stop:
        main(["compare", str(table), *options, "--classifier", name])
    assert stop.value.code == 0
    assert f"balanced_accuracy of {kind}, 2 folds" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stop:
        main(["compare", str(table), *options, "--classifier", name + "s"])
    assert stop.value.code == 1
    assert name in capsys.readouterr().err


def test_another_sampler_stands_in_for_ganaug() -> None:
    from imblearn.over_sampling import SMOTE

    found = compare(*data(), GaussianNB(), ["SMOTE", "ganaug"], augmenter=SMOTE(), cv=2)
    assert not reasons(found)
    assert found.facts["augmenter"].startswith("SMOTE(")
