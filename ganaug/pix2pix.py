"""Pix2PixAugmenter: translate images into other images, learned from pairs."""

from __future__ import annotations

import itertools
import numbers
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from ganaug.errors import ConfigError, warn
from ganaug.estimators import parameters
from ganaug.estimators.base import Learner
from ganaug.estimators.saving import LearnedPairs, Saved
from ganaug.images import formats
from ganaug.images.data import ImageData
from ganaug.images.formats import ImageBatch
from ganaug.images.options import ImageOptions
from ganaug.models.parts import Arrays
from ganaug.pairs.checks import both_options, check_alike, check_paired, check_side, source_labels
from ganaug.pairs.fitting import fit_pair_model
from ganaug.pairs.plan import pair_recipe
from ganaug.pairs.saving import codec_of
from ganaug.recipe import Recipe
from ganaug.runtime.device import choose_device
from ganaug.runtime.memory import check_budget
from ganaug.runtime.rng import derive
from ganaug.sharing.hub import PretrainedMixin

if TYPE_CHECKING:
    from typing import Self

    from ganaug.pool import SyntheticPool
    from ganaug.vision import Translate

_NAMES = (
    "recipe", "max_steps", "batch_size", "max_seconds", "device", "memory_budget", "callbacks",
    "verbose", "random_state",
)  # fmt: skip


class Pix2PixAugmenter(PretrainedMixin, Learner):
    """Translate source images into target images, such as label maps into photographs.

    A U-Net is trained on pairs to make the target of a source. A critic of patches is trained to
    tell its outputs from real targets (Isola et al. 2017). Masks or sketches of a rare class, which
    are cheap to draw, can then be turned into images of that class.

    Parameters
    ----------
    recipe : str or Recipe, default="pix2pix"
        The preset, or a :class:`Recipe` with ``kind="unet"``.
    image_options : ImageOptions, tuple of two or None, default=None
        What the images do not show by themselves, such as the range of their values. Pass two, for
        sources and targets, if they differ. ``label_safe`` mirrors both images of a pair alike.
    max_steps : "auto" or int, default="auto"
        Generator steps. "auto" depends on the number of pairs, not on the speed of the machine.
    batch_size : "auto" or int, default="auto"
        Pairs in a step, drawn with replacement. "auto" takes the recipe's batch size.
    max_seconds : float or None, default=None
        Stop training after this time. The result then depends on the speed of the machine.
    device : str or torch.device, default="auto"
        "auto" uses CUDA if it is available, else the CPU.
    memory_budget : "auto", int or str, default="auto"
        Limit for a job: bytes, or a size such as "2GB". "auto" is half of the free memory.
    callbacks : list of Callback or None, default=None
        Called during training.
    verbose : int, default=0
        1 shows a progress bar on standard error.
    random_state : int, RandomState, Generator or None, default=None
        Seed. It gives the same images on the same machine with the same number of threads.

    Attributes
    ----------
    history_ : History
        Losses, gradient norms and warning signals of training. ``l1`` is the mean absolute
        difference from the real targets, on a scale from -1 (black) to 1 (white).
    model_ : PairModel
        The trained generator and what translation needs.
    n_features_in_ : int
        Number of values of a source image.

    See Also
    --------
    GANAugmenter : Makes images or rows of a class, without sources.

    References
    ----------
    P. Isola, J.-Y. Zhu, T. Zhou, A. A. Efros: Image-to-Image Translation with Conditional
    Adversarial Networks. CVPR 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug import Pix2PixAugmenter
    >>> masks = np.zeros((20, 8, 8), np.uint8)
    >>> masks[:, 2:6, 2:6] = 255
    >>> photos = np.stack([masks, masks // 2, 255 - masks], axis=-1)
    >>> augmenter = Pix2PixAugmenter(max_steps=3, random_state=0).fit(masks, photos)
    >>> augmenter.transform(masks[:5]).shape
    (5, 8, 8, 3)
    >>> augmenter.sample(masks[:5], 2).shape  # two different targets of each source
    (10, 8, 8, 3)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **{name: parameters.OPTIONS[name] for name in _NAMES},
        "image_options": [ImageOptions, tuple, None],
    }
    _saved_as: ClassVar[str] = "Pix2PixAugmenter"

    _source: ImageData
    _target: ImageData

    def __init__(
        self,
        *,
        recipe: str | Recipe = "pix2pix",
        image_options: ImageOptions | tuple[Any, Any] | None = None,
        max_steps: int | Literal["auto"] = "auto",
        batch_size: int | Literal["auto"] = "auto",
        max_seconds: float | None = None,
        device: str | torch.device = "auto",
        memory_budget: int | str = "auto",
        callbacks: Any = None,
        verbose: int = 0,
        random_state: Any = None,
    ) -> None:
        self.recipe = recipe
        self.image_options = image_options
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.max_seconds = max_seconds
        self.device = device
        self.memory_budget = memory_budget
        self.callbacks = callbacks
        self.verbose = verbose
        self.random_state = random_state

    def fit(self, X_source: Any, X_target: Any = None) -> Self:
        """Learn to translate sources into targets.

        Parameters
        ----------
        X_source, X_target : images
            The same number of each, of the same height and width; the i-th target belongs to the
            i-th source. Arrays or tensors of three or four dimensions, lists of images, or flat
            rows with ``image_options``. Channels, dtypes and containers may differ.

        Returns
        -------
        self

        Raises
        ------
        GanaugError
            If the images or a parameter cannot be used; before training starts.

        Examples
        --------
        >>> import numpy as np
        >>> from ganaug import Pix2PixAugmenter
        >>> images = np.random.default_rng(0).random((10, 8, 8))
        >>> augmenter = Pix2PixAugmenter(max_steps=2, random_state=0).fit(images, 1 - images)
        >>> augmenter.n_features_in_
        64
        """
        with self._fitting():
            self._learn(X_source, X_target)
        if self.history_.collapsed():
            self._warn_of_collapse(
                "the images made from different sources have lost most of the variety of the real "
                "targets",
                "more steps, or a larger l1 in the recipe",
            )
        return self

    def _learn(self, X_source: Any, X_target: Any) -> None:
        self._check_params()
        recipe = pair_recipe(self.recipe)
        options = both_options(self.image_options)
        check_paired(X_target, options[1])
        budget = check_budget(self.memory_budget)
        self._source, self._target = (ImageData(each or ImageOptions()) for each in options)
        sources = check_side("X_source", self._source, X_source, budget)
        targets = check_side("X_target", self._target, X_target, budget)
        check_alike(sources, targets)
        # Only the sources may set n_features_in_, so the targets get an estimator that is dropped.
        self._target.remember(BaseEstimator(), X_target, targets)
        self._source.remember(self, X_source, sources)
        device = choose_device(self.device, mps=False)
        job = self._job(derive(self._start_stream(), "fit"), device)
        source, target = codec_of(sources.form), codec_of(targets.form)
        self.model_, self.history_ = fit_pair_model(
            recipe,
            source,
            target,
            source.encode(sources.pixels),
            target.encode(targets.pixels),
            self._label_safe(),
            job,
        )

    def transform(self, X_source: Any) -> Any:
        """Return one target for each source, which is the same in every call.

        Parameters
        ----------
        X_source : images
            Like those at fit, in any container.

        Returns
        -------
        images
            In the container and dtype that the targets had at fit; tensors are on the CPU. The
            target of a source does not depend on the other sources.

        Raises
        ------
        GanaugError
            If the images differ in format from the sources at fit.

        Examples
        --------
        >>> import numpy as np
        >>> from ganaug import Pix2PixAugmenter
        >>> images = np.random.default_rng(0).random((10, 8, 8))
        >>> augmenter = Pix2PixAugmenter(max_steps=2, random_state=0).fit(images, 1 - images)
        >>> made = augmenter.transform(images)
        >>> made.shape, bool((made[:3] == augmenter.transform(images[:3])).all())
        ((10, 8, 8), True)
        """
        data = self._check_sources(X_source)
        noise = self.model_.noise(self._seed, "transform")
        made = self._translate(data, range(len(data)), itertools.repeat(noise, len(data)))
        return self._target.present(made)

    def set_output(self, *, transform: str | None = None) -> Self:
        """Do nothing: results have the container of the targets, since frames cannot hold images.

        It exists because pipelines call it on all their steps.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"} or None
            Unused.

        Returns
        -------
        self

        Examples
        --------
        >>> from ganaug import Pix2PixAugmenter
        >>> augmenter = Pix2PixAugmenter().set_output(transform="pandas")
        """
        return self

    def fit_transform(self, X_source: Any, X_target: Any = None) -> Any:
        """Learn from the pairs, and return the sources translated.

        Parameters
        ----------
        X_source, X_target : images
            See :meth:`fit`.

        Returns
        -------
        images
            See :meth:`transform`.

        Examples
        --------
        >>> import numpy as np
        >>> from ganaug import Pix2PixAugmenter
        >>> images = np.random.default_rng(0).random((10, 8, 8))
        >>> Pix2PixAugmenter(max_steps=2).fit_transform(images, 1 - images).shape
        (10, 8, 8)
        """
        return self.fit(X_source, X_target).transform(X_source)

    def sample(self, X_source: Any, n_per_source: int = 1, *, random_state: Any = None) -> Any:
        """Return several targets for each source, which differ by the dropout in the generator.

        Parameters
        ----------
        X_source : images
            Like those at fit, in any container.
        n_per_source : int, default=1
        random_state : int, RandomState, Generator or None
            With a seed, the estimator does not change, and each target stays the same if there are
            more. Without a seed, each call continues the estimator's random stream.

        Returns
        -------
        images
            The ``n_per_source`` targets of the first source, then those of the second, and so on,
            in the container and dtype that the targets had at fit.

        Examples
        --------
        >>> import numpy as np
        >>> from ganaug import Pix2PixAugmenter
        >>> images = np.random.default_rng(0).random((10, 8, 8))
        >>> augmenter = Pix2PixAugmenter(max_steps=2, random_state=0).fit(images, 1 - images)
        >>> augmenter.sample(images[:2], 3, random_state=0).shape
        (6, 8, 8)
        """
        made = self._sample_pixels(X_source, n_per_source, random_state)
        return self._target.present(made)

    def make_pool(
        self, X_source: Any, y: Any, n_per_source: int = 1, *, random_state: Any = None
    ) -> SyntheticPool:
        """Translate sources of known classes into a pool of images for data loaders.

        Parameters
        ----------
        X_source : images
            Like those at fit, in any container.
        y : array-like of shape (n_sources,)
            The class of each source, which is also the class of its targets.
        n_per_source : int, default=1
        random_state : int, RandomState, Generator or None
            See :meth:`sample`.

        Returns
        -------
        SyntheticPool
            8-bit images on the CPU: black is 0 and white 255.

        Examples
        --------
        >>> import numpy as np
        >>> from ganaug import Pix2PixAugmenter
        >>> images = np.random.default_rng(0).random((10, 8, 8))
        >>> augmenter = Pix2PixAugmenter(max_steps=2, random_state=0).fit(images, 1 - images)
        >>> augmenter.make_pool(images[:2], ["rare", "rare"], 4)
        SyntheticPool(8 images of 1x8x8, {'rare': 8}, 512 B)
        """
        from ganaug.pool import SyntheticPool

        check_is_fitted(self, "model_")
        labels = source_labels(y, self._check_sources(X_source))
        made = self._sample_pixels(X_source, n_per_source, random_state, least=1)
        repeated = [label for label in labels for _ in range(int(n_per_source))]
        return SyntheticPool(self.model_.target.to_bytes(made), repeated)

    def as_transform(self, *, random_state: Any = None) -> Translate:
        """Return a torchvision transform that turns a source image into a target.

        Parameters
        ----------
        random_state : int, RandomState, Generator or None
            See :meth:`sample`.

        Returns
        -------
        ganaug.vision.Translate
            Accepts images, samples and batches, in ``torchvision.transforms.v2.Compose`` and in
            the workers of a ``DataLoader``. It holds a copy of the generator on the CPU.

        Examples
        --------
        >>> import numpy as np, torch
        >>> from ganaug import Pix2PixAugmenter
        >>> images = np.random.default_rng(0).integers(0, 256, (10, 8, 8), np.uint8)
        >>> augmenter = Pix2PixAugmenter(max_steps=2, random_state=0).fit(images, 255 - images)
        >>> transform = augmenter.as_transform()
        >>> image, label = transform(torch.zeros(1, 8, 8, dtype=torch.uint8), 3)
        >>> image.shape, image.dtype, label
        (torch.Size([1, 8, 8]), torch.uint8, 3)
        """
        check_is_fitted(self, "model_")
        from ganaug.vision import Translate

        return Translate(self.model_, seed=derive(self._seed_of(random_state), "transform"))

    def _state(self) -> tuple[Saved, Saved, Arrays]:
        return LearnedPairs(self._source, self._target, self.model_).to_parts()

    def _restore(self, data: Saved, model: Saved, arrays: Arrays) -> None:
        learned = LearnedPairs.from_parts(data, model, arrays, both_options(self.image_options))
        self._source, self._target, self.model_ = learned.source, learned.target, learned.model
        self.n_features_in_ = learned.n_features

    def _label_safe(self) -> tuple[str, ...]:
        """Return the mirrorings that sources and targets both allow: a pair is mirrored as one."""
        return tuple(
            name
            for name in self._source.options.label_safe
            if name in self._target.options.label_safe
        )

    def _check_sources(self, X_source: Any) -> ImageBatch:
        """Return sources in the form used inside; raise if their format is not that at fit."""
        check_is_fitted(self, "model_")
        budget = check_budget(self.memory_budget)
        data = check_side("X_source", self._source, X_source, budget)
        self._source.compare(self, X_source, data, training=True)
        return data

    def _sample_pixels(
        self, X_source: Any, n_each: Any, random_state: Any, least: int = 0
    ) -> NDArray[Any]:
        data = self._check_sources(X_source)
        is_int = isinstance(n_each, numbers.Integral) and not isinstance(n_each, bool)
        if not is_int or int(n_each) < least:
            raise ConfigError(f"n_per_source must be an int of at least {least}, got {n_each!r}.")
        if n_each > 1 and not self.model_.generator.noise_dim:
            warn(
                "The recipe has no dropout, so all targets of a source are equal. Set recipe="
                'Recipe.preset("pix2pix", data="pair").replace(dropout=0.5).'
            )
        total = len(data) * int(n_each)
        budget = check_budget(self.memory_budget)
        formats.check_fits(total, self.model_.target.shape, budget, f"{total:,} targets")
        seed = self._seed_of(random_state)
        # Each target has its own random stream, so it does not depend on the number of others.
        order = (source for source in range(len(data)) for _ in range(int(n_each)))
        noises = (
            self.model_.noise(seed, source, repeat)
            for source in range(len(data))
            for repeat in range(int(n_each))
        )
        return self._translate(data, order, noises)

    def _translate(
        self, data: ImageBatch, order: Iterable[int], noises: Iterable[Tensor]
    ) -> NDArray[Any]:
        return self.model_.translate_all(self.model_.source.encode(data.pixels), order, noises)

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import TransformerTags

        tags = super().__sklearn_tags__()
        tags.transformer_tags = TransformerTags()
        tags.target_tags.required = True
        tags.input_tags.three_d_array = True
        return tags
