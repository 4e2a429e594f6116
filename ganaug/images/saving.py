"""Conversion of a fitted image model to plain values and arrays for a model file, and back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from ganaug.images import formats
from ganaug.images.codec import ImageCodec
from ganaug.images.containers import PIL_MODES, TENSOR_DTYPES, Container
from ganaug.images.evidence import ImageEvidence
from ganaug.images.formats import ImageFormat
from ganaug.images.options import MAX_CHANNELS, MAX_SIZE, MIN_SIZE
from ganaug.images.sampling import ImageBank, ImageModel
from ganaug.images.selection import ImageSelector, small_versions
from ganaug.models.model import GENERATED
from ganaug.models.parts import (
    PLAN_METHODS,
    Arrays,
    arrays_of,
    artifact_errors,
    require,
    tensors_under,
)
from ganaug.nets.blueprint import Blueprint
from ganaug.recipe import Recipe
from ganaug.registry import IMAGE_NETWORKS, image_networks
from ganaug.runtime.rng import torch_stream

_PIXEL = re.compile(r"bool|u?int(8|16|32|64)|float(16|32|64)")
"""Names of the dtypes of pixels."""

_MAX_DEPTH = 64
"""Most blocks of a network in a model file, so that a small file cannot ask for endless layers."""

_Module = TypeVar("_Module", bound=nn.Module)


def image_to_parts(model: ImageModel) -> tuple[dict[str, Any], Arrays]:
    """Return the plain values and the arrays of a model."""
    config = {
        "recipe": model.recipe.to_dict(),
        "methods": model.methods,
        "recipes": [each.to_dict() for each in model.recipes],
        "has_selector": model.selector is not None,
    }
    return config, arrays_of(model)


def format_from_dict(data: Mapping[str, Any]) -> ImageFormat:
    """Return a checked format.

    Raises
    ------
    ArtifactError
        If no images that can be fitted have this format.
    """
    container = Container(**data["container"])
    form = ImageFormat(**{**data, "container": container})
    sizes = (form.channels, form.height, form.width)
    require(all(type(size) is int for size in sizes), "image size")  # True would pass isinstance
    require(1 <= form.channels <= MAX_CHANNELS, "channels")
    require(all(MIN_SIZE <= size <= MAX_SIZE for size in sizes[1:]), "image size")
    require(_PIXEL.fullmatch(str(form.dtype)), "dtype")
    require(isinstance(form.whole, bool), "whole")
    require(formats.holds(np.dtype(form.dtype), form.low, form.high), "value range")
    require(form.layout in (("NHW",) if form.channels == 1 else ()) + ("NCHW", "NHWC"), "layout")
    _check_container(form)
    return form


def _check_container(form: ImageFormat) -> None:
    """Raise `ArtifactError` if the container cannot hold images of this format."""
    container = form.container
    items = {
        "array": ("",),
        "tensor": ("tensor",),
        "rows": ("", "tensor"),
        "list": ("array", "tensor", "nested", *PIL_MODES),
    }
    require(container.item in items.get(container.holder, ()), "container")
    require((container.tensor in TENSOR_DTYPES) == (container.item == "tensor"), "container")
    if container.item in PIL_MODES:
        # The other modes have a letter for each channel.
        pixel = ("uint16", 1) if container.item == "I;16" else ("uint8", len(container.item))
        require((form.dtype, form.channels) == pixel, "PIL mode")
        require(form.layout == ("NHW" if form.channels == 1 else "NHWC"), "layout")


def image_from_parts(
    config: Mapping[str, Any], form: ImageFormat, arrays: Arrays, label_safe: Sequence[str]
) -> ImageModel:
    """Return the model, on the CPU.

    Raises
    ------
    ArtifactError
        If a part is missing or has the wrong shape.
    """
    with artifact_errors():
        recipe = Recipe.from_dict(config["recipe"])
        methods = list(config["methods"])
        require(methods and set(methods) <= set(PLAN_METHODS), "methods")
        codec = ImageCodec(form.shape, form.dtype, form.low, form.high, form.whole)
        recipes = [Recipe.from_dict(each) for each in config["recipes"]]
        generated = [method for method in methods if method in GENERATED]
        per_class = recipe.conditioning == "per-class"
        require(len(recipes) == (len(generated) if per_class else len(set(generated))), "recipes")
        n_classes = 1 if per_class else len(methods)
        generators = [
            _generator(each, codec, n_classes, tensors_under(arrays, f"generator.{i}."))
            for i, each in enumerate(recipes)
        ]
        selector = None
        if config["has_selector"] is True:
            selector = _selector(codec, len(methods), tensors_under(arrays, "selector."))
        bank = _bank(codec, len(methods), arrays, label_safe)
    return ImageModel(recipe, codec, methods, generators, bank, selector, recipes)


def filled(make: Callable[[], _Module], state: Mapping[str, Tensor]) -> _Module:
    """Return a module with these weights; raise `ArtifactError` if a shape or dtype differs.

    Shapes are compared before memory is allocated: a tensor on the meta device has none.
    """
    with torch.device("meta"):
        expected = _kinds(make().state_dict())
    require(expected == _kinds(state), "weights")
    module = make()
    module.load_state_dict(dict(state))
    return module.eval().requires_grad_(False)


def _kinds(state: Mapping[str, Tensor]) -> dict[str, tuple[torch.Size, torch.dtype]]:
    """Return the shape and the dtype of each tensor."""
    return {name: (tensor.shape, tensor.dtype) for name, tensor in state.items()}


def _generator(
    recipe: Recipe, codec: ImageCodec, n_classes: int, state: dict[str, Tensor]
) -> nn.Module:
    require(recipe.architecture.kind in IMAGE_NETWORKS, "kind")
    require(recipe.architecture.depth <= _MAX_DEPTH, "depth")
    make, _ = image_networks(recipe.architecture.kind)
    plan = Blueprint(
        codec.shape, torch.ones(n_classes), recipe.conditioning, 1, recipe.architecture
    )
    return filled(lambda: make(plan, torch_stream(0)), state)


def _bank(
    codec: ImageCodec, n_classes: int, arrays: Arrays, label_safe: Sequence[str]
) -> ImageBank:
    rows, counts = arrays["anchors.rows"], arrays["anchors.counts"]
    require(rows.dtype == (np.uint8 if codec.bytewise else np.float32), "anchors.rows")
    require(rows.shape[1:] == codec.shape, "anchors.rows")
    require(counts.dtype == np.int64 and counts.shape == (n_classes,), "anchors.counts")
    require(counts.min() >= 0 and counts.sum() == len(rows), "anchors.counts")
    return ImageBank(torch.from_numpy(rows.copy()), counts.tolist(), label_safe)


def _selector(codec: ImageCodec, n_classes: int, state: dict[str, Tensor]) -> ImageSelector:
    names = ("floor", "radius", "references", "counts")
    floor, radius, references, counts = (state[name] for name in names)
    width = small_versions(torch.zeros(0, *codec.shape)).shape[1]
    types = [state[name].dtype for name in names]
    require(types == [torch.float32] * 3 + [torch.int64], "selector")
    require(floor.shape == radius.shape == counts.shape == (n_classes,), "selector")
    require(counts.min() >= 0 and references.shape == (counts.sum(), width), "selector.references")
    evidence = filled(
        lambda: ImageEvidence(codec.shape, n_classes, torch_stream(0)),
        {k.removeprefix("evidence."): v for k, v in state.items() if k.startswith("evidence.")},
    )
    return ImageSelector(evidence, floor, radius, references, counts).eval()
