"""What all tests share: markers, Hypothesis profiles, and the data outside the repository."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

# Before anything imports matplotlib or albumentations: no window, no request for a newer version.
os.environ.setdefault("MPLBACKEND", "agg")
# Before anything imports torch: in two processes with a thread a core each, threads wait for one
# another more than they work.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

hypothesis.settings.register_profile("ci", max_examples=200, deadline=None, derandomize=True)
hypothesis.settings.register_profile("nightly", max_examples=10_000, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

ROOT = Path(__file__).resolve().parents[1]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests that need a CUDA device where there is none."""
    on_gpu = [item for item in items if item.get_closest_marker("gpu")]
    if not on_gpu:
        return
    import torch

    if not torch.cuda.is_available():
        for item in on_gpu:
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared_tables() -> Path:
    """Return the folder of the benchmark tables, which lie beside the repository."""
    folder = ROOT.parent / "shared" / "data" / "tabular"
    if not folder.is_dir():
        pytest.skip(f"the benchmark tables are not at {folder}")
    return folder
