"""Images in every container users have: read, checked, and put back as they came.

Inside the library images are arrays of shape (n, channels, height, width) in the user's own dtype;
an :class:`ImageFormat` remembers what they looked like outside.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from ganaug import containers, validate
from ganaug.errors import InvalidInputError, InvalidTypeError, MemoryBudgetError
from ganaug.image_options import ImageOptions

MIN_SIZE, MAX_SIZE, MAX_CHANNELS = 8, 256, 4
PIL_MODES = ("L", "LA", "RGB", "RGBA", "I;16")

Container = Literal["array", "tensor", "list", "rows"]
Pixels = NDArray[Any]


@dataclass(frozen=True)
class ImageFormat:
    """What the images of a data set have in common.

    Parameters
    ----------
    channels, height, width : int
        Of each image.
    dtype : str
        Name of the numpy dtype of the pixels.
    low, high : float
        Values of black and white.
    whole : bool
        Whether all values are whole numbers.
    container : {"array", "tensor", "list", "rows"}
        What holds the images.
    layout : {"NHW", "NCHW", "NHWC"}
        Order of the axes in it.
    item : str
        For lists: "array", "tensor", or the mode of PIL images.
    """

    channels: int
    height: int
    width: int
    dtype: str
    low: float
    high: float
    whole: bool
    container: Container
    layout: str
    item: str = ""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        return self.channels, self.height, self.width

    def __str__(self) -> str:
        return f"{self.height}x{self.width} with {self.channels} channel(s) of {self.dtype}"


@dataclass(frozen=True)
class ImageBatch:
    """Images of shape (n, channels, height, width) in their own dtype, and how they came."""

    pixels: Pixels
    form: ImageFormat

    def __len__(self) -> int:
        return len(self.pixels)


def are_images(X: Any, options: ImageOptions | None) -> bool:
    """Return whether ``X`` holds images: by its dimensions, its items, or because the user said."""
    if options is not None:
        return True
    if isinstance(X, (list, tuple)) and len(X):
        return _is_pil(X[0]) or np.ndim(X[0]) >= 2
    return len(getattr(X, "shape", ())) >= 3


def check_images(X: Any, options: ImageOptions, budget: int) -> ImageBatch:
    """Return images as arrays, with their format.

    Raises
    ------
    InvalidInputError, InvalidTypeError, MemoryBudgetError
        For images of several sizes or kinds, axes or values whose meaning cannot be told, and
        sizes out of bounds.
    """
    container, item, stack = _stack(X, options, budget)
    if len(stack) == 0:
        raise InvalidInputError(
            f"Found array with 0 sample(s) (shape={stack.shape}) while a minimum of 1 is required."
        )
    layout = _layout(stack, item, options)
    pixels = to_channels_first(stack, layout)
    _check_shape(pixels)
    if pixels.dtype.kind not in "buif":
        raise InvalidTypeError(f"Images hold numbers; these are of dtype {pixels.dtype}.")
    check_fits(len(pixels), pixels.shape[1:], budget, "These images")
    low, high, whole = _value_range(pixels, options)
    _, channels, height, width = pixels.shape
    form = ImageFormat(
        channels, height, width, str(pixels.dtype), low, high, whole, container, layout, item
    )
    return ImageBatch(pixels, form)


def check_fits(n_images: int, shape: Sequence[int], budget: int, what: str) -> None:
    """Refuse a number of images that do not fit the budget."""
    size = 5 * n_images * int(np.prod(shape))  # as they are, and as numbers in training
    if size > budget:
        raise MemoryBudgetError(
            f"{what} need about {validate.readable(size)} ({n_images:,} of "
            f"{'x'.join(map(str, shape))}), more than "
            f"memory_budget={validate.readable(budget)}. Ask for fewer at a time, make them "
            "smaller, or raise memory_budget."
        )


def describe_drift(seen: ImageFormat, now: ImageFormat) -> str:
    """Return how images differ from those seen at fit; empty if they do not."""
    if (seen.shape, seen.dtype) != (now.shape, now.dtype):
        return f"The images are {now}; those seen at fit were {seen}. Convert them as at fit."
    if now.low < seen.low or now.high > seen.high:
        return (
            f"The images have values from {now.low:g} to {now.high:g}; those seen at fit lay "
            f"between {seen.low:g} and {seen.high:g}. Scale them as at fit, or set "
            "ImageOptions(value_range=...)."
        )
    return ""


# ------------------------------------------------------------------ reading


def _is_pil(item: Any) -> bool:
    # Nobody can pass a PIL image without having imported PIL.
    pil = sys.modules.get("PIL.Image")
    return pil is not None and isinstance(item, pil.Image)


def _stack(X: Any, options: ImageOptions, budget: int) -> tuple[Container, str, Pixels]:
    """Return what holds the images, the kind of its items, and one array of all."""
    if isinstance(X, torch.Tensor) and X.ndim != 2:
        return "tensor", "", _array_of(X)
    if isinstance(X, (list, tuple)) and len(X) and (_is_pil(X[0]) or np.ndim(X[0]) >= 2):
        return ("list", *_stack_items(X, options))
    if np.ndim(X) == 2:
        return "rows", "", _stack_rows(X, options, budget)
    return "array", "", containers.as_array(X)


def _array_of(tensor: torch.Tensor) -> Pixels:
    values = tensor.detach().cpu()
    return (values.float() if values.dtype == torch.bfloat16 else values).numpy()


def _stack_items(X: Sequence[Any], options: ImageOptions) -> tuple[str, Pixels]:
    if _is_pil(X[0]):
        return _stack_pil(X, options)
    kind = "tensor" if isinstance(X[0], torch.Tensor) else "array"
    items = [_array_of(x) if isinstance(x, torch.Tensor) else np.asarray(x) for x in X]
    _check_alike([item.shape for item in items], "has shape", "they must be the same")
    return kind, np.stack(items)


def _stack_pil(X: Sequence[Any], options: ImageOptions) -> tuple[str, Pixels]:
    for i, image in enumerate(X):
        if not _is_pil(image):
            raise InvalidTypeError(
                f"Image {i} is a {type(image).__name__}, image 0 a PIL image: pass one kind."
            )
    _check_alike(
        [image.mode for image in X],
        "has mode",
        'convert all to one, for instance with image.convert("RGB")',
    )
    if X[0].mode not in PIL_MODES:
        raise InvalidInputError(
            f"PIL images of mode {X[0].mode!r} cannot be learned (known: {', '.join(PIL_MODES)}). "
            'Convert them, for instance with image.convert("RGB").'
        )
    if options.resize is not None:
        height, width = cast("tuple[int, int]", options.resize)
        X = [image.resize((width, height)) for image in X]
    _check_alike(
        [image.size[::-1] for image in X],
        "has height and width",
        "set image_options=ImageOptions(resize=(height, width))",
    )
    return X[0].mode, np.stack([np.asarray(image) for image in X])


def _check_alike(values: Sequence[Any], what: str, remedy: str) -> None:
    for i, value in enumerate(values):
        if value != values[0]:
            raise InvalidInputError(
                f"Image {i} {what} {value}, image 0 {values[0]}. All must be alike: {remedy}."
            )


def _stack_rows(X: Any, options: ImageOptions, budget: int) -> Pixels:
    if options.shape is None:
        raise InvalidInputError(
            "Images as flat rows need their shape: "
            "image_options=ImageOptions(shape=(height, width))."
        )
    frame = validate.check_table(_array_of(X) if isinstance(X, torch.Tensor) else X, budget)
    rows = frame.to_numpy()
    if rows.shape[1] != np.prod(options.shape):
        raise InvalidInputError(
            f"ImageOptions(shape={options.shape}) means {int(np.prod(options.shape)):,} columns, "
            f"X has {rows.shape[1]:,}."
        )
    return rows.reshape(len(rows), *options.shape)


# ------------------------------------------------------------------ meaning of axes and values


def _layout(stack: Pixels, item: str, options: ImageOptions) -> str:
    if item in PIL_MODES:
        return "NHW" if stack.ndim == 3 else "NHWC"
    if stack.ndim not in (3, 4):
        raise InvalidInputError(
            f"Found array with dim {stack.ndim}. Images have 3 dimensions (number, height, width) "
            "or 4 (with channels)."
        )
    if options.layout != "auto":
        if len(options.layout) != stack.ndim:
            raise InvalidInputError(
                f"layout={options.layout!r} means {len(options.layout)} dimensions; X has shape "
                f"{stack.shape}."
            )
        return options.layout
    if stack.ndim == 3:
        return "NHW"
    first, last = (1 <= stack.shape[axis] <= MAX_CHANNELS for axis in (1, 3))
    if first == last:
        which = "the first and the last" if first else "neither the first nor the last"
        raise InvalidInputError(
            f"Images of shape {stack.shape[1:]}: {which} axis may be 1 to {MAX_CHANNELS} channels. "
            'Set image_options=ImageOptions(layout="NCHW") or "NHWC".'
        )
    return "NCHW" if first else "NHWC"


def to_channels_first(stack: Pixels, layout: str) -> Pixels:
    """Return a view of shape (n, channels, height, width)."""
    if layout == "NHW":
        return stack[:, None]
    return stack if layout == "NCHW" else stack.transpose(0, 3, 1, 2)


def from_channels_first(pixels: Pixels, layout: str) -> Pixels:
    """Return the images with their axes in the order of ``layout``."""
    if layout == "NHW":
        return pixels[:, 0]
    return pixels if layout == "NCHW" else np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))


def _check_shape(pixels: Pixels) -> None:
    _, channels, height, width = pixels.shape
    if not 1 <= channels <= MAX_CHANNELS:
        raise InvalidInputError(f"Images have 1 to {MAX_CHANNELS} channels, these have {channels}.")
    for size in (height, width):
        if not MIN_SIZE <= size <= MAX_SIZE:
            raise InvalidInputError(
                f"Images are {MIN_SIZE} to {MAX_SIZE} pixels high and wide; these are {height} "
                f"high and {width} wide. Resize them first (one image needs an axis in front)."
            )


def _value_range(pixels: Pixels, options: ImageOptions) -> tuple[float, float, bool]:
    """Return black, white, and whether all values are whole."""
    least, most = _extremes(pixels)
    whole = pixels.dtype.kind != "f" or bool((pixels == np.round(pixels)).all())
    if options.value_range != "auto":
        low, high = options.value_range
        if least < low or most > high:
            raise InvalidInputError(
                f"The images have values from {least:g} to {most:g}, outside "
                f"value_range=({low:g}, {high:g})."
            )
        return low, high, whole
    return (*_guess_range(pixels.dtype, least, most, whole), whole)


def _extremes(pixels: Pixels) -> tuple[float, float]:
    if pixels.dtype.kind == "f":
        bad = ~np.isfinite(pixels)
        if bad.any():
            kind = "NaN" if np.isnan(pixels).any() else "infinity"
            raise InvalidInputError(
                f"Input X contains {kind}: image {int(np.argwhere(bad)[0][0])}. Images have no "
                "missing pixels: fill them or drop the image."
            )
    return float(pixels.min()), float(pixels.max())


def _guess_range(
    dtype: np.dtype[Any], least: float, most: float, whole: bool
) -> tuple[float, float]:
    if dtype == np.bool_:
        return 0.0, 1.0
    if dtype == np.uint8:
        return 0.0, 255.0
    if dtype == np.uint16:
        # Cameras and scanners store 10, 12 or 14 bits in 16.
        return 0.0, float(2 ** max(8, int(most).bit_length()) - 1)
    if dtype.kind == "f" and least >= -1 and most <= 1:
        return (0.0 if least >= 0 else -1.0), 1.0
    if whole and least >= 0 and 128 <= most <= 255:
        return 0.0, 255.0
    raise InvalidInputError(
        f"The images have {dtype} values from {least:g} to {most:g}, so black and white cannot "
        f"be told. Set image_options=ImageOptions(value_range=({least:g}, {most:g})), or scale to "
        "(0, 1)."
    )


# ------------------------------------------------------------------ putting back


def restore(pixels: Pixels, form: ImageFormat, like: Any) -> Any:
    """Return images in the container that ``form`` names; ``like`` gives columns or a device."""
    stack = from_channels_first(pixels, form.layout)
    if form.container == "rows":
        table = pd.DataFrame(stack.reshape(len(stack), -1))
        if isinstance(like, torch.Tensor):
            return torch.from_numpy(table.to_numpy()).to(like)
        return containers.like_table(like, table)
    if form.container == "tensor":
        return torch.from_numpy(np.ascontiguousarray(stack)).to(like)
    if form.container == "list":
        return [_item(image, form, like) for image in stack]
    return np.ascontiguousarray(stack)


def _item(image: Pixels, form: ImageFormat, like: Any) -> Any:
    if form.item == "array":
        return image.copy()
    if form.item == "tensor":
        new = torch.from_numpy(image.copy())
        return new.to(like[0]) if len(like) else new
    from PIL import Image

    # The mode follows from dtype and channels: L, LA, RGB, RGBA or I;16.
    return Image.fromarray(np.ascontiguousarray(image))


def append(X: Any, pixels: Pixels, form: ImageFormat) -> Any:
    """Return ``X`` followed by the synthetic images, in the container of ``X``."""
    if form.container == "rows" and not isinstance(X, torch.Tensor):
        stack = from_channels_first(pixels, form.layout)
        return containers.append_table(X, pd.DataFrame(stack.reshape(len(stack), -1)))
    new = restore(pixels, form, X)
    if form.container == "list":
        return [*X, *new]
    if isinstance(X, torch.Tensor):
        return torch.cat([X, new])
    return np.concatenate([containers.as_array(X), new])


def replace(X: Any, rows: NDArray[np.bool_], pixels: Pixels, form: ImageFormat) -> Any:
    """Return a copy of ``X`` in which the marked images are the synthetic ones."""
    if form.container == "rows" and not isinstance(X, torch.Tensor):
        stack = from_channels_first(pixels, form.layout)
        return containers.replace_rows(X, rows, pd.DataFrame(stack.reshape(len(stack), -1)))
    new = restore(pixels, form, X)
    if form.container == "list":
        fresh = iter(new)
        return [next(fresh) if swap else image for image, swap in zip(X, rows, strict=True)]
    if isinstance(X, torch.Tensor):
        swapped = X.clone()
        swapped[torch.from_numpy(rows).to(X.device)] = new
        return swapped
    changed = containers.as_array(X).copy()
    changed[rows] = new
    return changed
