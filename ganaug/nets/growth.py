"""How far networks that begin with a small resolution have grown."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from ganaug.errors import ConfigError
from ganaug.nets.pyramid import Pyramid


class Growth(nn.Module):
    """The present resolution of a network, counted in doublings of the smallest one.

    Between two whole numbers the larger resolution is fading in (Karras et al. 2018). A network
    that does not grow is at the last one from the start. What leaves a generator and what enters a
    critic always has the full size: below it, pixels are equal in squares.

    Parameters
    ----------
    pyramid : Pyramid
        Of the images.
    grows : bool
        Whether there are smaller resolutions.

    Raises
    ------
    ConfigError
        If the network grows, and doubling does not reach the size of the images.
    """

    level: Tensor

    def __init__(self, pyramid: Pyramid, grows: bool) -> None:
        super().__init__()
        self.stages, self.base = pyramid.stages, pyramid.base
        self.at = float(pyramid.stages)
        if not grows:
            return
        if pyramid.top != (pyramid.height, pyramid.width):
            raise ConfigError(
                f"progressive does not go with images of {pyramid.height}x{pyramid.width} pixels: "
                f"doubling {pyramid.base[0]}x{pyramid.base[1]} leads to "
                f"{pyramid.top[0]}x{pyramid.top[1]}. Bring images to such a size first, as "
                "ImageOptions(resize=...) does with PIL images."
            )
        # Saved with the weights: training may have ended before the last resolution.
        self.register_buffer("level", torch.tensor(self.at))
        nn.Module.register_load_state_dict_post_hook(self, _read_level)

    @property
    def top(self) -> int:
        """The largest resolution that takes part."""
        return math.ceil(self.at)

    @property
    def resolution(self) -> int:
        """Rows of pixels of the largest resolution that takes part."""
        return self.base[0] * 2**self.top

    @property
    def done(self) -> bool:
        """Whether the last resolution is reached, and has faded in."""
        return self.at == self.stages

    @property
    def share(self) -> float:
        """How far the largest resolution has faded in: 1 when it has done so."""
        return self.at - self.top + 1.0

    def set(self, level: float) -> None:
        """Go to a level between 0 and ``stages``."""
        self.at = level
        self.level.fill_(level)

    def shrink(self, images: Tensor, level: int) -> Tensor:
        """Return images of full size at the resolution of a level."""
        factor = 2 ** (self.stages - level)
        return avg_pool2d(images, factor) if factor > 1 else images

    def enlarge(self, images: Tensor, level: int) -> Tensor:
        """Return images of a level's resolution at full size."""
        factor = 2 ** (self.stages - level)
        return interpolate(images, scale_factor=factor, mode="nearest") if factor > 1 else images

    def blend(self, lower: Tensor, upper: Tensor) -> Tensor:
        """Return something of the level that fades in, mixed with the same of the one below."""
        return torch.lerp(lower, upper, self.share)

    def coarse(self, images: Tensor) -> Tensor:
        """Return real images with no more detail than generated ones have now."""
        if self.done:
            return images
        shown = self.shrink(images, self.top)
        if self.share < 1.0:
            below = interpolate(avg_pool2d(shown, 2), scale_factor=2, mode="nearest")
            shown = self.blend(below, shown)
        return self.enlarge(shown, self.top)


def _read_level(growth: Any, _: Any) -> None:
    growth.at = min(max(float(growth.level), 0.0), float(growth.stages))
