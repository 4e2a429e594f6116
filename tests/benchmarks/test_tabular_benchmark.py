"""The benchmark of tables: its scores, its hygiene and tiny runs."""

from __future__ import annotations

import itertools
import json
import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from benchmarks import _classifiers, _methods, _run, _tabular_run, tabular
from benchmarks._data import folds_of, load_set
from benchmarks._methods import ARMS, Arm, Augmented, Training

pytest.importorskip("pyarrow", reason="the benchmark caches fits as Parquet")

METRICS = _classifiers.METRICS


@pytest.fixture
def folder(tmp_path):
    """Two small sets: numeric with two classes, mixed with three classes and missing values."""
    rng = np.random.default_rng(0)
    sizes = {"0": 60, "1": 16}
    labels = np.repeat(list(sizes), list(sizes.values()))
    numeric = pd.DataFrame(rng.normal(size=(76, 3)), columns=["a", "b", "c"])
    numeric["a"] += 2 * (labels == "1")
    numeric.assign(label=labels).to_csv(tmp_path / "numbers.csv", index=False)

    labels = np.repeat(["x", "y", "z"], [50, 20, 12])
    mixed = pd.DataFrame({"n": rng.integers(0, 9, 82), "m": rng.normal(size=82)})
    mixed["colour"] = rng.choice(["1", "2", None], 82, p=[0.6, 0.3, 0.1])
    mixed["shape"] = np.where(labels == "y", "round", rng.choice(["round", "flat"], 82))
    mixed.assign(label=labels).to_csv(tmp_path / "mixed.csv", index=False)
    manifest = {"numbers": {"categorical": []}, "mixed": {"categorical": ["colour", "shape"]}}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    return tmp_path


def run_tabular(folder, tmp_path, *extra):
    out = tmp_path / "out" / "result.json"
    arguments = ["--data", str(folder), "--out", str(out), "--cache", str(tmp_path / "cache")]
    assert tabular.main([*arguments, "--jobs", "1", *extra]) == 0
    return json.loads(out.read_text())


def run_of(settings, table, tmp_path):
    lines, cache = tmp_path / "r.jsonl", tmp_path / "cache"
    return _tabular_run.TableRun(settings, lines, cache, say=str, tables=[table])


# Scores


def test_scores_of_known_predictions():
    truth = np.array([0, 0, 0, 1, 1])
    predicted = np.array([0, 0, 1, 1, 1])
    chance = np.array([0.1, 0.2, 0.6, 0.7, 0.5])
    proba = np.column_stack([1 - chance, chance])
    found = _classifiers.score(truth, predicted, proba, positive=1)
    assert found["balanced_accuracy"] == pytest.approx((2 / 3 + 1) / 2)
    assert found["g_mean"] == pytest.approx(math.sqrt(2 / 3))
    assert found["macro_f1"] == pytest.approx((0.8 + 0.8) / 2)
    assert found["average_precision"] == pytest.approx((1 + 2 / 3) / 2)
    rare_is_first = _classifiers.score(1 - truth, 1 - predicted, proba[:, ::-1], positive=0)
    assert rare_is_first == pytest.approx(found)


def test_tuned_class_weights_rescue_a_rare_class():
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 1, 2], [300, 300, 12])
    X = pd.DataFrame(rng.normal(size=(612, 2)) + np.array([[0, 0], [2, 0], [1, 1]])[codes])
    model = LogisticRegression()
    plain = model.fit(X, codes).predict(X)
    assert (plain[codes == 2] == 2).mean() < 0.2
    tuned = _classifiers.with_decision(
        _classifiers.make_classifier("logistic", (), 0), "threshold", codes, 0
    ).fit(X, codes)
    assert (tuned.predict(X)[codes == 2] == 2).mean() > 0.5


# Hygiene


def test_no_test_row_reaches_a_fit(folder, tmp_path, monkeypatch):
    """Neither an augmentation nor a classifier is given a row of the test fold."""
    seen: dict[str, list[set[int]]] = {"augment": [], "classify": []}

    def spy(fold: Training) -> Augmented:
        seen["augment"].append(set(fold.X.index))
        assert set(fold.y.index) == set(fold.X.index)
        return Augmented(fold.X, fold.y)

    def evaluate(name, decision, train, test, categorical, positive, seed, weights):
        seen["classify"].append(set(train[0].index))
        tested.append(set(test[0].index))
        return dict.fromkeys((*METRICS, "classifier_seconds"), 0.5)

    tested: list[set[int]] = []
    monkeypatch.setattr(_tabular_run, "evaluate", evaluate)
    table = load_set(folder, "numbers")
    settings = _tabular_run.TableSettings(3, {"numbers": (0, 1)}, (Arm("spy", spy),), ("logistic",))
    run_of(settings, table, tmp_path).execute()
    assert len(tested) == 6
    assert all(a == c for a, c in zip(seen["augment"], seen["classify"], strict=True))
    for trained, held_out in zip(seen["augment"], tested, strict=True):
        assert not trained & held_out
        assert trained | held_out == set(range(76))


@pytest.mark.parametrize("decision", ["plain", "class_weight", "threshold"])
def test_a_classifier_does_not_look_at_the_test_fold(folder, decision):
    """Its answers for a test row are the same whatever the other test rows are."""
    table = load_set(folder, "mixed")
    fold = next(folds_of(table, 2, [0]))
    X, y = table.X.iloc[fold.train], table.y.iloc[fold.train].to_numpy(str)
    model = _classifiers.with_decision(
        _classifiers.make_classifier("logistic", table.categorical, 0), decision, y, 0
    ).fit(X, y)
    test = table.X.iloc[fold.test]
    np.testing.assert_array_equal(model.predict(test)[:5], model.predict(test.iloc[:5]))


@pytest.mark.parametrize("method", ["random", "smote", "adasyn", "borderline_smote"])
@pytest.mark.parametrize("name", ["numbers", "mixed"])
def test_methods_add_valid_rows_after_the_original_ones(folder, name, method):
    table = load_set(folder, name)
    augment = ARMS[method].augment
    assert augment is not None
    result = augment(Training(table.X, table.y, table.categorical, 0))
    n = len(table.X)
    pd.testing.assert_frame_equal(result.X.iloc[:n], table.X, check_dtype=False)
    assert list(result.y.iloc[:n]) == list(table.y)
    assert len(result.X) == len(result.y) == n + sum(result.made.values()) > n
    for column in table.categorical:
        assert set(result.X[column].dropna()) <= set(table.X[column].dropna())
    for column in table.X.columns.difference(list(table.categorical)):
        assert result.X[column].between(table.X[column].min(), table.X[column].max()).all()


def test_smote_shrinks_its_neighbourhood_and_says_so():
    y = pd.Series(["a"] * 10 + ["b"] * 4)
    assert _methods.neighbours(y) == (3, "3 neighbours: the smallest class has 4 rows")
    assert _methods.neighbours(pd.Series(["a"] * 10 + ["b"] * 6)) == (5, "")


def test_rare_classes_survive_a_cut(folder):
    table = load_set(folder, "mixed")
    counts = table.capped(41).y.value_counts().to_dict()
    assert counts == {"x": 25, "y": 20, "z": 12}


# A run


def test_a_tiny_run_writes_the_json_and_the_report(folder, tmp_path, capsys):
    result = run_tabular(
        folder,
        tmp_path,
        *("--methods", "none,class_weight,threshold,random,smote"),
        *("--classifiers", "logistic,knn", "--seeds", "1"),
    )
    methods = {row["method"] for row in result["rows"]}
    assert methods == {"none", "class_weight", "threshold", "random", "smote"}
    # 2 sets, 2 folds, 5 methods, 2 classifiers; class weights are not available for knn.
    assert len(result["rows"]) == 2 * 2 * (5 * 2 - 1)
    assert all(0 <= row[metric] <= 1 for row in result["rows"] for metric in METRICS)
    assert result["environment"]["versions"]["scikit-learn"]
    assert result["settings"]["folds"] == 2
    assert {row["method"] for row in result["tables"]["mean_ranks_all_sets"]} == methods
    text = capsys.readouterr().out
    assert "## Mean ranks, methods that run on all sets (2 sets)" in text
    assert "class weights are not available for knn" in text


def test_a_second_run_continues_where_the_first_stopped(folder, tmp_path, monkeypatch):
    options = ("--sets", "numbers", "--classifiers", "logistic", "--seeds", "1")
    first = run_tabular(folder, tmp_path, *options, "--methods", "random")
    lines = tmp_path / "out" / "result.jsonl"
    kept = lines.read_text().splitlines()
    lines.write_text(kept[0] + "\n" + kept[1][:40])  # killed while writing

    def no_fit(*_):
        raise AssertionError("fitted again")

    monkeypatch.setattr(_tabular_run, "timed", no_fit)
    second = run_tabular(folder, tmp_path, *options, "--methods", "random")
    for a, b in zip(first["rows"], second["rows"], strict=True):
        assert {**a, "classifier_seconds": 0} == {**b, "classifier_seconds": 0}


def test_a_method_that_raises_is_scored_as_no_augmentation(folder, tmp_path):
    def broken(fold: Training) -> Augmented:
        raise ValueError("no neighbours")

    table = load_set(folder, "numbers")
    arms = (ARMS["none"], Arm("broken", broken))
    settings = _tabular_run.TableSettings(2, {"numbers": (0,)}, arms, ("logistic",))
    rows = pd.DataFrame(run_of(settings, table, tmp_path).execute())
    by = rows.set_index(["fold", "method"])["average_precision"].unstack()
    assert (by["none"] == by["broken"]).all()
    broken_rows = rows[rows["method"] == "broken"]
    assert broken_rows["failed"].all()
    assert broken_rows["note"].str.contains("ValueError: no neighbours").all()


def test_the_folds_that_the_time_limit_left_out_are_told(folder, tmp_path, monkeypatch, capsys):
    ticks = itertools.count(0, 10)
    monkeypatch.setattr(_run, "time", SimpleNamespace(perf_counter=lambda: next(ticks)))
    # The first fold takes 10 seconds; the second would begin after 30 and end after 40.
    result = run_tabular(
        folder,
        tmp_path,
        *("--sets", "numbers", "--methods", "none", "--classifiers", "logistic"),
        *("--seeds", "1", "--max-minutes", str(35 / 60)),
    )
    assert result["cut"] == ["numbers, seed 0, fold 1"]
    assert {row["fold"] for row in result["rows"]} == {0}
    assert "Cut by the time limit: numbers, seed 0, fold 1" in capsys.readouterr().out


def test_methods_for_numbers_and_two_classes_stay_off_other_sets(folder):
    mixed, numbers = load_set(folder, "mixed"), load_set(folder, "numbers")
    assert ARMS["prowsyn"].applies_to(numbers)
    assert not ARMS["prowsyn"].applies_to(mixed)
    assert ARMS["ctgan"].applies_to(mixed)


def test_unknown_names_are_refused(folder, tmp_path):
    with pytest.raises(SystemExit, match="Unknown: smoot"):
        run_tabular(folder, tmp_path, "--methods", "smoot")
