"""Results of the demo: scores by fold, and their differences from the baseline."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from ganaug.augmenter import GANAugmenter

Scores = dict[str, dict[str, list[float]]]
"""Scores of the folds by method and metric."""


@dataclass
class DemoRun:
    """Result of the comparison.

    Parameters
    ----------
    scores : dict
        By method and metric, one score a fold.
    test_share : float
        Test rows divided by training rows.
    folds : list of dict
        Numbers of training and test rows, and the weight of a rare test row.
    augmenter : GANAugmenter
        The one of the first fold, for the pictures.
    train : DataFrame
        Training rows of the first fold.
    labels : ndarray
        Classes of these rows.
    scaler : StandardScaler
        Fitted on these rows.
    """

    scores: Scores
    test_share: float
    folds: list[dict[str, Any]] = field(default_factory=list)
    augmenter: GANAugmenter | None = None
    train: pd.DataFrame | None = None
    labels: NDArray[Any] | None = None
    scaler: Any = None


@dataclass(frozen=True)
class Difference:
    """A mean difference from the baseline, with its 95% confidence interval."""

    mean: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval excludes 0, so that chance is an unlikely explanation."""
        return self.low > 0 or self.high < 0

    def __str__(self) -> str:
        return f"{self.mean:+.3f} [{self.low:+.3f}, {self.high:+.3f}]"
