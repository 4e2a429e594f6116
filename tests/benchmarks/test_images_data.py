"""Image sets: how they are read, cut, and divided anew without a look at the test images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import images
from benchmarks._images_data import by_class, load_images, to_array, to_tensor
from tests.benchmarks.image_sets import image_set, noise_digits


@pytest.fixture
def shared_images(root) -> Path:
    path = root.parent / "shared" / "data" / "images"
    if not path.is_dir():
        pytest.skip(f"the images of the benchmark are not at {path}")
    pytest.importorskip("pyarrow", reason="the images come as Parquet")
    pytest.importorskip("PIL", reason="the images are encoded")
    return path


@pytest.mark.parametrize("shape", [(16, 16), (16, 16, 3)])
def test_images_become_tensors_and_back(shape):
    drawn = image_set(shape=shape).images
    tensor = to_tensor(drawn)
    assert tensor.shape[1:] == ((shape[2] if len(shape) == 3 else 1), 16, 16)
    np.testing.assert_array_equal(to_array(tensor), drawn)


def test_a_reduced_set_keeps_all_classes_and_is_the_same_every_time():
    data = image_set(sizes=[300, 200, 100, 60], test=40)
    small = data.cut(largest=100, smallest=2, test_images=10)
    assert small.counts == [100, 27, 7, 2]
    assert small.imbalance == 50
    assert np.bincount(small.test_codes).tolist() == [10] * 4
    again = data.cut(largest=100, smallest=2, test_images=10)
    np.testing.assert_array_equal(small.images, again.images)
    assert small.digest != data.digest
    assert set(map(bytes, small.images)) <= set(map(bytes, data.images))


def test_what_is_decided_on_a_redivided_set_is_decided_without_the_test_images():
    """It learns from and judges by training images of the classes asked for, each in one place."""
    source = noise_digits(300, 12)
    assert source.plentiful() == [0, 1]
    part = source.redivided("part", {0: 20, 1: 100}, seed=1, most=250)
    assert part.images.max() < 255
    assert part.test_images.max() < 255
    assert part.classes == ("2", "5")
    assert part.counts == [20, 100]
    assert np.bincount(part.test_codes).tolist() == [250, 200]
    learned, judged = ({image.tobytes() for image in i} for i in (part.images, part.test_images))
    assert not learned & judged
    of_twos = {image.tobytes() for image in source.images[source.codes == 0]}
    assert {image.tobytes() for image in part.images[part.codes == 0]} <= of_twos
    assert {image.tobytes() for image in part.test_images[part.test_codes == 0]} <= of_twos


def test_the_shared_sets_are_what_the_readme_says(shared_images):
    digits = load_images(shared_images, "mnist")
    assert digits.images.shape == (7060, 28, 28)
    assert [digits.classes[code] for code in digits.rare] == ["1", "4", "7"]
    assert [digits.counts[code] for code in digits.rare] == [20] * 3
    assert len(digits.test_codes) == 2000
    photographs = load_images(shared_images, "cifar")
    assert photographs.images.shape == (12406, 32, 32, 3)
    small = photographs.cut(images.LARGEST, images.SMALLEST, images.TEST_IMAGES)
    assert len(small.classes) == 10
    assert small.imbalance >= 50
    assert min(small.counts) == 20
    assert len(small.test_codes) == 2000
    assert by_class(small.codes, 9).size == 20
