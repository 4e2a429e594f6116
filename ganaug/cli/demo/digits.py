"""The demo's second part: a rare digit, from scikit-learn's images of handwriting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ganaug.augmenter import GANAugmenter

RARE_DIGIT = 4
LEFT = 20
"""Images of the rare digit that are kept; the other digits have about 180 each."""

SHOWN = 20
"""Images in a row of the picture: as many as there are real ones."""

WHITE = 16
"""Value of white in scikit-learn's digits."""


@dataclass(frozen=True)
class DigitsRun:
    """Images of the rare digit that the demo shows.

    Parameters
    ----------
    train, removed : ndarray of shape (n, 8, 8)
        Real images that were kept, and that were removed.
    synthetic : ndarray of shape (SHOWN, 8, 8)
    augmenter : GANAugmenter
    """

    train: NDArray[Any]
    removed: NDArray[Any]
    synthetic: NDArray[Any]
    augmenter: GANAugmenter


def rare_digits(seed: int) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[Any]]:
    """Return images and digits with one digit made rare, and the removed images.

    Examples
    --------
    >>> from ganaug.cli.demo.digits import rare_digits
    >>> images, digits, removed = rare_digits(seed=0)
    >>> images.shape, int((digits == 4).sum()), len(removed)
    ((1636, 8, 8), 20, 161)
    """
    from sklearn.datasets import load_digits

    pixels, digits = load_digits(return_X_y=True)
    images = pixels.reshape(-1, 8, 8)
    rare = np.random.default_rng(seed).permutation(np.flatnonzero(digits == RARE_DIGIT))
    kept = np.setdiff1d(np.arange(len(digits)), rare[LEFT:])
    return images[kept], digits[kept], images[np.sort(rare[LEFT:])]


def make_digits(seed: int, max_steps: int | None) -> DigitsRun:
    """Learn the digits and make images of the rare one."""
    from ganaug.augmenter import GANAugmenter
    from ganaug.images.options import ImageOptions

    images, digits, removed = rare_digits(seed)
    augmenter = GANAugmenter(
        image_options=ImageOptions(value_range=(0, WHITE)),
        max_steps="auto" if max_steps is None else max_steps,
        random_state=seed,
    )
    synthetic, _ = augmenter.fit(images, digits).sample({RARE_DIGIT: SHOWN}, random_state=seed)
    return DigitsRun(images[digits == RARE_DIGIT], removed, synthetic, augmenter)
