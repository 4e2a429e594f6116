"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ganaug.errors import ConfigError


def check_writable(path: Path) -> None:
    """Raise `ConfigError`, before any work, if a file cannot be written."""
    if path.is_dir():
        raise ConfigError(f"{path} is a folder.")
    if not path.absolute().parent.is_dir():
        raise ConfigError(f"There is no folder {path.absolute().parent} for {path.name}.")
    if not os.access(path.absolute().parent, os.W_OK):
        raise ConfigError(f"Nothing can be written to the folder {path.absolute().parent}.")


def write_output(output: str, data: bytes, *, sync: bool = True) -> None:
    """Write a file atomically; ``-`` is standard output, and devices and pipes are written to."""
    if output == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    path = Path(output).resolve()
    if path.exists() and not path.is_file():  # a device or a pipe
        path.write_bytes(data)
        return
    write_atomically(path, data, sync=sync)


def write_atomically(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Write a file completely or not at all; see :func:`replacing`."""
    with replacing(path, sync=sync) as temporary:
        temporary.write_bytes(data)


@contextmanager
def replacing(path: Path, *, sync: bool = True) -> Iterator[Path]:
    """Yield a temporary file that takes the place of ``path`` when the block has ended well.

    Parameters
    ----------
    path : Path
        An existing file keeps its permissions; a new one gets those that ``open`` would give it.
    sync : bool, default=True
        Without it, the promise holds when the process is killed, but not when the power fails.
    """
    temporary = path.with_name(f".tmp-{secrets.token_hex(8)}")
    # Not tempfile: its files are for their owner only, and a model may be for a team (umask).
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    try:
        mode = (path if path.exists() else temporary).stat().st_mode & 0o777
        yield temporary
        temporary.chmod(mode)
        if sync:
            _sync(temporary)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if sync and os.name == "posix":
        _sync(path.parent)  # the renaming itself


def _sync(path: Path) -> None:
    """Wait until a file or a folder is on the disk."""
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
