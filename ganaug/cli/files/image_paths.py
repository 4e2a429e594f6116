"""Images that a Parquet file names by their path: files beside it."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath
from typing import Any

from ganaug.errors import InvalidInputError

_AT_ONCE = 256
"""Rows rewritten at a time. An Arrow array of binary values holds 2 GiB, so 8 MiB an image."""


def named_files(column: Any) -> Iterator[tuple[int, str]]:
    """Yield row and path of the images that the column names without their bytes."""
    import pyarrow.compute as pc

    missing = pc.struct_field(column, "bytes").is_null().to_pylist()
    paths = pc.struct_field(column, "path").to_pylist()
    for row, (no_bytes, path) in enumerate(zip(missing, paths, strict=True)):
        if no_bytes and path:
            yield row, path


def check_paths(name: str, column: Any) -> None:
    """Check that all paths stay inside the folder of the Parquet file.

    A file from elsewhere could otherwise name any image on this machine, which would then be
    copied into the result.

    Raises
    ------
    InvalidInputError
        If one does not.
    """
    for row, path in named_files(column):
        # Backslashes separate folders on Windows, where the file may have been written.
        plain = posixpath.normpath(path.replace("\\", "/"))
        absolute = plain.startswith("/") or PureWindowsPath(path).drive
        if absolute or plain.split("/")[0] == "..":
            raise InvalidInputError(
                f"{name} row {row} names an image outside its folder: {path!r}. Only files in the "
                "folder of the Parquet file are read; move the image there, or store its bytes."
            )


def files_digest(folder: Path, column: Any) -> str:
    """Return a hash of the content of all named files; empty if no file is named."""
    whole = hashlib.sha256()
    paths = sorted({path for _, path in named_files(column)})
    for path in paths:
        file = folder / path
        inside = hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "missing"
        whole.update(f"{path}\0{inside}\0".encode())
    return whole.hexdigest() if paths else ""


def embedded(folder: Path, column: Any) -> Any:
    """Return the column with the bytes of the named files that exist."""
    import pyarrow as pa

    def filled(value: Any) -> Any:
        if value is None or value["bytes"] is not None or not value["path"]:
            return value
        file = folder / value["path"]
        return {**value, "bytes": file.read_bytes()} if file.is_file() else value

    if not any(True for _ in named_files(column)):
        return column
    chunks = [
        pa.array(map(filled, column.slice(start, _AT_ONCE).to_pylist()), column.type)
        for start in range(0, len(column), _AT_ONCE)
    ]
    return pa.chunked_array(chunks, column.type)
