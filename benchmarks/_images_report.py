"""A run on images as Markdown, and its tables as plain values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import _report
from benchmarks._images_arms import ARMS
from benchmarks._images_metrics import METRICS
from benchmarks._report import document, markdown_table, number, ordered, tally
from benchmarks._stats import t_interval, tallied

SCORES = ("overall", "balanced", "rare")
COMPARISONS = (
    ("ganaug+shifts", "random+shifts"),
    ("ganaug", "random"),
    ("ganaug+shifts", "elastic+shifts"),
    ("ganaug+shifts", "none"),
    ("elastic+shifts", "random+shifts"),
)
CLAIM = COMPARISONS[0]
BARS = {"mnist": 0.0, "cifar": -0.01}
"""What the lower end of the interval of the claim's balanced accuracy has to lie above."""
PICTURES = dict(
    zip(
        METRICS,
        (
            "MMD x100",
            "MMD x100, random net",
            "coverage",
            "memorisation",
            "copies %",
            "diversity",
            "recognised %",
            "recognised by held-out %",
        ),
        strict=True,
    )
)
PERCENT = ("mmd", "mmd_random_net", "copy_rate", "recognised", "recognised_held_out")
"""Shown times a hundred."""
SOURCE_ORDER = ("ganaug", "elastic", "copies", "real")


def differences(scores: pd.DataFrame) -> pd.DataFrame:
    """Compare pairs of arms over the seeds that both have.

    Parameters
    ----------
    scores : DataFrame
        One row a seed and method, with the columns of :data:`SCORES`.

    Returns
    -------
    DataFrame
        Columns method, against, score, seeds, difference, low and high (95% t interval), wins,
        ties, losses, worst.
    """
    table = []
    for method, other in COMPARISONS:
        for score in SCORES:
            by = scores.pivot(index="seed", columns="method", values=score)
            if method not in by or other not in by:
                continue
            d = (by[method] - by[other]).dropna()
            if d.empty:
                continue
            low, high = t_interval(d.tolist())
            table.append(
                {
                    "method": method,
                    "against": other,
                    "score": score,
                    "seeds": len(d),
                    "difference": float(d.mean()),
                    "low": low,
                    "high": high,
                    **tallied(d),
                    "worst": float(d.min()),
                }
            )
    return pd.DataFrame(table)


def verdict(table: pd.DataFrame, name: str, not_judged: str) -> str:
    """Return whether the accuracy asked for was reached, or why that is not judged."""
    rows = table[(table["score"] == "balanced")] if len(table) else table
    for row in rows.to_dict("records"):
        if (row["method"], row["against"]) != CLAIM:
            continue
        bar = BARS[name]
        reached = "reached" if row["low"] > bar else "MISSED"
        above = (
            "the interval lies above 0"
            if bar == 0
            else f"the lower end lies above {points(bar)} points (the aim is above 0)"
        )
        found = f"{points(row['difference'])} {interval(row)} points, asked: {above}"
        if not_judged:
            return f"Not judged ({not_judged}): {' minus '.join(CLAIM)}, {found}."
        return f"{reached}: {' minus '.join(CLAIM)}, balanced accuracy, {found}."
    return f"Not judged: needs {' and '.join(CLAIM)}."


def points(value: float) -> str:
    """Return a difference in percentage points."""
    return f"{100 * value:+.2f}" if math.isfinite(value) else "-"


def interval(row: Mapping[Any, Any]) -> str:
    """Return the interval of a difference in percentage points."""
    return f"[{points(row['low'])}, {points(row['high'])}]" if row["seeds"] > 1 else "-"


def differences_table(table: pd.DataFrame) -> str:
    """Return the comparisons as Markdown."""
    if table.empty:
        return "No two arms to compare."
    return markdown_table(
        ["arm", "against", "accuracy", "difference", "95% interval", "won/tied/lost", "worst seed"],
        [
            (
                row["method"],
                row["against"],
                row["score"],
                points(row["difference"]),
                interval(row),
                tally(row),
                points(row["worst"]),
            )
            for row in table.to_dict("records")
        ],
    )


def means_table(scores: pd.DataFrame) -> str:
    """Return mean accuracies in percent, with their standard deviation between seeds."""
    lines = []
    for method in ordered(scores["method"], ARMS):
        own = scores[scores["method"] == method]
        cells = [
            f"{100 * own[s].mean():.2f} ± {100 * own[s].std(ddof=1):.2f}"
            if len(own) > 1
            else f"{100 * own[s].mean():.2f}"
            for s in SCORES
        ]
        images, seconds = own["train_images"].iloc[0], own["classifier_seconds"].mean()
        lines.append((method, *cells, int(images), number(seconds, 1)))
    return markdown_table(["arm", *SCORES, "training images", "classifier s"], lines)


def seeds_table(scores: pd.DataFrame) -> str:
    """Return balanced and rare-class accuracy of every seed."""
    methods = ordered(scores["method"], ARMS)
    lines = []
    for seed, own in scores.groupby("seed"):
        by = own.set_index("method")
        cells = [
            f"{100 * by['balanced'][m]:.2f} / {100 * by['rare'][m]:.2f}" if m in by.index else "-"
            for m in methods
        ]
        lines.append((str(seed), *cells))
    return markdown_table(["seed", *methods], lines)


def fits_table(scores: pd.DataFrame) -> str:
    """Return when each GAN was fitted, how long that took and how busy the machine was."""
    lines = []
    for seed, own in scores.groupby("seed"):
        fits = own.loc[own["method"].isin(["ganaug", "ganaug+shifts"]), "fit"].tolist()
        if fits:
            fit = fits[0]
            load = number(fit["load"], 1) if fit["load"] is not None else "-"
            lines.append((str(seed), number(fit["seconds"], 1), load, fit["at"], fit["note"]))
    if not lines:
        return "No GAN was fitted."
    return markdown_table(["seed", "fit_resample s", "load before", "began", "remarks"], lines)


def plan_of(scores: pd.DataFrame) -> str:
    """Return what ganaug chose for each class."""
    fits = [fit for fit in scores["fit"] if isinstance(fit, dict) and fit["plan"]]
    plan = fits[0]["plan"] if fits else {}
    return ", ".join(f"{label} {how}" for label, how in plan.items())


def recalls_table(scores: pd.DataFrame, facts: dict[str, Any]) -> str:
    """Return the mean recall of every class in percent."""
    methods = ordered(scores["method"], ARMS)
    means = {
        m: np.mean(np.array(scores.loc[scores["method"] == m, "recalls"].tolist()), axis=0)
        for m in methods
    }
    return markdown_table(
        ["class", "training images", *methods],
        [
            (label, count, *(number(100 * means[m][i], 2) for m in methods))
            for i, (label, count) in enumerate(facts["train_images"].items())
        ],
    )


def pictures_table(pictures: pd.DataFrame, by: str) -> str:
    """Return what images are like, a row for each source or class."""
    some = pictures.groupby(by, sort=False)[list(METRICS)].mean()
    keys = [k for k in SOURCE_ORDER if k in some.index] if by == "source" else list(some.index)
    return markdown_table(
        [by, *PICTURES.values()],
        [(str(k), *(shown(metric, float(some[metric][k])) for metric in METRICS)) for k in keys],
    )


def shown(metric: str, value: float) -> str:
    """Return a metric for a table."""
    return number(100 * value, 1) if metric in PERCENT else number(value, 2)


def header(
    environment: Mapping[str, Any],
    settings: Mapping[str, Any],
    facts: Mapping[str, Any],
    protocol: str,
    cut: Sequence[int],
) -> str:
    """Return what ran where."""
    counts = ", ".join(f"{label}: {n}" for label, n in facts["train_images"].items())
    lines = [
        f"Training images: {counts}; imbalance {facts['imbalance']:.0f}. "
        f"{facts['test_images']} held-out images. Rare: {', '.join(facts['rare']) or 'none'}.",
        f"Classifier: {protocol}",
        f"Seeds: {', '.join(map(str, settings['seeds']))}",
    ]
    left_out = f"seed(s) {', '.join(map(str, cut))}" if cut else ""
    return _report.header(environment, lines, left_out)


def full_report(
    scores: pd.DataFrame,
    pictures: pd.DataFrame,
    facts: dict[str, Any],
    head: str,
    warning: str,
    not_judged: str,
) -> str:
    """Return the report of a run."""
    table = differences(scores)
    parts = [f"# Benchmark on images: {facts['name']}", f"**{warning}**" if warning else "", head]
    parts += ["## Accuracy on held-out images, percent", means_table(scores)]
    parts += ["## Paired differences over the seeds, points", differences_table(table)]
    parts += [verdict(table, facts["name"], not_judged)]
    parts += ["## Every seed: balanced / rare, percent", seeds_table(scores)]
    parts += ["## Recall of every class, percent", recalls_table(scores, facts)]
    parts += ["## Fits", fits_table(scores)]
    if plan := plan_of(scores):
        parts.append(f"Technique by class: {plan}.")
    if not pictures.empty:
        parts += ["## The images made, means over classes", pictures_table(pictures, "source")]
        own = pictures[pictures["source"] == "ganaug"]
        if not own.empty:
            parts += ["## The images of ganaug by class", pictures_table(own, "class")]
            real = pictures[pictures["source"] == "real"]
            parts += ["## Real images by class, for comparison", pictures_table(real, "class")]
    return document(parts)


def tables_as_values(scores: pd.DataFrame, pictures: pd.DataFrame) -> dict[str, Any]:
    """Return the tables of the report as plain values."""
    means = scores.groupby("method")[list(SCORES)].agg(["mean", "std"])
    means.columns = ["_".join(pair) for pair in means.columns]
    tables: dict[str, Any] = {
        "means": means.reset_index().to_dict("records"),
        "differences": differences(scores).to_dict("records"),
    }
    if not pictures.empty:
        by = pictures.groupby(["source", "class"], sort=False)[list(METRICS)].mean()
        tables["pictures"] = by.reset_index().to_dict("records")
    return tables
