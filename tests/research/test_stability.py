"""The runs of the stabilisers: possible recipes, each beside its base; a divergence is a row."""

from __future__ import annotations

import pandas as pd
import pytest

pytest.importorskip("PIL", reason="the image benchmarks need the extra 'vision'")

from ganaug import DivergenceError
from research import stability
from research.stability import Arm


@pytest.mark.parametrize("group", stability.GROUPS)
def test_every_arm_is_a_recipe_of_its_own_and_its_base_is_in_the_group(group):
    arms = stability.GROUPS[group]
    assert len({stability.key(arm, 400, 1500) for arm in arms}) == len(arms)
    alone = {arm.name for arm in arms if arm.name.startswith("healthy")}
    assert {arm.base for arm in arms if arm.name not in alone} - {"dcgan"} <= {a.name for a in arms}


def test_a_score_answers_for_its_own_steps_and_images_alone():
    keys = {stability.key(Arm("dcgan"), *size) for size in ((400, 1500), (401, 1500), (400, 1501))}
    assert len(keys) == 3


def test_a_divergence_is_a_result(monkeypatch):
    def diverges(*args, **options):
        raise DivergenceError("the loss is not a number")

    monkeypatch.setattr(stability._gans, "learn", diverges)
    found = stability.measure(None, Arm("divergence"), 0, 1)
    assert found == {"diverged": "the loss is not a number"}


def test_the_table_pairs_each_arm_with_its_base_by_seed():
    rows = [
        {"arm": name, "seed": seed, "recognised_held_out": share + seed / 10, "signals": signals}
        for name, share, signals in (("dcgan", 0.5, []), ("pac 2", 0.53, ["mode_collapse"]))
        for seed in range(3)
    ]
    rows.append({"arm": "divergence", "seed": 0, "diverged": "not a number"})
    arms = [Arm("dcgan"), Arm("pac 2"), Arm("divergence")]
    lines = stability.table(pd.DataFrame(rows), arms).splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert [line[-2:] for line in cells] == [
        ["-", "none"],
        ["+3.0 [+3.0, +3.0]", "mode_collapse"],
        ["-", "divergence"],
    ]
