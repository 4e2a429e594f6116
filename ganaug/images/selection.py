"""Which images to keep: the rule for rows, with a distance that suits images."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from ganaug.images.evidence import ImageEvidence
from ganaug.models.selection import COPY_QUANTILE, COPY_ROWS, Selector
from ganaug.training.images import to_signed

EVIDENCE_QUANTILE = 0.02
"""Share of the real images of a class whose evidence is lower than what a candidate needs."""

LOOK = 14
"""Height and width to which images are brought before they are compared: a copy shifted by half a
pixel is a copy."""

COMPARED = 200
"""Images of a class among which the nearest are sought: of more, two would be nearer by chance."""

ENOUGH = 50
"""Images from which a class can say how near two different ones may be."""

SUBSETS = 5
"""Times that a few images are taken from each large class."""

ASKED = 10
"""Large classes that are asked how near others come to a few images, at most."""


class ImageSelector(Selector):
    """Judges candidate images of every class; references are small versions of real images."""

    def describe(self, rows: Tensor) -> Tensor:
        """Return what distances are measured on."""
        return small_versions(rows)


def small_versions(images: Tensor) -> Tensor:
    """Return stored or signed images of at most LOOK by LOOK, flat."""
    images = to_signed(images)
    size = min(images.shape[2], LOOK), min(images.shape[3], LOOK)
    return adaptive_avg_pool2d(images, size).flatten(1)


def fit_image_selector(
    evidence: ImageEvidence, fold: Tensor, images: Tensor, labels: Tensor, judged: Sequence[bool]
) -> ImageSelector:
    """Freeze the thresholds of every class; parameters as of the selector for rows.

    A class of a few images cannot say how near a different one may come to one of them. That is
    taken from the classes that have enough images, as a share of the spread: how near do their
    other images come to as few of them? Where no class has enough, the few speak for themselves.
    """
    n_classes = len(judged)
    floor = torch.full((n_classes,), -torch.inf)
    looks = [small_versions(images[:0])] * n_classes
    references, counts = looks[:1], [0] * n_classes
    for label, wanted in enumerate(judged):
        own = torch.nonzero(labels == label).squeeze(1)
        own = _some(own, COPY_ROWS)
        if len(own) < 2:
            continue
        reference = small_versions(images[own])
        looks[label] = _some(reference, COMPARED)
        if wanted:
            margins = evidence.margins(images[own], fold[own], label)
            floor[label] = torch.quantile(margins, EVIDENCE_QUANTILE).cpu()
            references.append(reference)
            counts[label] = len(reference)
    radius = _radii(looks, [count > 0 for count in counts])
    selector = ImageSelector(
        evidence, floor, radius, torch.cat(references).cpu(), torch.tensor(counts)
    )
    return selector.to(images.device).eval()


def _some(rows: Tensor, most: int) -> Tensor:
    """Return at most ``most`` rows, evenly spread."""
    return rows[:: -(-len(rows) // most)] if len(rows) else rows


def _radii(looks: Sequence[Tensor], judged: Sequence[bool]) -> Tensor:
    """Return how near a candidate of each judged class may be to a training image."""
    large = [own for own in map(_different, looks) if len(own) >= ENOUGH]
    large = large[:: -(-len(large) // ASKED)] if large else []
    each = [_distances(own) for own in looks]
    pooled = [nearest / spread for nearest, spread in each if len(nearest)]
    known: dict[int, float] = {}
    radius = torch.zeros(len(looks))
    for label, (own, (nearest, spread)) in enumerate(zip(looks, each, strict=True)):
        if not judged[label] or not len(nearest):
            continue
        if len(own) >= ENOUGH:
            radius[label] = _low(nearest)
            continue
        if len(own) not in known:
            shares = torch.cat([_shares(others, len(own)) for others in large] or pooled)
            known[len(own)] = _low(shares if len(shares) else torch.cat(pooled))
        radius[label] = known[len(own)] * float(spread)
    return radius


def _different(rows: Tensor) -> Tensor:
    """Return rows without repetitions, in their order: copies say nothing of different images."""
    if not len(rows):
        return rows
    distinct, place = torch.unique(rows, dim=0, return_inverse=True)
    order = torch.arange(len(rows), device=rows.device)
    first = order.new_full((len(distinct),), len(rows)).scatter_reduce(0, place, order, "amin")
    return rows[first.sort().values]


def _low(distances: Tensor) -> float:
    """Return the quantile of distances below which one is a copy's; 0 of none."""
    return float(torch.quantile(distances, COPY_QUANTILE)) if len(distances) else 0.0


def _shares(rows: Tensor, few: int) -> Tensor:
    """Return how near rows come to a few others of their class, as shares of these ones' spread."""
    parts = [rows.new_zeros(0)]
    few = min(few, len(rows) // 2)  # enough others must be left to ask
    for start in range(SUBSETS):
        index = (start + torch.arange(few, device=rows.device) * len(rows) // few) % len(rows)
        chosen = torch.zeros(len(rows), dtype=torch.bool, device=rows.device)
        chosen[index] = True
        nearest = torch.cdist(rows[~chosen], rows[chosen]).amin(1)
        _, spread = _distances(rows[chosen])
        if spread > 0:  # else they are one image, again and again
            parts.append(nearest[nearest > 0] / spread)
    return torch.cat(parts)


def _distances(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return how far each row is from the nearest different one, and two on average."""
    distances = torch.cdist(rows, rows)
    mean = distances.sum() / max(len(rows) * (len(rows) - 1), 1)
    nearest = distances.fill_diagonal_(torch.inf).amin(1) if len(rows) else distances.flatten()
    nearest = nearest[(nearest > 0) & nearest.isfinite()]
    return nearest, mean  # the same image twice says nothing of different ones
