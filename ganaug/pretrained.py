"""A fitted augmenter as a folder, and back: its parameters, its labels and its model."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ganaug import artifact, image_persistence, persistence
from ganaug.artifact import tag, untag
from ganaug.base import Learner
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
_Learner = TypeVar("_Learner", bound=Learner)

TRAINING_PARAMS = ("max_steps", "batch_size", "max_seconds", "memory_budget", "verbose")
_PLAIN_PARAMS = ("mode", "p", "on_singleton", *TRAINING_PARAMS)


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
    return load_as(kind, path, "GANAugmenter", params_from_dict, _restore)


def load_as(
    kind: type[_Learner],
    path: Path,
    owner: str,
    read_params: Callable[[dict[str, Any]], dict[str, Any]],
    restore: Callable[..., None],
) -> _Learner:
    """Return the estimator of class ``owner`` saved in a folder.

    Parameters
    ----------
    kind : type
        The class, or one derived from it.
    path : Path
    owner : str
    read_params : callable
        Returns the parameters that were saved as plain values.
    restore : callable
        ``restore(estimator, what was saved of it, what was saved of its model, arrays)`` sets what
        fit sets.

    Raises
    ------
    ArtifactError
        If the folder is missing, damaged, or of another estimator.
    """
    config, arrays = artifact.read(path, owner)
    try:
        data = config["estimator"]
        estimator = kind(**read_params(data["params"]))
        estimator._check_params()
        restore(estimator, data, config["model"], arrays)
    except ArtifactError:
        raise
    except ConfigError as error:
        raise ArtifactError(
            f"{path} cannot be used here: {error} If its recipe has a loss of your own, add the "
            "loss to ganaug.registry.LOSSES before you load it."
        ) from None
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ArtifactError(f"{path} lacks a part of an augmenter: {error!r}.") from None
    return estimator


def _estimator_out(augmenter: GANAugmenter) -> dict[str, Any]:
    names = getattr(augmenter, "feature_names_in_", None)
    return {
        "params": params_to_dict(augmenter.get_params(deep=False)),
        "classes": [tag(label) for label in augmenter.classes_.tolist()],
        "classes_dtype": str(augmenter.classes_.dtype),
        "counts": list(augmenter.class_counts_.values()),
        "to_add": [[tag(label), n] for label, n in augmenter.sampling_strategy_.items()],
        "modality": augmenter._modality.name,
        **augmenter._modality.to_dict(),
        "feature_names": None if names is None else names.tolist(),
        "one_hot": augmenter._one_hot,
        **run_out(augmenter),
    }


def run_out(estimator: Any) -> dict[str, Any]:
    """Return where the stream of an estimator is, and its history."""
    return {
        "seed": str(estimator._seed),
        "calls": estimator._calls,
        "history": estimator.history_.records,
    }


def restore_run(estimator: Any, data: Mapping[str, Any]) -> None:
    """Set what :func:`run_out` described."""
    estimator.history_ = History(data["history"])
    if type(data["seed"]) is not str or type(data["calls"]) is not int:
        raise ArtifactError("The saved seed or number of calls is impossible.")
    estimator._seed, estimator._calls = int(data["seed"]), data["calls"]
    if min(estimator._calls, estimator._seed) < 0:
        raise ArtifactError("The saved seed or number of calls is impossible.")


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
    augmenter.class_counts_ = _counts(data.get("counts", []), labels)
    augmenter._one_hot = data["one_hot"]
    restore_run(augmenter, data)
    if data["feature_names"] is not None:
        augmenter.feature_names_in_ = np.array(data["feature_names"], dtype=object)


def _counts(counts: Any, labels: Sequence[Any]) -> dict[Any, int]:
    """Return the rows of each class at fit; models of version 0.1 did not know them."""
    if not all(type(count) is int and count > 0 for count in counts):
        raise ArtifactError("The saved numbers of rows are impossible.")
    return dict(zip(labels, counts, strict=True)) if counts else {}


def params_to_dict(params: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of an augmenter as plain values.

    What belongs to a process, not to a model, is left out: device, callbacks, generators.

    Raises
    ------
    ConfigError
        If the sampling strategy is a function.
    """
    out = shared_to_dict(params, _PLAIN_PARAMS)
    strategy = params["sampling_strategy"]
    if isinstance(strategy, Mapping):
        strategy = [[tag(label), int(count)] for label, count in strategy.items()]
    elif callable(strategy):
        raise ConfigError(
            "A callable sampling_strategy cannot be saved, for a model file holds no code. Set "
            "sampling_strategy to a dict first, for instance with set_params."
        )
    out["sampling_strategy"] = _native(strategy)
    out["image_options"] = options_to_dict(params["image_options"])
    chosen = params["categorical_features"]
    one = chosen is None or isinstance(chosen, str)
    out["categorical_features"] = chosen if one else [name_out(name) for name in _listed(chosen)]
    return out


def shared_to_dict(params: dict[str, Any], plain: Sequence[str]) -> dict[str, Any]:
    """Return the parameters named in ``plain``, the recipe and the seed as plain values."""
    out = {name: _native(params[name]) for name in plain}
    recipe, seed = params["recipe"], _native(params["random_state"])
    out["recipe"] = recipe.to_dict() if isinstance(recipe, Recipe) else recipe
    out["random_state"] = seed if isinstance(seed, int) else None
    return out


def shared_from_dict(data: dict[str, Any], plain: Sequence[str]) -> dict[str, Any]:
    """Return the parameters that :func:`shared_to_dict` described."""
    recipe = data["recipe"]
    params = {name: data[name] for name in (*plain, "random_state")}
    params["recipe"] = Recipe.from_dict(recipe) if isinstance(recipe, dict) else recipe
    return params


def options_to_dict(options: ImageOptions | None) -> dict[str, Any] | None:
    """Return image options as plain values."""
    return None if options is None else asdict(options)


def options_from_dict(data: Mapping[str, Any] | None) -> ImageOptions | None:
    """Return the options that :func:`options_to_dict` described."""
    return None if data is None else ImageOptions(**_tuples(data))


def params_from_dict(data: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters that :func:`params_to_dict` described."""
    params = shared_from_dict(data, _PLAIN_PARAMS)
    strategy, chosen = data["sampling_strategy"], data["categorical_features"]
    if isinstance(strategy, list):
        strategy = {untag(label): count for label, count in strategy}
    params["sampling_strategy"] = strategy
    params["image_options"] = options_from_dict(data.get("image_options"))
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
