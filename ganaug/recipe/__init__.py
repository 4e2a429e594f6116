"""A GAN as data: the recipe, its presets, and the rules for valid combinations."""

from ganaug.recipe.recipe import Architecture, Recipe, Regularizers, Schedule

__all__ = ["Architecture", "Recipe", "Regularizers", "Schedule"]
