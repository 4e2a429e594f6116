"""Small fits take one thread and leave the user's number of threads as it was."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ganaug import Callback, GANAugmenter
from ganaug.runtime.threads import WORTH_SHARING, threads_for


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


class Threads(Callback):
    def __init__(self, fail=False):
        self.fail = fail

    def on_step_end(self, trainer):
        self.seen = torch.get_num_threads()
        if self.fail:
            raise RuntimeError("stop")


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("fail", [False, True])
def test_a_small_fit_takes_one_thread_and_gives_the_others_back(fail):
    rng = np.random.default_rng(0)
    threads = Threads(fail)
    augmenter = GANAugmenter(max_steps=2, device="cpu", callbacks=[threads], random_state=0)
    X, y = rng.normal(size=(60, 3)), np.repeat([0, 1], [40, 20])
    if fail:
        with pytest.raises(RuntimeError, match="stop"):
            augmenter.fit(X, y)
    else:
        augmenter.fit(X, y)
    assert threads.seen == 1
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_large_products_keep_all_threads():
    with threads_for(WORTH_SHARING):
        assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_the_number_of_threads_does_not_change_a_small_fit():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), np.repeat([0, 1], [40, 20])
    samples = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        augmenter = GANAugmenter(max_steps=5, device="cpu", random_state=0).fit(X, y)
        samples.append(augmenter.model_.generators[0].enter.weight.numpy())
    np.testing.assert_array_equal(*samples)
