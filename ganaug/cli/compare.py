"""The command ``compare``: what to do about the imbalance of a table, by cross-validation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganaug.cli.console import session
from ganaug.cli.options import (
    ENCODING,
    Debug,
    Encoding,
    Input,
    Quiet,
    ReadingOptions,
    Target,
    TrainingOptions,
    unpack_groups,
)
from ganaug.cli.request import Request

if TYPE_CHECKING:
    from ganaug.choose.result import Comparison


@unpack_groups
def compare(
    *,
    table: Input,
    target: Target = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Also a page for browsers (.html)."),
    ] = None,
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also the figures for programs (.json).")
    ] = None,
    scoring: Annotated[
        str, typer.Option(metavar="NAME", help="What counts, by scikit-learn's name for it.")
    ] = "balanced_accuracy",
    folds: Annotated[int, typer.Option(min=2, help="Of the cross-validation.")] = 5,
    classifier: Annotated[
        str, typer.Option(metavar="NAME", help="boosting, forest, logistic or knn.")
    ] = "boosting",
    training: TrainingOptions,
    encoding: Encoding = ENCODING,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Compare class weights, SMOTE, ganaug and others on a table: which of them helps, if any."""
    with session(debug):
        request = Request(table, target, training, ReadingOptions(encoding=encoding))
        _check(request, output, json, scoring, classifier)
        found = _compare(request, scoring, folds, classifier)
        for path, write in ((output, found.to_html), (json, found.to_json)):
            if path is not None:
                write(path)
        typer.echo(found.advice if quiet else str(found))


def _check(
    request: Request, page: Path | None, numbers: Path | None, scoring: str, classifier: str
) -> None:
    """Raise before any work if the request cannot be carried out."""
    from ganaug.choose.classifiers import CLASSIFIERS
    from ganaug.choose.dose import check_scoring
    from ganaug.cli.files.kinds import holds_images
    from ganaug.cli.pages import check_pages
    from ganaug.errors import ConfigError, did_you_mean
    from ganaug.recipe import Recipe

    if holds_images(request.source):
        raise ConfigError("compare is for tables; for images see ganaug report.")
    request.need_target()
    check_pages(page, numbers, force=True)
    Recipe.preset(request.training.recipe)
    check_scoring(scoring)
    if classifier not in CLASSIFIERS:
        known = did_you_mean(classifier, CLASSIFIERS)
        raise ConfigError(f"There is no classifier {classifier!r}; {known}")


def _compare(request: Request, scoring: str, folds: int, classifier: str) -> Comparison:
    """Read the table and compare the remedies on it."""
    from ganaug.choose.classifiers import table_classifier
    from ganaug.choose.compare import compare
    from ganaug.cli import tables
    from ganaug.runtime.rng import derive, seed_from

    target = request.need_target()
    table, X, y = tables.read_rows(request.source, request.reading.encoding, target)
    # Each of many trainings would show a bar of its own.
    augmenter = tables.new_augmenter(request, table, quiet=True)
    state = seed_from(request.training.seed)
    model = table_classifier(derive(state, "classifier"), classifier)
    return compare(X, y, model, augmenter=augmenter, cv=folds, scoring=scoring, random_state=state)
