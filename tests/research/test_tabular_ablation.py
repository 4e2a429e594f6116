"""The ablation on tables: its arms differ in what they say, and leave the library as it was."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ganaug.tables.plan
import ganaug.tables.selection
from benchmarks._classifiers import evaluate
from benchmarks._data import TableSet
from benchmarks._methods import Training
from benchmarks._tabular_run import read_fit, write_fit
from ganaug import GanaugError
from research import _tabular_ideas as ideas
from research import tabular_ablation as ablation

pytest.importorskip("pyarrow", reason="the benchmark caches fits as Parquet")
ARMS = {arm.name: arm for arm in (*ablation.PARTS, *ablation.SIZE) if arm.augment is not None}


@pytest.fixture(scope="module")
def fold():
    """Return a mixed table of three classes."""
    rng = np.random.default_rng(0)
    y = np.repeat(["a", "b", "c"], [60, 25, 12])
    X = pd.DataFrame(rng.normal(size=(97, 3)), columns=list("xyz")) + (y == "b")[:, None]
    X["kind"] = rng.choice(["p", "q"], 97)
    return Training(X, pd.Series(y, name="label"), ("kind",), 0)


@pytest.mark.parametrize("name", ARMS)
def test_every_arm_runs_and_leaves_nothing_behind(name, fold, monkeypatch):
    monkeypatch.setattr("ganaug.tables.data.auto_steps", lambda n: 3)
    before = {k: v for k, v in vars(ganaug.tables.plan).items() if k.isupper()}
    found = ARMS[name].augment(fold)
    assert len(found.X) == len(found.y) > len(fold.y)
    assert set(found.y) == {"a", "b", "c"}
    pd.testing.assert_frame_equal(found.X.iloc[:97], fold.X, check_dtype=False)
    assert {k: v for k, v in vars(ganaug.tables.plan).items() if k.isupper()} == before
    assert ganaug.tables.selection.EVIDENCE_QUANTILE == 0.3


def test_weights_reach_the_classifiers_that_take_them(fold, tmp_path, monkeypatch):
    monkeypatch.setattr("ganaug.tables.data.auto_steps", lambda n: 3)
    halved = ARMS["synthetic rows weigh half"].augment(fold)
    assert halved.weights.to_numpy() == pytest.approx(
        np.where(np.arange(len(halved.y)) < 97, 1, 0.5)
    )
    believed = ARMS["weights by evidence"].augment(fold).weights[97:]
    labels = halved.y[97:].to_numpy()
    assert believed.groupby(labels).mean().to_numpy() == pytest.approx(1.0)
    assert believed.std() > 0
    record = {"fit_seconds": 1.0, "load": None, "made": {}, "note": ""}
    write_fit(tmp_path / "fit", halved, record)
    again, _ = read_fit(tmp_path / "fit")
    pd.testing.assert_series_equal(again.weights, halved.weights, check_names=False)
    assert list(again.X) == list(fold.X)
    # Weights that leave one class only a little: what takes them stops to predict the others.
    test, only = (fold.X, fold.y), pd.Series(np.where(again.y == "a", 1.0, 1e-9))
    for name, moved in (("logistic", True), ("forest", True), ("boosting", True), ("knn", False)):
        plain, weighed = (
            evaluate(name, "plain", (again.X, again.y), test, ("kind",), "c", 0, weights)
            for weights in (None, only)
        )
        assert (plain["macro_f1"] != weighed["macro_f1"]) == moved, name


def test_a_part_that_is_not_there_cannot_be_exchanged():
    with pytest.raises(AttributeError), ideas.exchanged({"tables.fitting.NO_SUCH": 1}):
        raise GanaugError


def test_a_rare_class_is_made_small_and_its_set_keeps_its_shape():
    y = pd.Series(np.repeat(["0", "1"], [3000, 1000]))
    table = TableSet("t", pd.DataFrame({"x": np.arange(4000)}), y, (), "", 4000)
    assert ablation.thinned(table, 50).y.value_counts().to_dict() == {"0": 300, "1": 100}
    assert ablation.thinned(table, 400).y.value_counts().to_dict() == {"0": 2000, "1": 800}
    assert ablation.thinned(table, 501) is None


def test_a_tiny_run_prints_the_table_of_a_group(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("ganaug.tables.data.auto_steps", lambda n: 3)
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(90, 2)), columns=["a", "b"])
    frame.assign(label=np.repeat([0, 1], [60, 30])).to_csv(tmp_path / "churn.csv", index=False)
    (tmp_path / "manifest.json").write_text('{"churn": {"categorical": []}}')
    common = ["--sets", "churn", "--data", str(tmp_path), "--cache", str(tmp_path / "cache")]
    out = str(tmp_path / "out.json")
    ablation.main([*common, "--arms", "none,ganaug,no selection", "--out", out])
    assert "| no selection |" in capsys.readouterr().out
    ablation.main([*common, "--group", "size", "--sizes", "10", "--out", str(tmp_path / "s.json")])
    assert "| 10 " in capsys.readouterr().out
