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


def make_context(*parts, noise_pairs=None, reconstruction_loss=None):
    return Context(*parts, noise_pairs, reconstruction_loss)


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
    return make_context(critic, real, fake, labels, r, f, rf, ff, random, [SLOPE])


def test_the_gradient_penalty_is_the_squared_distance_of_the_norm_from_1(context):
    assert float(CRITIC_PENALTIES["gradient_penalty"]()(context)) == pytest.approx(16.0, rel=1e-5)


@pytest.mark.parametrize("name", ["r1", "r2"])
def test_r1_and_r2_are_half_the_squared_norm(context, name):
    assert float(CRITIC_PENALTIES[name]()(context)) == pytest.approx(12.5, rel=1e-5)


def test_the_gradient_penalty_looks_between_real_and_generated_rows(context):
    seen = []
    critic = context.critic
    context.critic = lambda rows, labels: (seen.append(rows.detach()), critic(rows, labels))[1]
    CRITIC_PENALTIES["gradient_penalty"]()(context)
    low = torch.minimum(context.real, context.fake) - 1e-6
    high = torch.maximum(context.real, context.fake) + 1e-6
    assert ((seen[0] >= low) & (seen[0] <= high)).all()
    assert not torch.equal(seen[0], context.real)


def test_the_gradient_penalty_moves_the_rows_of_a_pack_together(context):
    seen = []
    context.critic = lambda rows, labels: (
        seen.append(rows.detach()),
        ((rows @ SLOPE).reshape(-1, 2).sum(1), rows),
    )[1]
    context.real_logits = context.real_logits[::2]  # packs of two
    CRITIC_PENALTIES["gradient_penalty"]()(context)
    share = ((seen[0] - context.fake) / (context.real - context.fake)).mean(1)
    torch.testing.assert_close(share[::2], share[1::2])
    assert len(share[::2].detach().unique()) == 3


@pytest.mark.parametrize("name", CRITIC_PENALTIES)
def test_critic_penalties_teach_the_critic(name):
    """A penalty's gradient reaches the weights: it differentiates twice."""
    weight = torch.tensor([3.0, 4.0], requires_grad=True)

    def critic(rows, labels):
        return torch.tanh(rows @ weight), rows

    def context():
        real = torch.ones(BATCH, 2, requires_grad=True)
        fake = torch.zeros(BATCH, 2, requires_grad=True)
        labels = torch.zeros(BATCH, dtype=torch.long)
        (r, rf), (f, ff) = critic(real, labels), critic(fake, labels)
        random = torch.Generator().manual_seed(0)
        return make_context(critic, real, fake, labels, r, f, rf, ff, random, [weight])

    penalty = CRITIC_PENALTIES[name]()
    penalty(context())
    with torch.no_grad():
        weight -= 0.5  # what compares with earlier weights needs some that differ
    (gradient,) = torch.autograd.grad(penalty(context()), weight)
    assert torch.isfinite(gradient).all()
    assert gradient.abs().sum() > 0


def test_feature_matching_is_zero_for_equal_means_and_pulls_the_generated_side(context):
    context.fake_features = context.real_features.detach().clone().requires_grad_()
    match = GENERATOR_PENALTIES["feature_matching"]()
    assert float(match(context)) == pytest.approx(0.0, abs=1e-10)
    context.fake_features = context.fake_features.detach().add(1.0).requires_grad_()
    value = match(context)
    assert value.item() == pytest.approx(2.0, rel=1e-5)
    (pull,) = torch.autograd.grad(value, context.fake_features)
    assert (pull > 0).all()


def test_lecam_measures_each_side_from_the_others_earlier_answers(context):
    penalty = CRITIC_PENALTIES["lecam"]()
    context.real_logits, context.fake_logits = torch.full((4,), 2.0), torch.full((4,), -1.0)
    assert float(penalty(context)) == pytest.approx(3.0**2 + 3.0**2)
    context.real_logits = torch.full((4,), 4.0)
    # The averages move by a hundredth: 2 to 2.02.
    assert float(penalty(context)) == pytest.approx(5.0**2 + 3.02**2, rel=1e-5)


@pytest.mark.parametrize("penalties", [CRITIC_PENALTIES, GENERATOR_PENALTIES])
def test_the_historical_average_pulls_weights_towards_their_mean(context, penalties):
    penalty = penalties["historical_average"]()
    weight = torch.zeros(2, requires_grad=True)
    context.weights = [weight]
    assert float(penalty(context)) == 0.0
    with torch.no_grad():
        weight += 4.0
    value = penalty(context)  # the mean of 0 and 4 is 2
    assert float(value) == pytest.approx(2 * 2.0**2)
    (pull,) = torch.autograd.grad(value, weight)
    assert pull.tolist() == pytest.approx([4.0, 4.0])


def test_mode_seeking_is_the_distance_of_noises_over_that_of_samples(context):
    noises, rows = torch.tensor([[[0.0]], [[1.0]]]), torch.tensor([[[0.0]], [[0.5]]])
    context.noise_pairs = lambda: (noises, rows)
    penalty = GENERATOR_PENALTIES["mode_seeking"]()
    assert float(penalty(context)) == pytest.approx(2.0, rel=1e-4)
    context.noise_pairs = lambda: (noises, torch.zeros(2, 1, 1))
    assert float(penalty(context)) > 1e4  # a collapsed generator


def test_l1_is_the_mean_distance_from_the_real_image_of_the_pair(context):
    context.real, context.fake = torch.zeros(2, 3), torch.full((2, 3), -0.25)
    assert float(GENERATOR_PENALTIES["l1"]()(context)) == pytest.approx(0.25)


def test_clipping_bounds_every_weight():
    weights = [torch.tensor([-1.0, 0.005, 2.0]), torch.tensor([[0.5]])]
    clip_weights(weights, 0.01)
    assert weights[0].tolist() == pytest.approx([-0.01, 0.005, 0.01])
    assert weights[1].item() == pytest.approx(0.01)
