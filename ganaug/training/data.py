"""Training rows on the device, drawn by class without a loader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor


class Anchors(Protocol):
    """Starting points for a generator that moves real rows, or points between them."""

    def draw(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Return a starting point for each label."""
        ...


@dataclass(frozen=True)
class Batch:
    """A real and a generated sample (batch, ...) for each of ``labels``, what both are told.

    Labels are class numbers (batch,), or the source images of paired ones.
    """

    labels: Tensor
    real: Tensor
    fake: Tensor


class TrainingRows:
    """All encoded rows, sorted by class, so that a row of a class is one index away.

    The rows stay on the device and every draw happens there: with networks this small a data loader
    would cost more than the training step.

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
        Starting points for a generator that uses them.
    """

    records = 60
    """Lines of history in a run, at most."""

    monitored = 64
    """Generated rows of each class that a line of history is about."""

    def __init__(
        self,
        rows: Tensor,
        labels: Tensor,
        n_classes: int,
        balance: float,
        device: torch.device,
        anchors: Anchors | None = None,
    ) -> None:
        order = torch.argsort(labels, stable=True)
        self.rows = rows[order].to(device)
        counts = torch.bincount(labels, minlength=n_classes)
        self.counts = counts.to(device)
        self.starts = (counts.cumsum(0) - counts).to(device)
        self.sizes = counts  # on the CPU, in double precision, which not every device has
        self.n_classes = n_classes
        self.device = device
        self.anchors = anchors
        self.set_balance(balance)

    def set_balance(self, balance: float) -> None:
        """Draw classes with probability proportional to ``count ** balance`` from now on."""
        # A class without rows must never be drawn, not even with balance 0.
        weights = self.sizes.double().pow(balance) * (self.sizes > 0)
        self.cumulative = (weights.cumsum(0) / weights.sum()).float().to(self.device)

    def draw_labels(self, batch: int, pac: int, generator: torch.Generator) -> Tensor:
        """Return (batch,) labels; ``pac`` adjacent ones are equal."""
        u = torch.rand(batch // pac, generator=generator, device=self.device)
        labels = torch.searchsorted(self.cumulative, u, right=True).clamp_max_(self.n_classes - 1)
        return labels.repeat_interleave(pac) if pac > 1 else labels

    def draw_rows(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Return a random real row of each label, with replacement."""
        return self.rows[self.draw_places(labels, generator)]

    def draw_places(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Return where a random real row of each label is."""
        u = torch.rand(labels.shape[0], generator=generator, device=self.device)
        counts = self.counts[labels]
        return self.starts[labels] + torch.minimum((u * counts).long(), counts - 1)

    def draw_batch(self, network: Any, size: int, pac: int, random: torch.Generator) -> Batch:
        """Return labels, and a real and a generated row of each, as the critic sees them."""
        labels = self.draw_labels(size, pac, random)
        return Batch(labels, *self.draw_pairs(network, labels, random))

    def draw_pairs(
        self, network: Any, labels: Tensor, random: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Return a real and a generated row of each label, as the critic sees them."""
        real = self.draw_rows(labels, random)
        return real, generate(network, self.anchors, labels, random)

    def twins(self, network: Any, labels: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return two noises of each label, and the row that the generator makes of each."""
        shape = (2, len(labels), network.noise_dim)
        noises = torch.randn(shape, generator=random, device=self.device)
        start: Tensor | None = None
        if network.uses_anchors and self.anchors is not None:
            start = torch.cat([self.anchors.draw(labels, random)] * 2)
        rows = network(noises.flatten(0, 1), torch.cat([labels, labels]), start, random)
        return noises, torch.stack(rows.chunk(2))

    def lesson(self, network: Any, labels: Tensor, random: torch.Generator) -> Tensor:
        """Return what the generator learns from real rows directly."""
        raise NotImplementedError

    def generated(self, network: Any, labels: Tensor, random: torch.Generator) -> Tensor:
        """Return a generated row of each label."""
        return generate(network, self.anchors, labels, random)


def generate(
    network: Any, anchors: Anchors | None, labels: Tensor, random: torch.Generator
) -> Tensor:
    """Draw noise (and anchors, where the generator uses them) and generate a row a label."""
    noise = torch.randn(
        (labels.shape[0], network.noise_dim), generator=random, device=labels.device
    )
    start = anchors.draw(labels, random) if anchors is not None and network.uses_anchors else None
    return network(noise, labels, start, random)
