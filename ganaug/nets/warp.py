"""A generator that warps real images, for classes of a few images.

From noise and a real image (its anchor) it makes a smooth displacement field and moves the pixels
along it. It learns plausible deformations from pairs of images of one class, over all classes.
A class of twenty images is then varied as the common classes vary. The idea is that of DAGAN
(Antoniou et al. 2017) and of learned deformations of a class (Hauberg et al. 2016).
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
"""Rows and columns of the grid of displacements; the field between them is interpolated.
A coarse grid keeps the field smooth."""

REACH = 1 / 7
"""Largest displacement of a knot, as a share of the image's height and width."""

TILT = 0.5
"""Largest difference of the affine part from the identity, by entry."""

FOLDED, STRETCHED = 0.4, 2.0
"""Areas of a moved pixel, as a multiple of its own, below and above which it is penalised:
it is about to fold over, or to be torn apart."""


class WarpGenerator(ImageGenerator):
    """Warps a real image by a displacement field made from noise."""

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
        # Small: before training, images are hardly moved.
        self.field = convolution(inner, 2, 3, generator, gain=0.3)
        self.affine = linear(2 * inner, 6, generator, gain=0.3)
        # Only for training: the noise that turns one image into another of its class.
        self.compare = DownsampleStack(2 * channels, [2 * w for w in widths], pyramid, generator)
        self.summary = linear(self.compare.channels * pyramid.area, 4 * inner, generator)
        self.posterior = linear(4 * inner, 2 * architecture.noise_dim, generator, gain=0.3)

    def forward(
        self, noise: Tensor, labels: Tensor, anchors: Tensor | None, random: torch.Generator
    ) -> Tensor:
        """Warp the anchors; the class and ``random`` are not used."""
        assert anchors is not None
        if self.training:
            return bend(anchors, self.places(noise, anchors)[0])
        places, _ = self.places(self.temperature * noise, anchors)
        return with_values_of(bend(anchors, places), anchors)

    def places(self, noise: Tensor, anchors: Tensor) -> tuple[Tensor, Tensor]:
        """Return the source of each pixel, (batch, height, width, 2), and the knots' moves."""
        height, width = anchors.shape[2:]
        features = self.look(anchors)
        noise_map = self.spread(activate(self.enter(noise)))
        noise_map = noise_map.reshape(len(noise), -1, *features.shape[2:])
        hidden = torch.cat([features, noise_map], 1)
        for layer in self.mix:
            hidden = activate(layer(hidden))
        # Coordinates run from -1 to 1, so a share of the image is twice as large in them.
        knots = 2 * REACH * torch.tanh(adaptive_avg_pool2d(self.field(hidden), KNOTS))
        moves = interpolate(knots, size=(height, width), mode="bicubic", align_corners=True)
        pooled = torch.cat([hidden.mean((2, 3)), hidden.amax((2, 3))], 1)
        tilt = TILT * torch.tanh(self.affine(pooled)).reshape(-1, 2, 3)
        identity = torch.eye(2, 3, device=noise.device)
        grid = affine_grid(identity + tilt, list(anchors.shape), align_corners=False)
        return grid + moves.permute(0, 2, 3, 1), knots

    def reconstruction_loss(
        self, anchors: Tensor, targets: Tensor, random: torch.Generator
    ) -> Tensor:
        """Return the loss of warping anchors into other images of their class.

        It is the bound of a conditional variational autoencoder (Kingma and Welling 2014; Sohn et
        al. 2015). A posterior network infers the noise from the pair, and its distribution is kept
        close to the one that is drawn from when sampling.

        Parameters
        ----------
        anchors, targets : Tensor of shape (batch, channels, height, width)
        random : torch.Generator
            Draws from the posterior.

        Returns
        -------
        Tensor
            A scalar: reconstruction at three sizes, divergence of the noise, roughness and folds.
        """
        pair = torch.cat([anchors, targets], 1)
        summary = activate(self.summary(self.compare(pair).flatten(1)))
        mean, log_variance = self.posterior(summary).chunk(2, 1)
        log_variance = log_variance.clamp(-8.0, 4.0)  # keeps its exponential finite and above zero
        draw = torch.randn(mean.shape, generator=random, device=mean.device)
        places, knots = self.places(mean + draw * (0.5 * log_variance).exp(), anchors)
        error = bend(anchors, places) - targets
        # Means over larger squares are smaller, so they are multiplied by the size of the square.
        reconstruction = sum(avg_pool2d(error, size).square().mean() * size for size in (1, 2, 4))
        # Kullback-Leibler divergence of the posterior from the standard normal noise.
        divergence = 0.5 * (mean.square() + log_variance.exp() - log_variance - 1.0).sum(1).mean()
        # A small weight of the divergence lets the noise keep information about the pair; a large
        # one of the folds nearly forbids them.
        return 5.0 * reconstruction + 0.01 * divergence + roughness(knots) + 100.0 * folds(places)


def bend(images: Tensor, places: Tensor) -> Tensor:
    """Return images resampled once at ``places``; cubic interpolation blurs less than linear."""
    options: Any = {"mode": "bicubic", "padding_mode": "reflection", "align_corners": False}
    return grid_sample(images, places, **options).clamp(-1.0, 1.0)


def roughness(knots: Tensor) -> Tensor:
    """Return the mean squared second difference of the knots' moves."""
    steps = knots * (0.5 / REACH)
    down = steps[:, :, 2:] - 2 * steps[:, :, 1:-1] + steps[:, :, :-2]
    along = steps[..., 2:] - 2 * steps[..., 1:-1] + steps[..., :-2]
    return down.square().mean() + along.square().mean()


def folds(places: Tensor) -> Tensor:
    """Return the penalty for moved pixels whose area is too small or too large."""
    height, width = places.shape[1:3]
    here = places[:, :-1, :-1]
    right, below = places[:, :-1, 1:] - here, places[:, 1:, :-1] - here
    area = right[..., 0] * below[..., 1] - right[..., 1] * below[..., 0]
    area = area * (width * height / 4)  # coordinates run from -1 to 1, so the image has area 4
    return relu(FOLDED - area).square().mean() + relu(area - STRETCHED).square().mean()


def with_values_of(images: Tensor, anchors: Tensor) -> Tensor:
    """Return images with the pixel values of their anchors, in the order of their own values.

    Resampling blurs a little. If only the rare classes were blurred, a classifier could recognise
    them by the blur alone. So the brightest pixel gets the brightest value of the anchor, and so
    on down (histogram specification).
    """
    n, channels = images.shape[:2]
    pixels = images.reshape(n * channels, -1).contiguous()
    ranked = pixels.sort(-1).values
    # Equal pixels get equal values: breaking ties would make a flat area speckled.
    first = torch.searchsorted(ranked, pixels)
    last = torch.searchsorted(ranked, pixels, right=True) - 1
    values = anchors.reshape(n * channels, -1).sort(-1).values
    return values.gather(1, (first + last) // 2).reshape(images.shape)
