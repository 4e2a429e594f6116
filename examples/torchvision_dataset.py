"""Give the rare class of an ImageFolder synthetic images, and train a small network on both.

20 eights, 120 of each other digit; the test images are real, and the augmenter never sees them.
A short training keeps this quick: leave out max_steps and batch_size for your own data.
"""

import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, WeightedRandomSampler
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2
from torchvision.utils import make_grid, save_image

from ganaug import GANAugmenter
from ganaug.vision import AugmentedDataset, load_images

root, digits, seen = Path(tempfile.mkdtemp()), load_digits(), Counter()
for pixels, digit in zip(digits.images, digits.target.tolist(), strict=True):
    if name := {1: "one", 3: "three", 5: "five", 8: "eight"}.get(digit):
        seen[name] += 1
        part = "train" if seen[name] <= (20 if name == "eight" else 120) else "test"
        (root / part / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.uint8(pixels * 255 / 16)).save(root / part / name / f"{seen[name]}.png")
plain = v2.Compose([v2.Grayscale(), v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])
shifts = v2.Compose([v2.RandomAffine(10, (0.1, 0.1)), plain])
train, test = ImageFolder(root / "train", shifts), ImageFolder(root / "test", plain)
X, y = load_images(root / "train", progress=False)
augmenter = GANAugmenter(max_steps=150, batch_size=32, random_state=0).fit(X, y)
pool = augmenter.make_pool({"eight": 100}).relabel(numbers := train.class_to_idx)
both = AugmentedDataset(train, pool)  # synthetic images are shifted like the real ones
print("real:", dict(Counter(train.targets)), "with synthetic:", dict(Counter(both.targets)))


def recalls(dataset):
    """Train on as many images of each class; return the recall of each class."""
    torch.manual_seed(0)
    weights = 1 / np.bincount(dataset.targets)[dataset.targets]
    sampler = WeightedRandomSampler(weights.tolist(), 300 * 32)
    layers = [nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Conv2d(16, 32, 3), nn.ReLU(), nn.Flatten()]
    model = nn.Sequential(*layers, nn.Linear(512, 4))
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    for images, labels in DataLoader(dataset, 32, sampler=sampler):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()
    images, labels = next(iter(DataLoader(test, len(test))))
    right = model(images).argmax(1) == labels
    return {k: round(right[labels == i].float().mean().item(), 2) for k, i in numbers.items()}


print("oversampled real images: recall", recalls(train))
print("with synthetic ones:     recall", recalls(both))
rows = torch.cat([torch.from_numpy(X[y == "eight"])[:, None], pool.images[:40]]) / 255
path = Path(sys.argv[1] if len(sys.argv) > 1 else root, "eights.png")
save_image(make_grid(nn.functional.interpolate(rows, scale_factor=4), nrow=20), path)
print("saved", path, "(the first row is real)")
