"""The networks for images: shapes at every size, the class, and where weights come from."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ganaug.nets.dcgan import DCGANCritic, DCGANGenerator
from ganaug.nets.light import LightGenerator
from ganaug.nets.residual import ResidualCritic, ResidualGenerator
from ganaug.nets.warp import WarpGenerator
from ganaug.recipe import Architecture
from ganaug.rng import torch_stream

GENERATORS: dict[str, Any] = {
    "dcgan": DCGANGenerator,
    "residual": ResidualGenerator,
    "warp": WarpGenerator,
    "light": LightGenerator,
}
CRITICS: dict[str, Any] = {"dcgan": DCGANCritic, "residual": ResidualCritic}
SHAPES = [(1, 8, 8), (3, 9, 13), (1, 28, 28), (4, 30, 50), (2, 64, 64), (3, 8, 256), (3, 33, 17)]
COUNTS = torch.tensor([50, 10, 2])
LABELS = torch.tensor([0, 1, 2, 0])


def architecture(kind: str, **changes: Any) -> Architecture:
    return Architecture(**{"kind": kind, "width": 4, "depth": 1, "noise_dim": 6, **changes})


def generator(kind: str, shape: tuple[int, int, int], seed: int = 0, **changes: Any) -> Any:
    return GENERATORS[kind](shape, COUNTS, architecture(kind, **changes), torch_stream(seed)).eval()


def inputs(shape: tuple[int, int, int], seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """Return noise, and real images between -1 and 1."""
    random = torch_stream(seed)
    return torch.randn(4, 6, generator=random), torch.rand(4, *shape, generator=random) * 2 - 1


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", GENERATORS)
def test_generators_make_images_of_any_size(kind: str, shape: tuple[int, int, int]) -> None:
    noise, anchors = inputs(shape)
    net = generator(kind, shape)
    made = net(noise, LABELS, anchors if net.uses_anchors else None, torch_stream(2))
    assert made.shape == (4, *shape)
    assert -1 <= made.min() < made.max() <= 1
    assert not torch.equal(made[0], made[3]), "noise makes a difference"


@pytest.mark.parametrize("conditioning", ["projection", "concat", "none"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", CRITICS)
def test_critics_score_images_of_any_size(
    kind: str, shape: tuple[int, int, int], conditioning: str
) -> None:
    _, images = inputs(shape)
    critic = CRITICS[kind](shape, 3, conditioning, architecture(kind), torch_stream(0))
    logits, features = critic(images, LABELS)
    assert logits.shape == (4,)
    assert features.shape[0] == 4
    same = torch.equal(logits, critic(images, LABELS.roll(1))[0])
    assert same == (conditioning == "none"), "told the class, or not"


@pytest.mark.parametrize("kind", GENERATORS)
def test_weights_come_from_the_generator_given_only(kind: str) -> None:
    before = torch.get_rng_state()
    first, again, other = (generator(kind, (3, 16, 16), seed).state_dict() for seed in (0, 0, 1))
    if kind in CRITICS:
        CRITICS[kind]((3, 16, 16), 3, "projection", architecture(kind), torch_stream(0))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize("kind", ["dcgan", "residual"])
def test_the_class_enters_everywhere_by_default(kind: str) -> None:
    noise, _ = inputs((1, 32, 32))
    net = generator(kind, (1, 32, 32))
    for a, b in zip(*feature_maps(net, noise, [0, 1]), strict=True):
        assert not torch.allclose(a, b)


def feature_maps(net: Any, noise: torch.Tensor, labels: list[int]) -> list[list[torch.Tensor]]:
    """Return the feature maps of each size for each label: what goes into the next one."""
    layers = [*net.ups, net.leave] if hasattr(net, "ups") else [*net.changes, net.leave]
    found: list[list[torch.Tensor]] = []
    for label in labels:
        seen: list[torch.Tensor] = []
        hooks = [
            layer.register_forward_pre_hook(lambda _, args, seen=seen: seen.append(args[0]))
            for layer in layers
        ]
        net(noise, torch.full((len(noise),), label), None, torch_stream(0))
        for hook in hooks:
            hook.remove()
        found.append(seen)
    return found


@pytest.mark.parametrize("shared", [1, 2])
@pytest.mark.parametrize("kind", ["dcgan", "residual"])
def test_shared_stages_are_not_told_the_class_and_the_others_are(kind: str, shared: int) -> None:
    noise, _ = inputs((1, 32, 32))
    net = generator(kind, (1, 32, 32), shared_stages=shared)
    maps = list(zip(*feature_maps(net, noise, [0, 1]), strict=True))
    assert len(maps) == 3 + (kind == "residual")
    for stage, (a, b) in enumerate(maps):
        assert torch.allclose(a, b) == (stage < shared), stage
    one, other = (net(noise, torch.full((4,), c), None, torch_stream(0)) for c in (0, 1))
    assert not torch.allclose(one, other)


@pytest.mark.parametrize("shared", [0, 1, 2])
@pytest.mark.parametrize("kind", ["dcgan", "residual"])
def test_every_weight_of_a_generator_is_used(kind: str, shared: int) -> None:
    """Or the training step could not differentiate by it."""
    noise, _ = inputs((3, 32, 32))
    net = generator(kind, (3, 32, 32), shared_stages=shared).train().requires_grad_()
    images = net(noise, LABELS, None, torch_stream(0))
    grads = torch.autograd.grad(images.square().sum(), list(net.parameters()), allow_unused=True)
    unused = [name for (name, _), g in zip(net.named_parameters(), grads, strict=True) if g is None]
    assert not unused


@pytest.mark.parametrize("kind", ["dcgan", "residual"])
def test_noise_on_the_class_is_for_training_only(kind: str) -> None:
    noise, _ = inputs((1, 8, 8))
    for level in (0.0, 1.0):
        net = generator(kind, (1, 8, 8), embedding_noise=level)
        a, b = (net(noise, LABELS, None, torch_stream(seed)) for seed in (0, 1))
        assert torch.equal(a, b)
        net.train()
        a, b = (net(noise, LABELS, None, torch_stream(seed)) for seed in (0, 1))
        moved = (a - b).abs().mean((1, 2, 3))
        assert moved.any() == (level > 0)
        if level:
            assert moved[2] > moved[0], "the class of 2 images is shaken more than that of 50"


def test_residual_blocks_begin_as_almost_the_identity() -> None:
    from ganaug.nets.residual import GroupedBlock

    for channels in (1, 4, 7, 24, 64):
        hidden = torch.randn(2, channels, 6, 6, generator=torch_stream(1))
        out = GroupedBlock(channels, torch_stream(0))(hidden)
        assert out.shape == hidden.shape
        assert (out - hidden).square().mean() < 0.05 * hidden.square().mean()


def test_widths_need_not_be_round() -> None:
    for width in (1, 3, 7, 10):
        for kind in CRITICS:
            net = generator(kind, (3, 16, 16), width=width)
            noise, images = inputs((3, 16, 16))
            assert net(noise, LABELS, None, torch_stream(0)).shape == images.shape
            critic = CRITICS[kind](
                (3, 16, 16), 3, "projection", architecture(kind, width=width), torch_stream(0)
            )
            assert critic(images, LABELS)[0].shape == (4,)
