"""The judge of the gate: its figures, its bars, and one tiny run that goes on where it was."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ganaug.choose.remedies import Arm
from research import gate


def table(gains: dict[tuple[str, str], tuple[float, float]]) -> pd.DataFrame:
    """Return outer scores in which the gate gains this in the two folds of each cell."""
    return pd.DataFrame(
        [
            {
                "set": name, "classifier": classifier, "fold": fold, "picked": "SMOTE @1",
                "gate": 0.5 + gain, "nothing @0": 0.5, "SMOTE @1": 0.52,
            }
            for (name, classifier), both in gains.items()
            for fold, gain in enumerate(both)
        ]
    )  # fmt: skip


def test_harm_is_more_than_the_bar_and_one_standard_error() -> None:
    found = gate.judge(
        table(
            {
                ("a", "knn"): (-0.02, -0.03),  # harmed
                ("a", "forest"): (-0.05, 0.03),  # not more than its standard error
                ("b", "knn"): (-0.004, -0.004),  # not more than the bar
                ("c", "knn"): (0.0, -0.207),  # changed in one fold: a mean of one error exactly
                ("b", "forest"): (0.03, 0.01),
            }
        )
    )
    assert found["harmed"] == 0.4
    assert found["harmed_cells"] == ["a / knn", "c / knn"]
    assert (found["better"], found["worse"], found["cells"]) == (1, 3, 5)
    assert found["best_policy"] == "SMOTE @1"
    assert found["regret"] == pytest.approx(0.52 - found["gate"])
    assert not gate.passed(found)


def test_names_of_arms_come_back() -> None:
    for arm in (Arm("nothing"), Arm("class weights"), Arm("ganaug", 0.25)):
        assert gate.arm_of(gate.label(arm)) == arm


def test_an_arm_that_could_not_run_counts_as_nothing() -> None:
    scores = {"nothing @0": [0.5, 0.6], "SMOTE @1": [0.6, 0.7]}
    cell: dict[str, Any] = {
        "set": "a", "fold": 0, "classifier": "knn", "overlap": 0.5, "repeats": 1.0,
        "inner": {gate.SCORING: scores}, "outer": {gate.SCORING: {"nothing @0": 0.5}},
    }  # fmt: skip
    other = {**cell, "outer": {gate.SCORING: {"nothing @0": 0.4, "SMOTE @1": 0.7}}}
    found = gate.outcomes([cell, other], gate.SCORING)
    assert found["SMOTE @1"].tolist() == [0.5, 0.7]
    assert found["picked"].tolist() == ["SMOTE @1"] * 2
    assert found["gate"].tolist() == [0.5, 0.7]


@pytest.mark.slow
def test_a_tiny_run_goes_on_where_it_was(
    tmp_path: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    y = np.repeat(["0", "1"], [50, 20])
    frame = pd.DataFrame(rng.normal(size=(70, 2)), columns=["a", "b"]).assign(label=y)
    frame["a"] += 2 * (y == "1")
    frame.to_csv(tmp_path / "small.csv", index=False)
    (tmp_path / "manifest.json").write_text(json.dumps({"small": {"categorical": []}}))
    plain = gate.GANAugmenter
    monkeypatch.setattr(gate, "GANAugmenter", lambda **options: plain(max_steps=1, **options))
    out = tmp_path / "gate.json"
    arguments = ["--data", str(tmp_path), "--out", str(out), "--repeats", "1"]
    gate.main([*arguments, "--classifiers", "logistic"])
    lines = out.with_suffix(".jsonl").read_text().splitlines()
    assert len(lines) == 2
    with out.with_suffix(".jsonl").open("a") as file:
        file.write(lines[0][:100])  # as a kill leaves it
    gate.main([*arguments, "--classifiers", "logistic", "--report-only"])
    document = json.loads(out.read_text())
    assert set(document["found"]) == set(gate.SCORINGS)
    assert "gate.py" in document["environment"]["command"]
    assert document["environment"]["versions"]["scikit-learn"]
    assert "regret" in capsys.readouterr().out
