"""Each stabiliser changes what it says it changes, and goes with what the docs say."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ganaug import Callback, ConfigError, GANAugmenter, GanaugWarning, Recipe
from ganaug.recipe.presets import PRESETS
from ganaug.recipe.rules import KINDS
from ganaug.registry import LOSSES
from ganaug.training.data import Batch
from ganaug.training.replay import MEMORY, Replay
from ganaug.training.trainer import Trainer

ROOT = Path(__file__).resolve().parents[2]

SWITCHES: dict[str, dict[str, Any]] = {
    "progressive": {"progressive": 0.5},
    "n_critic": {"n_critic": 2},
    "label_smoothing": {"label_smoothing": 0.1},
    "replay": {"replay": 0.5},
    "historical_average": {"historical_average": 0.1},
    "mode_seeking": {"mode_seeking": 1.0},
    "minibatch_stddev": {"minibatch_stddev": True},
    "pac": {"pac": 2},
    "lecam": {"lecam": 0.1},
    "diff_augment": {"diff_augment": ("translation",)},
    "spectral_norm": {"spectral_norm": True},
    "ema": {"ema": 0.9},
}


@pytest.fixture(scope="module")
def images():
    """Return two classes of images of 16 x 16: bright above, or bright below."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 80, (60, 16, 16), dtype=np.uint8)
    y = np.repeat([0, 1], [40, 20])
    X[y == 0, :8] += 120
    X[y == 1, 8:] += 120
    return X, y


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [60, 30])
    return rng.normal(size=(90, 4)) + y[:, None], y


class Watch(Callback):
    """Keeps each batch that the critic learned from, and calls back after each step."""

    def __init__(self, after=lambda trainer: None):
        self.after, self.batches, self.scored = after, [], []

    def on_train_begin(self, trainer):
        step, forward = trainer.critic_step, trainer.critic.forward

        def critic_step(batch):
            self.batches.append(batch)
            step(batch)

        def score(samples, labels):
            self.scored.append(len(samples))
            return forward(samples, labels)

        trainer.critic_step, trainer.critic.forward = critic_step, score
        self.trainer = trainer

    def on_step_end(self, trainer):
        self.after(trainer)


def fit(data, recipe, *, steps=8, watch=None, **changes):
    """Fit a preset (a name) with changes, or a recipe."""
    if isinstance(recipe, str):
        kind = "image" if data[0].ndim > 2 else "table"
        recipe = Recipe.preset(recipe, data=kind).replace(
            **{"width": 8, "batch_size": 16} | changes
        )
    callbacks = [] if watch is None else [watch]
    return GANAugmenter(
        recipe=recipe, max_steps=steps, callbacks=callbacks, random_state=0, device="cpu"
    ).fit(*data)


def seen_again(watch: Watch) -> list[float]:
    """Return the share of each batch's generated samples that an earlier batch had."""
    earlier: set[bytes] = set()
    shares = []
    for batch in watch.batches:
        rows = [row.detach().numpy().tobytes() for row in batch.fake]
        shares.append(np.mean([row in earlier for row in rows]))
        earlier.update(rows)
    return shares


@pytest.mark.parametrize("pac", [1, 2])
@pytest.mark.parametrize("kind", ["rows", "images"])
def test_replay_shows_the_critic_earlier_samples_in_the_stated_share(kind, pac, request):
    watch = Watch()
    preset = "cgan" if kind == "rows" else "dcgan"
    fit(request.getfixturevalue(kind), preset, steps=MEMORY + 6, watch=watch, replay=0.5, pac=pac)
    shares = seen_again(watch)
    assert shares[:MEMORY] == [0.0] * MEMORY  # the memory fills
    assert shares[MEMORY:] == [0.5] * 6
    watch = Watch()
    fit(request.getfixturevalue(kind), preset, watch=watch)
    assert not any(seen_again(watch))


def test_replay_is_for_every_step_of_the_critic(images):
    watch = Watch()
    fit(images, "dcgan", steps=MEMORY, watch=watch, replay=0.25, n_critic=3)
    assert seen_again(watch)[MEMORY:] == [0.25] * (2 * MEMORY)


@pytest.mark.parametrize(("share", "shown"), [(0.01, 1), (0.5, 2), (0.99, 3)])
def test_replay_leaves_something_new_and_something_old_in_a_small_batch(images, share, shown):
    watch = Watch()
    fit(images, "dcgan", steps=MEMORY * 3 + 4, watch=watch, replay=share, batch_size=4)
    mixed = [batch for batch in watch.batches[-4:] if batch.fake.grad_fn is None]
    assert len(mixed) == 4  # of mixed batches nothing reaches the generator
    earlier = {row.detach().numpy().tobytes() for b in watch.batches[:-4] for row in b.fake}
    for batch in watch.batches[-4:]:
        again = sum(row.detach().numpy().tobytes() in earlier for row in batch.fake)
        assert again <= shown
        earlier.update(row.detach().numpy().tobytes() for row in batch.fake)


def test_replay_of_a_batch_of_one_is_refused():
    with pytest.raises(ConfigError, match="replay needs a batch_size of at least 2"):
        Recipe.preset("dcgan", data="image").replace(replay=0.5, pac=4, batch_size=7)


def test_growing_forgets_what_was_replayed_at_a_smaller_size(images):
    watch = Watch()
    fit(images, "dcgan", steps=80, watch=watch, progressive=0.5, replay=0.25)
    first = watch.trainer.history["resolution"].index(16) * 4 + 4
    late = torch.cat([batch.real for batch in watch.batches[first + 4 :]])
    coarse = blocks(late, 4)
    assert not torch.isclose(late, coarse, atol=1e-4).flatten(1).all(1).any()


def test_replayed_samples_keep_their_label_and_the_real_one_beside_them():
    random, replay = torch.Generator().manual_seed(0), Replay(0.25)
    for step in range(60):
        labels = torch.full((8,), step)
        batch = Batch(labels, labels[:, None] + 0.25, labels[:, None] + 0.5)
        mixed = replay.mix(batch, 1, random)
        torch.testing.assert_close(mixed.real[:, 0], mixed.labels + 0.25)
        torch.testing.assert_close(mixed.fake[:, 0], mixed.labels + 0.5)
        assert (mixed.labels != step).sum() == (2 if step >= MEMORY else 0)
    assert mixed.labels.min() < 50  # not only the last step's


def test_growing_follows_its_schedule(images):
    seen = []

    def look(trainer):
        fake = trainer.rows.generated(trainer.generator, torch.zeros(4, dtype=torch.long), random)
        sizes = (1, 2, 4)
        flat = [s for s in sizes if torch.allclose(fake, blocks(fake, s), atol=1e-6)]
        seen.append(16 // max(flat))

    random = torch.Generator().manual_seed(0)
    watch = Watch(look)
    history = fit(images, "dcgan", steps=20, watch=watch, progressive=0.8).history_
    # Two doublings in 16 steps: 4 steps at 4 pixels, 4 in which 8 fade in, and so on.
    assert seen == [4] * 4 + [8] * 8 + [16] * 8
    assert history["resolution"] == seen
    real = [batch.real for batch in watch.batches]
    torch.testing.assert_close(real[0], blocks(real[0], 4))
    assert not torch.allclose(real[-1], blocks(real[-1], 2))


def blocks(images: torch.Tensor, size: int) -> torch.Tensor:
    small = torch.nn.functional.avg_pool2d(images, size)
    return torch.nn.functional.interpolate(small, scale_factor=size)


def test_training_that_ends_early_is_saved_at_its_resolution(images, tmp_path):
    def stop(trainer):
        trainer.stop = trainer.step == 7

    with pytest.warns(GanaugWarning, match="before the networks had grown.* 8 rows"):
        augmenter = fit(images, "dcgan", steps=20, watch=Watch(stop), progressive=0.8)
    augmenter.save_pretrained(tmp_path)
    again = GANAugmenter.from_pretrained(tmp_path)
    made = [a.sample({1: 4}, random_state=0)[0] for a in (augmenter, again)]
    assert np.array_equal(*made)
    small = made[0].reshape(4, 8, 2, 8, 2)
    assert (np.ptp(small, axis=(2, 4)) == 0).all()


@pytest.mark.parametrize("kind", ["rows", "images"])
def test_pac_shows_the_critic_packs_of_one_class(kind, request):
    watch = Watch()
    fit(request.getfixturevalue(kind), "cgan", watch=watch, pac=4)
    labels = watch.batches[0].labels.reshape(-1, 4)
    assert (labels == labels[:, :1]).all()
    assert watch.trainer.last["margin"].shape == (4,)


@pytest.mark.parametrize("change", [{"minibatch_stddev": True}, {"critic_norm": "batch"}])
def test_real_and_generated_samples_are_scored_apart_where_batches_matter(rows, change):
    for changes, together in (({}, True), (change, False)):
        watch = Watch()
        fit(rows, "cgan", watch=watch, **changes)
        assert (32 in watch.scored) == together  # the batch is 16


def test_mode_seeking_takes_batches_of_two_with_batch_norm(rows, images):
    for data in (rows, images):
        changes = {"mode_seeking": 0.1, "generator_norm": "batch", "batch_size": 2}
        X, _ = fit(data, "cgan", **changes).sample({0: 3}, random_state=0)
        assert len(X) == 3


def test_mode_seeking_of_a_u_net_without_noise_is_refused():
    with pytest.raises(ConfigError, match="without dropout a U-Net has no noise"):
        Recipe.preset("pix2pix", data="pair").replace(mode_seeking=0.1, dropout=0.0)


def test_label_smoothing_keeps_the_critic_from_certainty(rows):
    """Real and generated rows far apart: the best critic of smoothed labels stays finite."""
    far = rows[0] * 0.01 + 50.0, rows[1]
    accuracy, margins = [], []
    for smoothing in (0.0, 0.3):
        watch = Watch()
        fit(
            far, "cgan", steps=150, watch=watch, label_smoothing=smoothing, learning_rate=1e-7,
            critic_learning_rate=5e-3,
        )  # fmt: skip
        critic, batch = watch.trainer.critic, watch.batches[-1]
        margins.append(float(critic(batch.real, batch.labels)[0].detach().mean()))
        accuracy.append(watch.trainer.history["critic_accuracy"][-1])
    assert margins[0] > margins[1]
    # The optimum of the smoothed cross-entropy is the logit of 1 - 0.3.
    assert margins[1] < 3.0


@pytest.mark.parametrize("kind", ["rows", "images"])
def test_mode_seeking_makes_samples_more_varied(kind, request):
    data = request.getfixturevalue(kind)
    preset = "cgan" if kind == "rows" else "dcgan"
    spread = []
    for weight in (0.0, 20.0):
        recipe = {"mode_seeking": weight, "learning_rate": 2e-3, "ema": 0.0}
        X, _ = fit(data, preset, steps=60, **recipe).sample({0: 60}, random_state=0)
        spread.append(X.astype(float).std(0).mean())
    assert spread[1] > spread[0]


@pytest.mark.parametrize("kind", ["rows", "images"])
def test_historical_averaging_holds_both_networks_back(kind, request):
    data, moved = request.getfixturevalue(kind), []
    preset = "cgan" if kind == "rows" else "dcgan"
    for weight in (0.0, 100.0):
        watch = Watch()
        fit(data, preset, steps=1, watch=watch)
        start = [p.detach().clone() for p in parameters(watch.trainer)]
        fit(data, preset, steps=40, watch=watch, historical_average=weight)
        end = parameters(watch.trainer)
        gaps = [(a - b.detach()).square().sum() for a, b in zip(start, end, strict=True)]
        half = len(list(watch.trainer.generator.parameters()))
        moved.append((float(sum(gaps[:half])), float(sum(gaps[half:]))))
    assert moved[1][0] < 0.7 * moved[0][0]
    assert moved[1][1] < 0.7 * moved[0][1]


def parameters(trainer):
    return [*trainer.generator.parameters(), *trainer.critic.parameters()]


@pytest.mark.parametrize("kind", ["rows", "images"])
def test_lecam_keeps_the_critics_answers_together(kind, request):
    data, margins = request.getfixturevalue(kind), []
    preset = "cgan" if kind == "rows" else "dcgan"
    for weight in (0.0, 10.0):
        watch = Watch()
        fit(data, preset, steps=60, watch=watch, lecam=weight, critic_learning_rate=2e-3)
        margins.append(float(watch.trainer.last["margin"].abs().mean()))
    assert margins[1] < 0.5 * margins[0]


@pytest.mark.parametrize("kind", ["rows", "images"])
def test_spectral_norm_holds_throughout_training(kind, request):
    watch = Watch()
    fit(
        request.getfixturevalue(kind), "cgan", steps=30, watch=watch, spectral_norm=True,
        critic_norm="none", critic_learning_rate=1e-3,
    )  # fmt: skip
    critic = watch.trainer.critic.eval()
    norms = [
        float(torch.linalg.matrix_norm(module.weight.detach().flatten(1), 2))
        for module in critic.modules()
        if hasattr(module, "parametrizations") and "weight" in module.parametrizations
    ]
    assert len(norms) >= 3
    assert norms == pytest.approx([1.0] * len(norms), abs=0.15)


def test_diff_augment_moves_real_and_generated_images_alike(images):
    moved = Watch()
    fit(images, "dcgan", watch=moved, diff_augment=("translation",))
    for part in ("real", "fake"):
        borders = [
            (getattr(batch, part)[:, :, 0] == -1).all(-1).float().mean() for batch in moved.batches
        ]
        assert 0.2 < float(torch.stack(borders).mean()) < 0.8  # black rows came in at the top


def test_sampling_uses_the_average_of_the_weights(images):
    for ema in (0.0, 0.9):
        watch = Watch()
        fit(images, "dcgan", steps=30, watch=watch, ema=ema, learning_rate=2e-3)
        pairs = zip(
            watch.trainer.average.parameters(), watch.trainer.generator.parameters(), strict=True
        )
        assert all(torch.equal(a, b) for a, b in pairs) == (ema == 0.0)


@pytest.mark.parametrize("ema", [0.2, 0.9])
def test_the_average_is_the_moving_one_of_the_stated_decay(rows, ema):
    def average(trainer):
        decay = min(ema, (1 + trainer.step) / (10 + trainer.step))  # short at first
        for mean, weight in zip(means, trainer.generator.parameters(), strict=True):
            mean.lerp_(weight.detach(), 1 - decay)

    class Start(Watch):
        def on_train_begin(self, trainer):
            means.extend(p.detach().clone() for p in trainer.generator.parameters())

    means: list[torch.Tensor] = []
    sampled = fit(rows, "cgan", steps=30, watch=Start(average), ema=ema).model_.generators[0]
    for mean, weight in zip(means, sampled.parameters(), strict=True):
        torch.testing.assert_close(mean, weight)


# ------------------------------------------------------------------ one trainer


def test_the_training_step_fits_on_a_screen_and_branches_on_no_name():
    steps = [inspect.getsource(getattr(Trainer, n)) for n in ("critic_step", "generator_step")]
    assert sum(source.count("\n") for source in steps) <= 40
    branches = [node for s in steps for node in ast.walk(ast.parse(textwrap.dedent(s)))]
    # The one branch is weight clipping, which is no term of a loss.
    assert sum(isinstance(node, (ast.If, ast.IfExp, ast.Match)) for node in branches) <= 1


def test_networks_and_trainer_know_no_gan_and_no_loss_by_name():
    presets = {name for presets in PRESETS.values() for name in presets}
    kinds = {*KINDS}  # the networks' own
    for path in [*sorted((ROOT / "ganaug").glob("nets/*.py")), Path(inspect.getfile(Trainer))]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        texts = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)}
        assert not texts & ({*LOSSES} | (presets - kinds)), path.name


# ------------------------------------------------------------------ what goes with what


def matrix() -> dict[tuple[str, str, str], bool]:
    """Read the table of docs/stability.md: (data, preset, switch) to whether they go together."""
    text = (ROOT / "docs" / "stability.md").read_text(encoding="utf-8")
    found = {}
    for data in PRESETS:
        part = re.search(rf"^\| {data} \|(.*)\n\|[-:|]+\|\n((?:\|.*\n)+)", text, re.MULTILINE)
        assert part, f"docs/stability.md has no table for {data}"
        presets = [cell.strip(" `") for cell in part[1].strip("|").split("|")]
        for line in part[2].splitlines():
            name, *cells = (cell.strip(" `") for cell in line.strip("|").split("|"))
            assert {*cells} <= {"yes", "-"}, line
            found |= {
                (data, preset, name): cell == "yes"
                for preset, cell in zip(presets, cells, strict=True)
            }
    return found


EVERY = [
    (data, preset, switch)
    for data, presets in PRESETS.items()
    for preset in presets
    for switch in SWITCHES
]


def test_the_table_of_the_docs_has_every_preset_and_switch():
    assert set(matrix()) == set(EVERY)


@pytest.mark.parametrize("data", PRESETS)
def test_a_switch_goes_with_a_preset_as_the_docs_say_or_is_refused_with_the_reason(data):
    for (of, preset, switch), together in matrix().items():
        if of != data:
            continue
        if together:
            start(data, preset).replace(**SWITCHES[switch])
            continue
        reasons = r"cannot be combined with|needs kind|batch norm"
        with pytest.raises(ConfigError, match=reasons) as refusal:
            start(data, preset).replace(**SWITCHES[switch])
        assert len(str(refusal.value)) > 60  # a reason, not just a no


def start(data: str, preset: str) -> Recipe:
    """Return a preset, small, and for images one whose classes are all learned by the GAN."""
    recipe = Recipe.preset(preset, data=data).replace(width=8, batch_size=16)
    if (data, preset) == ("image", "auto"):
        recipe = recipe.replace(small_classes="gan")  # else it would change real images here
    return recipe


def trained() -> list[tuple[str, str, str]]:
    """Return a preset for each switch of each data: of those that take it, the least used one."""
    chosen: list[tuple[str, str, str]] = []
    for data, presets in PRESETS.items():
        used = dict.fromkeys(presets, 0)
        for switch in SWITCHES:
            takes = [preset for preset in presets if matrix()[data, preset, switch]]
            if takes:
                preset = min(takes, key=used.__getitem__)
                used[preset] += 1
                chosen.append((data, preset, switch))
    return chosen


def test_every_preset_is_trained_with_a_switch():
    assert {key[:2] for key in trained()} == {key[:2] for key in EVERY}


@pytest.mark.parametrize(("data", "preset", "switch"), trained(), ids=lambda v: v)
def test_a_switch_trains_with_a_preset(data, preset, switch, rows, images):
    recipe = start(data, preset).replace(**SWITCHES[switch])
    if data == "pair":
        from ganaug import Pix2PixAugmenter

        made = Pix2PixAugmenter(recipe=recipe, max_steps=3, random_state=0).fit(
            images[0], 255 - images[0]
        )
        assert made.transform(images[0][:3]).shape == (3, 16, 16)
        return
    made = fit(rows if data == "table" else images, recipe, steps=3)
    X, y = made.sample({0: 3, 1: 3}, random_state=0)
    assert np.isfinite(X).all()
    assert y.tolist() == [0, 0, 0, 1, 1, 1]
