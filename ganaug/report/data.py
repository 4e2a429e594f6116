"""Data of a report: a fitted augmenter, its training rows, held-out rows and synthetic rows.

Memorisation and two-sample tests need real rows that the augmenter has not seen. If none are
passed, some rows are held out and a clone of the augmenter is fitted on the others.
"""

from __future__ import annotations

import numbers
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone

from ganaug.augmenter import GANAugmenter
from ganaug.data.containers import take
from ganaug.data.labels import check_labels, check_strategy
from ganaug.data.polars import refuse_lazy
from ganaug.errors import ConfigError, InvalidInputError, InvalidTypeError
from ganaug.images.plan import plan_image_methods
from ganaug.models.classes import Classes
from ganaug.runtime.rng import derive, numpy_stream
from ganaug.tables.plan import plan_methods

Codes = NDArray[np.int64]

# The next two bound the time and memory of a report on large data.

MOST_LEARNED = {"table": 10_000, "image": 3_000}
"""Maximal number of training rows for the report's own classifiers."""

MOST_TESTED = 3_000
"""Maximal number of held-out rows that are compared."""

MADE = 200
"""Minimal number of synthetic rows of each class; figures of fewer rows would vary more."""

FEW = 50
"""Rows of a class that stay when large data are thinned: as many as density and coverage need."""


@dataclass(frozen=True)
class Part:
    """Rows as a frame or an array of images, and their class numbers."""

    rows: Any
    codes: Codes

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, index: NDArray[Any]) -> Part:
        """Return the rows at the given positions, or of a mask."""
        is_frame = isinstance(self.rows, pd.DataFrame)
        return Part(self.rows.iloc[index] if is_frame else self.rows[index], self.codes[index])


@dataclass(frozen=True)
class ReportData:
    """The data from which all figures are computed.

    Parameters
    ----------
    augmenter : GANAugmenter
        Fitted on the training rows.
    training, held_out, synthetic : Part
    thinned : Part
        The training rows, or a random sample of them if they are many.
    to_add : dict of int to int
        Number of synthetic rows to add to each class number, relative to the thinned rows.
    split : float
        Share of the rows that the report held out; 0 if the user passed held-out rows.
    seed : int
    notes : list of str
        Sentences for the reader on how these data came about.
    whole : Classes or None
        The classes before rows were held out; None if the user passed held-out rows.
    """

    augmenter: GANAugmenter
    training: Part
    thinned: Part
    held_out: Part
    synthetic: Part
    to_add: dict[int, int]
    split: float
    seed: int
    notes: list[str]
    whole: Classes | None

    @property
    def kind(self) -> str:
        """Either ``table`` or ``image``."""
        return str(self.augmenter.model_.kind)

    @property
    def labels(self) -> list[Any]:
        """The classes, in the order of their numbers."""
        return list(self.augmenter.classes_.tolist())

    @property
    def plan_of_all(self) -> dict[Any, str]:
        """The ``plan_`` of an augmenter that is fitted on all rows."""
        if self.whole is None:
            return dict(self.augmenter.plan_)
        recipe = self.augmenter.model_.recipe
        if self.kind == "image":
            methods = plan_image_methods(self.whole, recipe)
        else:
            methods = plan_methods(self.whole.counts, recipe)
        return dict(zip(self.whole.names, methods, strict=True))

    @property
    def to_add_of_all(self) -> dict[Any, int]:
        """The rows that an augmenter fitted on all rows would add to each class."""
        if self.whole is None:
            return dict(self.augmenter.sampling_strategy_)
        return dict(self.whole.to_add)

    def counts(self, part: Part) -> Codes:
        """Return the number of rows of each class."""
        return np.bincount(part.codes, minlength=len(self.labels))


def prepare(
    augmenter: Any, X: Any, y: Any, X_test: Any, y_test: Any, test_size: Any, seed: int
) -> ReportData:
    """Hold out rows, fit a clone and sample synthetic rows, as far as needed.

    Parameters
    ----------
    augmenter, X, y, X_test, y_test, test_size
        As for `quality_report`.
    seed : int

    Raises
    ------
    GanaugError
        If it is not a `GANAugmenter`, the data do not fit it, or no row can be held out.
    """
    if not isinstance(augmenter, GANAugmenter):
        raise InvalidTypeError(
            "quality_report needs a GANAugmenter, whose sample method returns a chosen number of "
            f"rows of each class; got {type(augmenter).__name__}."
        )
    if (X_test is None) != (y_test is None):
        raise ConfigError("Pass both X_test and y_test, or neither.")
    notes: list[str] = []
    split, whole = 0.0, None
    if X_test is None:
        split = _check_share(test_size)
        whole = _classes(augmenter, X, y)
        augmenter, X, y, X_test, y_test = _split(augmenter, X, y, whole, split, seed, notes)
    elif not hasattr(augmenter, "model_"):
        augmenter = _seeded(augmenter, seed).fit(X, y)
        notes.append("The augmenter was not fitted, so a clone of it was fitted on X and y.")
    training, held_out = _part(augmenter, X, y), _part(augmenter, X_test, y_test)
    return _with_samples(augmenter, training, held_out, split, seed, notes, whole)


def _check_share(test_size: Any) -> float:
    real = isinstance(test_size, numbers.Real) and not isinstance(test_size, bool)
    if not real or not 0 < test_size < 1:
        raise ConfigError(f"test_size must be between 0 and 1, got {test_size!r}.")
    return float(test_size)


def _seeded(augmenter: GANAugmenter, seed: int) -> GANAugmenter:
    """Return an unfitted clone with a ``random_state``, so that its fit is repeatable."""
    cloned: GANAugmenter = clone(augmenter)
    if cloned.random_state is None:
        cloned.random_state = derive(seed, "augmenter") % 2**32
    return cloned


def _classes(augmenter: GANAugmenter, X: Any, y: Any) -> Classes:
    """Return the classes of all rows."""
    refuse_lazy(X)
    if not hasattr(X, "__len__") and not hasattr(X, "shape"):
        raise InvalidTypeError(f"X must be a table or images, got {type(X).__name__}.")
    labels, _ = check_labels(y, X.shape[0] if hasattr(X, "shape") else len(X))
    to_add = check_strategy(augmenter.sampling_strategy, labels)
    names, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return Classes(names.tolist(), codes, counts.tolist(), to_add)


def _split(
    augmenter: GANAugmenter,
    X: Any,
    y: Any,
    whole: Classes,
    share: float,
    seed: int,
    notes: list[str],
) -> tuple[GANAugmenter, Any, Any, Any, Any]:
    """Return a clone fitted on a part of X and y, this part, and the held-out X and y."""
    held = _held_out(whole.codes, share, numpy_stream(seed, "split"))
    if not held.any():
        raise InvalidInputError(
            "No class has enough rows to hold one out (three are needed). Pass X_test and y_test."
        )
    counts = np.bincount(whole.codes[~held], minlength=len(whole.names)).tolist()
    kept = dict(zip(whole.names, counts, strict=True))
    cloned = _seeded(augmenter, seed)
    # Of fewer rows, proportionally fewer are missing: the same classes grow by the same factor.
    cloned.sampling_strategy = {
        label: kept[label] + int(np.ceil(missing * (1 - share)))
        for label, missing in whole.to_add.items()
    }
    parts = [take(data, np.flatnonzero(rows)) for rows in (~held, held) for data in (X, y)]
    cloned.fit(parts[0], parts[1])
    notes.append(
        f"{int(held.sum()):,} of {len(held):,} were held out, a share of {share:g} of each class, "
        "and a clone of the augmenter was fitted on the others. The figures are about this clone; "
        "an augmenter that is fitted on all has more to learn from."
    )
    return cloned, *parts


def _held_out(labels: NDArray[Any], share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return a mask of the held-out rows: the share of each class, but at least two rows stay."""
    held = np.zeros(len(labels), np.bool_)
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        held[rows[: max(min(round(share * len(rows)), len(rows) - 2), 0)]] = True
    return held


def _part(augmenter: GANAugmenter, X: Any, y: Any) -> Part:
    return Part(*augmenter.check_rows(X, y))


def _with_samples(
    augmenter: GANAugmenter,
    training: Part,
    held_out: Part,
    split: float,
    seed: int,
    notes: list[str],
    whole: Classes | None,
) -> ReportData:
    """Return the data of a report, with large parts thinned and synthetic rows sampled."""
    most = MOST_LEARNED[augmenter.model_.kind]
    thinned = _thin(training, most, numpy_stream(seed, "thin"))
    tested = _thin(held_out, MOST_TESTED, numpy_stream(seed, "thin-held-out"))
    for name, part, whole_part in (
        ("training", thinned, training),
        ("held-out", tested, held_out),
    ):
        if len(part) < len(whole_part):
            notes.append(
                f"{len(part):,} of the {len(whole_part):,} {name} ones were used, drawn at random."
            )
    labels = augmenter.classes_.tolist()
    counts = np.bincount(thinned.codes, minlength=len(labels))
    share = len(thinned) / len(training)
    missing = [augmenter.sampling_strategy_.get(label, 0) for label in labels]
    to_add = {code: min(round(n * share), most) for code, n in enumerate(missing) if n}
    # As many rows as the class has, for "trained on synthetic", as are to be added, or MADE.
    wanted = {
        label: max(int(counts[code]), to_add.get(code, 0), MADE)
        for code, label in enumerate(labels)
        if augmenter.plan_[label] != "duplicate" or augmenter.on_singleton == "duplicate"
    }
    X_new, y_new = augmenter.sample(wanted, random_state=derive(seed, "sample"))
    synthetic = _part(augmenter, X_new, y_new)
    return ReportData(
        augmenter, training, thinned, tested, synthetic, to_add, split, seed, notes, whole
    )


def _thin(part: Part, most: int, rng: np.random.Generator) -> Part:
    """Return a random sample that keeps the shares of the classes, but small classes whole."""
    if len(part) <= most:
        return part
    chosen = []
    for code in np.unique(part.codes):
        rows = np.flatnonzero(part.codes == code)
        n_kept = max(round(len(rows) * most / len(part)), min(len(rows), FEW))
        chosen.append(rng.permutation(rows)[:n_kept])
    return part.take(np.sort(np.concatenate(chosen)))
