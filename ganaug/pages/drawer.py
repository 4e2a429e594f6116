"""Templates for HTML pages, and figures as SVG."""

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
"""As wide as a digit, and never at the end of a line, unlike a hyphen."""


@cache
def template(name: str) -> jinja2.Template:
    """Return a template of this package by its file name."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("ganaug.pages", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template(name)


def number(value: float) -> str:
    """Return a number as text for the page: two decimals, below 0.1 three, "-" for NaN."""
    if np.isnan(value):
        return "-"
    text = f"{value:.3f}" if abs(value) < 0.1 else f"{value:.2f}"
    return text.replace("-", MINUS) if float(text) else text.replace("-", "")  # no "-0.00"


class Drawer:
    """Turns figures into SVG elements of one page, with identifiers that do not clash.

    Parameters
    ----------
    name : str
        Seed of the identifiers, together with the number of the figure.
    """

    def __init__(self, name: str) -> None:
        self.name, self.count = name, 0

    def all(self, figures: Any) -> list[Markup]:
        """Return pairs of a figure and its description as SVG elements."""
        return [self.svg(figure, description) for figure, description in figures]

    def svg(self, figure: Figure, description: str) -> Markup:
        """Return a figure as an SVG element in the text colour of the page.

        The description is read out by screen readers.
        """
        self.count += 1
        out = io.StringIO()
        with rc_context({"svg.hashsalt": f"{self.name}{self.count}"}), warnings.catch_warnings():
            # matplotlib warns of letters that its font lacks, but browsers have them.
            warnings.simplefilter("ignore")
            # savefig would draw everything twice. Without a date, equal figures give equal files.
            canvas: Any = FigureCanvasSVG(figure)
            canvas.print_svg(out, metadata={"Date": None})
        text = out.getvalue()
        text = text[text.index("<svg") :]
        text = re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
        # Identifiers such as axes_1 would repeat on the page. Only those of clips and markers are
        # used, and this pattern leaves them.
        text = re.sub(r' id="[A-Za-z][\w.]*_\d+"', "", text)
        # Without fixed sizes, the picture shrinks with the page.
        text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
        text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
        text = text.replace(INK, "currentColor").replace(BLUE.lower(), "var(--blue)")
        width = figure.get_size_inches()[0] * 96  # CSS has 96 pixels to the inch
        label = escape(description)
        start = f'<svg role="img" aria-label="{label}" style="max-width:{width:.0f}px"'
        return Markup(text.replace("<svg", start, 1))
