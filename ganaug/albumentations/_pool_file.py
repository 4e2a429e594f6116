"""The file of a pool, read once a process."""

from __future__ import annotations

from multiprocessing.context import get_spawning_popen
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from ganaug.pool import SyntheticPool

# Weak: the memory is free again when the last transform is gone.
_READ: WeakValueDictionary[tuple[Any, ...], SyntheticPool] = WeakValueDictionary()


class PoolFile:
    """A pool that is read once a process, however often transforms are made and copied.

    Parameters
    ----------
    path : str
    pool : SyntheticPool, optional
        What is in the file, if that is known.
    """

    def __init__(self, path: str, pool: SyntheticPool | None = None) -> None:
        self.path = path
        self._pool = pool

    @property
    def pool(self) -> SyntheticPool:
        """What is in the file.

        Raises
        ------
        ArtifactError
            If it is missing or damaged.
        """
        if self._pool is None:
            key = self._key()
            pool = _READ.get(key)
            self._pool = _READ[key] = SyntheticPool.load(self.path) if pool is None else pool
        return self._pool

    def _key(self) -> tuple[Any, ...]:
        """Return what changes when another pool is saved under the same path."""
        path = Path(self.path).resolve()
        if not path.exists():
            return (path,)
        status = path.stat()
        return path, status.st_ino, status.st_size, status.st_mtime_ns

    def __deepcopy__(self, memo: Any) -> PoolFile:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        # A process that is being started gets the shared memory itself: torch passes it on.
        # Anywhere else the path is enough.
        starting = get_spawning_popen() is not None
        return PoolFile, ((self.path, self.pool) if starting else (self.path,))
