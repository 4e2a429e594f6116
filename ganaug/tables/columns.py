"""Codecs of single columns: numbers to a normal score, atoms and missing values to categories.

A number becomes its quantile on a standard-normal scale, so that heavy tails and odd units are no
concern of the networks and every generated value lies within the observed bounds. A value that
holds more than :data:`ATOM_MASS` of a column (zero in an amount, say) and "missing" become
categories of their own. Other ties are spread at random over the quantiles that they occupy, so
that the scores are continuous; decoding brings them back exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from ganaug.tables.dtypes import Numbers

KNOTS = 1000
ATOM_MASS = 0.02
ATOM_ROWS = 10
MAX_ATOMS = 30
MAX_DECIMALS = 9
ONE_HOT_LEVELS = 32
CODE_WIDTH = 16
DECODE_ROWS = 4096
"""Rows compared with all categories at a time: the products of all at once could be gigabytes."""

Values = NDArray[np.float32]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class NumberCodec:
    """Quantile-normal codec of a numeric column.

    Parameters
    ----------
    knots : ndarray of shape (at most KNOTS,), int64 or float64
        Order statistics of the values that are not atoms; empty if there are none.
    atoms : ndarray
        Values that are categories, ascending.
    has_missing : bool
        Whether "missing" is a category.
    decimals : int
        Digits after the point that generated values are rounded to; -1 for all.
    grain : int
        Integers are this far apart (dates without a time of day: one day).
    """

    knots: Numbers
    atoms: Numbers
    has_missing: bool
    decimals: int = -1
    grain: int = 1

    @classmethod
    def fit(
        cls, values: Numbers, missing: NDArray[np.bool_], precision: Any = np.float64
    ) -> NumberCodec:
        """Learn the distribution of the values that are not missing.

        ``precision`` is the float dtype of the column: 0.1 has one decimal in any of them.
        """
        present = np.sort(values[~missing])
        atoms = _atoms(present)
        rest = present[~np.isin(present, atoms)]
        index = np.linspace(0, max(len(rest) - 1, 0), min(len(rest), KNOTS)).round().astype(int)
        return cls(
            rest[index] if len(rest) else rest,
            atoms,
            bool(missing.any()),
            _decimals(present, precision),
            _grain(present),
        )

    @property
    def n_values(self) -> int:
        """Columns on the normal scale: 1, or 0 if every value is an atom."""
        return int(len(self.knots) > 0)

    @property
    def n_levels(self) -> int:
        """Categories: continuous, each atom, missing; 0 where there is only one."""
        levels = self.n_values + len(self.atoms) + self.has_missing
        return levels if levels > 1 else 0

    @property
    def n_choices(self) -> int:
        """Width of the one-hot vector."""
        return self.n_levels

    def encode(
        self, values: Numbers, missing: NDArray[np.bool_], rng: np.random.Generator
    ) -> tuple[Values, Codes]:
        """Return the normal score and the category of each row."""
        codes = np.zeros(len(values), np.int64)
        position = np.searchsorted(self.atoms, values)
        near = np.minimum(position, max(len(self.atoms) - 1, 0))
        atomic = self.atoms[near] == values if len(self.atoms) else np.zeros(len(values), bool)
        codes[atomic] = self.n_values + near[atomic]
        codes[missing] = self.n_values + len(self.atoms)
        score = np.zeros(len(values), np.float32)
        if self.n_values:
            here = ~atomic & ~missing
            score[here] = self._score(values[here], rng)
        return score, codes

    def decode(self, score: Values, codes: Codes) -> tuple[Numbers, NDArray[np.bool_]]:
        """Return values within the observed bounds, and which are missing."""
        missing = codes == self.n_values + len(self.atoms)
        if not self.n_levels:
            missing = np.full(len(codes), self.has_missing)
        values = np.zeros(len(codes), self.knots.dtype)
        if self.n_values:
            values = self._value(score)
        elif not self.n_levels and len(self.atoms):
            values = np.full(len(codes), self.atoms[0])
        if len(self.atoms) and self.n_levels:
            atomic = (codes >= self.n_values) & ~missing
            values[atomic] = self.atoms[codes[atomic] - self.n_values]
        values[missing] = 0
        return values, missing

    def _score(self, values: Numbers, rng: np.random.Generator) -> Values:
        n = len(self.knots)
        left = np.searchsorted(self.knots, values, side="left")
        right = np.searchsorted(self.knots, values, side="right") - 1
        low = np.minimum(left, n - 1).astype(np.float64)
        tied = left <= right
        spread = rng.random(len(values))
        rank = np.where(tied, low + spread * (right - low), 0.0)
        # Between two knots: linear. Outside, which only new data can be: the nearest end.
        upper = np.clip(left, 1, max(n - 1, 1))
        a = self.knots[np.minimum(upper - 1, n - 1)].astype(np.float64)
        b = self.knots[np.minimum(upper, n - 1)].astype(np.float64)
        gap = np.where(b > a, b - a, 1.0)
        between = upper - 1 + np.clip((values.astype(np.float64) - a) / gap, 0.0, 1.0)
        rank = np.where(tied, rank, np.clip(between, 0, n - 1))
        return ndtri((rank + 0.5) / n).astype(np.float32)

    def _value(self, score: Values) -> Numbers:
        n = len(self.knots)
        rank = np.clip(ndtr(score.astype(np.float64)) * n - 0.5, 0.0, n - 1)
        low = np.minimum(rank.astype(np.int64), max(n - 2, 0))
        high = np.minimum(low + 1, n - 1)
        part = rank - low
        a, b = self.knots[low], self.knots[high]
        if self.knots.dtype.kind == "i":
            # Exact beyond 2**53: only the distance from a knot passes through a float.
            gap = (b.astype(np.uint64) - a.astype(np.uint64)).astype(np.float64)
            steps = np.round(part * gap / self.grain).astype(np.uint64) * np.uint64(self.grain)
            value = (a.astype(np.uint64) + steps).view(np.int64)
            # Rounding to the grain may pass the knot above, never the bounds.
            return np.clip(value, self.knots[0], self.knots[-1])
        # a + part (b - a) overflows for the widest floats; the weighted sum does not.
        value = a * (1.0 - part) + b * part
        if self.decimals >= 0:
            with np.errstate(over="ignore", invalid="ignore"):
                rounded = np.round(value, self.decimals)
            value = np.where(np.isfinite(rounded), rounded, value)
        return np.clip(value, self.knots[0], self.knots[-1])


def _atoms(present: Numbers) -> Numbers:
    """Return the values with more than ATOM_MASS of the rows, at most MAX_ATOMS of them."""
    unique, counts = np.unique(present, return_counts=True)
    heavy = counts > max(ATOM_MASS * len(present), ATOM_ROWS)
    if len(unique) == 1:
        return unique
    if heavy.sum() > MAX_ATOMS:
        heavy &= counts >= np.sort(counts[heavy])[-MAX_ATOMS]
        heavy &= np.cumsum(heavy) <= MAX_ATOMS
    return unique[heavy]


def _decimals(present: Numbers, precision: Any) -> int:
    if present.dtype.kind == "i" or not len(present):
        return -1
    own = present.astype(precision)
    with np.errstate(over="ignore", invalid="ignore"):  # rounding the widest floats overflows
        for digits in range(MAX_DECIMALS + 1):
            if np.array_equal(np.round(present, digits).astype(precision), own):
                return digits
    return -1


def _grain(present: Numbers) -> int:
    if present.dtype.kind != "i" or len(present) < 2:
        return 1
    gaps = np.diff(np.unique(present).astype(np.uint64))
    return int(np.gcd.reduce(gaps)) if len(gaps) else 1


@dataclass(frozen=True)
class CategoryCodec:
    """Codec of a categorical column.

    Up to ONE_HOT_LEVELS categories are one-hot, and "missing" is one of them. More get a fixed
    random table of directions, one row a category, and a generated row means the category it is
    nearest to (by inner product); "missing" then is a choice of its own, beside the table.

    Parameters
    ----------
    levels : list
        The categories.
    has_missing : bool
        Whether values are missing.
    table : ndarray of shape (levels, CODE_WIDTH) or None
        The embedding of each category, if there are many.
    """

    levels: list[Any]
    has_missing: bool
    table: NDArray[np.float32] | None = field(default=None, repr=False)

    @classmethod
    def fit(cls, codes: Codes, levels: list[Any], rng: np.random.Generator) -> CategoryCodec:
        """Learn whether values are missing; many levels get an embedding table."""
        has_missing = bool((codes < 0).any())
        if len(levels) + has_missing > ONE_HOT_LEVELS:
            table = rng.standard_normal((len(levels), CODE_WIDTH))
            # Of one length, or a long row would win the inner product with its neighbours.
            length = np.linalg.norm(table, axis=1, keepdims=True) / np.sqrt(CODE_WIDTH)
            return cls(levels, has_missing, (table / length).astype(np.float32))
        return cls(levels, has_missing)

    @property
    def n_levels(self) -> int:
        """Categories including "missing"; 0 where there is only one."""
        levels = len(self.levels) + self.has_missing
        return levels if levels > 1 else 0

    @property
    def n_choices(self) -> int:
        """Width of the one-hot vector: all categories, or only present and missing, or none."""
        if self.table is None:
            return self.n_levels
        return 2 if self.has_missing else 0

    def choose(self, codes: Codes) -> Codes:
        """Return the position of each row in the one-hot vector."""
        if self.table is None:
            return np.where(codes < 0, len(self.levels), codes)
        return (codes < 0).astype(np.int64)

    def embed(self, codes: Codes, rng: np.random.Generator) -> Values:
        """Return the embedding of each row; a missing one has that of a random present one."""
        assert self.table is not None
        present = codes[codes >= 0]
        filled = rng.choice(present, len(codes)) if len(present) else np.zeros_like(codes)
        return self.table[np.where(codes < 0, filled, codes)]

    def decode(self, choices: Codes, embedded: Values) -> Codes:
        """Return the level of each row, -1 where it is missing."""
        if self.table is None:
            if not self.n_levels:
                return np.full(len(choices), 0 if self.levels else -1)
            return np.where(choices >= len(self.levels), -1, choices)
        nearest = np.zeros(len(embedded), np.int64)
        for start in range(0, len(embedded), DECODE_ROWS):
            part = slice(start, start + DECODE_ROWS)
            nearest[part] = (embedded[part] @ self.table.T).argmax(1)
        return np.where(choices > 0, -1, nearest)
