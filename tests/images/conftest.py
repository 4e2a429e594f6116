"""Fixtures of the tests of images: small chunks, and a low cut-off between the methods."""

from __future__ import annotations

from typing import Any

import pytest

from tests.images.support import CHUNK


@pytest.fixture(scope="module")
def small_chunks() -> Any:
    """Make fewer candidates at once: it is quicker, and requests cross the borders of chunks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ganaug.images.sampling.CHUNK_VALUES", CHUNK * 64)
        yield


@pytest.fixture
def low_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make 30 images enough for a generator that invents: a test of the cut-off needs no more."""
    monkeypatch.setattr("ganaug.images.plan.ANCHOR_BELOW", 30)
