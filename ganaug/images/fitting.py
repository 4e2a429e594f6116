"""Training of an :class:`~ganaug.images.sampling.ImageModel`: plan, train, freeze."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ganaug.errors import ConfigError, warn
from ganaug.images.evidence import fit_image_evidence
from ganaug.images.sampling import ImageBank, ImageModel
from ganaug.images.selection import fit_image_selector
from ganaug.models.model import GENERATED
from ganaug.nets.blueprint import Blueprint
from ganaug.nets.light import LAYOUT
from ganaug.recipe import Recipe
from ganaug.recipe.presets import IMAGE_PRESETS
from ganaug.recipe.rules import CHANGING_KINDS
from ganaug.registry import IMAGE_NETWORKS, image_networks
from ganaug.runtime.rng import derive, torch_stream
from ganaug.training.history import History
from ganaug.training.images import AT_ONCE, TrainingImages, TrainingLayouts, TrainingPairs, seen
from ganaug.training.job import Job, fit_batch_size, joined, packed, remaining
from ganaug.training.trainer import Trainer, make_trainer

if TYPE_CHECKING:
    from ganaug.images.codec import ImageCodec
    from ganaug.models.classes import Classes

TRAINING_DATA: dict[str, Any] = {"warp": TrainingPairs, "light": TrainingLayouts}
"""Training data by the kind of network; other kinds learn from single images."""

ANCHOR_BELOW = 2000
"""Class size below which ``auto`` changes real images instead of starting from noise.

With a minute of training on a CPU, a classifier was worse with images from noise than with the real
images alone (docs/research-images.md), so noise is left to classes with many images.
"""

EVIDENCE_STEPS = 300
"""Most training steps of the classifiers behind selection: bounds their share of a fit."""

FLAT = 0.2
"""Share of the pixels with the most frequent value from which an image counts as a drawing."""

FLAT_SAMPLE = 500
"""Most images that decide whether a data set holds drawings: bounds the time."""


def image_recipe(recipe: str | Recipe, device: torch.device) -> Recipe:
    """Return the recipe for images: a preset by its name, or a recipe as it is.

    Raises
    ------
    ConfigError
        If the recipe is for tables or for pairs of images.
    """
    if isinstance(recipe, str):
        preset = Recipe.preset(recipe, "image")
        if recipe == "auto" and device.type == "cuda":
            # Its images from noise were the best, but it takes minutes more than the other kinds
            # on a CPU (docs/research-images.md).
            return preset.replace(kind="residual", name="auto")
        return preset
    kind = recipe.architecture.kind
    if kind not in IMAGE_NETWORKS:
        others = {"mlp": "tables", "unet": "pairs of images: use Pix2PixAugmenter"}
        base = recipe.name.rstrip("*")  # a changed preset has a star behind its name
        base = base if base in IMAGE_PRESETS else "auto"
        raise ConfigError(
            f"A recipe with kind={kind!r} is for {others[kind]}. Start from "
            f'Recipe.preset({base!r}, data="image"), or set kind to one of '
            f"{', '.join(IMAGE_NETWORKS)}."
        )
    return recipe


def plan_image_methods(classes: Classes, recipe: Recipe) -> list[str]:
    """Return the method that makes each class, from its number of images.

    ``auto`` makes images from noise only for large classes that lack some. The images of other
    classes are anchored: real images of the class that the generator changes.
    """
    lacking = [classes.to_add.get(name, 0) > 0 for name in classes.names]
    each = zip(classes.counts, lacking, strict=True)
    return [_method(count, lacks, recipe) for count, lacks in each]


def _method(count: int, lacks: bool, recipe: Recipe) -> str:
    if count <= 1:
        return "duplicate"
    changed = recipe.small_classes == "auto" and not (lacks and count >= ANCHOR_BELOW)
    return "anchored" if changed or recipe.architecture.kind in CHANGING_KINDS else "gan"


def image_steps(n_images: int, recipe: Recipe) -> int:
    """Return the number of generator steps, which grows with the square root of the images.

    Generators that change real images need fewer steps than those that start from noise. ``warp``
    learns from pairs, of which there are many, and ``light`` learns layouts of a few numbers each.
    If the critic takes several steps for each step of the generator, there are fewer of these.
    """
    # Factor of the square root, and bounds that keep a fit to minutes on a CPU.
    kinds = {"warp": (12, 400, 2000), "light": (30, 1000, 2000)}
    factor, least, most = kinds.get(recipe.architecture.kind, (30, 1000, 10_000))
    steps = min(max(factor * math.sqrt(n_images), least), most)
    # The sum of the steps of both networks does not depend on n_critic.
    return int(steps * 2 / (1 + recipe.schedule.n_critic))


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
    open_change = _leaves_change_open(recipe)
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


def _leaves_change_open(recipe: Recipe) -> bool:
    """Return whether the data decide between ``warp`` and ``light`` for anchored classes."""
    return recipe.small_classes == "auto" and recipe.architecture.kind not in CHANGING_KINDS


@dataclass(frozen=True)
class TrainingPlan:
    """A generator to train.

    Parameters
    ----------
    recipe : Recipe
    method : {"gan", "anchored"}
        Method of the classes that the generator makes.
    label : int or None, default=None
        Number of the only class that it learns; None for all classes.
    """

    recipe: Recipe
    method: str
    label: int | None = None


def plan_training(recipe: Recipe, methods: Sequence[str], change: str) -> list[TrainingPlan]:
    """Return the generators to train for the methods of the classes.

    ``change`` is the preset that changes real images, if the recipe does not do so itself.
    """
    if recipe.conditioning == "per-class":
        made = [label for label, method in enumerate(methods) if method in GENERATED]
        return [TrainingPlan(recipe, methods[label], label) for label in made]
    plans = [TrainingPlan(recipe, "gan")] if "gan" in methods else []
    if "anchored" in methods:
        changes_images = recipe.architecture.kind in CHANGING_KINDS
        anchored = recipe if changes_images else Recipe.preset(change, "image")
        plans.append(TrainingPlan(anchored, "anchored"))
    return plans


def are_flat(stored: Tensor) -> bool:
    """Return whether most images have a background of one value, as drawings and scans have.

    Such images must not be re-lit. The light of a photograph varies everywhere, but a black
    background stays black; on grey ones, a classifier would recognise a rare class by the grey.
    """
    places = torch.randperm(len(stored), generator=torch_stream(0, "flat"))[:FLAT_SAMPLE]
    values = [stored[part].float().mean(1).flatten(1) for part in places.split(AT_ONCE)]
    shares = [(v == v.mode(1, keepdim=True).values).float().mean(1) for v in values]
    return bool(torch.cat(shares).median() >= FLAT)


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
