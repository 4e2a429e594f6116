"""Images of a class: what a table's model does for rows, for images."""

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
"""Numbers in a chunk of candidates, about."""

MIN_CHUNK = 32


class ImageBank(nn.Module):
    """The real images of the classes that start from them.

    A module only so that its tensors are moved and saved like any other weights.

    Parameters
    ----------
    rows : Tensor of shape (n, channels, height, width)
        Images as the codec stores them, grouped by class.
    counts : sequence of int
        Images of each class; 0 for classes that need none.
    label_safe : sequence of str
        Mirrorings that leave the label true.
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
        """Return a real image for each label, black for classes without any here."""
        u = torch.rand(labels.shape[0], generator=generator, device=self.rows.device)
        counts = self.counts[labels]
        if not len(self.rows):
            return to_signed(self.rows.new_zeros((len(labels), *self.rows.shape[1:])))
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
        That of each generator: the model's own, and the one that changes real images.
    """

    kind: ClassVar[str] = "image"

    recipes: list[Recipe] = field(default_factory=list)

    codec: ImageCodec
    anchors: ImageBank

    @property
    def chunk(self) -> int:
        """Candidates made at once: as many as fit a stated memory, whatever is asked for."""
        return max(CHUNK_VALUES // math.prod(self.codec.shape), MIN_CHUNK)

    @property
    def empty(self) -> Tensor:
        """No images, of the right shape."""
        return to_signed(self.anchors.rows[:0])

    def pack(self, rows: Tensor) -> NDArray[Any]:
        """Return images as the user has them, in a fraction of the memory."""
        return self.codec.decode(rows)

    def generator_of(self, label: int) -> tuple[Any, int]:
        """Return the generator of a class: the last one changes real images, the first invents.

        A recipe with a GAN for each class has a generator for each that it makes.
        """
        if self.recipe.conditioning == "per-class":
            made = [method in GENERATED for method in self.methods[:label]]
            return self.generators[sum(made)], 0
        return self.generators[-1 if self.methods[label] == "anchored" else 0], label
