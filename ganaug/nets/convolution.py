"""Layers that convolutional networks share, and the base classes of image networks.

All initial weights are drawn from an explicit generator.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, one_hot

from ganaug.errors import ConfigError
from ganaug.nets.blocks import (
    LEAKY_GAIN,
    ProjectionOutput,
    activate,
    default_device,
    embedding,
    group_deviation,
    linear,
)
from ganaug.nets.blueprint import Blueprint
from ganaug.nets.growth import Growth
from ganaug.nets.pyramid import Pyramid


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
    """Return a convolution with He-normal weights and a bias of zero.

    It keeps height and width; with ``stride=2`` and ``kernel=4`` it halves them.
    """
    # An odd kernel keeps the size; an even one of stride 2 halves even sizes exactly.
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
    # Four of the kernel's sixteen weights contribute to each output pixel.
    _initialise(layer, gain / math.sqrt(inputs * 4), generator)
    return layer


def halvings(inputs: int, widths: list[int], generator: torch.Generator) -> nn.ModuleList:
    """Return convolutions that each halve height and width, with ``widths`` output channels."""
    return nn.ModuleList(
        convolution(before, after, 4, generator, stride=2)
        for before, after in itertools.pairwise([inputs, *widths])
    )


@torch.no_grad()
def _initialise(
    layer: nn.Conv2d | nn.ConvTranspose2d, deviation: float, generator: torch.Generator
) -> None:
    layer.weight.normal_(0.0, deviation, generator=generator)
    if layer.bias is not None:
        layer.bias.zero_()


def norm2d(kind: str, channels: int) -> nn.Module:
    """Return a normalisation layer for feature maps; ``kind`` is "none", "layer" or "batch"."""
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    return nn.GroupNorm(1, channels) if kind == "layer" else nn.Identity()


def norms2d(kind: str, widths: list[int], *, skip_first: bool = False) -> nn.ModuleList:
    """Return the normalisation layer of each feature map.

    With ``skip_first`` the first map has none: its layer sees the pixels themselves (DCGAN,
    Radford et al. 2016).
    """
    kinds = ["none" if skip_first else kind, *[kind] * (len(widths) - 1)]
    return nn.ModuleList(norm2d(k, width) for k, width in zip(kinds, widths, strict=True))


class ClassEmbedding(nn.Module):
    """One vector for each class: a shared mean plus a part of the class, with noise in training.

    The vector of a class is less certain the fewer images the class has. The noise is therefore
    proportional to ``1 / sqrt(count)``, and the vector of a rare class covers a neighbourhood
    rather than a point.

    Parameters
    ----------
    counts : Tensor of shape (n_classes,)
        Images of each class.
    width : int
        Length of a vector.
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
        noise = torch.randn(vectors.shape, generator=random, device=vectors.device)
        return vectors + noise * self.deviation[labels].unsqueeze(1)


class Modulation(nn.Module):
    """Scales and shifts the channels of a feature map, by class."""

    def __init__(self, width: int, channels: int, generator: torch.Generator) -> None:
        super().__init__()
        # Small: feature maps start out almost unchanged.
        self.affine = linear(width, 2 * channels, generator, gain=0.1)

    def forward(self, hidden: Tensor, vectors: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to the same shape."""
        scale, shift = self.affine(vectors)[:, :, None, None].chunk(2, 1)
        return hidden * (1.0 + scale) + shift


class NoModulation(nn.Module):
    """Stands in for :class:`Modulation` where a feature map does not depend on the class."""

    def forward(self, hidden: Tensor, vectors: Tensor) -> Tensor:
        """Return the feature map as it is."""
        return hidden


class ImageGenerator(nn.Module):
    """Base of the generators of images.

    Parameters
    ----------
    plan : Blueprint
        Shape of the images, their classes and the sizes of the network. The constructors of
        subclasses also take a ``torch.Generator``, the source of the initial weights.

    Attributes
    ----------
    uses_anchors : bool
        Whether it changes real images (anchors) instead of making images from noise alone.
    noise_dim : int
        Length of the noise vector of an image.
    """

    uses_anchors = False

    def __init__(self, plan: Blueprint) -> None:
        super().__init__()
        self.noise_dim = plan.architecture.noise_dim

    def forward(
        self, noise: Tensor, labels: Tensor, anchors: Tensor | None, random: torch.Generator
    ) -> Tensor:
        """Generate images.

        Parameters
        ----------
        noise : Tensor of shape (batch, noise_dim)
        labels : Tensor of shape (batch,)
        anchors : Tensor of shape (batch, channels, height, width) or None
            Real images between -1 and 1, for a generator that :attr:`uses_anchors`.
        random : torch.Generator
            Source of all random numbers beside the noise.

        Returns
        -------
        Tensor of shape (batch, channels, height, width)
            Images between -1 and 1.
        """
        raise NotImplementedError

    def coarse(self, images: Tensor) -> Tensor:
        """Return real images at the resolution of the generated ones; here, as they are."""
        return images


class FromNoise(ImageGenerator):
    """First and last part of a generator that makes images from noise.

    A linear layer makes the smallest feature map. Its input contains the class vector. With
    ``conditioning="projection"`` the class also modulates every feature map. With
    ``shared_stages`` the input and the first feature maps do not depend on the class: their
    weights are shared by all classes.

    Parameters
    ----------
    plan : Blueprint
    widths : list of int
        Channels of the feature maps, from the smallest size up.
    generator : torch.Generator
        Source of the initial weights.
    """

    def __init__(self, plan: Blueprint, widths: list[int], generator: torch.Generator) -> None:
        super().__init__(plan)
        architecture, pyramid = plan.architecture, plan.pyramid
        self.pyramid, self.shared = pyramid, architecture.shared_stages
        self.growth = Growth(pyramid, architecture.progressive > 0)
        if self.shared >= len(widths):
            raise ConfigError(
                f"shared_stages={self.shared} is not possible: for images of this size the "
                f"generator has {len(widths)} size(s) of feature maps, and at least one must "
                f"depend on the class. The largest possible value is {len(widths) - 1}."
            )
        size = architecture.embedding_dim
        self.classes = ClassEmbedding(plan.counts, size, architecture.embedding_noise, generator)
        inputs = self.noise_dim + (size if self.shared == 0 else 0)
        self.enter = linear(inputs, widths[0] * pyramid.area, generator)
        modulated = plan.conditioning == "projection"
        self.modulations = nn.ModuleList(
            Modulation(size, width, generator)
            if modulated and stage >= self.shared
            else NoModulation()
            for stage, width in enumerate(widths)
        )

    def begin(
        self, noise: Tensor, labels: Tensor, random: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Return the smallest feature map, and the class vector of each image."""
        vectors = self.classes(labels, random)
        start = noise if self.shared else torch.cat([noise, vectors], 1)
        return self.enter(start).reshape(len(noise), -1, *self.pyramid.base), vectors

    def modulate(self, stage: int, hidden: Tensor, vectors: Tensor) -> Tensor:
        """Return the feature map of a stage, modulated by class unless the stage is shared."""
        modulated: Tensor = self.modulations[stage](hidden, vectors)
        return modulated

    def finish(self, paint: Callable[[int], Tensor]) -> Tensor:
        """Return images of full size.

        Parameters
        ----------
        paint : callable
            ``paint(level)`` returns images at the resolution of a level, before the tanh.
        """
        growth = self.growth
        images = torch.tanh(paint(growth.top))
        if growth.share < 1.0:
            below = torch.tanh(paint(growth.top - 1))
            images = growth.blend(interpolate(below, scale_factor=2, mode="nearest"), images)
        return self.pyramid.crop(growth.enlarge(images, growth.top))

    def coarse(self, images: Tensor) -> Tensor:
        """Return real images at the resolution that the generated ones have now."""
        return self.growth.coarse(images)


class ConvolutionalCritic(nn.Module):
    """Base of the convolutional critics: their input of images and classes, and their output.

    Parameters
    ----------
    plan : Blueprint
    """

    head: ClassHead

    def __init__(self, plan: Blueprint) -> None:
        super().__init__()
        self.n_classes, self.conditioning, self.pac = plan.n_classes, plan.conditioning, plan.pac
        self.pyramid = plan.pyramid
        self.growth = Growth(self.pyramid, plan.architecture.progressive > 0)
        self.compares = plan.architecture.minibatch_stddev
        planes = plan.n_classes if plan.conditioning == "concat" else 0
        self.inputs = plan.shape[0] * plan.pac + planes

    def make_head(self, width: int, generator: torch.Generator) -> ClassHead:
        """Return the head for a smallest feature map of ``width`` channels."""
        inputs = width * self.pyramid.area
        projected = self.n_classes if self.conditioning == "projection" else 0
        return ClassHead(inputs, width, projected, generator, compares=self.compares)

    def enter(self, shown: Tensor, level: int) -> Tensor:
        """Map images at the resolution of a level to its feature map."""
        raise NotImplementedError

    def descend(self, hidden: Tensor, level: int) -> Tensor:
        """Map the feature map of a level to that of the level below."""
        raise NotImplementedError

    def body(self, shown: Tensor) -> Tensor:
        """Map (batch, inputs, height, width) to the smallest feature map.

        While a resolution fades in, the input also enters one level below (Karras et al. 2018).
        """
        growth = self.growth
        hidden = self.enter(growth.shrink(shown, growth.top), growth.top)
        for level in range(growth.top, 0, -1):
            hidden = self.descend(hidden, level)
            if level == growth.top and growth.share < 1.0:
                below = self.enter(growth.shrink(shown, level - 1), level - 1)
                hidden = growth.blend(below, hidden)
        return hidden

    def forward(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits of shape (batch / pac,) and features of shape (batch / pac, features)."""
        shown = self.pyramid.pad(images)
        if self.pac > 1:
            shown = shown.reshape(len(shown) // self.pac, -1, *shown.shape[2:])
            labels = labels[:: self.pac]  # the images of a pack have one class
        if self.conditioning == "concat":
            # One constant plane for each class, 1 for the class of the image and 0 for the others.
            planes = one_hot(labels, self.n_classes).to(shown.dtype)[:, :, None, None]
            shown = torch.cat([shown, planes.expand(-1, -1, *shown.shape[2:])], 1)
        return self.head(self.body(shown), labels)


class DownsampleStack(nn.Module):
    """Strided convolutions down to the smallest feature map, each with a leaky rectifier."""

    def __init__(
        self, inputs: int, widths: list[int], pyramid: Pyramid, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.pyramid, self.channels = pyramid, widths[-1]
        self.layers = halvings(inputs, widths, generator)

    def forward(self, images: Tensor) -> Tensor:
        """Map (batch, inputs, height, width) to (batch, channels, *base)."""
        hidden = self.pyramid.pad(images)
        for layer in self.layers:
            hidden = activate(layer(hidden))
        return hidden


class ClassHead(ProjectionOutput):
    """The last layers of a critic: a feature map to features and logits.

    Parameters
    ----------
    inputs, width : int
        Numbers in the feature map, and length of the features.
    n_classes : int
        Classes of the projection; 0 for a critic without one.
    generator : torch.Generator
        Source of the initial weights.
    compares : bool, default=False
        Whether the spread of adjacent samples is an input (minibatch standard deviation).
    """

    def __init__(
        self,
        inputs: int,
        width: int,
        n_classes: int,
        generator: torch.Generator,
        *,
        compares: bool = False,
    ) -> None:
        super().__init__()
        self.compares = compares
        self.enter = linear(inputs + compares, width, generator)
        self.make_output(width, n_classes, generator)

    def forward(self, hidden: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits of shape (batch,) and features of shape (batch, width)."""
        flat = hidden.flatten(1)
        if self.compares:
            flat = torch.cat([flat, group_deviation(flat)], 1)
        features = activate(self.enter(flat))
        return self.logits(features, labels), features
