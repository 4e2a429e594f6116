"""The recipe of a model of pairs, and for how many steps it is trained."""

from __future__ import annotations

import math

from ganaug.errors import ConfigError
from ganaug.recipe import Recipe


def pair_recipe(recipe: str | Recipe) -> Recipe:
    """Return the recipe for pairs: a preset by its name, or a recipe as it is.

    Raises
    ------
    ConfigError
        If the recipe is for tables or for single images.
    """
    if isinstance(recipe, str):
        return Recipe.preset(recipe, "pair")
    if recipe.architecture.kind != "unet":
        raise ConfigError(
            f"A recipe with kind={recipe.architecture.kind!r} cannot make an image from a source "
            'image. Start from Recipe.preset("pix2pix", data="pair").'
        )
    return recipe


def pair_steps(n_pairs: int) -> int:
    """Return the number of generator steps, which grows with the square root of the pairs.

    The bounds keep a fit of images of 64 by 64 pixels between a minute and half an hour, at .1 s a
    step on one core (docs/pix2pix.md).
    """
    return int(min(max(50 * math.sqrt(n_pairs), 500), 20_000))
