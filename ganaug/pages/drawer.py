"""Templates, and figures as SVG, for the pages of reports."""

from __future__ import annotations

import io
import re
import warnings
from functools import cache
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup, escape
from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from ganaug.pages.style import BLUE, INK

MINUS = "\N{MINUS SIGN}"


@cache
def template(name: str) -> jinja2.Template:
    """Return a template of this package."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("ganaug.pages", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template(name)


def number(value: float) -> str:
    """Return a number as it stands on the page."""
    if np.isnan(value):
        return "-"
    text = f"{value:.3f}" if abs(value) < 0.1 else f"{value:.2f}"
    return text.replace("-", MINUS) if float(text) else text.replace("-", "")


class Drawer:
    """Turns figures into SVG for a page, each with names of its own.

    Parameters
    ----------
    name : str
        Begins all names.
    """

    def __init__(self, name: str) -> None:
        self.name, self.count = name, 0

    def all(self, figures: Any) -> list[Markup]:
        """Return the figures, given with what they show in words, as SVG elements."""
        return [self.svg(figure, words) for figure, words in figures]

    def svg(self, figure: Figure, words: str) -> Markup:
        """Return a figure as an SVG element in the page's own ink."""
        self.count += 1
        out = io.StringIO()
        with rc_context({"svg.hashsalt": f"{self.name}{self.count}"}), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # letters that matplotlib's font lacks; browsers do not
            # Not savefig, which draws everything twice.
            canvas: Any = FigureCanvasSVG(figure)
            canvas.print_svg(out, metadata={"Date": None})
        text = out.getvalue()
        text = text[text.index("<svg") :]
        text = re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
        # Names such as axes_1 would stand on the page many times; only clips and markers are used.
        text = re.sub(r' id="[A-Za-z][\w.]*_\d+"', "", text)
        text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
        text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
        text = text.replace(INK, "currentColor").replace(BLUE.lower(), "var(--blue)")
        width = figure.get_size_inches()[0] * 96
        start = f'<svg role="img" aria-label="{escape(words)}" style="max-width:{width:.0f}px"'
        return Markup(text.replace("<svg", start, 1))
