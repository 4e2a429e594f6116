"""Adds synthetic items to any map-style dataset, or swaps real ones for them."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from tqdm.auto import tqdm

from ganaug.errors import ConfigError, InvalidInputError, did_you_mean
from ganaug.pool import SyntheticPool, plain_label
from ganaug.runtime.rng import derive, seed_from
from ganaug.vision._feed import check_alike, feed_of
from ganaug.vision._replace import check_pool, check_probability
from ganaug.vision._sources import (
    Keys,
    Wrapper,
    check_dataset,
    parts_of,
    raw,
    split,
    targets_of,
    undisturbed,
    unwrap,
)

MODES = ("append", "replace")


class AugmentedDataset(Wrapper):
    """A dataset with synthetic images of rare classes in it.

    ``mode="append"`` puts the images of the pool behind those of the dataset.
    ``mode="replace"`` keeps the length: an item whose class is in the pool is swapped with
    probability ``p`` for a random synthetic image of that class, decided anew in each epoch.

    Synthetic images go through the dataset's own transforms. They start as what the dataset feeds
    to these: PIL images for torchvision's datasets. A dataset without transforms, or with
    transforms that cannot be reached, must yield what the pool has, or the pool must have a
    transform of its own (:meth:`~ganaug.SyntheticPool.with_transform`), which is then used instead.

    Parameters
    ----------
    base : map-style dataset
        ``ImageFolder``, ``CIFAR10``, ``MNIST``, ``TensorDataset`` or your own class, also within
        (nested) ``Subset`` of ``torch.utils.data``. Items are ``(image, label)`` or mappings.
        It is not changed.
    pool : SyntheticPool
        The synthetic images, whose labels are those of the dataset, before ``target_transform``.
    mode : {"append", "replace"}, default="append"
    p : float, default=0.5
        Probability to swap an item, for ``mode="replace"``.
    seed : int or None, default=0
        Decides what is swapped; None takes a fresh seed.
    image_key, label_key : str, default="image", "label"
        Where image and label are in items that are mappings.

    Attributes
    ----------
    base, pool, mode, p, seed
        As given.

    Raises
    ------
    ConfigError, InvalidTypeError
        If an option is impossible.
    InvalidInputError, InvalidTypeError
        If real and synthetic items cannot be mixed: other types, dtypes, sizes, channels or labels.

    Notes
    -----
    Each decision of ``mode="replace"`` is a pure function of ``seed``, the epoch and the index of
    the item, so any number of workers, forked or spawned, gives the same items. Call
    :meth:`set_epoch` before each epoch for other decisions. The transforms of the dataset draw from
    the global random states, as they do without this wrapper.

    When it is made, the first item is read twice, on a copy of the dataset and with the global
    random states put back.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from torch.utils.data import DataLoader, TensorDataset
    >>> from ganaug.pool import SyntheticPool
    >>> from ganaug.vision import AugmentedDataset
    >>> images = torch.zeros(6, 1, 8, 8, dtype=torch.uint8)
    >>> base = TensorDataset(images, torch.tensor([0, 0, 0, 0, 0, 1]))
    >>> pool = SyntheticPool(np.full((4, 1, 8, 8), 9, np.uint8), [1, 1, 1, 1])
    >>> dataset = AugmentedDataset(base, pool)
    >>> len(dataset), dataset.targets
    (10, [0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
    >>> images, labels = next(iter(DataLoader(dataset, batch_size=10)))
    >>> images.amax((1, 2, 3)).tolist()
    [0, 0, 0, 0, 0, 0, 9, 9, 9, 9]
    """

    def __init__(
        self,
        base: Any,
        pool: SyntheticPool,
        mode: Literal["append", "replace"] = "append",
        p: float = 0.5,
        seed: int | None = 0,
        *,
        image_key: str = "image",
        label_key: str = "label",
    ) -> None:
        check_dataset(base, "base")
        self.base, self.pool = base, check_pool(pool)
        if mode not in MODES:
            raise ConfigError(f"mode={mode!r} is not possible; {did_you_mean(str(mode), MODES)}")
        self.mode: str = mode
        self.p, self.seed = check_probability(p), seed_from(seed)
        self._keys = Keys(image_key, label_key)
        if len({id(part) for part in parts_of(base)}) > 1:
            raise InvalidInputError(
                "The parts of a ConcatDataset may have different transforms. Augment them one by "
                "one: ConcatDataset([AugmentedDataset(part, pool), another_part])."
            )
        inner, index = unwrap(base, 0)
        self._feed = feed_of(inner, index, pool, self._keys)
        check_alike(self._feed, index, pool)
        self._key = derive(self.seed, "AugmentedDataset")
        # In shared memory, so that workers that live on see a new epoch.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()
        self._known_labels: list[Any] | None = None
        if mode == "replace":
            self._labels()  # now, and not once in each worker

    @property
    def targets(self) -> list[Any]:
        """The label of each item, before ``target_transform``.

        From the dataset's ``targets`` or ``labels``; where it has none, each item is read once.
        """
        return self._labels() + (self.pool.targets if self.mode == "append" else [])

    @property
    def classes(self) -> list[Any]:
        """What the dataset has as ``classes``, else its labels in order."""
        known = getattr(unwrap(self.base, 0)[0], "classes", None)
        return sorted(set(self.targets)) if known is None else list(known)

    @property
    def epoch(self) -> int:
        """The epoch that decides what is swapped."""
        return int(self._epoch)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, before the loader is iterated; persistent workers see it too.

        Parameters
        ----------
        epoch : int
            Not negative. The same epoch gives the same decisions.
        """
        self._epoch.fill_(_check_epoch(epoch))

    def is_synthetic(self, index: int) -> bool:
        """Return whether an item is synthetic (in the present epoch, for ``mode="replace"``)."""
        position = self._position(index)
        return position >= len(self.base) or self._drawn(position) is not None

    def __len__(self) -> int:
        return len(self.base) + (len(self.pool) if self.mode == "append" else 0)

    def __getitem__(self, index: int) -> Any:
        """Return the item of the dataset, or a synthetic one of the same structure and types."""
        position = self._position(index)
        if position >= len(self.base):
            at = position - len(self.base)
            return self._feed.make(self.pool, self.pool.images[at].clone(), self.pool.label(at))
        u = self._drawn(position)
        if u is None:
            return self.base[position]
        label = self._labels()[position]
        return self._feed.make(self.pool, self.pool.draw(label, u), label)

    def _drawn(self, position: int) -> float | None:
        """Return which synthetic image takes the place of a real item; None if it stays."""
        if self.mode == "append" or self._labels()[position] not in self.pool.counts:
            return None
        # Counter-based: item and epoch lead to their numbers without any state.
        stream = np.random.Philox(key=[self._key, self.epoch], counter=[position, 0, 0, 0])
        coin, u = (stream.random_raw(2) >> np.uint64(11)) * 2.0**-53
        return float(u) if coin < self.p else None

    def _position(self, index: int) -> int:
        position = int(index)
        if not -len(self) <= position < len(self):
            raise IndexError(f"index {position} is out of range: there are {len(self)} items.")
        return position % len(self)

    def locate(self, index: int) -> tuple[Any, int]:
        """Return the dataset that an item comes from, and its index there."""
        beyond = index - len(self.base)
        return (self.base, index) if beyond < 0 else (self.pool, beyond)

    def _labels(self) -> list[Any]:
        """Return the labels of the real items, as the pool knows them."""
        if self._known_labels is None:
            stated = targets_of(self.base)
            # Some datasets state other labels than they yield.
            if stated is None or stated[0] != self._read_label(0):
                items = tqdm(range(len(self.base)), desc="reading labels")
                stated = [self._read_label(i) for i in items]
            self._known_labels = stated
        return self._known_labels

    def _read_label(self, position: int) -> Any:
        inner, index = unwrap(self.base, position)
        with undisturbed():
            return plain_label(split(raw(inner)[index], self._keys, f"Item {index}")[1])


def _check_epoch(epoch: Any) -> int:
    whole = isinstance(epoch, (int, np.integer)) and not isinstance(epoch, bool)
    if not whole or not 0 <= epoch < 2**63:
        raise ConfigError(f"epoch must be a whole number and not negative, got {epoch!r}.")
    return int(epoch)
