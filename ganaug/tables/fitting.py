"""Training of a ``TableModel`` on encoded rows: plan, train, calibrate, freeze."""

from __future__ import annotations

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


EVIDENCE_STEPS = 200
"""Most training steps of the classifiers behind selection.

With 600, selection was not better (docs/research.md).
"""


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
    # The largest product of a step: a batch by one hidden layer by the widest layer.
    with threads_for(job.batch_size * recipe.architecture.width * widest):
        starts_from_rows = [method != "gan" for method in methods]
        anchors = AnchorBank.build(encoded, codes, starts_from_rows, codec.layout).to(job.device)
        model = TableModel(recipe, codec, methods, [], anchors)
        history = History()
        rows, classes = torch.from_numpy(encoded), torch.from_numpy(codes)
        if recipe.conditioning == "per-class":
            started = time.monotonic()
            for label, name in enumerate(labels):
                members = rows[classes == label]
                zeros = classes[classes == label] * 0  # the only class of this GAN has number 0
                class_job = remaining(job, started)
                if methods[label] == "duplicate":
                    # No row is sampled from it, but a model has a generator for each class.
                    class_job = replace(class_job, steps=1)
                generator, run = _train(
                    model, members, zeros, [str(name)], [methods[label]], class_job, label
                )
                model.generators.append(generator)
                history = joined(history, run, str(name))
        else:
            names = [str(label) for label in labels]
            generator, history = _train(model, rows, classes, names, methods, job, 0)
            model.generators.append(generator)
        calibrate_choices(model, encoded, codes, job.seed)
        if recipe.selection == "evidence":
            _attach_selector(model, rows.to(job.device), classes.to(job.device), job)
            # Selection changes the shares of the categories, so calibrate on the rows it keeps.
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
    """Train one generator on ``rows``; ``stream`` gives it random numbers of its own."""
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
    """Train the class evidence and freeze the thresholds of the generated classes."""
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
