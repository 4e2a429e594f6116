"""Label maps to photographs: learn from pairs, translate held-out maps, draw the result.

Without a Parquet file of pairs (columns source and target, as Hugging Face writes images) it makes
up walls with windows, so that it runs anywhere. A short training keeps this quick: leave out
max_steps for your own data.

Run: python examples/pix2pix_facades.py [folder] [facades64_train.parquet]
"""

import io
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from ganaug import ImageOptions, Pix2PixAugmenter

SIZE, HELD_OUT = 32, 40


def made_up(n=300):
    """Return label maps of walls (blue), windows (yellow) and doors (red), and their photos."""
    stream, colours = np.random.default_rng(0), {0: (0, 0, 200), 1: (255, 220, 0), 2: (200, 0, 0)}
    labels = np.zeros((n, SIZE, SIZE), int)
    for facade in labels:
        step, top = stream.integers(6, 11), stream.integers(2, 6)
        for row in range(top, SIZE - 12, step):
            facade[row : row + step // 2, 2:-2] = (np.arange(SIZE - 4) % step < step // 2) * 1
        door = stream.integers(2, SIZE - 8)
        facade[-9:, door : door + 6] = 2
    light = stream.normal(1, 0.15, (n, 1, 1, 1)) * np.linspace(1.1, 0.8, SIZE)[:, None, None]
    bricks = 20.0 * ((np.arange(SIZE) % 4 == 0)[:, None, None] * np.ones((1, SIZE, 1)))
    plain = np.array([(190, 150, 110), (70, 90, 120), (90, 60, 40)])[labels]
    photos = plain * light - bricks * (labels == 0)[..., None] + stream.normal(0, 6, plain.shape)
    sources = np.array([colours[k] for k in range(3)], np.uint8)[labels]
    return sources, photos.clip(0, 255).astype(np.uint8)


def read(path):
    """Return the pairs in a Parquet file."""
    frame = pd.read_parquet(path)
    decode = lambda cell: np.asarray(Image.open(io.BytesIO(cell["bytes"])))  # noqa: E731
    return [np.stack([decode(cell) for cell in frame[name]]) for name in ("source", "target")]


sources, targets = read(sys.argv[2]) if len(sys.argv) > 2 else made_up()
options = ImageOptions(label_safe=("hflip",))  # a facade mirrored is a facade
augmenter = Pix2PixAugmenter(image_options=options, max_steps=200, random_state=0)
augmenter.fit(sources[:-HELD_OUT], targets[:-HELD_OUT])
made, real = augmenter.transform(sources[-HELD_OUT:]), targets[-HELD_OUT:]
plain = np.abs(targets[:-HELD_OUT].mean(0) - real).mean() / 255
print(f"held-out pairs: L1 {np.abs(made - real.astype(float)).mean() / 255:.3f}", end=", ")
print(f"of the mean photograph {plain:.3f}")

rows = [sources[-HELD_OUT:], made, augmenter.sample(sources[-HELD_OUT:], 1, random_state=1), real]
grid = np.concatenate([np.concatenate(list(row[:8]), 1) for row in rows])
path = Path(sys.argv[1] if len(sys.argv) > 1 else ".", "facades.png")
Image.fromarray(grid).resize((grid.shape[1] * 2, grid.shape[0] * 2), 0).save(path)
print("saved", path, "(rows: source, made, made with other noise, real)")
