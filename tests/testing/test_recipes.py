"""check_recipe: all presets pass, and each check fails for a recipe that breaks it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import pytest
import torch

from ganaug import ConfigError, Recipe
from ganaug.images.codec import ImageCodec
from ganaug.images.data import ImageData
from ganaug.models.model import Model
from ganaug.nets.image_mlp import ImageMLPCritic, ImageMLPGenerator
from ganaug.objectives.losses import hinge
from ganaug.recipe.presets import PRESETS
from ganaug.registry import IMAGE_NETWORKS, LOSSES
from ganaug.testing import check_recipe
from ganaug.testing.recipes import RECIPE_CHECKS

PLAIN = Recipe.preset("cgan").replace(width=16, depth=1, name="plain")


@pytest.mark.parametrize(
    ("data", "name"), [(data, name) for data, presets in PRESETS.items() for name in presets]
)
def test_every_preset_passes(data, name):
    assert check_recipe(name, data).passed


def failed(recipe: Any, data: str = "table") -> tuple[str, ...]:
    return check_recipe(recipe, data, on_fail="report").failed


@dataclass(frozen=True)
class Renamed(Recipe):
    def to_dict(self):
        return {**super().to_dict(), "loss": "minimax"}


@dataclass(frozen=True)
class Stubborn(Recipe):
    def replace(self, **changes):
        changes.pop("learning_rate", None)
        return super().replace(**changes)


@dataclass(frozen=True)
class Lenient(Recipe):
    def replace(self, **changes):
        changes.pop("learning_rat", None)
        return super().replace(**changes)


def as_(kind: type[Recipe]) -> Recipe:
    return kind(**vars(PLAIN))


@pytest.mark.parametrize("kind", [Stubborn, Lenient])
def test_replaces_one_field(kind):
    assert failed(as_(kind)) == ("replaces_one_field",)


def test_survives_json():
    assert failed(as_(Renamed)) == ("survives_json",)


def test_keeps_the_rules(monkeypatch):
    monkeypatch.setitem(LOSSES, "gone", hinge)
    recipe = PLAIN.replace(loss="gone")
    monkeypatch.delitem(LOSSES, "gone")
    assert failed(recipe) == ("keeps_the_rules",)
    assert failed({"loss": "hinge"}) == ("keeps_the_rules",)


def test_trains():
    assert failed(PLAIN.replace(learning_rate=1e30)) == ("trains",)
    assert failed(PLAIN, "image") == ("trains",), "networks of tables"


TURNS = itertools.count(1)


class Unseeded(ImageMLPGenerator):
    def __init__(self, plan, random):
        super().__init__(plan, random)
        self.enter.weight.data += next(TURNS) * 0.05


class Deaf(ImageMLPGenerator):
    def forward(self, noise, labels, anchors, random):
        return super().forward(torch.ones_like(noise), labels, anchors, random)


class Unsaved(ImageMLPGenerator):
    def __init__(self, plan, random):
        super().__init__(plan, random)
        self.shift = float(torch.rand((), generator=random))

    def forward(self, noise, labels, anchors, random):
        return super().forward(noise + self.shift, labels, anchors, random)


class Unpicklable(ImageMLPGenerator):
    def __init__(self, plan, random):
        super().__init__(plan, random)
        self.function = lambda: None


class Global(ImageMLPGenerator):
    def forward(self, noise, labels, anchors, random):
        return super().forward(noise + 0 * torch.rand(()), labels, anchors, random)


BY_NETWORK = {
    "repeats_with_the_seed": Unseeded,
    "follows_the_seed": Deaf,
    "survives_saving": Unsaved,
    "pickles": Unpicklable,
    "leaves_global_random_state": Global,
}


def small_images() -> Recipe:
    changes = {"kind": "mine", "width": 16, "depth": 1, "generator_norm": "none"}
    return Recipe.preset("dcgan", "image").replace(**changes, critic_norm="none", name="mine")


@pytest.mark.parametrize("check", BY_NETWORK)
def test_a_recipe_whose_networks_are_broken_fails(check, monkeypatch):
    monkeypatch.setitem(IMAGE_NETWORKS, "mine", (BY_NETWORK[check], ImageMLPCritic))
    assert failed(small_images(), "image") == (check,)


def counts(sample):
    return lambda self, label, n, seed, **options: sample(self, label, n + 1, seed, **options)


def backwards(sample):
    return lambda self, label, n, seed, **options: sample(self, label, n, seed, **options)[::-1]


def widened(present):
    return lambda self, synthetic: present(self, synthetic).astype("float32")


def in_place(encode):
    def wrapped(self, pixels):
        pixels[0] = 0
        return encode(self, pixels)

    return wrapped


BY_LIBRARY = {
    "makes_exact_counts": (Model, "sample", counts),
    "continues_shorter_requests": (Model, "sample", backwards),
    "looks_like_the_data": (ImageData, "present", widened),
    "leaves_the_data_alone": (ImageCodec, "encode", in_place),
}


@pytest.mark.parametrize("check", BY_LIBRARY)
def test_a_fault_of_the_library_that_no_recipe_can_cause_is_found(check, monkeypatch):
    monkeypatch.setitem(IMAGE_NETWORKS, "mine", (ImageMLPGenerator, ImageMLPCritic))
    owner, name, change = BY_LIBRARY[check]
    monkeypatch.setattr(owner, name, change(getattr(owner, name)))
    assert failed(small_images(), "image") == (check,)


def test_every_check_can_fail():
    others = {"survives_json", "replaces_one_field", "keeps_the_rules", "trains"}
    names = {check.__name__ for check in RECIPE_CHECKS}
    assert {*BY_NETWORK, *BY_LIBRARY, *others} == names


def test_without_dropout_pairs_have_no_noise_to_follow():
    recipe = Recipe.preset("pix2pix", "pair").replace(dropout=0.0, width=8)
    assert check_recipe(recipe, "pair").named("skipped") == ("follows_the_seed",)


def test_no_such_data_or_preset():
    with pytest.raises(ConfigError, match="did you mean 'image'"):
        check_recipe("dcgan", "images")
    with pytest.raises(ConfigError, match=r'data="image"'):
        check_recipe("dcgan", "table")
