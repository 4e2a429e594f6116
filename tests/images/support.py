"""What the tests of images share: small images in every container, and quick augmenters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch

from ganaug import GANAugmenter, ImageOptions, Recipe

TINY = Recipe.preset("dcgan", data="image").replace(width=4)
"""A generator that invents images and keeps them as they come."""

BENT = Recipe.preset("warp", data="image").replace(width=4)
"""A generator that bends real images, with selection."""

RESIDUAL = Recipe.preset("auto", data="image").replace(
    kind="residual", width=4, depth=1, small_classes="gan"
)

OWN: dict[str, Any] = {"gan": TINY, "anchored": BENT, "residual": RESIDUAL}

CHUNK = 64
"""Candidates of grey images of 8 by 8 that are made at once here."""


def quick(**options: Any) -> GANAugmenter:
    return GANAugmenter(**{"recipe": TINY, "max_steps": 1, "random_state": 0, **options})


def pixels(
    counts: tuple[int, ...] = (12, 6), channels: int = 1, size: tuple[int, int] = (8, 8)
) -> tuple[Any, Any]:
    """Return bytes (n, channels, height, width) with black and white in each, and their labels."""
    stream = np.random.default_rng(0)
    y = stream.permutation(np.repeat(np.arange(len(counts)), counts))
    X = stream.integers(0, 256, (len(y), channels, *size), dtype=np.uint8)
    X[:, :, 0, 0], X[:, :, -1, -1] = 0, 255
    return X, y


def grey(counts: tuple[int, ...] = (12, 6), size: tuple[int, int] = (8, 8)) -> tuple[Any, Any]:
    """Return grey bytes (n, height, width) and their labels."""
    X, y = pixels(counts, 1, size)
    return X[:, 0], y


def same_bytes(a: Any, b: Any) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def last(X: Any) -> Any:
    return np.ascontiguousarray(X.transpose(0, 2, 3, 1))


def flat(X: Any) -> Any:
    return np.ascontiguousarray(X.reshape(len(X), -1))


def pil(X: Any) -> Any:
    images = pytest.importorskip("PIL.Image", reason="PIL images need Pillow")
    return [images.fromarray(x) for x in (X[:, 0] if X.shape[1] == 1 else last(X))]


class Case(NamedTuple):
    """How bytes of some channels get into a container, and the shape to say of flat rows."""

    channels: int
    make: Callable[[Any], Any]
    shape: tuple[int, ...] | None = None


CONTAINERS = {
    "NHW array": Case(1, lambda X: X[:, 0].copy()),
    "NCHW array of 1": Case(1, lambda X: X),
    "NCHW array of 2": Case(2, lambda X: X),
    "NCHW array of 3": Case(3, lambda X: X),
    "NHWC array of 1": Case(1, last),
    "NHWC array of 3": Case(3, last),
    "NHWC array of 4": Case(4, last),
    "Fortran order": Case(3, np.asfortranarray),
    "NHW tensor": Case(1, lambda X: torch.from_numpy(X[:, 0].copy())),
    "NCHW tensor of 3": Case(3, lambda X: torch.from_numpy(X.copy())),
    "NHWC tensor of 4": Case(4, lambda X: torch.from_numpy(last(X))),
    "rows": Case(1, flat, (8, 8)),
    "rows of CHW": Case(3, flat, (3, 8, 8)),
    "rows of HWC": Case(3, lambda X: flat(last(X)), (8, 8, 3)),
    "rows in a frame": Case(1, lambda X: pd.DataFrame(flat(X)).add_prefix("pixel"), (8, 8)),
    "rows in a tensor": Case(1, lambda X: torch.from_numpy(flat(X)), (8, 8)),
    "rows in lists": Case(1, lambda X: flat(X).tolist(), (8, 8)),
    "PIL L": Case(1, pil),
    "PIL LA": Case(2, pil),
    "PIL RGB": Case(3, pil),
    "PIL RGBA": Case(4, pil),
    "PIL I;16": Case(1, lambda X: pil(X.astype(np.uint16) * 257)),
    "list of HW arrays": Case(1, lambda X: list(X[:, 0])),
    "list of CHW arrays": Case(3, list),
    "list of HWC arrays": Case(3, lambda X: list(last(X))),
    "list of CHW tensors": Case(3, lambda X: list(torch.from_numpy(X.copy()))),
    "nested lists": Case(1, lambda X: X[:, 0].tolist()),
}


def given_in(name: str, counts: tuple[int, ...] = (12, 6)) -> tuple[Any, Any, ImageOptions | None]:
    """Return images in this container, their labels, and what has to be said about them."""
    case = CONTAINERS[name]
    X, y = pixels(counts, case.channels)
    return case.make(X), y, None if case.shape is None else ImageOptions(shape=case.shape)


def values(X: Any) -> Any:
    """Return all values of images as one array, whatever holds them."""
    if isinstance(X, list):
        return np.stack([values(x) for x in X]) if X else np.zeros(0)
    if isinstance(X, torch.Tensor):
        X = X.detach().cpu()
        return (X.float() if X.dtype == torch.bfloat16 else X).numpy()
    return np.asarray(X)


def kind(X: Any) -> Any:
    """Return everything about images but their number and their values."""
    if isinstance(X, list):
        (item,) = {kind_of_item(x) for x in X}
        return list, item
    if isinstance(X, pd.DataFrame):
        return pd.DataFrame, tuple(X.columns), tuple(X.dtypes)
    return type(X), X.dtype, tuple(X.shape[1:])


def kind_of_item(x: Any) -> Any:
    if isinstance(x, list):
        return list, len(x), kind_of_item(x[0])
    if isinstance(x, (np.ndarray, torch.Tensor)):
        return type(x), x.dtype, tuple(x.shape)
    return getattr(x, "mode", type(x)), getattr(x, "size", None)


class Numbers(NamedTuple):
    """How bytes become numbers of a dtype, and what bounds them."""

    make: Callable[[Any], Any]
    low: float
    high: float
    whole: bool = False


DTYPES = {
    "uint8": Numbers(lambda X: X, 0, 255, True),
    "uint16": Numbers(lambda X: X.astype(np.uint16) * 257, 0, 65535, True),
    "12 bits": Numbers(lambda X: X.astype(np.uint16) * 16, 0, 4095, True),
    "10 bits": Numbers(lambda X: X.astype(np.uint16) * 4, 0, 1023, True),
    "float16": Numbers(lambda X: (X / 255).astype(np.float16), 0, 1),
    "float32": Numbers(lambda X: (X / 255).astype(np.float32), 0, 1),
    "float64": Numbers(lambda X: X / 255, 0, 1),
    "signed float32": Numbers(lambda X: (X / 127.5 - 1).astype(np.float32), -1, 1),
    "signed float64": Numbers(lambda X: X / 127.5 - 1, -1, 1),
    "whole float32": Numbers(lambda X: X.astype(np.float32), 0, 255, True),
    "whole float64": Numbers(lambda X: X.astype(np.float64), 0, 255, True),
    "zeros and ones": Numbers(lambda X: (X > 127).astype(np.float32), 0, 1, True),
    "bool": Numbers(lambda X: X > 127, 0, 1, True),
    "int16": Numbers(lambda X: X.astype(np.int16), 0, 255, True),
    "int64": Numbers(lambda X: X.astype(np.int64), 0, 255, True),
    "big-endian float": Numbers(lambda X: (X / 255).astype(">f4"), 0, 1),
    "big-endian uint16": Numbers(lambda X: X.astype(">u2") * 257, 0, 65535, True),
}

AUTO = Recipe.preset("auto", data="image").replace(width=4)


def saved_and_loaded(augmenter: GANAugmenter, folder: Path) -> GANAugmenter:
    augmenter.save_pretrained(folder)
    return GANAugmenter.from_pretrained(folder)
