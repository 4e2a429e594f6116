"""How a dataset makes an item of a raw image and its label, so that synthetic ones go the same way.

Instead of knowing datasets by name, one item is read from a copy whose transforms are recorders:
they show what the dataset feeds to its transforms, and whether what they return is the item.
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
from ganaug.vision._sources import Keys, hooks_of, join, split, undisturbed, with_hooks

_OWN = (
    "Or give the pool a transform of its own, which makes of a uint8 tensor (C, H, W) what the "
    "dataset yields: AugmentedDataset(base, pool.with_transform(...))."
)
_REMEDIES = Remedies(
    f"Learn from images as the dataset has them (load_images, ImageOptions(resize=...)). {_OWN}",
    f"Pass a dataset that applies its transforms as torchvision's do. {_OWN}",
)


class _Marker:
    """What a recorder returns in place of a transformed image or label."""


class _Recorder:
    """Takes the place of a transform: keeps what comes in, gives markers out."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self.calls = 0
        self.call = ""
        self.given: Any = None
        self.image: Any = None
        self.label: Any = None
        self.marks = _Marker(), _Marker()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        image, label = self.marks
        if len(args) == 2 and not kwargs:
            self.call, (self.image, self.label) = "pair", args
            return image, label
        if not args and set(kwargs) == {"image"}:  # as albumentations is called
            self.call, self.image = "keyword", kwargs["image"]
            return {"image": image}
        if len(args) != 1 or kwargs:
            raise InvalidTypeError(
                f"The dataset calls its transform with {len(args)} arguments and {sorted(kwargs)}; "
                f"only an image, or an image and a label, can be synthetic. {_OWN}"
            )
        if not isinstance(args[0], (dict, tuple)):
            self.call, self.image = "single", args[0]
            return image
        self.call = "sample"
        self.image, self.label = split(args[0], self.keys, "What the transform is given")
        self.given = join(args[0], self.keys, None, None)
        return join(args[0], self.keys, image, label)


@dataclass(frozen=True)
class Feed:
    """Makes items of one dataset.

    Parameters
    ----------
    dataset : Dataset
        The innermost one. Its transforms are looked up whenever an item is made.
    keys : Keys
    item : Any
        Has the structure of an item.
    hook : {"transforms", "transform", ""}
        Where the transform of the image is; empty if there is none, or the pool has its own.
    call : str
        How that is called: "pair", "keyword", "sample" or "single".
    given : Any
        Has the structure of the sample that it is called with.
    to_target : bool
        Whether labels go through ``target_transform``.
    label : Any
        A raw label whose type the new ones have.
    form : Form or None
        What an image is before the transform; None if the pool has its own transform.
    """

    dataset: Any
    keys: Keys
    item: Any
    hook: Literal["transforms", "transform", ""]
    call: str
    given: Any
    to_target: bool
    label: Any
    form: Form | None

    def make(self, pool: SyntheticPool, pixels: Tensor, label: Any) -> Any:
        """Return the item of a synthetic image of shape (C, H, W)."""
        label = _like_label(label, self.label)
        if self.form is not None:
            image = self.form.make(pixels)
        else:
            image = pixels if pool.transform is None else pool.transform(pixels)
        if self.hook and (transform := getattr(self.dataset, self.hook)) is not None:
            image, label = self._transformed(transform, image, label)
        if self.to_target and self.dataset.target_transform is not None:
            label = self.dataset.target_transform(label)
        return join(self.item, self.keys, image, label)

    def _transformed(self, transform: Any, image: Any, label: Any) -> tuple[Any, Any]:
        if self.call == "pair":
            image, label = transform(image, label)
            return image, label
        if self.call == "keyword":
            return transform(image=image)["image"], label
        if self.call == "sample":
            sample = transform(join(self.given, self.keys, image, label))
            return split(sample, self.keys, "A transformed sample")
        return transform(image), label


def feed_of(dataset: Any, index: int, pool: SyntheticPool, keys: Keys) -> Feed:
    """Return how an innermost dataset makes its items, from one of them.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        If synthetic images cannot go the same way.
    """
    own = pool.transform is not None
    names = [name for name in hooks_of(dataset) if name == "target_transform" or not own]
    recorders = {name: _Recorder(keys) for name in names}
    item = _read(with_hooks(dataset, recorders), index, recorders)
    image, label = split(item, keys, f"Item {index} of {type(dataset).__name__}")
    called = [name for name, recorder in recorders.items() if recorder.calls]
    _check_calls(dataset, image, label, {name: recorders[name] for name in called})
    hook: Literal["transforms", "transform", ""] = ""
    if "transforms" in called or "transform" in called:
        hook = "transforms" if "transforms" in called else "transform"
    seen = recorders[hook] if hook else _Recorder(keys)
    if seen.call in ("pair", "sample"):
        label = seen.label
    elif "target_transform" in called:
        label = recorders["target_transform"].image
    _check_label(dataset, label, pool)
    image = seen.image if hook else image
    if not hook and not own:
        _check_hidden(dataset)
    return Feed(
        dataset,
        keys,
        join(item, keys, None, None),
        hook,
        seen.call,
        seen.given,
        "target_transform" in called,
        label,
        None if own else form_of(image, pool.shape, _REMEDIES, any_size=bool(hook)),
    )


def check_alike(feed: Feed, index: int, pool: SyntheticPool) -> None:
    """Refuse a pool whose items would not mix with those of the dataset.

    Raises
    ------
    InvalidInputError
        If image or label of a real and a synthetic item differ in type, dtype, shape or mode.
    """
    label = next(iter(pool.counts))
    with undisturbed():
        real = split(with_hooks(feed.dataset, {})[index], feed.keys, "An item")
        made = split(feed.make(pool, pool.draw(label, 0.0), label), feed.keys, "A synthetic item")
    for what, one, other in zip(("image", "label"), real, made, strict=True):
        if _describe(one) != _describe(other):
            raise InvalidInputError(
                f"Real and synthetic items cannot be mixed: after the transforms the {what} of a "
                f"real one is {_describe(one)}, that of a synthetic one {_describe(other)}. "
                f"{_REMEDIES.size}"
            )


def _read(probe: Any, index: int, recorders: dict[str, _Recorder]) -> Any:
    try:
        with undisturbed():
            return probe[index]
    except GanaugError:
        raise
    except Exception as error:
        if any(recorder.calls for recorder in recorders.values()):
            raise _processed(probe) from error
        raise


def _processed(dataset: Any) -> InvalidTypeError:
    return InvalidTypeError(
        f"{type(dataset).__name__} goes on processing what its transforms return, so synthetic "
        f"images cannot go the same way. Do that inside the transform. {_OWN}"
    )


def _check_calls(dataset: Any, image: Any, label: Any, called: dict[str, _Recorder]) -> None:
    """Refuse a dataset whose items are not what its transforms return."""
    main = [recorder for name, recorder in called.items() if name != "target_transform"]
    target = called.get("target_transform")
    fine = len(main) <= 1 and all(recorder.calls == 1 for recorder in called.values())
    if fine and main:
        fine = image is main[0].marks[0]
        if main[0].call in ("pair", "sample"):
            fine = fine and label is main[0].marks[1]
    if fine and target is not None:
        fine = label is target.marks[0] and not isinstance(target.image, _Marker)
    if not fine:
        raise _processed(dataset)


def _check_hidden(dataset: Any) -> None:
    """Refuse transforms under other names: synthetic images would miss them unnoticed."""
    for name, value in getattr(dataset, "__dict__", {}).items():
        if callable(value) and type(value).__module__.startswith("torchvision.transforms"):
            raise InvalidTypeError(
                f"{type(dataset).__name__} has transforms in its attribute {name!r}, where they "
                f"cannot be applied to synthetic images: name it 'transform'. {_OWN}"
            )


def _check_label(dataset: Any, label: Any, pool: SyntheticPool) -> None:
    plain, wanted = plain_label(label), next(iter(pool.counts))
    if not isinstance(plain, (int, float, str)):
        raise InvalidTypeError(
            f"The labels of {type(dataset).__name__} must be single values, got "
            f"{_describe(label)}. Take one-hot and other encodings into target_transform."
        )
    if type(plain) is not type(wanted):
        mapping = getattr(dataset, "class_to_idx", {})
        known = ".class_to_idx" if wanted in mapping else "..."
        raise InvalidInputError(
            f"The labels of the dataset are like {plain!r}, those of the pool like {wanted!r}. "
            f"Translate them: pool.relabel({'dataset' if mapping else ''}{known})."
        )


def _like_label(label: Any, example: Any) -> Any:
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
