"""Pairs of images in any container: targets come in the one that they had at fit."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pytest
import torch

from ganaug import SchemaDriftError
from tests.pairs.support import CONTAINERS, MASKS, kind, last, pil, pixels, quick, values


@pytest.mark.parametrize("name", CONTAINERS)
def test_targets_come_in_the_container_that_they_had(name: str) -> None:
    case = CONTAINERS[name]
    targets = case.make(pixels(channels=case.channels, seed=1))
    before = copy.deepcopy(targets)
    augmenter = quick(image_options=(None, case.options)).fit(MASKS, targets)
    assert np.array_equal(values(targets), values(before)), "the user's images were changed"
    real = values(targets).astype(float)
    for made, n in (
        (augmenter.transform(MASKS[:5]), 5),
        (augmenter.sample(MASKS[:3], 2), 6),
    ):
        assert kind(made) == kind(targets)
        assert len(made) == n
        assert np.isfinite(values(made).astype(float)).all()
        assert real.min() <= values(made).astype(float).min()
        assert values(made).astype(float).max() <= real.max()
    assert len(augmenter.sample(MASKS, 0)) == 0


@pytest.mark.parametrize("name", CONTAINERS)
def test_sources_may_come_in_any_container(name: str) -> None:
    case = CONTAINERS[name]
    sources = case.make(pixels(channels=case.channels))
    augmenter = quick(image_options=(case.options, None)).fit(sources, MASKS)
    assert augmenter.n_features_in_ == case.channels * 64
    made = augmenter.transform(sources)
    assert kind(made) == kind(MASKS)
    if isinstance(sources, pd.DataFrame):
        assert augmenter.feature_names_in_.tolist() == list(sources.columns)
        with pytest.raises(SchemaDriftError, match="feature names"):
            augmenter.transform(sources.add_prefix("other"))


def test_later_sources_may_be_in_another_container() -> None:
    X = pixels(channels=3)
    augmenter = quick().fit(X, MASKS)
    expected = augmenter.transform(X)
    for other in (last(X), torch.from_numpy(X), pil(X), list(X)):
        assert np.array_equal(augmenter.transform(other), expected)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (9, 31), (28, 20), (8, 64)])
def test_sizes_need_not_be_even(height: int, width: int) -> None:
    X = np.random.default_rng(0).random((6, height, width))
    assert quick().fit(X, 1 - X).transform(X).shape == X.shape


def test_one_pair_is_enough() -> None:
    """An augmenter can be fitted on a single pair."""
    assert quick().fit(MASKS[:1], MASKS[:1]).transform(MASKS[:1]).shape == (1, 8, 8)
