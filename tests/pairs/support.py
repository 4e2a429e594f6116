"""Pairs of images and quick estimators, for tests of pairs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch

from ganaug import ImageOptions, Pix2PixAugmenter, Recipe

TINY = Recipe.preset("pix2pix", data="pair").replace(width=4)


def quick(**options: Any) -> Pix2PixAugmenter:
    return Pix2PixAugmenter(**{"recipe": TINY, "max_steps": 2, "random_state": 0, **options})


def pixels(n: int = 12, channels: int = 1, size: int = 8, seed: int = 0) -> Any:
    """Return bytes (n, channels, size, size) with black and white in each."""
    X = np.random.default_rng(seed).integers(0, 256, (n, channels, size, size), dtype=np.uint8)
    X[:, :, 0, 0], X[:, :, -1, -1] = 0, 255
    return X


MASKS = pixels()[:, 0]


def last(X: Any) -> Any:
    return np.ascontiguousarray(X.transpose(0, 2, 3, 1))


def pil(X: Any) -> Any:
    images = pytest.importorskip("PIL.Image", reason="PIL images need Pillow")
    return [images.fromarray(x) for x in (X[:, 0] if X.shape[1] == 1 else last(X))]


def framed(X: Any) -> Any:
    return pd.DataFrame(X.reshape(len(X), -1)).add_prefix("pixel")


class Case(NamedTuple):
    """How bytes of some channels get into a container, and what has to be said of them."""

    channels: int
    make: Callable[[Any], Any]
    options: ImageOptions | None = None


CONTAINERS = {
    "NHW array": Case(1, lambda X: X[:, 0].copy()),
    "NCHW array": Case(3, lambda X: X),
    "NHWC array": Case(4, last),
    "tensor": Case(3, lambda X: torch.from_numpy(X.copy())),
    "NHWC tensor": Case(3, lambda X: torch.from_numpy(last(X))),
    "PIL L": Case(1, pil),
    "PIL RGB": Case(3, pil),
    "list of arrays": Case(2, list),
    "list of tensors": Case(3, lambda X: list(torch.from_numpy(X.copy()))),
    "flat rows": Case(1, lambda X: X.reshape(len(X), -1), ImageOptions(shape=(8, 8))),
    "frame": Case(1, framed, ImageOptions(shape=(8, 8))),
    "float32 in 0 to 1": Case(1, lambda X: (X[:, 0] / 255).astype(np.float32)),
    "float64 in -1 to 1": Case(3, lambda X: X / 127.5 - 1),
    "uint16": Case(1, lambda X: X[:, 0].astype(np.uint16) * 257),
    "bool": Case(1, lambda X: X[:, 0] > 127),
    "labels 0 to 3": Case(1, lambda X: X[:, 0] // 64, ImageOptions(value_range=(0, 3))),
}


def values(X: Any) -> Any:
    return np.stack([np.asarray(x) for x in X]) if isinstance(X, list) else np.asarray(X)


def kind(X: Any) -> Any:
    """Return everything about images but their number and their values."""
    if isinstance(X, list):
        (item,) = {(type(x), str(np.asarray(x).dtype), np.asarray(x).shape) for x in X}
        return item
    if isinstance(X, pd.DataFrame):
        return tuple(X.columns), tuple(X.dtypes)
    return type(X), X.dtype, tuple(X.shape[1:])


def fitted_to_rgb() -> Pix2PixAugmenter:
    """Return an augmenter that makes RGB images (n, 8, 8, 3) of grey ones (n, 8, 8)."""
    return quick().fit(MASKS, last(pixels(channels=3, seed=1)))
