"""Networks for pairs of images, after pix2pix (Isola et al. 2017): a U-Net and a patch critic.

Both receive the source image in place of a class. Dropout makes the result vary, so it is also
active when sampling. Its mask is computed from the noise, as every generator here takes noise.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from statistics import NormalDist

import torch
from torch import Tensor, nn

from ganaug.nets.blocks import activate
from ganaug.nets.convolution import convolution, doubling, halvings, norms2d
from ganaug.nets.pyramid import WIDEST, Pyramid
from ganaug.recipe import Architecture

Shape = tuple[int, int, int]

BOTTOM = 2
"""Height or width at which a U-Net stops halving: there, distant pixels meet in one layer."""

NOISY = 8
"""Feature maps of at most an eighth of the image's size have dropout. In the paper it is a 32nd,
which would leave small images without any."""

LARGEST = 256
"""Image size of the paper, for which the critic has :data:`HALVINGS`."""

HALVINGS = 3
"""Halvings that give the receptive field of 70 pixels of the paper's critic."""


@dataclass(frozen=True)
class DeepPyramid(Pyramid):
    """A pyramid whose smallest feature map has :data:`BOTTOM` rows or columns.

    Examples
    --------
    >>> from ganaug.nets.unet import DeepPyramid
    >>> DeepPyramid(64, 64).base, DeepPyramid(30, 50).base, DeepPyramid(30, 50).top
    ((2, 2), (4, 7), (32, 56))
    """

    @property
    def stages(self) -> int:
        """Number of halvings."""
        return int(math.log2(min(self.height, self.width) / BOTTOM))


class UNetGenerator(nn.Module):
    """Makes a target image from a source image.

    Strided convolutions halve the feature maps, transposed ones double them again. Each doubled
    map is joined with the halved one of its size, so that edges need not pass through the smallest.

    Parameters
    ----------
    source, target : tuple of int
        Channels, height and width of the images; only the channels may differ.
    architecture : Architecture
        Sizes.
    generator : torch.Generator
        Source of the initial weights.

    Attributes
    ----------
    noise_dim : int
        Length of the noise: one number for each feature that dropout may drop.
    """

    uses_anchors = False

    def __init__(
        self,
        source: Shape,
        target: Shape,
        architecture: Architecture,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.pyramid = pyramid = DeepPyramid(*source[1:])
        kind = architecture.generator_norm
        widths = [architecture.width * min(2**i, WIDEST) for i in range(pyramid.stages)]
        self.downs = halvings(source[0], widths, generator)
        self.down_norms = norms2d(kind, widths, skip_first=True)
        after_up = widths[-2::-1]  # the channels of the map of the same size on the way down
        before_up = [widths[-1], *(2 * width for width in after_up)]
        self.ups = nn.ModuleList(
            doubling(before, after, generator)
            for before, after in zip(before_up, after_up, strict=False)
        )
        self.up_norms = norms2d(kind, after_up)
        # Small: images start grey, since a random pattern takes long to unlearn.
        self.leave = doubling(before_up[-1], target[0], generator, gain=0.1)
        self.dropout = architecture.dropout
        self.dropped = self._maps(after_up) if self.dropout else []
        self.noise_dim = sum(map(math.prod, self.dropped))

    def _maps(self, widths: list[int]) -> list[Shape]:
        """Return the shapes of the feature maps with dropout: the first ones on the way up."""
        height, width = self.pyramid.base
        shapes = [
            (channels, height * 2**stage, width * 2**stage)
            for stage, channels in enumerate(widths, start=1)
        ]
        n_dropped = max(self.pyramid.stages - int(math.log2(NOISY)), 1)
        return shapes[:n_dropped]

    def forward(
        self,
        noise: Tensor,
        labels: Tensor,
        anchors: Tensor | None = None,
        random: torch.Generator | None = None,
    ) -> Tensor:
        """Translate images.

        Parameters
        ----------
        noise : Tensor of shape (batch, noise_dim)
            Standard normal; a feature is dropped where its number is below a quantile.
        labels : Tensor of shape (batch, channels, height, width)
            The source images.
        anchors, random : None
            Unused; they are parameters of every generator.

        Returns
        -------
        Tensor of shape (batch, channels, height, width)
        """
        hidden, skips = self.pyramid.pad(labels), []
        for down, norm in zip(self.downs, self.down_norms, strict=True):
            hidden = activate(norm(down(hidden)))
            skips.append(hidden)
        skips.pop()  # the smallest map is the input of the way up
        masks = self._masks(noise)
        for up, norm in zip(self.ups, self.up_norms, strict=True):
            hidden = norm(up(hidden))
            if masks:
                hidden = hidden * masks.pop(0)
            hidden = torch.cat([activate(hidden), skips.pop()], 1)
        return self.pyramid.crop(torch.tanh(self.leave(hidden)))

    def _masks(self, noise: Tensor) -> list[Tensor]:
        """Return the factor of each feature map with dropout: 0, or 1 / (1 - dropout)."""
        if not self.dropped:
            return []
        # A share of ``dropout`` of the noise lies below this quantile. The division keeps the mean
        # of a feature, as in every dropout.
        kept = (noise > NormalDist().inv_cdf(self.dropout)).to(noise.dtype) / (1.0 - self.dropout)
        parts = kept.split([math.prod(shape) for shape in self.dropped], 1)
        return [part.reshape(-1, *shape) for part, shape in zip(parts, self.dropped, strict=True)]


class PatchCritic(nn.Module):
    """Scores a pair of source and target by its patches (PatchGAN).

    Parameters
    ----------
    source, target : tuple of int
        Channels, height and width of the images.
    architecture : Architecture
    generator : torch.Generator

    Attributes
    ----------
    field : int
        Height and width of a patch in pixels.
    """

    pac = 1

    def __init__(
        self,
        source: Shape,
        target: Shape,
        architecture: Architecture,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        halved = patch_halvings(*target[1:])
        widths = [architecture.width * min(2**i, WIDEST) for i in range(halved + 1)]
        strides = [2] * halved + [1]
        self.layers = nn.ModuleList(
            convolution(before, after, 4, generator, stride=stride)
            for (before, after), stride in zip(
                itertools.pairwise([source[0] + target[0], *widths]), strides, strict=True
            )
        )
        # A single layer keeps its norm, or there would be none.
        self.norms = norms2d(architecture.critic_norm, widths, skip_first=halved > 0)
        self.leave = convolution(widths[-1], 1, 4, generator, gain=1.0)
        self.field = field_of([*strides, 1])

    def forward(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Score images.

        Parameters
        ----------
        images : Tensor of shape (batch, channels, height, width)
            Targets, real or generated.
        labels : Tensor of shape (batch, channels, height, width)
            Their sources.

        Returns
        -------
        logits : Tensor of shape (batch,)
            The mean over patches.
        features : Tensor of shape (batch, features)
        """
        maps, hidden = self.patches(images, labels)
        # The paper has one logit for each patch. With one for each sample, penalties by sample
        # keep their meaning. On held-out pairs of facades, images were also sharper (gradient 0.81
        # of the real one against 0.77) and their kernel MMD on a random network's features was
        # smaller (0.059 against 0.098), at a slightly larger L1 (0.173 against 0.168).
        return maps.mean((1, 2, 3)), hidden.mean((2, 3))

    def patches(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logit of each patch, (batch, 1, rows, columns), and the last feature map."""
        hidden = torch.cat([labels, images], 1)
        for layer, norm in zip(self.layers, self.norms, strict=True):
            hidden = activate(norm(layer(hidden)))
        return self.leave(hidden), hidden


def patch_halvings(height: int, width: int) -> int:
    """Return how often the critic halves images, for patches of about a quarter of their size.

    Examples
    --------
    >>> from ganaug.nets.unet import patch_halvings
    >>> [patch_halvings(size, size) for size in (8, 32, 64, 128, 256)]
    [0, 0, 1, 2, 3]
    """
    return max(HALVINGS - round(math.log2(LARGEST / min(height, width))), 0)


def field_of(strides: list[int]) -> int:
    """Return the receptive field of a stack of convolutions of kernel 4, in pixels.

    Examples
    --------
    >>> from ganaug.nets.unet import field_of
    >>> field_of([2, 2, 2, 1, 1]), field_of([1, 1])
    (70, 7)
    """
    field = 1
    for stride in reversed(strides):
        field = field * stride + 4 - stride
    return field
