"""Runs made to fail: their signals fire, and a switch heals each. Fault 52: collapse is noticed."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from ganaug import DivergenceError, GANAugmenter, ModeCollapseWarning, Recipe
from ganaug.training.history import History

OVERPOWERED = {
    "loss": "minimax", "critic_learning_rate": 2e-3, "n_critic": 3, "critic_norm": "none",
}  # fmt: skip
COLLAPSED = {
    "conditioning": "concat", "learning_rate": 2e-3, "critic_learning_rate": 1e-4,
    "generator_norm": "none", "ema": 0.99,
}  # fmt: skip
DIVERGED = {
    "loss": "wasserstein", "critic_learning_rate": 1e5, "critic_norm": "none", "weight_clip": 1e9,
}  # fmt: skip


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(n_class=3, return_X_y=True)
    return (X.reshape(-1, 8, 8) * 15.9).astype(np.uint8), y


def train(digits: Any, preset: str, steps: int, **changes: Any) -> History:
    recipe = Recipe.preset(preset, data="image").replace(**{"width": 16, **changes})
    augmenter = GANAugmenter(recipe=recipe, max_steps=steps, random_state=0, device="cpu")
    return augmenter.fit(*digits).history_


def test_an_overpowering_critic_is_signalled_and_spectral_norm_heals_it(digits):
    sick = train(digits, "dcgan", 200, **OVERPOWERED)
    assert sick.signals() == ["overpowering_critic"]
    assert max(sick["generator_grad_norm"]) > 20 * sick["generator_grad_norm"][-1]
    assert train(digits, "dcgan", 200, **OVERPOWERED, spectral_norm=True).signals() == []


def test_fault_52_mode_collapse_is_signalled_with_a_warning_and_mode_seeking_heals_it(digits):
    with pytest.warns(ModeCollapseWarning, match=r"class\(es\) 0, 1, 2"):
        sick = train(digits, "gan", 300, **COLLAPSED)
    assert "mode_collapse" in sick.signals()
    assert sick.collapsed() == ["0", "1", "2"]
    with warnings.catch_warnings():
        warnings.simplefilter("error", ModeCollapseWarning)
        healed = train(digits, "gan", 300, **COLLAPSED, mode_seeking=0.05)
    assert healed.signals() == []
    assert healed["diversity"][-1] > 0.5


def test_divergence_is_an_error_and_spectral_norm_heals_it(digits):
    with pytest.raises(DivergenceError, match="Training diverged"):
        train(digits, "dcgan", 60, **DIVERGED)
    healed = train(digits, "dcgan", 60, **{**DIVERGED, "weight_clip": 0.0}, spectral_norm=True)
    assert np.isfinite(healed.to_frame().to_numpy(float)).all()
    assert max(healed["critic_grad_norm"]) < 1.0  # the weights are huge, their effect is not


@pytest.mark.parametrize(("preset", "changes"), [("dcgan", {}), ("auto", {"small_classes": "gan"})])
def test_the_signals_of_a_healthy_run_are_quiet(digits, preset, changes):
    with warnings.catch_warnings():
        warnings.simplefilter("error", ModeCollapseWarning)
        assert train(digits, preset, 300, **changes).signals() == []
