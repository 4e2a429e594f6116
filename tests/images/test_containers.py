"""Images come back in their container, dtype, value range and size, whatever these are."""

from __future__ import annotations

import copy
import importlib.util
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from hypothesis import event, given, settings
from hypothesis import strategies as st

from ganaug import GanaugError, ImageOptions
from tests.images.support import (
    BENT,
    CONTAINERS,
    DTYPES,
    OWN,
    TINY,
    Numbers,
    flat,
    given_in,
    grey,
    kind,
    last,
    pil,
    pixels,
    quick,
    same_bytes,
    saved_and_loaded,
    values,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore::ganaug.GanaugWarning"),
    pytest.mark.usefixtures("small_chunks"),
]


# ------------------------------------------------------------------ containers


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
    """NumPy has no bfloat16, and the images come back in it all the same."""
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
    """Of resized images the replaced ones have the new size, the others are the same objects."""
    X, y = uneven("RGB")
    augmenter = quick(mode="replace", p=1.0, image_options=ImageOptions(resize=12))
    X_new = augmenter.fit_transform(X, y)
    for new, old, label in zip(X_new, X, y, strict=True):
        assert new.size == (12, 12) if label else new is old
    assert all(a is b for a, b in zip(X, augmenter.transform(X), strict=True))


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
