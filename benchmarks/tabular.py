"""Compare ganaug with other answers to imbalance, on tables, by cross-validation.

All methods run in one process on the same folds. See README.md here for the commands and for what
the tables mean. The report is Markdown on standard output; scores and tables go to ``--out``.

    python benchmarks/tabular.py --quick
    python benchmarks/tabular.py --speed
    python benchmarks/tabular.py --sets ecoli,glass --methods none,smote,ganaug --folds 5
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import joblib
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks import _environment, _report, _tabular_report  # noqa: E402
from benchmarks._classifiers import CLASSIFIERS  # noqa: E402
from benchmarks._data import load_set, set_names  # noqa: E402
from benchmarks._methods import ARMS, Arm, warm_up  # noqa: E402
from benchmarks._options import CACHE, RESULTS, TABLES, chosen  # noqa: E402
from benchmarks._tabular_run import TableRun, TableSettings  # noqa: E402

QUICK_SETS = (
    "mammography",
    "haberman",
    "page_blocks0",
    "ecoli",
    "glass",
    "german_credit",
    "abalone_9_vs_18",
    "thyroid",
)
QUICK_ROWS, QUICK_MINUTES = 1000, 13.0
SPEED_SEEDS = {"mammography": 1, "thyroid": 1, "german_credit": 2, "abalone_9_vs_18": 2}
"""Repetitions in a speed run: more of the small sets, whose scores vary more and cost less."""
SPEED_MINUTES = 24.0
SPEED_METHODS = ("none", "ctgan", "ganaug")
FULL_ROWS = 4000
IMPORTS = {
    "imbalanced-learn": "imblearn",
    "smote-variants": "smote_variants",
    "ctgan": "ctgan",
    "ganaug": "ganaug.augmenter",
    "torch": "torch",
}


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    profile = parser.add_mutually_exclusive_group()
    profile.add_argument(
        "--quick",
        action="store_true",
        help=f"{len(QUICK_SETS)} sets, 2 folds, at most {QUICK_ROWS} rows; under 15 minutes",
    )
    profile.add_argument(
        "--speed",
        action="store_true",
        help="only the claim about CTGAN: four sets with all their rows, timed afresh",
    )
    parser.add_argument("--sets", help="comma-separated names; default: all in the manifest")
    parser.add_argument("--methods", help=f"comma-separated, of: {', '.join(ARMS)}")
    parser.add_argument("--classifiers", help=f"comma-separated, of: {', '.join(CLASSIFIERS)}")
    parser.add_argument("--folds", type=int, help="default 2; 3 with --speed")
    parser.add_argument("--seeds", type=int, help="repetitions; default 2; 1 with --quick")
    parser.add_argument(
        "--max-rows", type=int, help=f"rows of a set, 0 for all; default {FULL_ROWS}"
    )
    parser.add_argument("--max-minutes", type=float, help="begin no fold that would end later")
    parser.add_argument("--jobs", type=int, default=joblib.cpu_count(), help="for classifiers")
    parser.add_argument("--data", type=Path, default=TABLES, help="folder with manifest.json")
    parser.add_argument("--out", type=Path, help="JSON; default benchmarks/results/PROFILE.json")
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--fresh", action="store_true", help="use nothing from earlier runs")
    return parser.parse_args(arguments)


def installed(arms: Sequence[Arm], say: Any = print) -> tuple[Arm, ...]:
    """Return the arms whose packages are here, and say which are not."""
    usable = []
    for arm in arms:
        missing = [name for name in arm.needs if not importable(IMPORTS[name])]
        if missing:
            say(f"{arm.name} is left out: {', '.join(missing)} is not installed", file=sys.stderr)
        else:
            usable.append(arm)
    return tuple(usable)


def importable(module: str) -> bool:
    """Whether a module can be found."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def settings_of(options: argparse.Namespace) -> TableSettings:
    """Return what the options ask for."""
    known = set_names(options.data)
    default: Sequence[str] = known
    if options.speed:
        default = list(SPEED_SEEDS)
    elif options.quick:
        default = [name for name in QUICK_SETS if name in known]
    sets = chosen(options.sets, known, default)
    methods = chosen(options.methods, list(ARMS), SPEED_METHODS if options.speed else list(ARMS))
    repeats = {name: SPEED_SEEDS.get(name, 1) if options.speed else 2 for name in sets}
    if options.quick or options.seeds is not None:
        repeats = dict.fromkeys(sets, options.seeds or 1)
    rows, minutes = FULL_ROWS, None
    if options.speed:
        rows, minutes = 0, SPEED_MINUTES
    elif options.quick:
        rows, minutes = QUICK_ROWS, QUICK_MINUTES
    if options.max_rows is not None:
        rows = options.max_rows
    return TableSettings(
        folds=options.folds or (3 if options.speed else 2),
        seeds={name: tuple(range(n)) for name, n in repeats.items()},
        arms=installed([ARMS[name] for name in methods]),
        classifiers=chosen(options.classifiers, list(CLASSIFIERS), list(CLASSIFIERS)),
        max_rows=rows or None,
        max_minutes=options.max_minutes or minutes,
        jobs=options.jobs,
        fresh=options.fresh or options.speed,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a benchmark as the command line asks and print its report."""
    options = parse(arguments)
    settings = settings_of(options)
    profile = "speed" if options.speed else "quick" if options.quick else "full"
    out = options.out or RESULTS / f"{profile}.json"
    tables = [load_set(options.data, name) for name in settings.seeds]
    warm_up(list(settings.arms))
    run = TableRun(settings, out.with_suffix(".jsonl"), options.cache, tables=tables)
    rows = pd.DataFrame(run.execute())
    command = sys.argv if arguments is None else ["benchmarks/tabular.py", *arguments]
    facts = _environment.describe(command)
    facts["sets_left_out"] = [n for n in set_names(options.data) if n not in settings.seeds]
    _report.write_json(
        out,
        {
            "environment": facts,
            "settings": settings.describe(),
            "cut": run.cut,
            "tables": _tabular_report.tables_as_values(rows),
            "rows": rows.to_dict("records"),
        },
    )
    head = _tabular_report.header(facts, settings.describe(), run.cut)
    if options.speed:
        print(_tabular_report.speed_report(rows, head, settings.max_rows))
    else:
        print(_tabular_report.full_report(rows, head, QUICK_SETS))
    return 0


if __name__ == "__main__":
    sys.exit(main())
