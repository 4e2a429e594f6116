r"""Adversarial losses: each is a pair of functions of the critic's real and fake logits.

Both functions get both logits, because the relativistic loss needs them. With real logits
:math:`r`, fake logits :math:`f` and
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

At the equilibrium of the minimax game, generated rows have the distribution of the data, the best
critic gives a probability of 1/2 to every row (all logits are 0), and the critic's loss is
:math:`2\log 2` (Goodfellow et al. 2014, theorem 1).

To add a loss, write a function that returns a :class:`Loss` and add a line to
:data:`ganaug.registry.LOSSES`. A function with an argument gets the recipe's ``label_smoothing``.
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
    """The losses of critic and generator, each ``(real_logits, fake_logits) -> scalar``."""

    critic: LossFunction
    generator: LossFunction


def _cross_entropy(smoothing: float) -> LossFunction:
    """Return the binary cross-entropy of real against fake, with one-sided label smoothing."""

    def critic(real: Tensor, fake: Tensor) -> Tensor:
        # softplus(-t) + s t is the cross-entropy of logit t against the target 1 - s, and
        # softplus(t) that against the target 0.
        return (softplus(-real) + smoothing * real).mean() + softplus(fake).mean()

    return critic


def check_loss(name: str, loss: Loss) -> None:
    """Raise `ConfigError` if a network cannot learn from a loss; both functions are called.

    Raises
    ------
    ConfigError
        If a function does not return one number, or one that does not depend on the logits.
    """
    for part in ("critic", "generator"):
        real, fake = (torch.zeros(2, requires_grad=True) for _ in range(2))
        value = getattr(loss, part)(real, fake)
        is_number = isinstance(value, Tensor) and value.numel() == 1
        # Only fake logits depend on the generator.
        logits = [real, fake] if part == "critic" else [fake]
        if (
            not is_number
            or not value.requires_grad
            or not any(_depends(value, each) for each in logits)
        ):
            raise ConfigError(
                f"LOSSES[{name!r}]: {part}(real, fake) must return one number (a mean) that "
                f"depends on the {'' if part == 'critic' else 'fake '}logits."
            )


def _depends(value: Tensor, logits: Tensor) -> bool:
    """Return whether a value has a gradient by the logits."""
    # The loss may depend on one of the two logits only.
    (slope,) = torch.autograd.grad(value, logits, retain_graph=True, allow_unused=True)
    return slope is not None


def minimax(smoothing: float = 0.0) -> Loss:
    """Return the loss of Goodfellow et al. 2014, as first published."""
    return Loss(_cross_entropy(smoothing), lambda real, fake: -softplus(fake).mean())


def non_saturating(smoothing: float = 0.0) -> Loss:
    """Return the minimax critic loss with a generator loss that does not saturate.

    Its gradient does not vanish where the critic is certain that rows are fake (Goodfellow et al.
    2014).
    """
    return Loss(_cross_entropy(smoothing), lambda real, fake: softplus(-fake).mean())


def least_squares(smoothing: float = 0.0) -> Loss:
    """Return the loss of Mao et al. 2017."""
    target = 1.0 - smoothing
    return Loss(
        lambda real, fake: (real - target).square().mean() + fake.square().mean(),
        lambda real, fake: (fake - 1.0).square().mean(),
    )


def hinge() -> Loss:
    """Return the hinge loss of Lim and Ye 2017; it has no label that could be smoothed."""
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
