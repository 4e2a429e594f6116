"""What the pictures of a report show: some rows of each class, and where they lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from ganaug.report.columns import Matrix
from ganaug.report.data import ReportData
from ganaug.report.distances import nearest
from ganaug.report.per_class import ClassFindings
from ganaug.report.views import Lens, TableLens, Views

PICTURED = 4
"""Classes that get pictures of their own."""

DOTS = 150
"""Dots of a class and source in the projection, at most."""

PANELS = 12
"""Columns of a class that are pictured: those that are least alike."""

DRAWN = 500
"""Rows in a picture of a column, at most."""

IMAGES = 8
"""Images of a class that are shown."""

PROJECTED = 6
"""Classes in the projection, as many as colours can be told apart."""


@dataclass(frozen=True)
class ColumnSketch:
    """One column of a class: its values, without missing ones."""

    name: str
    kind: str
    real: pd.Series
    synthetic: pd.Series
    shape: float
    baseline: float


@dataclass(frozen=True)
class Neighbours:
    """Synthetic images of a class as bytes, and for each the nearest training image."""

    synthetic: NDArray[np.uint8]
    real: NDArray[np.uint8]


@dataclass(frozen=True)
class Projection:
    """Two principal components of held-out and of synthetic rows, by class."""

    real: Mapping[Any, Matrix]
    synthetic: Mapping[Any, Matrix]
    shares: tuple[float, float]


class Sketches:
    """Draws nothing: takes the rows that are to be drawn.

    Parameters
    ----------
    case : ReportData
    lens : Lens
    views : dict of str to Views
        The rows of each part, as the lens sees them.
    pairs : ndarray of shape (n_pairs, 2)
    compared : dict
        What was found about each class, in the order of the report.
    """

    def __init__(
        self,
        case: ReportData,
        lens: Lens,
        views: Mapping[str, Views],
        pairs: NDArray[np.int64],
        compared: Mapping[Any, ClassFindings],
    ) -> None:
        self.labels = list(compared)
        self.pictured = self.labels[:PICTURED]
        codes = {label: case.labels.index(label) for label in self.labels}
        shown = {label: codes[label] for label in self.labels[:PROJECTED]}
        self.projection = _project(case, views, shown)
        self.columns: dict[Any, list[ColumnSketch]] = {}
        self.trends: dict[Any, tuple[Matrix, Matrix]] = {}
        self.images: dict[Any, Neighbours] = {}
        self.names: list[str] = []
        for label in self.pictured:
            if isinstance(lens, TableLens):
                self.names = [str(name) for name in lens.names]
                self.columns[label] = _columns(case, lens, codes[label], compared[label])
                self.trends[label] = _squares(compared[label], pairs, len(self.names))
            else:
                self.images[label] = _neighbours(case, views, codes[label])


def _project(case: ReportData, views: Mapping[str, Views], codes: Mapping[Any, int]) -> Projection:
    from sklearn.decomposition import PCA

    real = views["held_out"].inputs
    width = min(2, *real.shape)
    found = PCA(width, svd_solver="full").fit(real) if width else None

    def place(name: str, part: Any) -> dict[Any, Matrix]:
        out = {}
        for label, code in codes.items():
            # As many of each: denser clouds would look different.
            most = min(int((case.held_out.codes == code).sum()) or DOTS, DOTS)
            own = views[name].inputs[np.flatnonzero(part.codes == code)[:most]]
            flat = np.zeros((len(own), 2))
            if found is not None and len(own):
                flat[:, :width] = found.transform(own)
            out[label] = flat
        return out

    shares = [*(found.explained_variance_ratio_ if found is not None else []), 0.0, 0.0]
    return Projection(
        place("held_out", case.held_out),
        place("synthetic", case.synthetic),
        (float(np.nan_to_num(shares[0])), float(np.nan_to_num(shares[1]))),
    )


def _columns(
    case: ReportData, lens: TableLens, code: int, found: ClassFindings
) -> list[ColumnSketch]:
    """Return the columns that are least alike; where that is not known, the first."""
    n_columns = len(lens.names)
    known = len(found.shapes) == n_columns
    order = np.argsort(found.shapes, kind="stable") if known else np.arange(n_columns)
    parts = [
        part.rows.iloc[np.flatnonzero(part.codes == code)[:DRAWN]]
        # Of a class without held-out rows, those that were learned from.
        for part in (_shown(case, code), case.synthetic)
    ]
    return [
        ColumnSketch(
            str(lens.names[j]),
            lens.types[j].storage,
            parts[0].iloc[:, j].dropna(),
            parts[1].iloc[:, j].dropna(),
            float(found.shapes[j]) if known else np.nan,
            float(found.shapes_real[j]) if known else np.nan,
        )
        for j in order[:PANELS]
    ]


def _shown(case: ReportData, code: int) -> Any:
    return case.held_out if (case.held_out.codes == code).any() else case.thinned


def _squares(
    found: ClassFindings, pairs: NDArray[np.int64], n_columns: int
) -> tuple[Matrix, Matrix]:
    """Return the pair trends of synthetic and of real rows as symmetric matrices."""
    out = []
    for values in (found.trends, found.trends_real):
        square = np.full((n_columns, n_columns), np.nan)
        if len(values):
            square[pairs[:, 0], pairs[:, 1]] = square[pairs[:, 1], pairs[:, 0]] = values
        out.append(square)
    return out[0], out[1]


def _neighbours(case: ReportData, views: Mapping[str, Views], code: int) -> Neighbours:
    codec = case.augmenter.model_.codec
    made = np.flatnonzero(case.synthetic.codes == code)[:IMAGES]
    real = np.flatnonzero(case.thinned.codes == code)
    empty = np.zeros((0, *codec.shape), np.uint8)
    if not len(made) or not len(real):
        return Neighbours(empty, empty)
    points = views["synthetic"].points[torch.from_numpy(made)]
    _, which = nearest(points, views["thinned"].points[torch.from_numpy(real)])
    return Neighbours(
        codec.to_bytes(case.synthetic.rows[made]),
        codec.to_bytes(case.thinned.rows[real[which.numpy()]]),
    )
