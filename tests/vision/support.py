"""Datasets of many kinds, for the tests of ganaug.vision; importable by spawned workers."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset
from torchvision.datasets import CIFAR10, MNIST, VisionDataset
from torchvision.transforms import v2

from ganaug.pool import SyntheticPool

SIZE = 8
RARE = 2


def pixels(n: int, channels: int, seed: int = 0, size: int = SIZE) -> np.ndarray:
    """Return real images (n, C, H, W): none of their values is above 99."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 100, (n, channels, size, size), dtype=np.uint8)


def make_pool(
    channels: int = 3, n: int = 5, label: Any = RARE, size: int = SIZE, **options: Any
) -> SyntheticPool:
    """Return a pool of one class whose i-th image is 200 + i everywhere."""
    values = np.arange(200, 200 + n, dtype=np.uint8)
    images = np.broadcast_to(values[:, None, None, None], (n, channels, size, size))
    return SyntheticPool(images, [label] * n, **options)


def write_folder(root: Path, counts: dict[str, int], mode: str = "RGB", size: int = SIZE) -> Path:
    """Write a folder per class of images that are small PNGs."""
    channels = len(Image.new(mode, (1, 1)).getbands())
    for code, (name, count) in enumerate(counts.items()):
        (root / name).mkdir(parents=True)
        for i, image in enumerate(pixels(count, channels, seed=code, size=size)):
            array = image[0] if channels == 1 else image.transpose(1, 2, 0)
            Image.fromarray(np.ascontiguousarray(array)).save(root / name / f"{i:03d}.png")
    return root


def cifar(n: int = 20, **transforms: Any) -> CIFAR10:
    """Return a real CIFAR10 object with other data: every fifth item is of the rare class."""
    dataset = CIFAR10.__new__(CIFAR10)
    VisionDataset.__init__(dataset, "nowhere", **transforms)
    dataset.train = True
    dataset.data = pixels(n, 3).transpose(0, 2, 3, 1).copy()
    dataset.targets = [RARE if i % 5 == 0 else i % 2 for i in range(n)]
    dataset.classes = ["cat", "dog", "owl"]
    dataset.class_to_idx = {"cat": 0, "dog": 1, "owl": 2}
    return dataset


def mnist(n: int = 20, **transforms: Any) -> MNIST:
    """Return a real MNIST object with other data."""
    dataset = MNIST.__new__(MNIST)
    VisionDataset.__init__(dataset, "nowhere", **transforms)
    dataset.train = True
    dataset.data = torch.from_numpy(pixels(n, 1)[:, 0])
    dataset.targets = torch.tensor([RARE if i % 5 == 0 else i % 2 for i in range(n)])
    return dataset


class Pairs(Dataset[Any]):
    """Items (image, label) of any kind, with whatever attributes."""

    def __init__(self, images: Any, labels: Any, **attributes: Any) -> None:
        self.images, self.tags = images, labels
        self.__dict__.update(attributes)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Any:
        image, label = self.images[index], self.tags[index]
        if getattr(self, "transform", None) is not None:
            image = self.transform(image)
        if getattr(self, "target_transform", None) is not None:
            label = self.target_transform(label)
        return image, label


class Joint(VisionDataset):
    """A dataset with a joint transform, as those of torchvision that take ``transforms=``."""

    def __init__(self, **transforms: Any) -> None:
        super().__init__("nowhere", **transforms)
        self.images = [Image.fromarray(x) for x in pixels(10, 3).transpose(0, 2, 3, 1).copy()]
        self.tags = [RARE if i % 5 == 0 else i % 2 for i in range(10)]

    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: int) -> Any:
        image, label = self.images[index], self.tags[index]
        if self.transforms is not None:
            image, label = self.transforms(image, label)
        return image, label


class Dicts(Pairs):
    """Items as mappings; the transform gets the image, as in ``call``."""

    call = "image"

    def __getitem__(self, index: int) -> Any:
        image, label = self.images[index], self.tags[index]
        if self.call == "sample":
            return self.transform({"image": image, "label": label})
        if self.call == "keyword":
            image = self.transform(image=image)["image"]
        elif self.transform is not None:
            image = self.transform(image)
        return {"image": image, "label": label}


class Albumentations(Dicts):
    """Calls its transform as albumentations is called."""

    call = "keyword"


class WholeSamples(Dicts):
    """Gives whole samples to its transform."""

    call = "sample"


class Replaced(Pairs):
    """Items that went through the transform ``replace``, together with their labels."""

    def __getitem__(self, index: int) -> Any:
        return self.replace(self.images[index], self.tags[index])


class Scaling(Pairs):
    """Goes on after its transform."""

    def __getitem__(self, index: int) -> Any:
        image, label = super().__getitem__(index)
        return image / 2, label


def to_floats() -> Any:
    """Return the usual pipeline of a training set."""
    return v2.Compose(
        [
            v2.PILToTensor(),
            v2.RandomHorizontalFlip(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize([0.5], [0.5]),
        ]
    )


def plain_floats() -> Any:
    """Return a pipeline without randomness."""
    return v2.Compose(
        [v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5], [0.5])]
    )


def is_rare(image: Any) -> bool:
    """Return whether a transformed image is one of :func:`make_pool`."""
    return bool(torch.as_tensor(image).float().min() > 0)


def tensor(channels: int = 3) -> torch.Tensor:
    return torch.from_numpy(pixels(1, channels)[0])


def global_states() -> tuple[Any, ...]:
    numpy_state = np.random.get_state()  # noqa: NPY002 - it is the global state we watch
    return (
        random.getstate(),
        numpy_state[1].tobytes(),
        numpy_state[2:],
        torch.get_rng_state().numpy().tobytes(),
    )
