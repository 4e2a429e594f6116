"""From scores to statements: means, ranks, paired differences with intervals, speed ratios."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t as student
from scipy.stats import wilcoxon

from benchmarks._classifiers import METRICS

RESAMPLES = 10_000
TIE = 0.0005
"""Differences below this are ties: they show as 0.000."""


def cell_means(rows: pd.DataFrame) -> pd.DataFrame:
    """Average over folds and seeds.

    Parameters
    ----------
    rows : DataFrame
        One row a set, seed, fold, method and classifier, with a column a metric.

    Returns
    -------
    DataFrame
        Index (set, classifier, method), a column a metric.
    """
    return rows.groupby(["set", "classifier", "method"])[list(METRICS)].mean()


def set_means(rows: pd.DataFrame) -> pd.DataFrame:
    """Average over folds, seeds and classifiers; index (set, method), a column a metric."""
    return cell_means(rows).groupby(["set", "method"]).mean()


def common_methods(rows: pd.DataFrame) -> list[str]:
    """Return the methods that have scores on every set."""
    n_sets = rows["set"].nunique()
    on = rows.groupby("method", sort=False)["set"].nunique()
    return [str(method) for method, n in on.items() if n == n_sets]


def mean_ranks(rows: pd.DataFrame, methods: Sequence[str]) -> pd.DataFrame:
    """Rank the methods within each set, classifier and metric, and average.

    Ties share their mean rank. Where a method is not available (class weights for nearest
    neighbours) the ranks of the others are stretched to the same range, so that its absence gives
    them no advantage.

    Parameters
    ----------
    rows : DataFrame
        As for :func:`cell_means`.
    methods : sequence of str

    Returns
    -------
    DataFrame
        Index method, best first; a column a metric, and ``mean``. 1 is best.
    """
    means = cell_means(rows[rows["method"].isin(methods)])
    columns = {}
    for metric in METRICS:
        values = means[metric].unstack("method").round(9)
        ranks = values.rank(axis=1, ascending=False)
        present = values.notna().sum(axis=1)
        stretch = (values.shape[1] - 1) / (present - 1).clip(lower=1)
        columns[metric] = (1 + (ranks - 1).mul(stretch, axis=0)).mean()
    table = pd.DataFrame(columns)
    table["mean"] = table.mean(axis=1)
    return table.sort_values("mean")


def paired_differences(rows: pd.DataFrame, method: str, other: str, metric: str) -> pd.Series:
    """Return ``method - other`` for each set, over the classifiers that both have."""
    cells = cell_means(rows)[metric].unstack("method")
    if method not in cells or other not in cells:
        return pd.Series(dtype=float)
    difference = (cells[method] - cells[other]).dropna()
    return difference.groupby("set").mean()


def bootstrap_interval(
    values: NDArray[np.float64], level: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of a mean, NaN for fewer than two values."""
    if len(values) < 2:
        return float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    means = rng.choice(values, (RESAMPLES, len(values))).mean(axis=1)
    tail = (1 - level) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def t_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95% interval of a mean by Student's t; NaN of fewer than two values."""
    if len(values) < 2:
        return float("nan"), float("nan")
    error = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    half = float(student.ppf(0.975, len(values) - 1)) * error
    return float(np.mean(values)) - half, float(np.mean(values)) + half


def tallied(differences: pd.Series) -> dict[str, int]:
    """Return how many differences are wins, ties (see TIE) and losses."""
    return {
        "wins": int((differences > TIE).sum()),
        "ties": int((differences.abs() <= TIE).sum()),
        "losses": int((differences < -TIE).sum()),
    }


def effects(rows: pd.DataFrame, method: str = "ganaug") -> pd.DataFrame:
    """Compare one method with each other one, over the sets that both ran on.

    Returns
    -------
    DataFrame
        Columns against, metric, sets, difference (positive: ``method`` is better), low and high
        (95% interval, bootstrap over sets), effect (Cohen's d of the paired differences), p
        (Wilcoxon's signed-rank test over sets, two-sided), wins, ties, losses, worst_set and worst
        (the largest loss, or the smallest win).
    """
    table = []
    others = [m for m in rows["method"].unique() if m != method]
    for other in others:
        for metric in METRICS:
            d = paired_differences(rows, method, other, metric)
            if d.empty:
                continue
            low, high = bootstrap_interval(d.to_numpy())
            spread = float(d.std(ddof=1)) if len(d) > 1 else float("nan")
            table.append(
                {
                    "against": other,
                    "metric": metric,
                    "sets": len(d),
                    "difference": float(d.mean()),
                    "low": low,
                    "high": high,
                    "effect": float(d.mean()) / spread if spread > 0 else float("nan"),
                    "p": signed_rank(d.to_numpy()),
                    **tallied(d),
                    "worst_set": str(d.idxmin()),
                    "worst": float(d.min()),
                }
            )
    return pd.DataFrame(table)


def signed_rank(values: NDArray[np.float64]) -> float:
    """Return the p-value of Wilcoxon's signed-rank test, NaN where nothing can be said."""
    if len(values) < 2 or not np.any(values):
        return float("nan")
    return float(wilcoxon(values).pvalue)


def fit_seconds(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the seconds of each fit once: columns set, seed, fold, method, fit_seconds."""
    key = ["set", "seed", "fold", "method"]
    return rows.drop_duplicates(key)[[*key, "fit_seconds"]]


def speed_ratios(rows: pd.DataFrame, slow: str, fast: str) -> pd.DataFrame:
    """Return how many times as long ``slow`` took as ``fast``, on the same folds.

    Returns
    -------
    DataFrame
        Index set; columns slow and fast (mean seconds), ratio (of the means), low and high (range
        over the folds).
    """
    seconds = fit_seconds(rows).pivot(
        index=["set", "seed", "fold"], columns="method", values="fit_seconds"
    )
    if slow not in seconds or fast not in seconds:
        return pd.DataFrame(columns=["slow", "fast", "ratio", "low", "high"])
    seconds = seconds[[slow, fast]].dropna()
    ratio = seconds[slow] / seconds[fast]
    table = seconds.groupby("set").mean().set_axis(["slow", "fast"], axis=1)
    table["ratio"] = table["slow"] / table["fast"]
    table["low"] = ratio.groupby("set").min()
    table["high"] = ratio.groupby("set").max()
    return table


def geometric_mean(values: pd.Series) -> float:
    """Return the geometric mean, NaN of nothing."""
    return float(np.exp(np.log(values).mean())) if len(values) else float("nan")
