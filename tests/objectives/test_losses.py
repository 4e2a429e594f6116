"""The adversarial losses, at the points where their values are known."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ganaug import ConfigError
from ganaug.objectives.losses import Loss
from ganaug.registry import LOSSES, make_loss

WITH_LABELS = ("minimax", "non-saturating", "least-squares", "relativistic")


def logits(values):
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def test_the_equilibrium_value_of_the_minimax_game_is_2_log_2():
    # Goodfellow et al. 2014, theorem 1: the best critic of equal distributions answers 1/2.
    real, fake = logits([0.0] * 8), logits([0.0] * 8)
    loss = make_loss("minimax", 0.0)
    assert loss.critic(real, fake).item() == pytest.approx(2 * math.log(2), abs=1e-12)
    assert loss.generator(real, fake).item() == pytest.approx(-math.log(2), abs=1e-12)


def test_no_critic_does_better_than_2_log_2_on_equal_distributions():
    # The same logits for both: any answer other than 0 costs more.
    same = torch.linspace(-3, 3, 61, dtype=torch.float64)
    values = [float(make_loss("minimax", 0.0).critic(x[None], x[None])) for x in same]
    assert min(values) == pytest.approx(2 * math.log(2), abs=1e-12)
    assert values.index(min(values)) == 30


@pytest.mark.parametrize(
    ("name", "critic", "generator"),
    [
        ("non-saturating", 2 * math.log(2), math.log(2)),
        ("least-squares", 1.0, 1.0),
        ("hinge", 2.0, 0.0),
        ("wasserstein", 0.0, 0.0),
        ("relativistic", math.log(2), math.log(2)),
    ],
)
def test_values_for_an_undecided_critic(name, critic, generator):
    """For logits of zero each loss has the value that its formula gives."""
    real, fake = logits([0.0] * 4), logits([0.0] * 4)
    loss = make_loss(name, 0.0)
    assert loss.critic(real, fake).item() == pytest.approx(critic, abs=1e-12)
    assert loss.generator(real, fake).item() == pytest.approx(generator, abs=1e-12)


@pytest.mark.parametrize(
    "wrong",
    [
        Loss(torch.sub, torch.sub),
        lambda: (torch.sub, torch.sub),
        lambda: Loss(lambda real, fake: fake.mean(), lambda fake: fake.mean()),
    ],
    ids=["no function", "a pair", "one argument"],
)
def test_what_is_no_loss_is_refused_by_name(wrong, monkeypatch):
    monkeypatch.setitem(LOSSES, "mine", wrong)
    with pytest.raises(ConfigError, match=r"LOSSES\['mine'\] must be a function that returns"):
        make_loss("mine")


@pytest.mark.parametrize("name", LOSSES)
@given(real=st.lists(st.floats(-2, 0.5), min_size=3, max_size=3), gap=st.floats(0.01, 2))
def test_the_critic_is_rewarded_for_telling_apart_and_the_generator_for_fooling(name, real, gap):
    loss = make_loss(name, 0.0)
    x, f = logits(real), logits([-v for v in real])
    (down,) = torch.autograd.grad(loss.critic(x, f), x)
    (up,) = torch.autograd.grad(loss.critic(x, f), f)
    assert (down <= 0).all(), "a higher logit of a real row must not cost the critic"
    if name != "least-squares":  # its target for generated rows is 0, so it has two sides
        assert (up >= 0).all()
    (fooled,) = torch.autograd.grad(loss.generator(x, f), f)
    if name != "least-squares":
        assert (fooled <= 0).all(), "a higher logit of a generated row must not cost the generator"
    if name == "relativistic":
        better = loss.critic(x + gap, f)
        assert float(better) < float(loss.critic(x, f))


@pytest.mark.parametrize("name", WITH_LABELS)
def test_smoothing_moves_the_best_answer_for_real_rows_to_the_smoothed_label(name):
    smoothing = 0.1
    critic = make_loss(name, smoothing).critic
    grid = torch.linspace(-1, 6, 7001, dtype=torch.float64)
    fixed = torch.zeros(1, dtype=torch.float64)
    best = float(grid[torch.stack([critic(x[None], fixed) for x in grid]).argmin()])
    wanted = 0.9 if name == "least-squares" else math.log(0.9 / 0.1)
    assert best == pytest.approx(wanted, abs=2e-3)


def test_without_smoothing_the_minimax_generator_loss_saturates_and_the_other_does_not():
    real, fake = logits([0.0]), logits([-20.0])
    slopes = {}
    for name in ("minimax", "non-saturating"):
        (slope,) = torch.autograd.grad(make_loss(name, 0.0).generator(real, fake), fake)
        slopes[name] = abs(float(slope))
    assert slopes["minimax"] < 1e-8
    assert slopes["non-saturating"] > 0.99
