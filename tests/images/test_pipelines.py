"""Augmenters of images at work: resampling, replacing, in pipelines, classifiers and searches."""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar

import imblearn.pipeline
import numpy as np
import pytest
import sklearn.pipeline
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.preprocessing import FunctionTransformer

from ganaug import (
    AugmentedClassifier,
    Callback,
    GanaugError,
    GANAugmenter,
    GanaugWarning,
    ImageOptions,
    InvalidInputError,
    MemoryBudgetError,
)
from tests.images.support import (
    BENT,
    TINY,
    flat,
    given_in,
    grey,
    kind,
    pixels,
    quick,
    same_bytes,
    values,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore::ganaug.GanaugWarning"),
    pytest.mark.usefixtures("small_chunks"),
]


# ------------------------------------------------------------------ methods


class CountRuns(Callback):
    """Counts training runs outside of itself, so that its own state stays the same."""

    runs: ClassVar[list[int]] = []

    def on_train_begin(self, trainer: Any) -> None:
        self.runs.append(1)


def test_resampling_other_images_does_not_learn() -> None:
    X, y = grey((12, 6))
    CountRuns.runs.clear()
    augmenter = quick(callbacks=[CountRuns()]).fit(X, y)
    before = augmenter.sample(20, random_state=0)[0]
    other = X[::-1][:9] // 2
    X_res, y_res = augmenter.resample(other, np.repeat([0, 1], [7, 2]))
    assert same_bytes(X_res[:9], other)
    assert Counter(y_res.tolist()) == {0: 7, 1: 7}
    assert len(CountRuns.runs) == 1
    assert same_bytes(augmenter.sample(20, random_state=0)[0], before)
    with pytest.raises(InvalidInputError, match="class 2"):
        augmenter.resample(X, np.where(y, 2, 0))


def test_replacing_half_of_the_rare_images() -> None:
    X, y = grey((40, 30))
    augmenter = quick(mode="replace", p=0.5)
    X_new = augmenter.fit_transform(X, y)
    mask = augmenter.synthetic_mask_
    assert not mask[y == 0].any()
    assert 5 < mask.sum() < 25
    assert (X_new != X).reshape(70, -1).any(1).tolist() == mask.tolist()
    assert same_bytes(quick(mode="replace", p=0.0).fit_transform(X, y), X)
    assert not hasattr(augmenter, "fit_resample")
    assert not hasattr(quick(), "transform")


def test_a_replacement_is_of_the_class_it_replaces() -> None:
    """White images replace white ones, grey ones grey ones."""
    y = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [30, 12, 12]))
    X = np.broadcast_to(np.array([0, 128, 255], np.uint8)[y][:, None, None], (54, 8, 8))
    X_new = quick(recipe=BENT, mode="replace", p=1.0).fit_transform(X, y)
    assert np.array_equal(X_new, X)


def test_fitting_anew_forgets_the_kind_of_data() -> None:
    X, y = pixels(channels=3)
    table = np.random.default_rng(0).normal(size=(18, 3))
    augmenter = GANAugmenter(max_steps=1, random_state=0)
    first = augmenter.fit(table, y).sample(3, random_state=0)[0]
    assert augmenter.fit(X, y).sample(2)[0].shape == (2, 3, 8, 8)
    assert augmenter.n_features_in_ == 192
    assert same_bytes(augmenter.fit(table, y).sample(3, random_state=0)[0], first)
    assert augmenter.n_features_in_ == 3


def test_a_failed_fit_leaves_nothing_of_two_fits() -> None:
    X, y = grey()
    augmenter = quick()
    augmenter.fit_resample(X, y)
    with pytest.raises(GanaugError):
        augmenter.fit(X[:, :4], y)
    assert not [name for name in vars(augmenter) if name.endswith("_")]


def test_requests_beyond_memory_state_their_size() -> None:
    X, y = grey()
    augmenter = quick().fit(X, y)
    for wanted in (10**13, {1: 10**13}):
        with pytest.raises(MemoryBudgetError, match=r"10,000,000,000,000 .*memory_budget"):
            augmenter.sample(wanted)
    with pytest.raises(MemoryBudgetError, match="memory_budget"):
        quick(sampling_strategy={1: 10**13}).fit(X, y)
    with pytest.raises(MemoryBudgetError, match=r"memory_budget=1\.0 KB"):
        quick(memory_budget="1KB").fit(X, y)


# ------------------------------------------------------------------ pipelines


class Spy(ClassifierMixin, BaseEstimator):
    """Remembers what it was fitted on and what it was asked."""

    log: ClassVar[list[tuple[Any, Any]]] = []

    def __init__(self, constant: int = 0) -> None:
        self.constant = constant

    def fit(self, X: Any, y: Any) -> Spy:
        self.classes_, self.seen_X_, self.seen_y_ = np.unique(y), X, np.asarray(y)
        return self

    def predict(self, X: Any) -> Any:
        self.log.append((self.seen_X_, X))
        return np.repeat(self.classes_[self.constant], len(X))


def stripes(counts: tuple[int, int] = (30, 12)) -> tuple[Any, Any]:
    """Return noisy images with a bright left half in class 0 and a bright right half in class 1."""
    X, y = grey(counts)
    X = X // 4
    X[y == 0, :, :4] += 128
    X[y == 1, :, 4:] += 128
    return X, y


ROWS = ImageOptions(shape=(8, 8))


def test_an_imblearn_pipeline_with_a_classifier_of_flat_images() -> None:
    X, y = stripes()
    bent = quick(recipe=BENT, image_options=ROWS)
    pipe = imblearn.pipeline.make_pipeline(bent, LogisticRegression(max_iter=50))
    assert pipe.fit(flat(X), y).score(flat(X), y) > 0.95
    spied = imblearn.pipeline.make_pipeline(quick(image_options=ROWS), Spy()).fit(flat(X), y)
    assert Counter(spied[-1].seen_y_.tolist()) == {0: 30, 1: 30}
    assert same_bytes(spied[-1].seen_X_[:42], flat(X))


def test_an_imblearn_pipeline_that_flattens_behind() -> None:
    X, y = stripes()
    flatten = FunctionTransformer(flat)
    pipe = imblearn.pipeline.make_pipeline(quick(recipe=BENT), flatten, LogisticRegression())
    assert pipe.fit(X, y).score(X, y) > 0.95
    assert len(pipe.predict(X[:3])) == 3


def test_a_sklearn_pipeline_replaces() -> None:
    """A pipeline of scikit-learn replaces rare images at fit, and none at prediction."""
    X, y = stripes()
    pipe = sklearn.pipeline.make_pipeline(quick(mode="replace", p=1.0), Spy()).fit(X, y)
    assert np.array_equal(pipe[-1].seen_y_, y)
    assert (pipe[-1].seen_X_ != X).reshape(42, -1).any(1).tolist() == (y == 1).tolist()
    Spy.log.clear()
    pipe.predict(X[:5])
    assert same_bytes(Spy.log[-1][1], X[:5])


@pytest.mark.parametrize("name", ["rows", "rows in a frame", "NCHW array of 3", "NHWC array of 3",
                                  "NHW array", "NCHW tensor of 3", "PIL RGB"])  # fmt: skip
def test_a_classifier_gets_augmented_images_as_they_came(name: str) -> None:
    X, y, options = given_in(name)
    model = AugmentedClassifier(Spy(), quick(image_options=options)).fit(X, y)
    assert model.n_synthetic_ == 6
    seen = model.estimator_.seen_X_
    assert kind(seen) == kind(X)
    assert same_bytes(values(seen)[:18], values(X))
    assert len(model.predict(X)) == 18
    assert kind(Spy.log[-1][1]) == kind(X)
    assert model.score(X, y) == (y == 0).mean()


def test_an_augmented_classifier_on_flat_images_and_a_dose() -> None:
    X, y = stripes()
    augmenter = quick(recipe=BENT, image_options=ROWS)
    model = AugmentedClassifier(LogisticRegression(max_iter=50), augmenter, dose=0.5)
    model.fit(flat(X), y)
    assert model.n_synthetic_ == 9
    assert model.score(flat(X), y) > 0.95
    assert model.predict_proba(flat(X)).shape == (42, 2)
    assert cross_val_score(model, flat(X), y, cv=2).mean() > 0.9


@pytest.mark.parametrize("shape", ["rows", "NCHW"])
def test_a_grid_search(shape: str) -> None:
    """Recipes and doses are searched, over rows and over images."""
    X, y = stripes()
    X = flat(X) if shape == "rows" else X[:, None]
    options = ROWS if shape == "rows" else None
    estimator = LogisticRegression(max_iter=200) if shape == "rows" else Spy()
    model = AugmentedClassifier(estimator, quick(image_options=options))
    grid = {"augmenter__recipe": [TINY, BENT], "dose": [0.5, 1.0]}
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(X, y)
    assert len(search.cv_results_["mean_test_score"]) == 4
    assert len(search.predict(X)) == 42


def test_promise_4_test_folds_never_leak() -> None:
    """Absurd test images leave no trace in what was fitted, and come back as they were."""
    X, y = stripes()
    model = AugmentedClassifier(Spy(), quick(recipe=BENT))
    for train, test in StratifiedKFold(2).split(X, y):
        Spy.log.clear()
        absurd = X.copy()
        absurd[test] = 255
        for images in (X, absurd):
            clone(model).fit(images[train], y[train]).predict(images[test])
        (fitted, asked), (fitted_again, asked_again) = Spy.log
        assert same_bytes(fitted, fitted_again)
        assert same_bytes(asked, X[test])
        assert same_bytes(asked_again, absurd[test])


def test_a_pool_of_bytes_of_another_range_says_that_it_is_scaled():
    X = np.random.default_rng(0).integers(0, 17, (60, 8, 8)).astype(np.uint8)
    options = ImageOptions(value_range=(0, 16))
    augmenter = GANAugmenter(image_options=options, max_steps=2, random_state=0)
    augmenter.fit(X, [0] * 45 + [1] * 15)
    with pytest.warns(
        GanaugWarning, match="from 0 to 16; those of the pool are scaled to 0 to 255"
    ):
        pool = augmenter.make_pool({1: 5})
    assert pool.images.max() > 16


def test_a_verbose_augmenter_says_how_much_a_pool_takes_before_it_is_made(capsys):
    X = np.random.default_rng(0).integers(0, 256, (20, 8, 8)).astype(np.uint8)
    augmenter = GANAugmenter(max_steps=2, random_state=0).fit(X, [0] * 10 + [1] * 10)
    augmenter.set_params(verbose=1).make_pool({1: 20})
    assert "A pool of 20 images takes 1.3 KB." in capsys.readouterr().err
