"""Shapes, classes and sizes from which the networks of images are built."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ganaug.nets.pyramid import Pyramid
from ganaug.recipe import Architecture


@dataclass(frozen=True)
class Blueprint:
    """Everything from which a generator or a critic of images is built.

    Parameters
    ----------
    shape : tuple of int
        Channels, height and width of the images that the generator makes and the critic scores.
    counts : Tensor of shape (n_classes,)
        Training images of each class.
    conditioning : {"projection", "concat", "per-class"}
        How the networks receive the class, as in ``Recipe``.
    pac : int
        Images that the critic scores as one sample.
    architecture : Architecture
        Sizes of both networks.
    """

    shape: tuple[int, int, int]
    counts: Tensor
    conditioning: str
    pac: int
    architecture: Architecture

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.counts)

    @property
    def pyramid(self) -> Pyramid:
        """The image sizes that the networks pass through, by doubling or halving."""
        return Pyramid(*self.shape[1:])
