"""What the tests of the promises share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ganaug import GANAugmenter


def quick(**options: Any) -> GANAugmenter:
    return GANAugmenter(**{"max_steps": 2, "random_state": 0, **options})


def labels(counts: tuple[int, ...]) -> Any:
    return np.random.default_rng(1).permutation(np.repeat(np.arange(len(counts)), counts))


def numbers(counts: tuple[int, ...] = (120, 30, 5)) -> tuple[Any, Any]:
    y = labels(counts)
    return np.random.default_rng(0).normal(size=(len(y), 3)) + y[:, None], y


def frame(**columns: Any) -> pd.DataFrame:
    X, _ = numbers((20, 10))
    return pd.DataFrame(X, columns=list("abc")).assign(**columns)


Y = labels((20, 10))
