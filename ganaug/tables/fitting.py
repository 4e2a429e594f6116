"""From encoded rows to a ``TableModel``: plan, train, calibrate, freeze."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganaug.models.model import GENERATED
from ganaug.nets.mlp import MLPCritic, MLPGenerator
from ganaug.runtime.rng import derive
from ganaug.runtime.threads import threads_for
from ganaug.tables.anchors import AnchorBank
from ganaug.tables.evidence import fit_evidence
from ganaug.tables.sampling import TableModel, calibrate_choices
from ganaug.tables.selection import fit_selector
from ganaug.training.data import TrainingRows
from ganaug.training.history import History
from ganaug.training.job import Job, joined, packed, remaining
from ganaug.training.trainer import make_trainer

if TYPE_CHECKING:
    from ganaug.recipe import Recipe
    from ganaug.tables.codec import TableCodec

INTERPOLATE_BELOW = 10
"""Class size under which ``auto`` interpolates between real rows; larger classes start from them.

Measured up to 3,200 rows, a generator that starts from noise was at no size ahead by more than
chance (docs/research.md).
"""

EVIDENCE_STEPS = 200
"""Training steps of the classifiers behind selection, at most."""


def plan_methods(counts: Sequence[int], recipe: Recipe) -> list[str]:
    """Return how each class will be made, from its number of rows.

    A recipe that is not ``small_classes="auto"`` trains its GAN for every class; only a single
    row, which has no distribution to learn, is duplicated.
    """
    return [_method(count, recipe.small_classes == "auto") for count in counts]


def _method(count: int, adaptive: bool) -> str:
    if count <= 1:
        return "duplicate"
    if adaptive and count < INTERPOLATE_BELOW:
        return "interpolate"
    return "anchored" if adaptive else "gan"


def auto_steps(n_rows: int) -> int:
    """Return the number of generator steps for a table: it grows with the square root of the rows.

    Never read from a clock, so that a fit is the same on a busy machine.
    """
    return int(min(max(10 * math.sqrt(n_rows), 200), 3000))


def fit_table_model(
    recipe: Recipe,
    codec: TableCodec,
    encoded: NDArray[np.float32],
    codes: NDArray[np.int64],
    labels: Sequence[Any],
    methods: list[str],
    job: Job,
) -> tuple[TableModel, History]:
    """Train the recipe's GAN on encoded rows and freeze everything that sampling needs.

    Parameters
    ----------
    recipe : Recipe
    codec : TableCodec
    encoded : ndarray of shape (n, width)
    codes : ndarray of shape (n,)
        Class numbers from 0.
    labels : sequence
        Name of each class.
    methods : list of str
        From :func:`plan_methods`.
    job : Job

    Returns
    -------
    model : TableModel
    history : History
    """
    widest = max(codec.layout.width, recipe.architecture.width)
    with threads_for(job.batch_size * recipe.architecture.width * widest):
        starts_from_rows = [method != "gan" for method in methods]
        anchors = AnchorBank.build(encoded, codes, starts_from_rows, codec.layout).to(job.device)
        model = TableModel(recipe, codec, methods, [], anchors)
        history = History()
        rows, classes = torch.from_numpy(encoded), torch.from_numpy(codes)
        if recipe.conditioning == "per-class":
            started = time.monotonic()
            for label, name in enumerate(labels):
                own = rows[classes == label]
                part = classes[classes == label] * 0
                turn = remaining(job, started)
                if methods[label] == "duplicate":
                    turn = replace(turn, steps=1)  # It is never asked for a row.
                trained = _train(model, own, part, [str(name)], [methods[label]], turn, label)
                model.generators.append(trained[0])
                history = joined(history, trained[1], str(name))
        else:
            names = [str(label) for label in labels]
            generator, history = _train(model, rows, classes, names, methods, job, 0)
            model.generators.append(generator)
        calibrate_choices(model, encoded, codes, job.seed)
        if recipe.selection == "evidence":
            _attach_selector(model, rows.to(job.device), classes.to(job.device), job)
            # Selection moves the categories' shares a little: once more, on what it keeps.
            calibrate_choices(model, encoded, codes, job.seed)
        return model, history


def _train(
    model: TableModel,
    rows: torch.Tensor,
    classes: torch.Tensor,
    names: list[str],
    methods: list[str],
    job: Job,
    stream: int,
) -> tuple[MLPGenerator, History]:
    """Train one generator on the given rows."""
    recipe, layout = model.recipe, model.codec.layout
    anchored = [method == "anchored" for method in methods]
    tables = [torch.from_numpy(table) for table in model.codec.tables]
    n_classes, sizes = len(names), recipe.architecture
    trainer = make_trainer(
        recipe,
        lambda random: MLPGenerator(layout, tables, torch.tensor(anchored), sizes, random),
        lambda random: MLPCritic(
            layout.width, n_classes, recipe.conditioning, recipe.schedule.pac, sizes, random
        ),
        TrainingRows(
            rows, classes, n_classes, recipe.schedule.class_balance, job.device, model.anchors
        ),
        names,
        [method in GENERATED for method in methods],
        replace(
            job,
            seed=derive(job.seed, "train", stream),
            batch_size=packed(job.batch_size, recipe),
        ),
    )
    history = trainer.run()
    return trainer.average, history


def _attach_selector(
    model: TableModel, rows: torch.Tensor, classes: torch.Tensor, job: Job
) -> None:
    """Learn the class evidence and freeze the thresholds of the generated classes."""
    seed = derive(job.seed, "evidence")
    evidence, fold = fit_evidence(
        rows,
        classes,
        len(model.methods),
        steps=min(job.steps, EVIDENCE_STEPS),
        seed=seed,
        may_be_missing=model.codec.may_be_missing,
        values=model.codec.layout.of_kind("value"),
    )
    generated = [method in GENERATED for method in model.methods]
    model.selector = fit_selector(evidence, fold, rows, classes, generated)
