"""Atomic writes: a file is written completely or not at all."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ganaug.errors import ConfigError


def check_writable(path: Path) -> None:
    """Raise `ConfigError` if a file cannot be written; for a check before any work."""
    if path.is_dir():
        raise ConfigError(f"{path} is a folder: give the name of a file.")
    if not path.absolute().parent.is_dir():
        raise ConfigError(f"There is no folder {path.absolute().parent} for {path.name}.")
    if not os.access(path.absolute().parent, os.W_OK):
        raise ConfigError(f"The folder {path.absolute().parent} is not writable.")


def write_output(output: str, data: bytes, *, sync: bool = True) -> None:
    """Write a file atomically; ``-`` is standard output.

    Devices and pipes are written to directly, since they cannot be replaced.
    """
    if output == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    path = Path(output).resolve()
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
    write_atomically(path, data, sync=sync)


def write_atomically(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Write a file completely or not at all, by :func:`replacing`."""
    with replacing(path, sync=sync) as temporary:
        temporary.write_bytes(data)


@contextmanager
def replacing(path: Path, *, sync: bool = True) -> Iterator[Path]:
    """Yield a temporary file that replaces ``path`` if the block ends without an error.

    Parameters
    ----------
    path : Path
        An existing file keeps its permissions; a new file gets those that ``open`` would give it.
    sync : bool, default=True
        Whether to wait until the data are on the disk. Without this, the file is complete after the
        process is killed, but perhaps not after a power failure.
    """
    # In the same folder, since a file can be renamed atomically only within a file system.
    temporary = path.with_name(f".tmp-{secrets.token_hex(8)}")
    # Not tempfile, whose files only their owner can read: the umask may share a model with a team.
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
        _sync(path.parent)  # the new name is an entry of the folder


def _sync(path: Path) -> None:
    """Wait until a file or a folder is on the disk."""
    # Windows can sync only files that are open for writing; folders cannot be opened for it.
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
