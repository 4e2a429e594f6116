"""Choice and checks of the columns of a dataset that are learned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa
from datasets import ClassLabel, Features, Image, Value

from ganaug.errors import (
    ConfigError,
    InvalidInputError,
    InvalidTypeError,
    SchemaDriftError,
    did_you_mean,
)

OTHER_COLUMNS = ("null", "raise")

# A column of strings is text, not a category, if most of its values are unique or they are long.
# Strings like that cannot be synthesised; they would be learned as thousands of categories.
TEXT_LEVELS = 20
"""Number of different values below which strings are a category, however few rows there are."""
TEXT_SHARE = 0.5
"""Share of different values among all values above which strings are text."""
TEXT_LENGTH = 100
"""Mean number of characters above which strings are text: a sentence or more."""


@dataclass(frozen=True)
class Columns:
    """Roles of the columns of a dataset.

    Parameters
    ----------
    features : Features
        Features of the dataset.
    label : str
    image : str or None
        Column of images, if images are learned.
    table : tuple of str
        Columns of a table in the order in which they are learned; empty for images.
    synthetic : str or None
        Boolean column to add, which is True in synthetic rows.
    """

    features: Features
    label: str
    image: str | None
    table: tuple[str, ...]
    synthetic: str | None

    @property
    def learned(self) -> tuple[str, ...]:
        """The learned columns, which have values in synthetic rows."""
        return (self.image,) if self.image is not None else self.table

    @property
    def others(self) -> list[str]:
        """The columns that are None in synthetic rows but may have values in real ones."""
        filled = {self.label, *self.learned}
        features = self.features.items()
        return [name for name, kind in features if name not in filled and not _is_null(kind)]

    @property
    def result(self) -> Features:
        """The features of the augmented dataset."""
        added = {} if self.synthetic is None else {self.synthetic: Value("bool")}
        return Features({**self.features, **added})


def check_dataset_columns(
    features: Features,
    label: str,
    image: str | None,
    table: Sequence[str] | None,
    synthetic: str | None,
    *,
    learned: Sequence[str] | None,
    images: bool | None,
) -> Columns:
    """Return the roles of the columns.

    Parameters
    ----------
    features : Features
        Features of the dataset.
    label, image, table, synthetic
        ``label_column``, ``image_column``, ``feature_columns`` and ``synthetic_column`` of
        `augment_dataset`.
    learned : sequence of str or None
        Names of the columns that a fitted augmenter has learned, if it has recorded them.
    images : bool or None
        Whether a fitted augmenter has learned images; None if it is not fitted.

    Raises
    ------
    InvalidInputError, InvalidTypeError, ConfigError, SchemaDriftError
        If a column is missing, exists already, or cannot be synthesised.
    """
    _check_label(features, label)
    if synthetic is not None and synthetic in features:
        raise InvalidInputError(
            f"The dataset has a column {synthetic!r} already. Choose another name with "
            "synthetic_column=..., or pass synthetic_column=None to add no column."
        )
    if image is not None and table is not None:
        raise ConfigError(
            "Pass image_column or feature_columns, not both: images are learned alone."
        )
    if image is None and table is None and images is not False:
        image = _find_image(features, required=images is True)
    if image is not None:
        _check_image(features, image, images)
        return Columns(features, label, image, (), synthetic)
    if images:
        raise SchemaDriftError(
            "The augmenter was fitted on images: name their column with image_column=...."
        )
    names = _check_table(features, label, table, learned)
    return Columns(features, label, None, names, synthetic)


def _check_label(features: Features, label: str) -> None:
    _check_present(features, [label], "label_column")
    if not isinstance(features[label], (ClassLabel, Value)):
        raise InvalidTypeError(
            f"label_column={label!r} is {_kind(features[label])}; labels must be a ClassLabel or "
            "a Value."
        )


def _check_present(features: Features, names: Iterable[str], option: str) -> None:
    for name in names:
        if name not in features:
            nearest = did_you_mean(str(name), features)
            raise InvalidInputError(f"{option}: there is no column {name!r}; {nearest}")


def _find_image(features: Features, *, required: bool) -> str | None:
    found = [name for name, feature in features.items() if isinstance(feature, Image)]
    if len(found) > 1:
        raise InvalidInputError(
            f"There are several columns of images, {', '.join(map(repr, found))}: name the one to "
            "learn with image_column=..., or columns of a table with feature_columns=[...]."
        )
    if required and not found:
        raise SchemaDriftError(
            "The augmenter was fitted on images, but the dataset has no column of images."
        )
    return found[0] if found else None


def _check_image(features: Features, image: str, fitted_on_images: bool | None) -> None:
    _check_present(features, [image], "image_column")
    if not isinstance(features[image], Image):
        raise InvalidTypeError(
            f"image_column={image!r} is {_kind(features[image])}. Cast it to images first: "
            f"ds.cast_column({image!r}, datasets.Image())."
        )
    if fitted_on_images is False:
        raise SchemaDriftError(
            "The augmenter was fitted on a table, but image_column names a column of images. "
            "Leave out image_column, or pass another augmenter."
        )


def _check_table(
    features: Features, label: str, chosen: Sequence[str] | None, learned: Sequence[str] | None
) -> tuple[str, ...]:
    if chosen is not None:
        if isinstance(chosen, str) or not all(isinstance(name, str) for name in chosen):
            raise ConfigError(f"feature_columns must be a list of names, got {chosen!r}.")
        _check_present(features, chosen, "feature_columns")
    if chosen is None:
        chosen = [name for name in features if name != label] if learned is None else learned
    names = tuple(chosen)
    if label in names or len(set(names)) < len(names):
        raise ConfigError(
            f"feature_columns must name each column once and not the label, got {list(names)}."
        )
    if learned is not None and set(names) != set(learned):
        raise SchemaDriftError(
            f"The augmenter was fitted on the columns {list(learned)}, but feature_columns names "
            f"{list(names)}."
        )
    if learned is not None:
        missing = [name for name in learned if name not in features]
        if missing:
            raise SchemaDriftError(
                f"The augmenter was fitted on columns that the dataset lacks: {missing}."
            )
        names = tuple(learned)
    _check_learnable({n: kind for n in names if (kind := unlearnable(features[n]))}, names)
    # A column of the null type stays as it is: it has nothing to learn.
    names = tuple(name for name in names if not _is_null(features[name]))
    if not names:
        raise InvalidInputError("There is no column to learn besides the label.")
    return names


def _check_learnable(unsupported: Mapping[str, str], names: Sequence[str]) -> None:
    """Raise `InvalidTypeError` if any column cannot be learned, given with its type."""
    if unsupported:
        listed = "; ".join(f"{name!r} is {kind}" for name, kind in unsupported.items())
        rest = [name for name in names if name not in unsupported]
        raise InvalidTypeError(
            f"Some columns cannot be synthesised: {listed}. Leave them out: "
            f"feature_columns={rest}. They are then None in synthetic rows."
        )


def _is_null(feature: Any) -> bool:
    """Return whether a column has the null type, which holds only None."""
    return isinstance(feature, Value) and feature.dtype == "null"


def unlearnable(feature: Any) -> str:
    """Return the name of a type that cannot be a column of a table; empty if it can."""
    if isinstance(feature, ClassLabel):
        return ""
    if not isinstance(feature, Value):
        return _kind(feature)
    kind = feature()
    binary = (
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
    )
    if binary or "binary_view" in str(kind):
        return f"of bytes ({feature.dtype})"
    return ""


def _kind(feature: Any) -> str:
    """Return the name of a feature's type for error messages."""
    if isinstance(feature, Value):
        return f"Value({feature.dtype!r})"
    if isinstance(feature, Mapping):
        return "nested (a dict)"
    if isinstance(feature, (list, tuple)):
        return "nested (a list)"
    return type(feature).__name__


def check_text(table: pd.DataFrame, columns: Columns) -> None:
    """Check that columns of strings are categories.

    Raises
    ------
    InvalidTypeError
        If the values of a column are texts or identifiers.
    """
    texts = {}
    for name in columns.table:
        kind = getattr(columns.features[name], "dtype", "")
        if isinstance(columns.features[name], Value) and "string" in kind:
            values = table[name].dropna()
            distinct = values.nunique()
            length = values.str.len().mean() if len(values) else 0
            many = distinct >= TEXT_LEVELS and distinct > TEXT_SHARE * len(values)
            if many or length > TEXT_LENGTH:
                texts[name] = (
                    f"text ({distinct:,} different values in {len(values):,} rows, {length:.0f} "
                    "characters on average)"
                )
    _check_learnable(texts, columns.table)


def check_others(columns: Columns, option: str) -> None:
    """Check the option ``other_columns``.

    Raises
    ------
    ConfigError
        If it has an invalid value.
    InvalidInputError
        If it is "raise" and a column would be None in synthetic rows.
    """
    if option not in OTHER_COLUMNS:
        nearest = did_you_mean(str(option), OTHER_COLUMNS)
        raise ConfigError(f"other_columns={option!r} is not possible; {nearest}")
    if option == "raise" and columns.others:
        raise InvalidInputError(
            f"Synthetic rows have no values for the columns {columns.others}. Remove them with "
            f'ds.remove_columns({columns.others}), or pass other_columns="null" to leave them '
            "None in synthetic rows."
        )


def names_to_ids(strategy: Any, feature: Any) -> Any:
    """Return a sampling strategy with the names of a ClassLabel replaced by its ids."""
    if not isinstance(strategy, Mapping) or not isinstance(feature, ClassLabel):
        return strategy
    ids = {}
    for key, target in strategy.items():
        if isinstance(key, str) and key not in feature.names:
            nearest = did_you_mean(key, feature.names)
            raise ConfigError(f"sampling_strategy: there is no class {key!r}; {nearest}")
        ids[feature.str2int(key) if isinstance(key, str) else key] = target
    return ids
