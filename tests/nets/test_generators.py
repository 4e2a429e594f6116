"""The networks for images: shapes at every size, the class, and where weights come from."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ganaug.nets.blueprint import Blueprint
from ganaug.nets.dcgan import DCGANCritic, DCGANGenerator
from ganaug.nets.image_mlp import ImageMLPCritic, ImageMLPGenerator
from ganaug.nets.light import LightGenerator
from ganaug.nets.residual import ResidualCritic, ResidualGenerator
from ganaug.nets.spectral import normalise_spectrally
from ganaug.nets.warp import WarpGenerator
from ganaug.recipe import Architecture
from ganaug.runtime.rng import torch_stream

GENERATORS: dict[str, Any] = {
    "dcgan": DCGANGenerator,
    "residual": ResidualGenerator,
    "warp": WarpGenerator,
    "light": LightGenerator,
    "image-mlp": ImageMLPGenerator,
}
CRITICS: dict[str, Any] = {
    "dcgan": DCGANCritic,
    "residual": ResidualCritic,
    "image-mlp": ImageMLPCritic,
}
SHAPES = [(1, 8, 8), (3, 33, 17), (4, 8, 256)]
"""The smallest size, one of odd numbers, and one as narrow as can be."""

COUNTS = torch.tensor([50, 10, 2])
LABELS = torch.tensor([0, 1, 2, 0])


def architecture(kind: str, **changes: Any) -> Architecture:
    return Architecture(**{"kind": kind, "width": 4, "depth": 1, "noise_dim": 6, **changes})


def generator(kind: str, shape: tuple[int, int, int], seed: int = 0, **changes: Any) -> Any:
    plan = Blueprint(shape, COUNTS, "projection", 1, architecture(kind, **changes))
    return GENERATORS[kind](plan, torch_stream(seed)).eval()


def critic_of(
    kind: str,
    shape: tuple[int, int, int],
    conditioning: str = "projection",
    pac: int = 1,
    **changes: Any,
) -> Any:
    plan = Blueprint(shape, COUNTS, conditioning, pac, architecture(kind, **changes))
    return CRITICS[kind](plan, torch_stream(0))


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


@pytest.mark.parametrize("conditioning", ["projection", "concat", "per-class"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", CRITICS)
def test_critics_score_images_of_any_size(
    kind: str, shape: tuple[int, int, int], conditioning: str
) -> None:
    _, images = inputs(shape)
    critic = critic_of(kind, shape, conditioning)
    logits, features = critic(images, LABELS)
    assert logits.shape == (4,)
    assert features.shape[0] == 4
    same = torch.equal(logits, critic(images, LABELS.roll(1))[0])
    assert same == (conditioning == "per-class"), "told the class, or not"


@pytest.mark.parametrize("kind", GENERATORS)
def test_weights_come_from_the_generator_given_only(kind: str) -> None:
    before = torch.get_rng_state()
    first, again, other = (generator(kind, (3, 16, 16), seed).state_dict() for seed in (0, 0, 1))
    if kind in CRITICS:
        critic_of(kind, (3, 16, 16))
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
            critic = critic_of(kind, (3, 16, 16), width=width)
            assert critic(images, LABELS)[0].shape == (4,)


@pytest.mark.parametrize("kind", CRITICS)
def test_a_critic_of_packs_answers_once_a_pack_and_sees_all_its_images(kind: str) -> None:
    shape = (3, 16, 16)
    _, images = inputs(shape)
    critic, labels = critic_of(kind, shape, pac=2), torch.tensor([0, 0, 1, 1])
    logits, features = critic(images, labels)
    assert logits.shape == (2,)
    assert len(features) == 2
    for place in (0, 1):
        other = images.clone()
        other[place] += 0.5
        changed = critic(other, labels)[0] != logits
        assert changed.tolist() == [True, False]


@pytest.mark.parametrize("kind", CRITICS)
def test_minibatch_stddev_shows_the_critic_its_neighbours(kind: str) -> None:
    shape = (1, 16, 16)
    random = torch_stream(0)
    images = torch.rand(8, *shape, generator=random)
    labels = torch.zeros(8, dtype=torch.long)
    copies = images.clone()
    copies[1:4] = images[0]  # the first image now stands among copies of itself
    for told in (False, True):
        critic = critic_of(kind, shape, minibatch_stddev=told)
        first, among_copies = critic(images, labels)[0], critic(copies, labels)[0]
        assert (first[0] != among_copies[0]) == told
        torch.testing.assert_close(first[4:], among_copies[4:])  # another group


@pytest.mark.parametrize("n", [1, 2, 5, 7])
def test_minibatch_stddev_takes_batches_of_any_size(n: int) -> None:
    critic = critic_of("dcgan", (1, 16, 16), minibatch_stddev=True)
    logits, _ = critic(torch.rand(n, 1, 16, 16), torch.zeros(n, dtype=torch.long))
    assert torch.isfinite(logits).all()


def blocky(images: torch.Tensor, size: int) -> bool:
    """Return whether images are made of squares of one value."""
    small = torch.nn.functional.avg_pool2d(images, size)
    again = torch.nn.functional.interpolate(small, scale_factor=size)
    return torch.allclose(images, again, atol=1e-6)


@pytest.mark.parametrize("kind", ["dcgan", "residual"])
def test_a_growing_generator_makes_larger_pixels_first(kind: str) -> None:
    net = generator(kind, (3, 32, 32), progressive=0.5)
    noise, _ = inputs((3, 32, 32))
    for level, size in ((0.0, 8), (1.0, 4), (1.5, 2), (2.0, 2), (2.5, 1), (3.0, 1)):
        net.growth.set(level)
        made = net(noise, LABELS, None, torch_stream(0))
        assert made.shape == (4, 3, 32, 32)
        assert blocky(made, size)
        assert size == 1 or not blocky(made, 2 * size)


@pytest.mark.parametrize("kind", ["dcgan", "residual"])
def test_fading_in_goes_from_the_old_resolution_to_the_new_one(kind: str) -> None:
    """Just after a level begins, images and answers are those of the level before."""
    net = generator(kind, (1, 16, 16), progressive=0.5)
    critic = critic_of(kind, (1, 16, 16), progressive=0.5)
    noise, images = inputs((1, 16, 16))
    for before in (0.0, 1.0):
        seen = []
        for level in (before, before + 1e-4):
            net.growth.set(level)
            critic.growth.set(level)
            made = net(noise, LABELS, None, torch_stream(0))
            seen.append((made, critic(made, LABELS)[0], net.coarse(images)))
        for one, other in zip(*seen, strict=True):
            torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("kind", ["dcgan", "residual"])
def test_a_small_critic_cannot_see_detail(kind: str) -> None:
    critic = critic_of(kind, (1, 16, 16), progressive=0.5)
    _, images = inputs((1, 16, 16))
    net = generator(kind, (1, 16, 16), progressive=0.5)
    for level in (0.0, 1.0, 2.0):
        critic.growth.set(level)
        net.growth.set(level)
        shown, coarse = critic(images, LABELS)[0], critic(net.coarse(images), LABELS)[0]
        assert torch.allclose(shown, coarse, atol=1e-5)
        if level < 2.0:
            assert not torch.equal(net.coarse(images), images)
        else:
            assert torch.equal(net.coarse(images), images)


def test_a_growing_generator_remembers_its_level_when_saved() -> None:
    net = generator("dcgan", (1, 16, 16), progressive=0.5)
    net.growth.set(1.0)
    again = generator("dcgan", (1, 16, 16), seed=1, progressive=0.5)
    again.load_state_dict(net.state_dict())
    noise, _ = inputs((1, 16, 16))
    one, other = (x(noise, LABELS, None, torch_stream(0)) for x in (net, again))
    assert torch.equal(one, other)


@pytest.mark.parametrize("kind", CRITICS)
def test_spectral_norm_bounds_every_layer(kind: str) -> None:
    critic = critic_of(kind, (3, 16, 16))
    before = torch.get_rng_state()
    normalise_spectrally(critic, torch_stream(1))
    assert torch.equal(torch.get_rng_state(), before)
    weights = [
        getattr(module, name)
        for module in critic.modules()
        for name in ("weight", "classes")
        if isinstance(getattr(module, name, None), torch.Tensor)
    ]
    assert len(weights) >= 4
    for weight in weights:
        largest = torch.linalg.matrix_norm(weight.detach().flatten(1), 2)
        assert float(largest) == pytest.approx(1.0, abs=0.1)
