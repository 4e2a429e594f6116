"""The names of losses and image networks, and where they are defined.

A loss is a function that returns a :class:`~ganaug.objectives.losses.Loss`. To add one, write the
function and register it: ``LOSSES["my-loss"] = my_loss``. Networks for images are registered by
``IMAGE_NETWORKS["my-kind"] = (MyGenerator, MyCritic)``.

Entries of ganaug are texts, ``"module:name"``, so that this module loads neither losses nor torch.
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
"""The function of each loss, or its place as ``"module:function"``."""

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
"""Generator and critic of each kind of image network, or their places.

Each is called with a :class:`~ganaug.nets.blueprint.Blueprint` and a ``torch.Generator``. A
generator that you add must make images from noise."""


def make_loss(name: str, smoothing: float = 0.0) -> Any:
    """Return a loss by its name.

    Parameters
    ----------
    name : str
        A key of :data:`LOSSES`.
    smoothing : float, default=0.0
        Label smoothing, for functions of a loss that have an argument.

    Returns
    -------
    Loss

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
    """Return the names of the losses with label smoothing: their functions have an argument."""
    return [name for name in LOSSES if inspect.signature(_function(name)).parameters]


def image_networks(kind: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return the classes of generator and critic of a kind of image network.

    Examples
    --------
    >>> from ganaug.registry import image_networks
    >>> [network.__name__ for network in image_networks("dcgan")]
    ['DCGANGenerator', 'DCGANCritic']
    """
    generator, critic = IMAGE_NETWORKS[kind]
    return _resolve(generator), _resolve(critic)


def _check_loss(name: str, loss: Any) -> None:
    """Raise `ConfigError` if a loss has not two functions of two arguments."""
    try:
        for part in (loss.critic, loss.generator):
            inspect.signature(part).bind("real", "fake")
    except (AttributeError, TypeError):
        raise ConfigError(
            f"LOSSES[{name!r}] must be a function that returns Loss(critic, generator), two "
            "functions of the real and the fake logits, each of which returns one number (a mean)."
        ) from None


def _function(name: str) -> Callable[..., Any]:
    """Return the function of a loss."""
    function = _resolve(LOSSES[name])
    if not callable(function):
        raise ConfigError(f"LOSSES[{name!r}] must be a function that returns a Loss.")
    return function


def _resolve(entry: str | Callable[..., Any]) -> Callable[..., Any]:
    """Return an entry itself, or the object at its place."""
    return pkgutil.resolve_name(entry) if isinstance(entry, str) else entry
