"""Classifiers on mixed tables, ways to decide, and the scores."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    f1_score,
    make_scorer,
    recall_score,
)
from sklearn.model_selection import StratifiedKFold, TunedThresholdClassifierCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.utils.validation import has_fit_parameter

from ganaug.choose.thresholds import TunedClassWeights

METRICS = ("balanced_accuracy", "macro_f1", "average_precision", "g_mean")
INNER_FOLDS = 5

CLASSIFIERS: dict[str, Any] = {
    "logistic": LogisticRegression(max_iter=1000),
    "forest": RandomForestClassifier(),
    "boosting": HistGradientBoostingClassifier(),
    "knn": KNeighborsClassifier(),
}
WITHOUT_CLASS_WEIGHT = ("knn",)


def fill_text(X: pd.DataFrame) -> pd.DataFrame:
    """Return categories as strings; a missing value is a category of its own."""
    texts = X.astype(object)
    return texts.where(texts.notna(), "<missing>").astype(str)


def make_classifier(name: str, categorical: tuple[str, ...], seed: int) -> Pipeline:
    """Return an unfitted pipeline: encoding, then the classifier."""
    numeric = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    texts = make_pipeline(
        FunctionTransformer(fill_text),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    )
    encoder = ColumnTransformer([("texts", texts, list(categorical))], remainder=numeric)
    classifier = clone(CLASSIFIERS[name])
    if "random_state" in classifier.get_params():
        classifier.set_params(random_state=seed)
    return Pipeline([("encode", encoder), ("classify", classifier)])


def with_decision(classifier: Pipeline, decision: str, y: NDArray[np.int64], seed: int) -> Any:
    """Return the classifier with what an arm does about the imbalance."""
    if decision == "class_weight":
        return classifier.set_params(classify__class_weight="balanced")
    if decision != "threshold":
        return classifier
    labels, counts = np.unique(y, return_counts=True)
    cv = StratifiedKFold(max(2, min(INNER_FOLDS, counts.min())), shuffle=True, random_state=seed)
    if len(labels) > 2:
        return TunedClassWeights(classifier, cv)
    scorer = make_scorer(balanced_accuracy_score)
    return TunedThresholdClassifierCV(classifier, scoring=scorer, cv=cv)


def supports(classifier: str, decision: str) -> bool:
    """Whether a classifier has what an arm needs."""
    return decision != "class_weight" or classifier not in WITHOUT_CLASS_WEIGHT


def evaluate(
    name: str,
    decision: str,
    train: tuple[pd.DataFrame, pd.Series],
    test: tuple[pd.DataFrame, pd.Series],
    categorical: tuple[str, ...],
    positive: str,
    seed: int,
    weights: pd.Series | None = None,
) -> dict[str, float]:
    """Fit one classifier on a training fold and score it on the test fold.

    Parameters
    ----------
    name : str
        A key of CLASSIFIERS.
    decision : {"plain", "class_weight", "threshold"}
    train, test : tuples of (DataFrame, Series)
    categorical : tuple of str
    positive : str
        The label whose average precision counts, where there are two.
    seed : int
    weights : Series or None
        Of the training rows; nearest neighbours take none.

    Returns
    -------
    dict
        The METRICS, and ``classifier_seconds``.
    """
    # Numbers for labels: balanced forests of scikit-learn 1.9 refuse strings of digits.
    labels, y = np.unique(train[1].to_numpy(str), return_inverse=True)
    truth = np.searchsorted(labels, test[1].to_numpy(str))
    classifier = make_classifier(name, categorical, seed)
    params = {}
    if weights is not None and decision == "threshold":
        raise ValueError("A threshold is tuned without weights.")
    if weights is not None and has_fit_parameter(classifier[-1], "sample_weight"):
        params["classify__sample_weight"] = weights.to_numpy()
    start = time.perf_counter()
    model = with_decision(classifier, decision, y, seed).fit(train[0], y, **params)
    seconds = time.perf_counter() - start
    predicted, proba = model.predict(test[0]), model.predict_proba(test[0])
    scores = score(truth, predicted, proba, int(np.searchsorted(labels, positive)))
    return {**scores, "classifier_seconds": seconds}


def score(
    truth: NDArray[np.int64],
    predicted: NDArray[np.int64],
    proba: NDArray[np.float64],
    positive: int,
) -> dict[str, float]:
    """Return the METRICS.

    Average precision is that of ``positive`` where there are two classes, and the mean over the
    classes, each against the rest, where there are more.

    Parameters
    ----------
    truth, predicted : arrays of shape (n,)
        Class numbers.
    proba : array of shape (n, n_classes)
    positive : int
    """
    labels = np.unique(truth)
    recalls = recall_score(truth, predicted, labels=labels, average=None, zero_division=0)
    ranked = [positive] if proba.shape[1] == 2 else list(labels)
    precisions = [average_precision_score(truth == k, proba[:, k]) for k in ranked]
    f1 = f1_score(truth, predicted, labels=labels, average="macro", zero_division=0)
    return {
        "balanced_accuracy": float(np.mean(recalls)),
        "macro_f1": float(f1),
        "average_precision": float(np.mean(precisions)),
        "g_mean": float(np.prod(recalls) ** (1 / len(recalls))),
    }
