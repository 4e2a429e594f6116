"""Columns of text as typed data, and new data as text in the format of the column.

A CSV file has no dtypes, so the type is derived from all values of a column. Text stays text in
doubt: ``007`` and numbers beyond 64 bits do. The format has the text of missing values, the number
of decimals and the form of dates.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

MISSING = frozenset(
    (
        *("", "?", ".", "NA", "N/A", "n/a", "<NA>", "#N/A", "NaN", "nan", "-NaN", "-nan"),
        *("NULL", "Null", "null", "None", "none"),
    )
)
"""Text of missing values among numbers and dates; in columns of text only the empty one is."""

_INTEGER = re.compile(r"-?(0|[1-9]\d*)")
_FLOAT = re.compile(
    r"[+-]?((?!0\d)\d+(\.(?P<decimals>\d*))?|\.(?P<bare>\d+))(?P<exponent>e[+-]?\d+)?"
    r"|[+-]?inf(inity)?",
    re.IGNORECASE,
)
_ALL_DECIMALS = 17
"""Most digits behind the point beside exponents; a float64 has at most 17 significant ones."""

_DATES = (
    (re.compile(r"\d{4}-\d\d-\d\d"), "%Y-%m-%d"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d"), "%Y-%m-%d %H:%M"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d"), "%Y-%m-%dT%H:%M"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"), "%Y-%m-%d %H:%M:%S"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"), "%Y-%m-%dT%H:%M:%S"),
)


@dataclass(frozen=True)
class TextFormat:
    """Text format of a column.

    Parameters
    ----------
    kind : {"text", "integer", "float", "date"}
    missing : str
        Text of a missing value.
    decimals : tuple of int
        Fewest and most digits behind the point (float).
    point : str
        The decimal point (float).
    date : str
        The form, in the codes of ``strftime`` (date).
    """

    kind: Literal["text", "integer", "float", "date"] = "text"
    missing: str = ""
    decimals: tuple[int, int] = (0, 0)
    point: str = "."
    date: str = ""

    def render(self, column: pd.Series) -> list[str]:
        """Return the text of each value."""
        missing = column.isna().tolist()
        values = column.tolist()
        return [
            self.missing if gone else self._one(value)
            for value, gone in zip(values, missing, strict=True)
        ]

    def _one(self, value: Any) -> str:
        if self.kind == "float":
            return _float_text(float(value), *self.decimals).replace(".", self.point)
        if self.kind == "date":
            return str(value.strftime(self.date))
        return str(int(value)) if self.kind == "integer" else str(value)

    def to_dict(self) -> dict[str, Any]:
        """Return the format as values that JSON can hold."""
        return {**dataclasses.asdict(self), "decimals": list(self.decimals)}

    @classmethod
    def from_dict(cls, data: Any) -> TextFormat:
        """Return the format that :meth:`to_dict` described.

        Raises
        ------
        ValueError, TypeError
            If ``data`` is not a format.
        """
        form = cls(**{**data, "decimals": tuple(data["decimals"])})
        numbers = [type(n) for n in form.decimals] == [int, int]
        texts = all(type(t) is str for t in (form.missing, form.point, form.date))
        if form.kind not in ("text", "integer", "float", "date") or not (numbers and texts):
            raise ValueError(f"not a column format: {data!r}")
        return form


def _float_text(value: float, fewest: int, most: int) -> str:
    if fewest == most:
        return f"{value:.{most}f}"
    text = repr(value)
    if "e" in text or "n" in text:  # an exponent, inf or nan
        return text
    whole, _, digits = text.partition(".")
    digits = digits.rstrip("0").ljust(fewest, "0")
    return f"{whole}.{digits}" if digits else whole


def read_column(values: Sequence[str], point: str = ".") -> tuple[TextFormat, pd.Series]:
    """Return the text format of a column and its values as data.

    Parameters
    ----------
    values : sequence of str
    point : str
        The decimal point.

    Returns
    -------
    TextFormat
    Series
        Of dtype int64 (Int64 with missing values, uint64 where needed), float64, datetime64 or str.
    """
    stripped = [value.strip() for value in values]
    distinct = Counter(stripped)
    present = [value for value in distinct if value not in MISSING]
    missing = max((v for v in distinct if v in MISSING), key=distinct.__getitem__, default="")
    found = None
    if present:
        found = (
            _integers(stripped, present, missing)
            or _floats(stripped, present, missing, point)
            or _dates(stripped, present, missing)
        )
    if found is not None:
        return found
    text = pd.Series([value or None for value in values], dtype=object)
    return TextFormat(), text.astype("str") if _has_str() else text


def _has_str() -> bool:
    """Return whether pandas has a string dtype with missing values (version 3 and later)."""
    return int(pd.__version__.partition(".")[0]) >= 3


def _integers(
    values: list[str], present: list[str], missing: str
) -> tuple[TextFormat, pd.Series] | None:
    if not all(map(_INTEGER.fullmatch, present)):
        return None
    numbers = {value: int(value) for value in present}
    low, high = min(numbers.values()), max(numbers.values())
    if low >= -(2**63) and high < 2**63:
        dtype = "Int64"
    elif low >= 0 and high < 2**64:
        dtype = "UInt64"
    else:
        return None
    whole = all(value in numbers for value in values)
    data = [numbers.get(value, pd.NA) for value in values]
    column = pd.Series(data, dtype=dtype.lower() if whole else dtype)
    return TextFormat("integer", missing), column


def _floats(
    values: list[str], present: list[str], missing: str, point: str
) -> tuple[TextFormat, pd.Series] | None:
    texts = {value: value.replace(point, ".") for value in present}
    matches = [_FLOAT.fullmatch(text) for text in texts.values()]
    beyond_64_bits = all(map(_INTEGER.fullmatch, present))
    if beyond_64_bits or not all(matches):
        return None
    plain = [m for m in matches if m and not m["exponent"]]
    lengths = [len(m["decimals"] or m["bare"] or "") for m in plain] or [0]
    numbers = {value: float(text) for value, text in texts.items()}
    most = max(lengths) if len(plain) == len(matches) else _ALL_DECIMALS
    span = (min(lengths), most)
    column = pd.Series([numbers.get(value, float("nan")) for value in values], dtype="float64")
    return TextFormat("float", missing, span, point), column


def _dates(
    values: list[str], present: list[str], missing: str
) -> tuple[TextFormat, pd.Series] | None:
    for pattern, form in _DATES:
        if all(map(pattern.fullmatch, present)):
            texts = pd.Series([None if value in MISSING else value for value in values])
            try:
                return TextFormat("date", missing, date=form), pd.to_datetime(texts, format=form)
            except ValueError:  # such as 2020-02-31
                return None
    return None
