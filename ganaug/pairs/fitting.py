"""Training of a :class:`~ganaug.pairs.sampling.PairModel` on pairs of images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from torch import Tensor

from ganaug.nets.unet import PatchCritic, UNetGenerator
from ganaug.pairs.plan import pair_steps
from ganaug.pairs.sampling import PairModel
from ganaug.recipe import Recipe
from ganaug.training.history import History
from ganaug.training.job import fit_batch_size, packed
from ganaug.training.pairs import SourcesAndTargets
from ganaug.training.trainer import make_trainer

if TYPE_CHECKING:
    from ganaug.images.codec import ImageCodec
    from ganaug.training.job import Job

TARGETS = "targets"
"""Name of the only class in the history."""


def fit_pair_model(
    recipe: Recipe,
    source: ImageCodec,
    target: ImageCodec,
    sources: Tensor,
    targets: Tensor,
    label_safe: Sequence[str],
    job: Job,
) -> tuple[PairModel, History]:
    """Train the recipe's GAN on pairs of images.

    Parameters
    ----------
    recipe : Recipe
    source, target : ImageCodec
    sources, targets : Tensor of shape (n, channels, height, width)
        Images as the codecs encode them.
    label_safe : sequence of str
        Mirrorings after which source and target are still a pair.
    job : Job

    Returns
    -------
    model : PairModel
    history : History
    """
    rows = SourcesAndTargets(sources, targets, job.device, label_safe)
    shapes = source.shape, target.shape
    size = fit_batch_size(job.batch_size or "auto", recipe, len(targets))
    trainer = make_trainer(
        recipe,
        lambda random: UNetGenerator(*shapes, recipe.architecture, random),
        lambda random: PatchCritic(*shapes, recipe.architecture, random),
        rows,
        [TARGETS],
        [True],
        replace(
            job,
            steps=job.steps or pair_steps(len(targets)),
            batch_size=packed(size, recipe),
        ),
    )
    history = trainer.run()
    return PairModel(recipe, source, target, trainer.average), history
