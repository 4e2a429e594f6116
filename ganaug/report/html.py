"""The HTML page of a report: one file that loads nothing from the network."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup
from matplotlib import image as matplotlib_image
from numpy.typing import NDArray

from ganaug.models.model import GENERATED
from ganaug.pages.drawer import Drawer, number, template
from ganaug.pages.style import style
from ganaug.report import plots
from ganaug.report.findings import MEASURES, Finding
from ganaug.report.sketches import PICTURED, Neighbours

if TYPE_CHECKING:
    from ganaug.report.contents import ReportContents

TEMPLATE = "report.html.j2"
OPEN_CLASSES = 6
"""Classes whose figures are unfolded when the page opens."""

LEVELS = {"bad": "Bad", "caution": "Caution", "note": "Note"}


def page(report: ReportContents) -> str:
    """Return the page of a report."""
    with style():
        context = {
            "report": report,
            "noun": "images" if report.facts["kind"] == "image" else "rows",
            "levels": LEVELS,
            "classes": _classes(report),
            "every": [f for f in report.findings if _about_all(report, f)],
            "measures": [MEASURES[key] for key in dict.fromkeys(f.key for f in report.findings)],
            "panels": Drawer("f").all(
                (plots.measure_panel(report, key), _description(report, key))
                for key in plots.measured(report)
            ),
            "projection": Drawer("p").all(
                (figure, f"Scatter plot of {figure.axes[0].get_title(loc='left')} rows by class")
                for figure in plots.projection_panels(report.sketches.projection)
            ),
            "training": Drawer("t").all(
                (figure, f"{figure.axes[0].get_title(loc='left')} while training")
                for figure in plots.training_panels(report.history)
                if any(row["plan"] in GENERATED for row in report.facts["classes"])
            ),
            "recipes": [json.dumps(recipe, indent=1) for recipe in report.facts["recipes"]],
            "figure": figure_text,
            "number": number,
        }
    return template(TEMPLATE).render(context)


def _about_all(report: ReportContents, finding: Finding) -> bool:
    return finding.label not in [row["class"] for row in report.facts["classes"]]


def _description(report: ReportContents, key: str) -> str:
    """Return the content of a panel in words, for screen readers."""
    parts = [
        f"class {f.label}: synthetic {number(f.value)}, real {number(f.baseline)}"
        for f in report.findings
        if f.key == key and not f.refused
    ]
    return f"{MEASURES[key].title}. {'; '.join(parts[: plots.MOST_CLASSES])}"


def figure_text(finding: Finding) -> tuple[str, str]:
    """Return a figure and its baseline as text, with their intervals."""
    value, baseline = number(finding.value), number(finding.baseline)
    if not np.isnan(finding.low):
        value += f" ({number(finding.low)} to {number(finding.high)})"
    if not np.isnan(finding.baseline_low):
        baseline += f" ({number(finding.baseline_low)} to {number(finding.baseline_high)})"
    return value, baseline


def _classes(report: ReportContents) -> list[dict[str, Any]]:
    """Return the content of the page for each class."""
    sketches, classes = report.sketches, []
    for position, row in enumerate(report.facts["classes"]):
        label = row["class"]
        drawer = Drawer(f"c{position}-")
        columns = sketches.columns.get(label, [])
        squares = sketches.trends.get(label)
        classes.append(
            {
                **row,
                "label": label,
                "open": position < OPEN_CLASSES,
                "pictured": position < PICTURED,
                "findings": [f for f in report.findings if f.label == label],
                "details": [c for c in report.columns if c["class"] == label],
                "columns": drawer.all(
                    (plots.column_panel(c), f"Column {c.name} of class {label}") for c in columns
                ),
                "trends": _trends(drawer, squares, label) if squares is not None else [],
                "images": _strips(sketches.images.get(label)),
            }
        )
    return classes


def _trends(drawer: Drawer, squares: tuple[Any, Any], label: Any) -> list[Markup]:
    titles = ("synthetic against real", "real against real")
    return drawer.all(
        (plots.trends_panel(square, title), f"Pair trends of class {label}, {title}")
        for square, title in zip(squares, titles, strict=True)
        if not np.isnan(square).all()
    )


def _strips(shown: Neighbours | None) -> Mapping[str, Any]:
    """Return synthetic images and their nearest training images as two strips."""
    if shown is None or not len(shown.synthetic):
        return {}
    return {
        "synthetic": _strip(shown.synthetic),
        "real": _strip(shown.real),
        "count": len(shown.synthetic),
        "identical": int((shown.synthetic == shown.real).all((1, 2, 3)).sum()),
    }


def _strip(images: NDArray[np.uint8]) -> str:
    """Return images of shape (n, channels, height, width) in a row, as the data URL of a PNG."""
    colour = images.shape[1] >= 3
    # Without alpha; gray images are repeated for the three channels of the PNG.
    shown = images[:, :3] if colour else np.repeat(images[:, :1], 3, axis=1)
    # One transparent column of pixels separates the images.
    strip = np.concatenate([np.pad(image, ((0, 0), (0, 0), (0, 1))) for image in shown], axis=2)
    alpha = np.full((1, *strip.shape[1:]), 255, np.uint8)
    step = shown.shape[3] + 1
    alpha[:, :, step - 1 :: step] = 0
    file = io.BytesIO()
    pixels = np.ascontiguousarray(np.concatenate([strip, alpha]).transpose(1, 2, 0))
    # matplotlib would write its version, and the page would change with it.
    metadata: Any = {"Software": None}
    matplotlib_image.imsave(file, pixels, format="png", metadata=metadata)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
