"""What a command works on: the source, and the options to read it and to train on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from ganaug.cli.arguments import parse_strategy
from ganaug.cli.options import ENCODING, ReadingOptions, Singleton, TrainingOptions
from ganaug.errors import ConfigError

if TYPE_CHECKING:
    from ganaug.augmenter import GANAugmenter


@dataclass(frozen=True)
class Request:
    """Source of a command, and the options to read it and to train on it.

    Parameters
    ----------
    source : str
        A file, a folder of images, or ``-`` for standard input.
    target : str or None
        Column of the classes; a folder of images has none.
    training : TrainingOptions
    reading : ReadingOptions
    """

    source: str
    target: str | None
    training: TrainingOptions
    reading: ReadingOptions

    def need_target(self) -> str:
        """Return the column of the classes; raise `typer.BadParameter` if it is not named."""
        if self.target is None:
            raise typer.BadParameter("name the column of the classes", param_hint="--target / -t")
        return self.target

    def augmenter(
        self, classes: list[Any], *, seed: int | None, quiet: bool, categorical: Any = "auto"
    ) -> GANAugmenter:
        """Return an unfitted augmenter with the options of the request.

        Parameters
        ----------
        classes : list
            Labels that ``--sampling-strategy`` may name.
        seed : int or None
            That of the run, which may be drawn where the options have none.
        quiet : bool
        categorical : "auto" or list of str
            Columns that are categories.
        """
        from ganaug.augmenter import GANAugmenter

        chosen = self.training
        return GANAugmenter(
            recipe=chosen.recipe,
            sampling_strategy=parse_strategy(chosen.sampling_strategy, classes),
            categorical_features=categorical,
            on_singleton="duplicate" if chosen.on_singleton == Singleton.DUPLICATE else "raise",
            max_steps="auto" if chosen.max_steps is None else chosen.max_steps,
            device=chosen.device,
            verbose=0 if quiet else 1,
            random_state=seed,
        )


def asks_for_images(request: Request) -> bool:
    """Return whether the source holds images.

    Raises
    ------
    ConfigError
        If an option has no effect on this kind of source.
    """
    from ganaug.cli.files.kinds import holds_images

    reading, training = request.reading, request.training
    images = holds_images(request.source)
    if images:
        without_effect: dict[str, Any] = {
            "--categorical": training.categorical,
            "--encoding": reading.encoding != ENCODING,
        }
    else:
        without_effect = {
            "--resize": reading.resize,
            "--rgb": reading.rgb,
            "--skip-unreadable": reading.skip_unreadable,
            "--image": reading.image,
        }
    check_unused(without_effect, "tables" if images else "images")
    return images


def check_unused(options: Mapping[str, Any], kind: str) -> None:
    """Raise `ConfigError` if one of these options, which are for another ``kind``, is set."""
    for name, value in options.items():
        if value:
            raise ConfigError(f"{name} is for {kind}.")
