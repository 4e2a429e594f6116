"""Polars frames: in, out, row for row and dtype for dtype, as pandas frames of the same data."""

from __future__ import annotations

import datetime as dt
import json
import pickle
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import imblearn.pipeline
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ganaug import (
    ArtifactError,
    AugmentedClassifier,
    GANAugmenter,
    ImageOptions,
    InvalidInputError,
    InvalidTypeError,
    SchemaDriftError,
)

pl = pytest.importorskip("polars", reason="polars is not installed")

pytestmark = pytest.mark.filterwarnings("ignore::ganaug.GanaugWarning")

N, RARE = 30, 8


def quick(**options: Any) -> GANAugmenter:
    return GANAugmenter(**{"max_steps": 1, "random_state": 0, **options})


def labels(n: int = N, rare: int = RARE) -> list[str]:
    return ["rare"] * rare + ["common"] * (n - rare)


def with_nulls(values: list[Any], *rows: int) -> list[Any]:
    return [None if i in rows else value for i, value in enumerate(values)]


def table(n: int = N) -> Any:
    """Return a frame of every dtype that can be synthesised, most of them with nulls."""
    random = np.random.default_rng(0)
    whole = random.integers(0, 50, n).tolist()
    day = dt.datetime(2024, 3, 1)
    hours = [dt.timedelta(hours=value) for value in whole]
    columns = {
        "Float64": pl.Series(with_nulls([*random.normal(size=n - 1), float("nan")], 2)),
        "NaN": pl.Series([*random.normal(size=n - 1), float("nan")]),
        "Float32": pl.Series(random.normal(size=n).astype(np.float32)),
        "Boolean": pl.Series(with_nulls([value > 20 for value in whole], 0)),
        "String": pl.Series(with_nulls(["ab"[value % 2] for value in whole], 1)),
        "Categorical": pl.Series(["xyz"[value % 3] for value in whole], dtype=pl.Categorical),
        "Enum": pl.Series(
            with_nulls([["low", "high"][value % 2] for value in whole], 4),
            dtype=pl.Enum(["low", "mid", "high"]),
        ),
        "Date": pl.Series(with_nulls([(day + 24 * h).date() for h in hours], 3)),
        "us": pl.Series(with_nulls([day + h for h in hours], 5), dtype=pl.Datetime("us")),
        "ms": pl.Series([day + h for h in hours], dtype=pl.Datetime("ms", "Europe/Vienna")),
        "ns": pl.Series([day + h for h in hours], dtype=pl.Datetime("ns")),
        "Duration": pl.Series(with_nulls(hours, 6), dtype=pl.Duration("ms")),
        "Time": pl.Series(with_nulls([dt.time(v % 24) for v in whole], 7)),
        "Decimal": pl.Series(
            with_nulls([Decimal(v) / 4 for v in whole], 8), dtype=pl.Decimal(9, 2)
        ),
        "Null": pl.Series([None] * n),
    }
    for bits in (8, 16, 32, 64):
        columns[f"Int{bits}"] = pl.Series(whole, dtype=getattr(pl, f"Int{bits}"))
        unsigned = getattr(pl, f"UInt{bits}")
        columns[f"UInt{bits}"] = pl.Series(with_nulls(whole, 9), dtype=unsigned)
    columns["id"] = pl.Series([2**64 - 1 - value for value in whole], dtype=pl.UInt64)
    return pl.DataFrame(columns)


def assert_same(left: Any, right: Any) -> None:
    """Compare values, dtypes, nulls and the bits of floats."""
    assert left.schema == right.schema
    assert left.equals(right)
    for name, dtype in left.schema.items():
        if dtype.is_float():
            assert left[name].is_null().to_list() == right[name].is_null().to_list()
            bits = [frame[name].fill_null(0).to_numpy().tobytes() for frame in (left, right)]
            assert bits[0] == bits[1]


# ------------------------------------------------------------------ rows in, rows out


def test_originals_come_back_first_and_synthetic_rows_have_their_dtypes() -> None:
    X, y = table(), pl.Series("target", labels(), dtype=pl.Enum(["common", "rare"]))
    before = X.clone()
    X_res, y_res = quick().fit_resample(X, y)
    assert isinstance(X_res, pl.DataFrame)
    assert_same(X_res.head(N), X)
    assert_same(X, before)
    assert y_res.dtype == y.dtype
    assert y_res.name == "target"
    assert y_res.to_list() == [*labels(), *["rare"] * (N - 2 * RARE)]
    new = X_res.slice(N)
    assert set(new["Enum"].to_list()) <= {"low", "high", None}
    assert (new["id"] >= 2**64 - 51).all()
    assert new["NaN"].null_count() == 0
    assert not new["Float64"].is_nan().any()


def test_what_is_missing_in_synthetic_rows_is_null_or_nan_as_in_the_column() -> None:
    random = np.random.default_rng(0)
    values = np.where(random.random(200) < 0.5, np.nan, random.normal(size=200))
    X = pl.DataFrame({"nan": values, "null": pl.Series(values).fill_nan(None)})
    X_new, _ = quick().fit(X, labels(200, 50)).sample(60, random_state=0)
    assert X_new["nan"].null_count() == 0
    assert X_new["nan"].is_nan().any()
    assert X_new["null"].null_count() > 0
    assert not X_new["null"].is_nan().any()


SAME = ["Float64", "Float32", "Boolean", "String", "Enum", "us", "ms", "ns", "Duration", "Int8"]


def test_pandas_and_polars_give_the_same_synthetic_values() -> None:
    X = table().select([*SAME, "UInt64"])
    as_pandas = pd.DataFrame({name: X[name].to_list() for name in X.columns})
    as_pandas = as_pandas.astype({"Float32": np.float32, "Int8": np.int8, "UInt64": "UInt64"})
    as_pandas["Enum"] = pd.Categorical(as_pandas["Enum"], categories=["low", "mid", "high"])
    for unit in ("us", "ms", "ns"):
        zone = ", Europe/Vienna" if unit == "ms" else ""
        as_pandas[unit] = as_pandas[unit].astype(f"datetime64[{unit}{zone}]")
    as_pandas["Duration"] = as_pandas["Duration"].astype("timedelta64[ms]")
    theirs, y_theirs = quick(max_steps=5).fit_resample(as_pandas, labels())
    ours, y_ours = quick(max_steps=5).fit_resample(X, labels())
    assert y_ours == y_theirs
    for name in X.columns:
        expected = [None if pd.isna(value) else value for value in theirs[name].tolist()]
        got = [None if value != value else value for value in ours[name].to_list()]
        assert got == expected, name


def test_labels_in_any_container_beside_a_polars_frame() -> None:
    X = table().select("Float32", "String")
    codes = np.array([1] * RARE + [0] * (N - RARE))
    for y, kind in (
        (codes, np.ndarray),
        (codes.tolist(), list),
        (pd.Series(codes, index=np.arange(N) * 2), pd.Series),
        (pl.Series(codes, dtype=pl.Int8), pl.Series),
        (pl.DataFrame({"y": codes}), pl.DataFrame),
        (pl.DataFrame({"no": 1 - codes, "yes": codes}), pl.DataFrame),
    ):
        X_res, y_res = quick().fit_resample(X, y)
        assert isinstance(y_res, kind)
        assert len(y_res) == len(X_res) == 2 * (N - RARE)
        if isinstance(y, (pl.Series, pl.DataFrame)):
            assert y_res.head(N).equals(y)
            last = y_res.tail(1).to_numpy().ravel().tolist()
            assert last == ([0, 1] if y.shape[1:] == (2,) else [1])


def test_a_polars_target_beside_other_tables() -> None:
    random = np.random.default_rng(0)
    y = pl.Series("y", labels(), dtype=pl.Categorical)
    for X in (random.normal(size=(N, 2)), pd.DataFrame(random.normal(size=(N, 2)))):
        X_res, y_res = quick().fit_resample(X, y)
        assert type(X_res) is type(X)
        assert y_res.dtype == y.dtype
        assert y_res.to_list().count("rare") == N - RARE


def test_resample_and_sample_give_polars() -> None:
    X, y = table(), labels()
    augmenter = quick().fit(X, y)
    X_new, y_new = augmenter.sample({"rare": 5}, random_state=1)
    assert X_new.schema == X.schema
    assert y_new.tolist() == ["rare"] * 5
    later = X.filter(pl.col("String").is_not_null())
    y_later = [label for label, text in zip(y, X["String"], strict=True) if text is not None]
    X_res, _ = augmenter.resample(later, y_later)
    assert_same(X_res.head(len(later)), later)


def test_replace_keeps_the_other_rows_and_transform_changes_nothing() -> None:
    X, y = table(), np.array(labels())
    augmenter = quick(mode="replace", p=0.5)
    X_new = augmenter.fit_transform(X, y)
    swapped = augmenter.synthetic_mask_
    assert swapped.any()
    assert_same(X_new.filter(~swapped), X.filter(~swapped))
    assert X_new.schema == X.schema
    assert augmenter.transform(X) is X


@pytest.mark.parametrize("make", [pl.DataFrame, pd.DataFrame], ids=["polars", "pandas"])
def test_set_output_chooses_the_container(make: Any) -> None:
    values = np.random.default_rng(0).normal(size=(N, 2))
    X, y = make({"a": values[:, 0], "b": values[:, 1]}), labels()
    expected = quick(mode="replace").fit_transform(values, y)
    for name, kind in (("pandas", pd.DataFrame), ("polars", pl.DataFrame), ("default", make)):
        augmenter = quick(mode="replace").set_output(transform=name)
        got = augmenter.fit_transform(X, y)
        assert isinstance(got, kind)
        assert isinstance(augmenter.transform(X), kind)
        assert list(got.columns) == ["a", "b"]
        assert np.array_equal(got.to_numpy(), expected)


def test_a_save_remembers_polars(tmp_path: Path) -> None:
    """Saved and pickled augmenters go on giving polars frames."""
    X = table()
    augmenter = quick().fit(X, labels())
    augmenter.save_pretrained(tmp_path)
    again = GANAugmenter.from_pretrained(tmp_path)
    for copied in (again, pickle.loads(pickle.dumps(augmenter))):
        one, other = (a.sample({"rare": 6}, random_state=3)[0] for a in (augmenter, copied))
        assert_same(one, other)
        assert one.schema == X.schema
    X_res, _ = again.resample(X, labels())
    assert_same(X_res.head(N), X)


def test_a_save_that_needs_polars_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quick().fit(table().select("Int8", "Enum"), labels()).save_pretrained(tmp_path)
    config = tmp_path / "config.json"
    for old, new, message in (
        ('"Int8"', '"Int7"', "unknown dtype: 'Int7'"),
        ('"low"', "3", "lacks a part"),
    ):
        document = json.loads(config.read_text())
        saved = json.dumps(document["estimator"]["polars_schema"])
        document["estimator"]["polars_schema"] = json.loads(saved.replace(old, new))
        (tmp_path / "other").mkdir(exist_ok=True)
        for file in tmp_path.glob("*.safetensors"):
            (tmp_path / "other" / file.name).write_bytes(file.read_bytes())
        (tmp_path / "other" / "config.json").write_text(json.dumps(document))
        with pytest.raises(ArtifactError, match=message):
            GANAugmenter.from_pretrained(tmp_path / "other")
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(ArtifactError, match=r"fitted on polars.*ganaug\[polars\]"):
        GANAugmenter.from_pretrained(tmp_path)


def test_an_imbalanced_learn_pipeline_takes_polars() -> None:
    X, y = table().select("Float32", "Int32"), pl.Series(labels())
    model = imblearn.pipeline.make_pipeline(quick(), GaussianNB()).fit(X, y)
    assert model.predict(X).shape == (N,)


def test_named_categories_survive_a_save(tmp_path: Path) -> None:
    if not hasattr(pl, "Categories"):
        pytest.skip("this polars has no named categories")
    dtype = pl.Categorical(pl.Categories("town", "ganaug-test"))
    X = pl.DataFrame({"town": pl.Series(["Graz", "Linz"] * (N // 2), dtype=dtype)})
    try:
        augmenter = quick().fit(X, labels())
    except InvalidTypeError as error:
        pytest.skip(f"this narwhals does not know them: {error}")
    augmenter.save_pretrained(tmp_path)
    X_new, _ = GANAugmenter.from_pretrained(tmp_path).sample({"rare": 2})
    assert X_new.schema == X.schema


def test_a_wrapped_classifier_takes_polars(tmp_path: Path) -> None:
    X, y = table().select("Float32", "Int32"), pl.Series(labels())
    augmented = AugmentedClassifier(GaussianNB(), quick(), memory=str(tmp_path)).fit(X, y)
    assert augmented.n_synthetic_ == N - 2 * RARE
    assert list(augmented.feature_names_in_) == X.columns
    frame = pd.DataFrame(X.to_dict(as_series=False)).astype({"Float32": np.float32})
    frame = frame.astype({"Int32": np.int32})
    pandas = AugmentedClassifier(GaussianNB(), quick()).fit(frame, labels())
    assert augmented.predict(X).tolist() == pandas.predict(frame).tolist()
    weighted = AugmentedClassifier(GaussianNB(), quick(), dose=0.5, synthetic_weight=0.5)
    assert clone(weighted).fit(X, y).n_synthetic_ == (N - 2 * RARE) // 2
    scaled = make_pipeline(StandardScaler().set_output(transform="polars"), augmented)
    assert scaled.fit(X, y.to_numpy()).score(X, y.to_numpy()) > 0


def test_a_classifier_that_knows_polars_categories() -> None:
    X = table().select("Float64", "Enum")
    boosted = HistGradientBoostingClassifier(categorical_features="from_dtype", max_iter=3)
    assert AugmentedClassifier(boosted, quick()).fit(X, labels()).predict(X).shape == (N,)


def test_flat_images_in_a_polars_frame(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (N, 64)).astype(np.uint8)
    X = pl.DataFrame({f"p{i}": pixels[:, i] for i in range(64)})
    augmenter = quick(image_options=ImageOptions(shape=(8, 8)))
    X_res, _ = augmenter.fit_resample(X, labels())
    assert isinstance(X_res, pl.DataFrame)
    assert_same(X_res.head(N), X)
    augmenter.save_pretrained(tmp_path)
    X_new, _ = GANAugmenter.from_pretrained(tmp_path).sample({"rare": 2})
    assert X_new.schema == X.schema


# ------------------------------------------------------------------ refused


REFUSED = {
    "List": pl.Series([[1, 2]] * N),
    "Array": pl.Series([[1, 2]] * N, dtype=pl.Array(pl.Int64, 2)),
    "Struct": pl.Series([{"a": 1}] * N),
    "Binary": pl.Series([b"a"] * N),
    "Object": pl.Series([object()] * N, dtype=pl.Object),
    "Int128": pl.Series([2**70] * N, dtype=pl.Int128),
}


@pytest.mark.parametrize("dtype", REFUSED)
def test_a_dtype_that_cannot_be_synthesised_is_refused_by_name(dtype: str) -> None:
    X = table().select("Float32").with_columns(REFUSED[dtype].alias("odd one"))
    with pytest.raises(InvalidTypeError, match=f"'odd one' has the polars dtype {dtype}"):
        quick().fit(X, labels())


def test_decimals_beyond_64_bits_are_refused() -> None:
    X = pl.DataFrame({"price": pl.Series([Decimal(10**25)] * N, dtype=pl.Decimal(38, 2))})
    with pytest.raises(InvalidInputError, match="'price' holds decimals of more than 18 digits"):
        quick().fit(X, labels())


def test_a_lazy_frame_is_refused_with_the_way_out() -> None:
    X, y = table().lazy(), labels()
    for model in (quick(), AugmentedClassifier(GaussianNB(), quick())):
        with pytest.raises(InvalidTypeError, match=r"polars LazyFrame.*X\.collect\(\)"):
            model.fit(X, y)
    with pytest.raises(InvalidTypeError, match=r"y\.collect\(\)"):
        quick().fit(table(), pl.LazyFrame({"y": y}))


def test_labels_that_are_none_are_refused() -> None:
    X = table().select("Float32")
    with pytest.raises(InvalidInputError, match="1 missing label"):
        quick().fit(X, pl.Series(with_nulls(labels(), 4)))
    with pytest.raises(InvalidTypeError, match="Input y holds Date labels"):
        quick().fit(X, pl.Series([dt.date(2024, 1, 1)] * N))
    with pytest.raises(InvalidInputError, match="inconsistent numbers"):
        quick().fit(X, pl.Series(labels()[:-1]))


def test_an_infinite_value_and_an_empty_frame_are_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"infinity.*column 'a', row 0"):
        quick().fit(pl.DataFrame({"a": [float("inf"), *range(N - 1)]}), labels())
    with pytest.raises(InvalidInputError, match="0 sample"):
        quick().fit(pl.DataFrame({"a": []}), [])
    with pytest.raises(InvalidInputError, match=r"0 sample|0 feature"):
        quick().fit(pl.DataFrame(), [])


def test_other_columns_than_at_fit_are_refused() -> None:
    X, y = table().select("Int64", "Enum", "ms"), labels()
    augmenter = quick().fit(X, y)
    with pytest.raises(SchemaDriftError, match="'Int64' is Int32 and was Int64"):
        augmenter.resample(X.with_columns(pl.col("Int64").cast(pl.Int32)), y)
    with pytest.raises(SchemaDriftError, match="missing: 'Enum'"):
        augmenter.resample(X.drop("Enum"), y)
    with pytest.raises(SchemaDriftError, match="'ms' is Datetime"):
        augmenter.resample(X.with_columns(pl.col("ms").dt.convert_time_zone("UTC")), y)
    wider = pl.Enum(["low", "mid", "high", "highest"])
    X_res, _ = augmenter.resample(X.with_columns(pl.col("Enum").cast(wider)), y)
    assert X_res["Enum"].dtype == wider


# ------------------------------------------------------------------ any frame

PLAIN: dict[Any, Any] = {
    pl.Int64: st.integers(-(2**63), 2**63 - 1),
    pl.UInt64: st.integers(0, 2**64 - 1),
    pl.Float64: st.none() | st.floats(allow_infinity=False),
    pl.Float32: st.floats(allow_infinity=False, width=32),
    pl.Boolean: st.booleans(),
    pl.String: st.none() | st.sampled_from(["", "a", "ä"]),
    pl.Enum(["b", "a", "unused"]): st.sampled_from(["b", "a"]),
    pl.Datetime("us"): st.none() | st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)),
    pl.Duration("ms"): st.none() | st.integers(-(10**12), 10**12),
}


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_any_frame_is_learned_as_its_own_conversion_to_pandas(data: Any) -> None:
    pytest.importorskip("pyarrow", reason="polars converts with pyarrow")
    chosen = data.draw(st.lists(st.sampled_from(list(PLAIN)), min_size=1, max_size=4))
    X = pl.DataFrame(
        {
            f"c{i}": pl.Series(
                data.draw(st.lists(PLAIN[dtype], min_size=N, max_size=N)), dtype=dtype
            )
            for i, dtype in enumerate(chosen)
        }
    )
    (ours, _), (theirs, _) = (quick().fit_resample(t, labels()) for t in (X, X.to_pandas()))
    for name in X.columns:
        got, expected = (
            [None if value is None or value != value else value for value in column.to_list()]
            for column in (
                ours[name],
                theirs[name].astype(object).where(theirs[name].notna(), None),
            )
        )
        assert got == expected, name


def nullable(values: Any) -> Any:
    return st.lists(st.none() | values, min_size=N, max_size=N)


WHOLE = {
    getattr(pl, f"{kind}{bits}"): st.integers(
        -(2 ** (bits - 1)) if kind == "Int" else 0, 2 ** (bits - (kind == "Int")) - 1
    )
    for kind in ("Int", "UInt")
    for bits in (8, 16, 32, 64)
}
DAYS = st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31))
MOMENTS = st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1))
VALUES: dict[Any, Any] = {
    **WHOLE,
    pl.Float64: st.floats(allow_infinity=False),
    pl.Float32: st.floats(allow_infinity=False, width=32),
    pl.Boolean: st.booleans(),
    pl.String: st.text(max_size=3),
    pl.Categorical: st.sampled_from(["", "a", "ä", "nan", "None"]),
    pl.Enum(["b", "a", "unused"]): st.sampled_from(["b", "a"]),
    pl.Date: DAYS,
    pl.Time: st.times(),
    pl.Datetime("us"): st.datetimes(),
    pl.Datetime("ns"): MOMENTS,
    pl.Datetime("ms", "America/New_York"): MOMENTS,
    pl.Duration("us"): st.timedeltas(dt.timedelta(-(10**6)), dt.timedelta(10**6)),
    pl.Decimal(18, 3): st.decimals(-(10**9), 10**9, places=3),
}


@st.composite
def frames(draw: Any) -> Any:
    chosen = draw(st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=4))
    columns = {}
    for i, dtype in enumerate(chosen):
        values = draw(nullable(VALUES[dtype]))
        zone = getattr(dtype, "time_zone", None)
        plain = pl.Datetime(dtype.time_unit) if zone else dtype
        column = pl.Series(values, dtype=plain)
        columns[f"c{i}"] = (
            column.dt.replace_time_zone("UTC").dt.convert_time_zone(zone) if zone else column
        )
    return pl.DataFrame(columns)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(frames())
def test_any_frame_comes_back_as_it_was_with_rows_like_its_own(X: Any) -> None:
    X_res, _ = quick(recipe="cgan").fit_resample(X, labels())
    assert_same(X_res.head(N), X)
    assert len(X_res) == 2 * (N - RARE)
    for name in X.columns:
        new, old = X_res[name].slice(N), X[name]
        if old.dtype in (pl.String, pl.Categorical, pl.Enum, pl.Boolean):
            assert set(new.to_list()) <= set(old.to_list())
        elif old.null_count() < N and not (old.dtype.is_float() and old.is_nan().all()):
            present = new.drop_nulls()
            if old.dtype.is_float():
                present, old = present.drop_nans(), old.drop_nans()
            if len(present) and len(old.drop_nulls()):
                assert present.min() >= old.min()
                assert present.max() <= old.max()
