"""Probabilities after rebalancing: back to the classes' real shares.

Rows that were added, weights and class weights change how often a classifier meets each class, and
its probabilities with it. Saerens, Latinne and Decaestecker (2002), equation 2.4, put them right:
``p'(k)`` is proportional to ``p(k) * real(k) / trained(k)``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.class_weight import compute_sample_weight

from ganaug.choose.remedies import weight_parameter
from ganaug.estimators.gates import of_estimator

Floats = NDArray[np.float64]


def prior_ratio(
    estimator: Any,
    real: tuple[NDArray[Any], Floats | None],
    trained: tuple[NDArray[Any], Floats | None],
) -> Floats:
    """Return the share of each class among the real rows over that which a classifier has met.

    Parameters
    ----------
    estimator : classifier
        Fitted. Its ``class_weight`` counts.
    real, trained : tuples of labels and weights
        Weights are None where all are equal.

    Returns
    -------
    ndarray of shape (n_classes,)
        In the order of ``estimator.classes_``.
    """
    name = weight_parameter(estimator)
    option = None if name is None else estimator.get_params()[name]
    option = "balanced" if option == "balanced_subsample" else option
    labels, weights = trained
    own = np.ones(len(labels)) if weights is None else weights
    if option is not None:
        own = own * compute_sample_weight(option, labels)
    return _shares(estimator.classes_, *real) / _shares(estimator.classes_, labels, own)


def _shares(classes: NDArray[Any], labels: NDArray[Any], weights: Floats | None) -> Floats:
    own = np.ones(len(labels)) if weights is None else weights
    sums = np.array([own[labels == label].sum() for label in classes])
    return np.asarray(sums / sums.sum(), np.float64)


def corrected(probabilities: NDArray[Any], ratio: Floats) -> Floats:
    """Return probabilities of (n_samples, n_classes) for the real shares of the classes.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.choose.priors import corrected
    >>> corrected(np.array([[0.5, 0.5]]), np.array([0.9 / 0.5, 0.1 / 0.5]))
    array([[0.9, 0.1]])
    """
    scaled = probabilities * ratio
    return np.asarray(scaled / scaled.sum(axis=1, keepdims=True), np.float64)


class PriorCorrected(ClassifierMixin, BaseEstimator):
    """A fitted classifier whose probabilities are corrected, and whose decisions are its own."""

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
        """Return corrected probabilities, (n_samples, n_classes)."""
        return corrected(self.estimator.predict_proba(X), self.ratio)

    @of_estimator
    def decision_function(self, X: Any) -> Any:
        """Return the classifier's confidence scores."""
        return self.estimator.decision_function(X)
