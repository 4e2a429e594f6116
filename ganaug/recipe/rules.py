"""What a recipe may say: the values of each field, and what goes with what.

Everything impossible is refused when the recipe is made, with the reason and the way out.
"""

from __future__ import annotations

import dataclasses
import math
import numbers
from collections.abc import Callable, Mapping
from typing import Any

from ganaug.errors import ConfigError, did_you_mean
from ganaug.registry import IMAGE_NETWORKS, LOSSES, smoothable

FREE_KINDS = ("image-mlp", "dcgan", "residual")
"""Networks that make images from noise."""

CHANGING_KINDS = ("warp", "light")
"""Networks that start from a real image of the class."""

KINDS = ("mlp", *FREE_KINDS, *CHANGING_KINDS, "unet")
"""The networks that come with ganaug; :data:`~ganaug.registry.IMAGE_NETWORKS` may have more."""

AUGMENTATIONS = ("translation", "cutout", "brightness")

_NORMS = ("none", "layer", "batch")
_CHOICES: dict[str, tuple[Any, ...]] = {
    "generator_norm": _NORMS,
    "critic_norm": _NORMS,
    "conditioning": ("per-class", "concat", "projection", "image"),
    "small_classes": ("auto", "gan"),
    "selection": ("evidence", "none"),
}

_FROM_NOISE = ("mlp", *FREE_KINDS)
_HOMES: dict[str, tuple[tuple[str, ...], str]] = {
    "diff_augment": (
        (*FREE_KINDS, "warp"),
        "it changes whole images that a critic sees one by one",
    ),
    "embedding_noise": (FREE_KINDS, "it shakes the class embedding of a generator of images"),
    "shared_stages": (("dcgan", "residual"), "only these have sizes of feature maps to share"),
    "progressive": (("dcgan", "residual"), "only these can begin with a smaller size"),
    "temperature": (("warp",), "only there the noise is read off real images"),
    "reconstruction": (("warp",), "only there real images are turned into others"),
    "l1": (("unet",), "only pairs say which real image a generated one should be"),
    "dropout": (("unet",), "only there dropout is the noise"),
    "mode_seeking": ((*_FROM_NOISE, "unet"), "the others vary real images, which differ already"),
    "pac": (_FROM_NOISE, "what is made from real images varies with them, one by one"),
    "minibatch_stddev": (
        (*_FROM_NOISE, "warp"),
        "the critics of layouts and of patches have no place for it",
    ),
}
"""Which kinds of network a switch goes with, and why no others."""


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
        return
    check = _CHECKS.get(name) or _CHECKS.get(kind.partition(" | ")[0])
    if check is not None and not (value is None and kind.endswith("None")):
        check(name, value)
    for type_, wanted in ((bool, "True or False"), (str, "a string")):
        if kind == type_.__name__ and not isinstance(value, type_):
            raise ConfigError(f"{name} must be {wanted}, got {value!r}.")


def _check_int(name: str, value: Any) -> None:
    least = 0 if name == "shared_stages" else 1
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
        raise ConfigError(f"{name} must be an integer of at least {least}, got {value!r}.")


def _check_kind_name(_: str, value: Any) -> None:
    known = {*KINDS, *IMAGE_NETWORKS}
    if not isinstance(value, str) or value not in known:
        raise ConfigError(f"kind={value!r} is not possible; {did_you_mean(str(value), known)}")


def _check_loss(_: str, value: Any) -> None:
    if not isinstance(value, str) or value not in LOSSES:
        raise ConfigError(f"loss={value!r} is not possible; {did_you_mean(str(value), LOSSES)}")


def _check_number(name: str, value: Any) -> None:
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value < 0:
        raise ConfigError(f"{name} must be a finite number of at least 0, got {value!r}.")
    if name in _UNIT_INTERVAL and value > 1:
        raise ConfigError(f"{name} must lie between 0 and 1, got {value!r}.")


def _check_augmentations(_: str, names: Any) -> None:
    if not isinstance(names, tuple):
        raise ConfigError(f"diff_augment must be a tuple of names, got {names!r}.")
    for name in names:
        if name not in AUGMENTATIONS:
            nearest = did_you_mean(str(name), AUGMENTATIONS)
            raise ConfigError(f"diff_augment={name!r} is not possible; {nearest}")


_CHECKS: dict[str, Callable[[str, Any], None]] = {
    "kind": _check_kind_name,
    "loss": _check_loss,
    "diff_augment": _check_augmentations,
    "int": _check_int,
    "float": _check_number,
}
"""Checks of fields by name, or else by type."""

_UNIT_INTERVAL = (
    "beta1", "beta2", "label_smoothing", "ema", "burn_in", "class_balance", "class_balance_start",
    "progressive",
)  # fmt: skip
_BELOW_ONE = ("beta1", "beta2", "ema", "replay", "dropout")


def uses_input_gradient(fields: Mapping[str, Any]) -> bool:
    """Return whether a penalty differentiates the critic by its input."""
    return any(fields[name] > 0 for name in ("gradient_penalty", "r1", "r2"))


def check_rules(fields: Mapping[str, Any]) -> None:
    """Raise `ConfigError` with the reason if the fields of a recipe do not go together.

    Parameters
    ----------
    fields : mapping
        All fields of a recipe and of its parts, by name.
    """
    _check_homes(fields)
    _check_critic(fields)
    _check_loss_rules(fields)
    _check_conditioning(fields)
    _check_kind(fields)
    for name in _BELOW_ONE:
        if fields[name] >= 1:
            raise ConfigError(f"{name} must be below 1.")
    if fields["pac"] > fields["batch_size"]:
        raise ConfigError(f"pac={fields['pac']} is more than batch_size={fields['batch_size']}.")
    if fields["replay"] and fields["batch_size"] < 2 * fields["pac"]:
        raise ConfigError(
            "replay needs a batch of two at least (of two packs, with pac): one from earlier and "
            "one that is new."
        )


def _check_homes(fields: Mapping[str, Any]) -> None:
    """Refuse switches that the kind of network does not have."""
    kind = fields["kind"]
    like = kind if kind in KINDS else "image-mlp"  # the plainest, for those that were added
    off = {"temperature": 1.0, "pac": 1}
    for name, (kinds, reason) in _HOMES.items():
        value = fields[name]
        if value and value != off.get(name) and like not in kinds:
            raise ConfigError(
                f"{name} goes with kind {' or '.join(kinds)}, not with {kind}: {reason}."
            )


def _check_critic(fields: Mapping[str, Any]) -> None:
    if uses_input_gradient(fields) and fields["critic_norm"] == "batch":
        raise ConfigError(
            "A critic with batch norm cannot have a gradient penalty, R1 or R2: the penalty is "
            "defined for each sample and batch norm mixes the samples of a batch. "
            'Use critic_norm="layer" or "none".'
        )
    if fields["spectral_norm"] and fields["critic_norm"] != "none":
        raise ConfigError(
            f"spectral_norm does not go with a {fields['critic_norm']} norm in the critic, which "
            "would scale up again what spectral normalisation has bounded. Use "
            'critic_norm="none".'
        )
    if fields["spectral_norm"] and fields["weight_clip"]:
        raise ConfigError(
            "spectral_norm does not go with weight_clip: the weights are divided by their norm, so "
            "clipping them changes nothing. Set weight_clip=0."
        )


def _check_loss_rules(fields: Mapping[str, Any]) -> None:
    smoothing = fields["label_smoothing"]
    if smoothing and fields["loss"] not in smoothable():
        raise ConfigError(
            f"label_smoothing does not go with loss={fields['loss']!r}, which takes none: its "
            "critic gives scores without a label, or its function has no argument for it. It goes "
            "with "
            f"{', '.join(smoothable())}."
        )
    if smoothing >= 0.5:
        raise ConfigError("label_smoothing must be below 0.5: at 0.5 real and fake are alike.")
    bounded = uses_input_gradient(fields) or fields["weight_clip"] > 0 or fields["spectral_norm"]
    if fields["loss"] == "wasserstein" and not bounded:
        raise ConfigError(
            "The Wasserstein loss needs a bounded critic, or its values grow without limit: set "
            "gradient_penalty, weight_clip, r1 or spectral_norm."
        )


def _check_conditioning(fields: Mapping[str, Any]) -> None:
    kind, conditioning = fields["kind"], fields["conditioning"]
    if (conditioning == "image") != (kind == "unet"):
        raise ConfigError(
            f'conditioning={conditioning!r} does not go with kind="{kind}": "image" is for '
            'kind="unet", which is told nothing else.'
        )
    if kind == "light" and conditioning != "projection":
        raise ConfigError('kind="light" is not told the class: leave conditioning.')
    if fields["shared_stages"] and conditioning != "projection":
        raise ConfigError(
            f"shared_stages does not go with conditioning={conditioning!r}: no feature map above "
            'the shared ones is told the class. Use conditioning="projection", or shared_stages=0.'
        )
    if conditioning != "per-class":
        return
    if fields["small_classes"] == "auto":
        raise ConfigError(
            'small_classes="auto" does not go with conditioning="per-class": small classes borrow '
            "from the others in one network. Use projection or concat."
        )
    if kind == "warp":
        raise ConfigError(
            'conditioning="per-class" does not go with kind="warp": how things of a class differ '
            "is learned from all classes together. Use projection or concat."
        )


def _check_kind(fields: Mapping[str, Any]) -> None:
    kind = fields["kind"]
    if kind == "warp" and not fields["reconstruction"]:
        raise ConfigError(
            'kind="warp" needs reconstruction > 0: a critic alone teaches too little.'
        )
    plain = (fields["generator_norm"], fields["critic_norm"]) == ("none", "none")
    if kind in ("residual", *CHANGING_KINDS) and not plain:
        raise ConfigError(f'kind="{kind}" is norm-free: leave generator_norm and critic_norm.')
    if kind == "unet" and fields["mode_seeking"] and not fields["dropout"]:
        raise ConfigError(
            "mode_seeking compares what becomes of different noises, and without dropout a U-Net "
            "has none. Set dropout, or mode_seeking=0."
        )
    if kind == "unet" and (fields["small_classes"], fields["selection"]) != ("gan", "none"):
        raise ConfigError('kind="unet" knows no classes: leave small_classes and selection.')
