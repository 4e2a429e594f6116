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
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from ganaug.nets.blocks import ResidualBlock, activate, linear
from ganaug.nets.blueprint import Blueprint
from ganaug.nets.convolution import ClassHead

LAYOUT = 3
"""Rows and columns of a layout."""


class LightGenerator(nn.Module):
    """Noise and a real image in, that image in another light out.

    Parameters
    ----------
    plan : Blueprint
    generator : torch.Generator
        Source of the initial weights.
    """

    uses_anchors = True

    def __init__(
        self,
        plan: Blueprint,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        architecture = plan.architecture
        self.noise_dim, self.channels = architecture.noise_dim, plan.shape[0]
        width = architecture.width
        self.enter = linear(architecture.noise_dim, width, generator)
        self.blocks = nn.ModuleList(
            ResidualBlock(width, "none", generator) for _ in range(architecture.depth)
        )
        self.leave = linear(width, plan.shape[0] * LAYOUT**2, generator, gain=1.0)

    def layouts(self, noise: Tensor) -> Tensor:
        """Return (batch, channels, LAYOUT, LAYOUT) mean values between -1 and 1."""
        hidden = self.enter(noise)
        for block in self.blocks:
            hidden = block(hidden)
        values = torch.tanh(self.leave(activate(hidden)))
        return values.reshape(len(noise), self.channels, LAYOUT, LAYOUT)

    def forward(
        self, noise: Tensor, labels: Tensor, anchors: Tensor | None, random: torch.Generator
    ) -> Tensor:
        """Move the layout of each image a random part of the way to an invented one.

        Parameters
        ----------
        noise : Tensor of shape (batch, noise_dim)
        labels : Tensor of shape (batch,)
            Unused.
        anchors : Tensor of shape (batch, channels, height, width)
            Real images between -1 and 1.
        random : torch.Generator
            Source of the parts.

        Returns
        -------
        Tensor of shape (batch, channels, height, width)
        """
        assert anchors is not None
        part = torch.rand((len(noise), 1, 1, 1), generator=random, device=noise.device)
        change = part * (self.layouts(noise) - layouts_of(anchors))
        size: Any = anchors.shape[2:]
        options: Any = {"mode": "bicubic", "align_corners": False}
        return (anchors + interpolate(change, size=size, **options)).clamp(-1.0, 1.0)


class LightCritic(nn.Module):
    """Scores layouts; it is not told the class.

    Parameters
    ----------
    plan : Blueprint
    generator : torch.Generator
    """

    pac = 1

    def __init__(
        self,
        plan: Blueprint,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        architecture = plan.architecture
        width = architecture.width
        self.enter = linear(math.prod(plan.shape), width, generator)
        self.blocks = nn.ModuleList(
            ResidualBlock(width, "none", generator) for _ in range(architecture.depth)
        )
        self.head = ClassHead(width, width, 0, generator)

    def forward(self, layouts: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits of shape (batch,) and features of shape (batch, width)."""
        hidden: Any = self.enter(layouts.flatten(1))
        for block in self.blocks:
            hidden = block(hidden)
        answer: tuple[Tensor, Tensor] = self.head(activate(hidden), labels)
        return answer


def layouts_of(images: Tensor) -> Tensor:
    """Return the mean values of each of LAYOUT by LAYOUT parts of each image."""
    return adaptive_avg_pool2d(images, LAYOUT)
