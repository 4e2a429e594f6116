"""Put synthetic images of a rare class into an albumentations pipeline.

The rare class is the handwritten digit 3, thinned to 20 images. A generator learns from all digits
and fills a pool; the pipeline swaps every other 3 for one of the pool, then shifts images sideways.
"""

import sys
from pathlib import Path

import albumentations as A
import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Dataset

from ganaug import GANAugmenter
from ganaug.albumentations import ReplaceRare, worker_init_fn

RARE = 3
folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")

images, labels = load_digits(n_class=4, return_X_y=True)
images = (images.reshape(-1, 8, 8) * 255 / 16).astype(np.uint8)
common, rare = np.flatnonzero(labels != RARE), np.flatnonzero(labels == RARE)[:20]
images, labels = (values[np.concatenate([common, rare])] for values in (images, labels))
print("images of each digit:", np.bincount(labels).tolist())

augmenter = GANAugmenter(max_steps=150, random_state=0).fit(images, labels)
augmenter.make_pool({RARE: 500}).save(folder / "threes.pool")
swap = ReplaceRare(folder / "threes.pool", p=0.5)
shift = A.Affine(translate_px={"x": (-1, 1), "y": 0}, p=0.5)
pipeline = A.Compose([swap, shift], save_applied_params=True)  # tells what is synthetic


class Digits(Dataset):
    """Images through the pipeline, their labels, and whether they are synthetic."""

    def __len__(self):
        return len(images)

    def __getitem__(self, index):
        out = pipeline(image=images[index], label=labels[index])
        return out["image"], out["label"], "ReplaceRare" in dict(out["applied_transforms"])


# Without worker_init_fn, both workers and all epochs would draw the same random numbers.
loader = DataLoader(Digits(), batch_size=64, num_workers=2, worker_init_fn=worker_init_fn)
epochs = [[torch.cat(column) for column in zip(*loader, strict=True)] for _ in range(4)]
seen, digits, synthetic = (torch.cat(column) for column in zip(*epochs, strict=True))
threes = digits == RARE
print(f"of {int(threes.sum())} threes in 4 epochs, {int(synthetic.sum())} were synthetic")
print("other digits swapped:", int(synthetic[~threes].sum()))

rows = {"real threes": seen[threes & ~synthetic], "synthetic threes": seen[threes & synthetic]}
figure, axes = plt.subplots(2, 12, figsize=(12, 2.4), layout="constrained")
for row, (name, pictures) in zip(axes, rows.items(), strict=True):
    row[0].set_title(name, loc="left")
    for axis, picture in zip(row, pictures, strict=False):
        axis.imshow(picture, cmap="gray_r", vmin=0, vmax=255)
        axis.set_axis_off()
figure.savefig(folder / "albumentations.png")
print("saved", folder / "albumentations.png")
