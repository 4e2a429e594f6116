r"""Adversarial losses: each has two functions of the critic's real and fake logits.

Both functions always get both logits, because the relativistic loss needs them. With
:math:`D = \sigma(\text{logit})`:

==============  ======================================  =================================
name            critic minimises                        generator minimises
==============  ======================================  =================================
minimax         :math:`-E\log D(x) - E\log(1-D(G(z)))`  :math:`E\log(1-D(G(z)))`
non-saturating  the same                                :math:`-E\log D(G(z))`
least-squares   :math:`E(r-1)^2 + E f^2`                :math:`E(f-1)^2`
hinge           :math:`E\max(0,1-r) + E\max(0,1+f)`     :math:`-E f`
wasserstein     :math:`E f - E r`                       :math:`-E f`
relativistic    :math:`E\,\mathrm{softplus}(f-r)`       :math:`E\,\mathrm{softplus}(r-f)`
==============  ======================================  =================================

At the equilibrium of the minimax game the generator's distribution equals the data's, the best
critic answers 1/2 everywhere (all logits 0), and the critic's loss is :math:`2\log 2`
(Goodfellow et al. 2014, theorem 1).

To add a loss, write a function that returns a :class:`Loss` and give it a line in
:data:`ganaug.registry.LOSSES`; a function with an argument gets the recipe's ``label_smoothing``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from ganaug.errors import ConfigError

LossFunction = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Loss:
    """The critic's and the generator's loss, each ``(real_logits, fake_logits) -> scalar``."""

    critic: LossFunction
    generator: LossFunction


def _cross_entropy(smoothing: float) -> LossFunction:
    """Binary cross-entropy of real against fake with one-sided label smoothing."""

    def critic(real: Tensor, fake: Tensor) -> Tensor:
        # softplus(-t) + s t is the cross-entropy of logit t against the target 1 - s.
        return (softplus(-real) + smoothing * real).mean() + softplus(fake).mean()

    return critic


def check_loss(name: str, loss: Loss) -> None:
    """Refuse, by a trial, a loss from which a network cannot learn.

    Raises
    ------
    ConfigError
        If a function returns anything but one number, or one that no logit changes.
    """
    for part in ("critic", "generator"):
        real, fake = (torch.zeros(2, requires_grad=True) for _ in range(2))
        value = getattr(loss, part)(real, fake)
        one = isinstance(value, Tensor) and value.numel() == 1
        told = [real, fake] if part == "critic" else [fake]
        if not one or not value.requires_grad or not any(_moved(value, each) for each in told):
            raise ConfigError(
                f"LOSSES[{name!r}]: {part}(real, fake) must return one number (a mean) that "
                f"depends on the {'' if part == 'critic' else 'fake '}logits."
            )


def _moved(value: Tensor, logits: Tensor) -> bool:
    (slope,) = torch.autograd.grad(value, logits, retain_graph=True, allow_unused=True)
    return slope is not None


def minimax(smoothing: float = 0.0) -> Loss:
    """Return the loss of Goodfellow et al. 2014, as first published."""
    return Loss(_cross_entropy(smoothing), lambda real, fake: -softplus(fake).mean())


def non_saturating(smoothing: float = 0.0) -> Loss:
    """Return the same game with a generator loss whose gradient survives a confident critic."""
    return Loss(_cross_entropy(smoothing), lambda real, fake: softplus(-fake).mean())


def least_squares(smoothing: float = 0.0) -> Loss:
    """Return the loss of Mao et al. 2017."""
    target = 1.0 - smoothing
    return Loss(
        lambda real, fake: (real - target).square().mean() + fake.square().mean(),
        lambda real, fake: (fake - 1.0).square().mean(),
    )


def hinge() -> Loss:
    """Return the hinge loss of Lim and Ye 2017; scores have no label to smooth."""
    return Loss(
        lambda real, fake: relu(1.0 - real).mean() + relu(1.0 + fake).mean(),
        lambda real, fake: -fake.mean(),
    )


def wasserstein() -> Loss:
    """Return the Wasserstein loss of Arjovsky et al. 2017."""
    return Loss(lambda real, fake: fake.mean() - real.mean(), lambda real, fake: -fake.mean())


def relativistic(smoothing: float = 0.0) -> Loss:
    """Return the relativistic pairing loss of Jolicoeur-Martineau 2018.

    Each real row is compared with one generated row of the same class.
    """

    def critic(real: Tensor, fake: Tensor) -> Tensor:
        margin = real - fake
        return (softplus(-margin) + smoothing * margin).mean()

    return Loss(critic, lambda real, fake: softplus(real - fake).mean())
