"""worker_init_fn and reseed: transforms are found, and workers do not repeat one another."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import warnings
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

pytest.importorskip("albumentations", reason="the adapter needs the extra 'albumentations'")
import albumentations as A
from torch.utils.data import ConcatDataset, DataLoader, Dataset, Subset, get_worker_info

from ganaug import ArtifactError, ConfigError, GanaugWarning
from ganaug.albumentations import ReplaceRare, reseed, reseed_then, worker_init_fn
from tests.albumentations.support import RARE, real, save_pool, stream

# ------------------------------------------------------------------ finding transforms


class Pairs(Dataset):
    """Labels alternate between a common and a rare class; an item is the sum of its pixels."""

    def __init__(self, transform: Any, n: int = 32) -> None:
        self.transform, self.n = transform, n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> tuple[int, int]:
        label = RARE if index % 2 else 0
        return int(self.transform(image=real(), label=label)["image"].sum()), label


class InASlot:
    __slots__ = ("__dict__", "empty", "transform")

    def __init__(self, transform: Any) -> None:
        self.transform = transform


class InAModule(torch.nn.Module):
    def __init__(self, transform: Any) -> None:
        super().__init__()
        self.transform = transform


class OfTheClass:
    transform: ClassVar[Any] = A.Compose([A.HorizontalFlip()])


OF_THE_MODULE = A.Compose([A.HorizontalFlip()])


class UsesTheModules:
    def __getitem__(self, index: int) -> Any:
        return OF_THE_MODULE(image=real())


def uses_the_modules(image: Any) -> Any:
    return OF_THE_MODULE(image=image)


def in_a_closure(transform: Any) -> Any:
    return lambda image: transform(image=image)


def with_an_empty_closure() -> Any:
    def function() -> Any:
        return missing

    if False:
        missing = 1
    return function


class InAMethod(Pairs):
    def __init__(self, transform: Any) -> None:
        super().__init__(None)
        self.call = Pairs(transform).__getitem__


def in_a_cycle(transform: Any) -> Any:
    dataset = Pairs([transform])
    dataset.transform.append(dataset)
    return dataset


def many_datasets(transform: Any) -> Any:
    return ConcatDataset([*(Pairs(None) for _ in range(1500)), Pairs(transform)])


@pytest.mark.parametrize(
    "hide",
    [
        lambda t: t,
        lambda t: A.Compose([t]),
        Pairs,
        lambda t: Subset(Subset(Pairs(t), [0, 1, 2]), [1]),
        lambda t: ConcatDataset([Pairs(None), Subset(Pairs(t), [0])]),
        many_datasets,
        lambda t: Pairs({"train": [None, (t,)]}),
        lambda t: Pairs(partial(t, label=0)),
        lambda t: Pairs(partial(print, transform=t)),
        lambda t: Pairs(in_a_closure(t)),
        lambda t: Pairs([with_an_empty_closure(), t]),
        lambda t: Pairs(torch.nn.ModuleDict({"augment": InAModule(t)})),
        InASlot,
        InAMethod,
        in_a_cycle,
    ],
)
def test_reseed_finds_a_transform(path, hide):
    """Wherever a dataset keeps its transform, reseeding finds it."""
    first, second = ReplaceRare(path), ReplaceRare(path)
    for transform in (first, second):
        assert reseed(hide(transform), 3) > 0
    assert stream(first) == stream(second)
    reseed(hide(second), 4)
    assert stream(first) != stream(second)


@pytest.mark.parametrize("where", [OfTheClass(), UsesTheModules(), uses_the_modules])
def test_reseed_finds_transforms_of_classes_and_modules(where):
    assert reseed(where, 0) == 2


@pytest.mark.parametrize(
    "where", [None, 3, "text", [], Pairs(None), [(f"{i}.png", A.Blur()) for i in range(1001)]]
)
def test_reseed_says_when_there_is_nothing(where):
    assert reseed(where, 0) == 0


def combinations(pipeline: Any, n: int = 400) -> Counter[bytes]:
    image = np.arange(4, dtype=np.uint8).reshape(2, 2)
    return Counter(pipeline(image=image)["image"].tobytes() for _ in range(n))


def test_reseeded_transforms_are_independent_of_one_another():
    flips = [A.HorizontalFlip(p=0.5), A.VerticalFlip(p=0.5)]
    pipeline = A.Compose(flips, seed=0)
    assert len(combinations(pipeline)) == 2, "albumentations: both flips or none"
    assert reseed(pipeline, 0) == 3
    assert len(combinations(pipeline)) == 4
    assert min(combinations(pipeline).values()) > 60


def test_compositions_within_one_another_have_streams_of_their_own():
    inner = A.Sequential([A.NoOp()], p=0.5)
    outer = A.Sequential([inner], p=0.5)
    # The inner one comes first, and the outer one must not pass its seed on to it afterwards.
    reseed([inner, outer], 0)
    assert inner.py_random.random() != outer.py_random.random()


@pytest.mark.parametrize("seed", [-1, True, 1.5, "1", None])
def test_reseed_refuses_what_is_no_seed(seed):
    with pytest.raises(ConfigError, match="seed"):
        reseed(A.Compose([]), seed)


def test_seeds_of_torch_may_be_large(path):
    assert reseed(ReplaceRare(path), 2**64) == 1
    ReplaceRare(path).set_random_seed(2**64)


# ------------------------------------------------------------------ data loaders


def pipeline_of(path: Path, **options: Any) -> A.Compose:
    return A.Compose([ReplaceRare(path), A.GaussNoise(p=1.0)], **options)


def epochs(dataset: Any, n: int = 2, seed: int = 0, **options: Any) -> list[list[list[int]]]:
    """Return the items of each batch of some epochs with two workers."""
    options = {"worker_init_fn": worker_init_fn, "multiprocessing_context": "fork", **options}
    loader = DataLoader(
        dataset, 8, num_workers=2, generator=torch.Generator().manual_seed(seed), **options
    )
    return [[items.tolist() for items, _ in loader] for _ in range(n)]


class Complaints(Pairs):
    """An item is the number of ganaug's warnings instead."""

    def __getitem__(self, index: int) -> tuple[int, int]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            super().__getitem__(index)
        ours = [warning for warning in caught if issubclass(warning.category, GanaugWarning)]
        assert all("Pass DataLoader(worker_init_fn=" in str(warning.message) for warning in ours)
        return len(ours), 0


def reseed_by_hand(worker_id: int) -> None:
    worker = get_worker_info()
    worker.dataset.transform.set_random_seed(worker.seed)


@pytest.mark.filterwarnings("ignore:Each worker of the DataLoader")
def test_without_it_workers_and_epochs_repeat(path):
    first, second = epochs(Pairs(pipeline_of(path)), worker_init_fn=None)
    assert first[0] == first[1]
    assert first == second


@pytest.mark.parametrize(
    ("init", "expected"), [(None, 1), (worker_init_fn, 0), (reseed_by_hand, 0)]
)
def test_without_it_there_is_one_warning(path, init, expected):
    for epoch in epochs(Complaints(pipeline_of(path)), worker_init_fn=init):
        assert sum(map(sum, epoch)) == expected


@pytest.mark.parametrize("persistent", [True, False])
@pytest.mark.parametrize("compose", [{}, {"seed": 7}])
def test_workers_and_epochs_differ_and_a_seeded_loader_repeats(path, persistent, compose):
    dataset = Pairs(pipeline_of(path, **compose))
    first, second = epochs(dataset, persistent_workers=persistent)
    batches = [tuple(batch) for batch in first + second]
    assert len(set(batches)) == len(batches) == 8
    again = Pairs(pipeline_of(path, **compose))
    assert epochs(again, persistent_workers=persistent) == [first, second]
    assert epochs(dataset, seed=1, persistent_workers=persistent) != [first, second]


def test_the_pipelines_of_nested_datasets_are_reseeded(path):
    base = Pairs(pipeline_of(path), 40)
    other = Subset(Pairs(pipeline_of(path), 20), range(10, 20))
    dataset = ConcatDataset([Subset(base, range(8, 30)), other])
    first, second = epochs(dataset)
    batches = [tuple(batch) for batch in first + second]
    assert len(set(batches)) == len(batches)
    assert epochs(dataset) == [first, second]


def test_only_rare_images_are_swapped_in_a_loader(path):
    dataset = Pairs(A.Compose([ReplaceRare(path, p=1.0)]))
    loader = DataLoader(dataset, 8, num_workers=2, worker_init_fn=worker_init_fn)
    for items, labels in loader:
        assert ((items >= 200 * real().size) == (labels == RARE)).all()


class Batches:
    """A collate_fn with a pipeline, for batches of images."""

    def __init__(self, pipeline: Any) -> None:
        self.pipeline = pipeline

    def __call__(self, samples: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        images, labels = np.stack([real() for _ in samples]), [RARE] * len(samples)
        images = self.pipeline(images=images, label=labels)["images"]
        return torch.from_numpy(images).sum((1, 2, 3)), torch.tensor(labels)


def test_a_pipeline_in_collate_fn_can_be_reseeded_by_hand(path):
    collate = Batches(pipeline_of(path))

    def init(worker_id: int) -> None:
        reseed(collate, get_worker_info().seed)

    options = {"collate_fn": collate, "worker_init_fn": init}
    first, second = epochs(list(range(32)), **options)
    assert first[0] != first[1]
    assert first != second
    assert epochs(list(range(32)), **options) == [first, second]


def test_it_says_when_it_finds_no_transform(tmp_path):
    def init(worker_id: int) -> None:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            worker_init_fn(worker_id)
        for warning in caught:
            (tmp_path / str(worker_id)).write_text(str(warning.message))

    epochs([(0, 0)] * 16, n=1, worker_init_fn=init)
    (message,) = [file.read_text() for file in tmp_path.iterdir()]
    assert "finds no albumentations transform in list" in message


def test_it_is_for_workers():
    """worker_init_fn in the main process says where it belongs."""
    with pytest.raises(ConfigError, match=r"DataLoader\(worker_init_fn=.*reseed"):
        worker_init_fn(0)


def note(folder: Path, worker_id: int) -> None:
    (folder / str(worker_id)).touch()


def test_a_function_of_ones_own_is_called_too(path, tmp_path):
    both = reseed_then(partial(note, tmp_path))
    pickle.loads(pickle.dumps(both))
    dataset = Pairs(pipeline_of(path))
    assert epochs(dataset, worker_init_fn=both) == epochs(dataset)
    assert {file.name for file in tmp_path.iterdir()} == {"0", "1"}


class Writer(Dataset):
    """Writes into the pool, which no pipeline does."""

    def __init__(self, path: Path) -> None:
        self.replace = ReplaceRare(path)

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> int:
        self.replace.pool.images[index] = 7
        return os.getpid()


@pytest.mark.parametrize("context", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_workers_share_the_memory(tmp_path, context):
    dataset = Writer(save_pool(tmp_path / "pool"))
    loader = DataLoader(dataset, 1, num_workers=2, multiprocessing_context=context)
    assert os.getpid() not in {int(process) for process in loader}
    # The memory of this process has changed, so it was that of the workers.
    assert (dataset.replace.pool.images[:3].amax((1, 2, 3)) == torch.tensor([7, 7, 202])).all()


@pytest.mark.slow
def test_spawned_workers_do_what_forked_ones_do(path):
    dataset = Pairs(pipeline_of(path))
    options = {"persistent_workers": True}  # a spawned worker takes seconds to start
    spawned = epochs(dataset, multiprocessing_context="spawn", **options)
    assert spawned == epochs(dataset, **options)


def test_a_pool_that_is_missing_is_missed_before_a_process_starts(tmp_path):
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=print, args=(ReplaceRare(tmp_path / "none.pool"),))
    with pytest.raises(ArtifactError, match=r"none\.pool"):
        process.start()
