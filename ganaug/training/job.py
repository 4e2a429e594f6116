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
    """What a fit is asked to do, beyond the recipe.

    Parameters
    ----------
    steps, batch_size : int
        Generator steps and rows in each; 0 until the data have been seen, for "auto".
    seed : int
    device : torch.device
    callbacks : sequence of Callback
    max_seconds : float or None
    progress : bool
    """

    steps: int
    batch_size: int
    seed: int
    device: torch.device
    callbacks: Sequence[Callback] = ()
    max_seconds: float | None = None
    progress: bool = False


def remaining(job: Job, started: float) -> Job:
    """Return the job with the time that earlier classes have left."""
    if job.max_seconds is None:
        return job
    return replace(job, max_seconds=max(job.max_seconds - (time.monotonic() - started), 0.0))


def joined(before: History, run: History, name: str) -> History:
    """Append the history of one class's GAN to those of the classes before it."""
    return History([*before.records, *({**record, "class": name} for record in run.records)])


def fit_batch_size(option: Any, recipe: Recipe, n_rows: int) -> int:
    """Return the rows in a step: the option's, or the recipe's for "auto".

    What the user chose is at most all rows; the presets' draw with replacement from few.
    """
    size, chosen = option, "batch_size"
    if option == "auto":
        size, chosen = recipe.schedule.batch_size, "The recipe's batch_size"
        rows = [row for presets in PRESETS.values() for row in presets.values()]
        usual = Schedule().batch_size
        if size in {row.get("batch_size", usual) for row in rows}:
            return int(size)
    if size > n_rows:
        warn(f"{chosen}={size} is more than the {n_rows} rows; using {n_rows}.")
    return int(min(size, n_rows))


def packed(size: int, recipe: Recipe) -> int:
    """Return the rows in a step as a multiple of the recipe's ``pac``.

    At least two packs where there is a batch norm: it has no variance to divide by in a batch of
    one.
    """
    sizes, pac = recipe.architecture, recipe.schedule.pac
    normed = "batch" in (sizes.generator_norm, sizes.critic_norm)
    return max(size // pac, 2 if normed else 1) * pac
