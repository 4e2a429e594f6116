"""How many threads a computation gets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

WORTH_SHARING = 2**24
"""Multiplications in a matrix product from which a second thread pays for its coordination."""


@contextmanager
def threads_for(products: int) -> Iterator[None]:
    """Use one thread inside if the largest matrix product has few multiplications.

    A table's networks are small: two threads on two idle cores gain nothing, and on busy ones
    they wait for each other at every product, which costs many times the work itself.

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
