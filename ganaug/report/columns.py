"""Comparison of columns and pairs of columns, with the definitions of SDMetrics.

A table is a matrix here. Numbers stay as they are, with NaN for missing values; categories are
codes, with -1 for missing values.
"""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import ks_2samp

Matrix = NDArray[np.float64]
Flags = NDArray[np.bool_]

BINS = 10
"""Bins of a number that is compared together with a category, as in SDMetrics."""

MOST_PAIRS = 1000
"""Maximal number of pairs to compare, drawn at random from all.

It bounds the time: 100 columns have 4,950 pairs.
"""


def shapes(real: Matrix, made: Matrix, numeric: Flags) -> Matrix:
    """Return the likeness of each column, from 0 to 1; NaN if one side has only missing values.

    Missing values are left out here; :func:`missing_shares` returns their shares.
    """
    likeness = [_shape(real[:, j], made[:, j], numeric[j]) for j in range(len(numeric))]
    return np.array(likeness, np.float64)


def _shape(real: Matrix, made: Matrix, number: bool) -> float:
    """Return 1 minus the Kolmogorov-Smirnov statistic or the total variation distance."""
    real, made = _present(real, number), _present(made, number)
    if not len(real) or not len(made):
        return float("nan")
    if number:
        return 1.0 - float(ks_2samp(real, made, method="asymp").statistic)
    return overlap(real, made)


def _present(column: Matrix, number: bool) -> Matrix:
    return column[~np.isnan(column)] if number else column[column >= 0]


def overlap(real: NDArray[np.generic], made: NDArray[np.generic]) -> float:
    """Return 1 minus the total variation distance between the shares of the values."""
    _, codes = np.unique(np.concatenate([real, made]), return_inverse=True)
    n_values = int(codes.max()) + 1
    shares = [
        np.bincount(part, minlength=n_values) / len(part)
        for part in (codes[: len(real)], codes[len(real) :])
    ]
    return 1.0 - 0.5 * float(np.abs(shares[0] - shares[1]).sum())


def missing_shares(rows: Matrix, numeric: Flags) -> Matrix:
    """Return the share of missing values of each column."""
    return np.where(numeric, np.isnan(rows), rows < 0).mean(0)


def pairs_of(n_columns: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the pairs of columns to compare, (n, 2): all, or a random sample of them."""
    pairs = np.array(list(itertools.combinations(range(n_columns), 2)), np.int64).reshape(-1, 2)
    if len(pairs) <= MOST_PAIRS:
        return pairs
    return pairs[np.sort(rng.permutation(len(pairs))[:MOST_PAIRS])]


def trends(real: Matrix, made: Matrix, numeric: Flags, pairs: NDArray[np.int64]) -> Matrix:
    """Return the likeness of each pair of columns, from 0 to 1; NaN if a number is constant."""
    binned = _binned(real, made, numeric)
    levels = np.maximum(binned[0].max(0), binned[1].max(0)) + 1
    correlations = [_correlations(rows, numeric) for rows in (real, made)]
    out = np.full(len(pairs), np.nan)
    for k, (i, j) in enumerate(pairs):
        if numeric[i] and numeric[j]:
            # Correlations differ by 2 at most.
            out[k] = 1.0 - abs(correlations[0][i, j] - correlations[1][i, j]) / 2
        else:
            # One code for each combination of two levels.
            joint = [rows[:, i] * levels[j] + rows[:, j] for rows in binned]
            out[k] = overlap(joint[0], joint[1])
    return out


def _correlations(rows: Matrix, numeric: Flags) -> Matrix:
    """Return the correlations of all columns, NaN for categories."""
    out = np.full((rows.shape[1],) * 2, np.nan)
    numbers = np.flatnonzero(numeric)
    out[np.ix_(numbers, numbers)] = pd.DataFrame(rows[:, numbers]).corr().to_numpy()
    return out


def bin_edges(values: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    """Return the edges of bins of equal width between the least and the largest value.

    Floating-point numbers near large values, such as identifiers, may be too coarse for so many
    edges. The range is then widened.
    """
    low, high = float(values.min()), float(values.max())
    room = bins * np.spacing(max(abs(low), abs(high)))
    if high - low < 2 * room and (low != high or room > 0.5):
        low, high = low - room, high + room
    return np.histogram_bin_edges(values, bins, (low, high))


def _binned(real: Matrix, made: Matrix, numeric: Flags) -> tuple[NDArray[np.int64], ...]:
    """Return both tables as codes. Numbers become bins, whose edges come from the real rows."""
    both = [np.empty(rows.shape, np.int64) for rows in (real, made)]
    for j, number in enumerate(numeric):
        present = _present(real[:, j], True)
        has_values = bool(number) and len(present) > 0
        edges = bin_edges(present, BINS)[1:-1] if has_values else np.zeros(0)
        for rows, out in zip((real, made), both, strict=True):
            column = rows[:, j]
            # Missing values have their own code: after the last bin, before the first level.
            code = np.digitize(column, edges) if number else column + 1
            out[:, j] = np.where(np.isnan(column), BINS, code)
    return tuple(both)
