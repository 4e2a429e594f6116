"""Class evidence: small classifiers, cross-fitted on the real rows.

The *margin* of a row for a class is the log-odds that a classifier gives that class. The margin of
a real row comes from the classifier that did not train on it. So the margins of real rows are those
of unseen members of the class, and margins of generated rows can be compared with them.

The classifiers do not see which values are missing. If missing values are typical of another class,
every row with one would be dropped, and a class would lose all its missing values.
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
"""Units of a hidden layer, as many as in the generator of ``auto``."""

BALANCE = 0.5
"""Exponent of the class frequencies in a batch: it draws rare classes more often than 1 would."""


class EvidenceEnsemble(nn.Module):
    """One small multilayer perceptron for each fold, all evaluated in batched matrix products.

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
        logits = logits[fold, torch.arange(rows.shape[0], device=rows.device)]
        others = logits.clone()
        others[:, label] = -torch.inf
        return logits[:, label] - others.logsumexp(1)


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
    """Train the classifiers on encoded rows.

    Parameters
    ----------
    rows : Tensor of shape (n, width)
    labels : Tensor of shape (n,)
        Class numbers.
    n_classes, steps, seed : int
    may_be_missing : sequence of Segment
        One-hot segments whose last category is "missing".
    values : sequence of Segment
        Segments of the numbers, which are 0 if missing.

    Returns
    -------
    evidence : EvidenceEnsemble
    fold : Tensor of shape (n,)
        The fold in which each row is held out.
    """
    device = rows.device
    number = {value.column: value.start for value in values}
    numbers = [number.get(segment.column) for segment in may_be_missing]
    random = torch_stream(seed, "fill", device=device)
    rows, means = _fill_missing(rows, may_be_missing, numbers, random)
    fold = held_out_folds(labels, seed)
    model = EvidenceEnsemble(rows.shape[1], n_classes, torch_stream(seed, "init")).to(device)
    parts = [
        TrainingRows(rows[fold != k].cpu(), labels[fold != k].cpu(), n_classes, BALANCE, device)
        for k in range(EVIDENCE_FOLDS)
    ]
    cross_fit(model, parts, steps, seed, device)
    first = model.get_parameter("weight_0")
    for segment, mean in zip(may_be_missing, means, strict=True):
        # "Missing" gets the weights of the mean category, so rows can be judged unfilled.
        first[:, segment.stop - 1] = mean @ first[:, segment.start : segment.stop - 1]
    return model, fold


def _fill_missing(
    rows: Tensor,
    may_be_missing: Sequence[Segment],
    numbers: Sequence[int | None],
    random: torch.Generator,
) -> tuple[Tensor, list[Tensor]]:
    """Hide from the classifiers which values are missing.

    Returns
    -------
    rows : Tensor
        Rows for training. A missing value is replaced by the category and the number of a random
        row that has one. With zeros instead, the classifiers would recognise missing numbers.
    means : list of Tensor
        Mean of the other categories of each segment, which replaces "missing" after training.
    """
    means = []
    if may_be_missing:
        rows = rows.clone()
    for segment, number in zip(may_be_missing, numbers, strict=True):
        last, others = segment.stop - 1, slice(segment.start, segment.stop - 1)
        missing = rows[:, last] > 0
        present = rows[~missing, others]
        means.append(present.sum(0) / max(len(present), 1))
        if len(present):
            drawn = torch.rand(int(missing.sum()), generator=random, device=rows.device)
            donors = (drawn * len(present)).long()
            rows[missing, others] = present[donors]
            if number is not None:
                rows[missing, number] = rows[~missing, number][donors]
        rows[missing, last] = 0.0
    return rows, means
