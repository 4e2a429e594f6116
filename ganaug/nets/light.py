"""A generator that re-lights real images, for photographs of rare classes.

Handwritten digits of a class differ mostly in shape, which ``kind="warp"`` varies. Photographs of a
class differ first in where they are bright, dark and coloured. The mean values of a coarse grid
describe this layout of light. A small GAN learns the layouts of all classes together. An image is
changed by giving it a generated layout; its details stay.

Fourier domain adaptation (Yang and Soatto 2020) rests on the same idea, that a classifier should
not depend on the lowest frequencies, but takes them from other images.
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
"""Rows and columns of a layout: low frequencies only, so that details are not changed."""


class LightGenerator(ImageGenerator, ResidualBody):
    """Re-lights a real image: moves its layout of light towards one made from noise."""

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
        """Move the layout of each anchor a random part of the way to a generated one."""
        assert anchors is not None
        part = torch.rand((len(noise), 1, 1, 1), generator=random, device=noise.device)
        change = part * (self.layouts(noise) - layouts_of(anchors))
        size: Any = anchors.shape[2:]
        options: Any = {"mode": "bicubic", "align_corners": False}
        return (anchors + interpolate(change, size=size, **options)).clamp(-1.0, 1.0)


class LightCritic(ResidualBody):
    """Scores layouts, without the class."""

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
    """Return the mean values of LAYOUT by LAYOUT parts of each image, by channel."""
    return adaptive_avg_pool2d(images, LAYOUT)
