"""The folder of a saved model: replaced at once or not at all, and damage is noticed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pickle
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from ganaug import ArtifactError, GANAugmenter
from tests.storage.support import CODES, N, equal, mixed_frame, quick

RNG = np.random.default_rng(1)


def test_paths_are_strings_too_and_folders_are_made(tmp_path):
    augmenter = quick().fit(RNG.normal(size=(N, 2)), CODES)
    augmenter.save_pretrained(str(tmp_path / "a" / "b"))
    equal(GANAugmenter.from_pretrained(str(tmp_path / "a" / "b")).classes_, augmenter.classes_)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    X = mixed_frame()[["float", "Int64", "category", "wide", "datetime"]]
    quick().fit(X, CODES).save_pretrained(folder)
    return folder


@pytest.fixture
def copy(saved: Path, tmp_path: Path) -> Path:
    for file in saved.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def weights_of(folder: Path) -> Path:
    (file,) = folder.glob("*.safetensors")
    return file


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_the_files_are_two_and_readable_by_whom_the_umask_says(tmp_path):
    augmenter = quick().fit(RNG.normal(size=(N, 2)), CODES)
    for mask, mode in ((0o022, 0o644), (0o077, 0o600), (0o002, 0o664)):
        before = os.umask(mask)
        try:
            augmenter.save_pretrained(tmp_path / oct(mask))
        finally:
            os.umask(before)
        assert len(names(tmp_path / oct(mask))) == 2
        for file in (tmp_path / oct(mask)).iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == mode


def test_saving_again_replaces(saved, copy):
    """Saving into the same folder leaves one model, the new one."""
    old = weights_of(copy).name
    other = quick(random_state=1).fit(RNG.normal(size=(N, 2)), CODES)
    other.save_pretrained(copy)
    assert weights_of(copy).name != old
    assert len(names(copy)) == 2
    equal(
        GANAugmenter.from_pretrained(copy).sample(9, random_state=0)[0],
        other.sample(9, random_state=0)[0],
    )
    other.save_pretrained(copy)
    assert len(names(copy)) == 2


@pytest.mark.parametrize("call", [0, 1])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_fault_55_a_crash_while_saving_leaves_the_old_model(saved, copy, monkeypatch, call, error):
    """Crash before the weights are in place (0), and between weights and configuration (1)."""
    old = GANAugmenter.from_pretrained(copy)
    other = quick(random_state=1).fit(RNG.normal(size=(N, 2)), CODES)
    calls = []
    replace = Path.replace

    def crash(self: Path, target: Any) -> Any:
        calls.append(target)
        if len(calls) > call:
            raise error
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", crash)
        with pytest.raises((ArtifactError, KeyboardInterrupt)):
            other.save_pretrained(copy)
    assert not [name for name in names(copy) if "tmp" in name]
    loaded = GANAugmenter.from_pretrained(copy)
    equal(loaded.sample(9, random_state=0)[0], old.sample(9, random_state=0)[0])
    other.save_pretrained(copy)  # and the next attempt cleans up
    assert len(names(copy)) == 2


def test_fault_56_a_full_disk_raises_and_leaves_nothing(saved, copy, monkeypatch):
    other = quick(random_state=1).fit(RNG.normal(size=(N, 2)), CODES)
    before = names(copy)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ArtifactError, match="No space left"):
        other.save_pretrained(copy)
    assert names(copy) == before


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    augmenter = quick().fit(RNG.normal(size=(N, 2)), CODES)
    (tmp_path / "file").write_text("mine")
    for path in (tmp_path / "file", tmp_path / "file" / "model"):
        with pytest.raises(ArtifactError, match="cannot be saved"):
            augmenter.save_pretrained(path)
    assert (tmp_path / "file").read_text() == "mine"
    with pytest.raises(ArtifactError):
        GANAugmenter.from_pretrained(tmp_path / "file")


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_fault_56_a_read_only_folder_raises(tmp_path):
    augmenter = quick().fit(RNG.normal(size=(N, 2)), CODES)
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(ArtifactError, match="cannot be saved"):
            augmenter.save_pretrained(tmp_path)
    finally:
        tmp_path.chmod(0o700)


def test_fault_56_a_folder_that_refuses_writing_raises(tmp_path, monkeypatch):
    augmenter = quick().fit(RNG.normal(size=(N, 2)), CODES)

    def refuse(*args: Any, **options: Any) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ArtifactError, match="Permission denied"):
        augmenter.save_pretrained(tmp_path / "model")


def test_strangers_files_survive(copy):
    """Files that are not ours stay when a folder is saved into again."""
    (copy / "notes.txt").write_text("mine")
    (copy / "model.safetensors").write_text("mine too")
    GANAugmenter.from_pretrained(copy).save_pretrained(copy)
    assert {"notes.txt", "model.safetensors"} <= set(names(copy))


@pytest.mark.parametrize("where", [0, 9, 100, -1])
def test_fault_64_a_flipped_bit_is_noticed(copy, where):
    file = weights_of(copy)
    data = bytearray(file.read_bytes())
    data[where] ^= 1
    file.write_bytes(bytes(data))
    with pytest.raises(ArtifactError, match="checksum"):
        GANAugmenter.from_pretrained(copy)


@pytest.mark.parametrize("keep", [0, 7, 1000, -1])
def test_fault_64_truncated_weights_are_noticed(copy, keep):
    file = weights_of(copy)
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(ArtifactError, match="checksum"):
        GANAugmenter.from_pretrained(copy)


def test_missing_weights_are_noticed(copy):
    weights_of(copy).unlink()
    with pytest.raises(ArtifactError, match="weights"):
        GANAugmenter.from_pretrained(copy)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "1",
        '"a"',
        "[" * 100_000,
        "\0",
        "\ufeff{}",
        '{"kind": 1}',
        "9" * 10_000,
    ],
    ids=range(11),
)
def test_a_damaged_configuration_is_refused(copy, text):
    """A configuration that is no JSON object of ours is refused."""
    (copy / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(ArtifactError):
        GANAugmenter.from_pretrained(copy)


def edit(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    file = folder / "config.json"
    config = json.loads(file.read_text())
    change(config)
    file.write_text(json.dumps(config))


def check_head(folder: Path, key: str, value: Any, words: str) -> None:
    edit(folder, lambda config: config.update({key: value}))
    with pytest.raises(ArtifactError, match=words):
        GANAugmenter.from_pretrained(folder)


@pytest.mark.parametrize("value", ["0" * 64, None])
def test_fault_64_another_checksum_is_noticed(copy, value):
    check_head(copy, "sha256", value, "checksum")


@pytest.mark.parametrize(
    "value",
    [
        "../model-0123456789abcdef.safetensors",
        "/etc/passwd",
        "..\\model.safetensors",
        "a/../model-0123456789abcdef.safetensors",
        "model-\0123456789abcdef.safetensors",
        "",
        None,
        ["model"],
    ],
)
def test_fault_66_weights_outside_of_the_folder_are_refused(copy, value):
    check_head(copy, "weights", value, "impossible")


def test_weights_of_another_name_are_noticed(copy):
    check_head(copy, "weights", "model-0123456789abcdef.safetensors", "weights")


@pytest.mark.parametrize(
    ("value", "words"),
    [(2, "Upgrade"), (0, "format"), ("1", "format"), (True, "format"), (None, "format")],
)
def test_fault_67_a_newer_or_impossible_format_is_refused(copy, value, words):
    check_head(copy, "format", value, words)


@pytest.mark.parametrize("value", ["ganaug.Pix2PixAugmenter", "sklearn.svm.SVC"])
def test_fault_68_the_model_of_another_estimator_is_refused(copy, value):
    check_head(copy, "kind", value, "GANAugmenter")


def paths_in(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every value of the configuration, except within the history."""
    if path:
        yield path
    if path[-1:] == ("history",):
        return
    items = data.items() if isinstance(data, dict) else enumerate(data[:2])
    for key, value in items:
        if isinstance(value, (dict, list)) and value:
            yield from paths_in(value, (*path, key))
        else:
            yield (*path, key)


def at(config: Any, path: tuple[Any, ...]) -> Any:
    for key in path[:-1]:
        config = config[key]
    return config


def test_no_part_of_the_configuration_can_be_left_out(saved, copy):
    original = (copy / "config.json").read_text()
    refused = 0
    for path in paths_in(json.loads(original)):
        edit(copy, lambda config, path=path: at(config, path).pop(path[-1]))
        try:
            GANAugmenter.from_pretrained(copy).sample(3)
        except ArtifactError:
            refused += 1
        (copy / "config.json").write_text(original)
    assert refused > 60


@pytest.mark.parametrize("value", [None, -1, 10**9, 1e300, "x", [], {}, [[]], True, "9" * 99])
def test_no_part_of_the_configuration_can_crash_the_loader(saved, copy, value):
    """Each value in turn is replaced: the model loads, or it is refused in our own type."""
    original = (copy / "config.json").read_text()
    for path in paths_in(json.loads(original)):
        edit(copy, lambda config, path=path: at(config, path).__setitem__(path[-1], value))
        with contextlib.suppress(ArtifactError):
            GANAugmenter.from_pretrained(copy)
        (copy / "config.json").write_text(original)


def repack(folder: Path, change: Callable[[dict[str, np.ndarray]], Any]) -> None:
    """Change the arrays and make the checksums fit, as somebody malicious would."""
    file = weights_of(folder)
    arrays = safetensors.numpy.load(file.read_bytes())
    change(arrays)
    put(folder, safetensors.numpy.save(arrays))


def put(folder: Path, payload: bytes) -> None:
    weights_of(folder).unlink()
    digest = hashlib.sha256(payload).hexdigest()
    name = f"model-{digest[:16]}.safetensors"
    (folder / name).write_bytes(payload)
    edit(folder, lambda config: config.update(weights=name, sha256=digest))


@pytest.mark.parametrize("change", ["drop", "scalar", "empty", "wider", "longer", "type", "flat"])
def test_wrong_arrays_are_refused(saved, copy, change):
    """Arrays that are missing, or of another shape or type, are refused."""
    changes: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "scalar": lambda a: np.float32(1).reshape(()),
        "empty": lambda a: a[:0],
        "wider": lambda a: np.concatenate([a, a], -1),
        "longer": lambda a: np.concatenate([a, a]),
        "type": lambda a: a.astype(np.float16),
        "flat": lambda a: np.concatenate([a.ravel(), a.ravel()]),
    }
    payload = weights_of(copy).read_bytes()
    refused = 0
    for name in safetensors.numpy.load(payload):
        put(copy, payload)
        if change == "drop":
            repack(copy, lambda arrays, name=name: arrays.pop(name))
        else:
            repack(
                copy,
                lambda arrays, name=name: arrays.__setitem__(
                    name, np.ascontiguousarray(changes[change](np.atleast_1d(arrays[name])))
                ),
            )
        try:
            GANAugmenter.from_pretrained(copy).sample(3)
        except ArtifactError:
            refused += 1
    assert refused > 20


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff" * 8,
        b"\x02\0\0\0\0\0\0\0{}",
        (2**62).to_bytes(8, "little") + b"{}",
        pickle.dumps({"a": 1}),
        len(h := b'{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}')
        .to_bytes(8, "little") + h + b"\0\0\0\0",
    ],
    ids=["empty", "garbage", "no arrays", "huge header", "pickle", "shape bomb"],
)  # fmt: skip
def test_fault_65_weights_that_are_none_are_refused(copy, payload):
    put(copy, payload)
    with pytest.raises(ArtifactError):
        GANAugmenter.from_pretrained(copy)


@pytest.mark.parametrize("field", ["width", "depth", "noise_dim", "embedding_dim"])
def test_fault_65_absurd_sizes_are_refused_before_memory_is_taken(copy, field):
    for value in (10**5, 10**7, 10**12):
        edit(
            copy,
            lambda c, value=value: c["model"]["recipe"]["architecture"].update({field: value}),
        )
        with pytest.raises(ArtifactError, match="fit together"):
            GANAugmenter.from_pretrained(copy)


def test_a_missing_folder_is_refused(tmp_path):
    for path in (tmp_path / "none", tmp_path, "", "\0"):
        with pytest.raises(ArtifactError):
            GANAugmenter.from_pretrained(path)


def test_strangers_weights_survive(copy):
    """Weights of other models stay, however alike their names are."""
    for name in ("model-best.safetensors", "model-00001-of-00002.safetensors"):
        (copy / name).write_bytes(b"mine")
    GANAugmenter.from_pretrained(copy).save_pretrained(copy)
    assert len(names(copy)) == 4
    assert (copy / "model-best.safetensors").read_bytes() == b"mine"


@pytest.mark.parametrize("text", ['{"model_type": "bert"}', "[]", "not json", "", '{"kind": 1}'])
def test_the_configuration_of_something_else_is_not_replaced(copy, tmp_path, text):
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "config.json").write_text(text)
    with pytest.raises(ArtifactError, match="does not describe a GANAugmenter"):
        GANAugmenter.from_pretrained(copy).save_pretrained(folder)
    assert names(folder) == ["config.json"]
    assert (folder / "config.json").read_text() == text
