"""Multilayer perceptrons on pixels, as in the first GAN (Goodfellow et al. 2014)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ganaug.nets.blocks import ResidualBody, linear
from ganaug.nets.blueprint import Blueprint
from ganaug.nets.convolution import ClassEmbedding, ImageGenerator
from ganaug.nets.mlp import MLPCritic


class ImageMLPGenerator(ImageGenerator, ResidualBody):
    """Makes an image from noise and a class."""

    def __init__(self, plan: Blueprint, generator: torch.Generator) -> None:
        super().__init__(plan)
        architecture, self.shape = plan.architecture, plan.shape
        width, size = architecture.width, architecture.embedding_dim
        self.classes = ClassEmbedding(plan.counts, size, architecture.embedding_noise, generator)
        norm, depth = architecture.generator_norm, architecture.depth
        self.make_body(self.noise_dim + size, width, depth, norm, generator)
        self.leave = linear(width, math.prod(plan.shape), generator, gain=1.0)

    def forward(
        self, noise: Tensor, labels: Tensor, anchors: Tensor | None, random: torch.Generator
    ) -> Tensor:
        """Generate (batch, channels, height, width) images."""
        hidden = self.body(torch.cat([noise, self.classes(labels, random)], 1))
        return torch.tanh(self.leave(hidden)).reshape(-1, *self.shape)


class ImageMLPCritic(MLPCritic):
    """Scores images with the critic of tables: an image is the row of its pixels."""

    def __init__(self, plan: Blueprint, generator: torch.Generator) -> None:
        pixels, n_classes = math.prod(plan.shape), plan.n_classes
        super().__init__(
            pixels, n_classes, plan.conditioning, plan.pac, plan.architecture, generator
        )
