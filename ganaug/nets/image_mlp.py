"""Multilayer perceptrons on pixels: the original GAN's networks (Goodfellow et al. 2014)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ganaug.nets.blocks import ResidualBlock, activate, linear
from ganaug.nets.blueprint import Blueprint
from ganaug.nets.convolution import ClassEmbedding
from ganaug.nets.mlp import MLPCritic


class ImageMLPGenerator(nn.Module):
    """Noise and class in, an image between -1 and 1 out.

    Parameters
    ----------
    plan : Blueprint
    generator : torch.Generator
        Source of the initial weights.
    """

    uses_anchors = False

    def __init__(
        self,
        plan: Blueprint,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        architecture = plan.architecture
        self.shape, self.noise_dim = plan.shape, architecture.noise_dim
        width, size = architecture.width, architecture.embedding_dim
        self.classes = ClassEmbedding(plan.counts, size, architecture.embedding_noise, generator)
        self.enter = linear(self.noise_dim + size, width, generator)
        self.blocks = nn.ModuleList(
            ResidualBlock(width, architecture.generator_norm, generator)
            for _ in range(architecture.depth)
        )
        self.leave = linear(width, math.prod(plan.shape), generator, gain=1.0)

    def forward(
        self, noise: Tensor, labels: Tensor, anchors: Tensor | None, random: torch.Generator
    ) -> Tensor:
        """Generate (batch, channels, height, width) images."""
        hidden = self.enter(torch.cat([noise, self.classes(labels, random)], 1))
        for block in self.blocks:
            hidden = block(hidden)
        return torch.tanh(self.leave(activate(hidden))).reshape(-1, *self.shape)

    def coarse(self, images: Tensor) -> Tensor:
        """Return real images as they are: this network has one resolution."""
        return images


class ImageMLPCritic(MLPCritic):
    """Scores images with the critic of rows: an image is the row of its pixels."""

    def __init__(
        self,
        plan: Blueprint,
        generator: torch.Generator,
    ) -> None:
        super().__init__(
            math.prod(plan.shape),
            plan.n_classes,
            plan.conditioning,
            plan.pac,
            plan.architecture,
            generator,
        )
