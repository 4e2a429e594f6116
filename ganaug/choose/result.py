"""Result of ``compare``: scores, intervals, advice, and the report."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ganaug.choose.remedies import NOTHING
from ganaug.pages.document import Document

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

SIZE = (6.0, 0.9)
"""Width of the picture, and its height without methods, in inches."""

ROW = 0.34
"""Height that each method adds to the picture, in inches."""

FEW_FOLDS = 5
"""With fewer folds than the default of ``compare``, the advice warns about it."""


@dataclass(frozen=True)
class MethodResult:
    """Scores of one method.

    Attributes
    ----------
    method : str
    score : float
        Mean over the folds; NaN if the method could not run.
    difference : float
        Mean difference from doing nothing on the same folds.
    low, high : float
        95% interval of the difference, by the corrected resampled t-test.
    error : float
        Standard error of the difference.
    reason : str
        Why the method could not run.
    """

    method: str
    score: float = math.nan
    difference: float = math.nan
    low: float = math.nan
    high: float = math.nan
    error: float = math.nan
    reason: str = ""


@dataclass(frozen=True, repr=False)
class Comparison(Document):
    """Result of :func:`compare`.

    Attributes
    ----------
    methods : tuple of MethodResult
        The first is doing nothing.
    scoring : str
    n_folds : int
    facts : dict
        Rows, classes, classifier, augmenter, seed and versions.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from ganaug import compare
    >>> X, y = make_classification(300, weights=[0.9], class_sep=0.5, random_state=0)
    >>> found = compare(X, y, LogisticRegression(), ["class weights"], random_state=0)
    >>> [each.method for each in found.methods], found.n_folds
    (['nothing', 'class weights'], 5)
    """

    methods: tuple[MethodResult, ...]
    scoring: str
    n_folds: int
    facts: dict[str, Any]

    @property
    def best(self) -> MethodResult:
        """The advised method.

        Of the methods whose interval is above 0, it is the simplest one within a standard error of
        the best. If there is none, it is doing nothing.
        """
        better = [each for each in self.methods if each.low > 0]
        if not better:
            return self.methods[0]
        top = max(better, key=lambda each: each.difference)
        least = top.difference - top.error
        return next(each for each in better if each.difference >= least)

    @property
    def advice(self) -> str:
        """What to do, in a sentence."""
        nothing, best = self.methods[0], self.best
        others = [each for each in self.methods[1:] if not each.reason]
        if best.method != NOTHING:
            top = max(others, key=lambda each: each.difference)
            text = f"Use {best.method}: {self.scoring} {best.score:.3f} against "
            text += f"{nothing.score:.3f} ({_interval_text(best)})."
            if top.method != best.method:
                text += f" {top.method} scores {top.score:.3f}, but its lead may be chance."
            if self.n_folds < FEW_FOLDS:
                text += f" With only {self.n_folds} folds an interval can be narrow by chance."
            return text
        text = "No method is better than doing nothing here"
        if not others:
            return f"{text}: no method could run."
        top = max(others, key=lambda each: each.difference)
        return f"{text}: no interval is above 0 (best: {top.method}, {_interval_text(top)})."

    def to_frame(self) -> pd.DataFrame:
        """Return the methods as a table.

        Returns
        -------
        pandas.DataFrame
            Indexed by ``method``.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.naive_bayes import GaussianNB
        >>> from ganaug import compare
        >>> X, y = load_iris(return_X_y=True)
        >>> found = compare(X[:120], y[:120], GaussianNB(), ["class weights"], random_state=0)
        >>> found.to_frame().loc["class weights", "reason"]
        'the classifier has no class_weight'
        """
        import pandas as pd

        return pd.DataFrame([asdict(each) for each in self.methods]).set_index("method")

    def _picture(self) -> Figure:
        """Draw the difference of each method from doing nothing; the advised one stands out."""
        from ganaug.pages.style import BLUE, GREY, ORANGE, plain_panel, style

        shown = self._shown
        places = list(range(len(shown)))[::-1]
        rows = max(len(shown), 1)
        with style():
            names = [each.method for each in shown]
            figure, axes = plain_panel((SIZE[0], SIZE[1] + ROW * rows), names)
            for place, each in zip(places, shown, strict=True):
                chosen = each == self.best
                colour, mark = (ORANGE, "D") if chosen else (BLUE, "o")
                axes.hlines(place, each.low, each.high, color=colour, linewidth=2.5, alpha=0.6)
                axes.plot(each.difference, place, mark, color=colour, markersize=6)
            axes.axvline(0, color=GREY, linewidth=1)
            axes.set_yticks(places, names)
            axes.set_ylim(-0.6, rows - 0.4)
            axes.set_title(f"{self.scoring}, difference from doing nothing")
            axes.grid(axis="y", visible=False)
        return figure

    def _content(self) -> dict[str, Any]:
        return {
            "advice": self.advice,
            "advised": self.best.method,
            "scoring": self.scoring,
            "folds": self.n_folds,
            "methods": [asdict(each) for each in self.methods],
            "facts": self.facts,
        }

    def _page(self) -> str:
        from ganaug.pages.drawer import Drawer, template
        from ganaug.pages.style import style

        # Screen readers read the description in place of the picture.
        description = "; ".join(f"{each.method} {each.difference:+.3f}" for each in self._shown)
        with style():
            picture = Drawer("d").svg(self._picture(), f"Differences: {description}")
            context = {"found": self, "picture": picture, "versions": self.facts["versions"]}
            return template("comparison.html.j2").render(context)

    @property
    def _shown(self) -> list[MethodResult]:
        """The methods in the picture: all that could run, without doing nothing."""
        return [each for each in self.methods[1:] if not each.reason]

    def __repr__(self) -> str:
        classifier = self.facts["classifier"]
        lines = [f"Comparison({self.scoring} of {classifier}, {self.n_folds} folds)"]
        for each in self.methods:
            text = each.reason or f"{each.score:.3f}"
            if each.method != NOTHING and not each.reason:
                text += f"  {_interval_text(each)}"
            lines.append(f"{'*' if each == self.best else ' '} {each.method:20}{text}")
        return "\n".join([*lines, self.advice])


def _interval_text(each: MethodResult) -> str:
    return f"{each.difference:+.3f}, 95% interval {each.low:+.3f} to {each.high:+.3f}"
