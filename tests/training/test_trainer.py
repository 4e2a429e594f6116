"""Training as users meet it: history, signals, callbacks, limits, switches."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from sklearn.base import clone

from ganaug import (
    Callback,
    ConfigError,
    DivergenceError,
    EarlyStop,
    GANAugmenter,
    ModeCollapseWarning,
    Recipe,
)
from ganaug.objectives.losses import Loss
from ganaug.registry import LOSSES

COLUMNS = {
    "step",
    "samples",
    "seconds",
    "critic_loss",
    "generator_loss",
    "critic_grad_norm",
    "generator_grad_norm",
    "critic_accuracy",
    "diversity",
    "diversity[0]",
    "diversity[1]",
    "mode_collapse",
    "overpowering_critic",
}


@pytest.fixture(scope="module")
def rings():
    """Return two classes on rings: no single point can stand for either."""
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, 600)
    y = np.r_[np.zeros(400, int), np.ones(200, int)]
    radius = np.where(y == 0, 1.0, 3.0) + rng.normal(0, 0.05, 600)
    return np.c_[radius * np.cos(angle), radius * np.sin(angle)], y


@pytest.fixture(scope="module")
def corners():
    """Return rows near the corners of a cube of 16 dimensions, far from a generator's start."""
    rng = np.random.default_rng(0)
    corner = rng.choice([-1.0, 1.0], (600, 16))
    return corner + rng.normal(0, 0.1, (600, 16)), np.r_[np.zeros(400, int), np.ones(200, int)]


class Count(Callback):
    """Counts what happens."""

    def __init__(self):
        self.steps = self.critic_steps = self.began = self.ended = 0
        self.records = []

    def on_train_begin(self, trainer):
        self.began += 1

    def on_step_end(self, trainer):
        self.steps += 1
        self.critic_steps = trainer.critic_steps

    def on_record(self, trainer, record):
        self.records.append(record)

    def on_train_end(self, trainer):
        self.ended += 1


def fit(data, recipe="gan", **options):
    options = {"max_steps": 12, "random_state": 0, "device": "cpu", **options}
    return GANAugmenter(recipe=recipe, **options).fit(*data)


@pytest.mark.parametrize("name", ["cgan", "wgan", "wgan-gp", "auto"])
def test_the_history_records_losses_norms_and_signals(rings, name):
    history = fit(rings, name).history_
    frame = history.to_frame()
    assert set(frame.columns) == COLUMNS
    assert np.isfinite(frame.to_numpy(float)).all()
    assert frame["step"].is_monotonic_increasing
    assert frame["step"].iloc[-1] == 12
    assert (frame["generator_grad_norm"] > 0).all()
    assert frame["critic_accuracy"].between(0, 1).all()


def test_the_per_class_preset_keeps_a_history_for_each_class(rings):
    frame = fit(rings, "gan").history_.to_frame()
    assert set(frame["class"]) == {"0", "1"}


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_trains(rings, loss):
    """With each loss of the registry the samples are finite."""
    recipe = Recipe.preset("cgan").replace(loss=loss, gradient_penalty=1.0)
    X, y = fit(rings, recipe).sample({0: 5, 1: 5})
    assert np.isfinite(X).all()
    assert y.tolist() == [0] * 5 + [1] * 5


@pytest.mark.parametrize(
    ("part", "function"),
    [
        ("critic", lambda real, fake: fake - real),
        ("critic", lambda real, fake: torch.zeros(())),
        ("critic", lambda real, fake: 0.5),
        ("generator", lambda real, fake: -fake),
        ("generator", lambda real, fake: real.mean()),
    ],
)
def test_a_loss_that_teaches_nothing_is_refused_before_training(rings, monkeypatch, part, function):
    whole = {"critic": lambda r, f: (f - r).mean(), "generator": lambda r, f: -f.mean()}
    monkeypatch.setitem(LOSSES, "mine", lambda: Loss(**{**whole, part: function}))
    count = Count()
    with pytest.raises(ConfigError, match=rf"LOSSES\['mine'\]: {part}.* one number"):
        fit(rings, Recipe.preset("cgan").replace(loss="mine"), callbacks=[count])
    assert count.steps == 0


@pytest.mark.parametrize(
    "change",
    [
        {"gradient_penalty": 10.0},
        {"weight_clip": 0.05},
        {"r1": 1.0},
        {"r2": 1.0, "penalty_every": 3},
        {"feature_matching": 1.0},
        {"label_smoothing": 0.1},
        {"pac": 4},
        {"critic_learning_rate": 4e-4},
        {"ema": 0.0},
        {"generator_norm": "batch"},
        {"generator_norm": "layer", "critic_norm": "layer", "r1": 0.1},
        {"conditioning": "projection", "pac": 2},
        {"class_balance": 0.0},
        {"burn_in": 0.5, "final_rate": 0.1},
    ],
    ids=lambda change: "-".join(change),
)
def test_every_switch_changes_what_is_learned(rings, change):
    plain, changed = fit(rings, "cgan"), fit(rings, Recipe.preset("cgan").replace(**change))
    samples = [a.sample({1: 20}, random_state=0)[0] for a in (plain, changed)]
    assert np.isfinite(samples[1]).all()
    assert not np.array_equal(*samples)


def test_weight_clipping_bounds_the_critic(rings):
    class Largest(Callback):
        def on_step_end(self, trainer):
            self.value = max(float(w.detach().abs().max()) for w in trainer.critic.parameters())

    largest = Largest()
    fit(rings, "wgan", callbacks=[largest])
    assert largest.value <= Recipe.preset("wgan").regularizers.weight_clip + 1e-9


def test_n_critic_counts_critic_steps(rings):
    """n_critic is the number of steps of the critic for one of the generator."""
    count = Count()
    fit(rings, Recipe.preset("wgan-gp").replace(n_critic=3), callbacks=[count])
    assert (count.steps, count.critic_steps) == (12, 36)


def test_two_time_scales_reach_the_optimizers(rings):
    class Rates(Callback):
        def on_train_begin(self, trainer):
            pair = trainer.generator_optimizer, trainer.critic_optimizer
            self.rates = [o.param_groups[0]["lr"] for o in pair]

    rates = Rates()
    recipe = Recipe.preset("cgan").replace(learning_rate=1e-4, critic_learning_rate=4e-4)
    fit(rings, recipe, callbacks=[rates])
    assert rates.rates == [1e-4, 4e-4]


def test_samples_come_from_the_averaged_generator(rings):
    class Weights(Callback):
        def on_train_end(self, trainer):
            self.last = trainer.generator.enter.weight.detach().clone()

    weights = Weights()
    average = fit(rings, "cgan", callbacks=[weights]).model_.generators[0].enter.weight
    assert not np.allclose(average.numpy(), weights.last.numpy(), atol=1e-7)
    recipe = Recipe.preset("cgan").replace(ema=0.0)
    last = fit(rings, recipe, callbacks=[weights]).model_.generators[0].enter.weight
    np.testing.assert_allclose(last.numpy(), weights.last.numpy())


def test_callbacks_are_called_and_keep_their_identity(rings):
    count = Count()
    augmenter = clone(GANAugmenter(recipe="cgan", max_steps=12, callbacks=[count]))
    augmenter.fit(*rings)
    assert augmenter.callbacks[0] is count
    assert (count.began, count.steps, count.ended) == (1, 12, 1)
    assert [r["step"] for r in count.records] == augmenter.history_["step"]


def test_a_callback_can_end_training(rings):
    class Stop(Callback):
        def on_step_end(self, trainer):
            trainer.stop = trainer.step >= 4

    assert fit(rings, "cgan", max_steps=500, callbacks=[Stop()]).history_["step"][-1] == 5


def test_early_stop_ends_a_run_that_no_longer_improves(rings):
    stop = EarlyStop("samples", patience=3, mode="min")  # samples only grow: never better again
    steps = fit(rings, "cgan", max_steps=60, callbacks=[stop]).history_["step"]
    assert steps[-1] == 4
    with pytest.raises(ConfigError, match="no column 'accuracy'"):
        fit(rings, "cgan", callbacks=[EarlyStop("accuracy")])
    with pytest.raises(ConfigError, match=r"maximum.*max"):
        EarlyStop(mode="maximum")


def test_max_seconds_ends_training_and_leaves_a_usable_estimator(rings):
    augmenter = fit(rings, "cgan", max_steps=10**7, max_seconds=0.5)
    seconds = augmenter.history_["seconds"][-1]
    assert 0.5 <= seconds < 10
    assert augmenter.sample({1: 3})[0].shape == (3, 2)


def test_the_progress_bar_is_on_standard_error_and_off_by_default(rings, capsys):
    fit(rings, "cgan")
    assert capsys.readouterr() == ("", "")
    fit(rings, "cgan", verbose=1)
    out, err = capsys.readouterr()
    assert out == ""
    assert "ganaug [cgan]" in err
    assert "12/12" in err


def test_divergence_is_an_error_that_names_the_quantity(rings):
    recipe = Recipe.preset("cgan").replace(learning_rate=1e30, critic_learning_rate=1e30)
    with pytest.raises(DivergenceError, match=r"diverged: \w+ is (nan|-?inf) at step \d+"):
        fit(rings, recipe, max_steps=60)


def test_the_mode_collapse_signal_fires_when_a_generator_collapses(rings):
    # The critic learns far too slowly to object to a generator that runs for its one best point.
    recipe = Recipe.preset("cgan").replace(
        learning_rate=2e-3, critic_learning_rate=1e-4, batch_size=64
    )
    with pytest.warns(ModeCollapseWarning, match=r"class\(es\) 0, 1"):
        history = fit(rings, recipe, max_steps=600).history_
    assert "mode_collapse" in history.signals()
    assert history.collapsed() == ["0", "1"]
    assert history["diversity"][-1] < 0.25


def test_the_overpowering_critic_signal_fires_when_the_generator_starves(corners):
    # The first GAN loss saturates once the critic is sure, and this critic is ahead by far.
    recipe = Recipe.preset("cgan").replace(
        loss="minimax", learning_rate=1e-6, critic_learning_rate=1e-3, n_critic=5, batch_size=64
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ModeCollapseWarning)
        history = fit(corners, recipe, max_steps=120).history_
    assert "overpowering_critic" in history.signals()
    assert np.mean(history["critic_accuracy"][-5:]) > 0.95


@pytest.mark.parametrize("name", ["cgan", "wgan-gp", "auto"])
@pytest.mark.parametrize("data", ["rings", "corners"])
def test_the_signals_are_quiet_on_a_healthy_run(request, data, name):
    recipe = Recipe.preset(name).replace(batch_size=64, width=64)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ModeCollapseWarning)
        history = fit(request.getfixturevalue(data), recipe, max_steps=300).history_
    assert history.signals() == []


def test_a_run_too_short_to_judge_raises_no_signal(rings):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fit(rings, "cgan", max_steps=3).history_.signals() == []


def test_the_generator_learns_the_rings(rings):
    """The point of it all: each class on its own ring, all the way round."""
    augmenter = fit(rings, "auto", max_steps=600)
    X, y = augmenter.sample({0: 500, 1: 500}, random_state=0)
    radius, angle = np.hypot(*X.T), np.arctan2(X[:, 1], X[:, 0])
    for label, wanted in ((0, 1.0), (1, 3.0)):
        own = y == label
        assert np.median(np.abs(radius[own] - wanted)) < 0.35
        octants = np.histogram(angle[own], bins=8, range=(-np.pi, np.pi))[0]
        assert (octants > 15).all(), octants


def test_max_seconds_is_for_the_whole_fit_whatever_the_number_of_gans():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 2)), np.repeat(np.arange(5), 40)
    history = fit((X, y), "gan", max_steps=10**7, max_seconds=0.5).history_.to_frame()
    assert history.groupby("class")["seconds"].max().sum() < 2.0


def test_a_class_that_the_gan_does_not_make_is_not_judged():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(105, 2)), np.r_[np.zeros(100, int), np.ones(5, int)]
    with pytest.warns(UserWarning, match="only 5"):
        augmenter = fit((X, y), "auto")
    assert augmenter.plan_[1] == "interpolate"
    assert set(augmenter.history_["diversity[1]"]) == {1.0}


def test_a_gan_for_each_class_cannot_borrow_from_the_others():
    with pytest.raises(ConfigError, match="per-class"):
        Recipe.preset("gan").replace(small_classes="auto")
