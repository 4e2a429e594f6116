"""Layers that the networks share. All initial weights are drawn from an explicit generator."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

SLOPE = 0.2
"""Slope of the leaky rectifier below zero, as in DCGAN (Radford et al. 2016)."""

LEAKY_GAIN = math.sqrt(2.0 / (1.0 + SLOPE**2))
"""Keeps the variance of the activations constant over the layers (He et al. 2015)."""


def default_device() -> torch.device:
    """Return the device of new tensors: "meta" inside ``with torch.device("meta")``."""
    # torch.get_default_device ignores such a block in torch 2.4.
    return torch.empty(0).device


def activate(hidden: Tensor) -> Tensor:
    """Apply the leaky rectifier that every hidden layer uses."""
    return leaky_relu(hidden, SLOPE)


def linear(
    inputs: int, outputs: int, generator: torch.Generator, *, gain: float = LEAKY_GAIN
) -> nn.Linear:
    """Return a linear layer with He-normal weights drawn from ``generator`` and a bias of zero."""
    # skip_init: nn.Linear's own initialisation would draw from the global generator.
    layer = nn.utils.skip_init(nn.Linear, inputs, outputs, device=default_device())
    with torch.no_grad():
        layer.weight.normal_(0.0, gain / math.sqrt(max(inputs, 1)), generator=generator)
        layer.bias.zero_()
    return layer


def embedding(
    rows: int, width: int, generator: torch.Generator, *, scale: float = 1.0
) -> nn.Parameter:
    """Return a table of ``rows`` normal vectors drawn from ``generator``."""
    return nn.Parameter(torch.randn(rows, width, generator=generator) * scale)


def norm(kind: str, width: int) -> nn.Module:
    """Return a normalisation layer for vectors; ``kind`` is "none", "layer" or "batch"."""
    if kind == "batch":
        return nn.BatchNorm1d(width)
    return nn.LayerNorm(width) if kind == "layer" else nn.Identity()


GROUP = 4
"""Adjacent samples whose spread a critic receives; four, as in the code of Karras et al. 2018."""


def group_deviation(hidden: Tensor) -> Tensor:
    """Return the spread of the samples of each group, (batch, 1), after Karras et al. 2018.

    It is the standard deviation of a feature over the group, averaged over the features. A batch
    that cannot be divided into groups of :data:`GROUP` is one group.
    """
    group = GROUP if len(hidden) % GROUP == 0 else len(hidden)
    groups = hidden.reshape(len(hidden) // group, group, -1)
    # A small constant keeps the square root differentiable where all samples are equal.
    deviation = ((groups - groups.mean(1, keepdim=True)).square().mean(1) + 1e-8).sqrt().mean(1)
    return deviation.repeat_interleave(group).unsqueeze(1)


class ResidualBlock(nn.Module):
    """Two linear layers beside a shortcut."""

    def __init__(self, width: int, norm_kind: str, generator: torch.Generator) -> None:
        super().__init__()
        self.norm = norm(norm_kind, width)
        self.first = linear(width, width, generator)
        # Small: the block starts close to the identity, so that more blocks do no harm.
        self.second = linear(width, width, generator, gain=0.1)

    def forward(self, hidden: Tensor) -> Tensor:
        """Map (batch, width) to (batch, width)."""
        inner = self.first(activate(self.norm(hidden)))
        return hidden + self.second(activate(inner))


class ResidualBody(nn.Module):
    """The layers that all multilayer perceptrons share: a linear one, then residual blocks.

    A subclass calls :meth:`make_body` at the place in its constructor where these layers draw their
    weights: the order of the draws decides the weights of a seed.
    """

    enter: nn.Linear
    blocks: nn.ModuleList

    def make_body(
        self, inputs: int, width: int, depth: int, norm_kind: str, generator: torch.Generator
    ) -> None:
        """Add the layers to this module, with weights drawn from ``generator``."""
        self.enter = linear(inputs, width, generator)
        self.blocks = nn.ModuleList(
            ResidualBlock(width, norm_kind, generator) for _ in range(depth)
        )

    def body(self, inputs: Tensor) -> Tensor:
        """Map (batch, inputs) to (batch, width) activated features."""
        hidden: Tensor = self.enter(inputs)
        for block in self.blocks:
            hidden = block(hidden)
        return activate(hidden)


class ProjectionOutput(nn.Module):
    """The last layer of a critic: a logit for each row of features.

    Where the critic is conditioned by projection, the logit also has the inner product of the
    features with a learned vector of the class (Miyato and Koyama 2018).
    """

    leave: nn.Linear
    classes: nn.Parameter | None

    def make_output(self, width: int, n_classes: int, generator: torch.Generator) -> None:
        """Add the layer to this module; ``n_classes=0`` leaves the projection out."""
        self.leave = linear(width, 1, generator, gain=1.0)
        scale = width**-0.5  # keeps the inner product at the size of the linear layer's output
        self.classes = embedding(n_classes, width, generator, scale=scale) if n_classes else None

    def logits(self, features: Tensor, labels: Tensor) -> Tensor:
        """Map (batch, width) features and (batch,) labels to (batch,) logits."""
        logits: Tensor = self.leave(features).squeeze(1)
        if self.classes is not None:
            # All classes first, then the one of the row: cheaper than a gather of wide vectors.
            scores = features @ self.classes.T
            logits = logits + scores.gather(1, labels.unsqueeze(1)).squeeze(1)
        return logits
