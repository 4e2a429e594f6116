"""Codec of images: from pixels to numbers between -1 (black) and 1 (white), and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class ImageCodec:
    """Codec of images of one shape and value range.

    Images of 8 bits are stored as they are, in a quarter of the memory of floats. They become
    numbers when a batch is drawn (:func:`~ganaug.training.images.to_signed`).

    Parameters
    ----------
    shape : tuple of int
        Channels, height and width.
    dtype : str
        Name of the numpy dtype of the pixels.
    low, high : float
        Values of black and white.
    whole : bool
        Whether all values are whole numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.images.codec import ImageCodec
    >>> from ganaug.training.images import to_signed
    >>> codec = ImageCodec((1, 8, 8), "float64", 0.0, 1.0, whole=False)
    >>> images = np.full((2, 1, 8, 8), 0.25)
    >>> signed = to_signed(codec.encode(images))
    >>> float(signed[0, 0, 0, 0]), float(codec.decode(signed)[0, 0, 0, 0])
    (-0.5, 0.25)
    """

    def __init__(
        self, shape: tuple[int, int, int], dtype: str, low: float, high: float, whole: bool
    ) -> None:
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self.low, self.high, self.whole = low, high, whole

    @property
    def bytewise(self) -> bool:
        """Whether the pixels are bytes from 0 to 255."""
        return self.dtype == np.uint8 and (self.low, self.high) == (0.0, 255.0)

    def encode(self, pixels: NDArray[Any]) -> Tensor:
        """Return bytes or numbers between -1 and 1 of shape (n, channels, height, width)."""
        if self.bytewise:
            # A copy, so that the model does not share memory with the user's array.
            return torch.from_numpy(np.array(pixels, np.uint8, order="C"))
        unit = (pixels.astype(np.float32) - self.low) / (self.high - self.low)
        return torch.from_numpy(np.ascontiguousarray(unit * 2 - 1, dtype=np.float32))

    def decode(self, signed: Tensor) -> NDArray[Any]:
        """Return pixels in the dtype and the range of the images at fit."""
        unit = signed.float().cpu().numpy().clip(-1.0, 1.0) * 0.5 + 0.5
        values = unit.astype(np.float64) * (self.high - self.low) + self.low
        if self.whole:
            values = np.round(values)
        # Conversion to a shorter float may round a value to outside the range.
        return values.astype(self.dtype).clip(self.dtype.type(self.low), self.dtype.type(self.high))

    def to_bytes(self, pixels: NDArray[Any]) -> NDArray[np.uint8]:
        """Return decoded images with black as 0 and white as 255."""
        if self.bytewise:
            return pixels
        unit = (pixels.astype(np.float64) - self.low) / (self.high - self.low)
        return np.round(unit * 255).astype(np.uint8)
