"""Which candidates to keep: a rule for each row, frozen at fit.

Two things are asked of a candidate. Its class evidence must not be lower than that of most real
rows of the class, judged by classifiers that did not train on them: a cut at even odds could leave
nothing of a class that overlaps with others. And it must not be a near-copy: closer to a training
row than real rows of the class are to each other.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from ganaug.evidence import FOLDS, EvidenceEnsemble

OVERSAMPLING = 3
"""Candidates made for each row kept, at most."""

EVIDENCE_QUANTILE = 0.3
"""Share of the real rows of a class whose evidence is lower than what a candidate needs."""

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
        fold = torch.arange(rows.shape[0], device=rows.device) % FOLDS
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


def fit_selector(
    evidence: EvidenceEnsemble, fold: Tensor, rows: Tensor, labels: Tensor, generated: list[bool]
) -> Selector:
    """Freeze the thresholds of every class.

    Parameters
    ----------
    evidence, fold
        From :func:`ganaug.evidence.fit_evidence`.
    rows, labels : Tensor
        All encoded training rows and their classes.
    generated : list of bool
        Classes whose candidates are judged; of the others every one is kept.
    """
    n_classes = len(generated)
    floor = torch.full((n_classes,), -torch.inf)
    radius = torch.zeros(n_classes)
    references, counts = [rows[:0]], [0] * n_classes
    for label, judged in enumerate(generated):
        own = torch.nonzero(labels == label).squeeze(1)
        if not judged or own.shape[0] < 2:
            continue
        stride = -(-own.shape[0] // COPY_ROWS)
        reference = rows[own[::stride]]
        margins = evidence.margins(reference, fold[own[::stride]], label)
        floor[label] = torch.quantile(margins, EVIDENCE_QUANTILE).cpu()
        references.append(reference)
        counts[label] = reference.shape[0]
        radius[label] = _copy_radius(reference)
    selector = Selector(evidence, floor, radius, torch.cat(references).cpu(), torch.tensor(counts))
    return selector.to(rows.device).eval()


def _copy_radius(rows: Tensor) -> float:
    """Return a low quantile of the distances between a real row and its nearest real row."""
    distances = torch.cdist(rows, rows)
    distances.fill_diagonal_(torch.inf)
    return float(torch.quantile(distances.amin(1), COPY_QUANTILE))
