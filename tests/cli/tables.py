"""Calls and small tables, for tests of the command line."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import pytest

pytest.importorskip("typer", reason="the command line needs the extra cli")
from typer.testing import CliRunner

from ganaug.cli.app import app

QUICK = ("--max-steps", "2", "--seed", "0")

BIG = 2**53 + 1


def call(*arguments: Any, stdin: bytes = b"") -> Any:
    """Run a command in this process."""
    return CliRunner().invoke(app, [str(a) for a in arguments], input=stdin)


def done(*arguments: Any) -> Any:
    """Run a command that must succeed."""
    result = call(*arguments)
    assert result.exit_code == 0, result.stderr
    return result


def rows_of(text: str | bytes, delimiter: str = ",") -> list[dict[str, str]]:
    text = text.decode() if isinstance(text, bytes) else text
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))


def make_text(newline: str = "\n", delimiter: str = ",", last: bool = True) -> str:
    """Return a CSV file full of what a float cast or a reformatting would spoil."""
    rng = np.random.default_rng(0)
    names = ["id", "code", "price", "label", "day", "note", "gap", "empty"]
    rows = [
        [
            str(BIG + 3 * i),
            f"{rng.integers(0, 9):03d}",
            f"{rng.integers(100, 999)}.{rng.integers(0, 9)}0",
            "rare" if i % 5 == 0 else "ok",
            f"2020-01-{rng.integers(1, 29):02d}",
            '"said ""no"""' if i % 2 else '"yes"',
            "NA" if i % 4 == 0 else str(rng.integers(0, 50)),
            "" if i % 3 else "x",
        ]
        for i in range(40)
    ]
    lines = [names, *rows]
    return newline.join(delimiter.join(line) for line in lines) + (newline if last else "")


def assert_one_line_error(result: Any, message: str) -> None:
    assert result.exit_code == 1
    assert result.stdout == ""
    lines = [s for s in result.stderr.splitlines() if not s.startswith("ganaug: warning: ")]
    (line,) = lines
    assert line.startswith("ganaug: error: ")
    assert message in line
