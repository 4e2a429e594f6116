"""Checks that an image of a pipeline can be replaced by an image of a pool."""

from __future__ import annotations

from typing import Any

import numpy as np

from ganaug.errors import InvalidInputError, InvalidTypeError


def check_image(name: str, image: Any, shape: tuple[int, int, int]) -> None:
    """Check that an image can be replaced by an image of a pool.

    Parameters
    ----------
    name : str
        Name of the argument.
    image : ndarray of shape (H, W) or (H, W, C)
    shape : (C, H, W)
        Shape of the pool's images.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If its type, shape or range of values differs from that of the pool's images.
    """
    if not isinstance(image, np.ndarray):
        raise not_an_image(name, image)
    channels, height, width = shape
    fitting = [(height, width, channels)] + [(height, width)] * (channels == 1)
    if image.shape not in fitting:
        raise InvalidInputError(
            f"{name} has the shape {image.shape}, but images of the pool have "
            f"{' or '.join(map(str, fitting))}. {_remedy(image.shape, shape)}"
        )
    if image.dtype not in (np.uint8, np.float32):
        hint = "Use A.ToFloat before" if image.dtype == np.uint16 else "Convert it"
        raise InvalidTypeError(
            f"{name} has the dtype {image.dtype}; an image must be uint8, or float32 with black as "
            f"0 and white as 1. {hint}."
        )
    # The negation also holds for NaN.
    if image.dtype == np.float32 and not (image.min() >= 0 and image.max() <= 1):
        raise InvalidInputError(
            f"{name} has values from {image.min():g} to {image.max():g}; those of a float32 image "
            "must be in [0, 1]. Place ReplaceRare before A.Normalize and other transforms that "
            "leave this range, or divide by 255."
        )


def not_an_image(name: str, value: Any) -> InvalidTypeError:
    """Return the error for a value that should be an image."""
    return InvalidTypeError(
        f"{name} must be a numpy array with the channels last, got {type(value).__name__}. Use "
        "np.array(image) for a PIL image, and place ReplaceRare before A.ToTensorV2."
    )


def _remedy(found: tuple[int, ...], shape: tuple[int, int, int]) -> str:
    channels, height, width = shape
    if found == shape:
        return "albumentations has the channels last: image.transpose(1, 2, 0)."
    if (found[2] if len(found) == 3 else 1) != channels:
        return (
            "Convert images to as many channels before ReplaceRare (A.ToGray, cv2.cvtColor), or "
            "fit the augmenter on images with the channels of this pipeline."
        )
    return (
        f"Place ReplaceRare after A.Resize({height}, {width}) and before crops, or fit the "
        "augmenter on images of the size of this pipeline, with ImageOptions(resize=...)."
    )
