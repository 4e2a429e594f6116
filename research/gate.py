"""Judge the gate of ``AugmentedClassifier(dose="auto")``: does it do harm, what does it gain?

On each outer training fold every arm (a remedy in a dose) is scored on inner folds, and again on
the outer test fold after a fit on the whole training fold. The gate sees the inner scores only; the
outer ones say what its choice was worth. Scores are appended to a JSON Lines file as they come, so
an interrupted run goes on where it was; the rule of the gate is applied when reporting.

    python research/gate.py
    python research/gate.py --sets ecoli,glass --max-rows 500
    python research/gate.py --report-only
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.metrics import get_scorer

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks import _environment, _report  # noqa: E402
from benchmarks._classifiers import CLASSIFIERS, make_classifier  # noqa: E402
from benchmarks._data import Fold, TableSet, folds_of, load_set, set_names  # noqa: E402
from benchmarks._options import TABLES, chosen  # noqa: E402
from benchmarks._scores import ScoreFile  # noqa: E402
from ganaug import GANAugmenter  # noqa: E402
from ganaug.choose.dose import REPEATS, SCORING, decide  # noqa: E402
from ganaug.choose.dose import cv_folds as inner_folds  # noqa: E402
from ganaug.choose.remedies import NOTHING, WEIGHTS, Arm, arms_of, samplers_of  # noqa: E402
from ganaug.choose.samplers import fit_resample  # noqa: E402
from ganaug.choose.trials import Task, Trials, run_trials  # noqa: E402
from ganaug.runtime.privates import scores_decisions  # noqa: E402

SCORINGS = (SCORING, "average_precision")
OUTER = 2
HARM, REGRET, HARMED_SHARE = 0.005, 0.01, 0.05
"""The bars: a cell is harmed by more than HARM and one standard error."""


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sets", help="comma-separated names; default: all in the manifest")
    parser.add_argument("--classifiers", help=f"comma-separated, of: {', '.join(CLASSIFIERS)}")
    parser.add_argument("--max-rows", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=REPEATS, help="of the inner folds")
    parser.add_argument("--seed", type=int, default=0, help="of the outer folds and the methods")
    parser.add_argument("--max-minutes", type=float, default=float("inf"))
    parser.add_argument("--report-only", action="store_true", help="fit nothing")
    parser.add_argument("--data", type=Path, default=TABLES, help="folder with manifest.json")
    parser.add_argument("--out", type=Path, help="default results/gate-ROWS-seedSEED.json")
    options = parser.parse_args(arguments)
    name = f"gate-{options.max_rows}-seed{options.seed}.json"
    options.out = options.out or ROOT / "research" / "results" / name
    return options


class Remembered:
    """Augmented folds of one outer fold, so that each generator serves all classifiers."""

    def __init__(self) -> None:
        self.seen: dict[str, Any] = {}

    def __call__(self, sampler: Any, X: Any, y: Any) -> Any:
        key = joblib.hash((type(sampler).__name__, sampler.get_params(), X, y))
        if key not in self.seen:
            try:
                self.seen[key] = fit_resample(sampler, X, y)
            except ValueError as error:
                self.seen[key] = error
        found = self.seen[key]
        if isinstance(found, ValueError):
            raise found
        return found


def measure(table: TableSet, fold: Fold, classifier: str, cached: Any, repeats: int) -> Any:
    """Return the inner and the outer scores of every arm in one cell."""
    rare = np.asarray(table.y == table.rarest)
    # Two classes: 1 is the rare one, whose average precision counts.
    y = rare.astype(int) if table.y.nunique() == 2 else np.unique(table.y, return_inverse=True)[1]
    X, augmenter = table.X, GANAugmenter(random_state=fold.seed)
    X_train, y_train = X.iloc[fold.train].reset_index(drop=True), y[fold.train]
    model = make_classifier(classifier, table.categorical, fold.seed)
    task = Task(model, X_train, y_train, y_train, cached=cached)
    samplers = samplers_of(augmenter, fold.seed)
    arms = arms_of((NOTHING, WEIGHTS, *samplers))
    scorers = {name: get_scorer(name) for name in SCORINGS}
    folds = inner_folds(y_train, 3, fold.seed, repeats)
    inner = run_trials(task, arms, samplers, folds, scorers)
    whole = next(task.parts([np.arange(len(y_train))]))
    outer: dict[str, dict[Arm, float]] = {name: {} for name in SCORINGS}
    for fitted in whole.models(arms, samplers):
        if not fitted.reason:
            for name, scorer in scorers.items():
                score = float(scorer(fitted.model, X.iloc[fold.test], y[fold.test]))
                outer[name][fitted.arm] = score
    return {
        "overlap": inner.overlap,
        "repeats": inner.repeats,
        "reasons": {label(arm): reason for arm, reason in inner.reasons.items()},
        "inner": {n: {label(a): s for a, s in own.items()} for n, own in inner.scores.items()},
        "outer": {n: {label(a): s for a, s in own.items()} for n, own in outer.items()},
    }


def label(arm: Arm) -> str:
    """Return the name of an arm in the files."""
    return f"{arm.remedy} @{arm.dose:g}"


def arm_of(text: str) -> Arm:
    """Return the arm that :func:`label` named."""
    remedy, _, dose = text.rpartition(" @")
    return Arm(remedy, float(dose))


def execute(options: argparse.Namespace, file: ScoreFile) -> None:
    """Measure every cell that is not yet on disk."""
    names = chosen(options.sets, set_names(options.data), set_names(options.data))
    classifiers = chosen(options.classifiers, list(CLASSIFIERS), list(CLASSIFIERS))
    done = {(row["set"], row["fold"], row["classifier"]) for row in file.read()}
    tables = [load_set(options.data, name).capped(options.max_rows) for name in names]
    began = time.perf_counter()
    for table, fold in _units(tables, options.seed):
        cached = Remembered()
        for classifier in classifiers:
            key = (table.name, fold.number, classifier)
            if key in done or time.perf_counter() - began > 60 * options.max_minutes:
                continue
            start = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                cell = measure(table, fold, classifier, cached, options.repeats)
            head = dict(zip(("set", "fold", "classifier"), key, strict=True))
            seconds = time.perf_counter() - start
            file.add({**head, "seconds": seconds, **cell})
            print(*key, f"{seconds:.0f} s", file=sys.stderr, flush=True)


def _units(tables: Sequence[TableSet], seed: int) -> Iterator[tuple[TableSet, Fold]]:
    """Yield the first fold of all sets before the second: a cut takes folds, not sets."""
    for number in range(OUTER):
        for table in tables:
            yield table, list(folds_of(table, OUTER, (seed,)))[number]


# ------------------------------------------------------------------ what it was worth


def rule_of_gate(trials: Trials, scoring: str) -> Any:
    """Return what the gate makes of the inner scores."""
    return decide(trials, scoring, decisions=scores_decisions(get_scorer(scoring)))


def outcomes(
    cells: Sequence[dict[str, Any]], scoring: str, rule: Any = rule_of_gate
) -> pd.DataFrame:
    """Return the outer score of the gate, of nothing and of every arm in each cell and fold.

    An arm that could not run counts as doing nothing, as a user of that policy would.
    """
    rows = []
    for cell in cells:
        inner = {arm_of(name): scores for name, scores in cell["inner"][scoring].items()}
        outer = {arm_of(name): score for name, score in cell["outer"][scoring].items()}
        trials = Trials({scoring: inner}, {}, cell["overlap"], cell["repeats"])
        pick = Arm(*astuple(rule(trials, scoring).chosen)[:2])
        row = {k: cell[k] for k in ("set", "classifier", "fold")}
        nothing = outer[Arm(NOTHING)]
        policies = {label(arm): outer.get(arm, nothing) for arm in arms_of_all(cells)}
        rows.append({**row, "picked": label(pick), "gate": outer.get(pick, nothing), **policies})
    return pd.DataFrame(rows)


def arms_of_all(cells: Sequence[dict[str, Any]]) -> list[Arm]:
    """Return every arm that ran somewhere."""
    names = {name for cell in cells for own in cell["outer"].values() for name in own}
    return sorted(arm_of(name) for name in names)


def judge(table: pd.DataFrame) -> dict[str, Any]:
    """Return the figures that the bars are about."""
    policies = [c for c in table.columns if " @" in c]
    none = label(Arm(NOTHING))
    gain = (table["gate"] - table[none]).groupby([table["set"], table["classifier"]])
    mean = gain.mean()
    error: pd.Series[float] = (gain.std(ddof=1) / np.sqrt(gain.size())).fillna(0.0)
    # Where one of two folds changed, the mean is one standard error exactly: that counts as harm.
    harmed = (mean < -HARM) & (-mean >= error * (1 - 1e-9))
    means = table[policies].mean()
    return {
        "cells": len(mean),
        "gate": float(table["gate"].mean()),
        "nothing": float(means[none]),
        "best_policy": str(means.idxmax()),
        "best_policy_score": float(means.max()),
        "regret": float(means.max() - table["gate"].mean()),
        "harmed": float(harmed.mean()),
        "harmed_cells": [" / ".join(map(str, key)) for key in harmed[harmed].index],
        "better": int((mean > HARM).sum()),
        "worse": int((mean < -HARM).sum()),
        "changed": float((table["picked"] != none).mean()),
        "picked": table["picked"].value_counts().to_dict(),
        "policies": means.sort_values(ascending=False).round(4).to_dict(),
    }


def passed(found: dict[str, Any]) -> bool:
    """Return whether all bars are met."""
    better = found["better"] > found["worse"]
    return bool(found["harmed"] <= HARMED_SHARE and found["regret"] <= REGRET and better)


def report(found: dict[str, dict[str, Any]]) -> str:
    """Return the figures as Markdown."""
    rows = []
    for scoring, each in found.items():
        best = f"{each['best_policy']} {each['best_policy_score']:.3f}"
        rows.append(
            (
                scoring, f"{each['gate']:.3f}", f"{each['nothing']:.3f}", best,
                f"{each['regret']:+.3f}", f"{each['harmed']:.1%}", str(each["better"]),
                str(each["worse"]), str(each["cells"]), "yes" if passed(each) else "NO",
            )
        )  # fmt: skip
    header = ("scoring", "gate", "nothing", "best fixed policy", "regret", "harmed", "better",
              "worse", "cells", "bars met")  # fmt: skip
    return _report.markdown_table(header, rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is missing, and print what the gate's rule makes of all of it."""
    options = parse(arguments)
    file = ScoreFile(options.out.with_suffix(".jsonl"))
    if not options.report_only:
        execute(options, file)
    cells = file.read()
    if not cells:
        raise SystemExit("Nothing was measured yet.")
    found = {scoring: judge(outcomes(cells, scoring)) for scoring in SCORINGS}
    command = sys.argv if arguments is None else ["research/gate.py", *arguments]
    facts = _environment.describe(command)
    _report.write_json(
        options.out,
        {
            "environment": facts,
            "max_rows": options.max_rows,
            "repeats": options.repeats,
            "seed": options.seed,
            "found": found,
            "cells": {
                scoring: outcomes(cells, scoring).round(4).to_dict("records")
                for scoring in SCORINGS
            },
        },
    )
    print(report(found))
    for scoring, each in found.items():
        print(f"\n{scoring}: changed {each['changed']:.0%} of the cells; picked {each['picked']}")
        print(f"harmed: {', '.join(each['harmed_cells']) or '-'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
