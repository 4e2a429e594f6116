"""Folders and Parquet files of images, for tests of the command line."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

pytest.importorskip("typer", reason="the command line needs the extra cli")
pytest.importorskip("torchvision", reason="images in files need the extra vision")
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from tests.cli.tables import call

COUNTS = {"eight": 6, "one": 12}


def refused(*arguments: Any, status: int = 1) -> str:
    result = call(*arguments)
    assert result.exit_code == status, (result.stderr, result.exception)
    assert "unexpected" not in result.stderr
    return str(result.stderr)


def pictures(digit: int, n: int) -> Any:
    pixels, digits = load_digits(return_X_y=True)
    return (pixels[digits == digit][:n] * 15.9).astype(np.uint8).reshape(-1, 8, 8)


def png(image: Any, form: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, form)
    return buffer.getvalue()


NAMES = ["zero", "one", "eight"]


def parquet_table(**extra: Any) -> Any:
    """Return images as Hugging Face stores them: class names, one row without a class."""
    rows = [(2, image) for image in pictures(8, 6)] + [(1, image) for image in pictures(1, 12)]
    labels = [label for label, _ in rows]
    labels[-1] = -1
    images = [
        {"bytes": png(image, "JPEG" if i % 3 == 0 else "PNG"), "path": f"{i}.png"}
        for i, (_, image) in enumerate(rows)
    ]
    features: dict[str, Any] = {
        "image": {"_type": "Image"},
        "label": {"names": NAMES, "_type": "ClassLabel"},
        **{name: {"dtype": "string", "_type": "Value"} for name in extra},
    }
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    columns = {"image": pa.array(images, kind), "label": pa.array(labels), **extra}
    document = json.dumps({"info": {"features": features}})
    return pa.table(columns).replace_schema_metadata({"huggingface": document, "mine": "kept"})


def write_folder(path: Path) -> Path:
    """Write digits as PNG and JPEG, one of them deeper, and a note."""
    for name, digit in (("eight", 8), ("one", 1)):
        (path / name / "more").mkdir(parents=True)
        for i, image in enumerate(pictures(digit, COUNTS[name])):
            where = path / name / ("more" if i == 3 else ".")
            Image.fromarray(image).save(where / f"{i}.{'jpg' if i % 2 else 'png'}")
    (path / "notes.txt").write_text("not an image")
    (path / ".cache").mkdir()
    return path


def write_parquet(path: Path) -> Path:
    """Write the images in several row groups, with a column of notes."""
    note = pa.array([f"n{i}" for i in range(18)])
    pq.write_table(parquet_table(note=note), path, row_group_size=7)
    return path


def files_in(path: Path) -> dict[str, bytes]:
    files = (file for file in path.rglob("*") if file.is_file())
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in files}


def images_in(path: Path) -> dict[str, bytes]:
    return {name: data for name, data in files_in(path).items() if "manifest" not in name}
