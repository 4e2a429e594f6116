"""A generator that puts real images in another light: the answer for photographs of rare things.

Bending explains how one handwritten digit differs from another. Two photographs of a class differ
first in where they are bright, dark and coloured. A small GAN learns these layouts, a few numbers
an image, from all classes together, and an image keeps its details under a layout that it invents.
(That a classifier should not mind the lowest frequencies is the idea of Fourier domain adaptation,
Yang and Soatto 2020, which takes them from other images.)
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from ganaug.nets.blocks import ResidualBody, linear
from ganaug.nets.blueprint import Blueprint
from ganaug.nets.convolution import ClassHead, ImageGenerator

LAYOUT = 3
"""Rows and columns of a layout."""


class LightGenerator(ImageGenerator, ResidualBody):
    """Noise and a real image in, that image in another light out."""

    uses_anchors = True

    def __init__(self, plan: Blueprint, generator: torch.Generator) -> None:
        super().__init__(plan)
        self.channels = plan.shape[0]
        width, depth = plan.architecture.width, plan.architecture.depth
        self.make_body(self.noise_dim, width, depth, "none", generator)
        self.leave = linear(width, self.channels * LAYOUT**2, generator, gain=1.0)

    def layouts(self, noise: Tensor) -> Tensor:
        """Return (batch, channels, LAYOUT, LAYOUT) mean values between -1 and 1."""
        values = torch.tanh(self.leave(self.body(noise)))
        return values.reshape(len(noise), self.channels, LAYOUT, LAYOUT)

    def forward(
        self, noise: Tensor, labels: Tensor, anchors: Tensor | None, random: torch.Generator
    ) -> Tensor:
        """Move the layout of each image a random part of the way to an invented one."""
        assert anchors is not None
        part = torch.rand((len(noise), 1, 1, 1), generator=random, device=noise.device)
        change = part * (self.layouts(noise) - layouts_of(anchors))
        size: Any = anchors.shape[2:]
        options: Any = {"mode": "bicubic", "align_corners": False}
        return (anchors + interpolate(change, size=size, **options)).clamp(-1.0, 1.0)


class LightCritic(ResidualBody):
    """Scores layouts; it is not told the class."""

    pac = 1

    def __init__(self, plan: Blueprint, generator: torch.Generator) -> None:
        super().__init__()
        width, depth = plan.architecture.width, plan.architecture.depth
        self.make_body(math.prod(plan.shape), width, depth, "none", generator)
        self.head = ClassHead(width, width, 0, generator)

    def forward(self, layouts: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits of shape (batch,) and features of shape (batch, width)."""
        answer: tuple[Tensor, Tensor] = self.head(self.body(layouts.flatten(1)), labels)
        return answer


def layouts_of(images: Tensor) -> Tensor:
    """Return the mean values of each of LAYOUT by LAYOUT parts of each image."""
    return adaptive_avg_pool2d(images, LAYOUT)
