"""Synthetic rows and images of rare classes in Hugging Face datasets.

:func:`augment_dataset` takes a ``Dataset``, a ``DatasetDict`` or a stream and returns the same
type with rows of the rare classes added.
"""

from __future__ import annotations

try:
    from ganaug.hf._augment import augment_dataset
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] not in ("datasets", "pyarrow", "PIL"):
        raise
    raise ImportError("ganaug.hf needs datasets: pip install 'ganaug[hf]'") from error

__all__ = ["augment_dataset"]
