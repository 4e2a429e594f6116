"""``compare``: cross-validate every remedy for imbalance on a user's data and classifier."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
from scipy.stats import t

from ganaug.augmenter import GANAugmenter
from ganaug.choose.classifiers import table_classifier
from ganaug.choose.dose import ArmResult, arm_results, check_scoring, cv_folds
from ganaug.choose.remedies import (
    INTERPOLATED,
    NOTHING,
    REPEATED,
    THRESHOLD,
    WEIGHTS,
    arms_of,
    check_classifier,
    samplers_of,
)
from ganaug.choose.result import Comparison, MethodResult
from ganaug.choose.samplers import check_over_sampler
from ganaug.choose.thresholds import with_tuned_decisions
from ganaug.choose.trials import MAKERS, Task, run_trials
from ganaug.data.labels import check_label_list
from ganaug.data.polars import refuse_lazy
from ganaug.errors import ConfigError, InvalidInputError, did_you_mean
from ganaug.images.containers import are_images
from ganaug.pages.document import LIBRARIES
from ganaug.runtime.privates import num_samples
from ganaug.runtime.rng import derive, seed_from
from ganaug.version import __version__

METHODS = (NOTHING, THRESHOLD, WEIGHTS, REPEATED, INTERPOLATED, "ganaug")
"""From the simplest to the costliest: of two equally good methods, the first is advised."""

LEVEL = 0.95
"""Confidence level of the intervals."""


def compare(
    X: Any,
    y: Any,
    estimator: Any = None,
    methods: Sequence[str] = METHODS,
    *,
    augmenter: Any = None,
    cv: Any = 5,
    scoring: Any = None,
    random_state: Any = None,
) -> Comparison:
    """Compare remedies for imbalance on your data and with your classifier.

    Doing nothing, a tuned threshold, class weights, random duplication, SMOTE (SMOTENC if columns
    are mixed) and ganaug are cross-validated on the same folds. Each method is fitted on training
    rows only. A method that cannot run is listed with the reason.

    Parameters
    ----------
    X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
        Frames are of pandas or polars.
    y : array-like of shape (n_samples,)
    estimator : classifier or None, default=None
        ``None`` is ``HistGradientBoostingClassifier`` after an encoder of mixed columns.
    methods : sequence of str, default=METHODS
        Some of "nothing" (always included), "tuned threshold", "class weights", "random
        duplication", "SMOTE" and "ganaug". Thresholds are tuned for ``scoring`` on five inner
        folds, with ``TunedThresholdClassifierCV`` for two classes and with a weight for each
        class's probability for more classes.
    augmenter : GANAugmenter, imbalanced-learn over-sampler or None, default=None
        The sampler of the method "ganaug". ``None`` is ``GANAugmenter()``.
    cv : int or splitter, default=5
        An integer is the number of stratified, shuffled folds. If a class has fewer rows than that,
        there are as many folds as it has rows.
    scoring : str, callable or None, default=None
        Score, as scikit-learn names it. Choose the one that matters for your task. ``None`` is
        ``"balanced_accuracy"``.
    random_state : int, RandomState, Generator or None, default=None
        Seed of the folds, the methods and the default classifier.

    Returns
    -------
    Comparison

    Raises
    ------
    GanaugError
        If the data or a parameter cannot be used.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from ganaug import GANAugmenter, compare
    >>> X, y = make_classification(200, weights=[0.9], random_state=0)
    >>> augmenter = GANAugmenter(max_steps=5)
    >>> found = compare(X, y, LogisticRegression(), augmenter=augmenter, cv=3, random_state=0)
    >>> found.to_frame().index.tolist()
    ['nothing', 'tuned threshold', 'class weights', 'random duplication', 'SMOTE', 'ganaug']
    """
    chosen = _check_methods(methods)
    refuse_lazy(X)
    labels = check_label_list(y, num_samples(X), "compare")
    name, scorer = check_scoring(scoring, labels)
    classes, counts = np.unique(labels, return_counts=True)
    if len(classes) < 2:
        raise InvalidInputError("y has one class: there is no imbalance to remedy.")
    seed = seed_from(random_state)
    augmenter = GANAugmenter() if augmenter is None else augmenter
    check_over_sampler(augmenter, "compare")
    if getattr(augmenter, "random_state", 0) is None:
        augmenter = _seeded(augmenter, seed)
    estimator = _check_estimator(estimator, X, augmenter, seed)
    folds = cv_folds(labels, cv, seed, repeats=1)
    if len(folds) == 1:
        raise ConfigError("cv must make two or more folds: one fold gives no interval.")
    if not folds:
        rare = classes.tolist()[int(counts.argmin())]
        raise InvalidInputError(
            f"Class {rare!r} has one row, which cannot be in both the training and the test rows. "
            "Collect more."
        )
    makers = {
        **MAKERS,
        THRESHOLD: lambda task: with_tuned_decisions(task.estimator, task.labels, scorer, seed),
    }
    strategy = getattr(augmenter, "sampling_strategy", "auto")
    task = Task(estimator, X, y, labels, strategy=strategy, makers=makers)
    samplers = samplers_of(augmenter, seed, "ganaug")
    arms = arms_of(chosen, (1.0,))
    trials = run_trials(task, arms, samplers, folds, {name: scorer})
    found = arm_results(trials.scores[name], 1 / len(folds) + trials.overlap)
    results = tuple(
        _result(found[arm], len(folds))
        if arm in found
        else MethodResult(arm.remedy, reason=trials.reasons[arm])
        for arm in arms
    )
    class_counts = dict(zip(classes.tolist(), counts.tolist(), strict=True))
    return Comparison(results, name, len(folds), _facts(class_counts, estimator, augmenter, seed))


def _facts(
    class_counts: Mapping[Any, int], estimator: Any, augmenter: Any, seed: int
) -> dict[str, Any]:
    """Return what was compared and with which versions, so that a result can be repeated."""
    return {
        "rows": sum(class_counts.values()),
        "classes": {str(label): count for label, count in class_counts.items()},
        "classifier": last_step(estimator),
        # repr breaks long lines and indents them.
        "estimator": " ".join(repr(estimator).split()),
        "augmenter": " ".join(repr(augmenter).split()),
        "seed": seed,
        "versions": {
            "ganaug": __version__,
            "python": platform.python_version(),
            **{each: version(each) for each in LIBRARIES},
        },
    }


def _check_methods(methods: Any) -> list[str]:
    """Return the methods in the order of METHODS, "nothing" among them."""
    if isinstance(methods, str):
        methods = [methods]
    if not isinstance(methods, Iterable):
        raise ConfigError(f"methods must be names of methods, got {methods!r}.")
    methods = list(methods)
    for method in methods:
        if method not in METHODS:
            raise ConfigError(
                f"There is no method {method!r}; {did_you_mean(str(method), METHODS)}"
            )
    return [each for each in METHODS if each == NOTHING or each in methods]


def _seeded(augmenter: Any, seed: int) -> Any:
    """Return a clone of an augmenter without a seed, with one."""
    from sklearn.base import clone

    # scikit-learn accepts seeds of at most 32 bits, and any sampler may stand in for ganaug.
    return clone(augmenter).set_params(random_state=derive(seed, "augmenter") % 2**32)


def _check_estimator(estimator: Any, X: Any, augmenter: Any, seed: int) -> Any:
    """Return the estimator, or the default one for tables."""
    if estimator is not None:
        check_classifier(estimator)
        return estimator
    if are_images(X, getattr(augmenter, "image_options", None)):
        raise ConfigError("Pass an estimator: the default is for tables, and X holds images.")
    return table_classifier(derive(seed, "classifier"))


def last_step(estimator: Any) -> str:
    """Return the name of a classifier, or of the last step of a pipeline."""
    while getattr(estimator, "steps", None):
        estimator = estimator.steps[-1][1]
    return type(estimator).__name__


def _result(found: ArmResult, n_folds: int) -> MethodResult:
    # Corrected resampled t-test (Nadeau and Bengio 2003); the error has their correction already.
    half_width = float(t.ppf((1 + LEVEL) / 2, n_folds - 1)) * found.error
    low, high = found.difference - half_width, found.difference + half_width
    if found.remedy == NOTHING:  # Its difference to itself is 0 in every fold.
        low = high = 0.0
    return MethodResult(found.remedy, found.score, found.difference, low, high, found.error)
