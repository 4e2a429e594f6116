"""The application ``ganaug`` and its commands ``demo``, ``fit``, ``augment`` and ``sample``.

Only typer is imported until a command runs, so that ``ganaug --help`` answers at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganaug.cli.arguments import by_label, parse_counts
from ganaug.cli.compare import compare
from ganaug.cli.console import session
from ganaug.cli.options import (
    SEED_MAX,
    Debug,
    Input,
    MaxSteps,
    Output,
    Quiet,
    ReadingOptions,
    Seed,
    Target,
    TrainingOptions,
    unpack_groups,
)
from ganaug.cli.report import report
from ganaug.cli.request import Request, asks_for_images, check_unused
from ganaug.version import __version__

app = typer.Typer(
    name="ganaug",
    help="Give imbalanced training sets the rare rows they lack, made by a conditional GAN.",
    epilog="Exit status: 0 success, 1 error, 2 wrong usage, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ganaug {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


@app.command()
def demo(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="For pictures and results.")
    ] = Path("ganaug-demo"),
    seed: Annotated[int, typer.Option(min=0, max=SEED_MAX)] = 0,
    max_steps: MaxSteps = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Compare ganaug with doing nothing, duplication and SMOTE on real data, with pictures."""
    with session(debug):
        from ganaug.cli.demo.run import run_demo

        run_demo(output, seed=seed, max_steps=max_steps, progress=not quiet)


@app.command()
@unpack_groups
def fit(
    *,
    table: Input,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the model is saved.")
    ],
    target: Target = None,
    training: TrainingOptions,
    reading: ReadingOptions,
    force: Annotated[
        bool, typer.Option("--force", help="Save even into a folder with other files.")
    ] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Learn the classes of a table or of images and save the model in a folder."""
    with session(debug):
        from ganaug.cli import images, tables

        request = Request(table, target, training, reading)
        learn = images.fit if asks_for_images(request) else tables.fit
        learn(request, output, force=force, quiet=quiet)


@app.command()
@unpack_groups
def augment(
    *,
    table: Input,
    target: Target = None,
    output: Output = "-",
    training: TrainingOptions,
    mark: Annotated[
        bool, typer.Option("--mark", help="Add a column is_synthetic: True or False.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also judge the rows, on a page for browsers (.html)."),
    ] = None,
    reading: ReadingOptions,
    originals: Annotated[
        bool, typer.Option(help="Images: whether the originals are in the result too.")
    ] = True,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Overwrite even the input file, a page, and for images an earlier result.",
        ),
    ] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Add synthetic rows or images of the rare classes; the originals stay as they are."""
    with session(debug):
        from ganaug.cli import images, tables

        request = Request(table, target, training, reading)
        if asks_for_images(request):
            images.augment(
                request, output, originals=originals, mark=mark, report=report, force=force,
                quiet=quiet,
            )  # fmt: skip
        else:
            check_unused({"--no-originals": not originals}, "images")
            tables.augment(request, output, mark=mark, report=report, force=force, quiet=quiet)


@app.command()
def sample(
    model: Annotated[Path, typer.Argument(metavar="FOLDER", help="A model saved by fit.")],
    count: Annotated[
        list[str],
        typer.Option(
            "--count", "-n", metavar="N | LABEL=N", help="Rows in all, or of a class; repeatable."
        ),
    ],
    output: Output = "-",
    target: Annotated[
        str | None,
        typer.Option("--target", "-t", help="Name of the class column.  [default: as in training]"),
    ] = None,
    seed: Seed = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Make synthetic rows from a saved model, in the columns of the training table, or images."""
    wanted = parse_counts(count)
    with session(debug):
        import secrets

        from ganaug.augmenter import GANAugmenter
        from ganaug.cli import images, tables

        augmenter = GANAugmenter.from_pretrained(model)
        if isinstance(wanted, dict):
            wanted = by_label(wanted, augmenter.classes_.tolist())
        seed = secrets.randbits(32) if seed is None else seed
        if augmenter.model_.kind == "image":
            images.sample(augmenter, wanted, output, seed=seed, quiet=quiet)
        else:
            tables.sample(augmenter, wanted, model, output, target=target, seed=seed, quiet=quiet)


app.command()(report)
app.command()(compare)
