"""The figures themselves: equal to those of other libraries, and right on simple cases."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganaug.report import columns, distances
from ganaug.report.findings import MEASURES, Finding
from ganaug.report.per_class import expected_range
from ganaug.report.usefulness import average_precision, f1_score


def sample(n: int, seed: int) -> pd.DataFrame:
    """Return numbers and categories that depend on each other, with missing values."""
    rng = np.random.default_rng(seed)
    a = rng.normal(seed % 3, 1 + seed % 2, n)
    frame = pd.DataFrame({"a": a, "b": a * (seed % 4 - 1) + rng.normal(size=n)})
    frame["c"] = rng.choice(list("xyzw"), n, p=[0.4, 0.3, 0.2, 0.1])
    frame["d"] = np.where(a > seed % 2, "up", "down")
    frame.loc[rng.random(n) < 0.1, "b"] = np.nan
    frame.loc[rng.random(n) < 0.1, "c"] = None
    return frame


def matrix(frame: pd.DataFrame) -> np.ndarray:
    coded = frame.copy()
    coded["c"] = pd.Categorical(frame["c"], list("wxyz")).codes
    coded["d"] = pd.Categorical(frame["d"], ["down", "up"]).codes
    return coded.to_numpy(np.float64)


NUMERIC = np.array([True, True, False, False])
seeds = st.integers(0, 10_000)


@settings(max_examples=25)
@given(seeds, seeds, st.integers(5, 60), st.integers(5, 60))
def test_column_shapes_are_those_of_sdmetrics(one, two, n, m):
    single = pytest.importorskip("sdmetrics.single_column", reason="compares with SDMetrics")
    real, made = sample(n, one), sample(m, two)
    ours = columns.shapes(matrix(real), matrix(made), NUMERIC)
    theirs = [single.KSComplement.compute(real[name], made[name]) for name in "ab"]
    theirs += [single.TVComplement.compute(real[name], made[name]) for name in "cd"]
    # SDMetrics adds a millionth where a category is new.
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


@settings(max_examples=25)
@given(seeds, seeds, st.integers(8, 60), st.integers(8, 60))
def test_pair_trends_are_those_of_sdmetrics(one, two, n, m):
    pairs = pytest.importorskip("sdmetrics.column_pairs", reason="compares with SDMetrics")
    real, made = sample(n, one), sample(m, two)
    which = columns.pairs_of(4, np.random.default_rng(0))
    ours = columns.trends(matrix(real), matrix(made), NUMERIC, which)
    for (i, j), own in zip(which, ours, strict=True):
        names = ["abcd"[i], "abcd"[j]]
        if NUMERIC[j]:
            theirs = pairs.CorrelationSimilarity.compute(real[names].dropna(), made[names].dropna())
        else:
            numbers = [name for name in names if name in "ab"]
            both = real[names].copy(), made[names].copy()
            theirs = pairs.ContingencySimilarity.compute(*both, continuous_column_names=numbers)
        assert own == pytest.approx(theirs, abs=1e-9), names


SHAPES = [0.66666667, 0.25128205, 0.87987988, 0.60833333]
TRENDS = [0.70431012, 0.4, 0.55833333, 0.13333333, 0.24166667, 0.60833333]


def test_shapes_and_trends_of_a_small_sample_are_those_that_sdmetrics_gave():
    # KSComplement, TVComplement, CorrelationSimilarity and ContingencySimilarity of 0.32.0.
    real, made = matrix(sample(40, 1)), matrix(sample(30, 2))
    np.testing.assert_allclose(columns.shapes(real, made, NUMERIC), SHAPES, atol=1e-5)
    which = columns.pairs_of(4, np.random.default_rng(0))
    found = columns.trends(real, made, NUMERIC, which)
    np.testing.assert_allclose(found, TRENDS, atol=1e-6)


def test_density_counts_equal_points_as_near():
    corners = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], dtype=torch.float64)
    real, made = (corners.repeat_interleave(n, 0) * 1e3 + 0.1 for n in (20, 15))
    assert distances.density_and_coverage(real, made) == (1.0, 1.0)


def test_missing_shares_count_both_kinds():
    """A missing number is NaN, a missing category -1."""
    rows = np.array([[np.nan, -1.0], [1.0, 0.0], [np.nan, 1.0], [2.0, 1.0]])
    np.testing.assert_array_equal(
        columns.missing_shares(rows, np.array([True, False])), [0.5, 0.25]
    )


def test_many_columns_are_compared_in_a_sample_of_their_pairs():
    rng = np.random.default_rng(0)
    pairs = columns.pairs_of(60, rng)
    assert pairs.shape == (columns.MOST_PAIRS, 2)
    assert (pairs[:, 0] < pairs[:, 1]).all()
    assert len(np.unique(pairs, axis=0)) == len(pairs)
    assert len(columns.pairs_of(5, rng)) == 10
    assert columns.pairs_of(1, rng).shape == (0, 2)


def test_constant_numbers_have_no_trend_and_all_missing_ones_no_shape():
    rows = np.column_stack([np.ones(9), np.arange(9.0), np.full(9, np.nan)])
    numeric = np.ones(3, bool)
    assert np.isnan(columns.trends(rows, rows, numeric, columns.pairs_of(3, None))).all()
    np.testing.assert_array_equal(columns.shapes(rows, rows, numeric), [1, 1, np.nan])


def test_the_kernel_distance_is_that_of_torchmetrics():
    kid = pytest.importorskip("torchmetrics.image.kid", reason="compares with torchmetrics")
    random = torch.Generator().manual_seed(0)
    a, b = (torch.randn(40, 5, generator=random, dtype=torch.float64) + k for k in (0, 0.5))

    def kernel(x, y):
        squared = torch.cdist(x, y).square()
        return sum(torch.exp(-squared / (2 * (w * 2.0) ** 2)) for w in distances.WIDTHS) / 3

    theirs = kid.maximum_mean_discrepancy(kernel(a, a), kernel(a, b), kernel(b, b))
    assert distances.kernel_mmd(a, b, 2.0) == pytest.approx(float(theirs))
    assert abs(distances.kernel_mmd(a, a + 1e-9, 2.0)) < 0.05


def points(n: int, seed: int, centre: float = 0.0) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(n, 3, generator=random, dtype=torch.float64) + centre


def test_density_and_coverage_see_what_they_are_for():
    real = points(200, 0)
    alike = distances.density_and_coverage(real, points(200, 1))
    away = distances.density_and_coverage(real, points(200, 1, 50.0))
    one_spot = distances.density_and_coverage(real, points(200, 1) * 0.05)
    assert away == (0.0, 0.0)
    assert one_spot[0] > alike[0]
    assert one_spot[1] < 0.3 < alike[1]


def test_an_outlier_among_the_real_ones_vouches_for_nobody():
    """Without the clipping, points around one far real point would count as dense."""
    real = torch.cat([points(100, 0), torch.full((1, 3), 30.0, dtype=torch.float64)])
    density, _ = distances.density_and_coverage(real, points(100, 1, 20.0))
    assert density == 0.0


def test_the_nearest_is_found_in_parts():
    others = points(50, 0)
    distance, which = distances.nearest(others.repeat(30, 1), others)
    assert float(distance.max()) < 1e-6
    assert which.tolist() == list(range(50)) * 30


def test_scores_are_those_of_scikit_learn():
    from sklearn import metrics

    rng = np.random.default_rng(0)
    true, said = rng.random((2, 60)) < 0.4
    chance = rng.integers(0, 9, 60) / 8  # with ties
    weights = rng.integers(0, 4, (5, 60)).astype(float)
    ours = f1_score(true, said, weights), average_precision(true, chance, weights)
    for row, *own in zip(weights, *ours, strict=True):
        assert own[0] == pytest.approx(metrics.f1_score(true, said, sample_weight=row))
        theirs = metrics.average_precision_score(true, chance, sample_weight=row)
        assert own[1] == pytest.approx(theirs)


def test_the_range_covers_one_more_value_as_often_as_it_says():
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(2000):
        *values, last = rng.normal(size=9)
        low, high = expected_range(values)
        inside += low <= last <= high
    assert 0.93 < inside / 2000 < 0.97


@pytest.mark.parametrize(
    ("key", "value", "verdict"),
    [
        ("c2st_auc", 0.9, "worse"), ("c2st_auc", 0.5, "as real"), ("coverage", 0.1, "worse"),
        ("coverage", 0.9, "better"), ("diversity", 0.9, "differs"), ("diversity", 0.1, "differs"),
        ("memorisation", 0.1, "nearer"), ("memorisation", 0.9, "farther"),
    ],
)  # fmt: skip
def test_the_verdict_says_on_which_side_of_real_rows_a_figure_is(key, value, verdict):
    found = Finding("x", key, value, 0.5, 0.4, 0.6)
    assert found.verdict == verdict
    assert found.bad == (verdict in ("worse", "differs", "nearer"))


def test_promise_8_a_gain_is_judged_by_its_interval_against_nothing():
    def gain(low, high):
        return Finding("x", "augmented_gain", 0.0, 0.0, gap_low=low, gap_high=high).verdict

    assert (gain(0.01, 0.2), gain(-0.1, 0.1), gain(-0.2, -0.1)) == ("helps", "not shown", "harms")
    assert Finding("x", "tstr_f1", reason="too few").verdict == ""


def test_every_measure_is_explained():
    assert all(m.meaning.endswith(".") and m.source and m.enough >= 10 for m in MEASURES.values())
