"""Bending: the identity, folds, and the values of pixels."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import affine_grid

from ganaug.nets.blueprint import Blueprint
from ganaug.nets.warp import (
    FOLDED,
    STRETCHED,
    WarpGenerator,
    bend,
    folds,
    roughness,
    with_values_of,
)
from ganaug.recipe import Architecture
from ganaug.runtime.rng import torch_stream

SHAPES = [(1, 8, 8), (3, 28, 28), (4, 9, 21), (2, 50, 30)]


def pictures(*shape: int, seed: int = 0) -> torch.Tensor:
    """Return images between -1 and 1 whose values are all different."""
    order = torch.randperm(math.prod(shape), generator=torch_stream(seed))
    return torch.linspace(-1, 1, len(order))[order].reshape(shape)


def places(matrix: list[list[float]], height: int = 16, width: int = 16) -> torch.Tensor:
    """Return where pixels come from under an affine map."""
    return affine_grid(torch.tensor([matrix]), [1, 1, height, width], align_corners=False)


IDENTITY = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_bending_by_the_identity_gives_the_image(shape: tuple[int, int, int]) -> None:
    images = pictures(1, *shape)
    assert torch.allclose(bend(images, places(IDENTITY, *shape[1:])), images, atol=1e-5)


def test_bending_moves_pixels_to_where_it_says() -> None:
    images = pictures(1, 1, 8, 8)
    right = places([[1.0, 0.0, 2 / 8], [0.0, 1.0, 0.0]], 8, 8)  # from one pixel to the right
    assert torch.allclose(bend(images, right)[..., :-1], images[..., 1:], atol=1e-5)
    mirrored = bend(images, places([[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], 8, 8))
    assert torch.allclose(mirrored, images.flip(3), atol=1e-5)


def test_bent_values_stay_between_black_and_white() -> None:
    """Cubic interpolation overshoots at edges."""
    stripes = torch.ones(1, 1, 16, 16)
    stripes[..., ::2] = -1
    bent = bend(stripes, places([[0.9, 0.1, 0.05], [-0.1, 1.1, 0.0]]))
    assert -1 <= bent.min() < bent.max() <= 1


@pytest.mark.parametrize("size", [(16, 16), (8, 30)])
def test_the_identity_has_no_folds(size: tuple[int, int]) -> None:
    assert folds(places(IDENTITY, *size)) == 0
    turned = [[0.96, -0.28 * size[0] / size[1], 0.0], [0.28 * size[1] / size[0], 0.96, 0.0]]
    assert folds(places(turned, *size)) == 0, "a rotation neither folds nor tears"


@pytest.mark.parametrize(
    ("scale", "bad"), [(1.0, False), (0.7, False), (1.4, False), (0.5, True), (1.5, True)]
)
def test_folds_measure_areas(scale: float, bad: bool) -> None:
    assert (FOLDED <= scale**2 <= STRETCHED) != bad
    field = places([[scale, 0.0, 0.0], [0.0, scale, 0.0]], 12, 20)
    wanted = max(FOLDED - scale**2, 0.0) ** 2 + max(scale**2 - STRETCHED, 0.0) ** 2
    assert folds(field).item() == pytest.approx(wanted, abs=1e-4)


def test_a_folded_field_is_worse_than_a_squeezed_one() -> None:
    field = places(IDENTITY)
    folded = field.clone()
    folded[:, :, 8:, 0] = folded[:, :, :8, 0].flip(2)  # the right half runs back
    assert folds(folded) > folds(places([[0.6, 0.0, 0.0], [0.0, 0.6, 0.0]])) > 0
    folded.requires_grad_()
    folds(folded).backward()
    assert folded.grad is not None
    assert folded.grad.any(), "there is a way out"


def test_only_curved_moves_are_rough() -> None:
    line = torch.linspace(-0.1, 0.1, 4)
    straight = torch.stack([line.expand(4, 4), line[:, None].expand(4, 4)])[None]
    assert roughness(straight).item() == pytest.approx(0, abs=1e-10)
    assert roughness(torch.rand(1, 2, 4, 4, generator=torch_stream(0))) > 0.01


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_values_become_exactly_those_of_the_anchor(shape: tuple[int, int, int]) -> None:
    images, anchors = pictures(2, *shape), pictures(2, *shape, seed=1)
    changed = with_values_of(images, anchors)
    assert torch.equal(changed.flatten(2).sort(-1).values, anchors.flatten(2).sort(-1).values)
    order = images.flatten(2).argsort(-1)
    assert (changed.flatten(2).gather(2, order).diff(dim=-1) >= 0).all(), "in the same order"
    assert torch.equal(with_values_of(anchors, anchors), anchors)


@settings(max_examples=settings().max_examples // 4)
@given(st.integers(0, 2**20), st.integers(1, 5), st.integers(1, 300))
def test_flat_parts_stay_flat(seed: int, few: int, many: int) -> None:
    """Only values of the anchor come out, and equal ones where the image has equal ones."""
    random = torch_stream(seed)
    images = torch.randint(0, few, (1, 2, 9, 8), generator=random) / few - 0.5
    anchors = torch.randint(0, many, (1, 2, 9, 8), generator=random) / many - 0.5
    changed = with_values_of(images, anchors)
    for image, anchor, new in zip(images[0], anchors[0], changed[0], strict=True):
        assert set(new.flatten().tolist()) <= set(anchor.flatten().tolist())
        for value in image.unique():
            assert len(new[image == value].unique()) == 1
        assert (new.flatten()[image.flatten().argsort()].diff() >= 0).all()


def warp(shape: tuple[int, int, int], seed: int = 0, **changes: float) -> WarpGenerator:
    sizes = Architecture(kind="warp", width=8, noise_dim=6, **changes)
    return WarpGenerator(
        Blueprint(shape, torch.ones(2), "projection", 1, sizes), torch_stream(seed)
    )


def bent_by(net: WarpGenerator, anchors: torch.Tensor, seed: int = 1) -> torch.Tensor:
    noise = torch.randn(len(anchors), 6, generator=torch_stream(seed))
    return net(noise, torch.zeros(len(anchors), dtype=torch.long), anchors, torch_stream(0))


def smooth(*shape: int) -> torch.Tensor:
    small = pictures(shape[0], shape[1], 3, 3)
    return torch.nn.functional.interpolate(small, shape[2:], mode="bilinear")


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_an_untrained_generator_hardly_bends(shape: tuple[int, int, int]) -> None:
    anchors = smooth(8, *shape)
    net = warp(shape).eval()
    bent = bent_by(net, anchors)
    distance = (bent - anchors).square().mean((1, 2, 3))
    among = (anchors - anchors.roll(1, 0)).square().mean((1, 2, 3))
    assert distance.mean() < 0.5 * among.mean()
    assert folds(net.places(torch.zeros(8, 6), anchors)[0]) < 0.01


def test_samples_have_the_values_of_their_anchor_and_training_has_a_gradient() -> None:
    anchors = pictures(5, 3, 16, 16)
    net = warp((3, 16, 16))
    sampled = bent_by(net.eval(), anchors)
    for image, anchor in zip(sampled.flatten(0, 1), anchors.flatten(0, 1), strict=True):
        assert set(image.flatten().tolist()) <= set(anchor.flatten().tolist())
    trained = bent_by(net.train(), anchors)
    grads = torch.autograd.grad(trained.sum(), [net.field.weight, net.affine.weight])
    assert all(grad.any() for grad in grads)


def test_temperature_widens_what_is_sampled_and_not_what_is_trained() -> None:
    anchors = smooth(16, 1, 16, 16)
    cold, warm = (warp((1, 16, 16), temperature=t).eval() for t in (0.0, 3.0))
    assert torch.equal(bent_by(cold, anchors, 1), bent_by(cold, anchors, 2))
    assert not torch.equal(bent_by(warm, anchors, 1), bent_by(warm, anchors, 2))
    assert torch.equal(bent_by(cold.train(), anchors), bent_by(warm.train(), anchors))


def test_the_lesson_is_less_for_pairs_that_are_alike() -> None:
    """And it reaches every weight that sampling uses."""
    anchors = smooth(8, 1, 16, 16)
    net = warp((1, 16, 16)).train()
    alike = net.reconstruction_loss(anchors, anchors, torch_stream(0))
    apart = net.reconstruction_loss(anchors, anchors.roll(1, 0), torch_stream(0))
    assert 0 < alike < apart
    apart.backward()
    assert all(p.grad is not None and p.grad.any() for p in net.parameters())


def test_the_lesson_can_be_learned() -> None:
    """Targets are the anchors moved by two pixels."""
    anchors = smooth(32, 1, 16, 16)
    targets = anchors.roll(2, 3)
    net = warp((1, 16, 16)).train()
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    losses = []
    for step in range(60):
        loss = net.reconstruction_loss(anchors, targets, torch_stream(step))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert sum(losses[-5:]) < 0.7 * sum(losses[:5])
