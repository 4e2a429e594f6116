"""Fixtures of the tests of ganaug.vision. What needs torchvision is imported where it is used."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def untouched() -> Any:
    """Check that a test leaves the global random states alone."""
    from tests.vision.support import global_states

    before = global_states()
    yield
    assert global_states() == before
