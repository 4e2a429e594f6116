"""The ablation on images: what it may look at, and that its arms are possible recipes."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("PIL", reason="the image benchmarks need the extra 'vision'")
ROOT = Path(__file__).resolve().parents[2]
if not (ROOT / "research").is_dir():
    pytest.skip("the benchmarks are not in a source distribution", allow_module_level=True)
sys.path.insert(0, str(ROOT))

from benchmarks._images_data import ImageSet  # noqa: E402
from research import images_ablation as ablation  # noqa: E402


@pytest.fixture
def digits() -> ImageSet:
    """Return 300 noise images of two common classes and 20 of a rare one; test images of 255."""
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 1, 2], [300, 300, 20])
    images = rng.integers(0, 200, (len(codes), 12, 12), dtype=np.uint8)
    test = np.full((9, 12, 12), 255, np.uint8)
    return ImageSet("mnist", images, codes, test, np.repeat([0, 1, 2], 3), ("2", "5", "7"), "x")


def test_the_test_images_are_never_looked_at(digits):
    part = ablation.development(digits, ("2",), seed=0)
    assert part.images.max() < 255
    assert part.test_images.max() < 255
    assert part.classes == ("2", "5")
    assert part.counts == [ablation.LEFT, 300 - ablation.HELD_OUT]
    assert np.bincount(part.test_codes).tolist() == [300 - ablation.LEFT, ablation.HELD_OUT]


def test_no_image_is_trained_on_and_judged(digits):
    part = ablation.development(digits, ("2",), seed=1)
    both = {image.tobytes() for image in part.images} & {i.tobytes() for i in part.test_images}
    assert not both


@pytest.mark.parametrize("group", ablation.GROUPS)
def test_every_arm_is_a_recipe_and_differs_from_the_first(group):
    own = ablation.GROUPS[group]
    changed = [own.recipe(arm) for arm in own.arms]
    assert len({str(r.to_dict() | {"name": ""}) for r in changed}) == len(own.arms)


def test_the_table_pairs_the_arms_by_split_and_seed():
    rows = pd.DataFrame(
        [
            {"arm": arm, "split": "A", "seed": seed, "balanced": score + seed / 10, "rare": 0.5}
            for arm, score in (("warp", 0.5), ("other", 0.49))
            for seed in range(3)
        ]
    )
    text = ablation.table(rows, "warp")
    assert "-1.00 [-1.00, -1.00]" in text
