"""``SyntheticPool``: synthetic images that are generated in advance, for data pipelines.

Workers of a DataLoader cannot run a generator: CUDA does not work in forked processes, and on the
CPU a generator is fifty times slower than reading memory. Workers therefore share one block of
ready images.

Spawned workers import this module again. Imports that only files and messages need are inside
functions, since scikit-learn and pandas would double the time that a worker takes to start.
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
import os
from bisect import bisect_right
from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.utils.data import Dataset

from ganaug.errors import ArtifactError, InvalidInputError, InvalidTypeError, warn
from ganaug.images.options import MAX_CHANNELS
from ganaug.storage.files import replacing

FORMAT = 1
"""Version of the file format, written into files and checked when one is read."""
_KIND = "ganaug.SyntheticPool"


class SyntheticPool(Dataset[tuple[Any, Any]]):
    """Dataset of ready synthetic images on the CPU, for data pipelines.

    ``GANAugmenter.make_pool`` returns one. It is a map-style torch dataset of ``(image, label)``,
    so ``DataLoader`` and ``ConcatDataset`` accept it. The images are in shared memory, where
    workers, forked or spawned, read them.

    Parameters
    ----------
    images : ndarray or Tensor of shape (n, C, H, W), uint8
        Images with 1 to 4 channels. They are copied.
    labels : array-like of shape (n,)
        Labels of the images: integers, strings, or other sortable values of one type.
    classes : sequence, optional
        All labels in any order, or class names if the labels are positions in this sequence, as in
        torchvision. Default: the labels that occur, sorted.
    transform : callable, optional
        Function of a uint8 tensor of shape (C, H, W), applied to each image on indexing.

    Attributes
    ----------
    images : Tensor of shape (n, C, H, W), uint8
        Sorted by class; within a class in the order of the input.
    counts : dict of label to number of images

    Raises
    ------
    InvalidTypeError
        If the images are not uint8, or the labels have several types.
    InvalidInputError
        If shapes or lengths do not match, there is no image, or ``classes`` lacks a label.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.pool import SyntheticPool
    >>> images = np.arange(3 * 16, dtype=np.uint8).reshape(3, 1, 4, 4)
    >>> pool = SyntheticPool(images, ["owl", "cat", "owl"])
    >>> pool
    SyntheticPool(3 images of 1x4x4, {'cat': 1, 'owl': 2}, 48 B)
    >>> image, label = pool[0]
    >>> label, tuple(image.shape), int(image[0, 0, 0])
    ('cat', (1, 4, 4), 16)
    >>> int(pool.draw("owl", 0.0)[0, 0, 0]), int(pool.draw("owl", 0.99)[0, 0, 0])
    (0, 32)
    >>> pool.relabel({"cat": 3, "owl": 7}).targets
    [3, 7, 7]
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pool.save(f"{folder}/birds.pool")
    ...     SyntheticPool.load(f"{folder}/birds.pool").counts
    {'cat': 1, 'owl': 2}
    """

    def __init__(
        self,
        images: NDArray[np.uint8] | Tensor,
        labels: Any,
        classes: Sequence[Any] | None = None,
        *,
        transform: Callable[[Tensor], Any] | None = None,
    ) -> None:
        array = _check_images(images)
        plain, present = _check_labels(labels, len(array))
        codes = {label: code for code, label in enumerate(present)}
        # Stable, so that images of a class keep the order of the input.
        order = np.argsort([codes[label] for label in plain], kind="stable")
        self.classes = list(present) if classes is None else _check_classes(classes, present)
        self.transform = transform
        self.counts = dict.fromkeys(present, 0)
        for label in plain:
            self.counts[label] += 1
        # Positions at which classes start, for the label of a position and the images of a class.
        self._starts = [0, *accumulate(self.counts.values())]
        self._codes, self._labels = codes, present
        self.images = _allocate(array.shape)
        # With mode="raise", numpy would first copy the result into a buffer as large as `out`.
        np.take(array, order, axis=0, out=self.images.numpy(), mode="clip")

    @property
    def targets(self) -> list[Any]:
        """Labels of all images in order, for instance for ``WeightedRandomSampler``."""
        return [label for label, count in self.counts.items() for _ in range(count)]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of each image."""
        channels, height, width = self.images.shape[1:]
        return channels, height, width

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the images take."""
        return self.size(len(self), self.shape)

    @staticmethod
    def size(n_images: int, shape: Sequence[int]) -> int:
        """Return the bytes that ``n_images`` of ``shape`` (C, H, W) will take.

        Examples
        --------
        >>> from ganaug.pool import SyntheticPool
        >>> SyntheticPool.size(1000, (3, 32, 32))
        3072000
        """
        return int(n_images) * math.prod(int(side) for side in shape)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """Return an image of shape (C, H, W) and its label; ``transform`` is applied if set.

        The image is a copy, so that changes in place do not affect the pool.
        """
        position = int(index)
        if not -len(self) <= position < len(self):
            raise IndexError(f"index {position} is out of range: the pool has {len(self)} images.")
        position %= len(self)
        image: Any = self.images[position].clone()
        if self.transform is not None:
            image = self.transform(image)
        return image, self.label(position)

    def label(self, position: int) -> Any:
        """Return the label of the image at a position that is not negative."""
        return self._labels[bisect_right(self._starts, position) - 1]

    def draw(self, label: Any, u: float) -> Tensor:
        """Return the image at quantile ``u`` of a class. A random ``u`` gives a random image.

        The result depends only on the arguments. ``transform`` is not applied.

        Parameters
        ----------
        label : hashable
        u : float in [0, 1)

        Returns
        -------
        Tensor of shape (C, H, W), uint8
            A copy of the image.

        Raises
        ------
        InvalidInputError
            If the pool has no image of this class, or ``u`` is out of range.
        """
        if not 0 <= u < 1:
            raise InvalidInputError(f"u must be in [0, 1), got {u!r}.")
        key = plain_label(label)
        code = self._codes.get(key) if isinstance(key, Hashable) else None
        if code is None:
            from ganaug.data.labels import unknown_class

            raise InvalidInputError(unknown_class(key, self.counts))
        start, end = self._starts[code : code + 2]
        # u is at most 1 - 2**-53, so the product stays below the count even after rounding.
        return self.images[start + int(float(u) * (end - start))].clone()

    def with_transform(self, transform: Callable[[Tensor], Any] | None) -> SyntheticPool:
        """Return a pool with another transform, which shares the memory of the images."""
        clone = copy.copy(self)
        clone.transform = transform
        return clone

    def relabel(
        self, mapping: Mapping[Any, Any], classes: Sequence[Any] | None = None
    ) -> SyntheticPool:
        """Return a copy with other labels, such as the class numbers of a dataset.

        Parameters
        ----------
        mapping : mapping of label to label
            New label for each label of the pool, such as ``ImageFolder.class_to_idx``.
        classes : sequence, optional
            As in the constructor.

        Returns
        -------
        SyntheticPool

        Raises
        ------
        InvalidInputError
            If ``mapping`` lacks a label of the pool.
        """
        if missing := [label for label in self.counts if label not in mapping]:
            raise InvalidInputError(f"The mapping lacks the label(s) {missing[:5]} of the pool.")
        labels = [mapping[label] for label in self.targets]
        return SyntheticPool(self.images, labels, classes, transform=self.transform)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save the pool as one file. An existing file is replaced.

        The file has the safetensors format, which cannot contain code. If saving fails, no
        incomplete file is left. ``transform`` is not saved.

        Parameters
        ----------
        path : str or path-like

        Raises
        ------
        ArtifactError
            If the file cannot be written, or a label has a type that cannot be stored.
        """
        from ganaug.storage.artifact import tag

        document = {
            "kind": _KIND,
            "format": FORMAT,
            "labels": [tag(label) for label in self.counts],
            "counts": list(self.counts.values()),
            "classes": [tag(label) for label in self.classes],
        }
        text = json.dumps(document, sort_keys=True)
        metadata = {"ganaug": text, "sha256": _digest(text, self.images)}
        target = Path(path)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with replacing(target) as temporary:
                save_file({"images": self.images}, temporary, metadata)
        except (OSError, SafetensorError) as error:
            raise ArtifactError(f"The pool cannot be saved to {target}: {error}.") from error

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> SyntheticPool:
        """Load a pool from a file that :meth:`save` wrote.

        Parameters
        ----------
        path : str or path-like

        Returns
        -------
        SyntheticPool

        Raises
        ------
        ArtifactError
            If the file is missing, damaged, not a pool, or of a newer format.
        """
        source = Path(path)
        try:
            with safe_open(source, framework="pt") as file:
                metadata = file.metadata() or {}
                document = _read_document(metadata, source)
                if file.get_slice("images").get_dtype() != "U8":
                    raise ArtifactError(f"{source} does not hold images of 8 bits.")
                images = file.get_tensor("images")
        except (OSError, SafetensorError) as error:
            raise ArtifactError(f"No pool can be read from {source}: {error}.") from None
        if _digest(metadata["ganaug"], images) != metadata.get("sha256"):
            raise ArtifactError(f"{source} is damaged: its checksum does not match.")
        try:
            labels, classes = _read_labels(document, len(_check_images(images)))
            return cls(images, labels, classes)
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError(f"{source} does not describe a pool: {error}") from None

    def __repr__(self) -> str:
        from ganaug.runtime.memory import readable

        shape = "x".join(map(str, self.shape))
        counts = str(self.counts) if len(self.counts) <= 10 else f"{len(self.counts)} classes"
        return f"SyntheticPool({len(self):,} images of {shape}, {counts}, {readable(self.nbytes)})"


def plain_label(label: Any) -> Any:
    """Return a label as a plain Python value, the form in which a pool stores it."""
    scalar = isinstance(label, (np.generic, np.ndarray, Tensor)) and label.ndim == 0
    return label.item() if scalar else label


def _check_images(images: Any) -> NDArray[np.uint8]:
    array = images.detach().cpu().numpy() if isinstance(images, Tensor) else images
    if not isinstance(array, np.ndarray):
        raise InvalidTypeError(f"images must be an array or a tensor, got {type(array).__name__}.")
    if array.dtype != np.uint8:
        raise InvalidTypeError(
            f"images must be uint8, got {array.dtype}: scale them to 0..255, round, and convert."
        )
    shape = array.shape
    if array.ndim != 4 or not 1 <= shape[1] <= MAX_CHANNELS:
        hint = " Add the axis of the channel: images[:, None]." if array.ndim == 3 else ""
        if array.ndim == 4 and shape[3] <= MAX_CHANNELS:
            hint = " Move the channels to axis 1: images.transpose(0, 3, 1, 2)."
        raise InvalidInputError(
            f"images must have the shape (n, C, H, W) with 1 to {MAX_CHANNELS} channels C, got "
            f"{shape}.{hint}"
        )
    if 0 in shape:
        raise InvalidInputError(f"A pool needs at least one image, got the shape {shape}.")
    return array


def _check_labels(labels: Any, n: int) -> tuple[list[Any], list[Any]]:
    """Return the label of each image, and the distinct labels in order."""
    listed = labels.tolist() if hasattr(labels, "tolist") else list(labels)
    if not isinstance(listed, list) or len(listed) != n:
        found = len(listed) if isinstance(listed, list) else "a single one"
        raise InvalidInputError(f"There must be one label per image: {n}, got {found}.")
    plain = [plain_label(label) for label in listed]
    kinds = {type(label) for label in plain}
    if len(kinds) > 1 or not all(issubclass(kind, Hashable) for kind in kinds):
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise InvalidTypeError(f"Labels must be single values of one type, got {names}.")
    if any(label is None or label != label for label in plain):  # only NaN differs from itself
        raise InvalidInputError("Labels must not be missing (None or NaN).")
    try:
        return plain, sorted(set(plain))
    except TypeError as error:
        raise InvalidTypeError(f"Labels must be sortable: {error}.") from None


def _check_classes(classes: Sequence[Any], present: list[Any]) -> list[Any]:
    plain = [plain_label(label) for label in classes]
    missing = [label for label in present if label not in plain]
    # Otherwise the entries are names, as in torchvision's datasets: label 3 is named classes[3].
    if missing and not all(type(k) is int and 0 <= k < len(plain) for k in present):
        raise InvalidInputError(
            f"classes contains neither the labels {missing[:5]} nor names at these positions; it "
            f"has {len(plain)} entries."
        )
    if any(label in plain[:i] for i, label in enumerate(plain)):
        raise InvalidInputError(f"classes names a class twice: {plain[:20]}.")
    return plain


def _allocate(shape: tuple[int, ...]) -> Tensor:
    """Return an empty tensor in shared memory, or in ordinary memory if there is too little."""
    empty = torch.empty(shape, dtype=torch.uint8)
    try:
        return empty.share_memory_()
    except RuntimeError as error:
        from ganaug.runtime.memory import readable

        warn(
            f"There is too little shared memory for the {readable(empty.nbytes)} of the pool, so "
            "it is in ordinary memory, which spawned workers cannot share. In a container, allow "
            f"more shared memory (docker run --shm-size). [{error}]"
        )
        return empty


def _digest(text: str, images: Tensor) -> str:
    """Return the checksum of a file's description and images."""
    digest = hashlib.sha256(text.encode())
    digest.update(images.contiguous().numpy().data)
    return digest.hexdigest()


def _read_document(metadata: dict[str, str], source: Path) -> dict[str, Any]:
    try:
        document = json.loads(metadata["ganaug"])
    except (KeyError, ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or document.get("kind") != _KIND:
        raise ArtifactError(f"{source} is not a saved SyntheticPool.")
    version = document.get("format")
    if type(version) is not int or version < 1:
        raise ArtifactError(f"{source} has an invalid format version: {version!r}.")
    if version > FORMAT:
        raise ArtifactError(
            f"{source} has format {version}, but this version of ganaug reads formats up to "
            f"{FORMAT}. Upgrade ganaug."
        )
    return document


def _read_labels(document: dict[str, Any], n: int) -> tuple[list[Any], list[Any]]:
    """Return the label of each of ``n`` images, and the classes."""
    from ganaug.storage.artifact import untag

    counts = document["counts"]
    # Checked before lists of this length are made, since the file may be hostile.
    if not all(type(count) is int and count > 0 for count in counts) or sum(counts) != n:
        raise ValueError(
            f"the counts {str(counts)[:80]} are not positive numbers that add up to {n} images."
        )
    labels = [untag(item) for item in document["labels"]]
    of_images = [label for label, count in zip(labels, counts, strict=True) for _ in range(count)]
    return of_images, [untag(item) for item in document["classes"]]
