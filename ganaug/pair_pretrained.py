"""A fitted Pix2PixAugmenter as a folder, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ganaug import artifact
from ganaug.imagedata import ImageData
from ganaug.pair_persistence import pair_from_parts, pair_to_parts
from ganaug.pretrained import (
    TRAINING_PARAMS,
    load_as,
    options_from_dict,
    options_to_dict,
    restore_run,
    run_out,
    shared_from_dict,
    shared_to_dict,
)

if TYPE_CHECKING:
    from ganaug.pix2pix import Pix2PixAugmenter

_Augmenter = TypeVar("_Augmenter", bound="Pix2PixAugmenter")

OWNER = "Pix2PixAugmenter"


def save_pair(augmenter: Pix2PixAugmenter, path: Path) -> None:
    """Save a fitted augmenter in a folder, atomically."""
    config, arrays = pair_to_parts(augmenter.model_)
    names = getattr(augmenter, "feature_names_in_", None)
    estimator = {
        "params": _params_to_dict(augmenter.get_params(deep=False)),
        "source": augmenter._source.to_dict(),
        "target": augmenter._target.to_dict(),
        "feature_names": None if names is None else names.tolist(),
        **run_out(augmenter),
    }
    artifact.write(path, {"model": config, "estimator": estimator}, arrays, OWNER)


def load_pair(kind: type[_Augmenter], path: Path) -> _Augmenter:
    """Return the augmenter saved in a folder, on the CPU.

    Raises
    ------
    ArtifactError
        If the folder is missing, damaged, or of another estimator.
    """
    return load_as(kind, path, OWNER, _params_from_dict, _restore)


def _restore(
    augmenter: Pix2PixAugmenter,
    data: Mapping[str, Any],
    model: Mapping[str, Any],
    arrays: dict[str, NDArray[Any]],
) -> None:
    """Set what fit sets."""
    options = augmenter._both_options()
    source, target = (
        ImageData.from_dict(data[name], own)
        for name, own in zip(("source", "target"), options, strict=True)
    )
    augmenter._source, augmenter._target = source, target
    augmenter.model_ = pair_from_parts(model, source.fitted_form, target.fitted_form, arrays)
    augmenter.n_features_in_ = math.prod(source.fitted_form.shape)
    restore_run(augmenter, data)
    if data["feature_names"] is not None:
        augmenter.feature_names_in_ = np.array(data["feature_names"], dtype=object)


def _params_to_dict(params: dict[str, Any]) -> dict[str, Any]:
    options = params["image_options"]
    out = shared_to_dict(params, TRAINING_PARAMS)
    both = isinstance(options, tuple)
    out["image_options"] = (
        [options_to_dict(each) for each in options] if both else options_to_dict(options)
    )
    return out


def _params_from_dict(data: dict[str, Any]) -> dict[str, Any]:
    options = data["image_options"]
    params = shared_from_dict(data, TRAINING_PARAMS)
    params["image_options"] = (
        tuple(options_from_dict(each) for each in options)
        if isinstance(options, list)
        else options_from_dict(options)
    )
    return params
