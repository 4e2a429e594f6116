"""Colours, panels and the style that all pictures share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import matplotlib
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes


# Okabe and Ito's colours, which the colour-blind can tell apart; shapes differ as well.
GREY, BLUE, ORANGE, GREEN, BLACK = "#999999", "#0072B2", "#D55E00", "#009E73", "#000000"

INK = "#1e1e1f"
"""Of text and axes; a page puts its own colour in its place."""

COLOURS = (BLUE, ORANGE, GREEN, "#CC79A7", "#E69F00", GREY)

MARKERS = ("o", "^", "s", "D", "v", "X")

DASHES = ("-", "--", "-.", ":")

PANEL = (4.2, 2.7)
"""Inches, of a panel as wide as a phone."""

LONGEST = 20
"""Letters of a name in a picture."""

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
    "text.parse_math": False,  # names of columns may hold dollars
    "xtick.color": INK,
    "xtick.labelsize": 8.5,
    "ytick.color": INK,
    "ytick.labelsize": 8.5,
}


@contextmanager
def style() -> Iterator[None]:
    """Draw in the style of the report; matplotlib's own settings come back afterwards."""
    settings: Any = STYLE
    with matplotlib.rc_context(settings):
        yield


def short(name: Any) -> str:
    """Return a name that fits into a picture."""
    text = " ".join(str(name).split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def panel(size: tuple[float, float] = PANEL) -> tuple[Figure, Axes]:
    """Return a panel that makes room for its texts."""
    return _clear(Figure(figsize=size, layout="constrained"))


def plain_panel(size: tuple[float, float], names: Sequence[str] = ()) -> tuple[Figure, Axes]:
    """Return a panel with room for names on the left: measuring texts would cost most of the time.

    Parameters
    ----------
    size : tuple of float
    names : sequence of str
    """
    width, height = size
    letters = max(map(len, names), default=0)
    left = min((0.12 + 0.068 * letters) / width, 0.5)
    margins = {"left": left, "right": 0.97, "bottom": 0.28 / height, "top": 1 - 0.27 / height}
    figure = Figure(figsize=size)
    figure.subplots_adjust(**margins)
    return _clear(figure)


def _clear(figure: Figure) -> tuple[Figure, Axes]:
    """Return the figure and its axes, on the ground of the page."""
    axes = figure.subplots()
    for patch in (figure.patch, axes.patch):
        patch.set_alpha(0)
    return figure, axes
