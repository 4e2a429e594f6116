"""Recipes: frozen data, checked at once."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest

from ganaug import Architecture, ConfigError, Recipe, Regularizers, Schedule
from ganaug.recipe.presets import PRESETS

TABLES = {name: Recipe.preset(name) for name in PRESETS["table"]}


def test_the_presets_are_those_of_the_documentation():
    assert set(TABLES) == {"auto", "gan", "cgan", "wgan", "wgan-gp"}
    facts = {n: (r.conditioning, r.loss, r.schedule.n_critic) for n, r in TABLES.items()}
    assert facts == {
        "gan": ("per-class", "non-saturating", 1),
        "cgan": ("concat", "non-saturating", 1),
        "wgan": ("projection", "wasserstein", 5),
        "wgan-gp": ("projection", "wasserstein", 5),
        "auto": ("projection", "relativistic", 1),
    }
    assert TABLES["wgan"].regularizers.weight_clip > 0
    assert TABLES["wgan-gp"].regularizers.gradient_penalty > 0
    assert min(TABLES["auto"].regularizers.r1, TABLES["auto"].regularizers.r2) > 0


def test_only_auto_may_choose_another_method():
    assert {n for n, r in TABLES.items() if r.small_classes == "auto"} == {"auto"}


@pytest.mark.parametrize("name", TABLES)
def test_a_recipe_survives_json(name):
    recipe = Recipe.preset(name)
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


def test_recipes_cannot_be_changed_in_place():
    recipe = Recipe.preset("auto")
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe.loss = "hinge"
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe.schedule.n_critic = 2
    assert hash(recipe) == hash(Recipe.preset("auto"))


def test_replace_reaches_every_nested_field():
    recipe = Recipe.preset("wgan-gp").replace(
        n_critic=3, width=64, gradient_penalty=5.0, conditioning="concat"
    )
    assert recipe.schedule.n_critic == 3
    assert recipe.architecture.width == 64
    assert recipe.regularizers.gradient_penalty == 5.0
    assert recipe.conditioning == "concat"
    assert Recipe.preset("wgan-gp").schedule.n_critic == 5


def test_replace_takes_whole_parts_and_single_fields_together():
    recipe = Recipe().replace(schedule=Schedule(n_critic=4), batch_size=64)
    assert (recipe.schedule.n_critic, recipe.schedule.batch_size) == (4, 64)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("n_critics", "n_critic"), ("learning_rat", "learning_rate"), ("los", "loss")],
)
def test_a_misspelt_field_gets_the_nearest_name(wrong, right):
    with pytest.raises(ConfigError, match=rf"{wrong}.*{right}"):
        Recipe().replace(**{wrong: 1})


@pytest.mark.parametrize("name", ["wgan_gp", "wgangp", "Auto", "gann"])
def test_a_misspelt_preset_gets_the_nearest_name(name):
    with pytest.raises(ConfigError, match=r"did you mean|one of"):
        Recipe.preset(name)


def test_a_preset_of_other_data_says_where_it_is_at_home():
    with pytest.raises(ConfigError, match=r'Recipe.preset\(\'dcgan\', data="image"\)'):
        Recipe.preset("dcgan")
    with pytest.raises(ConfigError, match="Pix2PixAugmenter"):
        Recipe.preset("pix2pix")


@pytest.mark.parametrize(
    "change",
    [
        {"loss": "wassersteen"},
        {"conditioning": "film"},
        {"n_critic": 0},
        {"n_critic": 1.5},
        {"batch_size": True},
        {"learning_rate": -1.0},
        {"learning_rate": float("nan")},
        {"r1": "much"},
        {"ema": 1.0},
        {"beta1": 1.0},
        {"label_smoothing": 0.6},
        {"class_balance": 2.0},
        {"pac": 1000},
        {"width": 0},
        {"schedule": 3},
    ],
)
def test_impossible_values_are_refused_at_once(change):
    with pytest.raises(ConfigError):
        Recipe().replace(**change)


def test_from_dict_refuses_what_is_no_recipe():
    with pytest.raises(ConfigError, match="Not a recipe"):
        Recipe.from_dict({"colour": "red"})
    with pytest.raises(ConfigError):
        Recipe.from_dict({**Recipe().to_dict(), "loss": "magic"})


def test_wasserstein_needs_a_bounded_critic():
    with pytest.raises(ConfigError, match="bounded critic"):
        Recipe(loss="wasserstein")
    for bound in (Regularizers(gradient_penalty=1.0), Regularizers(weight_clip=0.1)):
        assert Recipe(loss="wasserstein", regularizers=bound).loss == "wasserstein"


def test_architecture_refuses_unknown_kinds():
    with pytest.raises(ConfigError, match="kind"):
        Recipe(architecture=Architecture(kind="transformer"))


def test_numbers_of_numpy_will_do():
    """Fields take numbers of NumPy of the right kind, and no others."""
    recipe = Recipe().replace(width=np.int64(8), batch_size=np.int32(16), r1=np.float32(0.5))
    assert (recipe.architecture.width, recipe.schedule.batch_size) == (8, 16)
    for wrong in ({"width": np.float64(8)}, {"width": np.True_}, {"r1": np.float64("nan")}):
        with pytest.raises(ConfigError):
            Recipe().replace(**wrong)


@pytest.mark.parametrize("name", [3, None, b"gan"])
def test_a_name_is_a_string(name):
    """A recipe's name of another type is refused."""
    with pytest.raises(ConfigError, match="name must be a string"):
        Recipe(name=name)


def test_the_page_on_gans_shows_the_presets_for_images_as_they_are():
    page = Path(__file__).resolve().parents[2] / "docs" / "gans.md"
    text = page.read_text(encoding="utf-8")
    found = re.search(r"^\| field \|(.*)\n\|[-:|]+\|\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert found, "docs/gans.md has no table of fields"
    names = [cell.strip(" `") for cell in found[1].strip("|").split("|")]
    presets = {
        name: Recipe.preset(name, data) for data in ("image", "pair") for name in PRESETS[data]
    }
    assert sorted(names) == sorted(presets)
    shown = {}
    for line in found[2].splitlines():
        field, *values = (cell.strip(" `") for cell in line.strip("|").split("|"))
        shown[field] = dict(zip(names, values, strict=True))
    fields = flat(Recipe())
    differing = {f for f in fields if any(flat(p)[f] != fields[f] for p in presets.values())}
    assert set(shown) == differing
    for name, preset in presets.items():
        assert {f: row[name] for f, row in shown.items()} == {
            f: str(flat(preset)[f]) for f in shown
        }


def flat(recipe: Recipe) -> dict[str, object]:
    """Return the fields of a recipe and its parts, without its name."""
    parts = recipe.to_dict()
    nested = [parts.pop(name) for name in ("architecture", "regularizers", "schedule")]
    del parts["name"]
    return {**parts, **nested[0], **nested[1], **nested[2]}


def test_an_unknown_kind_of_data_gets_the_nearest_known_one() -> None:
    with pytest.raises(ConfigError, match="did you mean 'image'"):
        Recipe.preset("auto", data="images")


def test_regularizers_say_whether_they_differentiate_the_critic_by_its_input() -> None:
    assert Regularizers(r1=0.1).uses_input_gradient
    assert not Regularizers(weight_clip=0.1).uses_input_gradient
