"""Models of pairs on disk: what is loaded is what was saved, and damage is refused."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from ganaug import ArtifactError, GANAugmenter, Pix2PixAugmenter, Recipe, SchemaDriftError
from tests.pairs.support import CONTAINERS, MASKS, kind, pixels, quick, values


def test_a_saved_one_is_the_same(fitted: Pix2PixAugmenter, tmp_path: Path) -> None:
    original = copy.deepcopy(fitted)
    original.sample(MASKS[:1], 1)
    original.save_pretrained(tmp_path)
    again = Pix2PixAugmenter.from_pretrained(tmp_path)
    assert again.get_params() == original.get_params()
    assert again.history_.records == original.history_.records
    assert again.n_features_in_ == 64
    assert again.model_.recipe == original.model_.recipe
    assert np.array_equal(again.transform(MASKS), original.transform(MASKS))
    for _ in range(2):
        assert np.array_equal(again.sample(MASKS, 2), original.sample(MASKS, 2))
    with pytest.raises(SchemaDriftError):
        again.transform(MASKS / 255)


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_saved_one_remembers_the_container(name: str, tmp_path: Path) -> None:
    case = CONTAINERS[name]
    images = case.make(pixels(channels=case.channels))
    both = (case.options, case.options)
    augmenter = quick(image_options=both).fit(images, images)
    augmenter.save_pretrained(tmp_path)
    again = Pix2PixAugmenter.from_pretrained(tmp_path)
    assert again.image_options == both
    made, expected = again.transform(images), augmenter.transform(images)
    assert kind(made) == kind(expected)
    assert np.array_equal(values(made), values(expected))


def test_fault_68_a_folder_of_the_other_estimator(fitted: Pix2PixAugmenter, tmp_path: Path) -> None:
    pair, classes = tmp_path / "pair", tmp_path / "classes"
    fitted.save_pretrained(pair)
    recipe = Recipe.preset("dcgan", data="image").replace(width=4)
    other = GANAugmenter(recipe=recipe, max_steps=1, random_state=0).fit(MASKS, [0, 1] * 6)
    other.save_pretrained(classes)
    with pytest.raises(ArtifactError, match=r"GANAugmenter: load it with GANAugmenter\.from_"):
        Pix2PixAugmenter.from_pretrained(classes)
    with pytest.raises(ArtifactError, match=r"load it with Pix2PixAugmenter\.from_pretrained"):
        GANAugmenter.from_pretrained(pair)
    with pytest.raises(ArtifactError, match="there already"):
        fitted.save_pretrained(classes)
    with pytest.raises(ArtifactError, match="there already"):
        other.save_pretrained(pair)
    GANAugmenter.from_pretrained(classes)
    Pix2PixAugmenter.from_pretrained(pair)


def _set(path: str, value: Any) -> Callable[[Any], None]:
    def change(config: Any) -> None:
        *steps, name = path.split(".")
        for step in steps:
            config = config[step]
        config[name] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        _set("model.recipe.architecture.width", 10**7),
        _set("model.recipe.architecture.width", 3),
        _set("model.recipe.architecture.kind", "dcgan"),
        _set("model.recipe.architecture.generator_norm", "none"),
        _set("estimator.source.format.height", 256),
        _set("estimator.source.format.height", 10**9),
        _set("estimator.target.format.channels", 4),
        _set("estimator.target.format.dtype", "object"),
        _set("estimator.source.format.layout", "NCHWX"),
        _set("estimator.seed", 3),
        _set("estimator.calls", -1),
        _set("estimator.params.max_steps", -1),
        _set("estimator.params.image_options", [None]),
        _set("model", {}),
        _set("estimator", []),
        _set("kind", "ganaug.SyntheticPool"),
        _set("kind", ["ganaug.Pix2PixAugmenter"]),
        _set("format", 99),
    ],
)
def test_fault_65_a_changed_configuration_is_refused(
    fitted: Pix2PixAugmenter, tmp_path: Path, change: Any
) -> None:
    fitted.save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))
    with pytest.raises(ArtifactError):
        Pix2PixAugmenter.from_pretrained(tmp_path)


def test_fault_64_damaged_weights_are_refused(fitted: Pix2PixAugmenter, tmp_path: Path) -> None:
    fitted.save_pretrained(tmp_path)
    (weights,) = tmp_path.glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(ArtifactError, match="checksum"):
        Pix2PixAugmenter.from_pretrained(tmp_path)


def test_a_file_holds_no_training_image(fitted: Pix2PixAugmenter, tmp_path: Path) -> None:
    fitted.save_pretrained(tmp_path)
    (weights,) = tmp_path.glob("*.safetensors")
    names = safetensors.numpy.load_file(weights)
    assert all(name.startswith("generator.") for name in names)


@pytest.mark.gpu
def test_fault_62_on_cuda_it_trains_and_is_saved_for_the_cpu(tmp_path: Path) -> None:
    augmenter = quick(device="cuda", max_steps=10).fit(MASKS, MASKS)
    assert augmenter.model_.device.type == "cuda"
    augmenter.save_pretrained(tmp_path)
    again = Pix2PixAugmenter.from_pretrained(tmp_path)
    assert again.model_.device.type == "cpu"
    made, expected = again.transform(MASKS), augmenter.transform(MASKS)
    assert np.abs(made.astype(int) - expected).max() <= 2
    assert pickle.loads(pickle.dumps(augmenter)).model_.device.type == "cpu"
