"""A dense strided body, after DCGAN (Radford et al. 2016): the fastest one on a CPU."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from ganaug.nets.blocks import activate, linear
from ganaug.nets.convolution import (
    ClassEmbedding,
    ClassHead,
    Modulation,
    Pyramid,
    check_shared,
    convolution,
    doubling,
    norm2d,
)
from ganaug.recipe import Architecture


class DCGANGenerator(nn.Module):
    """Noise and class in, an image between -1 and 1 out.

    A linear layer makes the smallest feature map, transposed convolutions double it. The class is
    part of the input and modulates every feature map; the first ``shared_stages`` (counting the
    input as one) are not told it, and so belong to all classes.

    Parameters
    ----------
    shape : tuple of int
        Channels, height and width of the images.
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
        shape: tuple[int, int, int],
        counts: Tensor,
        architecture: Architecture,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        channels, height, width = shape
        self.noise_dim, self.shared = architecture.noise_dim, architecture.shared_stages
        self.pyramid = pyramid = Pyramid(height, width)
        size, kind = architecture.embedding_dim, architecture.generator_norm
        self.classes = ClassEmbedding(counts, size, architecture.embedding_noise, generator)
        # One width more at the top than an image needs would cost as much as all other layers.
        widths = [pyramid.channels(s + 1, architecture.width) for s in range(pyramid.stages)]
        inputs = architecture.noise_dim + (size if self.shared == 0 else 0)
        self.enter = linear(inputs, widths[0] * pyramid.base[0] * pyramid.base[1], generator)
        self.norms = nn.ModuleList(norm2d(kind, w) for w in widths)
        check_shared(self.shared, len(widths))
        self.modulations = nn.ModuleList(
            Modulation(size, w, generator) if stage >= self.shared else nn.Identity()
            for stage, w in enumerate(widths)
        )
        self.ups = nn.ModuleList(
            doubling(widths[s], widths[s + 1], generator) for s in range(pyramid.stages - 1)
        )
        self.leave = doubling(widths[-1], channels, generator, gain=1.0)

    def forward(
        self, noise: Tensor, labels: Tensor, anchors: Tensor | None, random: torch.Generator
    ) -> Tensor:
        """Generate images.

        Parameters
        ----------
        noise : Tensor of shape (batch, noise_dim)
        labels : Tensor of shape (batch,)
        anchors : None
        random : torch.Generator
            Shakes the class embeddings while training.

        Returns
        -------
        Tensor of shape (batch, channels, height, width)
        """
        vectors = self.classes(labels, random)
        start = noise if self.shared else torch.cat([noise, vectors], 1)
        hidden = self.enter(start).reshape(len(noise), -1, *self.pyramid.base)
        for stage, (norm, modulate) in enumerate(zip(self.norms, self.modulations, strict=True)):
            if stage:
                hidden = self.ups[stage - 1](hidden)
            hidden = norm(hidden)
            if stage >= self.shared:
                hidden = modulate(hidden, vectors)
            hidden = activate(hidden)
        return self.pyramid.crop(torch.tanh(self.leave(hidden)))


class DCGANCritic(nn.Module):
    """Scores images: strided convolutions down to the smallest feature map.

    Parameters
    ----------
    shape : tuple of int
        Channels, height and width of what it is shown.
    n_classes : int
    conditioning : {"projection", "concat", "none", "per-class"}
    architecture : Architecture
    generator : torch.Generator
    """

    pac = 1

    def __init__(
        self,
        shape: tuple[int, int, int],
        n_classes: int,
        conditioning: str,
        architecture: Architecture,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        channels, height, width = shape
        self.n_classes, self.concat = n_classes, conditioning == "concat"
        self.pyramid = pyramid = Pyramid(height, width)
        widths = [
            pyramid.channels(stage + 1, architecture.width)
            for stage in reversed(range(pyramid.stages))
        ]
        inputs = [channels + (n_classes if self.concat else 0), *widths]
        self.downs = nn.ModuleList(
            convolution(inputs[s], widths[s], 4, generator, stride=2) for s in range(pyramid.stages)
        )
        # The first layer sees the pixels themselves, as published.
        kinds = ["none"] + [architecture.critic_norm] * (pyramid.stages - 1)
        self.norms = nn.ModuleList(norm2d(k, w) for k, w in zip(kinds, widths, strict=True))
        self.head = ClassHead(
            widths[-1] * pyramid.base[0] * pyramid.base[1],
            widths[-1],
            n_classes if conditioning == "projection" else 0,
            generator,
        )

    def forward(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits of shape (batch,) and features of shape (batch, features)."""
        hidden = self.pyramid.pad(images)
        if self.concat:
            planes = one_hot(labels, self.n_classes).to(hidden.dtype)[:, :, None, None]
            hidden = torch.cat([hidden, planes.expand(-1, -1, *hidden.shape[2:])], 1)
        for down, norm in zip(self.downs, self.norms, strict=True):
            hidden = activate(norm(down(hidden)))
        return self.head(hidden, labels)
