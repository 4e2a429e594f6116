"""CSV files as text: the bytes of the file do not change, and new rows are appended."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ganaug.cli.files.text_columns import TextFormat, read_column
from ganaug.errors import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd

# UTF-32 first: its little-endian mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# A field such as 3,14, in a file whose delimiter is not the comma.
_DECIMAL_COMMA = re.compile(r'(?:^|[;\t"])\s*[+-]?\d+,\d+\s*(?:["\r\n;\t]|$)', re.MULTILINE)


@dataclass
class CsvText:
    """A CSV file as it was read.

    Attributes
    ----------
    raw : bytes
        The whole file.
    mark : bytes
        Its byte order mark, or empty.
    encoding, delimiter, newline : str
    header : list of str
    rows : list of list of str
        Fields of each row.
    lines : list of str
        Text of each record, header first, with line ends; blank lines belong to the record
        before them.
    formats : list of TextFormat
        Of each column.
    """

    raw: bytes
    mark: bytes
    encoding: str
    delimiter: str
    newline: str
    header: list[str]
    rows: list[list[str]] = field(repr=False)
    lines: list[str] = field(repr=False)
    formats: list[TextFormat] = field(default_factory=list)

    def frame(self) -> pd.DataFrame:
        """Return the table as data, and keep the text format of each column."""
        import pandas as pd

        comma = self.delimiter != "," and _DECIMAL_COMMA.search("".join(self.lines[1:]))
        columns: Iterable[Sequence[str]] = zip(*self.rows, strict=True)
        if not self.rows:
            columns = [[] for _ in self.header]
        read = [read_column(column, "," if comma else ".") for column in columns]
        self.formats = [form for form, _ in read]
        return pd.DataFrame(dict(zip(self.header, (series for _, series in read), strict=True)))

    def extended(self, new: pd.DataFrame, mark: str | None, delimiter: str) -> bytes:
        """Return the content of the file with rows appended.

        Parameters
        ----------
        new : DataFrame
            Rows with the columns of the file.
        mark : str or None
            Name of a further column, which is True in the new rows and False in the old ones.
        delimiter : str
            If it is another one than in the file, the old rows are written anew with it.
        """
        added = render_rows(new, self.formats)
        if mark is not None:
            added = [[*row, "True"] for row in added]
        tail = write_rows(added, delimiter, self.newline)
        if delimiter == self.delimiter and mark is None:
            head = self.raw
            ended = "".join(self.lines).endswith(("\n", "\r"))
            return head + self._encode(tail if ended or not tail else self.newline + tail)
        marks = [] if mark is None else [mark] + ["False"] * len(self.rows)
        if delimiter == self.delimiter:
            text = "".join(
                _with_field(line, write_rows([[value]], delimiter, ""), delimiter, self.newline)
                for line, value in zip(self.lines, marks, strict=True)
            )
        else:
            old = [self.header, *self.rows]
            if marks:
                old = [[*row, value] for row, value in zip(old, marks, strict=True)]
            text = write_rows(old, delimiter, self.newline)
        return self.mark + self._encode(text + tail)

    def _encode(self, text: str) -> bytes:
        return text.encode(self.encoding)


def _with_field(line: str, value: str, delimiter: str, newline: str) -> str:
    """Return a record with one more field, before its line end (and the blank lines after it)."""
    body = line.rstrip("\r\n")
    return f"{body}{delimiter}{value}{line[len(body) :] or newline}"


def read_csv(raw: bytes, name: str, encoding: str, delimiter: str | None) -> CsvText:
    """Parse a CSV file.

    Parameters
    ----------
    raw : bytes
    name : str
        Name of the file in messages.
    encoding : str
        Used if there is no byte order mark.
    delimiter : str or None
        None means the most frequent of ``, ; tab |`` in the header.

    Raises
    ------
    InvalidInputError
        If the file is empty, not in this encoding, or its rows differ in length.
    """
    found = ((bom, coding) for bom, coding in _MARKS if raw.startswith(bom))
    mark, encoding = next(found, (b"", encoding))
    try:
        text = raw[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            f"{name} is not {encoding} (byte {len(mark) + error.start}); name its --encoding, "
            "such as cp1252."
        ) from None
    except LookupError:
        raise InvalidInputError(f"There is no encoding {encoding!r}.") from None
    # A quoted field may hold line ends, so that a record has several physical lines.
    physical = list(io.StringIO(text, newline=""))
    first = next((line for line in physical if line.strip()), None)
    if first is None:
        raise InvalidInputError(f"{name} is empty.")
    delimiter = delimiter or _sniff(first)
    rows, lines = _records(physical, delimiter, name)
    _check_shape(rows, name)
    newline = first[len(first.rstrip("\r\n")) :] or "\n"
    return CsvText(raw, mark, encoding, delimiter, newline, rows[0], rows[1:], lines)


def _sniff(header: str) -> str:
    """Return the most frequent delimiter of the header, outside quoted names."""
    bare = re.sub(r'"[^"]*"', "", header)
    return max(",;\t|", key=bare.count)


def _records(physical: list[str], delimiter: str, name: str) -> tuple[list[list[str]], list[str]]:
    """Return the fields of each record and its text."""
    reader = csv.reader(physical, delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    lines: list[str] = []
    start = 0
    try:
        for row in reader:
            line = "".join(physical[start : reader.line_num])
            start = reader.line_num
            if row:
                rows.append(row)
                lines.append(line)
            elif lines:
                lines[-1] += line
    except csv.Error as error:
        raise InvalidInputError(f"{name}, line {reader.line_num}: {error}.") from None
    return rows, lines


def _check_shape(rows: list[list[str]], name: str) -> None:
    header = rows[0]
    twice = sorted({column for column in header if header.count(column) > 1})
    if twice:
        raise InvalidInputError(f"{name} has more than one column named {twice[0]!r}.")
    for number, row in enumerate(rows[1:], start=1):
        if len(row) != len(header):
            raise InvalidInputError(
                f"{name}, data row {number}: {len(row)} fields, the header has {len(header)}."
            )


def render_rows(frame: pd.DataFrame, formats: Sequence[TextFormat]) -> list[list[str]]:
    """Return the fields of each row as text."""
    columns = [form.render(frame.iloc[:, i]) for i, form in enumerate(formats)]
    return [list(row) for row in zip(*columns, strict=True)]


def write_rows(rows: Iterable[Sequence[str]], delimiter: str, newline: str) -> str:
    """Return rows as CSV text."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=newline).writerows(rows)
    return text.getvalue()
