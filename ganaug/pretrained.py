"""A fitted augmenter as a folder, and back: its parameters, its labels and its model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ganaug import artifact, image_persistence, persistence
from ganaug.artifact import tag, untag
from ganaug.errors import ArtifactError, ConfigError
from ganaug.image_options import ImageOptions
from ganaug.imagedata import ImageData
from ganaug.modality import Modality
from ganaug.persistence import name_in, name_out
from ganaug.recipe import Recipe
from ganaug.tabledata import TableData
from ganaug.training.history import History

if TYPE_CHECKING:
    from ganaug.augmenter import GANAugmenter

_Augmenter = TypeVar("_Augmenter", bound="GANAugmenter")

_PLAIN_PARAMS = (
    "mode", "p", "on_singleton", "max_steps", "batch_size", "max_seconds", "memory_budget",
    "verbose",
)  # fmt: skip


def save(augmenter: GANAugmenter, path: Path) -> None:
    """Save a fitted augmenter in a folder, atomically."""
    config, arrays = augmenter._modality.model_to_parts(augmenter.model_)
    artifact.write(path, {"model": config, "estimator": _estimator_out(augmenter)}, arrays)


def load(kind: type[_Augmenter], path: Path) -> _Augmenter:
    """Return the augmenter saved in a folder, on the CPU.

    Raises
    ------
    ArtifactError
        If the folder is missing, damaged, or not a saved augmenter.
    """
    config, arrays = artifact.read(path)
    try:
        data = config["estimator"]
        augmenter = kind(**params_from_dict(data["params"]))
        augmenter._check_params()
        _restore(augmenter, data, config["model"], arrays)
    except ArtifactError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ArtifactError(f"{path} lacks a part of an augmenter: {error!r}.") from None
    return augmenter


def _estimator_out(augmenter: GANAugmenter) -> dict[str, Any]:
    names = getattr(augmenter, "feature_names_in_", None)
    return {
        "params": params_to_dict(augmenter.get_params(deep=False)),
        "classes": [tag(label) for label in augmenter.classes_.tolist()],
        "classes_dtype": str(augmenter.classes_.dtype),
        "to_add": [[tag(label), n] for label, n in augmenter.sampling_strategy_.items()],
        "modality": augmenter._modality.name,
        **augmenter._modality.to_dict(),
        "feature_names": None if names is None else names.tolist(),
        "one_hot": augmenter._one_hot,
        "seed": str(augmenter._seed),
        "calls": augmenter._calls,
        "history": augmenter.history_.records,
    }


def _restore(
    augmenter: GANAugmenter,
    data: Mapping[str, Any],
    model: Mapping[str, Any],
    arrays: dict[str, NDArray[Any]],
) -> None:
    """Set what fit sets."""
    modality: Modality
    if data.get("modality", "table") == "image":
        modality = ImageData.from_dict(data, augmenter.image_options)
        augmenter.model_ = image_persistence.model_from_parts(
            model, modality.fitted_form, arrays, modality.options.label_safe
        )
        augmenter.n_features_in_ = math.prod(modality.fitted_form.shape)
    else:
        augmenter.model_ = persistence.model_from_parts(model, arrays)
        modality = TableData.from_dict(data, augmenter.model_)
        augmenter.n_features_in_ = len(augmenter.model_.codec.columns)
    augmenter._modality = modality
    labels = [untag(label) for label in data["classes"]]
    augmenter.classes_ = np.array(labels, dtype=data["classes_dtype"])
    augmenter.sampling_strategy_ = {untag(label): n for label, n in data["to_add"]}
    augmenter.plan_ = dict(zip(labels, augmenter.model_.methods, strict=True))
    augmenter.history_ = History(data["history"])
    augmenter._one_hot, augmenter._calls = data["one_hot"], data["calls"]
    if type(data["seed"]) is not str or type(data["calls"]) is not int:
        raise ArtifactError("The saved seed or number of calls is impossible.")
    augmenter._seed = int(data["seed"])
    if min(augmenter._calls, augmenter._seed) < 0:
        raise ArtifactError("The saved seed or number of calls is impossible.")
    if data["feature_names"] is not None:
        augmenter.feature_names_in_ = np.array(data["feature_names"], dtype=object)


def params_to_dict(params: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of an augmenter as plain values.

    What belongs to a process, not to a model, is left out: device, callbacks, generators.

    Raises
    ------
    ConfigError
        If the sampling strategy is a function.
    """
    out = {name: _native(params[name]) for name in _PLAIN_PARAMS}
    strategy, recipe = params["sampling_strategy"], params["recipe"]
    if isinstance(strategy, Mapping):
        strategy = [[tag(label), int(count)] for label, count in strategy.items()]
    elif callable(strategy):
        raise ConfigError(
            "A callable sampling_strategy cannot be saved, for a model file holds no code. Set "
            "sampling_strategy to a dict first, for instance with set_params."
        )
    out["sampling_strategy"] = _native(strategy)
    options = params["image_options"]
    out["image_options"] = None if options is None else asdict(options)
    out["recipe"] = recipe.to_dict() if isinstance(recipe, Recipe) else recipe
    chosen = params["categorical_features"]
    one = chosen is None or isinstance(chosen, str)
    out["categorical_features"] = chosen if one else [name_out(name) for name in _listed(chosen)]
    seed = _native(params["random_state"])
    out["random_state"] = seed if isinstance(seed, int) else None
    return out


def params_from_dict(data: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters that :func:`params_to_dict` described."""
    params = {name: data[name] for name in (*_PLAIN_PARAMS, "random_state")}
    strategy, recipe, chosen = (
        data[name] for name in ("sampling_strategy", "recipe", "categorical_features")
    )
    if isinstance(strategy, list):
        strategy = {untag(label): count for label, count in strategy}
    params["sampling_strategy"] = strategy
    options = data.get("image_options")
    params["image_options"] = None if options is None else ImageOptions(**_tuples(options))
    params["recipe"] = Recipe.from_dict(recipe) if isinstance(recipe, dict) else recipe
    params["categorical_features"] = (
        [name_in(name) for name in chosen] if isinstance(chosen, list) else chosen
    )
    return params


def _tuples(options: Mapping[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}


def _native(value: Any) -> Any:
    """Return a numpy scalar as Python's."""
    return value.item() if isinstance(value, np.generic) else value


def _listed(chosen: Any) -> list[Any]:
    return [chosen] if isinstance(chosen, (int, np.integer)) else list(chosen)
