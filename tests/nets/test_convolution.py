"""Pieces of convolutional networks: what cannot be seen from outside."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ganaug.nets.convolution import (
    ClassEmbedding,
    ClassHead,
    Modulation,
    convolution,
    doubling,
    norm2d,
)
from ganaug.nets.pyramid import WIDEST, Pyramid
from ganaug.runtime.rng import torch_stream

SIZES = st.integers(8, 256)


@given(SIZES, SIZES)
def test_a_pyramid_reaches_every_size(height: int, width: int) -> None:
    """Doubling the base of a pyramid covers the image."""
    pyramid = Pyramid(height, width)
    scale = 2**pyramid.stages
    assert pyramid.top == (pyramid.base[0] * scale, pyramid.base[1] * scale)
    for top, size, base in zip(pyramid.top, (height, width), pyramid.base, strict=True):
        assert size <= top < size + scale, "less than one pixel of the smallest size is too much"
        assert base == math.ceil(size / scale)
    assert 4 <= min(pyramid.base) <= 8


@given(SIZES, SIZES, st.integers(1, 64))
def test_a_pyramid_narrows_towards_the_top(height: int, width: int, channels: int) -> None:
    pyramid = Pyramid(height, width)
    widths = [pyramid.channels(stage, channels) for stage in range(pyramid.stages + 1)]
    assert widths[-1] == channels
    assert widths == sorted(widths, reverse=True)
    assert max(widths) <= channels * WIDEST
    assert all(wide in (narrow, 2 * narrow) for wide, narrow in itertools.pairwise(widths))


@given(st.integers(8, 70), st.integers(8, 70))
def test_what_is_padded_is_cropped(height: int, width: int) -> None:
    pyramid = Pyramid(height, width)
    images = torch.arange(2.0 * height * width).reshape(1, 2, height, width)
    padded = pyramid.pad(images)
    assert tuple(padded.shape[2:]) == pyramid.top
    assert torch.equal(pyramid.crop(padded), images)
    assert padded.min() == 0, "the border is repeated, no black comes in"
    assert (padded.amax((2, 3)) == images.amax((2, 3))).all()


def test_layers_keep_halve_and_double() -> None:
    """Layers keep, halve or double the size of a map."""
    images, random = torch.zeros(2, 4, 8, 12), torch_stream(0)
    assert convolution(4, 6, 3, random)(images).shape == (2, 6, 8, 12)
    assert convolution(4, 6, 1, random)(images).shape == (2, 6, 8, 12)
    assert convolution(4, 6, 4, random, stride=2)(images).shape == (2, 6, 4, 6)
    assert convolution(4, 8, 3, random, groups=2)(images).shape == (2, 8, 8, 12)
    assert doubling(4, 6, random)(images).shape == (2, 6, 16, 24)
    for kind in ("none", "layer", "batch"):
        assert norm2d(kind, 4)(images).shape == images.shape


@pytest.mark.parametrize(
    "layer",
    [
        lambda random: convolution(16, 64, 3, random),
        lambda random: convolution(16, 64, 4, random, stride=2),
        lambda random: convolution(64, 64, 3, random, groups=4),
        lambda random: doubling(16, 64, random),
    ],
    ids=["same", "halving", "grouped", "doubling"],
)
def test_layers_keep_the_size_of_signals(layer: object) -> None:
    """He-normal weights: unit inputs through the leaky rectifier stay of unit size."""
    net = layer(torch_stream(0))  # type: ignore[operator]
    images = torch.randn(8, net.in_channels, 32, 32, generator=torch_stream(1))
    out = torch.nn.functional.leaky_relu(net(images), 0.2)[:, :, 4:-4, 4:-4]
    assert out.square().mean().item() == pytest.approx(1.0, rel=0.15)
    assert not net.bias.any()


def test_weights_come_from_the_generator_given_only() -> None:
    def weights(seed: int) -> list[torch.Tensor]:
        random = torch_stream(seed)
        layers = [
            convolution(3, 4, 3, random),
            doubling(4, 4, random),
            ClassEmbedding(torch.tensor([5, 2]), 6, 1.0, random),
            Modulation(6, 4, random),
            ClassHead(12, 5, 2, random),
        ]
        return [p.detach() for layer in layers for p in layer.parameters()]

    before = torch.get_rng_state()
    first, again, other = weights(0), weights(0), weights(1)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    drawn = [(a, b) for a, b in zip(first, other, strict=True) if a.any()]
    assert len(drawn) > 5
    assert not any(torch.equal(a, b) for a, b in drawn)


def test_a_rare_class_is_a_wider_neighbourhood() -> None:
    counts = torch.tensor([10_000, 100, 1])
    classes = ClassEmbedding(counts, 8, 0.5, torch_stream(0)).train()
    labels = torch.arange(3).repeat_interleave(4000)
    vectors = classes(labels, torch_stream(1)).detach().reshape(3, 4000, 8)
    assert vectors.std(1).mean(1).tolist() == pytest.approx([0.005, 0.05, 0.5], rel=0.05)
    exact = classes.eval()(torch.arange(3), torch_stream(2))
    assert torch.equal(exact, classes(torch.arange(3), torch_stream(3))), "no noise when sampling"
    assert torch.allclose(vectors.mean(1), exact, atol=0.05)
    quiet = ClassEmbedding(counts, 8, 0.0, torch_stream(0)).train()
    assert torch.equal(quiet(torch.arange(3), torch_stream(1)), exact)


def test_every_class_moves_what_all_share() -> None:
    classes = ClassEmbedding(torch.tensor([9, 3]), 4, 0.0, torch_stream(0))
    classes(torch.zeros(5, dtype=torch.long), torch_stream(1)).sum().backward()
    assert classes.mean.grad is not None
    assert classes.own.grad is not None
    assert classes.mean.grad.any()
    assert classes.own.grad[0].any()
    assert not classes.own.grad[1].any()


def test_modulation_begins_near_the_identity_and_knows_the_class() -> None:
    modulate = Modulation(6, 3, torch_stream(0))
    hidden = torch.randn(2, 3, 4, 4, generator=torch_stream(1))
    out = modulate(hidden, torch.randn(2, 6, generator=torch_stream(2)))
    assert out.shape == hidden.shape
    assert (out - hidden).abs().mean() < 0.3
    assert torch.equal(modulate(hidden, torch.zeros(2, 6)), hidden)


def test_a_head_projects_by_class_only_where_it_is_told_it() -> None:
    hidden, both = torch.randn(4, 12, generator=torch_stream(1)), torch.tensor([0, 1, 0, 1])
    told, untold = (ClassHead(12, 5, n, torch_stream(0)) for n in (2, 0))
    logits, features = told(hidden, both)
    assert logits.shape == (4,)
    assert features.shape == (4, 5)
    assert not torch.allclose(logits, told(hidden, 1 - both)[0])
    assert torch.equal(untold(hidden, both)[0], untold(hidden, 1 - both)[0])
