"""The command ``report``: are synthetic rows any good? And the page that ``augment`` can add."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganaug import commands
from ganaug.commands import (
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
    app,
)
from ganaug.console import say, session
from ganaug.errors import ConfigError

if TYPE_CHECKING:
    from ganaug.augmenter import GANAugmenter

_SUFFIXES = {"page": (".html", ".htm"), "numbers": (".json",)}


@app.command()
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
    encoding: Encoding = "utf-8",
    resize: Resize = None,
    rgb: Rgb = False,
    skip_unreadable: Skip = False,
    image: ImageColumn = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Compare synthetic rows or images with held-out real ones: a page with figures and advice."""
    with session(debug):
        from ganaug import imagefile, imagefit, tablefile

        check_pages(output, json)
        if imagefile.holds_images(table):
            commands._refuse({"--categorical": categorical, "--test": test}, "tables")
            options = imagefit.ImageArguments(
                sampling_strategy, seed, recipe, max_steps, on_singleton.value, resize, rgb,
                skip_unreadable, target, image,
            )  # fmt: skip
            images = imagefit.open_source(table, options)
            X, y = imagefit.read_images(images, options, quiet)
            augmenter = imagefit.new_augmenter(
                images, options, seed=seed, device=device, quiet=quiet
            )
            write_pages(
                augmenter, X, y, seed=seed, page=output, numbers=json, quiet=quiet,
                test_size=test_size,
            )  # fmt: skip
            return
        commands._refuse(commands._for_images(resize, rgb, skip_unreadable, image), "images")
        target = commands._need_target(target)
        commands._check_recipe(recipe)
        source = tablefile.read(table, encoding)
        X, y = commands._split(source, target)
        held: dict[str, Any] = {"test_size": test_size}
        if test is not None:
            X_test, y_test = commands._split(tablefile.read(test, encoding), target)
            held = {"X_test": X_test, "y_test": y_test}
        augmenter = commands._augmenter(
            source, target, categorical, sampling_strategy, seed=seed, recipe=recipe,
            max_steps=max_steps, device=device, on_singleton=on_singleton, quiet=quiet,
        )  # fmt: skip
        write_pages(augmenter, X, y, seed=seed, page=output, numbers=json, quiet=quiet, **held)


def check_pages(page: Path | None, numbers: Path | None = None) -> None:
    """Refuse, before any work, files that cannot be written, and missing libraries.

    Raises
    ------
    ConfigError
    """
    from ganaug import tablefile

    for kind, path in (("page", page), ("numbers", numbers)):
        if path is None:
            continue
        if path.suffix.lower() not in _SUFFIXES[kind]:
            raise ConfigError(f"{path}: the name of this file must end in {_SUFFIXES[kind][0]}.")
        tablefile.check_writable(path)
    if page is not None:
        from ganaug.report.result import need

        need("matplotlib", "jinja2")


def write_pages(
    augmenter: GANAugmenter,
    X: Any,
    y: Any,
    *,
    seed: int | None,
    page: Path,
    numbers: Path | None = None,
    quiet: bool = False,
    **held: Any,
) -> None:
    """Judge an augmenter and write what was found."""
    from ganaug.report.quality import quality_report

    found = quality_report(augmenter, X, y, random_state=seed, **held)
    found.to_html(page)
    if numbers is not None:
        found.to_json(numbers)
    if quiet:
        return
    for advice in found.advice:
        say(str(advice), advice.level)
    say(f"wrote {page}" + (f" and {numbers}" if numbers else ""))
