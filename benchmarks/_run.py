"""How a benchmark runs: unit after unit within a time limit, each score on disk as it comes.

What a unit is (a fold of a table, a seed of an image set) and how it is measured is in
``_tabular_run.py`` and ``_images_run.py``.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import joblib

from benchmarks import _environment as environment
from benchmarks._scores import ScoreFile

Work = TypeVar("Work")


@dataclass(frozen=True)
class Unit(Generic[Work]):
    """A part of a run, which is measured as a whole or not at all.

    Attributes
    ----------
    title : str
        For progress.
    kind : str
        Units of one kind take about equally long.
    cut : object
        What the results name where the time limit left the unit out.
    work : object
        What is to be measured.
    """

    title: str
    kind: str
    cut: Any
    work: Work


class Settings(Protocol):
    """What every run has to know; the settings of a benchmark have more."""

    @property
    def max_minutes(self) -> float | None:
        """No unit is begun that would probably end after this."""

    @property
    def fresh(self) -> bool:
        """Whether results of earlier runs are ignored."""


@dataclass
class Run(ABC, Generic[Work]):
    """A run on disk.

    Attributes
    ----------
    settings : Settings
    lines : Path
        JSON Lines file of the scores.
    cache : Path
        Folder of what the methods made.
    say : callable
        Receives progress, a line at a time.
    cut : list
        What the time limit left out.
    rows : list of dict
        The scores.
    done : dict of str to dict
        Scores of earlier runs by their key.
    """

    settings: Settings
    lines: Path
    cache: Path
    say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True)
    cut: list[Any] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    done: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._file = ScoreFile(self.lines, self.settings.fresh)
        self.cache.mkdir(parents=True, exist_ok=True)
        (self.cache / ".gitignore").write_text("*\n")

    @abstractmethod
    def units(self) -> Iterable[Unit[Work]]:
        """Yield the units in the order in which they are measured."""

    @abstractmethod
    def measure(self, work: Work) -> None:
        """Measure a unit: take over what is done already, and add the other rows."""

    def execute(self) -> list[dict[str, Any]]:
        """Measure everything that is not yet on disk and return one row a score."""
        self.rows = []
        # What failed is tried again.
        self.done = {row["key"]: row for row in self._file.read() if not row.get("failed")}
        limit = 60 * (self.settings.max_minutes or float("inf"))
        started, slowest = time.perf_counter(), dict[str, float]()
        units = list(self.units())
        for number, unit in enumerate(units, 1):
            begun = time.perf_counter()
            expected = slowest.get(unit.kind, max(slowest.values(), default=0.0))
            if begun - started + expected > limit:
                self.cut.append(unit.cut)
                continue
            self.say(f"[{number}/{len(units)}] {unit.title}")
            self.measure(unit.work)
            seconds = time.perf_counter() - begun
            slowest[unit.kind] = max(seconds, slowest.get(unit.kind, 0.0))
        if self.cut and not self.rows:
            raise SystemExit("The time limit left nothing to run; give more --max-minutes.")
        return self.rows

    def add(self, *rows: dict[str, Any]) -> None:
        """Keep new rows and write them to the file."""
        self._file.add(*rows)
        self.rows += rows


def fingerprint(*, ganaug: bool, device: str, **facts: Any) -> str:
    """Return a hash of all that a result depends on.

    Parameters
    ----------
    ganaug : bool
        Whether ganaug took part, so that the result depends on its code.
    device : str
    **facts : object
        Whatever else counts, as plain values.
    """
    everything = {
        **facts,
        "source": environment.ganaug_source_digest() if ganaug else "",
        "machine": [device, joblib.cpu_count()],
    }
    text = json.dumps(everything, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
