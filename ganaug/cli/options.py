"""Options that several commands share, and the objects in which their values travel."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from typing import Annotated, Any, get_type_hints

import typer

ENCODING = "utf-8"
"""Encoding of CSV files without ``--encoding``."""

SEED_MAX = 2**32 - 1
"""Largest seed that NumPy's and scikit-learn's generators accept."""


class Singleton(StrEnum):
    """What to do with a class of one row."""

    RAISE = "raise"
    DUPLICATE = "duplicate"


# ------------------------------------------------------------------ single options

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


# ------------------------------------------------------------------ groups of options


@dataclass(frozen=True)
class TrainingOptions:
    """Options that decide what is learned from the rows or images."""

    categorical: Categorical = None
    seed: Seed = None
    recipe: RecipeName = "auto"
    sampling_strategy: Strategy = None
    max_steps: MaxSteps = None
    device: Device = "auto"
    on_singleton: OnSingleton = Singleton.RAISE


@dataclass(frozen=True)
class ReadingOptions:
    """Options that decide how the source is read; all but the encoding are for images."""

    encoding: Encoding = ENCODING
    resize: Resize = None
    rgb: Rgb = False
    skip_unreadable: Skip = False
    image: ImageColumn = None


def unpack_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Declare each field of a group of options as an option of the command.

    Typer wants one parameter for each option. The command has one for each group, and gets the
    object that holds their values. The options take the place of the group in ``--help``.

    Parameters
    ----------
    command : callable
        A group is a keyword parameter whose type is a dataclass.

    Returns
    -------
    callable
        What :meth:`typer.Typer.command` registers.
    """
    groups: dict[str, Any] = {}
    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command, eval_str=True).parameters.items():
        if is_dataclass(parameter.annotation):
            groups[name] = parameter.annotation
            parameters += _parameters_of(parameter.annotation)
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    @functools.wraps(command)
    def run(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(**{field.name: values.pop(field.name) for field in fields(group)})
        command(**values)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    # Typer reads types from here, not from the signature.
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _parameters_of(group: Any) -> list[inspect.Parameter]:
    types = get_type_hints(group, include_extras=True)
    keyword = inspect.Parameter.KEYWORD_ONLY
    return [
        inspect.Parameter(field.name, keyword, default=field.default, annotation=types[field.name])
        for field in fields(group)
    ]
