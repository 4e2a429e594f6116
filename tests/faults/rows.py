"""Columns with gaps, for tests of the faults of tables."""

from __future__ import annotations

import numpy as np

N = 60
RARE = np.repeat([0, 1], [45, 15])


def rng():
    return np.random.default_rng(7)
