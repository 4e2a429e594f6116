"""Tables in CSV, TSV and Parquet files, by their extension."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ganaug.cli.files.csv_text import CsvText, read_csv, render_rows, write_rows
from ganaug.cli.files.kinds import kind_of
from ganaug.cli.files.text_columns import TextFormat
from ganaug.errors import ArtifactError, ConfigError, InvalidInputError
from ganaug.storage.files import check_writable, write_output

if TYPE_CHECKING:
    import pandas as pd

MARK = "is_synthetic"
SPEC = "table.json"
_MODEL = "config.json"


@dataclass(frozen=True)
class TableSpec:
    """What a saved model does not store of its table: the target's name and place, and the formats.

    Parameters
    ----------
    columns : list of str
        All columns in order.
    target : str
    formats : list of TextFormat or None
        Format of each column of a text file; None for Parquet.
    """

    columns: list[str]
    target: str
    formats: list[TextFormat] | None


class Table(Protocol):
    """A table that was read from a file."""

    name: str
    frame: pd.DataFrame

    def extended(self, new: pd.DataFrame, mark: bool, output: str) -> bytes:
        """Return the content of ``output``: the original table, then the new rows."""

    def spec(self, target: str) -> TableSpec:
        """Return what :func:`save_spec` stores."""


class CsvTable:
    """A CSV or TSV file. Its original rows are never converted."""

    def __init__(self, text: CsvText, name: str) -> None:
        self.name, self.text = name, text
        self.frame = text.frame()

    def extended(self, new: pd.DataFrame, mark: bool, output: str) -> bytes:
        """Return the original bytes of the file, then the new rows."""
        kind = "csv" if output == "-" else kind_of(output)
        if kind == "parquet":
            return _parquet_bytes(_stacked(self.frame, new, mark))
        delimiter = self.text.delimiter
        if kind == "tsv":
            delimiter = "\t"
        elif delimiter == "\t" and output != "-":
            delimiter = ","
        return self.text.extended(new, MARK if mark else None, delimiter)

    def spec(self, target: str) -> TableSpec:
        """Return the columns and their text formats."""
        return TableSpec(self.text.header, target, self.text.formats)


class ParquetTable:
    """A Parquet file. Its original rows are never converted."""

    def __init__(self, path: str) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.name = path
        try:
            self.arrow = pq.read_table(path)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise InvalidInputError(f"{path} is not a Parquet file: {error}") from None
        names = self.arrow.column_names
        if len(set(names)) < len(names):
            raise InvalidInputError(f"{path} has columns of the same name.")
        stored = (self.arrow.schema.pandas_metadata or {}).get("index_columns", [])
        self.index = stored[0] if len(stored) == 1 and stored[0] in names else None
        self.frame = self._frame()

    def _frame(self) -> pd.DataFrame:
        """Return the table as data; integers with missing values stay integers."""
        import pandas as pd

        columns = {name: self._column(name) for name in self.arrow.column_names}
        index = None if self.index is None else pd.Index(columns.pop(self.index))
        frame = pd.DataFrame(columns)
        return frame if index is None else frame.set_axis(index)

    def _column(self, name: str) -> pd.Series:
        import pyarrow as pa

        column = self.arrow.column(name)
        if pa.types.is_decimal(column.type):
            column = column.cast(pa.float64())
        mapper = _nullable().get if column.null_count else None
        return column.to_pandas(types_mapper=mapper, date_as_object=False)

    def extended(self, new: pd.DataFrame, mark: bool, output: str) -> bytes:
        """Return the original rows and the new ones, in the types of the file."""
        if output == "-" or kind_of(output) != "parquet":
            return _csv_text(_stacked(self.frame, new, mark), output)
        import pyarrow as pa

        arrays = [
            pa.array(new.index if field.name == self.index else new[field.name], from_pandas=True)
            for field in self.arrow.schema
        ]
        types = self.arrow.schema.types
        cast = [array.cast(kind, safe=False) for array, kind in zip(arrays, types, strict=True)]
        rows = pa.Table.from_arrays(cast, schema=self.arrow.schema)
        whole = pa.concat_tables([self.arrow, rows]).unify_dictionaries()
        whole = whole.replace_schema_metadata(longer_range(whole))
        if mark:
            flags = [False] * len(self.arrow) + [True] * len(rows)
            whole = whole.append_column(MARK, pa.array(flags))
        return arrow_bytes(whole)

    def spec(self, target: str) -> TableSpec:
        """Return the columns."""
        return TableSpec(self.frame.columns.tolist(), target, None)


def longer_range(whole: Any) -> dict[bytes, bytes] | None:
    """Return the schema's metadata; the range that is pandas' index gets the table's length."""
    metadata = whole.schema.metadata
    pandas = whole.schema.pandas_metadata
    if not pandas:
        return metadata
    for index in pandas.get("index_columns", []):
        if isinstance(index, dict) and index.get("kind") == "range":
            index["stop"] = index["start"] + index["step"] * len(whole)
    return {**metadata, b"pandas": json.dumps(pandas).encode()}


def _nullable() -> dict[Any, Any]:
    """Return pandas dtypes that hold missing values without becoming floats or objects."""
    import pandas as pd
    import pyarrow as pa

    numbers = {
        getattr(pa, f"{kind.lower()}{bits}")(): pd.api.types.pandas_dtype(f"{kind}{bits}")
        for kind in ("Int", "UInt")
        for bits in (8, 16, 32, 64)
    }
    return {**numbers, pa.bool_(): pd.BooleanDtype()}


def read(path: str, encoding: str = "utf-8") -> Table:
    """Read a table; ``-`` is CSV from standard input.

    Raises
    ------
    InvalidInputError
        If the content is not a table.
    OSError
        If the file cannot be read.
    """
    if path == "-":
        name, raw, delimiter = "standard input", sys.stdin.buffer.read(), None
        return CsvTable(read_csv(raw, name, encoding, delimiter), name)
    kind = kind_of(path)
    if kind == "parquet":
        with Path(path).open("rb"):  # raises the system's error, where pyarrow's is less clear
            return ParquetTable(path)
    delimiter = "\t" if kind == "tsv" else None
    return CsvTable(read_csv(Path(path).read_bytes(), path, encoding, delimiter), path)


def check_output(output: str, source: str, force: bool) -> None:
    """Raise `ConfigError`, before any work, if the output cannot be written or is the input."""
    if output == "-":
        return
    kind_of(output)
    path = Path(output)
    check_writable(path)
    same = source != "-" and path.exists() and Path(source).exists() and path.samefile(source)
    if same and not force:
        raise ConfigError(f"{output} is the input file; --force overwrites it.")


def check_folder(folder: Path, force: bool) -> None:
    """Raise `ConfigError`, before any work, if a folder holds other files than a model."""
    if str(folder) == "-":
        raise ConfigError("A model cannot go to standard output; name a folder.")
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file; name a folder.")
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    if not (folder / _MODEL).exists():
        if force:
            return
        raise ConfigError(f"{folder} has other files in it; --force saves the model there anyway.")
    try:
        config = json.loads((folder / _MODEL).read_bytes())
        ours = str(config.get("kind", "")).startswith("ganaug.")
    except (OSError, ValueError, AttributeError):
        ours = False
    if not ours:
        raise ConfigError(f"{folder / _MODEL} belongs to another program; name another folder.")


def check_mark(table: Table, mark: bool) -> None:
    """Raise `ConfigError` if the table already has a column of the mark's name."""
    if mark and MARK in table.frame.columns:
        raise ConfigError(
            f"{table.name} already has a column {MARK!r}; drop it, or leave out --mark."
        )


def save_spec(folder: Path, spec: TableSpec) -> None:
    """Save the names and formats of the columns beside the model."""
    formats = None if spec.formats is None else [form.to_dict() for form in spec.formats]
    document = {"columns": spec.columns, "target": spec.target, "formats": formats}
    write_output(str(folder / SPEC), json.dumps(document, indent=1).encode())


def load_spec(folder: Path) -> TableSpec | None:
    """Return what :func:`save_spec` saved; None for a model saved by Python code.

    Raises
    ------
    ArtifactError
        If the file is damaged.
    """
    try:
        raw = (folder / SPEC).read_bytes()
    except FileNotFoundError:
        return None
    try:
        data = json.loads(raw)
        columns, target, formats = data["columns"], data["target"], data["formats"]
        if formats is not None:
            formats = [TextFormat.from_dict(form) for form in formats]
        named = isinstance(columns, list) and all(isinstance(name, str) for name in columns)
        fits = formats is None or len(formats) == len(columns)
        if not named or target not in columns or not fits:
            raise ValueError("the columns do not fit")
    except (ValueError, TypeError, KeyError) as error:
        raise ArtifactError(f"{folder / SPEC} is damaged: {error!r}.") from None
    return TableSpec(columns, target, formats)


def sampled_frame(X: Any, y: Any, spec: TableSpec | None, target: str | None) -> pd.DataFrame:
    """Return sampled rows as a table, with the columns and the order of the training table."""
    import pandas as pd

    frame = X.copy() if isinstance(X, pd.DataFrame) else pd.DataFrame(X).add_prefix("x")
    frame.columns = [str(name) for name in frame.columns]
    features = frame.columns.tolist()
    name, place = target or "target", len(features)
    if spec is not None:
        if [c for c in spec.columns if c != spec.target] != features:
            raise ArtifactError(f"{SPEC} does not belong to this model: it names other columns.")
        name, place = target or spec.target, spec.columns.index(spec.target)
    if name in features:
        raise ConfigError(f"{name!r} is the name of a feature; name the class column by --target.")
    frame.insert(place, name, y)
    return frame


def encode(frame: pd.DataFrame, output: str, spec: TableSpec | None) -> bytes:
    """Return the content of a file of new rows."""
    if output != "-" and kind_of(output) == "parquet":
        return _parquet_bytes(frame)
    if spec is None or spec.formats is None:
        return _csv_text(frame, output)
    rows = [frame.columns.tolist(), *render_rows(frame, spec.formats)]
    return write_rows(rows, _delimiter(output), "\n").encode()


def _delimiter(output: str) -> str:
    return "\t" if output != "-" and kind_of(output) == "tsv" else ","


def _csv_text(frame: pd.DataFrame, output: str) -> bytes:
    return frame.to_csv(index=False, sep=_delimiter(output), lineterminator="\n").encode()


def _stacked(old: pd.DataFrame, new: pd.DataFrame, mark: bool) -> pd.DataFrame:
    import pandas as pd

    whole = pd.concat([old, new], ignore_index=True)
    return whole.assign(**{MARK: whole.index >= len(old)}) if mark else whole


def _parquet_bytes(frame: pd.DataFrame) -> bytes:
    import pyarrow as pa

    return arrow_bytes(pa.Table.from_pandas(frame, preserve_index=False))


def arrow_bytes(table: Any, rows_in_group: int | None = None) -> bytes:
    """Return an Arrow table as a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, row_group_size=rows_in_group)
    return bytes(sink.getvalue().to_pybytes())
