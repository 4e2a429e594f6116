"""Correct probabilities after rebalancing for the real class frequencies.

Added rows, sample weights and class weights change the class frequencies a classifier is trained
on, and so its probabilities. The correction is equation 2.4 of Saerens, Latinne and Decaestecker
(2002): ``p'(k)`` is proportional to ``p(k) * real(k) / trained(k)``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.class_weight import compute_sample_weight

from ganaug.choose.remedies import weight_parameter
from ganaug.estimators.conditional_methods import of_estimator

Floats = NDArray[np.float64]


def prior_ratio(
    estimator: Any,
    real: tuple[NDArray[Any], Floats | None],
    trained: tuple[NDArray[Any], Floats | None],
) -> Floats:
    """Return the share of each class among the real rows, divided by that in training.

    Parameters
    ----------
    estimator : classifier
        Fitted. Its ``class_weight`` counts as weights in training.
    real, trained : tuples of labels and weights
        Weights are None if all are equal.

    Returns
    -------
    ndarray of shape (n_classes,)
        In the order of ``estimator.classes_``.
    """
    name = weight_parameter(estimator)
    option = None if name is None else estimator.get_params()[name]
    # Forests balance each bootstrap sample, which in the mean is to balance all rows.
    option = "balanced" if option == "balanced_subsample" else option
    labels, weights = trained
    row_weights = np.ones(len(labels)) if weights is None else weights
    if option is not None:
        row_weights = row_weights * compute_sample_weight(option, labels)
    return _shares(estimator.classes_, *real) / _shares(estimator.classes_, labels, row_weights)


def _shares(classes: NDArray[Any], labels: NDArray[Any], weights: Floats | None) -> Floats:
    """Return the weighted share of each class."""
    row_weights = np.ones(len(labels)) if weights is None else weights
    sums = np.array([row_weights[labels == label].sum() for label in classes])
    return np.asarray(sums / sums.sum(), np.float64)


def correct_probabilities(probabilities: NDArray[Any], ratio: Floats) -> Floats:
    """Return probabilities of shape (n_samples, n_classes), corrected by a prior ratio.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.choose.priors import correct_probabilities
    >>> correct_probabilities(np.array([[0.5, 0.5]]), np.array([0.9 / 0.5, 0.1 / 0.5]))
    array([[0.9, 0.1]])
    """
    scaled = probabilities * ratio
    return np.asarray(scaled / scaled.sum(axis=1, keepdims=True), np.float64)


class PriorCorrected(ClassifierMixin, BaseEstimator):
    """Fitted classifier with corrected probabilities and unchanged decisions."""

    def __init__(self, estimator: Any, ratio: Any) -> None:
        self.estimator = estimator
        self.ratio = ratio
        self.classes_ = estimator.classes_

    @of_estimator
    def predict(self, X: Any) -> Any:
        """Return the class of each row."""
        return self.estimator.predict(X)

    @of_estimator
    def predict_proba(self, X: Any) -> Any:
        """Return corrected probabilities, of shape (n_samples, n_classes)."""
        return correct_probabilities(self.estimator.predict_proba(X), self.ratio)

    @of_estimator
    def decision_function(self, X: Any) -> Any:
        """Return the classifier's confidence scores."""
        return self.estimator.decision_function(X)
