"""A memory of earlier generated samples that are shown to the critic again."""

from __future__ import annotations

import torch
from torch import Tensor

from ganaug.training.data import Batch

MEMORY = 16
"""Size of the memory, as a multiple of the samples that are shown again in a step."""


class Replay:
    """Replaces some samples of a batch by earlier ones (Shrivastava et al. 2017).

    A critic that gets only the latest samples forgets earlier ones, and the generator may return to
    them: training then goes in circles. Showing earlier samples again prevents this.

    Parameters
    ----------
    share : float
        Share of a batch that comes from the memory once that is full: at least one pack, and not
        all packs. 0 replaces none.

    Notes
    -----
    The memory holds generated samples together with their labels and the real samples of the same
    place, since losses compare the two. Each batch renews a random part of the memory.
    """

    def __init__(self, share: float) -> None:
        self.share = share
        self.memory: list[Tensor] = []

    def forget(self) -> None:
        """Empty the memory, for samples that are unlike the present ones (another resolution)."""
        self.memory = []

    def mix(self, batch: Batch, pac: int, random: torch.Generator) -> Batch:
        """Return the batch with some packs replaced; a pack is ``pac`` adjacent samples."""
        packs = len(batch.real) // pac
        if not self.share or packs < 2:
            return batch
        n_replaced = min(max(round(self.share * packs), 1), packs - 1)
        parts = [batch.labels, batch.real, batch.fake]
        fresh = [_packed(part.detach(), pac) for part in parts]
        if not self.memory:
            self.memory = [part[:0] for part in fresh]
        filled, places = len(self.memory[0]), MEMORY * n_replaced
        if filled < places:
            self.memory = [
                torch.cat([old, part[: min(n_replaced, places - filled)]])
                for old, part in zip(self.memory, fresh, strict=True)
            ]
            return batch
        device = batch.real.device
        order = torch.randperm(packs, generator=random, device=device)
        # Two ends of one order: up to a share of 1/2, remembered packs are not the replaced ones.
        replaced, remembered = order[:n_replaced], order[-n_replaced:]
        recalled = torch.randperm(places, generator=random, device=device)[:n_replaced]
        mixed = []
        for part, old in zip(fresh, self.memory, strict=True):
            mixed.append(part.index_copy(0, replaced, old[recalled]).flatten(0, 1))
            old[recalled] = part[remembered]
        return Batch(*mixed)


def _packed(part: Tensor, pac: int) -> Tensor:
    """Return (packs, pac, ...) for (batch, ...)."""
    return part.reshape(len(part) // pac, pac, *part.shape[1:])
