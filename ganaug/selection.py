"""Which candidates to keep: a rule for each row, frozen at fit.

Two things are asked of a candidate. Its class evidence must be as common among candidates as among
real rows: a candidate with margin ``m`` is kept with probability proportional to the ratio of real
to generated density at ``m``, so rows near the boundary stay (a cut at 0.5 would erase them). And
it must not be a near-copy: closer to a training row than real rows of the class are to each other.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganaug.evidence import FOLDS, EvidenceEnsemble

OVERSAMPLING = 3
"""Candidates made for each row kept, at most."""

MAX_BINS = 10
COPY_QUANTILE = 0.02
COPY_ROWS = 2000


class Selector(nn.Module):
    """Judges candidates of every class.

    Parameters
    ----------
    evidence : EvidenceEnsemble
    edges : Tensor of shape (n_classes, MAX_BINS - 1)
        Inner borders of the margin's bins.
    keep : Tensor of shape (n_classes, MAX_BINS)
        Probability of keeping a candidate of each bin.
    radius : Tensor of shape (n_classes,)
        Candidates nearer than this to a training row are near-copies.
    references : Tensor of shape (n, width)
        Training rows to keep away from, grouped by class.
    counts : Tensor of shape (n_classes,)
        Reference rows of each class.
    """

    edges: Tensor
    keep: Tensor
    radius: Tensor
    references: Tensor
    counts: Tensor

    def __init__(
        self,
        evidence: EvidenceEnsemble,
        edges: Tensor,
        keep: Tensor,
        radius: Tensor,
        references: Tensor,
        counts: Tensor,
    ) -> None:
        super().__init__()
        self.evidence = evidence
        self.register_buffer("edges", edges)
        self.register_buffer("keep", keep)
        self.register_buffer("radius", radius)
        self.register_buffer("references", references)
        self.register_buffer("counts", counts)

    @torch.inference_mode()
    def choose(self, rows: Tensor, label: int, random: torch.Generator) -> Tensor:
        """Return the numbers of the rows to keep, best part first where too few pass.

        Each row is judged on its own, so the answer for a chunk never depends on how many rows
        were asked for.
        """
        chance = self._chance(rows, label)
        u = torch.rand(rows.shape[0], generator=random, device=rows.device)
        kept = torch.nonzero(u < chance).squeeze(1)
        enough = -(-rows.shape[0] // OVERSAMPLING)
        if kept.shape[0] >= enough:
            return kept
        # The cap on retries: fill up with the rows that came closest to being kept.
        ranked = torch.argsort(chance - u, descending=True, stable=True)
        return ranked[:enough].sort().values

    def _chance(self, rows: Tensor, label: int) -> Tensor:
        fold = torch.arange(rows.shape[0], device=rows.device) % FOLDS
        margin = self.evidence.margins(rows, fold, label)
        chance = self.keep[label][torch.bucketize(margin, self.edges[label])]
        if self.radius[label] > 0:
            end = int(self.counts[: label + 1].sum())
            own = self.references[end - int(self.counts[label]) : end]
            copies = torch.cdist(rows, own).amin(1) < self.radius[label]
            chance = chance * ~copies
        return chance


def fit_selector(
    evidence: EvidenceEnsemble,
    fold: Tensor,
    rows: Tensor,
    labels: Tensor,
    candidates: list[Tensor | None],
) -> Selector:
    """Freeze the thresholds of every class.

    Parameters
    ----------
    evidence, fold
        From :func:`ganaug.evidence.fit_evidence`.
    rows, labels : Tensor
        All encoded training rows and their classes.
    candidates : list of Tensor or None
        A pilot sample of each class; None where every sample is kept.
    """
    n_classes = len(candidates)
    edges = torch.full((n_classes, MAX_BINS - 1), torch.inf)
    keep = torch.ones(n_classes, MAX_BINS)
    radius = torch.zeros(n_classes)
    references, counts = [rows[:0]], [0] * n_classes
    for label, pilot in enumerate(candidates):
        own = torch.nonzero(labels == label).squeeze(1)
        if pilot is None or own.shape[0] < 2:
            continue
        real = evidence.margins(rows[own], fold[own], label)
        pilot_fold = torch.arange(pilot.shape[0], device=rows.device) % FOLDS
        fake = evidence.margins(pilot, pilot_fold, label)
        _match(real.cpu(), fake.cpu(), edges[label], keep[label])
        stride = -(-own.shape[0] // COPY_ROWS)
        reference = rows[own[::stride]]
        references.append(reference)
        counts[label] = reference.shape[0]
        radius[label] = _copy_radius(reference)
    selector = Selector(
        evidence, edges, keep, radius, torch.cat(references).cpu(), torch.tensor(counts)
    )
    return selector.to(rows.device).eval()


def _match(real: Tensor, fake: Tensor, edges: Tensor, keep: Tensor) -> None:
    """Fill in bins and probabilities that give the candidates the real margins."""
    bins = min(MAX_BINS, max(2, real.shape[0] // 5))
    inner = torch.quantile(real, torch.linspace(0, 1, bins + 1)[1:-1])
    edges[: bins - 1] = inner
    real_share = torch.bincount(torch.bucketize(real, inner), minlength=bins).float() + 1.0
    fake_share = torch.bincount(torch.bucketize(fake, inner), minlength=bins).float() + 1.0
    ratio = (real_share / real_share.sum()) / (fake_share / fake_share.sum())
    # As selective as the cap on candidates allows: the mean chance is about 1 / OVERSAMPLING.
    scale = 1.0 / ratio.max()
    share = fake_share / fake_share.sum()
    for _ in range(20):
        expected = (share * (ratio * scale).clamp_max(1.0)).sum()
        if expected >= 1.1 / OVERSAMPLING:
            break
        scale = scale * 1.15
    keep[:bins] = (ratio * scale).clamp_max(1.0)


def _copy_radius(rows: Tensor) -> float:
    """Return a low quantile of the distances between a real row and its nearest real row."""
    distances = torch.cdist(rows, rows)
    distances.fill_diagonal_(torch.inf)
    return float(torch.quantile(distances.amin(1), COPY_QUANTILE))
