"""A run on tables: timed fits in this process, cached; classifiers in parallel after them.

No classifier runs while a fit is timed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import joblib
import pandas as pd

from benchmarks import _environment as environment
from benchmarks._classifiers import evaluate, supports
from benchmarks._data import LABEL, Fold, TableSet, folds_of
from benchmarks._methods import Arm, Augmented, Training
from benchmarks._run import Run, Unit, fingerprint

FORMAT = 1
"""Raise this when an arm, a classifier or a score comes to mean something else."""
WEIGHT = "<weight>"
"""Column of an augmented fold on disk."""


@dataclass(frozen=True)
class TableSettings:
    """What a run on tables does.

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
class TableRun(Run[tuple[TableSet, Fold]]):
    """A run on tables; a unit is a fold.

    Attributes
    ----------
    settings : TableSettings
    tables : sequence of TableSet
    """

    settings: TableSettings
    tables: Sequence[TableSet] = field(kw_only=True)

    def units(self) -> Iterator[Unit[tuple[TableSet, Fold]]]:
        """Yield all sets of one fold before the next fold: a cut takes repetitions, not sets."""
        settings = self.settings
        capped = {table.name: table.capped(settings.max_rows) for table in self.tables}
        of = {
            name: list(folds_of(table, settings.folds, settings.seeds[name]))
            for name, table in capped.items()
        }
        for turn in range(max((len(folds) for folds in of.values()), default=0)):
            for name, table in capped.items():
                if turn < len(of[name]):
                    fold = of[name][turn]
                    title = f"{name}, seed {fold.seed}, fold {fold.number}"
                    yield Unit(title, kind=name, cut=title, work=(table, fold))

    def measure(self, work: tuple[TableSet, Fold]) -> None:
        """Run all arms on one fold: fits one after another, then the classifiers in parallel."""
        table, fold = work
        tasks, heads = [], []
        test = (table.X.iloc[fold.test], table.y.iloc[fold.test])
        for arm in self.settings.arms:
            if not arm.applies_to(table):
                continue
            names = [c for c in self.settings.classifiers if supports(c, arm.decision)]
            keys = {c: key_of(arm, table, fold, self.settings, classifier=c) for c in names}
            self.rows += [self.done[key] for key in keys.values() if key in self.done]
            missing = [c for c in names if keys[c] not in self.done]
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
        self.add(*({**head, **values} for head, values in zip(heads, scores, strict=True)))

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
        key = key_of(arm, table, fold, self.settings)
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


def key_of(
    arm: Arm, table: TableSet, fold: Fold, settings: TableSettings, classifier: str | None = None
) -> str:
    """Return the key of a fit, or of a score if a classifier is named."""
    facts: dict[str, Any] = {
        "format": FORMAT,
        "arm": arm.name,
        "versions": {name: environment.package_version(name) for name in arm.needs},
        "data": [table.name, table.digest, settings.max_rows, settings.folds],
        "fold": [fold.seed, fold.number],
    }
    if classifier is not None:
        facts["classifier"] = [classifier, environment.package_version("scikit-learn")]
    return fingerprint(ganaug="ganaug" in arm.needs, device=environment.device(), **facts)


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
