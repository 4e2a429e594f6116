"""Codecs of single columns: numbers become normal scores; atoms and missing values, categories.

A number becomes its quantile on a standard-normal scale. So heavy tails and units do not reach the
networks, and every generated value lies within the observed bounds. A value that more than
:data:`ATOM_MASS` of the rows have (for instance zero in an amount) is an *atom*: it becomes a
category of its own, and so does "missing". Other ties are spread at random over the quantiles that
they occupy, which makes the scores continuous; decoding restores the tied value exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from ganaug.tables.dtypes import Numbers

KNOTS = 1000
"""Most order statistics kept of a column: they resolve quantiles to a thousandth."""

ATOM_MASS = 0.02
"""Share of the rows above which a value is an atom."""

ATOM_ROWS = 10
"""An atom has more rows than this as well: in a small table 2% of the rows may be chance."""

ONE_HOT_LEVELS = 32
"""Most categories of a one-hot column; with more, each category gets an embedding."""

MAX_ATOMS = 30
"""Most atoms of a column: with "a number" and "missing" these are ONE_HOT_LEVELS categories."""

MAX_DECIMALS = 9
"""Most decimals that are restored; a number with more is not rounded."""

CODE_WIDTH = 16
"""Width of an embedding: half the width of the widest one-hot column."""

DECODE_ROWS = 4096
"""Rows compared with all categories at a time: the products of all rows could take gigabytes."""

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
        Decimals to which generated values are rounded; -1 does not round.
    grain : int
        Greatest common divisor of the gaps between integers, which generated values keep. It is
        one day for dates without a time of day.
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

        ``precision`` is the float dtype of the column, in which its decimals are counted: 0.1 has
        one decimal in float32 as well.
        """
        present = np.sort(values[~missing])
        atoms = _atoms(present)
        rest = present[~np.isin(present, atoms)]
        # Evenly spaced ranks, with the least and the greatest value among them.
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
        """Encoded columns on the normal scale: 1, or 0 if every value is an atom."""
        return int(len(self.knots) > 0)

    @property
    def n_levels(self) -> int:
        """Number of categories: "a number", each atom, "missing"; 0 if there is only one."""
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
        """Return values within the observed bounds, and a mask of the missing ones."""
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
        # Between two knots the rank is linear. Values outside the knots, which only later data
        # can have, get the rank of the nearest end.
        upper = np.clip(left, 1, max(n - 1, 1))
        a = self.knots[np.minimum(upper - 1, n - 1)].astype(np.float64)
        b = self.knots[np.minimum(upper, n - 1)].astype(np.float64)
        gap = np.where(b > a, b - a, 1.0)
        between = upper - 1 + np.clip((values.astype(np.float64) - a) / gap, 0.0, 1.0)
        rank = np.where(tied, rank, np.clip(between, 0, n - 1))
        # The half keeps the scores of the extremes finite.
        return ndtri((rank + 0.5) / n).astype(np.float32)

    def _value(self, score: Values) -> Numbers:
        n = len(self.knots)
        rank = np.clip(ndtr(score.astype(np.float64)) * n - 0.5, 0.0, n - 1)
        low = np.minimum(rank.astype(np.int64), max(n - 2, 0))
        high = np.minimum(low + 1, n - 1)
        share = rank - low
        a, b = self.knots[low], self.knots[high]
        if self.knots.dtype.kind == "i":
            # Only the distance from a knot becomes a float, so integers beyond 2**53 stay exact.
            gap = (b.astype(np.uint64) - a.astype(np.uint64)).astype(np.float64)
            steps = np.round(share * gap / self.grain).astype(np.uint64) * np.uint64(self.grain)
            value = (a.astype(np.uint64) + steps).view(np.int64)
            # Rounding to the grain may exceed the upper knot, but must not exceed the bounds.
            return np.clip(value, self.knots[0], self.knots[-1])
        # a + share * (b - a) overflows for the largest floats; the weighted sum does not.
        value = a * (1.0 - share) + b * share
        if self.decimals >= 0:
            with np.errstate(over="ignore", invalid="ignore"):
                rounded = np.round(value, self.decimals)
            value = np.where(np.isfinite(rounded), rounded, value)
        return np.clip(value, self.knots[0], self.knots[-1])


def _atoms(present: Numbers) -> Numbers:
    """Return the values with more than ATOM_MASS of the rows, at most MAX_ATOMS of them.

    The value of a constant column is an atom in any case.
    """
    unique, counts = np.unique(present, return_counts=True)
    frequent = counts > max(ATOM_MASS * len(present), ATOM_ROWS)
    if len(unique) == 1:
        return unique
    if frequent.sum() > MAX_ATOMS:
        frequent &= counts >= np.sort(counts[frequent])[-MAX_ATOMS]
        # Several values may have the count at the cut: the smallest of them are kept.
        frequent &= np.cumsum(frequent) <= MAX_ATOMS
    return unique[frequent]


def _decimals(present: Numbers, precision: Any) -> int:
    """Return how many decimals the values have; -1 for integers and more than MAX_DECIMALS."""
    if present.dtype.kind == "i" or not len(present):
        return -1
    exact = present.astype(precision)
    with np.errstate(over="ignore", invalid="ignore"):  # rounding the largest floats overflows
        for digits in range(MAX_DECIMALS + 1):
            if np.array_equal(np.round(present, digits).astype(precision), exact):
                return digits
    return -1


def _grain(present: Numbers) -> int:
    """Return the greatest common divisor of the gaps between integers; 1 for floats."""
    if present.dtype.kind != "i" or len(present) < 2:
        return 1
    gaps = np.diff(np.unique(present).astype(np.uint64))
    return int(np.gcd.reduce(gaps)) if len(gaps) else 1


@dataclass(frozen=True)
class CategoryCodec:
    """Codec of a categorical column.

    Up to ONE_HOT_LEVELS categories are one-hot, and "missing" is one of them. With more, each
    category has a fixed random direction as its embedding, and a generated vector is decoded as
    the category with the largest inner product. "Missing" is then encoded apart from the
    embedding, in a one-hot vector of two.

    Parameters
    ----------
    levels : list
        The categories.
    has_missing : bool
        Whether values are missing.
    table : ndarray of shape (levels, CODE_WIDTH) or None
        Embedding of each category; None if the column is one-hot.
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
            # All embeddings have one length: a longer one would win too many inner products.
            length = np.linalg.norm(table, axis=1, keepdims=True) / np.sqrt(CODE_WIDTH)
            return cls(levels, has_missing, (table / length).astype(np.float32))
        return cls(levels, has_missing)

    @property
    def n_levels(self) -> int:
        """Number of categories including "missing"; 0 if there is only one."""
        levels = len(self.levels) + self.has_missing
        return levels if levels > 1 else 0

    @property
    def n_choices(self) -> int:
        """Width of the one-hot vector.

        It holds all categories; with embeddings, only "present" and "missing", or nothing.
        """
        if self.table is None:
            return self.n_levels
        return 2 if self.has_missing else 0

    def choose(self, codes: Codes) -> Codes:
        """Return the position of each row in the one-hot vector."""
        if self.table is None:
            return np.where(codes < 0, len(self.levels), codes)
        return (codes < 0).astype(np.int64)

    def embed(self, codes: Codes, rng: np.random.Generator) -> Values:
        """Return the embedding of each row; missing rows get that of a random present row."""
        assert self.table is not None
        present = codes[codes >= 0]
        # The critic should recognise a missing value by its own segment only.
        filled = rng.choice(present, len(codes)) if len(present) else np.zeros_like(codes)
        return self.table[np.where(codes < 0, filled, codes)]

    def decode(self, choices: Codes, embedded: Values) -> Codes:
        """Return the code of each row's level; -1 if it is missing."""
        if self.table is None:
            if not self.n_levels:
                return np.full(len(choices), 0 if self.levels else -1)
            return np.where(choices >= len(self.levels), -1, choices)
        nearest = np.zeros(len(embedded), np.int64)
        for start in range(0, len(embedded), DECODE_ROWS):
            part = slice(start, start + DECODE_ROWS)
            nearest[part] = (embedded[part] @ self.table.T).argmax(1)
        return np.where(choices > 0, -1, nearest)
