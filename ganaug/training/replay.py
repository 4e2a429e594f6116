"""A memory of earlier generated samples, so that the critic does not forget them."""

from __future__ import annotations

import torch
from torch import Tensor

from ganaug.training.data import Batch

MEMORY = 16
"""Places in the memory for each sample that is shown again in a step."""


class Replay:
    """Puts earlier samples in the place of some of a batch (Shrivastava et al. 2017).

    A generator and a critic that only see each other's latest state can chase each other in
    circles; a critic that still sees old samples cannot be won back by them.

    Parameters
    ----------
    share : float
        Of each batch that comes from the memory once that is full, but at least one pack and not
        all; 0 keeps none.

    Notes
    -----
    What is remembered is a generated sample with its label and the real sample beside it: losses
    compare the two, so they stay together. A random part of the memory is renewed by each batch.
    """

    def __init__(self, share: float) -> None:
        self.share = share
        self.memory: list[Tensor] = []

    def forget(self) -> None:
        """Empty the memory: what it holds is no longer like what is made."""
        self.memory = []

    def mix(self, batch: Batch, pac: int, random: torch.Generator) -> Batch:
        """Return the batch, some of it replaced; ``pac`` samples in a row stay together."""
        packs = len(batch.real) // pac
        if not self.share or packs < 2:
            return batch
        some = min(max(round(self.share * packs), 1), packs - 1)
        parts = [batch.labels, batch.real, batch.fake]
        fresh = [_packed(part.detach(), pac) for part in parts]
        if not self.memory:
            self.memory = [part[:0] for part in fresh]
        have, places = len(self.memory[0]), MEMORY * some
        if have < places:
            self.memory = [
                torch.cat([old, part[: min(some, places - have)]])
                for old, part in zip(self.memory, fresh, strict=True)
            ]
            return batch
        device = batch.real.device
        order = torch.randperm(packs, generator=random, device=device)
        chosen, kept = order[:some], order[-some:]  # what is remembered was shown, if share <= 1/2
        again = torch.randperm(places, generator=random, device=device)[:some]
        shown = []
        for part, old in zip(fresh, self.memory, strict=True):
            mixed = part.index_copy(0, chosen, old[again])
            old[again] = part[kept]
            shown.append(mixed.flatten(0, 1))
        return Batch(*shown)


def _packed(part: Tensor, pac: int) -> Tensor:
    return part.reshape(len(part) // pac, pac, *part.shape[1:])
