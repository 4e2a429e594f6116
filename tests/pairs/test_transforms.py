"""Pools and transforms of a fitted Pix2PixAugmenter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from ganaug import ImageOptions, InvalidInputError, InvalidTypeError, Pix2PixAugmenter
from tests.pairs.support import MASKS, quick


def test_a_pool_holds_the_samples_under_their_labels(fitted: Pix2PixAugmenter) -> None:
    pool = fitted.make_pool(MASKS[:4], ["b", "a", "b", "b"], 2, random_state=3)
    assert pool.counts == {"a": 2, "b": 6}
    made = fitted.sample(MASKS[:4], 2, random_state=3).transpose(0, 3, 1, 2)
    assert np.array_equal(pool.images.numpy(), np.concatenate([made[2:4], made[:2], made[4:]]))


def test_pools_are_bytes_whatever_the_targets_are() -> None:
    augmenter = quick().fit(MASKS, MASKS / 127.5 - 1)
    pool = augmenter.make_pool(MASKS[:2], [1, 1], random_state=0)
    expected = np.round((augmenter.sample(MASKS[:2], 1, random_state=0) + 1) * 127.5)
    assert np.array_equal(pool.images.numpy()[:, 0], expected)


@pytest.mark.parametrize("labels", [[1, 2], 3, None, "ab", np.zeros((12, 2))], ids=str)
def test_a_pool_needs_a_label_for_each_source(fitted: Pix2PixAugmenter, labels: Any) -> None:
    with pytest.raises((InvalidInputError, InvalidTypeError)):
        fitted.make_pool(MASKS, labels)


def test_a_pool_joins_a_dataset_and_replaces_its_rare_images(fitted: Pix2PixAugmenter) -> None:
    vision = pytest.importorskip("ganaug.vision", reason="needs the extra 'vision'")
    pool = fitted.make_pool(MASKS[:3], [1, 1, 1], 4)
    images, labels = torch.zeros(20, 3, 8, 8, dtype=torch.uint8), torch.arange(20) // 18
    dataset = vision.AugmentedDataset(torch.utils.data.TensorDataset(images, labels), pool)
    assert len(dataset) == 32
    new, rare = vision.ReplaceRare(pool, p=1.0)(images, labels)
    assert [bool(image.any()) for image in new] == [False] * 18 + [True] * 2
    assert torch.equal(rare, labels)


@pytest.fixture(scope="module")
def v2() -> Any:
    pytest.importorskip("torchvision", reason="transforms need the extra 'vision'")
    from torchvision.transforms import v2

    return v2


def test_a_transform_keeps_the_type_of_the_image(fitted: Pix2PixAugmenter, v2: Any) -> None:
    from PIL import Image
    from torchvision import tv_tensors

    mask = torch.from_numpy(MASKS[:1])
    for image in (Image.fromarray(MASKS[0]), mask, tv_tensors.Image(mask)):
        made, label = fitted.as_transform(random_state=0)(image, 7)
        assert isinstance(made, type(image))
        assert label == 7
        size = made.size if isinstance(made, Image.Image) else made.shape
        assert tuple(size) == ((8, 8) if isinstance(made, Image.Image) else (3, 8, 8))
        bands = v2.functional.pil_to_tensor(made) if isinstance(made, Image.Image) else made
        assert bands.dtype == torch.uint8
        expected, _ = fitted.as_transform(random_state=0)(mask, 7)
        assert torch.equal(torch.as_tensor(bands), expected)
    scaled = v2.functional.to_dtype(mask, torch.float32, scale=True)
    made, _ = fitted.as_transform(random_state=0)(scaled, 7)
    assert made.dtype == torch.float32
    assert torch.equal((made * 255).round().byte(), expected)


def test_a_transform_takes_every_kind_of_mask(v2: Any) -> None:
    from PIL import Image
    from torchvision import tv_tensors

    masks = MASKS > 128
    bools = quick().fit(masks, MASKS)
    plain = torch.from_numpy(masks[:1])

    def translate(mask: Any) -> Any:
        return v2.functional.to_image(bools.as_transform(random_state=0)(mask))

    expected = translate(plain)
    assert expected.dtype == torch.uint8
    for same in (plain.byte() * 255, tv_tensors.Mask(plain), Image.fromarray(masks[0])):
        assert torch.equal(translate(same), expected)
    with pytest.raises(InvalidInputError, match=r"torch.bool"):
        translate(plain.byte())


def test_a_transform_reads_bytes_as_they_were_at_fit(v2: Any) -> None:
    dark = ImageOptions(value_range=(0, 16))
    augmenter = quick(image_options=(dark, dark)).fit(MASKS // 16, MASKS // 16)
    made = augmenter.as_transform()(torch.from_numpy(MASKS[:, None] // 16))
    assert made.max() <= 16
    real = augmenter.transform(MASKS // 16)
    assert np.abs(made[:, 0].numpy().astype(int) - real).mean() < 1.5


def test_a_transform_makes_what_sample_makes(fitted: Pix2PixAugmenter, v2: Any) -> None:
    transform = fitted.as_transform(random_state=0)
    made = transform(torch.from_numpy(MASKS[:, None]))
    assert made.shape == (12, 3, 8, 8)
    real = fitted.transform(MASKS).transpose(0, 3, 1, 2).astype(float)
    near = np.abs(made.numpy() - real).mean((1, 2, 3))
    far = np.abs(made.numpy()[::-1] - real).mean((1, 2, 3))
    assert near.mean() < far.mean()
    assert not torch.equal(transform(torch.from_numpy(MASKS[:, None])), made), "new noise"
    again = fitted.as_transform(random_state=0)
    assert torch.equal(again(torch.from_numpy(MASKS[:, None])), made)


def test_a_transform_goes_into_compose_and_samples(fitted: Pix2PixAugmenter, v2: Any) -> None:
    from torchvision import tv_tensors

    pipeline = v2.Compose(
        [fitted.as_transform(), v2.RandomHorizontalFlip(), v2.ToDtype(torch.float32, scale=True)]
    )
    mask = torch.from_numpy(MASKS[:1])
    image, label = pipeline(mask, 1)
    assert label == 1
    assert image.shape == (3, 8, 8)
    assert image.dtype == torch.float32
    sample = pipeline({"image": tv_tensors.Image(mask), "label": 3, "boxes": torch.zeros(2, 4)})
    assert sample["image"].shape == (3, 8, 8)
    assert torch.equal(sample["boxes"], torch.zeros(2, 4))
    assert torch.equal(mask, torch.from_numpy(MASKS[:1])), "the input was changed"
    assert "1x8x8 to 3x8x8" in repr(pipeline)


def loaded(transform: Any, **options: Any) -> torch.Tensor:
    """Return two epochs of what a loader with two workers makes of two copies of the masks."""
    from tests.vision.support import Pairs

    data = Pairs(list(torch.from_numpy(MASKS[:, None]).repeat(2, 1, 1, 1)), [0] * 24)
    data.transform = transform
    loader = torch.utils.data.DataLoader(
        data, 4, num_workers=2, generator=torch.Generator().manual_seed(0), **options
    )
    return torch.stack([torch.cat([images for images, _ in loader]) for _ in range(2)])


def test_a_transform_in_the_workers_of_a_loader(fitted: Pix2PixAugmenter, v2: Any) -> None:
    made = loaded(fitted.as_transform(random_state=0))
    assert torch.equal(made, loaded(fitted.as_transform(random_state=0)))
    assert made.shape == (2, 24, 3, 8, 8)
    assert not torch.equal(made[0], made[1]), "epochs differ"
    assert not torch.equal(made[0, :12], made[0, 12:]), "the workers have streams of their own"


@pytest.mark.slow
def test_spawned_workers_do_what_forked_ones_do(fitted: Pix2PixAugmenter, v2: Any) -> None:
    # Persistent ones: a spawned worker takes seconds to start.
    options = {"persistent_workers": True}
    spawned = loaded(
        fitted.as_transform(random_state=0), multiprocessing_context="spawn", **options
    )
    assert torch.equal(spawned, loaded(fitted.as_transform(random_state=0), **options))


@pytest.mark.parametrize(
    ("sample", "error", "words"),
    [
        (lambda: (), InvalidInputError, "needs an image"),
        (lambda: (3, "a"), InvalidInputError, "needs an image"),
        (lambda: torch.zeros(1, 9, 9, dtype=torch.uint8), InvalidInputError, "the augmenter"),
        (lambda: torch.zeros(3, 8, 8, dtype=torch.uint8), InvalidInputError, "the augmenter"),
        (lambda: torch.full((1, 8, 8), -3.0), InvalidTypeError, "Normalize"),
    ],
    ids=["nothing", "no image", "size", "channels", "normalised"],
)
def test_a_transform_refuses_what_is_no_source(
    fitted: Pix2PixAugmenter, v2: Any, sample: Any, error: Any, words: str
) -> None:
    with pytest.raises(error, match=words):
        fitted.as_transform()(sample())
