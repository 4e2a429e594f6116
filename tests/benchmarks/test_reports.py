"""The reports: what they judge and what they leave unjudged, and the JSON beside them."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from benchmarks import _images_report, _report, _tabular_report
from tests.benchmarks.table_scores import scores


def image_scores(balanced):
    """Rows of a run from {method: balanced accuracy of each seed}."""
    return pd.DataFrame(
        [
            {"seed": seed, "method": method, "overall": 0.5, "balanced": value, "rare": value - 0.1}
            for method, values in balanced.items()
            for seed, value in enumerate(values)
        ]
    )


def test_the_claim_about_speed_is_judged_only_on_all_its_sets_and_rows():
    targets = {"mammography": 10, "thyroid": 10, "german_credit": 5, "abalone_9_vs_18": 5}
    rows = scores({(name, "c"): {"ctgan": 0.5, "ganaug": 0.6} for name in targets})
    seconds = rows["set"].map(targets).where(rows["method"] == "ctgan", 1.0)
    rows["fit_seconds"] = seconds.where(rows["set"] != "thyroid", 1.0)
    lines = _tabular_report.verdicts(rows, None).splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "- reached",
        "- MISSED",
        "- reached",
        "- reached",
        "- reached",
    ]
    assert "not judged: rows were cut to 500" in _tabular_report.verdicts(rows, 500)
    some = rows[rows["set"] != "thyroid"]
    assert "not judged: without thyroid" in _tabular_report.verdicts(some, None)
    rows.loc[rows["method"] == "ganaug", "average_precision"] = 0.4999
    assert _tabular_report.verdicts(rows, None).splitlines()[-1].startswith("- MISSED")


def test_differences_are_paired_by_seed_and_counted():
    table = _images_report.differences(
        image_scores({"ganaug+shifts": [0.9, 0.7, 0.8001], "random+shifts": [0.8, 0.75, 0.8, 0.1]})
    )
    assert set(table["score"]) == {"overall", "balanced", "rare"}
    row = table.set_index("score").loc["balanced"]
    assert (row["seeds"], row["wins"], row["ties"], row["losses"]) == (3, 1, 1, 1)
    assert row["difference"] == pytest.approx((0.1 - 0.05 + 0.0001) / 3)
    assert row["worst"] == pytest.approx(-0.05)
    assert row["low"] < row["difference"] < row["high"]


@pytest.mark.parametrize(
    ("name", "gains", "word"),
    [
        ("mnist", [0.01, 0.02, 0.015], "reached"),
        ("mnist", [0.01, 0.02, -0.02], "MISSED"),
        ("cifar", [-0.005, -0.006, -0.004], "reached"),
        ("cifar", [-0.02, -0.02, -0.021], "MISSED"),
    ],
)
def test_the_claim_is_judged_by_the_lower_end_of_the_interval(name, gains, word):
    table = _images_report.differences(
        image_scores({"ganaug+shifts": [0.8 + g for g in gains], "random+shifts": [0.8] * 3})
    )
    assert _images_report.verdict(table, name, "").startswith(word)
    assert _images_report.verdict(table, name, "reduced").startswith("Not judged (reduced)")


def test_no_claim_without_both_arms():
    table = _images_report.differences(image_scores({"random": [0.5, 0.6], "ganaug": [0.6, 0.7]}))
    assert _images_report.verdict(table, "mnist", "").startswith("Not judged: needs ganaug+shifts")


def test_json_is_strict_and_no_half_of_it_is_left(tmp_path):
    content = {"a": [np.float64("nan"), np.int64(3), float("inf")], "b": (True, None), 5: "x"}
    _report.write_json(tmp_path / "new" / "result.json", content)
    found = json.loads((tmp_path / "new" / "result.json").read_text(), parse_constant=pytest.fail)
    assert found == {"a": [None, 3, None], "b": [True, None], "5": "x"}
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["result.json"]


def test_names_come_in_the_order_of_those_known_and_once():
    assert _report.ordered(["b", "x", "a", "b"], ["a", "b", "c"]) == ["a", "b", "x"]
