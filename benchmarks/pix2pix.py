"""Photographs of facades from their label maps, on held-out pairs: is the critic worth having?

Four answers to each held-out label map: the mean colour of each label in the training photographs;
the same U-Net with the same schedule and L1 alone; pix2pix; and, as a yardstick, real photographs.
The recipe has no switch that takes the critic away, so "L1 alone" is ``l1=1e6``: what the critic
says is then a millionth of the generator's loss.

    python benchmarks/pix2pix.py
    python benchmarks/pix2pix.py --dev 60            # on a part of the training pairs: for tuning
    python benchmarks/pix2pix.py --steps 50 --seeds 1
"""

from __future__ import annotations

import argparse
import io
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn.functional import avg_pool2d

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks import _environment, _report  # noqa: E402
from benchmarks._images_net import PHOTOGRAPHS_REDUCED, Classifier  # noqa: E402
from benchmarks._options import IMAGES, RESULTS  # noqa: E402
from ganaug.report.distances import kernel_mmd  # noqa: E402

L1_ALONE = 1e6
LABELS, APART = 12, 60.0
"""Labels of the data, and how far apart their colours are at least: the files blend neighbours."""
POOLED = 4
"""Pixels that are one in the coarse look of the MMD on pixels."""
JUDGE_SEED = 1_000_003
SHOWN, ZOOM = 8, 2
COLUMNS = ("l1", "gradient", "mmd_net", "mmd_pixels", "variety", "seconds")


@dataclass(frozen=True)
class Pairs:
    """Label maps and photographs, bytes of shape (n, height, width, 3)."""

    sources: NDArray[np.uint8]
    targets: NDArray[np.uint8]

    def __getitem__(self, rows: Any) -> Pairs:
        return Pairs(self.sources[rows], self.targets[rows])


def read(path: Path) -> Pairs:
    """Read a Parquet file of images."""
    frame = pd.read_parquet(path)
    return Pairs(*(np.stack([_decode(c) for c in frame[k]]) for k in ("source", "target")))


def _decode(cell: dict[str, Any]) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(cell["bytes"])).convert("RGB"))


def palette(sources: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the colours of the labels: the most frequent ones that are far enough apart."""
    colours, counts = np.unique(sources.reshape(-1, 3), axis=0, return_counts=True)
    found: list[NDArray[np.float64]] = []
    for colour in colours[np.argsort(-counts)].astype(float):
        if all(np.linalg.norm(colour - other) >= APART for other in found):
            found.append(colour)
        if len(found) == LABELS:
            break
    return np.stack(found)


def mean_colours(train: Pairs, sources: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return sources in which each label has its mean colour in the training photographs."""
    colours = palette(train.sources)
    labels = nearest(train.sources, colours).ravel()
    pixels = train.targets.reshape(-1, 3).astype(float)
    means = np.stack([pixels[labels == label].mean(0) for label in range(len(colours))])
    return means.round().astype(np.uint8)[nearest(sources, colours)]


def nearest(sources: NDArray[np.uint8], colours: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the label of each pixel."""
    distances = [np.square(sources.astype(float) - colour).sum(-1) for colour in colours]
    return np.argmin(distances, 0)


def gradient(images: NDArray[np.uint8]) -> float:
    """Return the mean difference of neighbouring pixels, white minus black being 1: sharpness."""
    values = images.astype(float) / 255
    return float(np.mean([np.abs(np.diff(values, axis=axis)).mean() for axis in (1, 2)]))


class Judge:
    """Compares images with the held-out photographs.

    Parameters
    ----------
    real : ndarray of shape (n, height, width, 3)
    """

    def __init__(self, real: NDArray[np.uint8]) -> None:
        self.real = real
        shape = (3, *real.shape[1:3])
        self.net = Classifier(PHOTOGRAPHS_REDUCED, shape, 2, JUDGE_SEED).eval()
        features = self._features(real)
        spread = features.std(0)
        self.scale = features.mean(0), spread.clamp_min(0.1 * float(spread.mean()))
        self.looks = self._looks(real)
        self.widths = [float(torch.pdist(look).median()) for look in self.looks]

    def scores(self, made: NDArray[np.uint8]) -> dict[str, float]:
        """Return the figures of images."""
        found = {
            name: kernel_mmd(look, real, width)
            for name, look, real, width in zip(
                ("mmd_net", "mmd_pixels"), self._looks(made), self.looks, self.widths, strict=True
            )
        }
        return {"l1": self.error(made), "gradient": gradient(made), **found}

    def error(self, made: NDArray[np.uint8]) -> float:
        """Return the mean absolute difference from the photographs, white minus black being 1."""
        if len(made) != len(self.real):
            return float("nan")
        return float(np.abs(made.astype(float) - self.real).mean() / 255)

    def _looks(self, images: NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
        mean, spread = self.scale
        coarse = avg_pool2d(_tensor(images), POOLED).flatten(1)
        return (self._features(images) - mean) / spread, coarse

    @torch.no_grad()
    def _features(self, images: NDArray[np.uint8]) -> Tensor:
        return self.net.body(_tensor(images) - 0.5)


def _tensor(images: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).float() / 255


def recipes() -> dict[str, Any]:
    """Return the recipes that are compared."""
    from ganaug import Recipe

    preset = Recipe.preset("pix2pix", data="pair")
    return {"L1 alone": preset.replace(l1=L1_ALONE), "pix2pix": preset}


def translate(
    recipe: Any, train: Pairs, sources: NDArray[np.uint8], steps: Any, seed: int
) -> tuple[NDArray[np.uint8], dict[str, float]]:
    """Return what a U-Net makes of the sources, and the seconds of its fit."""
    from ganaug import ImageOptions, Pix2PixAugmenter

    augmenter = Pix2PixAugmenter(
        recipe=recipe,
        # A facade mirrored is a facade, and its label map is mirrored with it.
        image_options=ImageOptions(label_safe=("hflip",)),
        max_steps=steps,
        device="cpu",
        random_state=seed,
    )
    begun = time.perf_counter()
    augmenter.fit(train.sources, train.targets)
    seconds = time.perf_counter() - begun
    made = augmenter.transform(sources)
    few = augmenter.sample(sources[:20], 2, random_state=0).astype(float)
    variety = float(np.abs(few[::2] - few[1::2]).mean() / 255)
    return made, {"seconds": seconds, "variety": variety}


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return means over the seeds, the MMD times 100, as Markdown."""
    frame = pd.DataFrame(rows)
    frame[["mmd_net", "mmd_pixels"]] *= 100
    means = frame.groupby("arm", sort=False)[list(COLUMNS)].mean()
    head = ["", "L1", "gradient", "MMD, random net", "MMD, pixels", "variety", "s of fit"]
    return _report.markdown_table(
        head,
        [[str(arm), *map(float, values)] for arm, values in zip(means.index, means.values)],  # noqa: B905
    )


def draw(path: Path, strips: Sequence[NDArray[np.uint8]]) -> None:
    """Write a picture: a row of images for each source of images, in few enough colours."""
    rows = [np.concatenate(list(strip[:SHOWN]), 1) for strip in strips]
    picture = Image.fromarray(np.concatenate(rows, 0))
    size = picture.width * ZOOM, picture.height * ZOOM
    small = picture.quantize(256, dither=Image.Dither.NONE).resize(size, Image.Resampling.NEAREST)
    path.parent.mkdir(parents=True, exist_ok=True)
    small.save(path, optimize=True)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--steps", type=int, help="generator steps of every arm")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument(
        "--dev", type=int, default=0, help="hold out training pairs, not the others"
    )
    parser.add_argument("--data", type=Path, default=IMAGES)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--figure", type=Path)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the arms, write the scores and the picture, and print the table."""
    options = parse(arguments)
    train = read(options.data / "facades64_train.parquet")
    if options.dev:
        order = np.random.default_rng(0).permutation(len(train.sources))
        held_out, train = train[order[-options.dev :]], train[order[: -options.dev]]
    else:
        held_out = read(options.data / "facades64_val.parquet")
    judge = Judge(held_out.targets)
    made = {"mean colour of each label": mean_colours(train, held_out.sources)}
    load = _environment.load_average()
    nothing = {"seconds": float("nan"), "variety": float("nan")}
    rows = [
        {"arm": name, "seed": 0, **judge.scores(images), **nothing}
        for name, images in (
            *made.items(),
            ("real, of training", train.targets[: len(held_out.targets) - 1]),
            ("real, held out", held_out.targets),
        )
    ]
    for seed in range(options.seeds):
        for name, recipe in recipes().items():
            images, more = translate(recipe, train, held_out.sources, options.steps or "auto", seed)
            made.setdefault(name, images)
            rows.append({"arm": name, "seed": seed, **judge.scores(images), **more})
            print(rows[-1], file=sys.stderr, flush=True)
    trial = options.dev or options.steps
    out = options.out or RESULTS / ("pix2pix-trial.json" if trial else "pix2pix.json")
    environment = _environment.describe([Path(sys.argv[0]).name, *sys.argv[1:]])
    numbers = {"train": len(train.sources), "held_out": len(held_out.sources)}
    preset = recipes()["pix2pix"].to_dict()
    document = {**environment, "load_before": load, "pairs": numbers, "recipe": preset}
    _report.write_json(out, {**document, "scores": rows})
    if not trial or options.figure:
        figure = options.figure or ROOT / "docs" / "figures" / "pix2pix-facades.png"
        draw(figure, [held_out.sources, made["L1 alone"], made["pix2pix"], held_out.targets])
    print(table(rows))


if __name__ == "__main__":
    main()
