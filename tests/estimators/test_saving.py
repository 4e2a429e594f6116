"""A loaded augmenter is the saved one: its rows, labels, columns and parameters."""

from __future__ import annotations

import copy as copying
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch

from ganaug import ArtifactError, Callback, ConfigError, GANAugmenter, InvalidTypeError, Recipe
from ganaug.tables.sampling import TableModel
from tests.storage.support import CODES, N, equal, mixed_frame, quick

RNG = np.random.default_rng(1)


def arrow_frame() -> pd.DataFrame:
    pa = pytest.importorskip("pyarrow")
    frame = mixed_frame()
    return pd.DataFrame(
        {
            "int": frame["int8"].astype("int32[pyarrow]"),
            "float": frame["float"].astype("double[pyarrow]"),
            "string": frame["str"].astype(pd.ArrowDtype(pa.string())),
            "large": frame["str"].astype(pd.ArrowDtype(pa.large_string())),
            "bool": frame["bool"].astype("bool[pyarrow]"),
            "stamp": frame["datetime"].astype(pd.ArrowDtype(pa.timestamp("us"))),
            "zoned": frame["berlin"].astype(pd.ArrowDtype(pa.timestamp("us", "Europe/Berlin"))),
            "duration": frame["timedelta"].astype(pd.ArrowDtype(pa.duration("s"))),
            "pandas": frame["str"].astype("string[pyarrow]"),
        }
    )


def again(augmenter: GANAugmenter, folder: Path) -> GANAugmenter:
    augmenter.save_pretrained(folder)
    return GANAugmenter.from_pretrained(folder)


def check_equal(first: GANAugmenter, second: GANAugmenter, X: Any, y: Any) -> None:
    for wanted in (5, {list(first.plan_)[1]: 9}, dict.fromkeys(first.plan_, 3000)):
        for a, b in zip(
            first.sample(wanted, random_state=3), second.sample(wanted, random_state=3), strict=True
        ):
            equal(a, b)
    for _ in range(2):  # the stream of seeds goes on where it was
        for a, b in zip(first.resample(X, y), second.resample(X, y), strict=True):
            equal(a, b)
        equal(first.sample(4)[0], second.sample(4)[0])
    equal(first.synthetic_mask_, second.synthetic_mask_)
    assert first.plan_ == second.plan_
    assert first.sampling_strategy_ == second.sampling_strategy_
    assert list(map(type, first.plan_)) == list(map(type, second.plan_))
    equal(first.classes_, second.classes_)
    assert first.n_features_in_ == second.n_features_in_
    assert first.history_.records == second.history_.records
    assert hasattr(first, "feature_names_in_") == hasattr(second, "feature_names_in_")
    if hasattr(first, "feature_names_in_"):
        equal(first.feature_names_in_, second.feature_names_in_)


TABLES: dict[str, Callable[[], Any]] = {
    "float array": lambda: RNG.normal(size=(N, 3)),
    "float32 array": lambda: RNG.normal(size=(N, 3)).astype("float32"),
    "int array": lambda: RNG.integers(0, 9, (N, 3)),
    "bool array": lambda: RNG.random((N, 3)) < 0.4,
    "object array": lambda: mixed_frame()[["str", "object_int"]].to_numpy(),
    "text array": lambda: RNG.choice(["a", "b"], (N, 2)),
    "list": lambda: RNG.integers(0, 9, (N, 3)).tolist(),
    "sparse": lambda: sp.csr_matrix(np.where(RNG.random((N, 3)) < 0.5, 1.5, 0.0)),
    "constants": lambda: np.full((N, 2), 3.0),
    "mixed frame": mixed_frame,
    "arrow frame": arrow_frame,
}


@pytest.mark.filterwarnings("ignore:.*identifier")
@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("recipe", ["auto", "gan"])
def test_a_loaded_augmenter_is_the_saved_one(tmp_path, kind, recipe):
    X = TABLES[kind]()
    augmenter = quick(recipe=recipe).fit(X, CODES)
    check_equal(augmenter, again(augmenter, tmp_path / "model"), X, CODES)


@pytest.mark.filterwarnings("ignore:.*identifier")
@pytest.mark.parametrize("kind", ["float array", "mixed frame", "arrow frame", "sparse"])
def test_a_pickled_augmenter_is_the_original(kind):
    X = TABLES[kind]()
    augmenter = quick(callbacks=[]).fit(X, CODES)
    check_equal(augmenter, pickle.loads(pickle.dumps(augmenter)), X, CODES)


def test_an_unfitted_augmenter_pickles():
    augmenter = GANAugmenter(recipe=Recipe.preset("wgan").replace(n_critic=2), random_state=4)
    assert pickle.loads(pickle.dumps(augmenter)).get_params() == augmenter.get_params()


@pytest.mark.parametrize("recipe", ["cgan", "wgan", "wgan-gp"])
@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_every_network_is_restored(tmp_path, recipe, norm):
    """Networks of each preset come back, with norms, packs and other sizes."""
    X = mixed_frame()[["float", "category", "wide"]]
    built = Recipe.preset(recipe).replace(generator_norm=norm, width=16, depth=3, pac=2)
    augmenter = quick(recipe=built, max_steps=5).fit(X, CODES)
    loaded = again(augmenter, tmp_path)
    check_equal(augmenter, loaded, X, CODES)
    assert loaded.recipe == built


@pytest.mark.filterwarnings("ignore:Class")
def test_every_method_is_restored(tmp_path):
    """Classes that are anchored, interpolated or duplicated come back as such."""
    rng = np.random.default_rng(0)
    y = np.repeat(["anchored", "interpolate", "duplicate"], [190, 5, 1])
    X = pd.DataFrame(rng.normal(size=(196, 2)), columns=["a", "b"])
    augmenter = quick(on_singleton="duplicate").fit(X, y)
    assert {label: method for label, method in augmenter.plan_.items() if label != method} == {}
    check_equal(augmenter, again(augmenter, tmp_path), X, y)


WORDS = np.where(CODES == 1, "fraud", "fine")


@pytest.mark.parametrize(
    "y",
    [
        CODES, CODES.astype(np.uint8), CODES.astype(bool), CODES + 0.0, CODES * -3, WORDS,
        WORDS.astype(object), WORDS.tolist(), pd.Series(WORDS, dtype="category", name="t"),
        pd.Series(WORDS, dtype="string"), pd.Series(CODES, dtype="Int64"),
        np.eye(2, dtype=int)[CODES],
        pd.DataFrame(np.eye(2)[CODES], columns=["fine", "fraud"]), sp.csr_matrix(np.eye(2)[CODES]),
        np.where(CODES, "né\u2028\"}", "1"),
    ],
    ids=[
        "int", "uint8", "bool", "float", "negative", "str", "object", "list", "category", "string",
        "Int64", "one-hot", "one-hot frame", "sparse one-hot", "strange",
    ],
)  # fmt: skip
def test_labels_of_every_type_are_restored(tmp_path, y):
    X = RNG.normal(size=(N, 2))
    augmenter = quick().fit(X, y)
    check_equal(augmenter, again(augmenter, tmp_path), X, y)


def test_date_labels_are_refused_before_there_is_anything_to_save():
    y = pd.Series(pd.to_datetime(["2020", "2021"])).repeat(30)
    with pytest.raises(InvalidTypeError, match="astype"):
        quick().fit(RNG.normal(size=(N, 2)), y)


@pytest.mark.parametrize(
    "columns",
    [
        pd.MultiIndex.from_product([["a", "b"], ["x", "y"]], names=["one", None]),
        pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1), ("c", 9)]),
        pd.Index([3, 2, 1, 0], name="number"),
        pd.Index(["a", "b", "é\n", ""], name="word"),
        pd.DatetimeIndex(["2020-01-01", "2020-01-05", "2021-01-01", "1999-01-01"]),
        pd.RangeIndex(4),
    ],
    ids=["multi", "mixed multi", "ints", "words", "dates", "range"],
)
def test_columns_are_restored(tmp_path, columns):
    """Names of columns of any kind come back."""
    X = pd.DataFrame(RNG.normal(size=(N, 4)), columns=columns)
    augmenter = quick().fit(X, CODES)
    check_equal(augmenter, again(augmenter, tmp_path), X, CODES)


PARAMS: list[dict[str, Any]] = [
    {},
    {"recipe": "auto"},
    {"recipe": "wgan-gp"},
    {"recipe": Recipe.preset("cgan").replace(width=16)},
    {"sampling_strategy": "minority"},
    {"sampling_strategy": 0.9},
    {"sampling_strategy": {1: 40, 0: 50}},
    {"sampling_strategy": {np.int64(1): np.int64(40)}},
    {"mode": "replace", "p": 0.25},
    {"mode": "replace", "p": np.float64(0.25)},
    {"categorical_features": ["b"]},
    {"categorical_features": [1, 0]},
    {"categorical_features": "b"},
    {"categorical_features": None},
    {"max_steps": np.int64(3), "batch_size": np.int32(16)},
    {"max_seconds": 60.5, "verbose": False},
    {"memory_budget": "2GB", "on_singleton": "duplicate"},
    {"memory_budget": 10**9},
    {"random_state": 7},
    {"random_state": None},
]


@pytest.mark.parametrize("params", PARAMS, ids=repr)
def test_parameters_are_restored(tmp_path, params):
    """get_params is the same after loading."""
    X = pd.DataFrame({"a": RNG.integers(0, 5, N), "b": RNG.integers(0, 5, N)})
    augmenter = quick(**params).fit(X, CODES)
    assert again(augmenter, tmp_path).get_params() == augmenter.get_params()


@pytest.mark.parametrize("flags", [np.array([True, False]), (True, False), np.array([0])])
def test_listed_categories_are_restored(tmp_path, flags):
    X = RNG.integers(0, 5, (N, 2))
    loaded = again(quick(categorical_features=flags).fit(X, CODES), tmp_path)
    assert loaded.categorical_features == list(flags)
    loaded.fit(X, CODES)


def test_what_belongs_to_the_process_is_not_saved(tmp_path):
    augmenter = quick(device="cpu", callbacks=[], random_state=np.random.RandomState(0))
    loaded = again(augmenter.fit(RNG.normal(size=(N, 2)), CODES), tmp_path)
    assert (loaded.device, loaded.callbacks, loaded.random_state) == ("auto", None, None)


def test_a_loaded_augmenter_can_be_fitted_again(tmp_path):
    X = mixed_frame()[["float", "str"]]
    augmenter = quick().fit(X, CODES)
    loaded = again(augmenter, tmp_path)
    equal(loaded.fit_resample(X, CODES)[0], quick().fit_resample(X, CODES)[0])


def test_a_replacing_augmenter_is_restored(tmp_path):
    X = mixed_frame()[["float", "str"]]
    loaded = again(quick(mode="replace").fit(X, CODES), tmp_path)
    equal(loaded.transform(X), X)
    assert not hasattr(loaded, "fit_resample")


def test_a_callable_strategy_is_refused_with_the_way_out(tmp_path):
    augmenter = quick(sampling_strategy=lambda y: {1: 40}).fit(RNG.normal(size=(N, 2)), CODES)
    with pytest.raises(ConfigError, match=r"callable.*dict"):
        augmenter.save_pretrained(tmp_path / "model")
    assert not (tmp_path / "model").exists()
    augmenter.set_params(sampling_strategy={1: 40}).save_pretrained(tmp_path / "model")
    assert GANAugmenter.from_pretrained(tmp_path / "model").sampling_strategy_ == {1: 25}


def test_an_unfitted_augmenter_is_not_saved(tmp_path):
    with pytest.raises(ValueError, match="not fitted"):
        GANAugmenter().save_pretrained(tmp_path / "model")
    assert not (tmp_path / "model").exists()


class Note(Callback):
    def __init__(self, value: Any) -> None:
        self.value = value

    def on_record(self, trainer: Any, record: dict[str, Any]) -> None:
        record["note"] = self.value


@pytest.mark.parametrize("value", [np.float32(0.5), np.int64(3), np.bool_(True), np.float16(2)])
def test_numpy_numbers_in_the_history_are_saved(tmp_path, value):
    augmenter = quick(callbacks=[Note(value)]).fit(np.arange(float(N))[:, None], CODES)
    assert again(augmenter, tmp_path).history_["note"][-1] == value


@pytest.mark.parametrize(
    "value", [np.zeros(2), object(), float("nan")], ids=["array", "object", "nan"]
)
def test_what_the_history_cannot_keep_is_refused(tmp_path, value):
    augmenter = quick(callbacks=[Note(value)]).fit(np.arange(float(N))[:, None], CODES)
    with pytest.raises(ArtifactError, match="cannot be saved"):
        augmenter.save_pretrained(tmp_path / "model")


def test_numpy_integers_in_a_recipe_are_saved(tmp_path):
    recipe = Recipe.preset("cgan").replace(width=np.int64(8), learning_rate=np.float32(0.5))
    augmenter = quick(recipe=recipe).fit(np.arange(float(N))[:, None], CODES)
    assert again(augmenter, tmp_path).recipe.architecture.width == 8


@pytest.mark.parametrize("duplicate", [copying.copy, copying.deepcopy])
def test_only_pickling_moves_to_the_cpu(monkeypatch, duplicate):
    augmenter = quick().fit(np.arange(float(N))[:, None], CODES)
    moves: list[Any] = []
    monkeypatch.setattr(TableModel, "device", property(lambda self: torch.device("meta")))
    monkeypatch.setattr(TableModel, "to", lambda self, device: moves.append(device) or self)
    twin = duplicate(augmenter)
    assert moves == []
    assert (twin.model_ is augmenter.model_) == (duplicate is copying.copy)
    twin.max_steps = 9
    assert augmenter.max_steps == 2
    pickle.dumps(augmenter)
    assert moves == ["cpu"]
