"""The pictures of the demo: real and synthetic rows, the rare digit, and the training history."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from ganaug.cli.demo.data import COMMON, RARE, DemoData
from ganaug.cli.demo.digits import RARE_DIGIT, SHOWN, WHITE, DigitsRun
from ganaug.pages.style import BLACK, BLUE, GREEN, GREY, ORANGE
from ganaug.training.mode_collapse import COLLAPSE_RATIO
from ganaug.training.overpowering_critic import OVERPOWERED_ACCURACY

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from ganaug.cli.demo.results import DemoRun

FEATURES = ("mean radius", "mean texture", "mean smoothness", "worst concave points")
"""One of size, texture, smoothness and outline each, a panel for each."""

_ALPHA = 0.75
"""Opacity of dots, so that those behind are visible."""


def draw_rows(path: Path, data: DemoData, run: DemoRun, seed: int) -> None:
    """Draw the first fold's training rows, the removed real rows and as many synthetic ones.

    Parameters
    ----------
    path : Path
    data : DemoData
    run : DemoRun
    seed : int
    """
    assert run.augmenter is not None
    assert run.train is not None
    scaled, _ = run.augmenter.sample({RARE: len(data.removed)}, random_state=seed)
    synthetic = _frame(run.scaler.inverse_transform(scaled), run.train)
    figure = Figure(figsize=(12, 6.4), layout="constrained")
    grid = figure.add_gridspec(1, 2)
    left, right = figure.add_subfigure(grid[0]), figure.add_subfigure(grid[1])
    _draw_components(left.subplots(), data, run, synthetic)
    panels = right.subplots(2, 2)
    for axes, feature in zip(panels.flat, FEATURES, strict=True):
        _draw_feature(axes, feature, data.removed, synthetic)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    right.legend(handles, labels, loc="outside upper center", ncols=2, fontsize=8.5, frameon=False)
    figure.suptitle(
        f"{RARE.capitalize()} rows: {len(synthetic)} synthetic against {len(data.removed)} real, "
        "which were removed before training"
    )
    figure.savefig(path, dpi=120)


def draw_digits(path: Path, run: DigitsRun) -> None:
    """Draw the rare digit: training images, synthetic ones, and real ones that were removed.

    Parameters
    ----------
    path : Path
    run : DigitsRun
    """
    rows = {
        f"real, all {len(run.train)} that were trained on": run.train,
        f"synthetic ({run.augmenter.plan_[RARE_DIGIT]})": run.synthetic,
        "real, taken away before training": run.removed,
    }
    figure = Figure(figsize=(12, 3.4), layout="constrained")
    panels = figure.subplots(len(rows), 1)
    for axes, (title, images) in zip(panels, rows.items(), strict=True):
        strip = np.concatenate(
            [np.pad(image, 1, constant_values=WHITE / 2) for image in images[:SHOWN]], axis=1
        )
        axes.imshow(strip, cmap="gray", vmin=0, vmax=WHITE)
        axes.set_title(title, fontsize=10, loc="left")
        axes.set_axis_off()
    figure.savefig(path, dpi=120)


def _frame(values: Any, like: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(np.asarray(values), columns=like.columns)


def _draw_components(axes: Axes, data: DemoData, run: DemoRun, synthetic: pd.DataFrame) -> None:
    from sklearn.decomposition import PCA

    assert run.train is not None
    assert run.labels is not None
    principal = PCA(2).fit(run.scaler.transform(run.train))

    def place(rows: pd.DataFrame) -> NDArray[np.float64]:
        return principal.transform(run.scaler.transform(rows))

    def dots(rows: pd.DataFrame, label: str, colour: str, marker: str, size: int) -> None:
        x, y = place(rows).T
        text = f"{label}: {len(rows)}"
        axes.scatter(x, y, c=colour, marker=marker, s=size, alpha=_ALPHA, label=text)

    dots(
        run.train.iloc[np.flatnonzero(run.labels == COMMON)],
        f"{COMMON}, real (training)",
        GREY,
        ".",
        14,
    )
    dots(data.removed, f"{RARE}, real (removed, only for testing)", BLUE, "o", 22)
    dots(synthetic, f"{RARE}, synthetic", ORANGE, "^", 22)
    dots(
        run.train.iloc[np.flatnonzero(run.labels == RARE)],
        f"{RARE}, real (training)",
        BLACK,
        "x",
        40,
    )
    share = principal.explained_variance_ratio_
    axes.set_xlabel(f"first principal component ({share[0]:.0%} of the variance)")
    axes.set_ylabel(f"second principal component ({share[1]:.0%})")
    _legend_above(axes)


def _draw_feature(axes: Axes, feature: str, real: pd.DataFrame, synthetic: pd.DataFrame) -> None:
    both = np.concatenate([real[feature], synthetic[feature]])
    bins = np.histogram_bin_edges(both, bins=18).tolist()
    axes.hist(real[feature], bins, color=BLUE, alpha=0.45, label="real (removed)")
    axes.hist(
        synthetic[feature], bins, color=ORANGE, histtype="step", linewidth=2, label="synthetic"
    )
    axes.set_xlabel(feature)
    axes.set_ylabel("rows")


def _legend_above(axes: Axes) -> None:
    """Put the legend above the panel, where it hides no data."""
    axes.legend(fontsize=8.5, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)


def draw_training(path: Path, run: DemoRun) -> None:
    """Draw the history of the first fold's GAN: losses, critic, diversity and signals.

    Parameters
    ----------
    path : Path
    run : DemoRun
    """
    assert run.augmenter is not None
    history = run.augmenter.history_.to_frame()
    figure = Figure(figsize=(11, 6.4), layout="constrained")
    panels = figure.subplots(2, 2, sharex=True)
    _lines(panels[0, 0], history, {"critic_loss": "critic", "generator_loss": "generator"}, "loss")
    gradients = {"critic_grad_norm": "critic", "generator_grad_norm": "generator"}
    _lines(panels[0, 1], history, gradients, "gradient norm")
    _lines(panels[1, 0], history, {"critic_accuracy": "critic accuracy"}, "critic accuracy")
    panels[1, 0].axhline(0.5, color=GREY, linestyle=":", label="cannot tell real from synthetic")
    limit = f"overpowering above {OVERPOWERED_ACCURACY}"
    panels[1, 0].axhline(OVERPOWERED_ACCURACY, color=BLACK, linestyle=":", label=limit)
    panels[1, 0].set_ylim(0, 1.02)
    diversity = {
        name: name[len("diversity[") : -1]
        for name in map(str, history.columns)
        if name.startswith("diversity[")
    }
    _lines(panels[1, 1], history, diversity, "diversity, synthetic / real")
    panels[1, 1].axhline(1, color=GREY, linestyle=":", label="as diverse as the real rows")
    limit = f"mode collapse below {COLLAPSE_RATIO}"
    panels[1, 1].axhline(COLLAPSE_RATIO, color=BLACK, linestyle=":", label=limit)
    panels[1, 1].set_ylim(bottom=0)
    _shade_signals(panels[1, 0], history, "overpowering_critic", "signal: overpowering critic")
    _shade_signals(panels[1, 1], history, "mode_collapse", "signal: mode collapse")
    for axes in panels.flat:
        _legend_above(axes)
    for axes in panels[1]:
        axes.set_xlabel("generator step")
    raised = ", ".join(run.augmenter.history_.signals()) or "none"
    figure.suptitle(f"Training of the first fold's GAN. Signals raised at the end: {raised}")
    figure.savefig(path, dpi=120)


def _lines(axes: Axes, history: pd.DataFrame, columns: dict[str, str], title: str) -> None:
    styles = ((BLUE, "-"), (ORANGE, "--"), (GREEN, "-."))
    for (column, label), (colour, dash) in zip(columns.items(), styles, strict=False):
        axes.plot(history["step"], history[column], color=colour, linestyle=dash, label=label)
    axes.set_ylabel(title)


def _shade_signals(axes: Axes, history: pd.DataFrame, column: str, label: str) -> None:
    steps, raised = history["step"].to_numpy(), history[column].to_numpy() > 0
    if raised.any():
        axes.fill_between(
            steps, 0, 1, where=raised, transform=axes.get_xaxis_transform(),
            color=ORANGE, alpha=0.2, label=label,
        )  # fmt: skip
