"""The networks of pix2pix: shapes, noise, and what a patch is."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from ganaug import Architecture
from ganaug.nets.unet import PatchCritic, UNetGenerator, field_of
from ganaug.runtime.rng import torch_stream

SIZES = [(8, 256), (9, 31), (255, 17)]
NORMS = ["none", "layer", "batch"]


def architecture(**changes: Any) -> Architecture:
    return Architecture(**{"kind": "unet", "width": 4, "dropout": 0.5, **changes})


def unet(source: Any, target: Any, seed: int = 0, **changes: Any) -> UNetGenerator:
    return UNetGenerator(source, target, architecture(**changes), torch_stream(seed))


def critic(source: Any, target: Any, **changes: Any) -> PatchCritic:
    return PatchCritic(source, target, architecture(**changes), torch_stream(0))


def normal(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(shape, generator=torch_stream(seed))


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize(("before", "after"), [(1, 3), (4, 1)])
def test_any_size_and_other_channels(size: tuple[int, int], before: int, after: int) -> None:
    net = unet((before, *size), (after, *size))
    images = normal(2, before, *size)
    made = net(normal(2, net.noise_dim), images)
    assert made.shape == (2, after, *size)
    assert made.abs().max() <= 1
    assert net.noise_dim > 0
    judge = critic((before, *size), (after, *size))
    logits, features = judge(made, images)
    assert len(logits) % 2 == 0
    assert logits.ndim == 1
    assert features.shape[0] == 2
    assert features.ndim == 2
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("size", [8, 31, 64])
def test_it_halves_as_often_as_the_size_allows(size: int) -> None:
    net = unet((1, size, size), (1, size, size))
    assert 2 <= min(net.pyramid.base) < 5
    assert len(net.downs) == len(net.ups) + 1


@pytest.mark.parametrize("kind", NORMS)
def test_norms(kind: str) -> None:
    """Each norm is used where it is asked for, and every weight has a gradient."""
    shape = (3, 32, 32)
    net, judge = unet(shape, shape, generator_norm=kind), critic(shape, shape, critic_norm=kind)
    types = {"none": torch.nn.Identity, "layer": torch.nn.GroupNorm, "batch": torch.nn.BatchNorm2d}
    assert any(isinstance(layer, types[kind]) for layer in net.modules())
    images = normal(4, *shape)
    made = net(normal(4, net.noise_dim), images)
    judge(made, images)[0].sum().backward()
    assert all(torch.isfinite(weight.grad).all() for weight in net.parameters())


def test_dropout_is_the_noise_and_never_ends() -> None:
    net = unet((1, 16, 16), (1, 16, 16)).eval()
    images = normal(1, 1, 16, 16).expand(2, -1, -1, -1)
    made = net(normal(2, net.noise_dim), images)
    assert not torch.equal(made[0], made[1])
    noise = normal(1, net.noise_dim).expand(2, -1)
    same = net(noise, images)
    torch.testing.assert_close(same[0], same[1])
    assert not any(isinstance(layer, torch.nn.Dropout) for layer in net.modules())


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_the_share_of_dropped_features_is_that_of_the_recipe(share: float) -> None:
    net = unet((1, 64, 64), (1, 64, 64), dropout=share, width=8)
    masks = net._masks(normal(8, net.noise_dim))
    assert len(masks) == 2
    values = torch.cat([mask.flatten() for mask in masks])
    assert float((values == 0).float().mean()) == pytest.approx(share, abs=0.02)
    assert float(values.mean()) == pytest.approx(1.0, abs=0.05), "the mean is kept"


def test_without_dropout_there_is_no_noise() -> None:
    net = unet((1, 16, 16), (1, 16, 16), dropout=0.0)
    assert net.noise_dim == 0
    assert net(normal(3, 0), normal(3, 1, 16, 16)).shape == (3, 1, 16, 16)


def test_edges_need_not_pass_through_the_smallest_map() -> None:
    net = unet((1, 32, 32), (1, 32, 32))
    blocked = copy.deepcopy(net)
    with torch.no_grad():
        blocked.ups[0].weight.zero_()
    images = normal(2, 1, 32, 32)
    made = blocked(normal(1, net.noise_dim).expand(2, -1), images)
    assert (made[0] - made[1]).abs().mean() > 0.01


def test_images_of_a_batch_do_not_mix_once_trained() -> None:
    net = unet((1, 16, 16), (1, 16, 16), generator_norm="batch").eval()
    noise, images = normal(4, net.noise_dim), normal(4, 1, 16, 16)
    whole = net(noise, images)
    images[1:] = 0
    assert torch.equal(net(noise, images)[0], whole[0])


def test_weights_come_from_the_generator_and_the_global_stream_stays() -> None:
    before = torch.get_rng_state()
    shape = (3, 16, 16)
    nets = [unet(shape, shape, seed) for seed in (0, 0, 1)]
    judge = critic(shape, shape)
    judge(nets[0](normal(2, nets[0].noise_dim), normal(2, *shape)), normal(2, *shape))
    assert torch.equal(torch.get_rng_state(), before)
    first, same, other = (net.state_dict() for net in nets)
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not torch.equal(first["downs.0.weight"], other["downs.0.weight"])


@pytest.mark.parametrize(("size", "field"), [(8, 7), (32, 7), (64, 16), (128, 34), (256, 70)])
def test_the_field_of_a_patch_grows_with_the_image(size: int, field: int) -> None:
    judge = critic((1, size, size), (1, size, size), width=2)
    assert judge.field == field
    images = normal(1, 1, size, size).requires_grad_()
    maps, _ = judge.patches(images, normal(1, 1, size, size, seed=2))
    middle = maps[0, 0, maps.shape[2] // 2, maps.shape[3] // 2]
    (gradient,) = torch.autograd.grad(middle, images)
    seen = gradient[0, 0] != 0
    assert int(seen.any(0).sum()) == int(seen.any(1).sum()) == field


def test_the_field_of_the_paper() -> None:
    """The strides of the pix2pix paper see patches of 70, 34 and 16 pixels."""
    assert field_of([2, 2, 2, 1, 1]) == 70
    assert field_of([2, 2, 1, 1]) == 34
    assert field_of([2, 1, 1]) == 16


def test_the_critic_is_told_the_source() -> None:
    shape = (1, 16, 16)
    judge, images = critic(shape, shape), normal(2, *shape)
    a, b = (judge(images, normal(2, *shape, seed=seed))[0] for seed in (2, 3))
    assert not torch.equal(a, b)
    assert judge.pac == 1
