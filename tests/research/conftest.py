"""Research is in the repository alone: a source distribution has nothing to test here."""

from pathlib import Path

if not (Path(__file__).parents[2] / "research").is_dir():
    collect_ignore_glob = ["*"]
