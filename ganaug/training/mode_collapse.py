"""When the samples of a class count as collapsed, from the records of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

COLLAPSE_RATIO = 0.25
"""Mode collapse: the samples of a class have less than this share of the real diversity."""

COLLAPSE_AFTER = 200
"""Steps before mode collapse is reported: an untrained generator is not varied either."""


def collapsed_labels(last: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the labels whose samples have collapsed, by the last record of each run."""
    prefix = "diversity["
    return [
        key[len(prefix) : -1]
        for record in last
        if record.get("step", COLLAPSE_AFTER) >= COLLAPSE_AFTER
        for key, value in record.items()
        if key.startswith(prefix) and value < COLLAPSE_RATIO
    ]
