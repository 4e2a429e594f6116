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
    large because there are few. So nearness is taken as a share of the class's spread, from the
    classes that have enough images (from all, where none has).
    """
    n_classes = len(judged)
    floor, radius = torch.full((n_classes,), -torch.inf), torch.zeros(n_classes)
    references: list[Tensor] = [small_versions(images[:0])]
    counts, spread = [0] * n_classes, torch.zeros(n_classes)
    nearness: list[tuple[int, Tensor]] = []
    for label, wanted in enumerate(judged):
        own = torch.nonzero(labels == label).squeeze(1)
        own = own[:: -(-len(own) // COPY_ROWS)] if len(own) else own
        if len(own) < 2:
            continue
        reference = small_versions(images[own])
        nearest, spread[label] = _distances(reference)
        different = nearest > 0  # the same image twice says nothing of different ones
        if different.any():
            nearness.append((len(own), nearest[different] / spread[label]))
        if wanted:
            margins = evidence.margins(images[own], fold[own], label)
            floor[label] = torch.quantile(margins, EVIDENCE_QUANTILE).cpu()
            references.append(reference)
            counts[label] = len(reference)
    large = [near for n_images, near in nearness if n_images >= ENOUGH]
    if nearness:
        shares = large or [near for _, near in nearness]
        share = torch.quantile(torch.cat(shares), COPY_QUANTILE).cpu()
        radius = share * spread * torch.tensor([count > 0 for count in counts])
    selector = ImageSelector(
        evidence, floor, radius, torch.cat(references).cpu(), torch.tensor(counts)
    )
    return selector.to(images.device).eval()


def _distances(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return the distance of each row to its nearest, and the mean one between two rows."""
    distances = torch.cdist(rows, rows)
    mean = distances.sum() / max(len(rows) * (len(rows) - 1), 1)
    distances.fill_diagonal_(torch.inf)
    return distances.amin(1), mean.cpu()
