"""ganaug.albumentations, with the real albumentations and real DataLoaders."""

from __future__ import annotations

import copy
import gc
import json
import multiprocessing
import os
import pickle
import random
import re
import subprocess
import sys
import warnings
import weakref
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

pytest.importorskip("albumentations", reason="the adapter needs the extra 'albumentations'")

import albumentations as A
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import ConcatDataset, DataLoader, Dataset, Subset, get_worker_info

from ganaug import (
    ArtifactError,
    ConfigError,
    GanaugWarning,
    InvalidInputError,
    InvalidTypeError,
    SyntheticPool,
)
from ganaug.albumentations import ReplaceRare, reseed, reseed_then, worker_init_fn

SIZE = 8
RARE = 2
POOL_IMAGES = 40


def save_pool(
    path: Path, channels: int = 3, label: Any = RARE, n: int = POOL_IMAGES, size: int = SIZE
) -> Path:
    """Save a pool of one class whose i-th image is 200 + i everywhere."""
    values = np.arange(200, 200 + n, dtype=np.uint8)
    images = np.broadcast_to(values[:, None, None, None], (n, channels, size, size))
    SyntheticPool(images, [label] * n).save(path)
    return path


def real(shape: tuple[int, ...] = (SIZE, SIZE, 3), dtype: Any = np.uint8) -> np.ndarray:
    """Return a real image: each of its columns has another value, none is above 99."""
    columns = np.arange(SIZE).reshape(1, SIZE, *[1] * (len(shape) - 2))
    image = np.broadcast_to(10 * columns, shape)
    return image.astype(dtype) if np.dtype(dtype).kind != "f" else (image / 255).astype(dtype)


def is_rare(image: np.ndarray) -> bool:
    values = image if image.dtype == np.uint8 else np.round(image * 255)
    return bool(200 <= values.min() == values.max())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pools")


@pytest.fixture(scope="module")
def path(folder: Path) -> Path:
    return save_pool(folder / "rare.pool")


def global_states() -> tuple[Any, ...]:
    numpy_state = np.random.get_state()  # noqa: NPY002 - it is the global state we watch
    return (
        random.getstate(),
        numpy_state[1].tobytes(),
        numpy_state[2:],
        torch.get_rng_state().numpy().tobytes(),
    )


# ------------------------------------------------------------------ importing


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if k != "NO_ALBUMENTATIONS_UPDATE"}
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


# albumentations catches what the attempt raises: so the attempt ends the process.
OFFLINE = (
    "import os, socket\n"
    "def fail(*args, **kwargs): os._exit(17)\n"
    "socket.socket.connect = socket.socket.connect_ex = fail\n"
    "socket.getaddrinfo = socket.create_connection = fail\n"
)


def test_in_another_process_a_saved_pipeline_loads_without_network_and_torchvision(path, tmp_path):
    A.save(A.Compose([ReplaceRare(path, p=1.0)]), tmp_path / "pipeline.json")
    code = (
        "import sys; sys.modules['torchvision'] = None\n"
        "import ganaug.albumentations, albumentations as A, numpy as np\n"
        f"pipeline = A.load({str(tmp_path / 'pipeline.json')!r})\n"
        f"image = np.zeros(({SIZE}, {SIZE}, 3), np.uint8)\n"
        f"print(pipeline(image=image, label={RARE})['image'].min() >= 200)"
    )
    done = python(OFFLINE + code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["True"]


def test_who_wants_albumentations_to_look_for_updates_gets_it():
    # It also shows that the test above would notice a connection.
    code = OFFLINE + "import ganaug.albumentations"
    assert python(code, NO_ALBUMENTATIONS_UPDATE="0").returncode == 17


def test_importing_ganaug_does_not_import_albumentations():
    code = "import sys, ganaug; print('albumentations' in sys.modules)"
    assert python(code).stdout.split() == ["False"]


def test_without_albumentations_the_error_says_what_to_install():
    code = (
        "import sys; sys.modules['albumentations'] = None\n"
        "try:\n    import ganaug.albumentations\n"
        "except ImportError as error:\n    print(error)"
    )
    assert "pip install 'ganaug[albumentations]'" in python(code).stdout


# ------------------------------------------------------------------ one image


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("channels", [0, 1, 2, 3, 4])
def test_an_image_keeps_its_layout_and_dtype(folder, channels, dtype):
    path = save_pool(folder / f"{channels}.pool", max(channels, 1))
    image = real((SIZE, SIZE, channels) if channels else (SIZE, SIZE), dtype)
    before = image.copy()
    result = A.Compose([ReplaceRare(path, p=1.0)])(image=image, label=RARE)
    new = result["image"]
    assert (new.shape, new.dtype, result["label"]) == (image.shape, image.dtype, RARE)
    assert is_rare(new)
    assert new.flags.c_contiguous
    assert new.flags.writeable
    np.testing.assert_array_equal(image, before, err_msg="the input is never changed")


def test_floats_are_what_to_float_makes_of_the_image_of_the_pool(folder):
    values = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    SyntheticPool(values, [0]).save(folder / "all.pool")
    dark = np.zeros((16, 16), np.float32)
    new = ReplaceRare(folder / "all.pool", p=1.0)(image=dark, label=0)["image"]
    expected = A.ToFloat(p=1.0)(image=values[0, 0])["image"]
    assert new.dtype == expected.dtype
    np.testing.assert_array_equal(new, expected)


def test_axes_are_those_of_the_pool(folder):
    images = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(1, 3, 4, 5)
    SyntheticPool(images, ["owl"]).save(folder / "axes.pool")
    image = np.zeros((4, 5, 3), np.uint8)
    new = ReplaceRare(folder / "axes.pool", p=1.0)(image=image, label="owl")["image"]
    np.testing.assert_array_equal(new, images[0].transpose(1, 2, 0))


@pytest.mark.parametrize(
    "label", [RARE, np.int64(RARE), np.array(RARE), torch.tensor(RARE), float(RARE)]
)
def test_labels_of_many_types(path, label):
    result = ReplaceRare(path, p=1.0)(image=real(), label=label)
    assert is_rare(result["image"])
    assert result["label"] is label


def test_labels_may_be_words(folder):
    path = save_pool(folder / "owls.pool", label="owl")
    replace = ReplaceRare(path, p=1.0)
    assert is_rare(replace(image=real(), label="owl")["image"])
    assert is_rare(replace(image=real(), label=np.str_("owl"))["image"])
    assert not is_rare(replace(image=real(), label="cat")["image"])


def test_images_of_other_classes_come_back_as_they_are(path):
    image = real()
    assert ReplaceRare(path, p=1.0)(image=image, label=0)["image"] is image


def test_the_share_of_swapped_images_is_p(path):
    pipeline = A.Compose([ReplaceRare(path, p=0.3)], seed=0)
    swapped = [is_rare(pipeline(image=real(), label=RARE)["image"]) for _ in range(2000)]
    assert 0.26 < np.mean(swapped) < 0.34


def test_every_image_of_the_class_is_drawn(path):
    pipeline = A.Compose([ReplaceRare(path, p=1.0)], seed=0)
    drawn = {int(pipeline(image=real(), label=RARE)["image"][0, 0, 0]) for _ in range(1000)}
    assert drawn == set(range(200, 200 + POOL_IMAGES))


def test_p_zero_switches_it_off_entirely(path):
    replace = ReplaceRare(path, p=0.0)
    image = np.zeros((3, 3), np.uint8)
    assert replace(image=image)["image"] is image
    assert replace(image=image, force_apply=True)["image"] is image


def test_changes_in_place_stay_out_of_the_pool(path):
    replace = ReplaceRare(path, p=1.0)
    replace(image=real(), label=RARE)["image"][:] = 0
    assert int(replace.pool.images.min()) == 200


def test_the_label_may_have_another_name_and_compose_may_be_strict(path):
    pipeline = A.Compose([ReplaceRare(path, "species", 1.0)], strict=True)
    result = pipeline(image=real(), species=RARE)
    assert is_rare(result["image"])
    assert result["species"] == RARE


def test_one_of_swaps_with_certainty(path):
    pipeline = A.Compose([A.OneOf([ReplaceRare(path, p=0.01)], p=1.0)])
    assert all(is_rare(pipeline(image=real(), label=RARE)["image"]) for _ in range(50))


def test_the_applied_parameters_tell_what_is_synthetic(path):
    pipeline = A.Compose([ReplaceRare(path, p=0.5)], seed=0, save_applied_params=True)
    for label in [RARE, 0] * 20:
        result = pipeline(image=real(), label=label)
        names = [name for name, _ in result["applied_transforms"]]
        assert names == (["ReplaceRare"] if is_rare(result["image"]) else [])


@pytest.mark.filterwarnings("ignore:.*could work incorrectly in ReplayMode")
def test_a_replay_takes_the_same_image(path):
    pipeline = A.ReplayCompose([ReplaceRare(path, p=0.5)])
    seen = set()
    for _ in range(30):
        first = pipeline(image=real(), label=RARE)
        plain = json.loads(json.dumps(first["replay"]))
        second = A.ReplayCompose.replay(plain, image=real())
        np.testing.assert_array_equal(first["image"], second["image"])
        seen.add(is_rare(first["image"]))
    assert seen == {True, False}


# ------------------------------------------------------------------ randomness


def stream(pipeline: Any, labels: Any = (RARE,) * 100) -> list[int]:
    """Return what the pipeline makes of real images."""
    return [int(pipeline(image=real(), label=label)["image"].sum()) for label in labels]


def test_a_seeded_compose_repeats_itself(path):
    def pipeline(seed: int) -> A.Compose:
        return A.Compose([ReplaceRare(path), A.HorizontalFlip()], seed=seed)

    assert stream(pipeline(5)) == stream(pipeline(5))
    assert stream(pipeline(5)) != stream(pipeline(6))
    other = pipeline(6)
    other.set_random_seed(5)
    assert stream(other) == stream(pipeline(5))


def test_without_a_seed_pipelines_differ(path):
    assert stream(A.Compose([ReplaceRare(path)])) != stream(A.Compose([ReplaceRare(path)]))


def test_global_random_states_are_untouched(path):
    before = global_states()
    pipeline = A.Compose([ReplaceRare(path), A.HorizontalFlip()], seed=0)
    stream(pipeline)
    reseed(pipeline, 1)
    stream(pipeline)
    assert global_states() == before


def test_generators_may_be_given(path):
    pipelines = [A.Compose([ReplaceRare(path)]) for _ in range(2)]
    for pipeline in pipelines:
        pipeline.set_random_state(np.random.default_rng(3), random.Random(3))
    assert stream(pipelines[0]) == stream(pipelines[1])


def test_other_labels_do_not_shift_the_stream(path):
    some = [RARE if i % 3 == 0 else 0 for i in range(100)]
    few = stream(A.Compose([ReplaceRare(path)], seed=0), some)
    all_ = stream(A.Compose([ReplaceRare(path)], seed=0))
    assert [x for x, label in zip(few, some, strict=True) if label == RARE] == all_[::3]


def test_swapping_does_not_go_together_with_another_transform_of_the_same_compose(path):
    # albumentations starts all transforms of a seeded Compose with the same random numbers.
    pipeline = A.Compose([ReplaceRare(path), A.InvertImg(p=0.5)])
    seen = Counter()
    for seed in range(400):
        pipeline.set_random_seed(seed)
        for call in range(3):
            image = pipeline(image=real(), label=RARE)["image"]
            inverted = bool(image.max() == 255 or image.max() < 60)
            seen[call, len(np.unique(image)) == 1, inverted] += 1
    assert len(seen) == 3 * 4
    assert min(seen.values()) > 60


@given(
    labels=st.lists(st.sampled_from([0, 1, RARE]), min_size=1, max_size=8),
    p=st.floats(0, 1),
    seed=st.integers(0, 2**32),
    channels=st.sampled_from([0, 1, 3]),
)
def test_every_image_is_its_own_or_one_of_its_class(folder, labels, p, seed, channels):
    path = folder / f"some{channels}.pool"
    if not path.exists():
        save_pool(path, max(channels, 1))
    shape = (len(labels), SIZE, SIZE, channels) if channels else (len(labels), SIZE, SIZE)
    images = np.stack([real(shape[1:])] * len(labels))
    pipeline = A.Compose([ReplaceRare(path, p=p)], seed=seed)
    result = pipeline(images=images, label=list(labels))
    assert result["label"] == labels
    assert result["images"].shape == shape
    for old, new, label in zip(images, result["images"], labels, strict=True):
        assert np.array_equal(new, old) or (is_rare(new) and label == RARE and p > 0)


# ------------------------------------------------------------------ several images


@pytest.mark.parametrize("kind", [list, tuple, np.array, torch.tensor])
@pytest.mark.parametrize("as_list", [True, False])
@pytest.mark.parametrize("in_compose", [True, False])
def test_each_image_has_its_label(path, kind, as_list, in_compose):
    labels = [0, RARE, 1, RARE]
    images = np.stack([real()] * 4)
    before = images.copy()
    replace = ReplaceRare(path, p=1.0)
    pipeline = A.Compose([replace]) if in_compose else replace
    new = pipeline(images=list(images) if as_list else images, label=kind(labels))["images"]
    assert isinstance(new, list if as_list else np.ndarray)
    assert [is_rare(image) for image in new] == [False, True, False, True]
    np.testing.assert_array_equal(images, before)


def test_with_a_label_each_images_are_swapped_one_by_one(path):
    pipeline = A.Compose([ReplaceRare(path, p=0.5)], seed=0)
    new = pipeline(images=np.stack([real()] * 200), label=[RARE] * 200)["images"]
    assert 70 < sum(map(is_rare, new)) < 130


def test_with_one_label_for_all_images_are_swapped_together(path):
    pipeline = A.Compose([ReplaceRare(path, p=0.5)], seed=0)
    seen = []
    for _ in range(40):
        new = pipeline(images=np.stack([real()] * 3), label=RARE)["images"]
        swapped = {is_rare(image) for image in new}
        assert len(swapped) == 1
        seen.append(swapped.pop())
        if seen[-1]:
            assert len(new) == 3
    assert set(seen) == {True, False}


def test_gray_stacks_without_channels(folder):
    path = save_pool(folder / "gray.pool", 1)
    images = np.stack([real((SIZE, SIZE), np.float32)] * 2)
    new = A.Compose([ReplaceRare(path, p=1.0)])(images=images, label=[RARE, 0])["images"]
    assert (new.shape, new.dtype) == ((2, SIZE, SIZE), np.float32)
    assert [is_rare(image) for image in new] == [True, False]


def test_no_images_stay_no_images(path):
    empty = np.zeros((0, SIZE, SIZE, 3), np.uint8)
    assert ReplaceRare(path, p=1.0)(images=empty, label=[])["images"].shape == empty.shape


def test_additional_images_are_swapped_together_each_for_its_own(path):
    targets = {"right": "image", "frames": "images"}
    pipeline = A.Compose([ReplaceRare(path)], additional_targets=targets, seed=0)
    seen, differ = set(), Counter()
    for _ in range(60):
        result = pipeline(image=real(), right=real(), frames=np.stack([real()] * 2), label=RARE)
        images = [result["image"], result["right"], *result["frames"]]
        swapped = {is_rare(image) for image in images}
        assert len(swapped) == 1
        seen |= swapped
        for i, image in enumerate(images):
            differ[i] += not np.array_equal(image, images[i - 1])
    assert seen == {True, False}
    assert min(differ.values()) > 15


def test_images_that_are_not_named_as_targets_stay(path):
    result = A.Compose([ReplaceRare(path, p=1.0)])(image=real(), other=real(), label=RARE)
    assert is_rare(result["image"])
    assert not is_rare(result["other"])


# ------------------------------------------------------------------ errors
# With a p this small they must come whatever the coin says, and for every class.

NEVER = 1e-12


@pytest.mark.parametrize("label", [RARE, 0])
@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"label": None}, InvalidInputError, "'label' is missing or None.*label=.*label_key"),
        ({"label": [0, 0, 1]}, InvalidInputError, "3 labels, and image is one image.*one-hot"),
        ({"label": {"a": 1}}, InvalidTypeError, "single value"),
        ({"label": "owl"}, InvalidInputError, r"'owl'.*pool are of type int, such as 2.*relabel"),
        ({"image": real((SIZE, SIZE))}, InvalidInputError, r"\(8, 8\).*\(8, 8, 3\).*channels"),
        ({"image": real((SIZE, SIZE, 1))}, InvalidInputError, "as many channels.*A.ToGray"),
        ({"image": np.zeros((16, 8, 3), np.uint8)}, InvalidInputError, r"A\.Resize\(8, 8\)"),
        ({"image": np.zeros((3, 8, 8), np.uint8)}, InvalidInputError, r"transpose\(1, 2, 0\)"),
        ({"image": real(dtype=np.float64)}, InvalidTypeError, "float64.*uint8, or float32"),
        ({"image": real(dtype=np.uint16)}, InvalidTypeError, "uint16.*A.ToFloat"),
        ({"image": real().astype(np.float32)}, InvalidInputError, "0 to 70.*divide by 255"),
        ({"image": real(dtype=np.float32) - 0.1}, InvalidInputError, "before A.Normalize"),
        ({"image": np.full((8, 8, 3), np.nan, "f4")}, InvalidInputError, "from nan"),
        ({"image": torch.zeros(3, 8, 8)}, InvalidTypeError, "Tensor.*before A.ToTensorV2"),
        ({"image": None}, InvalidInputError, "needs image= or images="),
        ({"images": "ab"}, InvalidTypeError, "images must be a numpy array.*str"),
        ({"images": [real(), None]}, InvalidTypeError, "images must be a numpy array.*NoneType"),
        ({"mask": real()}, InvalidInputError, "has mask, an annotation that would not fit"),
        ({"masks": []}, InvalidInputError, "has masks"),
        ({"mask3d": real()}, InvalidInputError, "has mask3d"),
        ({"masks3d": real()}, InvalidInputError, "has masks3d"),
        ({"bboxes": [[0, 0, 1, 1]]}, InvalidInputError, "has bboxes"),
        ({"keypoints": [[1, 1]]}, InvalidInputError, "has keypoints"),
        ({"volume": real()}, InvalidInputError, "has volume, a volume"),
        ({"volumes": real()}, InvalidInputError, "has volumes"),
    ],
)
def test_a_sample_that_cannot_be_is_refused(path, label, changes, error, message):
    sample = {"image": real(), "label": label, **changes}
    with pytest.raises(error, match=message):
        ReplaceRare(path, p=NEVER)(**sample)


def test_a_missing_label_is_named_as_it_was_set(path):
    pipeline = A.Compose([ReplaceRare(path, "species", NEVER)])
    with pytest.raises(InvalidInputError, match=r"'species'.*\['image', 'label'\].*species="):
        pipeline(image=real(), label=RARE)


def test_a_number_of_labels_that_is_not_that_of_the_images(path):
    with pytest.raises(InvalidInputError, match="2 labels, and images is 3 images"):
        A.Compose([ReplaceRare(path)])(images=np.stack([real()] * 3), label=[0, RARE])


def test_mixed_labels_of_a_batch_are_refused(path):
    one_hot = np.eye(3)[[0, 2]]
    with pytest.raises(InvalidTypeError, match="One-hot and mixed labels"):
        A.Compose([ReplaceRare(path)])(images=np.stack([real()] * 2), label=one_hot)


def test_annotations_under_other_names_are_refused(path):
    pipeline = A.Compose([ReplaceRare(path)], additional_targets={"road": "mask"})
    with pytest.raises(InvalidInputError, match="has road, an annotation"):
        pipeline(image=real(), road=real((SIZE, SIZE)), label=RARE)


def test_boxes_in_a_real_pipeline_are_refused(path):
    boxes = A.BboxParams(format="pascal_voc", label_fields=["kinds"])
    pipeline = A.Compose([A.HorizontalFlip(), ReplaceRare(path)], bbox_params=boxes)
    with pytest.raises(InvalidInputError, match="has bboxes"):
        pipeline(image=real(), bboxes=[[0, 0, 4, 4]], kinds=[1], label=RARE)


def test_behind_normalize_and_behind_a_crop(path):
    for wrong in (A.Normalize(), A.CenterCrop(4, 4), A.ToTensorV2()):
        with pytest.raises((InvalidInputError, InvalidTypeError), match=r"Place|place"):
            A.Compose([wrong, ReplaceRare(path)])(image=real(), label=0)


def test_positional_arguments_are_albumentations_error(path):
    with pytest.raises(KeyError, match="named arguments"):
        ReplaceRare(path)(real(), RARE)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"p": 1.1}, ConfigError, "probability"),
        ({"p": -0.1}, ConfigError, "probability"),
        ({"p": True}, ConfigError, "probability"),
        ({"p": "half"}, ConfigError, "probability"),
        ({"p": float("nan")}, ConfigError, "probability"),
        ({"label_key": ""}, ConfigError, "label_key"),
        ({"label_key": 3}, ConfigError, "label_key"),
        ({"pool_path": 3}, InvalidTypeError, r"path of a file.*pool\.save\(path\)"),
    ],
)
def test_impossible_options(path, arguments, error, message):
    with pytest.raises(error, match=message):
        ReplaceRare(**{"pool_path": path, **arguments})


def test_a_pool_in_the_place_of_its_path_says_what_to_do(path):
    with pytest.raises(InvalidTypeError, match=r"SyntheticPool.*pool\.save\(path\)"):
        ReplaceRare(SyntheticPool.load(path))


def test_a_damaged_file_is_refused_when_the_transform_is_made(path, tmp_path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    (tmp_path / "bad.pool").write_bytes(content)
    with pytest.raises(ArtifactError, match=r"bad\.pool is damaged"):
        ReplaceRare(tmp_path / "bad.pool")


# ------------------------------------------------------------------ saving, copying, memory


def test_a_dictionary_holds_the_arguments_only(path):
    document = A.to_dict(ReplaceRare(path, "species", 0.25))["transform"]
    assert document == {
        "__class_fullname__": "ganaug.albumentations.ReplaceRare",
        "pool_path": str(path),
        "label_key": "species",
        "p": 0.25,
    }


@pytest.mark.parametrize("data_format", ["json", "yaml"])
def test_a_saved_pipeline_does_the_same(path, tmp_path, data_format):
    pipeline = A.Compose([ReplaceRare(path, p=0.4), A.HorizontalFlip()])
    again = A.from_dict(json.loads(json.dumps(A.to_dict(pipeline))))
    A.save(pipeline, tmp_path / "file", data_format=data_format)
    assert (tmp_path / "file").stat().st_size < 2000
    loaded = A.load(tmp_path / "file", data_format=data_format)
    for one in (pipeline, again, loaded):
        one.set_random_seed(3)
    assert stream(pipeline) == stream(again) == stream(loaded)
    assert repr(loaded) == repr(pipeline)
    assert str(path) in repr(loaded)


def test_a_pipeline_can_be_handled_where_the_pool_is_not(tmp_path):
    path = tmp_path / "later.pool"
    replace = A.from_dict(A.to_dict(ReplaceRare(path, p=1.0)))
    with pytest.raises(ArtifactError, match=r"later\.pool"):
        replace(image=real(), label=RARE)
    save_pool(path)
    assert is_rare(replace(image=real(), label=RARE)["image"])


def test_the_file_is_read_once(path, monkeypatch):
    replace = ReplaceRare(path, p=1.0)
    monkeypatch.setattr(SyntheticPool, "load", None)
    others = [
        ReplaceRare(path),
        ReplaceRare(os.path.relpath(path)),
        copy.deepcopy(replace),
        copy.deepcopy(A.Compose([replace]))[0],
        pickle.loads(pickle.dumps(replace)),
        A.from_dict(A.to_dict(replace)),
    ]
    assert all(other.pool is replace.pool for other in others)
    assert is_rare(others[2](image=real(), label=RARE)["image"])


def test_another_pool_under_the_same_path_is_seen_by_new_transforms_only(tmp_path):
    path = save_pool(tmp_path / "pool", label=0)
    old = ReplaceRare(path)
    save_pool(path, label=1)
    assert (list(old.pool.counts), list(ReplaceRare(path).pool.counts)) == ([0], [1])
    assert list(copy.deepcopy(old).pool.counts) == [0]


def test_the_memory_is_free_again_when_the_last_transform_is_gone(tmp_path):
    replace = ReplaceRare(save_pool(tmp_path / "pool"))
    pool = weakref.ref(replace.pool)
    del replace
    gc.collect()
    assert pool() is None


def test_a_pickle_holds_no_images(tmp_path):
    path = save_pool(tmp_path / "big.pool", size=256)
    assert len(pickle.dumps(A.Compose([ReplaceRare(path)]))) < 20_000


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


# ------------------------------------------------------------------ the page


def test_the_blocks_of_the_page_run_in_order(root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = root / "docs" / "albumentations.md"
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert len(blocks) > 3
    assert text.count("<!-- runnable -->") == len(blocks)
    namespace: dict[str, Any] = {"__name__": "page"}
    for block in blocks:
        exec(compile(block, str(page), "exec"), namespace)
