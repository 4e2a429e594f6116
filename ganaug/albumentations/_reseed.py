"""Seeds for albumentations transforms in the workers of data loaders."""

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
"""Lists and dicts with more entries are taken for data and not searched for transforms.

It bounds the time that a worker takes to start.
"""

_METHODS = ("__getitem__", "__getitems__", "__iter__", "__call__", "forward")
_ATOMS = (str, bytes, int, float, complex, np.ndarray, np.generic, torch.Tensor, ModuleType, type)


def worker_init_fn(worker_id: int) -> None:
    """Seed the albumentations transforms in a worker of a ``DataLoader``.

    Each worker starts with a copy of the same dataset. Without this function, all workers apply the
    same augmentations, and repeat them in each epoch. Pass it as
    ``DataLoader(worker_init_fn=worker_init_fn)``.

    It searches the worker's dataset for transforms as :func:`reseed` does, and seeds them with the
    worker's seed. The loader draws this seed for each epoch from its ``generator`` (or torch's
    global one), so a run is repeatable if that generator is seeded. A seed of ``A.Compose`` has no
    effect in workers.

    Parameters
    ----------
    worker_id : int
        Number of the worker, passed by the loader.

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
            "worker_init_fn was called outside a worker. Pass it to the loader with "
            "DataLoader(worker_init_fn=worker_init_fn), or call reseed(pipeline, seed)."
        )
    if not reseed(worker.dataset, worker.seed) and worker_id == 0:
        warn(
            f"worker_init_fn finds no albumentations transform in {type(worker.dataset).__name__}. "
            "If there is one elsewhere, such as in collate_fn, call reseed(pipeline, "
            "get_worker_info().seed) in a worker_init_fn of your own."
        )


def reseed_then(function: Callable[[int], Any]) -> Callable[[int], None]:
    """Return a ``worker_init_fn`` that calls :func:`worker_init_fn` and then ``function``.

    Parameters
    ----------
    function : callable
        Function of the number of the worker.

    Returns
    -------
    callable
        It can be pickled for spawned workers if ``function`` can.

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
    """The function that `reseed_then` returns; a closure could not be pickled."""

    function: Callable[[int], Any]

    def __call__(self, worker_id: int) -> None:
        worker_init_fn(worker_id)
        self.function(worker_id)


def reseed(where: Any, seed: int) -> int:
    """Seed every albumentations transform inside an object, each with a different stream.

    ``A.Compose(seed=...)`` and ``set_random_seed`` give all transforms the same stream, so that,
    for instance, two flips with the same ``p`` always happen together. After this function they
    are independent.

    Parameters
    ----------
    where : Any
        A transform, a pipeline or a dataset. Its attributes are searched recursively, and so are
        lists and dicts of at most 1000 entries, functions and the variables that they use. This
        includes nested ``Subset`` and ``ConcatDataset``.
    seed : int
        Not negative.

    Returns
    -------
    int
        Number of transforms and compositions that were found.

    Raises
    ------
    ConfigError
        If the seed is not a whole number, or negative.

    Examples
    --------
    >>> import albumentations as A
    >>> from ganaug.albumentations import reseed
    >>> reseed(A.Compose([A.HorizontalFlip(), A.OneOf([A.Blur(), A.ToGray()])]), 0)
    5
    """
    root = _check_seed(seed)
    found = _transforms_in(where)
    # Compositions come before their members, since a composition passes its seed on to them.
    for i, transform in enumerate(found):
        transform.set_random_seed(derive(root, "albumentations", i))
    return len(found)


def _check_seed(seed: Any) -> int:
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ConfigError(f"seed must be a whole number and not negative, got {seed!r}.")
    return int(seed)


def _transforms_in(where: Any) -> list[Any]:
    """Return all transforms inside an object, compositions before their members."""
    found: list[Any] = []
    # Keeps a reference to each visited object, so that its id is not given to another one.
    visited = {id(where): where}
    stack = [(where, _parts(where))]
    while stack:
        holder, parts = stack[-1]
        part = next(parts, None)
        if part is None:
            stack.pop()
            if _is_transform(holder):
                found.append(holder)
        elif id(part) not in visited:
            visited[id(part)] = part
            stack.append((part, _parts(part)))
    # A reversed post-order: every composition comes first, even if several share a member.
    return found[::-1]


def _is_transform(value: Any) -> bool:
    return isinstance(value, (A.BasicTransform, BaseCompose))


def _parts(value: Any) -> Iterator[Any]:
    """Yield the objects that an object refers to, without running any of its code."""
    for part in _references(value):
        if part is not None and not isinstance(part, _ATOMS):
            yield part


def _references(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from _searched_entries(list(dict.values(value)))
    elif isinstance(value, (list, tuple)):
        yield from _searched_entries(value)
    elif isinstance(value, partial):
        yield from (value.func, value.args, value.keywords)
    elif isinstance(value, MethodType):
        yield from (value.__self__, value.__func__)
    if isinstance(value, FunctionType):
        yield from _variables_of(value)
    elif not isinstance(value, _ATOMS):
        yield from _attributes(value)


def _searched_entries(values: Any) -> Any:
    """Return the entries of a container; none if there are so many that they must be data."""
    is_data = len(values) > MAX_ENTRIES and not isinstance(values[0], Dataset)
    return () if is_data else values


def _variables_of(function: FunctionType) -> Iterator[Any]:
    """Yield the closure variables of a function and the transforms among its globals."""
    try:
        variables = getclosurevars(function)
    except ValueError:  # a closure variable that has no value yet
        return
    yield from variables.nonlocals.values()
    # Other globals are left out: through them, every imported module would be searched.
    yield from filter(_is_transform, variables.globals.values())


def _attributes(value: Any) -> Iterator[Any]:
    """Yield the attributes of an object, and transforms that its class or its methods use."""
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
                yield from filter(_is_transform, _variables_of(entry))
