"""Figures that come from distances between rows of numbers."""

from __future__ import annotations

import torch
from torch import Tensor

WIDTHS = (0.5, 1.0, 2.0)
"""Of the kernels, in units of a typical distance."""

NEIGHBOURS = 5

EXACT = "donot_use_mm_for_euclid_dist"
"""Through a matrix product, equal points would not be at distance 0."""


def kernel_mmd(first: Tensor, second: Tensor, bandwidth: float) -> float:
    """Return the unbiased squared maximum mean discrepancy (Gretton et al. 2012), Gaussian kernels.

    A mean over three widths. It is 0 on average for two samples of one distribution, and so may be
    negative; a bounded kernel keeps a few outliers from deciding it.

    Parameters
    ----------
    first, second : Tensors of shape (n, d) and (m, d)
    bandwidth : float
        A typical distance.
    """
    if min(len(first), len(second)) < 2:
        return float("nan")

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        squared = torch.cdist(a, b).square()
        each = [torch.exp(-squared / (2 * (width * bandwidth) ** 2)) for width in WIDTHS]
        return torch.stack(each).mean(0)

    def within(a: Tensor) -> Tensor:
        values = kernel(a, a)
        return (values.sum() - values.trace()) / (len(a) * (len(a) - 1))

    return float(within(first) + within(second) - 2 * kernel(first, second).mean())


def mean_distance(points: Tensor) -> float:
    """Return the mean distance between two different points."""
    return float(torch.pdist(points).mean()) if len(points) > 1 else float("nan")


def median_distance(points: Tensor) -> float:
    """Return the median distance between two different points; at least two are needed."""
    return float(torch.pdist(points).median())


def nearest(points: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """Return how far each point is from the nearest of the others, and which that is."""
    parts = [torch.cdist(p, others, compute_mode=EXACT).min(1) for p in points.split(512)]
    return torch.cat([p.values for p in parts]), torch.cat([p.indices for p in parts])


def density_and_coverage(real: Tensor, made: Tensor) -> tuple[float, float]:
    """Return clipped density and clipped coverage of made points.

    Those of Naeem et al. (2020) with the clipping of Salvy, Talbot and Thirion (2025): what one
    point adds is at most 1, and for density no ball around a real point is larger than the median
    one. Not calibrated: what real points get stands beside them instead.

    Parameters
    ----------
    real, made : Tensors of shape (n, d) and (m, d)
        More than five real ones.
    """
    within, distances = (torch.cdist(real, other, compute_mode=EXACT) for other in (real, made))
    radius = within.kthvalue(NEIGHBOURS + 1, dim=1).values  # the first is itself
    clipped = radius.clamp(max=float(radius.median()))
    dense = (distances <= clipped[:, None]).double().sum(0) / NEIGHBOURS
    covered = (distances <= radius[:, None]).double().sum(1) / NEIGHBOURS
    return float(dense.clamp(max=1).mean()), float(covered.clamp(max=1).mean())
