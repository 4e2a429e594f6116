"""The penalties, on critics whose gradients are known."""

from __future__ import annotations

import pytest
import torch

from ganaug.objectives.regularizers import (
    CRITIC_PENALTIES,
    GENERATOR_PENALTIES,
    Context,
    clip_weights,
)

SLOPE = torch.tensor([3.0, 4.0])
BATCH = 6


@pytest.fixture
def context():
    """Return a context whose critic is linear, with a gradient of norm 5 everywhere."""

    def critic(rows, labels):
        return rows @ SLOPE, rows

    random = torch.Generator().manual_seed(0)
    real = torch.randn(BATCH, 2, generator=random).requires_grad_()
    fake = torch.randn(BATCH, 2, generator=random).requires_grad_()
    labels = torch.zeros(BATCH, dtype=torch.long)
    (r, rf), (f, ff) = critic(real, labels), critic(fake, labels)
    return Context(critic, real, fake, labels, r, f, rf, ff, random)


def test_the_gradient_penalty_is_the_squared_distance_of_the_norm_from_1(context):
    assert float(CRITIC_PENALTIES["gradient_penalty"](context)) == pytest.approx(16.0, rel=1e-5)


@pytest.mark.parametrize("name", ["r1", "r2"])
def test_r1_and_r2_are_half_the_squared_norm(context, name):
    assert float(CRITIC_PENALTIES[name](context)) == pytest.approx(12.5, rel=1e-5)


def test_the_gradient_penalty_looks_between_real_and_generated_rows(context):
    seen = []
    critic = context.critic
    context.critic = lambda rows, labels: (seen.append(rows.detach()), critic(rows, labels))[1]
    CRITIC_PENALTIES["gradient_penalty"](context)
    low = torch.minimum(context.real, context.fake) - 1e-6
    high = torch.maximum(context.real, context.fake) + 1e-6
    assert ((seen[0] >= low) & (seen[0] <= high)).all()
    assert not torch.equal(seen[0], context.real)


@pytest.mark.parametrize("name", CRITIC_PENALTIES)
def test_critic_penalties_teach_the_critic(name):
    """A penalty's gradient reaches the weights: it differentiates twice."""
    weight = torch.tensor([3.0, 4.0], requires_grad=True)

    def critic(rows, labels):
        return torch.tanh(rows @ weight), rows

    real = torch.ones(BATCH, 2, requires_grad=True)
    fake = torch.zeros(BATCH, 2, requires_grad=True)
    labels = torch.zeros(BATCH, dtype=torch.long)
    (r, rf), (f, ff) = critic(real, labels), critic(fake, labels)
    random = torch.Generator().manual_seed(0)
    penalty = CRITIC_PENALTIES[name](Context(critic, real, fake, labels, r, f, rf, ff, random))
    (gradient,) = torch.autograd.grad(penalty, weight)
    assert torch.isfinite(gradient).all()
    assert gradient.abs().sum() > 0


def test_feature_matching_is_zero_for_equal_means_and_pulls_the_generated_side(context):
    context.fake_features = context.real_features.detach().clone().requires_grad_()
    match = GENERATOR_PENALTIES["feature_matching"]
    assert float(match(context)) == pytest.approx(0.0, abs=1e-10)
    context.fake_features = context.fake_features.detach().add(1.0).requires_grad_()
    value = match(context)
    assert value.item() == pytest.approx(2.0, rel=1e-5)
    (pull,) = torch.autograd.grad(value, context.fake_features)
    assert (pull > 0).all()


def test_clipping_bounds_every_weight():
    weights = [torch.tensor([-1.0, 0.005, 2.0]), torch.tensor([[0.5]])]
    clip_weights(weights, 0.01)
    assert weights[0].tolist() == pytest.approx([-0.01, 0.005, 0.01])
    assert weights[1].item() == pytest.approx(0.01)
