"""Research builds on the benchmarks, and the benchmarks stand without it."""

from __future__ import annotations

import re


def test_no_benchmark_imports_research(root):
    sources = list((root / "benchmarks").glob("*.py"))
    assert sources
    pattern = re.compile(r"^\s*(from|import) research\b", re.MULTILINE)
    assert not [path.name for path in sources if pattern.search(path.read_text("utf-8"))]
