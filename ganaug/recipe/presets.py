"""The recipes that come with ganaug; each is a row of the fields that it changes.

A row is a set of keywords for :meth:`ganaug.recipe.Recipe.replace`. Other fields keep the defaults
of :class:`~ganaug.recipe.Recipe` and its parts.

Numbers without a comment are the default of the paper that the preset is named after, or are tuned
for training of seconds to minutes on a CPU: smaller networks and larger rates than in the papers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganaug.errors import ConfigError, did_you_mean

Preset = Mapping[str, Any]
"""Fields of a recipe or of its parts, by name."""

TABLE_PRESETS: dict[str, Preset] = {
    # Goodfellow et al. 2014; the published minimax loss saturates when the critic is certain.
    "gan": {"conditioning": "per-class", "loss": "non-saturating"},
    # Mirza and Osindero 2014.
    "cgan": {"conditioning": "concat", "loss": "non-saturating"},
    # Arjovsky et al. 2017, who use RMSProp, which is close to Adam without its first moment.
    "wgan": {
        "loss": "wasserstein",
        "weight_clip": 0.01,
        "n_critic": 5,
        "beta1": 0.0,
        "learning_rate": 5e-4,
        "critic_learning_rate": 5e-4,
    },
    # Gulrajani et al. 2017.
    "wgan-gp": {
        "loss": "wasserstein",
        "gradient_penalty": 10.0,
        "n_critic": 5,
        "learning_rate": 5e-4,
        "critic_learning_rate": 5e-4,
    },
    # The pairing of loss and penalties is that of Huang et al. 2024. docs/research.md measures its
    # parts: level with WGAN-GP in a third of the time.
    "auto": {
        "width": 64,
        "loss": "relativistic",
        "r1": 0.2,
        "r2": 0.2,
        "penalty_every": 8,  # saves most of the time of the second backward pass
        "learning_rate": 1e-3,
        "critic_learning_rate": 1e-3,
        "beta1": 0.0,
        "beta2": 0.95,
        "batch_size": 128,
        "burn_in": 0.5,
        "final_rate": 0.3,
        "final_penalty": 0.2,
        "small_classes": "auto",
        "selection": "evidence",
    },
}

IMAGE_PRESETS: dict[str, Preset] = {
    "gan": {
        "kind": "image-mlp",
        "width": 256,
        "noise_dim": 64,
        "generator_norm": "batch",  # without it the samples of a class are too alike
        "conditioning": "per-class",
        "loss": "non-saturating",
        "batch_size": 64,
        "beta2": 0.999,
        "ema": 0.9,
    },
    # Mirza and Osindero 2014, with the networks of DCGAN.
    "cgan": {
        "kind": "dcgan",
        "width": 32,
        "noise_dim": 64,
        "generator_norm": "batch",
        "critic_norm": "batch",
        "conditioning": "concat",
        "loss": "non-saturating",
        "batch_size": 64,
        "beta2": 0.999,
    },
    # One GAN for each class: a critic with clipped weights has too little capacity for classes.
    "wgan": {
        "kind": "dcgan",
        "width": 16,
        "noise_dim": 64,
        "generator_norm": "batch",
        "conditioning": "per-class",
        "loss": "wasserstein",
        "weight_clip": 0.03,  # the paper has 0.01
        "n_critic": 5,
        "batch_size": 32,
        "beta1": 0.0,
        "learning_rate": 1e-3,
        "critic_learning_rate": 1e-3,
        "ema": 0.95,
    },
    "wgan-gp": {
        "kind": "dcgan",
        "width": 32,
        "noise_dim": 64,
        "generator_norm": "batch",
        "loss": "wasserstein",
        "gradient_penalty": 10.0,
        "n_critic": 5,
        "batch_size": 64,
        "beta1": 0.0,
        "learning_rate": 5e-4,
        "critic_learning_rate": 5e-4,
    },
    # Radford et al. 2016; the learning rate of 2e-4 and beta1 of 0.5 are the defaults.
    "dcgan": {
        "kind": "dcgan",
        "width": 32,
        "noise_dim": 64,
        "generator_norm": "batch",
        "critic_norm": "batch",
        "loss": "non-saturating",
        "batch_size": 64,
        "beta2": 0.999,
        "ema": 0.99,
    },
    # docs/research-images.md measures the parts: R1, R2 and the projection are worth most.
    "auto": {
        "kind": "dcgan",
        "width": 32,
        "noise_dim": 64,
        "loss": "relativistic",
        "r1": 1.0,
        "r2": 1.0,
        "penalty_every": 8,
        "learning_rate": 1e-3,
        "critic_learning_rate": 1e-3,
        "beta1": 0.0,
        "beta2": 0.95,
        "ema": 0.0,  # averaged weights made no measurable difference in training this short
        "batch_size": 64,
        "burn_in": 0.5,
        "final_rate": 0.3,
        "final_penalty": 0.2,
        "small_classes": "auto",
        "selection": "evidence",
    },
    # Pairs of images teach this generator most (reconstruction); the critic keeps it diverse.
    "warp": {
        "kind": "warp",
        "width": 16,
        "noise_dim": 16,
        "loss": "relativistic",
        "r1": 0.3,
        "r2": 0.3,
        "penalty_every": 8,
        "reconstruction": 3.0,
        "learning_rate": 1e-3,
        "critic_learning_rate": 4e-4,
        "beta1": 0.5,
        "beta2": 0.99,
        "batch_size": 64,
        "ema": 0.0,  # as in auto
        "burn_in": 1.0,
        "final_rate": 0.1,
        # Natural frequencies: drawing rare classes more often would memorise their few images.
        "class_balance": 1.0,
        "selection": "evidence",
    },
    "light": {
        "kind": "light",
        "width": 64,
        "depth": 1,
        "noise_dim": 16,
        "loss": "relativistic",
        "r1": 0.2,
        "r2": 0.2,
        "penalty_every": 8,
        "learning_rate": 1e-3,
        "critic_learning_rate": 1e-3,
        "beta1": 0.0,
        "beta2": 0.95,
        "batch_size": 64,
        "burn_in": 0.5,
        "final_rate": 0.3,
        "final_penalty": 0.2,
        "class_balance": 0.0,  # layouts of light are learned from all classes alike
        "selection": "evidence",
    },
}

PAIR_PRESETS: dict[str, Preset] = {
    # Isola et al. 2017, with their weight of L1 and their dropout. Rates, batch size, normalisation
    # and averaging were chosen on a split of the training pairs of facades.
    "pix2pix": {
        "kind": "unet",
        "width": 32,
        "generator_norm": "batch",
        "dropout": 0.5,
        "conditioning": "image",
        "loss": "non-saturating",
        "l1": 100.0,
        "learning_rate": 5e-4,
        "critic_learning_rate": 5e-4,
        "beta2": 0.999,
        "batch_size": 4,
        "ema": 0.99,
    },
}

PRESETS = {"table": TABLE_PRESETS, "image": IMAGE_PRESETS, "pair": PAIR_PRESETS}
"""The presets for each kind of data."""


def find_preset(name: str, data: str) -> Preset:
    """Return the row of a preset; see :meth:`ganaug.recipe.Recipe.preset`."""
    if data not in PRESETS:
        nearest = did_you_mean(str(data), PRESETS)
        raise ConfigError(f"data={data!r} is not possible; {nearest}")
    presets = PRESETS[data]
    if name not in presets:
        others = [kind for kind, named in PRESETS.items() if name in named]
        if "pair" in others:
            raise ConfigError(
                f"The preset {name!r} needs a source image for each target: use "
                f'Pix2PixAugmenter, or Recipe.preset({name!r}, data="pair") for it.'
            )
        if others:
            raise ConfigError(
                f"The preset {name!r} is for {others[0]}s, not for {data}s: use "
                f'Recipe.preset({name!r}, data="{others[0]}"), or for {data}s one of '
                f"{', '.join(presets)}."
            )
        nearest = did_you_mean(str(name), presets)
        raise ConfigError(f"There is no preset {name!r}; {nearest}")
    return presets[name]
