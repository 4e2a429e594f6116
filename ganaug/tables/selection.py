"""Which candidates to keep: a rule for each row, frozen at fit.

Two things are asked of a candidate. Its class evidence must not be lower than that of most real
rows of the class, judged by classifiers that did not train on them: a cut at even odds could leave
nothing of a class that overlaps with others. And it must not be a near-copy: closer to a training
row than real rows of the class are to each other.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ganaug.models.selection import COPY_QUANTILE, COPY_ROWS, Selector
from ganaug.tables.evidence import EvidenceEnsemble

EVIDENCE_QUANTILE = 0.3
"""Share of the real rows of a class whose evidence is lower than what a candidate needs."""


def fit_selector(
    evidence: EvidenceEnsemble, fold: Tensor, rows: Tensor, labels: Tensor, generated: list[bool]
) -> Selector:
    """Freeze the thresholds of every class.

    Parameters
    ----------
    evidence, fold
        From :func:`ganaug.tables.evidence.fit_evidence`.
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
