"""What every preset makes of digits: recognised, varied, no copies. A small budget, its own bounds.

``benchmarks/gans.py`` measures the same with full training and reports the figures.
"""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.metrics import pairwise_distances
from sklearn.svm import SVC

from ganaug import GANAugmenter, Recipe

EACH = 60
STEPS = {"gan": 300, "cgan": 400, "dcgan": 400, "wgan": 300, "wgan-gp": 150, "auto": 200}
RECOGNISED = {"auto": 0.9, "dcgan": 0.9}
OTHERS = 0.75


@pytest.fixture(scope="module")
def digits():
    """Return images and labels to learn from, and others to judge by."""
    X, y = load_digits(n_class=3, return_X_y=True)
    X = (X.reshape(-1, 8, 8) * 15.9).astype(np.uint8)
    order = np.random.default_rng(0).permutation(len(y))
    train, held_out = order[:350], order[350:]
    return (X[train], y[train]), (X[held_out], y[held_out])


def flat(images):
    return images.reshape(len(images), -1).astype(float)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*STEPS, "minimax"])
def test_samples_are_of_their_class_varied_and_no_copies(digits, name):
    (X, y), (held_out, labels) = digits
    recipe = (
        Recipe.preset("gan", data="image").replace(loss="minimax")
        if name == "minimax"
        else Recipe.preset(name, data="image")
    )
    augmenter = GANAugmenter(
        recipe=recipe, max_steps=STEPS.get(name, 300), random_state=0, device="cpu"
    ).fit(X, y)
    made, asked = augmenter.sample(dict.fromkeys(range(3), EACH), random_state=0)
    assert SVC().fit(flat(held_out), labels).score(flat(made), asked) >= RECOGNISED.get(
        name, OTHERS
    )
    copies, baseline = [], []
    for digit in range(3):
        own, new = flat(X[y == digit]), flat(made[asked == digit])
        between = pairwise_distances(own)
        assert pairwise_distances(new).mean() >= 0.45 * between.mean()
        near = np.quantile(np.sort(between, 1)[:, 1], 0.02)
        copies.append((pairwise_distances(new, own).min(1) < near).mean())
        real = pairwise_distances(flat(held_out[labels == digit]), own).min(1)
        baseline.append((real < near).mean())
    assert np.mean(copies) <= np.mean(baseline) + 0.03
