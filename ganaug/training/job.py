"""Settings of a training run that are not in the recipe."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from ganaug.errors import warn
from ganaug.recipe import Recipe, Schedule
from ganaug.recipe.presets import PRESETS
from ganaug.training.callbacks import Callback
from ganaug.training.history import History


@dataclass(frozen=True)
class Job:
    """Settings of a training run that are not in the recipe.

    Parameters
    ----------
    steps, batch_size : int
        Number of generator steps, and rows in a step. 0 stands for "auto" until the data are known.
    seed : int
        Seed of all random streams of the run.
    device : torch.device
    callbacks : sequence of Callback
    max_seconds : float or None
        Training ends after the step that exceeds this time.
    progress : bool
        Whether to show a progress bar.
    """

    steps: int
    batch_size: int
    seed: int
    device: torch.device
    callbacks: Sequence[Callback] = ()
    max_seconds: float | None = None
    progress: bool = False


def remaining(job: Job, started: float) -> Job:
    """Return the job with the time left since ``started``, in seconds of the monotonic clock."""
    if job.max_seconds is None:
        return job
    return replace(job, max_seconds=max(job.max_seconds - (time.monotonic() - started), 0.0))


def joined(before: History, run: History, name: str) -> History:
    """Return ``before`` followed by ``run``, the history of the GAN of class ``name``."""
    return History([*before.records, *({**record, "class": name} for record in run.records)])


def fit_batch_size(option: Any, recipe: Recipe, n_rows: int) -> int:
    """Return the rows in a step: the option, or for "auto" the number in the recipe.

    A size that the user has chosen is reduced to the number of rows, with a warning. The size of a
    preset is not: rows are drawn with replacement.
    """
    size, source = option, "batch_size"
    if option == "auto":
        size, source = recipe.schedule.batch_size, "The recipe's batch_size"
        rows = [row for presets in PRESETS.values() for row in presets.values()]
        default = Schedule().batch_size
        if size in {row.get("batch_size", default) for row in rows}:
            return int(size)
    if size > n_rows:
        warn(f"{source}={size} is more than the {n_rows} rows; using {n_rows}.")
    return int(min(size, n_rows))


def packed(size: int, recipe: Recipe) -> int:
    """Return the rows in a step, rounded down to a multiple of the recipe's ``pac``.

    With batch norm there are at least two packs: a batch of one has no variance to divide by.
    """
    sizes, pac = recipe.architecture, recipe.schedule.pac
    normed = "batch" in (sizes.generator_norm, sizes.critic_norm)
    return max(size // pac, 2 if normed else 1) * pac
