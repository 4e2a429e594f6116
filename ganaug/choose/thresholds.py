"""Tuned decision thresholds: a remedy that changes neither the rows nor the fitted classifier."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import (
    StratifiedKFold,
    TunedThresholdClassifierCV,
    cross_val_predict,
)

from ganaug.errors import InvalidInputError
from ganaug.estimators.conditional_methods import of_estimator
from ganaug.runtime.privates import score_decisions, scores_decisions

if TYPE_CHECKING:
    from typing import Self

THRESHOLD_FOLDS = 5
"""The default of scikit-learn's ``TunedThresholdClassifierCV``."""
FACTORS = (4.0, 2.0, 1.4, 1.2)
"""Factors by which the search changes a weight, coarse to fine: each is about the root of the last.

Each factor costs two evaluations for each class.
"""

Score = Callable[[NDArray[Any], NDArray[Any]], float]


def with_tuned_decisions(estimator: Any, labels: NDArray[Any], scorer: Any, seed: int) -> Any:
    """Return an estimator that tunes its decisions for a scorer on folds of its training rows.

    The errors are shown as the reason why the method could not run, hence have no full stop.

    Raises
    ------
    InvalidInputError
        If the scorer does not look at decisions, a class has one row, or there are several classes
        and the classifier has no probabilities.
    """
    if not scores_decisions(scorer):
        raise InvalidInputError("the score does not look at decisions, which a threshold changes")
    counts = np.unique(labels, return_counts=True)[1]
    if counts.min() < 2:
        raise InvalidInputError("a class has one row: no inner fold can test it")
    cv = StratifiedKFold(
        min(THRESHOLD_FOLDS, int(counts.min())), shuffle=True, random_state=seed % 2**32
    )
    if len(counts) == 2:
        return TunedThresholdClassifierCV(clone(estimator), scoring=scorer, cv=cv)
    if not hasattr(estimator, "predict_proba"):
        raise InvalidInputError("the classifier has no predict_proba")

    def score(truth: NDArray[Any], predicted: NDArray[Any]) -> float:
        return score_decisions(scorer, truth, predicted)

    return TunedClassWeights(clone(estimator), cv, score)


class TunedClassWeights(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """Classifier with a tuned weight for each class's probability: thresholds for several classes.

    It predicts the class with the largest ``weight * probability``. The weights are found by
    coordinate ascent on out-of-fold probabilities of the training rows. The search starts from
    equal weights or from the inverse class frequencies, whichever are better. The latter are the
    best weights for balanced accuracy if the classifier is calibrated.

    Parameters
    ----------
    estimator : classifier
        With ``predict_proba``.
    cv : splitter
    metric : callable
        ``metric(truth, predicted)``; higher is better.
    """

    def __init__(self, estimator: Any, cv: Any, metric: Score = balanced_accuracy_score) -> None:
        self.estimator = estimator
        self.cv = cv
        self.metric = metric

    def fit(self, X: Any, y: Any) -> Self:
        """Find the weights on inner folds, then fit on all rows."""
        self.classes_, codes = np.unique(np.asarray(y), return_inverse=True)
        held_out = cross_val_predict(
            clone(self.estimator), X, y, cv=self.cv, method="predict_proba"
        )

        def value(weights: NDArray[np.float64]) -> float:
            predicted = self.classes_[(held_out * weights).argmax(axis=1)]
            return float(self.metric(self.classes_[codes], predicted))

        self.weights_ = best_weights(value, np.bincount(codes))
        self.estimator_ = clone(self.estimator).fit(X, y)
        return self

    @of_estimator
    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the probabilities of the classifier, unweighted."""
        return np.asarray(self.estimator_.predict_proba(X), np.float64)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the class with the largest weighted probability."""
        best = (self.predict_proba(X) * self.weights_).argmax(axis=1)
        return np.asarray(self.classes_[best])


def best_weights(
    value: Callable[[NDArray[np.float64]], float], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return class weights with a high ``value``, at least that of equal weights."""
    starts = [np.ones(len(counts)), counts.sum() / (len(counts) * counts)]
    weights = max(starts, key=value)
    best = value(weights)
    for factor in FACTORS:
        for label in range(len(counts)):
            for change in (1 / factor, factor):
                trial = weights.copy()
                trial[label] *= change
                found = value(trial)
                if found > best:
                    weights, best = trial, found
    return weights
