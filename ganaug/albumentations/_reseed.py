"""Random numbers for the albumentations transforms in workers of data loaders."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from inspect import getclosurevars
from types import FunctionType, MethodType, ModuleType
from typing import Any

import albumentations as A
import numpy as np
import torch
from albumentations.core.composition import BaseCompose
from torch.utils.data import Dataset, get_worker_info

from ganaug.errors import ConfigError, warn
from ganaug.runtime.rng import derive

MAX_ENTRIES = 1000
"""Containers with more entries hold data: no transforms are looked for in them."""

_METHODS = ("__getitem__", "__getitems__", "__iter__", "__call__", "forward")
_ATOMS = (str, bytes, int, float, complex, np.ndarray, np.generic, torch.Tensor, ModuleType, type)


def worker_init_fn(worker_id: int) -> None:
    """Give the albumentations transforms in a worker of a ``DataLoader`` random numbers of its own.

    Each worker starts with a copy of the same dataset, so without this its augmentations are those
    of the other workers, and in the next epoch the same again. Pass it as
    ``DataLoader(worker_init_fn=worker_init_fn)``.

    The transforms are looked for in the worker's dataset as :func:`reseed` does, and seeded with
    the worker's seed, which the loader draws from its ``generator`` (or torch's global one) for
    each epoch: seed that, and the run repeats itself. A seed of ``A.Compose`` has no effect there.

    Parameters
    ----------
    worker_id : int
        Is passed by the loader.

    Raises
    ------
    ConfigError
        If it is called outside a worker.

    Examples
    --------
    >>> import torch
    >>> from torch.utils.data import DataLoader
    >>> from ganaug.albumentations import worker_init_fn
    >>> loader = DataLoader(
    ...     list(range(8)),
    ...     num_workers=2,
    ...     worker_init_fn=worker_init_fn,
    ...     generator=torch.Generator().manual_seed(0),
    ... )
    """
    worker = get_worker_info()
    if worker is None:
        raise ConfigError(
            "worker_init_fn is for workers: DataLoader(worker_init_fn=worker_init_fn). Elsewhere, "
            "use reseed(pipeline, seed)."
        )
    if not reseed(worker.dataset, worker.seed) and worker_id == 0:
        warn(
            f"worker_init_fn finds no albumentations transform in {type(worker.dataset).__name__}. "
            "If there is one elsewhere, such as in collate_fn, call reseed(pipeline, "
            "get_worker_info().seed) in a worker_init_fn of your own."
        )


def reseed_then(function: Callable[[int], Any]) -> Callable[[int], None]:
    """Return a ``worker_init_fn`` that does what :func:`worker_init_fn` does, then calls another.

    Parameters
    ----------
    function : callable
        Takes the number of the worker.

    Returns
    -------
    callable
        Can be pickled if ``function`` can, as spawned workers need it.

    Examples
    --------
    >>> from torch.utils.data import DataLoader
    >>> from ganaug.albumentations import reseed_then
    >>> def open_files(worker_id): ...
    >>> loader = DataLoader([1, 2], num_workers=2, worker_init_fn=reseed_then(open_files))
    """
    return _ReseedThen(function)


@dataclass(frozen=True)
class _ReseedThen:
    function: Callable[[int], Any]

    def __call__(self, worker_id: int) -> None:
        worker_init_fn(worker_id)
        self.function(worker_id)


def reseed(where: Any, seed: int) -> int:
    """Seed every albumentations transform within an object, each with a stream of its own.

    ``A.Compose(seed=...)`` and ``set_random_seed`` give all transforms the same stream, so that for
    instance two flips with the same ``p`` always happen together. This does not.

    Parameters
    ----------
    where : Any
        A transform, a pipeline, or a dataset. Its attributes are searched, and theirs, with
        lists and dicts of at most 1000 entries, functions and what these refer to; so nested
        ``Subset`` and ``ConcatDataset`` are.
    seed : int
        Not negative.

    Returns
    -------
    int
        The number of transforms and compositions that were found.

    Raises
    ------
    ConfigError
        If the seed is impossible.

    Examples
    --------
    >>> import albumentations as A
    >>> from ganaug.albumentations import reseed
    >>> reseed(A.Compose([A.HorizontalFlip(), A.OneOf([A.Blur(), A.ToGray()])]), 0)
    5
    """
    root = _check_seed(seed)
    found = _transforms_in(where)
    # From the outside in: a composition passes its seed on to what it holds.
    for i, transform in enumerate(found):
        transform.set_random_seed(derive(root, "albumentations", i))
    return len(found)


def _check_seed(seed: Any) -> int:
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ConfigError(f"seed must be a whole number and not negative, got {seed!r}.")
    return int(seed)


def _transforms_in(where: Any) -> list[Any]:
    """Return all transforms within an object, each before those that it holds."""
    found: list[Any] = []
    seen = {id(where): where}  # a reference to each, so that no id is used again
    stack = [(where, _parts(where))]
    while stack:
        holder, parts = stack[-1]
        part = next(parts, None)
        if part is None:
            stack.pop()
            if _is_transform(holder):
                found.append(holder)
        elif id(part) not in seen:
            seen[id(part)] = part
            stack.append((part, _parts(part)))
    return found[::-1]  # a reversed post-order: holders first, also where they share something


def _is_transform(value: Any) -> bool:
    return isinstance(value, (A.BasicTransform, BaseCompose))


def _parts(value: Any) -> Iterator[Any]:
    """Return what an object consists of, without calling any code of it."""
    for part in _references(value):
        if part is not None and not isinstance(part, _ATOMS):
            yield part


def _references(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from _few(list(dict.values(value)))
    elif isinstance(value, (list, tuple)):
        yield from _few(value)
    elif isinstance(value, partial):
        yield from (value.func, value.args, value.keywords)
    elif isinstance(value, MethodType):
        yield from (value.__self__, value.__func__)
    if isinstance(value, FunctionType):
        yield from _used_by(value)
    elif not isinstance(value, _ATOMS):
        yield from _attributes(value)


def _few(values: Any) -> Any:
    many = len(values) > MAX_ENTRIES and not isinstance(values[0], Dataset)
    return () if many else values


def _used_by(function: FunctionType) -> Iterator[Any]:
    try:
        used = getclosurevars(function)
    except ValueError:  # a variable without a value as yet
        return
    yield from used.nonlocals.values()
    # Of a module's names only the transforms: they lead into everything else.
    yield from filter(_is_transform, used.globals.values())


def _attributes(value: Any) -> Iterator[Any]:
    state = getattr(value, "__dict__", None)
    if isinstance(state, dict):
        yield from state.values()
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else tuple(slots):
            yield getattr(value, name, None)
        for entry in kind.__dict__.values():
            if _is_transform(entry):
                yield entry
            elif isinstance(entry, FunctionType) and entry.__name__ in _METHODS:
                yield from filter(_is_transform, _used_by(entry))
