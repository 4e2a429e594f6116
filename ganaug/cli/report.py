"""The command ``report``: how synthetic rows or images compare with real ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganaug.cli.console import session
from ganaug.cli.options import (
    Debug,
    Input,
    Quiet,
    ReadingOptions,
    Target,
    TrainingOptions,
    unpack_groups,
)
from ganaug.cli.request import Request, asks_for_images, check_unused


@unpack_groups
def report(
    *,
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
    training: TrainingOptions,
    reading: ReadingOptions,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Compare synthetic rows or images with held-out real ones: a page with figures and advice."""
    with session(debug):
        from ganaug.cli import images, tables
        from ganaug.cli.pages import check_pages

        request = Request(table, target, training, reading)
        check_pages(output, json, force=True)
        if asks_for_images(request):
            check_unused({"--test": test}, "tables")
            images.report(request, output, numbers=json, test_size=test_size, quiet=quiet)
        else:
            tables.report(
                request, output, numbers=json, test=test, test_size=test_size, quiet=quiet
            )
