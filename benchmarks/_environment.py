"""What a result depends on: versions, device, cores, the state of ganaug's source."""

from __future__ import annotations

import ast
import hashlib
import os
import platform
import shlex
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import joblib

PACKAGES = (
    "ganaug",
    "numpy",
    "scipy",
    "pandas",
    "scikit-learn",
    "imbalanced-learn",
    "torch",
    "ctgan",
    "smote-variants",
)


def package_version(name: str) -> str | None:
    """Return the version of a distribution, None where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        if name == "ganaug" and find_spec("ganaug") is not None:
            from ganaug import __version__

            return __version__
        return None


@cache
def ganaug_source_digest() -> str:
    """Return a hash of ganaug's code that comments and docstrings do not change."""
    spec = find_spec("ganaug")
    if spec is None or not spec.submodule_search_locations:
        return "absent"
    digest = hashlib.sha256()
    for folder in spec.submodule_search_locations:
        for path in sorted(Path(folder).rglob("*.py")):
            digest.update(str(path.relative_to(folder)).encode())
            digest.update(_code_of(path.read_text()).encode())
    return digest.hexdigest()[:16]


def _code_of(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [s for s in body if not _is_text(s)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _is_text(statement: ast.AST) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


@cache
def device() -> str:
    """Return the accelerator that torch finds, else the processor."""
    if find_spec("torch") is not None:
        import torch

        if torch.cuda.is_available():
            return str(torch.cuda.get_device_name())
    return "cpu"


def describe(command: Iterable[str] = ()) -> dict[str, Any]:
    """Return the environment as plain values."""
    threads = None
    if find_spec("torch") is not None:
        import torch

        threads = torch.get_num_threads()
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(["python", *(command or sys.argv)]),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": joblib.cpu_count(),
        "torch_threads": threads,
        "device": device(),
        "versions": {name: package_version(name) for name in PACKAGES},
        "ganaug_source": ganaug_source_digest(),
    }


def load_average() -> float | None:
    """Return the load of the last minute, None where the system does not tell."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
