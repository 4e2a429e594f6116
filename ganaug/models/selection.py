"""Selection of candidates: each row is kept or dropped by a rule that is frozen at fit."""

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
"""Most candidates made for each row that is kept: bounds the time of sampling."""

COPY_QUANTILE = 0.02
"""Quantile of the distances from real rows to their nearest real row.

A candidate that is nearer to a real row is a near-copy. The quantile is low, because most of these
distances show how near two different rows may be.
"""

COPY_ROWS = 2000
"""Most rows of a class that candidates are compared with.

The distances between all pairs of them take 16 MB.
"""

EVIDENCE_FOLDS = 3
"""Classifiers behind the evidence; each trains on two thirds of the rows.

With five, selection was not better (docs/research.md).
"""

BATCH = 128
"""Rows in a training step of each classifier."""


class Evidence(Protocol):
    """Classifiers that measure how much a row looks like a member of a class."""

    def margins(self, rows: Tensor, fold: Tensor, label: int) -> Tensor:
        """Return the log-odds of ``label`` for each row by the classifier of its ``fold``."""


class Selector(nn.Module):
    """Frozen rule that keeps or drops the candidates of each class.

    Parameters
    ----------
    evidence : EvidenceEnsemble or ImageEvidence
    floor : Tensor of shape (n_classes,)
        Lowest margin with which a candidate is kept.
    radius : Tensor of shape (n_classes,)
        A candidate nearer than this to a training row is a near-copy.
    references : Tensor of shape (n, width)
        Training rows that candidates are compared with, grouped by class.
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
        """Return the positions of the rows to keep, in order.

        If too few candidates pass, those with the highest margins are kept as well. The result
        depends on the chunk alone, not on how many rows were requested.
        """
        # Neighbouring rows get different folds, so that no classifier decides on a whole chunk.
        fold = torch.arange(rows.shape[0], device=rows.device) % EVIDENCE_FOLDS
        margin = self.evidence.margins(rows, fold, label)
        copies = self._near_copies(rows, label)
        kept = torch.nonzero((margin >= self.floor[label]) & ~copies).squeeze(1)
        enough = -(-rows.shape[0] // OVERSAMPLING)
        if kept.shape[0] >= enough:
            return kept
        # Keep the highest margins. 1e6 is above any margin, so near-copies come last.
        ranked = torch.argsort(margin - 1e6 * copies, descending=True, stable=True)
        return ranked[:enough].sort().values

    def _near_copies(self, rows: Tensor, label: int) -> Tensor:
        if not self.radius[label] > 0:  # too few rows to measure a radius
            return torch.zeros(rows.shape[0], dtype=torch.bool, device=rows.device)
        end = int(self.counts[: label + 1].sum())
        members = self.references[end - int(self.counts[label]) : end]
        return torch.cdist(self.describe(rows), members).amin(1) < self.radius[label]

    def describe(self, rows: Tensor) -> Tensor:
        """Return the vectors between which distances are measured: here the rows themselves."""
        return rows


def cross_fit(
    model: nn.Module, parts: Sequence[TrainingRows], steps: int, seed: int, device: torch.device
) -> None:
    """Train the classifiers of all folds in the same steps, each on its part; then freeze them."""
    random = torch_stream(seed, "draw", device=device)
    # The rate is high for Adam because a few hundred steps must do. Only CPUs and NVIDIA's GPUs
    # have the fused form.
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
    optimizer.zero_grad(set_to_none=True)  # frees the memory of the gradients
    model.eval().requires_grad_(False)


def held_out_folds(labels: Tensor, seed: int) -> Tensor:
    """Return the fold in which each row is held out."""
    return torch.from_numpy(_folds(labels.cpu().numpy(), seed)).to(labels.device)


def _folds(labels: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Return the held-out fold of each row, with each class spread over all folds.

    A class with fewer rows than folds cannot be stratified; the rows of such classes take turns.
    """
    counts = np.bincount(labels)
    fold = np.zeros(len(labels), np.int64)
    large = counts[labels] >= EVIDENCE_FOLDS
    random_state = derive(seed, "folds") % 2**32  # scikit-learn takes 32 bits
    if large.any():
        places = np.flatnonzero(large)
        splitter = StratifiedKFold(EVIDENCE_FOLDS, shuffle=True, random_state=random_state)
        for k, (_, held_out) in enumerate(splitter.split(places, labels[places])):
            fold[places[held_out]] = k
    fold[~large] = np.arange((~large).sum()) % EVIDENCE_FOLDS
    return fold
