"""Remedies for imbalance, and training rows with doses of synthetic ones.

A remedy adds rows, weights classes or does nothing. One that adds rows runs once on a training
fold, and a smaller dose is the first part of the rows it adds. So a generator is trained once for
all doses.
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
"""Shares of the rows that a class lacks. About doubled each time, up to balanced classes."""

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """Training rows, with or without synthetic ones.

    Parameters
    ----------
    X, y : rows and classes, in the user's containers
    labels : ndarray of shape (n_samples,)
        The classes as a checked array.
    synthetic : ndarray of bool or None
        True for synthetic rows. None if that is unknown, since the sampler does not only add rows.
    sampler : over-sampler or None
        The sampler that added the rows.
    """

    X: Any
    y: Any
    labels: NDArray[Any]
    synthetic: NDArray[np.bool_] | None
    sampler: Any = None

    @classmethod
    def resampled(cls, X: Any, X_res: Any, y_res: Any, sampler: Any) -> Rows:
        """Return the rows that a sampler returned for ``X``, whose labels were checked.

        The new labels are not checked, because a sampler adds no other classes.
        """
        synthetic = synthetic_rows(sampler, X, X_res)
        return cls(X_res, y_res, labels_of(y_res), synthetic, sampler)

    def dosed(self, dose: float) -> Rows:
        """Return the real rows and the first part, ``dose``, of each class's synthetic rows."""
        if self.synthetic is None:
            raise ConfigError(
                "Doses need a sampler that only adds rows; this one removes or changes some."
            )
        kept = ~self.synthetic
        for label in pd.unique(self.labels[self.synthetic]):  # np.unique sorts strings, slowly
            added = np.flatnonzero(self.synthetic & (self.labels == label))
            kept[added[: round(dose * len(added))]] = True
        rows = np.flatnonzero(kept)
        return Rows(
            containers.take(self.X, rows),
            containers.take(self.y, rows),
            self.labels[rows],
            self.synthetic[rows],
        )


# ------------------------------------------------------------------ checks and targets


def check_classifier(estimator: Any) -> None:
    """Raise `InvalidTypeError` if ``estimator`` is not a classifier.

    Examples of what is not: a class, a name, a regressor.
    """
    instance = hasattr(estimator, "fit") and not isinstance(estimator, type)
    if not instance or is_regressor(estimator):
        raise InvalidTypeError(
            f"The estimator must be a classifier such as LogisticRegression(), got {estimator!r}."
        )


def scaled_targets(strategy: Any, labels: NDArray[Any], dose: float) -> dict[Any, int]:
    """Return the target class counts of a strategy, scaled to a dose."""
    to_add = check_strategy(strategy, labels)
    classes, counts = np.unique(labels, return_counts=True)
    present = dict(zip(classes.tolist(), counts.tolist(), strict=True))
    return {label: present[label] + round(dose * n) for label, n in to_add.items()}


# ------------------------------------------------------------------ weights


def weight_parameter(estimator: Any) -> str | None:
    """Return the parameter name of ``class_weight``, in a pipeline that of the last step."""
    prefix = ""
    while getattr(estimator, "steps", None):
        name, estimator = estimator.steps[-1]
        prefix += f"{name}__"
    has = hasattr(estimator, "get_params") and "class_weight" in estimator.get_params(deep=False)
    return f"{prefix}class_weight" if has else None


def with_class_weights(estimator: Any) -> Any:
    """Return a clone with ``class_weight="balanced"``.

    Raises
    ------
    InvalidInputError
        If the estimator has no ``class_weight``, or the parameter is set already.
    """
    name = weight_parameter(estimator)
    if name is None:
        raise InvalidInputError("the classifier has no class_weight")
    if estimator.get_params()[name] is not None:
        raise InvalidInputError("the classifier's class_weight is set already")
    return clone(estimator).set_params(**{name: "balanced"})


def augmented_weights(
    real: NDArray[np.float64], labels: NDArray[Any], rows: Rows, synthetic_weight: float
) -> NDArray[np.float64]:
    """Return the weights of augmented rows, from the weights and labels of the real rows.

    Raises
    ------
    ConfigError
        If it is unknown which rows the sampler has removed or changed.
    """
    if rows.synthetic is None:
        kept = getattr(rows.sampler, "sample_indices_", None)
        if kept is not None:
            return np.asarray(real[kept], np.float64)
        raise ConfigError(
            f"{type(rows.sampler).__name__} removes or changes rows, and sample weights cannot be "
            "assigned to the rows that remain. Use an over-sampler, or leave out the weights."
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
    """A remedy and its dose, which is 0 if the remedy adds no rows."""

    remedy: str
    dose: float = 0.0


def samplers_of(augmenter: Any, seed: int, name: str = "") -> dict[str, Any]:
    """Return the samplers by the name of their remedy: duplication, SMOTE, the augmenter.

    The augmenter's remedy is called ``name``. Without one it is "ganaug" for a GANAugmenter, and
    the name of the class for other samplers. A SMOTE of the user's replaces the default one.
    """
    name = name or ("ganaug" if hasattr(augmenter, "sample") else type(augmenter).__name__)
    strategy = getattr(augmenter, "sampling_strategy", "auto")
    option = getattr(augmenter, "categorical_features", "auto")
    # scikit-learn accepts seeds of at most 32 bits.
    states = [derive(seed, remedy) % 2**32 for remedy in (REPEATED, INTERPOLATED)]
    defaults = {
        REPEATED: RepeatRows(sampling_strategy=strategy, random_state=states[0]),
        INTERPOLATED: SmoteRows(
            sampling_strategy=strategy, categorical_features=option, random_state=states[1]
        ),
    }
    return {**defaults, name: augmenter}


def arms_of(remedies: Iterable[str], doses: Sequence[float] = DOSES) -> list[Arm]:
    """Return the arms in the order of the remedies, with the smallest dose first."""
    return [
        Arm(remedy, dose)
        for remedy in remedies
        for dose in ((0.0,) if remedy in (NOTHING, THRESHOLD, WEIGHTS) else doses)
    ]


def resample_fold(
    sampler: Any,
    X: Any,
    y: Any,
    labels: NDArray[Any],
    targets: Mapping[Any, int],
    cached: Any = None,
) -> Rows:
    """Return the rows of a training fold and those that a clone of a sampler adds to them."""
    fold_sampler = clone(sampler).set_params(sampling_strategy=dict(targets))
    with warnings.catch_warnings():
        # Warnings about the classes would come for each fold. The fit on all rows gives them once.
        warnings.simplefilter("ignore", GanaugWarning)
        X_res, y_res, fold_sampler = (cached or fit_resample)(fold_sampler, X, y, labels)
    return Rows.resampled(X, X_res, y_res, fold_sampler)
