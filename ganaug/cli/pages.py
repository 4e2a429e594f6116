"""The HTML page and the JSON figures that ``report`` and ``augment --report`` write."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganaug.cli.console import say
from ganaug.errors import ConfigError
from ganaug.storage.files import check_writable

if TYPE_CHECKING:
    from ganaug.augmenter import GANAugmenter

_SUFFIXES = {"page": (".html", ".htm"), "numbers": (".json",)}


def check_pages(page: Path | None, numbers: Path | None = None, *, force: bool) -> None:
    """Check, before any work, that the files can be written and that the libraries are there.

    Raises
    ------
    ConfigError
        If not, or if a file exists and ``force`` is not set.
    """
    for kind, path in (("page", page), ("numbers", numbers)):
        if path is None:
            continue
        if path.suffix.lower() not in _SUFFIXES[kind]:
            raise ConfigError(f"{path}: the name of this file must end in {_SUFFIXES[kind][0]}.")
        check_writable(path)
        if path.exists() and not force:
            raise ConfigError(f"{path} exists; --force overwrites it.")
    if page is not None:
        from ganaug.pages.document import need

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
    **held_out: Any,
) -> None:
    """Make a quality report and write its page, and its figures if ``numbers`` is a path.

    ``held_out`` has the options of `quality_report` about held-out rows.
    """
    from ganaug.report.quality import quality_report

    found = quality_report(augmenter, X, y, random_state=seed, **held_out)
    found.to_html(page)
    if numbers is not None:
        found.to_json(numbers)
    if quiet:
        return
    for advice in found.advice:
        say(str(advice), advice.level)
    say(f"wrote {page}" + (f" and {numbers}" if numbers else ""))
