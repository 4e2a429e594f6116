"""Class evidence: what the small classifiers see."""

from __future__ import annotations

import torch

from ganaug.nets.layout import Segment
from ganaug.tables.evidence import fit_evidence


def test_a_missing_category_is_judged_as_the_mean_one() -> None:
    random = torch.Generator().manual_seed(0)
    drawn = torch.randint(0, 3, (90,), generator=random)
    rows = torch.zeros(90, 4)
    rows[:, 0] = torch.randn(90, generator=random)
    rows[torch.arange(90), 1 + drawn] = 1
    before = rows.clone()
    labels = torch.arange(90) % 2
    segment = Segment("choice", 1, 3)
    model, fold = fit_evidence(rows, labels, 2, steps=5, seed=0, may_be_missing=[segment])
    assert torch.equal(rows, before)
    gone = torch.cat([rows[:, :1], torch.tensor([0.0, 0.0, 1.0]).expand(90, 3)], 1)
    mean = torch.cat([torch.eye(2)[drawn[drawn < 2]].mean(0), torch.zeros(1)])
    filled = torch.cat([rows[:, :1], mean.expand(90, 3)], 1)
    judged = model.margins(gone, fold, 1)
    assert torch.allclose(judged, model.margins(filled, fold, 1), atol=1e-5)


def test_a_missing_number_is_no_reason_to_drop_a_row() -> None:
    random = torch.Generator().manual_seed(0)
    labels = (torch.rand(1000, generator=random) < 0.15).long()
    gone = torch.rand(1000, generator=random) < torch.where(labels == 0, 0.6, 0.15)
    rows = torch.zeros(1000, 4)
    rows[~gone, 0] = torch.randn(int((~gone).sum()), generator=random)
    rows[torch.arange(1000), 1 + gone.long()] = 1
    rows[:, 3] = torch.randn(1000, generator=random)
    value, choice = Segment("value", 0, 1, column=0), Segment("choice", 1, 2, column=0)
    model, fold = fit_evidence(
        rows, labels, 2, steps=200, seed=0, may_be_missing=[choice], values=[value]
    )
    margins, rare = model.margins(rows, fold, 1), labels == 1
    above = margins >= margins[rare].quantile(0.3)
    assert above[rare & gone].float().mean() > 0.5
