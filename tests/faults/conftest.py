"""What the tests of the faults share: how a refusal looks, and a quick augmenter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ganaug import Callback, GanaugError, GANAugmenter


class CountSteps(Callback):
    """Counts what happened in training."""

    def __init__(self) -> None:
        self.begun = 0
        self.steps = 0

    def on_train_begin(self, trainer: Any) -> None:
        self.begun += 1

    def on_step_end(self, trainer: Any) -> None:
        self.steps += 1


@pytest.fixture
def count_steps() -> CountSteps:
    return CountSteps()


@pytest.fixture
def quick() -> Callable[..., GANAugmenter]:
    """Return a maker of augmenters that train for two steps."""

    def make(**options: Any) -> GANAugmenter:
        return GANAugmenter(**{"max_steps": 2, "random_state": 0, **options})

    return make


@pytest.fixture
def refused() -> Callable[..., GanaugError]:
    """Return a check: typed, before any training, and with these words in the message."""

    def check(X: Any, y: Any, *words: str, **options: Any) -> GanaugError:
        counter = CountSteps()
        augmenter = GANAugmenter(
            **{"max_steps": 1, "random_state": 0, "callbacks": [counter], **options}
        )
        with pytest.raises(GanaugError) as caught:
            augmenter.fit_resample(X, y)
        assert isinstance(caught.value, (ValueError, TypeError))
        assert counter.begun == counter.steps == 0
        assert not hasattr(augmenter, "model_")
        for word in words:
            assert word in str(caught.value)
        return caught.value

    return check


@pytest.fixture
def table() -> tuple[pd.DataFrame, np.ndarray]:
    """Return 60 mixed rows, 15 of them of the rare class 1."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "amount": rng.normal(size=60),
            "count": rng.integers(0, 9, 60),
            "kind": rng.choice(list("abc"), 60),
        }
    )
    return X, np.repeat([0, 1], [45, 15])
