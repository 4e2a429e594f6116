"""Over-samplers for any container (duplication and SMOTE), and the rows that a sampler added."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from imblearn.over_sampling import SMOTE, SMOTEN, SMOTENC
from imblearn.over_sampling.base import BaseOverSampler
from numpy.typing import NDArray

from ganaug.data import containers
from ganaug.data.labels import append_target, check_labels, check_strategy
from ganaug.errors import ConfigError, InvalidInputError
from ganaug.runtime.memory import check_budget
from ganaug.runtime.privates import num_samples, only_adds_rows
from ganaug.runtime.rng import derive, numpy_stream, seed_from
from ganaug.tables import checks
from ganaug.tables.dtypes import (
    ColumnType,
    column_type,
    from_codes,
    from_numbers,
    levels_of,
    to_codes,
    to_numbers,
)

SMOTE_NEIGHBOURS = 5
"""The default of imbalanced-learn."""


class RowSampler(BaseOverSampler):
    """Over-sampler of rows in any container. It can skip the check of labels."""

    def fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Return the rows, followed by new rows of the rare classes.

        Raises
        ------
        GanaugError
            If the labels or the rows cannot be used.
        """
        labels, one_hot = check_labels(y, num_samples(X))
        return self.add_rows(X, y, labels, one_hot=one_hot)

    @abstractmethod
    def add_rows(
        self, X: Any, y: Any, labels: NDArray[Any], *, one_hot: bool = False
    ) -> tuple[Any, Any]:
        """Do what :meth:`fit_resample` does, for labels that were checked before."""

    def _fit_resample(self, X: Any, y: Any, **params: Any) -> Any:
        raise NotImplementedError  # abstract in imbalanced-learn; fit_resample does not call it


class RepeatRows(RowSampler):
    """Random duplication of rows in any container."""

    def __init__(self, *, sampling_strategy: Any = "auto", random_state: Any = None) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.random_state = random_state

    def add_rows(
        self, X: Any, y: Any, labels: NDArray[Any], *, one_hot: bool = False
    ) -> tuple[Any, Any]:
        """Return the rows, followed by rows of the rare classes drawn with replacement."""
        rng = numpy_stream(seed_from(self.random_state), "repeat")
        rows = [np.arange(len(labels))]
        for label, missing in check_strategy(self.sampling_strategy, labels).items():
            rows.append(rng.choice(np.flatnonzero(labels == label), missing))
        chosen = np.concatenate(rows)
        return containers.take(X, chosen), containers.take(y, chosen)


class SmoteRows(RowSampler):
    """SMOTE on standardised columns; SMOTENC or SMOTEN if some or all columns are categories.

    SMOTE cannot handle missing values, so a missing number is replaced by the median of its column,
    and new rows have a number there. A column without any value stays empty. New rows have the
    dtypes of the columns and follow the original rows, which are unchanged. There are five
    neighbours, or as many as the smallest class has.
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

    def add_rows(
        self, X: Any, y: Any, labels: NDArray[Any], *, one_hot: bool = False
    ) -> tuple[Any, Any]:
        """Return the rows, followed by interpolated rows of the rare classes.

        Raises
        ------
        InvalidInputError
            If a class that needs rows has a single one.
        """
        frame = checks.check_table(X, check_budget("auto"))
        classes, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
        missing = check_strategy(self.sampling_strategy, labels)
        targets = {k: counts[k] + missing.get(c, 0) for k, c in enumerate(classes.tolist())}
        fewest = min((counts[k] for k in targets if targets[k] > counts[k]), default=2)
        if fewest < 2:
            # Shown as the reason why the remedy could not run, hence without a full stop.
            raise InvalidInputError("a class has one row: there is nothing to interpolate")
        matrix, columns = _as_matrix(frame, self.categorical_features)
        sampler = self._sampler([c.categorical for c in columns], fewest, targets)
        rows, new = sampler.fit_resample(matrix, codes)
        made = pd.concat(
            [column.back(rows[len(frame) :, k]) for k, column in enumerate(columns)], axis=1
        )
        X_res = containers.append_table(X, made)
        return X_res, append_target(X, X_res, y, classes[new[len(frame) :]], one_hot)

    def _sampler(
        self, categorical: Sequence[bool], fewest: int, targets: Mapping[int, int]
    ) -> BaseOverSampler:
        """Return imbalanced-learn's sampler for these columns."""
        # scikit-learn accepts seeds of at most 32 bits.
        seed = derive(seed_from(self.random_state), "smote") % 2**32
        options: dict[str, Any] = {
            "k_neighbors": min(SMOTE_NEIGHBOURS, int(fewest) - 1),
            "sampling_strategy": dict(targets),
            "random_state": seed,
        }
        if all(categorical):
            return SMOTEN(**options)
        if any(categorical):
            return SMOTENC(list(np.flatnonzero(categorical)), **options)
        return SMOTE(**options)


@dataclass(frozen=True)
class _Column:
    """A column of the matrix for SMOTE, and how to undo its encoding."""

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
            codes = values.astype(np.int64) - 1  # see _as_matrix
            return from_codes(codes, self.levels, self.type).rename(self.name)
        numbers = values * self.scale + self.mean
        integral = self.type.storage not in ("float", "objects") or self.type.unit == "integer"
        if integral:
            numbers = np.rint(numbers).astype(np.int64)
        missing = np.full(len(values), self.empty)
        return from_numbers(numbers, missing, self.type).rename(self.name)


def _as_matrix(frame: pd.DataFrame, option: Any) -> tuple[NDArray[np.float64], list[_Column]]:
    """Return numbers standardised, and categories as their numbers from 1 on (0 if missing)."""
    declared = checks.check_categorical(option, frame)
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
        # A constant column has no spread to divide by.
        mean, scale = float(values.mean()), float(values.std()) or 1.0
        parts.append((values - mean) / scale)
        columns.append(_Column(name, kind, [], mean, scale, empty))
    return np.column_stack(parts), columns


def fit_resample(sampler: Any, X: Any, y: Any, labels: NDArray[Any]) -> tuple[Any, Any, Any]:
    """Return the augmented rows and the fitted sampler.

    It is a module's function so that joblib can cache it. ``labels`` are the checked labels of
    ``y``, which a :class:`RowSampler` does not check again.
    """
    if isinstance(sampler, RowSampler):
        return *sampler.add_rows(X, y, labels), sampler
    return *sampler.fit_resample(X, y), sampler


def synthetic_rows(sampler: Any, X: Any, X_res: Any) -> NDArray[np.bool_] | None:
    """Return which rows are synthetic: the sampler's mask, or all rows after the original ones.

    Return None if the sampler may have removed or changed rows.
    """
    mask: NDArray[np.bool_] | None = getattr(sampler, "synthetic_mask_", None)
    if mask is not None:
        return mask
    before, after = num_samples(X), num_samples(X_res)
    if after < before or not only_adds_rows(sampler):
        return None
    # Combinations such as SMOTEENN also say that they over-sample, but remove rows too.
    if not isinstance(sampler, BaseOverSampler) and not _starts_with(X_res, X, before):
        return None
    return np.arange(after) >= before


def _starts_with(longer: Any, table: Any, n: int) -> bool:
    """Return whether the first ``n`` rows of a table are those of another."""
    if sp.issparse(table):
        return bool((longer[:n] != table).nnz == 0)
    return pd.DataFrame(np.asarray(longer)[:n]).equals(pd.DataFrame(np.asarray(table)))


def check_over_sampler(sampler: Any, option: str) -> None:
    """Raise `ConfigError` if a sampler does not only add rows.

    The message names the ``option`` that needs an over-sampler.
    """
    if getattr(sampler, "mode", "append") == "replace":
        raise ConfigError(f'{option} needs mode="append"; mode="replace" adds no rows.')
    if not hasattr(sampler, "fit_resample"):
        raise ConfigError(f"{option} needs a sampler such as GANAugmenter(), got {sampler!r}.")
    if not only_adds_rows(sampler):
        raise ConfigError(
            f"{option} needs an over-sampler, and {type(sampler).__name__} also removes or changes "
            "rows. It can be used in AugmentedClassifier with dose=1."
        )
