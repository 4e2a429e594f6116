"""What needs a CUDA device: ``pytest -m gpu``."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

from ganaug import AugmentedClassifier, GANAugmenter
from ganaug.recipe import PRESETS

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    n = 400
    frame = pd.DataFrame(
        {
            "amount": rng.lognormal(3, 1, n).round(2),
            "age": rng.integers(18, 90, n),
            "kind": rng.choice(["a", "b", "c"], n),
            "town": rng.integers(0, 60, n).astype(str),
            "when": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, n), "D"),
        }
    )
    frame.loc[::9, "amount"] = np.nan
    y = pd.Series(np.r_[np.zeros(300, int), np.ones(94, int), np.full(6, 2)], name="fraud")
    return frame, y


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_fits_on_cuda_samples_is_saved_and_reloads_on_the_cpu(
    preset, table, tmp_path, monkeypatch
):
    import torch

    X, y = table
    augmenter = GANAugmenter(recipe=preset, device="cuda", max_steps=20, random_state=0)
    with pytest.warns(UserWarning, match="Class 2 has only 6"):
        X_res, y_res = augmenter.fit_resample(X, y)
    assert augmenter.model_.device.type == "cuda"
    pd.testing.assert_frame_equal(X_res.iloc[: len(X)], X)
    assert y_res.value_counts().to_dict() == {0: 300, 1: 300, 2: 300}
    assert X_res.dtypes.equals(X.dtypes)

    augmenter.save_pretrained(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    again = GANAugmenter.from_pretrained(tmp_path)
    assert again.model_.device.type == "cpu"
    rows, labels = again.sample({1: 50, 2: 5}, random_state=0)
    assert rows.dtypes.equals(X.dtypes)
    assert labels.tolist() == [1] * 50 + [2] * 5


def test_device_auto_takes_the_gpu(table):
    augmenter = GANAugmenter(max_steps=2, random_state=0, on_singleton="duplicate")
    augmenter.fit(table[0].iloc[:390], table[1].iloc[:390])
    assert augmenter.model_.device.type == "cuda"


def test_the_same_weights_give_nearly_the_same_distribution_on_both_devices(table):
    X, y = table[0].iloc[:394], table[1].iloc[:394]
    means = {}
    for device in ("cuda", "cpu"):
        augmenter = GANAugmenter(device=device, max_steps=300, random_state=0).fit(X, y)
        rows, _ = augmenter.sample({1: 4000}, random_state=1)
        means[device] = rows["age"].mean()
    spread = X["age"].std()
    assert abs(means["cuda"] - means["cpu"]) < 0.5 * spread


def test_the_same_seed_gives_the_same_rows_on_one_gpu(table):
    X, y = table[0].iloc[:394], table[1].iloc[:394]
    samples = [
        GANAugmenter(device="cuda", max_steps=30, random_state=0)
        .fit(X, y)
        .sample({1: 3000}, random_state=0)[0]
        for _ in range(2)
    ]
    pd.testing.assert_frame_equal(samples[0].iloc[:100], samples[1].iloc[:100])
    fitted = GANAugmenter(device="cuda", max_steps=5, random_state=0).fit(X, y)
    long, short = (fitted.sample({1: n}, random_state=0)[0] for n in (3000, 50))
    pd.testing.assert_frame_equal(long.iloc[:50], short)


def test_an_augmenter_fitted_on_cuda_is_pickled_for_the_cpu(table):
    X, y = table[0].iloc[:394], table[1].iloc[:394]
    augmenter = GANAugmenter(device="cuda", max_steps=5, random_state=0).fit(X, y)
    again = pickle.loads(pickle.dumps(augmenter))
    assert again.model_.device.type == "cpu"
    assert augmenter.model_.device.type == "cuda"
    assert len(again.sample({1: 3})[0]) == 3


def test_the_global_cuda_generator_is_not_touched(table):
    import torch

    X, y = table[0].iloc[:394], table[1].iloc[:394]
    before = torch.cuda.get_rng_state()
    GANAugmenter(device="cuda", max_steps=5, random_state=0).fit_resample(X, y)
    assert torch.equal(before, torch.cuda.get_rng_state())


def test_a_classifier_augments_on_the_gpu():
    from sklearn.datasets import make_classification
    from sklearn.linear_model import LogisticRegression

    X, y = make_classification(300, weights=[0.9], random_state=0)
    augmenter = GANAugmenter(device="cuda", max_steps=10, random_state=0)
    model = AugmentedClassifier(LogisticRegression(), augmenter).fit(X, y)
    assert model.augmenter_.model_.device.type == "cuda"
    assert model.n_synthetic_ > 0
