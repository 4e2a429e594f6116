"""What the tests of ganaug.hf share: rows and images of two classes, and how results are read."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("datasets", reason="Hugging Face datasets need the extra 'hf'")
from datasets import ClassLabel, Dataset, Features, Image, Value
from PIL import Image as PILImage
from sklearn.datasets import load_digits

from ganaug import GANAugmenter
from ganaug.hf import augment_dataset

NAMES = ["common", "rare"]
QUICK: dict[str, Any] = {"max_steps": 1, "random_state": 0}

TABLE = Features(
    id=Value("int64"),
    amount=Value("float32"),
    kind=Value("string"),
    day=Value("timestamp[us]"),
    group=ClassLabel(names=["x", "y", "z"]),
    note=Value("string"),
    label=ClassLabel(names=NAMES),
)


def table_rows(n: int = 40, rare: int = 12) -> dict[str, list[Any]]:
    random = np.random.default_rng(0)
    start = dt.datetime(2024, 1, 1)
    return {
        "id": [2**60 + 3 * i if i % 7 else None for i in range(n)],
        "amount": np.round(random.normal(size=n), 2).astype(np.float32).tolist(),
        "kind": [None if i == 3 else "ab"[i % 2] for i in range(n)],
        "day": [start + dt.timedelta(hours=13 * i) for i in range(n)],
        "group": [None if i == 5 else i % 3 for i in range(n)],
        "note": [f"note number {i}" for i in range(n)],
        "label": [int(i >= n - rare) for i in range(n)],
    }


LEARNED = ["id", "amount", "kind", "day", "group"]


def write_rows(path: Path) -> str:
    """Write the rows as Parquet, and return where."""
    Dataset.from_dict(table_rows(), features=TABLE).to_parquet(path)
    return str(path)


def fitted_on(ds: Any, **options: Any) -> GANAugmenter:
    """Return an augmenter that is fitted by augmenting."""
    augmenter = GANAugmenter(**QUICK)
    augment_dataset(ds, augmenter, label_column="label", **options)
    return augmenter


def augmented(ds: Any, augmenter: GANAugmenter | None = None, **options: Any) -> Any:
    options = {"label_column": "label", **options}
    return augment_dataset(ds, augmenter or GANAugmenter(**QUICK), **options)


def arrow(ds: Dataset) -> Any:
    return ds.with_format("arrow")[:].combine_chunks()


def assert_starts_with(result: Dataset, ds: Dataset) -> None:
    """The rows of ``ds`` come first, value by value in Arrow, then synthetic ones."""
    assert result.features == Features({**ds.features, "is_synthetic": Value("bool")})
    first = result.with_format(None).select(range(len(ds)))
    plain = ds.with_format(None)
    assert arrow(first.remove_columns("is_synthetic")).equals(arrow(plain))
    marks = np.asarray(result.with_format(None)[:]["is_synthetic"])
    assert (marks == (np.arange(len(result)) >= len(ds))).all()


def digit_images(mode: str = "L") -> list[PILImage.Image]:
    pixels, digits = load_digits(n_class=2, return_X_y=True)
    chosen = [*np.flatnonzero(digits == 0)[:16], *np.flatnonzero(digits == 1)[:10]]
    images = [PILImage.fromarray(np.uint8(pixels[i].reshape(8, 8) * 15.9)) for i in chosen]
    if mode == "I;16":
        return [PILImage.fromarray(np.asarray(image).astype(np.uint16) * 257) for image in images]
    if mode == "P":
        return [image.convert("RGB").quantize(16) for image in images]
    return [image.convert(mode) for image in images]


def image_dataset(images: list[Any], **feature: Any) -> Dataset:
    features = Features(image=Image(**feature), label=ClassLabel(names=NAMES), file=Value("string"))
    labels = [int(i >= 16) for i in range(26)]
    names = [f"{i}.png" for i in range(26)]
    return Dataset.from_dict({"image": images, "label": labels, "file": names}, features=features)
