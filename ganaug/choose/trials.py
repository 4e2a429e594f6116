"""Fit every remedy on the same folds, and score each on the test rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from ganaug.choose.priors import PriorCorrected, prior_ratio
from ganaug.choose.remedies import (
    NOTHING,
    WEIGHTS,
    Arm,
    Codes,
    Rows,
    augmented_weights,
    resample_fold,
    scaled_targets,
    with_class_weights,
)
from ganaug.data import containers
from ganaug.errors import ConfigError
from ganaug.runtime.privates import num_samples

Fold = tuple[Codes, Codes]
"""Indices of the training rows and of the test rows."""

Scorer = Callable[[Any, Any, Any], float]
"""``scorer(model, X, y)``; higher is better."""


@dataclass(frozen=True)
class Task:
    """Training rows, and how a classifier is fitted to them.

    Parameters
    ----------
    estimator : classifier
        Unfitted.
    X, y : rows and classes, in the user's containers
    labels : ndarray of shape (n_samples,)
        The classes as an array.
    weights : ndarray of shape (n_samples,) or None
        Weights of the real rows.
    synthetic_weight : float
    fit_params : mapping
    correct_prior : bool
    strategy : object
        The augmenter's ``sampling_strategy``, which a dose of 1 carries out in full.
    cached : callable or None
        Called in place of :func:`ganaug.choose.samplers.fit_resample`.
    makers : mapping of str to callable
        For remedies that change the classifier but no rows: ``maker(task)`` returns the unfitted
        classifier.
    """

    estimator: Any
    X: Any
    y: Any
    labels: NDArray[Any]
    weights: NDArray[np.float64] | None = None
    synthetic_weight: float = 1.0
    fit_params: Mapping[str, Any] = field(default_factory=dict)
    correct_prior: bool = False
    strategy: Any = "auto"
    cached: Any = None
    makers: Mapping[str, Callable[[Task], Any]] = field(default_factory=lambda: MAKERS)

    def parts(self, choices: Iterable[Codes]) -> Iterator[Task]:
        """Yield the task on some of the rows, for each choice of row indices.

        The numbers of rows to add are scaled to the number of chosen rows, and ``strategy`` becomes
        a dict of targets.
        """
        # Done once for all parts, since sorting strings takes longer than the rest.
        classes, codes = np.unique(self.labels, return_inverse=True)
        names, counts = classes.tolist(), np.bincount(codes)
        full_targets = scaled_targets(self.strategy, self.labels, 1.0)
        for rows in choices:
            share = len(rows) / len(codes)
            kept = np.bincount(codes[rows], minlength=len(names))
            targets = {
                label: int(kept[k] + np.ceil((full_targets[label] - counts[k]) * share))
                for k, label in enumerate(names)
                if label in full_targets and kept[k]
            }
            yield replace(
                self,
                X=containers.take(self.X, rows),
                y=containers.take(self.y, rows),
                labels=self.labels[rows],
                weights=None if self.weights is None else self.weights[rows],
                strategy=targets,
            )

    def rows(self) -> Rows:
        """Return the real rows alone."""
        return Rows(self.X, self.y, self.labels, np.zeros(len(self.labels), bool))

    def fit(self, rows: Rows, estimator: Any = None) -> Any:
        """Return a classifier fitted to augmented rows."""
        params, weights = dict(self.fit_params), None
        if self.weights is not None:
            weights = augmented_weights(self.weights, self.labels, rows, self.synthetic_weight)
            params["sample_weight"] = weights
        model = clone(self.estimator if estimator is None else estimator)
        model.fit(rows.X, rows.y, **params)
        if not self.correct_prior:
            return model
        ratio = prior_ratio(model, (self.labels, self.weights), (rows.labels, weights))
        return PriorCorrected(model, ratio)

    def models(self, arms: Sequence[Arm], samplers: Mapping[str, Any]) -> Iterator[Fitted]:
        """Yield the fitted classifier of each arm, or the reason why the arm cannot run."""
        resampled: dict[str, Rows | str] = {}  # by remedy, since all doses share the same rows
        for arm in arms:
            if arm.remedy in samplers and arm.remedy not in resampled:
                resampled[arm.remedy] = self._resample(samplers[arm.remedy])
            yield self._fit_arm(arm, resampled.get(arm.remedy))

    def _resample(self, sampler: Any) -> Rows | str:
        """Return the augmented rows, or the reason why there are none."""
        try:
            return resample_fold(sampler, self.X, self.y, self.labels, self.strategy, self.cached)
        except ConfigError:
            raise  # A parameter of the augmenter is wrong: the user must change it.
        except (ValueError, TypeError, RuntimeError) as error:
            return _reason_of(error)

    def _fit_arm(self, arm: Arm, resampled: Rows | str | None) -> Fitted:
        if isinstance(resampled, str):
            return Fitted(arm, None, resampled)
        if arm.remedy == NOTHING:  # Its errors are not caught: without it nothing can be compared.
            return Fitted(arm, self.fit(self.rows()))
        try:
            if arm.remedy in self.makers:
                return Fitted(arm, self.fit(self.rows(), self.makers[arm.remedy](self)))
            assert resampled is not None
            return Fitted(arm, self.fit(resampled.dosed(arm.dose)))
        except (ValueError, TypeError, RuntimeError) as error:
            return Fitted(arm, None, _reason_of(error))


MAKERS: Mapping[str, Callable[[Task], Any]] = {
    WEIGHTS: lambda task: with_class_weights(task.estimator)
}
"""The default ``makers`` of a task."""


@dataclass(frozen=True)
class Fitted:
    """An arm and its fitted classifier, or the reason why there is none."""

    arm: Arm
    model: Any
    reason: str = ""


def _reason_of(error: Exception) -> str:
    """Return the first line of an error's message."""
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0].rstrip(".")


@dataclass
class Trials:
    """Scores of arms on folds.

    Attributes
    ----------
    scores : dict of str to dict of Arm to list of float
        By the name of the scorer, with one score for each fold. Arms that could not run are absent.
    reasons : dict of Arm to str
        Why an arm could not run.
    overlap : float
        Number of test rows divided by number of training rows, mean over the folds.
    repeats : float
        Mean number of times that a row was tested.
    """

    scores: dict[str, dict[Arm, list[float]]]
    reasons: dict[Arm, str] = field(default_factory=dict)
    overlap: float = 0.0
    repeats: float = 1.0


def run_trials(
    task: Task,
    arms: Sequence[Arm],
    samplers: Mapping[str, Any],
    folds: Sequence[Fold],
    scorers: Mapping[str, Scorer],
) -> Trials:
    """Fit every arm on the training rows of every fold, and score it on the test rows."""
    trials = Trials({name: {arm: [] for arm in arms} for name in scorers})
    trials.overlap = float(np.mean([len(test) / len(train) for train, test in folds]))
    tested = np.concatenate([test for _, test in folds])
    trials.repeats = len(tested) / len(np.unique(tested))
    parts = task.parts(train for train, _ in folds)
    for part, (_, test) in zip(parts, folds, strict=True):
        held = containers.take(task.X, test), containers.take(task.y, test)
        # An arm that failed on one fold is not tried on the next: its mean would be of other folds.
        remaining = [arm for arm in arms if arm not in trials.reasons]
        for fitted in part.models(remaining, samplers):
            if fitted.reason:
                trials.reasons[fitted.arm] = fitted.reason
                continue
            for name, scorer in scorers.items():
                trials.scores[name][fitted.arm].append(_score(name, scorer, fitted.model, *held))
    for arm_scores in trials.scores.values():
        for arm in trials.reasons:
            arm_scores.pop(arm, None)
    return trials


def _score(name: str, scorer: Scorer, model: Any, X: Any, y: Any) -> float:
    try:
        score = float(scorer(model, X, y))
    except (ValueError, TypeError, AttributeError) as error:
        raise ConfigError(f"scoring={name!r} cannot score these rows: {error}") from error
    if not math.isfinite(score):
        raise ConfigError(
            f"scoring={name!r} cannot score these rows: it is {score} on the {num_samples(X)} "
            "test rows of a fold. Use folds that have rows of all classes, or another score."
        )
    return score
