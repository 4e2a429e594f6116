"""Every remedy on the same folds: what each scores on rows that nothing was trained on."""

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
    grow,
    scaled_targets,
    spread,
    weighted,
)
from ganaug.data import containers
from ganaug.errors import ConfigError
from ganaug.runtime.privates import num_samples

Fold = tuple[Codes, Codes]
"""Numbers of the training rows and of the test rows."""

Scorer = Callable[[Any, Any, Any], float]


@dataclass(frozen=True)
class Task:
    """What is to be learned, and how a classifier is fitted on it.

    Parameters
    ----------
    estimator : classifier
        Unfitted.
    X, y : rows and classes, in the user's containers
    labels : ndarray of shape (n_samples,)
        The classes as an array.
    weights : ndarray of shape (n_samples,) or None
    synthetic_weight : float
    fit_params : mapping
    correct_prior : bool
    strategy : object
        The augmenter's ``sampling_strategy``: what a dose of 1 is.
    cached : callable or None
        Stands in for :func:`ganaug.choose.samplers.fit_resample`.
    makers : mapping of str to callable
        Remedies that change the classifier and no rows: ``maker(task)`` returns the unfitted one.
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
        """Yield the task on some of the rows, for each choice of them.

        A part lacks a part: ``strategy`` becomes numbers of rows in the same proportion.
        """
        # Once for all parts: sorting strings costs more than everything else here.
        classes, codes = np.unique(self.labels, return_inverse=True)
        names, whole = classes.tolist(), np.bincount(codes)
        wanted = scaled_targets(self.strategy, self.labels, 1.0)
        for rows in choices:
            share = len(rows) / len(codes)
            kept = np.bincount(codes[rows], minlength=len(names))
            targets = {
                label: int(kept[k] + np.ceil((wanted[label] - whole[k]) * share))
                for k, label in enumerate(names)
                if label in wanted and kept[k]
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
        """Return a classifier fitted on augmented rows."""
        params, weights = dict(self.fit_params), None
        if self.weights is not None:
            weights = spread(self.weights, self.labels, rows, self.synthetic_weight)
            params["sample_weight"] = weights
        model = clone(self.estimator if estimator is None else estimator)
        model.fit(rows.X, rows.y, **params)
        if not self.correct_prior:
            return model
        ratio = prior_ratio(model, (self.labels, self.weights), (rows.labels, weights))
        return PriorCorrected(model, ratio)

    def models(self, arms: Sequence[Arm], samplers: Mapping[str, Any]) -> Iterator[Fitted]:
        """Fit each arm; an arm that cannot run comes with the reason."""
        grown: dict[str, Rows | str] = {}
        for arm in arms:
            if arm.remedy in samplers and arm.remedy not in grown:
                grown[arm.remedy] = self._grown(samplers[arm.remedy])
            yield self._fitted(arm, grown.get(arm.remedy))

    def _grown(self, sampler: Any) -> Rows | str:
        try:
            return grow(sampler, self.X, self.y, self.labels, self.strategy, self.cached)
        except ConfigError:
            raise  # an option of the augmenter is wrong
        except (ValueError, TypeError, RuntimeError) as error:
            return _reason(error)

    def _fitted(self, arm: Arm, grown: Rows | str | None) -> Fitted:
        if isinstance(grown, str):
            return Fitted(arm, None, grown)
        if arm.remedy == NOTHING:
            return Fitted(arm, self.fit(self.rows()))
        try:
            if arm.remedy in self.makers:
                return Fitted(arm, self.fit(self.rows(), self.makers[arm.remedy](self)))
            assert grown is not None
            return Fitted(arm, self.fit(grown.dosed(arm.dose)))
        except (ValueError, TypeError, RuntimeError) as error:
            return Fitted(arm, None, _reason(error))


MAKERS: Mapping[str, Callable[[Task], Any]] = {WEIGHTS: lambda task: weighted(task.estimator)}


@dataclass(frozen=True)
class Fitted:
    """An arm and its classifier, or why there is none."""

    arm: Arm
    model: Any
    reason: str = ""


def _reason(error: Exception) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0].rstrip(".")


@dataclass
class Trials:
    """The scores of arms on folds.

    Attributes
    ----------
    scores : dict of str to dict of Arm to list of float
        By the name of the scorer; one score a fold. Arms that could not run are absent.
    reasons : dict of Arm to str
        Why an arm could not run.
    overlap : float
        Test rows over training rows, of the mean fold.
    repeats : float
        Times that a row was tested, in the mean.
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
        able = [arm for arm in arms if arm not in trials.reasons]
        for fitted in part.models(able, samplers):
            if fitted.reason:
                trials.reasons[fitted.arm] = fitted.reason
                continue
            for name, scorer in scorers.items():
                trials.scores[name][fitted.arm].append(_scored(name, scorer, fitted.model, *held))
    for own in trials.scores.values():
        for arm in trials.reasons:
            own.pop(arm, None)
    return trials


def _scored(name: str, scorer: Scorer, model: Any, X: Any, y: Any) -> float:
    try:
        score = float(scorer(model, X, y))
    except (ValueError, TypeError, AttributeError) as error:
        raise ConfigError(f"scoring={name!r} cannot judge these rows: {error}") from error
    if not math.isfinite(score):
        raise ConfigError(
            f"scoring={name!r} cannot judge these rows: it is {score} on the {num_samples(X)} "
            "test rows of a fold. Does each fold have all classes?"
        )
    return score
