"""Colours, panels and style of all pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import matplotlib
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes


# The palette of Okabe and Ito, which colour-blind readers can distinguish.
GREY, BLUE, ORANGE, GREEN, BLACK = "#999999", "#0072B2", "#D55E00", "#009E73", "#000000"

INK = "#1e1e1f"
"""Colour of text and axes; in a page it is replaced by the colour of the page's text."""

COLOURS = (BLUE, ORANGE, GREEN, "#CC79A7", "#E69F00", GREY)
"""Colours of classes or methods in a picture, from the same palette."""

MARKERS = ("o", "^", "s", "D", "v", "X")
"""Markers that differ with the colours, for prints in grey."""

DASHES = ("-", "--", "-.", ":")
"""Line styles that differ with the colours."""

PANEL = (4.2, 2.7)
"""Width and height of a panel in inches; the width fits a phone (about 400 CSS pixels)."""

LONGEST = 20
"""Letters of a name in a picture, at most: more would leave too little room for the data."""

STYLE: dict[str, Any] = {
    "axes.edgecolor": INK,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.unicode_minus": False,
    "font.size": 9,
    "grid.alpha": 0.25,
    "grid.color": GREY,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "text.color": INK,
    "text.parse_math": False,  # names of columns may contain dollar signs
    "xtick.color": INK,
    "xtick.labelsize": 8.5,
    "ytick.color": INK,
    "ytick.labelsize": 8.5,
}


@contextmanager
def style() -> Iterator[None]:
    """Use the style of reports in the block, and restore the settings of matplotlib after it."""
    settings: Any = STYLE
    with matplotlib.rc_context(settings):
        yield


def short(name: Any) -> str:
    """Return a name on one line, cut to :data:`LONGEST` letters."""
    text = " ".join(str(name).split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def panel(size: tuple[float, float] = PANEL) -> tuple[Figure, Axes]:
    """Return a figure with one panel, whose margins fit its texts."""
    return _clear(Figure(figsize=size, layout="constrained"))


def plain_panel(size: tuple[float, float], names: Sequence[str] = ()) -> tuple[Figure, Axes]:
    """Return a figure with one panel, and a left margin estimated from the names there.

    Fitting the margins exactly, as :func:`panel` does, takes most of the time of drawing.

    Parameters
    ----------
    size : tuple of float
        Width and height in inches.
    names : sequence of str
        Texts to the left of the panel.
    """
    width, height = size
    letters = max(map(len, names), default=0)
    # 0.068 inches for each letter of 8.5 points on average; at most half of the width.
    left = min((0.12 + 0.068 * letters) / width, 0.5)
    margins = {"left": left, "right": 0.97, "bottom": 0.28 / height, "top": 1 - 0.27 / height}
    figure = Figure(figsize=size)
    figure.subplots_adjust(**margins)
    return _clear(figure)


def _clear(figure: Figure) -> tuple[Figure, Axes]:
    """Return the figure and its new axes, both transparent: the page has its own background."""
    axes = figure.subplots()
    for patch in (figure.patch, axes.patch):
        patch.set_alpha(0)
    return figure, axes
