"""A pool in a file, which is read once in each process."""

from __future__ import annotations

from multiprocessing.context import get_spawning_popen
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from ganaug.pool import SyntheticPool

# Weak references: the memory is freed when the last transform that uses the pool is deleted.
_READ: WeakValueDictionary[tuple[Any, ...], SyntheticPool] = WeakValueDictionary()


class PoolFile:
    """A pool that is read once in each process, even if transforms are created and copied often.

    Parameters
    ----------
    path : str
    pool : SyntheticPool, optional
        Content of the file, if it has been read already.
    """

    def __init__(self, path: str, pool: SyntheticPool | None = None) -> None:
        self.path = path
        self._pool = pool

    @property
    def pool(self) -> SyntheticPool:
        """Content of the file.

        Raises
        ------
        ArtifactError
            If the file is missing or damaged.
        """
        if self._pool is None:
            key = self._key()
            pool = _READ.get(key)
            self._pool = _READ[key] = SyntheticPool.load(self.path) if pool is None else pool
        return self._pool

    def _key(self) -> tuple[Any, ...]:
        """Return a key that changes when another pool is saved under the same path."""
        path = Path(self.path).resolve()
        if not path.exists():
            return (path,)
        status = path.stat()
        return path, status.st_ino, status.st_size, status.st_mtime_ns

    def __deepcopy__(self, memo: Any) -> PoolFile:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        # When a process is being spawned, the pool itself is pickled: torch passes its shared
        # memory on without a copy. Elsewhere the path is enough.
        starting = get_spawning_popen() is not None
        return PoolFile, ((self.path, self.pool) if starting else (self.path,))
