"""What the command lines have in common: default folders, and names separated by commas."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TABLES = ROOT.parent / "shared" / "data" / "tabular"
IMAGES = ROOT.parent / "shared" / "data" / "images"
RESULTS = ROOT / "benchmarks" / "results"
CACHE = ROOT / "benchmarks" / ".cache"
"""What the methods made, for all scripts: a fit serves whoever needs the same one."""


def chosen(text: str | None, known: Sequence[str], default: Sequence[str]) -> tuple[str, ...]:
    """Return the names in a comma-separated option; one that is not known ends the program."""
    if text is None:
        return tuple(default)
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SystemExit(f"Unknown: {', '.join(unknown)}. There are: {', '.join(known)}.")
    return names
