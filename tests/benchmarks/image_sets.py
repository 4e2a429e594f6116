"""Small sets of images that the tests of benchmarks and research share."""

from __future__ import annotations

import numpy as np

from benchmarks._images_data import ImageSet

SIZES = (60, 20, 5)


def pictures(sizes, seed, shape=(16, 16)):
    """Noisy bars, each class at another height, and their labels."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    drawn = rng.integers(0, 60, (len(labels), *shape), dtype=np.uint8)
    for image, label in zip(drawn, labels, strict=True):
        top = 2 + 4 * label + rng.integers(0, 2)
        image[top : top + 3, 3:13] = rng.integers(180, 256)
    return drawn, labels


def image_set(sizes=SIZES, test=60, shape=(16, 16)):
    """Those pictures to train on, and as many held out of each class."""
    drawn, codes = pictures(sizes, 0, shape)
    held_out, held_out_codes = pictures([test] * len(sizes), 1, shape)
    names = tuple(str(code) for code in range(len(sizes)))
    return ImageSet("mnist", drawn, codes, held_out, held_out_codes, names, "digest")


def noise_digits(common, side):
    """Noise of two common classes, "2" and "5", and a rare one; the test images are white."""
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 1, 2], [common, common, 20])
    images = rng.integers(0, 200, (len(codes), side, side), dtype=np.uint8)
    test = np.full((9, side, side), 255, np.uint8)
    return ImageSet("mnist", images, codes, test, np.repeat([0, 1, 2], 3), ("2", "5", "7"), "x")
