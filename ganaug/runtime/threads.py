"""Number of threads of a computation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

WORTH_SHARING = 2**24
"""Multiplications in a matrix product from which on a second thread saves time."""


@contextmanager
def threads_for(products: int) -> Iterator[None]:
    """Use one thread in the block if the largest matrix product has few multiplications.

    The networks of tables are small. Two threads on two idle cores save no time, and on busy cores
    they wait for each other at every product, which takes many times as long as the product.

    Parameters
    ----------
    products : int
        Multiplications in the largest matrix product.
    """
    before = torch.get_num_threads()
    if products >= WORTH_SHARING or before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
