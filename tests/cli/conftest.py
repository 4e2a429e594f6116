"""Fixtures of the tests of the command line: a small table, a model, and images in files.

What needs an extra is imported where it is used: it may be missing.
"""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Return a CSV file of 40 rows, 8 of them rare."""
    from tests.cli.tables import make_text

    path = tmp_path / "train.csv"
    path.write_bytes(make_text().encode())
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model fitted on the table of :func:`make_text`."""
    from tests.cli.tables import QUICK, done, make_text

    folder = tmp_path_factory.mktemp("model")
    (folder / "train.csv").write_text(make_text())
    out = folder / "saved"
    done("fit", folder / "train.csv", "-t", "label", "-o", out, *QUICK)
    return out


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of digits, PNG and JPEG, one of them deeper, and a note."""
    from tests.cli.images import write_folder

    return write_folder(tmp_path / "train")


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    """Return a Parquet file of images in several row groups, with a column of notes."""
    from tests.cli.images import write_parquet

    return write_parquet(tmp_path / "train.parquet")
