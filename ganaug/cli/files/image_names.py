"""Names and content of the files of synthetic images."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Sequence
from typing import Any

from ganaug.cli.files.tables import MARK

_LONGEST = 200
"""Most bytes in the name of a folder; most file systems allow 255."""


def png_bytes(pixels: Any) -> bytes:
    """Return an image, in the form that ``load_images`` returns, as a PNG file."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def file_names(first: int, count: int) -> list[str]:
    """Return the names of the synthetic images of a class."""
    width = max(4, len(str(first + count - 1)))
    return [f"synthetic_{number:0{width}d}.png" for number in range(first, first + count)]


def folder_name(label: Any) -> str:
    """Return the name of the folder of a class; no two classes have the same.

    Characters that a name must not have, and ``%``, are written in hexadecimal, such as ``%2F``. A
    name that is too long for a file system ends with a hash.
    """
    text = str(label)
    name = re.sub(r"[%/\0]|^\.", lambda m: f"%{ord(m[0]):02X}", text) or "%"
    if len(name.encode()) <= _LONGEST:
        return name
    start = name.encode()[: _LONGEST - 20].decode(errors="ignore")  # room for %- and 16 digits
    return f"{start}%-{hashlib.sha256(text.encode()).hexdigest()[:16]}"  # no other name has %-


def manifest_csv(rows: Sequence[tuple[str, Any, bool]]) -> bytes:
    """Return a table of files, their classes, and whether they are synthetic."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "class", MARK])
    writer.writerows(rows)
    return text.getvalue().encode()
