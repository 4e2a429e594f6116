"""From scores to statements: ranks, paired differences, intervals and speed ratios."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from benchmarks import _stats
from tests.benchmarks.table_scores import scores


def test_mean_ranks_of_known_scores():
    rows = scores(
        {
            ("s1", "c"): {"good": 0.9, "middle": 0.8, "bad": 0.1},
            ("s2", "c"): {"good": 0.9, "middle": 0.5, "bad": 0.5},
        }
    )
    ranks = _stats.mean_ranks(rows, ["good", "middle", "bad"])
    assert ranks["mean"].to_dict() == {"good": 1.0, "middle": 2.25, "bad": 2.75}


def test_mean_ranks_are_stretched_where_a_method_is_not_available():
    rows = scores(
        {
            ("s1", "c"): {"good": 0.9, "middle": 0.8, "bad": 0.1},
            ("s1", "knn"): {"good": 0.9, "bad": 0.1},
        }
    )
    ranks = _stats.mean_ranks(rows, ["good", "middle", "bad"])
    assert ranks["mean"].to_dict() == {"good": 1.0, "middle": 2.0, "bad": 3.0}


def test_paired_differences_leave_out_what_one_of_the_two_lacks():
    rows = scores(
        {
            ("s1", "c"): {"ganaug": 0.9, "weights": 0.8},
            ("s1", "knn"): {"ganaug": 0.1},
            ("s2", "c"): {"ganaug": 0.5, "weights": 0.7},
        }
    )
    d = _stats.paired_differences(rows, "ganaug", "weights", "macro_f1")
    assert d.to_dict() == pytest.approx({"s1": 0.1, "s2": -0.2})


def test_effects_report_wins_and_losses():
    rows = scores(
        {
            ("s1", "c"): {"ganaug": 0.9, "other": 0.8},
            ("s2", "c"): {"ganaug": 0.5, "other": 0.7},
            ("s3", "c"): {"ganaug": 0.6, "other": 0.6001},
        }
    )
    row = _stats.effects(rows).set_index("metric").loc["g_mean"]
    assert (row["wins"], row["ties"], row["losses"]) == (1, 1, 1)
    assert row["worst_set"] == "s2"
    assert row["worst"] == pytest.approx(-0.2)
    d = np.array([0.1, -0.2, -0.0001])
    assert row["effect"] == pytest.approx(d.mean() / d.std(ddof=1))
    assert row["low"] <= row["difference"] <= row["high"]


def test_bootstrap_interval_has_the_width_of_the_normal_theory():
    values = np.random.default_rng(1).normal(0.3, 1.0, 400)
    low, high = _stats.bootstrap_interval(values)
    error = values.std() / math.sqrt(400)
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.2 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.2 * error)
    assert all(math.isnan(x) for x in _stats.bootstrap_interval(values[:1]))


def test_the_interval_is_students():
    # Mean 3, standard deviation 1.5811, 2.7764 standard errors either way.
    low, high = _stats.t_interval([1, 2, 3, 4, 5])
    assert (low, high) == pytest.approx((3 - 1.9633, 3 + 1.9633), abs=1e-3)
    assert all(math.isnan(x) for x in _stats.t_interval([1.0]))


def test_speed_ratio_is_taken_on_the_same_folds():
    seconds = {("a", 0): (10.0, 1.0), ("a", 1): (30.0, 1.0), ("b", 0): (8.0, 4.0)}
    rows = pd.DataFrame(
        [
            {"set": s, "seed": 0, "fold": f, "method": m, "classifier": c, "fit_seconds": t}
            for (s, f), pair in seconds.items()
            for m, t in zip(("ctgan", "ganaug"), pair, strict=True)
            for c in ("x", "y")
        ]
        + [
            {"set": "b", "seed": 0, "fold": 1, "method": "ganaug", "classifier": "x"}
            | {"fit_seconds": 100.0}
        ]
    )
    table = _stats.speed_ratios(rows, "ctgan", "ganaug")
    assert table.loc["a"].to_dict() == {
        "slow": 20.0,
        "fast": 1.0,
        "ratio": 20.0,
        "low": 10.0,
        "high": 30.0,
    }
    assert table.loc["b", "ratio"] == 2.0
    assert _stats.geometric_mean(pd.Series([2.0, 8.0])) == pytest.approx(4.0)
