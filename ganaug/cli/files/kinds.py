"""What a file or folder holds: a table or images, and in which format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ganaug.errors import InvalidInputError

HUGGINGFACE = b"huggingface"
"""Key in the metadata of Parquet files that Hugging Face datasets write: the types of columns."""

PARQUET = (".parquet", ".pq")
_KINDS = {
    **{".csv": "csv", ".txt": "csv", ".tsv": "tsv", ".tab": "tsv"},
    **dict.fromkeys(PARQUET, "parquet"),
}


def features_of(schema: Any) -> dict[str, Any]:
    """Return the description of the columns in Hugging Face's metadata; empty without them."""
    try:
        document = json.loads((schema.metadata or {}).get(HUGGINGFACE, b"{}"))
        features = document["info"]["features"]
        return features if isinstance(features, dict) else {}
    except (ValueError, KeyError, TypeError):
        return {}


def image_columns(schema: Any) -> list[str]:
    """Return the columns that hold images, by their types and metadata."""
    import pyarrow as pa

    features = features_of(schema)
    found = []
    for field in schema:
        kind = features.get(field.name, {"_type": "Image"})
        parts = {part.name for part in field.type} if pa.types.is_struct(field.type) else set()
        if parts == {"bytes", "path"} and isinstance(kind, dict) and kind.get("_type") == "Image":
            found.append(field.name)
    return found


def holds_images(path: str) -> bool:
    """Return whether a path is a folder, or a Parquet file with a column of images."""
    if path == "-":
        return False
    if Path(path).is_dir():
        return True
    if Path(path).suffix.lower() not in PARQUET or not Path(path).is_file():
        return False
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return bool(image_columns(pq.read_schema(path)))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError):
        return False  # the reader of tables raises the error


def kind_of(path: str) -> str:
    """Return csv, tsv or parquet.

    Raises
    ------
    InvalidInputError
        If the extension is unknown.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _KINDS:
        raise InvalidInputError(
            f"{path}: the extension {suffix!r} is none of .csv, .tsv and .parquet."
        )
    return _KINDS[suffix]
