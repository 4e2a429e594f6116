"""The generator of light: what it changes, what it leaves, and that it learns real layouts."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from torch import Tensor

from ganaug import GANAugmenter, GanaugWarning, Recipe
from ganaug.images.plan import are_flat
from ganaug.nets.blueprint import Blueprint
from ganaug.nets.light import LAYOUT, LightCritic, LightGenerator, layouts_of
from ganaug.recipe import Architecture
from ganaug.runtime.rng import torch_stream

SIZES = Architecture(kind="light", width=8, depth=1, noise_dim=6)


def plan(shape):
    return Blueprint(shape, torch.ones(4), "projection", 1, SIZES)


LABELS = torch.zeros(40, dtype=torch.long)


def light(shape: tuple[int, int, int], seed: int = 0) -> LightGenerator:
    return LightGenerator(plan(shape), torch_stream(seed)).eval()


def lit(net: LightGenerator, anchors: Tensor, seed: int = 1) -> Tensor:
    random = torch_stream(seed)
    noise = torch.randn(len(anchors), net.noise_dim, generator=random)
    return net(noise, LABELS[: len(anchors)], anchors, random).detach()


def changes_of(net: LightGenerator, anchors: Tensor) -> Tensor:
    with torch.no_grad():
        net.leave.weight.mul_(0.2)  # far from where values are clipped
    return lit(net, anchors) - anchors


@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 32, 24)], ids=str)
def test_only_a_few_low_frequencies_change(shape: tuple[int, int, int]) -> None:
    anchors = 0.1 * torch.rand((40, *shape), generator=torch_stream(3))
    changes = changes_of(light(shape), anchors)
    for channel in range(shape[0]):
        own = changes[:, channel].flatten(1).double()
        assert torch.linalg.matrix_rank(own, rtol=1e-4) == LAYOUT**2
    assert changes.abs().amax((1, 2, 3)).min() > 0
    step = changes.diff(dim=3).abs().amax((1, 2, 3))
    reach = changes.amax((1, 2, 3)) - changes.amin((1, 2, 3))
    assert (step < 4 * reach / shape[2]).all(), "smoothly: no edges of blocks"


def test_light_moves_a_random_part_of_the_way_to_an_invented_layout() -> None:
    net = light((1, 12, 12))
    anchors = 0.2 * torch.rand((40, 1, 12, 12), generator=torch_stream(3)) + 0.2
    changes = changes_of(net, anchors)
    random = torch_stream(1)  # as in lit
    noise = torch.randn(40, net.noise_dim, generator=random)
    part = torch.rand(40, generator=random)
    wanted = (net.layouts(noise).detach() - layouts_of(anchors)).mean((1, 2, 3))
    assert torch.allclose(changes.mean((1, 2, 3)), part * wanted, atol=0.02)


def test_the_draws_decide_everything() -> None:
    """The same noise gives the same layout, other noise another."""
    net, anchors = light((3, 16, 16)), torch.rand(8, 3, 16, 16) * 2 - 1
    assert torch.equal(lit(net, anchors), lit(net, anchors))
    assert not torch.equal(lit(net, anchors), lit(net, anchors, seed=2))


def test_the_critic_is_not_told_the_class() -> None:
    critic = LightCritic(plan((3, LAYOUT, LAYOUT)), torch_stream(0))
    layouts = torch.rand(8, 3, LAYOUT, LAYOUT)
    first, features = critic(layouts, torch.zeros(8, dtype=torch.long))
    other, _ = critic(layouts, torch.arange(8) % 4)
    assert first.shape == (8,)
    assert features.shape == (8, SIZES.width)
    assert torch.equal(first, other)


def photographs(n: int, brightness: tuple[float, float], seed: int) -> np.ndarray:
    """Images brighter above than below, in a light of their own, with details."""
    rng = np.random.default_rng(seed)
    level = rng.uniform(*brightness, (n, 1, 1))
    slope = np.linspace(30, -30, 16)[None, :, None]
    return np.clip(level + slope + rng.normal(0, 12, (n, 16, 16)), 0, 255).astype(np.uint8)


def test_a_rare_class_gets_the_light_of_the_others() -> None:
    X = np.concatenate([photographs(200, (40, 200), 0), photographs(12, (60, 80), 1)])
    y = np.repeat(["common", "rare"], [200, 12])
    # Brightness is all that tells these classes apart: a selection would keep the rare light.
    recipe = Recipe.preset("light", data="image").replace(selection="none")
    augmenter = GANAugmenter(recipe=recipe, device="cpu", random_state=0).fit(X, y)
    made, _ = augmenter.sample({"rare": 200}, random_state=0)
    levels = made.mean((1, 2))
    assert levels.std() > 3 * X[200:].mean((1, 2)).std(), "real rare images are nearly alike"
    assert levels.min() > 25
    assert levels.max() < 225, "about the brightest of the others"
    above, below = made[:, :5].mean(), made[:, -5:].mean()
    assert 30 < above - below < 55, "brighter above, as all real ones"


def test_drawings_are_bent_and_photographs_are_lit() -> None:
    y = np.repeat([0, 1], [40, 20])
    photos = photographs(60, (40, 200), 0)
    drawings = np.where(photos > 120, photos, 0)
    drawings[:, :, :6] = 0
    for X, name in ((photos, "light"), (drawings, "warp"), (photos / 255, "light")):
        augmenter = GANAugmenter(max_steps=2, device="cpu", random_state=0).fit(X, y)
        assert [recipe.name for recipe in augmenter.model_.recipes] == [name]
        assert set(augmenter.plan_.values()) == {"anchored"}


def test_what_is_flat() -> None:
    black = torch.zeros(5, 3, 8, 8, dtype=torch.uint8)
    assert are_flat(black)
    black[:, :, :6] = torch.randint(0, 256, (5, 3, 6, 8), generator=torch_stream(0)).to(torch.uint8)
    assert are_flat(black), "a quarter is black"
    mixed = torch.rand((1200, 1, 8, 8), generator=torch_stream(0))
    mixed[::3, :, :4] = 1  # in step with a stride over the images
    assert not are_flat(mixed), "most are not"
    assert not are_flat(torch.rand(1200, 1, 8, 8))


@pytest.mark.parametrize(
    "switch",
    [
        {"diff_augment": ("cutout",)},
        {"embedding_noise": 0.5},
        {"shared_stages": 1},
        {"reconstruction": 1.0},
        {"temperature": 1.4},
        {"generator_norm": "batch"},
        {"conditioning": "concat"},
    ],
    ids=lambda switch: next(iter(switch)),
)
def test_switches_that_light_does_not_have_are_refused(switch: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(switch))}|norm-free"):
        Recipe.preset("light", data="image").replace(**switch)


def test_a_changed_recipe_for_light_is_used_and_does_not_warn() -> None:
    X, y = photographs(30, (40, 200), 0), np.repeat([0, 1], [20, 10])
    recipe = Recipe.preset("light", data="image").replace(width=24, small_classes="auto")
    with warnings.catch_warnings():
        warnings.simplefilter("error", GanaugWarning)
        augmenter = GANAugmenter(recipe=recipe, max_steps=2, device="cpu").fit(X, y)
    assert augmenter.model_.recipes[0].architecture.width == 24
