"""check_codec: the codecs of ours pass, and each check fails for a codec that breaks it."""

from __future__ import annotations

import copy
import itertools

import numpy as np
import pandas as pd
import pytest
import torch

from ganaug import ConfigError
from ganaug.images.codec import ImageCodec
from ganaug.tables.codec import TableCodec
from ganaug.testing import check_codec
from ganaug.testing.codecs import CODEC_CHECKS
from ganaug.testing.samples import sample_images, sample_table, small_table

COLOURS = sample_images(20, (8, 8, 3))


@pytest.mark.parametrize(
    ("codec", "data"),
    [
        (TableCodec, "table"),
        (TableCodec, sample_table(1000)),
        (TableCodec, sample_table(20)[["count"]]),
        (TableCodec.fit(small_table(), [False] * 3, 0), small_table()),
        (ImageCodec, "image"),
        (ImageCodec, COLOURS),
        (ImageCodec, COLOURS / 255),
        (ImageCodec, (COLOURS / 127.5 - 1).astype(np.float32)),
        (ImageCodec, COLOURS > 70),
        (ImageCodec, COLOURS.astype(np.uint16) * 200),
        (ImageCodec((3, 8, 8), "uint8", 0.0, 255.0, whole=True), COLOURS),
    ],
)
def test_every_codec_of_ours_passes(codec, data):
    assert check_codec(codec, data).passed


TURNS = itertools.count(1)


class Half(TableCodec):
    def encode(self, frame, rng):
        return super().encode(frame, rng).astype(np.float16)


class Soft(TableCodec):
    def encode(self, frame, rng):
        rows = super().encode(frame, rng)
        span = self.layout.span("choice")
        rows[:, span] *= 0.9
        return rows


class Widened(TableCodec):
    def decode(self, encoded):
        frame = super().decode(encoded)
        return frame.astype(dict.fromkeys(frame.select_dtypes("int64"), "float64"))


class OffByOne(TableCodec):
    def encode(self, frame, rng):
        return super().encode(frame.assign(count=frame["count"].shift(fill_value=0)), rng)


class Coarse(TableCodec):
    def decode(self, encoded):
        frame = super().decode(encoded)
        low, high = sample_table()["price"].agg(["min", "max"])
        return frame.assign(price=frame["price"].round(-1).clip(low, high))


class Gapless(TableCodec):
    def decode(self, encoded):
        frame = super().decode(encoded)
        return frame.assign(weight=frame["weight"].fillna(0.0))


class Loose(TableCodec):
    def decode(self, encoded):
        frame = super().decode(encoded)
        # Only what no real row is encoded as: scores far out.
        far = encoded[:, self.layout.span("value")].max(1, initial=0) > 5
        return frame.assign(count=frame["count"].where(~far, 10**6))


class Strict(TableCodec):
    def encode(self, frame, rng):
        if len(frame) and frame["count"].max() > 1000:
            raise ValueError("larger than all before")
        return super().encode(frame, rng)


class Merging(TableCodec):
    def encode(self, frame, rng):
        unknown = (frame["street"] == "never seen before").to_numpy()
        known = frame.assign(**{n: self.known[n] for n in self.known}) if unknown.any() else frame
        rows = super().encode(known, rng)
        rows[unknown, self.layout.span("choice")] = 0.0
        return rows

    @classmethod
    def fit(cls, frame, categorical, seed):
        own = super().fit(frame, categorical, seed)
        own.known = {name: frame[name].to_numpy() for name in ("member", "street")}
        own.known["colour"] = frame["colour"].array
        return own


class NeedsRows(TableCodec):
    def decode(self, encoded):
        if not len(encoded):
            raise ValueError("nothing to decode")
        return super().decode(encoded)


class Unsteady(TableCodec):
    def encode(self, frame, rng):
        rows = super().encode(frame, rng)
        rows[:, self.layout.span("value")] += next(TURNS) * 1e-6
        return rows


class Careless(TableCodec):
    def decode(self, encoded):
        encoded *= 1.0001
        return super().decode(encoded)


class Unpicklable(TableCodec):
    def __init__(self, columns):
        super().__init__(columns)
        self.function = lambda: None


class Global(TableCodec):
    def encode(self, frame, rng):
        torch.rand(())
        return super().encode(frame, rng)


BROKEN = [
    ("encodes_finite_floats", Half, "table"),
    ("agrees_with_its_layout", Soft, "table"),
    ("brings_back_names_and_dtypes", Widened, "table"),
    ("brings_back_what_is_exact", OffByOne, "table"),
    ("brings_back_numbers", Coarse, "table"),
    ("brings_back_gaps", Gapless, "table"),
    ("stays_within_bounds", Loose, "table"),
    ("takes_unseen_rows", Strict, "table"),
    ("is_not_misled_by_unknown_categories", Merging, "table"),
    ("takes_no_rows", NeedsRows, "table"),
    ("repeats_itself", Unsteady, "table"),
    ("leaves_the_data_alone", Careless, "table"),
    ("pickles", Unpicklable, "table"),
    ("leaves_global_random_state", Global, "table"),
]


class Dim(ImageCodec):
    def encode(self, pixels):
        return super().encode(pixels) * 1.5


class Mirrored(ImageCodec):
    def decode(self, signed):
        return super().decode(signed.flip(-1))


class Doubled(ImageCodec):
    def decode(self, signed):
        return super().decode(signed).astype(np.float64)


class Unclipped(ImageCodec):
    def decode(self, signed):
        # As it is within bounds, and beyond them where a network is beyond them.
        return super().decode(signed) + (signed.numpy().clip(1) - 1)


class Misnamed(ImageCodec):
    def __init__(self, shape, *options, **more):
        super().__init__(shape, *options, **more)
        self.shape = shape[1:]


class InPlace(ImageCodec):
    def encode(self, pixels):
        pixels[:, :, 0, 0] = self.low
        return super().encode(pixels)


BROKEN_IMAGES = [
    ("encodes_finite_floats", Dim, COLOURS / 255),
    ("agrees_with_its_layout", Misnamed, "image"),
    ("brings_back_names_and_dtypes", Doubled, "image"),
    ("brings_back_what_is_exact", Mirrored, "image"),
    ("brings_back_numbers", Mirrored, COLOURS / 255),
    ("stays_within_bounds", Unclipped, COLOURS / 255),
]


@pytest.mark.parametrize(("check", "codec", "data"), BROKEN + BROKEN_IMAGES)
def test_a_broken_codec_fails_this_check_and_no_other(check, codec, data):
    report = check_codec(codec, copy.copy(data), on_fail="report")
    assert report.failed == (check,), report


def test_every_check_can_fail():
    assert {check for check, *_ in BROKEN} == {check.__name__ for check in CODEC_CHECKS}


def test_a_codec_of_images_that_writes_into_them_fails():
    failed = check_codec(InPlace, COLOURS / 255, on_fail="report").failed
    assert "leaves_the_data_alone" in failed


def test_no_such_sample():
    with pytest.raises(ConfigError, match="did you mean 'table'"):
        check_codec(TableCodec, "tables")


def test_a_column_of_gaps_alone_passes():
    empty = pd.DataFrame({"a": [np.nan] * 20, "b": [None] * 20, "c": range(20)})
    assert check_codec(TableCodec, empty).passed
