"""What the demo found: scores by fold, and their differences from the baseline."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from ganaug.augmenter import GANAugmenter

Scores = dict[str, dict[str, list[float]]]


@dataclass
class DemoRun:
    """What the comparison found.

    Parameters
    ----------
    scores : dict
        Method, metric, then one score a fold.
    test_share : float
        Test rows divided by training rows.
    folds : list of dict
        Rows that each fold trains on and is tested on, and what a rare test row weighs.
    augmenter : GANAugmenter
        That of the first fold, for the pictures.
    train : DataFrame
        Training rows of the first fold.
    labels : ndarray
        Their classes.
    scaler : StandardScaler
        Fitted on them.
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
        """Whether chance alone is an unlikely explanation."""
        return self.low > 0 or self.high < 0

    def __str__(self) -> str:
        return f"{self.mean:+.3f} [{self.low:+.3f}, {self.high:+.3f}]"
