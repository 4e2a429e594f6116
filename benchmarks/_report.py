"""What every report is made of: Markdown tables and numbers, what ran where, strict JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a Markdown table; numbers to the right."""
    body = [[cell if isinstance(cell, str) else number(cell) for cell in row] for row in rows]
    widths = [max(len(x) for x in column) for column in zip(header, *body, strict=True)]

    def line(cells: Sequence[str]) -> str:
        first = cells[0].ljust(widths[0])
        rest = [cell.rjust(w) for cell, w in zip(cells[1:], widths[1:], strict=True)]
        return "| " + " | ".join([first, *rest]) + " |"

    rule = "|" + "|".join("-" * (w + 1) + (":" if i else "-") for i, w in enumerate(widths)) + "|"
    return "\n".join([line(header), rule, *map(line, body)])


def number(value: float, digits: int = 3) -> str:
    """Return a number for a table; a dash for what is not available."""
    if isinstance(value, (int, np.integer)):
        return str(value)
    return f"{value:.{digits}f}" if math.isfinite(value) else "-"


def tally(row: Mapping[Any, Any]) -> str:
    """Return the wins, ties and losses of a comparison."""
    return f"{row['wins']}/{row['ties']}/{row['losses']}"


def ordered(names: Iterable[str], known: Iterable[str]) -> list[str]:
    """Return names in the order of those that are known, the others after them."""
    place = {name: i for i, name in enumerate(known)}
    return sorted(dict.fromkeys(names), key=lambda name: place.get(name, len(place)))


def header(environment: Mapping[str, Any], more: Iterable[str], cut: str) -> str:
    """Return what ran where: command, machine and versions, then the benchmark's own lines.

    Parameters
    ----------
    environment : mapping
        Of ``_environment.describe``.
    more : iterable of str
        Lines about data and settings.
    cut : str
        What the time limit left out; empty for nothing.
    """
    versions = ", ".join(f"{k} {v}" for k, v in environment["versions"].items() if v)
    lines = [
        f"Command: `{environment['command']}` ({environment['date']})",
        f"Machine: {environment['processor']}, {environment['cores']} cores, torch with "
        f"{environment['torch_threads']} threads, device {environment['device']}, "
        f"{environment['platform']}, Python {environment['python']}",
        f"Versions: {versions}",
        *more,
    ]
    if cut:
        lines.append(f"Cut by the time limit: {cut}")
    return "\n".join(f"- {line}" for line in lines)


def document(parts: Iterable[str]) -> str:
    """Return the parts of a report as one text, without those that are empty."""
    return "\n\n".join(part for part in parts if part) + "\n"


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write strict JSON atomically; what is not finite becomes null."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(_plain(content), indent=1, allow_nan=False) + "\n")
    partial.replace(path)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
