"""``ReplaceRare``: a torchvision transform that swaps images of rare classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from ganaug.errors import ConfigError, InvalidInputError, InvalidTypeError
from ganaug.pool import SyntheticPool, plain_label
from ganaug.runtime.privates import flatten_tree, unflatten_tree
from ganaug.runtime.rng import seed_from
from ganaug.vision._forms import Remedies, form_of
from ganaug.vision._stream import Stream

# In the order of preference, if a mapping has several of them.
_LABEL_KEYS = ("labels", "label", "targets", "target", "class", "y")
_ANNOTATIONS = tuple(
    getattr(tv_tensors, name)
    for name in ("BoundingBoxes", "Mask", "KeyPoints", "Video")
    if hasattr(tv_tensors, name)  # the oldest torchvision has no KeyPoints
)


class ReplaceRare(v2.Transform):
    """Transform that randomly swaps images of rare classes for synthetic ones of the same class.

    The label and the type of the image stay the same. Samples are ``(image, label)``,
    ``{"image": image, "label": label}`` or batches that a ``DataLoader`` collated from them.
    Images are PIL images, uint8 tensors, ``tv_tensors.Image``, or floats in [0, 1] as
    ``v2.ToDtype(torch.float32, scale=True)`` and ``ToTensor`` return them. Labels are integers,
    strings or tensors.

    In a ``v2.Compose``, place it before ``v2.Normalize``, ``v2.MixUp`` and ``v2.CutMix``.
    Datasets such as ``ImageFolder``, ``CIFAR10`` or ``MNIST`` do not pass the label to their
    transform. Wrap them in an :class:`AugmentedDataset` instead, or apply ReplaceRare to batches.

    Parameters
    ----------
    pool : SyntheticPool
        The synthetic images.
    p : float, default=0.5
        Probability that an image of one of the classes is swapped.
    classes : sequence of labels, optional
        Classes to swap. Default: all classes of the pool.
    labels_getter : "default" or callable, default="default"
        Function that returns the label of a sample. The default takes the second item of a tuple or
        list, or the entry of a mapping whose key is ``labels``, ``label``, ``targets``, ``target``,
        ``class`` or ``y``, or contains ``label``.
    seed : int or None, default=0
        Seed of the transform's own random stream; None draws a new one. See Notes.

    Raises
    ------
    ConfigError, InvalidTypeError
        If an option has an invalid value.
    InvalidInputError, InvalidTypeError
        When a sample has no image or label, its label is mixed (after MixUp), or its image has
        another size or scale than those of the pool.

    Notes
    -----
    The global random states are neither read nor changed. In the main process the stream depends
    on ``seed`` only. In a worker of a ``DataLoader`` it depends on ``seed`` and on the seed that
    the loader gave to the worker, so workers and epochs differ, and a loader with a seeded
    ``generator`` is repeatable.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from torchvision.transforms import v2
    >>> from ganaug.pool import SyntheticPool
    >>> from ganaug.vision import ReplaceRare
    >>> pool = SyntheticPool(np.full((5, 3, 8, 8), 200, np.uint8), [1] * 5)
    >>> pipeline = v2.Compose([ReplaceRare(pool, p=1.0), v2.RandomHorizontalFlip()])
    >>> image, label = pipeline(torch.zeros(3, 8, 8, dtype=torch.uint8), 1)
    >>> int(image.max()), label
    (200, 1)

    It takes batches, too; this one has one image of the rare class:

    >>> images, labels = ReplaceRare(pool, p=1.0)(torch.zeros(2, 3, 8, 8), torch.tensor([0, 1]))
    >>> images.amax((1, 2, 3)).round(decimals=3), labels
    (tensor([0.0000, 0.7840]), tensor([0, 1]))
    """

    def __init__(
        self,
        pool: SyntheticPool,
        p: float = 0.5,
        *,
        classes: Sequence[Any] | None = None,
        labels_getter: str | Callable[[Any], Any] = "default",
        seed: int | None = 0,
    ) -> None:
        super().__init__()
        self.pool = check_pool(pool)
        self.p = check_probability(p)
        self.classes = list(pool.counts) if classes is None else _check_classes(classes, pool)
        if labels_getter != "default" and not callable(labels_getter):
            raise ConfigError(
                f'labels_getter must be "default" or callable, got {labels_getter!r}.'
            )
        self.labels_getter = labels_getter
        self.seed = seed_from(seed)
        self._stream = Stream(self.seed, "ReplaceRare")
        self._has_checked_image = False

    def forward(self, *inputs: Any) -> Any:
        """Return the sample, or a copy with a synthetic image of the same class.

        Parameters
        ----------
        *inputs : Any
            A sample or batch, in one or several arguments.

        Returns
        -------
        Any
            A sample of the same structure and types. The input is not changed.
        """
        if not inputs:
            raise InvalidInputError("ReplaceRare needs a sample (image, label), got nothing.")
        sample = inputs if len(inputs) > 1 else inputs[0]
        label = self.labels_getter(sample) if callable(self.labels_getter) else _find_label(sample)
        labels, batched = _check_labels(label)
        leaves, structure = flatten_tree(sample)
        position = _find_image(leaves, label)
        image = leaves[position]
        new = self._swap_some(image, labels) if batched else self._swap(image, labels[0])
        if new is None:
            return sample
        leaves[position] = new
        return unflatten_tree(leaves, structure)

    def _swap(self, image: Any, label: Any) -> Any:
        """Return an image to replace ``image``, or None to keep it."""
        # Two numbers are drawn for each image of any class, so labels do not shift the stream.
        coin, u = self._stream.generator().random(2)
        swapped = coin < self.p and label in self.classes
        if not swapped and self._has_checked_image:
            return None
        # The first image is checked even if it stays: a transform in the wrong place of a pipeline
        # then fails at once, not when the first rare image is swapped.
        self._has_checked_image = True
        form = form_of(image, self.pool.shape, self._remedies())
        return form.make(self.pool.draw(label, u)) if swapped else None

    def _swap_some(self, images: Any, labels: list[Any]) -> Any:
        """Return a batch with some images replaced, or None to keep it."""
        if not isinstance(images, Tensor) or images.ndim < 3 or len(images) != len(labels):
            found = tuple(images.shape) if isinstance(images, Tensor) else type(images).__name__
            raise InvalidInputError(
                f"There are {len(labels)} labels, and the image is {found}. A batch needs as many "
                "images as labels; a single image needs one label, not a vector. If the label is "
                "one-hot or mixed, place ReplaceRare before the transform that does that (MixUp, "
                "CutMix)."
            )
        plain = images.as_subclass(Tensor)
        new = [self._swap(image, label) for image, label in zip(plain, labels, strict=True)]
        if all(image is None for image in new):
            return None
        result = plain.clone()
        for i, image in enumerate(new):
            if image is not None:
                result[i] = image
        return tv_tensors.wrap(result, like=images) if type(images) is not Tensor else result

    def _remedies(self) -> Remedies:
        _, height, width = self.pool.shape
        return Remedies(
            "Place ReplaceRare where images have the size they had at fit: before v2.Resize and "
            f"crops, or after v2.Resize(({height}, {width})). Or fit the augmenter on images of "
            "this size, with ImageOptions(resize=...).",
            "Place ReplaceRare before v2.Normalize and all other transforms that change the "
            "values; only v2.ToDtype(torch.float32, scale=True) may come first.",
        )

    def extra_repr(self) -> str:
        """Return the description that ``repr`` shows."""
        return f"{self.pool!r}, p={self.p}, classes={self.classes[:10]}, seed={self.seed}"


def check_pool(pool: Any) -> SyntheticPool:
    """Return the pool.

    Raises
    ------
    InvalidTypeError
        If it is not a `SyntheticPool`.
    """
    if not isinstance(pool, SyntheticPool):
        raise InvalidTypeError(
            f"pool must be a SyntheticPool, got {type(pool).__name__}. Make one with "
            "GANAugmenter.make_pool, or read one with SyntheticPool.load."
        )
    return pool


def check_probability(p: Any) -> float:
    """Return a probability as a float.

    Raises
    ------
    ConfigError
        If it is not a number in [0, 1].
    """
    if isinstance(p, bool) or not isinstance(p, (int, float, np.number)) or not 0 <= p <= 1:
        raise ConfigError(f"p must be a probability in [0, 1], got {p!r}.")
    return float(p)


def _check_classes(classes: Any, pool: SyntheticPool) -> list[Any]:
    if isinstance(classes, str) or not isinstance(classes, (Sequence, set, np.ndarray, Tensor)):
        raise ConfigError(f"classes must be a sequence of labels, got {classes!r}.")
    chosen = [plain_label(label) for label in classes]
    for label in chosen:
        if label not in pool.counts:
            from ganaug.data.labels import unknown_class

            raise ConfigError(f"classes: {unknown_class(label, pool.counts)}")
    return chosen


def _find_label(sample: Any) -> Any:
    """Return the label of a sample, the default of ``labels_getter``."""
    if isinstance(sample, (tuple, list)) and len(sample) >= 2:
        sample = sample[1]
        if not isinstance(sample, Mapping):
            return sample
    if isinstance(sample, Mapping):
        lower = {str(key).lower(): key for key in sample}
        known = [lower[name] for name in _LABEL_KEYS if name in lower]
        known = known or [key for name, key in lower.items() if "label" in name]
        if len(known) == 1 or (known and str(known[0]).lower() in _LABEL_KEYS):
            return sample[known[0]]
    raise InvalidInputError(
        f"ReplaceRare finds no label in {_describe(sample)}. It needs (image, label) or a mapping "
        "with a key such as 'label'; for other samples set labels_getter. Datasets such as "
        "ImageFolder, CIFAR10 and MNIST do not pass the label to their transform: use "
        "ganaug.vision.AugmentedDataset."
    )


def _describe(sample: Any) -> str:
    if isinstance(sample, Mapping):
        return f"a mapping with the keys {list(sample)[:10]}"
    return f"a sample of type {type(sample).__name__}"


def _find_image(leaves: list[Any], label: Any) -> int:
    """Return the position of the image among the leaves of a sample."""
    for leaf in leaves:
        if isinstance(leaf, _ANNOTATIONS):
            raise InvalidTypeError(
                f"The sample has a {type(leaf).__name__}, which would not fit a synthetic image. "
                "ReplaceRare is for images with only a label."
            )
    found = [i for i, x in enumerate(leaves) if isinstance(x, (Image.Image, tv_tensors.Image))]
    if not found:
        found = [
            i
            for i, x in enumerate(leaves)
            # A batch of one-hot labels is a tensor of two dimensions, too.
            if isinstance(x, Tensor) and x is not label and x.ndim >= 2
        ]
    if len(found) != 1:
        raise InvalidInputError(
            f"ReplaceRare needs a sample with one image (PIL or a tensor), got one with "
            f"{len(found)}. Batches are tensors, not lists. If there are other tensors, make the "
            "image a tv_tensors.Image."
        )
    return found[0]


def _check_labels(label: Any) -> tuple[list[Any], bool]:
    """Return plain labels, and whether they belong to a batch."""
    if isinstance(label, (Tensor, np.ndarray)):
        if label.ndim > 1 or "float" in str(label.dtype):
            raise InvalidInputError(
                f"The labels have shape {tuple(label.shape)} and dtype {label.dtype}, as after "
                "MixUp or CutMix, where an image belongs to several classes. Place ReplaceRare "
                "before MixUp and CutMix: it needs one class for each image, as a whole number."
            )
        return (label.tolist(), True) if label.ndim else ([label.item()], False)
    if isinstance(label, (list, tuple)):
        return [plain_label(item) for item in label], True
    label = plain_label(label)
    if not isinstance(label, (int, str)):
        raise InvalidTypeError(
            f"The label must be an integer, a string or a tensor, got {type(label).__name__}. Set "
            "labels_getter if the label is elsewhere in the sample."
        )
    return [label], False
