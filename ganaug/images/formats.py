"""Checks of images, and the meaning of their axes and values.

Inside the library, images are arrays of shape (n, channels, height, width) in the user's dtype. An
:class:`ImageFormat` records their format outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ganaug.errors import InvalidInputError, InvalidTypeError, MemoryBudgetError, Remedy
from ganaug.images.containers import PIL_MODES, Container, Pixels, stack
from ganaug.images.options import MAX_CHANNELS, MAX_SIZE, MIN_SIZE, ImageOptions
from ganaug.runtime.memory import readable

BYTES = 8
"""Bytes of memory for each value of an image, about.

An image of bytes exists as passed, encoded, sorted by class, and in the folds of the classifiers.
Floats take more.
"""

DARKEST = 32
"""If all bytes are below this, they are numbers of classes or grey values of fewer bits."""


@dataclass(frozen=True)
class ImageFormat:
    """Format that all images of a data set share.

    Parameters
    ----------
    channels, height, width : int
        Shape of each image.
    dtype : str
        Name of the numpy dtype of the pixels.
    low, high : float
        Values of black and white.
    whole : bool
        Whether all values are whole numbers.
    layout : {"NHW", "NCHW", "NHWC"}
        Order of the axes in the container.
    container : Container
        The container that holds the images.
    """

    channels: int
    height: int
    width: int
    dtype: str
    low: float
    high: float
    whole: bool
    layout: str
    container: Container

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        return self.channels, self.height, self.width

    def __str__(self) -> str:
        return f"{self.height}x{self.width} with {self.channels} channel(s) of {self.dtype}"


@dataclass(frozen=True)
class ImageBatch:
    """Images of shape (n, channels, height, width), their format, and their extreme values."""

    pixels: Pixels
    form: ImageFormat
    least: float
    most: float

    def __len__(self) -> int:
        return len(self.pixels)


def check_images(
    X: Any, options: ImageOptions, budget: int, known: ImageFormat | None = None
) -> ImageBatch:
    """Return images as one array, with their format.

    Parameters
    ----------
    X : object
        Images in any container.
    options : ImageOptions
    budget : int
        Bytes of memory that the images may take.
    known : ImageFormat or None
        Format at fit; its values of black and white hold for later images too.

    Raises
    ------
    InvalidInputError
        If images differ in size or mode, the order of the axes or the range of the values is
        unclear, or a size is out of bounds.
    InvalidTypeError
        If images are of several kinds or of a dtype that cannot be learned.
    MemoryBudgetError
        If the images do not fit the budget.
    """
    container, stacked = stack(X, options, budget)
    if len(stacked) == 0:
        raise InvalidInputError(
            f"Found array with 0 sample(s) (shape={stacked.shape}) while a minimum of 1 is "
            "required."
        )
    layout = _layout(stacked, container.item, options)
    pixels = to_channels_first(stacked, layout)
    _check_shape(pixels)
    if pixels.dtype.kind not in "buif" or pixels.dtype.itemsize > 8:
        raise InvalidTypeError(
            f"Images must hold numbers of at most 64 bits; dtype {pixels.dtype} cannot be learned. "
            "Convert them, for instance to uint8 or float32."
        )
    if not pixels.dtype.isnative:  # torch takes the byte order of the machine only
        pixels = pixels.astype(pixels.dtype.newbyteorder("="))
    check_fits(len(pixels), pixels.shape[1:], budget, "These images")
    least, most = _extremes(pixels)
    if known is not None:
        low, high, whole = known.low, known.high, known.whole
    else:
        low, high, whole = _value_range(pixels, least, most, options)
    _, channels, height, width = pixels.shape
    dtype = str(pixels.dtype)
    form = ImageFormat(channels, height, width, dtype, low, high, whole, layout, container)
    return ImageBatch(pixels, form, least, most)


def check_fits(n_images: int, shape: Sequence[int], budget: int, what: str) -> None:
    """Raise `MemoryBudgetError` if a number of images does not fit the budget."""
    size = BYTES * n_images * int(np.prod(shape))
    if size > budget:
        raise MemoryBudgetError(
            f"{what} need about {readable(size)} ({n_images:,} of "
            f"{'x'.join(map(str, shape))}), more than "
            f"memory_budget={readable(budget)}. Ask for fewer at a time, make them "
            "smaller, or raise memory_budget."
        )


def describe_drift(fitted: ImageFormat, now: ImageBatch) -> str:
    """Return a message about how images differ from those at fit; empty if they do not."""
    if (fitted.shape, fitted.dtype) != (now.form.shape, now.form.dtype):
        return (
            f"The images are {now.form}; those seen at fit were {fitted}. Convert them as at fit."
        )
    if now.least < fitted.low or now.most > fitted.high:
        return (
            f"The images have values from {now.least:g} to {now.most:g}; those seen at fit lay "
            f"between {fitted.low:g} and {fitted.high:g}. Scale them as at fit, or set "
            "ImageOptions(value_range=...)."
        )
    return ""


def to_channels_first(stacked: Pixels, layout: str) -> Pixels:
    """Return a view of shape (n, channels, height, width)."""
    if layout == "NHW":
        return stacked[:, None]
    return stacked if layout == "NCHW" else stacked.transpose(0, 3, 1, 2)


def from_channels_first(pixels: Pixels, layout: str) -> Pixels:
    """Return the images with their axes in the order of ``layout``."""
    if layout == "NHW":
        return pixels[:, 0]
    return pixels if layout == "NCHW" else np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))


def _layout(stacked: Pixels, item: str, options: ImageOptions) -> str:
    """Return the order of the axes: that of PIL, of the options, or inferred from the shape."""
    if item in PIL_MODES:
        return "NHW" if stacked.ndim == 3 else "NHWC"
    if stacked.ndim not in (3, 4):
        raise InvalidInputError(
            f"Found array with dim {stacked.ndim}. Images have 3 dimensions (number, height, "
            "width) or 4 (with channels)."
        )
    if options.layout != "auto":
        if len(options.layout) != stacked.ndim:
            raise InvalidInputError(
                f"layout={options.layout!r} means {len(options.layout)} dimensions; X has shape "
                f"{stacked.shape}."
            )
        return options.layout
    if stacked.ndim == 3:
        return "NHW"
    first, last = (1 <= stacked.shape[axis] <= MAX_CHANNELS for axis in (1, 3))
    if first == last:
        which = "the first and the last" if first else "neither the first nor the last"
        raise InvalidInputError(
            f"Images of shape {stacked.shape[1:]}: {which} axis may be 1 to {MAX_CHANNELS} "
            'channels. Set image_options=ImageOptions(layout="NCHW") or "NHWC".'
        )
    return "NCHW" if first else "NHWC"


def _check_shape(pixels: Pixels) -> None:
    _, channels, height, width = pixels.shape
    if not 1 <= channels <= MAX_CHANNELS:
        raise InvalidInputError(f"Images have 1 to {MAX_CHANNELS} channels, these have {channels}.")
    for size in (height, width):
        if not MIN_SIZE <= size <= MAX_SIZE:
            raise InvalidInputError(
                f"Images are {MIN_SIZE} to {MAX_SIZE} pixels high and wide; these are {height} "
                f"high and {width} wide.",
                remedy=Remedy(
                    "Resize them first. (Arrays of three or four dimensions are images; a single "
                    "one needs an axis in front.)",
                    "resize",
                ),
            )


def _extremes(pixels: Pixels) -> tuple[float, float]:
    """Return the least and the greatest value; raise `InvalidInputError` if one is not finite."""
    if pixels.dtype.kind == "f":
        bad = ~np.isfinite(pixels)
        if bad.any():
            kind = "NaN" if np.isnan(pixels).any() else "infinity"
            raise InvalidInputError(
                f"Input X contains {kind}: image {int(np.argwhere(bad)[0][0])}. Images have no "
                "missing pixels: fill them or drop the image."
            )
    return float(pixels.min()), float(pixels.max())


def _value_range(
    pixels: Pixels, least: float, most: float, options: ImageOptions
) -> tuple[float, float, bool]:
    """Return the values of black and white, and whether all values are whole numbers."""
    dtype = pixels.dtype
    whole = dtype.kind != "f" or bool((pixels == np.round(pixels)).all())
    if options.value_range == "auto":
        return (*_guess_range(dtype, least, most, whole), whole)
    low, high = options.value_range
    if least < low or most > high:
        raise InvalidInputError(
            f"The images have values from {least:g} to {most:g}, outside "
            f"value_range=({low:g}, {high:g})."
        )
    if not holds(dtype, low, high):
        raise InvalidInputError(
            f"value_range=({low:g}, {high:g}) does not fit images of dtype {dtype}, which cannot "
            "hold all values between. Set a range that it can hold."
        )
    return low, high, whole


def holds(dtype: np.dtype[Any], low: float, high: float) -> bool:
    """Return whether a dtype can hold values from ``low`` to ``high``."""
    if dtype.kind == "b":
        return (low, high) == (0.0, 1.0)
    bounds = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
    return bool(float(bounds.min) <= low < high <= float(bounds.max))


def _guess_range(
    dtype: np.dtype[Any], least: float, most: float, whole: bool
) -> tuple[float, float]:
    """Return black and white by the dtype, or raise `InvalidInputError` if they are unclear."""
    if dtype == np.bool_:
        return 0.0, 1.0
    dark = whole and least >= 0 and 0 < most < DARKEST
    if dtype == np.uint8 and not dark:
        return 0.0, 255.0
    if dtype == np.uint16 and not dark:
        # Cameras and scanners store 10, 12 or 14 bits in 16, so white is the highest of these bits.
        return 0.0, float(2 ** max(8, int(most).bit_length()) - 1)
    if dtype.kind == "f" and least >= -1 and most <= 1:
        return (0.0 if least >= 0 else -1.0), 1.0
    if whole and least >= 0 and 128 <= most <= 255:
        return 0.0, 255.0
    # The message suggests 0 to 255 if it is likely: with the extremes of these images as range,
    # later images could lie outside.
    likely = "(0, 255)" if least >= 0 and 128 <= most <= 255 else f"({least:g}, {most:g})"
    hint = " If they are numbers of classes, give each class a colour or a channel." if dark else ""
    raise InvalidInputError(
        f"The images have {dtype} values from {least:g} to {most:g}, so the values of black and "
        f"white are unclear. Set image_options=ImageOptions(value_range={likely}), or scale the "
        f"images to (0, 1).{hint}"
    )
