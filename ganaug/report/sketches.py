"""Data of the pictures of a report: some rows of each class, and their projection."""

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
from ganaug.report.views import Encoder, TableEncoder, Views

# These numbers bound the size of a page and the time to draw it.

PICTURED = 4
"""Maximal number of classes with pictures of columns, pairs or images."""

DOTS = 150
"""Maximal number of dots of a class in each projection; more would cover each other."""

PANELS = 12
"""Maximal number of columns of a class that are drawn, the least alike."""

DRAWN = 500
"""Maximal number of rows in the picture of a column."""

IMAGES = 8
"""Maximal number of images of a class, which fit side by side on a phone."""

PROJECTED = 6
"""Maximal number of classes in the projection, as many as there are distinct colours."""


@dataclass(frozen=True)
class ColumnSketch:
    """Values of a column of a class, without missing ones, and its likeness to real rows."""

    name: str
    kind: str
    real: pd.Series
    synthetic: pd.Series
    shape: float
    baseline: float


@dataclass(frozen=True)
class Neighbours:
    """Synthetic images of a class, and the nearest training image of each."""

    synthetic: NDArray[np.uint8]
    real: NDArray[np.uint8]


@dataclass(frozen=True)
class Projection:
    """Two principal components of held-out and synthetic rows by class, and their variances."""

    real: Mapping[Any, Matrix]
    synthetic: Mapping[Any, Matrix]
    shares: tuple[float, float]


class Sketches:
    """Rows and images that the pictures show, selected before anything is drawn.

    A report keeps these in place of all data.

    Parameters
    ----------
    data : ReportData
    encoder : Encoder
    views : dict of str to Views
        Representations of the rows of each part.
    pairs : ndarray of shape (n_pairs, 2)
    compared : dict
        Findings of each class, in the order of the report.
    """

    def __init__(
        self,
        data: ReportData,
        encoder: Encoder,
        views: Mapping[str, Views],
        pairs: NDArray[np.int64],
        compared: Mapping[Any, ClassFindings],
    ) -> None:
        self.labels = list(compared)
        self.pictured = self.labels[:PICTURED]
        codes = {label: data.labels.index(label) for label in self.labels}
        shown = {label: codes[label] for label in self.labels[:PROJECTED]}
        self.projection = _project(data, views, shown)
        self.columns: dict[Any, list[ColumnSketch]] = {}
        self.trends: dict[Any, tuple[Matrix, Matrix]] = {}
        self.images: dict[Any, Neighbours] = {}
        self.names: list[str] = []
        for label in self.pictured:
            if isinstance(encoder, TableEncoder):
                self.names = [str(name) for name in encoder.names]
                self.columns[label] = _columns(data, encoder, codes[label], compared[label])
                self.trends[label] = _squares(compared[label], pairs, len(self.names))
            else:
                self.images[label] = _neighbours(data, views, codes[label])


def _project(data: ReportData, views: Mapping[str, Views], codes: Mapping[Any, int]) -> Projection:
    """Return the projection on the principal components of the held-out rows."""
    from sklearn.decomposition import PCA

    real = views["held_out"].inputs
    width = min(2, *real.shape)  # fewer for one column, or one or no held-out row
    pca = PCA(width, svd_solver="full").fit(real) if width else None

    def project(name: str, part: Any) -> dict[Any, Matrix]:
        projected = {}
        for label, code in codes.items():
            # Equal numbers of real and synthetic rows, since a denser cloud looks different.
            most = min(int((data.held_out.codes == code).sum()) or DOTS, DOTS)
            rows = views[name].inputs[np.flatnonzero(part.codes == code)[:most]]
            positions = np.zeros((len(rows), 2))
            if pca is not None and len(rows):
                positions[:, :width] = pca.transform(rows)
            projected[label] = positions
        return projected

    shares = [*(pca.explained_variance_ratio_ if pca is not None else []), 0.0, 0.0]
    return Projection(
        project("held_out", data.held_out),
        project("synthetic", data.synthetic),
        (float(np.nan_to_num(shares[0])), float(np.nan_to_num(shares[1]))),
    )


def _columns(
    data: ReportData, encoder: TableEncoder, code: int, found: ClassFindings
) -> list[ColumnSketch]:
    """Return the least alike columns, or the first ones if likeness is not known."""
    n_columns = len(encoder.names)
    known = len(found.shapes) == n_columns
    order = np.argsort(found.shapes, kind="stable") if known else np.arange(n_columns)
    parts = [
        part.rows.iloc[np.flatnonzero(part.codes == code)[:DRAWN]]
        for part in (_real_part(data, code), data.synthetic)
    ]
    return [
        ColumnSketch(
            str(encoder.names[j]),
            encoder.types[j].storage,
            parts[0].iloc[:, j].dropna(),
            parts[1].iloc[:, j].dropna(),
            float(found.shapes[j]) if known else np.nan,
            float(found.shapes_real[j]) if known else np.nan,
        )
        for j in order[:PANELS]
    ]


def _real_part(data: ReportData, code: int) -> Any:
    """Return the held-out rows, or the training rows if a class has no held-out rows."""
    return data.held_out if (data.held_out.codes == code).any() else data.thinned


def _squares(
    found: ClassFindings, pairs: NDArray[np.int64], n_columns: int
) -> tuple[Matrix, Matrix]:
    """Return the pair trends of synthetic and of real rows as symmetric matrices."""
    squares = []
    for values in (found.trends, found.trends_real):
        square = np.full((n_columns, n_columns), np.nan)
        if len(values):
            square[pairs[:, 0], pairs[:, 1]] = square[pairs[:, 1], pairs[:, 0]] = values
        squares.append(square)
    return squares[0], squares[1]


def _neighbours(data: ReportData, views: Mapping[str, Views], code: int) -> Neighbours:
    """Return synthetic images of a class with their nearest training images."""
    codec = data.augmenter.model_.codec
    made = np.flatnonzero(data.synthetic.codes == code)[:IMAGES]
    real = np.flatnonzero(data.thinned.codes == code)
    empty = np.zeros((0, *codec.shape), np.uint8)
    if not len(made) or not len(real):
        return Neighbours(empty, empty)
    points = views["synthetic"].points[torch.from_numpy(made)]
    _, which = nearest(points, views["thinned"].points[torch.from_numpy(real)])
    return Neighbours(
        codec.to_bytes(data.synthetic.rows[made]),
        codec.to_bytes(data.thinned.rows[real[which.numpy()]]),
    )
