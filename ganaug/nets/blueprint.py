"""What a pair of networks of images is made for."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ganaug.nets.pyramid import Pyramid
from ganaug.recipe import Architecture


@dataclass(frozen=True)
class Blueprint:
    """All that a generator or a critic of images needs to know before it is built.

    Parameters
    ----------
    shape : tuple of int
        Channels, height and width of the images that it makes, or is shown.
    counts : Tensor of shape (n_classes,)
        Training images of each class.
    conditioning : {"projection", "concat", "per-class"}
    pac : int
        Images shown to the critic together.
    architecture : Architecture
        Sizes.
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
        """The sizes between which the networks double and halve."""
        return Pyramid(*self.shape[1:])
