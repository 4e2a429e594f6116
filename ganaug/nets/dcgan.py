"""Strided convolutions after DCGAN (Radford et al. 2016): the fastest networks on a CPU."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from ganaug.nets.blocks import activate
from ganaug.nets.blueprint import Blueprint
from ganaug.nets.convolution import (
    ConvolutionalCritic,
    FromNoise,
    convolution,
    doubling,
    halvings,
    norms2d,
)


class DCGANGenerator(FromNoise):
    """Makes an image from noise and a class, with transposed convolutions that double its size."""

    def __init__(self, plan: Blueprint, generator: torch.Generator) -> None:
        shape, architecture, pyramid = plan.shape, plan.architecture, plan.pyramid
        # The last doubling makes the image itself: feature maps of full size would cost as much
        # as all other layers.
        widths = [pyramid.channels(s + 1, architecture.width) for s in range(pyramid.stages)]
        super().__init__(plan, widths, generator)
        self.norms = norms2d(architecture.generator_norm, widths)
        self.ups = nn.ModuleList(doubling(a, b, generator) for a, b in itertools.pairwise(widths))
        self.leave = doubling(widths[-1], shape[0], generator, gain=1.0)
        smaller = [doubling(width, shape[0], generator, gain=1.0) for width in widths[:-1]]
        self.paints = nn.ModuleList(
            [convolution(widths[0], shape[0], 3, generator, gain=1.0), *smaller]
            if architecture.progressive
            else []
        )

    def forward(
        self, noise: Tensor, labels: Tensor, anchors: Tensor | None, random: torch.Generator
    ) -> Tensor:
        """Generate (batch, channels, height, width) images."""
        hidden, vectors = self.begin(noise, labels, random)
        maps = []
        for stage, norm in enumerate(self.norms[: max(self.growth.top, 1)]):
            if stage:
                hidden = self.ups[stage - 1](hidden)
            hidden = activate(self.modulate(stage, norm(hidden), vectors))
            maps.append(hidden)
        # The feature map of a level is half the size of its image, which the last doubling makes.
        paints = [*self.paints, self.leave]  # one for each level, the last for full size
        return self.finish(
            lambda level: paints[level - self.pyramid.stages - 1](maps[max(level - 1, 0)])
        )


class DCGANCritic(ConvolutionalCritic):
    """Scores images, with strided convolutions down to the smallest feature map."""

    def __init__(self, plan: Blueprint, generator: torch.Generator) -> None:
        super().__init__(plan)
        architecture, stages = plan.architecture, self.pyramid.stages
        widths = [self.pyramid.channels(s, architecture.width) for s in range(stages, 0, -1)]
        self.downs = halvings(self.inputs, widths, generator)
        self.norms = norms2d(architecture.critic_norm, widths, skip_first=True)
        self.head = self.make_head(widths[-1], generator)
        self.entries = nn.ModuleList(
            convolution(self.inputs, width, 1, generator)
            for width in (reversed(widths) if architecture.progressive else ())
        )

    def enter(self, shown: Tensor, level: int) -> Tensor:
        """Return images of full size as they are, smaller ones through the layer for their size."""
        return shown if level == self.pyramid.stages else activate(self.entries[level](shown))

    def descend(self, hidden: Tensor, level: int) -> Tensor:
        """Halve a feature map."""
        stage = self.pyramid.stages - level
        return activate(self.norms[stage](self.downs[stage](hidden)))
