"""The recipes that come with ganaug: each GAN is a row of the fields that it changes.

A row has the form that :meth:`ganaug.recipe.Recipe.replace` takes. Fields that it does not name
keep the defaults of :class:`~ganaug.recipe.Recipe` and its parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganaug.errors import ConfigError, did_you_mean

Preset = Mapping[str, Any]

TABLE_PRESETS: dict[str, Preset] = {
    "gan": {"conditioning": "per-class", "loss": "non-saturating"},
    "cgan": {"conditioning": "concat", "loss": "non-saturating"},
    "wgan": {
        "loss": "wasserstein",
        "weight_clip": 0.01,
        "n_critic": 5,
        "beta1": 0.0,
        "learning_rate": 5e-4,
        "critic_learning_rate": 5e-4,
    },
    "wgan-gp": {
        "loss": "wasserstein",
        "gradient_penalty": 10.0,
        "n_critic": 5,
        "learning_rate": 5e-4,
        "critic_learning_rate": 5e-4,
    },
    "auto": {
        "width": 64,
        "loss": "relativistic",
        "r1": 0.2,
        "r2": 0.2,
        "penalty_every": 8,
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
        "generator_norm": "batch",
        "conditioning": "per-class",
        "loss": "non-saturating",
        "batch_size": 64,
        "beta2": 0.999,
        "ema": 0.9,
    },
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
    "wgan": {
        "kind": "dcgan",
        "width": 16,
        "noise_dim": 64,
        "generator_norm": "batch",
        "conditioning": "per-class",
        "loss": "wasserstein",
        "weight_clip": 0.03,
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
        "ema": 0.0,
        "batch_size": 64,
        "burn_in": 0.5,
        "final_rate": 0.3,
        "final_penalty": 0.2,
        "small_classes": "auto",
        "selection": "evidence",
    },
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
        "ema": 0.0,
        "burn_in": 1.0,
        "final_rate": 0.1,
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
        "class_balance": 0.0,
        "selection": "evidence",
    },
}

PAIR_PRESETS: dict[str, Preset] = {
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
"""The presets by the kind of data that they are for."""


def find_preset(name: str, data: str) -> Preset:
    """Return the row of a preset; see :meth:`ganaug.recipe.Recipe.preset`."""
    if data not in PRESETS:
        nearest = did_you_mean(str(data), PRESETS)
        raise ConfigError(f"data={data!r} is not possible; {nearest}")
    presets = PRESETS[data]
    if name not in presets:
        homes = [of for of, others in PRESETS.items() if name in others]
        if "pair" in homes:
            raise ConfigError(
                f"The preset {name!r} needs a source image for each target: use "
                f'Pix2PixAugmenter, or Recipe.preset({name!r}, data="pair") for it.'
            )
        if homes:
            raise ConfigError(
                f"The preset {name!r} is for {homes[0]}s, not for {data}s: "
                f'Recipe.preset({name!r}, data="{homes[0]}"). For {data}s there are '
                f"{', '.join(presets)}."
            )
        nearest = did_you_mean(str(name), presets)
        raise ConfigError(f"There is no preset {name!r}; {nearest}")
    return presets[name]
