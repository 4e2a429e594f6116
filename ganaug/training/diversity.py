"""Measures the diversity of the generated rows of each class.

:mod:`ganaug.training.mode_collapse` has the limit below which it counts as collapsed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ganaug.runtime.rng import derive, torch_stream
from ganaug.training.data import TrainingRows

CHUNK = 2048
"""Rows that are generated at once; bounds memory where there are many classes."""


class Monitor:
    """Compares the spread of generated rows with that of real rows, for each class.

    Parameters
    ----------
    rows : TrainingRows
    labels : sequence of str
        Names of the classes.
    judged : sequence of bool
        Whether the generator makes rows of each class; the diversity of the others is set to 1.
    seed : int
        All measurements use the same noise, so that they differ only by the generator.
    """

    def __init__(
        self, rows: TrainingRows, labels: Sequence[str], judged: Sequence[bool], seed: int
    ) -> None:
        self.names = list(labels)
        self.seed = derive(seed, "monitor")
        self.device = rows.device
        self.each = rows.monitored
        self.labels = torch.arange(rows.n_classes, device=rows.device).repeat_interleave(self.each)
        random = torch_stream(self.seed, "real", device=rows.device)
        self.rows = rows.draw_rows(self.labels, random)
        # Rows are drawn with replacement, so one pair in n of a class of n rows is twice the same
        # row, at distance 0. Dividing by the other pairs' share corrects for that.
        self.unique = (1.0 - 1.0 / rows.counts.clamp_min(1)).clamp_min(1e-6)
        self.real = self._spread(self.rows) / self.unique
        made = torch.tensor(list(judged), device=rows.device)
        self.comparable = (rows.counts > 1) & (self.real > 1e-6) & made

    @torch.no_grad()
    def diversity(
        self,
        draw: Callable[[Tensor, torch.Generator], Tensor],
        coarse: Callable[[Tensor], Tensor] | None = None,
    ) -> dict[str, float]:
        """Return the ratio of generated to real diversity of each class, and the smallest one.

        Parameters
        ----------
        draw : callable
            ``draw(labels, random)`` returns a generated row for each label.
        coarse : callable or None
            Reduces real rows to the resolution that generated ones have now.
        """
        random = torch_stream(self.seed, "fake", device=self.device)
        rows = torch.cat([draw(labels, random) for labels in self.labels.split(CHUNK)])
        real = self.real if coarse is None else self._spread(coarse(self.rows)) / self.unique
        ratio = self._spread(rows) / real.clamp_min(1e-6)
        ratio = torch.where(self.comparable, ratio, torch.ones_like(ratio))
        values = {
            f"diversity[{name}]": float(value)
            for name, value in zip(self.names, ratio.tolist(), strict=True)
        }
        return {"diversity": min(values.values(), default=1.0), **values}

    def _spread(self, rows: Tensor) -> Tensor:
        """Return the mean distance between adjacent rows of the same class, for each class."""
        groups = rows.float().reshape(rows.shape[0] // self.each, self.each, -1)
        distances = (groups - groups.roll(1, 1)).square().sum(-1)
        return (distances + 1e-12).sqrt().mean(1)
