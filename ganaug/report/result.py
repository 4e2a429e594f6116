"""What the report found, figure by figure."""

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
    """What :func:`quality_report` found.

    Attributes
    ----------
    findings : list of Finding
        Every figure of every class, refused ones included.
    columns : list of dict
        Of tables: each column of each class.
    advice : list of Advice
        What is bad and what to do, the gravest first.
    notes : list of str
        What was compared with what.
    facts : dict
        Rows, plan, recipe and versions.
    history : History
        Of the training.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from ganaug import GANAugmenter, quality_report
    >>> X, y = make_classification(200, weights=[0.8], random_state=0)
    >>> report = quality_report(GANAugmenter(max_steps=5), X, y, random_state=0)
    >>> report
    Report(2 classes, 22 figures, 7 refused, 5 warnings)
    """

    findings: Sequence[Finding]
    columns: Sequence[dict[str, Any]]
    advice: Sequence[Advice]
    notes: Sequence[str]
    facts: dict[str, Any]
    history: History
    sketches: Sketches = field(repr=False)

    def __repr__(self) -> str:
        refused = sum(finding.refused for finding in self.findings)
        warnings = sum(advice.level != "note" for advice in self.advice)
        return (
            f"Report({len(self.facts['classes'])} classes, {len(self.findings)} figures, "
            f"{refused} refused, {warnings} warnings)"
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the figures as a table, one row for each figure of each class.

        Returns
        -------
        pandas.DataFrame
            Indexed by ``class`` and ``figure``; ``"(all)"`` stands for all classes together. The
            columns ``baseline``, ``baseline_low`` and ``baseline_high`` say what real rows get,
            ``verdict`` what follows, and ``reason`` why a figure is missing.

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
