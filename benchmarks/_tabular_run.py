"""Running arms on folds: timed fits in this process, cached; classifiers in parallel after them.

No classifier runs while a fit is timed. Every score is appended to a JSON Lines file as it comes,
so an interrupted run continues where it was.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import joblib
import pandas as pd

from benchmarks import _environment as environment
from benchmarks._classifiers import evaluate, supports
from benchmarks._data import LABEL, Fold, TableSet, folds_of
from benchmarks._methods import Arm, Augmented, Training

FORMAT = 1
"""Raise this when an arm, a classifier or a score comes to mean something else."""
WEIGHT = "<weight>"
"""Column of an augmented fold on disk."""


@dataclass(frozen=True)
class Settings:
    """What a run does.

    Attributes
    ----------
    folds : int
    seeds : dict of str to tuple of int
        Repetitions of each set; its keys are the sets.
    arms : tuple of Arm
    classifiers : tuple of str
    max_rows : int or None
    max_minutes : float or None
        No fold is begun that would probably end after this.
    jobs : int
        Processes for the classifiers.
    fresh : bool
        Whether fits and scores of earlier runs are ignored.
    """

    folds: int
    seeds: dict[str, tuple[int, ...]]
    arms: tuple[Arm, ...]
    classifiers: tuple[str, ...]
    max_rows: int | None = None
    max_minutes: float | None = None
    jobs: int = 1
    fresh: bool = False

    def describe(self) -> dict[str, Any]:
        """Return the settings as plain values."""
        plain = {k: v for k, v in asdict(self).items() if k != "arms"}
        return {**plain, "methods": [arm.name for arm in self.arms]}


@dataclass
class Run:
    """A run on disk.

    Attributes
    ----------
    settings : Settings
    lines : Path
        JSON Lines file of the scores.
    cache : Path
        Folder of the augmented folds.
    say : callable
        Receives progress, a line at a time.
    cut : list of str
        What the time limit left out.
    rows : list of dict
        The scores.
    """

    settings: Settings
    lines: Path
    cache: Path
    say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True)
    cut: list[str] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lines.parent.mkdir(parents=True, exist_ok=True)
        self.cache.mkdir(parents=True, exist_ok=True)
        (self.cache / ".gitignore").write_text("*\n")
        if self.settings.fresh:
            self.lines.unlink(missing_ok=True)

    def execute(self, tables: Sequence[TableSet]) -> pd.DataFrame:
        """Run everything that is not yet on disk and return one row a score."""
        self.rows = []
        done = {row["key"]: row for row in self._read() if not row["failed"]}
        started, slowest = time.perf_counter(), dict[str, float]()
        units = list(self._units([t.capped(self.settings.max_rows) for t in tables]))
        for number, (table, fold) in enumerate(units, 1):
            begun = time.perf_counter()
            expected = slowest.get(table.name, max(slowest.values(), default=0.0))
            limit = 60 * (self.settings.max_minutes or float("inf"))
            if begun - started + expected > limit:
                self.cut.append(f"{table.name}, seed {fold.seed}, fold {fold.number}")
                continue
            self.say(f"[{number}/{len(units)}] {table.name} seed {fold.seed} fold {fold.number}")
            self._unit(table, fold, done)
            slowest[table.name] = time.perf_counter() - begun
        return pd.DataFrame(self.rows)

    def _units(self, tables: Sequence[TableSet]) -> Iterator[tuple[TableSet, Fold]]:
        """Yield all sets of one fold before the next fold: a cut takes repetitions, not sets."""
        of = {t.name: list(folds_of(t, self.settings.folds, self._seeds(t))) for t in tables}
        for turn in range(max((len(folds) for folds in of.values()), default=0)):
            for table in tables:
                if turn < len(of[table.name]):
                    yield table, of[table.name][turn]

    def _seeds(self, table: TableSet) -> tuple[int, ...]:
        return self.settings.seeds[table.name]

    def _unit(self, table: TableSet, fold: Fold, done: dict[str, dict[str, Any]]) -> None:
        """Run all arms on one fold."""
        tasks, heads = [], []
        test = (table.X.iloc[fold.test], table.y.iloc[fold.test])
        for arm in self.settings.arms:
            if not arm.applies_to(table):
                continue
            names = [c for c in self.settings.classifiers if supports(c, arm.decision)]
            keys = {c: fingerprint(arm, table, fold, self.settings, classifier=c) for c in names}
            self.rows += [done[key] for key in keys.values() if key in done]
            missing = [c for c in names if keys[c] not in done]
            if not missing:
                continue
            augmented, record = self._augment(arm, table, fold)
            for name in missing:
                heads.append({"key": keys[name], "classifier": name, **record})
                tasks.append((name, arm.decision, (augmented.X, augmented.y), augmented.weights))
        parallel = joblib.Parallel(n_jobs=self.settings.jobs)
        scores = parallel(
            joblib.delayed(evaluate)(
                name, decision, train, test, table.categorical, table.rarest, fold.seed, weights
            )
            for name, decision, train, weights in tasks
        )
        new = [{**head, **values} for head, values in zip(heads, scores, strict=True)]
        with self.lines.open("a") as file:
            file.writelines(json.dumps(row) + "\n" for row in new)
        self.rows += new

    def _augment(self, arm: Arm, table: TableSet, fold: Fold) -> tuple[Augmented, dict[str, Any]]:
        """Return the augmented fold, from the cache or by a timed fit, and its record."""
        X, y = table.X.iloc[fold.train], table.y.iloc[fold.train]
        record: dict[str, Any] = {
            "set": table.name,
            "seed": fold.seed,
            "fold": fold.number,
            "method": arm.name,
            "train_rows": len(y),
            "numeric_binary": table.numeric_binary,
            "fit_seconds": 0.0,
            "load": None,
            "made": {},
            "note": "",
            "failed": False,
        }
        if arm.augment is None:
            return Augmented(X, y), record
        key = fingerprint(arm, table, fold, self.settings)
        store = self.cache / table.name / f"{arm.name}-{fold.seed}-{fold.number}-{key}"
        found = None if self.settings.fresh else read_fit(store)
        if found is not None:
            return found[0], {**record, **found[1]}
        record["load"] = environment.load_average()
        augmented, record["fit_seconds"], record["failed"] = timed(arm, X, y, table, fold.seed)
        record["made"], record["note"] = augmented.made, augmented.note
        if record["fit_seconds"] > 1:
            self.say(f"    {arm.name}: {record['fit_seconds']:.1f} s")
        if record["failed"]:
            self.say(f"    {arm.name}: {record['note']}")
        else:
            write_fit(store, augmented, record)
        return augmented, record

    def _read(self) -> Iterable[dict[str, Any]]:
        """Yield the rows on disk; a last line cut short by a kill is dropped."""
        if self.lines.is_file():
            for line in self.lines.read_text().splitlines():
                try:
                    yield json.loads(line)
                except json.JSONDecodeError:
                    continue


def timed(
    arm: Arm, X: pd.DataFrame, y: pd.Series, table: TableSet, seed: int
) -> tuple[Augmented, float, bool]:
    """Augment a training fold; a method that raises leaves the fold as it is, with a note."""
    assert arm.augment is not None
    start = time.perf_counter()
    try:
        augmented, failed = arm.augment(Training(X, y, table.categorical, seed)), False
    except Exception as error:  # a peer's failure is a result, not the end of the run
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        augmented, failed = Augmented(X, y, {}, f"failed, so not augmented: {reason}"), True
    return augmented, time.perf_counter() - start, failed


def fingerprint(
    arm: Arm, table: TableSet, fold: Fold, settings: Settings, classifier: str | None = None
) -> str:
    """Return a hash of all that a fit, or a score if a classifier is named, depends on."""
    facts: dict[str, Any] = {
        "format": FORMAT,
        "arm": arm.name,
        "versions": {name: environment.package_version(name) for name in arm.needs},
        "source": environment.ganaug_source_digest() if "ganaug" in arm.needs else "",
        "data": [table.name, table.digest, settings.max_rows, settings.folds],
        "fold": [fold.seed, fold.number],
        "machine": [environment.device(), joblib.cpu_count()],
    }
    if classifier is not None:
        facts["classifier"] = [classifier, environment.package_version("scikit-learn")]
    text = json.dumps(facts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def write_fit(store: Path, augmented: Augmented, record: dict[str, Any]) -> None:
    """Write an augmented fold: rows as Parquet, then its record, which makes it valid."""
    store.parent.mkdir(parents=True, exist_ok=True)
    frame = augmented.X.reset_index(drop=True)
    frame[LABEL] = augmented.y.to_numpy()
    if augmented.weights is not None:
        frame[WEIGHT] = augmented.weights.to_numpy()
    frame.to_parquet(store.with_suffix(".parquet"))
    kept = {k: record[k] for k in ("fit_seconds", "load", "made", "note")}
    partial = store.with_suffix(".partial")
    partial.write_text(json.dumps(kept))
    partial.replace(store.with_suffix(".json"))


def read_fit(store: Path) -> tuple[Augmented, dict[str, Any]] | None:
    """Return what :func:`write_fit` wrote, None where it wrote nothing."""
    if not store.with_suffix(".json").is_file():
        return None
    record: dict[str, Any] = json.loads(store.with_suffix(".json").read_text())
    frame = pd.read_parquet(store.with_suffix(".parquet"))
    weights = frame.pop(WEIGHT) if WEIGHT in frame else None
    X, y = frame.drop(columns=LABEL), frame[LABEL]
    return Augmented(X, y, record["made"], record["note"], weights), record
