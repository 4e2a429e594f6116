"""Synthetic examples of rare classes for imbalanced training sets, made by a conditional GAN.

Public names are imported on first use. ``import ganaug`` thus takes less than a tenth of a second,
while torch, scikit-learn and pandas together take several seconds.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ganaug.version import __version__ as __version__

if TYPE_CHECKING:
    from ganaug.augmenter import GANAugmenter
    from ganaug.choose.compare import compare
    from ganaug.choose.dose import DoseReport
    from ganaug.choose.result import Comparison
    from ganaug.classifier import AugmentedClassifier
    from ganaug.errors import (
        ArtifactError,
        ConfigError,
        DivergenceError,
        GanaugError,
        GanaugWarning,
        InvalidInputError,
        InvalidTypeError,
        MemoryBudgetError,
        ModeCollapseWarning,
        NotAvailableError,
        SchemaDriftError,
    )
    from ganaug.images.options import ImageOptions
    from ganaug.pix2pix import Pix2PixAugmenter
    from ganaug.pool import SyntheticPool
    from ganaug.recipe import Architecture, Recipe, Regularizers, Schedule
    from ganaug.report.quality import quality_report
    from ganaug.report.result import Report
    from ganaug.training.callbacks import Callback, EarlyStop
    from ganaug.training.grids import SampleGrid
    from ganaug.training.history import History
    from ganaug.training.loggers import MetricsLogger, TensorBoardLogger

# The module of each public name, without the "ganaug." in front.
_HOME = {
    "GANAugmenter": "augmenter",
    "AugmentedClassifier": "classifier",
    "Pix2PixAugmenter": "pix2pix",
    "ImageOptions": "images.options",
    "SyntheticPool": "pool",
    "Recipe": "recipe",
    "Architecture": "recipe",
    "Regularizers": "recipe",
    "Schedule": "recipe",
    "Callback": "training.callbacks",
    "EarlyStop": "training.callbacks",
    "SampleGrid": "training.grids",
    "History": "training.history",
    "MetricsLogger": "training.loggers",
    "TensorBoardLogger": "training.loggers",
    "compare": "choose.compare",
    "Comparison": "choose.result",
    "DoseReport": "choose.dose",
    "quality_report": "report.quality",
    "Report": "report.result",
    "GanaugError": "errors",
    "GanaugWarning": "errors",
    "ArtifactError": "errors",
    "ConfigError": "errors",
    "DivergenceError": "errors",
    "InvalidInputError": "errors",
    "InvalidTypeError": "errors",
    "MemoryBudgetError": "errors",
    "ModeCollapseWarning": "errors",
    "NotAvailableError": "errors",
    "SchemaDriftError": "errors",
}

__all__ = [
    "AugmentedClassifier",
    "Architecture",
    "ArtifactError",
    "Callback",
    "Comparison",
    "ConfigError",
    "DivergenceError",
    "DoseReport",
    "EarlyStop",
    "GANAugmenter",
    "GanaugError",
    "GanaugWarning",
    "History",
    "ImageOptions",
    "InvalidInputError",
    "InvalidTypeError",
    "MemoryBudgetError",
    "MetricsLogger",
    "ModeCollapseWarning",
    "NotAvailableError",
    "Pix2PixAugmenter",
    "Recipe",
    "Regularizers",
    "Report",
    "SampleGrid",
    "Schedule",
    "SchemaDriftError",
    "SyntheticPool",
    "TensorBoardLogger",
    "compare",
    "quality_report",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'ganaug' has no attribute {name!r}")
    value = getattr(import_module(f"ganaug.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
