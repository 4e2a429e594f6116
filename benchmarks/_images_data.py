"""Image sets: read from Parquet, cut where a run is reduced, and divided anew for development."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

FILES = {
    "mnist": ("mnist_imbalanced_train", "mnist_test"),
    "cifar": ("cifar10_lt_train", "cifar10_test"),
}
RARE_SHARE = 0.1
"""A class with fewer images than this share of the largest class's is rare."""
MANY = 300
"""Training images of a class from which 200 can be held out, with enough left to learn from."""


@dataclass(frozen=True)
class ImageSet:
    """Images to classify: those to train on, and real ones held out.

    Attributes
    ----------
    name : str
    images, test_images : uint8 arrays of shape (n, height, width) or (n, height, width, 3)
        As a user has them.
    codes, test_codes : arrays of int
        Class number of each image.
    classes : tuple of str
    digest : str
        Hash of the files, and of the cut.
    """

    name: str
    images: NDArray[np.uint8]
    codes: NDArray[np.int64]
    test_images: NDArray[np.uint8]
    test_codes: NDArray[np.int64]
    classes: tuple[str, ...]
    digest: str

    @property
    def counts(self) -> list[int]:
        """Training images of each class."""
        return np.bincount(self.codes, minlength=len(self.classes)).tolist()

    @property
    def deficits(self) -> list[int]:
        """Images that each class lacks for balance."""
        return [max(self.counts) - count for count in self.counts]

    @property
    def rare(self) -> list[int]:
        """Numbers of the rare classes (see RARE_SHARE)."""
        most = max(self.counts)
        return [code for code, count in enumerate(self.counts) if count < RARE_SHARE * most]

    @property
    def imbalance(self) -> float:
        """Images of the largest class for each of the smallest."""
        return max(self.counts) / min(self.counts)

    def describe(self) -> dict[str, Any]:
        """Return the set as plain values."""
        return {
            "name": self.name,
            "shape": list(self.images.shape[1:]),
            "train_images": dict(zip(self.classes, self.counts, strict=True)),
            "test_images": len(self.test_codes),
            "imbalance": self.imbalance,
            "rare": [self.classes[code] for code in self.rare],
            "digest": self.digest,
        }

    def cut(self, largest: int, smallest: int, test_images: int) -> ImageSet:
        """Return a smaller set whose class sizes fall evenly on a logarithmic scale.

        The same images every time; the classes keep their order by size.

        Parameters
        ----------
        largest, smallest : int
            Training images of the first and of the last class, at most as many as there are.
        test_images : int
            Held-out images of each class, at most.
        """
        order = np.argsort([-count for count in self.counts], kind="stable").tolist()
        ratio = (smallest / largest) ** (1 / max(len(order) - 1, 1))
        sizes = {code: round(largest * ratio**rank) for rank, code in enumerate(order)}
        train = _some_of_each(self.codes, sizes)
        test = _some_of_each(self.test_codes, dict.fromkeys(sizes, test_images))
        return replace(
            self,
            images=self.images[train],
            codes=self.codes[train],
            test_images=self.test_images[test],
            test_codes=self.test_codes[test],
            digest=f"{self.digest}-{largest}-{smallest}-{test_images}",
        )

    def plentiful(self) -> list[int]:
        """Return the numbers of the classes with MANY training images or more."""
        return [code for code, count in enumerate(self.counts) if count >= MANY]

    def redivided(
        self, name: str, sizes: Mapping[int, int], seed: int, most: int | None = None
    ) -> ImageSet:
        """Return a set of this one's training images: some to train on, the others held out.

        This set's held-out images take no part, so that whatever is decided on the new set is
        decided without them.

        Parameters
        ----------
        name : str
        sizes : mapping of int to int
            Images of each class to train on; the other classes are left out.
        seed : int
        most : int or None
            Held-out images of a class, at most.
        """
        rng = np.random.default_rng(seed)
        train, held_out = [], []
        for code, size in sizes.items():
            own = rng.permutation(by_class(self.codes, code))
            train.append(own[:size])
            held_out.append(own[size:][:most])
        rows, rest = np.concatenate(train), np.concatenate(held_out)
        number = np.full(len(self.classes), -1)
        number[list(sizes)] = np.arange(len(sizes))
        return replace(
            self,
            name=name,
            images=self.images[rows],
            codes=number[self.codes[rows]],
            test_images=self.images[rest],
            test_codes=number[self.codes[rest]],
            classes=tuple(self.classes[code] for code in sizes),
        )


def _some_of_each(codes: NDArray[np.int64], sizes: dict[int, int]) -> NDArray[np.int64]:
    rng = np.random.default_rng(0)
    keep = []
    for code, size in sorted(sizes.items()):
        own = np.flatnonzero(codes == code)
        keep.append(rng.permutation(own)[:size])
    return np.sort(np.concatenate(keep))


def load_images(folder: Path, name: str) -> ImageSet:
    """Read a set of :data:`FILES`.

    Parameters
    ----------
    folder : Path
        Has two files ``*.parquet`` with the columns ``image`` (a dict whose ``bytes`` are an
        encoded image, as Hugging Face ``datasets`` writes it) and ``label``.
    name : str

    Returns
    -------
    ImageSet
    """
    paths = [folder / f"{stem}.parquet" for stem in FILES[name]]
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        raise SystemExit(f"No {', '.join(missing)}: name the folder of the images with --data.")
    (images, labels), (test_images, test_labels) = (_read(path) for path in paths)
    classes, codes = np.unique(labels, return_inverse=True)
    return ImageSet(
        name=name,
        images=images,
        codes=codes.astype(np.int64),
        test_images=test_images,
        test_codes=np.searchsorted(classes, test_labels).astype(np.int64),
        classes=tuple(str(label) for label in classes),
        digest=hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:16],
    )


def _read(path: Path) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    from PIL import Image

    frame = pd.read_parquet(path)
    stack = [np.asarray(Image.open(io.BytesIO(cell["bytes"]))) for cell in frame["image"]]
    return np.stack(stack), frame["label"].to_numpy()


def to_tensor(images: NDArray[np.uint8]) -> Tensor:
    """Return images as uint8 of shape (n, channels, height, width)."""
    tensor = torch.from_numpy(np.ascontiguousarray(images))
    return tensor[:, None] if tensor.ndim == 3 else tensor.permute(0, 3, 1, 2).contiguous()


def to_array(images: Tensor) -> NDArray[np.uint8]:
    """Undo :func:`to_tensor`."""
    return (images[:, 0] if images.shape[1] == 1 else images.permute(0, 2, 3, 1)).numpy()


def by_class(codes: Sequence[int] | NDArray[np.int64], code: int) -> NDArray[np.int64]:
    """Return which rows are of a class."""
    return np.flatnonzero(np.asarray(codes) == code)
