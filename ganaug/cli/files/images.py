"""Images in files: a folder with a folder for each class, or a Parquet file as of Hugging Face.

A source is a dataset of (image, class number) for :func:`ganaug.vision.load_images`. Synthetic
images are written as files beside copies of the originals, or as further rows.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ganaug.cli.files.image_names import folder_name
from ganaug.cli.files.image_paths import check_paths, embedded, files_digest
from ganaug.cli.files.kinds import HUGGINGFACE, features_of, image_columns
from ganaug.cli.files.tables import MARK, arrow_bytes, longer_range
from ganaug.errors import ConfigError, InvalidInputError, NotAvailableError, did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa
    from PIL import Image

_OURS = b"ganaug"
_SPLITS = {"test", "train", "val", "valid", "validation"}
_NAME = re.compile(r"synthetic_(\d+)\.png")

MadeFiles = Mapping[Any, Sequence[Path]]
"""Files of the synthetic images of each class."""


class Source(Protocol):
    """Images and their classes, in files."""

    name: str
    labels: list[Any]
    """Label of each class number, as users see it."""
    dataset: Any
    """Items for ``load_images``."""

    def digest(self) -> str:
        """Return a hash of the images and their names."""

    def first_number(self, label: Any) -> int:
        """Return the number in the name of the first synthetic file of a class."""

    def folder(self, label: Any) -> str:
        """Return the name of the folder of synthetic files of a class."""


# ------------------------------------------------------------------ folders


class FolderSource:
    """A folder with a folder of images for each class.

    Parameters
    ----------
    path : Path
    rgb : bool
        Read every image as RGB.
    """

    def __init__(self, path: Path, rgb: bool) -> None:
        need_vision()
        from ganaug.vision.folders import open_file, open_folder

        self.name, self.path = str(path), path
        self.dataset = open_folder(path)
        if rgb:
            self.dataset.loader = lambda file: open_file(file).convert("RGB")
        self.labels: list[Any] = list(self.dataset.classes)
        if set(self.labels) <= _SPLITS:
            raise InvalidInputError(
                f"The folders in {path} are called {', '.join(self.labels)}: parts of a dataset, "
                f"not classes. Name one of them: {path / self.labels[-1]}."
            )
        self.files = [Path(file) for file, _ in self.dataset.samples]

    def digest(self) -> str:
        """Return a hash of the names and the content of all images."""
        whole = hashlib.sha256()
        for file in self.files:
            inside = hashlib.sha256(file.read_bytes()).hexdigest()
            whole.update(f"{file.relative_to(self.path).as_posix()}\0{inside}\0".encode())
        return whole.hexdigest()

    def first_number(self, label: Any) -> int:
        """Return the number after those of synthetic files from earlier runs."""
        names = [file.name for file in self.files if file.relative_to(self.path).parts[0] == label]
        return 1 + max((int(m[1]) for name in names if (m := _NAME.fullmatch(name))), default=0)

    def folder(self, label: Any) -> str:
        """Return the name of the folder of the originals."""
        return str(label)


# ------------------------------------------------------------------ Parquet


class ParquetSource:
    """A Parquet file with images as Hugging Face stores them: struct<bytes, path>.

    Parameters
    ----------
    path : Path
    target : str
        Column of the classes.
    image_column : str or None
        Required if there are several columns of images.
    rgb : bool
        Read every image as RGB.
    """

    def __init__(self, path: Path, target: str, image_column: str | None, rgb: bool) -> None:
        need_vision()
        import pyarrow.parquet as pq

        self.name, self.path, self.target = str(path), path, target
        file = pq.ParquetFile(path)
        self.group = file.metadata.row_group(0).num_rows if file.metadata.num_row_groups else None
        self.arrow = file.read()
        self.image_column = _choose_column(self.name, self.arrow.schema, image_column)
        if target not in self.arrow.column_names or target == self.image_column:
            others = [name for name in self.arrow.column_names if name != self.image_column]
            raise InvalidInputError(
                f"{path} has no column {target!r} of classes; {did_you_mean(target, others)}"
            )
        names = features_of(self.arrow.schema).get(target, {}).get("names")
        values = self.arrow.column(target).to_pylist()
        rows = [i for i, value in enumerate(values) if not _unlabelled(value, names)]
        present = sorted({values[i] for i in rows})
        self.values = dict(zip(present, present, strict=True))
        if names is not None:
            if present and present[-1] >= len(names):
                raise InvalidInputError(
                    f"{path}: {target!r} holds the class {present[-1]}, and its metadata name "
                    f"{len(names)} classes."
                )
            self.values = {names[value]: value for value in present}
        self.labels: list[Any] = list(self.values)
        numbers = {value: number for number, value in enumerate(present)}
        column = self.arrow.column(self.image_column)
        check_paths(self.name, column)
        codes = [numbers[values[i]] for i in rows]
        self.dataset = _Rows(path, column, rows, codes, rgb)

    def digest(self) -> str:
        """Return a hash of the file and of the images that it names."""
        column = self.arrow.column(self.image_column)
        with self.path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        return content + files_digest(self.path.parent, column)

    def first_number(self, label: Any) -> int:
        """Return 1: in rows, the names of files need not differ from earlier ones."""
        return 1

    def folder(self, label: Any) -> str:
        """Return a valid name for any class."""
        return folder_name(label)

    def empty_columns(self, mark: bool) -> list[str]:
        """Return the columns that are empty in synthetic rows.

        Raises
        ------
        InvalidInputError, ConfigError
            If one of them must not be empty, or has the name of the mark.
        """
        if mark and MARK in self.arrow.column_names:
            raise ConfigError(f"{self.name} already has a column {MARK!r}; leave out --mark.")
        known = (self.image_column, self.target)
        others = [field for field in self.arrow.schema if field.name not in known]
        for field in others:
            if not field.nullable:
                raise InvalidInputError(
                    f"Column {field.name!r} of {self.name} may not be empty, and synthetic rows "
                    "have no value for it. Drop it, or declare it nullable."
                )
        return [field.name for field in others]

    def extended(
        self, made: MadeFiles, fingerprint: str, result: Path, *, originals: bool, mark: bool
    ) -> bytes:
        """Return a Parquet file of the original rows and of the new images.

        In another folder the paths of images would be wrong, so the images themselves go into the
        rows there.
        """
        import pyarrow as pa

        old = self.arrow if originals else self.arrow.slice(0, 0)
        if result.absolute().parent.resolve() != self.path.absolute().parent.resolve():
            at = old.column_names.index(self.image_column)
            images = embedded(self.path.parent, old.column(at))
            old = old.set_column(at, old.schema.field(at), images)
        pictures = [
            {"bytes": file.read_bytes(), "path": f"{file.parent.name}_{file.name}"}
            for label, files in made.items()
            for file in files
        ]
        classes = [self.values[label] for label, files in made.items() for _ in files]
        arrays = [self._column(field, pictures, classes) for field in self.arrow.schema]
        rows = pa.Table.from_arrays(arrays, schema=self.arrow.schema)
        whole = pa.concat_tables([old, rows]).unify_dictionaries()
        metadata = dict(longer_range(whole) or {})
        if mark:
            flags = [False] * len(old) + [True] * len(rows)
            whole = whole.append_column(MARK, pa.array(flags))
            _add_feature(metadata, MARK, {"dtype": "bool", "_type": "Value"})
        metadata[_OURS] = json.dumps({"fingerprint": fingerprint}).encode()
        return arrow_bytes(whole.replace_schema_metadata(metadata), self.group)

    def _column(self, field: pa.Field, pictures: list[Any], classes: list[Any]) -> Any:
        import pyarrow as pa

        if field.name == self.image_column:
            return pa.array(pictures, type=field.type)
        if field.name == self.target:
            return pa.array(classes).cast(field.type)
        return pa.nulls(len(classes), field.type)


class _Rows:
    """Rows of a Parquet file as a dataset of (image, class number)."""

    def __init__(self, path: Path, column: Any, rows: list[int], codes: list[int], rgb: bool):
        self.folder, self.column, self.rows, self.rgb = path.parent, column, rows, rgb
        self.targets = codes
        names = [f"{path} row {row}" for row in rows]
        self.samples = list(zip(names, codes, strict=True))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        from PIL import Image

        value = self.column[self.rows[index]].as_py() or {}
        if value.get("bytes") is not None:
            image = Image.open(io.BytesIO(value["bytes"]))
        elif value.get("path"):
            image = Image.open(self.folder / value["path"])
        else:
            raise OSError("there is no image")
        image.load()
        return (image.convert("RGB") if self.rgb else image), self.targets[index]


def _unlabelled(value: Any, names: list[str] | None) -> bool:
    """Return whether a row has no class, which Hugging Face writes as -1."""
    return value is None or (names is not None and value < 0)


def _add_feature(metadata: dict[bytes, bytes], name: str, feature: dict[str, str]) -> None:
    if HUGGINGFACE in metadata:
        document = json.loads(metadata[HUGGINGFACE])
        document.get("info", {}).get("features", {})[name] = feature
        metadata[HUGGINGFACE] = json.dumps(document).encode()


def _choose_column(name: str, schema: Any, wanted: str | None) -> str:
    found = image_columns(schema)
    if wanted is not None and wanted not in found:
        raise ConfigError(f"--image: {name} has no images in {wanted!r}; it has {found}.")
    if wanted is None and len(found) > 1:
        raise ConfigError(f"{name} has images in several columns, {found}: choose one by --image.")
    return found[0] if wanted is None else wanted


def finished_fingerprint(path: Path) -> str:
    """Return the fingerprint of the run that wrote a Parquet file; empty for other files."""
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_schema(path).metadata or {}
        return str(json.loads(metadata[_OURS])["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


# ------------------------------------------------------------------ images


def need_vision() -> None:
    """Raise `NotAvailableError` if the libraries that read images are missing."""
    try:
        import ganaug.vision  # noqa: F401
    except ImportError:
        raise NotAvailableError(
            "Reading images needs torchvision and Pillow: pip install 'ganaug[vision]'"
        ) from None
