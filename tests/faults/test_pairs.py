"""Fault 45: pix2pix without sources; and other things that are no pairs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ganaug import ConfigError, GanaugError, ImageOptions, Pix2PixAugmenter, Recipe

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 8, 8), dtype=np.uint8)


@pytest.fixture
def no_pairs(count_steps: Any) -> Callable[..., GanaugError]:
    """Return a check: typed, before any training, and with these words in the message."""

    def check(arguments: tuple[Any, ...], *words: str, **options: Any) -> GanaugError:
        augmenter = Pix2PixAugmenter(
            **{"max_steps": 1, "random_state": 0, "callbacks": [count_steps], **options}
        )
        with pytest.raises(GanaugError) as caught:
            augmenter.fit(*arguments)
        assert isinstance(caught.value, (ValueError, TypeError))
        assert count_steps.begun == 0
        assert not [name for name in vars(augmenter) if name.endswith("_")]
        for word in words:
            assert word in str(caught.value)
        return caught.value

    return check


def test_fault_45_targets_alone(no_pairs: Any) -> None:
    """Targets without sources are refused, with the estimator that needs none."""
    no_pairs((IMAGES,), "X_source", "X_target", "GANAugmenter")


@pytest.mark.parametrize(
    "labels",
    [np.arange(12) % 2, list("ab" * 6), [0, 1] * 6, np.eye(12), IMAGES.reshape(12, -1)],
    ids=["array", "strings", "list", "one-hot", "flat rows"],
)
def test_fault_45_labels_in_the_place_of_targets(no_pairs: Any, labels: Any) -> None:
    no_pairs((IMAGES, labels), "X_target holds no images", "GANAugmenter", "shape=")


def test_fault_45_rows_in_the_place_of_sources(no_pairs: Any) -> None:
    no_pairs((np.zeros((12, 5)), IMAGES), "X_source holds no images")


def test_fault_45_the_preset_without_sources(refused: Any) -> None:
    """The preset of pairs in GANAugmenter names the estimator of pairs."""
    error = refused(IMAGES, [0, 1] * 6, "Pix2PixAugmenter", "source", recipe="pix2pix")
    assert isinstance(error, ConfigError)


def test_another_number(no_pairs: Any) -> None:
    """As many targets as sources, or the two numbers are named."""
    no_pairs((IMAGES, IMAGES[:11]), "X_source has 12 images", "X_target 11")


def test_another_size(no_pairs: Any) -> None:
    """Targets of another size than their sources are refused with both sizes."""
    other = np.zeros((12, 16, 9), np.uint8)
    no_pairs((IMAGES, other), "X_source", "8 high and 8 wide", "X_target 16 high and 9 wide")


def test_the_message_says_which_images_are_at_fault(no_pairs: Any) -> None:
    bad = IMAGES / 255
    bad[3, 0, 0] = np.nan
    no_pairs((IMAGES, bad), "X_target: ", "NaN", "image 3")
    no_pairs((bad, IMAGES), "X_source: ", "NaN", "image 3")
    no_pairs((IMAGES * 1.5, IMAGES), "X_source: ", "value_range")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"recipe": "pix2pics"}, ["pix2pix"]),
        ({"recipe": "wgan-gp"}, ["wgan-gp"]),
        ({"recipe": Recipe.preset("dcgan", data="image")}, ["kind='dcgan'", "pix2pix"]),
        ({"recipe": 3}, ["recipe"]),
        ({"max_steps": 0}, ["max_steps"]),
        ({"device": "cudda"}, ["did you mean 'cuda'"]),
        ({"memory_budget": 100}, ["memory_budget"]),
        ({"image_options": "hflip"}, ["image_options"]),
        ({"image_options": (None, 3)}, ["image_options", "two"]),
        ({"image_options": (ImageOptions(),) * 3}, ["image_options", "two"]),
        ({"callbacks": [print]}, ["Callback"]),
    ],
    ids=str,
)
def test_impossible_options(no_pairs: Any, options: Any, words: list[str]) -> None:
    """Options that cannot be are refused in words of their own."""
    no_pairs((IMAGES, IMAGES), *words, **options)


def test_a_misspelt_option_gets_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"Pix2PixAugmenter .* did you mean 'max_steps'"):
        Pix2PixAugmenter().set_params(max_step=3)
    with pytest.raises(ConfigError, match="replace"):
        Pix2PixAugmenter().set_params(recipe__l1=3)
