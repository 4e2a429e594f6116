"""The data of the demo: the breast cancer table of scikit-learn, with one class made rare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

RARE, COMMON = "malignant", "benign"
RARE_ROWS = 20
"""Malignant rows that stay: with the 357 benign ones, about one row in twenty."""


@dataclass(frozen=True)
class DemoData:
    """An imbalanced table and the rows that were taken away to make it so.

    Parameters
    ----------
    X : DataFrame of shape (377, 30)
    y : Series of shape (377,)
    removed : DataFrame of shape (192, 30)
        Real rows of the rare class that no method ever sees.
    """

    X: pd.DataFrame
    y: pd.Series
    removed: pd.DataFrame


def load_demo_data(seed: int) -> DemoData:
    """Return the demo's table.

    Parameters
    ----------
    seed : int
        Chooses the malignant rows that stay.

    Examples
    --------
    >>> from ganaug.demo_data import load_demo_data
    >>> data = load_demo_data(seed=0)
    >>> data.y.value_counts().to_dict(), len(data.removed)
    ({'benign': 357, 'malignant': 20}, 192)
    """
    import numpy as np
    import pandas as pd
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer(as_frame=True)
    y = pd.Series(bunch.target_names[bunch.target], index=bunch.data.index, name="diagnosis")
    rare = np.flatnonzero(y == RARE)
    removed = np.random.default_rng(seed).permutation(rare)[RARE_ROWS:]
    left = np.setdiff1d(np.arange(len(y)), removed)
    return DemoData(
        bunch.data.iloc[left].reset_index(drop=True),
        y.iloc[left].astype(object).reset_index(drop=True),
        bunch.data.iloc[np.sort(removed)].reset_index(drop=True),
    )
