"""How the images of each class will be made: from noise, bent or re-lit; and for how many steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ganaug.errors import ConfigError
from ganaug.models.model import GENERATED
from ganaug.recipe import Recipe
from ganaug.recipe.presets import IMAGE_PRESETS
from ganaug.recipe.rules import CHANGING_KINDS
from ganaug.registry import IMAGE_NETWORKS
from ganaug.runtime.rng import torch_stream
from ganaug.training.images import AT_ONCE

if TYPE_CHECKING:
    from ganaug.models.classes import Classes


ANCHOR_BELOW = 2000
"""Class size below which ``auto`` changes real images instead of starting from noise.

With a minute of training on a CPU, a classifier was worse with images from noise than with the real
images alone (docs/research-images.md), so noise is left to classes with many images.
"""

FLAT = 0.2
"""Share of the pixels with the most frequent value from which an image counts as a drawing."""

FLAT_SAMPLE = 500
"""Most images that decide whether a data set holds drawings: bounds the time."""


def image_recipe(recipe: str | Recipe, device: torch.device) -> Recipe:
    """Return the recipe for images: a preset by its name, or a recipe as it is.

    Raises
    ------
    ConfigError
        If the recipe is for tables or for pairs of images.
    """
    if isinstance(recipe, str):
        preset = Recipe.preset(recipe, "image")
        if recipe == "auto" and device.type == "cuda":
            # Its images from noise were the best, but it takes minutes more than the other kinds
            # on a CPU (docs/research-images.md).
            return preset.replace(kind="residual", name="auto")
        return preset
    kind = recipe.architecture.kind
    if kind not in IMAGE_NETWORKS:
        others = {"mlp": "tables", "unet": "pairs of images: use Pix2PixAugmenter"}
        base = recipe.name.rstrip("*")  # a changed preset has a star behind its name
        base = base if base in IMAGE_PRESETS else "auto"
        raise ConfigError(
            f"A recipe with kind={kind!r} is for {others[kind]}. Start from "
            f'Recipe.preset({base!r}, data="image"), or set kind to one of '
            f"{', '.join(IMAGE_NETWORKS)}."
        )
    return recipe


def plan_image_methods(classes: Classes, recipe: Recipe) -> list[str]:
    """Return the method that makes each class, from its number of images.

    ``auto`` makes images from noise only for large classes that lack some. The images of other
    classes are anchored: real images of the class that the generator changes.
    """
    lacking = [classes.to_add.get(name, 0) > 0 for name in classes.names]
    each = zip(classes.counts, lacking, strict=True)
    return [_method(count, lacks, recipe) for count, lacks in each]


def _method(count: int, lacks: bool, recipe: Recipe) -> str:
    if count <= 1:
        return "duplicate"
    changed = recipe.small_classes == "auto" and not (lacks and count >= ANCHOR_BELOW)
    return "anchored" if changed or recipe.architecture.kind in CHANGING_KINDS else "gan"


def image_steps(n_images: int, recipe: Recipe) -> int:
    """Return the number of generator steps, which grows with the square root of the images.

    Generators that change real images need fewer steps than those that start from noise. ``warp``
    learns from pairs, of which there are many, and ``light`` learns layouts of a few numbers each.
    If the critic takes several steps for each step of the generator, there are fewer of these.
    """
    # Factor of the square root, and bounds that keep a fit to minutes on a CPU.
    kinds = {"warp": (12, 400, 2000), "light": (30, 1000, 2000)}
    factor, least, most = kinds.get(recipe.architecture.kind, (30, 1000, 10_000))
    steps = min(max(factor * math.sqrt(n_images), least), most)
    # The sum of the steps of both networks does not depend on n_critic.
    return int(steps * 2 / (1 + recipe.schedule.n_critic))


def leaves_change_open(recipe: Recipe) -> bool:
    """Return whether the data decide between ``warp`` and ``light`` for anchored classes."""
    return recipe.small_classes == "auto" and recipe.architecture.kind not in CHANGING_KINDS


@dataclass(frozen=True)
class TrainingPlan:
    """A generator to train.

    Parameters
    ----------
    recipe : Recipe
    method : {"gan", "anchored"}
        Method of the classes that the generator makes.
    label : int or None, default=None
        Number of the only class that it learns; None for all classes.
    """

    recipe: Recipe
    method: str
    label: int | None = None


def plan_training(recipe: Recipe, methods: Sequence[str], change: str) -> list[TrainingPlan]:
    """Return the generators to train for the methods of the classes.

    ``change`` is the preset that changes real images, if the recipe does not do so itself.
    """
    if recipe.conditioning == "per-class":
        made = [label for label, method in enumerate(methods) if method in GENERATED]
        return [TrainingPlan(recipe, methods[label], label) for label in made]
    plans = [TrainingPlan(recipe, "gan")] if "gan" in methods else []
    if "anchored" in methods:
        changes_images = recipe.architecture.kind in CHANGING_KINDS
        anchored = recipe if changes_images else Recipe.preset(change, "image")
        plans.append(TrainingPlan(anchored, "anchored"))
    return plans


def are_flat(stored: Tensor) -> bool:
    """Return whether most images have a background of one value, as drawings and scans have.

    Such images must not be re-lit. The light of a photograph varies everywhere, but a black
    background stays black; on grey ones, a classifier would recognise a rare class by the grey.
    """
    places = torch.randperm(len(stored), generator=torch_stream(0, "flat"))[:FLAT_SAMPLE]
    values = [stored[part].float().mean(1).flatten(1) for part in places.split(AT_ONCE)]
    shares = [(v == v.mode(1, keepdim=True).values).float().mean(1) for v in values]
    return bool(torch.cat(shares).median() >= FLAT)
