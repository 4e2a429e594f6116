"""When the critic counts as overpowering the generator, from the records of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

OVERPOWERED_ACCURACY = 0.95
"""Overpowering critic: it tells real from fake more often than this, and the generator's gradient
is below :data:`STARVED_GRADIENT`."""

STARVED_GRADIENT = 0.05
"""Share of its own peak below which the generator's gradient is too small to learn from."""

_WINDOW = 5
"""Records that decide together whether the critic overpowers: a single one may be an outlier."""


def critic_overpowers(records: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether the critic overpowers the generator in the last records."""
    recent = records[-_WINDOW:]
    if len(recent) < _WINDOW:
        return False
    gradients = np.asarray([record["generator_grad_norm"] for record in records])
    accuracy = np.mean([record["critic_accuracy"] for record in recent])
    starved = np.median(gradients[-_WINDOW:]) < STARVED_GRADIENT * gradients.max()
    return bool(accuracy > OVERPOWERED_ACCURACY and starved)
