"""What a recipe may say: the values of each field, and what goes with what.

Everything impossible is refused when the recipe is made, with the reason and the way out.
"""

from __future__ import annotations

import dataclasses
import math
import numbers
from typing import TYPE_CHECKING, Any

from ganaug.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from ganaug.recipe import Recipe

IMAGE_KINDS = ("dcgan", "residual", "warp", "light")
CHANGING_KINDS = ("warp", "light")
"""Networks that start from a real image."""

AUGMENTATIONS = ("translation", "cutout", "brightness")

_CHOICES: dict[str, tuple[Any, ...]] = {
    "kind": ("mlp", *IMAGE_KINDS),
    "generator_norm": ("none", "layer", "batch"),
    "critic_norm": ("none", "layer", "batch"),
    "conditioning": ("per-class", "concat", "projection"),
    "loss": (
        "minimax",
        "non-saturating",
        "least-squares",
        "hinge",
        "wasserstein",
        "relativistic",
    ),
    "small_classes": ("auto", "gan"),
    "selection": ("evidence", "none"),
}
SMOOTHABLE_LOSSES = ("minimax", "non-saturating", "least-squares", "relativistic")


def check_fields(part: Any) -> None:
    """Check the type and range of each field of a recipe, or of a part of one, on its own."""
    for f in dataclasses.fields(part):
        _check_field(f.name, str(f.type), getattr(part, f.name))


def _check_field(name: str, kind: str, value: Any) -> None:
    if name in _CHOICES:
        if value not in _CHOICES[name]:
            raise ConfigError(
                f"{name}={value!r} is not possible; {did_you_mean(str(value), _CHOICES[name])}"
            )
    elif name == "diff_augment":
        _check_augmentations(value)
    elif kind == "str":
        if not isinstance(value, str):
            raise ConfigError(f"{name} must be a string, got {value!r}.")
    elif kind == "int":
        least = 0 if name == "shared_stages" else 1
        if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
            raise ConfigError(f"{name} must be an integer of at least {least}, got {value!r}.")
    elif kind == "float" or (kind == "float | None" and value is not None):
        _check_number(name, value)


def _check_number(name: str, value: Any) -> None:
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value < 0:
        raise ConfigError(f"{name} must be a finite number of at least 0, got {value!r}.")
    if name in _UNIT_INTERVAL and value > 1:
        raise ConfigError(f"{name} must lie between 0 and 1, got {value!r}.")


def _check_augmentations(names: Any) -> None:
    if not isinstance(names, tuple):
        raise ConfigError(f"diff_augment must be a tuple of names, got {names!r}.")
    for name in names:
        if name not in AUGMENTATIONS:
            nearest = did_you_mean(str(name), AUGMENTATIONS)
            raise ConfigError(f"diff_augment={name!r} is not possible; {nearest}")


_UNIT_INTERVAL = (
    "beta1", "beta2", "label_smoothing", "ema", "burn_in", "class_balance", "class_balance_start",
)  # fmt: skip


def check_rules(recipe: Recipe) -> None:
    """Refuse combinations that cannot work, with the reason."""
    penalties, schedule = recipe.regularizers, recipe.schedule
    if penalties.uses_input_gradient and recipe.architecture.critic_norm == "batch":
        raise ConfigError(
            "A critic with batch norm cannot have a gradient penalty, R1 or R2: the penalty is "
            "defined for each sample and batch norm mixes the samples of a batch. "
            'Use critic_norm="layer" or "none".'
        )
    if schedule.label_smoothing and recipe.loss not in SMOOTHABLE_LOSSES:
        raise ConfigError(
            f"label_smoothing does not go with loss={recipe.loss!r}: its critic gives scores, not "
            f"probabilities, so there is no label to smooth. It goes with "
            f"{', '.join(SMOOTHABLE_LOSSES)}."
        )
    if schedule.label_smoothing >= 0.5:
        raise ConfigError("label_smoothing must be below 0.5: at 0.5 real and fake are alike.")
    if max(schedule.beta1, schedule.beta2) >= 1 or schedule.ema >= 1:
        raise ConfigError("beta1, beta2 and ema must be below 1.")
    if schedule.pac > schedule.batch_size:
        raise ConfigError(f"pac={schedule.pac} is more than batch_size={schedule.batch_size}.")
    if recipe.conditioning == "per-class" and recipe.small_classes == "auto":
        raise ConfigError(
            'small_classes="auto" does not go with conditioning="per-class": small classes borrow '
            "from the others in one network. Use projection or concat."
        )
    _check_image_rules(recipe)
    bounded = penalties.uses_input_gradient or penalties.weight_clip > 0
    if recipe.loss == "wasserstein" and not bounded:
        raise ConfigError(
            "The Wasserstein loss needs a bounded critic, or its values grow without limit: set "
            "gradient_penalty, weight_clip or r1."
        )


def _check_image_rules(recipe: Recipe) -> None:
    """Refuse switches that the kind of network does not have."""
    shape, kind = recipe.architecture, recipe.architecture.kind
    images, free = IMAGE_KINDS, ("dcgan", "residual")
    seen_whole = (*free, "warp")
    homes: dict[str, tuple[Any, tuple[str, ...]]] = {
        "diff_augment": (recipe.diff_augment, seen_whole),
        "embedding_noise": (shape.embedding_noise, free),
        "shared_stages": (shape.shared_stages, free),
        "temperature": (shape.temperature != 1.0, ("warp",)),
        "reconstruction": (recipe.regularizers.reconstruction, ("warp",)),
    }
    for name, (value, kinds) in homes.items():
        if value and kind not in kinds:
            raise ConfigError(f"{name} goes with kind {' or '.join(kinds)}, not with {kind}.")
    if kind not in images:
        return
    if recipe.schedule.pac > 1:
        raise ConfigError("pac is for tables; images are shown to the critic one by one.")
    if kind == "light" and recipe.conditioning != "projection":
        raise ConfigError('kind="light" is not told the class: leave conditioning.')
    if kind == "warp" and not recipe.regularizers.reconstruction:
        raise ConfigError(
            'kind="warp" needs reconstruction > 0: a critic alone teaches too little.'
        )
    if kind in ("residual", *CHANGING_KINDS) and (shape.generator_norm, shape.critic_norm) != (
        "none",
        "none",
    ):
        raise ConfigError(f'kind="{kind}" is norm-free: leave generator_norm and critic_norm.')
