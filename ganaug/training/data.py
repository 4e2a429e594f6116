"""Training rows on the device, drawn by class without a data loader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor


class Anchors(Protocol):
    """Real rows, or points between them, from which synthetic rows of anchored classes start."""

    def draw(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Return a random anchor for each label."""
        ...


@dataclass(frozen=True)
class Batch:
    """A real and a generated sample, each (batch, ...), for each label.

    Labels are class numbers, (batch,), or for pairs of images the source images.
    """

    labels: Tensor
    real: Tensor
    fake: Tensor


class TrainingRows:
    """All encoded rows, sorted by class, so that one index finds a row of a class.

    The rows stay on the device, and all draws are made there. With networks this small, a data
    loader would take longer than the training step.

    Parameters
    ----------
    rows : Tensor of shape (n, ...)
    labels : Tensor of shape (n,), int64
        Class numbers from 0.
    n_classes : int
    balance : float
        Exponent of the class frequencies; see ``Schedule.class_balance``.
    device : torch.device
    anchors : Anchors or None
        Source of anchors, for a generator that uses them.
    """

    records = 60
    """Largest number of records in a run; measuring diversity more often would slow training."""

    monitored = 64
    """Generated rows of each class from which a record measures diversity."""

    def __init__(
        self,
        rows: Tensor,
        labels: Tensor,
        n_classes: int,
        balance: float,
        device: torch.device,
        anchors: Anchors | None = None,
    ) -> None:
        # Stable: rows of a class stay in the order of the data, so draws are the same everywhere.
        order = torch.argsort(labels, stable=True)
        self.rows = rows[order].to(device)
        counts = torch.bincount(labels, minlength=n_classes)
        self.counts = counts.to(device)
        self.starts = (counts.cumsum(0) - counts).to(device)
        self.sizes = counts  # on the CPU, for weights in double precision, which MPS lacks
        self.n_classes = n_classes
        self.device = device
        self.anchors = anchors
        self.set_balance(balance)

    def set_balance(self, balance: float) -> None:
        """Draw classes with probability proportional to ``count ** balance`` from now on."""
        # The second factor excludes classes without rows also where balance is 0: 0 ** 0 is 1.
        weights = self.sizes.double().pow(balance) * (self.sizes > 0)
        self.cumulative = (weights.cumsum(0) / weights.sum()).float().to(self.device)

    def draw_labels(self, batch: int, pac: int, generator: torch.Generator) -> Tensor:
        """Return (batch,) labels; those of each pack of ``pac`` adjacent rows are equal."""
        u = torch.rand(batch // pac, generator=generator, device=self.device)
        # The clamp: by rounding, the last cumulative probability may be slightly below 1.
        labels = torch.searchsorted(self.cumulative, u, right=True).clamp_max_(self.n_classes - 1)
        return labels.repeat_interleave(pac) if pac > 1 else labels

    def draw_rows(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Return a random real row of each label, with replacement."""
        return self.rows[self.draw_indices(labels, generator)]

    def draw_indices(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Return the index of a random real row of each label."""
        u = torch.rand(labels.shape[0], generator=generator, device=self.device)
        counts = self.counts[labels]
        # The minimum: u * counts may be rounded up to counts.
        return self.starts[labels] + torch.minimum((u * counts).long(), counts - 1)

    def draw_batch(self, network: Any, size: int, pac: int, random: torch.Generator) -> Batch:
        """Return random labels, and for each a real and a generated row as the critic gets them."""
        labels = self.draw_labels(size, pac, random)
        return Batch(labels, *self.draw_pairs(network, labels, random))

    def draw_pairs(
        self, network: Any, labels: Tensor, random: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Return a real and a generated row of each label, as the critic gets them."""
        real = self.draw_rows(labels, random)
        return real, generate(network, self.anchors, labels, random)

    def draw_noise_pairs(
        self, network: Any, labels: Tensor, random: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Return two noise vectors for each label, and the row generated from each.

        Both rows of a label start from the same anchor, so that only the noise differs.
        """
        shape = (2, len(labels), network.noise_dim)
        noises = torch.randn(shape, generator=random, device=self.device)
        anchors: Tensor | None = None
        if network.uses_anchors and self.anchors is not None:
            anchors = torch.cat([self.anchors.draw(labels, random)] * 2)
        rows = network(noises.flatten(0, 1), torch.cat([labels, labels]), anchors, random)
        return noises, torch.stack(rows.chunk(2))

    def reconstruction_loss(self, network: Any, labels: Tensor, random: torch.Generator) -> Tensor:
        """Return the loss by which the generator learns from pairs of real rows, without critic."""
        raise NotImplementedError

    def generated(self, network: Any, labels: Tensor, random: torch.Generator) -> Tensor:
        """Return a generated row of each label."""
        return generate(network, self.anchors, labels, random)


def generate(
    network: Any, anchors: Anchors | None, labels: Tensor, random: torch.Generator
) -> Tensor:
    """Draw noise, and anchors where the generator uses them; return a row for each label."""
    noise = torch.randn(
        (labels.shape[0], network.noise_dim), generator=random, device=labels.device
    )
    start = anchors.draw(labels, random) if anchors is not None and network.uses_anchors else None
    return network(noise, labels, start, random)
