"""Synthetic images of rare classes in torchvision pipelines.

:class:`AugmentedDataset` wraps any map-style dataset. :class:`ReplaceRare` is a transform for
(image, label) samples and batches. :class:`Translate` is a transform that turns source images into
target images. :func:`load_images` reads a dataset into arrays, to fit an augmenter on.
"""

from __future__ import annotations

try:
    from ganaug.vision._dataset import AugmentedDataset
    from ganaug.vision._load import load_images
    from ganaug.vision._replace import ReplaceRare
    from ganaug.vision._translate import Translate
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] not in ("torchvision", "PIL"):
        raise
    raise ImportError("ganaug.vision needs torchvision: pip install 'ganaug[vision]'") from error

__all__ = ["AugmentedDataset", "ReplaceRare", "Translate", "load_images"]
