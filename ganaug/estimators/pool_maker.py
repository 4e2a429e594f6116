"""Methods of GANAugmenter that make pools and transforms of synthetic images."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted
from tqdm.auto import tqdm

from ganaug.errors import NotAvailableError, warn
from ganaug.estimators.over_sampler import OverSampler
from ganaug.images.codec import ImageCodec
from ganaug.models.classes import check_counts
from ganaug.runtime.memory import readable
from ganaug.runtime.rng import derive

if TYPE_CHECKING:
    from ganaug.pool import SyntheticPool
    from ganaug.vision import ReplaceRare


class PoolMaker(OverSampler):
    """Over-sampler that can make images ahead of time, for data loaders."""

    def make_pool(
        self, n_per_class: int | Mapping[Any, int], *, random_state: Any = None
    ) -> SyntheticPool:
        """Make a pool of synthetic images for data loaders.

        To generate images inside a data loader would take many times longer than to read them from
        a pool, and workers could not share a generator on a GPU.

        Parameters
        ----------
        n_per_class : int or dict
            Images of each class. An int applies to every class that ``sampling_strategy_`` adds
            rows to, or to all classes if it adds none. A pool takes one byte for each value of an
            image. ``memory_budget`` limits its size, and ``verbose=1`` prints it beforehand.
        random_state : int, RandomState, Generator or None
            See :meth:`sample`.

        Returns
        -------
        SyntheticPool
            8-bit images on the CPU: black is 0 and white 255. A warning is given if the images at
            fit were bytes of another range.

        Raises
        ------
        NotAvailableError
            If the augmenter was fitted to a table.
        MemoryBudgetError
            If the pool needs more than ``memory_budget``.

        Examples
        --------
        >>> from sklearn.datasets import load_digits
        >>> from ganaug import GANAugmenter
        >>> X, y = load_digits(return_X_y=True)
        >>> X, y = (X.reshape(-1, 8, 8) / 16)[y < 2], y[y < 2]
        >>> augmenter = GANAugmenter(max_steps=5, random_state=0).fit(X, y)
        >>> augmenter.make_pool({1: 20})
        SyntheticPool(20 images of 1x8x8, {1: 20}, 1.3 KB)
        """
        from ganaug.pool import SyntheticPool

        codec = self._image_codec("make_pool")
        if isinstance(n_per_class, Mapping):
            wanted = check_counts(n_per_class, self.classes_.tolist())
        else:
            rare = [label for label, missing in self.sampling_strategy_.items() if missing]
            rare = rare or self.classes_.tolist()
            wanted = check_counts(dict.fromkeys(rare, n_per_class), rare)
        self._check_wanted(wanted)
        if codec.dtype == np.uint8 and not codec.bytewise:
            warn(
                f"The images at fit had values from {codec.low:g} to {codec.high:g}; those of the "
                "pool are scaled to 0 to 255. Scale the images that you mix them with too, or a "
                "classifier can tell real from synthetic by brightness."
            )
        if self.verbose:
            size = readable(SyntheticPool.size(sum(wanted.values()), codec.shape))
            tqdm.write(f"A pool of {sum(wanted.values()):,} images takes {size}.", file=sys.stderr)
        seed = self._seed_of(random_state)
        images, codes = self._synthesise(wanted, seed)
        return SyntheticPool(codec.to_bytes(images), self.classes_[codes].tolist())

    def as_transform(
        self,
        p: float = 0.5,
        *,
        n_per_class: int | Mapping[Any, int] = 1000,
        random_state: Any = None,
    ) -> ReplaceRare:
        """Make a pool and return a torchvision transform that draws from it.

        Parameters
        ----------
        p : float, default=0.5
            Probability that an image of a rare class is replaced.
        n_per_class : int or dict, default=1000
            See :meth:`make_pool`.
        random_state : int, RandomState, Generator or None
            See :meth:`sample`.

        Returns
        -------
        ganaug.vision.ReplaceRare
            For ``(image, label)`` samples and batches, in ``torchvision.transforms.v2.Compose``.

        Examples
        --------
        >>> from sklearn.datasets import load_digits
        >>> from ganaug import GANAugmenter
        >>> X, y = load_digits(return_X_y=True)
        >>> X, y = (X.reshape(-1, 8, 8) * 15.9).astype("uint8")[y < 2], y[y < 2]
        >>> augmenter = GANAugmenter(max_steps=5, random_state=0).fit(X, y)
        >>> transform = augmenter.as_transform(p=1.0, n_per_class=20)
        >>> import torch
        >>> image, label = transform(torch.zeros(1, 8, 8, dtype=torch.uint8), 0)
        >>> image.dtype, label, bool(image.any())
        (torch.uint8, 0, True)
        """
        self._image_codec("as_transform")
        from ganaug.vision import ReplaceRare

        seed = self._seed_of(random_state)
        pool = self.make_pool(n_per_class, random_state=seed)
        return ReplaceRare(pool, p=p, seed=derive(seed, "transform"))

    def _image_codec(self, method: str) -> ImageCodec:
        check_is_fitted(self, "model_")
        if not isinstance(self.model_.codec, ImageCodec):
            raise NotAvailableError(
                f"{method!r} makes images, and this augmenter was fitted to a table. Use sample."
            )
        return self.model_.codec
