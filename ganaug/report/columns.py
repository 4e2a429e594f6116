"""Columns and pairs of columns, compared as SDMetrics does.

A table is a matrix here: numbers as they are, NaN where missing; categories as codes, -1 where
missing.
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
"""Of a number beside a category."""

MOST_PAIRS = 1000
"""Pairs of columns that are compared; of more, so many drawn at random."""


def shapes(real: Matrix, made: Matrix, numeric: Flags) -> Matrix:
    """Return how alike each column is, from 0 to 1; NaN where all is missing on one side.

    Missing values do not count here: :func:`missing_shares` says how many there are.
    """
    each = [_shape(real[:, j], made[:, j], numeric[j]) for j in range(len(numeric))]
    return np.array(each, np.float64)


def _shape(real: Matrix, made: Matrix, number: bool) -> float:
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
    _, place = np.unique(np.concatenate([real, made]), return_inverse=True)
    n_values = int(place.max()) + 1
    shares = [
        np.bincount(part, minlength=n_values) / len(part)
        for part in (place[: len(real)], place[len(real) :])
    ]
    return 1.0 - 0.5 * float(np.abs(shares[0] - shares[1]).sum())


def missing_shares(rows: Matrix, numeric: Flags) -> Matrix:
    """Return the share of missing values of each column."""
    return np.where(numeric, np.isnan(rows), rows < 0).mean(0)


def pairs_of(n_columns: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the pairs of columns to compare, (n, 2): all, or as many as may be."""
    both = np.array(list(itertools.combinations(range(n_columns), 2)), np.int64).reshape(-1, 2)
    if len(both) <= MOST_PAIRS:
        return both
    return both[np.sort(rng.permutation(len(both))[:MOST_PAIRS])]


def trends(real: Matrix, made: Matrix, numeric: Flags, pairs: NDArray[np.int64]) -> Matrix:
    """Return how alike each pair of columns is, from 0 to 1; NaN where a number is constant."""
    binned = _binned(real, made, numeric)
    levels = np.maximum(binned[0].max(0), binned[1].max(0)) + 1
    correlations = [_correlations(rows, numeric) for rows in (real, made)]
    out = np.full(len(pairs), np.nan)
    for k, (i, j) in enumerate(pairs):
        if numeric[i] and numeric[j]:
            out[k] = 1.0 - abs(correlations[0][i, j] - correlations[1][i, j]) / 2
        else:
            joint = [rows[:, i] * levels[j] + rows[:, j] for rows in binned]
            out[k] = overlap(joint[0], joint[1])
    return out


def _correlations(rows: Matrix, numeric: Flags) -> Matrix:
    out = np.full((rows.shape[1],) * 2, np.nan)
    numbers = np.flatnonzero(numeric)
    out[np.ix_(numbers, numbers)] = pd.DataFrame(rows[:, numbers]).corr().to_numpy()
    return out


def bin_edges(values: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    """Return the edges of equal bins between the least and the largest value.

    Large numbers that lie too near each other for so many edges, as identifiers do, get a wider
    range.
    """
    low, high = float(values.min()), float(values.max())
    room = bins * np.spacing(max(abs(low), abs(high)))
    if high - low < 2 * room and (low != high or room > 0.5):
        low, high = low - room, high + room
    return np.histogram_bin_edges(values, bins, (low, high))


def _binned(real: Matrix, made: Matrix, numeric: Flags) -> tuple[NDArray[np.int64], ...]:
    """Return both as codes: numbers as the bin that they fall into, of those of the real ones."""
    both = [np.empty(rows.shape, np.int64) for rows in (real, made)]
    for j, number in enumerate(numeric):
        present = _present(real[:, j], True)
        some = bool(number) and len(present) > 0
        edges = bin_edges(present, BINS)[1:-1] if some else np.zeros(0)
        for rows, out in zip((real, made), both, strict=True):
            column = rows[:, j]
            # What is missing has a place of its own: behind the bins, before the levels.
            code = np.digitize(column, edges) if number else column + 1
            out[:, j] = np.where(np.isnan(column), BINS, code)
    return tuple(both)
