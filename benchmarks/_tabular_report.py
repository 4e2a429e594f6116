"""A run on tables as Markdown, and its tables as plain values for JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from benchmarks import _report
from benchmarks._classifiers import METRICS, WITHOUT_CLASS_WEIGHT
from benchmarks._methods import ARMS
from benchmarks._report import document, markdown_table, number, ordered, tally
from benchmarks._stats import (
    cell_means,
    common_methods,
    effects,
    fit_seconds,
    geometric_mean,
    mean_ranks,
    set_means,
    speed_ratios,
)

OURS, RIVAL = "ganaug", "ctgan"
SHORT = {
    "balanced_accuracy": "balanced acc.",
    "macro_f1": "macro F1",
    "average_precision": "avg. precision",
    "g_mean": "G-mean",
}
TARGETS = {"mammography": 10, "thyroid": 10, "german_credit": 5, "abalone_9_vs_18": 5}


def header(environment: Mapping[str, Any], settings: Mapping[str, Any], cut: Sequence[str]) -> str:
    """Return what ran where."""
    repeats = ", ".join(f"{name} x{len(seeds)}" for name, seeds in settings["seeds"].items())
    cap = f"at most about {settings['max_rows']} rows a set" if settings["max_rows"] else "all rows"
    lines = [
        f"Sets and repetitions of a stratified {settings['folds']}-fold: {repeats}; {cap}",
        f"Classifiers: {', '.join(settings['classifiers'])}",
        "Fits are timed one at a time after a warm-up (imports, one training step), with no "
        "classifier running.",
    ]
    return _report.header(environment, lines, "; ".join(cut))


def notes(rows: pd.DataFrame) -> str:
    """Return failures and other remarks of the methods, counted by fold."""
    once = rows.drop_duplicates(["set", "seed", "fold", "method"])
    once = once[once["note"] != ""]
    if once.empty:
        return "No method failed or made a remark."
    counts = once.groupby(["method", "set", "note"]).size().reset_index(name="n")
    return "\n".join(
        f"- {row['method']} on {row['set']} ({row['n']} folds): {row['note']}"
        for row in counts.to_dict("records")
    )


def means_table(rows: pd.DataFrame, methods: Sequence[str]) -> str:
    """Return the means over the sets, with the seconds of a fit."""
    some = rows[rows["method"].isin(methods)]
    means = set_means(some).groupby("method").mean()
    seconds = fit_seconds(some).groupby(["set", "method"])["fit_seconds"].mean()
    seconds = seconds.groupby("method").mean()
    return markdown_table(
        ["method", *SHORT.values(), "fit s"],
        [
            (marked(m), *means.loc[m, list(METRICS)], number(seconds[m], 2))
            for m in ordered(methods, ARMS)
        ],
    )


def marked(method: str) -> str:
    """Return the method's name, with a mark where its means leave classifiers out."""
    return f"{method} *" if method in ARMS and ARMS[method].decision == "class_weight" else method


def ranks_table(rows: pd.DataFrame, methods: Sequence[str]) -> str:
    """Return the mean ranks, best first."""
    table = mean_ranks(rows, methods)
    return markdown_table(
        ["method", *SHORT.values(), "mean"],
        [(str(m), *(number(v, 2) for v in row)) for m, row in table.iterrows()],
    )


def effects_table(table: pd.DataFrame) -> str:
    """Return the comparisons of ganaug with each method."""
    cells = []
    for row in table.to_dict("records"):
        interval = f"[{row['low']:+.3f}, {row['high']:+.3f}]" if row["sets"] > 1 else "-"
        cells.append(
            (
                row["against"],
                SHORT[row["metric"]],
                f"{row['difference']:+.3f}",
                interval,
                number(row["effect"], 2),
                number(row["p"]),
                tally(row),
                f"{row['worst']:+.3f} {row['worst_set']}",
            )
        )
    columns = [
        "against",
        "metric",
        "difference",
        "95% interval",
        "d",
        "p",
        "won/tied/lost",
        "worst set",
    ]
    return markdown_table(columns, cells)


def speed_table(rows: pd.DataFrame) -> str:
    """Return how many times as long CTGAN took, with average precision beside it."""
    table = speed_ratios(rows, RIVAL, OURS)
    if table.empty:
        return f"Not measured: needs both {RIVAL} and {OURS}."
    precision = set_means(rows)["average_precision"].unstack("method")
    lines = [
        (
            name,
            number(row["slow"], 1),
            number(row["fast"], 1),
            f"{row['ratio']:.1f}x",
            f"{row['low']:.1f} to {row['high']:.1f}",
            precision[RIVAL][str(name)],
            precision[OURS][str(name)],
        )
        for name, row in table.iterrows()
    ]
    text = markdown_table(
        ["set", "CTGAN s", "ganaug s", "ratio", "folds", "CTGAN AP", "ganaug AP"], lines
    )
    means = precision.loc[table.index].mean()
    ratio = table["ratio"]
    return (
        f"{text}\n\nGeometric mean of the ratios {geometric_mean(ratio):.1f}, range "
        f"{ratio.min():.1f} to {ratio.max():.1f}. Mean average precision: CTGAN "
        f"{means[RIVAL]:.4f}, ganaug {means[OURS]:.4f}. {loads(rows)}"
    )


def loads(rows: pd.DataFrame) -> str:
    """Return how busy the machine was."""
    values = rows["load"].dropna()
    if values.empty:
        return ""
    median, most = values.median(), values.max()
    return f"Load average before the fits: median {median:.1f}, at most {most:.1f}."


def verdicts(rows: pd.DataFrame, max_rows: int | None) -> str:
    """Return whether the speed and quality asked for were reached, a line each.

    Nothing is judged where rows were cut or a set of the claim is missing.
    """
    table = speed_ratios(rows, RIVAL, OURS)
    missing = [name for name in TARGETS if name not in table.index]
    if max_rows is not None or missing:
        why = f"rows were cut to {max_rows}" if max_rows else f"without {', '.join(missing)}"
        return f"The claim about CTGAN is not judged: {why}."
    table = table.loc[list(TARGETS)]
    lines = [
        f"- {passed(ratio >= target)}: {name} {ratio:.1f}x, asked {target}x"
        for (name, target), ratio in zip(TARGETS.items(), table["ratio"].to_list(), strict=True)
    ]
    means = set_means(rows)["average_precision"].unstack("method").loc[table.index].mean()
    lines.append(
        f"- {passed(means[OURS] >= means[RIVAL])}: mean average precision "
        f"{means[OURS]:.4f}, CTGAN {means[RIVAL]:.4f}"
    )
    return "\n".join(lines)


def passed(value: bool) -> str:
    """Return a word."""
    return "reached" if value else "MISSED"


def set_table(rows: pd.DataFrame, name: str) -> str:
    """Return the scores of all methods on one set."""
    own = rows[rows["set"] == name]
    means = set_means(own).loc[name]
    seconds = fit_seconds(own).groupby("method")["fit_seconds"].mean()
    return markdown_table(
        ["method", *SHORT.values(), "fit s", "rows made a fold"],
        [
            (marked(m), *means.loc[m, list(METRICS)], number(seconds[m], 2), made(own, m))
            for m in ordered(means.index, ARMS)
        ],
    )


def made(rows: pd.DataFrame, method: str) -> str:
    """Return the mean number of rows made in a fold, by technique."""
    once = rows[rows["method"] == method].drop_duplicates(["seed", "fold"])
    total: dict[str, int] = {}
    for counts in once["made"]:
        for how, n in counts.items():
            total[how] = total.get(how, 0) + n
    return ", ".join(f"{round(n / len(once))} {how}" for how, n in total.items()) or "-"


def full_report(rows: pd.DataFrame, head: str, screened: Sequence[str] = ()) -> str:
    """Return the report of a comparison.

    ``screened`` are the sets on which ganaug's defaults were chosen; the others are shown apart.
    """
    everywhere = common_methods(rows)
    numeric = rows[rows["numeric_binary"]]
    parts = ["# Benchmark on tables", head, "## Remarks", notes(rows)]
    without = ", ".join(WITHOUT_CLASS_WEIGHT)
    star = f"\\* class weights are not available for {without}: means over the other classifiers."

    def section(title: str, some: pd.DataFrame, methods: list[str], n: int) -> None:
        label = f"{title} ({n} sets)"
        parts.extend([f"## Means, {label}", means_table(some, methods), star])
        parts.extend([f"## Mean ranks, {label}; 1 is best", ranks_table(some, methods)])

    section("methods that run on all sets", rows, everywhere, rows["set"].nunique())
    if not numeric.empty:
        methods = common_methods(numeric)
        section("numeric binary sets, all methods", numeric, methods, numeric["set"].nunique())
    unseen = rows[~rows["set"].isin(screened)]
    if screened and not unseen.empty and unseen["set"].nunique() < rows["set"].nunique():
        kept = common_methods(unseen)
        section("sets outside the screening", unseen, kept, unseen["set"].nunique())
        if OURS in kept:
            parts.append(effects_table(effects(unseen[unseen["method"].isin(everywhere)])))
    if OURS in set(rows["method"]):
        parts += ["## ganaug against each method", EFFECTS, effects_table(effects(rows))]
        parts += ["## Speed against CTGAN", speed_table(rows)]
    for name in rows["set"].unique():
        parts += [f"## {name}", set_table(rows, name)]
    return document(parts)


EFFECTS = (
    "Positive differences are in ganaug's favour: means over the sets that both ran on, over the "
    "classifiers that both have. The interval is a bootstrap over sets. d is the mean difference "
    "over its standard deviation between sets, p that of Wilcoxon's signed-rank test over sets."
)


def speed_report(rows: pd.DataFrame, head: str, max_rows: int | None) -> str:
    """Return the report of a speed run."""
    verdict = verdicts(rows, max_rows)
    parts = ["# Speed against CTGAN's defaults", head, speed_table(rows), verdict]
    parts += ["## Remarks", notes(rows)]
    for name in rows["set"].unique():
        parts += [f"## {name}", set_table(rows, name)]
    return document(parts)


def tables_as_values(rows: pd.DataFrame) -> dict[str, Any]:
    """Return every table of the report as plain values."""
    numeric = rows[rows["numeric_binary"]]
    by: dict[str, Callable[[], pd.DataFrame]] = {
        "cells": lambda: cell_means(rows),
        "set_means": lambda: set_means(rows),
        "mean_ranks_all_sets": lambda: mean_ranks(rows, common_methods(rows)),
        "effects": lambda: effects(rows),
        "speed": lambda: speed_ratios(rows, RIVAL, OURS),
    }
    if not numeric.empty:
        by["mean_ranks_numeric_binary"] = lambda: mean_ranks(numeric, common_methods(numeric))
    return {
        name: table().reset_index(drop=name == "effects").to_dict("records")
        for name, table in by.items()
    }
