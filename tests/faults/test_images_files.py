"""Faults 37 to 40: files of images that do not belong together, are damaged, or are bombs."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torchvision", reason="reading folders of images needs the extra 'vision'")

from PIL import Image
from torchvision.datasets import ImageFolder

from ganaug import GanaugError, GanaugWarning, InvalidInputError
from ganaug.vision import load_images


def write(path: Path, mode: str = "RGB", size: tuple[int, int] = (16, 12)) -> Path:
    """Write a noisy image, so that half a file is half an image."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (size[1], size[0], len(Image.new(mode, (1, 1)).getbands()))
    noise = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    Image.fromarray(noise[..., 0] if shape[2] == 1 else noise).save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of 40 cats and one owl."""
    for i in range(40):
        write(tmp_path / "cat" / f"{i:02d}.png")
    write(tmp_path / "owl" / "00.png")
    return tmp_path


def sources(folder: Path) -> list[Any]:
    return [folder, str(folder), ImageFolder(folder)]


def refused(source: Any, *words: str, **options: Any) -> GanaugError:
    with pytest.raises(InvalidInputError) as caught:
        load_images(source, progress=False, **options)
    for word in words:
        assert word in str(caught.value)
    return caught.value


# ------------------------------------------------------------------ 37 and 38


@pytest.mark.parametrize("errors", ["raise", "skip"])
def test_fault_37_mixed_sizes_are_refused_and_two_files_named(folder, errors):
    odd = write(folder / "owl" / "odd.png", size=(10, 20))
    first = folder / "cat" / "00.png"
    for source in sources(folder):
        refused(source, str(first), str(odd), "12x16", "20x10", "resize=(12, 16)", errors=errors)
        X, _ = load_images(source, resize=(12, 16), progress=False)
        assert X.shape == (42, 12, 16, 3)


def test_fault_37_items_of_a_dataset_are_named_by_their_index():
    items = [(Image.new("L", (8, 8)), 0), (Image.new("L", (9, 8)), 1)]
    refused(items, "Image 0 of list is 8x8", "Image 1 of list is 8x9")


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("L", "1 channel (gray) of uint8"),
        ("RGBA", "4 (RGB, alpha) of uint8"),
        ("LA", "2 (gray, alpha) of uint8"),
    ],
)
def test_fault_38_mixed_channels_or_alpha_are_refused_and_two_files_named(folder, mode, words):
    odd = write(folder / "owl" / "odd.png", mode)
    refused(folder, str(odd), str(folder / "cat" / "00.png"), "3 (RGB) of uint8", words)
    refused(folder, "channels", resize=8)
    # The way out that the message names.
    X, _ = load_images(ImageFolder(folder), progress=False)
    assert X.shape == (42, 12, 16, 3)


def test_fault_38_mixed_depths_are_refused(tmp_path):
    write(tmp_path / "cat" / "0.png", "L")
    deep = np.zeros((12, 16), np.uint16)
    Image.fromarray(deep).save(tmp_path / "cat" / "1.png")
    refused(tmp_path, "1 channel (gray) of uint8", "1 channel (gray) of uint16")


# ------------------------------------------------------------------ 39


def truncate(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def scramble(path: Path) -> None:
    path.write_bytes(b"this is no image")


def spoil_chunk(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[data.index(b"IDAT") + 40] ^= 255
    path.write_bytes(data)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def remove(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


DAMAGES = [truncate, scramble, spoil_chunk, empty, remove]


@pytest.mark.parametrize("damage", DAMAGES)
def test_fault_39_a_truncated_file_is_refused_and_named(folder, damage):
    bad = folder / "cat" / "07.png"
    source = ImageFolder(folder)
    damage(bad)
    refused(folder, str(bad), 'errors="skip"')
    refused(source, str(bad), 'errors="skip"')


@pytest.mark.parametrize("suffix", ["jpg", "webp", "bmp", "tiff"])
def test_fault_39_other_formats(tmp_path, suffix):
    """A truncated file is named, whatever its format."""
    bad = write(tmp_path / "cat" / f"0.{suffix}", size=(64, 64))
    truncate(bad)
    refused(tmp_path, str(bad), "cannot be read")


@pytest.mark.parametrize("damage", DAMAGES)
def test_fault_39_skip_counts_and_warns(folder, damage):
    bad = [folder / "cat" / f"{i:02d}.png" for i in (3, 7)]
    for path in bad:
        damage(path)
    with pytest.warns(GanaugWarning, match=r"2 image\(s\) cannot be read") as caught:
        X, y = load_images(folder, errors="skip", progress=False)
    assert all(str(path) in str(caught[0].message) for path in bad)
    assert (len(X), y.tolist().count("cat"), y.tolist().count("owl")) == (39, 38, 1)
    assert X.shape[1:] == (12, 16, 3)


def test_fault_39_skip_is_capped(folder):
    """Skipping ends after max_skipped files, and says how many were skipped."""
    for i in range(11):
        scramble(folder / "cat" / f"{i:02d}.png")
    refused(folder, "More than 10 images", "and 8 more", "max_skipped", errors="skip")
    refused(folder, "More than 0 images", errors="skip", max_skipped=0)
    with pytest.warns(GanaugWarning, match="11 image"):
        X, _ = load_images(folder, errors="skip", max_skipped=11, progress=False)
    assert len(X) == 30


def test_fault_39_nothing_left_is_refused(tmp_path):
    scramble(write(tmp_path / "cat" / "0.png"))
    refused(tmp_path, "No image can be read", "0.png", errors="skip")


@pytest.mark.parametrize("make", [lambda p: p, lambda p: p / "missing", lambda p: p / "file"])
def test_fault_39_folders_without_classes_are_refused(tmp_path, make):
    (tmp_path / "file").write_text("no folder")
    refused(make(tmp_path), "one folder per class")


def test_fault_39_a_class_without_images_is_refused_and_named(folder):
    (folder / "empty").mkdir()
    refused(folder, "empty")


# ------------------------------------------------------------------ 40


def bomb(path: Path, side: int) -> None:
    """Write a PNG of a few bytes whose header claims ``side`` times ``side`` pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    path.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(bytes(100)))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b""))


@pytest.mark.parametrize("errors", ["raise", "skip"])
@pytest.mark.parametrize("side", [10_000, 60_000], ids=["warned", "refused"])
@pytest.mark.parametrize("source", [Path, ImageFolder])
def test_fault_40_a_decompression_bomb_is_refused_and_never_decoded(
    folder, monkeypatch, source: Callable[[Path], Any], side, errors
):
    bad = folder / "owl" / "bomb.png"
    bomb(bad, side)
    dataset = source(folder)
    decoded: list[tuple[int, int]] = []
    from PIL.PngImagePlugin import PngImageFile

    original = PngImageFile.load_prepare
    monkeypatch.setattr(
        PngImageFile,
        "load_prepare",
        lambda self: (decoded.append(self.size), original(self))[1],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what users do must not open the door
        refused(dataset, str(bad), "not decoded", "MAX_IMAGE_PIXELS", errors=errors)
    assert set(decoded) == {(16, 12)}
