"""The commands ``demo``, ``fit``, ``augment`` and ``sample``: options in, rows out.

Only typer is imported until a command runs, so that ``ganaug --help`` answers at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganaug.cli import compare
from ganaug.cli import report as commands_report
from ganaug.cli.arguments import by_label, parse_counts
from ganaug.cli.console import say, session
from ganaug.cli.options import (
    ENCODING,
    SEED_MAX,
    Categorical,
    Debug,
    Device,
    Encoding,
    ImageColumn,
    Input,
    MaxSteps,
    OnSingleton,
    Output,
    Quiet,
    RecipeName,
    Resize,
    Rgb,
    Seed,
    Singleton,
    Skip,
    Strategy,
    Target,
    check_recipe,
    image_arguments,
    need_target,
    refuse,
    split,
    table_augmenter,
)
from ganaug.storage.files import write_output
from ganaug.version import __version__

if TYPE_CHECKING:
    from ganaug.augmenter import GANAugmenter

app = typer.Typer(
    name="ganaug",
    help="Give imbalanced training sets the rare rows they lack, made by a conditional GAN.",
    epilog="Exit status: 0 success, 1 error, 2 wrong usage, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ganaug {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
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
def fit(
    table: Input,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the model is saved.")
    ],
    target: Target = None,
    categorical: Categorical = None,
    seed: Seed = None,
    recipe: RecipeName = "auto",
    sampling_strategy: Strategy = None,
    max_steps: MaxSteps = None,
    device: Device = "auto",
    on_singleton: OnSingleton = Singleton.RAISE,
    encoding: Encoding = ENCODING,
    resize: Resize = None,
    rgb: Rgb = False,
    skip_unreadable: Skip = False,
    image: ImageColumn = None,
    force: Annotated[
        bool, typer.Option("--force", help="Save even into a folder with other files.")
    ] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Learn the classes of a table or of images and save the model in a folder."""
    with session(debug):
        from ganaug.cli import images
        from ganaug.cli.files import tables

        chosen = image_arguments(table, locals())
        if chosen is not None:
            images.fit(table, output, chosen, device=device, force=force, quiet=quiet)
            return
        target = need_target(target)
        tables.check_folder(output, force)
        check_recipe(recipe)
        source = tables.read(table, encoding)
        X, y = split(source, target)
        augmenter = table_augmenter(
            source, target, categorical, sampling_strategy, seed=seed, recipe=recipe,
            max_steps=max_steps, device=device, on_singleton=on_singleton, quiet=quiet,
        ).fit(X, y)  # fmt: skip
        augmenter.save_pretrained(output)
        tables.save_spec(output, source.spec(target))
        if not quiet:
            plan = ", ".join(f"{label}: {how}" for label, how in augmenter.plan_.items())
            say(f"learned {len(X):,} rows ({plan}), saved in {output}")


@app.command()
def augment(
    table: Input,
    target: Target = None,
    output: Output = "-",
    categorical: Categorical = None,
    seed: Seed = None,
    recipe: RecipeName = "auto",
    sampling_strategy: Strategy = None,
    max_steps: MaxSteps = None,
    device: Device = "auto",
    on_singleton: OnSingleton = Singleton.RAISE,
    mark: Annotated[
        bool, typer.Option("--mark", help="Add a column is_synthetic: True or False.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also judge the rows, on a page for browsers (.html)."),
    ] = None,
    encoding: Encoding = ENCODING,
    resize: Resize = None,
    rgb: Rgb = False,
    skip_unreadable: Skip = False,
    image: ImageColumn = None,
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
        from ganaug.cli import images
        from ganaug.cli.files import tables
        from ganaug.cli.pages import check_pages, write_pages

        chosen = image_arguments(table, locals())
        if chosen is not None:
            images.augment(
                table, output, chosen, device=device, originals=originals, mark=mark,
                report=report, force=force, quiet=quiet,
            )  # fmt: skip
            return
        refuse({"--no-originals": not originals}, "images")
        target = need_target(target)
        tables.check_output(output, table, force)
        check_pages(report, force=force)
        check_recipe(recipe)
        source = tables.read(table, encoding)
        X, y = split(source, target)
        tables.check_mark(source, mark)
        augmenter = table_augmenter(
            source, target, categorical, sampling_strategy, seed=seed, recipe=recipe,
            max_steps=max_steps, device=device, on_singleton=on_singleton, quiet=quiet,
        )  # fmt: skip
        X_res, y_res = augmenter.fit_resample(X, y)
        new = X_res.iloc[len(X) :].copy()
        new.insert(source.frame.columns.get_loc(target), target, y_res.iloc[len(X) :].to_numpy())
        new[target] = new[target].astype(y.dtype)
        write_output(output, source.extended(new, mark, output))
        if not quiet:
            _say_added(augmenter, output)
        if report is not None:
            write_pages(augmenter, X, y, seed=seed, page=report, quiet=quiet)


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
        from ganaug.cli.files import tables

        augmenter = GANAugmenter.from_pretrained(model)
        if isinstance(wanted, dict):
            wanted = by_label(wanted, augmenter.classes_.tolist())
        seed = secrets.randbits(32) if seed is None else seed
        if augmenter.model_.kind == "image":
            from ganaug.cli import images

            images.sample(augmenter, wanted, output, seed, quiet)
            return
        tables.check_output(output, "-", force=False)
        spec = tables.load_spec(model)
        X, y = augmenter.sample(wanted, random_state=seed)
        frame = tables.sampled_frame(X, y, spec, target)
        write_output(output, tables.encode(frame, output, spec))
        if not quiet and output != "-":
            say(f"wrote {len(frame):,} rows to {output}")


def _say_added(augmenter: GANAugmenter, output: str) -> None:
    added = {label: n for label, n in augmenter.sampling_strategy_.items() if n}
    if not added:
        say("no class needs more rows: nothing was added")
    for label, number in added.items():
        say(f"class {label!r}: {number:,} synthetic rows added ({augmenter.plan_[label]})")
    if output != "-":
        say(f"wrote {output}")


app.command()(commands_report.report)
app.command()(compare.compare)
