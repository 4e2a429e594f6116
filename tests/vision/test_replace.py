"""ReplaceRare: samples and batches of any kind, pipelines, and its random stream."""

from __future__ import annotations

import copy
import pickle
from collections import Counter, OrderedDict
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

pytest.importorskip("torchvision", reason="the adapter needs the extra 'vision'")
from PIL import Image
from torch.utils.data import DataLoader, default_collate
from torchvision import transforms as v1
from torchvision import tv_tensors
from torchvision.transforms import v2

from ganaug import ConfigError, InvalidInputError, InvalidTypeError
from ganaug.vision import ReplaceRare
from tests.vision.support import RARE, SIZE, Replaced, is_rare, make_pool, pixels, tensor

ALWAYS = {"p": 1.0}


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
    """Labels may be words."""
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
    """In a batch the rare images are swapped, and type, dtype and labels stay."""
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
    """A call without arguments is refused."""
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
