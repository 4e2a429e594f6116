"""``ReplaceRare``: an albumentations transform that swaps images of rare classes."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import Any

import albumentations as A
import numpy as np
from albumentations.core.type_definitions import Targets
from numpy.typing import NDArray
from torch.utils.data import get_worker_info

from ganaug.albumentations._images import check_image, not_an_image
from ganaug.albumentations._pool_file import PoolFile
from ganaug.errors import ConfigError, InvalidInputError, InvalidTypeError, warn
from ganaug.pool import SyntheticPool, plain_label
from ganaug.runtime.rng import derive

_ANNOTATIONS = ("mask", "masks", "mask3d", "masks3d", "bboxes", "keypoints")
_VOLUMES = ("volume", "volumes")
_Pick = tuple[Any, float]


class ReplaceRare(A.ImageOnlyTransform):
    """Transform that randomly swaps images of rare classes for synthetic ones of the same class.

    The label is passed with the image: ``pipeline(image=image, label=label)``. The label and images
    of classes that the pool does not have stay the same. In an ``A.Compose``, place this transform
    where images have the size and values they had at fit: before crops and ``A.Normalize``.

    Parameters
    ----------
    pool_path : str or path-like
        File that :meth:`ganaug.SyntheticPool.save` wrote.
    label_key : str, default="label"
        Name of the argument with the label.
    p : float, default=0.5
        Probability that a sample of one of the classes is swapped.

    Attributes
    ----------
    pool_path, label_key, p
        The parameters.

    Raises
    ------
    ConfigError, InvalidTypeError
        If an option has an invalid value.
    ArtifactError
        If the file is damaged, or is still missing at the first sample.
    InvalidInputError, InvalidTypeError
        When a sample has no label, has masks, boxes, key points or volumes (they would not fit a
        synthetic image), or has an image whose size, channels or values differ from the pool's.

    See Also
    --------
    worker_init_fn : Needed by a ``DataLoader`` with workers.

    Notes
    -----
    *Images* are uint8, or float32 in [0, 1] as ``A.ToFloat`` returns them. Their shape is
    (H, W, C), or (H, W) if the pool has one channel.

    *Several images.* If ``images=`` has a label for each image, each is a separate sample. With one
    label for all, they are one sample, so either all are swapped or none. Additional targets of
    the type ``image`` or ``images`` belong to the sample and are swapped together with it. Each
    swapped image is drawn separately from the pool.

    *Randomness* comes from the generators that albumentations gives to each transform, so
    ``A.Compose(seed=...)`` is repeatable, and the global random states are not used. Each sample
    and each image takes one number, whatever the label.

    *Memory.* The file is read by the constructor or, if it does not exist yet, at the first
    sample. It is read once in each process, even if several transforms and copies use it. Workers
    of a ``DataLoader``, forked or spawned, share the memory.

    *Serialisation.* ``A.to_dict`` and ``A.save`` store the path, but no images. Import
    ``ganaug.albumentations`` before ``A.from_dict`` and ``A.load``.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from ganaug import SyntheticPool
    >>> from ganaug.albumentations import ReplaceRare
    >>> import albumentations as A
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name) / "rare.pool"
    >>> SyntheticPool(np.full((5, 3, 8, 8), 200, np.uint8), ["owl"] * 5).save(path)
    >>> pipeline = A.Compose([ReplaceRare(path, p=1.0), A.HorizontalFlip()], seed=0)
    >>> black = np.zeros((8, 8, 3), np.uint8)
    >>> int(pipeline(image=black, label="owl")["image"].max())
    200
    >>> int(pipeline(image=black, label="cat")["image"].max())
    0
    >>> folder.cleanup()
    """

    # albumentations writes this name into files of saved pipelines, so it must be the public one.
    __module__ = "ganaug.albumentations"

    _targets = Targets.IMAGE

    def __init__(
        self, pool_path: str | os.PathLike[str], label_key: str = "label", p: float = 0.5
    ) -> None:
        self._seeded_in = -1
        self._forced = False
        # The type of each target that a synthetic image would not fit, by its name.
        self._unsupported = {name: name for name in (*_ANNOTATIONS, *_VOLUMES)}
        super().__init__(p=_check_p(p))
        # albumentations serialises the attributes that have the names of the arguments.
        self.pool_path, self.label_key = _check_path(pool_path), _check_key(label_key)
        self._file = PoolFile(self.pool_path)
        if Path(self.pool_path).exists():
            self._file.pool  # noqa: B018 - read here, so that forked workers share it

    @property
    def pool(self) -> SyntheticPool:
        """The synthetic images."""
        return self._file.pool

    @property
    def targets(self) -> dict[str, Callable[..., Any]]:
        """Functions that change the targets of this transform."""
        return {"image": self.apply, "images": self.apply_to_images}

    @property
    def targets_as_params(self) -> list[str]:
        """Names of further arguments that this transform reads."""
        return [self.label_key]

    def add_targets(self, additional_targets: dict[str, str]) -> None:
        """Register further names of images and of targets that cannot be swapped."""
        super().add_targets(additional_targets)
        kinds = (*_ANNOTATIONS, *_VOLUMES)
        self._unsupported.update({k: v for k, v in additional_targets.items() if v in kinds})

    def set_random_seed(self, seed: int | None) -> None:
        """Seed the random numbers of this transform."""
        # A.Compose gives one seed to all its transforms. If it were used unchanged, this transform
        # would draw the same numbers as every other one.
        super().set_random_seed(None if seed is None else derive(int(seed), "ReplaceRare"))
        self.seed = seed
        self._seeded_in = os.getpid()

    def set_random_state(self, random_generator: Any, py_random: Any) -> None:
        """Replace the random generators of this transform."""
        super().set_random_state(random_generator, py_random)
        self._seeded_in = os.getpid()

    def __call__(self, *args: Any, force_apply: bool = False, **kwargs: Any) -> Any:
        """Return the sample, or a copy with synthetic images of the same class.

        Parameters
        ----------
        force_apply : bool, default=False
            Swap with probability 1; ``A.OneOf`` sets this.
        **kwargs : Any
            The sample: ``image=`` or ``images=``, the label, and any other arguments.

        Returns
        -------
        dict
        """
        # Checked before the random decision. A mistake would otherwise raise at a random sample.
        if self.p > 0 and not args:
            self._check_images(kwargs)
            if not self.replay_mode:
                self._labels(kwargs)
                self._warn_of_repetition()
        return super().__call__(*args, force_apply=force_apply, **kwargs)

    def should_apply(self, force_apply: bool = False) -> bool:
        """Return whether anything can be swapped. Samples are chosen at random later."""
        self._forced = force_apply
        return bool(self.p > 0)

    def update_transform_params(
        self, params: dict[str, Any], data: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the parameters unchanged.

        The base class adds the shape of the image, which this transform does not use.
        """
        return params

    def get_params_dependent_on_data(
        self, params: dict[str, Any], data: dict[str, Any]
    ) -> dict[str, Any]:
        """Choose at random the images to swap and the images of the pool that replace them.

        Returns
        -------
        dict
            Empty if no image is swapped. Otherwise the entry ``"replaced"`` has a list for each
            target: None for an image that stays, or label and quantile for
            :meth:`ganaug.SyntheticPool.draw`. It is plain data, so that ``A.ReplayCompose`` and
            ``save_applied_params`` can store it.
        """
        labels, single = self._labels(data)
        counts = self.pool.counts
        # The number is drawn before the class is looked up, so labels do not shift the stream.
        swapped = [self._draw_swap() and label in counts for label in labels]
        replaced: dict[str, list[_Pick | None]] = {}
        for key, stacked in self._image_keys(data).items():
            frames = range(len(data[key])) if stacked else range(1)
            us = [self.py_random.random() for _ in frames]
            samples = [0 if single else i for i in frames]
            replaced[key] = [
                (labels[i], u) if swapped[i] else None for i, u in zip(samples, us, strict=True)
            ]
        return {"replaced": replaced} if any(swapped) else {}

    def apply_with_params(self, params: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Return the sample with the chosen images swapped."""
        result = dict(kwargs)
        keys = self._image_keys(kwargs)
        for key, picks in params.get("replaced", {}).items():
            if key not in keys:
                continue
            if not keys[key]:
                result[key] = kwargs[key] if picks[0] is None else self._make(picks[0], kwargs[key])
                continue
            frames = kwargs[key]
            result[key] = frames.copy()
            for i, (pick, frame) in enumerate(zip(picks, frames, strict=False)):
                if pick is not None:
                    result[key][i] = self._make(pick, frame)
        return result

    def _draw_swap(self) -> bool:
        """Return True with probability ``p``; always if the transform is forced."""
        coin = self.py_random.random()
        return self._forced or coin < self.p

    def _make(self, pick: _Pick, like: NDArray[Any]) -> NDArray[Any]:
        """Return an image of the pool with the shape and dtype of the image ``like``."""
        pixels = self.pool.draw(*pick).permute(1, 2, 0).contiguous().numpy().reshape(like.shape)
        if like.dtype == np.uint8:
            return pixels
        return pixels.astype(np.float32) / np.float32(255)

    def _image_keys(self, data: Mapping[str, Any]) -> dict[str, bool]:
        """Return the names of the images of a sample, and whether each is a stack of images."""
        kinds = {"image": "image", "images": "images", **self._additional_targets}
        return {k: kinds[k] == "images" for k, v in data.items() if k in kinds and v is not None}

    def _labels(self, data: Mapping[str, Any]) -> tuple[list[Any], bool]:
        """Return the label of each sample, and whether one label stands for all images."""
        if data.get(self.label_key) is None:
            raise InvalidInputError(
                f"ReplaceRare finds no label: {self.label_key!r} is missing or None; the arguments "
                f"are {list(data)}. Call the pipeline with {self.label_key}=..., or set label_key. "
                "For datasets that do not pass the label to their transform, use "
                "ganaug.vision.AugmentedDataset."
            )
        label_or_labels = data[self.label_key]
        plain = label_or_labels.tolist() if hasattr(label_or_labels, "tolist") else label_or_labels
        single = not isinstance(plain, (list, tuple))
        labels = [plain] if single else [plain_label(label) for label in plain]
        example = next(iter(self.pool.counts))
        for label in labels:
            self._check_label(label, example)
        if not single:
            self._check_lengths(data, len(labels))
        return labels, single

    def _check_label(self, label: Any, example: Any) -> None:
        if label is None or not isinstance(label, Hashable) or isinstance(label, tuple):
            raise InvalidTypeError(
                f"{self.label_key} must be a single value such as a number or a string for each "
                f"image, got {label!r}. One-hot and mixed labels must be made after ReplaceRare."
            )
        if isinstance(label, str) != isinstance(example, str):
            raise InvalidInputError(
                f"{self.label_key} is {label!r}, but the labels of the pool are of type "
                f"{type(example).__name__}, such as {example!r}, so no image would be swapped. "
                "Translate them: pool.relabel(mapping).save(path)."
            )

    def _check_lengths(self, data: Mapping[str, Any], n: int) -> None:
        for key, stacked in self._image_keys(data).items():
            if not stacked or len(data[key]) != n:
                found = f"{len(data[key])} images" if stacked else "one image"
                raise InvalidInputError(
                    f"{self.label_key} holds {n} labels, and {key} is {found}. An image needs one "
                    "label, which is not one-hot or mixed; images need one label for all, or one "
                    "label for each."
                )

    def _check_images(self, data: Mapping[str, Any]) -> None:
        for key, value in data.items():
            if key in self._unsupported and value is not None:
                kind = "a volume" if self._unsupported[key] in _VOLUMES else "an annotation"
                raise InvalidInputError(
                    f"The sample has {key}, {kind} that would not fit a synthetic image. "
                    "ReplaceRare is for images with only a label."
                )
        keys = self._image_keys(data)
        if not keys:
            raise InvalidInputError(
                f"ReplaceRare needs image= or images=, got {list(data)}. For other names, set "
                "additional_targets of A.Compose."
            )
        for key, stacked in keys.items():
            value = data[key]
            if stacked and not isinstance(value, (list, np.ndarray)):
                raise not_an_image(key, value)
            for image in value if stacked else [value]:
                check_image(key, image, self.pool.shape)

    def _warn_of_repetition(self) -> None:
        worker = get_worker_info()
        if worker is None or self._seeded_in == os.getpid():
            return
        self._seeded_in = os.getpid()
        if worker.id == 0:  # one warning is enough for all workers
            warn(
                "Each worker of the DataLoader has a copy of the same random state, so the "
                "augmentations of an albumentations pipeline repeat from worker to worker and from "
                "epoch to epoch. Pass DataLoader(worker_init_fn="
                "ganaug.albumentations.worker_init_fn), or reseed the pipeline there."
            )


def _check_path(path: Any) -> str:
    if not isinstance(path, (str, os.PathLike)):
        raise InvalidTypeError(
            f"pool_path must be the path of a file, got {type(path).__name__}. Save the pool with "
            "pool.save(path) and pass the path. A pipeline that held the images itself could not "
            "be saved."
        )
    return os.fsdecode(path)


def _check_key(key: Any) -> str:
    if not isinstance(key, str) or not key.isidentifier():
        raise ConfigError(f"label_key must be the name of an argument, got {key!r}.")
    return key


def _check_p(p: Any) -> float:
    if isinstance(p, bool) or not isinstance(p, (int, float, np.number)) or not 0 <= p <= 1:
        raise ConfigError(f"p must be a probability in [0, 1], got {p!r}.")
    return float(p)
