"""The benchmarks are in the repository alone: a source distribution has nothing to test here."""

from pathlib import Path

if not (Path(__file__).parents[2] / "benchmarks").is_dir():
    collect_ignore_glob = ["*"]
