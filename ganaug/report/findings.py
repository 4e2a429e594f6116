"""What a report measures, and what it found: each figure beside what real rows would get."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

Better = Literal["high", "low", "near"]


@dataclass(frozen=True)
class Measure:
    """A figure of the report, before it is taken.

    Parameters
    ----------
    key : str
        Its name in tables and JSON.
    title : str
        Its name on a page.
    better : {"high", "low", "near"}
        Which side of what real rows get is good; ``near``: neither.
    enough : int
        Held-out rows of a class from which it says anything.
    meaning : str
        In one sentence, for a reader who does not know it.
    source : str
        Who proposed it.
    words : tuple of str
        What is said of a bad figure, of one that chance explains, and of a good one.
    bounds : tuple of float
        Between which it lies by definition.
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
        "c2st_auc", "Told from real (AUC)", "low", 20,
        "How often a classifier that was trained to do so scores a synthetic row as more synthetic "
        "than a held-out real one. 0.5: it cannot tell. 1: always.",
        "classifier two-sample test, Lopez-Paz and Oquab 2017",
    ),
    Measure(
        "column_shapes", "Column shapes", "high", 20,
        "How alike each column is by itself: 1 minus the Kolmogorov-Smirnov statistic for numbers, "
        "1 minus the total variation distance for categories; a mean over the columns.",
        "SDMetrics: KSComplement, TVComplement",
    ),
    Measure(
        "pair_trends", "Pair trends", "high", 20,
        "How alike two columns are together: correlations of numbers, joint shares of categories "
        "(numbers beside them in ten bins); a mean over the pairs.",
        "SDMetrics: CorrelationSimilarity, ContingencySimilarity",
    ),
    Measure(
        "mmd_trained", "MMD, trained network", "low", 20,
        "Distance between the two distributions on features of a small classifier that was "
        "trained on half of your training images. 0: none.",
        "maximum mean discrepancy, Gretton et al. 2012", bounds=_ANY,
    ),
    Measure(
        "mmd_random", "MMD, random network", "low", 20,
        "The same on features of a network that was not trained at all: texture rather than "
        "meaning.",
        "Gretton et al. 2012; random features, Naeem et al. 2020", bounds=_ANY,
    ),
    Measure(
        "density", "Density", "high", 50,
        "Whether synthetic rows lie where held-out real rows are dense (fidelity). Each counts 1 "
        "at most, and balls around outliers are no larger than the median one.",
        "Naeem et al. 2020, clipped as by Salvy et al. 2025", ("worse", "as real", "denser"),
    ),
    Measure(
        "coverage", "Coverage", "high", 50,
        "Whether all held-out real rows have synthetic ones near them (variety). Each counts 1 at "
        "most.",
        "Naeem et al. 2020, clipped as by Salvy et al. 2025",
    ),
    Measure(
        "diversity", "Diversity", "near", 10,
        "Mean distance between two synthetic rows over that between two held-out real ones. Far "
        "below 1: mode collapse.",
        "ratio of mean pairwise distances", ("differs", "as real", "differs"), (0.0, math.inf),
    ),
    Measure(
        "copy_rate", "Exact copies", "low", 10,
        "Share of synthetic rows that equal a training row of the class in every column. Beside "
        "it: the share of held-out real rows that do.",
        "count",
    ),
    Measure(
        "memorisation", "Memorisation", "high", 10,
        "Mean distance from a synthetic row to the nearest training row of the class, over that "
        "from a held-out real row. Far below 1: training rows are repeated. This is memorisation; "
        "it says nothing about privacy.",
        "ratio of nearest-neighbour distances", ("nearer", "as real", "farther"), (0.0, math.inf),
    ),
    Measure(
        "tstr_f1", "Trained on synthetic (F1)", "high", 10,
        "F1 on held-out real rows of a classifier that was trained on synthetic rows only, as many "
        "of each class as there are real ones. Beside it: of one trained on the real ones.",
        "train on synthetic, test on real, Esteban et al. 2017",
    ),
    Measure(
        "augmented_gain",
        "Gain by adding (AP)",
        "high",
        10,
        "Average precision on held-out real rows with synthetic rows added to the training rows, "
        "minus that without them. It needs no threshold: balancing alone does not change it. "
        "Beside it: what repeating real rows gains instead.",
        "Ravuri and Vinyals 2019, with average precision",
        ("harms", "not shown", "helps"), (-1.0, 1.0),
    ),
)  # fmt: skip

MEASURES = {measure.key: measure for measure in _EACH}

TABLE_ONLY = ("column_shapes", "pair_trends")
IMAGE_ONLY = ("mmd_trained", "mmd_random")

EVERY_CLASS = "(all)"
"""Stands for the label where a figure is about all classes."""


@dataclass(frozen=True)
class Finding:
    """One figure of one class.

    Parameters
    ----------
    label : object
        The class, or :data:`EVERY_CLASS`.
    key : str
        See :data:`MEASURES`.
    value : float
        Of synthetic rows; NaN where refused.
    baseline : float
        Of real rows in their place.
    baseline_low, baseline_high : float
        Where one more value of real rows would lie, with 95% probability; of scores of classifiers
        the 95% confidence interval of the baseline.
    low, high : float
        95% confidence interval of the value, where there is one, else NaN.
    gap_low, gap_high : float
        95% confidence interval of what decides the verdict, where that is a difference: the value
        minus the baseline, for ``augmented_gain`` the gain itself.
    n_held_out, n_synthetic : int
        Rows that were looked at.
    reason : str
        Why there is no figure; empty where there is one.
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
        """What was measured."""
        return MEASURES[self.key]

    @property
    def refused(self) -> bool:
        """Whether there is no figure."""
        return math.isnan(self.value)

    @property
    def verdict(self) -> str:
        """Whether it is worse or better than what real rows get; empty where refused."""
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
        """Return whether the figure is below or above what real rows get."""
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
