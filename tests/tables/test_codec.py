"""The table codec: every dtype goes in and comes back, and samples stay within what was seen."""

from __future__ import annotations

import tracemalloc
import warnings
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganaug import GanaugError, GANAugmenter, GanaugWarning, InvalidInputError
from ganaug.tables.codec import TableCodec

N = 40


def gaps(column: pd.Series) -> pd.Series:
    column = column.copy()
    column.iloc[::5] = None
    return column


INTS = pd.Series(np.random.default_rng(0).integers(0, 100, N))
WORDS = pd.Series(np.random.default_rng(1).choice(list("abc"), N))
FLAGS = INTS % 2 == 0
WHEN = pd.Series(pd.date_range("2020-03-28", periods=N, freq="7h"))  # over a change of the clocks

PLAIN = {
    **{
        dtype: INTS.astype(dtype)
        for dtype in [
            *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
            *("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64"),
            *("float16", "float32", "float64", "Float32", "Float64"),
        ]
    },
    "longdouble": INTS.astype(np.longdouble),
    "decimals": INTS / 10,
    "float32 decimals": (INTS / 10).astype("float32"),
    "negative zero": pd.Series([-0.0, 0.0, 1.0, 2.5] * 10),
    "ends of int64": pd.Series([-(2**63), 2**63 - 1, 0, 1] * 10),
    "ends of uint64": pd.Series(np.array([0, 2**63, 2**64 - 1, 1] * 10, np.uint64)),
    "ends of float": pd.Series([1e308, -1e308, 5e-324, 0.0] * 10),
    "Int64 gaps": gaps(INTS.astype("Int64")),
    "Float64 gaps": gaps(INTS.astype("Float64")),
    "float gaps": gaps(INTS.astype("float64")),
    "large Int64 gaps": gaps((INTS + 2**60).astype("Int64")),
    "bool": FLAGS,
    "boolean": FLAGS.astype("boolean"),
    "boolean gaps": gaps(FLAGS.astype("boolean")),
    "object bool": FLAGS.astype(object),
    "object bool gaps": gaps(FLAGS.astype(object)),
    "object ints": INTS.astype(object),
    "object ints gaps": gaps(INTS.astype(object)),
    "object floats": (INTS / 10).astype(object),
    "object": WORDS.astype(object),
    "object None": gaps(WORDS.astype(object)),
    "object NaN": WORDS.astype(object).where(FLAGS, np.nan),
    "object NA": WORDS.astype(object).where(FLAGS, pd.NA),
    "str": WORDS.astype("str"),
    "string[python]": WORDS.astype(pd.StringDtype("python")),
    "string gaps": gaps(WORDS.astype(pd.StringDtype("python"))),
    "category": WORDS.astype("category"),
    "category gaps": gaps(WORDS.astype("category")),
    "unused levels": pd.Series(pd.Categorical(WORDS, categories=list("zcbay"))),
    "ordered": pd.Series(pd.Categorical(WORDS, categories=list("dcba"), ordered=True)),
    "int levels": pd.Series(pd.Categorical(INTS % 3, categories=[9, 2, 1, 0])),
    "float levels": pd.Series(pd.Categorical(INTS % 3 + 0.5)),
    "bool levels": pd.Series(pd.Categorical(FLAGS)),
    "date levels": pd.Series(pd.Categorical(WHEN.dt.normalize())),
    "interval levels": pd.cut(INTS, 4),
    "wide": pd.Series([f"w{i}" for i in range(N)]),
    "wide gaps": gaps(pd.Series([f"w{i}" for i in range(N)])),
    **{f"datetime {u}": WHEN.astype(f"datetime64[{u}]") for u in ("s", "ms", "us", "ns")},
    **{f"timedelta {u}": (WHEN - WHEN[0]).astype(f"timedelta64[{u}]") for u in ("s", "ms", "ns")},
    "datetime gaps": gaps(WHEN),
    "timedelta gaps": gaps(WHEN - WHEN[0]),
    "Berlin": WHEN.dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin"),
    "Berlin gaps": gaps(WHEN.dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin")),
    "offset": WHEN.dt.tz_localize("+03:30"),
    "far dates": pd.Series(np.array(["1500-01-01", "9999-12-31"] * 20, "M8[s]")),
    **{f"period {f}": pd.Series(pd.period_range("2020", periods=N, freq=f)) for f in "DMYhW"},
    "period gaps": gaps(pd.Series(pd.period_range("2020", periods=N, freq="D"))),
    "sparse": pd.Series(pd.arrays.SparseArray(INTS.where(FLAGS, 0) * 1.0, fill_value=0.0)),
    "sparse NaN": pd.Series(pd.arrays.SparseArray(INTS.where(FLAGS))),
    "sparse int": pd.Series(pd.arrays.SparseArray(INTS.where(FLAGS, 0))),
    "sparse bool": pd.Series(pd.arrays.SparseArray(FLAGS)),
    "constant": pd.Series([7] * N),
    "constant word": pd.Series(["k"] * N),
    "constant date": pd.Series([pd.Timestamp("2020-02-29")] * N),
    "empty": pd.Series([np.nan] * N),
    "empty object": pd.Series([None] * N, dtype=object),
    "empty Int64": pd.Series([pd.NA] * N, dtype="Int64"),
    "empty date": pd.Series([pd.NaT] * N),
    "empty string": pd.Series([None] * N, dtype="string"),
    "empty category": pd.Series(pd.Categorical([None] * N)),
    "empty levels": pd.Series(pd.Categorical([None] * N, categories=["a"])),
}
ARROW = {
    **{f"{dtype}[pyarrow]": INTS for dtype in ("int8", "int64", "uint64", "float", "double")},
    "bool[pyarrow]": FLAGS,
    "string[pyarrow]": WORDS,
    "timestamp[s][pyarrow]": WHEN,
    "timestamp[ns][pyarrow]": WHEN,
    "timestamp[us, tz=Europe/Berlin][pyarrow]": WHEN.dt.tz_localize("UTC"),
    "duration[ms][pyarrow]": WHEN - WHEN[0],
    "date32[pyarrow]": WHEN.dt.normalize(),
}


def arrow(dtype: str, with_gaps: bool) -> pd.Series:
    pytest.importorskip("pyarrow")
    column = ARROW[dtype].astype(dtype)
    return gaps(column) if with_gaps else column


def fitted(frame: pd.DataFrame, categorical: bool = False) -> TableCodec:
    return TableCodec.fit(frame, [categorical] * frame.shape[1], seed=0)


def encoded(codec: TableCodec, frame: pd.DataFrame) -> np.ndarray:
    out = codec.encode(frame, np.random.default_rng(0))
    assert out.dtype == np.float32
    assert out.shape == (len(frame), codec.layout.width)
    assert np.isfinite(out).all()
    return out


def check_round_trip(frame: pd.DataFrame, categorical: bool = False) -> None:
    codec = fitted(frame, categorical)
    back = codec.decode(encoded(codec, frame))
    pd.testing.assert_frame_equal(back, frame, check_freq=False)
    check_noise(codec, frame)


def check_noise(codec: TableCodec, frame: pd.DataFrame) -> None:
    """Whatever the networks put out is a row that could have been there."""
    for scale in (0.1, 1.0, 30.0):
        noise = np.random.default_rng(1).normal(size=(300, codec.layout.width)) * scale
        rows = codec.decode(noise.astype(np.float32))
        assert rows.dtypes.equals(frame.dtypes)
        for name in frame:
            check_column(rows[name], frame[name])


def check_column(new: pd.Series, real: pd.Series) -> None:
    name = real.name
    if not real.isna().any():
        assert not new.isna().any(), name
    if real.isna().all():
        assert new.isna().all(), name
        return
    new, real = new.dropna(), real.dropna()
    named = isinstance(real.dtype, pd.CategoricalDtype) or pd.api.types.is_bool_dtype(real.dtype)
    if named or pd.api.types.infer_dtype(real) in ("string", "boolean"):
        assert set(new) <= set(real), name
    elif len(new):
        assert new.min() >= real.min(), name
        assert new.max() <= real.max(), name


def test_every_dtype_comes_back():
    """Each column comes back as it was, and noise decodes to what could have been."""
    check_round_trip(pd.DataFrame(PLAIN))


@pytest.mark.parametrize("with_gaps", [True, False])
def test_every_arrow_dtype_comes_back(with_gaps):
    """Columns of Arrow too, with gaps and without."""
    check_round_trip(pd.DataFrame({dtype: arrow(dtype, with_gaps) for dtype in ARROW}))


def test_every_dtype_comes_back_alone():
    """A table of one column has no others to lean on."""
    for kind, column in PLAIN.items():
        frame = pd.DataFrame({kind: column})
        codec = fitted(frame)
        back = codec.decode(encoded(codec, frame))
        pd.testing.assert_frame_equal(back, frame, check_freq=False)


def test_every_dtype_can_be_declared_a_category():
    frame = pd.DataFrame(PLAIN)
    codec = fitted(frame, categorical=True)
    back = codec.decode(encoded(codec, frame))
    pd.testing.assert_frame_equal(back, frame, check_freq=False)
    noise = np.random.default_rng(1).normal(size=(200, codec.layout.width)).astype(np.float32)
    rows = codec.decode(noise)
    for kind, column in PLAIN.items():
        assert rows[kind].dtype == column.dtype, kind
        assert set(rows[kind].dropna().tolist()) <= set(column.dropna().tolist()), kind


@pytest.mark.parametrize("digits", [0, 1, 2, 5])
@pytest.mark.parametrize("dtype", ["float64", "float32", "Float64"])
def test_decimals_are_kept(digits, dtype):
    if dtype == "float32" and digits == 5:
        pytest.skip("more digits than a float32 of this size has")
    values = np.random.default_rng(0).normal(50, 10, 500).round(digits)
    frame = pd.DataFrame({"price": pd.Series(values).astype(dtype)})
    codec = fitted(frame)
    noise = np.random.default_rng(1).normal(size=(500, codec.layout.width))
    rows = codec.decode(noise.astype(np.float32))
    new = rows["price"].astype(float).to_numpy()
    rounded = new.round(digits).astype(np.dtype(dtype.lower()))
    assert (rounded == rows["price"].to_numpy()).all()
    assert len(set(new)) > min(20, 10**digits * 10)


def test_dates_stay_on_their_grid():
    grid = pd.Series(pd.to_datetime("2020-01-01") + pd.to_timedelta(INTS * 15, "min"))
    codec = fitted(pd.DataFrame({"slot": grid}))
    rows = codec.decode(
        np.random.default_rng(1).normal(size=(500, codec.layout.width)).astype("f4")
    )
    assert ((rows["slot"] - grid.min()) % pd.Timedelta("15min") == pd.Timedelta(0)).all()


def test_frequent_values_are_kept_as_atoms():
    values = np.where(np.arange(1000) % 2, 0.0, np.random.default_rng(0).lognormal(size=1000))
    codec = fitted(pd.DataFrame({"amount": values}))
    rows = encoded(codec, pd.DataFrame({"amount": values}))
    back = codec.decode(rows)["amount"]
    assert (back == 0).mean() == 0.5
    noise = rows + np.random.default_rng(1).normal(size=rows.shape).astype(np.float32) * 0.1
    assert (codec.decode(noise)["amount"] == 0).mean() == 0.5


def test_scores_are_standard_normal_whatever_the_tails():
    values = np.random.default_rng(0).standard_cauchy(5000) * 1e9
    scores = encoded(fitted(pd.DataFrame({"a": values})), pd.DataFrame({"a": values}))[:, 0]
    assert abs(scores.mean()) < 0.02
    assert abs(scores.std() - 1) < 0.02
    assert abs(scores).max() < 5


def test_ties_are_spread():
    """Equal values get different scores, and decode to the same value."""
    values = np.repeat(np.arange(200), 10)  # no value has more than 2% of the mass
    frame = pd.DataFrame({"a": values})
    codec = fitted(frame)
    scores = encoded(codec, frame)
    assert len(np.unique(scores)) > 1000
    assert (codec.decode(scores)["a"] == values).all()


@pytest.mark.parametrize(
    ("seen", "later"),
    [
        (["x", "y"], ["x", "z"]),
        (["x", "y"], ["x", None]),
        (["x", "x"], ["x", "z"]),
        ([0.5, 1.5], [0.5, None]),
        ([f"w{i}" for i in range(N)], [*(f"w{i}" for i in range(N - 1)), "z"]),
    ],
    ids=["category", "gap", "constant", "number", "wide"],
)
def test_what_a_column_has_no_place_for_is_refused(seen, later):
    """And does not become the first category of the next column."""
    others = list("ab") * (len(seen) // 2)
    codec = fitted(pd.DataFrame({"a": seen, "b": others}))
    with pytest.raises(InvalidInputError, match="Column 'a' has missing values or categories"):
        encoded(codec, pd.DataFrame({"a": later, "b": others}))


def test_missing_values_of_wide_categories_are_a_choice():
    frame = pd.DataFrame({"a": [f"w{i % 50}" if i % 3 else None for i in range(300)]})
    codec = fitted(frame)
    assert [segment.kind for segment in codec.layout.segments] == ["choice", "code"]
    rows = encoded(codec, frame)
    assert rows[:, :2].mean(0).tolist() == pytest.approx([2 / 3, 1 / 3], abs=0.01)
    pd.testing.assert_frame_equal(codec.decode(rows), frame)


def test_multiindex_columns_and_duplicate_index():
    """Columns of two levels come back; the index is no part of the data."""
    frame = pd.DataFrame(
        {("a", "x"): INTS, ("a", "y"): WORDS, ("b", "x"): FLAGS}, index=np.zeros(N, int)
    )
    codec = fitted(frame.reset_index(drop=True))
    back = codec.decode(encoded(codec, frame))
    pd.testing.assert_frame_equal(back, frame.reset_index(drop=True))


@pytest.mark.parametrize("n", [0, 1])
def test_few_rows_are_decoded(n):
    frame = pd.DataFrame(PLAIN)
    codec = fitted(frame)
    rows = codec.decode(np.zeros((n, codec.layout.width), np.float32))
    assert len(rows) == n
    assert rows.dtypes.equals(frame.dtypes)


def test_one_row_is_learned():
    frame = pd.DataFrame(PLAIN).iloc[[3]].reset_index(drop=True)
    check_round_trip(frame)


# Random tables


def column_values(n: int) -> st.SearchStrategy[pd.Series]:
    def lists(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
        return st.lists(values, min_size=n, max_size=n)

    finite = st.floats(allow_nan=False, allow_infinity=False)
    odd = st.floats()
    words = st.text(max_size=4)
    return st.one_of(
        lists(finite).map(pd.Series),
        lists(odd).map(pd.Series),
        lists(st.floats(width=32, allow_infinity=False)).map(
            lambda v: pd.Series(v, dtype="float32")
        ),
        lists(st.integers(-(2**63), 2**63 - 1)).map(lambda v: pd.Series(v, dtype="int64")),
        lists(st.integers(0, 2**64 - 1)).map(lambda v: pd.Series(v, dtype="uint64")),
        lists(st.integers(-5, 5)).map(lambda v: pd.Series(v, dtype="int8")),
        lists(st.none() | st.integers(-(2**63), 2**63 - 1)).map(
            lambda v: pd.Series(v, dtype="Int64")
        ),
        lists(st.none() | finite).map(lambda v: pd.Series(v, dtype="Float64")),
        lists(st.booleans()).map(lambda v: pd.Series(v, dtype="bool")),
        lists(st.none() | st.booleans()).map(lambda v: pd.Series(v, dtype="boolean")),
        lists(st.none() | words).map(lambda v: pd.Series(v, dtype=object)),
        lists(st.none() | words).map(lambda v: pd.Series(v, dtype="string")),
        lists(st.none() | words).map(lambda v: pd.Series(v, dtype="str")),
        lists(st.none() | st.sampled_from("abc")).map(
            lambda v: pd.Series(pd.Categorical(v, categories=list("cbaz"), ordered=True))
        ),
        lists(st.none() | st.integers(0, 3)).map(lambda v: pd.Series(pd.Categorical(v))),
        lists(st.none() | st.datetimes()).map(lambda v: pd.Series(v, dtype="datetime64[us]")),
        lists(st.none() | st.integers(-(2**40), 2**40)).map(
            lambda v: pd.Series(pd.array(v, dtype="Int64")).astype("timedelta64[s]")
        ),
        lists(st.none() | st.booleans() | words | finite).map(lambda v: pd.Series(v, dtype=object)),
        st.just(pd.Series([None] * n, dtype="float64")),
    )


@st.composite
def tables(draw: Any) -> tuple[pd.DataFrame, np.ndarray]:
    n = draw(st.integers(8, 60))
    columns = [draw(column_values(n)) for _ in range(draw(st.integers(1, 5)))]
    frame = pd.concat(columns, axis=1, ignore_index=True)
    if draw(st.booleans()):
        frame.columns = [f"c{i}" for i in range(len(columns))]
    if draw(st.booleans()):
        frame.index = pd.Index(draw(st.lists(st.integers(0, 9), min_size=n, max_size=n)))
    share = draw(st.sampled_from([0.5, 0.2, 0.05]))
    y = (np.arange(n) < share * n).astype(int)
    if draw(st.booleans()):
        y[-1 - n // 5 :] = 2
    return frame, draw(st.sampled_from([y, y.astype(str), y == 1]))


@given(table=tables(), recipe=st.sampled_from(["auto", "auto", "cgan"]))
def test_any_table_gives_a_valid_result_or_a_typed_error(table, recipe):
    X, y = table
    before = X.copy(deep=True)
    augmenter = GANAugmenter(recipe=recipe, max_steps=2, batch_size=8, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GanaugWarning)
        try:
            X_res, y_res = augmenter.fit_resample(X, y)
        except GanaugError:
            assert not hasattr(augmenter, "model_")
            pd.testing.assert_frame_equal(X, before)
            return
    pd.testing.assert_frame_equal(X, before)
    pd.testing.assert_frame_equal(X_res.iloc[: len(X)], X)
    assert (y_res[: len(X)] == y).all()
    counts = Counter(y.tolist())
    assert Counter(y_res.tolist()) == {label: max(counts.values()) for label in counts}
    assert len(X_res) == len(y_res) == len(augmenter.synthetic_mask_)
    new = X_res.iloc[len(X) :]
    for name in X:
        check_column(new[name], X[name])


def test_many_rows_of_a_wide_category_are_decoded_in_little_memory():
    frame = pd.DataFrame({"street": [f"street {i}" for i in range(1000)] * 40})
    codec = TableCodec.fit(frame, [False], 0)
    encoded = codec.encode(frame, np.random.default_rng(0))
    tracemalloc.start()
    try:
        decoded = codec.decode(encoded)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert decoded.equals(frame)
    assert peak < 50e6, "the products with all categories at once are 160 MB"
