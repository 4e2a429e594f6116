"""Pictures of a model card: training curves and synthetic images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch.nn.functional import adaptive_avg_pool2d

from ganaug.training.grids import tile
from ganaug.training.history import History

# With these numbers a sheet is about 640 pixels wide and at most 800 high, which fits a card.
COLUMNS = 10
"""Samples of each class."""

CLASSES = 12
"""Maximal number of classes of which samples are drawn."""

LARGEST = 64
"""Maximal pixels of a sample's longer side; larger images are shrunk."""

SMALLEST = 48
"""Pixels below which the longer side of a sample is magnified by a whole factor."""

_PANELS = (("critic_loss", "generator_loss"), ("diversity", "critic_accuracy"))
_STYLES = ("-", "--")  # distinguishable without colours, too


def draw_curves(history: History, path: Path) -> None:
    """Draw the losses, the diversity and the critic's accuracy over the steps."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 2.8), layout="constrained")
    for axes, names in zip(figure.subplots(1, 2), _PANELS, strict=True):
        for style, name in enumerate(names):
            for number, run in enumerate(_runs(history)):
                points = [(record["step"], record[name]) for record in run]
                label = name.replace("_", " ") if number == 0 else None
                look = {"linestyle": _STYLES[style], "color": f"C{style}", "label": label}
                axes.plot(*zip(*points, strict=True), **look)
        axes.set_xlabel("generator step")
        axes.legend()
    figure.savefig(path, dpi=100)


def _runs(history: History) -> list[list[dict[str, Any]]]:
    """Return the records of each run. Recipes with one GAN for each class have several runs."""
    runs: dict[Any, list[dict[str, Any]]] = {}
    for record in history.records:
        runs.setdefault(record.get("class"), []).append(record)
    return list(runs.values())


def draw_samples(augmenter: Any, labels: Sequence[Any], path: Path) -> bool:
    """Draw a row of synthetic images for each class; return whether there is any class."""
    from matplotlib.figure import Figure

    labels = labels[:CLASSES]
    if not labels:
        return False
    # With a fixed seed, the random stream of the estimator is not used.
    pool = augmenter.make_pool(dict.fromkeys(labels, COLUMNS), random_state=0)
    images = pool.images.float() / 127.5 - 1
    height, width = pool.shape[1:]
    shrink = min(1.0, LARGEST / max(height, width))
    if shrink < 1:
        size = (max(1, round(height * shrink)), max(1, round(width * shrink)))
        images = adaptive_avg_pool2d(images, size)
    sheet = tile(images, COLUMNS)
    scale = max(1, SMALLEST // max(images.shape[2:]))
    tall, wide = (n * scale / 100 for n in sheet.shape[:2])  # inches, at 100 pixels an inch
    figure = Figure(figsize=(wide + 1.2, tall + 0.2), layout="constrained")
    axes = figure.subplots()
    axes.imshow(sheet, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    each = (sheet.shape[0] + 2) / len(labels)  # tile() leaves two pixels between images
    names = [str(label)[:12] for label in pool.counts]
    places = [each * (i + 0.5) - 1 for i in range(len(labels))]
    axes.set_yticks(places, names, parse_math=False)  # names may contain $
    axes.tick_params(length=0)
    axes.set_xticks([])
    axes.spines[:].set_visible(False)
    figure.savefig(path, dpi=100)
    return True
