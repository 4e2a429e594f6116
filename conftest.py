"""What every test and every example in a docstring runs under: threads, and no accelerator."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Generator

import pytest

# Before anything imports torch: in two processes with a thread a core each, threads wait for one
# another more than they work.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Before anything imports matplotlib or albumentations: no window, no request for a newer version.
os.environ.setdefault("MPLBACKEND", "agg")
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests that need a CUDA device where there is none."""
    on_gpu = [item for item in items if item.get_closest_marker("gpu")]
    if not on_gpu:
        return
    import torch

    if not torch.cuda.is_available():
        for item in on_gpu:
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Hide accelerators from all but the tests marked ``gpu``: promises bit for bit are the CPU's.

    A hook and not a fixture: it also holds for doctests, and for fixtures of a wider scope.
    """
    if item.get_closest_marker("gpu"):
        return (yield)
    with pytest.MonkeyPatch.context() as patch:
        # For processes that the test starts, and for a torch that is imported later.
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        if torch := sys.modules.get("torch"):
            for backend in (torch.cuda, torch.backends.mps):
                # With what it wraps: parts of torch look for that when they are first used.
                hidden = functools.wraps(backend.is_available)(lambda: False)
                patch.setattr(backend, "is_available", hidden)
        return (yield)
