"""Which candidates to keep: a rule for each row, frozen at fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ganaug.runtime.rng import derive, torch_stream
from ganaug.training.data import TrainingRows

OVERSAMPLING = 3
"""Candidates made for each row kept, at most."""

COPY_QUANTILE = 0.02

COPY_ROWS = 2000


class Evidence(Protocol):
    """Classifiers that say how strongly a row looks like a member of a class."""

    def margins(self, rows: Tensor, fold: Tensor, label: int) -> Tensor:
        """Return the log-odds of ``label`` for each row by the classifier of its ``fold``."""


class Selector(nn.Module):
    """Judges candidates of every class.

    Parameters
    ----------
    evidence : EvidenceEnsemble or ImageEvidence
    floor : Tensor of shape (n_classes,)
        Lowest margin of a candidate that is kept.
    radius : Tensor of shape (n_classes,)
        Candidates nearer than this to a training row are near-copies.
    references : Tensor of shape (n, width)
        Training rows to keep away from, grouped by class.
    counts : Tensor of shape (n_classes,)
        Reference rows of each class.
    """

    floor: Tensor
    radius: Tensor
    references: Tensor
    counts: Tensor

    def __init__(
        self,
        evidence: Evidence,
        floor: Tensor,
        radius: Tensor,
        references: Tensor,
        counts: Tensor,
    ) -> None:
        super().__init__()
        self.evidence = evidence
        self.register_buffer("floor", floor)
        self.register_buffer("radius", radius)
        self.register_buffer("references", references)
        self.register_buffer("counts", counts)

    @torch.inference_mode()
    def choose(self, rows: Tensor, label: int) -> Tensor:
        """Return the numbers of the rows to keep, in order, filled up where too few pass.

        Each row is judged on its own, so the answer for a chunk never depends on how many rows
        were asked for.
        """
        # Different folds for neighbouring rows: no classifier decides alone.
        fold = torch.arange(rows.shape[0], device=rows.device) % EVIDENCE_FOLDS
        margin = self.evidence.margins(rows, fold, label)
        copies = self._near_copies(rows, label)
        kept = torch.nonzero((margin >= self.floor[label]) & ~copies).squeeze(1)
        enough = -(-rows.shape[0] // OVERSAMPLING)
        if kept.shape[0] >= enough:
            return kept
        # The cap on retries: the best of the remaining ones, a copy only where all others are used.
        ranked = torch.argsort(margin - 1e6 * copies, descending=True, stable=True)
        return ranked[:enough].sort().values

    def _near_copies(self, rows: Tensor, label: int) -> Tensor:
        if not self.radius[label] > 0:
            return torch.zeros(rows.shape[0], dtype=torch.bool, device=rows.device)
        end = int(self.counts[: label + 1].sum())
        own = self.references[end - int(self.counts[label]) : end]
        return torch.cdist(self.describe(rows), own).amin(1) < self.radius[label]

    def describe(self, rows: Tensor) -> Tensor:
        """Return what distances are measured on: encoded rows themselves."""
        return rows


EVIDENCE_FOLDS = 3

BATCH = 128


def cross_fit(
    model: nn.Module, parts: Sequence[TrainingRows], steps: int, seed: int, device: torch.device
) -> None:
    """Train the classifier of each fold on its part, all at once; then freeze them."""
    random = torch_stream(seed, "draw", device=device)
    optimizer = torch.optim.Adam(
        model.parameters(), lr=3e-3, weight_decay=1e-3, fused=device.type in ("cpu", "cuda")
    )
    for _ in range(steps):
        drawn = [part.draw_labels(BATCH, 1, random) for part in parts]
        batch = [p.draw_rows(y, random) for p, y in zip(parts, drawn, strict=True)]
        logits = model(torch.stack(batch))
        loss = cross_entropy(logits.flatten(0, 1), torch.cat(drawn))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    model.eval().requires_grad_(False)


def held_out_folds(labels: Tensor, seed: int) -> Tensor:
    """Return the fold in which each row is held out."""
    return torch.from_numpy(_folds(labels.cpu().numpy(), seed)).to(labels.device)


def _folds(labels: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Return the held-out fold of each row, balanced by class (rows of tiny classes at random)."""
    counts = np.bincount(labels)
    fold = np.zeros(len(labels), np.int64)
    large = counts[labels] >= EVIDENCE_FOLDS
    state = derive(seed, "folds") % 2**32
    if large.any():
        where = np.flatnonzero(large)
        splitter = StratifiedKFold(EVIDENCE_FOLDS, shuffle=True, random_state=state)
        for k, (_, held_out) in enumerate(splitter.split(where, labels[where])):
            fold[where[held_out]] = k
    fold[~large] = np.arange((~large).sum()) % EVIDENCE_FOLDS
    return fold
