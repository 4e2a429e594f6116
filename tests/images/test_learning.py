"""What an augmenter of images learns and makes: presets, plans, counts, and the same again."""

from __future__ import annotations

import random
import warnings
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from imblearn.over_sampling import RandomOverSampler

from ganaug import ConfigError, GanaugWarning, ImageOptions, InvalidInputError
from tests.images.support import (
    AUTO,
    BENT,
    CHUNK,
    DTYPES,
    OWN,
    RESIDUAL,
    TINY,
    flat,
    grey,
    pixels,
    quick,
    same_bytes,
    values,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore::ganaug.GanaugWarning"),
    pytest.mark.usefixtures("small_chunks"),
]


# ------------------------------------------------------------------ sizes


SIZES = [(9, 13), (30, 50), (64, 64)]


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
    """Each preset trains, plans and balances."""
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
    """The same images give the same samples, whatever holds them."""
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
    """A ratio as strategy is that of imbalanced-learn, for two classes only."""
    X, y = grey((12, 3))
    assert Counter(quick(sampling_strategy=0.5).fit_resample(X, y)[1].tolist()) == {0: 12, 1: 6}
    with pytest.raises(ConfigError, match="binary"):
        quick(sampling_strategy=0.5).fit(*grey((6, 4, 3)))


@pytest.mark.parametrize("dtype", ["uint8", "12 bits", "float32", "bool", "signed float64"])
def test_a_class_of_one_image(dtype: str) -> None:
    """One image is refused, or repeated where that is asked for."""
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
    """Where each class has one image, the one that is asked for is repeated."""
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
