"""A generator that bends real images: the answer for classes of a few images.

From noise and a real image (its anchor) it makes a smooth displacement field and moves the pixels
along it. What deformations are plausible is learned from pairs of images of one class, over all
classes, so that a class of twenty images is varied as the common classes vary (in the manner of
DAGAN, Antoniou et al. 2017, and of learned class-wise deformations, Hauberg et al. 2016).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import (
    adaptive_avg_pool2d,
    affine_grid,
    avg_pool2d,
    grid_sample,
    interpolate,
    relu,
)

from ganaug.nets.blocks import activate, linear
from ganaug.nets.blueprint import Blueprint
from ganaug.nets.convolution import DownsampleStack, ImageGenerator, convolution

KNOTS = 4
"""Rows and columns of the grid of displacements, which is interpolated between."""

REACH = 1 / 7
"""Largest displacement of a knot, as a share of the image's height and width."""

TILT = 0.5
"""Largest entry of the affine part, beside the identity."""

FOLDED, STRETCHED = 0.4, 2.0
"""Areas of a moved pixel below and above which the field is penalised."""


class WarpGenerator(ImageGenerator):
    """Noise and a real image in, that image bent out."""

    uses_anchors = True

    def __init__(self, plan: Blueprint, generator: torch.Generator) -> None:
        super().__init__(plan)
        channels, architecture, pyramid = plan.shape[0], plan.architecture, plan.pyramid
        self.temperature = architecture.temperature
        widths = [architecture.width * min(2**stage, 4) for stage in range(pyramid.stages)]
        inner = 2 * architecture.width
        self.look = DownsampleStack(channels, widths, pyramid, generator)
        self.enter = linear(architecture.noise_dim, architecture.width, generator)
        self.spread = linear(architecture.width, architecture.width * pyramid.area, generator)
        self.mix = nn.ModuleList(
            convolution(
                inner if i else self.look.channels + architecture.width, inner, 3, generator
            )
            for i in range(2)
        )
        # Small last layers: the first field is nearly none.
        self.field = convolution(inner, 2, 3, generator, gain=0.3)
        self.affine = linear(2 * inner, 6, generator, gain=0.3)
        # Only for training: which noise turns one image into another.
        self.compare = DownsampleStack(2 * channels, [2 * w for w in widths], pyramid, generator)
        self.summary = linear(self.compare.channels * pyramid.area, 4 * inner, generator)
        self.posterior = linear(4 * inner, 2 * architecture.noise_dim, generator, gain=0.3)

    def forward(
        self, noise: Tensor, labels: Tensor, anchors: Tensor | None, random: torch.Generator
    ) -> Tensor:
        """Bend images; the class and ``random`` are not used."""
        assert anchors is not None
        if self.training:
            return bend(anchors, self.places(noise, anchors)[0])
        places, _ = self.places(self.temperature * noise, anchors)
        return with_values_of(bend(anchors, places), anchors)

    def places(self, noise: Tensor, anchors: Tensor) -> tuple[Tensor, Tensor]:
        """Return where each pixel comes from, (batch, height, width, 2), and the knots' moves."""
        height, width = anchors.shape[2:]
        seen = self.look(anchors)
        thrown = self.spread(activate(self.enter(noise))).reshape(len(noise), -1, *seen.shape[2:])
        hidden = torch.cat([seen, thrown], 1)
        for layer in self.mix:
            hidden = activate(layer(hidden))
        knots = 2 * REACH * torch.tanh(adaptive_avg_pool2d(self.field(hidden), KNOTS))
        moves = interpolate(knots, size=(height, width), mode="bicubic", align_corners=True)
        both = torch.cat([hidden.mean((2, 3)), hidden.amax((2, 3))], 1)
        tilt = TILT * torch.tanh(self.affine(both)).reshape(-1, 2, 3)
        identity = torch.eye(2, 3, device=noise.device)
        grid = affine_grid(identity + tilt, list(anchors.shape), align_corners=False)
        return grid + moves.permute(0, 2, 3, 1), knots

    def lesson(self, anchors: Tensor, targets: Tensor, random: torch.Generator) -> Tensor:
        """Return how badly anchors bend into other images of their class.

        A conditional variational autoencoder's bound (Kingma and Welling 2014; Sohn et al. 2015):
        the noise is read off the pair, and kept close to what will be drawn when sampling.

        Parameters
        ----------
        anchors, targets : Tensor of shape (batch, channels, height, width)
        random : torch.Generator

        Returns
        -------
        Tensor
            A scalar: reconstruction at three sizes, divergence of the noise, roughness and folds.
        """
        pair = torch.cat([anchors, targets], 1)
        summary = activate(self.summary(self.compare(pair).flatten(1)))
        mean, spread = self.posterior(summary).chunk(2, 1)
        spread = spread.clamp(-8.0, 4.0)
        draw = torch.randn(mean.shape, generator=random, device=mean.device)
        places, knots = self.places(mean + draw * (0.5 * spread).exp(), anchors)
        error = bend(anchors, places) - targets
        missed = sum(avg_pool2d(error, size).square().mean() * size for size in (1, 2, 4))
        divergence = 0.5 * (mean.square() + spread.exp() - spread - 1.0).sum(1).mean()
        return 5.0 * missed + 0.01 * divergence + roughness(knots) + 100.0 * folds(places)


def bend(images: Tensor, places: Tensor) -> Tensor:
    """Return images resampled once, by cubic interpolation, which blurs least."""
    options: Any = {"mode": "bicubic", "padding_mode": "reflection", "align_corners": False}
    return grid_sample(images, places, **options).clamp(-1.0, 1.0)


def roughness(knots: Tensor) -> Tensor:
    """Return the mean squared second difference of the knots' moves."""
    steps = knots * (0.5 / REACH)
    down = steps[:, :, 2:] - 2 * steps[:, :, 1:-1] + steps[:, :, :-2]
    along = steps[..., 2:] - 2 * steps[..., 1:-1] + steps[..., :-2]
    return down.square().mean() + along.square().mean()


def folds(places: Tensor) -> Tensor:
    """Return by how much pixels are folded over or torn apart, from their moved areas."""
    height, width = places.shape[1:3]
    here = places[:, :-1, :-1]
    right, below = places[:, :-1, 1:] - here, places[:, 1:, :-1] - here
    area = right[..., 0] * below[..., 1] - right[..., 1] * below[..., 0]
    area = area * (width * height / 4)  # the whole image is 2 by 2
    return relu(FOLDED - area).square().mean() + relu(area - STRETCHED).square().mean()


def with_values_of(images: Tensor, anchors: Tensor) -> Tensor:
    """Return images whose brightest pixels have the anchors' brightest values, and so on down.

    Resampling blurs a little. If only the rare classes were blurred, a classifier would learn that
    and nothing else; so the values become those of the real image (histogram specification), in
    the order that bending gave them.
    """
    n, channels = images.shape[:2]
    found = images.reshape(n * channels, -1).contiguous()
    ranked = found.sort(-1).values
    # Equal values stay equal: where an image is flat, breaking ties would sprinkle it.
    first = torch.searchsorted(ranked, found)
    last = torch.searchsorted(ranked, found, right=True) - 1
    values = anchors.reshape(n * channels, -1).sort(-1).values
    return values.gather(1, (first + last) // 2).reshape(images.shape)
