"""The command ``compare``: what to do about the imbalance of a table, by cross-validation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganaug.cli.console import session
from ganaug.cli.options import (
    ENCODING,
    Categorical,
    Debug,
    Device,
    Encoding,
    Input,
    MaxSteps,
    OnSingleton,
    Quiet,
    RecipeName,
    Seed,
    Singleton,
    Strategy,
    Target,
    check_recipe,
    need_target,
    split,
    table_augmenter,
)


def compare(
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
    categorical: Categorical = None,
    seed: Seed = None,
    recipe: RecipeName = "auto",
    sampling_strategy: Strategy = None,
    max_steps: MaxSteps = None,
    device: Device = "auto",
    on_singleton: OnSingleton = Singleton.RAISE,
    encoding: Encoding = ENCODING,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Compare class weights, SMOTE, ganaug and others on a table: which of them helps, if any."""
    with session(debug):
        from ganaug.choose.classifiers import CLASSIFIERS, table_classifier
        from ganaug.choose.compare import compare as compare_all
        from ganaug.choose.dose import check_scoring
        from ganaug.cli.files import images, tables
        from ganaug.cli.pages import check_pages
        from ganaug.errors import ConfigError, did_you_mean
        from ganaug.runtime.rng import derive, seed_from

        if images.holds_images(table):
            raise ConfigError("compare is for tables; for images see ganaug report.")
        target = need_target(target)
        check_pages(output, json, force=True)
        check_recipe(recipe)
        check_scoring(scoring)
        if classifier not in CLASSIFIERS:
            known = did_you_mean(classifier, CLASSIFIERS)
            raise ConfigError(f"There is no classifier {classifier!r}; {known}")
        source = tables.read(table, encoding)
        X, y = split(source, target)
        augmenter = table_augmenter(
            source, target, categorical, sampling_strategy, seed=seed, recipe=recipe,
            max_steps=max_steps, device=device, on_singleton=on_singleton, quiet=True,
        )  # fmt: skip
        state = seed_from(seed)
        model = table_classifier(derive(state, "classifier"), classifier)
        found = compare_all(
            X, y, model, augmenter=augmenter, cv=folds, scoring=scoring, random_state=state
        )
        for path, write in ((output, found.to_html), (json, found.to_json)):
            if path is not None:
                write(path)
        typer.echo(found.advice if quiet else str(found))
