"""Reading and learning images, as the command line asks for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import typer
from numpy.typing import NDArray

from ganaug.cli.arguments import parse_strategy
from ganaug.cli.files import images
from ganaug.errors import ConfigError, GanaugError

if TYPE_CHECKING:
    from ganaug.augmenter import GANAugmenter

Pairs = tuple[Any, Any]
"""Images and their labels, as arrays."""


@dataclass(frozen=True)
class ImageArguments:
    """Options of the command line that decide what is learned from images.

    Parameters
    ----------
    strategy : list of str or None
        As it was typed.
    seed : int or None
    recipe : str
    max_steps : int or None
    on_singleton : {"raise", "duplicate"}
    resize : str or None
        ``64`` or ``48x64``, height first.
    rgb : bool
        Read every image as RGB.
    skip_unreadable : bool
    target, image : str or None
        Columns of a Parquet file.
    """

    strategy: list[str] | None
    seed: int | None
    recipe: str
    max_steps: int | None
    on_singleton: str
    resize: str | None
    rgb: bool
    skip_unreadable: bool
    target: str | None
    image: str | None


def open_source(path: str, options: ImageArguments) -> images.Source:
    """Return the images of a folder or of a Parquet file."""
    if Path(path).is_dir():
        for name, value in (("--target", options.target), ("--image", options.image)):
            if value is not None:
                raise ConfigError(
                    f"{name} is for Parquet files; in a folder the classes are its folders."
                )
        return images.FolderSource(Path(path), options.rgb)
    if options.target is None:
        raise typer.BadParameter("name the column of the classes", param_hint="--target / -t")
    return images.ParquetSource(Path(path), options.target, options.image, options.rgb)


def fit_images(
    source: images.Source,
    options: ImageArguments,
    *,
    seed: int | None,
    device: str,
    requested: bool,
    quiet: bool,
) -> tuple[GANAugmenter, Pairs]:
    """Read the images and learn their classes; return the augmenter, and images and labels.

    ``requested`` says that the images of every lacking class will be made.
    """
    augmenter = new_augmenter(source, options, seed=seed, device=device, quiet=quiet)
    with advice_in_options():
        X, y = read_images(source, options, quiet)
        if requested:
            _check_single_images(augmenter, y)
        return augmenter.fit(X, y), (X, y)


def _check_single_images(augmenter: GANAugmenter, y: NDArray[Any]) -> None:
    """Raise before training if a class that has one image lacks some."""
    from ganaug.data.labels import check_strategy
    from ganaug.models.classes import check_single_rows

    classes, counts = np.unique(y, return_counts=True)
    present = dict(zip(classes.tolist(), counts.tolist(), strict=True))
    to_add = check_strategy(augmenter.sampling_strategy, y)
    check_single_rows(present, to_add, augmenter.on_singleton)


@contextmanager
def advice_in_options() -> Iterator[None]:
    """Give the advice of errors as options of the command line."""
    try:
        yield
    except GanaugError as error:
        raise type(error)(_in_options(str(error))) from None


def new_augmenter(
    source: images.Source, options: ImageArguments, *, seed: int | None, device: str, quiet: bool
) -> GANAugmenter:
    """Return an unfitted augmenter, as the options say."""
    from ganaug.augmenter import GANAugmenter

    return GANAugmenter(
        recipe=options.recipe,
        sampling_strategy=parse_strategy(options.strategy, source.labels),
        on_singleton="duplicate" if options.on_singleton == "duplicate" else "raise",
        max_steps="auto" if options.max_steps is None else options.max_steps,
        device=device,
        verbose=0 if quiet else 1,
        random_state=seed,
    )


def read_images(source: images.Source, options: ImageArguments, quiet: bool) -> Pairs:
    """Return all images and their labels as arrays."""
    from ganaug.vision import load_images

    X, codes = load_images(
        source.dataset,
        resize=_parse_size(options.resize),
        errors="skip" if options.skip_unreadable else "raise",
        progress=not quiet,
    )
    return X, np.asarray([source.labels[code] for code in codes])


def _parse_size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d+)(?:x(\d+))?", text)
    if match is None or not int(match[1]):
        raise ConfigError(f"--resize: {text!r} is no size such as 64 or 48x64 (height x width).")
    return int(match[1]), int(match[2] or match[1])


def _in_options(message: str) -> str:
    """Return advice for Python code as advice for the command line."""
    message = re.sub(
        r"[Pp]ass resize=\((\d+), (\d+)\) or another size", r"Use --resize \1x\2", message
    )
    message = message.replace("Resize them first.", "Use --resize 64, for instance.")
    message = message.replace(
        "Pass limit= or a smaller resize=", "Use --resize with a smaller size"
    )
    message = message.replace('pass errors="skip"', "use --skip-unreadable")
    message = message.replace('on_singleton="duplicate"', "--on-singleton duplicate")
    return re.sub(r"Convert all to one mode;.*", "Use --rgb to read all as RGB.", message)
