"""The page of promises and faults and the names of the tests agree, number by number."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

NUMBER = re.compile(r"(?:^|_)(promise_\d+|fault_\d+|case_[tcif]\d+)(?=_|$)")
PATTERN = re.compile(r"`[^`]*-k (\w+)_`")
EACH = {"promise_": 9, "fault_": 68, "case_t": 22, "case_c": 9, "case_i": 12, "case_f": 10}
"""How many numbers of each kind there are at least; new ones follow the last."""


@pytest.fixture(scope="module")
def named(root: Path) -> set[str]:
    """Return the numbers in the names of the tests, such as fault_19 or case_t1."""
    files = (root / "tests").rglob("test_*.py")
    nodes = (node for file in files for node in ast.walk(ast.parse(file.read_text("utf-8"))))
    tests = [node.name for node in nodes if isinstance(node, ast.FunctionDef)]
    return {number for name in tests if name.startswith("test_") for number in NUMBER.findall(name)}


@pytest.fixture(scope="module")
def rows(root: Path) -> list[tuple[str, str]]:
    """Return the number and the text of each row of the page."""
    page = (root / "docs" / "promises.md").read_text("utf-8")
    promises, rest = page.split("\n## Faults\n")
    faults, cases = rest.split("\n## Reported cases\n")
    parts = {"promise_": promises, "fault_": faults, "case_": cases}
    row = re.compile(r"^\| ([TCIF]?\d+) \|(.*)$", re.MULTILINE)
    return [(k + n.lower(), text) for k, part in parts.items() for n, text in row.findall(part)]


def test_every_number_stands_on_the_page_once(rows: list[tuple[str, str]]) -> None:
    numbers = [number for number, _ in rows]
    for kind, least in EACH.items():
        own = [n for n in numbers if re.fullmatch(rf"{kind}\d+", n)]
        assert own == [f"{kind}{i}" for i in range(1, max(least, len(own)) + 1)]


def test_every_number_of_a_test_stands_on_the_page(
    named: set[str], rows: list[tuple[str, str]]
) -> None:
    assert not named - {number for number, _ in rows}


def test_the_page_says_truly_what_a_test_holds(
    named: set[str], rows: list[tuple[str, str]]
) -> None:
    held = {number: PATTERN.findall(text) for number, text in rows}
    assert {n: found for n, found in held.items() if found not in ([], [n])} == {}, "another's"
    assert {n for n, found in held.items() if found} == named & held.keys()
    for number, text in rows:
        if not number.startswith("case_"):
            assert text.endswith(" not yet |") == (number not in named), number
