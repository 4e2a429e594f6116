"""How a dataset turns an untransformed image and its label into an item.

Synthetic images must go the same way. No dataset is known by name: one item is read from a copy
whose transforms are replaced by recorders. They record what the dataset passes to its transforms
and show whether the item is exactly what the transforms return.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ganaug.errors import GanaugError, InvalidInputError, InvalidTypeError
from ganaug.pool import SyntheticPool, plain_label
from ganaug.vision._forms import Form, Remedies, form_of
from ganaug.vision._sources import (
    Keys,
    join_item,
    preserved_random_states,
    split_item,
    transform_names,
    with_transforms,
)

_POOL_TRANSFORM = (
    "Or give the pool a transform of its own that turns a uint8 tensor (C, H, W) into an image "
    "like those of the dataset: AugmentedDataset(base, pool.with_transform(...))."
)
_REMEDIES = Remedies(
    "Fit the augmenter on images of the size that the dataset has (load_images, "
    f"ImageOptions(resize=...)). {_POOL_TRANSFORM}",
    f"Pass a dataset that applies its transforms as torchvision's datasets do. {_POOL_TRANSFORM}",
)


class _Marker:
    """Stand-in for a transformed image or label, returned by a recorder."""


class _Recorder:
    """Replacement for a transform that records its input and returns markers."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self.calls = 0
        self.call = ""
        self.sample: Any = None
        self.image: Any = None
        self.label: Any = None
        self.marks = _Marker(), _Marker()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        image, label = self.marks
        if len(args) == 2 and not kwargs:
            self.call, (self.image, self.label) = "pair", args
            return image, label
        if not args and set(kwargs) == {"image"}:  # the calling convention of albumentations
            self.call, self.image = "keyword", kwargs["image"]
            return {"image": image}
        if len(args) != 1 or kwargs:
            raise InvalidTypeError(
                f"The dataset calls its transform with {len(args)} positional arguments and the "
                f"keywords {sorted(kwargs)}. A transform must take an image, or an image and a "
                f"label. {_POOL_TRANSFORM}"
            )
        if not isinstance(args[0], (dict, tuple)):
            self.call, self.image = "single", args[0]
            return image
        self.call = "sample"
        self.image, self.label = split_item(args[0], self.keys, "The input of the transform")
        self.sample = join_item(args[0], self.keys, None, None)
        return join_item(args[0], self.keys, image, label)


@dataclass(frozen=True)
class Feed:
    """Turns synthetic images into items of one dataset.

    Parameters
    ----------
    dataset : Dataset
        An innermost dataset. Its transforms are looked up each time an item is made.
    keys : Keys
    item : Any
        Example with the structure of an item.
    attribute : {"transforms", "transform", ""}
        Attribute that holds the transform of the image. It is empty if there is none, or if the
        pool has its own transform.
    call : str
        How this transform is called: "pair", "keyword", "sample" or "single".
    sample : Any
        Example with the structure of the sample that the transform takes.
    transforms_labels : bool
        Whether labels go through ``target_transform``.
    label : Any
        Untransformed label. Labels of synthetic items get its type.
    form : Form or None
        Form of an image before the transform; None if the pool has its own transform.
    """

    dataset: Any
    keys: Keys
    item: Any
    attribute: Literal["transforms", "transform", ""]
    call: str
    sample: Any
    transforms_labels: bool
    label: Any
    form: Form | None

    def make(self, pool: SyntheticPool, pixels: Tensor, label: Any) -> Any:
        """Return the item for a synthetic image of shape (C, H, W)."""
        label = _like_label(label, self.label)
        if self.form is not None:
            image = self.form.make(pixels)
        else:
            image = pixels if pool.transform is None else pool.transform(pixels)
        if self.attribute and (transform := getattr(self.dataset, self.attribute)) is not None:
            image, label = self._transform(transform, image, label)
        if self.transforms_labels and self.dataset.target_transform is not None:
            label = self.dataset.target_transform(label)
        return join_item(self.item, self.keys, image, label)

    def _transform(self, transform: Any, image: Any, label: Any) -> tuple[Any, Any]:
        if self.call == "pair":
            image, label = transform(image, label)
            return image, label
        if self.call == "keyword":
            return transform(image=image)["image"], label
        if self.call == "sample":
            sample = transform(join_item(self.sample, self.keys, image, label))
            return split_item(sample, self.keys, "A transformed sample")
        return transform(image), label


def feed_of(dataset: Any, index: int, pool: SyntheticPool, keys: Keys) -> Feed:
    """Return the feed of an innermost dataset, found by reading the item at ``index``.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        If the dataset cannot turn synthetic images into items.
    """
    pool_transforms = pool.transform is not None
    recorders = {
        name: _Recorder(keys)
        for name in transform_names(dataset)
        if name == "target_transform" or not pool_transforms
    }
    item = _read(with_transforms(dataset, recorders), index, recorders)
    image, label = split_item(item, keys, f"Item {index} of {type(dataset).__name__}")
    used = {name: recorder for name, recorder in recorders.items() if recorder.calls}
    _check_calls(dataset, image, label, used)
    attribute: Literal["transforms", "transform", ""] = ""
    if "transforms" in used or "transform" in used:
        attribute = "transforms" if "transforms" in used else "transform"
    recorder = used[attribute] if attribute else _Recorder(keys)
    if recorder.call in ("pair", "sample"):
        label = recorder.label
    elif "target_transform" in used:
        label = used["target_transform"].image
    _check_label(dataset, label, pool)
    image = recorder.image if attribute else image
    if not attribute and not pool_transforms:
        _check_hidden(dataset)
    # A transform may still resize the image; without one, the size must fit as it is.
    any_size = bool(attribute)
    return Feed(
        dataset,
        keys,
        join_item(item, keys, None, None),
        attribute,
        recorder.call,
        recorder.sample,
        "target_transform" in used,
        label,
        None if pool_transforms else form_of(image, pool.shape, _REMEDIES, any_size=any_size),
    )


def check_alike(feed: Feed, index: int, pool: SyntheticPool) -> None:
    """Raise `InvalidInputError` if real and synthetic items cannot be in one batch.

    That is the case if their images or labels differ in type, dtype, shape or mode.
    """
    label = next(iter(pool.counts))
    with preserved_random_states():
        real = split_item(with_transforms(feed.dataset, {})[index], feed.keys, "An item")
        item = feed.make(pool, pool.draw(label, 0.0), label)
        synthetic = split_item(item, feed.keys, "A synthetic item")
    for part, one, other in zip(("image", "label"), real, synthetic, strict=True):
        if _describe(one) != _describe(other):
            raise InvalidInputError(
                f"Real and synthetic items cannot be mixed: after the transforms, the {part} of a "
                f"real item is {_describe(one)} and that of a synthetic one is "
                f"{_describe(other)}. {_REMEDIES.size}"
            )


def _read(dataset: Any, index: int, recorders: dict[str, _Recorder]) -> Any:
    """Return an item of a copy whose transforms are recorders."""
    try:
        with preserved_random_states():
            return dataset[index]
    except GanaugError:
        raise
    except Exception as error:
        # After a recorder was called, the dataset failed on a marker: it processes it further.
        if any(recorder.calls for recorder in recorders.values()):
            raise _further_processing(dataset) from error
        raise


def _further_processing(dataset: Any) -> InvalidTypeError:
    return InvalidTypeError(
        f"{type(dataset).__name__} goes on processing what its transforms return, which cannot be "
        f"repeated for synthetic images. Do that inside the transform. {_POOL_TRANSFORM}"
    )


def _check_calls(dataset: Any, image: Any, label: Any, used: dict[str, _Recorder]) -> None:
    """Raise `InvalidTypeError` if an item is not exactly what the transforms return."""
    main = [recorder for name, recorder in used.items() if name != "target_transform"]
    target = used.get("target_transform")
    # Each transform must have run once, and the item must hold exactly what it returned.
    fine = len(main) <= 1 and all(recorder.calls == 1 for recorder in used.values())
    if fine and main:
        fine = image is main[0].marks[0]
        if main[0].call in ("pair", "sample"):
            fine = fine and label is main[0].marks[1]
    if fine and target is not None:
        fine = label is target.marks[0] and not isinstance(target.image, _Marker)
    if not fine:
        raise _further_processing(dataset)


def _check_hidden(dataset: Any) -> None:
    """Raise `InvalidTypeError` if another attribute holds transforms of torchvision.

    Without an error, synthetic images would miss these transforms unnoticed.
    """
    for name, value in getattr(dataset, "__dict__", {}).items():
        if callable(value) and type(value).__module__.startswith("torchvision.transforms"):
            raise InvalidTypeError(
                f"{type(dataset).__name__} has transforms in its attribute {name!r}, which are not "
                "applied to synthetic images. Rename the attribute to 'transform'. "
                f"{_POOL_TRANSFORM}"
            )


def _check_label(dataset: Any, label: Any, pool: SyntheticPool) -> None:
    plain, wanted = plain_label(label), next(iter(pool.counts))
    if not isinstance(plain, (int, float, str)):
        raise InvalidTypeError(
            f"The labels of {type(dataset).__name__} must be single values, got "
            f"{_describe(label)}. Apply one-hot and other encodings in target_transform."
        )
    if type(plain) is not type(wanted):
        mapping = getattr(dataset, "class_to_idx", {})
        known = ".class_to_idx" if wanted in mapping else "..."
        raise InvalidInputError(
            f"The labels of the dataset are of type {type(plain).__name__}, such as {plain!r}; "
            f"those of the pool are of type {type(wanted).__name__}, such as {wanted!r}. "
            f"Translate them: pool.relabel({'dataset' if mapping else ''}{known})."
        )


def _like_label(label: Any, example: Any) -> Any:
    """Return a plain label in the type of another."""
    if isinstance(example, Tensor):
        return torch.tensor(label, dtype=example.dtype)
    if isinstance(example, (np.generic, np.ndarray)):
        return example.dtype.type(label)
    return label


def _describe(value: Any) -> str:
    if isinstance(value, Image.Image):
        return f"a PIL image of mode {value.mode!r} and size {value.size}"
    if isinstance(value, (Tensor, np.ndarray)):
        return f"a {type(value).__name__} of {value.dtype} and shape {tuple(value.shape)}"
    return f"of type {type(value).__name__}"
