"""What the commands ``fit``, ``augment``, ``sample`` and ``report`` do with tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganaug.cli.arguments import parse_columns
from ganaug.cli.console import say
from ganaug.cli.files import tables
from ganaug.cli.pages import check_pages, write_pages
from ganaug.cli.request import Request
from ganaug.errors import InvalidInputError, did_you_mean
from ganaug.recipe import Recipe
from ganaug.storage.files import write_output

if TYPE_CHECKING:
    import pandas as pd

    from ganaug.augmenter import GANAugmenter


def read_rows(
    path: str, encoding: str, target: str
) -> tuple[tables.Table, pd.DataFrame, pd.Series]:
    """Return a table, its features and its classes.

    Raises
    ------
    InvalidInputError
        If the table has no rows, no features, or no column of that name.
    """
    table = tables.read(path, encoding)
    names = table.frame.columns.tolist()
    if target not in names:
        raise InvalidInputError(
            f"{table.name} has no column {target!r}; {did_you_mean(target, names)}"
        )
    if len(names) == 1:
        raise InvalidInputError(f"{table.name} has no column besides the target {target!r}.")
    if not len(table.frame):
        raise InvalidInputError(f"{table.name} has a header but no rows.")
    return table, table.frame.drop(columns=target), table.frame[target]


def new_augmenter(request: Request, table: tables.Table, *, quiet: bool) -> GANAugmenter:
    """Return an unfitted augmenter for a table."""
    target, training = request.need_target(), request.training
    names = table.frame.columns.tolist()
    return request.augmenter(
        table.frame[target].dropna().unique().tolist(),
        seed=training.seed,
        quiet=quiet,
        categorical=parse_columns(training.categorical, names, target),
    )


def fit(request: Request, output: Path, *, force: bool, quiet: bool) -> None:
    """Learn the classes of a table and save the model in a folder."""
    target = request.need_target()
    tables.check_folder(output, force)
    Recipe.preset(request.training.recipe)
    table, X, y = read_rows(request.source, request.reading.encoding, target)
    augmenter = new_augmenter(request, table, quiet=quiet).fit(X, y)
    augmenter.save_pretrained(output)
    tables.save_spec(output, table.spec(target))
    if not quiet:
        plan = ", ".join(f"{label}: {method}" for label, method in augmenter.plan_.items())
        say(f"learned {len(X):,} rows ({plan}), saved in {output}")


def augment(
    request: Request, output: str, *, mark: bool, report: Path | None, force: bool, quiet: bool
) -> None:
    """Write a table and synthetic rows of its rare classes."""
    target = request.need_target()
    tables.check_output(output, request.source, force)
    check_pages(report, force=force)
    Recipe.preset(request.training.recipe)
    table, X, y = read_rows(request.source, request.reading.encoding, target)
    tables.check_mark(table, mark)
    augmenter = new_augmenter(request, table, quiet=quiet)
    X_res, y_res = augmenter.fit_resample(X, y)
    added = X_res.iloc[len(X) :].copy()
    place = table.frame.columns.get_loc(target)
    added.insert(place, target, y_res.iloc[len(X) :].to_numpy())
    added[target] = added[target].astype(y.dtype)
    write_output(output, table.extended(added, mark, output))
    if not quiet:
        _say_added(augmenter, output)
    if report is not None:
        write_pages(augmenter, X, y, seed=request.training.seed, page=report, quiet=quiet)


def _say_added(augmenter: GANAugmenter, output: str) -> None:
    added = {label: n for label, n in augmenter.sampling_strategy_.items() if n}
    if not added:
        say("no class needs more rows: nothing was added")
    for label, number in added.items():
        say(f"class {label!r}: {number:,} synthetic rows added ({augmenter.plan_[label]})")
    if output != "-":
        say(f"wrote {output}")


def sample(
    augmenter: GANAugmenter,
    wanted: Any,
    model: Path,
    output: str,
    *,
    target: str | None,
    seed: int,
    quiet: bool,
) -> None:
    """Write rows of a saved model.

    Parameters
    ----------
    augmenter : GANAugmenter
    wanted : int or dict
        Rows in all, or of each class.
    model : Path
        Folder of the model, which also has the names of the columns.
    output : str
    target : str or None
        Name of the class column; None takes that of the training table.
    seed : int
    quiet : bool
    """
    tables.check_output(output, "-", force=False)
    spec = tables.load_spec(model)
    X, y = augmenter.sample(wanted, random_state=seed)
    frame = tables.sampled_frame(X, y, spec, target)
    write_output(output, tables.encode(frame, output, spec))
    if not quiet and output != "-":
        say(f"wrote {len(frame):,} rows to {output}")


def report(
    request: Request,
    page: Path,
    *,
    numbers: Path | None,
    test: str | None,
    test_size: float,
    quiet: bool,
) -> None:
    """Judge synthetic rows and write a page, and the figures for programs if wanted.

    ``test`` is a table of real rows to compare with; without one, ``test_size`` of each class are
    held out.
    """
    target, encoding = request.need_target(), request.reading.encoding
    Recipe.preset(request.training.recipe)
    table, X, y = read_rows(request.source, encoding, target)
    held_out: dict[str, Any] = {"test_size": test_size}
    if test is not None:
        _, X_test, y_test = read_rows(test, encoding, target)
        held_out = {"X_test": X_test, "y_test": y_test}
    augmenter = new_augmenter(request, table, quiet=quiet)
    seed = request.training.seed
    write_pages(augmenter, X, y, seed=seed, page=page, numbers=numbers, quiet=quiet, **held_out)
