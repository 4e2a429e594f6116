"""Rows of a run on tables, without the run."""

from __future__ import annotations

import pandas as pd

from benchmarks._classifiers import METRICS


def scores(table: dict[tuple[str, str], dict[str, float]]) -> pd.DataFrame:
    """Rows of a run from {(set, classifier): {method: value}}, one value for all metrics."""
    return pd.DataFrame(
        [
            {
                "set": name,
                "classifier": classifier,
                "method": method,
                "seed": 0,
                "fold": 0,
                **dict.fromkeys(METRICS, value),
            }
            for (name, classifier), values in table.items()
            for method, value in values.items()
        ]
    )
