"""What all tests share: Hypothesis profiles, and the data outside the repository."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

hypothesis.settings.register_profile("ci", max_examples=200, deadline=None, derandomize=True)
hypothesis.settings.register_profile("nightly", max_examples=10_000, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

ROOT = Path(__file__).resolve().parents[1]


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
