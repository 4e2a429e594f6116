"""Images of a dataset as training data, and synthetic images as cells of a dataset."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from datasets import Image as ImageFeature
from numpy.typing import NDArray
from PIL import Image

from ganaug.errors import InvalidInputError, SchemaDriftError
from ganaug.hf._gather import Gathered
from ganaug.images.formats import check_fits
from ganaug.images.options import ImageOptions
from ganaug.runtime.memory import check_budget

if TYPE_CHECKING:
    from ganaug.augmenter import GANAugmenter

LEARNED_AS = {
    "L": "L",
    "LA": "LA",
    "RGB": "RGB",
    "RGBA": "RGBA",
    "I;16": "I;16",
    "1": "L",
    "P": "RGB",
    "CMYK": "RGB",
    "YCbCr": "RGB",
    "HSV": "RGB",
    "I": "I",
    "F": "F",
}
"""The mode in which images of each mode are learned."""

NUMBERS = ("I", "F")
"""Modes without a fixed value for white, learned as arrays with the range of their values."""
CHANNELS = {"L": 1, "I;16": 1, "I": 1, "F": 1, "LA": 2, "RGB": 3, "RGBA": 4}

UNREADABLE = (OSError, SyntaxError, EOFError, ValueError, Image.DecompressionBombError)
"""Exceptions for damaged files, and for files whose header states too many pixels."""


def read_images(gathered: Gathered, column: str, mode: str | None) -> list[Image.Image]:
    """Return the gathered images as decoded PIL images.

    Raises
    ------
    InvalidInputError
        If an image cannot be read, or modes differ or are unknown. The message names the row.
    """
    feature = ImageFeature(mode=mode)
    images: list[Image.Image] = []
    cells = gathered.table[column]
    with warnings.catch_warnings():
        # PIL only warns of images of one to two times its limit; they are not decoded either.
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        for cell, row in zip(cells, gathered.positions, strict=True):
            images.append(_decode(feature, cell.as_py(), row, column))
            if images[-1].mode != images[0].mode or images[-1].mode not in LEARNED_AS:
                raise _other_mode(images, gathered.positions, column)
    return images


def _decode(feature: ImageFeature, cell: Mapping[str, Any], row: int, column: str) -> Image.Image:
    try:
        return feature.decode_example(cell)
    except (*UNREADABLE, Image.DecompressionBombWarning) as error:
        path = f" ({cell['path']})" if cell["path"] else ""
        raise InvalidInputError(
            f"The image in row {row:,} of column {column!r}{path} cannot be read: {error}. "
            "Repair the image or filter out the row."
        ) from None


def _other_mode(images: list[Image.Image], rows: list[int], column: str) -> InvalidInputError:
    last, first = images[-1].mode, images[0].mode
    difference = (
        f"has mode {last!r}, but that in row {rows[0]:,} has mode {first!r}"
        if last != first
        else f"has mode {last!r}, which cannot be learned"
    )
    return InvalidInputError(
        f"The image in row {rows[len(images) - 1]:,} of column {column!r} {difference}. Convert "
        f'all to one mode: ds.cast_column({column!r}, datasets.Image(mode="RGB")).'
    )


def to_training_data(images: list[Image.Image]) -> list[Image.Image] | NDArray[Any]:
    """Return images in a form that the augmenter can be fitted on."""
    mode = LEARNED_AS[images[0].mode]
    if any(image.mode == "P" and image.has_transparency_data for image in images):
        mode = "RGBA"
    if mode in NUMBERS and len({image.size for image in images}) == 1:
        return np.stack([np.asarray(image) for image in images])
    return [image if image.mode == mode else image.convert(mode) for image in images]


def check_memory(
    image: Image.Image, n_images: int, options: ImageOptions | None, budget: int | str
) -> None:
    """Check that the images fit into memory, before they are decoded.

    Raises
    ------
    MemoryBudgetError
        If ``n_images`` of the size of ``image`` need more than the budget.
    """
    resize: Any = None if options is None else options.resize
    shape = (len(image.getbands()), *(resize or (image.height, image.width)))
    check_fits(n_images, shape, check_budget(budget), "The images to learn (rows_per_class)")


def check_alike(
    images: Sequence[Image.Image], rows: Sequence[int], column: str, options: ImageOptions | None
) -> None:
    """Check that images have one size, unless they will be resized.

    Raises
    ------
    InvalidInputError
        If they have several sizes. The message names the row.
    """
    if options is not None and options.resize is not None:
        return
    for image, row in zip(images, rows, strict=True):
        if image.size != images[0].size:
            raise InvalidInputError(
                f"The image in row {row:,} of column {column!r} is {image.height}x{image.width}, "
                f"but that in row {rows[0]:,} is {images[0].height}x{images[0].width} (height x "
                "width). Learn all in one size: "
                "GANAugmenter(image_options=ImageOptions(resize=(height, width)))."
            )


def with_range(options: ImageOptions | None, X: Any) -> ImageOptions | None:
    """Return options with the range of values, for images that are learned as arrays."""
    current = options or ImageOptions()
    if not isinstance(X, np.ndarray) or current.value_range != "auto":
        return options
    low, high = float(X.min()), float(X.max())
    # If all pixels are equal, any upper bound above them gives a valid range.
    return replace(current, layout="NHW", value_range=(low, high if high > low else low + 1))


def check_fitted(augmenter: GANAugmenter, image: Image.Image, column: str) -> None:
    """Check that an image of the dataset is like those that the augmenter was fitted on.

    Raises
    ------
    SchemaDriftError
        If size, channels or bits differ.
    """
    codec = augmenter.model_.codec
    channels, height, width = codec.shape
    options = augmenter.image_options
    resized = options is not None and options.resize is not None
    same_size = resized or (image.height, image.width) == (height, width)
    # A palette is learned as RGBA if any of the images has transparent colours.
    possible = {CHANNELS[LEARNED_AS[image.mode]]} | ({4} if image.mode == "P" else set())
    has_16_bits = image.mode == "I;16"
    if channels not in possible or not same_size or has_16_bits != (codec.dtype == "uint16"):
        raise SchemaDriftError(
            f"The images of column {column!r} are {image.height}x{image.width} of mode "
            f"{image.mode!r}; the augmenter was fitted on {height}x{width} with {channels} "
            f"channel(s) of {codec.dtype}. Fit it on images like those of this column."
        )


def sample_images(
    augmenter: GANAugmenter, wanted: Mapping[Any, int], mode: str, seed: int
) -> tuple[list[Image.Image], list[Any]]:
    """Return synthetic images of a mode, and their labels."""
    if LEARNED_AS[mode] in (*NUMBERS, "I;16"):
        images, labels = augmenter.sample(wanted, random_state=seed)
        dtype = {"I": np.int32, "F": np.float32, "I;16": np.uint16}[mode]
        planes = (np.squeeze(np.asarray(image)).astype(dtype) for image in images)
        return [Image.fromarray(plane) for plane in planes], labels.tolist()
    pool = augmenter.make_pool(wanted, random_state=seed)
    pixels = pool.images.permute(0, 2, 3, 1).contiguous().numpy()
    arrays = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    return [_in_mode(Image.fromarray(array), mode) for array in arrays], list(pool.targets)


def _in_mode(image: Image.Image, mode: str) -> Image.Image:
    if image.mode == mode:
        return image
    if mode == "P":
        return image.quantize()
    # Without dithering, which would scatter black and white pixels over gray areas of mode 1.
    return image.convert(mode, dither=Image.Dither.NONE)


def to_cells(images: Sequence[Image.Image]) -> pa.Array:
    """Return images as cells of a dataset, which hold the bytes of files."""
    feature = ImageFeature()
    return pa.array([_encoded(image, feature) for image in images], feature())


def _encoded(image: Image.Image, feature: ImageFeature) -> Any:
    if image.mode != "P":
        return feature.encode_example(image)
    # datasets encodes palette images as TIFF, which loses transparent colours; PNG keeps them.
    file = io.BytesIO()
    image.save(file, format="PNG")
    return {"bytes": file.getvalue(), "path": None}
