"""Conversion of a fitted model of pairs to plain values and arrays for a model file, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganaug.images.codec import ImageCodec
from ganaug.images.formats import ImageFormat
from ganaug.images.saving import filled
from ganaug.models.parts import Arrays, artifact_errors, require, tensors_under
from ganaug.nets.unet import UNetGenerator
from ganaug.pairs.plan import pair_recipe
from ganaug.pairs.sampling import PairModel
from ganaug.recipe import Recipe
from ganaug.runtime.rng import torch_stream


def pair_to_parts(model: PairModel) -> tuple[dict[str, Any], Arrays]:
    """Return the plain values and the arrays of a model."""
    weights = model.generator.state_dict().items()
    arrays = {f"generator.{name}": tensor.detach().cpu().numpy() for name, tensor in weights}
    return {"recipe": model.recipe.to_dict()}, arrays


def pair_from_parts(
    config: Mapping[str, Any], source: ImageFormat, target: ImageFormat, arrays: Arrays
) -> PairModel:
    """Return the model, on the CPU.

    Raises
    ------
    ArtifactError
        If a part is missing or has the wrong shape.
    """
    with artifact_errors():
        recipe = pair_recipe(Recipe.from_dict(config["recipe"]))
        require(source.shape[1:] == target.shape[1:], "image size")
        # The seed does not matter: the weights of the file replace the random ones.
        generator = filled(
            lambda: UNetGenerator(source.shape, target.shape, recipe.architecture, torch_stream(0)),
            tensors_under(arrays, "generator."),
        )
    return PairModel(recipe, codec_of(source), codec_of(target), generator)


def codec_of(form: ImageFormat) -> ImageCodec:
    """Return the codec of images of this format."""
    return ImageCodec(form.shape, form.dtype, form.low, form.high, form.whole)
