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
import scipy.sparse as sp
from imblearn.over_sampling import SMOTE, SMOTEN, SMOTENC
from imblearn.over_sampling.base import BaseOverSampler
from numpy.typing import NDArray
from sklearn.base import clone, is_regressor
from sklearn.utils.validation import _num_samples

from ganaug import containers, validate
from ganaug.codecs.dtypes import (
    ColumnType,
    column_type,
    from_codes,
    from_numbers,
    levels_of,
    to_codes,
    to_numbers,
)
from ganaug.errors import ConfigError, GanaugWarning, InvalidInputError, InvalidTypeError
from ganaug.rng import derive, numpy_stream, seed_from
from ganaug.targets import check_labels, check_strategy

NOTHING, THRESHOLD, WEIGHTS, REPEATED, INTERPOLATED = (
    "nothing", "tuned threshold", "class weights", "random duplication", "SMOTE"
)  # fmt: skip
DOSES = (0.1, 0.25, 0.5, 1.0)
NEIGHBOURS = 5

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """Training rows, which of them are synthetic (None: cannot be told), and who made those."""

    X: Any
    y: Any
    synthetic: NDArray[np.bool_] | None
    sampler: Any = None

    def dosed(self, dose: float) -> Rows:
        """Return the real rows and the first of the synthetic ones, this share of each class."""
        if self.synthetic is None:
            raise ConfigError("A sampler that removes or changes rows has no doses.")
        labels, _ = check_labels(self.y, len(self.synthetic))
        kept = ~self.synthetic
        for label in np.unique(labels[self.synthetic]):
            own = np.flatnonzero(self.synthetic & (labels == label))
            kept[own[: round(dose * len(own))]] = True
        rows = np.flatnonzero(kept)
        return Rows(
            containers.take(self.X, rows), containers.take(self.y, rows), self.synthetic[rows]
        )


# ------------------------------------------------------------------ what adds rows


class RepeatRows(BaseOverSampler):
    """Random duplication, of rows in any container."""

    def __init__(self, *, sampling_strategy: Any = "auto", random_state: Any = None) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.random_state = random_state

    def fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Return the rows, and behind them rows of the rare classes drawn again."""
        labels, _ = check_labels(y, _num_samples(X))
        rng = numpy_stream(seed_from(self.random_state), "repeat")
        rows = [np.arange(len(labels))]
        for label, missing in check_strategy(self.sampling_strategy, labels).items():
            rows.append(rng.choice(np.flatnonzero(labels == label), missing))
        chosen = np.concatenate(rows)
        return containers.take(X, chosen), containers.take(y, chosen)

    def _fit_resample(self, X: Any, y: Any, **params: Any) -> Any:
        raise NotImplementedError  # fit_resample is overridden whole.


class SmoteRows(BaseOverSampler):
    """SMOTE on standardised columns, SMOTENC or SMOTEN where some or all are categories.

    A missing number counts as the median of its column, and new rows have a number there: SMOTE
    has no notion of a missing one. A column without any value stays so. New rows come back in the
    dtypes of the columns, behind the original ones, which are untouched.
    The neighbours are five, or as many as the smallest class has.
    """

    def __init__(
        self,
        *,
        sampling_strategy: Any = "auto",
        categorical_features: Any = "auto",
        random_state: Any = None,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.categorical_features = categorical_features
        self.random_state = random_state

    def fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Return the rows, and interpolated rows of the rare classes behind them.

        Raises
        ------
        InvalidInputError
            If a class has one row.
        """
        frame = validate.check_table(X, validate.check_budget("auto"))
        labels, one_hot = check_labels(y, len(frame))
        classes, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
        missing = check_strategy(self.sampling_strategy, labels)
        wanted = {k: counts[k] + missing.get(c, 0) for k, c in enumerate(classes.tolist())}
        fewest = min((counts[k] for k in wanted if wanted[k] > counts[k]), default=2)
        if fewest < 2:
            raise InvalidInputError("a class has one row: there is nothing to interpolate")
        matrix, columns = _as_matrix(frame, self.categorical_features)
        sampler = self._sampler([c.categorical for c in columns], fewest, wanted)
        rows, new = sampler.fit_resample(matrix, codes)
        made = pd.concat(
            [column.back(rows[len(frame) :, k]) for k, column in enumerate(columns)], axis=1
        )
        X_res = containers.append_table(X, made)
        return X_res, containers.append_target(X, X_res, y, classes[new[len(frame) :]], one_hot)

    def _sampler(
        self, categorical: Sequence[bool], fewest: int, wanted: Mapping[int, int]
    ) -> BaseOverSampler:
        seed = derive(seed_from(self.random_state), "smote") % 2**32
        options: dict[str, Any] = {
            "k_neighbors": min(NEIGHBOURS, int(fewest) - 1),
            "sampling_strategy": dict(wanted),
            "random_state": seed,
        }
        if all(categorical):
            return SMOTEN(**options)
        if any(categorical):
            return SMOTENC(list(np.flatnonzero(categorical)), **options)
        return SMOTE(**options)

    def _fit_resample(self, X: Any, y: Any, **params: Any) -> Any:
        raise NotImplementedError  # fit_resample is overridden whole.


@dataclass(frozen=True)
class _Column:
    """A column of the matrix that SMOTE sees, and the way back."""

    name: Any
    type: ColumnType
    levels: list[Any]
    mean: float = 0.0
    scale: float = 1.0
    empty: bool = False

    @property
    def categorical(self) -> bool:
        return self.type.kind == "category"

    def back(self, values: NDArray[np.float64]) -> pd.Series:
        """Return new values in the dtype of the column."""
        if self.categorical:
            codes = values.astype(np.int64) - 1
            return from_codes(codes, self.levels, self.type).rename(self.name)
        numbers = values * self.scale + self.mean
        whole = self.type.storage not in ("float", "objects") or self.type.unit == "integer"
        if whole:
            numbers = np.rint(numbers).astype(np.int64)
        missing = np.full(len(values), self.empty)
        return from_numbers(numbers, missing, self.type).rename(self.name)


def _as_matrix(frame: pd.DataFrame, option: Any) -> tuple[NDArray[np.float64], list[_Column]]:
    """Return standardised numbers, and categories by their numbers (0 where one is missing)."""
    declared = validate.check_categorical(option, frame)
    parts, columns = [], []
    for k, name in enumerate(frame.columns):
        series = frame.iloc[:, k]
        kind = column_type(series, name, declared[k])
        if kind.kind == "category":
            levels = levels_of(series)
            parts.append(to_codes(series, levels) + 1.0)
            columns.append(_Column(name, kind, levels))
            continue
        numbers, missing = to_numbers(series, kind)
        values, empty = numbers.astype(np.float64), bool(missing.all())
        values[missing] = 0.0 if empty else np.median(values[~missing])
        mean, scale = float(values.mean()), float(values.std()) or 1.0
        parts.append((values - mean) / scale)
        columns.append(_Column(name, kind, [], mean, scale, empty))
    return np.column_stack(parts), columns


def fit_resample(sampler: Any, X: Any, y: Any) -> tuple[Any, Any, Any]:
    """Return the augmented rows and the fitted sampler (a function of its own, to be cached)."""
    X_res, y_res = sampler.fit_resample(X, y)
    return X_res, y_res, sampler


def synthetic_rows(sampler: Any, X: Any, X_res: Any) -> NDArray[np.bool_] | None:
    """Return which rows a sampler made: its own mask, else whatever stands behind the originals."""
    mask: NDArray[np.bool_] | None = getattr(sampler, "synthetic_mask_", None)
    if mask is not None:
        return mask
    before, after = _num_samples(X), _num_samples(X_res)
    if after < before or getattr(sampler, "_sampling_type", "") != "over-sampling":
        return None
    # A combination such as SMOTEENN calls itself an over-sampler and removes rows too.
    if not isinstance(sampler, BaseOverSampler) and not _starts_with(X_res, X, before):
        return None
    return np.arange(after) >= before


def _starts_with(longer: Any, table: Any, n: int) -> bool:
    if sp.issparse(table):
        return bool((longer[:n] != table).nnz == 0)
    return pd.DataFrame(np.asarray(longer)[:n]).equals(pd.DataFrame(np.asarray(table)))


def check_over_sampler(sampler: Any, option: str) -> None:
    """Refuse a sampler that does not only add.

    Raises
    ------
    ConfigError
        Names the ``option`` that needs an over-sampler.
    """
    if getattr(sampler, "mode", "append") == "replace":
        raise ConfigError(f'{option} needs mode="append"; mode="replace" adds no rows.')
    if not hasattr(sampler, "fit_resample"):
        raise ConfigError(f"{option} needs a sampler such as GANAugmenter(), got {sampler!r}.")
    if getattr(sampler, "_sampling_type", None) != "over-sampling":
        raise ConfigError(f"{option} needs an over-sampler; {type(sampler).__name__} takes dose=1.")


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
    new, _ = check_labels(rows.y, len(rows.synthetic))
    for label in np.unique(labels):
        mean = real[labels == label].mean()
        weights[rows.synthetic & (new == label)] = synthetic_weight * mean
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


def grow(sampler: Any, X: Any, y: Any, targets: Mapping[Any, int], cached: Any = None) -> Rows:
    """Return the rows of a training fold and those that a clone of a sampler adds to them."""
    own = clone(sampler).set_params(sampling_strategy=dict(targets))
    with warnings.catch_warnings():
        # What there is to say about the classes, the fit on all rows says once.
        warnings.simplefilter("ignore", GanaugWarning)
        X_res, y_res, own = (cached or fit_resample)(own, X, y)
    return Rows(X_res, y_res, synthetic_rows(own, X, X_res), own)
