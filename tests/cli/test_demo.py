"""The demo: what it says, what it saves, and that it is honest, repeatable and quick."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("typer", reason="the command line needs the extra cli")

from sklearn.datasets import load_breast_cancer
from typer.testing import CliRunner

from ganaug.cli.app import app
from ganaug.cli.demo import run as demo
from ganaug.cli.demo.data import load_demo_data
from ganaug.cli.demo.run import (
    DEMO_METHODS,
    Difference,
    compare_methods,
    conclusion,
    paired_interval,
)

FILES = {"real-and-synthetic.png", "training.png", "digits.png", "results.json"}
LIMIT_SECONDS = 120


def call(*arguments: Any) -> Any:
    return CliRunner().invoke(app, ["demo", *map(str, arguments)])


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """Return the result and folder of a demo with hardly any training."""
    pytest.importorskip("matplotlib", reason="the demo needs the extra report")
    folder = tmp_path_factory.mktemp("demo") / "made" / "here"
    result = call("-o", folder, "--max-steps", 3, "--seed", 1)
    assert result.exit_code == 0, result.stderr
    return result, folder


def test_the_data_are_real_rows_less_the_removed_ones():
    everything = load_breast_cancer()
    data = load_demo_data(seed=3)
    assert data.y.value_counts().to_dict() == {"benign": 357, "malignant": 20}
    rows = np.vstack([data.X, data.removed])
    order, real_order = np.lexsort(rows.T), np.lexsort(everything.data.T)
    np.testing.assert_array_equal(rows[order], everything.data[real_order])
    labels = np.r_[data.y == "benign", np.zeros(len(data.removed), bool)]
    np.testing.assert_array_equal(labels[order], everything.target[real_order].astype(bool))
    assert not load_demo_data(seed=4).X.equals(data.X)


def test_rows_keep_their_numbers():
    """What the demo keeps and removes are rows of the data set, by their numbers."""
    everything = load_breast_cancer(as_frame=True).data
    data = load_demo_data(seed=3)
    assert sorted([*data.X.index, *data.removed.index]) == list(everything.index)
    assert data.X.equals(everything.loc[data.X.index])
    assert data.removed.equals(everything.loc[data.removed.index])
    assert data.y.index.equals(data.X.index)


def test_test_sets_hold_every_removed_row_and_weigh_malignant_as_the_table_does():
    data = load_demo_data(seed=3)
    fold = np.r_[np.flatnonzero(data.y == "malignant")[:4], np.flatnonzero(data.y == "benign")[:71]]
    X, y, weights = data.test_set(fold)
    assert list(X.index) == list(y.index) == [*data.X.index[fold], *data.removed.index]
    assert X.dtypes.equals(data.X.dtypes)
    real = load_breast_cancer().target[y.index]
    np.testing.assert_array_equal(y == "benign", real.astype(bool))
    rare = (y == "malignant").to_numpy()
    assert rare.sum() == 4 + 192
    np.testing.assert_allclose(weights[rare].sum() / weights.sum(), 20 / 377)
    np.testing.assert_array_equal(weights[~rare], 1)
    assert len(set(weights[rare])) == 1


def test_it_says_which_rows_were_removed(quick):
    text = quick[0].stdout
    assert "192 of the 212 malignant rows were removed" in text
    assert "357 benign and 20 malignant rows" in text


def test_it_says_that_the_removed_rows_are_tested_on_and_never_trained_on(quick):
    text = " ".join(quick[0].stdout.split())
    assert (
        "The removed rows serve as further test rows, weighted so that the malignant share stays "
        "1 in 19; no method sees them while training."
    ) in text


def test_the_table_has_all_methods_and_metrics_and_names_its_interval(quick):
    text = quick[0].stdout
    for method in ("no augmentation", "random duplication", "SMOTE", "ganaug"):
        assert sum(line.startswith(f"{method}  ") for line in text.splitlines()) in (1, 2)
    for metric in ("balanced accuracy", "macro F1", "average precision"):
        assert f"\nBy {metric}, " in text
    assert "95% confidence interval" in text
    assert "Nadeau and Bengio" in text
    assert "not the methods with one another" in text
    *lines, _ = text.splitlines()  # the last one has the folder's name
    assert max(map(len, lines)) <= 100


def test_progress_is_on_stderr(quick):
    assert "10/10" in quick[0].stderr
    assert "10/10" not in quick[0].stdout


def test_it_saves_pictures_and_results(quick):
    result, folder = quick
    assert {path.name for path in folder.iterdir()} == FILES
    for name in ("real-and-synthetic.png", "training.png", "digits.png"):
        assert (folder / name).read_bytes().startswith(b"\x89PNG")
        assert (folder / name).stat().st_size > 20_000
    saved = json.loads((folder / "results.json").read_text())
    assert saved["data"]["removed"] == {"malignant": 192}
    rows = saved["folds"]["rows"]
    assert len(rows) == 10
    for fold in rows:
        assert fold["train"]["malignant"] == 16
        assert fold["test"]["malignant"] == 4 + 192
        assert fold["test_rows_from_removed"] == 192
        assert fold["train"]["benign"] + fold["test"]["benign"] == 357
        assert fold["weighted_malignant_share"] == pytest.approx(20 / 377)
    shares = [sum(fold["test"].values()) / sum(fold["train"].values()) for fold in rows]
    assert saved["test_share"] == pytest.approx(np.mean(shares), rel=1e-3)
    assert saved["test_share"] > 0.88
    for metrics in saved["scores"].values():
        for metric, scores in metrics.items():
            assert len(scores) == 10
            assert f"{np.mean(scores):.3f}" in result.stdout, metric


def test_the_seed_repeats_it(quick, tmp_path):
    """The same seed gives the same words and the same files."""
    result, folder = quick
    again = call("-o", tmp_path, "--max-steps", 3, "--seed", 1, "-q")
    assert again.stdout.replace(str(tmp_path), "") == result.stdout.replace(str(folder), "")
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name
    assert again.stderr == ""


def test_methods_are_tested_on_the_same_rows_and_trained_on_none_of_them(monkeypatch):
    seen: list[Any] = []
    data = load_demo_data(0)
    removed = set(data.removed.index)

    class Spy:
        classes_ = ("benign", "malignant")

        def fit(self, X, y):
            self.known = set(X.index)
            assert list(y.index) == list(X.index)
            assert not self.known & removed
            return self

        def predict(self, X):
            assert not self.known & set(X.index)
            assert self.known | set(X.index) == set(range(569))
            assert removed <= set(X.index)
            seen.append((tuple(X.index), tuple(sorted(self.known))))
            return np.array(["benign"] * len(X))

        def decision_function(self, X):
            return np.zeros(len(X))

        def __getitem__(self, _):
            return self

    monkeypatch.setattr(demo, "models", lambda *_: [(name, Spy()) for name in DEMO_METHODS])
    run = compare_methods(data, 0, None, False)
    assert len(seen) == 40
    for fold in range(10):
        assert len(set(seen[4 * fold : 4 * fold + 4])) == 1
    # A model that tells nothing scores what it would on the imbalanced table: the weights are used.
    for scores in run.scores.values():
        np.testing.assert_allclose(scores["balanced accuracy"], 0.5)
        np.testing.assert_allclose(scores["macro F1"], 357 / (2 * 357 + 20))
        np.testing.assert_allclose(scores["average precision"], 20 / 377)


def test_the_interval_is_the_corrected_resampled_t():
    differences = np.array([0.1, 0.0, 0.05, 0.2])
    found = paired_interval((differences + 0.5).tolist(), [0.5] * 4, test_share=0.25)
    half = 3.182446 * np.sqrt((1 / 4 + 0.25) * differences.var(ddof=1))
    np.testing.assert_allclose([found.mean, found.low, found.high],
                               [0.0875, 0.0875 - half, 0.0875 + half], rtol=1e-5)  # fmt: skip
    assert not found.excludes_zero


@pytest.mark.parametrize(
    ("gain", "spread", "words"),
    [
        (0.10, 0.01, ["SMOTE is ahead", "excludes 0"]),
        (0.10, 0.50, ["SMOTE is ahead", "includes 0"]),
        (-0.10, 0.50, ["doing nothing is ahead", "includes 0"]),
        (-0.10, 0.01, ["doing nothing is ahead", "excludes 0"]),
    ],
)
def test_the_conclusion_says_what_the_interval_says(gain, spread, words):
    best = Difference(gain, gain - spread, gain + spread)
    rest = Difference(gain - 0.05, gain - 0.05 - spread, gain - 0.05 + spread)
    text = conclusion("macro F1", {"random duplication": rest, "SMOTE": best, "ganaug": rest})
    assert all(word in text for word in ["macro F1", *words])


def test_without_matplotlib_one_line_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = call("-o", tmp_path / "new")
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("ganaug: error: ")
    assert "pip install 'ganaug[report]'" in line
    assert not (tmp_path / "new").exists()


def test_a_file_in_the_way_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    result = call("-o", tmp_path / "file")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "is a file" in result.stderr


@pytest.mark.slow
def test_the_whole_demo_takes_less_than_two_minutes(tmp_path):
    pytest.importorskip("matplotlib", reason="the demo needs the extra report")
    resource = pytest.importorskip("resource", reason="processor time is counted by POSIX")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = subprocess.run(
        [sys.executable, "-m", "ganaug", "demo"], cwd=tmp_path, capture_output=True, text=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert run.returncode == 0, run.stderr
    assert {path.name for path in (tmp_path / "ganaug-demo").iterdir()} == FILES
    assert "192 of the 212 malignant rows were removed" in run.stdout
    # It works on one core, so this is what it takes where nothing else runs, on any machine.
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert spent < LIMIT_SECONDS
