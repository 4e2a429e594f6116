"""Memory budgets: the option, and the free memory of the machine."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from ganaug.errors import ConfigError

CGROUP = Path("/sys/fs/cgroup")
"""Folder with the memory limits of a container (control groups, version 2)."""

_UNITS = {"": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


def check_budget(option: Any) -> int:
    """Return the memory budget in bytes.

    Parameters
    ----------
    option : {"auto"}, int or str
        "auto" is half of the free memory, which leaves the other half to the data and to other
        programs; else a number of bytes or a size such as "2GB".

    Raises
    ------
    ConfigError
        If it is none of these.
    """
    if isinstance(option, str) and option == "auto":
        return int(min(_free_memory(), _free_in_cgroup())) // 2
    if isinstance(option, (int, np.integer)) and not isinstance(option, bool) and option > 0:
        return int(option)
    if isinstance(option, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmg]i?b|)\s*", option.lower())
        if match:
            return int(float(match[1]) * _UNITS[match[2]])
    raise ConfigError(
        f'memory_budget must be "auto", a number of bytes or a size such as "2GB", got {option!r}.'
    )


def _free_memory() -> int:
    """Return the bytes available without swapping: free pages and caches that can be dropped."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
        if match := re.search(r"^MemAvailable:\s+(\d+) kB", text, re.MULTILINE):
            return int(match[1]) * 1024
    except (OSError, ValueError):
        pass  # not Linux
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 4 * 2**30  # a guess for Windows, which has no sysconf


def _free_in_cgroup() -> float:
    """Return the bytes left under the limit of the container; infinity without a limit."""
    try:
        limit = int((CGROUP / "memory.max").read_text(encoding="ascii"))  # or "max"
        used = int((CGROUP / "memory.current").read_text(encoding="ascii"))
        usage = (CGROUP / "memory.stat").read_text(encoding="ascii")
    except (OSError, ValueError):
        return math.inf
    # Cached files count as used, but the kernel drops them when memory is short.
    cached = re.search(r"^inactive_file (\d+)$", usage, re.MULTILINE)
    return max(limit - used + (int(cached[1]) if cached else 0), 0)


def readable(size: float) -> str:
    """Return a number of bytes as text with a unit, such as "1.5 GB"."""
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            return f"{size:,.0f} {unit}" if unit == "B" else f"{size:,.1f} {unit}"
        size /= 1000
    raise AssertionError
