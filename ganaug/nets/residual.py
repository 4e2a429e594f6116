"""Residual networks of grouped convolutions without normalisation, for GPUs.

Each block widens the features, mixes neighbouring pixels within groups of channels, and adds the
result to its input. Its last layer starts close to zero, which replaces normalisation.
"""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from ganaug.nets.blocks import activate
from ganaug.nets.blueprint import Blueprint
from ganaug.nets.convolution import ConvolutionalCritic, FromNoise, convolution

GROUP = 16
"""Channels in a group of the 3 by 3 convolution, as in R3GAN (Huang et al. 2024)."""

EXPANSION = 2
"""Channels inside a block, as a multiple of those outside, as in R3GAN."""


class GroupedBlock(nn.Module):
    """A residual block: widen the channels, mix pixels within groups, narrow the channels."""

    def __init__(self, channels: int, generator: torch.Generator) -> None:
        super().__init__()
        inner = channels * EXPANSION
        groups = math.gcd(inner, max(inner // GROUP, 1))  # divides any number of channels
        self.widen = convolution(channels, inner, 1, generator)
        self.mix = convolution(inner, inner, 3, generator, groups=groups)
        # Small: the block starts close to the identity.
        self.narrow = convolution(inner, channels, 1, generator, gain=0.1)

    def forward(self, hidden: Tensor) -> Tensor:
        """Map feature maps to the same shape."""
        inner = activate(self.mix(activate(self.widen(hidden))))
        return hidden + self.narrow(inner)


class ResidualGenerator(FromNoise):
    """Makes an image from noise and a class; blocks at each size, bilinear doubling between."""

    def __init__(self, plan: Blueprint, generator: torch.Generator) -> None:
        shape, architecture, pyramid = plan.shape, plan.architecture, plan.pyramid
        widths = [pyramid.channels(s, architecture.width) for s in range(pyramid.stages + 1)]
        super().__init__(plan, widths, generator)
        self.stages, self.changes = _stages(widths, architecture.depth, generator)
        self.leave = convolution(widths[-1], shape[0], 3, generator, gain=1.0)
        self.paints = nn.ModuleList(
            convolution(width, shape[0], 3, generator, gain=1.0)
            for width in (widths[:-1] if architecture.progressive else ())
        )

    def forward(
        self, noise: Tensor, labels: Tensor, anchors: Tensor | None, random: torch.Generator
    ) -> Tensor:
        """Generate (batch, channels, height, width) images."""
        hidden, vectors = self.begin(noise, labels, random)
        maps = []
        for stage, blocks in enumerate(self.stages[: self.growth.top + 1]):
            if stage:
                hidden = self.changes[stage - 1](hidden)
                hidden = interpolate(hidden, scale_factor=2, mode="bilinear", align_corners=False)
            hidden = blocks(self.modulate(stage, hidden, vectors))
            maps.append(hidden)
        paints = [*self.paints, self.leave]
        return self.finish(lambda level: paints[level - len(self.stages)](activate(maps[level])))


class ResidualCritic(ConvolutionalCritic):
    """Scores images, with the blocks of the generator in reverse order of sizes."""

    def __init__(self, plan: Blueprint, generator: torch.Generator) -> None:
        super().__init__(plan)
        architecture = plan.architecture
        order = reversed(range(self.pyramid.stages + 1))
        widths = [self.pyramid.channels(stage, architecture.width) for stage in order]
        self.first = convolution(self.inputs, widths[0], 3, generator)
        self.stages, self.changes = _stages(widths, architecture.depth, generator)
        self.head = self.make_head(widths[-1], generator)
        self.entries = nn.ModuleList(
            convolution(self.inputs, width, 3, generator)
            for width in (reversed(widths[1:]) if architecture.progressive else ())
        )

    def enter(self, shown: Tensor, level: int) -> Tensor:
        """Map images to the feature map of their size, with a first layer for that size."""
        largest = level == self.pyramid.stages
        first = self.first if largest else self.entries[level]
        return self.stages[self.pyramid.stages - level](first(shown))

    def descend(self, hidden: Tensor, level: int) -> Tensor:
        """Halve a feature map."""
        stage = self.pyramid.stages - level
        return self.stages[stage + 1](self.changes[stage](avg_pool2d(hidden, 2)))

    def body(self, shown: Tensor) -> Tensor:
        """Map (batch, inputs, height, width) to the smallest feature map."""
        return activate(super().body(shown))


def _stages(
    widths: list[int], depth: int, generator: torch.Generator
) -> tuple[nn.ModuleList, nn.ModuleList]:
    """Return the blocks of each size, and the layers that change the channels between sizes."""
    stages = nn.ModuleList(
        nn.Sequential(*(GroupedBlock(width, generator) for _ in range(depth))) for width in widths
    )
    changes = nn.ModuleList(
        convolution(before, after, 1, generator, gain=1.0)
        for before, after in itertools.pairwise(widths)
    )
    return stages, changes
