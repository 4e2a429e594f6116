"""From a trained U-Net to translated images: chunked and reproducible."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganaug.runtime.rng import torch_stream
from ganaug.training.images import to_signed

if TYPE_CHECKING:
    from typing import Self

    from ganaug.images.codec import ImageCodec
    from ganaug.nets.unet import UNetGenerator
    from ganaug.recipe import Recipe

CHUNK_VALUES = 2**18
"""Numbers in a chunk of images, about."""


@dataclass
class PairModel:
    """Everything that translating needs.

    Attributes
    ----------
    recipe : Recipe
    source, target : ImageCodec
    generator : UNetGenerator
    """

    kind: ClassVar[str] = "pair"

    recipe: Recipe
    source: ImageCodec
    target: ImageCodec
    generator: UNetGenerator

    @property
    def device(self) -> torch.device:
        """Where the tensors are."""
        return self.generator.leave.weight.device

    @property
    def chunk(self) -> int:
        """Images translated at once: as many as fit a stated memory, whatever is asked for."""
        return min(max(CHUNK_VALUES // math.prod(self.source.shape), 4), 64)

    def to(self, device: torch.device | str) -> Self:
        """Move all tensors to ``device`` and return the model."""
        self.generator.to(device)
        return self

    def noise(self, seed: int, *path: int | str) -> Tensor:
        """Return the noise of one image, of shape (noise_dim,)."""
        # On the CPU wherever the network is: the same image then has the same noise everywhere.
        return torch.randn(self.generator.noise_dim, generator=torch_stream(seed, *path))

    @torch.inference_mode()
    def translate(self, sources: Tensor, noise: Tensor) -> Tensor:
        """Return targets between -1 and 1 of stored sources (n, channels, height, width)."""
        return self.generator(noise.to(self.device), to_signed(sources.to(self.device)))

    def translate_all(
        self, sources: Tensor, order: Iterable[int], noises: Iterable[Tensor]
    ) -> NDArray[Any]:
        """Return decoded targets.

        Parameters
        ----------
        sources : Tensor of shape (n, channels, height, width)
            As the codec stores images.
        order : iterable of int
            Which source becomes each target.
        noises : iterable of Tensor of shape (noise_dim,)
            One for each target.
        """
        parts, both = (
            [self.target.decode(torch.empty(0, *self.target.shape))],
            zip(order, noises, strict=True),
        )
        while chunk := list(islice(both, self.chunk)):
            # Always full: convolutions of another batch size may round differently, and the first
            # images of a longer request must be those of a shorter one.
            missing = self.chunk - len(chunk)
            places, noise = zip(*(chunk + [chunk[-1]] * missing), strict=True)
            made = self.translate(sources[list(places)], torch.stack(noise))
            parts.append(self.target.decode(made[: len(chunk)]))
        return np.concatenate(parts)
