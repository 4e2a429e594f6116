"""The classifier of the image benchmark, and its training: the same for every arm.

Initial weights, the classes of every batch and the moves of its images come from streams that the
seed alone decides, so two arms differ in nothing but the images that they train on.
"""

from __future__ import annotations

import itertools
import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import skip_init

PIXELS, DEGREES = 2.0, 12.0
"""Largest shift and rotation of a grey image."""
REFLECTED_PIXELS = 4
"""Largest shift of a colour image, which is also mirrored."""
EVALUATED = 500
"""Images in a batch without gradients."""


@dataclass(frozen=True)
class Protocol:
    """How a classifier is built and trained; fixed here, tuned on nothing.

    Attributes
    ----------
    widths : tuple of int
        Channels of each block; a block halves height and width.
    convolutions : int
        3x3 convolutions in a block.
    batch_norm : bool
    dense : int
        Units of the layer before the logits, whose output are the features of the metrics.
    steps, batch : int
    moves : {"affine", "mirror"}
        What the arms with shifts do to each image of a batch.
    learning_rate : float
        Of Adam, at the start; it falls to 0 along a cosine.
    """

    widths: tuple[int, ...]
    convolutions: int
    batch_norm: bool
    dense: int
    steps: int
    batch: int
    moves: str
    learning_rate: float = 1e-3

    def __str__(self) -> str:
        widths = "-".join(map(str, self.widths))
        norm = " with batch norm" if self.batch_norm else ""
        return (
            f"{len(self.widths)} blocks of {self.convolutions} 3x3 convolution(s) ({widths} "
            f"channels){norm} and max pooling, a dense layer of {self.dense}; {self.steps} steps "
            f"of {self.batch} images, Adam, learning rate {self.learning_rate:g} with cosine decay"
        )


DIGITS = Protocol((16, 32), 1, False, 64, 800, 64, "affine")
PHOTOGRAPHS = Protocol((32, 64, 128), 2, True, 128, 4000, 128, "mirror")
PHOTOGRAPHS_REDUCED = Protocol((32, 64, 128), 1, True, 128, 1000, 64, "mirror")


class Classifier(nn.Module):
    """A small convolutional network.

    Parameters
    ----------
    protocol : Protocol
    shape : tuple of int
        Channels, height and width.
    n_classes : int
    seed : int
        Of the initial weights.
    """

    def __init__(
        self, protocol: Protocol, shape: tuple[int, int, int], n_classes: int, seed: int
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for i, o in itertools.pairwise((shape[0], *protocol.widths)):
            for number in range(protocol.convolutions):
                # Not initialised by torch, which would draw from its global generator.
                layers.append(skip_init(nn.Conv2d, o if number else i, o, 3, padding=1))
                layers += [nn.BatchNorm2d(o)] if protocol.batch_norm else []
                layers.append(nn.ReLU())
            layers.append(nn.MaxPool2d(2))
        height, width = (size // 2 ** len(protocol.widths) for size in shape[1:])
        dense = skip_init(nn.Linear, protocol.widths[-1] * height * width, protocol.dense)
        self.body = nn.Sequential(*layers, nn.Flatten(), dense, nn.ReLU())
        self.head = skip_init(nn.Linear, protocol.dense, n_classes)
        random = stream(seed, "weights")
        for layer in self.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=random)
                assert layer.bias is not None
                nn.init.zeros_(layer.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Map images in [0, 1] to logits."""
        return self.head(self.body(images - 0.5))


def stream(seed: int, *path: int | str) -> torch.Generator:
    """Return the generator of one use of randomness, on the CPU whatever the device."""
    keys = [zlib.crc32(step.encode()) if isinstance(step, str) else step for step in path]
    state = np.random.SeedSequence(seed, spawn_key=keys).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0] >> np.uint64(1)))


def train(
    protocol: Protocol,
    images: Tensor,
    codes: Tensor,
    n_classes: int,
    seed: int,
    *,
    balanced: bool,
    moved: bool,
    device: torch.device,
) -> Classifier:
    """Train a classifier.

    Parameters
    ----------
    protocol : Protocol
    images : uint8 Tensor of shape (n, channels, height, width)
    codes : Tensor of int
    n_classes : int
    seed : int
    balanced : bool
        Whether batches draw every class equally often, else every image.
    moved : bool
        Whether each image of a batch is moved at random.
    device : torch.device

    Returns
    -------
    Classifier
        In evaluation mode.
    """
    shape = (images.shape[1], images.shape[2], images.shape[3])
    network = Classifier(protocol, shape, n_classes, seed).to(device).train()
    fused = device.type == "cuda"
    optimizer = torch.optim.Adam(network.parameters(), protocol.learning_rate, fused=fused)
    move = MOVES[protocol.moves] if moved else None
    rows = batches(codes, n_classes, protocol, seed, balanced=balanced).to(device)
    size = (protocol.steps, 3, protocol.batch)
    chances = torch.rand(size, generator=stream(seed, "moves")).to(device)
    images, codes = images.to(device), codes.to(device)
    for step in range(protocol.steps):
        for group in optimizer.param_groups:
            share = step / protocol.steps
            group["lr"] = protocol.learning_rate * (1 + math.cos(math.pi * share)) / 2
        batch = as_numbers(images[rows[step]])
        if move is not None:
            batch = move(batch, chances[step])
        optimizer.zero_grad()
        functional.cross_entropy(network(batch), codes[rows[step]]).backward()
        optimizer.step()
    return network.eval()


def batches(
    codes: Tensor, n_classes: int, protocol: Protocol, seed: int, *, balanced: bool
) -> Tensor:
    """Return the row numbers of every batch, of shape (steps, batch).

    The class of an image, and its place among the images of its class, come from the seed alone:
    a class that an arm leaves as it is shows the same images in the same order.
    """
    size = (protocol.steps, protocol.batch)
    order = torch.argsort(codes, stable=True)
    u = torch.rand(size, generator=stream(seed, "classes"))
    v = torch.rand(size, generator=stream(seed, "rows"), dtype=torch.float64)
    if not balanced:
        return order[(v * len(codes)).long()]
    counts = torch.bincount(codes, minlength=n_classes)
    drawn = (u * n_classes).long()
    place = (v * counts[drawn]).long()
    return order[(counts.cumsum(0) - counts)[drawn] + place]


def as_numbers(images: Tensor) -> Tensor:
    """Return bytes as numbers in [0, 1]."""
    return images.float() / 255


def as_bytes(images: Tensor) -> Tensor:
    """Return numbers in [0, 1] as bytes."""
    return (images.clamp(0, 1) * 255).round().to(torch.uint8)


# ------------------------------------------------------------------ moves


def shift_and_rotate(images: Tensor, chances: Tensor) -> Tensor:
    """Move each square image by up to 2 pixels and 12 degrees; black comes in from outside.

    Parameters
    ----------
    images : Tensor of shape (n, channels, height, width)
    chances : Tensor of shape (3, n)
        Between 0 and 1.
    """
    turn, right, down = 2 * chances - 1
    angle = turn * math.radians(DEGREES)
    far = 2 * PIXELS / images.shape[-1]  # the grid runs from -1 to 1
    cosine, sine = angle.cos(), angle.sin()
    first = torch.stack([cosine, -sine, right * far], 1)
    second = torch.stack([sine, cosine, down * far], 1)
    grid = functional.affine_grid(
        torch.stack([first, second], 1), list(images.shape), align_corners=False
    )
    return functional.grid_sample(images, grid, align_corners=False)


def shift_and_mirror(images: Tensor, chances: Tensor) -> Tensor:
    """Move each image by up to 4 whole pixels, edges reflected, and mirror half of them.

    Parameters
    ----------
    images : Tensor of shape (n, channels, height, width)
    chances : Tensor of shape (3, n)
        Between 0 and 1.
    """
    n, _, height, width = images.shape
    rows, columns = _shifted(height, chances[0]), _shifted(width, chances[1])
    columns = torch.where(chances[2][:, None] < 0.5, columns.flip(1), columns)
    index = torch.arange(n, device=images.device)[:, None, None]
    moved = images.permute(0, 2, 3, 1)[index, rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2)


def _shifted(size: int, chances: Tensor) -> Tensor:
    """Return which row each row of a shifted image is, of shape (n, size)."""
    move = (chances * (2 * REFLECTED_PIXELS + 1)).long() - REFLECTED_PIXELS
    rows = (torch.arange(size, device=chances.device) + move[:, None]).abs()
    return (size - 1) - ((size - 1) - rows).abs()


MOVES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "affine": shift_and_rotate,
    "mirror": shift_and_mirror,
}


# ------------------------------------------------------------------ answers


@torch.inference_mode()
def predict(network: Classifier, images: Tensor, device: torch.device) -> Tensor:
    """Return the class number of each image."""
    parts = [network(as_numbers(part.to(device))).argmax(1).cpu() for part in _parts(images)]
    return torch.cat([torch.empty(0, dtype=torch.long), *parts])


@torch.inference_mode()
def features(network: Classifier, images: Tensor, device: torch.device) -> Tensor:
    """Return the dense layer's output for each image, as float64."""
    parts = [network.body(as_numbers(part.to(device)) - 0.5) for part in _parts(images)]
    return torch.cat(parts).cpu().double()


def _parts(images: Tensor) -> tuple[Tensor, ...]:
    return images.split(EVALUATED) if len(images) else ()


def accuracies(predicted: Tensor, codes: Tensor, n_classes: int, rare: list[int]) -> dict[str, Any]:
    """Return overall, balanced and rare-class accuracy, and the recall of each class."""
    right = (predicted == codes).double()
    recalls = [float(right[codes == code].mean()) for code in range(n_classes)]
    return {
        "overall": float(right.mean()),
        "balanced": float(np.mean(recalls)),
        "rare": float(np.mean([recalls[code] for code in rare])) if rare else float("nan"),
        "recalls": recalls,
    }
