"""CIFAR-10 with a long tail: synthetic images for the rare classes, and what they are worth.

A reduced run for a CPU; one seed proves nothing: docs/benchmarks.md has the measured runs.
Run: python examples/cifar10_lt.py FOLDER DATA, which has cifar10_lt_train and cifar10_test.parquet
"""

import io
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import nn
from torch.nn.functional import cross_entropy, interpolate, pad
from torchvision.utils import make_grid, save_image

from ganaug import GANAugmenter, ImageOptions

MOST, STEPS, RARE = 120, 300, 6  # RARE: the first rare class
data = Path(sys.argv[2] if len(sys.argv) > 2 else ".")
if not (data / "cifar10_lt_train.parquet").exists():
    sys.exit(f"no cifar10_lt_train.parquet in {data}: give its folder as the second argument")


def read(name, most):
    """Return at most so many images of each class, as bytes, and their labels."""
    frame = pd.read_parquet(data / f"{name}.parquet").groupby("label").head(most)
    images = [np.asarray(Image.open(io.BytesIO(cell["bytes"]))) for cell in frame["image"]]
    return np.stack(images), np.array(frame["label"])


def accuracy(X, y):
    """Train on as many images of each class, moved a little; return each class's accuracy."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 32, 3, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 3, 2, 1), nn.ReLU()]
    model = nn.Sequential(*layers, nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1024, 10))
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    images, labels = torch.from_numpy(X).permute(0, 3, 1, 2) / 255, torch.from_numpy(y)
    weights = 1 / torch.bincount(labels)[labels]
    for _ in range(STEPS):
        drawn, (dx, dy) = torch.multinomial(weights, 64, replacement=True), torch.randint(7, (2,))
        batch = pad(images[drawn], (3, 3, 3, 3), "replicate")[:, :, dy : dy + 32, dx : dx + 32]
        optimizer.zero_grad()
        cross_entropy(model(batch), labels[drawn]).backward()
        optimizer.step()
    right = model(torch.from_numpy(X_test).permute(0, 3, 1, 2) / 255).argmax(1).numpy() == y_test
    return np.array([right[y_test == label].mean() for label in range(10)])


(X, y), (X_test, y_test) = read("cifar10_lt_train", MOST), read("cifar10_test", 100)
mirrored = ImageOptions(label_safe=("hflip",))  # a mirrored ship is a ship
augmenter = GANAugmenter(image_options=mirrored, random_state=0)
X_res, y_res = augmenter.fit_resample(X, y)
for name, arm in {"oversampled": (X, y), "with ganaug": (X_res, y_res)}.items():
    each = accuracy(*arm)
    print(f"{name}: balanced accuracy {each.mean():.3f}, rare classes {each[RARE:].mean():.3f}")
new = augmenter.synthetic_mask_
rows = [X_res[(y_res == k) & (new == made)][:10] for k in (8, 9) for made in (False, True)]
grid = make_grid(torch.from_numpy(np.concatenate(rows)).permute(0, 3, 1, 2) / 255, nrow=10)
path = Path(sys.argv[1] if len(sys.argv) > 1 else ".", "cifar.png")
save_image(interpolate(grid[None], scale_factor=2), path)
print("saved", path, "(rows: real ships, synthetic ships, real trucks, synthetic trucks)")
