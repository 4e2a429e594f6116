"""Convert fitted estimators to plain values and arrays, for a saved folder, and back."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganaug.errors import ArtifactError, ConfigError
from ganaug.images.data import ImageData
from ganaug.images.options import ImageOptions
from ganaug.images.saving import image_from_parts
from ganaug.models.modality import Modality
from ganaug.models.model import Model
from ganaug.models.parts import Arrays, name_in, name_out
from ganaug.pairs.sampling import PairModel
from ganaug.pairs.saving import pair_from_parts, pair_to_parts
from ganaug.recipe import Recipe
from ganaug.storage.artifact import tag, untag
from ganaug.tables.data import TableData
from ganaug.tables.saving import table_from_parts
from ganaug.training.history import History

Saved = dict[str, Any]
"""Plain values, for JSON."""


@contextmanager
def damage_as_artifact_error(path: Path) -> Iterator[None]:
    """Raise `ArtifactError` for errors that the values of a saved file cause."""
    try:
        yield
    except ArtifactError:
        raise
    except ConfigError as error:
        raise ArtifactError(
            f"{path} cannot be used here: {error} If its recipe has a loss of your own, add the "
            "loss to ganaug.registry.LOSSES before you load it."
        ) from None
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ArtifactError(f"{path} lacks a part of an augmenter: {error!r}.") from None


# ------------------------------------------------------------------ the run


@dataclass(frozen=True)
class Run:
    """State of a fit besides the model: the stream of seeds, the history, the column names.

    Parameters
    ----------
    seed, calls : int
        The seed of the fit, and the number of calls that have used its stream since.
    history : History
    feature_names : ndarray of str or None
    """

    seed: int
    calls: int
    history: History
    feature_names: NDArray[Any] | None

    def to_dict(self) -> Saved:
        """Return the run as plain values."""
        names = self.feature_names
        return {
            "seed": str(self.seed),  # 63 bits; many JSON readers keep 53
            "calls": self.calls,
            "history": self.history.records,
            "feature_names": None if names is None else names.tolist(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Run:
        """Return the run that :meth:`to_dict` saved."""
        if type(data["seed"]) is not str or type(data["calls"]) is not int:
            raise ArtifactError("The saved seed or number of calls is not valid.")
        names, history = data["feature_names"], History(data["history"])
        run = cls(
            int(data["seed"]),
            data["calls"],
            history,
            None if names is None else np.array(names, dtype=object),
        )
        if min(run.calls, run.seed) < 0:
            raise ArtifactError("The saved seed or number of calls is not valid.")
        return run


# ------------------------------------------------------------------ fitted state


@dataclass(frozen=True)
class LearnedClasses:
    """Fitted state of a ``GANAugmenter``.

    Parameters
    ----------
    modality : Modality
        Format of the data at fit.
    model : TableModel or ImageModel
    classes : ndarray of shape (n_classes,)
    counts : dict
        Rows of each class; empty if the file is of version 0.1, which did not save them.
    to_add : dict
        Rows to add to each class.
    one_hot : bool
        Whether the labels were a one-hot matrix.
    """

    modality: Modality
    model: Model
    classes: NDArray[Any]
    counts: dict[Any, int]
    to_add: dict[Any, int]
    one_hot: bool

    @property
    def n_features(self) -> int:
        """Number of columns of the table, or of values of an image."""
        if isinstance(self.modality, ImageData):
            return math.prod(self.modality.fitted_form.shape)
        return len(self.model.codec.columns)

    def to_parts(self) -> tuple[Saved, Saved, Arrays]:
        """Return the values of the estimator, those of the model, and the arrays."""
        config, arrays = self.modality.model_to_parts(self.model)
        data = {
            "classes": [tag(label) for label in self.classes.tolist()],
            "classes_dtype": str(self.classes.dtype),
            "counts": list(self.counts.values()),
            "to_add": [[tag(label), n] for label, n in self.to_add.items()],
            "modality": self.modality.name,
            **self.modality.to_dict(),
            "one_hot": self.one_hot,
        }
        return data, config, arrays

    @classmethod
    def from_parts(
        cls, data: Saved, config: Saved, arrays: Arrays, options: ImageOptions | None
    ) -> LearnedClasses:
        """Return the state that :meth:`to_parts` saved, on the CPU."""
        modality: Modality
        model: Model
        if data.get("modality", "table") == "image":
            modality = ImageData.from_dict(data, options)
            model = image_from_parts(
                config, modality.fitted_form, arrays, modality.options.label_safe
            )
        else:
            model = table_from_parts(config, arrays)
            modality = TableData.from_dict(data, model)
        labels = [untag(label) for label in data["classes"]]
        counts = data.get("counts", [])  # models of version 0.1 do not have them
        if not all(type(count) is int and count > 0 for count in counts):
            raise ArtifactError("The saved class counts must be positive integers.")
        return cls(
            modality,
            model,
            np.array(labels, dtype=data["classes_dtype"]),
            dict(zip(labels, counts, strict=True)) if counts else {},
            {untag(label): n for label, n in data["to_add"]},
            data["one_hot"],
        )


@dataclass(frozen=True)
class LearnedPairs:
    """Fitted state of a ``Pix2PixAugmenter``: the format of both sides, and the model."""

    source: ImageData
    target: ImageData
    model: PairModel

    @property
    def n_features(self) -> int:
        """Number of values of a source image."""
        return math.prod(self.source.fitted_form.shape)

    def to_parts(self) -> tuple[Saved, Saved, Arrays]:
        """Return the values of the estimator, those of the model, and the arrays."""
        config, arrays = pair_to_parts(self.model)
        return {"source": self.source.to_dict(), "target": self.target.to_dict()}, config, arrays

    @classmethod
    def from_parts(
        cls,
        data: Saved,
        config: Saved,
        arrays: Arrays,
        options: tuple[ImageOptions | None, ImageOptions | None],
    ) -> LearnedPairs:
        """Return the state that :meth:`to_parts` saved, on the CPU."""
        source, target = (
            ImageData.from_dict(data[name], side_options)
            for name, side_options in zip(("source", "target"), options, strict=True)
        )
        model = pair_from_parts(config, source.fitted_form, target.fitted_form, arrays)
        return cls(source, target, model)


# ------------------------------------------------------------------ parameters


def params_to_dict(params: Mapping[str, Any]) -> Saved:
    """Return the parameters of an estimator as plain values.

    Device, callbacks and random generators are left out: they belong to a process, not to a model.

    Raises
    ------
    ConfigError
        If ``sampling_strategy`` is a callable.
    """
    return {name: _PARAMS[name][0](params[name]) for name in params if name in _PARAMS}


def params_from_dict(data: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return the named parameters from what :func:`params_to_dict` returned."""
    return {
        name: _PARAMS[name][1](data.get(name) if name in _LATER else data[name])
        for name in names
        if name in _PARAMS
    }


def _native(value: Any) -> Any:
    """Return a numpy scalar as a Python number; return other values unchanged."""
    return value.item() if isinstance(value, np.generic) else value


def _same(value: Any) -> Any:
    return value


def _recipe_out(recipe: Any) -> Any:
    return recipe.to_dict() if isinstance(recipe, Recipe) else recipe


def _recipe_in(data: Any) -> Any:
    return Recipe.from_dict(data) if isinstance(data, dict) else data


def _seed_out(seed: Any) -> int | None:
    native = _native(seed)
    return native if isinstance(native, int) else None


def _strategy_out(strategy: Any) -> Any:
    if isinstance(strategy, Mapping):
        return [[tag(label), int(count)] for label, count in strategy.items()]
    if callable(strategy):
        raise ConfigError(
            "A callable sampling_strategy cannot be saved, since a saved folder holds no code. Set "
            "sampling_strategy to a dict first, for instance with set_params."
        )
    return _native(strategy)


def _strategy_in(data: Any) -> Any:
    return {untag(label): count for label, count in data} if isinstance(data, list) else data


def _options_out(options: Any) -> Any:
    if isinstance(options, tuple):
        return [_options_out(each) for each in options]
    return None if options is None else asdict(options)


def _options_in(data: Any) -> Any:
    if isinstance(data, list):
        return tuple(_options_in(each) for each in data)
    if data is None:
        return None
    values: Any = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
    return ImageOptions(**values)


def _columns_out(chosen: Any) -> Any:
    if chosen is None or isinstance(chosen, str):
        return chosen
    names = [chosen] if isinstance(chosen, (int, np.integer)) else chosen
    return [name_out(name) for name in names]


def _columns_in(data: Any) -> Any:
    return [name_in(name) for name in data] if isinstance(data, list) else data


_PLAIN = (
    "mode", "p", "on_singleton", "max_steps", "batch_size", "max_seconds", "memory_budget",
    "verbose",
)  # fmt: skip

_PARAMS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    **dict.fromkeys(_PLAIN, (_native, _same)),
    "recipe": (_recipe_out, _recipe_in),
    "random_state": (_seed_out, _same),
    "sampling_strategy": (_strategy_out, _strategy_in),
    "image_options": (_options_out, _options_in),
    "categorical_features": (_columns_out, _columns_in),
}
"""For each saved parameter, the functions that make plain values of it and that read them."""

_LATER = ("image_options",)
"""Parameters that are missing from the files of early versions."""
