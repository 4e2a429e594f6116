"""Class evidence of images: small convolutional classifiers, cross-fitted on the real images."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ganaug.models.selection import EVIDENCE_FOLDS, cross_fit, held_out_folds
from ganaug.nets.blocks import linear
from ganaug.nets.convolution import DownsampleStack
from ganaug.nets.pyramid import Pyramid
from ganaug.runtime.rng import torch_stream
from ganaug.training.images import TrainingImages, to_signed, translate

FIRST_CHANNELS = 16
"""Channels at the full size; they double with each halving."""

MOST_CHANNELS = 64
"""Most channels: keeps the classifiers small beside the generator, so that a fit stays short."""

PART = 256
"""Images classified at once: bounds memory."""

BALANCE = 0.5
"""Exponent of the class frequencies in a batch: it draws rare classes more often than 1 would."""


class ImageEvidence(nn.Module):
    """One small convolutional network for each fold.

    Parameters
    ----------
    shape : tuple of int
        Channels, height and width.
    n_classes : int
    random : torch.Generator
        Source of the initial weights.
    folds : int, default=EVIDENCE_FOLDS
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        n_classes: int,
        random: torch.Generator,
        folds: int = EVIDENCE_FOLDS,
    ) -> None:
        super().__init__()
        self.members = nn.ModuleList(_classifier(shape, n_classes, random) for _ in range(folds))

    def forward(self, images: Tensor) -> Tensor:
        """Map (folds, batch, channels, height, width) to (folds, batch, n_classes) logits."""
        pairs = zip(self.members, images, strict=True)
        return torch.stack([member(part) for member, part in pairs])

    @torch.inference_mode()
    def margins(self, images: Tensor, fold: Tensor, label: int) -> Tensor:
        """Return the log-odds of ``label`` for each image by the classifier of its ``fold``."""
        margin = torch.empty(len(images), device=images.device)
        for k, member in enumerate(self.members):
            held_out = to_signed(images[fold == k])
            if not len(held_out):
                continue
            logits = torch.cat([member(part) for part in held_out.split(PART)])
            others = logits.clone()
            others[:, label] = -torch.inf
            margin[fold == k] = logits[:, label] - others.logsumexp(1)
        return margin


def _classifier(
    shape: tuple[int, int, int], n_classes: int, random: torch.Generator
) -> nn.Sequential:
    pyramid = Pyramid(*shape[1:])
    widths = [min(FIRST_CHANNELS * 2**stage, MOST_CHANNELS) for stage in range(pyramid.stages)]
    downs = DownsampleStack(shape[0], widths, pyramid, random)
    inputs = downs.channels * pyramid.base[0] * pyramid.base[1]
    return nn.Sequential(
        nn.Sequential(downs, nn.Flatten()), linear(inputs, n_classes, random, gain=1.0)
    )


def fit_image_evidence(
    images: Tensor,
    labels: Tensor,
    n_classes: int,
    *,
    steps: int,
    seed: int,
    label_safe: Sequence[str] = (),
) -> tuple[ImageEvidence, Tensor]:
    """Train the classifiers on stored images.

    Returns
    -------
    evidence : ImageEvidence
    fold : Tensor of shape (n,)
        The fold in which each image is held out.
    """
    device = images.device
    fold = held_out_folds(labels, seed)
    shape = (images.shape[1], images.shape[2], images.shape[3])
    model = ImageEvidence(shape, n_classes, torch_stream(seed, "init")).to(device)
    parts = [
        ShiftedImages(
            images[fold != k], labels[fold != k].cpu(), n_classes, BALANCE, device, (), label_safe
        )
        for k in range(EVIDENCE_FOLDS)
    ]
    cross_fit(model, parts, steps, seed, device)
    return model, fold


class ShiftedImages(TrainingImages):
    """Training images that are shifted at random, which must not change their class."""

    def draw_rows(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Return a random image of each label, shifted."""
        return translate(super().draw_rows(labels, generator), generator)
