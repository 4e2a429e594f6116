"""Synthetic images of rare classes in albumentations pipelines.

:class:`ReplaceRare` is a transform that reads the label. :func:`worker_init_fn` gives each worker
of a ``DataLoader`` its own random numbers. Both are for albumentations 2.0.8.
"""

from __future__ import annotations

import os

# Without this variable, importing albumentations checks for a newer version over the network.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

try:
    from ganaug.albumentations._replace import ReplaceRare
    from ganaug.albumentations._reseed import reseed, reseed_then, worker_init_fn
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "albumentations":
        raise
    raise ImportError(
        "ganaug.albumentations needs albumentations 2.0.8: pip install 'ganaug[albumentations]'"
    ) from error

__all__ = ["ReplaceRare", "reseed", "reseed_then", "worker_init_fn"]
