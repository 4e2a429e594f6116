"""The commands ``demo``, ``fit``, ``augment`` and ``sample``: options in, rows out.

Only typer is imported until a command runs, so that ``ganaug --help`` answers at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganaug import __version__
from ganaug.arguments import by_label, parse_columns, parse_counts, parse_strategy
from ganaug.console import say, session
from ganaug.errors import ConfigError, InvalidInputError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

    from ganaug.augmenter import GANAugmenter
    from ganaug.tablefile import Table

app = typer.Typer(
    name="ganaug",
    help="Give imbalanced training sets the rare rows they lack, made by a conditional GAN.",
    epilog="Exit status: 0 success, 1 error, 2 wrong usage, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


class Singleton(StrEnum):
    """What to do with a class of one row."""

    RAISE = "raise"
    DUPLICATE = "duplicate"


_SEED_MAX = 2**32 - 1
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
    int | None, typer.Option(min=0, max=_SEED_MAX, help="The same seed gives the same rows.")
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
    seed: Annotated[int, typer.Option(min=0, max=_SEED_MAX)] = 0,
    max_steps: MaxSteps = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Compare ganaug with doing nothing, duplication and SMOTE on real data, with pictures."""
    with session(debug):
        from ganaug.demo import run_demo

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
    encoding: Encoding = "utf-8",
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
        from ganaug import commands_images, imagefile, imagefit, tablefile

        if imagefile.holds_images(table):
            _refuse({"--categorical": categorical}, "tables")
            chosen = imagefit.ImageArguments(
                sampling_strategy, seed, recipe, max_steps, on_singleton.value, resize, rgb,
                skip_unreadable, target, image,
            )  # fmt: skip
            commands_images.fit(table, output, chosen, device=device, force=force, quiet=quiet)
            return
        _refuse(_for_images(resize, rgb, skip_unreadable, image), "images")
        target = _need_target(target)
        tablefile.check_folder(output, force)
        _check_recipe(recipe)
        source = tablefile.read(table, encoding)
        X, y = _split(source, target)
        augmenter = _augmenter(
            source, target, categorical, sampling_strategy, seed=seed, recipe=recipe,
            max_steps=max_steps, device=device, on_singleton=on_singleton, quiet=quiet,
        ).fit(X, y)  # fmt: skip
        augmenter.save_pretrained(output)
        tablefile.save_spec(output, source.spec(target))
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
    encoding: Encoding = "utf-8",
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
            "--force", help="Overwrite even the input file; for images, any earlier result."
        ),
    ] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Add synthetic rows or images of the rare classes; the originals stay as they are."""
    with session(debug):
        from ganaug import commands_images, imagefile, imagefit, tablefile

        if imagefile.holds_images(table):
            _refuse({"--categorical": categorical}, "tables")
            chosen = imagefit.ImageArguments(
                sampling_strategy, seed, recipe, max_steps, on_singleton.value, resize, rgb,
                skip_unreadable, target, image,
            )  # fmt: skip
            commands_images.augment(
                table, output, chosen, device=device, originals=originals, mark=mark,
                report=report, force=force, quiet=quiet,
            )  # fmt: skip
            return
        _refuse(_for_images(resize, rgb, skip_unreadable, image), "images")
        _refuse({"--no-originals": not originals}, "images")
        target = _need_target(target)
        tablefile.check_output(output, table, force)
        commands_report.check_pages(report)
        _check_recipe(recipe)
        source = tablefile.read(table, encoding)
        X, y = _split(source, target)
        tablefile.check_mark(source, mark)
        augmenter = _augmenter(
            source, target, categorical, sampling_strategy, seed=seed, recipe=recipe,
            max_steps=max_steps, device=device, on_singleton=on_singleton, quiet=quiet,
        )  # fmt: skip
        X_res, y_res = augmenter.fit_resample(X, y)
        new = X_res.iloc[len(X) :].copy()
        new.insert(source.frame.columns.get_loc(target), target, y_res.iloc[len(X) :].to_numpy())
        new[target] = new[target].astype(y.dtype)
        tablefile.write(output, source.extended(new, mark, output))
        if not quiet:
            _say_added(augmenter, output)
        if report is not None:
            commands_report.write_pages(augmenter, X, y, seed=seed, page=report, quiet=quiet)


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

        from ganaug import tablefile
        from ganaug.augmenter import GANAugmenter

        augmenter = GANAugmenter.from_pretrained(model)
        if isinstance(wanted, dict):
            wanted = by_label(wanted, augmenter.classes_.tolist())
        seed = secrets.randbits(32) if seed is None else seed
        if augmenter._modality.name == "image":
            from ganaug import commands_images

            commands_images.sample(augmenter, wanted, output, seed, quiet)
            return
        tablefile.check_output(output, "-", force=False)
        spec = tablefile.load_spec(model)
        X, y = augmenter.sample(wanted, random_state=seed)
        frame = tablefile.sampled_frame(X, y, spec, target)
        tablefile.write(output, tablefile.encode(frame, output, spec))
        if not quiet and output != "-":
            say(f"wrote {len(frame):,} rows to {output}")


def _refuse(options: Mapping[str, Any], kind: str) -> None:
    """Refuse options that do nothing here."""
    for name, value in options.items():
        if value:
            raise ConfigError(f"{name} is for {kind}.")


def _for_images(
    resize: str | None, rgb: bool, skip_unreadable: bool, image: str | None
) -> dict[str, Any]:
    return {
        "--resize": resize, "--rgb": rgb, "--skip-unreadable": skip_unreadable, "--image": image
    }  # fmt: skip


def _need_target(target: str | None) -> str:
    if target is None:
        raise typer.BadParameter("name the column of the classes", param_hint="--target / -t")
    return target


def _check_recipe(name: str) -> None:
    from ganaug.recipe import Recipe

    Recipe.preset(name)


def _split(source: Table, target: str) -> tuple[pd.DataFrame, pd.Series]:
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


def _augmenter(
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


def _say_added(augmenter: GANAugmenter, output: str) -> None:
    added = {label: n for label, n in augmenter.sampling_strategy_.items() if n}
    if not added:
        say("no class needs more rows: nothing was added")
    for label, number in added.items():
        say(f"class {label!r}: {number:,} synthetic rows added ({augmenter.plan_[label]})")
    if output != "-":
        say(f"wrote {output}")


from ganaug import commands_report  # noqa: E402  its command takes the options above
