"""GANAugmenter inside what users already have: pipelines, searches, clones, pickles, caches."""

from __future__ import annotations

import pickle
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import imblearn.pipeline
import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn.pipeline
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from ganaug import Callback, GANAugmenter, Recipe

pytestmark = pytest.mark.filterwarnings("ignore::ganaug.GanaugWarning")


class CountRuns(Callback):
    """Counts training runs outside of itself, so that its own state stays the same."""

    runs: ClassVar[list[int]] = []

    def on_train_begin(self, trainer: Any) -> None:
        self.runs.append(1)


class Spy(ClassifierMixin, BaseEstimator):
    """Remembers the labels it was fitted on."""

    def fit(self, X: Any, y: Any) -> Spy:
        self.classes_ = np.unique(y)
        self.seen_X_, self.seen_y_ = X, np.asarray(y)
        return self

    def predict(self, X: Any) -> Any:
        self.asked_ = X
        return np.repeat(self.classes_[0], len(X))


@pytest.fixture
def runs() -> list[int]:
    CountRuns.runs.clear()
    return CountRuns.runs


def quick(**options: Any) -> GANAugmenter:
    return GANAugmenter(**{"max_steps": 1, "random_state": 0, **options})


def data(seed: int = 0) -> tuple[Any, Any]:
    return make_classification(
        150, n_features=4, weights=[0.8], class_sep=2.0, flip_y=0, random_state=seed
    )


# ------------------------------------------------------------------ pipelines


def test_imblearn_pipeline_rebalances_while_fitting_only() -> None:
    X, y = data()
    pipe = imblearn.pipeline.make_pipeline(StandardScaler(), quick(), Spy()).fit(X, y)
    spy = pipe[-1]
    scaled = pipe[0].transform(X)
    assert len(set(Counter(spy.seen_y_.tolist()).values())) == 1
    assert np.array_equal(spy.seen_X_[:150], scaled)
    pipe.predict(X)
    assert np.array_equal(spy.asked_, scaled)
    model = imblearn.pipeline.make_pipeline(StandardScaler(), quick(), LogisticRegression())
    assert model.fit(X, y).score(X, y) > 0.7
    assert "ganaugmenter" in model.named_steps


def test_imblearn_pipeline_resamples_as_a_last_step() -> None:
    X, y = data()
    _, y_res = imblearn.pipeline.make_pipeline(StandardScaler(), quick()).fit_resample(X, y)
    assert len(set(Counter(y_res.tolist()).values())) == 1


def test_sklearn_pipeline_replaces() -> None:
    """A pipeline of scikit-learn replaces rare rows at fit, and none at prediction."""
    X, y = data()
    pipe = sklearn.pipeline.make_pipeline(quick(mode="replace", p=0.5), Spy()).fit(X, y)
    spy, mask = pipe[-1], pipe[0].synthetic_mask_
    assert np.array_equal(spy.seen_y_, y)
    assert np.array_equal((spy.seen_X_ != X).any(1), mask)
    assert mask.any()
    pipe.predict(X)
    assert np.array_equal(spy.asked_, X)
    model = sklearn.pipeline.make_pipeline(quick(mode="replace", p=0.3), SVC()).fit(X, y)
    assert model.score(X, y) > 0.7


def test_sklearn_pipeline_refuses_append_and_says_why() -> None:
    with pytest.raises(TypeError, match="transform"):
        sklearn.pipeline.make_pipeline(quick(), LogisticRegression()).fit(*data())


def test_imblearn_pipeline_takes_replace_mode_too() -> None:
    X, y = data()
    pipe = imblearn.pipeline.make_pipeline(quick(mode="replace"), Spy()).fit(X, y)
    assert np.array_equal(pipe[-1].seen_y_, y)


@pytest.mark.parametrize("output", ["default", "pandas"])
def test_behind_a_column_transformer(output: str) -> None:
    """One-hot columns from a step before stay zeros and ones."""
    values, y = data()
    X = pd.DataFrame(values, columns=list("abcd"))
    X["kind"] = np.where(values[:, 0] > 0, "up", "down")
    columns = make_column_transformer(
        (StandardScaler(), list("abcd")),
        (OneHotEncoder(sparse_output=False), make_column_selector(dtype_exclude=np.number)),
    ).set_output(transform=output)
    pipe = imblearn.pipeline.make_pipeline(columns, quick(), Spy()).fit(X, y)
    seen = np.asarray(pipe[-1].seen_X_)
    assert len(set(Counter(pipe[-1].seen_y_.tolist()).values())) == 1
    assert set(np.unique(seen[:, 4:])) == {0.0, 1.0}, "one-hot columns stay zeros and ones"


def test_set_output_of_a_whole_pipeline() -> None:
    X, y = data()
    pipe = sklearn.pipeline.make_pipeline(StandardScaler(), quick(mode="replace"))
    frame = pipe.set_output(transform="pandas").fit_transform(X, y)
    assert list(frame.columns) == ["x0", "x1", "x2", "x3"]
    assert pipe.get_feature_names_out().tolist() == ["x0", "x1", "x2", "x3"]


# ------------------------------------------------------------------ searches


def test_grid_search_over_nested_parameters() -> None:
    X, y = data()
    pipe = imblearn.pipeline.make_pipeline(StandardScaler(), quick(), LogisticRegression())
    grid = {
        "ganaugmenter__recipe": ["auto", "wgan-gp", Recipe.preset("cgan").replace(width=16)],
        "ganaugmenter__sampling_strategy": ["auto", 0.8],
    }
    search = GridSearchCV(pipe, grid, cv=2, error_score="raise").fit(X, y)
    assert len(search.cv_results_["params"]) == 6
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    best = search.best_estimator_["ganaugmenter"]
    assert best.recipe == search.best_params_["ganaugmenter__recipe"]


@pytest.mark.parametrize("mode", ["append", "replace"])
def test_two_jobs_give_what_one_job_gives(mode: Any) -> None:
    X, y = data()
    make = imblearn.pipeline.make_pipeline if mode == "append" else sklearn.pipeline.make_pipeline
    pipe = make(quick(mode=mode, max_steps=3), LogisticRegression(C=0.01))
    scores = [
        cross_val_score(pipe, X, y, cv=3, n_jobs=n, scoring="neg_log_loss", error_score="raise")
        for n in (1, 2)
    ]
    assert np.array_equal(scores[0], scores[1])
    assert len(set(scores[0])) == 3


def test_threads_give_what_one_job_gives() -> None:
    X, y = data()

    def drawn(seed: int) -> Any:
        return quick(random_state=seed, max_steps=3).fit_resample(X, y)[0]

    alone = [drawn(seed) for seed in range(4)]
    together = joblib.Parallel(2, backend="threading")(joblib.delayed(drawn)(s) for s in range(4))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


# ------------------------------------------------------------------ clone and pickle


def test_clone_copies_parameters_and_forgets_what_was_learned() -> None:
    recipe = Recipe.preset("wgan-gp").replace(n_critic=2)
    callback = CountRuns()
    augmenter = quick(recipe=recipe, sampling_strategy={1: 90}, p=0.2, callbacks=[callback])
    copied = clone(augmenter.fit(*data()))
    assert not hasattr(copied, "model_")
    assert copied.callbacks[0] is callback
    assert copied.recipe == recipe
    mine, theirs = augmenter.get_params(), copied.get_params()
    assert {k: v for k, v in mine.items() if k != "callbacks"} == {
        k: v for k, v in theirs.items() if k != "callbacks"
    }


def test_a_callback_with_an_open_file_survives_cross_validation(tmp_path: Path) -> None:
    class Log(Callback):
        def __init__(self, file: Any) -> None:
            self.file = file

        def on_train_end(self, trainer: Any) -> None:
            self.file.write("end\n")

    X, y = data()
    with (tmp_path / "log").open("w") as file:
        pipe = imblearn.pipeline.make_pipeline(quick(callbacks=[Log(file)]), LogisticRegression())
        cross_val_score(pipe, X, y, cv=3, error_score="raise")
    assert (tmp_path / "log").read_text() == "end\n" * 3


@pytest.mark.parametrize("through", ["pickle", "joblib"])
@pytest.mark.parametrize("mode", ["append", "replace"])
@pytest.mark.parametrize("fitted", [False, True])
def test_pickle_round_trip(through: str, mode: Any, fitted: bool, tmp_path: Path) -> None:
    """Pickled estimators give the same rows."""
    X, y = data()
    augmenter = quick(mode=mode, recipe="wgan-gp")
    if fitted:
        augmenter.fit(X, y)
        augmenter.sample(3)  # the stream's position is kept too
    if through == "pickle":
        copied = pickle.loads(pickle.dumps(augmenter))
    else:
        joblib.dump(augmenter, tmp_path / "augmenter")
        copied = joblib.load(tmp_path / "augmenter")
    if not fitted:
        augmenter, copied = augmenter.fit(X, y), copied.fit(X, y)
    assert np.array_equal(augmenter.sample(50)[0], copied.sample(50)[0])
    assert np.array_equal(augmenter.sample({1: 9})[0], copied.sample({1: 9})[0])
    assert copied.plan_ == augmenter.plan_
    assert copied.get_params() == augmenter.get_params()


def test_pickle_of_a_frame_fit_keeps_dtypes() -> None:
    values, y = data()
    X = pd.DataFrame(values, columns=list("abcd")).assign(k=pd.Categorical(y.astype(str)))
    augmenter = quick().fit(X, y)
    copied = pickle.loads(pickle.dumps(augmenter))
    pd.testing.assert_frame_equal(copied.sample(5)[0], augmenter.sample(5)[0])


# ------------------------------------------------------------------ memory


def test_memory_trains_once_in_a_sklearn_pipeline(tmp_path: Path, runs: list[int]) -> None:
    X, y = data()
    augmenter = quick(mode="replace", callbacks=[CountRuns()])
    pipe = sklearn.pipeline.make_pipeline(augmenter, LogisticRegression(), memory=str(tmp_path))
    first = pipe.fit(X, y).predict_proba(X)
    assert len(runs) == 1
    again = clone(pipe).set_params(logisticregression__C=1.0).fit(X, y)
    assert len(runs) == 1, "the second fit came from the cache"
    assert np.array_equal(again.predict_proba(X), first)
    pipe.set_params(ganaugmenter__p=0.1).fit(X, y)
    assert len(runs) == 2


def test_memory_trains_once_per_fold_in_a_search(tmp_path: Path, runs: list[int]) -> None:
    X, y = data()
    pipe = imblearn.pipeline.make_pipeline(
        StandardScaler(),
        quick(callbacks=[CountRuns()]),
        LogisticRegression(),
        memory=str(tmp_path),
    )
    grid = {"logisticregression__C": [0.01, 0.1, 1.0]}
    GridSearchCV(pipe, grid, cv=3, error_score="raise").fit(X, y)
    assert len(runs) == 4, "three folds and the refit, not twelve fits"


def test_upstream_transformers_see_no_synthetic_row() -> None:
    class Rows(TransformerMixin, BaseEstimator):
        def fit(self, X: Any, y: Any = None) -> Rows:
            self.n_ = len(X)
            return self

        def transform(self, X: Any) -> Any:
            return X

    X, y = data()
    pipe = imblearn.pipeline.make_pipeline(Rows(), quick(), Rows(), LogisticRegression())
    pipe.fit(X, y)
    assert pipe[0].n_ == 150
    assert pipe[2].n_ == 2 * (y == 0).sum()
