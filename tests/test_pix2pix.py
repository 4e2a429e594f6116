"""Pix2PixAugmenter: what comes out is like the targets, the same each time, and learned."""

from __future__ import annotations

import copy
import io
import json
import pickle
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import safetensors.numpy
import torch
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from ganaug import (
    ArtifactError,
    Callback,
    ConfigError,
    GANAugmenter,
    GanaugWarning,
    ImageOptions,
    InvalidInputError,
    InvalidTypeError,
    MemoryBudgetError,
    Pix2PixAugmenter,
    Recipe,
    SchemaDriftError,
)
from ganaug.pair_fitting import pair_steps
from ganaug.rng import torch_stream

TINY = Recipe.preset("pix2pix", data="pair").replace(width=4)
ROOT = Path(__file__).resolve().parents[1]


def quick(**options: Any) -> Pix2PixAugmenter:
    return Pix2PixAugmenter(**{"recipe": TINY, "max_steps": 2, "random_state": 0, **options})


def pixels(n: int = 12, channels: int = 1, size: int = 8, seed: int = 0) -> Any:
    """Return bytes (n, channels, size, size) with black and white in each."""
    X = np.random.default_rng(seed).integers(0, 256, (n, channels, size, size), dtype=np.uint8)
    X[:, :, 0, 0], X[:, :, -1, -1] = 0, 255
    return X


MASKS = pixels()[:, 0]


@pytest.fixture(scope="module")
def fitted() -> Pix2PixAugmenter:
    """Return an augmenter that makes RGB images (n, 8, 8, 3) of grey ones (n, 8, 8)."""
    return quick().fit(MASKS, last(pixels(channels=3, seed=1)))


# ------------------------------------------------------------------ containers


def last(X: Any) -> Any:
    return np.ascontiguousarray(X.transpose(0, 2, 3, 1))


def pil(X: Any) -> Any:
    images = pytest.importorskip("PIL.Image", reason="PIL images need Pillow")
    return [images.fromarray(x) for x in (X[:, 0] if X.shape[1] == 1 else last(X))]


def framed(X: Any) -> Any:
    return pd.DataFrame(X.reshape(len(X), -1)).add_prefix("pixel")


class Case(NamedTuple):
    """How bytes of some channels get into a container, and what has to be said of them."""

    channels: int
    make: Callable[[Any], Any]
    options: ImageOptions | None = None


CONTAINERS = {
    "NHW array": Case(1, lambda X: X[:, 0].copy()),
    "NCHW array": Case(3, lambda X: X),
    "NHWC array": Case(4, last),
    "tensor": Case(3, lambda X: torch.from_numpy(X.copy())),
    "NHWC tensor": Case(3, lambda X: torch.from_numpy(last(X))),
    "PIL L": Case(1, pil),
    "PIL RGB": Case(3, pil),
    "list of arrays": Case(2, list),
    "list of tensors": Case(3, lambda X: list(torch.from_numpy(X.copy()))),
    "flat rows": Case(1, lambda X: X.reshape(len(X), -1), ImageOptions(shape=(8, 8))),
    "frame": Case(1, framed, ImageOptions(shape=(8, 8))),
    "float32 in 0 to 1": Case(1, lambda X: (X[:, 0] / 255).astype(np.float32)),
    "float64 in -1 to 1": Case(3, lambda X: X / 127.5 - 1),
    "uint16": Case(1, lambda X: X[:, 0].astype(np.uint16) * 257),
    "bool": Case(1, lambda X: X[:, 0] > 127),
    "labels 0 to 3": Case(1, lambda X: X[:, 0] // 64, ImageOptions(value_range=(0, 3))),
}


def values(X: Any) -> Any:
    return np.stack([np.asarray(x) for x in X]) if isinstance(X, list) else np.asarray(X)


def kind(X: Any) -> Any:
    """Return everything about images but their number and their values."""
    if isinstance(X, list):
        (item,) = {(type(x), str(np.asarray(x).dtype), np.asarray(x).shape) for x in X}
        return item
    if isinstance(X, pd.DataFrame):
        return tuple(X.columns), tuple(X.dtypes)
    return type(X), X.dtype, tuple(X.shape[1:])


@pytest.mark.parametrize("name", CONTAINERS)
def test_targets_come_in_the_container_that_they_had(name: str) -> None:
    case = CONTAINERS[name]
    targets = case.make(pixels(channels=case.channels, seed=1))
    before = copy.deepcopy(targets)
    augmenter = quick(image_options=(None, case.options)).fit(MASKS, targets)
    assert np.array_equal(values(targets), values(before)), "the user's images were changed"
    real = values(targets).astype(float)
    for made, n in (
        (augmenter.transform(MASKS[:5]), 5),
        (augmenter.sample(MASKS[:3], 2), 6),
    ):
        assert kind(made) == kind(targets)
        assert len(made) == n
        assert np.isfinite(values(made).astype(float)).all()
        assert real.min() <= values(made).astype(float).min()
        assert values(made).astype(float).max() <= real.max()
    assert len(augmenter.sample(MASKS, 0)) == 0


@pytest.mark.parametrize("name", CONTAINERS)
def test_sources_may_come_in_any_container(name: str) -> None:
    case = CONTAINERS[name]
    sources = case.make(pixels(channels=case.channels))
    augmenter = quick(image_options=(case.options, None)).fit(sources, MASKS)
    assert augmenter.n_features_in_ == case.channels * 64
    made = augmenter.transform(sources)
    assert kind(made) == kind(MASKS)
    if isinstance(sources, pd.DataFrame):
        assert augmenter.feature_names_in_.tolist() == list(sources.columns)
        with pytest.raises(SchemaDriftError, match="feature names"):
            augmenter.transform(sources.add_prefix("other"))


def test_later_sources_may_be_in_another_container() -> None:
    X = pixels(channels=3)
    augmenter = quick().fit(X, MASKS)
    expected = augmenter.transform(X)
    for other in (last(X), torch.from_numpy(X), pil(X), list(X)):
        assert np.array_equal(augmenter.transform(other), expected)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (9, 31), (28, 20), (8, 64)])
def test_sizes_need_not_be_even(height: int, width: int) -> None:
    X = np.random.default_rng(0).random((6, height, width))
    assert quick().fit(X, 1 - X).transform(X).shape == X.shape


def test_one_pair_is_enough() -> None:
    assert quick().fit(MASKS[:1], MASKS[:1]).transform(MASKS[:1]).shape == (1, 8, 8)


# ------------------------------------------------------------------ randomness


def test_the_same_seed_gives_the_same_images(fitted: Pix2PixAugmenter) -> None:
    targets = last(pixels(channels=3, seed=1))
    again, other = (quick(random_state=seed).fit(MASKS, targets) for seed in (0, 1))
    assert fitted.transform(MASKS).tobytes() == again.transform(MASKS).tobytes()
    assert fitted.transform(MASKS).tobytes() != other.transform(MASKS).tobytes()
    assert fitted.history_.records == [
        {**record, "seconds": mine["seconds"]}
        for record, mine in zip(again.history_.records, fitted.history_.records, strict=True)
    ]


def test_transform_is_pure_and_the_first_images_do_not_depend_on_how_many_follow(
    fitted: Pix2PixAugmenter,
) -> None:
    many = pixels(fitted.model_.chunk + 7, seed=3)[:, 0]
    whole = fitted.transform(many)
    assert np.array_equal(whole, fitted.transform(many))
    for k in (1, 7, fitted.model_.chunk, fitted.model_.chunk + 1):
        assert np.array_equal(fitted.transform(many[:k]), whole[:k])
    assert np.abs(fitted.transform(many[9:10]).astype(int) - whole[9:10]).max() <= 1


def test_samples_differ_and_come_source_by_source(fitted: Pix2PixAugmenter) -> None:
    made = fitted.sample(MASKS[:4], 3, random_state=5)
    assert made.shape == (12, 8, 8, 3)
    assert len(np.unique(made.reshape(12, -1), axis=0)) == 12
    assert np.array_equal(made, fitted.sample(MASKS[:4], 3, random_state=5))
    assert np.array_equal(made[:6], fitted.sample(MASKS[:2], 3, random_state=5))
    longer = fitted.sample(MASKS[:4], 5, random_state=5).reshape(4, 5, 8, 8, 3)
    assert np.abs(longer[:, :3].astype(int) - made.reshape(4, 3, 8, 8, 3)).max() <= 1
    within = np.abs(longer - longer.mean(1, keepdims=True)).mean()
    between = np.abs(longer - longer.mean((0, 1))).mean()
    assert within < between, "variants of one source are more alike than those of others"


def test_without_a_seed_the_stream_goes_on() -> None:
    a, b = (quick().fit(MASKS, MASKS) for _ in range(2))
    first, second = a.sample(MASKS, 1), a.sample(MASKS, 1)
    assert not np.array_equal(first, second)
    assert np.array_equal(b.sample(MASKS, 1), first)
    b.sample(MASKS, 1, random_state=3)  # explicit: the stream stays where it was
    assert np.array_equal(b.sample(MASKS, 1), second)


def test_without_dropout_variants_are_alike_and_that_is_said() -> None:
    augmenter = quick(recipe=TINY.replace(dropout=0.0)).fit(MASKS, MASKS)
    with pytest.warns(GanaugWarning, match="no dropout"):
        made = augmenter.sample(MASKS[:1], 2)
    assert np.abs(made[0].astype(int) - made[1]).max() <= 1


def test_fault_59_the_global_random_states_are_never_touched(tmp_path: Path) -> None:
    def states() -> Any:
        return random.getstate(), np.random.get_state()[1].tobytes(), torch.get_rng_state()  # noqa: NPY002

    before = states()
    augmenter = quick(random_state=None).fit(MASKS, MASKS)
    augmenter.transform(MASKS)
    augmenter.sample(MASKS, 2)
    augmenter.make_pool(MASKS, [0] * 12)
    augmenter.save_pretrained(tmp_path)
    Pix2PixAugmenter.from_pretrained(tmp_path)
    after = states()
    assert before[:2] == after[:2]
    assert torch.equal(before[2], after[2])


# ------------------------------------------------------------------ learning


def blobs(n: int, seed: int) -> Any:
    """Return smooth grey images in 0 to 1, of all brightnesses."""
    stream = np.random.default_rng(seed)
    coarse = stream.random((n, 2, 2)).repeat(4, 1).repeat(4, 2)
    return np.clip(coarse + 0.05 * stream.standard_normal((n, 8, 8)), 0, 1)


def test_it_learns_to_invert() -> None:
    X, held_out = blobs(100, 0), blobs(50, 1)
    recipe = TINY.replace(width=8, learning_rate=2e-3)
    augmenter = quick(recipe=recipe, max_steps=150).fit(X, 1 - X)
    error = np.abs(augmenter.transform(held_out) - (1 - held_out)).mean()
    mean = np.abs((1 - X).mean(0) - (1 - held_out)).mean()
    assert error < 0.5 * mean
    history = augmenter.history_["l1"]
    assert history[-1] < 0.5 * history[0]


def test_the_l1_weight_and_the_loss_are_changeable() -> None:
    made = []
    for changes in ({}, {"l1": 1.0}, {"loss": "least-squares"}, {"critic_norm": "batch"}):
        recipe = TINY.replace(**changes) if changes else TINY
        augmenter = quick(recipe=recipe, max_steps=5).fit(MASKS, MASKS)
        assert augmenter.model_.recipe == recipe
        made.append(augmenter.transform(MASKS).tobytes())
    assert len(set(made)) == 4


@pytest.mark.parametrize(
    "changes",
    [
        {"r1": 1.0},
        {"gradient_penalty": 10.0, "loss": "wasserstein"},
        {"lecam": 0.1},
        {"replay": 0.5},
        {"n_critic": 2},
    ],
    ids=str,
)
def test_the_other_switches_go_with_pairs(changes: dict[str, Any]) -> None:
    augmenter = quick(recipe=TINY.replace(**changes), max_steps=20).fit(MASKS, MASKS)
    assert np.isfinite(augmenter.history_["generator_loss"]).all()


def test_a_pair_is_mirrored_as_one() -> None:
    from ganaug.nets.unet import UNetGenerator
    from ganaug.training.pairs import SourcesAndTargets

    sources = torch.from_numpy(pixels(40))
    targets = torch.cat([255 - sources, sources], 1)
    network = UNetGenerator((1, 8, 8), (2, 8, 8), TINY.architecture, torch_stream(0))
    rows = SourcesAndTargets(sources, targets, torch.device("cpu"), ("hflip", "vflip"))
    batch = rows.draw_batch(network, 200, 1, torch_stream(1))
    torch.testing.assert_close(batch.labels, -batch.real[:, :1])
    torch.testing.assert_close(batch.labels, batch.real[:, 1:])
    kept = {image.numpy().tobytes() for image in sources.float() / 127.5 - 1}
    some = (batch.labels[:, None] - (sources.float() / 127.5 - 1)[None]).abs().amax((2, 3, 4))
    assert 0.1 < float((some.amin(1) < 1e-5).float().mean()) < 0.5, "a quarter is as it was"
    assert len(kept) == 40
    plain = SourcesAndTargets(sources, targets, torch.device("cpu"))
    shown = plain.draw_batch(network, 50, 1, torch_stream(1)).labels
    some = (shown[:, None] - (sources.float() / 127.5 - 1)[None]).abs().amax((2, 3, 4))
    assert float(some.amin(1).max()) < 1e-5, "nothing is mirrored unasked"


def test_only_what_is_safe_for_both_is_done() -> None:
    both = (ImageOptions(label_safe=("hflip", "vflip")), ImageOptions(label_safe=("hflip",)))
    augmenter = quick(image_options=both).fit(MASKS, MASKS)
    assert augmenter._label_safe() == ("hflip",)
    one = quick(image_options=ImageOptions(label_safe=("vflip",))).fit(MASKS, MASKS)
    assert one._label_safe() == ("vflip",)


def test_the_number_of_steps_depends_on_the_number_of_pairs_only() -> None:
    steps = [pair_steps(n) for n in (1, 100, 400, 10_000, 10**9)]
    assert steps == sorted(steps)
    assert steps[0] < steps[2] < steps[-1]
    assert pair_steps(400) == pair_steps(400)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_facades_come_out_nearer_to_the_real_ones_than_a_colour_for_each_label() -> None:
    folder = ROOT.parent / "shared" / "data" / "images"
    if not folder.is_dir():
        folder = ROOT.parents[1] / "shared" / "data" / "images"
    path = folder / "facades64_train.parquet"
    if not path.is_file():
        pytest.skip("the pairs of facades (facades64_train.parquet) are not beside the repository")
    pytest.importorskip("pyarrow", reason="Parquet files need pyarrow")
    images = pytest.importorskip("PIL.Image", reason="the files hold PNGs")
    frame = pd.read_parquet(path)
    sources, targets = (
        np.stack([np.asarray(images.open(io.BytesIO(cell["bytes"]))) for cell in frame[column]])
        for column in ("source", "target")
    )
    options = ImageOptions(label_safe=("hflip",))
    augmenter = Pix2PixAugmenter(image_options=options, max_steps=300, random_state=0)
    augmenter.fit(sources[:350], targets[:350])
    made = augmenter.transform(sources[350:])
    real = targets[350:].astype(float)
    error = np.abs(made - real).mean()
    plain = np.abs(targets[:350].mean((0, 1, 2)) - real).mean()
    assert error < plain, "one colour for everything is nearer"
    assert made.std((1, 2)).mean() > 0.5 * real.std((1, 2)).mean(), "the facades are grey"


# ------------------------------------------------------------------ an estimator of scikit-learn


def test_it_is_cloneable_and_a_failed_fit_leaves_nothing(fitted: Pix2PixAugmenter) -> None:
    copied = clone(fitted)
    assert copied.get_params() == fitted.get_params()
    assert not hasattr(copied, "model_")
    broken = copy.deepcopy(fitted)
    with pytest.raises(InvalidInputError):
        broken.fit(MASKS, MASKS[:3])
    assert not [name for name in vars(broken) if name.endswith("_")]
    assert not hasattr(broken, "_target")


def test_fitting_leaves_the_parameters_alone() -> None:
    augmenter = quick()
    before = augmenter.get_params()
    assert augmenter.fit(MASKS, MASKS) is augmenter
    assert augmenter.get_params() == before


def test_it_is_a_step_of_a_pipeline() -> None:
    pipeline = make_pipeline(quick(), quick(random_state=1)).fit(MASKS, MASKS)
    assert pipeline.transform(MASKS).shape == MASKS.shape


def test_an_unfitted_one_says_so() -> None:
    from sklearn.exceptions import NotFittedError

    for call in (
        lambda a: a.transform(MASKS),
        lambda a: a.sample(MASKS, 1),
        lambda a: a.make_pool(MASKS, [0] * 12),
        lambda a: a.as_transform(),
        lambda a: a.save_pretrained("nowhere"),
    ):
        with pytest.raises(NotFittedError):
            call(Pix2PixAugmenter())
    assert not Path("nowhere").exists()


def test_copies_and_pickles_make_the_same_images(fitted: Pix2PixAugmenter) -> None:
    expected = fitted.transform(MASKS)
    for other in (copy.deepcopy(fitted), copy.copy(fitted), pickle.loads(pickle.dumps(fitted))):
        assert np.array_equal(other.transform(MASKS), expected)


def test_callbacks_and_time_limit() -> None:
    class Count(Callback):
        steps = 0

        def on_step_end(self, trainer: Any) -> None:
            self.steps += 1

    counter = Count()
    quick(max_steps=3, callbacks=[counter]).fit(MASKS, MASKS)
    assert counter.steps == 3
    quick(max_steps=10_000, max_seconds=0.01, callbacks=[counter]).fit(MASKS, MASKS)
    assert counter.steps < 1000


@pytest.mark.parametrize(
    ("sources", "error", "words"),
    [
        (MASKS[:, :, :7], InvalidInputError, "X_source"),
        (np.zeros((3, 9, 9), np.uint8), SchemaDriftError, "9x9"),
        (MASKS / 255, SchemaDriftError, "float64"),
        (pixels(channels=3), SchemaDriftError, "3 channel"),
        (np.zeros((3, 64), np.uint8), InvalidTypeError, "X_source holds no images"),
        ([1, 2, 3], InvalidTypeError, "X_source holds no images"),
    ],
    ids=["small", "size", "dtype", "channels", "rows", "numbers"],
)
def test_fault_36_sources_unlike_those_at_fit(
    fitted: Pix2PixAugmenter, sources: Any, error: Any, words: str
) -> None:
    for call in (fitted.transform, lambda X: fitted.sample(X, 1)):
        with pytest.raises(error, match=words):
            call(sources)


@pytest.mark.parametrize("count", [-1, 1.5, True, "2", None])
def test_impossible_numbers_of_targets(fitted: Pix2PixAugmenter, count: Any) -> None:
    with pytest.raises(ConfigError, match="n_per_source"):
        fitted.sample(MASKS, count)


def test_fault_13_too_many_targets_are_refused_before_one_is_made() -> None:
    augmenter = quick(memory_budget="10MB").fit(MASKS, MASKS)
    with pytest.raises(MemoryBudgetError, match="memory_budget"):
        augmenter.sample(MASKS, 10**9)


# ------------------------------------------------------------------ files


def test_a_saved_one_is_the_same(fitted: Pix2PixAugmenter, tmp_path: Path) -> None:
    original = copy.deepcopy(fitted)
    original.sample(MASKS[:1], 1)
    original.save_pretrained(tmp_path)
    again = Pix2PixAugmenter.from_pretrained(tmp_path)
    assert again.get_params() == original.get_params()
    assert again.history_.records == original.history_.records
    assert again.n_features_in_ == 64
    assert again.model_.recipe == original.model_.recipe
    assert np.array_equal(again.transform(MASKS), original.transform(MASKS))
    for _ in range(2):
        assert np.array_equal(again.sample(MASKS, 2), original.sample(MASKS, 2))
    with pytest.raises(SchemaDriftError):
        again.transform(MASKS / 255)


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_saved_one_remembers_the_container(name: str, tmp_path: Path) -> None:
    case = CONTAINERS[name]
    images = case.make(pixels(channels=case.channels))
    both = (case.options, case.options)
    augmenter = quick(image_options=both).fit(images, images)
    augmenter.save_pretrained(tmp_path)
    again = Pix2PixAugmenter.from_pretrained(tmp_path)
    assert again.image_options == both
    made, expected = again.transform(images), augmenter.transform(images)
    assert kind(made) == kind(expected)
    assert np.array_equal(values(made), values(expected))


def test_fault_68_a_folder_of_the_other_estimator(fitted: Pix2PixAugmenter, tmp_path: Path) -> None:
    pair, classes = tmp_path / "pair", tmp_path / "classes"
    fitted.save_pretrained(pair)
    recipe = Recipe.preset("dcgan", data="image").replace(width=4)
    other = GANAugmenter(recipe=recipe, max_steps=1, random_state=0).fit(MASKS, [0, 1] * 6)
    other.save_pretrained(classes)
    with pytest.raises(ArtifactError, match=r"GANAugmenter: load it with GANAugmenter\.from_"):
        Pix2PixAugmenter.from_pretrained(classes)
    with pytest.raises(ArtifactError, match=r"load it with Pix2PixAugmenter\.from_pretrained"):
        GANAugmenter.from_pretrained(pair)
    with pytest.raises(ArtifactError, match="there already"):
        fitted.save_pretrained(classes)
    with pytest.raises(ArtifactError, match="there already"):
        other.save_pretrained(pair)
    GANAugmenter.from_pretrained(classes)
    Pix2PixAugmenter.from_pretrained(pair)


def _set(path: str, value: Any) -> Callable[[Any], None]:
    def change(config: Any) -> None:
        *steps, name = path.split(".")
        for step in steps:
            config = config[step]
        config[name] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        _set("model.recipe.architecture.width", 10**7),
        _set("model.recipe.architecture.width", 3),
        _set("model.recipe.architecture.kind", "dcgan"),
        _set("model.recipe.architecture.generator_norm", "none"),
        _set("estimator.source.format.height", 256),
        _set("estimator.source.format.height", 10**9),
        _set("estimator.target.format.channels", 4),
        _set("estimator.target.format.dtype", "object"),
        _set("estimator.source.format.layout", "NCHWX"),
        _set("estimator.seed", 3),
        _set("estimator.calls", -1),
        _set("estimator.params.max_steps", -1),
        _set("estimator.params.image_options", [None]),
        _set("model", {}),
        _set("estimator", []),
        _set("kind", "ganaug.SyntheticPool"),
        _set("kind", ["ganaug.Pix2PixAugmenter"]),
        _set("format", 99),
    ],
)
def test_fault_65_a_changed_configuration_is_refused(
    fitted: Pix2PixAugmenter, tmp_path: Path, change: Any
) -> None:
    fitted.save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))
    with pytest.raises(ArtifactError):
        Pix2PixAugmenter.from_pretrained(tmp_path)


def test_fault_64_damaged_weights_are_refused(fitted: Pix2PixAugmenter, tmp_path: Path) -> None:
    fitted.save_pretrained(tmp_path)
    (weights,) = tmp_path.glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(ArtifactError, match="checksum"):
        Pix2PixAugmenter.from_pretrained(tmp_path)


def test_a_file_holds_no_training_image(fitted: Pix2PixAugmenter, tmp_path: Path) -> None:
    fitted.save_pretrained(tmp_path)
    (weights,) = tmp_path.glob("*.safetensors")
    names = safetensors.numpy.load_file(weights)
    assert all(name.startswith("generator.") for name in names)


# ------------------------------------------------------------------ pools and transforms


def test_a_pool_holds_the_samples_under_their_labels(fitted: Pix2PixAugmenter) -> None:
    pool = fitted.make_pool(MASKS[:4], ["b", "a", "b", "b"], 2, random_state=3)
    assert pool.counts == {"a": 2, "b": 6}
    made = fitted.sample(MASKS[:4], 2, random_state=3).transpose(0, 3, 1, 2)
    assert np.array_equal(pool.images.numpy(), np.concatenate([made[2:4], made[:2], made[4:]]))


def test_pools_are_bytes_whatever_the_targets_are() -> None:
    augmenter = quick().fit(MASKS, MASKS / 127.5 - 1)
    pool = augmenter.make_pool(MASKS[:2], [1, 1], random_state=0)
    expected = np.round((augmenter.sample(MASKS[:2], 1, random_state=0) + 1) * 127.5)
    assert np.array_equal(pool.images.numpy()[:, 0], expected)


@pytest.mark.parametrize("labels", [[1, 2], 3, None, "ab", np.zeros((12, 2))], ids=str)
def test_a_pool_needs_a_label_for_each_source(fitted: Pix2PixAugmenter, labels: Any) -> None:
    with pytest.raises((InvalidInputError, InvalidTypeError)):
        fitted.make_pool(MASKS, labels)


def test_a_pool_joins_a_dataset_and_replaces_its_rare_images(fitted: Pix2PixAugmenter) -> None:
    vision = pytest.importorskip("ganaug.vision", reason="needs the extra 'vision'")
    pool = fitted.make_pool(MASKS[:3], [1, 1, 1], 4)
    images, labels = torch.zeros(20, 3, 8, 8, dtype=torch.uint8), torch.arange(20) // 18
    dataset = vision.AugmentedDataset(torch.utils.data.TensorDataset(images, labels), pool)
    assert len(dataset) == 32
    new, rare = vision.ReplaceRare(pool, p=1.0)(images, labels)
    assert [bool(image.any()) for image in new] == [False] * 18 + [True] * 2
    assert torch.equal(rare, labels)


@pytest.fixture(scope="module")
def v2() -> Any:
    pytest.importorskip("torchvision", reason="transforms need the extra 'vision'")
    from torchvision.transforms import v2

    return v2


def test_a_transform_keeps_the_type_of_the_image(fitted: Pix2PixAugmenter, v2: Any) -> None:
    from PIL import Image
    from torchvision import tv_tensors

    mask = torch.from_numpy(MASKS[:1])
    for image in (Image.fromarray(MASKS[0]), mask, tv_tensors.Image(mask)):
        made, label = fitted.as_transform(random_state=0)(image, 7)
        assert isinstance(made, type(image))
        assert label == 7
        size = made.size if isinstance(made, Image.Image) else made.shape
        assert tuple(size) == ((8, 8) if isinstance(made, Image.Image) else (3, 8, 8))
        bands = v2.functional.pil_to_tensor(made) if isinstance(made, Image.Image) else made
        assert bands.dtype == torch.uint8
        expected, _ = fitted.as_transform(random_state=0)(mask, 7)
        assert torch.equal(torch.as_tensor(bands), expected)
    scaled = v2.functional.to_dtype(mask, torch.float32, scale=True)
    made, _ = fitted.as_transform(random_state=0)(scaled, 7)
    assert made.dtype == torch.float32
    assert torch.equal((made * 255).round().byte(), expected)


def test_a_transform_takes_every_kind_of_mask(v2: Any) -> None:
    from PIL import Image
    from torchvision import tv_tensors

    masks = MASKS > 128
    bools = quick().fit(masks, MASKS)
    plain = torch.from_numpy(masks[:1])

    def translate(mask: Any) -> Any:
        return v2.functional.to_image(bools.as_transform(random_state=0)(mask))

    expected = translate(plain)
    assert expected.dtype == torch.uint8
    for same in (plain.byte() * 255, tv_tensors.Mask(plain), Image.fromarray(masks[0])):
        assert torch.equal(translate(same), expected)
    with pytest.raises(InvalidInputError, match=r"torch.bool"):
        translate(plain.byte())


def test_a_transform_reads_bytes_as_they_were_at_fit(v2: Any) -> None:
    dark = ImageOptions(value_range=(0, 16))
    augmenter = quick(image_options=(dark, dark)).fit(MASKS // 16, MASKS // 16)
    made = augmenter.as_transform()(torch.from_numpy(MASKS[:, None] // 16))
    assert made.max() <= 16
    real = augmenter.transform(MASKS // 16)
    assert np.abs(made[:, 0].numpy().astype(int) - real).mean() < 1.5


def test_a_transform_makes_what_sample_makes(fitted: Pix2PixAugmenter, v2: Any) -> None:
    transform = fitted.as_transform(random_state=0)
    made = transform(torch.from_numpy(MASKS[:, None]))
    assert made.shape == (12, 3, 8, 8)
    real = fitted.transform(MASKS).transpose(0, 3, 1, 2).astype(float)
    near = np.abs(made.numpy() - real).mean((1, 2, 3))
    far = np.abs(made.numpy()[::-1] - real).mean((1, 2, 3))
    assert near.mean() < far.mean()
    assert not torch.equal(transform(torch.from_numpy(MASKS[:, None])), made), "new noise"
    again = fitted.as_transform(random_state=0)
    assert torch.equal(again(torch.from_numpy(MASKS[:, None])), made)


def test_a_transform_goes_into_compose_and_samples(fitted: Pix2PixAugmenter, v2: Any) -> None:
    from torchvision import tv_tensors

    pipeline = v2.Compose(
        [fitted.as_transform(), v2.RandomHorizontalFlip(), v2.ToDtype(torch.float32, scale=True)]
    )
    mask = torch.from_numpy(MASKS[:1])
    image, label = pipeline(mask, 1)
    assert label == 1
    assert image.shape == (3, 8, 8)
    assert image.dtype == torch.float32
    sample = pipeline({"image": tv_tensors.Image(mask), "label": 3, "boxes": torch.zeros(2, 4)})
    assert sample["image"].shape == (3, 8, 8)
    assert torch.equal(sample["boxes"], torch.zeros(2, 4))
    assert torch.equal(mask, torch.from_numpy(MASKS[:1])), "the input was changed"
    assert "1x8x8 to 3x8x8" in repr(pipeline)


def loaded(transform: Any, **options: Any) -> torch.Tensor:
    """Return two epochs of what a loader with two workers makes of two copies of the masks."""
    from tests.vision_support import Pairs

    data = Pairs(list(torch.from_numpy(MASKS[:, None]).repeat(2, 1, 1, 1)), [0] * 24)
    data.transform = transform
    loader = torch.utils.data.DataLoader(
        data, 4, num_workers=2, generator=torch.Generator().manual_seed(0), **options
    )
    return torch.stack([torch.cat([images for images, _ in loader]) for _ in range(2)])


def test_a_transform_in_the_workers_of_a_loader(fitted: Pix2PixAugmenter, v2: Any) -> None:
    made = loaded(fitted.as_transform(random_state=0))
    assert torch.equal(made, loaded(fitted.as_transform(random_state=0)))
    assert made.shape == (2, 24, 3, 8, 8)
    assert not torch.equal(made[0], made[1]), "epochs differ"
    assert not torch.equal(made[0, :12], made[0, 12:]), "the workers have streams of their own"


@pytest.mark.slow
def test_spawned_workers_do_what_forked_ones_do(fitted: Pix2PixAugmenter, v2: Any) -> None:
    # Persistent ones: a spawned worker takes seconds to start.
    options = {"persistent_workers": True}
    spawned = loaded(
        fitted.as_transform(random_state=0), multiprocessing_context="spawn", **options
    )
    assert torch.equal(spawned, loaded(fitted.as_transform(random_state=0), **options))


@pytest.mark.parametrize(
    ("sample", "error", "words"),
    [
        (lambda: (), InvalidInputError, "needs an image"),
        (lambda: (3, "a"), InvalidInputError, "needs an image"),
        (lambda: torch.zeros(1, 9, 9, dtype=torch.uint8), InvalidInputError, "the augmenter"),
        (lambda: torch.zeros(3, 8, 8, dtype=torch.uint8), InvalidInputError, "the augmenter"),
        (lambda: torch.full((1, 8, 8), -3.0), InvalidTypeError, "Normalize"),
    ],
    ids=["nothing", "no image", "size", "channels", "normalised"],
)
def test_a_transform_refuses_what_is_no_source(
    fitted: Pix2PixAugmenter, v2: Any, sample: Any, error: Any, words: str
) -> None:
    with pytest.raises(error, match=words):
        fitted.as_transform()(sample())


@pytest.mark.gpu
def test_fault_62_on_cuda_it_trains_and_is_saved_for_the_cpu(tmp_path: Path) -> None:
    augmenter = quick(device="cuda", max_steps=10).fit(MASKS, MASKS)
    assert augmenter.model_.device.type == "cuda"
    augmenter.save_pretrained(tmp_path)
    again = Pix2PixAugmenter.from_pretrained(tmp_path)
    assert again.model_.device.type == "cpu"
    made, expected = again.transform(MASKS), augmenter.transform(MASKS)
    assert np.abs(made.astype(int) - expected).max() <= 2
    assert pickle.loads(pickle.dumps(augmenter)).model_.device.type == "cpu"


# ------------------------------------------------------------------ the page


def test_the_page_states_the_preset_and_the_fields_of_the_code(root: Path) -> None:
    from ganaug.nets.unet import NOISY, PatchCritic

    page = (root / "docs" / "pix2pix.md").read_text(encoding="utf-8")
    recipe = Recipe.preset("pix2pix", data="pair")
    nested = recipe.to_dict()
    fields = {k: v for part in nested.values() if isinstance(part, dict) for k, v in part.items()}
    fields |= {k: v for k, v in nested.items() if not isinstance(v, dict)}
    rows = dict(re.findall(r"^\| `(\w+)` \| (\S+) \|$", page, re.MULTILINE))
    assert len(rows) > 10
    for name, shown in rows.items():
        value = fields[name]
        assert shown == (value if isinstance(value, str) else f"{value:g}"), name
    sizes = {
        size: PatchCritic((1, size, size), (1, size, size), TINY.architecture, torch_stream(0))
        for size in (256, 128, 64, 32)
    }
    shown = ", ".join(f"{net.field} at {size}" for size, net in sizes.items())
    assert shown.replace("70 at", "70 pixels at") in page
    assert NOISY == 8
    assert "eighth of the image's size" in " ".join(page.split())


def test_a_pipeline_may_set_the_output_of_its_steps():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (8, 8, 8), dtype=np.uint8)
    pipe = make_pipeline(Pix2PixAugmenter(recipe=TINY, max_steps=1, random_state=0))
    made = pipe.set_output(transform="pandas").fit(X, 255 - X).transform(X)
    assert made.shape == (8, 8, 8)
