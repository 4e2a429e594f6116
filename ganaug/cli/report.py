"""The command ``report``: are synthetic rows any good? And the page that ``augment`` can add."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ganaug.cli.console import session
from ganaug.cli.options import (
    ENCODING,
    Categorical,
    Debug,
    Device,
    Encoding,
    ImageColumn,
    Input,
    MaxSteps,
    OnSingleton,
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


def report(
    table: Input,
    target: Target = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="A page for browsers (.html).")
    ] = Path("report.html"),
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The figures for programs (.json).")
    ] = None,
    test: Annotated[
        str | None,
        typer.Option(
            metavar="TABLE",
            help="Real rows to compare with.  [default: a share of TABLE is held out]",
        ),
    ] = None,
    test_size: Annotated[
        float, typer.Option(help="Share of each class that is held out without --test.")
    ] = 0.3,
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
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Compare synthetic rows or images with held-out real ones: a page with figures and advice."""
    with session(debug):
        from ganaug.cli import images
        from ganaug.cli.files import tables
        from ganaug.cli.pages import check_pages, write_pages

        check_pages(output, json, force=True)
        chosen = image_arguments(table, locals())
        if chosen is not None:
            refuse({"--test": test}, "tables")
            images.report(
                table, output, chosen, device=device, numbers=json, test_size=test_size, quiet=quiet
            )
            return
        target = need_target(target)
        check_recipe(recipe)
        source = tables.read(table, encoding)
        X, y = split(source, target)
        held: dict[str, Any] = {"test_size": test_size}
        if test is not None:
            X_test, y_test = split(tables.read(test, encoding), target)
            held = {"X_test": X_test, "y_test": y_test}
        augmenter = table_augmenter(
            source, target, categorical, sampling_strategy, seed=seed, recipe=recipe,
            max_steps=max_steps, device=device, on_singleton=on_singleton, quiet=quiet,
        )  # fmt: skip
        write_pages(augmenter, X, y, seed=seed, page=output, numbers=json, quiet=quiet, **held)
