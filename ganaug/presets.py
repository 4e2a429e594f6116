"""The recipes that come with ganaug: a GAN is a row of data."""

from __future__ import annotations

from ganaug.errors import ConfigError, did_you_mean
from ganaug.recipe import Architecture, Recipe, Regularizers, Schedule

PRESETS: dict[str, Recipe] = {
    "gan": Recipe(name="gan", conditioning="per-class", loss="non-saturating"),
    "cgan": Recipe(name="cgan", conditioning="concat", loss="non-saturating"),
    "wgan": Recipe(
        name="wgan",
        loss="wasserstein",
        regularizers=Regularizers(weight_clip=0.01),
        schedule=Schedule(n_critic=5, beta1=0.0, learning_rate=5e-4, critic_learning_rate=5e-4),
    ),
    "wgan-gp": Recipe(
        name="wgan-gp",
        loss="wasserstein",
        regularizers=Regularizers(gradient_penalty=10.0),
        schedule=Schedule(n_critic=5, learning_rate=5e-4, critic_learning_rate=5e-4),
    ),
    "auto": Recipe(
        name="auto",
        architecture=Architecture(width=64),
        loss="relativistic",
        regularizers=Regularizers(r1=0.2, r2=0.2, penalty_every=8),
        schedule=Schedule(
            learning_rate=1e-3,
            critic_learning_rate=1e-3,
            beta1=0.0,
            beta2=0.95,
            batch_size=128,
            burn_in=0.5,
            final_rate=0.3,
            final_penalty=0.2,
        ),
        small_classes="auto",
        selection="evidence",
    ),
}

IMAGE_PRESETS: dict[str, Recipe] = {
    "gan": Recipe(
        name="gan",
        architecture=Architecture(
            kind="image-mlp", width=256, noise_dim=64, generator_norm="batch"
        ),
        conditioning="per-class",
        loss="non-saturating",
        schedule=Schedule(batch_size=64, beta2=0.999, ema=0.9),
    ),
    "cgan": Recipe(
        name="cgan",
        architecture=Architecture(
            kind="dcgan", width=32, noise_dim=64, generator_norm="batch", critic_norm="batch"
        ),
        conditioning="concat",
        loss="non-saturating",
        schedule=Schedule(batch_size=64, beta2=0.999),
    ),
    "wgan": Recipe(
        name="wgan",
        architecture=Architecture(kind="dcgan", width=16, noise_dim=64, generator_norm="batch"),
        conditioning="per-class",
        loss="wasserstein",
        regularizers=Regularizers(weight_clip=0.03),
        schedule=Schedule(
            n_critic=5,
            batch_size=32,
            beta1=0.0,
            learning_rate=1e-3,
            critic_learning_rate=1e-3,
            ema=0.95,
        ),
    ),
    "wgan-gp": Recipe(
        name="wgan-gp",
        architecture=Architecture(kind="dcgan", width=32, noise_dim=64, generator_norm="batch"),
        loss="wasserstein",
        regularizers=Regularizers(gradient_penalty=10.0),
        schedule=Schedule(
            n_critic=5, batch_size=64, beta1=0.0, learning_rate=5e-4, critic_learning_rate=5e-4
        ),
    ),
    "dcgan": Recipe(
        name="dcgan",
        architecture=Architecture(
            kind="dcgan", width=32, noise_dim=64, generator_norm="batch", critic_norm="batch"
        ),
        loss="non-saturating",
        schedule=Schedule(batch_size=64, beta2=0.999, ema=0.99),
    ),
    "auto": Recipe(
        name="auto",
        architecture=Architecture(kind="dcgan", width=32, noise_dim=64),
        loss="relativistic",
        regularizers=Regularizers(r1=1.0, r2=1.0, penalty_every=8),
        schedule=Schedule(
            learning_rate=1e-3,
            critic_learning_rate=1e-3,
            beta1=0.0,
            beta2=0.95,
            ema=0.0,
            batch_size=64,
            burn_in=0.5,
            final_rate=0.3,
            final_penalty=0.2,
        ),
        small_classes="auto",
        selection="evidence",
    ),
}

IMAGE_PRESETS["warp"] = Recipe(
    name="warp",
    architecture=Architecture(kind="warp", width=16, noise_dim=16),
    loss="relativistic",
    regularizers=Regularizers(r1=0.3, r2=0.3, penalty_every=8, reconstruction=3.0),
    schedule=Schedule(
        learning_rate=1e-3,
        critic_learning_rate=4e-4,
        beta1=0.5,
        beta2=0.99,
        batch_size=64,
        ema=0.0,
        burn_in=1.0,
        final_rate=0.1,
        class_balance=1.0,
    ),
    selection="evidence",
)

IMAGE_PRESETS["light"] = Recipe(
    name="light",
    architecture=Architecture(kind="light", width=64, depth=1, noise_dim=16),
    loss="relativistic",
    regularizers=Regularizers(r1=0.2, r2=0.2, penalty_every=8),
    schedule=Schedule(
        learning_rate=1e-3,
        critic_learning_rate=1e-3,
        beta1=0.0,
        beta2=0.95,
        batch_size=64,
        burn_in=0.5,
        final_rate=0.3,
        final_penalty=0.2,
        class_balance=0.0,
    ),
    selection="evidence",
)

PAIR_PRESETS: dict[str, Recipe] = {
    "pix2pix": Recipe(
        name="pix2pix",
        architecture=Architecture(kind="unet", width=32, generator_norm="batch", dropout=0.5),
        conditioning="image",
        loss="non-saturating",
        regularizers=Regularizers(l1=100.0),
        schedule=Schedule(
            learning_rate=5e-4, critic_learning_rate=5e-4, beta2=0.999, batch_size=4, ema=0.99
        ),
    ),
}

PRESETS_BY_DATA = {"table": PRESETS, "image": IMAGE_PRESETS, "pair": PAIR_PRESETS}


def find(name: str, data: str) -> Recipe:
    """Return a preset; see :meth:`ganaug.recipe.Recipe.preset`."""
    if data not in PRESETS_BY_DATA:
        nearest = did_you_mean(str(data), PRESETS_BY_DATA)
        raise ConfigError(f"data={data!r} is not possible; {nearest}")
    presets = PRESETS_BY_DATA[data]
    if name not in presets:
        homes = [of for of, others in PRESETS_BY_DATA.items() if name in others]
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
