"""The benchmark of large tables: a tiny run gives its figures, and the first run does not count."""

from __future__ import annotations

import itertools
import json
from types import SimpleNamespace

import numpy as np
import pandas as pd

from benchmarks import throughput


def test_the_shortest_run_counts_but_never_the_first(monkeypatch):
    ticks = itertools.accumulate([0, 1, 0, 5, 0, 3])  # runs of 1, 5 and 3 seconds
    monkeypatch.setattr(throughput, "time", SimpleNamespace(perf_counter=lambda: next(ticks)))
    assert throughput.best_seconds(lambda: None, 2) == 3


def test_a_tiny_run_writes_its_figures(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("ganaug.tables.data.auto_steps", lambda n: 3)
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(90, 2)), columns=["a", "b"])
    frame.assign(label=np.repeat(["0", "1"], [60, 30])).to_csv(tmp_path / "t.csv", index=False)
    (tmp_path / "manifest.json").write_text('{"t": {"categorical": []}}')
    out = tmp_path / "out.json"
    files = ["--set", "t", "--data", str(tmp_path), "--out", str(out)]
    assert throughput.main([*files, "--rows", "20", "--repeats", "1"]) == 0
    figures = json.loads(out.read_text())["figures"]
    assert figures["rows_added"] == 30
    assert all(figures[f"{how}_rows_per_second"] > 0 for how in ("raw", "decoded", "selected"))
    assert "| rows_added" in capsys.readouterr().out
