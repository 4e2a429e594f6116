"""Scores on disk: a JSON Lines file that grows as scores come, so that a run can be continued."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class ScoreFile:
    """A file with one row of scores a line.

    Attributes
    ----------
    path : Path
    fresh : bool
        Whether what an earlier run wrote is removed.
    """

    path: Path
    fresh: bool = False

    def __post_init__(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.fresh:
            self.path.unlink(missing_ok=True)
        if self.path.is_file() and not self.path.read_text(encoding="utf-8").endswith("\n"):
            with self.path.open("a", encoding="utf-8") as file:
                file.write("\n")  # a kill cut the last line short: the next row gets its own line

    def read(self) -> list[dict[str, Any]]:
        """Return the rows on disk, without a line that a kill cut short."""
        rows = []
        if self.path.is_file():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                try:
                    rows.append(json.loads(line))
                except json.JSONDecodeError:
                    continue
        return rows

    def add(self, *rows: dict[str, Any]) -> None:
        """Append rows."""
        with self.path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
