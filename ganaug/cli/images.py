"""What the commands ``fit``, ``augment``, ``sample`` and ``report`` do with images.

A run can be killed and repeated: see :mod:`ganaug.cli.image_run`.
"""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import typer

from ganaug.cli import image_run
from ganaug.cli.console import say
from ganaug.cli.files import image_names, images, kinds, tables
from ganaug.cli.image_fit import Pairs, deciding_options, fit_images, open_source, read_images
from ganaug.cli.pages import check_pages, write_pages
from ganaug.cli.request import Request
from ganaug.errors import ConfigError
from ganaug.recipe import Recipe
from ganaug.storage.files import write_output
from ganaug.version import __version__

if TYPE_CHECKING:
    from ganaug.augmenter import GANAugmenter

# ------------------------------------------------------------------ augment


def augment(
    request: Request,
    output: str,
    *,
    originals: bool,
    mark: bool,
    report: Path | None,
    force: bool,
    quiet: bool,
) -> None:
    """Write the images of a folder or Parquet file and synthetic ones of its rare classes."""
    if output == "-":
        raise typer.BadParameter("images need a place of their own", param_hint="--output / -o")
    path, result = Path(request.source), Path(output)
    folder = path.is_dir()
    _check_places(path, result, folder=folder, mark=mark)
    Recipe.preset(request.training.recipe, "image")
    source = open_source(request)
    options = {
        "version": __version__, "originals": originals, "mark": mark, **deciding_options(request)
    }  # fmt: skip
    fingerprint = image_run.fingerprint_of(source.digest(), options)
    if _is_done(result, fingerprint, folder=folder, force=force):
        image_run.remove_old(result)
        _add_page(result, source, request, report, quiet=quiet)
        return
    run = image_run.Run(result)
    same_page = report is not None and image_run.read_state(run.folder).get("report") == str(report)
    check_pages(report, force=force or same_page)
    if isinstance(source, images.ParquetSource) and (empty := source.empty_columns(mark)):
        say(f"{', '.join(empty)}: empty in synthetic rows", "warning")
    seed = secrets.randbits(32) if request.training.seed is None else request.training.seed
    with run:
        continued = run.begin(fingerprint, seed, {"source": request.source, **options}, force)
        if continued and not quiet:
            say(f"continuing the run in {run.folder}")
        _complete(run, source, request, report, quiet=quiet)
        if isinstance(source, images.FolderSource):
            _finish_folder(run, source, result, originals=originals, quiet=quiet)
        else:
            _finish_parquet(run, source, result, originals=originals, mark=mark)
    if not quiet:
        _say_made(run, output)


def _check_places(source: Path, result: Path, *, folder: bool, mark: bool) -> None:
    """Raise `ConfigError`, before any work, if the result cannot be written there."""
    inside, outside = source.resolve(), result.resolve()
    same = inside == outside
    if folder and (same or inside in outside.parents or outside in inside.parents):
        raise ConfigError(f"{result} and {source} are one in the other: name a folder beside it.")
    if not result.absolute().parent.is_dir():
        raise ConfigError(f"There is no folder {result.absolute().parent} for {result.name}.")
    image_run.check_old(result)
    if folder and mark:
        raise ConfigError("--mark is for tables; manifest.csv says which files are synthetic.")
    if not folder and result.suffix.lower() not in kinds.PARQUET:
        raise ConfigError(f"{result}: images of a Parquet file go into a Parquet file.")
    if not folder and same:
        raise ConfigError(f"{result} is the input file; name another one.")


def _is_done(result: Path, fingerprint: str, *, folder: bool, force: bool) -> bool:
    """Return whether the result is complete; raise `ConfigError` if other files are there."""
    if not result.exists():
        return False
    if folder and result.is_dir():
        state = image_run.read_state(result)
        if state.get("fingerprint") == fingerprint:
            return not force
        if not state and any(result.iterdir()):  # not even --force removes files of others
            raise ConfigError(f"{result} has other files in it; name another folder.")
        if not force and state:
            raise ConfigError(f"{result} holds the result of another run; --force replaces it.")
        return False
    if folder or result.is_dir():
        raise ConfigError(f"{result} is a {'file' if folder else 'folder'}; name another place.")
    if force:
        return False
    if images.finished_fingerprint(result) == fingerprint:
        return True
    raise ConfigError(f"{result} exists; --force overwrites it.")


def _complete(
    run: image_run.Run, source: images.Source, request: Request, report: Path | None, *, quiet: bool
) -> None:
    """Do what is left of a run."""
    data = None
    try:
        if not run.state.get("complete"):
            data = _train_and_write(run, source, request, quiet=quiet)
        if report is not None:
            _judge(run, source, request, report, data, quiet=quiet)
    except KeyboardInterrupt:
        if run.folder.exists():
            say(f"what is done is kept in {run.folder}: repeat the command to continue")
        raise


def _train_and_write(
    run: image_run.Run, source: images.Source, request: Request, *, quiet: bool
) -> Pairs | None:
    """Train, or load the model of an earlier start, and write the images that are still missing.

    Returns
    -------
    tuple of ndarray or None
        Images and labels, if they had to be read.
    """
    seed, data = int(run.state["seed"]), None
    augmenter = run.load(request.training.device)
    if augmenter is None:
        try:
            augmenter, data = fit_images(source, request, seed=seed, adds=True, quiet=quiet)
        except BaseException:
            if not run.trained:  # nothing is lost
                run.drop()
            raise
        augmenter.save_pretrained(run.model)
    wanted = {label: n for label, n in augmenter.sampling_strategy_.items() if n}
    first = {label: source.first_number(label) for label in wanted}
    image_run.make_images(
        augmenter, wanted, run.folder, seed, first=first, progress=not quiet, name=source.folder
    )
    made = {
        str(label): {"images": n, "first": first[label], "method": augmenter.plan_[label]}
        for label, n in wanted.items()
    }
    run.save(complete=True, made=made)
    return data


def _judge(
    run: image_run.Run,
    source: images.Source,
    request: Request,
    report: Path,
    data: Pairs | None,
    *,
    quiet: bool,
) -> None:
    """Write the page of a run, unless an earlier start of the run has written it."""
    if run.state.get("judged") == str(report) and report.exists():
        return
    run.save(report=str(report))
    _write_page(source, request, report, data, seed=int(run.state["seed"]), quiet=quiet)
    run.save(judged=str(report))


def _add_page(
    result: Path, source: images.Source, request: Request, report: Path | None, *, quiet: bool
) -> None:
    """Write the page of a complete result, if one is requested and missing."""
    if report is None:
        say(f"{result} is complete already: nothing to do")
    elif report.exists():
        say(f"{result} is complete already and {report} exists; --force makes both anew")
    else:
        check_pages(report, force=False)
        seed = image_run.read_state(result).get("seed", request.training.seed)
        say(f"{result} is complete already: only the report is made")
        _write_page(source, request, report, None, seed=seed, quiet=quiet)


def _write_page(
    source: images.Source,
    request: Request,
    page: Path,
    data: Pairs | None,
    *,
    seed: int | None,
    quiet: bool,
    **more: Any,
) -> None:
    augmenter = request.augmenter(source.labels, seed=seed, quiet=quiet)
    X, y = read_images(source, request, quiet=quiet) if data is None else data
    write_pages(augmenter, X, y, seed=seed, page=page, quiet=quiet, **more)


def _made_files(run: image_run.Run, source: images.Source) -> dict[Any, list[Path]]:
    """Return the files of a complete run by class."""
    label_of = {str(label): label for label in source.labels}
    return {
        label_of[text]: [
            run.folder / source.folder(label_of[text]) / name
            for name in image_names.file_names(done["first"], done["images"])
        ]
        for text, done in run.state["made"].items()
    }


def _finish_folder(
    run: image_run.Run, source: images.FolderSource, result: Path, *, originals: bool, quiet: bool
) -> None:
    """Add the originals and the list of files, and put the folder in its place."""
    made = _made_files(run, source)
    kept = [file.relative_to(source.path) for file in source.files] if originals else []
    copies = {source.path / file: run.folder / file for file in kept}
    image_run.copy_files(copies, progress=not quiet)
    rows: list[tuple[str, Any, bool]] = [(file.as_posix(), file.parts[0], False) for file in kept]
    rows += [
        (file.relative_to(run.folder).as_posix(), label, True)
        for label, files in made.items()
        for file in files
    ]
    write_output(str(run.folder / "manifest.csv"), image_names.manifest_csv(rows))
    image_run.publish(run, result)


def _finish_parquet(
    run: image_run.Run, source: images.Source, result: Path, *, originals: bool, mark: bool
) -> None:
    """Write the Parquet file and remove the folder of the run."""
    assert isinstance(source, images.ParquetSource)
    made, fingerprint = _made_files(run, source), str(run.state["fingerprint"])
    data = source.extended(made, fingerprint, result, originals=originals, mark=mark)
    write_output(str(result), data)
    run.drop()


def _say_made(run: image_run.Run, output: str) -> None:
    if not run.state["made"]:
        say("no class needs more images: nothing was added")
    for label, done in run.state["made"].items():
        say(f"class {label!r}: {done['images']:,} synthetic images added ({done['method']})")
    say(f"wrote {output}")


# ------------------------------------------------------------------ sample


def sample(augmenter: GANAugmenter, wanted: Any, output: str, *, seed: int, quiet: bool) -> None:
    """Write images of a saved model into a new folder.

    ``wanted`` is a number of images in all, or of each class.
    """
    if output == "-":
        raise ConfigError("Images go into a folder: name it by --output.")
    result = Path(output)
    if result.exists() and (not result.is_dir() or any(result.iterdir())):
        raise ConfigError(f"{output} exists and is not an empty folder; name another one.")
    counts = wanted if isinstance(wanted, dict) else _counts(augmenter, wanted)
    existed = result.exists()
    try:
        image_run.make_images(augmenter, counts, result, seed, first={}, progress=not quiet)
    except BaseException:
        if not existed:
            shutil.rmtree(result, ignore_errors=True)
        raise
    if not quiet:
        say(f"wrote {sum(counts.values()):,} images to {output}")


def _counts(augmenter: GANAugmenter, n_images: int) -> dict[Any, int]:
    """Return the images of each class among ``n_images``, in the proportions of training."""
    from ganaug.models.classes import turns_of

    classes = augmenter.classes_.tolist()
    codes = turns_of(classes, augmenter.sampling_strategy_, n_images)
    counts = np.bincount(codes, minlength=len(classes)).tolist()
    return dict(zip(classes, counts, strict=True))


# ------------------------------------------------------------------ fit


def fit(request: Request, output: Path, *, force: bool, quiet: bool) -> None:
    """Learn the classes of images and save the model in a folder."""
    tables.check_folder(output, force)
    Recipe.preset(request.training.recipe, "image")
    source = open_source(request)
    augmenter, (X, _) = fit_images(
        source, request, seed=request.training.seed, adds=False, quiet=quiet
    )
    augmenter.save_pretrained(output)
    if not quiet:
        plan = ", ".join(f"{label}: {method}" for label, method in augmenter.plan_.items())
        say(f"learned {len(X):,} images ({plan}), saved in {output}")


# ------------------------------------------------------------------ report


def report(
    request: Request, page: Path, *, numbers: Path | None, test_size: float, quiet: bool
) -> None:
    """Judge synthetic images and write a page, and the figures for programs if wanted."""
    Recipe.preset(request.training.recipe, "image")
    source = open_source(request)
    _write_page(
        source, request, page, None, seed=request.training.seed, quiet=quiet,
        numbers=numbers, test_size=test_size,
    )  # fmt: skip
