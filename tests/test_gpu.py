"""What needs a CUDA device: ``pytest -m gpu``."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression

from ganaug import AugmentedClassifier, ConfigError, GANAugmenter, ImageOptions, Recipe
from ganaug.recipe.presets import PRESETS

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module")
def table():
    """Return 400 mixed rows in classes of 300, 94 and 6."""
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


@pytest.fixture(scope="module")
def two_classes(table):
    """Return the rows of the two larger classes."""
    return table[0].iloc[:394], table[1].iloc[:394]


@pytest.fixture(scope="module")
def fitted(two_classes):
    """Return an augmenter fitted on CUDA, which makes both classes from anchors."""
    augmenter = GANAugmenter(device="cuda", max_steps=300, random_state=0).fit(*two_classes)
    assert augmenter.plan_ == {0: "anchored", 1: "anchored"}
    return augmenter


@pytest.mark.parametrize("preset", PRESETS["table"])
def test_fault_62_every_preset_fits_on_cuda_samples_is_saved_and_reloads_on_the_cpu(
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


def test_device_auto_takes_the_gpu(two_classes):
    augmenter = GANAugmenter(max_steps=2, random_state=0).fit(*two_classes)
    assert augmenter.model_.device.type == "cuda"


def statistics(rows: pd.DataFrame) -> pd.DataFrame:
    """Return mean and squared standard error of the numbers, dates, gaps and common categories."""
    numbers = {
        "age": rows["age"].astype(float),
        "amount": rows["amount"].dropna(),
        "amount is missing": rows["amount"].isna().astype(float),
        "when": (rows["when"] - pd.Timestamp("2024-01-01")) / pd.Timedelta(days=1),
    }
    for kind in "abc":
        numbers[f"kind {kind}"] = (rows["kind"] == kind).astype(float)
    for town in map(str, range(0, 60, 20)):
        numbers[f"town {town}"] = (rows["town"] == town).astype(float)
    return pd.DataFrame(
        {name: (column.mean(), column.var() / len(column)) for name, column in numbers.items()},
        index=["mean", "squared error"],
    ).T


@pytest.mark.parametrize("label", [0, 1])
def test_one_fitted_model_gives_the_same_distribution_on_both_devices(fitted, tmp_path, label):
    fitted.save_pretrained(tmp_path)
    on_cpu = GANAugmenter.from_pretrained(tmp_path)
    assert (fitted.model_.device.type, on_cpu.model_.device.type) == ("cuda", "cpu")
    # The devices' generators differ, so these are two samples and not the same rows.
    one, other = (
        statistics(augmenter.sample({label: 4000}, random_state=1)[0])
        for augmenter in (fitted, on_cpu)
    )
    error = np.sqrt(one["squared error"] + other["squared error"])
    gap = (one["mean"] - other["mean"]).abs()
    assert (gap <= 4 * error).all(), pd.DataFrame({"gap": gap, "error": error})


def test_one_fitted_model_and_seed_give_the_same_rows_on_one_gpu(fitted):
    # One model: training adds up gradients in an order that differs from run to run.
    first, again, short = (fitted.sample({1: n}, random_state=0)[0] for n in (3000, 3000, 50))
    pd.testing.assert_frame_equal(first, again)
    pd.testing.assert_frame_equal(first.iloc[:50], short)


def test_an_augmenter_fitted_on_cuda_is_pickled_for_the_cpu(fitted):
    again = pickle.loads(pickle.dumps(fitted))
    assert again.model_.device.type == "cpu"
    assert fitted.model_.device.type == "cuda"
    assert len(again.sample({1: 3})[0]) == 3


def test_the_global_cuda_generator_is_not_touched(two_classes):
    import torch

    before = torch.cuda.get_rng_state()
    GANAugmenter(device="cuda", max_steps=5, random_state=0).fit_resample(*two_classes)
    assert torch.equal(before, torch.cuda.get_rng_state())


def test_a_classifier_augments_on_the_gpu():
    X, y = make_classification(300, weights=[0.9], random_state=0)
    augmenter = GANAugmenter(device="cuda", max_steps=10, random_state=0)
    model = AugmentedClassifier(LogisticRegression(), augmenter).fit(X, y)
    assert model.augmenter_.model_.device.type == "cuda"
    assert model.n_synthetic_ > 0


@pytest.mark.filterwarnings("ignore:prefit=True")
def test_a_prefit_augmenter_stays_on_the_gpu():
    X, y = make_classification(300, weights=[0.9], random_state=0)
    augmenter = GANAugmenter(device="cuda", max_steps=10, random_state=0).fit(X, y)
    assert copy.copy(augmenter).model_.device.type == "cuda"
    model = clone(AugmentedClassifier(LogisticRegression(), augmenter, prefit=True))
    assert model.augmenter.model_.device.type == "cuda"
    model.fit(X, y)
    assert model.augmenter_.model_.device.type == "cuda"
    assert augmenter.model_.device.type == "cuda"
    assert model.n_synthetic_ > 0


def test_replace_mode_swaps_rows_on_the_gpu(two_classes):
    X, y = two_classes
    augmenter = GANAugmenter(mode="replace", p=0.5, device="cuda", max_steps=20, random_state=0)
    X_new = augmenter.fit_transform(X, y)
    swapped = augmenter.synthetic_mask_
    assert augmenter.model_.device.type == "cuda"
    assert X_new.shape == X.shape
    assert X_new.dtypes.equals(X.dtypes)
    assert 20 < swapped.sum() < 75, "half of the 94 rare rows"
    assert not swapped[y == 0].any()
    pd.testing.assert_frame_equal(X_new[~swapped], X[~swapped])
    pd.testing.assert_frame_equal(augmenter.transform(X), X)


def test_duplicated_and_interpolated_classes_come_from_the_gpu(table):
    X, y = table[0].iloc[:395].copy(), table[1].iloc[:395].copy()  # one row of class 2
    y.iloc[:5] = 3
    augmenter = GANAugmenter(device="cuda", max_steps=5, on_singleton="duplicate", random_state=0)
    with pytest.warns(UserWarning, match="Class 3 has only 5"):
        augmenter.fit(X, y)
    assert augmenter.plan_ == {0: "anchored", 1: "anchored", 2: "duplicate", 3: "interpolate"}
    assert augmenter.model_.device.type == "cuda"
    rows, labels = augmenter.sample({2: 3, 3: 200}, random_state=0)
    assert labels.tolist() == [2] * 3 + [3] * 200
    columns = ["age", "kind", "town", "when"]
    assert (rows[labels == 2][columns] == X.loc[y == 2, columns].iloc[0]).all(axis=None)
    own, made = X[y == 3], rows[labels == 3]
    assert made["age"].between(own["age"].min(), own["age"].max()).all()
    assert set(made["kind"]) <= set(own["kind"])
    assert set(made["town"]) <= set(own["town"])
    assert made["age"].nunique() > 5, "points between the rows, not the rows"


def test_a_gpu_that_is_not_there_is_refused(two_classes):
    with pytest.raises(ConfigError, match="cuda:99"):
        GANAugmenter(device="cuda:99", max_steps=1).fit(*two_classes)


@pytest.fixture(scope="module")
def pictures():
    """Return 8-bit images of 3x16x16 in classes of 60, 30 and 12: a bar further to the right."""
    rng = np.random.default_rng(0)
    y = rng.permutation(np.repeat([0, 1, 2], [60, 30, 12]))
    X = rng.integers(0, 60, (102, 3, 16, 16), dtype=np.uint8)
    for image, label in zip(X, y, strict=True):
        image[:, :, 4 * label : 4 * label + 6] += 180
    return X, y


IMAGE_RECIPES = {
    **{name: Recipe.preset(name, "image") for name in PRESETS["image"]},
    "residual": Recipe.preset("auto", "image").replace(kind="residual", small_classes="gan"),
    "switches": Recipe.preset("dcgan", "image").replace(
        diff_augment=("translation", "cutout", "brightness"),
        shared_stages=1,
        embedding_noise=0.5,
        class_balance_start=1.0,
        selection="evidence",
    ),
    "stabilisers": Recipe.preset("cgan", "image").replace(
        progressive=0.5,
        replay=0.25,
        historical_average=0.1,
        mode_seeking=0.1,
        minibatch_stddev=True,
        pac=2,
        lecam=0.1,
        critic_norm="none",
        spectral_norm=True,
    ),
    "growing residual": Recipe.preset("auto", "image").replace(
        kind="residual", small_classes="gan", progressive=0.5
    ),
}


@pytest.mark.parametrize("name", IMAGE_RECIPES)
def test_fault_62_every_image_recipe_fits_on_cuda_samples_is_saved_and_reloads_on_the_cpu(
    name, pictures, tmp_path, monkeypatch
):
    import torch

    X, y = pictures
    augmenter = GANAugmenter(
        recipe=IMAGE_RECIPES[name],
        image_options=ImageOptions(label_safe=("vflip",)),
        device="cuda",
        max_steps=20,
        random_state=0,
    )
    X_res, y_res = augmenter.fit_resample(X, y)
    assert augmenter.model_.device.type == "cuda"
    assert X_res.dtype == np.uint8
    assert np.array_equal(X_res[: len(X)], X)
    assert np.bincount(y_res).tolist() == [60, 60, 60]
    assert len(np.unique(X_res[len(X) :].reshape(78, -1), axis=0)) == 78

    augmenter.save_pretrained(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    again = GANAugmenter.from_pretrained(tmp_path)
    assert again.model_.device.type == "cpu"
    made, labels = again.sample({1: 50, 2: 5}, random_state=0)
    assert made.shape == (55, 3, 16, 16)
    assert made.dtype == np.uint8
    assert labels.tolist() == [1] * 50 + [2] * 5
    assert again.plan_ == augmenter.plan_


def test_auto_takes_the_residual_network_on_the_gpu(pictures):
    augmenter = GANAugmenter(max_steps=1, random_state=0).fit(*pictures)
    assert augmenter.model_.device.type == "cuda"
    assert augmenter.model_.recipe.architecture.kind == "residual"
    assert augmenter.model_.recipe.name == "auto"


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("holder", ["tensor", "list"])
def test_images_on_the_gpu_stay_there(holder, dtype, pictures):
    import torch

    X, y = torch.from_numpy(pictures[0]).cuda(), pictures[1]
    X = X.float() / 255 if dtype == "float32" else X
    given = X if holder == "tensor" else list(X)
    augmenter = GANAugmenter(recipe="dcgan", max_steps=2, random_state=0)
    X_res, y_res = augmenter.fit_resample(given, torch.from_numpy(y).cuda())
    assert type(X_res) is type(given)
    assert y_res.device.type == "cuda"
    assert y_res[: len(X)].tolist() == y.tolist()
    assert {image.device.type for image in X_res} == {"cuda"}
    assert {image.dtype for image in X_res} == {X.dtype}
    assert torch.equal(torch.stack(list(X_res))[: len(X)], X)
    assert {image.device.type for image in augmenter.sample({1: 3})[0]} == {"cpu"}
    assert len(pickle.loads(pickle.dumps(augmenter)).sample({1: 3})[0]) == 3
    replacing = GANAugmenter(recipe="dcgan", mode="replace", p=1.0, max_steps=2, random_state=0)
    X_new = replacing.fit_transform(given, y)
    assert {image.device.type for image in X_new} == {"cuda"}
    assert all(torch.equal(a, b) for a, b, label in zip(X_new, X, y, strict=True) if label == 0)


@pytest.mark.parametrize("name", ["dcgan", "residual", "warp", "light"])
def test_one_fitted_image_model_is_alike_on_both_devices(name, pictures, tmp_path):
    X, y = pictures
    fitted = GANAugmenter(
        recipe=IMAGE_RECIPES[name].replace(selection="none"),
        device="cuda",
        max_steps=50,
        random_state=0,
    ).fit(X, y)
    first, again, short = (fitted.sample({1: n}, random_state=0)[0] for n in (900, 900, 50))
    assert np.array_equal(first, again), "one model and seed give the same images on one GPU"
    assert np.array_equal(first[:50], short)
    fitted.save_pretrained(tmp_path)
    on_cpu = GANAugmenter.from_pretrained(tmp_path).sample({1: 900}, random_state=0)[0]
    # The devices' generators differ, so these are two samples and not the same images.
    one, other = (images.mean((1, 2)).astype(float) for images in (first, on_cpu))
    error = np.sqrt((one.var(0) + other.var(0)) / 900)
    assert (np.abs(one.mean(0) - other.mean(0)) <= 5 * error + 0.5).all()


def test_images_leave_the_global_cuda_generator_alone(pictures):
    import torch

    before = torch.cuda.get_rng_state()
    for name in ("auto", "dcgan", "residual"):
        augmenter = GANAugmenter(recipe=IMAGE_RECIPES[name], device="cuda", max_steps=3)
        augmenter.fit_resample(*pictures)
    assert torch.equal(before, torch.cuda.get_rng_state())


def test_an_image_augmenter_fitted_on_cuda_is_pickled_for_the_cpu(pictures):
    augmenter = GANAugmenter(device="cuda", max_steps=2, random_state=0).fit(*pictures)
    again = pickle.loads(pickle.dumps(augmenter))
    assert again.model_.device.type == "cpu"
    assert augmenter.model_.device.type == "cuda"
    assert again.sample({2: 3})[0].shape == (3, 3, 16, 16)
