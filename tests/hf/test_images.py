"""Datasets of images: of any mode and any form, and files that stay as they are."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("datasets", reason="Hugging Face datasets need the extra 'hf'")
from datasets import Image
from PIL import Image as PILImage

from ganaug import GANAugmenter, Pix2PixAugmenter
from ganaug.errors import InvalidInputError, SchemaDriftError
from tests.hf.support import QUICK, assert_starts_with, augmented, digit_images, image_dataset

pytestmark = pytest.mark.filterwarnings("ignore::ganaug.GanaugWarning")


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "RGB", "RGBA", "P", "CMYK", "YCbCr", "I;16", "I", "F"]
)
def test_images_of_any_mode_are_balanced(mode):
    ds = image_dataset(digit_images(mode))
    result = augmented(ds)
    assert_starts_with(result, ds)
    for row in result.select(range(26, 32)):
        assert row["image"].mode == ds[0]["image"].mode
        assert row["image"].size == (8, 8)
        assert row["label"] == 1
        assert row["file"] is None
        assert len(np.unique(np.asarray(row["image"]))) > 1


def test_synthetic_images_differ_and_look_like_their_class(images, fitted_images):
    result = augmented(images, fitted_images)
    pixels = np.stack([np.asarray(image, float) for image in result["image"]])
    new = pixels[26:]
    assert len(np.unique(new, axis=0)) == 6
    zero, one = pixels[:16].mean(0), pixels[16:26].mean(0)
    nearer = ((new - one) ** 2).sum((1, 2)) < ((new - zero) ** 2).sum((1, 2))
    assert nearer.all()


@pytest.mark.parametrize("form", [None, "numpy", "torch"])
def test_columns_of_a_dataset_are_images_and_labels_as_lists_are(images, form):
    ds = images.select_columns(["image", "label"]).with_format(form)
    column, labels = ds["image"], ds["label"]
    assert not isinstance(column, list)
    augmenter = GANAugmenter(**QUICK)
    X, y = augmenter.fit_resample(column, labels)
    same, _ = GANAugmenter(**QUICK).fit_resample(list(column), np.asarray(labels))
    assert len(X) == len(y) == 32
    assert type(X) is list
    assert isinstance(X[0], type(X[-1]))  # of images, one was read from a file
    for a, b in zip(X, same, strict=True):
        assert np.array_equal(np.asarray(a), np.asarray(b))
    assert len(augmenter.resample(column, labels)[0]) == 32
    replacing = GANAugmenter(mode="replace", p=1.0, **QUICK)
    assert len(replacing.fit_transform(column, labels)) == len(replacing.transform(column)) == 26


def test_columns_of_a_dataset_are_pairs(images):
    column = images["image"]
    augmenter = Pix2PixAugmenter(max_steps=2, random_state=0).fit(column, column)
    assert len(augmenter.transform(column)) == 26
    assert len(augmenter.make_pool(column, images["label"], 2)) == 52
    with pytest.raises(InvalidInputError, match="got no list"):
        augmenter.make_pool(column, "0" * 26)


def test_files_of_images_are_not_encoded_again(tmp_path, fitted_images):
    files = []
    for i, image in enumerate(digit_images()):
        files.append(str(tmp_path / f"{i}.jpg"))
        image.save(files[-1], quality=30)
    ds = image_dataset(files)
    result = augmented(ds, fitted_images).cast_column("image", Image(decode=False))
    assert [row["path"] for row in result["image"][:26]] == files
    stream = augmented(ds.to_iterable_dataset(), fitted_images)
    stream = stream.cast_column("image", Image(decode=False))
    assert [row["image"]["path"] for row in stream if not row["is_synthetic"]] == files


def test_images_that_are_not_decoded_stay_so(images, fitted_images):
    ds = images.cast_column("image", Image(decode=False))
    result = augmented(ds, fitted_images)
    assert_starts_with(result, ds)
    assert result[-1]["image"]["bytes"].startswith(b"\x89PNG")


def test_a_mode_of_the_feature_holds_for_synthetic_images(images):
    ds = images.cast_column("image", Image(mode="RGB"))
    result = augmented(ds)
    assert_starts_with(result, ds)
    assert {image.mode for image in result["image"]} == {"RGB"}


def test_images_through_map_and_transform(images, fitted_images):
    """map, with_transform and formats see synthetic images as they see real ones."""
    result = augmented(images, fitted_images)
    inverted = result.map(lambda row: {"image": PILImage.eval(row["image"], lambda v: 255 - v)})
    assert (np.asarray(inverted[-1]["image"]) == 255 - np.asarray(result[-1]["image"])).all()
    arrays = result.with_transform(lambda b: {"x": [np.asarray(image) for image in b["image"]]})
    assert arrays[20:32]["x"][-1].shape == (8, 8)
    assert augmented(images.with_format("torch"), fitted_images)[-1]["image"].shape == (1, 8, 8)


def test_rows_without_an_image_are_passed_through(images, fitted_images):
    ds = images.map(lambda row, i: {"image": None if i == 0 else row["image"]}, with_indices=True)
    result = augmented(ds, fitted_images)
    assert_starts_with(result, ds)
    assert len(result) == 31


def test_augmenters_fitted_on_arrays_make_images(images):
    X = np.stack([np.asarray(image) for image in images["image"]])
    augmenter = GANAugmenter(**QUICK).fit(X[:, None] / 255, list(images["label"]))
    result = augmented(images, augmenter)
    assert result[-1]["image"].mode == "L"
    with pytest.raises(
        SchemaDriftError, match="8x8 of mode 'RGB'; the augmenter was fitted on 8x8"
    ):
        augmented(images.cast_column("image", Image(mode="RGB")), augmenter)
