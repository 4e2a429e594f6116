"""Options and steps that several commands share."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganaug.cli.arguments import parse_columns, parse_strategy
from ganaug.errors import ConfigError, InvalidInputError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

    from ganaug.augmenter import GANAugmenter
    from ganaug.cli.files.tables import Table
    from ganaug.cli.image_fit import ImageArguments

ENCODING = "utf-8"
"""What CSV files are in, if nothing else is said."""
_AS_TYPED = ("seed", "recipe", "max_steps", "resize", "rgb", "skip_unreadable", "target", "image")


class Singleton(StrEnum):
    """What to do with a class of one row."""

    RAISE = "raise"
    DUPLICATE = "duplicate"


SEED_MAX = 2**32 - 1
_SOURCE = (
    "CSV, TSV or Parquet file, by its extension; - is CSV on standard input. Or images: a folder "
    "with a folder for each class, or a Parquet file with a column of them."
)

Input = Annotated[str, typer.Argument(metavar="SOURCE", help=_SOURCE)]
Target = Annotated[
    str | None,
    typer.Option("--target", "-t", help="Column with the classes; not for folders of images."),
]
Categorical = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN,...",
        help="Columns that are categories though they hold numbers; repeatable.",
    ),
]
Seed = Annotated[
    int | None, typer.Option(min=0, max=SEED_MAX, help="The same seed gives the same rows.")
]
RecipeName = Annotated[
    str,
    typer.Option(
        "--recipe",
        metavar="PRESET",
        help="auto, gan, cgan, wgan or wgan-gp; for images also dcgan, warp and light.",
    ),
]
MaxSteps = Annotated[
    int | None, typer.Option(min=1, help="Training steps.  [default: by the number of rows]")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps ...")]
OnSingleton = Annotated[Singleton, typer.Option(help="What to do with a class of one row.")]
Strategy = Annotated[
    list[str] | None,
    typer.Option(
        "--sampling-strategy",
        metavar="STRATEGY",
        help="auto, minority, not minority, not majority, all; a ratio to the largest class such "
        "as 0.5; or the rows that classes shall have in the end, LABEL=COUNT, repeatable.",
    ),
]
Encoding = Annotated[str, typer.Option(help="Encoding of a CSV file without a byte order mark.")]
Output = Annotated[
    str,
    typer.Option(
        "--output",
        "-o",
        "--out",
        metavar="FILE | FOLDER",
        help="Result; - is CSV on standard output. For a folder of images a folder.",
    ),
]
Resize = Annotated[
    str | None,
    typer.Option(metavar="SIZE", help="Images: size to learn, such as 64 or 48x64 (height first)."),
]
Rgb = Annotated[bool, typer.Option("--rgb", help="Images: read all as RGB.")]
Skip = Annotated[
    bool, typer.Option("--skip-unreadable", help="Images: leave out files that are damaged.")
]
ImageColumn = Annotated[
    str | None,
    typer.Option("--image", metavar="COLUMN", help="Column of the images, if there are several."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no messages.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def refuse(options: Mapping[str, Any], kind: str) -> None:
    """Refuse options that do nothing here."""
    for name, value in options.items():
        if value:
            raise ConfigError(f"{name} is for {kind}.")


def image_arguments(table: str, typed: Mapping[str, Any]) -> ImageArguments | None:
    """Return what was typed for images, or None for a table; refuse options that do nothing.

    Parameters
    ----------
    table : str
        The source.
    typed : mapping
        All options of the command, by the names of its parameters.
    """
    from ganaug.cli.files import images
    from ganaug.cli.image_fit import ImageArguments

    if not images.holds_images(table):
        names = ("resize", "rgb", "skip_unreadable", "image")
        refuse({f"--{name.replace('_', '-')}": typed[name] for name in names}, "images")
        return None
    encoding = typed["encoding"] != ENCODING
    refuse({"--categorical": typed["categorical"], "--encoding": encoding}, "tables")
    return ImageArguments(
        strategy=list(typed["sampling_strategy"] or ()) or None,
        on_singleton=Singleton(typed["on_singleton"]).value,
        **{name: typed[name] for name in _AS_TYPED},
    )


def need_target(target: str | None) -> str:
    """Return the column of the classes, which tables need."""
    if target is None:
        raise typer.BadParameter("name the column of the classes", param_hint="--target / -t")
    return target


def check_recipe(name: str) -> None:
    """Refuse the name of no preset."""
    from ganaug.recipe import Recipe

    Recipe.preset(name)


def split(source: Table, target: str) -> tuple[pd.DataFrame, pd.Series]:
    """Return the features and the classes of a table."""
    names = source.frame.columns.tolist()
    if target not in names:
        raise InvalidInputError(
            f"{source.name} has no column {target!r}; {did_you_mean(target, names)}"
        )
    if len(names) == 1:
        raise InvalidInputError(f"{source.name} has no column besides the target {target!r}.")
    if not len(source.frame):
        raise InvalidInputError(f"{source.name} has a header but no rows.")
    return source.frame.drop(columns=target), source.frame[target]


def table_augmenter(
    source: Table,
    target: str,
    categorical: list[str] | None,
    strategy: list[str] | None,
    *,
    seed: int | None,
    recipe: str,
    max_steps: int | None,
    device: str,
    on_singleton: Singleton,
    quiet: bool,
) -> GANAugmenter:
    """Return an unfitted augmenter for a table, as the options say."""
    from ganaug.augmenter import GANAugmenter

    classes = source.frame[target].dropna().unique().tolist()
    return GANAugmenter(
        recipe=recipe,
        sampling_strategy=parse_strategy(strategy, classes),
        categorical_features=parse_columns(categorical, source.frame.columns.tolist(), target),
        on_singleton="duplicate" if on_singleton is Singleton.DUPLICATE else "raise",
        max_steps="auto" if max_steps is None else max_steps,
        device=device,
        verbose=0 if quiet else 1,
        random_state=seed,
    )
