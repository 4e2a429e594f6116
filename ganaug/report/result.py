"""The report: its figures as a table, a picture, JSON and a page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ganaug.errors import ConfigError
from ganaug.report.advice import Advice
from ganaug.report.findings import Finding
from ganaug.report.sketches import Sketches
from ganaug.training.history import History

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

FORMAT = 1
LIBRARIES = ("numpy", "pandas", "scikit-learn", "imbalanced-learn", "torch")


@dataclass(frozen=True, repr=False)
class Report:
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

    def plot(self) -> Figure:
        """Draw every figure of every class beside the range of real rows.

        Returns
        -------
        matplotlib.figure.Figure
            With ``savefig``.

        Raises
        ------
        ConfigError
            If matplotlib is missing (the extra ``report``).

        Examples
        --------
        >>> from sklearn.datasets import make_classification
        >>> from ganaug import GANAugmenter, quality_report
        >>> X, y = make_classification(200, weights=[0.8], random_state=0)
        >>> report = quality_report(GANAugmenter(max_steps=5), X, y, random_state=0)
        >>> report.plot().savefig("figures.png")  # doctest: +SKIP
        """
        need("matplotlib")
        from ganaug.report.plots import overview

        return overview(self)

    def to_json(self, path: str | Path | None = None) -> str:
        """Return all figures, advice and facts as JSON, without any row of the data.

        Parameters
        ----------
        path : str, Path or None, default=None
            File to write as well.

        Returns
        -------
        str

        Examples
        --------
        >>> import json
        >>> from sklearn.datasets import make_classification
        >>> from ganaug import GANAugmenter, quality_report
        >>> X, y = make_classification(200, weights=[0.8], random_state=0)
        >>> report = quality_report(GANAugmenter(max_steps=5), X, y, random_state=0)
        >>> sorted(json.loads(report.to_json()))
        ['advice', 'columns', 'facts', 'figures', 'format', 'kind', 'notes']
        """
        document = {
            "kind": "ganaug.Report",
            "format": FORMAT,
            "facts": self.facts,
            "notes": list(self.notes),
            "advice": [asdict(advice) for advice in self.advice],
            "figures": [finding.to_dict() for finding in self.findings],
            "columns": list(self.columns),
        }
        text = json.dumps(finite(document), indent=1, allow_nan=False, default=str)
        return written(text, path)

    def to_html(self, path: str | Path | None = None) -> str:
        """Return a page for people: one file that loads nothing from anywhere.

        The page shows real and synthetic rows (as dots and in columns) or images: treat it as you
        treat the data.

        Parameters
        ----------
        path : str, Path or None, default=None
            File to write as well.

        Returns
        -------
        str

        Raises
        ------
        ConfigError
            If matplotlib or jinja2 is missing (the extra ``report``).

        Examples
        --------
        >>> from sklearn.datasets import make_classification
        >>> from ganaug import GANAugmenter, quality_report
        >>> X, y = make_classification(200, weights=[0.8], random_state=0)
        >>> report = quality_report(GANAugmenter(max_steps=5), X, y, random_state=0)
        >>> report.to_html("report.html")  # doctest: +SKIP
        """
        need("matplotlib", "jinja2")
        from ganaug.report.html import page

        return written(page(self), path)


def need(*modules: str) -> None:
    """Refuse to go on without libraries that only reports need.

    Raises
    ------
    ConfigError
        Names them and the extra that brings them.
    """
    from importlib.util import find_spec

    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise ConfigError(
            f"This needs {' and '.join(missing)}, which is missing: pip install 'ganaug[report]'"
        )


def finite(value: Any) -> Any:
    """Return plain values for JSON: NaN becomes None, numpy's scalars Python's."""
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    plain = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(plain, float) and not np.isfinite(plain) else plain


def written(text: str, path: str | Path | None) -> str:
    """Return a text, written into a file where there is a path."""
    if path is not None:
        from ganaug.tablefile import write

        write(str(path), text.encode())
    return text
