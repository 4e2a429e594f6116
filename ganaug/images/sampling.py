"""Models of images, and the real images from which they start."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ganaug.models.model import GENERATED, Model
from ganaug.training.images import mirror, to_signed

if TYPE_CHECKING:
    from ganaug.images.codec import ImageCodec
    from ganaug.recipe import Recipe

CHUNK_VALUES = 2**19
"""Values in a chunk of candidates, about: 2 MB as floats."""

MIN_CHUNK = 32
"""Fewest candidates in a chunk, however large the images are: they share the cost of a call."""


class ImageBank(nn.Module):
    """Real images that anchored and duplicated classes start from.

    It is a module so that its tensors are moved between devices and saved like weights.

    Parameters
    ----------
    rows : Tensor of shape (n, channels, height, width)
        Images as the codec encodes them, grouped by class.
    counts : sequence of int
        Images of each class; 0 for a class that is made from noise.
    label_safe : sequence of str
        Mirrorings that do not change the label.
    """

    rows: Tensor
    counts: Tensor
    starts: Tensor

    def __init__(self, rows: Tensor, counts: Sequence[int], label_safe: Sequence[str] = ()) -> None:
        super().__init__()
        self.label_safe = tuple(label_safe)
        sizes = torch.as_tensor(list(counts), dtype=torch.long)
        self.register_buffer("rows", rows)
        self.register_buffer("counts", sizes)
        self.register_buffer("starts", sizes.cumsum(0) - sizes, persistent=False)

    @classmethod
    def build(
        cls, stored: Tensor, codes: Tensor, keep: Sequence[bool], label_safe: Sequence[str]
    ) -> ImageBank:
        """Collect the images of the classes marked in ``keep``."""
        parts = [stored[codes == label] if kept else stored[:0] for label, kept in enumerate(keep)]
        sizes = [len(part) for part in parts]
        return cls(torch.cat([stored[:0], *parts]), sizes, label_safe)

    def draw(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Return a real image for each label; a black one if its class has no images here."""
        u = torch.rand(labels.shape[0], generator=generator, device=self.rows.device)
        counts = self.counts[labels]
        if not len(self.rows):
            return to_signed(self.rows.new_zeros((len(labels), *self.rows.shape[1:])))
        # Clamped, because a class without images has no valid row; its result is black.
        index = self.starts[labels] + torch.minimum((u * counts).long(), (counts - 1).clamp_min(0))
        images = to_signed(self.rows[index.clamp_max(len(self.rows) - 1)])
        images = mirror(images, self.label_safe, generator)
        return images.where((counts > 0)[:, None, None, None], -1.0)


@dataclass
class ImageModel(Model):
    """A model of images; its codec is an :class:`~ganaug.images.codec.ImageCodec`.

    Attributes
    ----------
    recipes : list of Recipe
        Recipe of each generator. ``auto`` may have two: the first makes images from noise, the
        second changes real images.
    """

    kind: ClassVar[str] = "image"

    recipes: list[Recipe] = field(default_factory=list)

    codec: ImageCodec
    anchors: ImageBank

    @property
    def chunk(self) -> int:
        """Candidates in a chunk. It depends on the size of the images alone, not on the request."""
        return max(CHUNK_VALUES // math.prod(self.codec.shape), MIN_CHUNK)

    @property
    def empty(self) -> Tensor:
        """A tensor of no images, of the right shape."""
        return to_signed(self.anchors.rows[:0])

    def pack(self, rows: Tensor) -> NDArray[Any]:
        """Return images in the user's dtype: bytes take a quarter of the memory of floats."""
        return self.codec.decode(rows)

    def generator_of(self, label: int) -> tuple[Any, int]:
        """Return the generator of a class, and the class's number in that generator.

        The last generator changes real images, and the first makes images from noise. With
        ``conditioning="per-class"`` each generated class has a generator of its own.
        """
        if self.recipe.conditioning == "per-class":
            before = sum(method in GENERATED for method in self.methods[:label])
            return self.generators[before], 0
        return self.generators[-1 if self.methods[label] == "anchored" else 0], label
