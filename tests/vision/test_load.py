"""load_images: folders and datasets as arrays of images and labels."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("torchvision", reason="the adapter needs the extra 'vision'")
from PIL import Image
from torch.utils.data import ConcatDataset, Subset, TensorDataset
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from ganaug import ConfigError, InvalidInputError, InvalidTypeError, MemoryBudgetError
from ganaug.vision import AugmentedDataset, load_images
from tests.vision.support import (
    RARE,
    SIZE,
    Dicts,
    Joint,
    Pairs,
    WholeSamples,
    cifar,
    make_pool,
    mnist,
    pixels,
    plain_floats,
    to_floats,
    write_folder,
)


def test_a_folder_of_images_per_class(tmp_path, untouched, capsys):
    root = write_folder(tmp_path, {"cat": 3, "owl": 2})
    (root / ".hidden").mkdir()
    (root / "cat" / ".DS_Store.png").write_bytes(b"no image")
    (root / "cat" / "notes.txt").write_text("no image")
    X, y = load_images(root)
    assert "reading images" in capsys.readouterr().err
    assert (X.shape, X.dtype) == ((5, SIZE, SIZE, 3), np.uint8)
    assert y.tolist() == ["cat"] * 3 + ["owl"] * 2
    np.testing.assert_array_equal(X[:3].transpose(0, 3, 1, 2), pixels(3, 3, seed=0))
    np.testing.assert_array_equal(load_images(str(root), progress=False)[0], X)
    assert "reading" not in capsys.readouterr().err


@pytest.mark.parametrize("suffix", ["jpg", "bmp", "webp", "tiff", "ppm"])
def test_other_file_formats(tmp_path, suffix):
    """JPEG, BMP, WebP, TIFF and PPM files are read as PNG files are."""
    (tmp_path / "cat").mkdir()
    Image.new("RGB", (9, 8), (250, 0, 0)).save(tmp_path / "cat" / f"1.{suffix.upper()}")
    X, _ = load_images(tmp_path, progress=False)
    assert X.shape == (1, 8, 9, 3)
    assert X[0, 0, 0, 0] > 240


@pytest.mark.parametrize(
    ("mode", "shape", "dtype"),
    [
        ("L", (), "uint8"),
        ("LA", (2,), "uint8"),
        ("RGB", (3,), "uint8"),
        ("RGBA", (4,), "uint8"),
        ("P", (3,), "uint8"),
        ("1", (), "uint8"),
        ("CMYK", (3,), "uint8"),
        ("I;16", (), "uint16"),
        ("I", (), "uint16"),
    ],
)
@pytest.mark.parametrize("resize", [None, 16])
def test_modes_of_files(tmp_path, mode, shape, dtype, resize):
    """Each mode of PIL becomes an array of its channels and bits."""
    (tmp_path / "cat").mkdir()
    suffix = "tiff" if mode in ("CMYK", "LA", "I") else "png"
    image = Image.new(mode, (8, 8), *([1000] if mode[0] == "I" else []))
    image.save(tmp_path / "cat" / f"1.{suffix}")
    X, _ = load_images(tmp_path, resize=resize, progress=False)
    size = resize or 8
    assert (X.shape, X.dtype) == ((1, size, size, *shape), dtype)
    if mode[0] == "I":
        assert (X == 1000).all()


def test_a_transparent_palette_keeps_its_transparency(tmp_path):
    (tmp_path / "cat").mkdir()
    image = Image.new("P", (8, 8))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.save(tmp_path / "cat" / "1.png", transparency=0)
    X, _ = load_images(tmp_path, progress=False)
    assert X[0, 0, 0].tolist() == [10, 20, 30, 0]


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: cifar(transform=to_floats(), target_transform=str), (20, 8, 8, 3)),
        (lambda: mnist(transform=to_floats()), (20, 8, 8)),
        (lambda: Joint(transforms=v2.Resize(3)), (10, 8, 8, 3)),
        (lambda: Joint(transform=to_floats(), target_transform=str), (10, 8, 8, 3)),
        (lambda: Subset(Subset(cifar(transform=to_floats()), range(10)), [5, 2]), (2, 8, 8, 3)),
        (
            lambda: ConcatDataset([cifar(), Subset(cifar(transform=to_floats()), [1])]),
            (21, 8, 8, 3),
        ),
        (lambda: TensorDataset(torch.from_numpy(pixels(9, 3)), torch.arange(9)), (9, 8, 8, 3)),
        (lambda: TensorDataset(torch.from_numpy(pixels(9, 1)), torch.arange(9)), (9, 8, 8)),
        (lambda: Pairs(pixels(9, 3), np.arange(9)), (9, 8, 8, 3)),
        (lambda: Pairs(pixels(9, 2).transpose(0, 2, 3, 1), np.arange(9)), (9, 8, 8, 2)),
        (lambda: Pairs(pixels(9, 1)[:, 0], np.arange(9)), (9, 8, 8)),
        (lambda: Pairs(pixels(9, 1)[:, 0].astype(np.uint16) * 99, np.arange(9)), (9, 8, 8)),
        (lambda: Dicts(pixels(9, 3), np.arange(9), transform=v2.ToTensor), (9, 8, 8, 3)),
        (lambda: WholeSamples(pixels(9, 3), list("abcabcabc"), transform=dict), (9, 8, 8, 3)),
        (lambda: AugmentedDataset(cifar(transform=to_floats()), make_pool()), (25, 8, 8, 3)),
    ],
    ids=range(15),
)
def test_datasets_are_read_without_their_transforms(untouched, make, shape):
    dataset = make()
    X, y = load_images(dataset, progress=False)
    assert X.shape == shape
    assert len(y) == shape[0]
    assert y.dtype.kind in "iU"
    if shape[0] == 20:
        assert y.tolist() == [int(label) for label in dataset.targets]
        np.testing.assert_array_equal(X, np.asarray(dataset.data))
    if isinstance(dataset, Pairs) and X.ndim == 4:
        assert X.max() == dataset.images.max() < 100


def test_resize(tmp_path):
    """resize brings files and arrays to one size."""
    root = write_folder(tmp_path / "a", {"cat": 2}, size=8)
    write_folder(tmp_path / "b", {"cat": 1}, size=12)
    (tmp_path / "b" / "cat" / "000.png").rename(root / "cat" / "big.png")
    assert load_images(root, resize=10, progress=False)[0].shape == (3, 10, 10, 3)
    assert load_images(root, resize=(6, 9), progress=False)[0].shape == (3, 6, 9, 3)
    flat = Pairs(np.full((2, 3, 8, 8), 77, np.uint8), [0, 1])
    X, _ = load_images(flat, resize=5, progress=False)
    assert X.shape == (2, 5, 5, 3)
    assert (X == 77).all()


@pytest.mark.parametrize("stated", [True, False])
def test_limit_shortens_common_classes(tmp_path, stated):
    base = ImageFolder(write_folder(tmp_path, {"cat": 9, "dog": 4, "owl": 2}))
    if not stated:
        base = Pairs([image for image, _ in base], base.targets)
    X, y = load_images(base, limit=3, progress=False)
    assert y.tolist() == [0, 0, 0, 1, 1, 1, 2, 2]
    np.testing.assert_array_equal(X[:3].transpose(0, 3, 1, 2), pixels(9, 3, seed=0)[:3])


def test_what_is_loaded_makes_a_pool_for_the_same_dataset(tmp_path):
    from ganaug.pool import SyntheticPool

    base = ImageFolder(write_folder(tmp_path, {"cat": 5, "owl": 2}), transform=plain_floats())
    X, y = load_images(base, progress=False)
    pool = SyntheticPool(X[y == 1].transpose(0, 3, 1, 2), y[y == 1])
    dataset = AugmentedDataset(base, pool)
    assert dataset.targets == [0] * 5 + [1] * 4
    assert torch.equal(dataset[7][0], dataset[5][0])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"resize": 0}, "resize"),
        ({"resize": (8,)}, "resize"),
        ({"resize": (8, -1)}, "resize"),
        ({"resize": 8.5}, "resize"),
        ({"resize": True}, "resize"),
        ({"errors": "ignore"}, "errors='ignore' is not possible; known: raise, skip"),
        ({"max_skipped": -1}, "max_skipped"),
        ({"limit": 0}, "limit"),
        ({"limit": 1.5}, "limit"),
    ],
)
def test_impossible_options_of_loading_are_refused(options, words):
    with pytest.raises(ConfigError, match=words):
        load_images(cifar(), **options)


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([(torch.rand(3, 8, 8), 0)], "Image 0 of list must be a PIL image.*float32.*Transforms"),
        ([(np.zeros((8, 8, 3), np.int64), 0)], "int64"),
        ([(np.zeros((8, 8, 5), np.uint8), 0)], "shape"),
        ([(np.zeros((1, 8, 8, 3), np.uint8), 0)], "shape"),
        ([(torch.zeros(5, 8, 8, dtype=torch.uint8), 0)], "shape"),
        ([("cat.png", 0)], "got str"),
        ([(Image.new("F", (8, 8)), 0)], "mode 'F'"),
        ([(Image.new("I", (8, 8), -1), 0)], "mode 'I'"),
        ([(Image.new("I", (8, 8), 70_000), 0)], "mode 'I'"),
        ([(Image.new("L", (8, 8)), None)], "label of Image 0 of list.*NoneType"),
        ([(Image.new("L", (8, 8)), torch.eye(2)[0])], "label.*Tensor"),
        ([(Image.new("L", (8, 8)), 0.5)], "label.*float"),
        ([Image.new("L", (8, 8))], "image, label"),
        (7, "map-style"),
        ([], "empty"),
    ],
    ids=range(15),
)
def test_items_that_are_no_labelled_images_are_refused(items, words):
    with pytest.raises((InvalidTypeError, InvalidInputError), match=words):
        load_images(items, progress=False)


@pytest.mark.parametrize(
    ("dtype", "channels", "fine"), [("uint8", 2, True), ("uint16", 0, True), ("uint16", 3, False)]
)
def test_arrays_are_resized_where_pil_can(dtype, channels, fine):
    array = np.full((8, 8, channels) if channels else (8, 8), 99, dtype)
    if not fine:
        with pytest.raises(InvalidTypeError, match="16 bits and channels"):
            load_images([(array, 0)], resize=4, progress=False)
        return
    X, _ = load_images([(array, 0)], resize=4, progress=False)
    assert X.dtype == dtype
    assert X.shape[:3] == (1, 4, 4)
    # PIL weighs gray by its alpha, which rounds.
    assert np.abs(X.astype(int) - 99).max() <= 2


def test_more_images_than_fit_are_refused_before_they_are_read(monkeypatch):
    monkeypatch.setattr("ganaug.runtime.memory.check_budget", lambda option: 3_000)
    with pytest.raises(MemoryBudgetError, match=r"20 images of 8x8x3 need 3\.8 KB.*limit="):
        load_images(cifar(), progress=False)
    assert len(load_images(cifar(), limit=4, progress=False)[0]) == 12


def test_labels_that_a_dataset_states_otherwise_than_it_yields_are_read_from_its_items():
    base = Pairs(pixels(6, 3), [0, 1, 2, 0, 1, 2], targets=["cat", "dog", "owl"] * 2)
    assert AugmentedDataset(base, make_pool(n=1)).targets == [0, 1, 2, 0, 1, 2, 2]
    base.targets, base.labels = np.eye(6), lambda: None
    assert AugmentedDataset(base, make_pool(n=1)).targets == [0, 1, 2, 0, 1, 2, 2]


class Slots:
    """A dataset without a dictionary of attributes."""

    __slots__ = ("images", "transform")

    def __init__(self, transform: Any) -> None:
        self.images, self.transform = pixels(4, 3).transpose(0, 2, 3, 1).copy(), transform

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Any:
        return defaultdict(int, image=self.transform(self.images[index]), label=index)


def test_unusual_datasets_and_mappings_work():
    """Datasets with slots and items in other mappings are augmented."""
    dataset = AugmentedDataset(Slots(v2.ToImage()), make_pool())
    assert type(dataset[0]) is type(dataset[4]) is defaultdict
    assert dataset.targets == [0, 1, 2, 3] + [RARE] * 5
    assert dataset.classes == [0, 1, 2, 3]


def test_transforms_that_cannot_be_replaced_are_refused():
    class Fixed(Pairs):
        transform = property(lambda self: v2.ToImage())

    with pytest.raises(InvalidTypeError, match="cannot be replaced in a copy"):
        AugmentedDataset(Fixed(pixels(3, 3), [0, 1, 2]), make_pool())
