"""The classes of a training set: their sizes, and how many rows of each to make."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganaug.data.labels import unknown_class
from ganaug.errors import ConfigError, InvalidInputError, Remedy, warn


@dataclass(frozen=True)
class Classes:
    """The classes of a training set, and how many rows each of them lacks.

    Parameters
    ----------
    names : list
        The classes, sorted.
    codes : ndarray of shape (n,)
        Class number of each row.
    counts : list of int
        Rows of each class.
    to_add : dict
        Rows to add to each class.
    """

    names: list[Any]
    codes: NDArray[np.int64]
    counts: list[int]
    to_add: Mapping[Any, int]


SMALL_CLASS = 10
"""Class size below which a warning says that there is little to learn from.

The same size below which rows of a table are only interpolated.
"""

MANY_CLASSES = 10
"""Most small classes that get a warning each: a regression target has hundreds."""


def check_single_rows(
    counts: Mapping[Any, int], to_add: Mapping[Any, int], on_singleton: str
) -> None:
    """Raise `InvalidInputError` if a class of one row lacks rows and may not be duplicated."""
    if on_singleton == "raise":
        for label, count in counts.items():
            if count == 1 and to_add.get(label, 0):
                raise one_row_error(label)


def warn_of_small_classes(
    counts: Mapping[Any, int], to_add: Mapping[Any, int], on_singleton: str
) -> None:
    """Warn about the classes that lack rows and have too few to learn from."""
    small = {c: n for c, n in counts.items() if to_add.get(c, 0) and n < SMALL_CLASS}
    if len(small) > MANY_CLASSES:
        warn(
            f"{len(small)} of {len(counts)} classes have fewer than {SMALL_CLASS} rows; their "
            "synthetic rows hardly vary more than these. Is this a regression target?"
        )
        return
    for label, count in small.items():
        if count > 1:
            warn(
                f"Class {label!r} has only {count} rows; its synthetic rows hardly vary more than "
                "these."
            )
        elif on_singleton == "duplicate":
            warn(f"Class {label!r} has one row: there is nothing to learn from; it is repeated.")
        else:
            warn(f"{one_row_error(label)} Until then fit_resample raises an error.")


def one_row_error(label: Any) -> InvalidInputError:
    """Return the error about a class of one row."""
    advice = 'Collect more, drop the class, or set on_singleton="duplicate" to repeat the row.'
    return InvalidInputError(
        f"Class {label!r} has one row: there is nothing to learn from.",
        remedy=Remedy(advice, "duplicate"),
    )


def check_counts(wanted: Mapping[Any, Any], classes: Sequence[Any]) -> dict[Any, int]:
    """Return how many rows of each class to make, as Python integers.

    Raises
    ------
    InvalidInputError
        If a class was not in the training data.
    ConfigError
        If a count is not an integer of at least 0.
    """
    for label, count in wanted.items():
        if label not in classes:
            raise InvalidInputError(unknown_class(label, classes))
        # Python's bool is an integer, but True is not a count.
        if isinstance(count, bool) or not isinstance(count, numbers.Integral) or count < 0:
            raise ConfigError(
                f"The count of class {label!r} must be an integer of at least 0, got {count!r}."
            )
    return {label: int(count) for label, count in wanted.items()}


def turns_of(classes: Sequence[Any], to_add: Mapping[Any, int], n_rows: int) -> NDArray[np.int64]:
    """Return the class number of each of ``n_rows`` rows, in proportion to the rows to add.

    If no class lacks rows, all classes get the same share.
    """
    weights = [to_add.get(label, 0) for label in classes]
    return interleave(weights if any(weights) else [1] * len(weights), n_rows)


def interleave(weights: Sequence[float], n: int) -> NDArray[np.int64]:
    """Return ``n`` class numbers in proportion to ``weights``, and so is every prefix of them.

    Webster's method: each next row goes to the class that is furthest behind its share. So a larger
    ``n`` does not change the first numbers.
    """
    weight = np.asarray(weights, dtype=float)
    share = weight / weight.sum()
    # No class gets more than this: its share of the rows, rounded up, and one for the rounding.
    enough = np.ceil(share * n).astype(np.int64) + 1
    labels = np.repeat(np.arange(len(weight)), enough)
    position = np.concatenate([np.arange(count) for count in enough])
    # The smallest positive number puts classes of weight 0 last without a division by zero.
    due = (position + 0.5) / np.maximum(weight[labels], 1e-300)
    # Sorted by `due`; classes that are equally far behind, by their number.
    return labels[np.lexsort((labels, due))][:n]
