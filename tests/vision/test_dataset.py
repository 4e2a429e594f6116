"""AugmentedDataset: synthetic items are like those of the dataset, appended or swapped in."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("torchvision", reason="the adapter needs the extra 'vision'")
from PIL import Image
from torch.utils.data import ConcatDataset, DataLoader, Subset, TensorDataset, random_split
from torchvision import transforms as v1
from torchvision import tv_tensors
from torchvision.datasets import FakeData, ImageFolder, wrap_dataset_for_transforms_v2
from torchvision.transforms import v2

from ganaug import ConfigError, InvalidInputError, InvalidTypeError
from ganaug.vision import AugmentedDataset
from tests.vision.support import (
    RARE,
    SIZE,
    Albumentations,
    Dicts,
    Joint,
    Pairs,
    Scaling,
    WholeSamples,
    cifar,
    is_rare,
    make_pool,
    mnist,
    pixels,
    plain_floats,
    tensor,
    to_floats,
    write_folder,
)

# ------------------------------------------------------------------ AugmentedDataset: datasets


def folder_dataset(tmp_path: Path, **options: Any) -> ImageFolder:
    root = write_folder(tmp_path / "images", {"cat": 9, "dog": 8, "owl": 3})
    return ImageFolder(root, **options)


def test_append_adds_the_pool_behind_an_image_folder(tmp_path, untouched):
    base = folder_dataset(tmp_path, transform=plain_floats())
    dataset = AugmentedDataset(base, make_pool())
    assert len(dataset) == 25
    for i in range(20):
        assert torch.equal(dataset[i][0], base[i][0])
        assert dataset[i][1] == base[i][1]
    for i in range(20, 25):
        image, label = dataset[i]
        same = base.transform(v2.ToPILImage()(dataset.pool.images[i - 20]))
        assert torch.equal(image, same)
        assert label == RARE
    assert dataset.targets == base.targets + [RARE] * 5
    assert dataset.classes == ["cat", "dog", "owl"]
    assert [dataset.is_synthetic(i) for i in (0, 19, 20, 24, -1)] == [False] * 2 + [True] * 3


def test_replace_keeps_the_length_and_the_labels(tmp_path, untouched):
    base = folder_dataset(tmp_path, transform=plain_floats())
    dataset = AugmentedDataset(base, make_pool(), "replace", p=1.0)
    assert len(dataset) == 20
    assert dataset.targets == base.targets
    for i in range(20):
        image, label = dataset[i]
        assert label == base[i][1]
        assert is_rare(image) == dataset.is_synthetic(i) == (label == RARE)


DATASETS = {
    "cifar": lambda: (cifar(transform=plain_floats()), 3),
    "cifar-v1": lambda: (cifar(transform=v1.ToTensor()), 3),
    "cifar-raw": lambda: (cifar(), 3),
    "cifar-target": lambda: (cifar(transform=plain_floats(), target_transform=torch.tensor), 3),
    "mnist": lambda: (mnist(transform=plain_floats()), 1),
    "mnist-raw": lambda: (mnist(), 1),
    "mnist-to-rgb": lambda: (mnist(transform=v1.Compose([v1.Grayscale(3), v1.ToTensor()])), 1),
    "joint": lambda: (Joint(transforms=v2.Compose([v2.PILToTensor(), v2.RandomCrop(5)])), 3),
    "joint-separate": lambda: (Joint(transform=plain_floats(), target_transform=float), 3),
    "joint-raw": lambda: (Joint(), 3),
    "wrapped": lambda: (wrap_dataset_for_transforms_v2(cifar(transform=plain_floats())), 3),
    "subset": lambda: (Subset(cifar(transform=plain_floats()), range(0, 20, 5)), 3),
    "nested": lambda: (Subset(Subset(cifar(transform=to_floats()), range(10)), [5, 2, 0]), 3),
    "split": lambda: (random_split(cifar(transform=plain_floats()), [0.5, 0.5])[0], 3),
    "tensors": lambda: (TensorDataset(torch.from_numpy(pixels(9, 3)), torch.arange(9) % 3), 3),
    "tensors-float": lambda: (
        TensorDataset(torch.from_numpy(pixels(9, 3)) / 255, torch.arange(9) % 3),
        3,
    ),
    "tensors-gray": lambda: (
        TensorDataset(torch.from_numpy(pixels(9, 1)[:, 0]), torch.arange(9) % 3),
        1,
    ),
    "arrays-hwc": lambda: (Pairs(pixels(9, 3).transpose(0, 2, 3, 1).copy(), np.arange(9) % 3), 3),
    "arrays-chw": lambda: (Pairs(pixels(9, 3), np.arange(9) % 3), 3),
    "arrays-hw": lambda: (Pairs(pixels(9, 1)[:, 0], [i % 3 for i in range(9)]), 1),
    "arrays-float": lambda: (Pairs(pixels(9, 3) / 255, [i % 3 for i in range(9)]), 3),
    "arrays-transform": lambda: (
        Pairs(
            pixels(9, 3).transpose(0, 2, 3, 1).copy(),
            [i % 3 for i in range(9)],
            transform=v2.ToImage(),
        ),
        3,
    ),
    "tv_tensors": lambda: (
        Pairs(
            [tv_tensors.Image(x) for x in pixels(9, 3)],
            torch.arange(9) % 3,
            transform=v2.Identity(),
        ),
        3,
    ),
    "dicts": lambda: (Dicts(torch.from_numpy(pixels(9, 3)), np.arange(9) % 3, transform=None), 3),
    "dicts-transform": lambda: (
        Dicts(pixels(9, 3).transpose(0, 2, 3, 1).copy(), np.arange(9) % 3, transform=v2.ToImage()),
        3,
    ),
    "whole-samples": lambda: (
        WholeSamples(torch.from_numpy(pixels(9, 3)), np.arange(9) % 3, transform=v2.Resize(4)),
        3,
    ),
    "keyword": lambda: (
        Albumentations(
            pixels(9, 3).transpose(0, 2, 3, 1).copy(),
            np.arange(9) % 3,
            transform=lambda image: {"image": torch.from_numpy(image.copy()).permute(2, 0, 1)},
        ),
        3,
    ),
    "fake": lambda: (FakeData(8, (3, SIZE, SIZE), 3, plain_floats()), 3),
}


def parts(item: Any) -> tuple[Any, Any]:
    return tuple(item.values()) if isinstance(item, dict) else tuple(item)


def kind(value: Any) -> tuple[Any, ...]:
    if isinstance(value, Image.Image):
        return "PIL", value.mode, value.size
    if isinstance(value, (torch.Tensor, np.ndarray)):
        return type(value), value.dtype, tuple(value.shape)
    return (type(value),)


@pytest.mark.parametrize("name", DATASETS)
def test_synthetic_items_are_like_real_ones(name, untouched):
    with torch.random.fork_rng(devices=[]):
        base, channels = DATASETS[name]()
        before = dict(vars(base))
        dataset = AugmentedDataset(base, make_pool(channels))
        real, made = dataset[0], dataset[len(base)]
        assert type(real) is type(made)
        assert [kind(part) for part in parts(made)] == [kind(part) for part in parts(real)]
        assert [*before] == [*vars(base)]
        assert all(value is vars(base)[key] for key, value in before.items())
        labels = [int(parts(base[i])[1]) for i in range(len(base))]
        assert dataset.targets == labels + [RARE] * 5
        swapped = AugmentedDataset(base, make_pool(channels), "replace", p=1.0)
        assert [swapped.is_synthetic(i) for i in range(len(base))] == [x == RARE for x in labels]
        for i in range(len(base)):
            assert [kind(part) for part in parts(swapped[i])] == [kind(x) for x in parts(real)]
            assert int(parts(swapped[i])[1]) == labels[i]
        if not isinstance(parts(real)[0], Image.Image):
            batch = next(iter(DataLoader(dataset, len(dataset))))
            assert len(parts(batch)[0]) == len(base) + 5


def test_albumentations_in_a_dataset_of_ones_own():
    a = pytest.importorskip("albumentations")
    pipeline = a.Compose([a.RandomCrop(6, 6), a.ToTensorV2()], seed=0)
    base = Albumentations(
        pixels(9, 3).transpose(0, 2, 3, 1).copy(), np.arange(9) % 3, transform=pipeline
    )
    image = AugmentedDataset(base, make_pool())[9]["image"]
    assert (image.shape, image.dtype) == ((3, 6, 6), torch.uint8)
    assert is_rare(image)


def test_random_transforms_of_the_dataset_reach_synthetic_items():
    base = cifar(transform=v2.Compose([v2.PILToTensor(), v2.RandomErasing(p=0.5, value=7)]))
    dataset = AugmentedDataset(base, make_pool(n=100))
    torch.manual_seed(0)
    erased = sum(bool((dataset[20 + i][0] == 7).any()) for i in range(100))
    assert 30 < erased < 70


def test_target_transform_gets_the_label_of_the_pool():
    base = cifar(transform=plain_floats(), target_transform=lambda label: f"class {label}")
    dataset = AugmentedDataset(base, make_pool())
    assert dataset[20][1] == "class 2"
    assert dataset.targets[20] == 2


def test_a_transform_changed_later_is_used():
    base = cifar(transform=plain_floats())
    dataset = AugmentedDataset(base, make_pool())
    base.transform = v2.Compose([plain_floats(), v2.Resize(4)])
    assert dataset[0][0].shape == dataset[20][0].shape == (3, 4, 4)


def test_a_pool_of_another_size_is_fine_where_the_transform_resizes(tmp_path):
    resize = v2.Compose([v2.Resize((6, 6)), plain_floats()])
    dataset = AugmentedDataset(folder_dataset(tmp_path, transform=resize), make_pool(size=16))
    assert dataset[-1][0].shape == (3, 6, 6)
    assert is_rare(dataset[-1][0])


def test_a_transform_of_the_pool_goes_first_and_opens_every_dataset():
    base = Scaling(torch.from_numpy(pixels(9, 3)) / 255, [i % 3 for i in range(9)])
    base.transform = v2.Normalize([0.5], [0.5])
    with pytest.raises(InvalidTypeError, match=r"goes on processing.*with_transform"):
        AugmentedDataset(base, make_pool())
    pool = make_pool().with_transform(lambda image: (image / 255 - 0.5) / 0.5 / 2)
    dataset = AugmentedDataset(base, pool)
    assert torch.allclose(dataset[9][0], torch.tensor((200 / 255 - 0.5) / 0.5 / 2))
    assert AugmentedDataset(base, pool, "replace", p=1.0)[2][0].min() > 0


def test_the_pools_labels_go_through_target_transform_with_its_own_transform_too():
    base = cifar(transform=plain_floats(), target_transform=lambda label: label + 10)
    dataset = AugmentedDataset(base, make_pool().with_transform(lambda image: image / 255))
    assert dataset[20][1] == 12


def test_a_gray_pool_fits_a_folder_of_gray_files(tmp_path):
    root = write_folder(tmp_path / "gray", {"cat": 3, "dog": 2, "owl": 1}, mode="L")
    dataset = AugmentedDataset(ImageFolder(root, plain_floats()), make_pool(1))
    assert dataset[-1][0].shape == (3, SIZE, SIZE)


def test_other_keys_of_mappings():
    """Items under other keys need image_key and label_key, and keep their order."""

    class Named(Dicts):
        def __getitem__(self, index: int) -> Any:
            return {"pixels": self.images[index], "kind": self.tags[index]}

    base = Named(torch.from_numpy(pixels(9, 3)), [i % 3 for i in range(9)])
    with pytest.raises(InvalidTypeError, match=r"\['pixels', 'kind'\].*image_key"):
        AugmentedDataset(base, make_pool())
    dataset = AugmentedDataset(base, make_pool(), image_key="pixels", label_key="kind")
    assert list(dataset[9]) == ["pixels", "kind"]
    assert dataset.targets[:4] == [0, 1, 2, 0]


def test_append_and_replace_can_be_nested():
    base = cifar(transform=plain_floats())
    inner = AugmentedDataset(base, make_pool(n=3))
    both = AugmentedDataset(inner, make_pool(n=4), "replace", p=1.0)
    assert len(both) == 23
    assert [both.is_synthetic(i) for i in (0, 1, 22)] == [True, False, True]
    twice = AugmentedDataset(Subset(inner, [1, 22]), make_pool(n=4))
    assert [is_rare(twice[i][0]) for i in range(6)] == [False] + [True] * 5
    assert twice.targets == [1] + [RARE] * 5


def test_the_first_item_is_read_on_a_copy():
    class Lazy(Pairs):
        handle = None

        def __getitem__(self, index: int) -> Any:
            self.handle = "open: must happen in the worker, not before the fork"
            return super().__getitem__(index)

    base = Lazy(torch.from_numpy(pixels(9, 3)), [i % 3 for i in range(9)])
    AugmentedDataset(base, make_pool(), "replace")
    assert base.handle is None


# ------------------------------------------------------------------ AugmentedDataset: refusals


def test_a_concatenation_is_augmented_part_by_part():
    one, other = cifar(transform=plain_floats()), cifar(transform=v1.ToTensor())
    with pytest.raises(InvalidInputError, match=r"ConcatDataset\(\[AugmentedDataset"):
        AugmentedDataset(ConcatDataset([one, other]), make_pool())
    both = ConcatDataset([AugmentedDataset(one, make_pool()), other])
    assert len(both) == 45
    # Parts of one dataset have its transforms.
    halves = ConcatDataset([Subset(one, range(10)), Subset(one, range(10, 20))])
    assert AugmentedDataset(halves, make_pool()).targets == one.targets + [RARE] * 5


@pytest.mark.parametrize(
    ("base", "channels", "words"),
    [
        (cifar(transform=plain_floats()), 1, "mode 'RGB'"),
        (mnist(transform=plain_floats()), 3, "mode 'L'"),
        (cifar(transform=lambda image: image.convert("P")), 1, "mode 'RGB'"),
        (Pairs(torch.zeros(3, 3, 9, 9, dtype=torch.uint8), [0, 1, 2]), 3, "height and width"),
        (Pairs(torch.zeros(3, 2, 8, 8, dtype=torch.uint8), [0, 1, 2]), 3, "shape"),
        (Pairs(torch.randn(3, 3, 8, 8), [0, 1, 2]), 3, r"float32 with values.*with_transform"),
        (Pairs([Image.new("P", (8, 8))] * 3, [0, 1, 2]), 3, "mode 'P'"),
        (Pairs(["a.png"] * 3, [0, 1, 2]), 3, "PIL image, a tensor or an array of numbers, got str"),
        (Pairs(pixels(3, 3), [[0, 1], [1, 0], [0, 1]]), 3, "single values"),
        (Pairs(pixels(3, 3), torch.eye(3)), 3, "single values.*target_transform"),
        (Pairs(pixels(3, 3), ["cat", "dog", "owl"]), 3, r"such as 'cat'.*such as 2.*pool\.relabel"),
        ([(tensor(), 1, "path")], 3, "3 entries"),
        ([{"image": tensor(), "label": 1, "path": "x"}], 3, r"\['image', 'label', 'path'\]"),
        ([tensor()], 3, "Tensor"),
        ([], 3, "empty"),
        (iter([(tensor(), 1)]), 3, "map-style"),
    ],
    ids=range(16),
)
def test_datasets_that_cannot_be_mixed_with_the_pool_are_refused(base, channels, words):
    with pytest.raises((InvalidInputError, InvalidTypeError), match=words):
        AugmentedDataset(base, make_pool(channels))


def test_another_size_after_the_transforms_is_refused():
    base = cifar(transform=plain_floats())
    with pytest.raises(InvalidInputError, match=r"\(3, 8, 8\).*synthetic one.*\(3, 16, 16\)"):
        AugmentedDataset(base, make_pool(size=16))


def test_names_of_classes_are_translated_on_request(tmp_path):
    base = folder_dataset(tmp_path, transform=plain_floats())
    pool = make_pool(label="owl")
    with pytest.raises(InvalidInputError, match=r"pool\.relabel\(dataset\.class_to_idx\)"):
        AugmentedDataset(base, pool)
    assert AugmentedDataset(base, pool.relabel(base.class_to_idx))[-1][1] == RARE


def test_transforms_under_other_names_are_refused():
    base = Pairs(pixels(3, 3), [0, 1, 2], augment=v2.RandomHorizontalFlip())
    with pytest.raises(InvalidTypeError, match=r"attribute 'augment'.*with_transform"):
        AugmentedDataset(base, make_pool())


@pytest.mark.parametrize(
    "call",
    [
        lambda self, i: (self.transform(self.images[i]), self.transform(self.images[i])),
        lambda self, i: (self.transform(self.images[i], self.images[i], 3), self.tags[i]),
        lambda self, i: ((self.transform(self.images[i]), self.images[i]), self.tags[i]),
        lambda self, i: (self.transform(image=self.images[i], mask=1)["image"], self.tags[i]),
        lambda self, i: (self.transform(self.images[i]) and self.images[i], self.tags[i]),
    ],
    ids=["twice", "three", "both", "mask", "unused"],
)
def test_transforms_called_in_unknown_ways_are_refused(call):
    unusual = type("Unusual", (Pairs,), {"__getitem__": call})
    base = unusual(pixels(3, 3), [0, 1, 2], transform=v2.Identity())
    with pytest.raises(InvalidTypeError, match="with_transform"):
        AugmentedDataset(base, make_pool())


def test_errors_of_the_dataset_itself_come_through():
    class Broken(Pairs):
        def __getitem__(self, index: int) -> Any:
            raise KeyError("its own")

    with pytest.raises(KeyError, match="its own"):
        AugmentedDataset(Broken(pixels(3, 3), [0, 1, 2]), make_pool())


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"pool": None}, InvalidTypeError, "SyntheticPool"),
        ({"mode": "apend"}, ConfigError, "did you mean 'append'"),
        ({"p": 2}, ConfigError, "probability"),
        ({"seed": -1}, ConfigError, "random_state"),
    ],
)
def test_impossible_options_of_the_dataset_are_refused(options, error, words):
    with pytest.raises(error, match=words):
        AugmentedDataset(**{"base": cifar(), "pool": make_pool(), **options})


@pytest.mark.parametrize("epoch", [-1, 1.5, True, "2", 2**63])
def test_impossible_epochs_are_refused(epoch):
    with pytest.raises(ConfigError, match="epoch"):
        AugmentedDataset(cifar(), make_pool()).set_epoch(epoch)


def test_indices_beyond_the_end_are_refused():
    dataset = AugmentedDataset(cifar(transform=plain_floats()), make_pool())
    assert torch.equal(dataset[-25][0], dataset[0][0])
    for index in (25, -26):
        with pytest.raises(IndexError, match="25 items"):
            dataset[index]
    assert sum(1 for _ in dataset) == 25


# ------------------------------------------------------------------ AugmentedDataset: swapping


def all_rare(n: int = 200) -> Any:
    return TensorDataset(torch.zeros(n, 3, SIZE, SIZE, dtype=torch.uint8), torch.full((n,), RARE))


def stream(dataset: Any, **options: Any) -> list[int]:
    loader = DataLoader(dataset, 16, **options)
    return torch.cat([images.amax((1, 2, 3)) for images, _ in loader]).tolist()


def test_the_share_that_is_swapped_is_p_and_all_images_are_used():
    dataset = AugmentedDataset(all_rare(2000), make_pool(n=4), "replace", p=0.3)
    seen = Counter(stream(dataset))
    assert abs(seen[0] / 2000 - 0.7) < 0.04
    assert min(seen[value] for value in (200, 201, 202, 203)) > 100


def test_seed_and_epoch_decide():
    """The swaps depend on seed and epoch, and on nothing else."""

    def make(**options: Any) -> AugmentedDataset:
        return AugmentedDataset(all_rare(), make_pool(n=50), "replace", **options)

    first = make()
    assert stream(make()) == stream(first) == stream(first)
    assert stream(make(seed=1)) != stream(first)
    assert stream(make(seed=None)) != stream(make(seed=None))
    zero = stream(first)
    assert len({*zip(zero[::2], zero[1::2], strict=True)}) > 50, "neighbours are independent"
    first.set_epoch(3)
    assert first.epoch == 3
    assert stream(first) != zero
    first.set_epoch(0)
    assert stream(first) == zero


@pytest.mark.filterwarnings("ignore:This DataLoader will create 4 worker processes")
@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("context", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_any_number_of_workers_gives_the_same_stream(workers, context):
    base = cifar(40, transform=plain_floats())
    dataset = AugmentedDataset(base, make_pool(n=50), "replace")
    options = {"num_workers": workers, "multiprocessing_context": context}
    loaders = [DataLoader(dataset, 8, persistent_workers=True, **options)]
    if context == "fork":
        loaders.append(DataLoader(dataset, 8, **options))
    seen = []
    for epoch in (0, 5, 0):
        dataset.set_epoch(epoch)
        seen.append([image for image, _ in DataLoader(dataset, 8)])
        for loader in loaders:
            batches = [image for image, _ in loader]
            assert all(torch.equal(a, b) for a, b in zip(seen[-1], batches, strict=True))
    differ = [not torch.equal(a, b) for a, b in zip(seen[0], seen[1], strict=True)]
    assert any(differ)
