"""Which images to keep: the rule for rows, with a distance that suits images."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from ganaug.codecs.image import to_signed
from ganaug.image_evidence import ImageEvidence
from ganaug.selection import COPY_QUANTILE, COPY_ROWS, EVIDENCE_QUANTILE, Selector

LOOK = 14
"""Height and width to which images are brought before they are compared: a copy shifted by half a
pixel is a copy."""

COMPARED = 200
"""Images of a class among which the nearest are sought: of more, two would be nearer by chance."""

ENOUGH = 50
"""Images from which a class can say how near two different ones may be."""


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

    A class of a few images cannot say how near two different ones may be: their distances are
    large because there are few. Its nearness is taken as a share of its spread, from the classes
    that have enough images (from all, where none has).
    """
    n_classes = len(judged)
    floor, spread = torch.full((n_classes,), -torch.inf), torch.zeros(n_classes)
    references: list[Tensor] = [small_versions(images[:0])]
    counts, nearest = [0] * n_classes, [images.new_zeros(0, dtype=torch.float32)] * n_classes
    for label, wanted in enumerate(judged):
        own = torch.nonzero(labels == label).squeeze(1)
        own = _some(own, COPY_ROWS)
        if len(own) < 2:
            continue
        reference = small_versions(images[own])
        nearest[label], spread[label] = _distances(_some(reference, COMPARED))
        if wanted:
            margins = evidence.margins(images[own], fold[own], label)
            floor[label] = torch.quantile(margins, EVIDENCE_QUANTILE).cpu()
            references.append(reference)
            counts[label] = len(reference)
    radius = _radii(nearest, spread) * torch.tensor([count > 0 for count in counts])
    selector = ImageSelector(
        evidence, floor, radius, torch.cat(references).cpu(), torch.tensor(counts)
    )
    return selector.to(images.device).eval()


def _some(rows: Tensor, most: int) -> Tensor:
    """Return at most ``most`` rows, evenly spread."""
    return rows[:: -(-len(rows) // most)] if len(rows) else rows


def _radii(nearest: Sequence[Tensor], spread: Tensor) -> Tensor:
    """Return how near a candidate of each class may be to a training image."""
    large = [label for label, near in enumerate(nearest) if len(near) >= ENOUGH]
    pooled = large or [label for label, near in enumerate(nearest) if len(near)]
    if not pooled:
        return torch.zeros_like(spread)
    shares = torch.cat([nearest[label] / spread[label] for label in pooled])
    radius = spread * torch.quantile(shares, COPY_QUANTILE).cpu()
    for label in large:
        radius[label] = torch.quantile(nearest[label], COPY_QUANTILE).cpu()
    return radius


def _distances(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return how far each row is from the nearest different one, and two on average."""
    distances = torch.cdist(rows, rows)
    mean = distances.sum() / max(len(rows) * (len(rows) - 1), 1)
    distances.fill_diagonal_(torch.inf)
    nearest = distances.amin(1)
    return nearest[nearest > 0], mean.cpu()  # the same image twice says nothing of different ones
