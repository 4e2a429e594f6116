"""Remedies for imbalance, and training rows that they change in doses.

A remedy adds rows, or weighs classes, or does nothing. One that adds rows runs once on a training
fold; the doses are prefixes of what it made, so that a generator is trained once for all of them.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone, is_regressor

from ganaug.choose.samplers import RepeatRows, SmoteRows, fit_resample, synthetic_rows
from ganaug.data import containers
from ganaug.data.labels import check_strategy, labels_of
from ganaug.errors import ConfigError, GanaugWarning, InvalidInputError, InvalidTypeError
from ganaug.runtime.rng import derive

NOTHING, THRESHOLD, WEIGHTS, REPEATED, INTERPOLATED = (
    "nothing", "tuned threshold", "class weights", "random duplication", "SMOTE"
)  # fmt: skip
DOSES = (0.1, 0.25, 0.5, 1.0)

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """Training rows, with or without synthetic ones.

    Parameters
    ----------
    X, y : rows and classes, in the user's containers
    labels : ndarray of shape (n_samples,)
        The classes as an array, checked.
    synthetic : ndarray of bool or None
        Which rows are synthetic; None if the sampler does not say.
    sampler : over-sampler or None
        The one that added rows.
    """

    X: Any
    y: Any
    labels: NDArray[Any]
    synthetic: NDArray[np.bool_] | None
    sampler: Any = None

    @classmethod
    def resampled(cls, X: Any, X_res: Any, y_res: Any, sampler: Any) -> Rows:
        """Return what a sampler made of rows ``X``, whose labels were checked.

        Its labels are not checked again: a sampler adds no others.
        """
        synthetic = synthetic_rows(sampler, X, X_res)
        return cls(X_res, y_res, labels_of(y_res), synthetic, sampler)

    def dosed(self, dose: float) -> Rows:
        """Return the real rows and the first of the synthetic ones, this share of each class."""
        if self.synthetic is None:
            raise ConfigError("A sampler that removes or changes rows has no doses.")
        kept = ~self.synthetic
        for label in pd.unique(self.labels[self.synthetic]):  # np.unique would sort strings
            own = np.flatnonzero(self.synthetic & (self.labels == label))
            kept[own[: round(dose * len(own))]] = True
        rows = np.flatnonzero(kept)
        return Rows(
            containers.take(self.X, rows),
            containers.take(self.y, rows),
            self.labels[rows],
            self.synthetic[rows],
        )


# ------------------------------------------------------------------ what adds rows


def check_classifier(estimator: Any) -> None:
    """Refuse what cannot be a classifier.

    Raises
    ------
    InvalidTypeError
        For a class, a name, a regressor.
    """
    instance = hasattr(estimator, "fit") and not isinstance(estimator, type)
    if not instance or is_regressor(estimator):
        raise InvalidTypeError(
            f"The estimator must be a classifier such as LogisticRegression(), got {estimator!r}."
        )


def scaled_targets(strategy: Any, labels: NDArray[Any], dose: float) -> dict[Any, int]:
    """Return the rows that each class shall have: those of a strategy, scaled to a dose."""
    added = check_strategy(strategy, labels)
    classes, counts = np.unique(labels, return_counts=True)
    present = dict(zip(classes.tolist(), counts.tolist(), strict=True))
    return {c: present[c] + round(dose * n) for c, n in added.items()}


# ------------------------------------------------------------------ what weighs


def weight_parameter(estimator: Any) -> str | None:
    """Return the name of an estimator's ``class_weight``, or that of a pipeline's last step."""
    prefix = ""
    while getattr(estimator, "steps", None):
        name, estimator = estimator.steps[-1]
        prefix += f"{name}__"
    has = hasattr(estimator, "get_params") and "class_weight" in estimator.get_params(deep=False)
    return f"{prefix}class_weight" if has else None


def weighted(estimator: Any) -> Any:
    """Return a clone that weighs the classes.

    Raises
    ------
    InvalidInputError
        If the estimator cannot, or does already.
    """
    name = weight_parameter(estimator)
    if name is None:
        raise InvalidInputError("the classifier has no class_weight")
    if estimator.get_params()[name] is not None:
        raise InvalidInputError("the classifier's class_weight is set already")
    return clone(estimator).set_params(**{name: "balanced"})


def spread(
    real: NDArray[np.float64], labels: NDArray[Any], rows: Rows, synthetic_weight: float
) -> NDArray[np.float64]:
    """Return the weights of augmented rows, given those of the real ones and their labels.

    Raises
    ------
    ConfigError
        If the sampler does not say what it has done with which row.
    """
    if rows.synthetic is None:
        kept = getattr(rows.sampler, "sample_indices_", None)
        if kept is not None:
            return np.asarray(real[kept], np.float64)
        raise ConfigError(
            f"{type(rows.sampler).__name__} removes or changes rows, so weights cannot follow them."
        )
    weights = np.empty(len(rows.synthetic))
    weights[~rows.synthetic] = real
    for label in np.unique(labels):
        mean = real[labels == label].mean()
        weights[rows.synthetic & (rows.labels == label)] = synthetic_weight * mean
    return weights


# ------------------------------------------------------------------ remedies by name


@dataclass(frozen=True, order=True)
class Arm:
    """A remedy in a dose; 0 where it adds no rows."""

    remedy: str
    dose: float = 0.0


def samplers_of(augmenter: Any, seed: int, name: str = "") -> dict[str, Any]:
    """Return what adds rows, by the name of the remedy: duplication, SMOTE, the augmenter.

    The augmenter is called ``name``, or "ganaug" if it is ours and by its class if it is not; of
    the name of another remedy, it takes that one's place.
    """
    name = name or ("ganaug" if hasattr(augmenter, "sample") else type(augmenter).__name__)
    strategy = getattr(augmenter, "sampling_strategy", "auto")
    option = getattr(augmenter, "categorical_features", "auto")
    states = [derive(seed, remedy) % 2**32 for remedy in (REPEATED, INTERPOLATED)]
    found = {
        REPEATED: RepeatRows(sampling_strategy=strategy, random_state=states[0]),
        INTERPOLATED: SmoteRows(
            sampling_strategy=strategy, categorical_features=option, random_state=states[1]
        ),
    }
    return {**found, name: augmenter}


def arms_of(remedies: Iterable[str], doses: Sequence[float] = DOSES) -> list[Arm]:
    """Return the arms, the simplest remedy and the smallest dose first."""
    return [
        Arm(remedy, dose)
        for remedy in remedies
        for dose in ((0.0,) if remedy in (NOTHING, THRESHOLD, WEIGHTS) else doses)
    ]


def grow(
    sampler: Any,
    X: Any,
    y: Any,
    labels: NDArray[Any],
    targets: Mapping[Any, int],
    cached: Any = None,
) -> Rows:
    """Return the rows of a training fold and those that a clone of a sampler adds to them."""
    own = clone(sampler).set_params(sampling_strategy=dict(targets))
    with warnings.catch_warnings():
        # What there is to say about the classes, the fit on all rows says once.
        warnings.simplefilter("ignore", GanaugWarning)
        X_res, y_res, own = (cached or fit_resample)(own, X, y, labels)
    return Rows.resampled(X, X_res, y_res, own)
