"""A norm-free residual body of grouped convolutions: the better one on a GPU.

Each block widens the features, mixes neighbouring pixels within groups of channels, and adds what
it found to its input; its last layer starts at almost nothing, which replaces normalisation.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, one_hot

from ganaug.nets.blocks import activate, linear
from ganaug.nets.convolution import (
    ClassEmbedding,
    ClassHead,
    Modulation,
    Pyramid,
    check_shared,
    convolution,
)
from ganaug.recipe import Architecture

GROUP = 16
"""Channels of a group."""

EXPANSION = 2


class GroupedBlock(nn.Module):
    """Widen, mix within groups, narrow; added to the input."""

    def __init__(self, channels: int, generator: torch.Generator) -> None:
        super().__init__()
        inner = channels * EXPANSION
        groups = math.gcd(inner, max(inner // GROUP, 1))  # a divisor for every width
        self.widen = convolution(channels, inner, 1, generator)
        self.mix = convolution(inner, inner, 3, generator, groups=groups)
        self.narrow = convolution(inner, channels, 1, generator, gain=0.1)

    def forward(self, hidden: Tensor) -> Tensor:
        """Map feature maps to the same shape."""
        inner = activate(self.mix(activate(self.widen(hidden))))
        return hidden + self.narrow(inner)


class ResidualGenerator(nn.Module):
    """Noise and class in, an image between -1 and 1 out; the parameters are DCGANGenerator's."""

    uses_anchors = False

    def __init__(
        self,
        shape: tuple[int, int, int],
        counts: Tensor,
        architecture: Architecture,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        channels, height, width = shape
        self.noise_dim, self.shared = architecture.noise_dim, architecture.shared_stages
        self.pyramid = pyramid = Pyramid(height, width)
        size = architecture.embedding_dim
        self.classes = ClassEmbedding(counts, size, architecture.embedding_noise, generator)
        widths = [pyramid.channels(s, architecture.width) for s in range(pyramid.stages + 1)]
        inputs = architecture.noise_dim + (size if self.shared == 0 else 0)
        self.enter = linear(inputs, widths[0] * pyramid.base[0] * pyramid.base[1], generator)
        check_shared(self.shared, len(widths))
        self.modulations = nn.ModuleList(
            Modulation(size, w, generator) if stage >= self.shared else nn.Identity()
            for stage, w in enumerate(widths)
        )
        self.stages = nn.ModuleList(
            nn.Sequential(*(GroupedBlock(w, generator) for _ in range(architecture.depth)))
            for w in widths
        )
        self.changes = nn.ModuleList(
            convolution(widths[s], widths[s + 1], 1, generator, gain=1.0)
            for s in range(pyramid.stages)
        )
        self.leave = convolution(widths[-1], channels, 3, generator, gain=1.0)

    def forward(
        self, noise: Tensor, labels: Tensor, anchors: Tensor | None, random: torch.Generator
    ) -> Tensor:
        """Generate (batch, channels, height, width) images."""
        vectors = self.classes(labels, random)
        start = noise if self.shared else torch.cat([noise, vectors], 1)
        hidden = self.enter(start).reshape(len(noise), -1, *self.pyramid.base)
        for stage, (blocks, modulate) in enumerate(zip(self.stages, self.modulations, strict=True)):
            if stage:
                hidden = self.changes[stage - 1](hidden)
                hidden = interpolate(hidden, scale_factor=2, mode="bilinear", align_corners=False)
            if stage >= self.shared:
                hidden = modulate(hidden, vectors)
            hidden = blocks(hidden)
        return self.pyramid.crop(torch.tanh(self.leave(activate(hidden))))


class ResidualCritic(nn.Module):
    """Scores images with the mirror image of the generator; the parameters are DCGANCritic's."""

    pac = 1

    def __init__(
        self,
        shape: tuple[int, int, int],
        n_classes: int,
        conditioning: str,
        architecture: Architecture,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        channels, height, width = shape
        self.n_classes, self.concat = n_classes, conditioning == "concat"
        self.pyramid = pyramid = Pyramid(height, width)
        order = reversed(range(pyramid.stages + 1))
        widths = [pyramid.channels(stage, architecture.width) for stage in order]
        inputs = channels + (n_classes if self.concat else 0)
        self.enter = convolution(inputs, widths[0], 3, generator)
        self.stages = nn.ModuleList(
            nn.Sequential(*(GroupedBlock(w, generator) for _ in range(architecture.depth)))
            for w in widths
        )
        self.changes = nn.ModuleList(
            convolution(widths[s], widths[s + 1], 1, generator, gain=1.0)
            for s in range(pyramid.stages)
        )
        self.head = ClassHead(
            widths[-1] * pyramid.base[0] * pyramid.base[1],
            widths[-1],
            n_classes if conditioning == "projection" else 0,
            generator,
        )

    def forward(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits of shape (batch,) and features of shape (batch, features)."""
        hidden = self.pyramid.pad(images)
        if self.concat:
            planes = one_hot(labels, self.n_classes).to(hidden.dtype)[:, :, None, None]
            hidden = torch.cat([hidden, planes.expand(-1, -1, *hidden.shape[2:])], 1)
        hidden = self.enter(hidden)
        for stage, blocks in enumerate(self.stages):
            if stage:
                hidden = self.changes[stage - 1](avg_pool2d(hidden, 2))
            hidden = blocks(hidden)
        return self.head(activate(hidden), labels)
