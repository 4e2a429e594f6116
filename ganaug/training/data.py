"""Training rows on the device, drawn by class without a loader."""

from __future__ import annotations

import torch
from torch import Tensor


class TrainingRows:
    """All encoded rows, sorted by class, so that a row of a class is one index away.

    The rows stay on the device and every draw happens there: with networks this small a data loader
    would cost more than the training step.

    Parameters
    ----------
    rows : Tensor of shape (n, width)
    labels : Tensor of shape (n,), int64
        Class numbers from 0.
    n_classes : int
    balance : float
        Exponent of the class frequencies; see ``Schedule.class_balance``.
    device : torch.device
    """

    def __init__(
        self, rows: Tensor, labels: Tensor, n_classes: int, balance: float, device: torch.device
    ) -> None:
        order = torch.argsort(labels, stable=True)
        self.rows = rows[order].to(device)
        counts = torch.bincount(labels, minlength=n_classes)
        self.counts = counts.to(device)
        self.starts = (counts.cumsum(0) - counts).to(device)
        # A class without rows must never be drawn, not even with balance 0.
        weights = counts.double().pow(balance) * (counts > 0)
        self.cumulative = (weights.cumsum(0) / weights.sum()).float().to(device)
        self.n_classes = n_classes
        self.device = device

    def draw_labels(self, batch: int, pac: int, generator: torch.Generator) -> Tensor:
        """Return (batch,) labels; ``pac`` adjacent ones are equal."""
        u = torch.rand(batch // pac, generator=generator, device=self.device)
        labels = torch.searchsorted(self.cumulative, u, right=True).clamp_max_(self.n_classes - 1)
        return labels.repeat_interleave(pac) if pac > 1 else labels

    def draw_rows(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Return a random real row of each label, with replacement."""
        u = torch.rand(labels.shape[0], generator=generator, device=self.device)
        counts = self.counts[labels]
        index = self.starts[labels] + torch.minimum((u * counts).long(), counts - 1)
        return self.rows[index]
