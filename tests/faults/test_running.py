"""Faults 59 to 61: global random state, evaluation mode, and rare classes by conditioning."""

from __future__ import annotations

import random
import threading
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from ganaug import GANAugmenter, Recipe


def global_states() -> tuple[Any, ...]:
    name, keys, *rest = np.random.get_state()  # noqa: NPY002 - it is the global state we watch
    return (
        random.getstate(),
        name,
        keys.tobytes(),
        tuple(rest),
        torch.get_rng_state().numpy().tobytes(),
    )


def work(augmenter: GANAugmenter, table: tuple[pd.DataFrame, np.ndarray]) -> list[Any]:
    X, y = table
    results: list[Any] = []
    if augmenter.mode == "append":
        results += augmenter.fit_resample(X, y)
        results += augmenter.resample(X, y)
    else:
        results += [augmenter.fit_transform(X, y), augmenter.transform(X)]
    results += augmenter.sample(20)
    results += augmenter.sample({1: 7}, random_state=5)
    return results


def same(left: list[Any], right: list[Any]) -> bool:
    return all(
        a.equals(b) if isinstance(a, pd.DataFrame) else np.array_equal(a, b)
        for a, b in zip(left, right, strict=True)
    )


@pytest.mark.parametrize("recipe", ["auto", "gan", "wgan-gp"])
@pytest.mark.parametrize("mode", ["append", "replace"])
@pytest.mark.parametrize("seed", [0, None])
def test_fault_59_global_random_states_are_untouched(quick, table, tmp_path, recipe, mode, seed):
    before = global_states()
    augmenter = quick(recipe=recipe, mode=mode, random_state=seed)
    work(augmenter, table)
    augmenter.save_pretrained(tmp_path)
    GANAugmenter.from_pretrained(tmp_path).sample(5)
    assert global_states() == before


def test_fault_59_global_random_states_have_no_influence(quick, table):
    results = []
    for seed in (1, 2):
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - the global state is the point
        torch.manual_seed(seed)
        results.append(work(quick(), table))
    assert same(*results)


def test_fault_59_threads_do_not_disturb_each_other(quick, table):
    seeds = [0, 1, 2, 3]
    alone = {seed: work(quick(random_state=seed, max_steps=5), table) for seed in seeds}
    together: dict[int, list[Any]] = {}
    start = threading.Barrier(len(seeds))

    def run(seed: int) -> None:
        torch.set_num_threads(1)  # the setting belongs to a thread
        start.wait()
        together[seed] = work(quick(random_state=seed, max_steps=5), table)

    before = global_states()
    threads = [threading.Thread(target=run, args=(seed,)) for seed in seeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert global_states() == before
    assert sorted(together) == seeds
    assert all(same(alone[seed], together[seed]) for seed in seeds)
    assert not same(alone[0], alone[1])


def test_fault_59_a_given_generator_is_the_only_one_that_moves(quick, table):
    own = np.random.RandomState(3)
    before = own.get_state()[1].tobytes(), own.get_state()[2]
    states = global_states()
    quick(random_state=own).fit(*table)
    assert (own.get_state()[1].tobytes(), own.get_state()[2]) != before
    assert global_states() == states


def modules(augmenter: GANAugmenter) -> list[torch.nn.Module]:
    model = augmenter.model_
    parts = [*model.generators, model.anchors, model.selector]
    return [part for part in parts if part is not None]


@pytest.mark.parametrize("recipe", ["auto", "gan", "cgan", "wgan-gp"])
def test_fault_60_sampling_leaves_no_gradients(quick, table, recipe):
    augmenter = quick(recipe=recipe).fit(*table)
    assert torch.is_grad_enabled()
    seen = []

    def watch(generator: torch.nn.Module, inputs: Any) -> None:
        seen.append((torch.is_inference_mode_enabled(), generator.training))

    for generator in augmenter.model_.generators:
        generator.register_forward_pre_hook(watch)
    augmenter.sample({0: 10, 1: 10})
    assert len(seen) == 2
    assert set(seen) == {(True, False)}, "inference mode is on, training mode is off"
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()
    assert not any(generator.training for generator in augmenter.model_.generators)
    for module in modules(augmenter):
        for parameter in module.parameters():
            assert not parameter.requires_grad
            assert parameter.grad is None


@pytest.mark.parametrize("preset", ["auto", "gan", "cgan", "wgan-gp"])
def test_fault_60_a_row_does_not_depend_on_its_companions(quick, table, preset):
    recipe = Recipe.preset(preset).replace(generator_norm="batch")
    augmenter = quick(recipe=recipe, max_steps=20).fit(*table)
    for label in (0, 1):
        many, _ = augmenter.sample({label: 5000}, random_state=3)
        for n in (1, 2, 700):
            few, _ = augmenter.sample({label: n}, random_state=3)
            pd.testing.assert_frame_equal(few, many.iloc[:n])
    mixed, labels = augmenter.sample({0: 10, 1: 10}, random_state=3)
    alone, _ = augmenter.sample({1: 10}, random_state=3)
    pd.testing.assert_frame_equal(mixed[labels == 1].reset_index(drop=True), alone)


def test_fault_60_sampling_does_not_move_the_batch_statistics(quick, table):
    recipe = Recipe.preset("cgan").replace(generator_norm="batch")
    augmenter = quick(recipe=recipe, max_steps=20).fit(*table)

    def state() -> list[bytes]:
        return [
            tensor.numpy().tobytes()
            for module in modules(augmenter)
            for tensor in module.state_dict().values()
        ]

    before = state()
    first, _ = augmenter.sample(50, random_state=1)
    augmenter.sample({0: 5000, 1: 1})
    assert state() == before
    pd.testing.assert_frame_equal(augmenter.sample(50, random_state=1)[0], first)


@pytest.mark.parametrize("recipe", ["auto", "cgan", "gan", "wgan-gp"])
def test_fault_61_rare_classes_come_by_conditioning(quick, recipe):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [19_980, 20])  # 0.1 %
    X = rng.normal(size=(20_000, 3)) + y[:, None]
    augmenter = quick(recipe=recipe).fit(X, y)
    made = {0: 0, 1: 0}

    def count_for(label: int) -> None:
        def hook(module: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
            made[label] += len(output)

        handles = [g.register_forward_hook(hook) for g in augmenter.model_.generators]
        new, labels = augmenter.sample({label: 10_000})
        for handle in handles:
            handle.remove()
        assert len(new) == 10_000
        assert (labels == label).all()

    count_for(0)
    count_for(1)
    # By rejection the rare class would cost a thousand candidates a row.
    assert 10_000 <= made[0] <= 40_000
    assert 10_000 <= made[1] <= 40_000
