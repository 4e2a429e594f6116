"""The ablation on images: what it may look at, and that its arms are possible recipes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("PIL", reason="the image benchmarks need the extra 'vision'")

from research import images_ablation as ablation
from tests.benchmarks.image_sets import noise_digits


def test_a_split_makes_the_named_classes_rare_and_sees_no_test_image():
    part = ablation.development(noise_digits(300, 12), ("2",), seed=0)
    assert part.images.max() < 255
    assert part.test_images.max() < 255
    assert part.classes == ("2", "5")
    assert part.counts == [ablation.LEFT, 300 - ablation.HELD_OUT]
    assert np.bincount(part.test_codes).tolist() == [300 - ablation.LEFT, ablation.HELD_OUT]


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
