"""Rules for recipes: the valid values of each field, and the valid combinations of fields.

A recipe is checked when it is made. The error names the reason and what to do instead.
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
"""Kinds of networks that make images from noise."""

CHANGING_KINDS = ("warp", "light")
"""Kinds of networks that change a real image of the class."""

KINDS = ("mlp", *FREE_KINDS, *CHANGING_KINDS, "unet")
"""Kinds of networks in ganaug; users may add others to :data:`~ganaug.registry.IMAGE_NETWORKS`."""

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
_KINDS_WITH: dict[str, tuple[tuple[str, ...], str]] = {
    "diff_augment": (
        (*FREE_KINDS, "warp"),
        "it changes whole images, one at a time, before the critic scores them",
    ),
    "embedding_noise": (FREE_KINDS, "only these generators of images have a class embedding"),
    "shared_stages": (("dcgan", "residual"), "only these have feature maps of several sizes"),
    "progressive": (("dcgan", "residual"), "only these can start at a smaller size"),
    "temperature": (("warp",), "only this one infers its noise from real images in training"),
    "reconstruction": (("warp",), "only this one turns real images into others of their class"),
    "l1": (("unet",), "only pairs have a real image for each generated one"),
    "dropout": (("unet",), "only this one has dropout as its noise"),
    "mode_seeking": ((*_FROM_NOISE, "unet"), "the others change real images, which already differ"),
    "pac": (_FROM_NOISE, "images made from real ones already differ as these do"),
    "minibatch_stddev": (
        (*_FROM_NOISE, "warp"),
        "the critics of layouts and of patches have no input for it",
    ),
}
"""The kinds of networks for which a field has a meaning, and why it has none for the others."""


def check_fields(part: Any) -> None:
    """Raise `ConfigError` if a field of a recipe or of one of its parts has an invalid value."""
    for f in dataclasses.fields(part):
        _check_field(f.name, str(f.type), getattr(part, f.name))


def _check_field(name: str, kind: str, value: Any) -> None:
    """Check one field; ``kind`` is its annotation, such as "float" or "float | None"."""
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
    lowest = 0 if name == "shared_stages" else 1
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < lowest:
        raise ConfigError(f"{name} must be an integer of at least {lowest}, got {value!r}.")


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
"""The check of a field, by its name or else by its type."""

_UNIT_INTERVAL = (
    "beta1", "beta2", "label_smoothing", "ema", "burn_in", "class_balance", "class_balance_start",
    "progressive",
)  # fmt: skip
"""Fields that may be 1 but not more."""

_BELOW_ONE = ("beta1", "beta2", "ema", "replay", "dropout")
"""Fields for which 1 has no meaning either: nothing new would be learned, drawn or kept."""


def uses_input_gradient(fields: Mapping[str, Any]) -> bool:
    """Return whether a penalty differentiates the critic by its input."""
    return any(fields[name] > 0 for name in ("gradient_penalty", "r1", "r2"))


def check_rules(fields: Mapping[str, Any]) -> None:
    """Raise `ConfigError` if the fields of a recipe cannot be combined.

    Parameters
    ----------
    fields : mapping
        All fields of a recipe and of its parts, by name.
    """
    _check_kinds_with(fields)
    _check_critic(fields)
    _check_loss_rules(fields)
    _check_conditioning(fields)
    _check_kind(fields)
    for name in _BELOW_ONE:
        if fields[name] >= 1:
            raise ConfigError(f"{name} must be below 1, got {fields[name]!r}.")
    if fields["pac"] > fields["batch_size"]:
        raise ConfigError(f"pac={fields['pac']} is more than batch_size={fields['batch_size']}.")
    if fields["replay"] and fields["batch_size"] < 2 * fields["pac"]:
        raise ConfigError(
            "replay needs a batch_size of at least 2 (with pac, 2 * pac): an earlier sample and a "
            "new one."
        )


def _check_kinds_with(fields: Mapping[str, Any]) -> None:
    """Raise `ConfigError` if a field is set that has no meaning for the kind of network."""
    kind = fields["kind"]
    # Networks added by users have the fields of the simplest kind of image networks.
    checked_kind = kind if kind in KINDS else "image-mlp"
    off = {"temperature": 1.0, "pac": 1}  # all others are off at 0 or at ()
    for name, (kinds, reason) in _KINDS_WITH.items():
        value = fields[name]
        if value and value != off.get(name) and checked_kind not in kinds:
            raise ConfigError(
                f"{name} needs kind {' or '.join(kinds)}, not {kind}: {reason}. Leave it out, or "
                "change kind."
            )


def _check_critic(fields: Mapping[str, Any]) -> None:
    if uses_input_gradient(fields) and fields["critic_norm"] == "batch":
        raise ConfigError(
            "A critic with batch norm cannot have a gradient penalty, R1 or R2: the penalty is "
            "defined for each sample, and batch norm mixes the samples of a batch. "
            'Use critic_norm="layer" or "none".'
        )
    if fields["spectral_norm"] and fields["critic_norm"] != "none":
        raise ConfigError(
            f"spectral_norm cannot be combined with a {fields['critic_norm']} norm in the critic, "
            "which would scale up again what spectral normalisation has bounded. Use "
            'critic_norm="none".'
        )
    if fields["spectral_norm"] and fields["weight_clip"]:
        raise ConfigError(
            "spectral_norm cannot be combined with weight_clip: the weights are divided by their "
            "norm, so clipping them changes nothing. Set weight_clip=0."
        )


def _check_loss_rules(fields: Mapping[str, Any]) -> None:
    smoothing = fields["label_smoothing"]
    if smoothing and fields["loss"] not in smoothable():
        raise ConfigError(
            f"label_smoothing cannot be combined with loss={fields['loss']!r}, which has no label "
            "to smooth (the function of the loss has no argument). Set label_smoothing=0, or use "
            f"one of {', '.join(smoothable())}."
        )
    if smoothing >= 0.5:
        raise ConfigError(
            f"label_smoothing must be below 0.5, got {smoothing}: at 0.5 real and fake rows have "
            "the same target."
        )
    bounded = uses_input_gradient(fields) or fields["weight_clip"] > 0 or fields["spectral_norm"]
    if fields["loss"] == "wasserstein" and not bounded:
        raise ConfigError(
            "The Wasserstein loss needs a bounded critic, or its values grow without limit. Set "
            "gradient_penalty, weight_clip, r1 or spectral_norm."
        )


def _check_conditioning(fields: Mapping[str, Any]) -> None:
    kind, conditioning = fields["kind"], fields["conditioning"]
    if (conditioning == "image") != (kind == "unet"):
        raise ConfigError(
            f'conditioning={conditioning!r} cannot be combined with kind="{kind}": "image" is for '
            'kind="unet", and kind="unet" has no other conditioning.'
        )
    if kind == "light" and conditioning != "projection":
        raise ConfigError(
            f'kind="light" does not use the class, got conditioning={conditioning!r}: leave it at '
            '"projection".'
        )
    if fields["shared_stages"] and conditioning != "projection":
        raise ConfigError(
            f"shared_stages cannot be combined with conditioning={conditioning!r}: the feature "
            "maps above the shared ones would not depend on the class. Use "
            'conditioning="projection", or shared_stages=0.'
        )
    if conditioning != "per-class":
        return
    if fields["small_classes"] == "auto":
        raise ConfigError(
            'small_classes="auto" cannot be combined with conditioning="per-class": small classes '
            "are learned together with the others in one network. Use projection or concat."
        )
    if kind == "warp":
        raise ConfigError(
            'conditioning="per-class" cannot be combined with kind="warp": the variation within a '
            "class is learned from all classes together. Use projection or concat."
        )


def _check_kind(fields: Mapping[str, Any]) -> None:
    kind = fields["kind"]
    if kind == "warp" and not fields["reconstruction"]:
        raise ConfigError(
            'kind="warp" needs reconstruction > 0: the critic alone does not teach it enough.'
        )
    plain = (fields["generator_norm"], fields["critic_norm"]) == ("none", "none")
    if kind in ("residual", *CHANGING_KINDS) and not plain:
        raise ConfigError(
            f'kind="{kind}" is norm-free: leave generator_norm and critic_norm at "none".'
        )
    if kind == "unet" and fields["mode_seeking"] and not fields["dropout"]:
        raise ConfigError(
            "mode_seeking compares images made from different noise, and without dropout a U-Net "
            "has no noise. Set dropout, or mode_seeking=0."
        )
    if kind == "unet" and (fields["small_classes"], fields["selection"]) != ("gan", "none"):
        raise ConfigError(
            'kind="unet" has no classes: leave small_classes at "gan" and selection at "none".'
        )
