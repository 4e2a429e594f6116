"""Looks into map-style datasets: their innermost parts, raw items and labels."""

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

HOOKS = ("transforms", "transform", "target_transform")
"""Where datasets keep what they apply to (image, label), to the image, and to the label."""


class Keys(NamedTuple):
    """Where image and label are in items that are mappings."""

    image: str = "image"
    label: str = "label"


class Wrapper(Dataset[Any]):
    """A dataset that passes on items of another one, its ``base``, and may add some."""

    base: Any

    def locate(self, index: int) -> tuple[Any, int]:
        """Return the dataset that an item comes from, and its index there."""
        raise NotImplementedError


def unwrap(dataset: Any, index: int) -> tuple[Any, int]:
    """Return the innermost dataset that an item comes from, and its index there."""
    while True:
        if isinstance(dataset, Wrapper):
            dataset, index = dataset.locate(index)
        elif _passes_on(dataset):
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
    return parts_of(dataset.dataset) if _passes_on(dataset) else [dataset]


def _passes_on(dataset: Any) -> bool:
    # A subclass of Subset may do more than that.
    return isinstance(dataset, Subset) and type(dataset).__getitem__ is Subset.__getitem__


def check_dataset(dataset: Any, name: str) -> int:
    """Return the length of a dataset.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If it has no length or no items by index, or is empty.
    """
    if not hasattr(dataset, "__getitem__") or not hasattr(dataset, "__len__"):
        raise InvalidTypeError(
            f"{name} must be a map-style dataset, with len() and items by index, got "
            f"{type(dataset).__name__}."
        )
    if len(dataset) == 0:
        raise InvalidInputError(f"{name} is empty.")
    return len(dataset)


class Identity:
    """Takes the place of a transform, to see what a dataset feeds to it."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs:
            return kwargs
        return args if len(args) > 1 else args[0]


def with_hooks(dataset: Any, hooks: Mapping[str, Any]) -> Any:
    """Return a shallow copy with other transforms; the dataset itself is not touched.

    Raises
    ------
    InvalidTypeError
        If the dataset cannot be copied like that.
    """
    other = _shallow_copy(dataset)
    try:
        for name, value in hooks.items():
            setattr(other, name, value)
    except AttributeError as error:
        raise InvalidTypeError(
            f"The transforms of {type(dataset).__name__} cannot be replaced in a copy: {error}. "
            "Wrap the dataset without transforms."
        ) from None
    return other


def _shallow_copy(dataset: Any) -> Any:
    """Return a copy with the same attributes, also where pickling would lose some."""
    if not isinstance(getattr(dataset, "__dict__", None), dict):
        return copy.copy(dataset)
    try:
        other = object.__new__(type(dataset))
    except TypeError:
        return copy.copy(dataset)
    other.__dict__.update(dataset.__dict__)
    return other


def hooks_of(dataset: Any) -> list[str]:
    """Return the names of the transforms that a dataset has."""
    return [name for name in HOOKS if callable(getattr(dataset, name, None))]


def raw(dataset: Any) -> Any:
    """Return a copy of an innermost dataset that applies no transforms."""
    if isinstance(dataset, SyntheticPool):
        return dataset.with_transform(None)
    return with_hooks(dataset, {name: Identity() for name in hooks_of(dataset)})


def split(item: Any, keys: Keys, name: str) -> tuple[Any, Any]:
    """Return image and label of an item.

    Raises
    ------
    InvalidTypeError
        If it is neither a pair nor a mapping with these keys only.
    """
    if isinstance(item, (tuple, list)) and len(item) == 2:
        return item[0], item[1]
    if isinstance(item, Mapping):
        if set(item) == set(keys):
            return item[keys.image], item[keys.label]
        raise InvalidTypeError(
            f"{name} is a mapping with the keys {list(item)}; it must have {keys.image!r} and "
            f"{keys.label!r} and no others. Set image_key and label_key, or leave the others out."
        )
    what = f"has {len(item)} entries" if isinstance(item, (tuple, list)) else type(item).__name__
    raise InvalidTypeError(f"{name} must be (image, label) or a mapping; it is or has: {what}.")


def join(like: Any, keys: Keys, image: Any, label: Any) -> Any:
    """Return an item with the structure of another."""
    if isinstance(like, Mapping):
        # A copy, so that any kind of mapping stays what it is, with its keys in their order.
        other: Any = copy.copy(like)
        other[keys.image], other[keys.label] = image, label
        return other
    if hasattr(like, "_fields"):
        return type(like)(image, label)
    return type(like)((image, label))


def targets_of(dataset: Any) -> list[Any] | None:
    """Return the labels that a dataset states, without reading its items; None if it does not."""
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
def undisturbed() -> Generator[None]:
    """Put the global random states back: what a dataset draws when it is looked at is not used."""
    states = torch.get_rng_state(), random.getstate()
    legacy = np.random.get_state()  # noqa: NPY002 - saved for its owner, never drawn from
    try:
        yield
    finally:
        torch.set_rng_state(states[0])
        random.setstate(states[1])
        np.random.set_state(legacy)  # noqa: NPY002
