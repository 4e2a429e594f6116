"""Reports to look at, made once: a mixed table and a few digits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from ganaug import GANAugmenter, Report, quality_report


def mixed_table(n: int = 400, seed: int = 0) -> tuple[pd.DataFrame, pd.Series]:
    """Return a table of every kind of column, with missing values and names that need care."""
    rng = np.random.default_rng(seed)
    rare = rng.random(n) < 0.2
    X = pd.DataFrame(
        {
            "amount $x$": np.round(np.exp(rng.normal(3 + rare, 1, n)), 2),
            "items": rng.poisson(2 + 2 * rare),
            "country": pd.Categorical(rng.choice(list("ABCDE"), n)),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 365, n), unit="D"),
            "<script>alert(1)</script>": rng.normal(rare, 1, n),
            "score": pd.array(rng.integers(0, 100, n), dtype="Int64"),
            "note": rng.choice(["first", "second", "ünïcode & more"], n),
            "flag": rng.random(n) < 0.3 + 0.4 * rare,
            "empty": np.nan,
            "always": "one",
        }
    )
    X.loc[rng.random(n) < 0.2, "score"] = pd.NA
    X.loc[rng.random(n) < 0.1, "note"] = None
    return X, pd.Series(np.where(rare, "fr<u>d", "fine"), name="kind")


def few_digits(rare: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Return images of three digits, of which the eights are rare."""
    pixels, labels = load_digits(return_X_y=True)
    eights = np.flatnonzero(labels == 8)[:rare]
    rows = np.concatenate([np.flatnonzero(labels < 2), eights])
    return (pixels[rows] * 15.9).astype(np.uint8).reshape(-1, 8, 8), labels[rows]


@pytest.fixture(scope="session")
def table() -> tuple[pd.DataFrame, pd.Series]:
    return mixed_table()


@pytest.fixture(scope="session")
def table_report(table: Any) -> Report:
    return quality_report(GANAugmenter(max_steps=30), *table, random_state=0)


@pytest.fixture(scope="session")
def image_report() -> Report:
    augmenter = GANAugmenter(max_steps=20, random_state=0)
    return quality_report(augmenter, *few_digits(), random_state=0)


@pytest.fixture(scope="session")
def table_html(table_report: Report) -> str:
    return table_report.to_html()


@pytest.fixture(scope="session")
def image_html(image_report: Report) -> str:
    return image_report.to_html()
