"""Which rows come, and when: short requests begin long ones, and selection keeps the better."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ganaug import GANAugmenter, Recipe
from ganaug.models.classes import interleave
from ganaug.models.model import CHUNK
from ganaug.models.selection import EVIDENCE_FOLDS, OVERSAMPLING
from ganaug.tables.selection import EVIDENCE_QUANTILE


@given(
    weights=st.lists(st.integers(0, 50), min_size=1, max_size=6).filter(any),
    n=st.integers(0, 200),
    k=st.integers(0, 200),
)
def test_interleaving_is_proportional_at_every_length(weights, n, k):
    order = interleave(weights, n)
    assert len(order) == n
    np.testing.assert_array_equal(order[:k], interleave(weights, min(k, n)))
    share = np.array(weights) / sum(weights)
    counts = np.bincount(order, minlength=len(weights))
    assert (np.abs(counts - n * share) < len(weights)).all()
    assert not counts[np.array(weights) == 0].any()


@pytest.fixture(scope="module")
def augmenter():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(900, 3)), np.r_[np.zeros(600, int), np.ones(300, int)]
    return GANAugmenter(max_steps=50, random_state=0).fit(X + y[:, None], y)


def test_a_chunk_yields_rows_whatever_the_request(augmenter):
    whole = augmenter.model_.sample(1, 5000, 7)
    for n in (1, 682, 683, 2049, 4999):
        np.testing.assert_array_equal(augmenter.model_.sample(1, n, 7), whole[:n])


def test_every_chunk_yields_its_share_so_a_request_always_ends(augmenter):
    model = augmenter.model_
    least = -(-CHUNK // OVERSAMPLING)
    assert all(len(model._chunk(1, chunk, 3, True)) >= least for chunk in range(5))


def test_selection_can_be_switched_off():
    """With selection="none" there is no selector, and sampling works."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 2)), np.r_[np.zeros(200, int), np.ones(100, int)]
    recipe = Recipe.preset("auto").replace(selection="none")
    augmenter = GANAugmenter(recipe=recipe, max_steps=5, random_state=0).fit(X, y)
    assert augmenter.model_.selector is None
    assert augmenter.sample({1: 10})[0].shape == (10, 2)


def test_selection_drops_near_copies_of_training_rows():
    # A narrow class in two columns: among many samples some fall beside a training row.
    rng = np.random.default_rng(0)
    X = np.r_[rng.normal(0, 1, (400, 2)), rng.normal(3, 0.2, (120, 2))]
    y = np.r_[np.zeros(400, int), np.ones(120, int)]
    augmenter = GANAugmenter(max_steps=200, random_state=0).fit(X, y)
    model = augmenter.model_
    rows = model.sample(1, 400, 0)
    radius = float(model.selector.radius[1])
    real = model.selector.references.numpy()
    nearest = np.sqrt(((rows[:, None] - real[None]) ** 2).sum(-1)).min(1)
    assert radius > 0
    assert (nearest < radius).mean() <= 0.02


@pytest.fixture(scope="module")
def overlapping():
    """Return a model of two classes that overlap: its judges learn, its generator hardly does."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(900, 3)), np.r_[np.zeros(600, int), np.ones(300, int)]
    recipe = Recipe.preset("auto").replace(learning_rate=1e-5)
    augmenter = GANAugmenter(recipe=recipe, max_steps=100, device="cpu", random_state=0)
    return augmenter.fit(X + 1.5 * y[:, None], y).model_


def test_kept_rows_have_the_evidence_that_most_real_rows_have(overlapping):
    selector, label = overlapping.selector, 1
    candidates = overlapping.candidates(label, torch.Generator("cpu").manual_seed(0))
    kept = selector.choose(candidates, label)
    fold = torch.arange(len(candidates)) % EVIDENCE_FOLDS
    margins = selector.evidence.margins(candidates, fold, label)
    assert (margins < selector.floor[label]).any()
    assert -(-len(candidates) // OVERSAMPLING) < len(kept) < len(candidates)
    assert (margins[kept] >= selector.floor[label]).all()


def test_the_floor_is_a_quantile_of_real_rows_judged_by_those_who_have_not_seen_them(overlapping):
    selector, label = overlapping.selector, 1
    end = int(selector.counts[: label + 1].sum())
    real = selector.references[end - int(selector.counts[label]) : end]
    assert len(real) == 300
    judged = torch.stack(
        [
            selector.evidence.margins(real, torch.full((len(real),), k), label)
            for k in range(EVIDENCE_FOLDS)
        ]
    )
    # Two of three classifiers have seen a row and like it better, so fewer fall below.
    below = (judged < selector.floor[label]).float().mean()
    assert 0.5 * EVIDENCE_QUANTILE < below < 1.2 * EVIDENCE_QUANTILE


def test_whether_a_value_is_missing_is_no_evidence():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [600, 300])
    X = np.c_[rng.normal(size=900), rng.normal(size=900) + 2 * y]
    X[rng.random(900) < np.where(y == 1, 0.05, 0.9), 0] = np.nan  # missing means: class 0
    augmenter = GANAugmenter(max_steps=200, random_state=0).fit(X, y)
    new = augmenter.sample({1: 2000}, random_state=0)[0]
    assert np.isnan(new[:, 0]).mean() == pytest.approx(np.isnan(X[y == 1, 0]).mean(), abs=0.03)
