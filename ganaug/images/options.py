"""Options for images. Their defaults are inferred from the images."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ganaug.errors import ConfigError, did_you_mean

AxisOrder = Literal["auto", "NHW", "NCHW", "NHWC"]

MIN_SIZE, MAX_SIZE = 8, 256
"""Fewest and most pixels of the height and the width.

Critics need 8; the time of a step grows with the number of pixels, and 256 by 256 needs a GPU.
"""

MAX_CHANNELS = 4
"""Red, green, blue and transparency."""

LAYOUTS = ("auto", "NHW", "NCHW", "NHWC")
LABEL_SAFE = ("hflip", "vflip")


@dataclass(frozen=True)
class ImageOptions:
    """Options of images: their format, and changes that do not affect the label.

    Parameters
    ----------
    shape : tuple of int or None, default=None
        Shape of one image, for images that are stored as flat rows: ``(height, width)``,
        ``(channels, height, width)`` or ``(height, width, channels)``.
    layout : {"auto", "NHW", "NCHW", "NHWC"}, default="auto"
        Order of the axes. "auto" takes the axis of 1 to 4 channels; fit raises an error if two
        axes could be the channels.
    value_range : "auto" or (float, float), default="auto"
        Values of black and white. "auto" takes the range of the dtype for images of 8 or 16 bits.
        One of their values must be 32 or more, because the 0 and 1 of a mask are not two shades of
        black. Floats must lie within (0, 1) or (-1, 1), or be whole numbers up to 255.
    resize : int, tuple of int or None, default=None
        ``(height, width)`` to which each image is resized, for lists of PIL images of several
        sizes. An int makes squares.
    label_safe : tuple of {"hflip", "vflip"}, default=()
        Mirrorings that do not change the label; training then shows real images mirrored as well.
        None is assumed, because a mirrored "b" is a "d".

    Examples
    --------
    >>> from ganaug import ImageOptions
    >>> ImageOptions(shape=(28, 28)).shape
    (28, 28)
    """

    shape: tuple[int, ...] | None = None
    layout: AxisOrder = "auto"
    value_range: Literal["auto"] | tuple[float, float] = "auto"
    resize: int | tuple[int, int] | None = None
    label_safe: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.layout not in LAYOUTS:
            raise ConfigError(
                f"layout={self.layout!r} is not possible; {did_you_mean(str(self.layout), LAYOUTS)}"
            )
        if self.shape is not None:
            self._set("shape", _sizes("shape", self.shape, (2, 3)))
        if self.resize is not None:
            both: Any = (self.resize, self.resize) if _is_integer(self.resize) else self.resize
            self._set("resize", _sizes("resize", both, (2,)))
            if not all(MIN_SIZE <= size <= MAX_SIZE for size in both):
                raise ConfigError(
                    f"resize={self.resize} is not possible: images are {MIN_SIZE} to {MAX_SIZE} "
                    "pixels high and wide."
                )
        if self.value_range != "auto":
            self._set("value_range", _bounds(self.value_range))
        if isinstance(self.label_safe, str):
            self._set("label_safe", (self.label_safe,))
        for name in self.label_safe:
            if name not in LABEL_SAFE:
                raise ConfigError(
                    f"label_safe={name!r} is not possible; {did_you_mean(str(name), LABEL_SAFE)}"
                )
        self._set("label_safe", tuple(self.label_safe))

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)  # the only way to set a field of a frozen class


def _is_integer(value: Any) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _sizes(name: str, value: Any, lengths: tuple[int, ...]) -> tuple[int, ...]:
    """Return a tuple of positive integers of one of the ``lengths``, or raise `ConfigError`."""
    sequence = isinstance(value, Sequence) and not isinstance(value, str)
    if (
        not sequence
        or len(value) not in lengths
        or not all(_is_integer(v) and v > 0 for v in value)
    ):
        wanted = " or ".join(map(str, lengths))
        raise ConfigError(f"{name} must hold {wanted} positive integers, got {value!r}.")
    return tuple(int(v) for v in value)


def _bounds(value: Any) -> tuple[float, float]:
    """Return two finite numbers in ascending order, or raise `ConfigError`."""
    try:
        low, high = (float(v) for v in value)
    except (TypeError, ValueError):
        low, high = 0.0, 0.0
    if not low < high or abs(low) + abs(high) == float("inf"):
        raise ConfigError(
            f'value_range must be "auto" or (black, white), two finite numbers, got {value!r}.'
        )
    return low, high
