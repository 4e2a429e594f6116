"""``augment_dataset``: reads the options, and gives back the kind of dataset that came."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from datasets import Dataset, DatasetDict, IterableDataset, IterableDatasetDict

from ganaug.errors import ConfigError, InvalidTypeError, did_you_mean
from ganaug.hf import _append, _learn, _stream
from ganaug.hf._features import Columns, check_dataset_columns, check_others
from ganaug.hf._gather import gather
from ganaug.runtime.rng import seed_from

if TYPE_CHECKING:
    from ganaug.augmenter import GANAugmenter

ROWS_PER_CLASS = 5000
"""Rows of each class that are gathered from a stream, by default."""

DICTS = (DatasetDict, IterableDatasetDict)

_AnyDataset = TypeVar("_AnyDataset", Dataset, DatasetDict, IterableDataset, IterableDatasetDict)


def augment_dataset(
    ds: _AnyDataset,
    augmenter: GANAugmenter | None = None,
    *,
    label_column: str,
    image_column: str | None = None,
    feature_columns: Sequence[str] | None = None,
    split: str = "train",
    synthetic_column: str | None = "is_synthetic",
    other_columns: Literal["null", "raise"] = "null",
    rows_per_class: int | Literal["auto"] = "auto",
    seed: Any = 0,
) -> _AnyDataset:
    """Add synthetic rows of the rare classes to a dataset.

    The rows of the dataset come back as they were, in their order, with the same features and the
    same format. Synthetic rows follow them; in a stream they come in between.

    Parameters
    ----------
    ds : Dataset, DatasetDict, IterableDataset or IterableDatasetDict
        Of a dict only ``split`` is augmented. A stream is read once here, to count its classes and
        to learn from it; pass ``ds.take(n)`` of one without end.
    augmenter : GANAugmenter or None
        A fitted one is used as it is. Another one, by default ``GANAugmenter()``, is fitted on the
        rows that have a label; without a ``random_state`` of its own it follows ``seed``. Its
        ``sampling_strategy`` says how many rows are added; in a dict the keys are labels as in the
        column, or names of a ``ClassLabel``.
    label_column : str
        A ``ClassLabel``, or a ``Value`` of integers, strings or booleans. Rows without a label
        (None, and -1 of a ``ClassLabel``) are passed through and not learned from.
    image_column : str or None
        An ``Image`` column to learn, of any mode, all images of one mode and size. By default the
        one that there is, unless ``feature_columns`` are given.
    feature_columns : list of str or None
        The columns to learn of a table: by default all but the label, or those that a fitted
        augmenter has learned. Numbers, dates, booleans, categories and ``ClassLabel``; not texts,
        audio, nested columns and arrays.
    split : str, default="train"
        The split of a dict to augment. The others only get the column ``synthetic_column``, so
        that all have the same features.
    synthetic_column : str or None, default="is_synthetic"
        Name of a column of booleans to add; None for no such column.
    other_columns : {"null", "raise"}, default="null"
        Columns that are neither learned nor the label are None in synthetic rows, or refused.
    rows_per_class : int or "auto"
        At most that many rows of each class are learned from: all rows of rarer classes, a random
        sample of commoner ones. "auto" is 5,000 for a stream, and all rows of a dataset.
    seed : int, Generator, RandomState or None, default=0
        The same seed gives the same rows and the same fingerprint. None takes a fresh one.

    Returns
    -------
    Dataset, DatasetDict, IterableDataset or IterableDatasetDict
        As ``ds``.

    Raises
    ------
    InvalidInputError, InvalidTypeError, ConfigError, SchemaDriftError
        Before any training: for options that are impossible, columns that are missing or cannot be
        synthesised, images that cannot be read or are not alike, and a fitted augmenter that has
        learned something else.

    Notes
    -----
    A fit changes ``augmenter``: it can be saved, asked for more rows, or reused for other datasets
    of the same kind. Split first, then augment: rows that the augmenter learned from must not be
    among those to evaluate on.

    Examples
    --------
    >>> from datasets import ClassLabel, Dataset, Features, Value
    >>> from sklearn.datasets import load_digits
    >>> from ganaug import GANAugmenter
    >>> from ganaug.hf import augment_dataset
    >>> pixels, digits = load_digits(n_class=2, return_X_y=True)
    >>> features = Features(ink=Value("float64"), digit=ClassLabel(names=["zero", "one"]))
    >>> rows = {"ink": pixels[:220].sum(1), "digit": digits[:220]}
    >>> ds = Dataset.from_dict(rows, features=features)
    >>> augmenter = GANAugmenter(sampling_strategy={"one": 150}, max_steps=5)
    >>> more = augment_dataset(ds, augmenter, label_column="digit")
    >>> len(ds), len(more), more.features["digit"].names
    (220, 259, ['zero', 'one'])
    >>> more[-1]["digit"], more[-1]["is_synthetic"]
    (1, True)
    """
    number = seed_from(seed)
    own = _learn.check_augmenter(augmenter)
    part = _part(ds, split)
    limit = _check_rows(rows_per_class, stream=isinstance(part, IterableDataset))
    if isinstance(part, IterableDataset):
        part = _stream.with_features(part)
    learned = _learn.learned_by(own)
    columns = check_dataset_columns(
        part.features,
        label_column,
        image_column,
        feature_columns,
        synthetic_column,
        learned=learned.names,
        images=learned.images,
    )
    check_others(columns, other_columns)
    if isinstance(ds, DICTS):
        _check_mark(ds, synthetic_column)
    augmented = _augment(part, own, columns, learned, limit, number)
    if not isinstance(ds, DICTS):
        return augmented
    parts = {
        name: augmented if name == split else _marked(other, synthetic_column)
        for name, other in ds.items()
    }
    return type(ds)(parts)


def _check_mark(ds: Any, column: str | None) -> None:
    """Refuse, before anything is learned, a mark whose name another split has taken."""
    for name, other in ds.items():
        if column is not None and column in (other.column_names or ()):
            raise ConfigError(
                f"synthetic_column={column!r}: the split {name!r} has a column of that name."
            )


def _part(ds: Any, split: str) -> Any:
    """Return the dataset to augment."""
    if isinstance(ds, DICTS):
        if split not in ds:
            nearest = did_you_mean(str(split), map(str, ds))
            raise ConfigError(f"split={split!r}: there is no such split; {nearest}")
        return ds[split]
    if not isinstance(ds, (Dataset, IterableDataset)):
        raise InvalidTypeError(
            "ds must be a Dataset, DatasetDict, IterableDataset or IterableDatasetDict of the "
            f"library datasets, got {type(ds).__name__}."
        )
    return ds


def _check_rows(option: Any, *, stream: bool) -> int | None:
    if isinstance(option, str) and option == "auto":
        return ROWS_PER_CLASS if stream else None
    whole = isinstance(option, numbers.Integral) and not isinstance(option, bool)
    if not whole or option < 1:
        raise ConfigError(f'rows_per_class must be "auto" or an int from 1 up, got {option!r}.')
    return int(option)


def _augment(
    ds: Any,
    augmenter: GANAugmenter,
    columns: Columns,
    learned: _learn.Learned,
    limit: int | None,
    seed: int,
) -> Any:
    """Count, learn if need be, make rows, and put them behind or between those of ``ds``."""
    fitted = learned.images is not None
    # Of a fitted augmenter's dataset, an image is looked at and the labels are counted.
    wanted = [columns.image or columns.label] if fitted else list(columns.learned)
    gathered = gather(ds, columns, wanted, 1 if fitted else limit, seed)
    to_add = _learn.rows_to_add(augmenter, gathered, columns)
    if any(to_add.values()) and not fitted:
        _learn.fit(augmenter, gathered, columns, to_add, seed)
    synthetic = _learn.make_rows(augmenter, gathered, columns, to_add, seed)
    if isinstance(ds, IterableDataset):
        return _stream.interleave(ds, synthetic, columns, gathered.n_rows, seed)
    return _append.append(ds, synthetic, columns)


def _marked(ds: Any, column: str | None) -> Any:
    """Return another split with the column that says that its rows are not synthetic."""
    if column is None or isinstance(ds, Dataset):
        return _append.mark(ds, column)
    known = _stream.with_features(ds)
    return _stream.mark(known, column).with_format(_stream.format_of(ds))
