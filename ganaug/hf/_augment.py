"""``augment_dataset``: add synthetic rows to a dataset of any Hugging Face type."""

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
"""Rows of each class that are gathered from a stream by default.

It bounds memory, since the length of a stream is unknown when the rows are read.
"""

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

    The rows of the dataset stay as they are, in their order, with the same features and the same
    format. Synthetic rows follow them; in a stream they are placed between them.

    Parameters
    ----------
    ds : Dataset, DatasetDict, IterableDataset or IterableDatasetDict
        In a dict, only ``split`` is augmented. A stream is read once by this call, to count its
        classes and to learn from it; pass ``ds.take(n)`` if the stream is endless.
    augmenter : GANAugmenter or None
        A fitted augmenter is used as it is. An unfitted one, by default ``GANAugmenter()``, is
        fitted on the rows that have a label; if its ``random_state`` is None, it follows ``seed``.
        Its ``sampling_strategy`` determines how many rows are added. The keys of a dict are labels
        as in the column, or names of a ``ClassLabel``.
    label_column : str
        A ``ClassLabel``, or a ``Value`` of integers, strings or booleans. Rows without a label
        (None, and -1 of a ``ClassLabel``) are passed through and not learned from.
    image_column : str or None
        An ``Image`` column to learn, of any mode. All images must have one mode and size. By
        default it is the only image column, unless ``feature_columns`` are given.
    feature_columns : list of str or None
        Columns of a table to learn. By default all but the label, or those that a fitted augmenter
        has learned. Numbers, dates, booleans, categories and ``ClassLabel`` can be learned; texts,
        audio, nested columns and arrays cannot.
    split : str, default="train"
        Split of a dict to augment. The other splits only get the column ``synthetic_column``, so
        that all have the same features.
    synthetic_column : str or None, default="is_synthetic"
        Name of a boolean column to add, which is True in synthetic rows. None adds no column.
    other_columns : {"null", "raise"}, default="null"
        What to do with columns that are neither learned nor the label: leave them None in
        synthetic rows, or raise an error.
    rows_per_class : int or "auto"
        Maximal number of rows of each class to learn from. Rarer classes are learned completely,
        commoner ones from a random sample. "auto" is 5,000 for a stream, and all rows otherwise.
    seed : int, Generator, RandomState or None, default=0
        The same seed gives the same rows and the same fingerprint. None draws a new seed.

    Returns
    -------
    Dataset, DatasetDict, IterableDataset or IterableDatasetDict
        The same type as ``ds``.

    Raises
    ------
    InvalidInputError, InvalidTypeError, ConfigError, SchemaDriftError
        If an option has an invalid value, a column is missing or cannot be synthesised, images
        cannot be read or differ in mode or size, or a fitted augmenter has learned other columns
        or images. These errors are raised before any training.

    Notes
    -----
    ``augmenter`` is fitted in place, so it can be saved, sample more rows, or be reused for other
    datasets of the same type. Split first, then augment: rows that the augmenter learned from must
    not be in the data for evaluation.

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
    checked_seed = seed_from(seed)
    augmenter = _learn.check_augmenter(augmenter)
    selected = _select_split(ds, split)
    limit = _check_rows(rows_per_class, stream=isinstance(selected, IterableDataset))
    if isinstance(selected, IterableDataset):
        selected = _stream.with_features(selected)
    learned = _learn.learned_by(augmenter)
    columns = check_dataset_columns(
        selected.features,
        label_column,
        image_column,
        feature_columns,
        synthetic_column,
        learned=learned.names,
        images=learned.images,
    )
    check_others(columns, other_columns)
    # Before training, so that the other splits cannot fail after it.
    if isinstance(ds, DICTS):
        _check_synthetic_column(ds, synthetic_column)
    augmented = _augment(selected, augmenter, columns, learned, limit, checked_seed)
    if not isinstance(ds, DICTS):
        return augmented
    splits = {
        name: augmented if name == split else _mark_as_real(other, synthetic_column)
        for name, other in ds.items()
    }
    return type(ds)(splits)


def _check_synthetic_column(ds: Any, column: str | None) -> None:
    """Raise `ConfigError` if any split already has a column of that name."""
    for name, other in ds.items():
        if column is not None and column in (other.column_names or ()):
            raise ConfigError(
                f"synthetic_column={column!r}: the split {name!r} has a column of that name."
            )


def _select_split(ds: Any, split: str) -> Any:
    """Return the dataset to augment: a split of a dict, or ``ds`` itself."""
    if isinstance(ds, DICTS):
        if split not in ds:
            nearest = did_you_mean(str(split), map(str, ds))
            raise ConfigError(f"split={split!r}: there is no such split; {nearest}")
        return ds[split]
    if not isinstance(ds, (Dataset, IterableDataset)):
        raise InvalidTypeError(
            "ds must be a Dataset, DatasetDict, IterableDataset or IterableDatasetDict from the "
            f"datasets library, got {type(ds).__name__}."
        )
    return ds


def _check_rows(option: Any, *, stream: bool) -> int | None:
    if isinstance(option, str) and option == "auto":
        return ROWS_PER_CLASS if stream else None
    whole = isinstance(option, numbers.Integral) and not isinstance(option, bool)
    if not whole or option < 1:
        raise ConfigError(f'rows_per_class must be "auto" or a positive integer, got {option!r}.')
    return int(option)


def _augment(
    ds: Any,
    augmenter: GANAugmenter,
    columns: Columns,
    learned: _learn.Learned,
    limit: int | None,
    seed: int,
) -> Any:
    """Count the classes, fit the augmenter if needed, and add synthetic rows to ``ds``."""
    fitted = learned.images is not None
    # A fitted augmenter needs only the labels, and one image to check its size and mode.
    wanted = [columns.image or columns.label] if fitted else list(columns.learned)
    gathered = gather(ds, columns, wanted, 1 if fitted else limit, seed)
    to_add = _learn.rows_to_add(augmenter, gathered, columns)
    if any(to_add.values()) and not fitted:
        _learn.fit(augmenter, gathered, columns, to_add, seed)
    synthetic = _learn.make_rows(augmenter, gathered, columns, to_add, seed)
    if isinstance(ds, IterableDataset):
        return _stream.interleave(ds, synthetic, columns, gathered.n_rows, seed)
    return _append.append(ds, synthetic, columns)


def _mark_as_real(ds: Any, column: str | None) -> Any:
    """Return a split that is not augmented, with the column of booleans if there is one."""
    if column is None or isinstance(ds, Dataset):
        return _append.mark(ds, column)
    with_features = _stream.with_features(ds)
    return _stream.mark(with_features, column).with_format(_stream.format_of(ds))
