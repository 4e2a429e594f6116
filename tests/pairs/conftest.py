"""Fixtures of the tests of pairs: an augmenter that is fitted once in each file."""

from __future__ import annotations

import pytest

from ganaug import Pix2PixAugmenter
from tests.pairs.support import fitted_to_rgb


@pytest.fixture(scope="module")
def fitted() -> Pix2PixAugmenter:
    return fitted_to_rgb()
