"""Selection of images: the rule for rows, with a distance between small versions of images."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from ganaug.images.evidence import ImageEvidence
from ganaug.models.selection import COPY_QUANTILE, COPY_ROWS, Selector
from ganaug.training.images import to_signed

EVIDENCE_QUANTILE = 0.02
"""Share of the real images of a class whose evidence is too low for a candidate.

Lower than for tables: a stricter rule was worse for a classifier (docs/research-images.md).
"""

SMALL_SIZE = 14
"""Height and width of the small versions that are compared.

At a small size, an image shifted by half a pixel is still a copy.
"""

MAX_COMPARED = 200
"""Most images of a class that are compared: among more, the nearest would be nearer by chance."""

ENOUGH_IMAGES = 50
"""Fewest images from which a class's own distances set its radius."""

SUBSETS = 5
"""Subsets drawn from each large class, for the radius of small classes."""

MAX_LARGE_CLASSES = 10
"""Most large classes from which subsets are drawn: bounds the time with many classes."""


class ImageSelector(Selector):
    """Frozen rule for candidate images; its references are small versions of real images."""

    def describe(self, rows: Tensor) -> Tensor:
        """Return the vectors between which distances are measured: small versions of images."""
        return small_versions(rows)


def small_versions(images: Tensor) -> Tensor:
    """Return stored or signed images, reduced to at most SMALL_SIZE pixels a side, as vectors."""
    images = to_signed(images)
    size = min(images.shape[2], SMALL_SIZE), min(images.shape[3], SMALL_SIZE)
    return adaptive_avg_pool2d(images, size).flatten(1)


def fit_image_selector(
    evidence: ImageEvidence, fold: Tensor, images: Tensor, labels: Tensor, generated: Sequence[bool]
) -> ImageSelector:
    """Freeze the thresholds of every class.

    The radius of near-copies is a low quantile of the distances between real images. A class of a
    few images does not show how near a new image may come to one of them, so its radius comes from
    the classes that have enough images: from the distances between a few of their images and the
    others, relative to the spread of the few. If no class has enough images, the distances within
    all classes are used.

    Parameters
    ----------
    evidence, fold
        From :func:`ganaug.images.evidence.fit_image_evidence`.
    images, labels : Tensor
        All stored images and their classes.
    generated : sequence of bool
        Whether a generator makes each class. All candidates of the other classes are kept.
    """
    n_classes = len(generated)
    floor = torch.full((n_classes,), -torch.inf)
    compared = [small_versions(images[:0])] * n_classes
    references, counts = compared[:1], [0] * n_classes
    for label, selected in enumerate(generated):
        members = torch.nonzero(labels == label).squeeze(1)
        members = _thinned(members, COPY_ROWS)
        if len(members) < 2:
            continue
        reference = small_versions(images[members])
        compared[label] = _thinned(reference, MAX_COMPARED)
        if selected:
            margins = evidence.margins(images[members], fold[members], label)
            floor[label] = torch.quantile(margins, EVIDENCE_QUANTILE).cpu()
            references.append(reference)
            counts[label] = len(reference)
    radius = _radii(compared, [count > 0 for count in counts])
    selector = ImageSelector(
        evidence, floor, radius, torch.cat(references).cpu(), torch.tensor(counts)
    )
    return selector.to(images.device).eval()


def _thinned(rows: Tensor, most: int) -> Tensor:
    """Return at most ``most`` rows, evenly spread from beginning to end."""
    return rows[:: -(-len(rows) // most)] if len(rows) else rows


def _radii(compared: Sequence[Tensor], selected: Sequence[bool]) -> Tensor:
    """Return the distance to a training image below which a candidate is a near-copy, by class.

    Parameters
    ----------
    compared : sequence of Tensor of shape (n, width)
        Small versions of images of each class.
    selected : sequence of bool
        Whether the class needs a radius; 0 for the others.
    """
    large = [images for images in map(_distinct, compared) if len(images) >= ENOUGH_IMAGES]
    large = large[:: -(-len(large) // MAX_LARGE_CLASSES)] if large else []
    distances = [_distances(images) for images in compared]
    pooled = [nearest / spread for nearest, spread in distances if len(nearest)]
    by_size: dict[int, float] = {}  # small classes of one size share their relative radius
    radius = torch.zeros(len(compared))
    for label, (images, (nearest, spread)) in enumerate(zip(compared, distances, strict=True)):
        if not selected[label] or not len(nearest):
            continue
        size = len(images)
        if size >= ENOUGH_IMAGES:
            radius[label] = _low_quantile(nearest)
            continue
        if size not in by_size:
            shares = torch.cat([_relative_distances(others, size) for others in large] or pooled)
            by_size[size] = _low_quantile(shares if len(shares) else torch.cat(pooled))
        radius[label] = by_size[size] * float(spread)
    return radius


def _distinct(rows: Tensor) -> Tensor:
    """Return rows without repetitions, in their order.

    Copies of an image do not show how near two different images may be.
    """
    if not len(rows):
        return rows
    distinct, place = torch.unique(rows, dim=0, return_inverse=True)
    order = torch.arange(len(rows), device=rows.device)
    first = order.new_full((len(distinct),), len(rows)).scatter_reduce(0, place, order, "amin")
    return rows[first.sort().values]


def _low_quantile(distances: Tensor) -> float:
    """Return the COPY_QUANTILE of distances; 0 if there are none."""
    return float(torch.quantile(distances, COPY_QUANTILE)) if len(distances) else 0.0


def _relative_distances(rows: Tensor, size: int) -> Tensor:
    """Return distances from rows of a class to the nearest of a subset, over the subset's spread.

    The subset has ``size`` rows, but at most half, so that enough other rows are left. Several
    subsets are drawn, evenly over the rows.
    """
    parts = [rows.new_zeros(0)]
    size = min(size, len(rows) // 2)
    for start in range(SUBSETS):
        index = (start + torch.arange(size, device=rows.device) * len(rows) // size) % len(rows)
        chosen = torch.zeros(len(rows), dtype=torch.bool, device=rows.device)
        chosen[index] = True
        nearest = torch.cdist(rows[~chosen], rows[chosen]).amin(1)
        _, spread = _distances(rows[chosen])
        if spread > 0:  # 0 if the subset repeats one image
            parts.append(nearest[nearest > 0] / spread)
    return torch.cat(parts)


def _distances(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return the distance from each row to its nearest different row, and the mean distance."""
    distances = torch.cdist(rows, rows)
    mean = distances.sum() / max(len(rows) * (len(rows) - 1), 1)
    nearest = distances.fill_diagonal_(torch.inf).amin(1) if len(rows) else distances.flatten()
    # Rows with an exact copy are left out, as is a single row.
    nearest = nearest[(nearest > 0) & nearest.isfinite()]
    return nearest, mean
