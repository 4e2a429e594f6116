"""SyntheticPool: what is in it, shared between processes, saved as one file that runs no code."""

from __future__ import annotations

import json
import os
import pickle
import random
import stat
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch.utils.data import ConcatDataset, DataLoader, TensorDataset, WeightedRandomSampler

from ganaug import ArtifactError, GanaugWarning, InvalidInputError, InvalidTypeError
from ganaug.pool import SyntheticPool

LABELS = [3, 1, 3, 1, 2, 3]


def images(n: int = 6, channels: int = 3, height: int = 4, width: int = 5) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (n, channels, height, width), dtype=np.uint8)


def make() -> SyntheticPool:
    return SyntheticPool(images(), LABELS)


# ------------------------------------------------------------------ what is in it


def test_images_are_sorted_by_class_and_stay_in_order_within_one():
    pool = make()
    assert pool.targets == [1, 1, 2, 3, 3, 3]
    assert pool.counts == {1: 2, 2: 1, 3: 3}
    assert pool.classes == [1, 2, 3]
    np.testing.assert_array_equal(pool.images.numpy(), images()[[1, 3, 4, 0, 2, 5]])
    assert pool.images.dtype == torch.uint8
    assert pool.images.device.type == "cpu"
    assert (len(pool), pool.shape, pool.nbytes) == (6, (3, 4, 5), 360)
    assert SyntheticPool.size(6, (3, 4, 5)) == pool.nbytes == pool.images.nbytes


@pytest.mark.parametrize(
    "convert",
    [
        torch.from_numpy,
        lambda x: torch.from_numpy(x.transpose(0, 2, 3, 1).copy()).permute(0, 3, 1, 2),
        np.asfortranarray,
        lambda x: np.lib.stride_tricks.as_strided(x, writeable=False),
    ],
    ids=["tensor", "permuted", "fortran", "read-only"],
)
def test_any_memory_layout_gives_the_same_pool(convert, recwarn):
    assert torch.equal(SyntheticPool(convert(images()), LABELS).images, make().images)
    assert not recwarn.list


def test_the_pool_is_a_copy_and_gives_copies():
    array = images()
    pool = SyntheticPool(array, LABELS)
    array[:] = 0
    pool[0][0].zero_()
    pool.draw(1, 0.0).zero_()
    assert torch.equal(pool.images, make().images)


@pytest.mark.parametrize(
    ("labels", "plain"),
    [
        (np.array([1, 0], np.int64), [1, 0]),
        (torch.tensor([1, 0]), [1, 0]),
        (np.array(["b", "a"]), ["b", "a"]),
        (np.array(["b", "a"], dtype=object), ["b", "a"]),
        (pd.Series(["b", "a"]), ["b", "a"]),
        ([np.int32(1), np.int64(0)], [1, 0]),
        ([torch.tensor(1), torch.tensor(0)], [1, 0]),
        ((True, False), [True, False]),
        ([1.5, 0.5], [1.5, 0.5]),
    ],
)
def test_labels_of_any_container_become_plain_values(labels, plain):
    pool = SyntheticPool(images(2), labels)
    assert pool.targets == sorted(plain)
    assert [type(label) for label in pool.targets] == [type(label) for label in plain]
    assert torch.equal(pool.draw(labels[0], 0.0), pool.images[1])


def test_classes_may_be_given_in_another_order_or_as_names():
    assert SyntheticPool(images(), LABELS, [3, 2, 1, 9]).classes == [3, 2, 1, 9]
    names = ["none", "cat", "dog", "owl"]
    assert SyntheticPool(images(), LABELS, names).classes == names


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((images().astype(np.float32), LABELS), InvalidTypeError, "uint8, got float32: scale"),
        ((images().tolist(), LABELS), InvalidTypeError, "array or a tensor, got list"),
        ((images()[:, 0], LABELS), InvalidInputError, r"images\[:, None\]"),
        ((images(height=8).transpose(0, 2, 3, 1), LABELS), InvalidInputError, "transpose"),
        ((images(channels=5, width=9), LABELS), InvalidInputError, "1 to 4 channels"),
        ((images(0), []), InvalidInputError, "at least one image"),
        ((images(height=0), LABELS), InvalidInputError, "at least one image"),
        ((images(), LABELS[1:]), InvalidInputError, "one label per image: 6, got 5"),
        ((images(), torch.tensor(1)), InvalidInputError, "a single one"),
        ((images(2), [1, "1"]), InvalidTypeError, "of one type, got int, str"),
        ((images(2), [[1], [2]]), InvalidTypeError, "single values"),
        ((images(2), [None, None]), InvalidInputError, "missing"),
        ((images(2), [1.0, float("nan")]), InvalidInputError, "missing"),
        ((images(2), [1j, 2j]), InvalidTypeError, "sortable"),
        ((images(), LABELS, ["cat", "dog"]), InvalidInputError, "2 entries"),
        ((images(2), ["a", "b"], ["a"]), InvalidInputError, r"\['b'\]"),
        ((images(2), ["a", "b"], ["a", "b", "a"]), InvalidInputError, "twice"),
    ],
)
def test_what_cannot_be_a_pool_is_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        SyntheticPool(*arguments)


# ------------------------------------------------------------------ drawing


@given(
    counts=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    u=st.floats(0, 1, exclude_max=True),
)
@settings(max_examples=50)
def test_a_draw_is_the_quantile_of_the_class(counts, u):
    labels = [label for label, count in enumerate(counts) for _ in range(count)]
    array = np.arange(len(labels), dtype=np.uint8).reshape(-1, 1, 1, 1)
    pool = SyntheticPool(array, labels)
    for label, count in enumerate(counts):
        drawn = int(pool.draw(label, u))
        assert labels[drawn] == label
        assert drawn - labels.index(label) <= u * count < drawn - labels.index(label) + 1


def test_draws_reach_every_image_equally_often():
    pool = SyntheticPool(np.arange(4, dtype=np.uint8).reshape(4, 1, 1, 1), [0, 1, 1, 1])
    drawn = Counter(int(pool.draw(1, u)) for u in np.arange(300) / 300)
    assert drawn == {1: 100, 2: 100, 3: 100}
    assert int(pool.draw(1, np.nextafter(1, 0))) == 3


@given(st.integers(1, 2**50))
def test_the_highest_quantile_is_an_image(count):
    # The rule of draw(), for more images than a test can make.
    assert int(float(np.nextafter(1, 0)) * count) == count - 1


@pytest.mark.parametrize(
    ("label", "u", "words"),
    [
        (7, 0.5, "no class 7; known: 1, 2, 3"),
        ("1", 0.5, "'1' of type str; there is 1 of type int"),
        ([1], 0.5, r"no class \[1\]"),
        (1, 1.0, r"\[0, 1\), got 1.0"),
        (1, -0.1, "got -0.1"),
        (1, float("nan"), "got nan"),
    ],
)
def test_a_draw_that_is_impossible_is_refused(label, u, words):
    with pytest.raises(InvalidInputError, match=words):
        make().draw(label, u)


# ------------------------------------------------------------------ as a dataset


def test_indexing_is_that_of_a_dataset():
    pool = make()
    assert [label for _, label in pool] == pool.targets
    assert torch.equal(pool[-1][0], pool[5][0])
    assert torch.equal(pool[np.int64(2)][0], pool.images[2])
    for index in (6, -7):
        with pytest.raises(IndexError, match="6 images"):
            pool[index]


def test_a_transform_is_applied_by_indexing_only():
    pool = make()
    halves = pool.with_transform(lambda image: image.float() / 2)
    assert torch.equal(halves[3][0], pool[3][0].float() / 2)
    assert pool.transform is None
    assert halves.images.data_ptr() == pool.images.data_ptr()
    assert halves.draw(1, 0.0).dtype == torch.uint8
    assert SyntheticPool(images(), LABELS, transform=torch.Tensor.float)[0][0].dtype == torch.float


def test_relabel_gives_other_labels_to_the_same_images():
    pool = SyntheticPool(images(), list("cabcab"), ["x", "a", "b", "c"])
    numbers = pool.relabel({"c": 0, "b": 1, "a": 2, "unused": 9}, ["c", "b", "a"])
    assert numbers.counts == {0: 2, 1: 2, 2: 2}
    assert numbers.classes == ["c", "b", "a"]
    for letter, number in (("c", 0), ("b", 1), ("a", 2)):
        assert torch.equal(numbers.draw(number, 0.6), pool.draw(letter, 0.6))
    with pytest.raises(InvalidInputError, match=r"\['a', 'b'\]"):
        pool.relabel({"c": 0})


def test_repr_states_classes_and_memory():
    assert repr(make()) == "SyntheticPool(6 images of 3x4x5, {1: 2, 2: 1, 3: 3}, 360 B)"
    many = SyntheticPool(images(11, 1), range(11))
    assert repr(many) == "SyntheticPool(11 images of 1x4x5, 11 classes, 220 B)"


def test_pools_mix_with_real_data_in_a_loader():
    real = TensorDataset(torch.zeros(12, 3, 4, 5, dtype=torch.uint8), torch.arange(12) % 3 + 1)
    pool = make()
    both = ConcatDataset([[(image, int(label)) for image, label in real], pool])
    targets = [*(int(label) for _, label in real), *pool.targets]
    weights = [1 / targets.count(label) for label in targets]
    sampler = WeightedRandomSampler(weights, 300, generator=torch.Generator().manual_seed(0))
    seen = torch.cat([y for _, y in DataLoader(both, 50, sampler=sampler)])
    assert all(70 < count < 130 for count in Counter(seen.tolist()).values())


# ------------------------------------------------------------------ shared memory


def darken(pool: SyntheticPool) -> None:
    """Write into the pool's memory, from another process."""
    pool.images.zero_()


def doubled(image: torch.Tensor) -> torch.Tensor:
    return image.int() * 2


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_the_images_are_shared_with_other_processes(context):
    pool = make()
    assert pool.images.is_shared()
    process = torch.multiprocessing.get_context(context).Process(target=darken, args=(pool,))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert not pool.images.any()


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_workers_read_the_pool(context):
    """Workers of a DataLoader read the pool and its transform."""
    pool = make().with_transform(doubled)
    loader = DataLoader(pool, 2, num_workers=1, multiprocessing_context=context)
    batches = [batch for batch, _ in loader]
    assert torch.equal(torch.cat(batches), make().images.int() * 2)


def test_too_little_shared_memory_is_told_and_survived(monkeypatch):
    def full(self: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("unable to allocate shared memory(shm): No space left on device")

    monkeypatch.setattr(torch.Tensor, "share_memory_", full)
    with pytest.warns(GanaugWarning, match=r"360 B.*shm-size.*No space left"):
        pool = make()
    assert pool.targets == [1, 1, 2, 3, 3, 3]
    np.testing.assert_array_equal(pool.images[0].numpy(), images()[1])


def test_a_pickled_pool_is_the_same():
    pool = pickle.loads(pickle.dumps(make()))
    assert torch.equal(pool.images, make().images)
    assert torch.equal(pool.draw(3, 0.5), make().draw(3, 0.5))


def test_torchvision_is_not_imported():
    code = "import sys, ganaug, ganaug.pool; assert 'torchvision' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# ------------------------------------------------------------------ one file


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (LABELS, None),
        (LABELS, ["none", "cat", "dog", "owl"]),
        (["1", "2", "1", "2", "1", "2"], ["2", "1", "0"]),
        ([True, False] * 3, None),
        ([0.5, 1e300] * 3, None),
        (list(pd.to_datetime(["2020-01-01", "2021-01-01"])) * 3, None),
    ],
    ids=["int", "names", "str", "bool", "float", "time"],
)
def test_a_saved_pool_comes_back(tmp_path, labels, classes):
    pool = SyntheticPool(images(), labels, classes)
    path = tmp_path / "new" / "rare.pool"
    pool.save(path)
    again = SyntheticPool.load(str(path))
    assert torch.equal(again.images, pool.images)
    assert again.images.is_shared()
    assert (again.targets, again.classes) == (pool.targets, pool.classes)
    assert [type(label) for label in again.targets] == [type(label) for label in pool.targets]
    assert [entry.name for entry in path.parent.iterdir()] == ["rare.pool"]


def test_saving_replaces_a_file_and_keeps_to_the_umask(tmp_path):
    path = tmp_path / "rare.pool"
    make().save(path)
    SyntheticPool(images(2), ["a", "b"]).save(path)
    assert SyntheticPool.load(path).targets == ["a", "b"]
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask


def test_a_label_that_cannot_be_stored_is_refused_when_saving(tmp_path):
    pool = SyntheticPool(images(2), [(1, 2), (3, 4)])
    with pytest.raises(ArtifactError, match="type tuple"):
        pool.save(tmp_path / "rare.pool")
    assert not list(tmp_path.iterdir())


def test_a_failed_save_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "rare.pool"
    make().save(path)

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(ArtifactError, match="No space left"):
        SyntheticPool(images(2), ["a", "b"]).save(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["rare.pool"]
    assert SyntheticPool.load(path).targets == make().targets


@pytest.mark.parametrize("where", ["", "folder"])
def test_places_that_are_no_files_are_refused(tmp_path, where):
    (tmp_path / "folder").mkdir()
    place = tmp_path / (where or "missing")
    with pytest.raises(ArtifactError, match="No pool can be read"):
        SyntheticPool.load(place)
    with pytest.raises(ArtifactError, match="cannot be saved"):
        make().save(tmp_path / "folder")


def test_damage_is_noticed(tmp_path):
    """No flipped bit and no missing end of a file goes unnoticed."""
    path = tmp_path / "rare.pool"
    make().save(path)
    whole = path.read_bytes()
    rng = random.Random(0)
    for _ in range(300):
        damaged = bytearray(whole)
        damaged[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        with pytest.raises(ArtifactError):
            SyntheticPool.load(path)
    for length in range(0, len(whole), 37):
        path.write_bytes(whole[:length])
        with pytest.raises(ArtifactError):
            SyntheticPool.load(path)


def write(path: Path, tensors: dict[str, Any], document: Any) -> None:
    """Write a file with a right checksum, whatever it says."""
    from ganaug.pool import _digest

    text = document if isinstance(document, str) else json.dumps(document)
    digest = _digest(text, tensors["images"].view(torch.uint8)) if "images" in tensors else ""
    save_file(tensors, path, {"ganaug": text, "sha256": digest})


GOOD = {
    "kind": "ganaug.SyntheticPool",
    "format": 1,
    "labels": [{"int": 0}, {"int": 1}],
    "counts": [1, 1],
    "classes": [{"int": 0}, {"int": 1}],
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "ganaug.GANAugmenter"}, "not a saved SyntheticPool"),
        ({"format": 2}, "format 2, but this version of ganaug reads formats up to 1. Upgrade"),
        ({"format": "1"}, "invalid format version"),
        ({"counts": [10**13, 1]}, "add up to 2 images"),
        ({"counts": [2, 0]}, "add up to 2 images"),
        ({"counts": [3, -1]}, "add up to 2 images"),
        ({"counts": 2}, "does not describe a pool"),
        ({"counts": [2]}, "does not describe a pool"),
        ({"labels": [{"int": 0}, {"str": "a"}]}, "of one type"),
        ({"labels": [{"object": 0}, {"int": 1}]}, "Not a stored value"),
        ({"labels": None}, "does not describe a pool"),
        ({"classes": [{"str": "a"}]}, "entries"),
        ({"classes": 3}, "does not describe a pool"),
    ],
)
def test_files_that_describe_no_pool_are_refused(tmp_path, change, words):
    path = tmp_path / "rare.pool"
    tensors = {"images": torch.zeros(2, 1, 4, 4, dtype=torch.uint8)}
    write(path, tensors, GOOD)
    assert SyntheticPool.load(path).targets == [0, 1]
    write(path, tensors, {**GOOD, **change})
    with pytest.raises(ArtifactError, match=words):
        SyntheticPool.load(path)


@pytest.mark.parametrize("document", ["", "[]", "{", "[" * 10_000])
def test_files_of_others_are_refused(tmp_path, document):
    path = tmp_path / "rare.pool"
    write(path, {"images": torch.zeros(2, 1, 4, 4, dtype=torch.uint8)}, document)
    with pytest.raises(ArtifactError, match="not a saved SyntheticPool"):
        SyntheticPool.load(path)


@pytest.mark.parametrize(
    "tensors",
    [
        {"images": torch.zeros(2, 1, 4, 4, dtype=torch.bfloat16)},
        {"images": torch.zeros(2, 1, 4, dtype=torch.uint8)},
        {"images": torch.zeros(2, 9, 4, 9, dtype=torch.uint8)},
        {"pictures": torch.zeros(2, 1, 4, 4, dtype=torch.uint8)},
    ],
)
def test_files_without_images_are_refused(tmp_path, tensors):
    path = tmp_path / "rare.pool"
    write(path, tensors, GOOD)
    with pytest.raises(ArtifactError):
        SyntheticPool.load(path)


def test_a_pickle_is_refused_and_not_run(tmp_path):
    path = tmp_path / "rare.pool"
    torch.save(make(), path)
    with pytest.raises(ArtifactError, match="No pool can be read"):
        SyntheticPool.load(path)
