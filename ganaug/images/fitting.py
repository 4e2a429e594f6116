"""From stored images to an :class:`~ganaug.images.sampling.ImageModel`: plan, train, freeze."""

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

SOURCES: dict[str, Any] = {"warp": TrainingPairs, "light": TrainingLayouts}
"""What a generator learns from, where not from images one by one."""

ANCHOR_BELOW = 2000
"""Class size under which ``auto`` changes real images."""

EVIDENCE_STEPS = 300
"""Training steps of the classifiers behind selection, at most."""

FLAT = 0.2
"""Share of an image in its most frequent value from which it is a drawing and no photograph."""

LOOKED_AT = 500
"""Images that decide whether all are drawings, at most."""


def image_recipe(recipe: str | Recipe, device: torch.device) -> Recipe:
    """Return the recipe for images: a preset by name, or what the user made.

    Raises
    ------
    ConfigError
        If it is one for tables.
    """
    if isinstance(recipe, str):
        preset = Recipe.preset(recipe, "image")
        if recipe == "auto" and device.type == "cuda":
            return preset.replace(kind="residual", name="auto")
        return preset
    kind = recipe.architecture.kind
    if kind not in IMAGE_NETWORKS:
        others = {"mlp": "tables", "unet": "pairs of images: use Pix2PixAugmenter"}
        base = recipe.name.rstrip("*")
        base = base if base in IMAGE_PRESETS else "auto"
        raise ConfigError(
            f"A recipe with kind={kind!r} is for {others[kind]}. Start from "
            f'Recipe.preset({base!r}, data="image"), or set kind to one of '
            f"{', '.join(IMAGE_NETWORKS)}."
        )
    return recipe


def plan_image_methods(classes: Classes, recipe: Recipe) -> list[str]:
    """Return how each class will be made, from its number of images.

    ``auto`` trains a GAN that invents images only for large classes that lack some.
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
    """Return the number of generator steps: it grows with the square root of the images.

    What starts from real images needs fewer steps than images from noise: bending is learned from
    pairs, of which there are many, and layouts of light are a few numbers each. Where the critic
    takes several steps for one of the generator's, these are fewer.
    """
    kinds = {"warp": (12, 400, 2000), "light": (30, 1000, 2000)}
    each, least, most = kinds.get(recipe.architecture.kind, (30, 1000, 10_000))
    steps = min(max(each * math.sqrt(n_images), least), most)
    return int(steps * 2 / (1 + recipe.schedule.n_critic))


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
        As the codec stores images.
    classes : Classes
    label_safe : sequence of str
        Mirrorings that leave the label true.
    job : Job

    Returns
    -------
    model : ImageModel
    history : History
    """
    codes = torch.from_numpy(classes.codes)
    methods = plan_image_methods(classes, recipe)
    given = recipe.architecture.kind in CHANGING_KINDS
    free = recipe.small_classes == "auto" and not given
    if recipe.name.endswith("*") and free and "gan" not in methods:
        warn(
            "The changes to the recipe have no effect here: they are about classes made from "
            "noise, and all of these are made by changing real images. Change "
            'Recipe.preset("warp", data="image") or "light" instead, or set small_classes="gan".'
        )
    from_images = [method != "gan" for method in methods]
    bank = ImageBank.build(stored, codes, from_images, label_safe).to(job.device)
    model = ImageModel(recipe, codec, methods, [], bank)
    free = free and "anchored" in methods
    plans = plan_training(recipe, methods, "warp" if free and are_flat(stored) else "light")
    names = [str(name) for name in classes.names]
    history, started = History(), time.monotonic()
    for number, plan in enumerate(plans):
        turn = replace(remaining(job, started), seed=derive(job.seed, "train", number))
        own = codes == plan.alone
        part = (
            (stored, codes, names)
            if plan.alone is None
            else (stored[own], codes[own] * 0, [names[plan.alone]])
        )
        judged = [True] if plan.alone is not None else [m == plan.method for m in methods]
        trainer = _trainer(plan.recipe, codec, *part, judged, label_safe, turn)
        run = trainer.run()
        called = plan.method if plan.alone is None else names[plan.alone]
        history = joined(history, run, called) if len(plans) > 1 else run
        model.generators.append(trainer.average)
        model.recipes.append(plan.recipe)
    if recipe.selection == "evidence":
        seed = derive(job.seed, "evidence")
        images, labels = stored.to(job.device), codes.to(job.device)
        steps = min(job.steps or EVIDENCE_STEPS, EVIDENCE_STEPS)
        evidence, fold = fit_image_evidence(
            images, labels, len(methods), steps=steps, seed=seed, label_safe=label_safe
        )
        made = [method in GENERATED for method in methods]
        model.selector = fit_image_selector(evidence, fold, images, labels, made)
    return model, history


@dataclass(frozen=True)
class TrainingPlan:
    """A recipe to train, the method of the classes that it makes, and the class if it is one."""

    recipe: Recipe
    method: str
    alone: int | None = None


def plan_training(recipe: Recipe, methods: Sequence[str], change: str) -> list[TrainingPlan]:
    """Return what has to be trained for these methods; ``change`` is how real images are changed.

    Only where the recipe leaves it open.
    """
    if recipe.conditioning == "per-class":
        made = [label for label, method in enumerate(methods) if method in GENERATED]
        return [TrainingPlan(recipe, methods[label], label) for label in made]
    plans = [TrainingPlan(recipe, "gan")] if "gan" in methods else []
    if "anchored" in methods:
        given = recipe.architecture.kind in CHANGING_KINDS
        plans.append(TrainingPlan(recipe if given else Recipe.preset(change, "image"), "anchored"))
    return plans


def are_flat(stored: Tensor) -> bool:
    """Return whether images have backgrounds of one value, as drawings, scans and digits do.

    The light of a photograph varies everywhere; a black background stays black, and a rare class
    on grey ones could be told by that alone.
    """
    some = torch.randperm(len(stored), generator=torch_stream(0, "flat"))[:LOOKED_AT]
    values = [stored[part].float().mean(1).flatten(1) for part in some.split(AT_ONCE)]
    shares = [(v == v.mode(1, keepdim=True).values).float().mean(1) for v in values]
    return bool(torch.cat(shares).median() >= FLAT)


def _trainer(
    recipe: Recipe,
    codec: ImageCodec,
    stored: Tensor,
    codes: Tensor,
    names: Sequence[str],
    judged: Sequence[bool],
    label_safe: Sequence[str],
    job: Job,
) -> Trainer:
    sizes, shape = recipe.architecture, codec.shape
    rows = SOURCES.get(sizes.kind, TrainingImages)(
        stored,
        codes,
        len(names),
        recipe.schedule.class_balance,
        job.device,
        recipe.diff_augment,
        label_safe,
    )
    plan = Blueprint(
        shape,
        codes.bincount(minlength=len(names)),
        recipe.conditioning,
        recipe.schedule.pac,
        sizes,
    )
    judged_shapes: dict[str, Any] = {
        "warp": tuple(seen(torch.empty(0, *shape)).shape[1:]),
        "light": (shape[0], LAYOUT, LAYOUT),
    }
    shown = replace(plan, shape=judged_shapes.get(sizes.kind, shape))
    make_generator, make_critic = image_networks(sizes.kind)
    size = fit_batch_size(job.batch_size or "auto", recipe, len(codes))
    return make_trainer(
        recipe,
        lambda random: make_generator(plan, random),
        lambda random: make_critic(shown, random),
        rows,
        names,
        judged,
        replace(
            job,
            steps=job.steps or image_steps(len(codes), recipe),
            batch_size=packed(size, recipe),
        ),
    )
