"""Pix2PixAugmenter: what it learns, its seeds, and the conventions of scikit-learn."""

from __future__ import annotations

import copy
import io
import pickle
import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from ganaug import (
    Callback,
    ConfigError,
    GanaugWarning,
    ImageOptions,
    InvalidInputError,
    InvalidTypeError,
    MemoryBudgetError,
    Pix2PixAugmenter,
    Recipe,
    SchemaDriftError,
)
from ganaug.pairs.plan import pair_steps
from ganaug.runtime.rng import torch_stream
from tests.pairs.support import MASKS, TINY, fitted_to_rgb, last, pixels, quick

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def fitted() -> Pix2PixAugmenter:
    return fitted_to_rgb()


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
    """Callbacks are called each step, and max_seconds ends training."""

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
