"""Explicit random streams: ganaug neither reads nor advances a global generator.

Each use of random numbers has its own stream, derived from one seed and a path of integers or
words. Streams with different paths are independent. A new draw in one place therefore changes no
draw elsewhere.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import torch
from numpy.random import SeedSequence

from ganaug.errors import ConfigError


def seed_from(random_state: Any) -> int:
    """Return a 63-bit seed from anything that scikit-learn accepts as ``random_state``.

    ``None`` takes new entropy from the operating system. (scikit-learn would draw from numpy's
    global generator, which advances it.) A generator that is passed is advanced by one draw.

    Raises
    ------
    ConfigError
        If ``random_state`` is an integer out of range, or of another type.
    """
    if random_state is None:
        # 63 bits, to fit into a signed integer of 64 bits.
        return int(SeedSequence().generate_state(1, np.uint64)[0] >> np.uint64(1))
    if isinstance(random_state, (int, np.integer)) and not isinstance(random_state, bool):
        if not 0 <= int(random_state) < 2**63:
            raise ConfigError(f"random_state must lie in [0, 2**63), got {random_state}.")
        return int(random_state)
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(0, 2**31 - 1))  # the range that fits every platform
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(0, 2**63 - 1))
    raise ConfigError(
        "random_state must be None, an int, a numpy RandomState or a numpy Generator, "
        f"got {random_state!r}."
    )


def derive(seed: int, *path: int | str) -> int:
    """Return the seed of the stream at ``path`` below ``seed``."""
    # crc32: Python's hash of a word differs from process to process.
    keys = [zlib.crc32(step.encode()) if isinstance(step, str) else int(step) for step in path]
    state = SeedSequence(entropy=seed, spawn_key=keys).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))


def numpy_stream(seed: int, *path: int | str) -> np.random.Generator:
    """Return a numpy generator for the stream at ``path``."""
    return np.random.default_rng(derive(seed, *path))


def torch_stream(
    seed: int, *path: int | str, device: torch.device | str = "cpu"
) -> torch.Generator:
    """Return a torch generator on ``device`` for the stream at ``path``."""
    generator = torch.Generator(device=device)
    generator.manual_seed(derive(seed, *path))
    return generator
