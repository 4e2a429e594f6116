"""Two signals of failed training, from its records: mode collapse and an overpowering critic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

COLLAPSE_RATIO = 0.25
"""Mode collapse: the samples of a class have less than this share of the real diversity."""

COLLAPSE_AFTER = 200
"""Steps before mode collapse is reported: an untrained generator is not varied either."""

OVERPOWERED_ACCURACY = 0.95
"""Overpowering critic: it tells real from fake more often than this, and the generator's gradient
is below :data:`STARVED_GRADIENT`."""

STARVED_GRADIENT = 0.05
"""Share of its own peak below which the generator's gradient is too small to learn from."""

_WINDOW = 5
"""Records that decide together whether the critic overpowers: a single one may be an outlier."""


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


def critic_overpowers(records: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether the critic overpowers the generator in the last records."""
    recent = records[-_WINDOW:]
    if len(recent) < _WINDOW:
        return False
    gradients = np.asarray([record["generator_grad_norm"] for record in records])
    accuracy = np.mean([record["critic_accuracy"] for record in recent])
    starved = np.median(gradients[-_WINDOW:]) < STARVED_GRADIENT * gradients.max()
    return bool(accuracy > OVERPOWERED_ACCURACY and starved)
