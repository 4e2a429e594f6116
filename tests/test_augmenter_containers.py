"""GANAugmenter: tables, labels and indices come back in the container that they came in."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from ganaug import InvalidInputError
from tests.tables.support import numbers, quick, table

pytestmark = pytest.mark.filterwarnings("ignore::ganaug.GanaugWarning")


# ------------------------------------------------------------------ containers of X


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.int8, bool, object])
def test_arrays_come_back_as_arrays(dtype: Any) -> None:
    X, y = numbers()
    X = np.abs(X * 10).astype(int).astype(dtype) if dtype is not bool else X > 1
    augmenter = quick()
    X_res, y_res = augmenter.fit_resample(X, y)
    assert type(X_res) is np.ndarray
    assert X_res.dtype == X.dtype
    assert np.array_equal(X_res[: len(X)], X)
    assert y_res.dtype == y.dtype
    assert augmenter.sample(3)[0].dtype == X.dtype


def test_strings_in_arrays_stay_categories() -> None:
    _, y = numbers()
    X = np.array([["a", "x"], ["b", "y"]], dtype=object)[y % 2]
    X_res, _ = quick().fit_resample(X, y)
    assert X_res.dtype == object
    assert set(X_res[:, 0]) == {"a", "b"}
    assert set(X_res[:, 1]) == {"x", "y"}


def test_a_frame_keeps_its_dtypes_and_its_values_their_domain() -> None:
    X, y = table()
    X_res, y_res = quick().fit_resample(X, y)
    assert X_res.dtypes.equals(X.dtypes)
    assert list(X_res.columns) == list(X.columns)
    pd.testing.assert_frame_equal(X_res.iloc[: len(X)], X)
    new = X_res.iloc[len(X) :]
    assert len(new) == 20
    assert (y_res.iloc[len(X) :] == "rare").all()
    assert y_res.name == "target"
    assert set(new["text"]) <= {"red", "green"}
    assert set(new["category"].dropna()) <= {"x", "y"}
    for name in ("int", "tiny", "when", "naive", "lasted"):
        assert new[name].dropna().between(X[name].min(), X[name].max()).all(), name
    for name in ("int", "tiny", "bool", "text", "string", "lasted"):
        assert new[name].notna().all(), f"{name} never lacked a value"


def test_lists_come_back_as_lists() -> None:
    X, y = numbers()
    X_res, y_res = quick().fit_resample(X.tolist(), y.tolist())
    assert isinstance(X_res, list)
    assert isinstance(X_res[-1], list)
    assert X_res[: len(X)] == X.tolist()
    assert isinstance(y_res, list)
    assert Counter(y_res) == {0: 40, 1: 40, 2: 40}
    assert all(type(label) is int for label in y_res)


@pytest.mark.parametrize("outer", [list, tuple])
def test_numbers_beside_strings_in_lists_stay_numbers(outer: Any) -> None:
    rng = np.random.default_rng(0)
    rows = [[float(x), n, "ab"[n % 2]] for n, x in enumerate(rng.normal(size=40))]
    y = [0] * 30 + [1] * 10
    augmenter = quick()
    X_res, _ = augmenter.fit_resample(outer(rows), y)
    assert [type(value) for value in X_res[-1]] == [float, int, str]
    assert [list(row) for row in X_res[:40]] == rows
    assert len({row[0] for row in X_res[40:]}) > 2
    assert all(0 <= row[1] < 40 for row in X_res[40:])
    assert [type(value) for value in augmenter.sample({1: 2})[0][0]] == [float, int, str]
    again, _ = augmenter.resample(outer(rows), y)
    assert [type(value) for value in again[-1]] == [float, int, str]


@pytest.mark.parametrize("make", [sp.csr_matrix, sp.csc_matrix, sp.csr_array, sp.csc_array])
def test_sparse_comes_back_sparse(make: Any) -> None:
    X, y = numbers()
    X[X < 1] = 0
    X_res, y_res = quick().fit_resample(make(X), y)
    assert type(X_res) is type(make(X))
    assert X_res.format == make(X).format
    assert X_res.dtype == X.dtype
    assert np.array_equal(X_res.toarray()[: len(X)], X)
    assert X_res.shape == (120, 3)
    assert len(y_res) == 120
    assert (X_res.toarray()[len(X) :] == 0).any(), "zeros are an atom of the distribution"


@pytest.mark.parametrize("columns", [[0, 1, 2], ["a", 1, "b"], [("x", 1), ("x", 2), ("y", 1)]])
def test_any_unique_column_names_will_do(columns: list[Any]) -> None:
    X, y = numbers()
    names = pd.MultiIndex.from_tuples(columns) if isinstance(columns[0], tuple) else columns
    X = pd.DataFrame(X, columns=names)
    if columns[0] == "a":  # scikit-learn refuses a mixture of strings and other names
        with pytest.raises((TypeError, InvalidInputError)):
            quick().fit(X, y)
        return
    augmenter = quick()
    X_res, _ = augmenter.fit_resample(X, y)
    assert X_res.columns.equals(X.columns)
    assert augmenter.sample(2)[0].columns.equals(X.columns)


# ------------------------------------------------------------------ containers of y


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["b", "a"]),
        np.array(["b", "a"], dtype=object),
        np.array([True, False]),
        np.array([2.0, 1.0]),
        np.array([-1, 1], dtype=np.int8),
    ],
    ids=lambda labels: str(labels.dtype),
)
def test_labels_keep_their_dtype(labels: Any) -> None:
    X, y = numbers((20, 8))
    augmenter = quick()
    _, y_res = augmenter.fit_resample(X, labels[y])
    assert type(y_res) is np.ndarray
    assert y_res.dtype == labels.dtype
    assert Counter(y_res.tolist()) == dict.fromkeys(labels.tolist(), 20)
    assert augmenter.classes_.tolist() == sorted(labels.tolist())
    assert set(augmenter.plan_) == set(labels.tolist())


@pytest.mark.parametrize("dtype", ["category", "Int64", "string", "boolean", "int8", object])
def test_a_series_of_labels_stays_one(dtype: Any) -> None:
    X, codes = numbers((20, 8))
    y = pd.Series(codes, name="class")
    y = y.astype(bool).astype(dtype) if dtype == "boolean" else y.astype(dtype)
    _, y_res = quick().fit_resample(X, y)
    assert isinstance(y_res, pd.Series)
    assert y_res.dtype == y.dtype
    assert y_res.name == "class"
    assert y_res.value_counts().tolist() == [20, 20]
    pd.testing.assert_series_equal(y_res.iloc[:28], y)


def test_a_column_of_labels_stays_one() -> None:
    X, codes = numbers((20, 8))
    frame = pd.DataFrame({"class": codes})
    _, y_res = quick().fit_resample(X, frame)
    assert list(y_res.columns) == ["class"]
    assert y_res["class"].value_counts().tolist() == [20, 20]
    _, y_res = quick().fit_resample(X, codes.reshape(-1, 1))
    assert y_res.shape == (40, 1)


def test_one_hot_labels_stay_one_hot() -> None:
    X, codes = numbers((20, 8, 5))
    y = np.eye(3, dtype=int)[codes]
    _, y_res = quick().fit_resample(X, y)
    assert y_res.dtype == y.dtype
    assert y_res.sum(0).tolist() == [20, 20, 20]
    assert (y_res.sum(1) == 1).all()
    _, framed = quick().fit_resample(X, pd.DataFrame(y, columns=list("abc")))
    assert list(framed.columns) == list("abc")
    assert framed.sum().tolist() == [20, 20, 20]
    _, sparse = quick().fit_resample(X, sp.csr_matrix(y))
    assert np.array_equal(sparse.toarray(), y_res)


# ------------------------------------------------------------------ index


@pytest.mark.parametrize(
    ("index", "first"),
    [
        (pd.RangeIndex(28), 28),
        (pd.RangeIndex(10, 66, 2), 66),
        (pd.Index(range(27, -1, -1)), 28),
        (pd.Index([*range(27), 1000]), 1001),
        (pd.Index([f"r{i}" for i in range(28)]), "synthetic_0"),
        (pd.Index(["synthetic_0", *(f"r{i}" for i in range(27))]), "synthetic_1"),
        (pd.date_range("2024", periods=28), "synthetic_0"),
        (pd.Index(np.arange(220, 248, dtype=np.uint8)), 248),
        (pd.Index(np.arange(95, 123, dtype=np.int8)), 123),
        (pd.Index(np.arange(95, 123), dtype="Int8"), 123),
        (pd.Index(2**63 - 30 + np.arange(28)), "synthetic_0"),
    ],
    ids=[
        "range",
        "step",
        "descending",
        "gap",
        "names",
        "taken",
        "dates",
        "uint8",
        "int8",
        "Int8",
        "int64",
    ],
)
def test_synthetic_rows_are_named_after_the_originals(index: pd.Index, first: Any) -> None:
    values, codes = numbers((20, 8))
    X, y = pd.DataFrame(values, index=index), pd.Series(codes, index=index)
    X_res, y_res = quick().fit_resample(X, y)
    assert X_res.index[:28].tolist() == index.tolist()
    assert X_res.index[28] == first
    assert X_res.index.is_unique
    assert X_res.index.equals(y_res.index)


def test_an_index_of_two_levels() -> None:
    """Synthetic rows have names in both levels of an index."""
    values, codes = numbers((20, 8))
    index = pd.MultiIndex.from_product([["a", "b"], range(14)], names=["site", "visit"])
    X_res, _ = quick().fit_resample(pd.DataFrame(values, index=index), codes)
    assert X_res.index[:28].equals(index)
    assert X_res.index.names == index.names
    assert X_res.index.is_unique


def test_an_index_with_a_level_of_missing_values() -> None:
    values, codes = numbers((20, 8))
    index = pd.MultiIndex.from_arrays([range(28), [np.nan] * 28])
    X_res, _ = quick().fit_resample(pd.DataFrame(values, index=index), codes)
    assert X_res.index[:28].equals(index)
    assert X_res.index.is_unique
    assert X_res.index.get_level_values(1).isna().all()


def test_no_synthetic_rows_leave_the_index_alone() -> None:
    values, codes = numbers((8, 8))
    index = pd.Index([f"r{i}" for i in range(16)])
    X_res, _ = quick().fit_resample(pd.DataFrame(values, index=index), codes)
    assert X_res.index.equals(index)
