"""Penalties on the critic and the generator: each is a function of a context, times a weight.

A penalty sees only the :class:`Context` of the current step, and what it has itself kept of earlier
ones. ``CRITIC_PENALTIES`` are added to the critic's loss (those ``BY_INPUT`` may be applied every
few steps), ``GENERATOR_PENALTIES`` to the generator's, and :func:`clip_weights` runs after a critic
step. The names are those of the recipe's fields; each training run makes its own penalties.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ganaug.runtime.privates import differences, lerp_all


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
    weights : sequence of Tensor
        Of the network that is being trained.
    twins : callable
        Returns two noises for each of some labels, (2, n, noise_dim), and what the generator makes
        of them, (2, n, ...).
    lesson : callable
        Returns how badly the generator does what real samples teach it directly.
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
    weights: Sequence[Tensor]
    twins: Callable[[], tuple[Tensor, Tensor]]
    lesson: Callable[[], Tensor]


Penalty = Callable[[Context], Tensor]


def _squared_gradient(logits: Tensor, rows: Tensor) -> Tensor:
    """Return the squared norm of the input gradient of each packed sample."""
    (gradient,) = torch.autograd.grad(logits.sum(), rows, create_graph=True)
    return gradient.reshape(logits.shape[0], -1).square().sum(1)


def gradient_penalty(context: Context) -> Tensor:
    """Return the WGAN-GP penalty at random points between real and fake (Gulrajani 2017)."""
    # One point for all rows that the critic judges together.
    packs = len(context.real_logits)
    mix = torch.rand(
        (packs, *[1] * (context.real.dim() - 1)),
        generator=context.generator,
        device=context.real.device,
    ).repeat_interleave(len(context.real) // packs, 0)
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


def l1(context: Context) -> Tensor:
    """Return the mean absolute difference from the real image of each pair (Isola et al. 2017)."""
    return (context.fake - context.real).abs().mean()


def reconstruction(context: Context) -> Tensor:
    """Return how badly the generator turns real images into others of their class."""
    return context.lesson()


def mode_seeking(context: Context) -> Tensor:
    """Return the distance of two noises over that of what becomes of them (Mao et al. 2019).

    A generator that makes the same of every noise pays most.
    """
    noises, rows = context.twins()
    apart = [(pair[0] - pair[1]).abs().mean() for pair in (noises, rows)]
    return apart[0] / (apart[1] + 1e-5)


class LeCam:
    """Keeps the critic's answers near what it used to answer to the other side (Tseng et al. 2021).

    Squared distances of real logits from the moving average of generated ones, and the other way
    round: they bound the critic where it has few real samples to learn by heart.
    """

    DECAY = 0.99

    def __init__(self) -> None:
        self.averages: list[Tensor] | None = None

    def __call__(self, context: Context) -> Tensor:
        """Return the penalty, after moving the averages towards the answers of this step."""
        sides = context.real_logits, context.fake_logits
        means = [logits.detach().mean() for logits in sides]
        if self.averages is None:
            self.averages = means
        self.averages = [
            torch.lerp(mean, old, self.DECAY)
            for mean, old in zip(means, self.averages, strict=True)
        ]
        real, fake = self.averages
        return (sides[0] - fake).square().mean() + (sides[1] - real).square().mean()


class HistoricalAverage:
    """Squared distance of the weights from their mean over training (Salimans et al. 2016)."""

    def __init__(self) -> None:
        self.means: list[Tensor] = []
        self.seen = 0

    def __call__(self, context: Context) -> Tensor:
        """Return the penalty, after taking the weights of this step into the mean."""
        weights = list(context.weights)
        now = [weight.detach() for weight in weights]
        self.seen += 1
        if self.seen == 1:
            self.means = [weight.clone() for weight in now]
        lerp_all(self.means, now, 1.0 / self.seen)
        gaps = differences(weights, self.means)
        return torch.stack([gap.square().sum() for gap in gaps]).sum()


@torch.no_grad()
def clip_weights(parameters: Iterable[Tensor], limit: float) -> None:
    """Clip each weight into ``[-limit, limit]`` in place (Arjovsky et al. 2017)."""
    for parameter in parameters:
        parameter.clamp_(-limit, limit)


CRITIC_PENALTIES: dict[str, Callable[[], Penalty]] = {
    "gradient_penalty": lambda: gradient_penalty,
    "r1": lambda: r1,
    "r2": lambda: r2,
    "lecam": LeCam,
    "historical_average": HistoricalAverage,
}
GENERATOR_PENALTIES: dict[str, Callable[[], Penalty]] = {
    "feature_matching": lambda: feature_matching,
    "reconstruction": lambda: reconstruction,
    "l1": lambda: l1,
    "mode_seeking": lambda: mode_seeking,
    "historical_average": HistoricalAverage,
}

BY_INPUT = ("gradient_penalty", "r1", "r2")
"""Penalties that differentiate the critic by its input."""

FADING = ("r1", "r2")
"""Penalties whose weight falls during the burn-in."""
