"""The figures of a report, each with a baseline: the same figure of real rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

Better = Literal["high", "low", "near"]


@dataclass(frozen=True)
class Measure:
    """Definition of a figure.

    Parameters
    ----------
    key : str
        Name in tables and JSON.
    title : str
        Name on a page.
    better : {"high", "low", "near"}
        Whether values above or below the baseline are good; with ``near``, neither is.
    enough : int
        Minimal number of held-out rows of a class. With fewer, the range of the baseline is so
        wide that the figure has no meaning.
    meaning : str
        Explanation for a reader who does not know it.
    source : str
        The paper or library that defines it.
    words : tuple of str
        Verdicts on a bad figure, on one that chance explains, and on a good one.
    bounds : tuple of float
        Smallest and largest possible value.
    """

    key: str
    title: str
    better: Better
    enough: int
    meaning: str
    source: str
    words: tuple[str, str, str] = ("worse", "as real", "better")
    bounds: tuple[float, float] = (0.0, 1.0)


_ANY = (-math.inf, math.inf)

_EACH = (
    Measure(
        "c2st_auc", "Recognised as synthetic (AUC)", "low", 20,
        "How often a classifier that is trained to recognise synthetic rows scores one higher than "
        "a held-out real row. 0.5: by chance only. 1: always.",
        "classifier two-sample test, Lopez-Paz and Oquab 2017",
    ),
    Measure(
        "column_shapes", "Column shapes", "high", 20,
        "Likeness of single columns: 1 minus the Kolmogorov-Smirnov statistic for numbers, 1 minus "
        "the total variation distance for categories; a mean over the columns.",
        "SDMetrics: KSComplement, TVComplement",
    ),
    Measure(
        "pair_trends", "Pair trends", "high", 20,
        "Likeness of pairs of columns: correlations of numbers, joint shares of categories (a "
        "number that is paired with a category has ten bins); a mean over the pairs.",
        "SDMetrics: CorrelationSimilarity, ContingencySimilarity",
    ),
    Measure(
        "mmd_trained", "MMD, trained network", "low", 20,
        "Distance between the two distributions on features of a small classifier that was "
        "trained on half of your training images. 0: no distance.",
        "maximum mean discrepancy, Gretton et al. 2012", bounds=_ANY,
    ),
    Measure(
        "mmd_random", "MMD, random network", "low", 20,
        "The same on features of a network that was not trained: they show texture rather than "
        "content.",
        "Gretton et al. 2012; random features, Naeem et al. 2020", bounds=_ANY,
    ),
    Measure(
        "density", "Density", "high", 50,
        "Whether synthetic rows are where held-out real rows are dense (fidelity). Each counts 1 "
        "at most, and balls around outliers are no larger than the median ball.",
        "Naeem et al. 2020, clipped as by Salvy et al. 2025", ("worse", "as real", "denser"),
    ),
    Measure(
        "coverage", "Coverage", "high", 50,
        "Whether all held-out real rows have synthetic rows near them (variety). Each counts 1 at "
        "most.",
        "Naeem et al. 2020, clipped as by Salvy et al. 2025",
    ),
    Measure(
        "diversity", "Diversity", "near", 10,
        "Mean distance between two synthetic rows, divided by that between two held-out real rows. "
        "Far below 1: mode collapse.",
        "ratio of mean pairwise distances", ("differs", "as real", "differs"), (0.0, math.inf),
    ),
    Measure(
        "copy_rate", "Exact copies", "low", 10,
        "Share of synthetic rows that equal a training row of the class in every column. Baseline: "
        "the same share of held-out real rows.",
        "count",
    ),
    Measure(
        "memorisation", "Memorisation", "high", 10,
        "Mean distance from a synthetic row to the nearest training row of the class, divided by "
        "that from a held-out real row. Far below 1: training rows are repeated. This measures "
        "memorisation, not privacy.",
        "ratio of nearest-neighbour distances", ("nearer", "as real", "farther"), (0.0, math.inf),
    ),
    Measure(
        "tstr_f1", "Trained on synthetic (F1)", "high", 10,
        "F1 on held-out real rows of a classifier that was trained on synthetic rows only, as many "
        "of each class as there are real ones. Baseline: a classifier trained on the real rows.",
        "train on synthetic, test on real, Esteban et al. 2017",
    ),
    Measure(
        "augmented_gain",
        "Gain by adding (AP)",
        "high",
        10,
        "Average precision on held-out real rows with synthetic rows added to the training rows, "
        "minus that without them. It needs no threshold, so balancing alone does not change it. "
        "Baseline: the gain by repeating real rows instead.",
        "Ravuri and Vinyals 2019, with average precision",
        ("harms", "not shown", "helps"), (-1.0, 1.0),
    ),
)  # fmt: skip

MEASURES = {measure.key: measure for measure in _EACH}

TABLE_ONLY = ("column_shapes", "pair_trends")
IMAGE_ONLY = ("mmd_trained", "mmd_random")

EVERY_CLASS = "(all)"
"""Label of figures about all classes."""


@dataclass(frozen=True)
class Finding:
    """One figure of one class.

    Parameters
    ----------
    label : object
        The class, or :data:`EVERY_CLASS`.
    key : str
        A key of :data:`MEASURES`.
    value : float
        Figure of synthetic rows; NaN if it could not be measured.
    baseline : float
        The same figure of real rows.
    baseline_low, baseline_high : float
        Range in which one more value of real rows would be with 95% probability. For scores of
        classifiers, the 95% confidence interval of the baseline.
    low, high : float
        95% confidence interval of the value, or NaN if there is none.
    gap_low, gap_high : float
        95% confidence interval of the difference that decides the verdict: the value minus the
        baseline or, for ``augmented_gain``, the gain itself. NaN if a range decides.
    n_held_out, n_synthetic : int
        Number of rows that were compared.
    reason : str
        Why there is no figure; empty if there is one.
    """

    label: Any
    key: str
    value: float = math.nan
    baseline: float = math.nan
    baseline_low: float = math.nan
    baseline_high: float = math.nan
    low: float = math.nan
    high: float = math.nan
    gap_low: float = math.nan
    gap_high: float = math.nan
    n_held_out: int = 0
    n_synthetic: int = 0
    reason: str = ""

    @property
    def measure(self) -> Measure:
        """Definition of the figure."""
        return MEASURES[self.key]

    @property
    def refused(self) -> bool:
        """Whether there is no figure, because a class is too small."""
        return math.isnan(self.value)

    @property
    def verdict(self) -> str:
        """Whether it is worse or better than the baseline; empty if there is no figure."""
        if self.refused or math.isnan(self.baseline):
            return ""
        worse, same, better = self.measure.words
        below, above = self._outside()
        if not (below or above):
            return same
        if self.measure.better == "near":
            return worse
        return better if above == (self.measure.better == "high") else worse

    @property
    def bad(self) -> bool:
        """Whether the verdict is the bad one."""
        return self.verdict == self.measure.words[0]

    def _outside(self) -> tuple[bool, bool]:
        """Return whether the figure is below or above the baseline by more than chance explains."""
        if not math.isnan(self.gap_low):
            return self.gap_high < 0, self.gap_low > 0
        return self.value < self.baseline_low, self.value > self.baseline_high

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; NaN becomes None, for JSON."""
        values = {"class": self.label, "figure": self.key, **vars(self), "verdict": self.verdict}
        del values["label"], values["key"]
        return {
            name: None if isinstance(value, float) and math.isnan(value) else value
            for name, value in values.items()
        }
