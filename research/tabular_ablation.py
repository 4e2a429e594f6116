"""What each part of ganaug's way with tables is worth, and where each method begins.

``--group parts`` changes one part at a time; ``--group size`` makes the rare class of large sets
small, to see from how many rows on which method is ahead. Arms differ in one thing, on the same
folds; the classifiers and scores are those of tabular.py. ``parts`` uses its quick sets, so that
the others stay unseen until the last look; ``size`` needs many rare rows, and sees four large sets.

    python research/tabular_ablation.py --group parts
    python research/tabular_ablation.py --group size
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks import _environment, _report, _tabular_report  # noqa: E402
from benchmarks._classifiers import CLASSIFIERS, METRICS  # noqa: E402
from benchmarks._data import TableSet, load_set  # noqa: E402
from benchmarks._methods import ARMS, Arm, warm_up  # noqa: E402
from benchmarks._options import CACHE, TABLES, chosen  # noqa: E402
from benchmarks._stats import bootstrap_interval, paired_differences  # noqa: E402
from benchmarks._tabular_run import TableRun, TableSettings  # noqa: E402
from benchmarks.tabular import QUICK_SETS  # noqa: E402
from research import _tabular_ideas as ideas  # noqa: E402

FIRST = "ganaug"
"""The arm that the others are compared with."""

ROWS = 1000
SIZES = (10, 25, 50, 100, 200, 400, 800, 1600, 3200)
SIZED = ("phoneme", "page_blocks0", "churn", "adult")
"""Sets with hundreds of rare rows."""
COMMON = 2000
"""Rows of the other class in a set whose rare class is made small, at most (of large rare classes:
a quarter more than those)."""

FREE = {"tables.plan._method": lambda count, _: "duplicate" if count < 2 else "gan"}
ANCHORED = {"tables.plan.INTERPOLATE_BELOW": 2}
INTERPOLATED = {"tables.plan.INTERPOLATE_BELOW": ideas.ALWAYS}
WGAN_GP = {
    "loss": "wasserstein",
    "r1": 0.0,
    "r2": 0.0,
    "gradient_penalty": 10.0,
    "penalty_every": 1,
    "n_critic": 3,
}


def _arm(name: str, parts: dict[str, Any] | None = None, **options: Any) -> Arm:
    return Arm(name, ideas.with_parts(parts or {}, **options), needs=("ganaug", "torch"))


PARTS: tuple[Arm, ...] = (
    ARMS["none"],
    ARMS["class_weight"],
    ARMS["smote"],
    ARMS["borderline_smote"],
    ARMS[FIRST],
    # How rows are made
    _arm("free GAN", FREE),
    _arm("interpolation", INTERPOLATED),
    _arm("interpolation, selected", {"models.model.generate": ideas.interpolate}),
    _arm("no isolated anchors", {"tables.fitting.AnchorBank": ideas.Sociable}),
    # What the GAN is
    _arm("WGAN-GP", recipe=WGAN_GP),
    _arm("no R1, R2", recipe={"r1": 0.0, "r2": 0.0}),
    _arm("free GAN for each class", recipe={"conditioning": "per-class", "small_classes": "gan"}),
    _arm("feature matching", recipe={"feature_matching": 1.0}),
    _arm("pac 4", recipe={"pac": 4}),
    _arm("classes equally often", recipe={"class_balance": 0.0}),
    _arm("classes as they are", recipe={"class_balance": 1.0}),
    _arm("135 steps", {"tables.data.auto_steps": lambda n: 135}),
    _arm("810 steps", {"tables.data.auto_steps": lambda n: 810}),
    Arm("overlap class", ideas.with_overlap_class, needs=("ganaug", "torch")),
    _arm("warm-up by completing rows", callbacks=[ideas.WarmUp()]),
    # What is kept
    _arm("no selection", recipe={"selection": "none"}),
    _arm("floor at 2%", {"tables.selection.EVIDENCE_QUANTILE": 0.02}),
    _arm("floor at 10%", {"tables.selection.EVIDENCE_QUANTILE": 0.1}),
    _arm("floor at 50%", {"tables.selection.EVIDENCE_QUANTILE": 0.5}),
    _arm("no near-copy rule", {"tables.selection.COPY_QUANTILE": 0.0}),
    _arm("evidence of the critic", {
        "training.trainer.Trainer": ideas.KeepsCritic,
        "tables.fitting.fit_evidence": ideas.critic_evidence
    }),
    _arm("evidence of distances", {"tables.fitting.fit_evidence": ideas.distance_evidence}),
    _arm("evidence matched to the real", {"tables.selection.Selector": ideas.Matching}),
    # How much
    Arm("synthetic rows weigh half", ideas.with_weights(ideas.half), needs=("ganaug", "torch")),
    Arm(
        "weights by evidence",
        ideas.with_weights(ideas.by_evidence, {"selection": "none"}),
        needs=("ganaug", "torch"),
    ),
    *(
        Arm(f"{share:.0%} of the deficit", ideas.with_amount(share), needs=("ganaug", "torch"))
        for share in (0.25, 0.5, 0.75)
    ),
)  # fmt: skip
SIZE: tuple[Arm, ...] = (
    ARMS["none"],
    _arm("interpolation", INTERPOLATED),
    _arm("anchored", ANCHORED),
    _arm("free", FREE),
)


def thinned(table: TableSet, rare: int, seed: int = 0) -> TableSet | None:
    """Return a set of two classes with so many rare rows in a training half, None if it has not.

    The common class keeps its proportion, up to ten rows for each rare one and COMMON in all.
    """
    counts = table.y.value_counts()
    if counts.iloc[-1] < 2 * rare:
        return None
    rng = np.random.default_rng(seed)
    most = max(COMMON, round(2.5 * rare))
    share = min(counts.iloc[0] / counts.iloc[-1], 10)
    kept = {table.rarest: 2 * rare, str(counts.index[0]): min(round(2 * rare * share), most)}
    rows = np.sort(
        np.concatenate(
            [rng.choice(np.flatnonzero(table.y == k), n, replace=False) for k, n in kept.items()]
        )
    )
    X, y = table.X.iloc[rows].reset_index(drop=True), table.y.iloc[rows].reset_index(drop=True)
    return replace(table, name=f"{table.name}@{rare}", X=X, y=y)


def parts_report(rows: pd.DataFrame, first: str = FIRST) -> str:
    """Return each arm's means and its differences from the first arm."""
    lines = []
    means = rows.groupby(["method", "set"])[list(METRICS)].mean().groupby("method").mean()
    seconds = rows.groupby("method")["fit_seconds"].mean()
    for arm in dict.fromkeys(rows["method"]):
        cells = [arm]
        for metric in METRICS:
            gap = paired_differences(rows, arm, first, metric).to_numpy()
            low, high = bootstrap_interval(gap)
            cells.append(
                f"{means.loc[arm, metric]:.3f}"
                if arm == first
                else f"{gap.mean():+.3f} [{low:+.3f}, {high:+.3f}]"
            )
        lines.append((*cells, _report.number(float(seconds[arm]), 1)))
    columns = ["arm", *(_tabular_report.SHORT[m] for m in METRICS), "fit s"]
    return _report.markdown_table(columns, lines)


def size_report(rows: pd.DataFrame) -> str:
    """Return the arms' scores by the number of rare training rows, less those of doing nothing."""
    rows = rows.assign(rare=rows["set"].str.partition("@")[2].astype(int))
    lines = []
    for rare, own in rows.groupby("rare"):
        for metric in ("balanced_accuracy", "average_precision"):
            base = own[own["method"] == "none"][metric].mean()
            arms = [paired_differences(own, a.name, "none", metric) for a in SIZE[1:]]
            gaps = [f"{gap.mean():+.3f}" for gap in arms]
            lines.append(
                [str(rare), _tabular_report.SHORT[metric], str(len(arms[0])), f"{base:.3f}", *gaps]
            )
    columns = ["rare rows", "score", "sets", "nothing", *(arm.name for arm in SIZE[1:])]
    return _report.markdown_table(columns, lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a group of arms and print its table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--group", choices=("parts", "size"), default="parts")
    parser.add_argument("--arms", help="comma-separated; default: all of the group")
    parser.add_argument("--sets", help="comma-separated")
    parser.add_argument("--sizes", help="comma-separated rare rows of --group size")
    parser.add_argument("--folds", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--max-rows", type=int, default=ROWS, help="of --group parts")
    parser.add_argument("--jobs", type=int, default=1, help="for classifiers")
    parser.add_argument("--data", type=Path, default=TABLES)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--cache", type=Path, default=CACHE)
    options = parser.parse_args(arguments)
    group = {arm.name: arm for arm in (PARTS if options.group == "parts" else SIZE)}
    names = chosen(
        options.sets, [*QUICK_SETS, *SIZED], SIZED if options.group == "size" else QUICK_SETS
    )
    tables: list[TableSet] = [load_set(options.data, name) for name in names]
    if options.group == "size":
        sizes = [int(n) for n in options.sizes.split(",")] if options.sizes else SIZES
        thin = [thinned(table, rare) for rare in sizes for table in tables]
        tables = [table for table in thin if table is not None]
    settings = TableSettings(
        folds=options.folds,
        seeds={table.name: tuple(range(options.seeds)) for table in tables},
        arms=tuple(group[name] for name in chosen(options.arms, list(group), list(group))),
        classifiers=tuple(CLASSIFIERS),
        max_rows=options.max_rows if options.group == "parts" else None,
        jobs=options.jobs,
    )
    out = options.out or ROOT / "research" / "results" / f"tabular-{options.group}.json"
    warm_up([arm for arm in settings.arms if arm.name in ARMS])
    run = TableRun(settings, out.with_suffix(".jsonl"), options.cache, tables=tables)
    rows = pd.DataFrame(run.execute())
    command = sys.argv if arguments is None else ["research/tabular_ablation.py", *arguments]
    facts = _environment.describe(command)
    report = parts_report(rows) if options.group == "parts" else size_report(rows)
    kept = ["set", "seed", "fold", "method", "classifier", "fit_seconds", *METRICS]
    _report.write_json(
        out,
        {
            "environment": facts,
            "settings": settings.describe(),
            "rows": rows[kept].round(5).to_dict("records"),
        },
    )
    print(_tabular_report.header(facts, settings.describe(), []), report, sep="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
