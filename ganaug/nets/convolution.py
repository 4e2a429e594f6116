"""Pieces that convolutional networks share. All initial weights come from an explicit generator."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from ganaug.errors import ConfigError
from ganaug.nets.blocks import LEAKY_GAIN, activate, default_device, embedding, linear
from ganaug.recipe import Architecture

SMALLEST = 4
"""Height or width at which the networks stop halving."""

WIDEST = 8
"""Channels at the smallest size, at most, as a multiple of those at the largest."""


@dataclass(frozen=True)
class Pyramid:
    """How an image size is reached by doubling a small one.

    Parameters
    ----------
    height, width : int
        Of the images.

    Examples
    --------
    >>> from ganaug.nets.convolution import Pyramid
    >>> Pyramid(28, 28).stages, Pyramid(28, 28).base, Pyramid(28, 28).top
    (2, (7, 7), (28, 28))
    >>> Pyramid(30, 50).base, Pyramid(30, 50).top
    ((8, 13), (32, 52))
    """

    height: int
    width: int

    @property
    def stages(self) -> int:
        """Number of doublings."""
        return max(int(math.log2(min(self.height, self.width) / SMALLEST)), 1)

    @property
    def base(self) -> tuple[int, int]:
        """The smallest size."""
        return -(-self.height // 2**self.stages), -(-self.width // 2**self.stages)

    @property
    def top(self) -> tuple[int, int]:
        """The size that doubling reaches: the images', or slightly more."""
        return self.base[0] * 2**self.stages, self.base[1] * 2**self.stages

    def channels(self, stage: int, width: int) -> int:
        """Return the channels after ``stage`` doublings of a network with ``width`` at the top."""
        return width * min(2 ** (self.stages - stage), WIDEST)

    def pad(self, images: Tensor) -> Tensor:
        """Return images grown to the top size by repeating their borders."""
        missing = self.top[0] - self.height, self.top[1] - self.width
        if not any(missing):
            return images
        margins = (missing[1] // 2, -(-missing[1] // 2), missing[0] // 2, -(-missing[0] // 2))
        return nn.functional.pad(images, margins, mode="replicate")

    def crop(self, images: Tensor) -> Tensor:
        """Return the middle of images of the top size."""
        top = (self.top[0] - self.height) // 2
        left = (self.top[1] - self.width) // 2
        return images[..., top : top + self.height, left : left + self.width]


def convolution(
    inputs: int,
    outputs: int,
    kernel: int,
    generator: torch.Generator,
    *,
    stride: int = 1,
    groups: int = 1,
    gain: float = LEAKY_GAIN,
) -> nn.Conv2d:
    """Return a convolution that keeps the size (or halves it) with He-normal weights, zero bias."""
    padding = (kernel - 1) // 2 if stride == 1 else (kernel - stride) // 2
    layer = nn.utils.skip_init(
        nn.Conv2d,
        inputs,
        outputs,
        kernel,
        stride=stride,
        padding=padding,
        groups=groups,
        device=default_device(),
    )
    _initialise(layer, gain / math.sqrt(inputs // groups * kernel**2), generator)
    return layer


def doubling(
    inputs: int, outputs: int, generator: torch.Generator, *, gain: float = LEAKY_GAIN
) -> nn.ConvTranspose2d:
    """Return a transposed convolution of kernel 4 that doubles height and width."""
    layer = nn.utils.skip_init(
        nn.ConvTranspose2d,
        inputs,
        outputs,
        4,
        stride=2,
        padding=1,
        device=default_device(),
    )
    # Each output pixel is reached by four of the kernel's sixteen weights.
    _initialise(layer, gain / math.sqrt(inputs * 4), generator)
    return layer


@torch.no_grad()
def _initialise(
    layer: nn.Conv2d | nn.ConvTranspose2d, deviation: float, generator: torch.Generator
) -> None:
    layer.weight.normal_(0.0, deviation, generator=generator)
    if layer.bias is not None:
        layer.bias.zero_()


def norm2d(kind: str, channels: int) -> nn.Module:
    """Return the normalisation layer called ``kind`` for feature maps."""
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    return nn.GroupNorm(1, channels) if kind == "layer" else nn.Identity()


class ClassEmbedding(nn.Module):
    """A vector a class: a mean of all plus the class's own part, with noise while training.

    The fewer images a class has, the less its vector should be trusted: the noise is proportional
    to ``1 / sqrt(count)``, so that a rare class is learned as a neighbourhood, not as a point.

    Parameters
    ----------
    counts : Tensor of shape (n_classes,)
        Images of each class.
    width : int
    noise : float
        Standard deviation of the noise for a class of one image.
    generator : torch.Generator
        Source of the initial weights.
    """

    deviation: Tensor

    def __init__(
        self, counts: Tensor, width: int, noise: float, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.mean = embedding(1, width, generator)
        self.own = embedding(len(counts), width, generator)
        self.noise = noise
        self.register_buffer("deviation", noise / counts.float().clamp_min(1).sqrt())

    def forward(self, labels: Tensor, random: torch.Generator) -> Tensor:
        """Return (batch, width) vectors."""
        vectors = self.mean + self.own[labels]
        if not self.training or not self.noise:
            return vectors
        shake = torch.randn(vectors.shape, generator=random, device=vectors.device)
        return vectors + shake * self.deviation[labels].unsqueeze(1)


class Modulation(nn.Module):
    """Scales and shifts feature maps by class: how a class enters above the smallest size."""

    def __init__(self, width: int, channels: int, generator: torch.Generator) -> None:
        super().__init__()
        self.affine = linear(width, 2 * channels, generator, gain=0.1)

    def forward(self, hidden: Tensor, vectors: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to the same shape."""
        scale, shift = self.affine(vectors)[:, :, None, None].chunk(2, 1)
        return hidden * (1.0 + scale) + shift


class FromNoise(nn.Module):
    """The beginning of a generator of images, and how its feature maps are told the class.

    A linear layer makes the smallest feature map. The class is part of its input and modulates
    every feature map; the first ``shared_stages`` (counting the input as one) are not told it, and
    so belong to all classes.

    Parameters
    ----------
    pyramid : Pyramid
        Of the images.
    widths : list of int
        Channels of the feature maps, from the smallest size up.
    counts : Tensor of shape (n_classes,)
        Training images of each class.
    architecture : Architecture
        Sizes.
    generator : torch.Generator
        Source of the initial weights.
    """

    uses_anchors = False

    def __init__(
        self,
        pyramid: Pyramid,
        widths: list[int],
        counts: Tensor,
        architecture: Architecture,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.pyramid, self.shared = pyramid, architecture.shared_stages
        if self.shared >= len(widths):
            raise ConfigError(
                f"shared_stages={self.shared} is not possible: for images of this size the "
                f"generator has {len(widths)} size(s) of feature maps, and at least one must be "
                "told the class."
            )
        self.noise_dim, size = architecture.noise_dim, architecture.embedding_dim
        self.classes = ClassEmbedding(counts, size, architecture.embedding_noise, generator)
        inputs = self.noise_dim + (size if self.shared == 0 else 0)
        self.enter = linear(inputs, widths[0] * pyramid.base[0] * pyramid.base[1], generator)
        self.modulations = nn.ModuleList(
            Modulation(size, width, generator) if stage >= self.shared else nn.Identity()
            for stage, width in enumerate(widths)
        )

    def begin(
        self, noise: Tensor, labels: Tensor, random: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Return the smallest feature map and the vectors of the classes."""
        vectors = self.classes(labels, random)
        start = noise if self.shared else torch.cat([noise, vectors], 1)
        return self.enter(start).reshape(len(noise), -1, *self.pyramid.base), vectors

    def modulate(self, stage: int, hidden: Tensor, vectors: Tensor) -> Tensor:
        """Return the feature map of a stage, told the class if the stage is."""
        return self.modulations[stage](hidden, vectors) if stage >= self.shared else hidden


class ConvolutionalCritic(nn.Module):
    """What critics of images share: how they are shown images and classes, and how they answer.

    Parameters
    ----------
    shape : tuple of int
        Channels, height and width of what it is shown.
    n_classes : int
    conditioning : {"projection", "concat"}
    """

    pac = 1
    head: ClassHead

    def __init__(self, shape: tuple[int, int, int], n_classes: int, conditioning: str) -> None:
        super().__init__()
        self.n_classes, self.conditioning = n_classes, conditioning
        self.pyramid = Pyramid(*shape[1:])
        self.inputs = shape[0] + (n_classes if conditioning == "concat" else 0)

    def make_head(self, width: int, generator: torch.Generator) -> ClassHead:
        """Return the head behind a smallest feature map of ``width`` channels."""
        area = self.pyramid.base[0] * self.pyramid.base[1]
        projected = self.n_classes if self.conditioning == "projection" else 0
        return ClassHead(width * area, width, projected, generator)

    def body(self, shown: Tensor) -> Tensor:
        """Map (batch, inputs, height, width) to the smallest feature map."""
        raise NotImplementedError

    def forward(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits of shape (batch,) and features of shape (batch, features)."""
        shown = self.pyramid.pad(images)
        if self.conditioning == "concat":
            planes = one_hot(labels, self.n_classes).to(shown.dtype)[:, :, None, None]
            shown = torch.cat([shown, planes.expand(-1, -1, *shown.shape[2:])], 1)
        return self.head(self.body(shown), labels)


class Downs(nn.Module):
    """Strided convolutions down to the smallest feature map, with the leaky rectifier."""

    def __init__(
        self, inputs: int, widths: list[int], pyramid: Pyramid, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.pyramid, self.channels = pyramid, widths[-1]
        self.layers = nn.ModuleList(
            convolution(before, after, 4, generator, stride=2)
            for before, after in itertools.pairwise([inputs, *widths])
        )

    def forward(self, images: Tensor) -> Tensor:
        """Map (batch, inputs, height, width) to (batch, channels, *base)."""
        hidden = self.pyramid.pad(images)
        for layer in self.layers:
            hidden = activate(layer(hidden))
        return hidden


class ClassHead(nn.Module):
    """The end of a critic: features to logits, with a projection by class.

    Parameters
    ----------
    inputs, width : int
        Numbers that come in, and length of the features.
    n_classes : int
        0 for a critic that is not told the class.
    generator : torch.Generator
    """

    def __init__(self, inputs: int, width: int, n_classes: int, generator: torch.Generator) -> None:
        super().__init__()
        self.enter = linear(inputs, width, generator)
        self.leave = linear(width, 1, generator, gain=1.0)
        self.classes: nn.Parameter | None = None
        if n_classes:
            self.classes = embedding(n_classes, width, generator, scale=width**-0.5)

    def forward(self, hidden: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits of shape (batch,) and features of shape (batch, width)."""
        features = activate(self.enter(hidden.flatten(1)))
        logits = self.leave(features).squeeze(1)
        if self.classes is not None:
            scores = features @ self.classes.T
            logits = logits + scores.gather(1, labels.unsqueeze(1)).squeeze(1)
        return logits, features
