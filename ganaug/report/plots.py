"""Pictures of a report, each small enough for a phone.

The colours are those of Okabe and Ito, which colour-blind readers can distinguish. Markers and
dashes differ, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib import dates
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ganaug.pages.style import (
    BLUE,
    COLOURS,
    DASHES,
    GREY,
    MARKERS,
    ORANGE,
    PANEL,
    panel,
    plain_panel,
    short,
    style,
)
from ganaug.report.columns import Matrix, bin_edges
from ganaug.report.findings import MEASURES, Finding
from ganaug.report.sketches import ColumnSketch, Projection
from ganaug.training.history import History
from ganaug.training.mode_collapse import COLLAPSE_RATIO
from ganaug.training.overpowering_critic import OVERPOWERED_ACCURACY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ganaug.report.contents import ReportContents


SMALL = (3.1, 2.2)
"""Inches of the picture of a column; several fit side by side on a desktop."""

MOST_CLASSES = 12
"""Maximal number of classes in the picture of a figure."""

BARS = 8
"""Maximal number of levels in the picture of a category, so that their names stay legible."""

BINS = 18
"""Bins in the picture of a number."""


# ------------------------------------------------------------------ figures


def overview(report: ReportContents) -> Figure:
    """Draw every figure of the report, one panel each."""
    keys = measured(report)
    with style():
        n_rows = max(-(-len(keys) // 3), 1)
        figure = Figure(figsize=(3 * PANEL[0], n_rows * (PANEL[1] + 0.3)), layout="constrained")
        panels = list(figure.subplots(n_rows, 3, squeeze=False).flat)
        for axes in panels[len(keys) :]:
            axes.set_visible(False)
        for axes, key in zip(panels, keys, strict=False):
            _draw_measure(axes, _findings_of(report, key))
        handles, labels = panels[0].get_legend_handles_labels()
        if handles:
            figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def measured(report: ReportContents) -> list[str]:
    """Return the keys of the figures that at least one class has."""
    measured_keys = {finding.key for finding in report.findings if not finding.refused}
    return [key for key in MEASURES if key in measured_keys]


def _findings_of(report: ReportContents, key: str) -> list[Finding]:
    return [finding for finding in report.findings if finding.key == key][:MOST_CLASSES]


def measure_panel(report: ReportContents, key: str) -> Figure:
    """Draw one figure of all classes."""
    findings = _findings_of(report, key)
    size = PANEL[0], 0.8 + 0.28 * len(findings)
    figure, axes = plain_panel(size, [short(finding.label) for finding in findings])
    _draw_measure(axes, findings)
    return figure


def _draw_measure(axes: Axes, findings: Sequence[Finding]) -> None:
    """Draw figures as triangles, and their baselines as dots with a range."""
    place = np.arange(len(findings))[::-1]
    numbers = {
        name: np.array([getattr(finding, name) for finding in findings], float)
        for name in ("value", "baseline", "baseline_low", "baseline_high", "low", "high")
    }
    axes.hlines(
        place, numbers["baseline_low"], numbers["baseline_high"],
        color=BLUE, linewidth=7, alpha=0.4, label="range of real rows",
    )  # fmt: skip
    axes.plot(numbers["baseline"], place, "o", color=BLUE, markersize=5, label="real rows")
    axes.hlines(place, numbers["low"], numbers["high"], color=ORANGE, linewidth=1.5)
    axes.plot(numbers["value"], place, "^", color=ORANGE, markersize=6, label="synthetic rows")
    for y, finding in zip(place, findings, strict=True):
        if finding.refused:
            axes.text(
                0.02, y, "too few rows", va="center", fontsize=8,
                transform=axes.get_yaxis_transform(),
            )  # fmt: skip
    axes.set_yticks(place, [short(finding.label) for finding in findings])
    axes.set_ylim(-0.6, len(findings) - 0.4)
    axes.set_title(findings[0].measure.title if findings else "")
    axes.grid(axis="y", visible=False)
    axes.locator_params(axis="x", nbins=6)


# ------------------------------------------------------------------ columns


def column_panel(column: ColumnSketch) -> Figure:
    """Draw one column of a class, real against synthetic."""
    if column.kind == "levels":
        shares = _shares(column)
        figure, axes = plain_panel(SMALL, [short(level) for level in shares.index])
        _draw_levels(axes, shares)
    else:
        figure, axes = plain_panel(SMALL)
        _draw_numbers(axes, column)
    axes.set_title(short(column.name))
    axes.grid(visible=False)
    return figure


def _draw_numbers(axes: Axes, column: ColumnSketch) -> None:
    real, made = (_as_numbers(series, column.kind) for series in (column.real, column.synthetic))
    both = np.concatenate([real, made])
    if not len(both):
        axes.text(0.5, 0.5, "all missing", ha="center", transform=axes.transAxes)
        return
    # A few extreme values would squeeze all others into one bin, so they are counted at the ends.
    low, high = np.quantile(both, [0.005, 0.995])
    bins = bin_edges(np.clip(both, low, high), BINS)
    styles: list[tuple[Matrix, dict[str, Any]]] = [
        (real, {"color": BLUE, "alpha": 0.45}),
        (made, {"color": ORANGE, "histtype": "step", "linewidth": 1.8}),
    ]
    for values, options in styles:
        if len(values):
            options["weights"] = np.full(len(values), 1 / len(values))
            axes.hist(np.clip(values, low, high), bins.tolist(), **options)
    axes.set_yticks([])
    if column.kind == "datetime":
        locator: Any = dates.AutoDateLocator(maxticks=4)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        formatter: Any = dates.ConciseDateFormatter(locator)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_formatter(formatter)
    else:
        axes.locator_params(axis="x", nbins=4)


def _as_numbers(series: pd.Series, kind: str) -> NDArray[np.float64]:
    """Return values to draw: dates as matplotlib's days, durations as days, periods as ordinals."""
    if kind == "datetime":
        instants = pd.to_datetime(series, utc=True).dt.tz_localize(None)
        days: Any = dates.date2num(instants.to_numpy())  # type: ignore[no-untyped-call]
        return np.asarray(days, np.float64)
    if kind == "timedelta":
        return np.asarray(pd.to_timedelta(series).dt.total_seconds() / 86_400, np.float64)
    if kind == "period":
        return np.asarray(pd.PeriodIndex(series).asi8, np.float64)
    return series.to_numpy(np.float64)


def _shares(column: ColumnSketch) -> pd.DataFrame:
    """Return the shares of the most frequent levels, real and synthetic."""
    real, made = (
        rows.astype(object).value_counts(normalize=True) for rows in (column.real, column.synthetic)
    )
    both = pd.DataFrame({"real": real, "synthetic": made}).fillna(0.0)
    # By position: as labels, pandas would take the levels True and False for a mask.
    return both.iloc[np.argsort(-both.sum(axis=1).to_numpy(), kind="stable")[:BARS]]


def _draw_levels(axes: Axes, shares: pd.DataFrame) -> None:
    place = np.arange(len(shares))[::-1]
    for name, offset, colour, alpha in (
        ("real", 0.2, BLUE, 0.5), ("synthetic", -0.2, ORANGE, 1.0)
    ):  # fmt: skip
        axes.barh(place + offset, shares[name].tolist(), 0.36, color=colour, alpha=alpha)
    axes.set_yticks(place, [short(level) for level in shares.index])
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:.0%}")
    axes.locator_params(axis="x", nbins=4)


def trends_panel(square: Matrix, title: str) -> Figure:
    """Draw the likeness of each pair of columns: dark is 0, bright is 1."""
    figure, axes = plain_panel((3.1, 3.1), ["50"])
    last = len(square) + 0.5
    axes.imshow(
        square, vmin=0, vmax=1, cmap="cividis", interpolation="nearest",
        extent=(0.5, last, last, 0.5),
    )  # fmt: skip
    axes.set_title(title)
    axes.locator_params(integer=True, nbins=6)
    axes.grid(visible=False)
    return figure


# ------------------------------------------------------------------ projection


def projection_panels(projection: Projection) -> list[Figure]:
    """Draw held-out and synthetic rows on the same plane, in two panels."""
    stacks = [*projection.real.values(), *projection.synthetic.values(), np.zeros((0, 2))]
    points = np.concatenate(stacks)
    if not len(points):
        return []
    # The axes leave out the outermost points, which would squeeze all others.
    low, high = np.quantile(points, [0.005, 0.995], axis=0)
    margin = 0.08 * (high - low) + 1e-9
    figures = []
    for title, by_class in (("real", projection.real), ("synthetic", projection.synthetic)):
        figure, axes = panel((PANEL[0], 3.6))
        styled = zip(by_class.items(), COLOURS, MARKERS, strict=False)
        # Reversed, so that the rarest class is drawn on top.
        for (label, positions), colour, marker in reversed(list(styled)):
            axes.plot(
                *positions.T, marker, color=colour, markersize=4, alpha=0.7, markeredgewidth=0,
                label=short(label),
            )  # fmt: skip
        axes.set_xlim(low[0] - margin[0], high[0] + margin[0])
        axes.set_ylim(low[1] - margin[1], high[1] + margin[1])
        axes.set_xlabel(f"first component ({projection.shares[0]:.0%} of the variance)")
        axes.set_ylabel(f"second ({projection.shares[1]:.0%})")
        axes.set_title(title)
        figure.legend(loc="outside lower center", ncols=4, markerscale=1.5)
        figures.append(figure)
    return figures


# ------------------------------------------------------------------ training


def training_panels(history: History, most_runs: int = 3) -> list[Figure]:
    """Draw losses, the critic's accuracy and the diversity of each run."""
    if not len(history):
        return []
    frame = history.to_frame()
    runs = [("", frame)]
    if "class" in frame:
        runs = [(f" ({short(name)})", part) for name, part in frame.groupby("class", sort=False)]
    return [figure for name, run in runs[:most_runs] for figure in _run_panels(name, run)]


def _run_panels(name: str, run: pd.DataFrame) -> list[Figure]:
    panels = []
    for title, curves, limit in (
        ("Losses", {"critic_loss": "critic", "generator_loss": "generator"}, None),
        (
            "Critic's accuracy", {"critic_accuracy": "scores real above synthetic"},
            (OVERPOWERED_ACCURACY, "overpowering above"),
        ),
        ("Diversity, synthetic / real", _diversities(run), (COLLAPSE_RATIO, "collapse below")),
    ):  # fmt: skip
        known = {column: label for column, label in curves.items() if column in run}
        if known:
            panels.append(_curves(f"{title}{name}", run, known, limit))
    return panels


def _diversities(run: pd.DataFrame) -> dict[str, str]:
    """Return the columns of the classes with the smallest diversity at the end, with labels."""
    columns = [str(column) for column in run.columns if str(column).startswith("diversity[")]
    last = run.iloc[-1]
    known = [column for column in columns if np.isfinite(last[column])]
    smallest = sorted(known, key=lambda column: float(last[column]))[: len(DASHES)]
    return {column: short(column.removeprefix("diversity[")[:-1]) for column in smallest}


def _curves(
    title: str, run: pd.DataFrame, curves: dict[str, str], limit: tuple[float, str] | None
) -> Figure:
    figure, axes = panel()
    styled = zip(curves.items(), COLOURS, DASHES, strict=False)
    for (column, label), colour, dash in styled:
        axes.plot(run["step"], run[column], color=colour, linestyle=dash, label=label)
    if limit is not None:
        axes.axhline(limit[0], color=GREY, linestyle=":", label=f"{limit[1]} {limit[0]:g}")
        axes.set_ylim(bottom=0)
    axes.set_title(title)
    axes.set_xlabel("generator step")
    figure.legend(loc="outside lower center", ncols=2)
    return figure
