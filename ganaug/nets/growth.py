"""The present resolution of networks that grow during training."""

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
    that does not grow has the last resolution from the start. Images that leave a generator or
    enter a critic always have the full size: at a smaller resolution, each square of pixels has one
    value.

    Parameters
    ----------
    pyramid : Pyramid
        Sizes of the images.
    grows : bool
        Whether the network starts with a smaller resolution.

    Raises
    ------
    ConfigError
        If the network grows and doubling does not lead to the size of the images.
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
                f"progressive is not possible for images of {pyramid.height}x{pyramid.width}: "
                f"doubling {pyramid.base[0]}x{pyramid.base[1]} leads to "
                f"{pyramid.top[0]}x{pyramid.top[1]}. Bring images to such a size first, as "
                "ImageOptions(resize=...) does with PIL images."
            )
        # A buffer is saved with the weights: training may have ended at a smaller resolution.
        self.register_buffer("level", torch.tensor(self.at))
        nn.Module.register_load_state_dict_post_hook(self, _read_level)

    @property
    def top(self) -> int:
        """Level of the largest resolution in use, also while it fades in."""
        return math.ceil(self.at)

    @property
    def resolution(self) -> int:
        """Rows of pixels at the largest resolution in use."""
        return self.base[0] * 2**self.top

    @property
    def done(self) -> bool:
        """Whether the last resolution has faded in."""
        return self.at == self.stages

    @property
    def share(self) -> float:
        """Weight of the largest resolution, which rises to 1 while it fades in."""
        return self.at - self.top + 1.0

    def set(self, level: float) -> None:
        """Set the level, between 0 and ``stages``."""
        self.at = level
        self.level.fill_(level)

    def shrink(self, images: Tensor, level: int) -> Tensor:
        """Return images of full size, reduced to the resolution of a level."""
        factor = 2 ** (self.stages - level)  # each level doubles height and width
        return avg_pool2d(images, factor) if factor > 1 else images

    def enlarge(self, images: Tensor, level: int) -> Tensor:
        """Return images at the resolution of a level, enlarged to full size."""
        factor = 2 ** (self.stages - level)
        return interpolate(images, scale_factor=factor, mode="nearest") if factor > 1 else images

    def blend(self, lower: Tensor, upper: Tensor) -> Tensor:
        """Return the mean of both levels, weighted by how far the upper one has faded in."""
        return torch.lerp(lower, upper, self.share)

    def coarse(self, images: Tensor) -> Tensor:
        """Return real images at the resolution that the generated ones have now."""
        if self.done:
            return images
        shown = self.shrink(images, self.top)
        if self.share < 1.0:
            below = interpolate(avg_pool2d(shown, 2), scale_factor=2, mode="nearest")
            shown = self.blend(below, shown)
        return self.enlarge(shown, self.top)


def _read_level(growth: Any, _: Any) -> None:
    """Set the level from the loaded buffer; a damaged file cannot lead outside the range."""
    growth.at = min(max(float(growth.level), 0.0), float(growth.stages))
