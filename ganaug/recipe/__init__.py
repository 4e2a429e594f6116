"""A GAN as data: the recipe, its presets, and which combinations are valid."""

from ganaug.recipe.recipe import Architecture, Recipe, Regularizers, Schedule

__all__ = ["Architecture", "Recipe", "Regularizers", "Schedule"]
