"""What the tests of ganaug.albumentations share: pools in files, and real images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ganaug import SyntheticPool

SIZE = 8
RARE = 2
POOL_IMAGES = 40


def save_pool(
    path: Path, channels: int = 3, label: Any = RARE, n: int = POOL_IMAGES, size: int = SIZE
) -> Path:
    """Save a pool of one class whose i-th image is 200 + i everywhere."""
    values = np.arange(200, 200 + n, dtype=np.uint8)
    images = np.broadcast_to(values[:, None, None, None], (n, channels, size, size))
    SyntheticPool(images, [label] * n).save(path)
    return path


def real(shape: tuple[int, ...] = (SIZE, SIZE, 3), dtype: Any = np.uint8) -> np.ndarray:
    """Return a real image: each of its columns has another value, none is above 99."""
    columns = np.arange(SIZE).reshape(1, SIZE, *[1] * (len(shape) - 2))
    image = np.broadcast_to(10 * columns, shape)
    return image.astype(dtype) if np.dtype(dtype).kind != "f" else (image / 255).astype(dtype)


def is_rare(image: np.ndarray) -> bool:
    values = image if image.dtype == np.uint8 else np.round(image * 255)
    return bool(200 <= values.min() == values.max())


def stream(pipeline: Any, labels: Any = (RARE,) * 100) -> list[int]:
    """Return what the pipeline makes of real images."""
    return [int(pipeline(image=real(), label=label)["image"].sum()) for label in labels]
