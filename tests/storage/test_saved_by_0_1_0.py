"""Folders and pools saved by version 0.1.0 load, and give the samples that they gave.

Each folder in ``saved_by_0_1_0`` is a model of that version: ``config.json`` as it was written,
``arrays.json`` from which :mod:`tests.storage.rebuilt` makes the weights, and in ``expected.json``
what that version made of exactly these weights. A change that makes a test here fail takes saved
models away from their users.

When the format changes, these files stay as they are. Run ``write_saved_folders.py`` with the
first version of the new format on a new folder ``saved_by_VERSION``, and add the folder to
``FOLDERS``.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganaug import SyntheticPool
from tests.storage.rebuilt import array_of, read_json, rebuild, rebuild_pool, results

FOLDERS = ("saved_by_0_1_0",)
HERE = Path(__file__).parent
CASES = [path.parent for name in FOLDERS for path in sorted((HERE / name).glob("*/config.json"))]
POOLS = [path.parent for name in FOLDERS for path in sorted((HERE / name).glob("*/pool.json"))]

TOLERANCE = 1e-4
"""Of a number, as a share of it: processors round differently."""

MOST_BYTES = 150_000


def name_of(case: Path) -> str:
    return case.name


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_a_saved_folder_gives_the_samples_that_it_gave(case: Path, tmp_path: Path) -> None:
    rebuild(case, tmp_path / "model")
    expected = read_json(case / "expected.json")
    request = expected.pop("request")
    assert_same(results(tmp_path / "model", request), expected, case.name)


@pytest.mark.parametrize("case", POOLS, ids=name_of)
def test_a_saved_pool_has_the_images_that_it_had(case: Path, tmp_path: Path) -> None:
    rebuild_pool(case, tmp_path / "some.pool")
    pool = SyntheticPool.load(tmp_path / "some.pool")
    images = array_of("images", read_json(case / "pool.json")["images"])
    np.testing.assert_array_equal(pool.images.numpy(), images)
    assert pool.targets == ["cat", "cat", "owl", "owl", "owl"]
    assert pool.classes == ["owl", "cat", "elk"]
    np.testing.assert_array_equal(pool.draw("owl", 0.5).numpy(), images[3])


def test_every_kind_of_model_is_there() -> None:
    folder = HERE / "saved_by_0_1_0"
    kinds = {"table_auto", "table_cgan", "table_gan", "images_auto", "images_dcgan"}
    assert {case.name for case in CASES if case.parent == folder} == {
        *kinds, "images_light", "pairs"
    }  # fmt: skip
    assert [case.parent for case in POOLS] == [folder]


@pytest.mark.parametrize("name", FOLDERS)
def test_the_files_are_small_and_hold_no_weights(name: str) -> None:
    files = [path for path in (HERE / name).rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".json"}
    assert sum(path.stat().st_size for path in files) < MOST_BYTES
    arrays = [item for case in CASES for item in read_json(case / "arrays.json").items()]
    learned = [k for k, data in arrays if k.endswith(("weight", "bias")) and "values" in data]
    assert not learned


def assert_same(found: Any, expected: Any, where: str) -> None:
    """Compare plain values: numbers with a tolerance, everything else exactly."""
    if isinstance(expected, dict):
        assert isinstance(found, dict), where
        assert list(found) == list(expected), where
        if "shape" in expected and len(expected["shape"]) > 2:
            assert_same_images(found, expected, where)
            return
        for key, value in expected.items():
            assert_same(found[key], value, f"{where}/{key}")
    elif isinstance(expected, list):
        assert isinstance(found, (list, tuple)), where
        assert len(found) == len(expected), where
        for place, (one, other) in enumerate(zip(found, expected, strict=True)):
            assert_same(one, other, f"{where}/{place}")
    elif isinstance(expected, float):
        close = isinstance(found, float) and math.isclose(found, expected, rel_tol=TOLERANCE)
        assert close, f"{where}: {found!r} instead of {expected!r}"
    else:
        same = type(found) is type(expected) and found == expected
        assert same, f"{where}: {found!r} instead of {expected!r}"


def assert_same_images(found: dict[str, Any], expected: dict[str, Any], where: str) -> None:
    """Compare images: a value may differ by one of 255 levels of grey."""
    assert (found["dtype"], found["shape"]) == (expected["dtype"], expected["shape"]), where
    level = 1.0 if np.issubdtype(expected["dtype"], np.integer) else 1 / 255
    gap = np.abs(np.subtract(found["values"], expected["values"], dtype=np.float64))
    assert gap.max() <= level, f"{where}: {gap.max() / level:.1f} levels"
