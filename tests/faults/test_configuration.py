"""Faults 44 and 46 to 50: options that are impossible, too large or misspelt."""

from __future__ import annotations

import pickle
import warnings
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import torch

from ganaug import (
    Callback,
    ConfigError,
    EarlyStop,
    GANAugmenter,
    GanaugWarning,
    ImageOptions,
    MemoryBudgetError,
    Recipe,
)

LOSSES = ("minimax", "non-saturating", "least-squares", "hinge", "wasserstein", "relativistic")


@pytest.mark.parametrize("preset", ["dcgan", "cgan", "wgan-gp", "auto"])
@pytest.mark.parametrize(("size", "reached"), [((30, 50), "32x52"), ((17, 16), "20x16")])
def test_fault_44_sizes_that_doubling_does_not_reach_are_refused(
    quick, count_steps, preset, size, reached
):
    recipe = Recipe.preset(preset, data="image").replace(progressive=0.5, small_classes="gan")
    X, y = np.zeros((30, *size), np.uint8), np.repeat([0, 1], [20, 10])
    with pytest.raises(ConfigError, match=f"{size[0]}x{size[1]}.*{reached}") as caught:
        quick(recipe=recipe, callbacks=[count_steps]).fit(X, y)
    assert isinstance(caught.value, ValueError)
    assert count_steps.steps == 0


def test_fault_44_the_way_out_trains(quick):
    pil = pytest.importorskip("PIL.Image", reason="needs Pillow, of the extra 'vision'")
    X = np.random.default_rng(0).integers(0, 256, (30, 30, 50), dtype=np.uint8)
    y = np.repeat([0, 1], [20, 10])
    recipe = Recipe.preset("dcgan", data="image").replace(progressive=0.5, width=4)
    options = ImageOptions(resize=(32, 48))
    pictures = [pil.fromarray(x) for x in X]
    X_res, _ = quick(recipe=recipe, image_options=options).fit_resample(pictures, y)
    assert len(X_res) == 40


@pytest.mark.parametrize("penalty", ["gradient_penalty", "r1", "r2"])
def test_fault_46_batch_norm_critic_with_a_gradient_penalty_is_refused(penalty):
    for preset in ("gan", "cgan", "wgan", "wgan-gp", "auto"):
        with pytest.raises(ConfigError, match=r"batch norm.*critic_norm=") as caught:
            Recipe.preset(preset).replace(critic_norm="batch", **{penalty: 0.5})
        assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_fault_46_spectral_norm_beside_another_norm_is_refused(norm):
    with pytest.raises(ConfigError, match=f"{norm} norm in the critic"):
        Recipe.preset("cgan").replace(critic_norm=norm, spectral_norm=True)


@pytest.mark.parametrize("change", [{"critic_norm": "layer", "r1": 1.0}, {"critic_norm": "batch"}])
def test_fault_46_the_ways_out_train(quick, table, change):
    recipe = Recipe.preset("cgan").replace(**change)
    _, y_res = quick(recipe=recipe).fit_resample(*table)
    assert Counter(y_res.tolist()) == {0: 45, 1: 45}


def test_fault_46_an_unpickled_or_rebuilt_recipe_is_checked_too():
    data = Recipe.preset("wgan-gp").to_dict()
    data["architecture"]["critic_norm"] = "batch"
    with pytest.raises(ConfigError, match="batch norm"):
        Recipe.from_dict(data)


@pytest.mark.parametrize("loss", ["wasserstein", "hinge"])
def test_fault_47_label_smoothing_of_scores_is_refused(loss):
    with pytest.raises(ConfigError, match=f"label_smoothing.*{loss}"):
        Recipe.preset("wgan-gp").replace(loss=loss, label_smoothing=0.1)


@pytest.mark.parametrize("preset", ["wgan", "wgan-gp"])
def test_fault_47_label_smoothing_in_the_wasserstein_presets_is_refused(preset):
    with pytest.raises(ConfigError, match="label_smoothing"):
        Recipe.preset(preset).replace(label_smoothing=0.1)


@pytest.mark.parametrize("value", [0.5, 0.9, 1.5, -0.1, float("nan"), "0.1"])
def test_fault_47_label_smoothing_out_of_range_is_refused(value):
    with pytest.raises(ConfigError, match="label_smoothing"):
        Recipe.preset("cgan").replace(label_smoothing=value)


@pytest.mark.parametrize(
    ("preset", "batch"),
    [("auto", 61), ("cgan", 61), ("cgan", 500), ("cgan", 100_000), ("gan", 500), ("wgan-gp", 500)],
)
def test_fault_48_a_batch_above_n_shrinks_with_a_warning_and_trains(
    quick, table, count_steps, preset, batch
):
    augmenter = quick(batch_size=batch, recipe=preset, callbacks=[count_steps])
    with pytest.warns(GanaugWarning, match=f"batch_size={batch} is more than the 60 rows"):
        augmenter.fit(*table)
    assert count_steps.steps == 2 * (2 if preset == "gan" else 1)
    assert set(augmenter.history_["samples"]) <= {60, 120}
    assert np.abs(augmenter.history_["generator_grad_norm"]).max() > 0


def test_fault_48_a_recipes_own_batch_above_n_shrinks_with_a_warning(quick, table):
    recipe = Recipe.preset("cgan").replace(batch_size=500)
    augmenter = quick(recipe=recipe)
    with pytest.warns(GanaugWarning, match="recipe's batch_size=500 is more than the 60 rows"):
        augmenter.fit(*table)
    assert set(augmenter.history_["samples"]) <= {60, 120}


@pytest.mark.parametrize("name", ["auto", "cgan"])
@pytest.mark.parametrize("as_name", [True, False])
def test_fault_48_the_presets_draw_with_replacement_from_few_rows(quick, table, name, as_name):
    with warnings.catch_warnings():
        warnings.simplefilter("error", GanaugWarning)
        augmenter = quick(recipe=name if as_name else Recipe.preset(name)).fit(*table)
    size = Recipe.preset(name).schedule.batch_size
    assert set(augmenter.history_["samples"]) <= {size, 2 * size}


@pytest.mark.parametrize("batch", ["auto", 60, 2])
def test_fault_48_a_batch_that_fits_gives_no_warning(quick, table, batch):
    with warnings.catch_warnings():
        warnings.simplefilter("error", GanaugWarning)
        quick(batch_size=batch).fit(*table)


@pytest.mark.parametrize("preset", ["auto", "cgan", "gan", "wgan-gp"])
@pytest.mark.parametrize("norm", ["none", "batch"])
def test_fault_49_a_last_batch_of_one(quick, preset, norm):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(65, 2)), np.repeat([0, 1], [48, 17])  # 65 = 4 * 16 + 1
    recipe = Recipe.preset(preset).replace(generator_norm=norm)
    augmenter = quick(recipe=recipe, batch_size=16, max_steps=6)
    X_res, y_res = augmenter.fit_resample(X, y)
    assert Counter(y_res.tolist()) == {0: 48, 1: 48}
    assert np.isfinite(X_res).all()
    assert augmenter.history_["step"][-1] == 6


@pytest.mark.parametrize("pac", [2, 5])
def test_fault_49_packs_that_do_not_divide_the_batch(quick, table, pac):
    recipe = Recipe.preset("cgan").replace(pac=pac, generator_norm="batch", critic_norm="batch")
    _, y_res = quick(recipe=recipe, batch_size=7).fit_resample(*table)
    assert Counter(y_res.tolist()) == {0: 45, 1: 45}


@pytest.mark.parametrize("change", [{"generator_norm": "batch"}, {"critic_norm": "batch"}, {}])
@pytest.mark.parametrize("preset", ["gan", "cgan"])
def test_fault_49_batches_of_one_train(quick, table, preset, change):
    recipe = Recipe.preset(preset).replace(batch_size=1, **change)
    augmenter = quick(recipe=recipe).fit(*table)
    assert augmenter.history_["step"][-1] == 2


def test_fault_49_the_smallest_batches_and_tables(quick):
    X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 0])
    with pytest.warns(GanaugWarning):
        _, y_res = quick(batch_size=2, on_singleton="duplicate").fit_resample(X, y)
    assert Counter(y_res.tolist()) == {0: 3, 1: 3}


@pytest.mark.parametrize(
    ("options", "nearest"),
    [
        ({"recipe": "wgan_gp"}, "'wgan-gp'"),
        ({"recipe": "Auto"}, "'auto'"),
        ({"recipe": "cggan"}, "'cgan'"),
        ({"sampling_strategy": "minorty"}, "'minority'"),
        ({"sampling_strategy": "not majorty"}, "'not majority'"),
        ({"sampling_strategy": "atuo"}, "'auto'"),
        ({"mode": "apend"}, "'append'"),
        ({"mode": "Replace"}, "'replace'"),
        ({"on_singleton": "duplicat"}, "'duplicate'"),
        ({"max_steps": "atuo"}, "'auto'"),
        ({"batch_size": "autoo"}, "'auto'"),
        ({"device": "cudda"}, "'cuda'"),
        ({"device": "gpu"}, "cuda"),
        ({"device": "CPU"}, "'cpu'"),
        ({"categorical_features": "knid"}, "'kind'"),
        ({"categorical_features": ["kind", "conut"]}, "'count'"),
        ({"categorical_features": "atuo"}, "'auto'"),
        ({"memory_budget": "2 GBB"}, '"2GB"'),
        ({"memory_budget": "atuo"}, '"auto"'),
    ],
)
def test_fault_50_a_misspelt_option_gets_the_nearest(refused, table, options, nearest):
    X, y = table
    (name,) = options
    strategy = {"mode", "on_singleton", "max_steps", "batch_size", "sampling_strategy"}
    error = refused(X, y, nearest, *({name} & strategy), **options)
    assert isinstance(error, ConfigError)


@pytest.mark.parametrize(
    "options",
    [
        {"recipe": None},
        {"recipe": 3},
        {"recipe": {"loss": "hinge"}},
        {"sampling_strategy": 0},
        {"sampling_strategy": 3},
        {"sampling_strategy": {9: 50}},
        {"sampling_strategy": {0: 1}},
        {"sampling_strategy": {1: 20.5}},
        {"sampling_strategy": 1.5},
        {"sampling_strategy": float("nan")},
        {"sampling_strategy": None},
        {"sampling_strategy": lambda y: "some"},
        {"sampling_strategy": lambda y: None},
        {"mode": None},
        {"p": -0.1},
        {"p": 1.1},
        {"p": "half"},
        {"on_singleton": "ignore"},
        {"max_steps": 0},
        {"max_steps": -1},
        {"max_steps": 2.5},
        {"max_steps": "many"},
        {"batch_size": 0},
        {"batch_size": 1},
        {"batch_size": "big"},
        {"max_seconds": 0},
        {"max_seconds": -1},
        {"max_seconds": "1"},
        {"device": 3.5},
        {"device": "cuda:99"},
        {"device": "meta"},
        {"device": "xpu"},
        {"device": "cpu:7"},
        {"device": torch.device("meta")},
        {"memory_budget": 0},
        {"memory_budget": -5},
        {"memory_budget": "lots"},
        {"callbacks": EarlyStop()},
        {"callbacks": [print]},
        {"callbacks": [7]},
        {"verbose": "yes"},
        {"random_state": "seed"},
        {"random_state": -1},
        {"random_state": 2.5},
        {"categorical_features": [7]},
        {"categorical_features": "nope"},
        {"categorical_features": ["nope"]},
        {"categorical_features": 1.5},
        {"categorical_features": [None]},
        {"categorical_features": [True, False]},
        {"categorical_features": [True] * 4},
        {"categorical_features": [True, 1, False]},
    ],
    ids="-".join,
)
def test_fault_50_impossible_values_are_refused(table, options, count_steps):
    (name,) = options
    options = {"callbacks": [count_steps], **options}
    for method in ("fit_resample", "fit"):
        augmenter = GANAugmenter(**{"max_steps": 1, "random_state": 0, **options})
        with pytest.raises(ConfigError) as caught:
            getattr(augmenter, method)(*table)
        assert name in str(caught.value)
        assert count_steps.begun == 0


@pytest.mark.parametrize("device", ["cuda:2", "cuda:99"])
def test_fault_50_a_device_that_is_not_here_is_refused(monkeypatch, table, device):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ConfigError, match=f"device='{device}'.*'cuda:1'"):
        GANAugmenter(device=device).fit(*table)


def test_fault_50_mps_elsewhere_is_refused(monkeypatch, table):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ConfigError, match=r"device='mps'.*not available"):
        GANAugmenter(device="mps").fit(*table)


@pytest.mark.parametrize("make", [np.asarray, pd.DataFrame])
@pytest.mark.parametrize("mask", [[True, False], np.array([True, False]), (True,) * 4])
def test_fault_50_a_mask_of_the_wrong_length_is_no_list_of_positions(refused, make, mask):
    X, y = np.random.default_rng(0).normal(size=(60, 3)), np.repeat([0, 1], [45, 15])
    error = refused(make(X), y, "mask", "3 columns", categorical_features=mask)
    assert isinstance(error, ConfigError)


def test_fault_50_an_int_is_always_a_position(refused):
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 2)), columns=[10, 20])
    refused(X, np.repeat([0, 1], [45, 15]), "position 10", categorical_features=[10])


def test_fault_50_the_error_can_be_pickled(table):
    with pytest.raises(ConfigError) as caught:
        GANAugmenter(mode="apend").fit(*table)
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is type(caught.value)
    assert str(again) == str(caught.value)


def test_fault_50_a_budget_of_hardly_anything_is_refused_before_training(refused, table):
    X, y = table
    error = refused(X[["amount", "count"]], y, "memory_budget", memory_budget="1KB")
    assert isinstance(error, MemoryBudgetError)


def test_fault_50_the_limit_of_a_container_counts(monkeypatch, refused, table, tmp_path):
    for name, text in {
        "memory.max": "8000000\n",
        "memory.current": "6000000\n",
        "memory.stat": "anon 5\ninactive_file 1000000\n",
    }.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr("ganaug.runtime.memory.CGROUP", tmp_path)
    refused(*table, "memory_budget=1.5 MB", sampling_strategy={1: 10**6})


def test_fault_50_a_container_without_a_limit_takes_the_machines_memory(
    monkeypatch, quick, table, tmp_path
):
    (tmp_path / "memory.max").write_text("max\n")
    monkeypatch.setattr("ganaug.runtime.memory.CGROUP", tmp_path)
    quick().fit(*table)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("n_critics", "n_critic"),
        ("batchsize", "batch_size"),
        ("conditionning", "conditioning"),
        ("gradient_penality", "gradient_penalty"),
        ("widht", "width"),
    ],
)
def test_fault_50_a_misspelt_recipe_field_gets_the_nearest(name, nearest):
    with pytest.raises(ConfigError, match=f"no field '{name}'; did you mean '{nearest}'"):
        Recipe.preset("wgan-gp").replace(**{name: 1})


@pytest.mark.parametrize(
    ("field", "value", "nearest"),
    [
        ("loss", "wassertein", "wasserstein"),
        ("loss", "non_saturating", "non-saturating"),
        ("conditioning", "project", "projection"),
        ("critic_norm", "bach", "batch"),
        ("selection", "evidance", "evidence"),
    ],
)
def test_fault_50_a_misspelt_recipe_value_gets_the_nearest(field, value, nearest):
    with pytest.raises(ConfigError, match=f"{field}='{value}'.*did you mean '{nearest}'"):
        Recipe.preset("cgan").replace(**{field: value})


def test_fault_50_every_documented_loss_is_known():
    for loss in LOSSES:
        assert Recipe.preset("wgan-gp").replace(loss=loss).loss == loss


def test_fault_50_a_misspelt_parameter_of_the_augmenter():
    with pytest.raises(TypeError, match="recipie"):
        GANAugmenter(recipie="auto")
    with pytest.raises(ConfigError, match=r"'recipie'; did you mean 'recipe'"):
        GANAugmenter().set_params(recipie="auto")
    with pytest.raises(ConfigError, match=r"Recipe\.preset"):
        GANAugmenter().set_params(recipe__n_critic=3)
    augmenter = GANAugmenter().set_params(max_steps=7, mode="replace")
    assert (augmenter.max_steps, augmenter.mode) == (7, "replace")


def test_fault_50_a_misspelt_history_column_is_refused(quick, table):
    class Silent(Callback):
        pass

    with pytest.raises(ConfigError, match="diversity"):
        quick(callbacks=[Silent(), EarlyStop("diversty")]).fit(*table)
    with pytest.raises(ConfigError, match=r"did you mean 'max'"):
        EarlyStop(mode="maxi")
