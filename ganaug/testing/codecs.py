"""Checks of codecs: tables and images to what networks see, and back.

The first line of each check's docstring is what it asks of a codec.
"""

from __future__ import annotations

import inspect
import pickle
from typing import Any

import pandas as pd

from ganaug.errors import ConfigError, GanaugError, did_you_mean
from ganaug.testing.codec_subjects import SCALES, CodecSubject, ImageSubject, TableSubject
from ganaug.testing.randomness import global_state
from ganaug.testing.report import CheckReport, Checks, OnFail, require, run_checks, skip
from ganaug.testing.samples import sample_images, sample_table


def encodes_finite_floats(subject: CodecSubject) -> None:
    """Encode data in the stated shape and type, as finite numbers."""
    fault = subject.form_fault(subject.encode(subject.data), len(subject.data))
    require(not fault, f"encoded: {fault}")


def agrees_with_its_layout(subject: CodecSubject) -> None:
    """Describe what it encodes: segments in order, choices one-hot, embeddings for codes."""
    fault = subject.layout_fault(subject.encode(subject.data))
    require(not fault, fault)


def brings_back_what_is_exact(subject: CodecSubject) -> None:
    """Bring back categories, whole numbers, dates and bytes exactly."""
    fault = subject.exact_fault()
    require(not fault, fault)


def brings_back_numbers(subject: CodecSubject) -> None:
    """Bring back numbers with a point to a thousandth of their range."""
    fault = subject.nearly_fault()
    require(not fault, fault)


def brings_back_names_and_dtypes(subject: CodecSubject) -> None:
    """Bring back names, dtypes and shapes, also of what networks make."""
    for decoded in (subject.back, subject.decode(subject.noise(1.0))):
        fault = subject.kind_fault(decoded)
        require(not fault, fault)


def brings_back_gaps(subject: CodecSubject) -> None:
    """Bring back missing values as missing, and no others."""
    fault = subject.gaps_fault()
    if fault is None:
        skip("the data have no missing values")
    require(not fault, str(fault))


def stays_within_bounds(subject: CodecSubject) -> None:
    """Decode whatever networks put out to values that could have been in the data."""
    for scale in SCALES:
        fault = subject.bounds_fault(subject.decode(subject.noise(scale)))
        require(not fault, f"from noise of scale {scale:g}: {fault}")


def takes_unseen_rows(subject: CodecSubject) -> None:
    """Encode rows that it has not seen, and decode them to values within the bounds."""
    unseen = subject.unseen()
    encoded = subject.encode(unseen)
    fault = subject.form_fault(encoded, len(unseen))
    require(not fault, f"encoded: {fault}")
    fault = subject.bounds_fault(subject.decode(encoded))
    require(not fault, f"decoded: {fault}")


def is_not_misled_by_unknown_categories(subject: CodecSubject) -> None:
    """Raise an error of ganaug for a category that it has not seen, or encode a valid row."""
    strange = subject.strange()
    if strange is None:
        skip("the data have no categories")
    try:
        encoded = subject.encode(strange)
    except GanaugError:
        return
    fault = subject.form_fault(encoded, len(strange)) or subject.layout_fault(encoded)
    require(not fault, f"encoded: {fault}")


def takes_no_rows(subject: CodecSubject) -> None:
    """Encode and decode no rows at all."""
    encoded = subject.encode(subject.data[:0])
    fault = subject.form_fault(encoded, 0)
    require(not fault, f"encoded: {fault}")
    decoded = subject.decode(encoded)
    fault = f"{len(decoded)} rows" if len(decoded) else subject.kind_fault(decoded)
    require(not fault, f"decoded: {fault}")


def repeats_itself(subject: CodecSubject) -> None:
    """Encode and decode alike when it is made and used again with the same seeds."""
    first, again = (subject.encode(subject.data, subject.fit()) for _ in range(2))
    require(subject.same(first, again), "encoded again, the data are others")
    one, other = (subject.decode(subject.noise(1.0)) for _ in range(2))
    require(subject.same(one, other), "decoded again, what networks make is something else")


def leaves_the_data_alone(subject: CodecSubject) -> None:
    """Leave the data, and what it decodes, as they are."""
    data = subject.data
    codec = subject.fit(data)
    require(subject.same(data, subject.data), "making a codec changes the data")
    subject.encode(data, codec)
    require(subject.same(data, subject.data), "encoding changes the data")
    noise = subject.noise(1.0)
    subject.decode(noise)
    require(subject.same(noise, subject.noise(1.0)), "decoding changes what networks have made")


def pickles(subject: CodecSubject) -> None:
    """Encode and decode alike after it was pickled."""
    again = pickle.loads(pickle.dumps(subject.codec))
    encoded = subject.encode(subject.data)
    require(subject.same(subject.encode(subject.data, again), encoded), "it encodes otherwise")
    one, other = (subject.decode(subject.noise(1.0), codec) for codec in (again, None))
    require(subject.same(one, other), "it decodes otherwise")


def leaves_global_random_state(subject: CodecSubject) -> None:
    """Leave the global generators of Python, numpy and torch alone."""
    before = global_state()
    codec = subject.fit()
    subject.decode(subject.encode(subject.data, codec), codec)
    require(global_state() == before, "a global random state has moved")


CODEC_CHECKS: Checks[CodecSubject] = {
    encodes_finite_floats: (),
    agrees_with_its_layout: (encodes_finite_floats,),
    brings_back_names_and_dtypes: (encodes_finite_floats,),
    brings_back_what_is_exact: (brings_back_names_and_dtypes,),
    brings_back_numbers: (brings_back_names_and_dtypes,),
    brings_back_gaps: (brings_back_names_and_dtypes,),
    stays_within_bounds: (brings_back_names_and_dtypes,),
    takes_unseen_rows: (stays_within_bounds,),
    is_not_misled_by_unknown_categories: (agrees_with_its_layout,),
    takes_no_rows: (brings_back_names_and_dtypes,),
    repeats_itself: (encodes_finite_floats,),
    leaves_the_data_alone: (encodes_finite_floats,),
    pickles: (repeats_itself,),
    leaves_global_random_state: (encodes_finite_floats,),
}
"""What every codec must pass."""

SAMPLES = ("table", "image")


def check_codec(codec: Any, data: Any = "table", *, on_fail: OnFail = "raise") -> CheckReport:
    """Check a codec: what comes back, in which form, and within which bounds.

    Parameters
    ----------
    codec : type or object
        The class of a codec, or a codec that was made for ``data``. A class for tables has
        ``fit(frame, categorical, seed)``, one for images is called with
        ``(shape, dtype, low, high, whole)``; see ``ganaug.tables.codec.TableCodec`` and
        ``ganaug.images.codec.ImageCodec``.
    data : {"table", "image"}, DataFrame or array, default="table"
        What to encode: a made-up table with a column of each kind, made-up images, or your own.
        Numbers must come back from up to 1,000 rows.
    on_fail : {"raise", "report"}, default="raise"
        What to do if a check fails: raise the table of what is missing, or return all results.

    Returns
    -------
    CheckReport

    Raises
    ------
    CheckError
        If a check fails and ``on_fail`` is "raise".
    ConfigError
        If there is no such made-up data.

    Examples
    --------
    >>> import pandas as pd
    >>> from ganaug.tables.codec import TableCodec
    >>> from ganaug.testing import check_codec
    >>> class Hasty(TableCodec):
    ...     def encode(self, frame, rng):
    ...         return super().encode(frame.fillna(0), rng)
    >>> frame = pd.DataFrame({"age": [20.0, None, 50.0], "height": [1.5, 1.7, None]})
    >>> "brings_back_gaps" in check_codec(Hasty, frame, on_fail="report").failed
    True
    """
    if isinstance(data, str):
        if data not in SAMPLES:
            raise ConfigError(f"data={data!r} is not possible; {did_you_mean(data, SAMPLES)}")
        data = sample_table() if data == "table" else sample_images()
    kind = codec if inspect.isclass(codec) else type(codec)
    subject: CodecSubject
    subject = TableSubject(codec, data) if _is_table(data) else ImageSubject(codec, data)
    return run_checks(f"codec {kind.__name__}", CODEC_CHECKS, subject, on_fail)


def _is_table(data: Any) -> bool:
    return isinstance(data, pd.DataFrame)
