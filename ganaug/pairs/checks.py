"""Checks of pairs of images, which run before any training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ganaug.errors import ConfigError, InvalidInputError, InvalidTypeError
from ganaug.images.containers import are_images
from ganaug.images.data import ImageData
from ganaug.images.formats import ImageBatch
from ganaug.images.options import ImageOptions


def both_options(options: Any) -> tuple[ImageOptions | None, ImageOptions | None]:
    """Return the options for sources and those for targets.

    Raises
    ------
    ConfigError
        If a tuple does not hold two options.
    """
    if not isinstance(options, tuple):
        return options, options
    sides: list[Any] = list(options)
    if len(sides) != 2 or any(not isinstance(o, (ImageOptions, type(None))) for o in sides):
        raise ConfigError(
            "image_options must be an ImageOptions, or a tuple of two for the sources and the "
            f"targets (each may be None); got {options!r}."
        )
    return sides[0], sides[1]


def check_paired(X_target: Any, options: ImageOptions | None) -> None:
    """Raise an error if targets are missing or are labels instead of images."""
    if X_target is None:
        raise InvalidInputError(
            "Pix2PixAugmenter learns from pairs: fit(X_source, X_target) needs a source image for "
            "each target. To learn images without sources use GANAugmenter."
        )
    flat = getattr(X_target, "ndim", None) == 2 or hasattr(X_target, "columns")
    if not are_images(X_target, None) and not (options is not None and flat):
        raise InvalidTypeError(
            "X_target holds no images. Pix2PixAugmenter learns pairs of a source image and a "
            "target image; for images with labels use GANAugmenter. Flat rows need "
            "image_options=ImageOptions(shape=(height, width))."
        )


def check_side(name: str, side: ImageData, X: Any, budget: int) -> ImageBatch:
    """Return checked sources or targets; error messages start with their ``name``."""
    if not are_images(X, side.options if side.options.shape else None):
        raise InvalidTypeError(
            f"{name} holds no images. It needs an array or tensor of three or four dimensions, a "
            "list of images, or flat rows with image_options=ImageOptions(shape=(height, width))."
        )
    try:
        return side.check(X, budget)
    except (InvalidInputError, InvalidTypeError) as error:
        raise type(error)(f"{name}: {error}") from None


def check_alike(sources: ImageBatch, targets: ImageBatch) -> None:
    """Raise `InvalidInputError` if sources and targets differ in number or size."""
    if len(sources) != len(targets):
        raise InvalidInputError(
            f"X_source has {len(sources):,} images and X_target {len(targets):,}. Each source "
            "needs one target."
        )
    sizes = [data.form.shape[1:] for data in (sources, targets)]
    if sizes[0] != sizes[1]:
        (height, width), (other_height, other_width) = sizes
        raise InvalidInputError(
            f"X_source has images {height} high and {width} wide, X_target {other_height} high "
            f"and {other_width} wide. Resize both to one size."
        )


def source_labels(y: Any, sources: ImageBatch) -> list[Any]:
    """Return ``y`` as a list; raise `InvalidInputError` unless it has a label for each source."""
    labels = y.tolist() if hasattr(y, "tolist") else y
    listed = isinstance(labels, Sequence) and not isinstance(labels, (str, bytes))
    if not listed or len(labels) != len(sources):
        found = len(labels) if listed else "no list"
        raise InvalidInputError(
            f"y must have a label for each of the {len(sources):,} sources, got {found}."
        )
    return list(labels)
