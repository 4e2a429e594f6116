"""Fit an augmenter on gathered rows, and sample synthetic rows of a dataset."""

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
from ganaug.hf._features import Columns, check_text, names_to_ids
from ganaug.hf._gather import Gathered
from ganaug.images.codec import ImageCodec
from ganaug.models.classes import one_row_error
from ganaug.runtime.rng import derive


@dataclass(frozen=True)
class Learned:
    """Type and columns of the data that an augmenter was fitted on.

    Parameters
    ----------
    images : bool or None
        Whether the data were images; None before the fit.
    names : list of str or None
        Names of the columns, if the augmenter has recorded them.
    """

    images: bool | None = None
    names: list[str] | None = None


def check_augmenter(augmenter: Any) -> GANAugmenter:
    """Return the augmenter, or a new one for None.

    Raises
    ------
    InvalidTypeError
        If it is not a `GANAugmenter`.
    ConfigError
        If its mode is not "append".
    """
    if augmenter is None:
        return GANAugmenter()
    if not isinstance(augmenter, GANAugmenter):
        raise InvalidTypeError(f"augmenter must be a GANAugmenter, got {augmenter!r}.")
    if augmenter.mode != "append":
        raise ConfigError(
            f'augment_dataset adds rows, so it needs GANAugmenter(mode="append"), got '
            f"mode={augmenter.mode!r}."
        )
    return augmenter


def learned_by(augmenter: GANAugmenter) -> Learned:
    """Return type and columns of the data that an augmenter was fitted on."""
    if not hasattr(augmenter, "model_"):
        return Learned()
    names = getattr(augmenter, "feature_names_in_", None)
    images = isinstance(augmenter.model_.codec, ImageCodec)
    return Learned(images, None if images or names is None else names.tolist())


def rows_to_add(augmenter: GANAugmenter, gathered: Gathered, columns: Columns) -> dict[Any, int]:
    """Return the number of synthetic rows to add for each label of the dataset.

    Raises
    ------
    InvalidInputError, InvalidTypeError, ConfigError
        If the labels or the sampling strategy cannot be used.
    """
    if not gathered.counts:
        raise InvalidInputError(f"Column {columns.label!r}: no row has a label.")
    all_labels = gathered.all_labels
    labels, _ = check_labels(all_labels, len(all_labels))
    feature = columns.features[columns.label]
    return check_strategy(names_to_ids(augmenter.sampling_strategy, feature), labels)


def fit(
    augmenter: GANAugmenter, gathered: Gathered, columns: Columns, to_add: dict[Any, int], seed: int
) -> None:
    """Fit an augmenter on the gathered rows.

    Raises
    ------
    GanaugError
        If the rows cannot be learned. It is raised before any training.
    """
    # fit() would raise the same, but only after all images were decoded.
    for label, count in gathered.counts.items():
        if count == 1 and to_add.get(label) and augmenter.on_singleton == "raise":
            raise one_row_error(label)
    changes: dict[str, Any] = {}
    if columns.image is not None:
        options, mode = augmenter.image_options, _mode_of(columns)
        # One image gives the size of all, so that memory is checked before the others are decoded.
        first = _images.read_images(gathered.first, columns.image, mode)[0]
        _images.check_memory(first, len(gathered.labels), options, augmenter.memory_budget)
        images = _images.read_images(gathered, columns.image, mode)
        _images.check_alike(images, gathered.positions, columns.image, options)
        X: Any = _images.to_training_data(images)
        changes["image_options"] = _images.with_range(options, X)
    else:
        X = _tables.to_frame(gathered.table.select(columns.table), columns.features)
        check_text(X, columns)
    # Gathering may have kept only some rows of a class. The target counts refer to these, so that
    # as many rows are added as for all of them.
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
    """Set parameters temporarily."""
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
        If the augmenter was fitted on other classes, columns or images than the dataset has.
    """
    schema = columns.result.arrow_schema
    wanted = {label: count for label, count in to_add.items() if count}
    if not wanted:
        return schema.empty_table()
    class_of_label = _class_of_label(augmenter, columns)
    for label in wanted:
        if label not in class_of_label:
            raise InvalidInputError(unknown_class(label, class_of_label))
    requested = {class_of_label[label]: count for label, count in wanted.items()}
    label_of_class = {name: label for label, name in class_of_label.items()}
    seed = derive(seed, "sample")
    if columns.image is not None:
        values, classes = _sample_images(augmenter, gathered, columns, requested, seed)
    else:
        values, classes = _sample_table(augmenter, gathered, columns, requested, seed)
    values[columns.label] = pa.array([label_of_class[name] for name in classes])
    if columns.synthetic is not None:
        values[columns.synthetic] = pa.array(np.ones(len(classes), bool))
    empty = pa.nulls(len(classes))
    arrays = [values.get(field.name, empty).cast(field.type) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def _class_of_label(augmenter: GANAugmenter, columns: Columns) -> dict[Any, Any]:
    """Return the class of the augmenter for each label of the dataset.

    They differ if the augmenter was fitted on the names of a ClassLabel, whose ids the dataset has.
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
    # A feature with a mode converts images when they are read, so a simpler mode can be stored.
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
            f"The augmenter was fitted on {X.shape[1]} columns, but the dataset has "
            f"{len(columns.table)}: {list(columns.table)}. Choose the same columns with "
            "feature_columns=[...]."
        )
    X = X.set_axis(list(columns.table), axis=1)
    return _tables.to_columns(X, columns.features, gathered.table), labels.tolist()
