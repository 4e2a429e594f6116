"""Which candidate images are kept, and which are dropped and why: a grid of both.

Run: python examples/image_selection.py [folder]
"""

import sys
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from sklearn.datasets import load_digits

from ganaug import GANAugmenter, ImageOptions

RARE, SHOWN = 8, 15

pixels, digits = load_digits(return_X_y=True)
eights = np.flatnonzero(digits == RARE)
kept_rows = np.setdiff1d(np.arange(len(digits)), eights[20:])  # 20 eights left
images, digits = pixels[kept_rows].reshape(-1, 8, 8), digits[kept_rows]

options = ImageOptions(value_range=(0, 16))
augmenter = GANAugmenter(image_options=options, max_steps=300, device="cpu", random_state=0).fit(
    images, digits
)

# What fit_resample does inside: candidates, then a rule for each of them, frozen at fit.
model = augmenter.model_
candidates = model.candidates(RARE, torch.Generator().manual_seed(0))
kept = np.zeros(len(candidates), bool)
kept[model.selector.choose(candidates, RARE).numpy()] = True
fold = torch.arange(len(candidates)) % 3
margin = model.selector.evidence.margins(candidates, fold, RARE).numpy()
unlike = margin < float(model.selector.floor[RARE])
print(f"candidates: {len(candidates)}, kept: {kept.mean():.0%}")
near = ~kept & ~unlike
print(f"dropped as unlike an eight: {unlike.mean():.0%}, as near-copies: {near.mean():.0%}")

rows = {
    "real": torch.from_numpy(images[digits == RARE])[:, None] / 8 - 1,
    "kept": candidates[kept],
    "dropped: unlike the class": candidates[unlike],
    "dropped: near-copies": candidates[near],
}
figure = Figure(figsize=(10, 3.6), layout="constrained")
for axes, (title, group) in zip(figure.subplots(len(rows), 1), rows.items(), strict=True):
    strip = np.full((10, 10 * SHOWN), np.nan)
    for i, image in enumerate(group[:SHOWN]):
        strip[1:9, 10 * i + 1 : 10 * i + 9] = image[0]
    axes.imshow(strip, cmap="gray", vmin=-1, vmax=1)
    axes.set_title(f"{title} ({len(group)})", fontsize=9, loc="left")
    axes.set_axis_off()
path = Path(sys.argv[1] if len(sys.argv) > 1 else ".", "selection.png")
figure.savefig(path, dpi=120)
print("saved", path)
