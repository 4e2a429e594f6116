"""Multilayer perceptrons on pixels: the original GAN's networks (Goodfellow et al. 2014)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ganaug.nets.blocks import ResidualBlock, activate, linear
from ganaug.nets.convolution import ClassEmbedding
from ganaug.nets.mlp import MLPCritic
from ganaug.recipe import Architecture


class ImageMLPGenerator(nn.Module):
    """Noise and class in, an image between -1 and 1 out.

    Parameters
    ----------
    shape : tuple of int
        Channels, height and width of the images.
    counts : Tensor of shape (n_classes,)
        Training images of each class.
    conditioning : str
        Unused: the class is always part of the input.
    architecture : Architecture
        Sizes.
    generator : torch.Generator
        Source of the initial weights.
    """

    uses_anchors = False

    def __init__(
        self,
        shape: tuple[int, int, int],
        counts: Tensor,
        conditioning: str,
        architecture: Architecture,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.shape, self.noise_dim = shape, architecture.noise_dim
        width, size = architecture.width, architecture.embedding_dim
        self.classes = ClassEmbedding(counts, size, architecture.embedding_noise, generator)
        self.enter = linear(self.noise_dim + size, width, generator)
        self.blocks = nn.ModuleList(
            ResidualBlock(width, architecture.generator_norm, generator)
            for _ in range(architecture.depth)
        )
        self.leave = linear(width, math.prod(shape), generator, gain=1.0)

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
        shape: tuple[int, int, int],
        n_classes: int,
        conditioning: str,
        pac: int,
        architecture: Architecture,
        generator: torch.Generator,
    ) -> None:
        super().__init__(math.prod(shape), n_classes, conditioning, pac, architecture, generator)
