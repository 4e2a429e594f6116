"""The classifier of the image benchmark: weights, batches and moves come from the seed alone."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks import _images_net
from benchmarks._images_data import to_tensor
from benchmarks._images_net import DIGITS, PHOTOGRAPHS_REDUCED
from tests.benchmarks.image_sets import SIZES, image_set

CPU = torch.device("cpu")


def test_arms_begin_with_the_same_weights_and_differ_between_seeds():
    first, again, other = (
        _images_net.Classifier(DIGITS, (1, 16, 16), 3, seed) for seed in (0, 0, 1)
    )
    for (name, a), b, c in zip(
        first.named_parameters(), again.parameters(), other.parameters(), strict=True
    ):
        assert torch.equal(a, b)
        assert name.endswith("bias") or not torch.equal(a, c)


def test_building_a_classifier_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    data = image_set()
    _images_net.train(
        replace(PHOTOGRAPHS_REDUCED, steps=1),
        to_tensor(data.images),
        torch.from_numpy(data.codes),
        3,
        0,
        balanced=True,
        moved=True,
        device=CPU,
    )
    assert torch.equal(before, torch.get_rng_state())


def test_a_class_without_made_images_shows_the_same_ones_in_every_arm():
    codes = torch.from_numpy(image_set().codes)
    with_more = torch.cat([codes, torch.full((55,), 2)])
    plain, more = (_images_net.batches(c, 3, DIGITS, 0, balanced=True) for c in (codes, with_more))
    untouched = codes[plain] < 2
    assert torch.equal(codes[plain], with_more[more])
    assert torch.equal(plain[untouched], more[untouched])
    assert not torch.equal(plain[~untouched], more[~untouched])


def test_batches_are_balanced_or_natural():
    codes = torch.from_numpy(image_set().codes)
    balanced, natural = (
        codes[_images_net.batches(codes, 3, DIGITS, 0, balanced=flag)].flatten()
        for flag in (True, False)
    )
    n = len(natural)
    for drawn, shares in ((balanced, np.full(3, 1 / 3)), (natural, np.array(SIZES) / sum(SIZES))):
        found = torch.bincount(drawn, minlength=3).numpy() / n
        assert np.abs(found - shares).max() < 4 * 0.5 / math.sqrt(n)


def test_shifts_and_rotations_of_known_size():
    image = torch.zeros(1, 1, 20, 20)
    image[0, 0, 8:11, 8:11] = 1
    still = torch.full((3, 1), 0.5)
    assert torch.allclose(_images_net.shift_and_rotate(image, still), image, atol=1e-5)
    up_left = _images_net.shift_and_rotate(image, torch.tensor([[0.5], [1.0], [1.0]]))
    assert torch.allclose(up_left, image.roll((-2, -2), (2, 3)), atol=1e-4)
    turned = _images_net.shift_and_rotate(image, torch.tensor([[1.0], [0.5], [0.5]]))
    assert float(turned.sum()) == pytest.approx(9, rel=0.1)
    assert not torch.allclose(turned, image, atol=1e-2)


def test_mirroring_and_reflected_shifts():
    image = torch.arange(36.0).reshape(1, 1, 6, 6)
    move = _images_net.shift_and_mirror
    still = 0.5
    assert torch.equal(move(image, torch.tensor([[still], [still], [0.9]])), image)
    assert torch.equal(move(image, torch.tensor([[still], [still], [0.1]])), image.flip(3))
    lowest = move(image, torch.tensor([[0.0], [still], [0.9]]))
    rows = lowest[0, 0, :, 0] / 6
    assert rows.tolist() == [4, 3, 2, 1, 0, 1]
