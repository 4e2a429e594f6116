"""Reading images and learning their classes, with the options of the command line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ganaug.cli.files import images
from ganaug.cli.request import Request
from ganaug.errors import ConfigError

if TYPE_CHECKING:
    from ganaug.augmenter import GANAugmenter

Pairs = tuple[Any, Any]
"""Images and their labels, as arrays."""


def deciding_options(request: Request) -> dict[str, Any]:
    """Return the options that decide what is learned from images, under the names in a run's file.

    The names go into the fingerprint of a run. If one is changed, unfinished runs of earlier
    versions cannot be continued.
    """
    training, reading = request.training, request.reading
    return {
        "strategy": list(training.sampling_strategy or ()) or None,
        "seed": training.seed,
        "recipe": training.recipe,
        "max_steps": training.max_steps,
        "on_singleton": training.on_singleton.value,
        "resize": reading.resize,
        "rgb": reading.rgb,
        "skip_unreadable": reading.skip_unreadable,
        "target": request.target,
        "image": reading.image,
    }


def open_source(request: Request) -> images.Source:
    """Return the images of a folder or of a Parquet file."""
    path, reading = Path(request.source), request.reading
    if path.is_dir():
        for name, value in (("--target", request.target), ("--image", reading.image)):
            if value is not None:
                raise ConfigError(
                    f"{name} is for Parquet files; in a folder the classes are its folders."
                )
        return images.FolderSource(path, reading.rgb)
    return images.ParquetSource(path, request.need_target(), reading.image, reading.rgb)


def fit_images(
    source: images.Source, request: Request, *, seed: int | None, adds: bool, quiet: bool
) -> tuple[GANAugmenter, Pairs]:
    """Read the images and learn their classes; return the augmenter, and images and labels.

    ``adds`` means that images of every class that lacks some will be made. A class of one image
    is then an error before training; otherwise it is one when its images are requested.
    """
    augmenter = request.augmenter(source.labels, seed=seed, quiet=quiet)
    X, y = read_images(source, request, quiet=quiet)
    if adds:
        _check_single_images(augmenter, y)
    return augmenter.fit(X, y), (X, y)


def _check_single_images(augmenter: GANAugmenter, y: NDArray[Any]) -> None:
    from ganaug.data.labels import check_strategy
    from ganaug.models.classes import check_single_rows

    classes, counts = np.unique(y, return_counts=True)
    present = dict(zip(classes.tolist(), counts.tolist(), strict=True))
    to_add = check_strategy(augmenter.sampling_strategy, y)
    check_single_rows(present, to_add, augmenter.on_singleton)


def read_images(source: images.Source, request: Request, *, quiet: bool) -> Pairs:
    """Return all images and their labels as arrays."""
    from ganaug.vision import load_images

    X, codes = load_images(
        source.dataset,
        resize=_parse_size(request.reading.resize),
        errors="skip" if request.reading.skip_unreadable else "raise",
        progress=not quiet,
    )
    return X, np.asarray([source.labels[code] for code in codes])


def _parse_size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d+)(?:x(\d+))?", text)
    if match is None or not int(match[1]):
        raise ConfigError(
            f"--resize: {text!r} is not a valid size; use 64 or 48x64 (height x width)."
        )
    return int(match[1]), int(match[2] or match[1])
