"""What the image benchmark compares: arms, and where their additional images come from."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from benchmarks import _environment as environment
from benchmarks._images_data import ImageSet, by_class, to_array, to_tensor
from benchmarks._images_net import as_bytes, as_numbers, stream

GRID, BEND_PIXELS = 4, 1.5
"""Elastic deformation: points to a side, and the standard deviation of their displacement."""
CHUNK = 1024


@dataclass(frozen=True)
class Arm:
    """A way of training.

    Attributes
    ----------
    name : str
    source : str or None
        Where images are taken from until the classes are balanced: a key of :data:`SOURCES`.
    balanced : bool
        Whether batches draw every class equally often.
    moved : bool
        Whether images are shifted at random, all classes alike, in every batch.
    """

    name: str
    source: str | None = None
    balanced: bool = True
    moved: bool = False


ARMS: dict[str, Arm] = {
    arm.name: arm
    for arm in (
        Arm("none", balanced=False),
        Arm("random"),
        Arm("random+shifts", moved=True),
        Arm("ganaug", "ganaug"),
        Arm("ganaug+shifts", "ganaug", moved=True),
        Arm("elastic+shifts", "elastic", moved=True),
    )
}


@dataclass(frozen=True)
class Made:
    """Images that were made.

    Attributes
    ----------
    images : uint8 array
        As the set has them.
    codes : array of int
    seconds : float
        Wall seconds of learning and making.
    load : float or None
        Load average before.
    at : str
        When it began, UTC.
    plan : dict of str to str
        Technique by class.
    note : str
        Warnings.
    """

    images: NDArray[np.uint8]
    codes: NDArray[np.int64]
    seconds: float = 0.0
    load: float | None = None
    at: str = ""
    plan: dict[str, str] = field(default_factory=dict)
    note: str = ""

    @property
    def record(self) -> dict[str, Any]:
        """All but the images, as plain values."""
        return {k: v for k, v in vars(self).items() if k not in ("images", "codes")}

    def write(self, path: Path) -> None:
        """Write everything to one file, atomically."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        record = np.array(json.dumps(self.record))
        with partial.open("wb") as file:
            np.savez(file, images=self.images, codes=self.codes, record=record)
        partial.replace(path)

    @classmethod
    def read(cls, path: Path) -> Made | None:
        """Return what :meth:`write` wrote, None where it wrote nothing."""
        if not path.is_file():
            return None
        with np.load(path, allow_pickle=False) as file:
            record: dict[str, Any] = json.loads(str(file["record"]))
            return cls(file["images"], file["codes"], **record)


@dataclass(frozen=True)
class Request:
    """What a source is asked for: the deficit of every class of a set.

    Attributes
    ----------
    data : ImageSet
    seed : int
    device : str
    max_steps : int or None
        Of the GAN; None leaves the default.
    """

    data: ImageSet
    seed: int
    device: str = "cpu"
    max_steps: int | None = None


def learned(request: Request) -> Made:
    """Return what ``GANAugmenter(random_state=seed).fit_resample`` appends."""
    from ganaug import GANAugmenter

    data = request.data
    steps: Any = "auto" if request.max_steps is None else request.max_steps
    augmenter = GANAugmenter(random_state=request.seed, device=request.device, max_steps=steps)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        images, codes = augmenter.fit_resample(data.images, data.codes)
    new = augmenter.synthetic_mask_
    plan = {data.classes[code]: str(how) for code, how in augmenter.plan_.items()}
    note = "; ".join(dict.fromkeys(str(w.message).splitlines()[0] for w in caught))
    return Made(images[new], np.asarray(codes[new], np.int64), plan=plan, note=note)


def bent(request: Request) -> Made:
    """Return real images of the lacking classes, each bent at random: no learning at all."""
    random = stream(request.seed, "elastic")
    copies = copied(request, random)
    chunks = to_tensor(copies.images).split(CHUNK) if len(copies.codes) else ()
    parts = [as_bytes(bend(as_numbers(chunk), random)) for chunk in chunks]
    images = to_array(torch.cat(parts)) if parts else copies.images
    return Made(images, copies.codes)


def copied(request: Request, random: torch.Generator | None = None) -> Made:
    """Return real images of the lacking classes, drawn with replacement."""
    random = stream(request.seed, "copies") if random is None else random
    data, rows = request.data, [np.empty(0, np.int64)]
    for code, lacking in enumerate(data.deficits):
        own = by_class(data.codes, code)
        rows.append(own[torch.randint(len(own), (lacking,), generator=random).numpy()])
    chosen = np.concatenate(rows)
    return Made(data.images[chosen], data.codes[chosen])


def bend(images: Tensor, random: torch.Generator) -> Tensor:
    """Deform each image by a smooth field of random displacements (Simard et al. 2003).

    Parameters
    ----------
    images : Tensor of shape (n, channels, height, width)
    random : torch.Generator
    """
    n, _, height, width = images.shape
    points = torch.randn((n, 2, GRID, GRID), generator=random)
    moves = functional.interpolate(points, (height, width), mode="bicubic", align_corners=True)
    scale = torch.tensor([2 * BEND_PIXELS / width, 2 * BEND_PIXELS / height])
    straight = torch.eye(2, 3).expand(n, 2, 3)
    grid = functional.affine_grid(straight, list(images.shape), align_corners=False)
    grid = grid + moves.permute(0, 2, 3, 1) * scale
    # Beyond its edge a photograph goes on; a digit's edge is black anyway.
    return functional.grid_sample(
        images, grid, mode="bicubic", padding_mode="border", align_corners=False
    )


SOURCES: dict[str, Callable[[Request], Made]] = {"ganaug": learned, "elastic": bent}


def make(source: str, request: Request) -> Made:
    """Make a source's images, timed."""
    at, load = datetime.now(UTC).isoformat(timespec="seconds"), environment.load_average()
    begun = time.perf_counter()
    made = SOURCES[source](request)
    return replace(made, seconds=time.perf_counter() - begun, load=load, at=at)


def warm_up(device: str) -> None:
    """Import what a fit needs and take one step, so that no timed fit pays for it."""
    images = np.random.default_rng(0).integers(0, 256, (24, 8, 8), np.uint8)
    codes = np.repeat([0, 1], [16, 8]).astype(np.int64)
    learned(Request(ImageSet("noise", images, codes, images, codes, ("0", "1"), ""), 0, device, 1))
