"""The page and the figures that ``report`` and ``augment --report`` write."""

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
    """Refuse, before any work, files that cannot be written, and missing libraries.

    Without ``force`` also files that are there.

    Raises
    ------
    ConfigError
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
