"""Tables and quick augmenters, for tests of tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ganaug import GANAugmenter


def quick(**options: Any) -> GANAugmenter:
    return GANAugmenter(**{"max_steps": 1, "random_state": 0, **options})


def numbers(counts: tuple[int, ...] = (40, 20, 10), seed: int = 0) -> tuple[Any, Any]:
    """Return shuffled rows of classes 0, 1, ... with the given counts."""
    random = np.random.default_rng(seed)
    y = random.permutation(np.repeat(np.arange(len(counts)), counts))
    return random.normal(size=(len(y), 3)) + y[:, None], y


def table(n: int = 40, rare: int = 10) -> tuple[pd.DataFrame, pd.Series]:
    """Return a frame with every kind of column that people have."""
    random = np.random.default_rng(0)
    day = pd.Timestamp("2024-03-01", tz="Europe/Vienna")
    hours = pd.to_timedelta(random.integers(0, 5000, n), unit="h")
    X = pd.DataFrame(
        {
            "float": random.normal(size=n),
            "single": random.normal(size=n).astype(np.float32),
            "int": random.integers(-5, 90, n),
            "tiny": random.integers(0, 9, n).astype(np.int8),
            "nullable": pd.array([None, *random.integers(0, 50, n - 1)], dtype="Int64"),
            "nullable_float": pd.array([None, *random.normal(size=n - 1)], dtype="Float64"),
            "bool": random.random(n) < 0.3,
            "nullable_bool": pd.array([None, *(random.random(n - 1) < 0.3)], dtype="boolean"),
            "category": pd.Categorical(random.choice(["x", "y"], n), categories=["y", "x", "z"]),
            "ordered": pd.Categorical(random.choice([1, 2], n), categories=[1, 2], ordered=True),
            "text": random.choice(["red", "green"], n),
            "string": pd.array(random.choice(["a", "b"], n), dtype="string"),
            "when": (day + hours),
            "naive": (day.tz_localize(None) + hours),
            "lasted": hours,
        }
    )
    X.loc[3, ["float", "when"]] = None
    return X, pd.Series(["rare"] * rare + ["common"] * (n - rare), name="target")
