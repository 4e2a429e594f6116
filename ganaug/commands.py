"""The commands ``demo``, ``fit``, ``augment`` and ``sample``: options in, rows out.

Only typer is imported until a command runs, so that ``ganaug --help`` answers at once.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganaug import __version__
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
_TABLE = "CSV, TSV or Parquet file, by its extension; - is CSV on standard input."

Input = Annotated[str, typer.Argument(metavar="TABLE", help=_TABLE)]
Target = Annotated[str, typer.Option("--target", "-t", help="Column with the classes.")]
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
    str, typer.Option("--recipe", metavar="PRESET", help="auto, gan, cgan, wgan or wgan-gp.")
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
    str, typer.Option("--output", "-o", metavar="FILE", help="Result; - is CSV on standard output.")
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
    target: Target,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the model is saved.")
    ],
    categorical: Categorical = None,
    seed: Seed = None,
    recipe: RecipeName = "auto",
    sampling_strategy: Strategy = None,
    max_steps: MaxSteps = None,
    device: Device = "auto",
    on_singleton: OnSingleton = Singleton.RAISE,
    encoding: Encoding = "utf-8",
    force: Annotated[
        bool, typer.Option("--force", help="Save even into a folder with other files.")
    ] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Learn the classes of a table and save the model in a folder."""
    with session(debug):
        from ganaug import tablefile

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
    target: Target,
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
    force: Annotated[bool, typer.Option("--force", help="Overwrite even the input file.")] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Append synthetic rows of the rare classes to a table; the original rows stay as they are."""
    with session(debug):
        from ganaug import tablefile

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
    """Make synthetic rows from a saved model, in the columns of the training table."""
    wanted = _parse_counts(count)
    with session(debug):
        import secrets

        from ganaug import tablefile
        from ganaug.augmenter import GANAugmenter

        tablefile.check_output(output, "-", force=False)
        augmenter = GANAugmenter.from_pretrained(model)
        spec = tablefile.load_spec(model)
        if isinstance(wanted, dict):
            wanted = _by_label(wanted, augmenter.classes_.tolist())
        X, y = augmenter.sample(wanted, random_state=secrets.randbits(32) if seed is None else seed)
        frame = tablefile.sampled_frame(X, y, spec, target)
        tablefile.write(output, tablefile.encode(frame, output, spec))
        if not quiet and output != "-":
            say(f"wrote {len(frame):,} rows to {output}")


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
        sampling_strategy=_parse_strategy(strategy, classes),
        categorical_features=_parse_columns(categorical, source.frame.columns.tolist(), target),
        on_singleton="duplicate" if on_singleton is Singleton.DUPLICATE else "raise",
        max_steps="auto" if max_steps is None else max_steps,
        device=device,
        verbose=0 if quiet else 1,
        random_state=seed,
    )


def _parse_columns(options: list[str] | None, names: list[str], target: str) -> Any:
    """Return the columns of ``--categorical``; a comma separates unless it is part of a name."""
    chosen: list[str] = []
    for option in options or []:
        parts = [option] if option in names else [part.strip() for part in option.split(",")]
        chosen += [part for part in parts if part and part != target]
    features = [name for name in names if name != target]
    for name in chosen:
        if name not in features:
            raise ConfigError(f"--categorical: no column {name!r}; {did_you_mean(name, features)}")
    return chosen or "auto"


def _parse_pairs(options: list[str]) -> dict[str, int]:
    """Return LABEL=COUNT pairs; a comma separates pairs unless it is part of a label."""
    pairs: dict[str, int] = {}
    for option in options:
        parts = option.split(",")
        for part in parts if all("=" in part for part in parts) else [option]:
            label, _, number = part.rpartition("=")
            if not number.strip().isdecimal():
                raise ConfigError(f"{part!r} is not LABEL=COUNT with a count of at least 0.")
            pairs[label] = int(number)
    return pairs


def _parse_strategy(options: list[str] | None, classes: list[Any]) -> Any:
    """Return ``--sampling-strategy`` as imbalanced-learn takes it."""
    if not options:
        return "auto"
    if any("=" in option for option in options):
        return _by_label(_parse_pairs(options), classes)
    if len(options) > 1:
        raise ConfigError("Only LABEL=COUNT may be given more than once to --sampling-strategy.")
    try:
        return float(options[0])
    except ValueError:
        return options[0]


def _parse_counts(options: list[str]) -> Any:
    """Return ``--count`` as a number or as a dictionary by the text of the label."""
    try:
        if any("=" in option for option in options):
            return _parse_pairs(options)
    except ConfigError as error:
        raise typer.BadParameter(str(error), param_hint="--count / -n") from None
    if len(options) > 1 or not options[0].isdecimal():
        raise typer.BadParameter(
            "give one number, or LABEL=COUNT once or more", param_hint="--count / -n"
        )
    return int(options[0])


def _by_label(pairs: dict[str, int], classes: list[Any]) -> dict[Any, int]:
    """Return the counts by the labels themselves, which the command line can only spell."""
    spelled = {str(label): label for label in classes}
    for text in pairs:
        if text not in spelled:
            raise ConfigError(f"There is no class {text!r}; {did_you_mean(text, spelled)}")
    return {spelled[text]: count for text, count in pairs.items()}


def _say_added(augmenter: GANAugmenter, output: str) -> None:
    added = {label: n for label, n in augmenter.sampling_strategy_.items() if n}
    if not added:
        say("no class needs more rows: nothing was added")
    for label, number in added.items():
        say(f"class {label!r}: {number:,} synthetic rows added ({augmenter.plan_[label]})")
    if output != "-":
        say(f"wrote {output}")


from ganaug import commands_report  # noqa: E402  its command takes the options above
