"""Which columns of a dataset are learned, and which of them cannot be."""

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

TEXT_LEVELS = 20
"""Different values from which a column of strings may be text."""
TEXT_SHARE = 0.5
"""Share of different values above which it is."""
TEXT_LENGTH = 100
"""Characters on average above which it is, too."""


@dataclass(frozen=True)
class Columns:
    """What each column of a dataset is for.

    Parameters
    ----------
    features : Features
        Of the dataset.
    label : str
    image : str or None
        The column of images, if images are learned.
    table : tuple of str
        The columns of a table, in the order in which they are learned; empty for images.
    synthetic : str or None
        The column to be added, which says whether a row is synthetic.
    """

    features: Features
    label: str
    image: str | None
    table: tuple[str, ...]
    synthetic: str | None

    @property
    def learned(self) -> tuple[str, ...]:
        """The columns that synthetic rows have values for, besides the label."""
        return (self.image,) if self.image is not None else self.table

    @property
    def others(self) -> list[str]:
        """The columns that synthetic rows know nothing of."""
        known = {self.label, *self.learned}
        return [n for n, feature in self.features.items() if n not in known and not _blank(feature)]

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
    """Return what each column is for.

    Parameters
    ----------
    features, label, image, table, synthetic
        As the user gave them.
    learned : sequence of str or None
        Names of the columns that a fitted augmenter has learned, if it knows them.
    images : bool or None
        Whether a fitted augmenter has learned images; None if it is not fitted.

    Raises
    ------
    InvalidInputError, InvalidTypeError, ConfigError, SchemaDriftError
        If a column is missing, taken, or cannot be synthesised.
    """
    _check_label(features, label)
    if synthetic is not None and synthetic in features:
        raise InvalidInputError(
            f"The dataset has a column {synthetic!r} already. Choose another name "
            "(synthetic_column=...), or None for no such column."
        )
    if image is not None and table is not None:
        raise ConfigError("Give image_column or feature_columns: images are learned alone.")
    if image is None and table is None and images is not False:
        image = _find_image(features, required=images is True)
    if image is not None:
        _check_image(features, image, images)
        return Columns(features, label, image, (), synthetic)
    if images:
        raise SchemaDriftError(
            "The augmenter was fitted on images: name their column (image_column=...)."
        )
    names = _check_table(features, label, table, learned)
    return Columns(features, label, None, names, synthetic)


def _check_label(features: Features, label: str) -> None:
    _check_present(features, [label], "label_column")
    if not isinstance(features[label], (ClassLabel, Value)):
        raise InvalidTypeError(
            f"label_column={label!r} is {_kind(features[label])}; labels are of ClassLabel or "
            "Value."
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
            "learn with image_column=..., or those of a table with feature_columns=[...]."
        )
    if required and not found:
        raise SchemaDriftError(
            "The augmenter was fitted on images, and the dataset has no column of them."
        )
    return found[0] if found else None


def _check_image(features: Features, image: str, fitted_on_images: bool | None) -> None:
    _check_present(features, [image], "image_column")
    if not isinstance(features[image], Image):
        raise InvalidTypeError(
            f"image_column={image!r} is {_kind(features[image])}. Make it images first: "
            f"ds.cast_column({image!r}, datasets.Image())."
        )
    if fitted_on_images is False:
        raise SchemaDriftError(
            "The augmenter was fitted on a table, and image_column names images. Leave out "
            "image_column, or fit another augmenter."
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
            f"feature_columns must name each column once, and not the label: {list(names)}."
        )
    if learned is not None and set(names) != set(learned):
        raise SchemaDriftError(
            f"The augmenter was fitted on the columns {list(learned)}; feature_columns names "
            f"{list(names)}."
        )
    if learned is not None:
        missing = [name for name in learned if name not in features]
        if missing:
            raise SchemaDriftError(
                f"The augmenter was fitted on columns that the dataset lacks: {missing}."
            )
        names = tuple(learned)
    _refuse({n: why for n in names if (why := unlearnable(features[n]))}, names)
    names = tuple(name for name in names if not _blank(features[name]))
    if not names:
        raise InvalidInputError("There is no column to learn beside the label.")
    return names


def _refuse(reasons: Mapping[str, str], names: Sequence[str]) -> None:
    if reasons:
        listed = "; ".join(f"{name!r} is {why}" for name, why in reasons.items())
        rest = [name for name in names if name not in reasons]
        raise InvalidTypeError(
            f"Columns that cannot be synthesised: {listed}. Leave them out: "
            f"feature_columns={rest}. Synthetic rows then have None there."
        )


def _blank(feature: Any) -> bool:
    """Return whether a column can hold nothing but None."""
    return isinstance(feature, Value) and feature.dtype == "null"


def unlearnable(feature: Any) -> str:
    """Return what a feature is if it cannot be a column of a table; empty if it can."""
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
    """Return the name of a feature's type, for messages."""
    if isinstance(feature, Value):
        return f"Value({feature.dtype!r})"
    if isinstance(feature, Mapping):
        return "nested (a dict)"
    if isinstance(feature, (list, tuple)):
        return "nested (a list)"
    return type(feature).__name__


def refuse_text(table: pd.DataFrame, columns: Columns) -> None:
    """Refuse columns of strings that are text or identifiers, by their values.

    Raises
    ------
    InvalidTypeError
    """
    reasons = {}
    for name in columns.table:
        kind = getattr(columns.features[name], "dtype", "")
        if isinstance(columns.features[name], Value) and "string" in kind:
            values = table[name].dropna()
            distinct = values.nunique()
            length = values.str.len().mean() if len(values) else 0
            many = distinct >= TEXT_LEVELS and distinct > TEXT_SHARE * len(values)
            if many or length > TEXT_LENGTH:
                reasons[name] = (
                    f"text ({distinct:,} different values in {len(values):,} rows, {length:.0f} "
                    "characters on average)"
                )
    _refuse(reasons, columns.table)


def check_others(columns: Columns, option: str) -> None:
    """Refuse columns that synthetic rows would have None in, if the user wants that.

    Raises
    ------
    ConfigError, InvalidInputError
    """
    if option not in OTHER_COLUMNS:
        nearest = did_you_mean(str(option), OTHER_COLUMNS)
        raise ConfigError(f"other_columns={option!r} is not possible; {nearest}")
    if option == "raise" and columns.others:
        raise InvalidInputError(
            f"Synthetic rows have nothing for the columns {columns.others}. Remove them "
            f"(ds.remove_columns({columns.others})), or let them be None there "
            '(other_columns="null").'
        )


def names_to_ids(strategy: Any, feature: Any) -> Any:
    """Return a sampling strategy whose names of a ClassLabel are its ids."""
    if not isinstance(strategy, Mapping) or not isinstance(feature, ClassLabel):
        return strategy
    ids = {}
    for key, target in strategy.items():
        if isinstance(key, str) and key not in feature.names:
            nearest = did_you_mean(key, feature.names)
            raise ConfigError(f"sampling_strategy: there is no class {key!r}; {nearest}")
        ids[feature.str2int(key) if isinstance(key, str) else key] = target
    return ids
