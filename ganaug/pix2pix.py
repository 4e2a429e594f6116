"""Pix2PixAugmenter: images out of other images, learned from pairs."""

from __future__ import annotations

import itertools
import numbers
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from ganaug import checks, images, pair_pretrained, validate
from ganaug.base import Learner
from ganaug.errors import (
    ConfigError,
    InvalidInputError,
    InvalidTypeError,
    ModeCollapseWarning,
    warn,
)
from ganaug.fitting import Job
from ganaug.hub import Shared
from ganaug.image_containers import are_images
from ganaug.image_options import ImageOptions
from ganaug.imagedata import ImageData
from ganaug.images import ImageBatch
from ganaug.pair_fitting import fit_pair_model, pair_recipe
from ganaug.pair_persistence import codec_of
from ganaug.recipe import Recipe
from ganaug.rng import derive, seed_from

if TYPE_CHECKING:
    from typing import Self

    from ganaug.pool import SyntheticPool
    from ganaug.vision import Translate

_NAMES = (
    "recipe", "max_steps", "batch_size", "max_seconds", "device", "memory_budget", "callbacks",
    "verbose", "random_state",
)  # fmt: skip


class Pix2PixAugmenter(Shared, Learner):
    """Turn images into others, as pairs of both show: label maps into photographs, say.

    A U-Net learns to make the target of a source, and a critic of patches to tell what it makes
    from real targets (Isola et al. 2017). Masks or sketches of a rare class, which are cheap, so
    become images of it.

    Parameters
    ----------
    recipe : str or Recipe, default="pix2pix"
        The preset, or a :class:`Recipe` with ``kind="unet"``.
    image_options : ImageOptions, tuple of two or None, default=None
        What cannot be found out from the images; two if sources and targets differ in it.
        ``label_safe`` mirrors both images of a pair alike.
    max_steps : "auto" or int, default="auto"
        Generator steps. "auto" depends on the number of pairs only, never on a clock.
    batch_size : "auto" or int, default="auto"
        Pairs in a step, drawn with replacement; "auto" is the recipe's.
    max_seconds : float or None, default=None
        Stop training after this time. The result then depends on the machine's speed.
    device : str or torch.device, default="auto"
        "auto" is CUDA where there is one, else the CPU.
    memory_budget : "auto", int or str, default="auto"
        Bytes, or a size such as "2GB", that a job may need; "auto" is half of the free memory.
    callbacks : list of Callback or None, default=None
        Hooks into training.
    verbose : int, default=0
        1 shows a progress bar on standard error.
    random_state : int, RandomState, Generator or None, default=None
        Seed. The same seed gives the same images on the same machine and number of threads.

    Attributes
    ----------
    history_ : History
        Losses, gradient norms and warning signals of training; ``l1`` is the mean absolute
        difference from the real targets, white minus black being 2.
    model_ : PairModel
        The trained generator and what translating needs.
    n_features_in_ : int
        Values of a source image.

    See Also
    --------
    GANAugmenter : Makes members of classes, without sources.

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
    >>> augmenter.sample(masks[:5], 2).shape  # two different ones of each
    (10, 8, 8, 3)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **{name: checks.OPTIONS[name] for name in _NAMES},
        "image_options": [ImageOptions, tuple, None],
    }
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
        """Learn what becomes of the sources.

        Parameters
        ----------
        X_source, X_target : images
            As many of each, of one height and width; the i-th target belongs to the i-th source.
            Arrays or tensors of three or four dimensions, lists of images, or flat rows with
            ``image_options``. Channels, dtypes and containers may differ.

        Returns
        -------
        self

        Raises
        ------
        GanaugError
            Before any training, if the images or an option cannot be used.

        Examples
        --------
        >>> import numpy as np
        >>> from ganaug import Pix2PixAugmenter
        >>> images = np.random.default_rng(0).random((10, 8, 8))
        >>> augmenter = Pix2PixAugmenter(max_steps=2, random_state=0).fit(images, 1 - images)
        >>> augmenter.n_features_in_
        64
        """
        self._forget()
        try:
            return self._learn(X_source, X_target)
        except BaseException:
            self._forget()
            raise

    def _learn(self, X_source: Any, X_target: Any) -> Self:
        self._check_params()
        recipe = pair_recipe(self.recipe)
        options = self._both_options()
        _check_paired(X_target, options[1])
        budget = validate.check_budget(self.memory_budget)
        self._source, self._target = (ImageData(each or ImageOptions()) for each in options)
        sources = _named("X_source", self._source, X_source, budget)
        targets = _named("X_target", self._target, X_target, budget)
        _check_alike(sources, targets)
        self._target.remember(BaseEstimator(), X_target, targets)
        self._source.remember(self, X_source, sources)
        self._seed, self._calls = seed_from(self.random_state), 0
        job = Job(
            0 if self.max_steps == "auto" else int(self.max_steps),
            0 if self.batch_size == "auto" else int(self.batch_size),
            derive(self._seed, "fit"),
            checks.choose_device(self.device, mps=False),
            tuple(self.callbacks or ()),
            self.max_seconds,
            bool(self.verbose),
        )
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
        if self.history_.collapsed():
            warn(
                "Mode collapse: what is made of different sources has lost most of the variety of "
                "the real targets. Try more steps, or a larger l1 in the recipe.",
                ModeCollapseWarning,
            )
        return self

    def transform(self, X_source: Any) -> Any:
        """Return a target for each source, always the same one.

        Parameters
        ----------
        X_source : images
            Like those at fit, in any container.

        Returns
        -------
        images
            In the container and dtype that the targets had at fit, tensors on the CPU. What
            becomes of a source does not depend on the others.

        Raises
        ------
        GanaugError
            If the images are unlike the sources at fit.

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
        """Do nothing: images come in the container of the targets, and no frame holds them.

        Pipelines pass this call on to all their steps.

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
        """Learn from the pairs, and return what the sources become.

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
        """Return several targets of each source, which differ by the dropout of the generator.

        Parameters
        ----------
        X_source : images
            Like those at fit, in any container.
        n_per_source : int, default=1
        random_state : int, RandomState, Generator or None
            With a seed the call is pure; more sources or more targets of each begin with the same
            ones. Without one, successive calls continue the estimator's stream.

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
        made = self._vary(X_source, n_per_source, random_state)
        return self._target.present(made)

    def make_pool(
        self, X_source: Any, y: Any, n_per_source: int = 1, *, random_state: Any = None
    ) -> SyntheticPool:
        """Translate sources of known classes beforehand, for data loaders.

        Parameters
        ----------
        X_source : images
            Like those at fit, in any container.
        y : array-like of shape (n_sources,)
            The class of each source, which its targets get.
        n_per_source : int, default=1
        random_state : int, RandomState, Generator or None
            As in :meth:`sample`.

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
        labels = _labels(y, self._check_sources(X_source))
        made = self._vary(X_source, n_per_source, random_state, least=1)
        each = [label for label in labels for _ in range(int(n_per_source))]
        return SyntheticPool(self.model_.target.to_bytes(made), each)

    def as_transform(self, *, random_state: Any = None) -> Translate:
        """Return a torchvision transform that turns a source image into a target.

        Parameters
        ----------
        random_state : int, RandomState, Generator or None
            As in :meth:`sample`.

        Returns
        -------
        ganaug.vision.Translate
            For images, samples and batches, in ``torchvision.transforms.v2.Compose`` and in the
            workers of a ``DataLoader``. It has a copy of the generator, on the CPU.

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

    def save_pretrained(self, path: str | Path) -> None:
        """Save the fitted augmenter in a folder, atomically.

        The file holds the generator and no training images, but a network may know some by heart.

        Parameters
        ----------
        path : str or Path
            Folder, made if absent.

        Raises
        ------
        ArtifactError
            If the folder cannot be written, or holds the ``config.json`` of something else.

        Examples
        --------
        >>> import tempfile
        >>> import numpy as np
        >>> from ganaug import Pix2PixAugmenter
        >>> images = np.random.default_rng(0).random((10, 8, 8))
        >>> augmenter = Pix2PixAugmenter(max_steps=2, random_state=0).fit(images, 1 - images)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     augmenter.save_pretrained(folder)
        ...     again = Pix2PixAugmenter.from_pretrained(folder)
        >>> bool((augmenter.transform(images) == again.transform(images)).all())
        True
        """
        check_is_fitted(self, "model_")
        pair_pretrained.save_pair(self, Path(path))

    @classmethod
    def _load(cls, folder: Path) -> Self:
        return pair_pretrained.load_pair(cls, folder)

    def _both_options(self) -> tuple[ImageOptions | None, ImageOptions | None]:
        """Return what was said about sources and about targets."""
        options = self.image_options
        if not isinstance(options, tuple):
            return options, options
        sides: list[Any] = list(options)
        if len(sides) != 2 or any(not isinstance(o, (ImageOptions, type(None))) for o in sides):
            raise ConfigError(
                "image_options must be an ImageOptions, or two of them (or None): that of the "
                f"sources and that of the targets; got {options!r}."
            )
        return sides[0], sides[1]

    def _label_safe(self) -> tuple[str, ...]:
        """Return the mirrorings that both sides allow: a pair is mirrored as one."""
        return tuple(
            name
            for name in self._source.options.label_safe
            if name in self._target.options.label_safe
        )

    def _check_sources(self, X_source: Any) -> ImageBatch:
        """Return later sources, checked to be like those at fit."""
        check_is_fitted(self, "model_")
        budget = validate.check_budget(self.memory_budget)
        data = _named("X_source", self._source, X_source, budget)
        self._source.compare(self, X_source, data, training=True)
        return data

    def _vary(self, X_source: Any, n_each: Any, random_state: Any, least: int = 0) -> NDArray[Any]:
        data = self._check_sources(X_source)
        whole = isinstance(n_each, numbers.Integral) and not isinstance(n_each, bool)
        if not whole or int(n_each) < least:
            raise ConfigError(f"n_per_source must be an int of at least {least}, got {n_each!r}.")
        if n_each > 1 and not self.model_.generator.noise_dim:
            warn(
                "The recipe has no dropout, so all targets of a source are the same. Set "
                'Recipe.preset("pix2pix", data="pair").replace(dropout=0.5).'
            )
        total = len(data) * int(n_each)
        budget = validate.check_budget(self.memory_budget)
        images.check_fits(total, self.model_.target.shape, budget, f"{total:,} targets")
        seed = self._seed_of(random_state)
        # Each target has a stream of its own, so none depends on how many others there are.
        order = (source for source in range(len(data)) for _ in range(int(n_each)))
        noises = (
            self.model_.noise(seed, source, turn)
            for source in range(len(data))
            for turn in range(int(n_each))
        )
        return self._translate(data, order, noises)

    def _translate(
        self, data: ImageBatch, order: Iterable[int], noises: Iterable[Tensor]
    ) -> NDArray[Any]:
        return self.model_.translate_all(self.model_.source.encode(data.pixels), order, noises)

    def _seed_of(self, random_state: Any) -> int:
        return self._next_seed() if random_state is None else seed_from(random_state)

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import TransformerTags

        tags = super().__sklearn_tags__()
        tags.transformer_tags = TransformerTags()
        tags.target_tags.required = True
        tags.input_tags.three_d_array = True
        return tags


def _check_paired(X_target: Any, options: ImageOptions | None) -> None:
    """Refuse a fit without sources, and labels in the place of targets."""
    if X_target is None:
        raise InvalidInputError(
            "Pix2PixAugmenter learns from pairs: fit(X_source, X_target) needs a source image for "
            "each target. To learn images without sources use GANAugmenter."
        )
    flat = getattr(X_target, "ndim", None) == 2 or hasattr(X_target, "columns")
    if not are_images(X_target, None) and not (options is not None and flat):
        raise InvalidTypeError(
            "X_target holds no images. Pix2PixAugmenter learns pairs of a source image and a "
            "target image; for images with labels use GANAugmenter. Flat rows need "
            "image_options=ImageOptions(shape=(height, width))."
        )


def _named(name: str, side: ImageData, X: Any, budget: int) -> ImageBatch:
    """Return checked images; messages say which of the two they are about."""
    if not are_images(X, side.options if side.options.shape else None):
        raise InvalidTypeError(
            f"{name} holds no images. It needs an array or tensor of three or four dimensions, a "
            "list of images, or flat rows with image_options=ImageOptions(shape=(height, width))."
        )
    try:
        return side.check(X, budget)
    except (InvalidInputError, InvalidTypeError) as error:
        raise type(error)(f"{name}: {error}") from None


def _check_alike(sources: ImageBatch, targets: ImageBatch) -> None:
    """Refuse sources and targets that cannot be pairs."""
    if len(sources) != len(targets):
        raise InvalidInputError(
            f"X_source has {len(sources):,} images and X_target {len(targets):,}: each source "
            "needs its target."
        )
    sizes = [data.form.shape[1:] for data in (sources, targets)]
    if sizes[0] != sizes[1]:
        (height, width), (other_height, other_width) = sizes
        raise InvalidInputError(
            f"X_source has images {height} high and {width} wide, X_target {other_height} high "
            f"and {other_width} wide. Bring both to one size."
        )


def _labels(y: Any, sources: ImageBatch) -> list[Any]:
    labels = y.tolist() if hasattr(y, "tolist") else y
    listed = isinstance(labels, Sequence) and not isinstance(labels, (str, bytes))
    if not listed or len(labels) != len(sources):
        found = len(labels) if listed else "no list"
        raise InvalidInputError(
            f"y must have a label for each of the {len(sources):,} sources, got {found}."
        )
    return list(labels)
