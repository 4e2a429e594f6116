"""Pairs of images on the device: a source image and the target image that it becomes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ganaug.training.data import Batch, generate
from ganaug.training.images import TrainingImages, mirror, to_signed


class SourcesAndTargets(TrainingImages):
    """Target images, which are the real ones, each with its source image in place of a label.

    Parameters
    ----------
    sources, targets : Tensor of shape (n, channels, height, width)
        Bytes, or numbers between -1 and 1; their numbers of channels may differ.
    device : torch.device
    label_safe : sequence of str
        Mirrorings after which a source and its target are still a valid pair.
    """

    def __init__(
        self,
        sources: Tensor,
        targets: Tensor,
        device: torch.device,
        label_safe: Sequence[str] = (),
    ) -> None:
        one_class = torch.zeros(len(targets), dtype=torch.long)
        super().__init__(targets, one_class, 1, 1.0, device, label_safe=label_safe)
        self.sources = sources.to(device)

    def draw_batch(self, network: Any, size: int, pac: int, random: torch.Generator) -> Batch:
        """Return random sources, and for each the real and a generated target."""
        sources, targets = self.draw_both(self.draw_labels(size, pac, random), random)
        return Batch(sources, targets, generate(network, None, sources, random))

    def draw_both(self, labels: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return a random source for each label, and its target."""
        indices = self.draw_indices(labels, random)
        pair = [to_signed(images[indices]) for images in (self.sources, self.rows)]
        # Mirrored as one image with the channels of both, so that a pair stays a pair.
        parts = mirror(torch.cat(pair, 1), self.label_safe, random)
        sources, targets = parts.split([images.shape[1] for images in pair], 1)
        return sources, targets

    def generated(self, network: Any, labels: Tensor, random: torch.Generator) -> Tensor:
        """Return the generated target of a random source for each label."""
        sources, _ = self.draw_both(labels, random)
        return generate(network, None, sources, random)
