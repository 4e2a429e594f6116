"""What tests of reports share: a table of every kind of column, digits, and rigged augmenters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
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


def blobs(n: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Return two classes that anybody can draw more rows of."""
    rng = np.random.default_rng(seed)
    y = (np.arange(n) % 4 == 0).astype(int)
    X = rng.normal(y[:, None] * 1.5, 1.0, (n, 4))
    X[:, 1] = X[:, 0] + 0.3 * X[:, 1]
    return pd.DataFrame(X, columns=list("abcd")), y


class Rigged(GANAugmenter):
    """Makes rows by a trick in place of its GAN."""

    def sample(self, n_samples: Any, *, random_state: Any = None) -> Any:
        parts = [(self.trick(label, n), label, n) for label, n in n_samples.items()]
        y = np.concatenate([np.full(n, label) for _, label, n in parts])
        return pd.concat([rows for rows, _, _ in parts], ignore_index=True), y


def drawn_from(X: pd.DataFrame, y: np.ndarray, label: int, n: int) -> pd.DataFrame:
    own = X[y == label]
    return own.iloc[np.arange(n) % len(own)]


def judged(trick: Any) -> Report:
    X, y = blobs(280, 0)
    augmenter = Rigged(max_steps=2, random_state=0).fit(X, y)
    augmenter.trick = lambda label, n: trick(X, y, label, n)
    X_test, y_test = blobs(280, 1)
    return quality_report(augmenter, X, y, X_test=X_test, y_test=y_test, random_state=0)
