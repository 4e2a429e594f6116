"""Faults 14 to 34: what may stand in a table, and what may not."""

from __future__ import annotations

import time
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from ganaug import (
    GanaugError,
    GanaugWarning,
    InvalidInputError,
    InvalidTypeError,
    MemoryBudgetError,
)
from tests.faults.rows import RARE, N, rng


def with_gaps(values, every=4):
    column = pd.Series(values).copy()
    column.iloc[::every] = None
    return column


@pytest.mark.parametrize("as_array", [True, False])
@pytest.mark.parametrize("recipe", ["auto", "cgan", "gan"])
def test_fault_14_numeric_nan_is_learned_and_sampled(quick, as_array, recipe):
    values = rng().normal(size=(N, 3))
    values[::3, 0] = np.nan
    values[RARE == 1, 1] = np.nan  # a column that one class never has
    X = values if as_array else pd.DataFrame(values, columns=list("abc"))
    augmenter = quick(recipe=recipe)
    X_res, y_res = augmenter.fit_resample(X, RARE)
    assert len(X_res) == len(y_res) == 90
    for label in (0, 1):
        new = np.asarray(augmenter.sample({label: 500})[0])
        assert not np.isinf(new).any()
        assert not np.isnan(new[:, 2]).any()
        assert np.isnan(new[:, 0]).any()


def test_fault_14_every_class_may_be_missing_somewhere(quick):
    X = pd.DataFrame({"a": [np.nan] * 45 + [1.5] * 15, "b": rng().normal(size=N)})
    new, _ = quick().fit(X, RARE).sample({0: 50, 1: 50})
    assert len(new) == 100
    assert set(new["a"].dropna()) <= {1.5}


@pytest.mark.parametrize(("recipe", "steps"), [("auto", 300), ("cgan", 20)])
@pytest.mark.parametrize(
    "kind", ["float64", "Int64", "str", "category", "datetime64[ns]", "boolean"]
)
def test_fault_15_the_missing_rate_of_each_class_is_kept(quick, recipe, steps, kind):
    random = rng()
    y = np.repeat([0, 1], [600, 300])
    gone = random.random(900) < np.where(y == 1, 0.6, 0.1)
    codes = pd.Series(random.integers(0, 2 if kind == "boolean" else 40, 900))
    column = pd.to_datetime("2020") + pd.to_timedelta(codes, "D") if "date" in kind else codes
    if kind == "str":
        column = column.astype(str)
    X = pd.DataFrame({"a": column.astype(kind).mask(gone), "b": random.normal(size=900)})
    augmenter = quick(recipe=recipe, max_steps=steps).fit(X, y)
    new, labels = augmenter.sample({0: 4000, 1: 4000}, random_state=0)
    assert new.dtypes.equals(X.dtypes)
    for label in (0, 1):
        wanted = X.loc[y == label, "a"].isna().mean()
        found = new.loc[labels == label, "a"].isna().mean()
        assert found == pytest.approx(wanted, abs=0.03)


@pytest.mark.parametrize("dtype", ["float64", "float32", "Float64", object, "Sparse[float]"])
def test_fault_16_infinity_is_refused(refused, dtype):
    values = rng().normal(size=N)
    for values[17] in (np.inf, -np.inf):
        X = pd.DataFrame({"fine": rng().normal(size=N), "amount": pd.Series(values).astype(dtype)})
        refused(X, RARE, "infinity", "'amount'", "row 17")


def test_fault_16_infinity_in_arrays_is_refused(refused):
    values = rng().normal(size=(N, 2))
    values[17, 1] = np.inf
    for X in (values, values.tolist(), sp.csr_matrix(values), values.astype(object)):
        refused(X, RARE, "infinity", "column 1", "row 17")


def test_fault_16_float_beyond_64_bits_is_refused(refused):
    if np.finfo(np.longdouble).max == np.finfo(np.float64).max:
        pytest.skip("no wider float here")
    values = rng().normal(size=(N, 1)).astype(np.longdouble)
    values[3] = np.finfo(np.longdouble).max
    refused(values, RARE, "too large")


@pytest.mark.parametrize(
    "empty",
    [
        pd.Series([np.nan] * N),
        pd.Series([None] * N, dtype=object),
        pd.Series([pd.NA] * N, dtype="Int64"),
        pd.Series([pd.NA] * N, dtype="boolean"),
        pd.Series([pd.NaT] * N),
        pd.Series([None] * N, dtype="string"),
        pd.Series([None] * N, dtype="category"),
    ],
    ids=lambda column: str(column.dtype),
)
@pytest.mark.parametrize("alone", [True, False])
def test_fault_17_all_missing_column_stays_missing(quick, empty, alone):
    X = pd.DataFrame({"empty": empty})
    if not alone:
        X["other"] = rng().normal(size=N)
    X_res, _ = quick().fit_resample(X, RARE)
    assert X_res.dtypes.equals(X.dtypes)
    assert X_res["empty"].isna().all()
    pd.testing.assert_frame_equal(X_res.iloc[:N], X)


@pytest.mark.parametrize("value", [0, 7.25, "k", True, 2**60 + 1, pd.Timestamp("2020-02-29")])
@pytest.mark.parametrize("alone", [True, False])
def test_fault_18_constant_column_stays_constant(quick, value, alone):
    X = pd.DataFrame({"constant": [value] * N})
    if not alone:
        X["other"] = rng().normal(size=N)
    X_res, _ = quick().fit_resample(X, RARE)
    assert len(X_res) == 90
    assert X_res.dtypes.equals(X.dtypes)
    assert (X_res["constant"] == value).all()


def test_fault_18_constant_array(quick):
    """A constant array of integers stays one."""
    X_res, _ = quick().fit_resample(np.full((N, 2), 3), RARE)
    assert X_res.dtype == int
    assert (X_res == 3).all()


@pytest.mark.parametrize("dtype", ["int64", "Int64", "uint64", "int64[pyarrow]"])
def test_fault_19_large_integers_survive_beside_floats(quick, dtype):
    if "pyarrow" in dtype:
        pytest.importorskip("pyarrow")
    low = 2**53 + 1
    ids = low + rng().integers(0, 10**6, N) * 2
    X = pd.DataFrame({"id": pd.Series(ids).astype(dtype), "amount": rng().normal(size=N)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GanaugWarning)  # it looks like an identifier, and is one
        X_res, _ = quick().fit_resample(X, RARE)
    assert X_res.dtypes.equals(X.dtypes)
    assert X_res["id"].iloc[:N].tolist() == ids.tolist()
    assert X_res["amount"].iloc[:N].to_numpy().tobytes() == X["amount"].to_numpy().tobytes()
    new = [int(value) for value in X_res["id"].iloc[N:]]
    assert min(ids) <= min(new) <= max(new) <= max(ids)
    assert {value % 2 for value in new} == {1}  # as the originals, all odd


def test_fault_19_the_ends_of_64_bits(quick):
    X = pd.DataFrame(
        {
            "signed": np.resize([-(2**63), -1, 0, 2**63 - 1], N),
            "unsigned": np.resize(np.array([0, 2**63, 2**64 - 1], np.uint64), N),
            "amount": rng().normal(size=N),
        }
    )
    augmenter = quick()
    X_res, _ = augmenter.fit_resample(X, RARE)
    pd.testing.assert_frame_equal(X_res.iloc[:N], X)
    assert set(X_res["signed"]) <= set(X["signed"])
    assert set(X_res["unsigned"]) <= set(X["unsigned"])


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64"])
def test_fault_20_integers_stay_integers_in_range(quick, dtype):
    values = rng().integers(3, 120, (N, 2)).astype(dtype)
    for X in (values, pd.DataFrame(values, columns=["a", "b"])):
        augmenter = quick().fit(X, RARE)
        new, _ = augmenter.sample({0: 300, 1: 300})
        found = np.asarray(new)
        assert found.dtype == dtype
        assert (found.min(0) >= values.min(0)).all()
        assert (found.max(0) <= values.max(0)).all()


def test_fault_20_integers_in_lists_stay_integers(quick):
    X = rng().integers(0, 9, (N, 2)).tolist()
    X_res, _ = quick().fit_resample(X, RARE.tolist())
    assert all(type(value) is int for row in X_res for value in row)


@pytest.mark.parametrize("dtype", ["Int8", "Int64", "UInt32", "Float64", "Float32"])
@pytest.mark.parametrize("gaps", [True, False])
def test_fault_21_nullable_numbers(quick, dtype, gaps):
    """Nullable numbers keep their dtype and range, with gaps or without."""
    column = pd.Series(rng().integers(0, 100, N)).astype(dtype)
    X = pd.DataFrame({"a": with_gaps(column) if gaps else column, "b": rng().normal(size=N)})
    X_res, _ = quick().fit_resample(X, RARE)
    assert X_res.dtypes.equals(X.dtypes)
    pd.testing.assert_frame_equal(X_res.iloc[:N], X)
    new = X_res["a"].iloc[N:].dropna()
    assert new.between(X["a"].min(), X["a"].max()).all()


@pytest.mark.parametrize("bool_dtype", ["bool", "boolean", "object"])
def test_fault_22_bool_and_category_together(quick, bool_dtype):
    random = rng()
    X = pd.DataFrame(
        {
            "flag": pd.Series(random.random(N) < 0.3).astype(bool_dtype),
            "kind": pd.Categorical(random.choice(list("abc"), N), categories=list("dcba")),
            "rank": pd.Categorical(random.integers(1, 4, N), ordered=True),
        }
    )
    X_res, _ = quick().fit_resample(X, RARE)
    assert X_res.dtypes.equals(X.dtypes)
    pd.testing.assert_frame_equal(X_res.iloc[:N], X)
    assert X_res.notna().all(axis=None)
    assert set(X_res["kind"]) <= set("abc")
    assert set(X_res["flag"]) <= {True, False}


DATES = pd.Series(pd.date_range("2020-01-01", periods=N, freq="D"))


@pytest.mark.parametrize(
    "column",
    [
        DATES,
        DATES.astype("datetime64[s]"),
        DATES.astype("datetime64[us]"),
        DATES + pd.to_timedelta(np.arange(N) * 1001, "us"),
        DATES.dt.tz_localize("Europe/Berlin"),
        DATES.dt.tz_localize("+03:30"),
        DATES - DATES[0],
        (DATES - DATES[0]).astype("timedelta64[s]"),
        DATES.dt.to_period("M"),
        pd.Series(np.resize(np.array(["1500-01-01", "9999-12-31"], "M8[s]"), N)),
    ],
    ids=["ns", "s", "us", "odd", "tz", "offset", "timedelta", "timedelta-s", "period", "far"],
)
@pytest.mark.parametrize("gaps", [True, False])
def test_fault_23_dates_and_durations(quick, column, gaps):
    column = with_gaps(column) if gaps else column
    X = pd.DataFrame({"when": column, "b": rng().normal(size=N)})
    X_res, _ = quick().fit_resample(X, RARE)
    assert X_res.dtypes.equals(X.dtypes)
    pd.testing.assert_frame_equal(X_res.iloc[:N], X)
    new = X_res["when"].iloc[N:].dropna()
    assert (new >= column.min()).all()
    assert (new <= column.max()).all()


def test_fault_23_dates_without_a_time_of_day_stay_so(quick):
    X = pd.DataFrame({"when": DATES, "b": rng().normal(size=N)})
    new, _ = quick().fit(X, RARE).sample(200)
    assert (new["when"] == new["when"].dt.normalize()).all()


@pytest.mark.parametrize(
    ("columns", "name"),
    [
        (["a", "b", "a"], "'a'"),
        ([0, 1, 1], "1"),
        (pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("a", 1)]), "('a', 1)"),
    ],
)
def test_fault_24_duplicate_column_names_are_refused(refused, columns, name):
    X = pd.DataFrame(rng().normal(size=(N, 3)), columns=columns)
    refused(X, RARE, "Duplicate column names", name, "Rename")


@pytest.mark.parametrize(
    "columns",
    [
        pd.MultiIndex.from_product([["size", "age"], ["min", "max"]], names=["what", "how"]),
        pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1), ("c", 9)]),
        pd.Index([3, 2, 1, 0], name="number"),
        pd.Index([("x", "y"), 1, 2.5, False], dtype=object),
        pd.date_range("2020", periods=4),
    ],
    ids=["named", "mixed", "ints", "objects", "dates"],
)
def test_fault_25_any_columns(quick, columns):
    """Any names of columns come back, in results and in samples."""
    X = pd.DataFrame(rng().normal(size=(N, 4)), columns=columns)
    augmenter = quick()
    X_res, _ = augmenter.fit_resample(X, RARE)
    pd.testing.assert_frame_equal(X_res.iloc[:N], X)
    pd.testing.assert_index_equal(X_res.columns, columns, exact=True)
    pd.testing.assert_index_equal(augmenter.sample(3)[0].columns, columns, exact=True)


@pytest.mark.parametrize(
    "index",
    [
        pd.RangeIndex(N),
        pd.RangeIndex(1000, 1000 - N, -1),
        pd.Index(np.arange(N)[::-1] * 3, name="id"),
        pd.Index(np.zeros(N, int)),
        pd.Index([f"row{i}" for i in range(N)], name="key"),
        pd.Index(["synthetic_0", "synthetic_2"] + [f"r{i}" for i in range(N - 2)]),
        pd.date_range("2020", periods=N),
        pd.MultiIndex.from_product([range(6), range(10)], names=["a", "b"]),
        pd.Index(np.arange(N, dtype=np.uint8)),
        pd.Index([2**63 - 1, *range(N - 1)]),
        pd.CategoricalIndex([f"c{i}" for i in range(N)]),
    ],
    ids=[
        "range", "falling", "named", "duplicates", "str", "taken", "dates", "multi", "uint8",
        "full", "category",
    ],
)  # fmt: skip
def test_fault_26_the_original_index_is_kept(quick, index):
    X = pd.DataFrame({"a": rng().normal(size=N)}, index=index)
    y = pd.Series(RARE, index=index)
    X_res, y_res = quick().fit_resample(X, y)
    assert X_res.index[:N].tolist() == index.tolist()
    assert X_res.index.names == index.names
    assert X_res.index.equals(y_res.index)
    fresh = X_res.index[N:]
    assert fresh.is_unique
    assert not set(fresh) & set(index)


def test_fault_27_high_cardinality_is_learned(quick):
    random = rng()
    levels = [f"street {i}" for i in range(2000)]
    y = np.repeat([0, 1], [2400, 600])
    X = pd.DataFrame({"street": random.choice(levels, 3000), "a": random.normal(size=3000)})
    augmenter = quick().fit(X, y)
    new, _ = augmenter.sample({1: 300})
    assert set(new["street"]) <= set(X["street"])
    assert new["street"].nunique() > 30
    assert augmenter.model_.codec.layout.width < 32  # not one column a street


@pytest.mark.parametrize("dtype", ["str", "category", "object"])
def test_fault_27_cardinality_beyond_the_budget_is_refused(refused, dtype):
    n = 30_000
    X = pd.DataFrame({"a": np.arange(n) % 7, "key": [f"k{i}" for i in range(n)]})
    X["key"] = X["key"].astype(dtype)
    y = np.arange(n) % 10 == 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GanaugWarning)
        error = refused(X, y, "'key'", "30,000 categories", "MB", "Drop it")
    assert isinstance(error, MemoryBudgetError)


def test_fault_27_the_users_budget_counts(refused):
    X = pd.DataFrame({"key": [f"k{i % 300}" for i in range(600)]})
    y = np.arange(600) % 10 == 0
    refused(X, y, "'key'", "300 categories", memory_budget="1MB")


@pytest.mark.parametrize(
    "ids",
    [
        np.arange(1000, 1000 + N),
        pd.Series([f"user-{i}" for i in range(N)]),
        pd.Series([f"user-{i}" for i in range(N)], dtype="string"),
        pd.Series([f"user-{i}" for i in range(N)], dtype="category"),
        pd.Series(range(N), dtype="Int64"),
        pd.Series([f"user-{i}" for i in range(N)], dtype=object),
    ],
    ids=["int", "str", "string", "category", "Int64", "object"],
)
def test_fault_28_an_identifier_gives_a_warning(quick, ids):
    X = pd.DataFrame({"user": ids, "a": rng().normal(size=N)})
    with pytest.warns(GanaugWarning, match="Column 'user' looks like an identifier"):
        quick().fit_resample(X, RARE)


def test_fault_28_measurements_are_no_identifiers(quick):
    X = pd.DataFrame({"a": rng().normal(size=N), "b": rng().integers(0, 30, N), "c": DATES})
    with warnings.catch_warnings():
        warnings.simplefilter("error", GanaugWarning)
        quick().fit_resample(X, RARE)


@pytest.mark.parametrize("form", ["array", "frame", "sparse"])
def test_fault_29_16000_columns_are_refused_with_an_estimate(refused, form):
    values = rng().normal(size=(N, 16_000))
    X = {"array": lambda: values, "frame": lambda: pd.DataFrame(values).add_prefix("gene")}.get(
        form, lambda: sp.csr_matrix(values)
    )()
    start = time.perf_counter()
    error = refused(X, RARE, "16,000", "MB", "SelectKBest")
    assert time.perf_counter() - start < 2
    assert isinstance(error, MemoryBudgetError)


def test_fault_29_wide_categories_are_refused_with_an_estimate(refused):
    values = rng().choice(list("abcdefghijklmnopqrst"), (200, 500))
    X = pd.DataFrame(values).add_prefix("site")
    refused(X, np.arange(200) % 4 == 0, "10,000", "MB", "'site", "20 levels")


def test_fault_30_unseen_class_is_refused_by_sampling(quick, table):
    X, y = table
    augmenter = quick().fit(X, y)
    for wanted in ({2: 5}, {"1": 5}, {None: 5}, {0: 5, 9: 5}):
        with pytest.raises(InvalidInputError, match="There is no class"):
            augmenter.sample(wanted)


@pytest.mark.parametrize("count", [-1, 2.5, "3", None, True])
def test_fault_30_counts_that_are_none_are_refused(quick, table, count):
    augmenter = quick().fit(*table)
    with pytest.raises(GanaugError, match="class 1"):
        augmenter.sample({1: count})


@pytest.mark.parametrize("recipe", ["auto", "cgan", "gan", "wgan-gp"])
@pytest.mark.parametrize("kind", ["numbers", "categories", "one category", "wide category"])
def test_fault_31_all_of_one_kind(quick, recipe, kind):
    random = rng()
    X = {
        "numbers": pd.DataFrame(random.normal(size=(N, 3))),
        "categories": pd.DataFrame(random.choice(list("ab"), (N, 3))),
        "one category": pd.DataFrame({"a": random.choice(list("ab"), N)}),
        "wide category": pd.DataFrame({"a": [f"v{i % 45}" for i in range(N)]}),
    }[kind]
    X_res, y_res = quick(recipe=recipe).fit_resample(X, RARE)
    assert len(X_res) == len(y_res) == 90
    assert X_res.dtypes.equals(X.dtypes)
    if kind != "numbers":
        for name in X:
            assert set(X_res[name]) <= set(X[name])


@pytest.mark.parametrize("recipe", ["auto", "cgan"])
def test_fault_32_heavy_tails(quick, recipe):
    """Columns of the widest range are learned without overflow."""
    random = rng()
    X = pd.DataFrame(
        {
            "cauchy": random.standard_cauchy(N) * 1e6,
            "lognormal": random.lognormal(0, 8, N),
            "extreme": np.resize([1e308, -1e308, 1e-308, 0.0, 5e-324, 3.0], N),
            "tiny": random.normal(size=N) * 1e-300,
        }
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        augmenter = quick(recipe=recipe).fit(X, RARE)
        new, _ = augmenter.sample({0: 1000, 1: 1000})
    assert np.isfinite(new.to_numpy()).all()
    assert (new.min() >= X.min()).all()
    assert (new.max() <= X.max()).all()
    assert new["lognormal"].std() > 0


@pytest.mark.parametrize("kind", [sp.csr_matrix, sp.csc_matrix, sp.csr_array, sp.coo_matrix])
def test_fault_33_sparse_that_fits_comes_back_sparse(quick, kind):
    dense = np.where(rng().random((N, 4)) < 0.7, 0.0, rng().normal(size=(N, 4)))
    X = kind(dense)
    X_res, _ = quick().fit_resample(X, RARE)
    assert type(X_res) is type(X)
    assert X_res.dtype == X.dtype
    assert (X_res.toarray()[:N] == dense).all()
    assert X_res.shape == (90, 4)


def test_fault_33_sparse_beyond_the_budget_is_refused(refused):
    n = 10**6
    X = sp.csr_matrix((np.ones(3), ([0, 5, 9], [1, 2, 3])), shape=(n, 5000))
    start = time.perf_counter()
    error = refused(X, np.arange(n) % 2, "40.0 GB", "memory_budget=8.0 GB", memory_budget="8GB")
    assert time.perf_counter() - start < 2
    assert isinstance(error, MemoryBudgetError)


@pytest.mark.parametrize(
    "values",
    [[1, "a"], [1.5, "a"], ["a", True], ["a", ("t",)], ["a", b"b"], [pd.Timestamp("2020"), "a"]],
)
def test_fault_34_mixed_column_is_refused(refused, values):
    column = pd.Series((values * N)[:N], dtype=object)
    X = pd.DataFrame({"fine": np.arange(N) % 5, "mess": column})
    error = refused(X, RARE, "'mess'", "astype")
    assert isinstance(error, (InvalidTypeError, InvalidInputError))
    refused(X.to_numpy(), RARE, "Column 1", "astype")


@pytest.mark.parametrize("value", [[1], {"a": 1}, {1}, b"x", 10**30, 1j, object()])
def test_fault_34_objects_that_are_no_data_are_refused(refused, value):
    X = pd.DataFrame({"mess": pd.Series([value] * N, dtype=object), "a": rng().normal(size=N)})
    refused(X, RARE, "mess")
    refused(X, RARE, "mess", categorical_features=["mess"]) if isinstance(
        value, (list, dict, set)
    ) else None
