"""Class evidence: small classifiers, cross-fitted on the user's own rows.

A row's *margin* for a class is the log-odds that the classifiers give it. Real rows are judged by
the classifier of the fold that did not train on them, so their margins are what unseen members of
the class look like, and generated rows can be compared with them.

Whether a value is missing is hidden from the classifiers: where it marks other classes, a missing
value would otherwise be reason enough to reject a row, and a class would lose its own.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ganaug.models.selection import EVIDENCE_FOLDS, cross_fit, held_out_folds
from ganaug.nets.blocks import activate
from ganaug.nets.layout import Segment
from ganaug.runtime.rng import torch_stream
from ganaug.training.data import TrainingRows

HIDDEN_WIDTH = 64


class EvidenceEnsemble(nn.Module):
    """One small multilayer perceptron a fold, evaluated together as batched products.

    Parameters
    ----------
    width_in : int
        Width of an encoded row.
    n_classes : int
    random : torch.Generator
        Source of the initial weights.
    """

    def __init__(self, width_in: int, n_classes: int, random: torch.Generator) -> None:
        super().__init__()
        sizes = [max(width_in, 1), HIDDEN_WIDTH, HIDDEN_WIDTH, n_classes]
        for i, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
            weight = torch.randn(EVIDENCE_FOLDS, inputs, outputs, generator=random) / math.sqrt(
                inputs
            )
            self.register_parameter(f"weight_{i}", nn.Parameter(weight))
            self.register_parameter(
                f"bias_{i}", nn.Parameter(torch.zeros(EVIDENCE_FOLDS, 1, outputs))
            )
        self.depth = len(sizes) - 1

    def forward(self, rows: Tensor) -> Tensor:
        """Map (EVIDENCE_FOLDS, batch, width) rows to (EVIDENCE_FOLDS, batch, n_classes) logits."""
        hidden = rows
        for i in range(self.depth):
            if i:
                hidden = activate(hidden)
            hidden = torch.baddbmm(getattr(self, f"bias_{i}"), hidden, getattr(self, f"weight_{i}"))
        return hidden

    @torch.inference_mode()
    def margins(self, rows: Tensor, fold: Tensor, label: int) -> Tensor:
        """Return the log-odds of ``label`` for each row by the classifier of its ``fold``."""
        logits = self(rows.expand(EVIDENCE_FOLDS, *rows.shape))
        own = logits[fold, torch.arange(rows.shape[0], device=rows.device)]
        others = own.clone()
        others[:, label] = -torch.inf
        return own[:, label] - others.logsumexp(1)


def fit_evidence(
    rows: Tensor,
    labels: Tensor,
    n_classes: int,
    *,
    steps: int,
    seed: int,
    may_be_missing: Sequence[Segment] = (),
    values: Sequence[Segment] = (),
) -> tuple[EvidenceEnsemble, Tensor]:
    """Train the classifiers on encoded rows; return them and each row's held-out fold.

    ``may_be_missing`` are the segments whose last category, "missing", is hidden from them, and
    ``values`` those of the numbers, which are 0 where they are missing.
    """
    device = rows.device
    number = {value.column: value.start for value in values}
    numbers = [number.get(segment.column) for segment in may_be_missing]
    filler = torch_stream(seed, "fill", device=device)
    rows, means = _blindfolded(rows, may_be_missing, numbers, filler)
    fold = held_out_folds(labels, seed)
    model = EvidenceEnsemble(rows.shape[1], n_classes, torch_stream(seed, "init")).to(device)
    parts = [
        TrainingRows(rows[fold != k].cpu(), labels[fold != k].cpu(), n_classes, 0.5, device)
        for k in range(EVIDENCE_FOLDS)
    ]
    cross_fit(model, parts, steps, seed, device)
    first = model.get_parameter("weight_0")
    for segment, mean in zip(may_be_missing, means, strict=True):
        # From here on the blindfold is part of the first layer.
        first[:, segment.stop - 1] = mean @ first[:, segment.start : segment.stop - 1]
    return model, fold


def _blindfolded(
    rows: Tensor,
    may_be_missing: Sequence[Segment],
    numbers: Sequence[int | None],
    random: torch.Generator,
) -> tuple[Tensor, list[Tensor]]:
    """Hide which values are missing.

    Returns
    -------
    rows : Tensor
        For training: a missing value has the category, and the number, of a random row that has
        one. Zeros in place of the numbers would be told apart from those that vary.
    means : list of Tensor
        For judging: the mean category of each segment, which stands for a missing one.
    """
    means = []
    if may_be_missing:
        rows = rows.clone()
    for segment, number in zip(may_be_missing, numbers, strict=True):
        missing, others = segment.stop - 1, slice(segment.start, segment.stop - 1)
        gone = rows[:, missing] > 0
        present = rows[~gone, others]
        means.append(present.sum(0) / max(len(present), 1))
        if len(present):
            drawn = torch.rand(int(gone.sum()), generator=random, device=rows.device)
            donors = (drawn * len(present)).long()
            rows[gone, others] = present[donors]
            if number is not None:
                rows[gone, number] = rows[~gone, number][donors]
        rows[gone, missing] = 0.0
    return rows, means
