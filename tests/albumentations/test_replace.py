"""ReplaceRare in albumentations: one image and several, its random stream, and what is refused."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("albumentations", reason="the adapter needs the extra 'albumentations'")
import albumentations as A
from hypothesis import given
from hypothesis import strategies as st

from ganaug import ArtifactError, ConfigError, InvalidInputError, InvalidTypeError, SyntheticPool
from ganaug.albumentations import ReplaceRare, reseed
from tests.albumentations.support import POOL_IMAGES, RARE, SIZE, is_rare, real, save_pool, stream


def global_states() -> tuple[Any, ...]:
    numpy_state = np.random.get_state()  # noqa: NPY002 - it is the global state we watch
    return (
        random.getstate(),
        numpy_state[1].tobytes(),
        numpy_state[2:],
        torch.get_rng_state().numpy().tobytes(),
    )


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
    """A label may be a number of Python, NumPy or torch, or an array of one."""
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
    """A.OneOf applies the transform with certainty once it has chosen it."""
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
    """set_random_state decides the draws, as for transforms of albumentations."""
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
def test_each_image_has_its_label(path, kind, as_list):
    """Of a stack of images those with a rare label are swapped, and no others."""
    labels = [0, RARE, 1, RARE]
    images = np.stack([real()] * 4)
    before = images.copy()
    replace = ReplaceRare(path, p=1.0)
    for pipeline in (replace, A.Compose([replace])):
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
def test_a_sample_that_cannot_be_is_refused(path, changes, error, message):
    for label in (RARE, 0):
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
    """A call without keywords gets the error of albumentations itself."""
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
    """Options that cannot be are refused when the transform is made."""
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
