"""Models of pairs, which translate source images to target images in reproducible chunks."""

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
"""Values in a chunk of images, about: 1 MB as floats, and a multiple of it in the U-Net's maps."""


@dataclass
class PairModel:
    """A trained model of pairs: everything that translation needs.

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
        """Device of the tensors."""
        return self.generator.leave.weight.device

    @property
    def chunk(self) -> int:
        """Images translated at once. It depends on their size alone, not on the request."""
        # At least 4 share the cost of a call; more than 64 would waste work on a short request.
        return min(max(CHUNK_VALUES // math.prod(self.source.shape), 4), 64)

    def to(self, device: torch.device | str) -> Self:
        """Move all tensors to ``device`` and return the model."""
        self.generator.to(device)
        return self

    def noise(self, seed: int, *path: int | str) -> Tensor:
        """Return the noise of one image, of shape (noise_dim,)."""
        # Drawn on the CPU, so that an image has the same noise on every device.
        return torch.randn(self.generator.noise_dim, generator=torch_stream(seed, *path))

    @torch.inference_mode()
    def translate(self, sources: Tensor, noise: Tensor) -> Tensor:
        """Return targets between -1 and 1 for sources of shape (n, channels, height, width)."""
        return self.generator(noise.to(self.device), to_signed(sources.to(self.device)))

    def translate_all(
        self, sources: Tensor, order: Iterable[int], noises: Iterable[Tensor]
    ) -> NDArray[Any]:
        """Return decoded targets.

        Parameters
        ----------
        sources : Tensor of shape (n, channels, height, width)
            Images as the codec encodes them.
        order : iterable of int
            Position of the source of each target.
        noises : iterable of Tensor of shape (noise_dim,)
            Noise of each target.
        """
        # An array of no images gives a request for none its shape and dtype.
        parts = [self.target.decode(torch.empty(0, *self.target.shape))]
        requests = zip(order, noises, strict=True)
        while chunk := list(islice(requests, self.chunk)):
            # A chunk is always filled up: convolutions may round differently in a batch of another
            # size, and a longer request must start with the images of a shorter one.
            missing = self.chunk - len(chunk)
            places, noise = zip(*(chunk + [chunk[-1]] * missing), strict=True)
            targets = self.translate(sources[list(places)], torch.stack(noise))
            parts.append(self.target.decode(targets[: len(chunk)]))
        return np.concatenate(parts)
