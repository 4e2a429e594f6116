"""How many rows each class gets, and an augmenter that makes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from datasets import ClassLabel

from ganaug.augmenter import GANAugmenter
from ganaug.data.labels import check_labels, check_strategy, unknown_class
from ganaug.errors import ConfigError, InvalidInputError, InvalidTypeError, SchemaDriftError
from ganaug.hf import _images, _tables
from ganaug.hf._features import Columns, names_to_ids, refuse_text
from ganaug.hf._gather import Gathered
from ganaug.images.codec import ImageCodec
from ganaug.models.classes import one_row_error
from ganaug.runtime.rng import derive


@dataclass(frozen=True)
class Learned:
    """What a fitted augmenter has learned; ``images`` is None before its fit.

    Parameters
    ----------
    images : bool or None
    names : list of str or None
        Of its columns.
    """

    images: bool | None = None
    names: list[str] | None = None


def check_augmenter(augmenter: Any) -> GANAugmenter:
    """Return an augmenter that appends, a new one for None.

    Raises
    ------
    InvalidTypeError, ConfigError
    """
    if augmenter is None:
        return GANAugmenter()
    if not isinstance(augmenter, GANAugmenter):
        raise InvalidTypeError(f"augmenter must be a GANAugmenter, got {augmenter!r}.")
    if augmenter.mode != "append":
        raise ConfigError(
            f'augment_dataset adds rows: it needs GANAugmenter(mode="append"), not '
            f"mode={augmenter.mode!r}."
        )
    return augmenter


def learned_by(augmenter: GANAugmenter) -> Learned:
    """Return what an augmenter has learned."""
    if not hasattr(augmenter, "model_"):
        return Learned()
    names = getattr(augmenter, "feature_names_in_", None)
    images = isinstance(augmenter.model_.codec, ImageCodec)
    return Learned(images, None if images or names is None else names.tolist())


def rows_to_add(augmenter: GANAugmenter, gathered: Gathered, columns: Columns) -> dict[Any, int]:
    """Return how many synthetic rows each class gets, by its label in the dataset.

    Raises
    ------
    InvalidInputError, InvalidTypeError, ConfigError
        If the labels or the sampling strategy cannot be used.
    """
    if not gathered.counts:
        raise InvalidInputError(f"Column {columns.label!r}: no row has a label.")
    every = gathered.all_labels
    labels, _ = check_labels(every, len(every))
    feature = columns.features[columns.label]
    return check_strategy(names_to_ids(augmenter.sampling_strategy, feature), labels)


def fit(
    augmenter: GANAugmenter, gathered: Gathered, columns: Columns, to_add: dict[Any, int], seed: int
) -> None:
    """Fit an augmenter on the rows gathered.

    Raises
    ------
    GanaugError
        Before any training, if the rows cannot be learned.
    """
    for label, count in gathered.counts.items():
        if count == 1 and to_add.get(label) and augmenter.on_singleton == "raise":
            raise one_row_error(label)
    changes: dict[str, Any] = {}
    if columns.image is not None:
        options, mode = augmenter.image_options, _mode_of(columns)
        first = _images.read_images(gathered.first, columns.image, mode)[0]
        _images.check_memory(first, len(gathered.labels), options, augmenter.memory_budget)
        images = _images.read_images(gathered, columns.image, mode)
        _images.check_alike(images, gathered.positions, columns.image, options)
        X: Any = _images.to_learn(images)
        changes["image_options"] = _images.with_range(options, X)
    else:
        X = _tables.to_frame(gathered.table.select(columns.table), columns.features)
        refuse_text(X, columns)
    # The rows gathered may be fewer than those there are; the rows to add are the same.
    present = Counter(gathered.labels)
    changes["sampling_strategy"] = {
        label: present[label] + count for label, count in to_add.items()
    }
    if augmenter.random_state is None:
        changes["random_state"] = derive(seed, "fit") % 2**32
    with _changed(augmenter, changes):
        augmenter.fit(X, gathered.labels)


@contextmanager
def _changed(augmenter: GANAugmenter, params: Mapping[str, Any]) -> Iterator[None]:
    """Set parameters for a while."""
    before = {name: getattr(augmenter, name) for name in params}
    augmenter.set_params(**params)
    try:
        yield
    finally:
        augmenter.set_params(**before)


def _mode_of(columns: Columns) -> str | None:
    return columns.features[columns.image].mode


def make_rows(
    augmenter: GANAugmenter, gathered: Gathered, columns: Columns, to_add: dict[Any, int], seed: int
) -> pa.Table:
    """Return synthetic rows with exactly the columns of the augmented dataset.

    Raises
    ------
    GanaugError
        If the augmenter has learned something else than the dataset holds.
    """
    schema = columns.result.arrow_schema
    wanted = {label: count for label, count in to_add.items() if count}
    if not wanted:
        return schema.empty_table()
    known = _known_labels(augmenter, columns)
    for label in wanted:
        if label not in known:
            raise InvalidInputError(unknown_class(label, known))
    asked = {known[label]: count for label, count in wanted.items()}
    label_of = {name: label for label, name in known.items()}
    seed = derive(seed, "sample")
    if columns.image is not None:
        values, labels = _sample_images(augmenter, gathered, columns, asked, seed)
    else:
        values, labels = _sample_table(augmenter, gathered, columns, asked, seed)
    values[columns.label] = pa.array([label_of[label] for label in labels])
    if columns.synthetic is not None:
        values[columns.synthetic] = pa.array(np.ones(len(labels), bool))
    empty = pa.nulls(len(labels))
    arrays = [values.get(field.name, empty).cast(field.type) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def _known_labels(augmenter: GANAugmenter, columns: Columns) -> dict[Any, Any]:
    """Return the class of the augmenter for each label of the dataset.

    An augmenter that was fitted on the names of a ClassLabel knows its ids, too.
    """
    classes = augmenter.classes_.tolist()
    feature = columns.features[columns.label]
    if isinstance(feature, ClassLabel) and all(isinstance(name, str) for name in classes):
        return {i: name for i, name in enumerate(feature.names) if name in classes}
    return {label: label for label in classes}


def _sample_images(
    augmenter: GANAugmenter,
    gathered: Gathered,
    columns: Columns,
    wanted: Mapping[Any, int],
    seed: int,
) -> tuple[dict[str, Any], list[Any]]:
    assert columns.image is not None
    mode = _mode_of(columns)
    first = _images.read_images(gathered.first, columns.image, mode)[0]
    _images.check_fitted(augmenter, first, columns.image)
    # What the feature converts to its mode when it is read need not be stored in that mode.
    mode = _images.LEARNED_AS[first.mode] if mode else first.mode
    images, labels = _images.sample_images(augmenter, wanted, mode, seed)
    return {columns.image: _images.to_cells(images)}, labels


def _sample_table(
    augmenter: GANAugmenter,
    gathered: Gathered,
    columns: Columns,
    wanted: Mapping[Any, int],
    seed: int,
) -> tuple[dict[str, Any], list[Any]]:
    X, labels = augmenter.sample(wanted, random_state=seed)
    if not isinstance(X, pd.DataFrame):
        X = pd.DataFrame(X)
    if X.shape[1] != len(columns.table):
        raise SchemaDriftError(
            f"The augmenter was fitted on {X.shape[1]} columns, the dataset has "
            f"{len(columns.table)}: {list(columns.table)}. Choose them with feature_columns=[...]."
        )
    X = X.set_axis(list(columns.table), axis=1)
    return _tables.to_columns(X, columns.features, gathered.table), labels.tolist()
