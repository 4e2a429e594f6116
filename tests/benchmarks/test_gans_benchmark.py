"""The benchmark of every preset: a tiny fit gives all its figures, and the table says the bars."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("PIL", reason="the image benchmarks need the extra 'vision'")

from benchmarks import _gans, gans
from tests.benchmarks.image_sets import noise_digits


@pytest.fixture(scope="module")
def digits():
    """Return noise images of the two common classes."""
    return _gans.Digits.cut(noise_digits(400, 8), 300)


def test_common_classes_take_part_alike(digits):
    assert digits.data.classes == ("2", "5")
    assert np.bincount(digits.data.codes).tolist() == [150, 150]


@pytest.mark.parametrize("name", ["cgan", "wgan"])
def test_a_fit_gives_its_figures(digits, name, monkeypatch):
    monkeypatch.setattr(_gans, "MADE", 4)
    recipe = gans.recipe_of(name)
    augmenter, facts, images, codes = _gans.learn(digits, recipe, 0, max_steps=2)
    runs = 2 if recipe.conditioning == "per-class" else 1
    assert facts["steps"] == 2 * runs
    assert facts["seconds"] > 0
    assert facts["generator_grad_norm"] > 0
    assert len(images) == len(codes) == 8
    assert set(augmenter.plan_.values()) == {"gan"}


def test_the_table_says_which_bars_are_reached():
    row = {
        "preset": "dcgan", "seconds": 90.0, "recognised_held_out": 0.95, "lowest_recognised": 0.9,
        "diversity": 0.9, "lowest_diversity": 0.8, "copy_rate": 0.0, "mmd": 0.01,
        "real": {"copy_rate": 0.01, "mmd": 0.0},
    }  # fmt: skip
    for change, verdict in (
        ({}, "yes"),
        ({"recognised_held_out": 0.89}, "NO"),
        ({"lowest_diversity": 0.5}, "NO"),
        ({"copy_rate": 0.02}, "NO"),
        ({"seconds": 181.0}, "NO"),
        ({"preset": "minimax"}, "-"),
    ):
        assert gans.table(pd.DataFrame([row | change])).rstrip(" |").endswith(verdict)
