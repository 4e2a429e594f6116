"""The data of the demo: the breast cancer table of scikit-learn, with one class made rare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

RARE, COMMON = "malignant", "benign"
RARE_ROWS = 20
"""Malignant rows that are kept: with the 357 benign ones, about one row in twenty."""


@dataclass(frozen=True)
class DemoData:
    """An imbalanced table and the rows that were removed to make it imbalanced.

    Rows keep their index in scikit-learn's table.

    Parameters
    ----------
    X : DataFrame of shape (377, 30)
    y : Series of shape (377,)
    removed : DataFrame of shape (192, 30)
        Real rows of the rare class: for testing, never for training.
    """

    X: pd.DataFrame
    y: pd.Series
    removed: pd.DataFrame

    def test_set(
        self, fold: NDArray[np.intp]
    ) -> tuple[pd.DataFrame, pd.Series, NDArray[np.float64]]:
        """Return a fold's rows and every removed row, their classes and their weights.

        The fold's rare rows and the removed ones are draws from the same class, so they have the
        same weight: the one that gives the rare class its share of the table. The metrics are then
        estimates for such a table, with less noise than from the fold's few rare rows alone.

        Parameters
        ----------
        fold : ndarray of shape (n,)
            Positions of test rows in ``X``.

        Returns
        -------
        X : DataFrame of shape (n + 192, 30)
        y : Series of shape (n + 192,)
        weights : ndarray of shape (n + 192,)
            1 for the common class.

        Examples
        --------
        >>> import numpy as np
        >>> from ganaug.cli.demo.data import RARE, load_demo_data
        >>> data = load_demo_data(seed=0)
        >>> X, y, weights = data.test_set(np.arange(100))
        >>> X.shape, bool(np.isclose(weights[y == RARE].sum() / weights.sum(), 20 / 377))
        ((292, 30), True)
        """
        import numpy as np
        import pandas as pd

        removed = pd.Series(RARE, index=self.removed.index, name=self.y.name, dtype=self.y.dtype)
        X = pd.concat([self.X.iloc[fold], self.removed])
        y = pd.concat([self.y.iloc[fold], removed])
        rare = (y == RARE).to_numpy()
        odds = (self.y == RARE).sum() / (self.y == COMMON).sum()
        return X, y, np.where(rare, odds * (~rare).sum() / rare.sum(), 1.0)


def load_demo_data(seed: int) -> DemoData:
    """Return the demo's table.

    Parameters
    ----------
    seed : int
        Chooses the malignant rows that are kept.

    Examples
    --------
    >>> from ganaug.cli.demo.data import load_demo_data
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
        bunch.data.iloc[left], y.iloc[left].astype(object), bunch.data.iloc[np.sort(removed)]
    )
