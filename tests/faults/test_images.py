"""Faults 37 to 39 and 41 to 43: images that are not alike, or whose meaning cannot be told.

Drift between fit and resample is fault 36 and size beyond memory fault 13, as for tables. What can
be wrong with image files is in ``test_images_files.py``.
"""

from __future__ import annotations

import itertools
import time
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from ganaug import (
    ConfigError,
    GanaugWarning,
    ImageOptions,
    InvalidInputError,
    InvalidTypeError,
    Recipe,
    SchemaDriftError,
)

pytestmark = pytest.mark.filterwarnings("ignore::ganaug.GanaugWarning")

N = 18
RARE = np.repeat([0, 1], [12, 6])


def images(*shape: int) -> Any:
    """Return bytes (N, *shape) with black and white among them."""
    X = np.random.default_rng(0).integers(0, 256, (N, *shape), dtype=np.uint8)
    X.reshape(N, -1)[:, 0], X.reshape(N, -1)[:, -1] = 0, 255
    return X


def pil(X: Any, mode: str | None = None) -> list[Any]:
    image = pytest.importorskip("PIL.Image", reason="PIL images need Pillow")
    made = [image.fromarray(np.ascontiguousarray(x)) for x in X]
    return made if mode is None else [each.convert(mode) for each in made]


def with_another(items: Any, other: Any, at: int = 3) -> list[Any]:
    """Return items in a list, one of them another."""
    items = list(items)
    return [*items[:at], other, *items[at + 1 :]]


GREY = images(8, 8)
RGB = images(8, 8, 3)

# ------------------------------------------------------------------ 37: sizes


def test_fault_37_pil_images_of_several_sizes_are_refused(refused):
    X = with_another(pil(RGB), pil(images(9, 11, 3))[0])
    refused(X, RARE, "Image 3", "(9, 11)", "(8, 8)", "resize=(height, width)")


def test_fault_37_height_is_not_width(refused):
    X = with_another(pil(images(8, 12)), pil(images(12, 8))[0], at=17)
    refused(X, RARE, "Image 17", "(12, 8)", "(8, 12)")


@pytest.mark.parametrize("make", [list, lambda X: list(torch.from_numpy(X)), np.ndarray.tolist])
def test_fault_37_lists_of_several_sizes_are_refused(refused, make):
    refused(with_another(make(GREY), make(images(9, 11))[0]), RARE, "Image 3", "(9, 11)", "(8, 8)")


def test_fault_37_ragged_images_are_refused(refused):
    ragged = [[0] * 8] * 7 + [[0] * 7]
    refused([ragged] * N, RARE)
    refused(with_another(GREY, ragged), RARE, "mage")
    refused(with_another(GREY, None), RARE, "Image 3")
    refused(with_another(GREY, 7), RARE, "Image 3")


@pytest.mark.parametrize("X", [GREY, torch.from_numpy(GREY), list(GREY), list(RGB)])
def test_fault_37_only_pil_images_are_resized(refused, X):
    refused(X, RARE, "resize", image_options=ImageOptions(resize=16))


def test_fault_37_flat_rows_are_not_resized(refused):
    options = ImageOptions(shape=(8, 8), resize=16)
    refused(GREY.reshape(N, -1), RARE, "resize", image_options=options)


@pytest.mark.parametrize(
    "shape", [(7, 8), (8, 7), (257, 8), (8, 257), (1, 1), (3, 7, 7), (257, 8, 3)], ids=str
)
def test_fault_37_sizes_that_cannot_be_learned_are_refused(refused, shape):
    refused(images(*shape), RARE, "8 to 256", str(shape[-2] if len(shape) == 2 else shape[1]))


def test_fault_37_one_image_is_not_many(refused):
    refused(images(8, 3), RARE, "a single one needs an axis in front")


def test_fault_37_an_absurd_size_is_refused_before_it_is_made():
    for resize in (257, (8, 10**5), 10**9, (7, 8)):
        with pytest.raises(ConfigError, match="resize"):
            ImageOptions(resize=resize)


# ------------------------------------------------------------------ 38: channels, alpha, kinds


@pytest.mark.parametrize(
    ("mode", "other"), [("RGB", "RGBA"), ("RGBA", "RGB"), ("L", "RGB"), ("L", "LA"), ("RGB", "P")]
)
def test_fault_38_pil_images_of_several_modes_are_refused(refused, mode, other):
    X = with_another(pil(RGB, mode), pil(RGB, other)[0])
    refused(X, RARE, "Image 3", f"mode {other}", mode, "convert(")


@pytest.mark.parametrize("mode", ["P", "1", "CMYK", "F", "I", "YCbCr", "HSV"])
def test_fault_38_modes_that_cannot_be_learned_are_refused(refused, mode):
    refused(pil(RGB, mode), RARE, f"'{mode}'", "RGBA", "convert(")


@pytest.mark.parametrize("other", [(8, 8, 4), (8, 8), (8, 8, 1), (3, 8, 8)], ids=str)
@pytest.mark.parametrize("make", [list, lambda X: list(torch.from_numpy(X))])
def test_fault_38_lists_of_several_numbers_of_channels_are_refused(refused, make, other):
    refused(with_another(make(RGB), make(images(*other))[0]), RARE, "Image 3", str(other))


@pytest.mark.parametrize("channels", [5, 7])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_fault_38_too_many_channels_are_refused(refused, channels, layout):
    shape = (channels, 8, 8) if layout == "NCHW" else (8, 8, channels)
    options = ImageOptions(layout=layout)
    refused(images(*shape), RARE, "1 to 4", str(channels), image_options=options)


KINDS = {
    "array": lambda X: list(X),
    "tensor": lambda X: list(torch.from_numpy(X)),
    "pil": pil,
    "nested": lambda X: X.tolist(),
}


@pytest.mark.parametrize(("kind", "other"), itertools.permutations(KINDS, 2))
def test_fault_38_lists_of_several_kinds_are_refused(refused, kind, other):
    error = refused(with_another(KINDS[kind](GREY), KINDS[other](GREY)[0]), RARE, "Image 3")
    assert isinstance(error, InvalidTypeError)


@pytest.mark.parametrize("make", [list, lambda X: list(torch.from_numpy(X))])
@pytest.mark.parametrize("dtype", [np.uint16, np.float32, np.int64])
def test_fault_38_lists_of_several_dtypes_are_refused(refused, make, dtype):
    """Among 16-bit images an 8-bit one would be almost black."""
    other = make(GREY.astype(dtype))[0]
    name = np.dtype(dtype).name
    refused(with_another(make(GREY), other), RARE, "Image 3", name, "uint8")
    refused(with_another(make(GREY.astype(dtype)), make(GREY)[0]), RARE, "Image 3", "uint8")


@pytest.mark.parametrize("dtype", [object, complex, str, "datetime64[s]", np.longdouble])
def test_fault_38_images_that_are_no_numbers_are_refused(refused, dtype):
    error = refused(GREY.astype(np.int64).astype(dtype), RARE, "numbers")
    assert isinstance(error, InvalidTypeError)


# ------------------------------------------------------------------ 39: truncated


@pytest.mark.parametrize("options", [None, ImageOptions(resize=16)], ids=["as it is", "resized"])
def test_fault_39_a_truncated_file_among_pil_images_is_named(refused, tmp_path, options):
    """PIL opens a file without reading its pixels."""
    image = pytest.importorskip("PIL.Image", reason="PIL images need Pillow")
    path = tmp_path / "scan 7.png"
    pil(images(64, 64))[0].save(path)
    path.write_bytes(path.read_bytes()[:-2000])
    whole = pil(images(64, 64))
    with image.open(path) as broken:
        refused(with_another(whole, broken), RARE, "3", "scan 7.png", image_options=options)


# ------------------------------------------------------------------ 41: value range

AMBIGUOUS = {
    "0 to 16": (GREY // 16).astype(np.float64),
    "0 to 100": GREY / 2.55,
    "0 to 255, not whole": GREY.astype(np.float32) + np.float32(0.5) * (GREY < 200),
    "0 to 300": GREY.astype(np.float64) + 45,
    "below 0": GREY - 128.0,
    "standardised": (GREY - 128) / 64,
    "0 and 1 as integers": (GREY > 128).astype(np.int64),
    "dark integers": GREY.astype(np.int32) // 4,
    "0 and 1 as bytes": (GREY > 128).astype(np.uint8),
    "four bits in bytes": GREY // 16,
    "numbers of classes in 16 bits": (GREY // 32).astype(np.uint16),
    "signed bytes": (GREY.astype(np.int16) - 128).astype(np.int8),
    "32 bits": GREY.astype(np.uint32) * 2**20,
}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_fault_41_an_ambiguous_value_range_is_refused(refused, name):
    X = AMBIGUOUS[name]
    for images in (X, torch.from_numpy(X), list(X)):
        refused(images, RARE, f"{X.min():g} to {X.max():g}", "value_range=(", "(0, 1)")


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_fault_41_the_remedy_in_the_message_works(quick, name):
    X = AMBIGUOUS[name]
    bounds = float(X.min()), float(X.max())
    augmenter = quick(image_options=ImageOptions(value_range=bounds))
    X_res, _ = augmenter.fit_resample(X, RARE)
    assert X_res.dtype == X.dtype
    assert np.array_equal(X_res[:N], X)
    assert bounds[0] <= X_res[N:].min() <= X_res[N:].max() <= bounds[1]
    if X.dtype.kind == "f" and (np.round(X) != X).any():
        return
    assert (np.round(X_res) == X_res).all()


@pytest.mark.parametrize("bounds", [(0, 254), (1, 255), (-2, -1), (256, 300)])
def test_fault_41_values_outside_of_the_range_that_was_said_are_refused(refused, bounds):
    options = ImageOptions(value_range=bounds)
    refused(GREY, RARE, "0 to 255", "value_range", str(bounds[0]), image_options=options)


@pytest.mark.parametrize(
    ("dtype", "bounds"),
    [
        (np.uint8, (0, 1000)),
        (np.uint8, (-1, 255)),
        (np.uint16, (0, 2**16)),
        (np.int16, (0, 1e300)),
        (np.float16, (0, 1e6)),
    ],
)
def test_fault_41_a_range_that_the_dtype_cannot_hold_is_refused(refused, dtype, bounds):
    options = ImageOptions(value_range=bounds)
    refused(GREY.astype(dtype), RARE, "value_range", np.dtype(dtype).name, image_options=options)


def test_fault_41_an_impossible_range_is_refused_at_once():
    for bounds in ((1, 0), (0, 0), (0, np.inf), (np.nan, 1), (0,), "full", 3, {}):
        with pytest.raises(ConfigError, match="value_range"):
            ImageOptions(value_range=bounds)


@pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (np.inf, "infinity")])
def test_fault_41_missing_pixels_are_refused(refused, value, word):
    X = GREY / 255
    X[5, 2, 3] = value
    refused(X, RARE, word, "image 5")
    refused(torch.from_numpy(X), RARE, word, "image 5")
    options = ImageOptions(shape=(8, 8))
    for rows in (X.reshape(N, -1), pd.DataFrame(X.reshape(N, -1))):
        refused(rows, RARE, word, image_options=options)


# ------------------------------------------------------------------ 42: 16 bits


@pytest.mark.parametrize("bits", [8, 9, 10, 12, 14, 16])
@pytest.mark.parametrize("make", [np.asarray, torch.from_numpy, list, pil])
def test_fault_42_16_bit_images_are_learned_in_the_bits_they_use(quick, bits, make):
    X = (GREY.astype(np.float64) / 255 * (2**bits - 1)).round().astype(np.uint16)
    given = make(X)
    warp = Recipe.preset("warp", data="image").replace(width=4)
    X_res, _ = quick(recipe=warp).fit_resample(given, RARE)
    back = np.stack([np.asarray(x) for x in X_res])
    assert back.dtype == np.uint16
    assert np.array_equal(back[:N], X)
    new = back[N:].astype(float)
    assert 2**bits / 2 < new.max() < 2**bits
    assert abs(new.mean() - X.mean()) < 0.15 * 2**bits


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_fault_42_invented_16_bit_images_use_the_whole_range_and_no_more(quick, bits):
    X = (GREY.astype(np.float64) / 255 * (2**bits - 1)).round().astype(np.uint16)
    X_res, _ = quick(recipe="dcgan").fit_resample(X, RARE)
    assert X_res.dtype == np.uint16
    assert len(np.unique(X_res[N:])) > 256, "more than 8 bits"
    assert 2**bits / 2 < X_res[N:].max() < 2**bits


# ------------------------------------------------------------------ 43: layout


@pytest.mark.parametrize("shape", [(8, 8, 8), (16, 9, 12), (5, 8, 8), (3, 8, 4), (4, 8, 2)])
def test_fault_43_an_ambiguous_layout_is_refused(refused, shape):
    X = images(*shape)
    for given in (X, torch.from_numpy(X), list(X)):
        refused(given, RARE, str(shape), 'layout="NCHW"', '"NHWC"')


def test_fault_43_flat_rows_too(refused):
    """A shape of flat rows that is ambiguous is refused as an array of it is."""
    X = images(8 * 8 * 8)
    options = ImageOptions(shape=(8, 8, 8))
    refused(X, RARE, "(8, 8, 8)", 'layout="NCHW"', image_options=options)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_fault_43_what_was_said_is_believed(quick, refused, layout):
    X = images(4, 8, 8) if layout == "NCHW" else images(8, 8, 4)
    options = ImageOptions(layout=layout)
    X_res, _ = quick(image_options=options).fit_resample(X, RARE)
    assert X_res.shape == (24, *X.shape[1:])
    other = ImageOptions(layout="NHWC" if layout == "NCHW" else "NCHW")
    refused(X, RARE, "1 to 4 channels", image_options=other)


@pytest.mark.parametrize(("X", "layout"), [(GREY, "NCHW"), (GREY, "NHWC"), (RGB, "NHW")])
def test_fault_43_a_layout_of_other_dimensions_is_refused(refused, X, layout):
    options = ImageOptions(layout=layout)
    refused(X, RARE, f"layout='{layout}'", "dimensions", str(X.shape), image_options=options)


@pytest.mark.parametrize(
    ("shape", "words"), [((N,), "1D array"), ((N, 1, 1, 8, 8), "dim 5")], ids=str
)
def test_fault_43_other_dimensions_are_refused(refused, shape, words):
    refused(np.zeros(shape), RARE, words)
    refused(np.zeros(shape), RARE, f"dim {len(shape)}", image_options=ImageOptions())


def test_fault_43_flat_rows_need_their_shape(refused):
    rows = GREY.reshape(N, -1)
    refused(rows, RARE, "shape=(height, width)", image_options=ImageOptions())
    for shape in ((8, 9), (3, 8, 8)):
        words = ("64", str(int(np.prod(shape))), str(shape))
        refused(rows, RARE, *words, image_options=ImageOptions(shape=shape))


# ------------------------------------------------------------------ 36: drift after fit


def drifted(augmenter: Any, X: Any, *words: str) -> None:
    with pytest.raises(SchemaDriftError) as caught:
        augmenter.resample(X, RARE)
    for word in words:
        assert word in str(caught.value)


def test_fault_36_another_size_or_number_of_channels(quick):
    augmenter = quick().fit(RGB, RARE)
    drifted(augmenter, images(9, 8, 3), "9x8", "8x8", "seen at fit")
    drifted(augmenter, images(8, 8, 4), "4 channel", "3 channel")
    drifted(augmenter, GREY, "1 channel", "3 channel")
    augmenter.resample(RGB.transpose(0, 3, 1, 2), RARE)


def test_fault_36_another_dtype_or_range(quick):
    augmenter = quick().fit(GREY, RARE)
    drifted(augmenter, GREY.astype(np.uint16), "uint16", "uint8")
    drifted(augmenter, GREY.astype(np.float64), "float64", "uint8")
    drifted(augmenter, torch.from_numpy(GREY / 255), "float64", "uint8")
    floats = quick().fit(GREY / 255, RARE)
    drifted(floats, GREY.astype(np.float64), "0 to 255", "between 0 and 1")
    drifted(floats, GREY / 127.5 - 1, "-1 to 1", "between 0 and 1")
    dozen = quick().fit(GREY.astype(np.uint16) * 16, RARE)
    drifted(dozen, GREY.astype(np.uint16) * 257, "65535", "4095")


def test_fault_36_flat_frames(quick):
    """Frames of pixels are compared with those at fit by name, order and dtype."""
    X = pd.DataFrame(GREY.reshape(N, -1)).add_prefix("p")
    augmenter = quick(image_options=ImageOptions(shape=(8, 8))).fit(X, RARE)
    drifted(augmenter, X[X.columns[::-1]], "order")
    drifted(augmenter, X.rename(columns={"p3": "q3"}), "p3", "q3")
    drifted(augmenter, X.astype(np.float64), "float64", "uint8")
    with pytest.raises(InvalidInputError, match="63"):
        augmenter.resample(X.iloc[:, :63], RARE)
    augmenter.resample(X, RARE)


def test_fault_36_tables_are_not_images(quick):
    table = np.random.default_rng(0).normal(size=(N, 64))
    with pytest.raises(InvalidInputError, match="shape"):
        quick().fit(GREY, RARE).resample(table, RARE)
    with pytest.raises(InvalidInputError, match="dim"):
        quick().fit(table, RARE).resample(GREY, RARE)


def test_fault_36_prediction_asks_for_the_size_only(quick):
    augmenter = quick(mode="replace").fit(GREY, RARE)
    for X in (
        GREY[:2],
        GREY / 255,
        GREY.astype(np.int64),
        GREY * 3.7 - 9,
        list(GREY),
        GREY[:, None],
    ):
        assert augmenter.transform(X) is X
    for X in (images(9, 9), RGB):
        with pytest.raises(SchemaDriftError, match="8x8"):
            augmenter.transform(X)


# ------------------------------------------------------------------ options and memory


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"layout": "NCWH"}, "did you mean 'NCHW'"),
        ({"layout": None}, "layout=None"),
        ({"shape": (8,)}, "shape must hold 2 or 3"),
        ({"shape": (8, 0)}, "shape must hold"),
        ({"shape": (8, 8.5)}, "shape must hold"),
        ({"shape": 64}, "shape must hold"),
        ({"resize": (8, 8, 8)}, "resize must hold 2"),
        ({"resize": 0}, "resize must hold"),
        ({"resize": True}, "resize must hold"),
        ({"label_safe": "hflp"}, "did you mean 'hflip'"),
        ({"label_safe": ("hflip", "rot90")}, "rot90"),
    ],
)
def test_fault_50_a_misspelt_option_is_refused_with_what_was_meant(options, words):
    with pytest.raises(ConfigError, match=words):
        ImageOptions(**options)


@pytest.mark.parametrize("options", ["hflip", {"shape": (8, 8)}, 28])
def test_fault_50_options_are_an_object(refused, options):
    refused(GREY, RARE, "image_options", image_options=options)


@pytest.mark.parametrize("recipe", ["dcgan", "warp", "light", "auto", "residual"])
def test_an_image_recipe_on_a_table_is_refused(refused, recipe):
    auto = Recipe.preset("auto", data="image")
    chosen = auto.replace(kind="residual") if recipe == "residual" else None
    table = np.random.default_rng(0).normal(size=(N, 3))
    error = refused(table, RARE, "image", recipe=chosen or Recipe.preset(recipe, data="image"))
    assert isinstance(error, ConfigError)
    if recipe in ("dcgan", "warp", "light"):
        refused(table, RARE, repr(recipe), "tables", recipe=recipe)


@pytest.mark.parametrize("preset", ["auto", "gan", "cgan", "wgan", "wgan-gp"])
def test_a_table_recipe_on_images_is_refused(refused, preset):
    assert isinstance(refused(GREY, RARE, "table", recipe=Recipe.preset(preset)), ConfigError)
    # By its name the preset is the one for images.
    assert Recipe.preset(preset, data="image").architecture.kind != "mlp"


@pytest.mark.parametrize(("size", "stages"), [(8, 1), (8, 9), (16, 2), (16, 10**9)])
@pytest.mark.parametrize("kind", ["dcgan", "residual"])
def test_generators_that_are_never_told_the_class_are_refused(refused, kind, size, stages):
    stages += kind == "residual"  # it has one stage more
    recipe = Recipe.preset("auto", data="image").replace(
        kind=kind, width=4, shared_stages=stages, small_classes="gan"
    )
    error = refused(images(size, size), RARE, "shared_stages", recipe=recipe)
    assert isinstance(error, ConfigError)


@pytest.mark.parametrize("preset", ["cgan", "wgan"])  # concat, and per class
def test_shared_stages_below_none_that_is_told_the_class_are_refused(preset):
    recipe = Recipe.preset(preset, data="image")
    with pytest.raises(ConfigError, match="shared_stages cannot be combined with conditioning"):
        recipe.replace(shared_stages=1)


@pytest.mark.parametrize("switch", [{"shared_stages": 1}, {"embedding_noise": 0.5}])
def test_switches_that_bending_does_not_have_are_refused(switch):
    with pytest.raises(ConfigError, match=next(iter(switch))):
        Recipe.preset("warp", data="image").replace(**switch)


@pytest.mark.parametrize("kind", ["residual", "warp"])
def test_norms_that_a_network_does_not_have_are_refused(kind):
    with pytest.raises(ConfigError, match="norm-free"):
        Recipe.preset("dcgan", data="image").replace(
            kind=kind, reconstruction=float(kind == "warp")
        )


def test_fault_13_images_beyond_memory_state_their_size(refused):
    refused(GREY, RARE, "KB", "memory_budget", "18", memory_budget=2000)
    refused(GREY, RARE, "TB", "memory_budget", sampling_strategy={1: 10**13})
    rows = np.broadcast_to(np.uint8(0), (N, 200 * 200))
    options = ImageOptions(shape=(200, 200))
    refused(rows, RARE, "memory_budget", image_options=options, memory_budget="100KB")


def test_fault_13_a_refusal_is_quick(refused):
    """The widest images that there can be, as a view of one byte."""
    X = np.broadcast_to(np.uint8(0), (10**6, 4, 256, 256))
    y = np.r_[np.zeros(10**6 - 10, int), np.ones(10, int)]
    started = time.monotonic()
    refused(X, y, "GB", "memory_budget", memory_budget="1GB")
    assert time.monotonic() - started < 5


def test_fault_48_a_batch_above_the_number_of_images_shrinks_with_a_warning(quick):
    with pytest.warns(GanaugWarning, match="batch_size=64 is more than the 18"):
        quick(batch_size=64).fit(GREY, RARE)
    with warnings.catch_warnings():
        warnings.simplefilter("error", GanaugWarning)
        quick(recipe="dcgan").fit(images(8, 8)[:16], np.repeat([0, 1], 8))
