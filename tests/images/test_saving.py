"""Augmenters of images on disk: what is loaded is what was saved, and damage is refused."""

from __future__ import annotations

import contextlib
import hashlib
import json
import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import torch
from sklearn.base import clone

from ganaug import ArtifactError, GanaugError, GANAugmenter, ImageOptions
from tests.images.support import (
    AUTO,
    CONTAINERS,
    DTYPES,
    RESIDUAL,
    TINY,
    given_in,
    grey,
    kind,
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


def test_clones_parameters_and_pickles(tmp_path: Path) -> None:
    """clone, get_params, set_params and pickle keep to scikit-learn's rules."""
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
    """Networks of each kind come back, with norms, noise and several channels."""
    X, y = pixels((12, 6, 3), 3, (9, 17))
    options = ImageOptions(label_safe=("hflip", "vflip"), layout="NCHW")
    augmenter = quick(recipe=NETWORKS[network], image_options=options, max_steps=2).fit(X, y)
    check_same_model(augmenter, saved_and_loaded(augmenter, tmp_path), X, y)


@pytest.mark.usefixtures("low_cut_off")
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_every_method_is_restored(dtype: str, tmp_path: Path) -> None:
    """Classes that are invented, bent or duplicated come back as such."""
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
        patch.setattr("ganaug.images.plan.ANCHOR_BELOW", 30)
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
    """An array that is missing, or of another shape, type or sign, is refused."""
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
def test_fault_65_absurd_sizes_are_refused_before_memory_is_taken(
    copied: Path, part: str, field: str
) -> None:
    for value in (33, 10**5, 10**9, 10**15, 10**30):

        def change(config: dict[str, Any], value: int = value) -> None:
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
def test_a_damaged_stream_of_seeds_is_refused(copied: Path, field: str) -> None:
    for value in (None, -1, "-1", "x", [], 1.5):
        edit(copied, lambda config, value=value: config["estimator"].update({field: value}))
        with pytest.raises(ArtifactError):
            GANAugmenter.from_pretrained(copied)
