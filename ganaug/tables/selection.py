"""Selection of rows: thresholds for the candidates of each class, frozen at fit.

A candidate is kept if it passes two tests. Its class evidence must not be lower than that of most
real rows of the class, which is measured by classifiers that did not train on them. (A threshold
at even odds could leave nothing of a class that overlaps with others.) And it must not be a
near-copy, which is nearer to a training row than real rows of the class are to each other.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ganaug.models.selection import COPY_QUANTILE, COPY_ROWS, Selector
from ganaug.tables.evidence import EvidenceEnsemble

EVIDENCE_QUANTILE = 0.3
"""Share of the real rows of a class whose evidence is too low for a candidate.

Scores were higher with it than with 2%, 10% and 50% (docs/research.md).
"""


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
        Whether a generator makes each class. All candidates of the other classes are kept.
    """
    n_classes = len(generated)
    floor = torch.full((n_classes,), -torch.inf)
    radius = torch.zeros(n_classes)
    references, counts = [rows[:0]], [0] * n_classes
    for label, selected in enumerate(generated):
        members = torch.nonzero(labels == label).squeeze(1)
        if not selected or members.shape[0] < 2:
            continue
        members = members[:: -(-members.shape[0] // COPY_ROWS)]
        reference = rows[members]
        margins = evidence.margins(reference, fold[members], label)
        floor[label] = torch.quantile(margins, EVIDENCE_QUANTILE).cpu()
        references.append(reference)
        counts[label] = reference.shape[0]
        radius[label] = _copy_radius(reference)
    selector = Selector(evidence, floor, radius, torch.cat(references).cpu(), torch.tensor(counts))
    return selector.to(rows.device).eval()


def _copy_radius(rows: Tensor) -> float:
    """Return the quantile of the distances from each row to its nearest other row."""
    distances = torch.cdist(rows, rows)
    distances.fill_diagonal_(torch.inf)
    return float(torch.quantile(distances.amin(1), COPY_QUANTILE))
