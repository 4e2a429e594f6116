"""Rows of small classes: between real ones where there is something between."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ganaug.tables.anchors
from ganaug import GANAugmenter


def sample(small, n=400):
    """Return synthetic rows of a class that consists of ``small``, beside a common class."""
    rng = np.random.default_rng(0)
    common = pd.DataFrame({"a": rng.normal(size=80), "b": rng.normal(size=80)})
    common["town"] = rng.integers(0, 60, 80).astype(str)
    X = pd.concat([common, small], ignore_index=True)
    y = np.r_[np.zeros(80, int), np.ones(len(small), int)]
    augmenter = GANAugmenter(max_steps=2, device="cpu", random_state=0)
    with pytest.warns(UserWarning, match="Class 1 has only"):
        augmenter.fit(X, y)
    assert augmenter.plan_[1] == "interpolate"
    return augmenter.sample({1: n})[0]


def test_no_number_between_a_value_and_a_missing_one():
    small = pd.DataFrame({"a": [100.0, 101.0, 102.0, *[np.nan] * 3], "b": np.arange(6.0)})
    new = sample(small.assign(town="7"))
    assert new["a"].dropna().between(99.999, 102.001).all()
    assert 0.3 < new["a"].isna().mean() < 0.7


def test_no_number_between_a_value_and_an_atom():
    # Zero holds so many rows of the column that it is a value of its own.
    rng = np.random.default_rng(1)
    small = pd.DataFrame({"a": [0.0, 0.0, 0.0, 50.0, 51.0, 52.0], "b": rng.normal(size=6)})
    common = pd.DataFrame(
        {"a": np.r_[np.zeros(40), rng.normal(50, 1, 40)], "b": rng.normal(size=80)}
    )
    X = pd.concat([common, small], ignore_index=True)
    y = np.r_[np.zeros(80, int), np.ones(6, int)]
    with pytest.warns(UserWarning, match="Class 1 has only"):
        augmenter = GANAugmenter(max_steps=2, device="cpu", random_state=0).fit(X, y)
    a = augmenter.sample({1: 400})[0]["a"]
    assert ((a == 0) | a.between(50, 52)).all()
    assert (a == 0).any()
    assert a.between(50.01, 51.99).any()


def test_a_wide_category_and_its_missing_values_come_from_one_parent():
    small = pd.DataFrame({"a": np.arange(6.0), "b": np.arange(6.0)})
    new = sample(small.assign(town=["7", "8", "9", None, None, None]))
    assert set(new["town"].dropna()) == {"7", "8", "9"}
    assert new["town"].isna().any()


def test_a_pair_of_rows_yields_rows_on_the_line_between_them():
    small = pd.DataFrame({"a": [1.0, 2.0], "b": [10.0, 20.0], "town": ["1", "2"]})
    new = sample(small)
    assert new["a"].between(1, 2).all()
    assert new["b"].between(10, 20).all()
    assert new["a"].nunique() > 50


def test_a_large_class_starts_from_some_of_its_rows_from_beginning_to_end(monkeypatch):
    monkeypatch.setattr(ganaug.tables.anchors, "ANCHOR_ROWS", 50)
    X, y = np.arange(400.0)[:, None], np.repeat([0, 1], [280, 120])
    model = GANAugmenter(max_steps=1, random_state=0).fit(X, y).model_
    assert model.anchors.counts.tolist() == [47, 40]
    values = model.codec.decode(model.anchors.rows.numpy()).to_numpy().ravel()
    np.testing.assert_allclose(values[:47], np.arange(0, 280, 6))
    np.testing.assert_allclose(values[47:], np.arange(280, 400, 3))


def test_a_large_class_keeps_its_spread_with_few_steps():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 20))
    y = np.repeat([0, 1], [2500, 500])
    new = GANAugmenter(max_steps=100, random_state=0).fit(X, y).sample({0: 1000})[0]
    ratio = new.std(0) / X[y == 0].std(0)
    assert 0.6 < ratio.min() <= ratio.max() < 1.4
