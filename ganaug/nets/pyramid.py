"""The sizes between which networks of images double and halve."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor, nn

SMALLEST = 4
"""Height or width at which the networks stop halving."""

WIDEST = 8
"""Channels at the smallest size, at most, as a multiple of those at the largest."""


@dataclass(frozen=True)
class Pyramid:
    """How an image size is reached by doubling a small one.

    Parameters
    ----------
    height, width : int
        Of the images.

    Examples
    --------
    >>> from ganaug.nets.pyramid import Pyramid
    >>> Pyramid(28, 28).stages, Pyramid(28, 28).base, Pyramid(28, 28).top
    (2, (7, 7), (28, 28))
    >>> Pyramid(30, 50).base, Pyramid(30, 50).top
    ((8, 13), (32, 52))
    """

    height: int
    width: int

    @property
    def stages(self) -> int:
        """Number of doublings."""
        return max(int(math.log2(min(self.height, self.width) / SMALLEST)), 1)

    @property
    def base(self) -> tuple[int, int]:
        """The smallest size."""
        return -(-self.height // 2**self.stages), -(-self.width // 2**self.stages)

    @property
    def area(self) -> int:
        """Pixels of the smallest size."""
        return self.base[0] * self.base[1]

    @property
    def top(self) -> tuple[int, int]:
        """The size that doubling reaches: the images', or slightly more."""
        return self.base[0] * 2**self.stages, self.base[1] * 2**self.stages

    def channels(self, stage: int, width: int) -> int:
        """Return the channels after ``stage`` doublings of a network with ``width`` at the top."""
        return width * min(2 ** (self.stages - stage), WIDEST)

    def pad(self, images: Tensor) -> Tensor:
        """Return images grown to the top size by repeating their borders."""
        missing = self.top[0] - self.height, self.top[1] - self.width
        if not any(missing):
            return images
        margins = (missing[1] // 2, -(-missing[1] // 2), missing[0] // 2, -(-missing[0] // 2))
        return nn.functional.pad(images, margins, mode="replicate")

    def crop(self, images: Tensor) -> Tensor:
        """Return the middle of images of the top size."""
        top = (self.top[0] - self.height) // 2
        left = (self.top[1] - self.width) // 2
        return images[..., top : top + self.height, left : left + self.width]
