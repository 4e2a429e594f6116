"""GANAugmenter on images: they come back as they came, as many as asked for, and within bounds."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import importlib.util
import json
import pickle
import random
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import imblearn.pipeline
import numpy as np
import pandas as pd
import pytest
import safetensors.numpy
import scipy.sparse as sp
import sklearn.pipeline
import torch
from hypothesis import event, given, settings
from hypothesis import strategies as st
from imblearn.over_sampling import RandomOverSampler
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.preprocessing import FunctionTransformer

from ganaug import (
    ArtifactError,
    AugmentedClassifier,
    Callback,
    ConfigError,
    GanaugError,
    GANAugmenter,
    GanaugWarning,
    ImageOptions,
    InvalidInputError,
    MemoryBudgetError,
    Recipe,
)

pytestmark = pytest.mark.filterwarnings("ignore::ganaug.GanaugWarning")

TINY = Recipe.preset("dcgan", data="image").replace(width=4)
"""A generator that invents images and keeps them as they come."""

BENT = Recipe.preset("warp", data="image").replace(width=4)
"""A generator that bends real images, with selection."""

RESIDUAL = Recipe.preset("auto", data="image").replace(
    kind="residual", width=4, depth=1, small_classes="gan"
)

OWN: dict[str, Any] = {"gan": TINY, "anchored": BENT, "residual": RESIDUAL}


CHUNK = 64
"""Candidates of grey images of 8 by 8 that are made at once here."""


@pytest.fixture(scope="module", autouse=True)
def small_chunks() -> Any:
    """Make fewer candidates at once: it is quicker, and requests cross the borders of chunks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ganaug.image_sampling.CHUNK_VALUES", CHUNK * 64)
        yield


def quick(**options: Any) -> GANAugmenter:
    return GANAugmenter(**{"recipe": TINY, "max_steps": 1, "random_state": 0, **options})


def pixels(
    counts: tuple[int, ...] = (12, 6), channels: int = 1, size: tuple[int, int] = (8, 8)
) -> tuple[Any, Any]:
    """Return bytes (n, channels, height, width) with black and white in each, and their labels."""
    stream = np.random.default_rng(0)
    y = stream.permutation(np.repeat(np.arange(len(counts)), counts))
    X = stream.integers(0, 256, (len(y), channels, *size), dtype=np.uint8)
    X[:, :, 0, 0], X[:, :, -1, -1] = 0, 255
    return X, y


def grey(counts: tuple[int, ...] = (12, 6), size: tuple[int, int] = (8, 8)) -> tuple[Any, Any]:
    """Return grey bytes (n, height, width) and their labels."""
    X, y = pixels(counts, 1, size)
    return X[:, 0], y


def same_bytes(a: Any, b: Any) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


# ------------------------------------------------------------------ containers


def last(X: Any) -> Any:
    return np.ascontiguousarray(X.transpose(0, 2, 3, 1))


def flat(X: Any) -> Any:
    return np.ascontiguousarray(X.reshape(len(X), -1))


def pil(X: Any) -> Any:
    images = pytest.importorskip("PIL.Image", reason="PIL images need Pillow")
    return [images.fromarray(x) for x in (X[:, 0] if X.shape[1] == 1 else last(X))]


class Case(NamedTuple):
    """How bytes of some channels get into a container, and the shape to say of flat rows."""

    channels: int
    make: Callable[[Any], Any]
    shape: tuple[int, ...] | None = None


CONTAINERS = {
    "NHW array": Case(1, lambda X: X[:, 0].copy()),
    "NCHW array of 1": Case(1, lambda X: X),
    "NCHW array of 2": Case(2, lambda X: X),
    "NCHW array of 3": Case(3, lambda X: X),
    "NHWC array of 1": Case(1, last),
    "NHWC array of 3": Case(3, last),
    "NHWC array of 4": Case(4, last),
    "Fortran order": Case(3, np.asfortranarray),
    "NHW tensor": Case(1, lambda X: torch.from_numpy(X[:, 0].copy())),
    "NCHW tensor of 3": Case(3, lambda X: torch.from_numpy(X.copy())),
    "NHWC tensor of 4": Case(4, lambda X: torch.from_numpy(last(X))),
    "rows": Case(1, flat, (8, 8)),
    "rows of CHW": Case(3, flat, (3, 8, 8)),
    "rows of HWC": Case(3, lambda X: flat(last(X)), (8, 8, 3)),
    "rows in a frame": Case(1, lambda X: pd.DataFrame(flat(X)).add_prefix("pixel"), (8, 8)),
    "rows in a tensor": Case(1, lambda X: torch.from_numpy(flat(X)), (8, 8)),
    "rows in lists": Case(1, lambda X: flat(X).tolist(), (8, 8)),
    "PIL L": Case(1, pil),
    "PIL LA": Case(2, pil),
    "PIL RGB": Case(3, pil),
    "PIL RGBA": Case(4, pil),
    "PIL I;16": Case(1, lambda X: pil(X.astype(np.uint16) * 257)),
    "list of HW arrays": Case(1, lambda X: list(X[:, 0])),
    "list of CHW arrays": Case(3, list),
    "list of HWC arrays": Case(3, lambda X: list(last(X))),
    "list of CHW tensors": Case(3, lambda X: list(torch.from_numpy(X.copy()))),
    "nested lists": Case(1, lambda X: X[:, 0].tolist()),
}


def given_in(name: str, counts: tuple[int, ...] = (12, 6)) -> tuple[Any, Any, ImageOptions | None]:
    """Return images in this container, their labels, and what has to be said about them."""
    case = CONTAINERS[name]
    X, y = pixels(counts, case.channels)
    return case.make(X), y, None if case.shape is None else ImageOptions(shape=case.shape)


def values(X: Any) -> Any:
    """Return all values of images as one array, whatever holds them."""
    if isinstance(X, list):
        return np.stack([values(x) for x in X]) if X else np.zeros(0)
    if isinstance(X, torch.Tensor):
        X = X.detach().cpu()
        return (X.float() if X.dtype == torch.bfloat16 else X).numpy()
    return np.asarray(X)


def kind(X: Any) -> Any:
    """Return everything about images but their number and their values."""
    if isinstance(X, list):
        (item,) = {kind_of_item(x) for x in X}
        return list, item
    if isinstance(X, pd.DataFrame):
        return pd.DataFrame, tuple(X.columns), tuple(X.dtypes)
    return type(X), X.dtype, tuple(X.shape[1:])


def kind_of_item(x: Any) -> Any:
    if isinstance(x, list):
        return list, len(x), kind_of_item(x[0])
    if isinstance(x, (np.ndarray, torch.Tensor)):
        return type(x), x.dtype, tuple(x.shape)
    return getattr(x, "mode", type(x)), getattr(x, "size", None)


def sampled_kind(name: str, X: Any) -> Any:
    """Return the kind of what ``sample`` gives: for rows as lists an array, as of a table."""
    return kind(np.array(X)) if name == "rows in lists" else kind(X)


@pytest.mark.parametrize("name", CONTAINERS)
def test_promise_1_images_come_back_as_they_came_and_first(name: str) -> None:
    X, y, options = given_in(name)
    before = copy.deepcopy(X)
    augmenter = quick(image_options=options)
    X_res, y_res = augmenter.fit_resample(X, y)
    assert kind(X_res) == kind(X)
    assert same_bytes(values(X), values(before)), "the user's images were changed"
    assert same_bytes(values(X_res)[:18], values(before))
    if isinstance(X, list):
        assert all(a is b for a, b in zip(X, X_res, strict=False))
    assert Counter(y_res.tolist()) == {0: 12, 1: 12}
    assert augmenter.synthetic_mask_.tolist() == [False] * 18 + [True] * 6
    new = values(X_res)[18:]
    assert len(np.unique(new.reshape(6, -1), axis=0)) == 6
    for wanted in ({1: 3, 0: 1}, 4):
        X_new, y_new = augmenter.sample(wanted)
        assert kind(X_new) == sampled_kind(name, X)
        assert len(X_new) == len(y_new) == 4


@pytest.mark.parametrize("name", CONTAINERS)
def test_replacing_keeps_the_container(name: str) -> None:
    X, y, options = given_in(name)
    before = copy.deepcopy(X)
    augmenter = quick(mode="replace", p=1.0, image_options=options)
    X_new = augmenter.fit_transform(X, y)
    assert kind(X_new) == kind(X)
    assert same_bytes(values(X), values(before)), "the user's images were changed"
    assert augmenter.synthetic_mask_.tolist() == (y == 1).tolist()
    same = (values(X_new) == values(X)).reshape(18, -1).all(1)
    assert same.tolist() == (y == 0).tolist()
    at_prediction = augmenter.transform(X)
    assert kind(at_prediction) == kind(X)
    assert same_bytes(values(at_prediction), values(before))


@pytest.mark.parametrize("name", CONTAINERS)
def test_nothing_to_add_and_nothing_asked_for(name: str) -> None:
    X, y, options = given_in(name, (6, 6))
    augmenter = quick(image_options=options)
    X_res, y_res = augmenter.fit_resample(X, y)
    assert kind(X_res) == kind(X)
    assert same_bytes(values(X_res), values(X))
    assert not augmenter.synthetic_mask_.any()
    assert y_res.tolist() == y.tolist()
    for wanted in (0, {}, {1: 0}):
        X_new, y_new = augmenter.sample(wanted)
        assert type(X_new) is (np.ndarray if name == "rows in lists" else type(X))
        assert len(X_new) == len(y_new) == 0
        if not isinstance(X_new, list):
            assert kind(X_new) == sampled_kind(name, X)


def test_any_container_of_such_images_can_be_resampled() -> None:
    X, y = pixels(channels=3)
    augmenter = quick().fit(X, y)
    for name in ("NHWC array of 3", "NCHW tensor of 3", "list of HWC arrays", "PIL RGB"):
        other = CONTAINERS[name].make(X)
        X_res, _ = augmenter.resample(other, y)
        assert kind(X_res) == kind(other)
        assert same_bytes(values(X_res)[:18], values(other))
    assert kind(augmenter.sample(2)[0]) == kind(X)


def test_a_tuple_of_images_is_a_list_of_them() -> None:
    X, y = grey()
    augmenter = quick(mode="replace", p=1.0)
    for images in (tuple(X), tuple(pil(X[:, None]))):
        X_new, same = augmenter.fit_transform(images, y), augmenter.transform(images)
        assert len(X_new) == len(same) == 18
        assert {type(x) for x in X_new} == {type(x) for x in same} == {type(images[0])}
        assert all(a is b for a, b in zip(same, images, strict=True))


def test_rows_keep_the_index_and_dtypes_of_their_frame() -> None:
    X, y = grey()
    index = pd.Index([f"image {i}" for i in range(18)])
    frame = pd.DataFrame(flat(X), index=index).astype({0: np.int64, 1: np.float32})
    labels = pd.Series(np.where(y, "rare", "common"), index=index, name="digit")
    augmenter = quick(image_options=ImageOptions(shape=(8, 8)))
    X_res, y_res = augmenter.fit_resample(frame, labels)
    pd.testing.assert_frame_equal(X_res.iloc[:18], frame)
    assert X_res.dtypes.equals(frame.dtypes)
    assert X_res.index.is_unique
    assert X_res.index.equals(y_res.index)
    assert y_res.value_counts().to_dict() == {"rare": 12, "common": 12}
    assert augmenter.n_features_in_ == 64


def test_sparse_rows_come_back_sparse() -> None:
    X, y = grey()
    X[X < 200] = 0
    X_res, _ = quick(image_options=ImageOptions(shape=(8, 8))).fit_resample(
        sp.csr_matrix(flat(X)), y
    )
    assert type(X_res) is sp.csr_matrix
    assert X_res.dtype == np.uint8
    assert same_bytes(X_res.toarray()[:18], flat(X))


def test_read_only_and_memory_mapped_images_are_left_alone(tmp_path: Path) -> None:
    X, y = grey()
    np.save(tmp_path / "images.npy", X)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    X.setflags(write=False)
    for images in (X, mapped, (X / 255).astype(np.float32)):
        images.flags.writeable = False
        X_res, _ = quick().fit_resample(images, y)
        assert same_bytes(np.asarray(X_res[:18]), np.asarray(images))
        quick(mode="replace", p=1.0).fit_transform(images, y)


def test_tensors_with_a_gradient_are_left_alone() -> None:
    X, y = grey()
    leaf = torch.from_numpy(X / 255).float().requires_grad_()
    images = leaf * 0.5
    augmenter = quick()
    X_res, _ = augmenter.fit_resample(images, y)
    assert same_bytes(values(X_res)[:18], values(images))
    assert not augmenter.sample(2)[0].requires_grad
    assert len(copy.deepcopy(augmenter).sample(2)[0]) == 2


# ------------------------------------------------------------------ dtypes and values


class Numbers(NamedTuple):
    """How bytes become numbers of a dtype, and what bounds them."""

    make: Callable[[Any], Any]
    low: float
    high: float
    whole: bool = False


DTYPES = {
    "uint8": Numbers(lambda X: X, 0, 255, True),
    "uint16": Numbers(lambda X: X.astype(np.uint16) * 257, 0, 65535, True),
    "12 bits": Numbers(lambda X: X.astype(np.uint16) * 16, 0, 4095, True),
    "10 bits": Numbers(lambda X: X.astype(np.uint16) * 4, 0, 1023, True),
    "float16": Numbers(lambda X: (X / 255).astype(np.float16), 0, 1),
    "float32": Numbers(lambda X: (X / 255).astype(np.float32), 0, 1),
    "float64": Numbers(lambda X: X / 255, 0, 1),
    "signed float32": Numbers(lambda X: (X / 127.5 - 1).astype(np.float32), -1, 1),
    "signed float64": Numbers(lambda X: X / 127.5 - 1, -1, 1),
    "whole float32": Numbers(lambda X: X.astype(np.float32), 0, 255, True),
    "whole float64": Numbers(lambda X: X.astype(np.float64), 0, 255, True),
    "zeros and ones": Numbers(lambda X: (X > 127).astype(np.float32), 0, 1, True),
    "bool": Numbers(lambda X: X > 127, 0, 1, True),
    "int16": Numbers(lambda X: X.astype(np.int16), 0, 255, True),
    "int64": Numbers(lambda X: X.astype(np.int64), 0, 255, True),
    "big-endian float": Numbers(lambda X: (X / 255).astype(">f4"), 0, 1),
    "big-endian uint16": Numbers(lambda X: X.astype(">u2") * 257, 0, 65535, True),
}


def check_values(new: Any, numbers: Numbers) -> None:
    """Check promise 2, and that black and white are where they were."""
    as_float = new.astype(np.float64)
    assert np.isfinite(as_float).all()
    assert numbers.low <= as_float.min() < as_float.max() <= numbers.high
    if numbers.whole:
        assert (as_float == np.round(as_float)).all()


@pytest.mark.parametrize(
    ("method", "holder"), [("gan", "array"), ("gan", "tensor"), ("anchored", "array")]
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_promise_2_values_stay_in_their_range_and_dtype(
    dtype: str, method: str, holder: str
) -> None:
    numbers = DTYPES[dtype]
    X, y = grey()
    X = numbers.make(X)
    if holder == "tensor":
        if not X.dtype.isnative:
            pytest.skip("tensors have the byte order of the machine")
        X = torch.from_numpy(X)
    augmenter = quick(recipe=OWN[method])
    X_res, y_res = augmenter.fit_resample(X, y)
    assert X_res.dtype == X.dtype
    assert same_bytes(values(X_res)[:18], values(X))
    assert Counter(y_res.tolist()) == {0: 12, 1: 12}
    check_values(values(X_res)[18:], numbers)
    X_new, _ = augmenter.sample({1: 9})
    # What is made anew has the machine's order of bytes.
    assert X_new.dtype == (X.dtype if holder == "tensor" else X.dtype.newbyteorder("="))
    check_values(values(X_new), numbers)
    if method == "anchored":  # bent images are as bright as real ones
        difference = X_new.mean(dtype=float) - X.mean(dtype=float)
        assert abs(difference) < 0.15 * (numbers.high - numbers.low)
        return
    replaced = quick(mode="replace", p=1.0).fit_transform(X, y)
    assert replaced.dtype == X.dtype
    check_values(values(replaced), numbers)


@pytest.mark.parametrize("holder", ["tensor", "list", "rows"])
def test_bfloat16_tensors_stay_bfloat16(holder: str, tmp_path: Path) -> None:
    X, y = grey()
    X = torch.from_numpy(X / 255).to(torch.bfloat16)
    X = {"tensor": X, "list": list(X), "rows": X.flatten(1)}[holder]
    options = ImageOptions(shape=(8, 8)) if holder == "rows" else None
    augmenter = quick(image_options=options)
    X_res, _ = augmenter.fit_resample(X, y)
    assert kind(X_res) == kind(X) == kind(augmenter.sample(2)[0])
    assert same_bytes(values(X_res)[:18], values(X))
    assert kind(saved_and_loaded(augmenter, tmp_path).sample(2)[0]) == kind(X)


def test_a_value_range_that_is_said_is_used() -> None:
    X, y = grey()
    X = X // 16
    for images, high in ((X.astype(np.float64), 15.0), (X, 15.0), (X.astype(np.int32) + 1, 16.0)):
        low = high - 15
        options = ImageOptions(value_range=(low, high))
        for method in (TINY, BENT):
            augmenter = quick(recipe=method, image_options=options).fit(images, y)
            new = augmenter.sample(20)[0]
            assert new.dtype == images.dtype
            check_values(new, Numbers(lambda X: X, low, high, True))
        assert abs(new.mean() - images.mean()) < 3
    assert quick(image_options=ImageOptions(value_range=(0, 1))).fit(X > 7, y).sample(1)[0].any()


def test_dark_images_are_resampled_in_the_range_seen_at_fit() -> None:
    """Their own values could not tell what white is."""
    X, y = grey()
    for images in (X.astype(np.float64), X.astype(np.int64), X.astype(np.uint16) * 257):
        dark = np.minimum(images, 100)
        augmenter = quick().fit(images, y)
        X_res, _ = augmenter.resample(dark, y)
        assert same_bytes(X_res[:18], dark)
        assert X_res[18:].max() > 150
        replacing = quick(mode="replace").fit(images, y)
        assert same_bytes(replacing.transform(dark[:1]), dark[:1])


# ------------------------------------------------------------------ sizes


SIZES = [(8, 8), (9, 13), (28, 28), (30, 50), (8, 200), (64, 64)]


@pytest.mark.parametrize("method", OWN)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_images_of_any_size(size: tuple[int, int], method: str) -> None:
    X, y = pixels((6, 3), 3, size)
    X_res, y_res = quick(recipe=OWN[method], batch_size=4).fit_resample(X, y)
    assert X_res.shape == (12, 3, *size)
    assert same_bytes(X_res[:9], X)
    assert Counter(y_res.tolist()) == {0: 6, 1: 6}


@pytest.mark.parametrize("shape", [(3, 64, 64), (100, 100)], ids=str)
def test_flat_rows_of_any_size(shape: tuple[int, ...]) -> None:
    X, y = pixels((6, 3), 3 if len(shape) == 3 else 1, shape[-2:])
    for rows in (flat(X), pd.DataFrame(flat(X)), torch.from_numpy(flat(X))):
        augmenter = quick(image_options=ImageOptions(shape=shape), batch_size=4)
        assert augmenter.fit_resample(rows, y)[0].shape == (12, flat(X).shape[1])


@pytest.mark.slow
@pytest.mark.parametrize("method", [*OWN, "auto"])
def test_images_of_the_largest_size(method: str) -> None:
    X, y = pixels((4, 2), 3, (256, 256))
    augmenter = quick(recipe=OWN.get(method, method), batch_size=2)
    X_res, _ = augmenter.fit_resample(X, y)
    assert X_res.shape == (8, 3, 256, 256)
    assert same_bytes(X_res[:6], X)


@pytest.mark.parametrize("preset", ["auto", "dcgan", "warp", "light"])
def test_every_preset_of_images(preset: str) -> None:
    X, y = pixels((12, 6, 3), 1, (16, 16))
    augmenter = quick(recipe=preset, max_steps=3)
    X_res, y_res = augmenter.fit_resample(X, y)
    assert X_res.shape == (36, 1, 16, 16)
    assert Counter(y_res.tolist()) == {0: 12, 1: 12, 2: 12}
    method = "gan" if preset == "dcgan" else "anchored"
    assert augmenter.plan_ == dict.fromkeys(range(3), method)
    assert augmenter.history_["step"][-1] == 3
    assert augmenter.n_features_in_ == 256


@pytest.mark.parametrize(
    "changes",
    [
        {"conditioning": "concat"},
        {"generator_norm": "layer", "critic_norm": "layer"},
        {"loss": "wasserstein", "gradient_penalty": 10.0, "n_critic": 2, "critic_norm": "none"},
        {"loss": "wasserstein", "weight_clip": 0.01},
        {"loss": "hinge"},
        {"feature_matching": 1.0},
        {"selection": "evidence"},
        {"label_smoothing": 0.1},
    ],
    ids=lambda changes: " ".join(map(str, changes)),
)
def test_pieces_of_recipes_go_together_with_images(changes: dict[str, Any]) -> None:
    X, y = grey()
    augmenter = quick(recipe=TINY.replace(**changes), max_steps=2).fit(X, y)
    assert augmenter.sample({0: 2, 1: 2})[0].shape == (4, 8, 8)


@pytest.fixture
def low_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make 30 images enough for a generator that invents: a test of the cut-off needs no more."""
    monkeypatch.setattr("ganaug.image_fitting.ANCHOR_BELOW", 30)


AUTO = Recipe.preset("auto", data="image").replace(width=4)


@pytest.mark.usefixtures("low_cut_off")
@pytest.mark.parametrize(("count", "method"), [(29, "anchored"), (30, "gan"), (2, "anchored")])
def test_every_class_size_has_an_answer(count: int, method: str) -> None:
    X, y = grey((40, count))
    augmenter = quick(recipe=AUTO)
    _, y_res = augmenter.fit_resample(X, y)
    # A class that lacks none is worth no generator of its own.
    assert augmenter.plan_ == {0: "anchored", 1: method}
    assert Counter(y_res.tolist()) == {0: 40, 1: 40}


@pytest.mark.usefixtures("low_cut_off")
def test_auto_invents_members_of_large_classes_and_bends_those_of_small_ones() -> None:
    X, y = grey((50, 40, 12, 1))
    X[:, :2] = 0  # a black background, as drawings have: others are put in another light
    augmenter = quick(recipe=AUTO, on_singleton="duplicate").fit(X, y)
    assert augmenter.plan_ == {0: "anchored", 1: "gan", 2: "anchored", 3: "duplicate"}
    new, labels = augmenter.sample(dict.fromkeys(range(4), 5))
    for label in (0, 2):
        real = [set(image.ravel()) for image in X[y == label]]
        for image in new[labels == label]:
            assert any(set(image.ravel()) <= each for each in real), "the values of a real image"
    for image in new[labels == 1]:
        assert not any(set(image.ravel()) <= set(each.ravel()) for each in X)
    assert (new[labels == 3] == X[y == 3]).all()


# ------------------------------------------------------------------ promise 3: reproducible


@pytest.mark.parametrize("recipe", ["auto", "dcgan", "residual"])
def test_promise_3_the_same_seed_gives_the_same_bytes(recipe: str) -> None:
    X, y = grey()
    one, two = (quick(recipe=OWN.get(recipe, recipe), max_steps=3) for _ in range(2))
    a, b = one.fit_resample(X, y), two.fit_resample(X, y)
    assert same_bytes(a[0], b[0])
    assert same_bytes(a[1], b[1])
    assert same_bytes(one.sample(20)[0], two.sample(20)[0])
    other = quick(recipe=OWN.get(recipe, recipe), max_steps=3, random_state=1).fit_resample(X, y)
    assert not same_bytes(a[0], other[0])


def test_promise_3_containers_agree() -> None:
    X, y = pixels(channels=3)
    drawn = [
        np.sort(values(quick(image_options=options).fit(make(X), y).sample(5, random_state=1)[0]))
        for make, options in (
            (lambda X: X, None),
            (lambda X: torch.from_numpy(X), None),
            (flat, ImageOptions(shape=(3, 8, 8))),
        )
    ]
    assert same_bytes(drawn[0], drawn[1])
    assert same_bytes(np.sort(drawn[0].reshape(5, -1)), np.sort(drawn[2]))


CHUNKED = {
    "gan": TINY,
    "selected": TINY.replace(selection="evidence"),
    "anchored": BENT,
    "residual": RESIDUAL,
}


@pytest.mark.parametrize("method", CHUNKED)
def test_promise_3_a_request_begins_with_the_smaller_one(method: str) -> None:
    augmenter = quick(recipe=CHUNKED[method], max_steps=2).fit(*grey())
    assert augmenter.model_.chunk == CHUNK
    X, y = augmenter.sample({1: 2 * CHUNK + 7, 0: 3}, random_state=5)
    assert Counter(y.tolist()) == {0: 3, 1: 2 * CHUNK + 7}
    for k in (1, CHUNK // 3 + 1, CHUNK, CHUNK + 1):
        few = augmenter.sample({1: k}, random_state=5)[0]
        assert same_bytes(few, X[y == 1][:k])
    X, y = augmenter.sample(CHUNK + 9, random_state=np.random.default_rng(3))
    few, labels = augmenter.sample(10, random_state=np.random.default_rng(3))
    assert same_bytes(few, X[:10])
    assert same_bytes(labels, y[:10])


@pytest.mark.parametrize("method", ["gan", "anchored"])
def test_no_two_samples_are_the_same(method: str) -> None:
    X, _ = quick(recipe=CHUNKED[method]).fit(*grey()).sample({1: 3 * CHUNK})
    assert len(np.unique(flat(X), axis=0)) == 3 * CHUNK


def global_states() -> tuple[Any, ...]:
    name, keys, *rest = np.random.get_state()  # noqa: NPY002
    return random.getstate(), (name, keys.tobytes(), *rest), torch.get_rng_state().numpy().tobytes()


@pytest.mark.parametrize("recipe", ["auto", "dcgan", "residual"])
@pytest.mark.parametrize("seed", [0, None])
def test_promise_3_the_global_generators_are_not_touched(recipe: str, seed: int | None) -> None:
    X, y = pixels(channels=3)
    before = global_states()
    augmenter = quick(recipe=OWN.get(recipe, recipe), random_state=seed)
    augmenter.fit_resample(X, y)
    augmenter.sample(4)
    augmenter.sample({0: 2}, random_state=1)
    quick(mode="replace", random_state=seed).fit_transform(X, y)
    assert global_states() == before


def test_promise_3_the_global_generators_do_not_matter() -> None:
    X, y = grey()
    drawn = []
    for seed in (1, 2):
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        torch.manual_seed(seed)
        drawn.append(quick(recipe="auto").fit_resample(X, y)[0])
    assert same_bytes(*drawn)


def test_successive_samples_differ_and_a_seed_makes_the_call_pure() -> None:
    augmenter, twin = (quick().fit(*grey()) for _ in range(2))
    first, second = augmenter.sample({1: 5})[0], augmenter.sample({1: 5})[0]
    assert not same_bytes(first, second)
    pure = twin.sample({1: 5}, random_state=3)[0]
    assert same_bytes(augmenter.sample({1: 5}, random_state=3)[0], pure)
    assert same_bytes(twin.sample({1: 5})[0], first)


# ------------------------------------------------------------------ classes and counts


STRATEGIES = [
    "auto",
    "minority",
    "not minority",
    "not majority",
    "all",
    {1: 9, 2: 11},
    {2: 4},
    lambda y: {label: int(count) + 3 for label, count in Counter(y.tolist()).items()},
]


@pytest.mark.parametrize(
    "strategy", STRATEGIES, ids=lambda s: "callable" if callable(s) else str(s)
)
def test_strategies_add_as_many_images_as_imbalanced_learn(strategy: Any) -> None:
    X, y = grey((12, 6, 3))
    augmenter = quick(sampling_strategy=strategy)
    _, ours = augmenter.fit_resample(X, y)
    peer = RandomOverSampler(sampling_strategy=strategy, random_state=0)
    _, theirs = peer.fit_resample(flat(X), y)
    assert Counter(ours.tolist()) == Counter(theirs.tolist())
    assert dict(augmenter.sampling_strategy_) == dict(peer.sampling_strategy_)


def test_a_ratio() -> None:
    X, y = grey((12, 3))
    assert Counter(quick(sampling_strategy=0.5).fit_resample(X, y)[1].tolist()) == {0: 12, 1: 6}
    with pytest.raises(ConfigError, match="binary"):
        quick(sampling_strategy=0.5).fit(*grey((6, 4, 3)))


@pytest.mark.parametrize("dtype", ["uint8", "12 bits", "float32", "bool", "signed float64"])
def test_a_class_of_one_image(dtype: str) -> None:
    X, y = grey((12, 6, 1))
    X = DTYPES[dtype].make(X)
    with pytest.raises(InvalidInputError, match=r"Class 2 has one.*on_singleton"):
        quick().fit_resample(X, y)
    augmenter = quick(on_singleton="duplicate")
    X_res, y_res = augmenter.fit_resample(X, y)
    assert augmenter.plan_[2] == "duplicate"
    copies = X_res[y_res == 2]
    assert len(copies) == 12
    if X.dtype.kind == "f":
        np.testing.assert_allclose(copies, np.repeat(X[y == 2], 12, 0), atol=1e-6)
    else:
        assert same_bytes(copies, np.repeat(X[y == 2], 12, 0))
    fitted = quick().fit(X, y)
    assert len(fitted.sample({1: 3})[0]) == 3
    with pytest.raises(InvalidInputError, match="Class 2 has one"):
        fitted.sample({2: 1})


def test_only_classes_of_one_image() -> None:
    X, _ = grey((3,))
    augmenter = quick(on_singleton="duplicate", sampling_strategy={0: 3}).fit(X, [0, 1, 2])
    X_res, y_res = augmenter.resample(X, [0, 1, 2])
    assert y_res == [0, 1, 2, 0, 0]
    assert (X_res[3:] == X[0]).all()


def test_a_handful_of_images_warns_and_ten_do_not() -> None:
    with pytest.warns(GanaugWarning, match="Class 1 has only 6"):
        quick().fit(*grey((12, 6)))
    with warnings.catch_warnings():
        warnings.simplefilter("error", GanaugWarning)
        for preset in ("auto", "dcgan", "warp", "light"):
            quick(recipe=preset).fit_resample(*grey((12, 10)))


@pytest.mark.parametrize(
    "labels", [["b", "a"], [True, False], [2.5e0 - 0.5, 1.0], np.array([-1, 1], np.int8)], ids=str
)
def test_labels_keep_their_type(labels: Any) -> None:
    X, y = grey()
    given_labels = np.array(labels)[y]
    augmenter = quick()
    _, y_res = augmenter.fit_resample(X, given_labels)
    assert y_res.dtype == given_labels.dtype
    assert Counter(y_res.tolist()) == dict.fromkeys(np.array(labels).tolist(), 12)
    _, one_hot = quick().fit_resample(X, np.eye(2, dtype=int)[y])
    assert one_hot.sum(0).tolist() == [12, 12]


def test_labels_may_be_a_tensor() -> None:
    X, y = grey()
    images, labels = torch.from_numpy(X), torch.from_numpy(y)
    augmenter = quick()
    X_res, y_res = augmenter.fit_resample(images, labels)
    assert isinstance(X_res, torch.Tensor)
    assert isinstance(y_res, torch.Tensor)
    assert y_res.dtype == labels.dtype
    assert torch.equal(y_res[:18], labels)
    assert Counter(y_res.tolist()) == {0: 12, 1: 12}
    assert augmenter.classes_.tolist() == [0, 1]
    assert torch.equal(augmenter.resample(images, labels)[1], y_res)
    replaced = quick(mode="replace", p=1.0).fit_transform(images, labels)
    assert torch.equal(replaced[labels == 0], images[labels == 0])


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


def test_clones_parameters_and_pickles(tmp_path: Path) -> None:
    X, y = grey()
    options = ImageOptions(value_range=(0, 255), label_safe=("hflip",))
    augmenter = quick(image_options=options).fit(X, y)
    assert augmenter.get_params()["image_options"] == options
    twin = clone(augmenter)
    assert twin.get_params() == augmenter.get_params()
    assert not hasattr(twin, "model_")
    assert same_bytes(twin.fit(X, y).sample(4)[0], augmenter.sample(4)[0])
    thawed = pickle.loads(pickle.dumps(augmenter))
    check_same_model(augmenter, thawed, X, y)
    assert augmenter.set_params(image_options=None).image_options is None


def test_a_fitted_augmenter_does_not_hold_all_the_training_images() -> None:
    X, y = pixels((60, 20), 4, (32, 32))
    as_array, as_tensor, as_list = (
        len(pickle.dumps(quick().fit(images, y)))
        for images in (X, torch.from_numpy(X), list(torch.from_numpy(X)))
    )
    assert max(as_tensor, as_list) < as_array + 20_000
    assert as_array < X.nbytes, "a generator that invents needs no real image"


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


@pytest.mark.parametrize("label_safe", [(), ("hflip",), ("vflip",), ("hflip", "vflip")], ids=str)
def test_bent_images_start_from_mirrored_ones_only_if_that_keeps_the_label(
    label_safe: tuple[str, ...],
) -> None:
    """Bright on the left and above: an untrained field cannot turn that round."""
    X, y = grey((30, 20))
    X = X // 4
    X[:, :, :4] += 64
    X[:, :4] += 128
    options = ImageOptions(label_safe=label_safe)
    augmenter = quick(recipe=BENT.replace(selection="none"), image_options=options).fit(X, y)
    new = augmenter.sample({1: 200})[0].astype(float)
    right = (new[:, :, 4:].mean((1, 2)) > new[:, :, :4].mean((1, 2))).mean()
    below = (new[:, 4:].mean((1, 2)) > new[:, :4].mean((1, 2))).mean()
    for share, name in ((right, "hflip"), (below, "vflip")):
        assert 0.3 < share < 0.7 if name in label_safe else share < 0.02


# ------------------------------------------------------------------ resize


def uneven(mode: str) -> tuple[Any, Any]:
    """Return PIL images of several sizes, and their labels."""
    images = pytest.importorskip("PIL.Image", reason="PIL images need Pillow")
    X, y = pixels((12, 6), 4, (24, 24))
    if mode == "I;16":
        whole = [images.fromarray(x) for x in X[:, 0].astype(np.uint16) * 257]
    else:
        whole = [images.fromarray(x).convert(mode) for x in last(X)]
    boxes = [(0, 0, 10 + i % 4, 9 + i % 3) for i in range(18)]
    return [image.crop(box) for image, box in zip(whole, boxes, strict=True)], y


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16"])
def test_images_of_several_sizes_are_brought_to_one(mode: str) -> None:
    X, y = uneven(mode)
    augmenter = quick(image_options=ImageOptions(resize=(16, 11)))
    X_res, _ = augmenter.fit_resample(X, y)
    assert all(a is b for a, b in zip(X, X_res, strict=False)), "originals are not resized"
    assert {(image.mode, image.size) for image in X_res[18:]} == {(mode, (11, 16))}
    assert {image.size for image in augmenter.sample(3)[0]} == {(11, 16)}
    assert {image.size for image in augmenter.resample(X[:9], y[:9])[0][9:]} == {(11, 16)}


def test_resizing_and_replacing() -> None:
    X, y = uneven("RGB")
    augmenter = quick(mode="replace", p=1.0, image_options=ImageOptions(resize=12))
    X_new = augmenter.fit_transform(X, y)
    for new, old, label in zip(X_new, X, y, strict=True):
        assert new.size == (12, 12) if label else new is old
    assert all(a is b for a, b in zip(X, augmenter.transform(X), strict=True))


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


# ------------------------------------------------------------------ saving


def saved_and_loaded(augmenter: GANAugmenter, folder: Path) -> GANAugmenter:
    augmenter.save_pretrained(folder)
    return GANAugmenter.from_pretrained(folder)


def check_same_model(first: GANAugmenter, second: GANAugmenter, X: Any, y: Any) -> None:
    """Compare what two augmenters do and know."""
    every = dict.fromkeys(first.classes_.tolist(), 3)
    (a, labels), (b, theirs) = (model.sample(every, random_state=3) for model in (first, second))
    assert kind(a) == kind(b)
    assert same_bytes(values(a), values(b))
    assert same_bytes(labels, theirs)
    for _ in range(2):  # the stream of seeds goes on where it was
        (a, _), (b, _) = (model.resample(X, y) for model in (first, second))
        assert kind(a) == kind(b)
        assert same_bytes(values(a), values(b))
    assert first.plan_ == second.plan_
    assert first.sampling_strategy_ == second.sampling_strategy_
    assert first.n_features_in_ == second.n_features_in_
    assert first.classes_.tolist() == second.classes_.tolist()
    assert first.history_.records == second.history_.records
    assert first.image_options == second.image_options


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_loaded_augmenter_is_the_saved_one(name: str, tmp_path: Path) -> None:
    X, y, options = given_in(name)
    augmenter = quick(image_options=options).fit(X, y)
    check_same_model(augmenter, saved_and_loaded(augmenter, tmp_path), X, y)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_is_restored(dtype: str, tmp_path: Path) -> None:
    X, y = grey()
    X = DTYPES[dtype].make(X)
    augmenter = quick().fit(X, y)
    check_same_model(augmenter, saved_and_loaded(augmenter, tmp_path), X, y)


NETWORKS = {
    "auto": "auto",
    "dcgan": "dcgan",
    "warp": "warp",
    "light": "light",
    "residual": RESIDUAL.replace(depth=3),
    "noisy": TINY.replace(embedding_noise=0.5),
    "layer norm": TINY.replace(generator_norm="layer", critic_norm="layer"),
    "selected": TINY.replace(selection="evidence"),
    "augmented": TINY.replace(diff_augment=("translation", "cutout", "brightness")),
}


@pytest.mark.parametrize("network", NETWORKS)
def test_every_network_is_restored(network: str, tmp_path: Path) -> None:
    X, y = pixels((12, 6, 3), 3, (9, 17))
    options = ImageOptions(label_safe=("hflip", "vflip"), layout="NCHW")
    augmenter = quick(recipe=NETWORKS[network], image_options=options, max_steps=2).fit(X, y)
    check_same_model(augmenter, saved_and_loaded(augmenter, tmp_path), X, y)


@pytest.mark.usefixtures("low_cut_off")
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_every_method_is_restored(dtype: str, tmp_path: Path) -> None:
    X, codes = grey((50, 40, 12, 1))
    X, y = DTYPES[dtype].make(X), np.array(["most", "gan", "anchored", "duplicate"])[codes]
    augmenter = quick(recipe=AUTO, on_singleton="duplicate").fit(X, y)
    plan = {"most": "anchored", "gan": "gan", "anchored": "anchored", "duplicate": "duplicate"}
    assert augmenter.plan_ == plan
    check_same_model(augmenter, saved_and_loaded(augmenter, tmp_path), X, y)


def test_a_replacing_augmenter_and_a_refit_are_restored(tmp_path: Path) -> None:
    X, y = grey()
    loaded = saved_and_loaded(quick(mode="replace", p=1.0).fit(X, y), tmp_path)
    assert same_bytes(loaded.transform(X), X)
    assert (loaded.fit_transform(X, y)[y == 1] != X[y == 1]).any()


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a model that uses all parts."""
    X, y = grey((50, 40, 12))
    X = X.astype(np.uint16) * 257
    folder = tmp_path_factory.mktemp("saved")
    options = ImageOptions(label_safe="hflip")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ganaug.image_fitting.ANCHOR_BELOW", 30)
        augmenter = quick(recipe=AUTO, image_options=options).fit(X, y)
    assert augmenter.plan_ == {0: "anchored", 1: "gan", 2: "anchored"}
    augmenter.save_pretrained(folder)
    return folder


@pytest.fixture
def copied(saved: Path, tmp_path: Path) -> Path:
    for file in saved.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def edit(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    file = folder / "config.json"
    config = json.loads(file.read_text())
    change(config)
    file.write_text(json.dumps(config))


def repack(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change the arrays and make the checksums fit, as somebody malicious would."""
    file = folder / json.loads((folder / "config.json").read_text())["weights"]
    arrays = safetensors.numpy.load(file.read_bytes())
    change(arrays)
    payload = safetensors.numpy.save(arrays)
    digest = hashlib.sha256(payload).hexdigest()
    name = f"model-{digest[:16]}.safetensors"
    (folder / name).write_bytes(payload)
    edit(folder, lambda config: config.update(weights=name, sha256=digest))


@pytest.mark.parametrize(
    "array",
    [
        "anchors.rows",
        "anchors.counts",
        "generator.0.enter.weight",
        "generator.0.enter.bias",
        "generator.1.leave.weight",
        "selector.floor",
        "selector.radius",
        "selector.references",
        "selector.counts",
        "selector.evidence.members.0.1.weight",
    ],
)
def test_wrong_arrays_are_refused(copied: Path, array: str) -> None:
    changes: dict[str, Callable[[Any], Any]] = {
        "scalar": lambda a: np.float32(1).reshape(()),
        "empty": lambda a: a[:0],
        "wider": lambda a: np.concatenate([a, a], -1),
        "longer": lambda a: np.concatenate([a, a]),
        "half precision": lambda a: a.astype(np.float16),
        "bytes": lambda a: np.zeros(a.shape, np.uint8),
        "negative": lambda a: -a.astype(np.int64) - 1,
    }
    config = (copied / "config.json").read_text()
    for change in changes.values():
        repack(
            copied,
            lambda arrays, change=change: arrays.update(
                {array: np.ascontiguousarray(change(arrays[array]))}
            ),
        )
        with pytest.raises(ArtifactError):
            GANAugmenter.from_pretrained(copied)
        (copied / "config.json").write_text(config)  # which names the weights
    repack(copied, lambda arrays: arrays.pop(array))
    with pytest.raises(ArtifactError):
        GANAugmenter.from_pretrained(copied)


def parts(config: Any, name: str) -> Any:
    """Yield all dictionaries of this name."""
    if isinstance(config, dict) and isinstance(config.get(name), dict):
        yield config[name]
    for child in config.values() if isinstance(config, dict) else config:
        if isinstance(child, (dict, list)):
            yield from parts(child, name)


def peak() -> int:
    """Return the most memory that the process has had so far, in bytes."""
    resource = pytest.importorskip("resource", reason="this system does not tell")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.parametrize(
    ("part", "field"),
    [
        *(("recipe", name) for name in ("width", "noise_dim", "embedding_dim")),
        *(("format", name) for name in ("channels", "height", "width")),
    ],
)
@pytest.mark.parametrize("value", [33, 10**5, 10**9, 10**15, 10**30])
def test_fault_65_absurd_sizes_are_refused_before_memory_is_taken(
    copied: Path, part: str, field: str, value: int
) -> None:
    def change(config: dict[str, Any]) -> None:
        for inside in parts(config, {"recipe": "architecture", "format": "format"}[part]):
            inside[field] = value

    edit(copied, change)
    before, started = peak(), time.monotonic()
    with pytest.raises(ArtifactError):
        GANAugmenter.from_pretrained(copied)
    assert time.monotonic() - started < 5
    assert peak() - before < 100e6


def test_an_absurd_depth_is_refused_before_layers_are_made(tmp_path: Path) -> None:
    quick(recipe=RESIDUAL).fit(*grey()).save_pretrained(tmp_path)
    for depth in (2, 60, 10**6, 10**15):

        def change(config: dict[str, Any], depth: int = depth) -> None:
            for architecture in parts(config["model"], "architecture"):
                architecture["depth"] = depth

        edit(tmp_path, change)
        started = time.monotonic()
        with pytest.raises(ArtifactError):
            GANAugmenter.from_pretrained(tmp_path)
        assert time.monotonic() - started < 5


ODD = [None, -1, 10**9, 1e300, float("nan"), "x", "int8", "tensor", "NHWC", [], {}, True]


def paths_in(data: Any, path: tuple[Any, ...] = ()) -> Any:
    if not isinstance(data, (dict, list)):
        yield path
        return
    for key, child in data.items() if isinstance(data, dict) else enumerate(data):
        yield from paths_in(child, (*path, key))


def check_edits(folder: Path, inside: str, X: Any, y: Any) -> None:
    """Replace each value in turn: the model is refused in our own type, or it works."""
    file = folder / "config.json"
    original = file.read_text()
    paths = [path for path in paths_in(json.loads(original)) if inside in path]
    assert len(paths) > 3
    for path in paths:
        for value in ODD:
            document = json.loads(original)
            parent = document
            for key in path[:-1]:
                parent = parent[key]
            parent[path[-1]] = value
            file.write_text(json.dumps(document))
            try:
                loaded = GANAugmenter.from_pretrained(folder)
            except ArtifactError:
                continue
            with contextlib.suppress(GanaugError):
                assert len(loaded.sample({1: 2}, random_state=0)[0]) == 2
                loaded.resample(X, y)


@pytest.mark.parametrize("name", ["PIL I;16", "rows in a frame", "NHWC tensor of 4"])
def test_no_part_of_the_format_can_break_sampling(name: str, tmp_path: Path) -> None:
    X, y, options = given_in(name)
    quick(image_options=options).fit(X, y).save_pretrained(tmp_path)
    check_edits(tmp_path, "format", X, y)


@pytest.mark.parametrize("value", [None, 10**9, "x", [], True])
def test_no_part_of_the_configuration_can_crash_the_loader(copied: Path, value: Any) -> None:
    file = copied / "config.json"
    original = file.read_text()
    for path in paths_in(json.loads(original)):
        if "history" in path:
            continue
        document = json.loads(original)
        parent = document
        for key in path[:-1]:
            parent = parent[key]
        parent[path[-1]] = value
        file.write_text(json.dumps(document))
        with contextlib.suppress(ArtifactError):
            GANAugmenter.from_pretrained(copied)


@pytest.mark.parametrize("field", ["calls", "seed"])
@pytest.mark.parametrize("value", [None, -1, "-1", "x", [], 1.5])
def test_a_damaged_stream_of_seeds_is_refused(copied: Path, field: str, value: Any) -> None:
    edit(copied, lambda config: config["estimator"].update({field: value}))
    with pytest.raises(ArtifactError):
        GANAugmenter.from_pretrained(copied)


# ------------------------------------------------------------------ anything at all


STRANGE: dict[str, Callable[[Any], Any]] = {
    "float 0 to 3": lambda X: X / 85,
    "object": lambda X: X.astype(object),
    "complex": lambda X: X * 1j,
    "text": lambda X: X.astype(str),
}
HOLDERS: dict[str, Callable[[Any], Any]] = {
    "array": lambda X: X,
    "list": list,
    "nested": lambda X: X.tolist(),
    "rows": flat,
    "frame": lambda X: pd.DataFrame(flat(X)),
    "tensor": lambda X: torch.from_numpy(np.ascontiguousarray(X)),
    "tensors": lambda X: list(torch.from_numpy(np.ascontiguousarray(X))),
    "PIL": lambda X: pil(X if X.ndim == 4 else X[:, None]),
}
if not importlib.util.find_spec("PIL"):
    del HOLDERS["PIL"]


@st.composite
def some_bytes(draw: Any) -> Any:
    """Draw images (n, channels, height, width), mostly of a possible size, and their labels."""
    odd = draw(st.integers(0, 9))
    counts = draw(st.lists(st.integers(1 if odd == 1 else 2, 8), min_size=1, max_size=4))
    height = draw(st.sampled_from([7, 300] if odd == 2 else [8, 9, 12, 21]))
    width = draw(st.sampled_from([8, 9, 16]))
    channels = 5 if odd == 3 else draw(st.integers(1, 4))
    stream = np.random.default_rng(draw(st.integers(0, 99)))
    y = stream.permutation(np.repeat(np.arange(len(counts)), counts))
    X = stream.integers(0, 256, (len(y), channels, height, width), dtype=np.uint8)
    X[0, 0, 0, :2] = 0, 255
    possible = odd not in (2, 3) and len(counts) > 1 and min(counts) > 1
    return X, y, possible


@st.composite
def formats(draw: Any) -> Any:
    """Draw images in some container, layout and dtype, and whether they must be taken."""
    X, y, possible = draw(some_bytes())
    dtype = draw(st.sampled_from([*DTYPES, *STRANGE]))
    layout = draw(st.sampled_from(["NHW", "NCHW", "NHWC"]))
    holder = draw(st.sampled_from(sorted(HOLDERS)))
    if holder == "PIL":
        dtype, layout = "uint8", "NCHW"
        X = X[:, :4]
    X = DTYPES[dtype].make(X) if dtype in DTYPES else STRANGE[dtype](X)
    if layout == "NHW":
        X = X[:, 0]
    elif layout == "NHWC":
        X = last(X)
    if holder.startswith("tensor") and (X.dtype.kind in "OUc" or not X.dtype.isnative):
        dtype, X = "float 0 to 3", (X.real if X.dtype.kind == "c" else X).astype(np.float32)
    shape = X.shape[1:] if holder in ("rows", "frame") else None
    # Integers in Python's lists have lost the number of their bits.
    lost = holder == "nested" and ("uint16" in dtype or "bits" in dtype)
    options = None if shape is None else ImageOptions(shape=shape)
    return HOLDERS[holder](X), y, options, possible and dtype in DTYPES and not lost


@settings(max_examples=max(25, settings().max_examples // 8))
@given(formats(), st.sampled_from(["append", "replace"]), st.sampled_from(["gan", "anchored"]))
def test_any_images_give_a_valid_result_or_a_ganaug_error(
    images: Any, mode: str, method: str
) -> None:
    X, y, options, must_work = images
    augmenter = quick(recipe=OWN[method], mode=mode, image_options=options)
    before = copy.deepcopy(X)
    try:
        X_new = augmenter.fit_resample(X, y) if mode == "append" else augmenter.fit_transform(X, y)
    except GanaugError as error:
        event(type(error).__name__)
        if must_work:
            pytest.fail(f"refused: {error}")
        return
    event("valid")
    X_new, y_new = X_new if mode == "append" else (X_new, y)
    assert same_bytes(values(X), values(before))
    assert kind(X_new) == kind(X)
    synthetic = augmenter.synthetic_mask_
    assert len(X_new) == len(y_new) == len(synthetic)
    old = values(X)[~synthetic] if mode == "replace" else values(X)
    assert same_bytes(values(X_new)[~synthetic], old)
    if mode == "append":
        most = max(Counter(y.tolist()).values())
        assert set(Counter(y_new.tolist()).values()) == {most}
    else:
        assert y_new.tolist() == y.tolist()
    new = values(X_new)[synthetic].astype(float)
    assert np.isfinite(new).all()
    form = augmenter.model_.codec
    assert (new >= form.low).all()
    assert (new <= form.high).all()


def test_a_pool_of_bytes_of_another_range_says_that_it_is_scaled():
    X = np.random.default_rng(0).integers(0, 17, (60, 8, 8)).astype(np.uint8)
    options = ImageOptions(value_range=(0, 16))
    augmenter = GANAugmenter(image_options=options, max_steps=2, random_state=0)
    augmenter.fit(X, [0] * 45 + [1] * 15)
    with pytest.warns(GanaugWarning, match="from 0 to 16; the pool's are scaled to 0 to 255"):
        pool = augmenter.make_pool({1: 5})
    assert pool.images.max() > 16
