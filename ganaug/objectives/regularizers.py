"""Penalties (regularizers), which are added to the loss of the critic or the generator.

A penalty is a function of the :class:`Context` of a step; the recipe gives its weight. Some are
objects that also remember values of earlier steps, so each training run makes its own.

``CRITIC_PENALTIES`` are added to the critic's loss; those in ``BY_INPUT`` may be applied at every
few steps only. ``GENERATOR_PENALTIES`` are added to the generator's loss. :func:`clip_weights` is
called after a critic step. The names are those of the recipe's fields.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ganaug.runtime.privates import differences, lerp_all


@dataclass
class Context:
    """Values of a training step that a penalty may use.

    Attributes
    ----------
    critic : callable
        ``critic(rows, labels) -> (logits, features)``.
    real, fake : Tensor of shape (batch, width)
        Real and generated rows; both require a gradient if a penalty needs one.
    labels : Tensor of shape (batch,)
        Their classes.
    real_logits, fake_logits : Tensor of shape (packs,)
        The critic's logits, one for each pack of ``pac`` rows.
    real_features, fake_features : Tensor of shape (packs, features)
        The critic's last hidden layer.
    generator : torch.Generator
        Source of random numbers; not the network.
    weights : sequence of Tensor
        Weights of the network that is trained in this step.
    noise_pairs : callable
        Returns two noise vectors for each of some labels, (2, n, noise_dim), and the rows that the
        generator makes from them, (2, n, ...).
    reconstruction_loss : callable
        Returns the loss by which the generator learns from pairs of real images.
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
    noise_pairs: Callable[[], tuple[Tensor, Tensor]]
    reconstruction_loss: Callable[[], Tensor]


Penalty = Callable[[Context], Tensor]


def _squared_gradient(logits: Tensor, rows: Tensor) -> Tensor:
    """Return the squared norm of the input gradient of each pack."""
    # The sum gives the gradients of all rows in one pass. create_graph, since the penalty is
    # differentiated by the critic's weights afterwards.
    (gradient,) = torch.autograd.grad(logits.sum(), rows, create_graph=True)
    return gradient.reshape(logits.shape[0], -1).square().sum(1)


def gradient_penalty(context: Context) -> Tensor:
    """Return the WGAN-GP penalty at random points between real and fake (Gulrajani 2017)."""
    # All rows of a pack are mixed in one ratio, since the critic scores them together.
    packs = len(context.real_logits)
    ratio = torch.rand(
        (packs, *[1] * (context.real.dim() - 1)),
        generator=context.generator,
        device=context.real.device,
    ).repeat_interleave(len(context.real) // packs, 0)
    between = torch.lerp(context.fake.detach(), context.real.detach(), ratio).requires_grad_()
    logits, _ = context.critic(between, context.labels)
    # The small constant keeps the square root differentiable where the gradient is zero.
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
    # Detached: only the generated features depend on the generator, which is trained here.
    gap = context.real_features.detach().mean(0) - context.fake_features.mean(0)
    return gap.square().sum()


def l1(context: Context) -> Tensor:
    """Return the mean absolute difference from the real image of each pair (Isola et al. 2017)."""
    return (context.fake - context.real).abs().mean()


def reconstruction(context: Context) -> Tensor:
    """Return the loss of turning real images into other images of their class."""
    return context.reconstruction_loss()


def mode_seeking(context: Context) -> Tensor:
    """Return the distance of two noise vectors over that of their rows (Mao et al. 2019).

    It is largest for a generator that makes the same row from every noise.
    """
    noises, rows = context.noise_pairs()
    noise_distance, row_distance = ((pair[0] - pair[1]).abs().mean() for pair in (noises, rows))
    return noise_distance / (row_distance + 1e-5)  # bounds the penalty where rows are equal


class LeCam:
    """Squared distance of real logits from the moving average of fake ones, and vice versa.

    It bounds the logits of a critic that could memorise a few real rows (Tseng et al. 2021).
    """

    DECAY = 0.99
    """Decay of the averages in a step: they cover about the last hundred steps."""

    def __init__(self) -> None:
        self.averages: list[Tensor] | None = None

    def __call__(self, context: Context) -> Tensor:
        """Return the penalty, after moving the averages towards the logits of this step."""
        real_logits, fake_logits = context.real_logits, context.fake_logits
        means = [logits.detach().mean() for logits in (real_logits, fake_logits)]
        if self.averages is None:
            self.averages = means
        self.averages = [
            torch.lerp(mean, old, self.DECAY)
            for mean, old in zip(means, self.averages, strict=True)
        ]
        real, fake = self.averages
        return (real_logits - fake).square().mean() + (fake_logits - real).square().mean()


class HistoricalAverage:
    """Squared distance of the weights from their mean over training (Salimans et al. 2016)."""

    def __init__(self) -> None:
        self.means: list[Tensor] = []
        self.n_steps = 0

    def __call__(self, context: Context) -> Tensor:
        """Return the penalty, after including the weights of this step in the mean."""
        weights = list(context.weights)
        values = [weight.detach() for weight in weights]
        self.n_steps += 1
        if self.n_steps == 1:
            self.means = [weight.clone() for weight in values]
        lerp_all(self.means, values, 1.0 / self.n_steps)
        gaps = differences(weights, self.means)
        return torch.stack([gap.square().sum() for gap in gaps]).sum()


@torch.no_grad()
def clip_weights(parameters: Iterable[Tensor], limit: float) -> None:
    """Clip each weight to ``[-limit, limit]`` in place (Arjovsky et al. 2017)."""
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
"""Penalties on the gradient of the critic by its input, which cost an extra backward pass."""

FADING = ("r1", "r2")
"""Penalties whose weight falls to ``final_penalty`` during the burn-in."""
