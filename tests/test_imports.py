"""``import ganaug`` is quick: heavy libraries load on first use."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

import ganaug

HEAVY = {
    "datasets",
    "huggingface_hub",
    "imblearn",
    "matplotlib",
    "numpy",
    "pandas",
    "pyarrow",
    "scipy",
    "sklearn",
    "torch",
    "torchvision",
    "tqdm",
    "typer",
}
LIMIT_SECONDS = 0.1


def import_times(statement: str) -> dict[str, float]:
    """Return the cumulative seconds of each module that a fresh interpreter imports."""
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", statement],
        check=True,
        capture_output=True,
        text=True,
    )
    line = re.compile(r"import time:\s+\d+ \|\s+(\d+) \|\s+(\S+)")
    return {name: int(micros) / 1e6 for micros, name in line.findall(run.stderr)}


def test_import_loads_nothing_heavy():
    loaded = {name.partition(".")[0] for name in import_times("import ganaug")}
    assert "ganaug" in loaded
    assert not loaded & HEAVY


def test_import_takes_less_than_a_tenth_of_a_second():
    # The best of several runs: a busy machine slows some of them, never all the code.
    best = min(import_times("import ganaug")["ganaug"] for _ in range(5))
    assert best < LIMIT_SECONDS


def test_errors_and_recipes_load_without_torch():
    loaded = {
        name.partition(".")[0]
        for name in import_times("import ganaug; ganaug.Recipe.preset('auto'); ganaug.ConfigError")
    }
    assert not loaded & HEAVY


def test_public_names_are_there():
    for name in ganaug.__all__:
        assert getattr(ganaug, name).__name__ == name
    assert set(ganaug.__all__) <= set(dir(ganaug))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'GanAugmenter'"):
        _ = ganaug.GanAugmenter


def test_static_and_lazy_exports_agree():
    # Type checkers read the TYPE_CHECKING block, the interpreter the table of homes.
    assert set(ganaug._HOME) == set(ganaug.__all__)
    assert len(set(ganaug.__all__)) == len(ganaug.__all__)
