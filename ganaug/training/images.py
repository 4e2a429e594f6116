"""Training images on the device, and their random changes before the critic gets them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from ganaug.nets.light import layouts_of
from ganaug.training.data import TrainingRows

SHIFT = 1 / 8
"""Largest translation, as a share of the image's height and width, as in Zhao et al. 2020."""

SMALLEST_SEEN = 8
"""Smallest height and width of what the critic of warped images gets: it halves them at least once,
to feature maps of 4 by 4."""

MIRRORED_AXES = {"vflip": 2, "hflip": 3}
"""The axis of (n, channels, height, width) that each option reverses."""

AT_ONCE = 256
"""Images in a chunk where all images are processed; bounds the memory for them as numbers."""

HOLE = 1 / 2
"""Height and width of the cut-out square, as a share of the image's, as in Zhao et al. 2020."""


class TrainingImages(TrainingRows):
    """All images, sorted by class. Bytes are turned into numbers only when a batch is drawn.

    Parameters
    ----------
    rows : Tensor of shape (n, channels, height, width)
        Bytes, or numbers between -1 and 1.
    labels, n_classes, balance, device
        See :class:`~ganaug.training.data.TrainingRows`.
    diff_augment : sequence of str
        Names of :data:`CHANGES` of real and generated images before the critic gets them.
    label_safe : sequence of str
        Mirrorings that keep the class of an image.
    """

    # Fewer than for tables, since images take longer to generate than rows.
    records = 20
    monitored = 16

    def __init__(
        self,
        rows: Tensor,
        labels: Tensor,
        n_classes: int,
        balance: float,
        device: torch.device,
        diff_augment: Sequence[str] = (),
        label_safe: Sequence[str] = (),
    ) -> None:
        super().__init__(rows, labels, n_classes, balance, device)
        self.changes = [CHANGES[name] for name in diff_augment]
        self.label_safe = tuple(label_safe)

    def draw_rows(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Return a random real image of each label, with replacement."""
        images = to_signed(super().draw_rows(labels, generator))
        return mirror(images, self.label_safe, generator)

    def draw_pairs(
        self, network: Any, labels: Tensor, random: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Return a real and a generated image of each label, as the critic gets them."""
        real, fake = super().draw_pairs(network, labels, random)
        return self.augment(network.coarse(real), random), self.augment(fake, random)

    def augment(self, images: Tensor, random: torch.Generator) -> Tensor:
        """Return the images after all changes, with new random numbers for each image."""
        for change in self.changes:
            images = change(images, random)
        return images


class AnchoredImages(TrainingImages):
    """Images for a generator that starts from real images of the class (anchors)."""

    def generated(self, network: Any, labels: Tensor, random: torch.Generator) -> Tensor:
        """Return a changed real image of each label."""
        anchors = self.draw_rows(labels, random)
        noise = torch.randn((len(labels), network.noise_dim), generator=random, device=self.device)
        return network(noise, labels, anchors, random)


class TrainingPairs(AnchoredImages):
    """Pairs of images of one class, for a generator that warps images.

    The critic gets images of 16 pixels or more at half their size, where the blur of resampling is
    not visible. It must judge the shapes, which warping changes, and not the sharpness.
    """

    def draw_pairs(
        self, network: Any, labels: Tensor, random: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Return real and warped images of each label, as the critic gets them."""
        real, fake = self.draw_rows(labels, random), self.generated(network, labels, random)
        return self.augment(seen(real), random), self.augment(seen(fake), random)

    def reconstruction_loss(self, network: Any, labels: Tensor, random: torch.Generator) -> Tensor:
        """Return the loss of warping real images into other images of their class."""
        pair = [to_signed(TrainingRows.draw_rows(self, labels, random)) for _ in range(2)]
        # Both are mirrored or neither: warping cannot turn an image into a mirror image.
        anchors, targets = mirror(torch.cat(pair, 1), self.label_safe, random).chunk(2, 1)
        return network.reconstruction_loss(anchors, targets, random)


class TrainingLayouts(AnchoredImages):
    """Images of which the critic gets only the layout of light and colour.

    All layouts are computed once. A layout is a few numbers, while an image may have 200,000.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        parts = [layouts_of(to_signed(part)) for part in self.rows.split(AT_ONCE)]
        self.layouts = torch.cat(parts)

    def draw_pairs(
        self, network: Any, labels: Tensor, random: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Return layouts of real images of each label, and generated layouts."""
        noise = torch.randn((len(labels), network.noise_dim), generator=random, device=self.device)
        real = self.layouts[self.draw_indices(labels, random)]
        return mirror(real, self.label_safe, random), network.layouts(noise)


def mirror(images: Tensor, label_safe: Sequence[str], random: torch.Generator) -> Tensor:
    """Return the images, each mirrored with probability 1/2 along each label-safe axis."""
    for name in label_safe:
        coin = torch.rand((len(images), 1, 1, 1), generator=random, device=images.device)
        images = torch.where(coin < 0.5, images.flip(MIRRORED_AXES[name]), images)
    return images


def seen(images: Tensor) -> Tensor:
    """Return warped or real images as the critic gets them: at half their size if possible."""
    return avg_pool2d(images, 2) if min(images.shape[2:]) >= 2 * SMALLEST_SEEN else images


def translate(images: Tensor, random: torch.Generator) -> Tensor:
    """Return the images, each moved by up to an eighth of its size; new pixels are black."""
    n, _, height, width = images.shape
    rows = _moved(height, n, random, images.device)
    columns = _moved(width, n, random, images.device)
    # One black pixel (-1) on each side, of which pixels from outside the image are copies.
    padded = torch.nn.functional.pad(images, (1, 1, 1, 1), value=-1.0)
    index = torch.arange(n, device=images.device)[:, None, None]
    moved = padded.permute(0, 2, 3, 1)[index, rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2)


def _moved(size: int, n: int, random: torch.Generator, device: torch.device) -> Tensor:
    """Return the rows of an image, padded by one pixel, that become its rows by a random move."""
    most = max(round(size * SHIFT), 1)
    move = torch.randint(-most, most + 1, (n, 1), generator=random, device=device)
    return (torch.arange(size, device=device)[None] + move + 1).clamp_(0, size + 1)


def cut_out(images: Tensor, random: torch.Generator) -> Tensor:
    """Return the images, each with a grey rectangle of half its height and width."""
    n, _, height, width = images.shape
    inside = _covered(height, n, random, images.device)[:, None, :, None]
    inside = inside & _covered(width, n, random, images.device)[:, None, None, :]
    return images.masked_fill(inside, 0.0)


def _covered(size: int, n: int, random: torch.Generator, device: torch.device) -> Tensor:
    """Return (n, size) marks of the rows or columns that a random hole covers."""
    centre = torch.rand((n, 1), generator=random, device=device) * size
    # 0.5: the centre of a pixel.
    distance = (torch.arange(size, device=device)[None] + 0.5 - centre).abs()
    return distance < size * HOLE / 2


def brighten(images: Tensor, random: torch.Generator) -> Tensor:
    """Return the images, each brighter or darker by up to 0.5 on the scale from -1 to 1."""
    shape = (len(images), 1, 1, 1)
    return images + torch.rand(shape, generator=random, device=images.device) - 0.5


CHANGES: dict[str, Callable[[Tensor, torch.Generator], Tensor]] = {
    "translation": translate,
    "cutout": cut_out,
    "brightness": brighten,
}
"""The random changes that ``diff_augment`` names (DiffAugment, Zhao et al. 2020)."""


def to_signed(images: Tensor) -> Tensor:
    """Return images as numbers between -1 and 1; bytes are scaled, numbers stay."""
    # In place, on the copy that float() makes of bytes.
    return images.float().mul_(2.0 / 255.0).sub_(1.0) if images.dtype == torch.uint8 else images
