"""Folders of images: one folder of files for each class."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from PIL import Image
from torchvision.datasets import DatasetFolder
from torchvision.datasets.folder import IMG_EXTENSIONS

from ganaug.errors import InvalidInputError

UNREADABLE = (OSError, SyntaxError, EOFError, ValueError, RuntimeError, struct.error, zlib.error)
"""Exceptions that the decoders of PIL raise for damaged files."""


class _Folder(DatasetFolder):
    """A folder per class, whose files are read without conversion. Hidden files are left out."""

    def find_classes(self, directory: str | Path) -> tuple[list[str], dict[str, int]]:
        found = sorted(p.name for p in Path(directory).iterdir() if p.is_dir())
        names = [name for name in found if not name.startswith(".")]
        if not names:
            raise FileNotFoundError(f"there is no folder of a class in {directory}")
        return names, {name: code for code, name in enumerate(names)}


def open_folder(path: Path) -> _Folder:
    """Return a dataset of unconverted PIL images and class numbers, from one folder per class.

    Raises
    ------
    InvalidInputError
        If there is no folder of a class, or one has no images.
    """
    try:
        return _Folder(str(path), loader=open_file, is_valid_file=_is_image)
    except OSError as error:
        raise InvalidInputError(
            f"No images can be read from {path}: {error}. It must have one folder per class, with "
            f"images in it ({', '.join(IMG_EXTENSIONS)})."
        ) from None


def _is_image(path: str) -> bool:
    name = Path(path).name.lower()
    return name.endswith(IMG_EXTENSIONS) and not name.startswith(".")


def open_file(path: str) -> Image.Image:
    """Return a decoded image."""
    with Path(path).open("rb") as file:
        image = Image.open(file)
        image.load()
        return image
