"""Figures from distances between points."""

from __future__ import annotations

import torch
from torch import Tensor

WIDTHS = (0.5, 1.0, 2.0)
"""Widths of the kernels in units of a typical distance: half of it, itself and twice."""

NEIGHBOURS = 5
"""Neighbours that give the radius of a ball, as in Naeem et al. (2020)."""

EXACT = "donot_use_mm_for_euclid_dist"
"""Mode of ``torch.cdist``. With a matrix product, rounding would put equal points apart."""


def kernel_mmd(first: Tensor, second: Tensor, bandwidth: float) -> float:
    """Return the unbiased squared maximum mean discrepancy (Gretton et al. 2012).

    It is a mean over Gaussian kernels of three widths. For two samples of one distribution it is 0
    on average and may be negative. Gaussian kernels are bounded, so outliers have little influence.

    Parameters
    ----------
    first, second : Tensors of shape (n, d) and (m, d)
    bandwidth : float
        A typical distance between points.

    Returns
    -------
    float
        NaN if a sample has fewer than two points.
    """
    if min(len(first), len(second)) < 2:
        return float("nan")

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        squared = torch.cdist(a, b).square()
        values = [torch.exp(-squared / (2 * (width * bandwidth) ** 2)) for width in WIDTHS]
        return torch.stack(values).mean(0)

    def within(a: Tensor) -> Tensor:
        values = kernel(a, a)
        # Without the diagonal, the comparison of points with themselves: this makes it unbiased.
        return (values.sum() - values.trace()) / (len(a) * (len(a) - 1))

    return float(within(first) + within(second) - 2 * kernel(first, second).mean())


def mean_distance(points: Tensor) -> float:
    """Return the mean distance between two different points."""
    return float(torch.pdist(points).mean()) if len(points) > 1 else float("nan")


def median_distance(points: Tensor) -> float:
    """Return the median distance between two different points of at least two."""
    return float(torch.pdist(points).median())


def nearest(points: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """Return the distance from each point to the nearest of the others, and its index."""
    # In parts of 512 points, so that the matrix of distances stays small.
    parts = [torch.cdist(p, others, compute_mode=EXACT).min(1) for p in points.split(512)]
    return torch.cat([p.values for p in parts]), torch.cat([p.indices for p in parts])


def density_and_coverage(real: Tensor, made: Tensor) -> tuple[float, float]:
    """Return clipped density and clipped coverage of made points.

    They are those of Naeem et al. (2020) with the clipping of Salvy, Talbot and Thirion (2025): a
    point contributes at most 1, and for density no ball around a real point is larger than the
    median ball. They are not calibrated; the report shows the values of real points beside them.

    Parameters
    ----------
    real, made : Tensors of shape (n, d) and (m, d)
        More than five real points are needed.
    """
    within, distances = (torch.cdist(real, other, compute_mode=EXACT) for other in (real, made))
    radius = within.kthvalue(NEIGHBOURS + 1, dim=1).values  # the nearest is the point itself
    clipped = radius.clamp(max=float(radius.median()))
    dense = (distances <= clipped[:, None]).double().sum(0) / NEIGHBOURS
    covered = (distances <= radius[:, None]).double().sum(1) / NEIGHBOURS
    return float(dense.clamp(max=1).mean()), float(covered.clamp(max=1).mean())
