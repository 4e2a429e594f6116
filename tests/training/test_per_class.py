"""A GAN for each class, on images."""

from __future__ import annotations

import numpy as np
import pytest

from ganaug import GANAugmenter, Recipe, SampleGrid


@pytest.fixture(scope="module")
def images():
    """Return three classes, each of its own brightness; the second has a single image."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [12, 1, 8])
    brightness = np.array([20, 120, 220])[y]
    return (brightness[:, None, None] + rng.integers(-20, 21, (21, 8, 8))).astype(np.uint8), y


@pytest.mark.parametrize("selection", ["none", "evidence"])
def test_each_class_has_its_own_generator_also_after_saving(images, tmp_path, selection):
    recipe = Recipe.preset("gan", data="image").replace(
        width=16,
        batch_size=8,
        selection=selection,
        learning_rate=2e-3,
        critic_learning_rate=2e-3,
        loss="relativistic",
        r1=1.0,
        r2=1.0,
    )
    augmenter = GANAugmenter(
        recipe=recipe, max_steps=200, on_singleton="duplicate", random_state=0, device="cpu"
    )
    with pytest.warns(UserWarning, match="Class 1 has one row"):
        X_res, y_res = augmenter.fit_resample(*images)
    assert augmenter.plan_ == {0: "gan", 1: "duplicate", 2: "gan"}
    assert np.bincount(y_res).tolist() == [12, 12, 12]
    assert (X_res[y_res == 1] == images[0][12]).all()
    assert X_res[y_res == 2].mean() > 120 > 80 > X_res[y_res == 0].mean()
    assert set(augmenter.history_.to_frame()["class"]) == {"0", "2"}

    augmenter.save_pretrained(tmp_path)
    again = GANAugmenter.from_pretrained(tmp_path)
    one, other = (a.sample({0: 4, 1: 2, 2: 4}, random_state=1)[0] for a in (augmenter, again))
    assert np.array_equal(one, other)
    assert one[6:].mean() > 120 > 80 > one[:4].mean()


@pytest.mark.parametrize("changes", [{"batch_size": 1}, {"pac": 2, "critic_norm": "batch"}])
def test_a_batch_norm_gets_two_images_at_least(images, changes):
    X, y = images[0][y_of(images, 0, 2)], images[1][y_of(images, 0, 2)]
    recipe = Recipe.preset("gan", data="image").replace(**{"width": 8, "batch_size": 16} | changes)
    augmenter = GANAugmenter(recipe=recipe, max_steps=3, random_state=0).fit(X[:14], y[:14])
    assert augmenter.sample({2: 3})[0].shape == (3, 8, 8)


def y_of(images, *classes):
    return np.isin(images[1], classes)


def test_each_class_has_its_own_pictures(images, tmp_path):
    pytest.importorskip("PIL", reason="needs Pillow, of the extra 'vision'")
    X, y = images[0][y_of(images, 0, 2)], images[1][y_of(images, 0, 2)]
    recipe = Recipe.preset("gan", data="image").replace(width=8)
    GANAugmenter(recipe=recipe, max_steps=4, callbacks=[SampleGrid(tmp_path)], random_state=0).fit(
        X, np.where(y == 0, "a/b", "c")
    )
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["gan-a_b-000004.png", "gan-c-000004.png"]
