"""Rows and images as the figures look at them: matrices of numbers, all made the same way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.preprocessing import QuantileTransformer
from torch import Tensor

from ganaug.report.columns import Flags, Matrix
from ganaug.tables.codec import TableCodec
from ganaug.tables.dtypes import levels_of, to_codes, to_numbers

MOST_LEVELS = 50
"""Levels of a category that are told apart by distances and classifiers; rarer ones are one."""

FLOOR = 0.1
"""Least spread by which a column is divided, as a share of its spread over all classes."""


@dataclass(frozen=True)
class Views:
    """Rows of one source, in the ways that the figures look at them; row for row the same.

    Parameters
    ----------
    points : Tensor of shape (n, d)
        What distances are measured on.
    keys : ndarray of bytes
        Equal for equal rows only.
    inputs : ndarray of shape (n, k)
        What classifiers are given.
    columns : ndarray of shape (n, n_columns)
        Of tables: see :mod:`ganaug.report.columns`.
    stored : Tensor of shape (n, ...)
        Of images: themselves, as their codec stores them.
    features : dict of str to Tensor
        Of images: by network.
    """

    points: Tensor
    keys: NDArray[Any]
    inputs: Matrix
    columns: Matrix
    stored: Tensor
    features: Mapping[str, Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, rows: NDArray[Any]) -> Views:
        index = torch.from_numpy(np.arange(len(self))[rows])
        return Views(
            self.points[index],
            self.keys[rows],
            self.inputs[rows],
            self.columns[rows],
            self.stored[index],
            {name: values[index] for name, values in self.features.items()},
        )


def stacked(*parts: Views) -> Views:
    """Return the rows of all parts, in turn."""
    return Views(
        torch.cat([part.points for part in parts]),
        np.concatenate([part.keys for part in parts]),
        np.concatenate([part.inputs for part in parts]),
        np.concatenate([part.columns for part in parts]),
        torch.cat([part.stored for part in parts]),
        {name: torch.cat([part.features[name] for part in parts]) for name in parts[0].features},
    )


class Lens(Protocol):
    """Turns data into views, and trains classifiers on them."""

    name: ClassVar[str]
    numeric: Flags

    def look(self, data: Any) -> Views:
        """Return rows as numbers."""

    def keys(self, data: Any) -> NDArray[Any]:
        """Return every row as bytes, equal for equal rows only."""

    def near(self, real: Views) -> Lens:
        """Return the lens through which the class of these rows is looked at."""

    def refocused(self, views: Views) -> Views:
        """Return what another lens for the same data saw, as seen through this one."""

    def judge(self, state: int) -> Any:
        """Return an untrained classifier that is to tell synthetic from real rows."""

    def chances(
        self, rows: Views, codes: NDArray[np.int64], test: Views, n_classes: int, seed: int
    ) -> Matrix:
        """Train a classifier on rows; return the probabilities that it gives to the test rows."""


class TableLens:
    """Looks at tables.

    Distances and classifiers see numbers as normal scores of their ranks among the real rows, so
    that heavy tails and units do not matter, and categories as indicators. Missing numbers are in
    the middle, and marked by a further column.

    Parameters
    ----------
    codec : TableCodec
        Knows what each column is.
    frames : sequence of DataFrame
        All rows, real and synthetic: their levels are known.
    real : DataFrame
        The rows of which ranks and frequencies are taken.
    """

    name: ClassVar[str] = "table"

    def __init__(
        self, codec: TableCodec, frames: Sequence[pd.DataFrame], real: pd.DataFrame
    ) -> None:
        self.types = [column.type for column in codec.columns]
        self.names = [column.name for column in codec.columns]
        self.numeric = np.array([kind.kind == "number" for kind in self.types], np.bool_)
        self.levels = [
            [] if number else _all_levels([frame.iloc[:, j] for frame in frames])
            for j, number in enumerate(self.numeric)
        ]
        columns = self._columns(real)
        self.scores = [
            _Scores(columns[:, j]) if number else _Indicators(columns[:, j])
            for j, number in enumerate(self.numeric)
        ]
        self.scale: Matrix = np.ones(self._inputs(columns).shape[1])

    def look(self, data: pd.DataFrame) -> Views:
        """Return rows as numbers."""
        columns = self._columns(data)
        inputs = self._inputs(columns)
        points = torch.from_numpy(inputs / self.scale)
        return Views(points, self.keys(data), inputs, columns, torch.zeros(len(data), 0))

    def near(self, real: Views) -> TableLens:
        """Return a lens that measures each number by its spread within the class.

        Else a class that is alike in many columns would be compared by the few others only.
        """
        own = object.__new__(type(self))
        own.__dict__.update(vars(self))
        spread = real.inputs.std(0).clip(FLOOR)
        continuous = [np.full(score.width, isinstance(score, _Scores)) for score in self.scores]
        own.scale = np.where(np.concatenate([*continuous, np.zeros(0, bool)]), spread, 1.0)
        return own

    def refocused(self, views: Views) -> Views:
        """Return rows with the distances of this lens."""
        return replace(views, points=torch.from_numpy(views.inputs / self.scale))

    def judge(self, state: int) -> Any:
        """Return boosted trees: on tables they see most, at little cost."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        return HistGradientBoostingClassifier(
            max_iter=30, learning_rate=0.2, max_leaf_nodes=8, min_samples_leaf=5,
            early_stopping=False, random_state=state,
        )  # fmt: skip

    def chances(
        self, rows: Views, codes: NDArray[np.int64], test: Views, n_classes: int, seed: int
    ) -> Matrix:
        """Train a random forest; return the probabilities that it gives to the test rows."""
        from sklearn.ensemble import RandomForestClassifier

        forest = RandomForestClassifier(
            100, min_samples_leaf=2, class_weight="balanced", random_state=seed % 2**32
        )
        out = np.zeros((len(test), n_classes))
        out[:, np.unique(codes)] = forest.fit(rows.inputs, codes).predict_proba(test.inputs)
        return out

    def _columns(self, frame: pd.DataFrame) -> Matrix:
        out = np.empty(frame.shape, np.float64)
        for j, kind in enumerate(self.types):
            series = frame.iloc[:, j]
            if self.numeric[j]:
                values, missing = to_numbers(series, kind)
                out[:, j] = np.where(missing, np.nan, values)
            else:
                out[:, j] = to_codes(series, self.levels[j])
        return out

    def _inputs(self, columns: Matrix) -> Matrix:
        parts = [score(columns[:, j]) for j, score in enumerate(self.scores)]
        return np.concatenate([*parts, np.zeros((len(columns), 0))], axis=1)

    def keys(self, data: pd.DataFrame) -> NDArray[Any]:
        """Return every row as bytes; integers keep all their digits."""
        words = np.zeros((len(data), 2 * len(self.types)), np.int64)
        for j, kind in enumerate(self.types):
            series = data.iloc[:, j]
            if self.numeric[j]:
                values, missing = to_numbers(series, kind)
                exact = values.astype(np.float64) + 0.0 if values.dtype.kind == "f" else values
                words[:, 2 * j], words[:, 2 * j + 1] = exact.view(np.int64), missing
            else:
                words[:, 2 * j] = to_codes(series, self.levels[j])
        return np.array([row.tobytes() for row in words] + [b""], dtype=object)[:-1]


def _all_levels(parts: Sequence[pd.Series]) -> list[Any]:
    """Return the levels that occur in any of the columns, in the order of the first."""
    found: dict[Any, None] = {}
    for part in parts:
        found.update(dict.fromkeys(levels_of(part)))
    return list(found)


class _Scores:
    """Normal scores of a number, by its ranks among real rows; a second column marks missing."""

    def __init__(self, real: Matrix) -> None:
        present = real[~np.isnan(real)]
        self.marks = len(present) < len(real)
        self.width = 1 + self.marks
        self.ranks = None
        if len(np.unique(present)) > 1:
            n_quantiles = min(len(present), 1000)
            self.ranks = QuantileTransformer(n_quantiles=n_quantiles, subsample=None)
            self.ranks.fit(present[:, None])
        self.margin = 0.5 / max(len(present), 1)

    def __call__(self, column: Matrix) -> Matrix:
        missing = np.isnan(column)
        out = np.zeros((len(column), self.width))
        if self.ranks is not None and not missing.all():
            rank = self.ranks.transform(column[~missing, None])[:, 0]
            out[~missing, 0] = norm.ppf(rank.clip(self.margin, 1 - self.margin))
        if self.marks:
            out[:, 1] = missing
        return out


class _Indicators:
    """Indicators of the most frequent levels of a category."""

    def __init__(self, real: Matrix) -> None:
        levels, counts = np.unique(real, return_counts=True)
        self.levels = levels[np.argsort(-counts, kind="stable")[:MOST_LEVELS]]
        self.width = len(self.levels)

    def __call__(self, column: Matrix) -> Matrix:
        return (column[:, None] == self.levels).astype(np.float64)
