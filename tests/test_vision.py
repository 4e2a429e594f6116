"""ReplaceRare, AugmentedDataset and load_images, with real torchvision and real DataLoaders."""

from __future__ import annotations

import copy
import pickle
import random
import re
import subprocess
import sys
from collections import Counter, OrderedDict, defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

pytest.importorskip("torchvision", reason="the adapter needs the extra 'vision'")

from PIL import Image
from torch.utils.data import (
    ConcatDataset,
    DataLoader,
    Subset,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
    random_split,
)
from torchvision import transforms as v1
from torchvision import tv_tensors
from torchvision.datasets import FakeData, ImageFolder, wrap_dataset_for_transforms_v2
from torchvision.transforms import v2

from ganaug import ConfigError, InvalidInputError, InvalidTypeError, MemoryBudgetError
from ganaug.vision import AugmentedDataset, ReplaceRare, load_images
from tests.vision_support import (
    RARE,
    SIZE,
    Albumentations,
    Dicts,
    Joint,
    Pairs,
    Replaced,
    Scaling,
    WholeSamples,
    cifar,
    is_rare,
    make_pool,
    mnist,
    pixels,
    plain_floats,
    to_floats,
    write_folder,
)

ALWAYS = {"p": 1.0}


def tensor(channels: int = 3) -> torch.Tensor:
    return torch.from_numpy(pixels(1, channels)[0])


def global_states() -> tuple[Any, ...]:
    numpy_state = np.random.get_state()  # noqa: NPY002 - it is the global state we watch
    return (
        random.getstate(),
        numpy_state[1].tobytes(),
        numpy_state[2:],
        torch.get_rng_state().numpy().tobytes(),
    )


@pytest.fixture
def untouched() -> Any:
    """Check that a test leaves the global random states alone."""
    before = global_states()
    yield
    assert global_states() == before


# ------------------------------------------------------------------ importing


def test_without_torchvision_the_error_says_what_to_install():
    code = (
        "import sys; sys.modules['torchvision'] = None\n"
        "import ganaug, ganaug.pool\n"
        "try:\n    import ganaug.vision\n"
        "except ImportError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "pip install 'ganaug[vision]'" in done.stdout


# ------------------------------------------------------------------ ReplaceRare: samples


def as_pil(mode: str) -> Image.Image:
    channels = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}[mode]
    array = pixels(1, channels)[0]
    return Image.fromarray(array[0] if channels == 1 else array.transpose(1, 2, 0).copy())


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_pil_images_keep_their_mode(untouched, mode):
    image = as_pil(mode)
    pool = make_pool(len(image.getbands()))
    new, label = ReplaceRare(pool, **ALWAYS)(image, RARE)
    assert isinstance(new, Image.Image)
    assert (new.mode, new.size, label) == (mode, image.size, RARE)
    assert 200 <= np.asarray(new).min() == np.asarray(new).max() < 205


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("wrap", [torch.Tensor.clone, tv_tensors.Image])
def test_tensors_keep_their_type(untouched, channels, wrap):
    image = wrap(tensor(channels))
    new, _ = ReplaceRare(make_pool(channels), **ALWAYS)(image, RARE)
    assert type(new) is type(image)
    assert (new.dtype, new.shape) == (torch.uint8, image.shape)
    assert new.min() >= 200 > image.max()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("wrap", [torch.Tensor.clone, tv_tensors.Image])
def test_scaled_floats_are_replaced_by_exactly_what_uint8_becomes(dtype, wrap):
    pool = make_pool()
    scale = v2.ToDtype(dtype, scale=True)
    new, _ = ReplaceRare(pool, **ALWAYS, seed=3)(scale(wrap(tensor())), RARE)
    same, _ = ReplaceRare(pool, **ALWAYS, seed=3)(wrap(tensor()), RARE)
    assert type(new) is type(same)
    assert torch.equal(new, scale(same))


def test_the_floats_of_v1_are_replaced_exactly_too():
    pool = make_pool()
    new, _ = ReplaceRare(pool, **ALWAYS, seed=3)(v1.ToTensor()(as_pil("RGB")), RARE)
    same, _ = ReplaceRare(pool, **ALWAYS, seed=3)(as_pil("RGB"), RARE)
    assert torch.equal(new, v1.ToTensor()(same))


class Point(NamedTuple):
    image: Any
    label: Any


@pytest.mark.parametrize(
    "sample",
    [
        (tensor(), RARE),
        [tensor(), RARE],
        Point(tensor(), RARE),
        (tensor(), torch.tensor(RARE)),
        (tensor(), np.int64(RARE)),
        (tensor(), {"boxes_seen": 1, "label": RARE}),
        (tensor(), {"Labels": torch.tensor(RARE)}),
        (tensor(), RARE, "path.png"),
        {"image": tensor(), "label": RARE},
        {"label": torch.tensor(RARE), "image": tensor()},
        OrderedDict(pixel_values=tensor(), labels=RARE),
        {"x": tensor(), "y": RARE},
        {"img": tensor(), "class": RARE},
        {"image": tensor(), "fine_label": RARE},
        {"image": tv_tensors.Image(tensor()), "label": RARE, "map": torch.zeros(3, SIZE, SIZE)},
    ],
    ids=range(15),
)
def test_samples_of_many_structures(untouched, sample):
    before = pickle.dumps(sample)
    new = ReplaceRare(make_pool(), **ALWAYS)(sample)
    assert type(new) is type(sample)
    assert pickle.dumps(sample) == before, "the input is never changed"
    old_leaves, spec = torch.utils._pytree.tree_flatten(sample)
    new_leaves, new_spec = torch.utils._pytree.tree_flatten(new)
    assert new_spec == spec
    changed = [a is not b for a, b in zip(old_leaves, new_leaves, strict=True)]
    assert sum(changed) == 1
    assert is_rare(new_leaves[changed.index(True)])


def test_several_arguments_are_a_sample():
    image, label, more = ReplaceRare(make_pool(), **ALWAYS)(tensor(), RARE, "path.png")
    assert is_rare(image)
    assert (label, more) == (RARE, "path.png")


def test_a_labels_getter_finds_labels_elsewhere():
    replace = ReplaceRare(make_pool(), **ALWAYS, labels_getter=lambda sample: sample[0])
    label, image = replace(RARE, tensor())
    assert label == RARE
    assert is_rare(image)


def test_string_labels():
    replace = ReplaceRare(make_pool(label="owl"), **ALWAYS)
    assert is_rare(replace(tensor(), "owl")[0])
    assert not is_rare(replace(tensor(), "cat")[0])


def test_other_classes_come_back_as_they_are():
    sample = {"image": tensor(), "label": 0}
    assert ReplaceRare(make_pool(), **ALWAYS)(sample) is sample


def test_classes_choose_among_those_of_the_pool():
    both = make_pool(label=1), make_pool(label=RARE)
    images = torch.cat([pool.images for pool in both])
    pool = type(both[0])(images, both[0].targets + both[1].targets)
    replace = ReplaceRare(pool, **ALWAYS, classes=[1])
    assert is_rare(replace(tensor(), 1)[0])
    assert not is_rare(replace(tensor(), RARE)[0])
    assert "classes=[1]" in repr(replace)


@pytest.mark.parametrize("p", [0, 0.3, 1])
def test_p_is_the_share_that_is_swapped(untouched, p):
    replace = ReplaceRare(make_pool(), p)
    swapped = np.mean([is_rare(replace(tensor(), RARE)[0]) for _ in range(1000)])
    assert abs(swapped - p) <= 0.05 * (0 < p < 1)


def test_every_image_of_the_class_is_used():
    replace = ReplaceRare(make_pool(n=4), **ALWAYS)
    seen = Counter(int(replace(tensor(), RARE)[0].max()) for _ in range(400))
    assert set(seen) == {200, 201, 202, 203}
    assert min(seen.values()) > 60


# ------------------------------------------------------------------ ReplaceRare: batches


@pytest.mark.parametrize("shape", ["NCHW", "NHW"])
@pytest.mark.parametrize(
    "kind", [torch.Tensor.clone, tv_tensors.Image, v2.ToDtype(torch.float, scale=True)]
)
def test_batches(untouched, shape, kind):
    channels = 1 if shape == "NHW" else 3
    images = torch.from_numpy(pixels(40, channels))
    images = kind(images[:, 0] if shape == "NHW" else images)
    labels = torch.arange(40) % 4
    new, same = ReplaceRare(make_pool(channels), **ALWAYS)(images, labels)
    assert same is labels
    assert (type(new), new.dtype, new.shape) == (type(images), images.dtype, images.shape)
    rare = labels == RARE
    assert torch.equal(new[~rare], images[~rare])
    floor = 200 / 255 if images.is_floating_point() else 200
    assert new[rare].min() >= floor > images.max()


def test_collated_dictionaries_and_strings():
    samples = [{"image": tensor(), "label": label} for label in ("owl", "cat", "owl")]
    new = ReplaceRare(make_pool(label="owl"), **ALWAYS)(default_collate(samples))
    assert [is_rare(image) for image in new["image"]] == [True, False, True]
    assert new["label"] == ["owl", "cat", "owl"]


def test_a_batch_without_the_class_is_not_copied():
    images, labels = torch.from_numpy(pixels(4, 3)), torch.zeros(4, dtype=torch.int64)
    assert ReplaceRare(make_pool(), **ALWAYS)(images, labels)[0] is images


def test_samples_and_batches_of_the_same_data_get_the_same_images():
    images, labels = torch.from_numpy(pixels(30, 3)), torch.arange(30) % 3
    batch, _ = ReplaceRare(make_pool(), 0.5)(images, labels)
    one = ReplaceRare(make_pool(), 0.5)
    singles = [one(image, int(label))[0] for image, label in zip(images, labels, strict=True)]
    assert torch.equal(batch, torch.stack(singles))


@pytest.mark.gpu
@pytest.mark.parametrize("scale", [torch.Tensor.clone, v2.ToDtype(torch.float32, scale=True)])
def test_batches_on_the_gpu_stay_there(scale):
    images, labels = scale(torch.from_numpy(pixels(9, 3)).cuda()), torch.arange(9).cuda() % 3
    new, _ = ReplaceRare(make_pool(), **ALWAYS)(images, labels)
    assert (new.device, new.dtype) == (images.device, images.dtype)
    rare = labels == RARE
    assert torch.equal(new[~rare], images[~rare])
    assert new[rare].min() > images.max()


# ------------------------------------------------------------------ ReplaceRare: in pipelines


def test_in_compose_before_mixup():
    pipeline = v2.Compose(
        [
            ReplaceRare(make_pool(), **ALWAYS),
            v2.RandomHorizontalFlip(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize([0.5] * 3, [0.5] * 3),
            v2.MixUp(num_classes=3),
        ]
    )
    images, labels = torch.from_numpy(pixels(6, 3)), torch.arange(6) % 3
    mixed, soft = pipeline(images, labels)
    assert mixed.shape == images.shape
    assert soft.shape == (6, 3)


@pytest.mark.parametrize("mix", [v2.MixUp, v2.CutMix])
def test_after_mixup_or_cutmix_is_refused(mix):
    images, labels = torch.rand(6, 3, SIZE, SIZE), torch.arange(6) % 3
    sample = mix(num_classes=3)(images, labels)
    with pytest.raises(InvalidInputError, match="before MixUp and CutMix"):
        ReplaceRare(make_pool())(sample)


@pytest.mark.parametrize("label", [0, RARE])
@pytest.mark.parametrize(
    "spoil",
    [
        v2.Normalize([0.5] * 3, [0.5] * 3),
        v2.Normalize([0.0] * 3, [2.0] * 3),
        v2.ColorJitter(brightness=(0.5, 0.6)),
        lambda image: image * 255,
    ],
    ids=["range", "scale", "jitter", "unscaled"],
)
def test_after_normalize_is_refused_at_the_first_image(label, spoil):
    image = spoil(v2.ToDtype(torch.float32, scale=True)(tensor()))
    with pytest.raises(InvalidTypeError, match=r"before v2\.Normalize"):
        ReplaceRare(make_pool(), **ALWAYS)(image, label)


@pytest.mark.parametrize("dtype", [torch.int64, torch.int16, torch.uint16])
def test_other_integers_are_refused(dtype):
    with pytest.raises(InvalidTypeError, match="must be uint8"):
        ReplaceRare(make_pool())(tensor().to(dtype), RARE)


@pytest.mark.parametrize("resize", [torch.Tensor.clone, v2.ToPILImage()])
def test_another_size_is_refused_and_the_way_out_named(resize):
    image = resize(torch.zeros(3, 16, 16, dtype=torch.uint8))
    with pytest.raises(InvalidInputError, match=r"16.*8x8 with 3.*v2\.Resize\(\(8, 8\)\).*resize="):
        ReplaceRare(make_pool())(image, 0)
    ok = v2.Compose([v2.Resize((SIZE, SIZE)), ReplaceRare(make_pool(), **ALWAYS)])
    assert is_rare(v2.functional.to_image(ok(image, RARE)[0]))


@pytest.mark.parametrize(
    "image", [tensor(1), tensor(4), as_pil("L"), as_pil("RGBA"), as_pil("RGB")]
)
def test_other_channels_are_refused(image):
    channels = 1 if isinstance(image, Image.Image) and image.mode == "RGB" else 3
    with pytest.raises(InvalidInputError, match=r"channel\(s\)"):
        ReplaceRare(make_pool(channels))(image, 0)


def test_a_gray_pool_fits_gray_images_that_a_loader_made_rgb():
    image = as_pil("L").convert("RGB")
    new, _ = ReplaceRare(make_pool(1), **ALWAYS)(image, RARE)
    assert new.mode == "RGB"
    assert np.asarray(new).min() >= 200


@pytest.mark.parametrize("mode", ["P", "1", "F", "CMYK"])
def test_other_pil_modes_are_refused(mode):
    with pytest.raises(InvalidTypeError, match=f"mode '{mode}'"):
        ReplaceRare(make_pool())(Image.new(mode, (SIZE, SIZE)), 0)


@pytest.mark.parametrize(
    ("sample", "error", "words"),
    [
        (tensor(), InvalidInputError, "finds no label.*AugmentedDataset"),
        ((tensor(),), InvalidInputError, "finds no label"),
        ({"image": tensor(), "name": 1}, InvalidInputError, r"\['image', 'name'\].*labels_getter"),
        ({"image": tensor(), "a_label": 1, "b_label": 2}, InvalidInputError, "finds no label"),
        ((tensor(), None), InvalidTypeError, "NoneType"),
        ((tensor(), torch.tensor([0.0, 1.0])), InvalidInputError, "before MixUp"),
        ((tensor(), torch.tensor([0, 1])), InvalidInputError, "2 labels.*one-hot"),
        ((as_pil("RGB"), [RARE, 1]), InvalidInputError, "2 labels, and the image is Image"),
        ((tensor(), tensor(), RARE), InvalidInputError, "uint8"),
        (([as_pil("RGB")] * 2, [RARE] * 2), InvalidInputError, "one with 2.*collate|Batches"),
        (("path.png", RARE), InvalidInputError, "one with 0"),
        ((pixels(1, 3)[0], RARE), InvalidInputError, "one with 0"),
        (
            (tv_tensors.Image(tensor()), {"label": 1, "mask": tv_tensors.Mask(tensor())}),
            InvalidTypeError,
            "Mask",
        ),
    ],
    ids=range(13),
)
def test_samples_that_cannot_be_understood_are_refused(sample, error, words):
    with pytest.raises((error, InvalidInputError), match=words) as caught:
        ReplaceRare(make_pool())(sample)
    assert "uint8" in words or isinstance(caught.value, error)


def test_nothing_is_no_sample():
    with pytest.raises(InvalidInputError, match="got nothing"):
        ReplaceRare(make_pool())()


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"pool": 3}, InvalidTypeError, r"SyntheticPool, got int.*make_pool"),
        ({"p": 1.5}, ConfigError, r"\[0, 1\], got 1.5"),
        ({"p": -1}, ConfigError, "got -1"),
        ({"p": True}, ConfigError, "got True"),
        ({"p": float("nan")}, ConfigError, "got nan"),
        ({"p": "half"}, ConfigError, "half"),
        ({"classes": [7]}, ConfigError, "no class 7; known: 2"),
        ({"classes": ["2"]}, ConfigError, "'2' of type str"),
        ({"classes": "2"}, ConfigError, "sequence"),
        ({"labels_getter": "defaut"}, ConfigError, "labels_getter"),
        ({"labels_getter": None}, ConfigError, "labels_getter"),
        ({"seed": "x"}, ConfigError, "random_state"),
    ],
)
def test_impossible_options_of_the_transform_are_refused(options, error, words):
    with pytest.raises(error, match=words):
        ReplaceRare(**{"pool": make_pool(), **options})


# ------------------------------------------------------------------ ReplaceRare: its random stream


def drawn(replace: ReplaceRare, n: int = 20) -> list[int]:
    return [int(replace(tensor(), RARE)[0].max()) for _ in range(n)]


def test_the_stream_depends_on_the_seed_only_in_the_main_process():
    first = drawn(ReplaceRare(make_pool(), seed=1))
    torch.manual_seed(99)
    assert drawn(ReplaceRare(make_pool(), seed=1)) == first
    assert drawn(ReplaceRare(make_pool(), seed=2)) != first
    fresh = ReplaceRare(make_pool(), seed=None), ReplaceRare(make_pool(), seed=None)
    assert drawn(fresh[0]) != drawn(fresh[1])


def test_the_stream_goes_on_from_call_to_call():
    replace = ReplaceRare(make_pool(), seed=1)
    assert drawn(replace) != drawn(replace)


def test_labels_do_not_shift_the_stream():
    one, other = ReplaceRare(make_pool(), seed=1), ReplaceRare(make_pool(), seed=1)
    for _ in range(5):
        one(tensor(), RARE)
        other(tensor(), 0)
    assert drawn(one) == drawn(other)


def test_copies_and_pickles_work():
    replace = ReplaceRare(make_pool(), seed=1)
    replace(tensor(), RARE)
    for other in (copy.deepcopy(replace), pickle.loads(pickle.dumps(replace))):
        assert drawn(other) == drawn(copy.deepcopy(replace))


def epochs(context: str, seed: int = 0, **options: Any) -> list[list[int]]:
    """Return which images two epochs of two workers got, all of the rare class."""
    images = torch.from_numpy(pixels(48, 3))
    loader = DataLoader(
        Replaced(images, [RARE] * 48, replace=ReplaceRare(make_pool(n=50))),
        4,
        num_workers=2,
        multiprocessing_context=context,
        generator=torch.Generator().manual_seed(seed),
        **options,
    )
    return [torch.cat([x.amax((1, 2, 3)) for x, _ in loader]).tolist() for _ in range(2)]


@pytest.mark.parametrize("persistent", [True, False])
def test_workers_and_epochs_differ_and_a_seeded_loader_repeats(persistent):
    first, second = epochs("fork", persistent_workers=persistent)
    assert first != second
    assert epochs("fork", persistent_workers=persistent) == [first, second]
    assert epochs("fork", seed=1, persistent_workers=persistent) != [first, second]
    # The two workers take the batches in turn.
    batches = np.reshape(first, (12, 4))
    assert batches[::2].tolist() != batches[1::2].tolist()


@pytest.mark.slow
def test_spawned_workers_have_the_stream_of_forked_ones():
    # Persistent ones: a spawned worker takes seconds to start.
    spawned = epochs("spawn", persistent_workers=True)
    assert spawned == epochs("fork", persistent_workers=True)


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


# ------------------------------------------------------------------ in training


def test_a_weighted_sampler_balances_by_the_targets():
    dataset = AugmentedDataset(cifar(40, transform=plain_floats()), make_pool(n=20))
    counts = Counter(dataset.targets)
    weights = [1 / counts[label] for label in dataset.targets]
    sampler = WeightedRandomSampler(weights, 600, generator=torch.Generator().manual_seed(0))
    seen = Counter(torch.cat([y for _, y in DataLoader(dataset, 50, sampler=sampler)]).tolist())
    assert all(150 < seen[label] < 250 for label in (0, 1, 2))


def test_concatenation_with_a_pool_that_has_the_transform():
    base = cifar(transform=v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]))
    pool = make_pool().with_transform(v2.ToDtype(torch.float32, scale=True))
    images, labels = next(iter(DataLoader(ConcatDataset([base, pool]), 25)))
    assert images.shape == (25, 3, SIZE, SIZE)
    assert images[20:].min() > 0.7
    assert labels[20:].tolist() == [RARE] * 5


@pytest.mark.parametrize("mode", ["append", "replace"])
def test_a_training_loop_learns_the_rare_class(mode):
    torch.manual_seed(0)
    # All real rare images are dark like the others; only the synthetic ones show the class.
    dataset = AugmentedDataset(cifar(60, transform=to_floats()), make_pool(n=30), mode, p=0.9)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * SIZE * SIZE, 3))
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for epoch in range(5):
        dataset.set_epoch(epoch)
        for images, labels in DataLoader(dataset, 15, shuffle=True, num_workers=2):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(images), labels).backward()
            optimizer.step()
    fresh = plain_floats()(v2.ToPILImage()(make_pool().images[0]))
    assert int(model(fresh[None]).argmax()) == RARE


# ------------------------------------------------------------------ load_images


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
    dataset = AugmentedDataset(Slots(v2.ToImage()), make_pool())
    assert type(dataset[0]) is type(dataset[4]) is defaultdict
    assert dataset.targets == [0, 1, 2, 3] + [RARE] * 5
    assert dataset.classes == [0, 1, 2, 3]


def test_transforms_that_cannot_be_replaced_are_refused():
    class Fixed(Pairs):
        transform = property(lambda self: v2.ToImage())

    with pytest.raises(InvalidTypeError, match="cannot be replaced in a copy"):
        AugmentedDataset(Fixed(pixels(3, 3), [0, 1, 2]), make_pool())


# ------------------------------------------------------------------ the page in the documentation


@pytest.mark.slow
def test_the_blocks_of_the_page_run_in_order(root, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    source = (root / "docs" / "vision.md").read_text(encoding="utf-8")
    blocks = re.findall(
        r"^<!-- runnable -->\n```python\n(.*?)^```$", source, re.DOTALL | re.MULTILINE
    )
    assert len(blocks) == source.count("```python")
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks:
        exec(block, namespace)
        printed = capsys.readouterr().out.splitlines()
        assert printed == re.findall(r"^print\(.*\)(?:  |\n)# (.*)$", block, re.MULTILINE)
