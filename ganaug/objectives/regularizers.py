"""Penalties on the critic and the generator: each is a function of a context, times a weight.

A penalty sees only the :class:`Context` of the current step. ``CRITIC_PENALTIES`` are added to the
critic's loss (those that differentiate by the input may be applied every few steps),
``GENERATOR_PENALTIES`` to the generator's, and :func:`clip_weights` runs after a critic step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Context:
    """What a penalty may look at.

    Attributes
    ----------
    critic : callable
        ``critic(rows, labels) -> (logits, features)``.
    real, fake : Tensor of shape (batch, width)
        Rows shown to the critic; both require a gradient when a penalty needs one.
    labels : Tensor of shape (batch,)
        Their classes.
    real_logits, fake_logits : Tensor
        The critic's answers, one a packed sample.
    real_features, fake_features : Tensor of shape (samples, features)
        The critic's last hidden layer.
    generator : torch.Generator
        Source of randomness.
    """

    critic: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
    real: Tensor
    fake: Tensor
    labels: Tensor
    real_logits: Tensor
    fake_logits: Tensor
    real_features: Tensor
    fake_features: Tensor
    generator: torch.Generator


Penalty = Callable[[Context], Tensor]


def _squared_gradient(logits: Tensor, rows: Tensor) -> Tensor:
    """Return the squared norm of the input gradient of each packed sample."""
    (gradient,) = torch.autograd.grad(logits.sum(), rows, create_graph=True)
    return gradient.reshape(logits.shape[0], -1).square().sum(1)


def gradient_penalty(context: Context) -> Tensor:
    """Return the WGAN-GP penalty at random points between real and fake (Gulrajani 2017)."""
    mix = torch.rand(
        (context.real.shape[0], *[1] * (context.real.dim() - 1)),
        generator=context.generator,
        device=context.real.device,
    )
    between = torch.lerp(context.fake.detach(), context.real.detach(), mix).requires_grad_()
    logits, _ = context.critic(between, context.labels)
    # A small constant keeps the square root differentiable where the gradient vanishes.
    norm = (_squared_gradient(logits, between) + 1e-12).sqrt()
    return (norm - 1.0).square().mean()


def r1(context: Context) -> Tensor:
    """Return half the squared gradient norm at real rows (Mescheder et al. 2018)."""
    return 0.5 * _squared_gradient(context.real_logits, context.real).mean()


def r2(context: Context) -> Tensor:
    """Return half the squared gradient norm at generated rows (Mescheder et al. 2018)."""
    return 0.5 * _squared_gradient(context.fake_logits, context.fake).mean()


def feature_matching(context: Context) -> Tensor:
    """Return the squared distance of mean critic features (Salimans et al. 2016)."""
    gap = context.real_features.detach().mean(0) - context.fake_features.mean(0)
    return gap.square().sum()


@torch.no_grad()
def clip_weights(parameters: Iterable[Tensor], limit: float) -> None:
    """Clip each weight into ``[-limit, limit]`` in place (Arjovsky et al. 2017)."""
    for parameter in parameters:
        parameter.clamp_(-limit, limit)


CRITIC_PENALTIES: dict[str, Penalty] = {"gradient_penalty": gradient_penalty, "r1": r1, "r2": r2}
GENERATOR_PENALTIES: dict[str, Penalty] = {"feature_matching": feature_matching}
