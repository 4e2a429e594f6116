"""The random stream of a transform, in the main process and in the workers of a DataLoader."""

from __future__ import annotations

import numpy as np
import torch
from torch.utils.data import get_worker_info

from ganaug.runtime.rng import numpy_stream


class Stream:
    """A random stream with its own state in each process.

    The global random states are neither read nor changed. In the main process the stream depends
    on ``seed`` only. In a worker it also depends on the seed that the loader gave to the worker.

    Parameters
    ----------
    seed : int
    name : str
        Name of the transform that draws from it. Streams of different names are independent.
    """

    def __init__(self, seed: int, name: str) -> None:
        self.seed, self.name = seed, name
        self._generator: np.random.Generator | None = None
        self._key: tuple[int, ...] | None = None

    def generator(self) -> np.random.Generator:
        """Return the generator of this process."""
        worker = get_worker_info()
        # Each forked worker starts with the same copy of the main process's stream.
        key = () if worker is None else (worker.id, torch.initial_seed())
        if self._generator is None or key != self._key:
            self._generator = numpy_stream(self.seed, self.name, *key)
            self._key = key
        return self._generator
