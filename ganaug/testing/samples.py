"""Small made-up tables, images and pairs of images for the checks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ganaug.runtime.rng import numpy_stream

LEVELS = 40
"""Levels of the wide category: more than the table codec makes one-hot vectors of."""


def sample_table(n: int = 60) -> pd.DataFrame:
    """Return a table with a column of each kind: numbers, dates, categories, missing values.

    Examples
    --------
    >>> from ganaug.testing.samples import sample_table
    >>> sample_table(5).shape
    (5, 8)
    """
    random = numpy_stream(0, "table")
    turn = np.arange(n)
    amount = random.normal(50.0, 10.0, n).round(2)
    colours = pd.Series(pd.Categorical(np.array(["red", "green", "blue"])[turn % 3]))
    return pd.DataFrame(
        {
            "count": random.integers(0, 1000, n),
            "price": amount,
            "weight": np.where(turn % 5 == 0, np.nan, random.normal(size=n)),
            "paid": np.where(turn % 2, 0.0, amount),
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(random.permutation(n), "D"),
            "member": turn % 4 == 0,
            "colour": colours.where(turn % 7 != 0),
            "street": [f"street {number % LEVELS}" for number in turn],
        }
    )


def small_table(n: int = 60) -> pd.DataFrame:
    """Return a table that is quick to learn: a number with gaps, one without, and a category."""
    return sample_table(n)[["price", "weight", "colour"]]


def sample_images(n: int = 36, shape: tuple[int, ...] = (8, 8)) -> NDArray[np.uint8]:
    """Return bright squares on dark noise, as bytes.

    Examples
    --------
    >>> from ganaug.testing.samples import sample_images
    >>> sample_images(2, (3, 8, 8)).shape
    (2, 3, 8, 8)
    """
    random = numpy_stream(0, "images")
    images = random.integers(0, 60, (n, *shape))
    for i, image in enumerate(images):
        top, left = i % 3, i % 4
        image[..., top : top + 5, left : left + 4] += 40 + 4 * (i % 30)
    return images.astype(np.uint8)


def sample_labels(n: int, n_rare: int) -> NDArray[np.str_]:
    """Return labels of a common and a rare class.

    Examples
    --------
    >>> from ganaug.testing.samples import sample_labels
    >>> sample_labels(3, 1).tolist()
    ['common', 'common', 'rare']
    """
    return np.repeat(["common", "rare"], [n - n_rare, n_rare])


def sample_pairs(n: int = 16) -> tuple[Any, Any]:
    """Return masks and the images that belong to them, of as many and of three channels.

    Examples
    --------
    >>> from ganaug.testing.samples import sample_pairs
    >>> [images.shape for images in sample_pairs(2)]
    [(2, 8, 8), (2, 8, 8, 3)]
    """
    sources = np.where(sample_images(n) > 60, 255, 0).astype(np.uint8)
    return sources, np.stack([sources, sources // 2, 255 - sources], axis=-1)
