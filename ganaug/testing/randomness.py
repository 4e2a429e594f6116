"""Whether something moves the global random generators, which belong to the user."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch


def global_state() -> tuple[Any, ...]:
    """Return the state of the global generators of Python, numpy and torch, to compare.

    Examples
    --------
    >>> import random
    >>> from ganaug.testing.randomness import global_state
    >>> before = global_state()
    >>> before == global_state()
    True
    >>> number = random.random()
    >>> before == global_state()
    False
    """
    name, keys, *rest = np.random.get_state()  # noqa: NPY002 - it is the global state we watch
    return (
        random.getstate(),
        (name, np.asarray(keys).tobytes(), *rest),
        torch.get_rng_state().numpy().tobytes(),
    )
