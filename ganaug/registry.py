"""Where losses and networks are: the one list of their names, which loads none of them.

A loss is a function that returns a :class:`~ganaug.objectives.losses.Loss`. To add one, write the
function and give it a line here; in your own code the line is ``LOSSES["my-loss"] = my_loss``. For
networks of images it is ``IMAGE_NETWORKS["my-kind"] = (MyGenerator, MyCritic)``.
"""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable
from typing import Any

from ganaug.errors import ConfigError

LOSSES: dict[str, str | Callable[..., Any]] = {
    "minimax": "ganaug.objectives.losses:minimax",
    "non-saturating": "ganaug.objectives.losses:non_saturating",
    "least-squares": "ganaug.objectives.losses:least_squares",
    "hinge": "ganaug.objectives.losses:hinge",
    "wasserstein": "ganaug.objectives.losses:wasserstein",
    "relativistic": "ganaug.objectives.losses:relativistic",
}
"""The function of each loss, or where it is: ``"module:function"``."""

IMAGE_NETWORKS: dict[str, tuple[str | Callable[..., Any], str | Callable[..., Any]]] = {
    "image-mlp": (
        "ganaug.nets.image_mlp:ImageMLPGenerator",
        "ganaug.nets.image_mlp:ImageMLPCritic",
    ),
    "dcgan": ("ganaug.nets.dcgan:DCGANGenerator", "ganaug.nets.dcgan:DCGANCritic"),
    "residual": ("ganaug.nets.residual:ResidualGenerator", "ganaug.nets.residual:ResidualCritic"),
    "warp": ("ganaug.nets.warp:WarpGenerator", "ganaug.nets.dcgan:DCGANCritic"),
    "light": ("ganaug.nets.light:LightGenerator", "ganaug.nets.light:LightCritic"),
}
"""Generator and critic of each kind of image network, or where they are.

Each is called with a :class:`~ganaug.nets.blueprint.Blueprint` and a ``torch.Generator``. What is
added makes images from noise."""


def make_loss(name: str, smoothing: float = 0.0) -> Any:
    """Return a loss by its name; those with an argument get the label smoothing.

    Raises
    ------
    ConfigError
        If the function does not return a ``Loss`` of two functions of both logits.

    Examples
    --------
    >>> import torch
    >>> from ganaug.registry import make_loss
    >>> float(make_loss("hinge").generator(torch.zeros(2), torch.ones(2)))
    -1.0
    """
    function = _function(name)
    loss = function(smoothing) if inspect.signature(function).parameters else function()
    _check_loss(name, loss)
    return loss


def smoothable() -> list[str]:
    """Return the names of the losses that know label smoothing."""
    return [name for name in LOSSES if inspect.signature(_function(name)).parameters]


def image_networks(kind: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return the generator's and the critic's class of a kind of image network.

    Examples
    --------
    >>> from ganaug.registry import image_networks
    >>> [network.__name__ for network in image_networks("dcgan")]
    ['DCGANGenerator', 'DCGANCritic']
    """
    generator, critic = IMAGE_NETWORKS[kind]
    return _found(generator), _found(critic)


def _check_loss(name: str, loss: Any) -> None:
    try:
        for part in (loss.critic, loss.generator):
            inspect.signature(part).bind("real", "fake")
    except (AttributeError, TypeError):
        raise ConfigError(
            f"LOSSES[{name!r}] must be a function that returns Loss(critic, generator), two "
            "functions of the real and the fake logits, each of which returns one number (a mean)."
        ) from None


def _function(name: str) -> Callable[..., Any]:
    function = _found(LOSSES[name])
    if not callable(function):
        raise ConfigError(f"LOSSES[{name!r}] must be a function that returns a Loss.")
    return function


def _found(entry: str | Callable[..., Any]) -> Callable[..., Any]:
    return pkgutil.resolve_name(entry) if isinstance(entry, str) else entry
