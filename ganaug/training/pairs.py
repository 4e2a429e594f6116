"""Pairs of images on the device: a source, and the target that it shall become."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ganaug.training.data import Batch, generate
from ganaug.training.images import TrainingImages, mirror, to_signed


class SourcesAndTargets(TrainingImages):
    """Targets as real images of one class, each with its source as what both networks are told.

    Parameters
    ----------
    sources, targets : Tensor of shape (n, channels, height, width)
        Bytes, or numbers between -1 and 1; the channels may differ.
    device : torch.device
    label_safe : sequence of str
        Mirrorings after which a source and its target are still a pair.
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
        """Return sources, the real target of each, and a generated one."""
        sources, targets = self.draw_both(self.draw_labels(size, pac, random), random)
        return Batch(sources, targets, generate(network, None, sources, random))

    def draw_both(self, labels: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return a random source for each label, and its target."""
        places = self.draw_places(labels, random)
        both = [to_signed(images[places]) for images in (self.sources, self.rows)]
        # As one image with the channels of both: one coin decides for a pair.
        parts = mirror(torch.cat(both, 1), self.label_safe, random)
        sources, targets = parts.split([images.shape[1] for images in both], 1)
        return sources, targets

    def generated(self, network: Any, labels: Tensor, random: torch.Generator) -> Tensor:
        """Return what becomes of a random source for each label."""
        sources, _ = self.draw_both(labels, random)
        return generate(network, None, sources, random)
