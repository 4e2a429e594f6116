"""Masks of a rare class become images of it, which join a training set.

Of the eights there are 10 images and 100 masks without one, such as an annotator can draw. What a
mask becomes is learned from the pairs of all digits. The test images are real ones.

Run: python examples/pix2pix_rare_masks.py [folder]
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split

from ganaug import ImageOptions, Pix2PixAugmenter

RARE, IMAGES, MASKS = 8, 10, 100

pixels, digits = load_digits(return_X_y=True)
images, mask_of = pixels.reshape(-1, 8, 8), lambda x: x > 7
X, X_test, y, y_test = train_test_split(images, digits, stratify=digits, random_state=0)
eights = np.flatnonzero(y == RARE)
drawn = mask_of(X[eights[IMAGES : IMAGES + MASKS]])  # no more is known of these
kept = np.setdiff1d(np.arange(len(y)), eights[IMAGES:])
X, y = X[kept], y[kept]

options = (None, ImageOptions(value_range=(0, 16)))  # of masks, of images
augmenter = Pix2PixAugmenter(image_options=options, max_steps=400, random_state=0)
made = augmenter.fit(mask_of(X), X).sample(drawn, 2, random_state=0)


def scores(name, X_more, y_more):
    """Train on the images and more; print scores on the training and the test images."""
    model = LogisticRegression(max_iter=2000, class_weight="balanced")
    X_all, y_all = np.concatenate([X, *X_more]), np.concatenate([y, *y_more])
    model.fit(X_all.reshape(len(X_all), -1) / 16, y_all)
    seen, new = (model.predict(images.reshape(-1, 64) / 16) for images in (X, X_test))
    train, test = ((a[b == RARE] == RARE).mean() for a, b in ((seen, y), (new, y_test)))
    print(f"{name:24} recall of eights: train {train:.2f}, test {test:.2f}; ", end="")
    print(f"balanced accuracy {balanced_accuracy_score(y_test, new):.3f}")


scores("10 eights", [], [])
scores("and the masks as images", [drawn * 16.0], [np.full(len(drawn), RARE)])
scores("and translated masks", [made], [np.full(len(made), RARE)])

figure = Figure(figsize=(8, 3.2), layout="constrained")
rows = {"mask of an eight": drawn * 16, "made of it": made[::2], "made again": made[1::2]}
rows["other eights, real"] = X_test[y_test == RARE]
for axes, (title, group) in zip(figure.subplots(len(rows), 1), rows.items(), strict=True):
    gaps = np.pad(group[:12].astype(float), ((0, 0), (0, 0), (1, 1)), constant_values=16)
    axes.imshow(np.concatenate(list(gaps), 1), cmap="gray", vmin=0, vmax=16)
    axes.set_title(title, fontsize=9, loc="left")
    axes.set_axis_off()
path = Path(sys.argv[1] if len(sys.argv) > 1 else ".", "rare-masks.png")
figure.savefig(path, dpi=120)
print("saved", path)
