"""Checks of the estimators' parameters: known names and allowed values."""

from __future__ import annotations

import numbers
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from ganaug.errors import ConfigError, did_you_mean
from ganaug.images.options import ImageOptions
from ganaug.recipe import Recipe
from ganaug.runtime.privates import (
    Hidden,
    Interval,
    InvalidParameterError,
    StrOptions,
    validate_parameter_constraints,
)
from ganaug.training.callbacks import Callback

OPTIONS: dict[str, Any] = {
    "recipe": [str, Recipe],
    "sampling_strategy": [
        Interval(numbers.Real, 0, 1, closed="right"),
        StrOptions({"auto", "minority", "not minority", "not majority", "all"}),
        dict,
        Hidden(Mapping),  # any mapping is accepted; messages name only dict
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
"""Allowed values of GANAugmenter's parameters, as scikit-learn's parameter constraints."""


class InvalidOptionError(ConfigError, InvalidParameterError):
    """A parameter has a value that is not allowed; scikit-learn's own type of error as well."""


def check_parameter_names(params: Iterable[str], known: Sequence[str], owner: str) -> None:
    """Raise `ConfigError` if a parameter does not exist."""
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
        Also an instance of scikit-learn's ``InvalidParameterError``, which its estimator checks
        expect.
    """
    try:
        validate_parameter_constraints(constraints, params, caller_name=owner)
    except InvalidParameterError as error:
        raise InvalidOptionError(f"{error}{nearest_option(str(error))}") from None
    for callback in params["callbacks"] or ():
        if not isinstance(callback, Callback):
            raise ConfigError(f"callbacks must be instances of Callback, got {callback!r}.")


def nearest_option(message: str) -> str:
    """Return a sentence to add to scikit-learn's message about a misspelt option.

    It names the nearest option.
    """
    found = re.search(r"must be (.*) Got '([^']*)' instead", message, re.DOTALL)
    # Quoted words are options, except the names of types: "an instance of 'dict'".
    options = re.findall(r"(?<!instance of )'([^']+)'", found[1]) if found else []
    if not found or not options:
        return ""
    nearest = did_you_mean(found[2], options)
    return f" {nearest[0].upper()}{nearest[1:]}"
