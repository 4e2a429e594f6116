"""``AugmentedDataset``: a map-style dataset with synthetic items added or swapped in."""

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
    preserved_random_states,
    split_item,
    targets_of,
    unwrap,
    without_transforms,
)

MODES = ("append", "replace")


class AugmentedDataset(Wrapper):
    """A dataset that contains synthetic images of its rare classes.

    ``mode="append"`` puts the images of the pool after those of the dataset.
    ``mode="replace"`` keeps the length: an item whose class is in the pool is swapped with
    probability ``p`` for a random synthetic image of that class. Each epoch swaps other items.

    Synthetic images go through the dataset's own transforms. They have the type that the dataset
    passes to these transforms: a PIL image for torchvision's datasets. A dataset without
    transforms, or with transforms that cannot be reached, must return images like those of the
    pool. Otherwise give the pool its own transform
    (:meth:`~ganaug.SyntheticPool.with_transform`), which is then used instead.

    Parameters
    ----------
    base : map-style dataset
        ``ImageFolder``, ``CIFAR10``, ``MNIST``, ``TensorDataset`` or your own class, also inside
        (nested) ``Subset`` of ``torch.utils.data``. Items are ``(image, label)`` or mappings.
        The dataset is not changed.
    pool : SyntheticPool
        The synthetic images. Their labels must be those of the dataset before
        ``target_transform``.
    mode : {"append", "replace"}, default="append"
    p : float, default=0.5
        Probability that an item is swapped, for ``mode="replace"``.
    seed : int or None, default=0
        Determines which items are swapped. None draws a new seed.
    image_key, label_key : str, default="image", "label"
        Keys of image and label in items that are mappings.

    Attributes
    ----------
    base, pool, mode, p, seed
        The parameters.

    Raises
    ------
    ConfigError, InvalidTypeError
        If an option has an invalid value.
    InvalidInputError, InvalidTypeError
        If real and synthetic items cannot be mixed because their types, dtypes, sizes, channels or
        labels differ.

    Notes
    -----
    In ``mode="replace"``, whether an item is swapped depends only on ``seed``, the epoch and the
    index of the item, so any number of workers, forked or spawned, gives the same items. Call
    :meth:`set_epoch` before each epoch to swap other items. The transforms of the dataset draw
    from the global random states, as they do without this wrapper.

    The constructor reads the first item twice, from a copy of the dataset, and restores the global
    random states afterwards.

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
        # All items come from one innermost dataset, so its first item shows how they are made.
        inner, index = unwrap(base, 0)
        self._feed = feed_of(inner, index, pool, self._keys)
        check_alike(self._feed, index, pool)
        self._key = derive(self.seed, "AugmentedDataset")
        # In shared memory, so that persistent workers see a new epoch.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()
        self._known_labels: list[Any] | None = None
        if mode == "replace":
            self._labels()  # read them once here, not once in each worker

    @property
    def targets(self) -> list[Any]:
        """The label of each item, before ``target_transform``.

        Labels are taken from the dataset's ``targets`` or ``labels``. If it has neither, each item
        is read once.
        """
        return self._labels() + (self.pool.targets if self.mode == "append" else [])

    @property
    def classes(self) -> list[Any]:
        """The ``classes`` of the dataset, or its sorted labels if it has no such attribute."""
        classes = getattr(unwrap(self.base, 0)[0], "classes", None)
        return sorted(set(self.targets)) if classes is None else list(classes)

    @property
    def epoch(self) -> int:
        """The current epoch, which determines the items that are swapped."""
        return int(self._epoch)

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch. Call this before iterating the loader; persistent workers see it too.

        Parameters
        ----------
        epoch : int
            Not negative. The same epoch swaps the same items.
        """
        self._epoch.fill_(_check_epoch(epoch))

    def is_synthetic(self, index: int) -> bool:
        """Return whether an item is synthetic (in the current epoch, for ``mode="replace"``)."""
        position = self._position(index)
        return position >= len(self.base) or self._drawn(position) is not None

    def __len__(self) -> int:
        return len(self.base) + (len(self.pool) if self.mode == "append" else 0)

    def __getitem__(self, index: int) -> Any:
        """Return an item of the dataset, or a synthetic one with the same structure and types."""
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
        """Return the quantile at which a synthetic image is drawn; None if the item stays real."""
        if self.mode == "append" or self._labels()[position] not in self.pool.counts:
            return None
        # Philox is counter-based: its numbers follow from item and epoch alone, without any state.
        stream = np.random.Philox(key=[self._key, self.epoch], counter=[position, 0, 0, 0])
        # The upper 53 of 64 bits, scaled to [0, 1): as many as a float64 can hold.
        coin, u = (stream.random_raw(2) >> np.uint64(11)) * 2.0**-53
        return float(u) if coin < self.p else None

    def _position(self, index: int) -> int:
        position = int(index)
        if not -len(self) <= position < len(self):
            raise IndexError(f"index {position} is out of range: there are {len(self)} items.")
        return position % len(self)

    def locate(self, index: int) -> tuple[Any, int]:
        """Return the dataset that an item comes from, and its index there."""
        position_in_pool = index - len(self.base)
        return (self.base, index) if position_in_pool < 0 else (self.pool, position_in_pool)

    def _labels(self) -> list[Any]:
        """Return the labels of the real items, before ``target_transform``."""
        if self._known_labels is None:
            stated = targets_of(self.base)
            # In some datasets ``targets`` differ from the labels of the items.
            if stated is None or stated[0] != self._read_label(0):
                items = tqdm(range(len(self.base)), desc="reading labels")
                stated = [self._read_label(i) for i in items]
            self._known_labels = stated
        return self._known_labels

    def _read_label(self, position: int) -> Any:
        inner, index = unwrap(self.base, position)
        with preserved_random_states():
            item = without_transforms(inner)[index]
            return plain_label(split_item(item, self._keys, f"Item {index}")[1])


def _check_epoch(epoch: Any) -> int:
    whole = isinstance(epoch, (int, np.integer)) and not isinstance(epoch, bool)
    if not whole or not 0 <= epoch < 2**63:
        raise ConfigError(f"epoch must be a whole number and not negative, got {epoch!r}.")
    return int(epoch)
