"""The image sizes that networks pass through, by doubling or halving."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor, nn

SMALLEST = 4
"""Height or width at which the networks stop halving; DCGAN starts from 4 by 4 as well."""

WIDEST = 8
"""Largest multiple of the channels of the largest feature map, as in DCGAN: 8 times there too."""


@dataclass(frozen=True)
class Pyramid:
    """The sizes that lead from a small feature map to an image, by doubling.

    Parameters
    ----------
    height, width : int
        Size of the images.

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
        """The largest size: that of the images, or slightly more."""
        return self.base[0] * 2**self.stages, self.base[1] * 2**self.stages

    def channels(self, stage: int, width: int) -> int:
        """Return the channels after ``stage`` doublings; ``width`` is those of the largest size."""
        return width * min(2 ** (self.stages - stage), WIDEST)

    def pad(self, images: Tensor) -> Tensor:
        """Return images enlarged to the top size by repeating their borders."""
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
