"""What is checked between the table and the training: options, classes, columns and the request."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.utils._param_validation import (
    Hidden,
    Interval,
    InvalidParameterError,
    StrOptions,
    validate_parameter_constraints,
)

from ganaug.codecs.columns import CategoryCodec
from ganaug.codecs.tabular import TableCodec
from ganaug.errors import (
    ConfigError,
    InvalidInputError,
    MemoryBudgetError,
    did_you_mean,
    warn,
)
from ganaug.image_options import ImageOptions
from ganaug.presets import PRESETS
from ganaug.recipe import Recipe, Schedule
from ganaug.targets import unknown_class
from ganaug.training.callbacks import Callback
from ganaug.validate import check_memory, check_width, nearest_option, readable

SMALL_CLASS = 10
MANY_CLASSES = 10
"""Small classes about which one warning says enough."""
ID_ROWS = 50
MAX_LEVELS = 20_000
DEVICES = ("auto", "cpu", "cuda", "mps")

OPTIONS: dict[str, Any] = {
    "recipe": [str, Recipe],
    "sampling_strategy": [
        Interval(numbers.Real, 0, 1, closed="right"),
        StrOptions({"auto", "minority", "not minority", "not majority", "all"}),
        dict,
        Hidden(Mapping),  # any mapping will do; messages speak of a dict
        callable,
    ],
    "mode": [StrOptions({"append", "replace"})],
    "p": [Interval(numbers.Real, 0, 1, closed="both")],
    "categorical_features": [str, numbers.Integral, "array-like", None],
    "image_options": [ImageOptions, None],
    "on_singleton": [StrOptions({"raise", "duplicate"})],
    "max_steps": [StrOptions({"auto"}), Interval(numbers.Integral, 1, None, closed="left")],
    "batch_size": [StrOptions({"auto"}), Interval(numbers.Integral, 2, None, closed="left")],
    "max_seconds": [Interval(numbers.Real, 0, None, closed="neither"), None],
    "device": [str, Hidden(torch.device)],
    "memory_budget": [str, Interval(numbers.Integral, 1, None, closed="left")],
    "callbacks": [list, tuple, None],
    "verbose": ["verbose"],
    "random_state": ["random_state", Hidden(np.random.Generator)],
}
"""What the parameters of GANAugmenter may be, in scikit-learn's form."""


class InvalidOptionError(ConfigError, InvalidParameterError):
    """A parameter has an impossible value; an error of scikit-learn's own kind too."""


def check_names(params: Iterable[str], known: Sequence[str], owner: str) -> None:
    """Refuse names of parameters that do not exist."""
    for name in params:
        if name.startswith("recipe__"):
            field = name.removeprefix("recipe__")
            raise ConfigError(f"{name!r}: set recipe=Recipe.preset(...).replace({field}=...).")
        if name not in known:
            nearest = did_you_mean(name, known)
            raise ConfigError(f"{owner} has no parameter {name!r}; {nearest}")


def check_options(constraints: Mapping[str, Any], params: Mapping[str, Any], owner: str) -> None:
    """Compare parameters with their constraints, in scikit-learn's form.

    Raises
    ------
    ConfigError
        It is scikit-learn's ``InvalidParameterError`` too, which its own checks expect.
    """
    try:
        validate_parameter_constraints(constraints, params, caller_name=owner)
    except InvalidParameterError as error:
        raise InvalidOptionError(f"{error}{nearest_option(str(error))}") from None
    for callback in params["callbacks"] or ():
        if not isinstance(callback, Callback):
            raise ConfigError(f"callbacks must be instances of Callback, got {callback!r}.")


def check_single_rows(
    counts: Mapping[Any, int], to_add: Mapping[Any, int], on_singleton: str
) -> None:
    """Raise `InvalidInputError` if rows of a one-row class are wanted and it is not repeated."""
    if on_singleton == "raise":
        for label, count in counts.items():
            if count == 1 and to_add.get(label, 0):
                raise InvalidInputError(one_row(label))


def warn_of_small_classes(
    counts: Mapping[Any, int], to_add: Mapping[Any, int], on_singleton: str
) -> None:
    """Warn about the classes that are to grow and are too small to learn."""
    small = {c: n for c, n in counts.items() if to_add.get(c, 0) and n < SMALL_CLASS}
    if len(small) > MANY_CLASSES:
        warn(
            f"{len(small)} of {len(counts)} classes have fewer than {SMALL_CLASS} rows; synthetic "
            "ones hardly vary more. Is this a regression target?"
        )
        return
    for label, count in small.items():
        if count > 1:
            warn(f"Class {label!r} has only {count} rows; synthetic ones hardly vary more.")
        elif on_singleton == "duplicate":
            warn(f"Class {label!r} has one row: there is nothing to learn from; it is repeated.")
        else:
            warn(f"{one_row(label)} Until then fit_resample refuses the class.")


def one_row(label: Any) -> str:
    """Return the message about a class of one row."""
    return (
        f"Class {label!r} has one row: there is nothing to learn from. Collect more, drop the "
        'class, or set on_singleton="duplicate" to repeat the row.'
    )


def check_columns(codec: TableCodec, frame: pd.DataFrame, budget: int) -> None:
    """Warn about identifiers; refuse columns too wide to learn."""
    widest, most = "", 0
    for position, column in enumerate(codec.columns):
        unique = column.type.storage != "float" and _looks_like_id(frame.iloc[:, position])
        if unique and len(frame) >= ID_ROWS:
            warn(
                f"Column {column.name!r} looks like an identifier: every value is different. "
                "Synthetic identifiers mean nothing; drop the column."
            )
        if isinstance(column.codec, CategoryCodec) and column.codec.n_levels > most:
            widest, most = str(column.name), column.codec.n_levels
    if most > MAX_LEVELS or 4 * most * 2048 * 3 > budget:
        raise MemoryBudgetError(
            f"Column {widest!r} has {most:,} categories, which needs about "
            f"{readable(4 * most * 2048 * 3)} a step (at most {MAX_LEVELS:,} "
            "categories). Drop it if it is an identifier, or group rare categories."
        )
    detail = f"The widest category is {widest!r} with {most} levels." if most else ""
    check_width(codec.layout.width, detail, len(frame))


def _looks_like_id(series: pd.Series) -> bool:
    plain = pd.api.types.is_integer_dtype(series.dtype) or pd.api.types.is_string_dtype(series)
    return bool(plain and series.is_unique)


def check_request(codec: TableCodec, n_rows: int, wanted: Iterable[int], budget: int) -> None:
    """Refuse to make more rows than the budget holds, besides the ``n_rows`` that are there."""
    n_new = sum(wanted)
    what = f"Making {n_new:,} rows" if n_new else "This table"
    check_memory(n_rows + n_new, len(codec.columns), codec.layout.width, budget, what)


def check_counts(wanted: Mapping[Any, Any], classes: Sequence[Any]) -> dict[Any, int]:
    """Return how many rows of each class to make, as plain integers.

    Raises
    ------
    InvalidInputError, ConfigError
        For a class that was not in the training data, and a count that is none.
    """
    for label, count in wanted.items():
        if label not in classes:
            raise InvalidInputError(unknown_class(label, classes))
        if isinstance(count, bool) or not isinstance(count, numbers.Integral) or count < 0:
            raise ConfigError(f"The count of class {label!r} must be an int >= 0: {count!r}.")
    return {label: int(count) for label, count in wanted.items()}


def fit_batch_size(option: Any, recipe: Recipe, n_rows: int) -> int:
    """Return the rows in a step: the option's, or the recipe's for "auto".

    What the user chose is at most all rows; the presets' draw with replacement from few.
    """
    size, chosen = option, "batch_size"
    if option == "auto":
        size, chosen = recipe.schedule.batch_size, "The recipe's batch_size"
        rows = [row for presets in PRESETS.values() for row in presets.values()]
        usual = Schedule().batch_size
        if size in {row.get("batch_size", usual) for row in rows}:
            return int(size)
    if size > n_rows:
        warn(f"{chosen}={size} is more than the {n_rows} rows; using {n_rows}.")
    return int(min(size, n_rows))


def packed(size: int, recipe: Recipe) -> int:
    """Return the rows in a step as a multiple of the recipe's ``pac``.

    At least two packs where there is a batch norm: it has no variance to divide by in a batch of
    one.
    """
    sizes, pac = recipe.architecture, recipe.schedule.pac
    normed = "batch" in (sizes.generator_norm, sizes.critic_norm)
    return max(size // pac, 2 if normed else 1) * pac


def choose_device(option: str | torch.device, *, mps: bool = True) -> torch.device:
    """Return the device to train on; ``mps`` says whether the data can be learned on MPS.

    Raises
    ------
    ConfigError
        If it is unknown, or not here.
    """
    if option == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if mps and torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(option)
    except (RuntimeError, ValueError, OverflowError) as error:
        nearest = did_you_mean(str(option).lower(), DEVICES)
        raise ConfigError(f"device={option!r} is not possible; {nearest} ({error})") from None
    if device.type not in DEVICES:
        raise ConfigError(f"device={str(option)!r} is not possible; known: {', '.join(DEVICES)}.")
    if device.type == "mps" and not mps:
        raise ConfigError('Images cannot be learned on MPS: set device="cpu".')
    count = _count_devices(device.type)
    if not count:
        name = device.type.upper()
        raise ConfigError(
            f"device={str(option)!r} was asked for, but {name} is not available here."
        )
    if (device.index or 0) >= count:
        raise ConfigError(
            f"device={str(option)!r} is not possible: the last one here is "
            f"'{device.type}:{count - 1}'."
        )
    return device


def _count_devices(kind: str) -> int:
    if kind == "cuda":
        return torch.cuda.device_count() if torch.cuda.is_available() else 0
    return int(kind == "cpu" or torch.backends.mps.is_available())
