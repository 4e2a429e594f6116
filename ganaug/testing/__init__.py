"""Checks for parts of a GAN, yours and ours: recipes, networks, losses and codecs.

Each function runs all checks of its kind of part, in the manner of scikit-learn's
``check_estimator``, and raises a table of what is missing.
"""

from ganaug.testing.codecs import check_codec
from ganaug.testing.losses import check_loss
from ganaug.testing.networks import check_network
from ganaug.testing.recipes import check_recipe
from ganaug.testing.report import CheckError, CheckReport, CheckRow

__all__ = [
    "CheckError",
    "CheckReport",
    "CheckRow",
    "check_codec",
    "check_loss",
    "check_network",
    "check_recipe",
]
