"""Representations of rows and images as matrices of numbers, from which figures are computed."""

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
"""Maximal number of levels of a category with an indicator; rarer levels have none.

It bounds the number of inputs of classifiers.
"""

MOST_QUANTILES = 1000
"""Maximal number of quantiles by which a number is ranked."""

FLOOR = 0.1
"""Least spread by which a column is divided, as a share of its spread over all classes.

Otherwise a column that is nearly constant in a class would outweigh the others.
"""


@dataclass(frozen=True)
class Views:
    """Several representations of the same rows or images.

    Parameters
    ----------
    points : Tensor of shape (n, d)
        Points between which distances are measured.
    keys : ndarray of bytes
        Keys that are equal only for equal rows.
    inputs : ndarray of shape (n, k)
        Inputs of classifiers.
    columns : ndarray of shape (n, n_columns)
        Columns of a table, see :mod:`ganaug.report.columns`; empty for images.
    stored : Tensor of shape (n, ...)
        Images as their codec stores them; empty for tables.
    features : dict of str to Tensor
        Features of images by the name of the network; empty for tables.
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
    """Return the rows of all parts, one part after the other."""
    return Views(
        torch.cat([part.points for part in parts]),
        np.concatenate([part.keys for part in parts]),
        np.concatenate([part.inputs for part in parts]),
        np.concatenate([part.columns for part in parts]),
        torch.cat([part.stored for part in parts]),
        {name: torch.cat([part.features[name] for part in parts]) for name in parts[0].features},
    )


class Encoder(Protocol):
    """Computes representations of rows, and trains classifiers on them."""

    name: ClassVar[str]
    numeric: Flags

    def views(self, data: Any) -> Views:
        """Return all representations of rows."""

    def keys(self, data: Any) -> NDArray[Any]:
        """Return each row as bytes, which are equal only for equal rows."""

    def for_class(self, real: Views) -> Encoder:
        """Return an encoder whose distances suit the class of these rows."""

    def rescaled(self, views: Views) -> Views:
        """Return representations of another encoder with the distances of this one."""

    def two_sample_classifier(self, state: int) -> Any:
        """Return an untrained classifier to recognise synthetic rows with."""

    def class_probabilities(
        self, rows: Views, codes: NDArray[np.int64], test: Views, n_classes: int, seed: int
    ) -> Matrix:
        """Train a classifier on rows; return the class probabilities of the test rows."""


class TableEncoder:
    """Encoder of tables.

    For distances and classifiers, numbers become normal scores of their ranks among the real rows,
    so that heavy tails and units have no effect, and categories become indicators. Missing numbers
    are 0, the middle, and have a second column that marks them.

    Parameters
    ----------
    codec : TableCodec
        Codec with the type of each column.
    frames : sequence of DataFrame
        All rows, real and synthetic, from which the levels of categories are collected.
    real : DataFrame
        Rows that give ranks of numbers and frequencies of levels.
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

    def views(self, data: pd.DataFrame) -> Views:
        """Return all representations of rows."""
        columns = self._columns(data)
        inputs = self._inputs(columns)
        points = torch.from_numpy(inputs / self.scale)
        return Views(points, self.keys(data), inputs, columns, torch.zeros(len(data), 0))

    def for_class(self, real: Views) -> TableEncoder:
        """Return an encoder that measures each number by its spread within the class.

        Otherwise, in a class that varies little in most columns, the few other columns would
        determine all distances.
        """
        clone = object.__new__(type(self))
        clone.__dict__.update(vars(self))
        spread = real.inputs.std(0).clip(FLOOR)
        continuous = [np.full(score.width, isinstance(score, _Scores)) for score in self.scores]
        clone.scale = np.where(np.concatenate([*continuous, np.zeros(0, bool)]), spread, 1.0)
        return clone

    def rescaled(self, views: Views) -> Views:
        """Return rows with the distances of this encoder."""
        return replace(views, points=torch.from_numpy(views.inputs / self.scale))

    def two_sample_classifier(self, state: int) -> Any:
        """Return boosted trees, which find most differences between tables in little time."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        return HistGradientBoostingClassifier(
            max_iter=30, learning_rate=0.2, max_leaf_nodes=8, min_samples_leaf=5,
            early_stopping=False, random_state=state,
        )  # fmt: skip

    def class_probabilities(
        self, rows: Views, codes: NDArray[np.int64], test: Views, n_classes: int, seed: int
    ) -> Matrix:
        """Train a random forest; return the class probabilities of the test rows."""
        from sklearn.ensemble import RandomForestClassifier

        forest = RandomForestClassifier(
            100, min_samples_leaf=2, class_weight="balanced", random_state=seed % 2**32
        )
        out = np.zeros((len(test), n_classes))
        out[:, np.unique(codes)] = forest.fit(rows.inputs, codes).predict_proba(test.inputs)
        return out

    def _columns(self, frame: pd.DataFrame) -> Matrix:
        """Return numbers as floats and categories as codes, missing values as NaN and -1."""
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
        """Return each row as bytes. Integers keep all their digits, unlike in a float matrix."""
        words = np.zeros((len(data), 2 * len(self.types)), np.int64)
        for j, kind in enumerate(self.types):
            series = data.iloc[:, j]
            if self.numeric[j]:
                values, missing = to_numbers(series, kind)
                # Adding 0.0 turns -0.0 into 0.0, which have other bytes.
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
    """Normal scores of a number by its rank among real rows; a second column marks missing values.

    The second column exists only if values are missing in the real rows.
    """

    def __init__(self, real: Matrix) -> None:
        present = real[~np.isnan(real)]
        self.marks = len(present) < len(real)
        self.width = 1 + self.marks
        self.ranks = None
        if len(np.unique(present)) > 1:
            n_quantiles = min(len(present), MOST_QUANTILES)
            self.ranks = QuantileTransformer(n_quantiles=n_quantiles, subsample=None)
            self.ranks.fit(present[:, None])
        # Half a rank: it keeps the scores of the smallest and largest value finite.
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
