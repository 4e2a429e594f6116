"""Access to the inside of map-style datasets: innermost parts, untransformed items, labels."""

from __future__ import annotations

import copy
import random
from bisect import bisect_right
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.utils.data import ConcatDataset, Dataset, Subset, TensorDataset

from ganaug.errors import InvalidInputError, InvalidTypeError
from ganaug.pool import SyntheticPool, plain_label

TRANSFORM_NAMES = ("transforms", "transform", "target_transform")
"""Attributes with the transforms of (image, label), of the image, and of the label.

The names are those of torchvision's ``VisionDataset``.
"""


class Keys(NamedTuple):
    """Keys of image and label in items that are mappings."""

    image: str = "image"
    label: str = "label"


class Wrapper(Dataset[Any]):
    """A dataset that returns the items of another one, its ``base``, and may add some."""

    base: Any

    def locate(self, index: int) -> tuple[Any, int]:
        """Return the dataset that an item comes from, and its index in that dataset."""
        raise NotImplementedError


def unwrap(dataset: Any, index: int) -> tuple[Any, int]:
    """Return the innermost dataset that an item comes from, and its index in that dataset."""
    while True:
        if isinstance(dataset, Wrapper):
            dataset, index = dataset.locate(index)
        elif _is_plain_subset(dataset):
            dataset, index = dataset.dataset, int(dataset.indices[index])
        elif type(dataset) is ConcatDataset:
            part = bisect_right(dataset.cumulative_sizes, index)
            index -= dataset.cumulative_sizes[part - 1] if part else 0
            dataset = dataset.datasets[part]
        else:
            return dataset, index


def parts_of(dataset: Any) -> list[Any]:
    """Return the innermost datasets."""
    if type(dataset) is ConcatDataset:
        return [part for inner in dataset.datasets for part in parts_of(inner)]
    if isinstance(dataset, Wrapper):
        return parts_of(dataset.base)
    return parts_of(dataset.dataset) if _is_plain_subset(dataset) else [dataset]


def _is_plain_subset(dataset: Any) -> bool:
    # A subclass that overrides __getitem__ may change items, so it counts as a dataset of its own.
    return isinstance(dataset, Subset) and type(dataset).__getitem__ is Subset.__getitem__


def check_dataset(dataset: Any, name: str) -> int:
    """Return the length of a dataset.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If it has no length, cannot be indexed, or is empty.
    """
    if not hasattr(dataset, "__getitem__") or not hasattr(dataset, "__len__"):
        raise InvalidTypeError(
            f"{name} must be a map-style dataset, which has len() and can be indexed, got "
            f"{type(dataset).__name__}."
        )
    if len(dataset) == 0:
        raise InvalidInputError(f"{name} is empty.")
    return len(dataset)


class Identity:
    """A transform that returns its input, so that items keep their untransformed images."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs:
            return kwargs
        return args if len(args) > 1 else args[0]


def with_transforms(dataset: Any, transforms: Mapping[str, Any]) -> Any:
    """Return a shallow copy with other transforms. The dataset itself is not changed.

    Parameters
    ----------
    dataset : Dataset
    transforms : mapping of str to callable
        The keys are attributes of the dataset, some of ``TRANSFORM_NAMES``.

    Raises
    ------
    InvalidTypeError
        If an attribute cannot be set on a copy.
    """
    clone = _shallow_copy(dataset)
    try:
        for name, transform in transforms.items():
            setattr(clone, name, transform)
    except AttributeError as error:
        raise InvalidTypeError(
            f"The transforms of {type(dataset).__name__} cannot be replaced in a copy: {error}. "
            "Wrap the dataset without transforms."
        ) from None
    return clone


def _shallow_copy(dataset: Any) -> Any:
    """Return a copy with the same attributes.

    ``copy.copy`` follows the pickling methods of a class, which may leave attributes out (open
    files, caches). It is used only where attributes cannot be copied one by one.
    """
    if not isinstance(getattr(dataset, "__dict__", None), dict):
        return copy.copy(dataset)
    try:
        clone = object.__new__(type(dataset))
    except TypeError:
        return copy.copy(dataset)
    clone.__dict__.update(dataset.__dict__)
    return clone


def transform_names(dataset: Any) -> list[str]:
    """Return the attributes of a dataset that hold a transform."""
    return [name for name in TRANSFORM_NAMES if callable(getattr(dataset, name, None))]


def without_transforms(dataset: Any) -> Any:
    """Return a copy of an innermost dataset that applies no transforms."""
    if isinstance(dataset, SyntheticPool):
        return dataset.with_transform(None)
    return with_transforms(dataset, {name: Identity() for name in transform_names(dataset)})


def split_item(item: Any, keys: Keys, name: str) -> tuple[Any, Any]:
    """Return image and label of an item.

    Parameters
    ----------
    item : pair or mapping
    keys : Keys
    name : str
        Subject of the error message, such as "Item 3".

    Raises
    ------
    InvalidTypeError
        If it is neither a pair nor a mapping with exactly these keys.
    """
    if isinstance(item, (tuple, list)) and len(item) == 2:
        return item[0], item[1]
    if isinstance(item, Mapping):
        if set(item) == set(keys):
            return item[keys.image], item[keys.label]
        raise InvalidTypeError(
            f"{name} is a mapping with the keys {list(item)}; it must have the keys "
            f"{keys.image!r} and {keys.label!r} and no others. Set image_key and label_key, or "
            "remove the other keys."
        )
    sequence = isinstance(item, (tuple, list))
    found = f"a sequence with {len(item)} entries" if sequence else f"of type {type(item).__name__}"
    raise InvalidTypeError(f"{name} must be (image, label) or a mapping; it is {found}.")


def join_item(like: Any, keys: Keys, image: Any, label: Any) -> Any:
    """Return an item of image and label with the structure of the item ``like``."""
    if isinstance(like, Mapping):
        # A copy keeps the type of the mapping and the order of its keys.
        item: Any = copy.copy(like)
        item[keys.image], item[keys.label] = image, label
        return item
    if hasattr(like, "_fields"):  # a named tuple takes its values one by one
        return type(like)(image, label)
    return type(like)((image, label))


def targets_of(dataset: Any) -> list[Any] | None:
    """Return the labels of a dataset without reading its items; None if it does not list them."""
    if isinstance(dataset, Subset):
        inner = targets_of(dataset.dataset)
        return None if inner is None else [inner[int(i)] for i in dataset.indices]
    if type(dataset) is ConcatDataset:
        parts = [targets_of(part) for part in dataset.datasets]
        return None if None in parts else [x for part in parts if part for x in part]
    if isinstance(dataset, TensorDataset):
        return _plain_list(dataset.tensors[-1], len(dataset))
    for name in ("targets", "labels"):
        if (found := _plain_list(getattr(dataset, name, None), len(dataset))) is not None:
            return found
    return None


def _plain_list(values: Any, length: int) -> list[Any] | None:
    if values is None or callable(values) or np.ndim(values) != 1 or len(values) != length:
        return None
    listed = values.tolist() if hasattr(values, "tolist") else list(values)
    return [plain_label(value) for value in listed]


@contextmanager
def preserved_random_states() -> Generator[None]:
    """Restore the global random states on exit.

    Items that are only inspected may be drawn at random. The user's own random numbers must not
    depend on that.
    """
    states = torch.get_rng_state(), random.getstate()
    legacy = np.random.get_state()  # noqa: NPY002 - saved and restored, never drawn from
    try:
        yield
    finally:
        torch.set_rng_state(states[0])
        random.setstate(states[1])
        np.random.set_state(legacy)  # noqa: NPY002
