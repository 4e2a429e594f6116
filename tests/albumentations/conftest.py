"""Fixtures of the tests of ganaug.albumentations: a folder with a pool of rare images."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.albumentations.support import save_pool


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pools")


@pytest.fixture(scope="module")
def path(folder: Path) -> Path:
    return save_pool(folder / "rare.pool")
