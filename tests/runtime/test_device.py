"""The device that is asked for is possible, or the error says what to set."""

from __future__ import annotations

import numpy as np
import pytest

from ganaug import ConfigError, GANAugmenter, Pix2PixAugmenter


def test_images_are_refused_on_mps_wherever_it_is_or_not() -> None:
    images = np.random.default_rng(0).random((10, 8, 8))
    with pytest.raises(ConfigError, match="not possible on MPS"):
        Pix2PixAugmenter(device="mps").fit(images, 1 - images)
    with pytest.raises(ConfigError, match="not possible on MPS"):
        GANAugmenter(device="mps").fit(images, [0, 1] * 5)
