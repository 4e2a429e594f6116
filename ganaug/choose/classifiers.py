"""Default classifiers for tables with columns of any kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from ganaug.runtime.memory import check_budget
from ganaug.tables import checks
from ganaug.tables.dtypes import column_type, levels_of, to_codes, to_numbers

if TYPE_CHECKING:
    from typing import Self

MOST_INDICATORS = 32
"""Columns with more categories are encoded as category numbers, which bounds the width."""

CLASSIFIERS = ("boosting", "forest", "logistic", "knn")
"""Names of the classifiers that :func:`table_classifier` makes."""


class TableEncoder(TransformerMixin, BaseEstimator):
    """Encode columns of every kind as numbers.

    Numbers and dates stay numbers, with NaN for missing values. Categories become indicators, which
    are all 0 if the category is missing or was not seen at fit. A column that had no value at fit
    is left out.
    """

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the type and the categories of each column."""
        frame = checks.check_table(X, check_budget("auto"))
        self.types_, self.levels_, self.empty_ = [], [], []
        for k, name in enumerate(frame.columns):
            series = frame.iloc[:, k]
            kind = column_type(series, name, False)
            self.types_.append(kind)
            self.levels_.append(levels_of(series) if kind.kind == "category" else None)
            self.empty_.append(bool(series.isna().all()))
        return self

    def transform(self, X: Any) -> NDArray[np.float64]:
        """Return the encoded columns, of shape (n_samples, n_encoded)."""
        check_is_fitted(self, "types_")
        frame = checks.check_table(X, check_budget("auto"))
        parts: list[NDArray[Any]] = [np.zeros((len(frame), 0))]
        fitted = zip(self.types_, self.levels_, self.empty_, strict=True)
        for k, (kind, levels, empty) in enumerate(fitted):
            if empty:
                continue
            series = frame.iloc[:, k]
            if levels is None:
                numbers, missing = to_numbers(series, kind)
                parts.append(np.where(missing, np.nan, numbers)[:, None])
                continue
            codes = to_codes(series, levels)[:, None]
            narrow = len(levels) <= MOST_INDICATORS
            parts.append(codes == np.arange(len(levels)) if narrow else codes)
        return np.hstack(parts).astype(np.float64)


def table_classifier(seed: int, name: str = "boosting") -> Pipeline:
    """Return one of CLASSIFIERS after an encoder of mixed columns."""
    state = seed % 2**32  # scikit-learn accepts seeds of at most 32 bits.
    if name == "boosting":
        return make_pipeline(TableEncoder(), HistGradientBoostingClassifier(random_state=state))
    if name == "forest":
        return make_pipeline(TableEncoder(), RandomForestClassifier(random_state=state))
    # The default of 100 iterations is often too few to converge.
    last = LogisticRegression(max_iter=1000) if name == "logistic" else KNeighborsClassifier()
    return make_pipeline(TableEncoder(), SimpleImputer(), StandardScaler(), last)
