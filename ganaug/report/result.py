"""``Report``: the result of ``quality_report``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ganaug.pages.document import Document
from ganaug.report.advice import Advice
from ganaug.report.findings import Finding
from ganaug.report.sketches import Sketches
from ganaug.training.history import History

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


@dataclass(frozen=True, repr=False)
class Report(Document):
    """Result of :func:`quality_report`.

    Attributes
    ----------
    findings : list of Finding
        Every figure of every class, also those that could not be measured.
    columns : list of dict
        Figures of each column of each class; empty for images.
    advice : list of Advice
        Warnings and remedies, the most severe first.
    notes : list of str
        Sentences on what was compared.
    facts : dict
        Numbers of rows, plan, recipe and versions.
    history : History
        History of the training.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from ganaug import GANAugmenter, quality_report
    >>> X, y = make_classification(200, weights=[0.8], random_state=0)
    >>> report = quality_report(GANAugmenter(max_steps=5), X, y, random_state=0)
    >>> report
    Report(2 classes, 22 figures, 7 not measured, 5 warnings)
    """

    findings: Sequence[Finding]
    columns: Sequence[dict[str, Any]]
    advice: Sequence[Advice]
    notes: Sequence[str]
    facts: dict[str, Any]
    history: History
    sketches: Sketches = field(repr=False)

    def __repr__(self) -> str:
        n_missing = sum(finding.refused for finding in self.findings)
        warnings = sum(advice.level != "note" for advice in self.advice)
        return (
            f"Report({len(self.facts['classes'])} classes, {len(self.findings)} figures, "
            f"{n_missing} not measured, {warnings} warnings)"
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the figures as a table, one row for each figure of each class.

        Returns
        -------
        pandas.DataFrame
            Indexed by ``class`` and ``figure``; ``"(all)"`` is the label of all classes together.
            ``baseline`` is the figure of real rows, from ``baseline_low`` to ``baseline_high``.
            ``verdict`` compares the two, and ``reason`` says why a figure is missing.

        Examples
        --------
        >>> from sklearn.datasets import make_classification
        >>> from ganaug import GANAugmenter, quality_report
        >>> X, y = make_classification(200, weights=[0.8], random_state=0)
        >>> report = quality_report(GANAugmenter(max_steps=5), X, y, random_state=0)
        >>> report.to_frame().loc[(1, "memorisation"), "baseline"]
        np.float64(1.0)
        """
        import pandas as pd

        rows = [finding.to_dict() for finding in self.findings]
        frame = pd.DataFrame(rows).set_index(["class", "figure"])
        numbers = frame.columns.difference(["verdict", "reason"], sort=False)
        return frame.astype(dict.fromkeys(numbers, np.float64)).astype(
            {"n_held_out": np.int64, "n_synthetic": np.int64}
        )

    def _picture(self) -> Figure:
        from ganaug.report.plots import overview

        return overview(self)

    def _content(self) -> dict[str, Any]:
        return {
            "facts": self.facts,
            "notes": list(self.notes),
            "advice": [asdict(advice) for advice in self.advice],
            "figures": [finding.to_dict() for finding in self.findings],
            "columns": list(self.columns),
        }

    def _page(self) -> str:
        from ganaug.report.html import page

        return page(self)
