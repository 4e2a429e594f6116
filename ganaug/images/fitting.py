"""Training of an :class:`~ganaug.images.sampling.ImageModel`: plan, train, freeze."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ganaug.errors import warn
from ganaug.images.evidence import fit_image_evidence
from ganaug.images.plan import (
    TrainingPlan,
    are_flat,
    image_steps,
    leaves_change_open,
    plan_image_methods,
    plan_training,
)
from ganaug.images.sampling import ImageBank, ImageModel
from ganaug.images.selection import fit_image_selector
from ganaug.models.model import GENERATED
from ganaug.nets.blueprint import Blueprint
from ganaug.nets.light import LAYOUT
from ganaug.recipe import Recipe
from ganaug.registry import image_networks
from ganaug.runtime.rng import derive
from ganaug.training.history import History
from ganaug.training.images import TrainingImages, TrainingLayouts, TrainingPairs, seen
from ganaug.training.job import Job, fit_batch_size, joined, packed, remaining
from ganaug.training.trainer import Trainer, make_trainer

if TYPE_CHECKING:
    from ganaug.images.codec import ImageCodec
    from ganaug.models.classes import Classes

TRAINING_DATA: dict[str, Any] = {"warp": TrainingPairs, "light": TrainingLayouts}
"""Training data by the kind of network; other kinds learn from single images."""


EVIDENCE_STEPS = 300
"""Most training steps of the classifiers behind selection: bounds their share of a fit."""


@dataclass(frozen=True)
class LabelledImages:
    """Stored images, their class numbers, the names of the classes, and safe mirrorings."""

    stored: Tensor
    codes: Tensor
    names: Sequence[str]
    label_safe: Sequence[str]

    def of_class(self, label: int) -> LabelledImages:
        """Return the images of one class, which becomes class 0."""
        members = self.codes == label
        return replace(
            self,
            stored=self.stored[members],
            codes=self.codes[members] * 0,
            names=[self.names[label]],
        )


def fit_image_model(
    recipe: Recipe,
    codec: ImageCodec,
    stored: Tensor,
    classes: Classes,
    label_safe: Sequence[str],
    job: Job,
) -> tuple[ImageModel, History]:
    """Train the recipe's GAN on images and freeze everything that sampling needs.

    Parameters
    ----------
    recipe : Recipe
    codec : ImageCodec
    stored : Tensor of shape (n, channels, height, width)
        Images as the codec encodes them.
    classes : Classes
    label_safe : sequence of str
        Mirrorings that do not change the label.
    job : Job

    Returns
    -------
    model : ImageModel
    history : History
    """
    codes = torch.from_numpy(classes.codes)
    methods = plan_image_methods(classes, recipe)
    open_change = leaves_change_open(recipe)
    if recipe.name.endswith("*") and open_change and "gan" not in methods:
        warn(
            "The changes to the recipe have no effect here. They concern classes made from noise, "
            "and every class is anchored: its real images are changed. Change "
            'Recipe.preset("warp", data="image") or "light" instead, or set small_classes="gan".'
        )
    from_images = [method != "gan" for method in methods]
    bank = ImageBank.build(stored, codes, from_images, label_safe).to(job.device)
    model = ImageModel(recipe, codec, methods, [], bank)
    bend = open_change and "anchored" in methods and are_flat(stored)
    plans = plan_training(recipe, methods, "warp" if bend else "light")
    images = LabelledImages(stored, codes, [str(name) for name in classes.names], label_safe)
    history = _train_generators(model, plans, images, job)
    if recipe.selection == "evidence":
        _attach_selector(model, images, job)
    return model, history


def _train_generators(
    model: ImageModel, plans: Sequence[TrainingPlan], images: LabelledImages, job: Job
) -> History:
    """Train a generator for each plan, add it to the model, and return the joined history."""
    history, started = History(), time.monotonic()
    for number, plan in enumerate(plans):
        plan_job = replace(remaining(job, started), seed=derive(job.seed, "train", number))
        if plan.label is None:
            part, name = images, plan.method
            monitored = [method == plan.method for method in model.methods]
        else:
            part, name = images.of_class(plan.label), images.names[plan.label]
            monitored = [True]
        trainer = _trainer(plan.recipe, model.codec, part, monitored, plan_job)
        run = trainer.run()
        history = joined(history, run, name) if len(plans) > 1 else run
        model.generators.append(trainer.average)
        model.recipes.append(plan.recipe)
    return history


def _trainer(
    recipe: Recipe,
    codec: ImageCodec,
    images: LabelledImages,
    monitored: Sequence[bool],
    job: Job,
) -> Trainer:
    """Return the trainer of a recipe; the history watches the ``monitored`` classes."""
    sizes, codes, n_classes = recipe.architecture, images.codes, len(images.names)
    data = TRAINING_DATA.get(sizes.kind, TrainingImages)(
        images.stored,
        codes,
        n_classes,
        recipe.schedule.class_balance,
        job.device,
        recipe.diff_augment,
        images.label_safe,
    )
    counts = codes.bincount(minlength=n_classes)
    plan = Blueprint(codec.shape, counts, recipe.conditioning, recipe.schedule.pac, sizes)
    critic_plan = replace(plan, shape=_critic_shape(sizes.kind, codec.shape))
    make_generator, make_critic = image_networks(sizes.kind)
    size = fit_batch_size(job.batch_size or "auto", recipe, len(codes))
    return make_trainer(
        recipe,
        lambda random: make_generator(plan, random),
        lambda random: make_critic(critic_plan, random),
        data,
        images.names,
        monitored,
        replace(
            job,
            steps=job.steps or image_steps(len(codes), recipe),
            batch_size=packed(size, recipe),
        ),
    )


def _critic_shape(kind: str, shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return the shape of what the critic sees of an image."""
    if kind == "warp":
        _, channels, height, width = seen(torch.empty(0, *shape)).shape
        return channels, height, width
    return (shape[0], LAYOUT, LAYOUT) if kind == "light" else shape


def _attach_selector(model: ImageModel, images: LabelledImages, job: Job) -> None:
    """Train the class evidence and freeze the thresholds of the generated classes."""
    stored, codes = images.stored.to(job.device), images.codes.to(job.device)
    evidence, fold = fit_image_evidence(
        stored,
        codes,
        len(model.methods),
        steps=min(job.steps or EVIDENCE_STEPS, EVIDENCE_STEPS),
        seed=derive(job.seed, "evidence"),
        label_safe=images.label_safe,
    )
    generated = [method in GENERATED for method in model.methods]
    model.selector = fit_image_selector(evidence, fold, stored, codes, generated)
