"""Every preset on the same digits: are they recognised, varied, and no copies?

Each is fitted through the public API on 4,000 images within the same time at most; a classifier
trained on real images that none has seen says what the samples show. One command makes the table,
the JSON and the pictures of docs/gans.md:

    python benchmarks/gans.py
    python benchmarks/gans.py --presets wgan --images 1500 --seeds 1
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks import _environment, _gans, _report  # noqa: E402
from benchmarks._images_data import load_images, to_tensor  # noqa: E402
from benchmarks._options import IMAGES, RESULTS, chosen  # noqa: E402

FIGURES = ROOT / "docs" / "figures"
PRESETS = ("gan", "minimax", "cgan", "dcgan", "wgan", "wgan-gp", "auto")
BARS = {"auto": 0.9, "dcgan": 0.9, "gan": 0.75, "cgan": 0.75, "wgan": 0.75, "wgan-gp": 0.75}
"""Share of the samples that must be recognised; "minimax" is shown for what it is."""
VARIED = 0.6
SECONDS = 180.0
SHOWN = 8
"""Images of each class in a picture."""


def recipe_of(name: str) -> Any:
    """Return a preset for images; "minimax" is the original GAN as first published."""
    from ganaug import Recipe

    if name == "minimax":
        return Recipe.preset("gan", data="image").replace(loss="minimax", name="minimax")
    return Recipe.preset(name, data="image")


def run(digits: _gans.Digits, name: str, seed: int, options: dict[str, Any]) -> dict[str, Any]:
    """Fit one preset and return its figures; write its picture for the first seed."""
    augmenter, facts, images, codes = _gans.learn(digits, recipe_of(name), seed, **options)
    row = {"preset": name, "seed": seed, **facts, **digits.describe(images, codes)}
    row["plan"] = sorted(set(augmenter.plan_.values()))
    if seed == 0:
        from PIL import Image

        FIGURES.mkdir(parents=True, exist_ok=True)
        sheet = picture(images, codes, len(digits.data.classes))
        Image.fromarray(sheet).save(FIGURES / f"digits-{name}.png", optimize=True)
    return row


def picture(images: Any, codes: Any, n_classes: int) -> Any:
    """Return some images of each class side by side, one row a class."""
    from ganaug.training.grids import tile

    rows = np.concatenate([np.flatnonzero(codes == code)[:SHOWN] for code in range(n_classes)])
    return tile(to_tensor(images[rows]).float() / 127.5 - 1, SHOWN)


def gallery(digits: _gans.Digits, names: Sequence[str]) -> None:
    """Write all presets' pictures side by side, after real images."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from PIL import Image

    data = digits.data
    sheets = {"real": picture(data.images, data.codes, len(data.classes))}
    for name in names:
        path = FIGURES / f"digits-{name}.png"
        if path.is_file():
            sheets[name] = np.asarray(Image.open(path))
    columns = 4
    figure, axes = plt.subplots(
        -(-len(sheets) // columns), columns, figsize=(11, 5.6), layout="constrained"
    )
    for axis in axes.flat:
        axis.axis("off")
    for axis, (name, sheet) in zip(axes.flat, sheets.items(), strict=False):
        axis.imshow(sheet, cmap="gray", vmin=0, vmax=255)
        axis.set_title(name)
    path = FIGURES / "digits-gallery.png"
    figure.savefig(path, dpi=90)
    plt.close(figure)
    Image.open(path).convert("L").quantize(16).save(path, optimize=True)  # a quarter of the bytes


def table(rows: pd.DataFrame) -> str:
    """Return the figures of each preset, means over the seeds, and whether the bars are reached."""
    cells = []
    for name, own in rows.groupby("preset", sort=False):
        bar = BARS.get(str(name))
        real = pd.DataFrame(own["real"].tolist()).mean()
        mean = own.mean(numeric_only=True)
        reached = (
            bar is not None
            and mean["recognised_held_out"] >= bar
            and mean["lowest_diversity"] >= VARIED
            and mean["copy_rate"] <= real["copy_rate"]
            and mean["seconds"] <= SECONDS
        )
        cells.append(
            [
                str(name),
                f"{100 * mean['recognised_held_out']:.1f} % (bar {100 * bar:.0f})"
                if bar
                else f"{100 * mean['recognised_held_out']:.1f} %",
                f"{100 * mean['lowest_recognised']:.0f} %",
                f"{mean['diversity']:.2f}",
                f"{mean['lowest_diversity']:.2f}",
                f"{100 * mean['copy_rate']:.1f} % ({100 * real['copy_rate']:.1f})",
                f"{mean['mmd']:.3f} ({real['mmd']:.3f})",
                f"{mean['seconds']:.0f}",
                "yes" if reached else "-" if bar is None else "NO",
            ]
        )
    head = [
        "preset", "recognised", "worst class", "diversity", "worst class", "copies (real)",
        "MMD (real)", "s", "bars reached",
    ]  # fmt: skip
    return _report.markdown_table(head, cells)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--presets", help=f"comma-separated, of: {', '.join(PRESETS)}")
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--steps", type=int, help="generator steps; default: the library's")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--data", type=Path, default=IMAGES)
    parser.add_argument("--out", type=Path, default=RESULTS / "gans.json")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit the presets, write each one's figures as they come, and print the table."""
    given = parse(arguments)
    torch.set_num_threads(given.threads)
    digits = _gans.Digits.cut(load_images(given.data, "mnist"), given.images)
    names = chosen(given.presets, PRESETS, PRESETS)
    options = {"max_steps": given.steps or "auto"}
    rows = []
    for seed in range(given.seeds):
        for name in names:
            rows.append(run(digits, name, seed, options))
            print(rows[-1], file=sys.stderr, flush=True)
            content = {
                **_environment.describe(sys.argv),
                "threads": given.threads,
                "data": digits.data.describe(),
                "scores": rows,
            }
            _report.write_json(given.out, content)
    gallery(digits, names)
    print(table(pd.DataFrame(rows)))


if __name__ == "__main__":
    main()
