"""``load_images``: read a folder or a dataset of images into arrays."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from tqdm.auto import tqdm

from ganaug.errors import (
    ConfigError,
    InvalidInputError,
    InvalidTypeError,
    MemoryBudgetError,
    Remedy,
    did_you_mean,
    warn,
)
from ganaug.images.options import MAX_CHANNELS
from ganaug.pool import plain_label
from ganaug.vision._sources import (
    Keys,
    check_dataset,
    preserved_random_states,
    split_item,
    targets_of,
    unwrap,
    without_transforms,
)
from ganaug.vision.folders import UNREADABLE, open_folder

Pixels = NDArray[Any]

MIN_ALLOWED = 10
"""Unreadable files that ``errors="skip"`` always tolerates.

In a small folder, 1% would be less than one file.
"""


def load_images(
    source: Any,
    *,
    resize: int | tuple[int, int] | None = None,
    errors: Literal["raise", "skip"] = "raise",
    max_skipped: int | None = None,
    limit: int | None = None,
    image_key: str = "image",
    label_key: str = "label",
    progress: bool = True,
) -> tuple[Pixels, Pixels]:
    """Read the images of a folder or a dataset into arrays, without applying transforms.

    Parameters
    ----------
    source : path or map-style dataset
        A folder with one folder of images per class, or a dataset such as ``ImageFolder``,
        ``CIFAR10``, ``MNIST``, a (nested) ``Subset`` of one, or your own class, whose items are
        PIL images or uint8 arrays with labels. The dataset is not changed and its transforms are
        not applied.
    resize : int or (height, width), optional
        Size to which each image is resized (bicubic, without keeping proportions). An int gives
        squares. By default, all images must have one size.
    errors : {"raise", "skip"}, default="raise"
        "raise" raises an error for a file that cannot be decoded. "skip" leaves such files out and
        warns at the end.
    max_skipped : int, optional
        Number of unreadable files above which an error is raised in spite of ``errors="skip"``.
        Default: 10 or 1% of the images, whichever is more.
    limit : int, optional
        Maximal number of images of each class; the first ones are read. Classes with fewer images
        are read completely.
    image_key, label_key : str, default="image", "label"
        Keys of image and label in items that are mappings.
    progress : bool, default=True
        Whether to show a progress bar.

    Returns
    -------
    X : ndarray of shape (n, H, W) or (n, H, W, C)
        uint8, or uint16 for images of 16 bits. Palette images become RGB, or RGBA if they are
        transparent; CMYK becomes RGB.
    y : ndarray of shape (n,)
        Class names for a folder. For a dataset its own labels before ``target_transform``, so that
        a pool made from them fits the dataset.

    Raises
    ------
    InvalidInputError
        If images differ in size or number of channels, a file cannot be read or is a decompression
        bomb (which is never decoded), or the source has no images. The message names the file.
    InvalidTypeError
        If an item is neither a PIL image nor an array of 8 or 16 bits.
    MemoryBudgetError
        If the array would take more than half of the free memory.
    ConfigError
        If an option has an invalid value.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from ganaug.vision import load_images
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("cat", "owl"):
    ...         (Path(folder) / name).mkdir()
    ...         Image.new("RGB", (8, 8)).save(Path(folder) / name / "1.png")
    ...     X, y = load_images(folder, progress=False)
    >>> X.shape, X.dtype, y.tolist()
    ((2, 8, 8, 3), dtype('uint8'), ['cat', 'owl'])
    """
    size = _check_size(resize)
    _check_options(errors, max_skipped, limit)
    folder = isinstance(source, (str, os.PathLike))
    dataset = open_folder(Path(source)) if folder else source
    n = check_dataset(dataset, "source")
    allowed = max(MIN_ALLOWED, n // 100) if max_skipped is None else max_skipped
    reader = _Reader(dataset, Keys(image_key, label_key), size, errors == "skip", allowed)
    with warnings.catch_warnings(), preserved_random_states():
        # PIL only warns of images of one to two times its limit; no such file is decoded either.
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        X, labels = _collect(reader, limit, progress)
    if reader.skipped:
        warn(f"{len(reader.skipped)} image(s) cannot be read, left out: {_some(reader.skipped)}.")
    return X, np.asarray([dataset.classes[label] for label in labels] if folder else labels)


class _Reader:
    """Reader of untransformed items that collects unreadable ones and names files in errors."""

    def __init__(
        self, dataset: Any, keys: Keys, size: tuple[int, int] | None, skip: bool, allowed: int
    ) -> None:
        self.dataset, self.keys, self.size = dataset, keys, size
        self.skip, self.allowed = skip, allowed
        self.skipped: list[str] = []
        # Copies of the innermost datasets without transforms, by the id of the dataset.
        self._untransformed: dict[int, Any] = {}
        self._first: tuple[str, tuple[int, ...], np.dtype[Any]] | None = None

    def read(self, index: int) -> tuple[Pixels, Any] | None:
        """Return pixels and label of an item; None if it is left out."""
        inner, position = unwrap(self.dataset, index)
        if id(inner) not in self._untransformed:
            self._untransformed[id(inner)] = without_transforms(inner)
        name = _name(inner, position)
        try:
            image, label = split_item(self._untransformed[id(inner)][position], self.keys, name)
            if isinstance(image, Image.Image):
                image.load()
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise InvalidInputError(
                f"{name} was not decoded: {error}",
                remedy=Remedy(
                    "Remove it, or make it smaller; if you trust it, raise "
                    "PIL.Image.MAX_IMAGE_PIXELS.",
                    "shrink",
                ),
            ) from None
        except UNREADABLE as error:
            self._skip(name, error)
            return None
        pixels = _pixels(image, self.size, name)
        self._check_alike(name, pixels)
        return pixels, _check_label(label, name)

    def _skip(self, name: str, error: Exception) -> None:
        if not self.skip:
            raise InvalidInputError(
                f"{name} cannot be read: {error}.",
                remedy=Remedy('Repair or remove it, or pass errors="skip".', "skip"),
            ) from error
        self.skipped.append(f"{name} ({error})")
        if len(self.skipped) > self.allowed:
            raise InvalidInputError(
                f"More than {self.allowed} images cannot be read: {_some(self.skipped)}.",
                remedy=Remedy("Repair or remove them, or raise max_skipped.", "repair"),
            ) from error

    def _check_alike(self, name: str, pixels: Pixels) -> None:
        if self._first is None:
            self._first = name, pixels.shape, pixels.dtype
        first, shape, dtype = self._first
        if pixels.shape[2:] != shape[2:] or pixels.dtype != dtype:
            raise InvalidInputError(
                f"The images differ in their channels: {first} has {_kind(shape, dtype)}, {name} "
                f"has {_kind(pixels.shape, pixels.dtype)}.",
                remedy=Remedy(
                    "Convert all to one mode; torchvision.datasets.ImageFolder as the source makes "
                    "RGB of every file.",
                    "rgb",
                ),
            )
        if pixels.shape != shape:
            height, width = shape[:2]
            raise InvalidInputError(
                f"The images differ in size: {first} is {height}x{width} (height x width), "
                f"{name} is {pixels.shape[0]}x{pixels.shape[1]}.",
                remedy=Remedy(
                    f"Pass resize=({height}, {width}) or another size.", "resize", (height, width)
                ),
            )


def _collect(reader: _Reader, limit: int | None, progress: bool) -> tuple[Pixels, list[Any]]:
    """Return all images as one array, and their labels."""
    chosen, exact = _choose(reader.dataset, limit)
    X: Pixels | None = None
    labels: list[Any] = []
    counts: Counter[Any] = Counter()
    for index in tqdm(chosen, desc="reading images", disable=not progress):
        if (item := reader.read(index)) is None:
            continue
        pixels, label = item
        if limit is not None and counts[label] == limit:
            continue
        if X is None:  # the first image gives shape and dtype
            X = _allocate(len(chosen), pixels, exact)
        X[len(labels)] = pixels
        labels.append(label)
        counts[label] += 1
    if X is None:
        raise InvalidInputError(f"No image can be read: {_some(reader.skipped)}.")
    return X[: len(labels)], labels


def _choose(dataset: Any, limit: int | None) -> tuple[Sequence[int], bool]:
    """Return the indices to read, and whether all of these items will be kept.

    Without known labels, all items are read and those above the limit are dropped.
    """
    everything = range(len(dataset))
    if limit is None:
        return everything, True
    if (labels := targets_of(dataset)) is None:
        return everything, False
    counts: Counter[Any] = Counter()
    chosen = []
    for index, label in enumerate(labels):
        counts[label] += 1
        if counts[label] <= limit:
            chosen.append(index)
    return chosen, True


def _allocate(n: int, pixels: Pixels, exact: bool) -> Pixels:
    """Return an empty array for ``n`` images like ``pixels``.

    The operating system provides memory only for the part that is written. If fewer than ``n``
    images are kept, the size is therefore not checked.
    """
    from ganaug.runtime.memory import check_budget, readable

    size, budget = n * pixels.nbytes, check_budget("auto")
    if exact and size > budget:
        raise MemoryBudgetError(
            f"{n:,} images of {'x'.join(map(str, pixels.shape))} need {readable(size)}, more than "
            f"half of the free memory ({readable(budget)}).",
            remedy=Remedy("Pass limit= or a smaller resize=.", "smaller"),
        )
    return np.empty((n, *pixels.shape), pixels.dtype)


def _pixels(image: Any, size: tuple[int, int] | None, name: str) -> Pixels:
    """Return an image as an array of shape (H, W) or (H, W, C)."""
    if not isinstance(image, Image.Image):
        array = _array(image, name)
        if size is None:
            return array
        if array.ndim == 3 and array.dtype != np.uint8:
            raise InvalidTypeError(f"{name} has 16 bits and channels: resize it beforehand.")
        image = Image.fromarray(array)
    image = _plain_mode(image, name)
    if size is not None:
        image = image.resize(size[::-1], Image.Resampling.BICUBIC)  # PIL has the width first
    if image.mode == "I" or image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)  # mode I has 32 bits
    return np.asarray(image)


def _plain_mode(image: Image.Image, name: str) -> Image.Image:
    """Return a PIL image in a mode whose values are brightness: gray, RGB, or these with alpha."""
    mode = image.mode
    if mode in ("L", "LA", "RGB", "RGBA") or mode.startswith("I;16"):
        return image
    if mode == "I":  # older versions of Pillow read 16-bit files in this mode
        values = np.asarray(image)
        if values.min() >= 0 and values.max() < 2**16:
            return image
    if mode in ("P", "PA"):  # values of a palette image are indices of colours
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    other = {"1": "L", "CMYK": "RGB", "YCbCr": "RGB", "La": "LA", "RGBa": "RGBA"}
    if mode not in other:
        raise InvalidTypeError(
            f"{name} has mode {mode!r}.",
            remedy=Remedy('Convert it, for instance with image.convert("RGB").', "rgb"),
        )
    return image.convert(other[mode])


def _array(image: Any, name: str) -> Pixels:
    """Return an array or tensor as an array of shape (H, W) or (H, W, C)."""
    tensor = isinstance(image, torch.Tensor)
    array = image.detach().cpu().numpy() if tensor else image
    if not isinstance(array, np.ndarray) or array.dtype not in (np.uint8, np.uint16):
        kind = getattr(array, "dtype", type(array).__name__)
        raise InvalidTypeError(
            f"{name} must be a PIL image, or an array or tensor of uint8 or uint16, got {kind}. "
            "Transforms in the dataset's attributes transform and transforms are not applied; "
            "remove all others."
        )
    # Tensors have channels first, and so have arrays whose last axis is too long for channels.
    if array.ndim == 3 and (tensor or array.shape[2] > MAX_CHANNELS):
        array = array.transpose(1, 2, 0)
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] > MAX_CHANNELS):
        raise InvalidTypeError(
            f"{name} must have the shape (H, W), (C, H, W) or (H, W, C) with 1 to {MAX_CHANNELS} "
            f"channels, got {tuple(image.shape)}."
        )
    return array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array


def _check_label(label: Any, name: str) -> Any:
    plain = plain_label(label)
    if not isinstance(plain, (int, str)):
        raise InvalidTypeError(
            f"The label of {name} must be an integer or a string, got {type(label).__name__}. "
            "Set label_key, or wrap the dataset."
        )
    return plain


def _name(dataset: Any, index: int) -> str:
    """Return the file of an item if the dataset lists its files, otherwise a description."""
    files = getattr(dataset, "samples", None)
    if isinstance(files, list) and index < len(files) and isinstance(files[index], tuple):
        return str(files[index][0])
    return f"Image {index} of {type(dataset).__name__}"


def _kind(shape: tuple[int, ...], dtype: np.dtype[Any]) -> str:
    channels = shape[2] if len(shape) == 3 else 1
    names = {1: "1 channel (gray)", 2: "2 (gray, alpha)", 3: "3 (RGB)", 4: "4 (RGB, alpha)"}
    return f"{names[channels]} of {dtype}"


def _some(names: list[str]) -> str:
    return "; ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _check_size(resize: Any) -> tuple[int, int] | None:
    if resize is None:
        return None
    both = (resize, resize) if isinstance(resize, (int, np.integer)) else resize
    whole = isinstance(both, (tuple, list)) and all(isinstance(v, (int, np.integer)) for v in both)
    if not whole or len(both) != 2 or not all(v > 0 for v in both) or isinstance(resize, bool):
        raise ConfigError(f"resize must be a positive integer or (height, width), got {resize!r}.")
    return int(both[0]), int(both[1])


def _check_options(errors: Any, max_skipped: Any, limit: Any) -> None:
    if errors not in ("raise", "skip"):
        known = did_you_mean(str(errors), ["raise", "skip"])
        raise ConfigError(f"errors={errors!r} is not possible; {known}")
    for name, value, least in (("max_skipped", max_skipped, 0), ("limit", limit, 1)):
        whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        if value is not None and not (whole and value >= least):
            raise ConfigError(f"{name} must be a whole number from {least} up, got {value!r}.")
