"""Differences to doing nothing, drawn and as a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from ganaug.demo_pictures import BLUE, GREY, ORANGE
from ganaug.report import plots
from ganaug.report.html import Drawer, template

if TYPE_CHECKING:
    from ganaug.report.methods import Comparison

SIZE = (6.0, 0.9)
"""Inches: the width, and the height without methods."""


def differences_panel(found: Comparison) -> Figure:
    """Draw each method's difference to doing nothing, the advised one in another colour."""
    shown = [each for each in found.methods[1:] if not each.reason]
    with plots.style():
        size = SIZE[0], SIZE[1] + 0.34 * max(len(shown), 1)
        figure, axes = plots.plain_panel(size, [each.method for each in shown])
        for place, each in zip(np.arange(len(shown))[::-1], shown, strict=True):
            chosen = each == found.best
            colour, mark = (ORANGE, "D") if chosen else (BLUE, "o")
            axes.hlines(place, each.low, each.high, color=colour, linewidth=2.5, alpha=0.6)
            axes.plot(each.difference, place, mark, color=colour, markersize=6)
        axes.axvline(0, color=GREY, linewidth=1)
        axes.set_yticks(np.arange(len(shown))[::-1], [each.method for each in shown])
        axes.set_ylim(-0.6, max(len(shown), 1) - 0.4)
        axes.set_title(f"{found.scoring}, difference to doing nothing")
        axes.grid(axis="y", visible=False)
    return figure


def comparison_page(found: Comparison) -> str:
    """Return the page of a comparison."""
    with plots.style():
        words = "; ".join(
            f"{each.method} {each.difference:+.3f}" for each in found.methods[1:] if not each.reason
        )
        picture = Drawer("d").svg(differences_panel(found), f"Differences: {words}")
        context = {"found": found, "picture": picture, "versions": found.facts["versions"]}
        return template("comparison.html.j2").render(context)
