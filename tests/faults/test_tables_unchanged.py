"""Faults 35 and 36: tables that must not be changed, and tables unlike those at fit."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pytest

from ganaug import InvalidInputError, SchemaDriftError
from tests.faults.rows import RARE, N, rng


def digest(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


@pytest.mark.parametrize("mode", ["append", "replace"])
def test_fault_35_read_only_arrays_are_untouched(quick, mode):
    X, y = rng().normal(size=(N, 3)), RARE.copy()
    X.setflags(write=False)
    y.setflags(write=False)
    before = digest(X), digest(y)
    augmenter = quick(mode=mode)
    if mode == "append":
        X_res, y_res = augmenter.fit_resample(X, y)
        assert not np.shares_memory(y_res, y)
    else:
        X_res = augmenter.fit_transform(X, y)
    X_res[:] = 0
    assert (digest(X), digest(y)) == before


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_fault_35_memory_maps_are_untouched(quick, tmp_path, mode):
    path = tmp_path / "X.npy"
    np.save(path, rng().normal(size=(N, 3)))
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    X = np.load(path, mmap_mode=mode)
    X_res, _ = quick().fit_resample(X, RARE)
    assert (X_res[:N] == X).all()
    X_res[:] = 0
    X.flush()
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before


@pytest.mark.parametrize("balanced", [True, False])
@pytest.mark.parametrize("mode", ["append", "replace"])
def test_fault_35_frames_are_untouched(quick, table, mode, balanced):
    X, y = table
    y = pd.Series(np.arange(N) % 2 if balanced else y)
    copies = X.copy(deep=True), y.copy(deep=True)
    augmenter = quick(mode=mode)
    if mode == "append":
        X_res, y_res = augmenter.fit_resample(X, y)
        y_res[:] = 1
    else:
        X_res = augmenter.fit_transform(X, y)
    X_res.loc[:, "amount"] = 0.0
    pd.testing.assert_frame_equal(X, copies[0])
    pd.testing.assert_series_equal(y, copies[1])


def test_fault_35_read_only_frame(quick):
    """A frame over read-only memory is augmented."""
    values = rng().normal(size=(N, 2))
    values.setflags(write=False)
    X = pd.DataFrame(values, copy=False)
    X_res, _ = quick().fit_resample(X, RARE)
    assert len(X_res) == 90


def drifted(augmenter, X, y, *words):
    with pytest.raises(SchemaDriftError) as caught:
        augmenter.resample(X, y)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("names", [["amount", "count", "kind"], [10, 20, 30]])
def test_fault_36_the_diff_names_the_columns(quick, table, names):
    X, y = table
    X.columns = names
    a, b, c = names
    augmenter = quick().fit(X, y)
    drifted(augmenter, X.drop(columns=b), y, f"missing: {b!r}")
    drifted(augmenter, X.assign(extra=1), y, "new: 'extra'")
    drifted(augmenter, X.rename(columns={b: "n"}), y, f"missing: {b!r}", "new: 'n'")
    drifted(augmenter, X[[c, b, a]], y, "in another place", repr(a), repr(c))
    text = X.astype({b: str})
    drifted(augmenter, text, y, f"column {b!r} is str and was int64")
    drifted(augmenter, X.astype({a: "float32"}), y, f"column {a!r} is float32 and was float64")


def test_fault_25_names_of_which_only_some_are_strings_are_refused(refused):
    X = pd.DataFrame(rng().normal(size=(N, 2)), columns=["a", 1])
    refused(X, RARE, "columns.astype(str)")


def test_fault_36_multiindex_columns(quick):
    """Missing and moved columns of two levels are named."""
    columns = pd.MultiIndex.from_product([["a", "b"], [1, 2]])
    X = pd.DataFrame(rng().normal(size=(N, 4)), columns=columns)
    augmenter = quick().fit(X, RARE)
    drifted(augmenter, X.iloc[:, :3], RARE, "missing: ('b', 2)")
    drifted(augmenter, X.iloc[:, ::-1], RARE, "in another place")
    augmenter.resample(X, RARE)


def test_fault_36_arrays(quick):
    """Arrays of another width or dtype than at fit are refused."""
    X = rng().normal(size=(N, 3))
    augmenter = quick().fit(X, RARE)
    drifted(augmenter, X[:, :2], RARE, "2 columns instead of 3")
    drifted(augmenter, X.astype(int), RARE, "int64 and was float64")
    drifted(augmenter, X.astype(str), RARE, "object and was float64")
    augmenter.resample(X.tolist(), RARE)


def test_fault_36_labels(quick, table):
    """Labels of another type or form than at fit are refused."""
    X, y = table
    augmenter = quick().fit(X, y)
    with pytest.raises(InvalidInputError, match="'0' of type str"):
        augmenter.resample(X, y.astype(str))
    with pytest.raises(SchemaDriftError, match="one-hot"):
        augmenter.resample(X, np.eye(2)[y])


def test_fault_36_categories(quick, table):
    """New levels of a category are harmless, missing ones are not."""
    X, y = table
    X["kind"] = X["kind"].astype("category")
    augmenter = quick().fit(X, y)
    wider = X.assign(kind=X["kind"].cat.set_categories(list("xcbaz")))
    wider.loc[0, "kind"] = "z"
    X_res, _ = augmenter.resample(wider, y)
    assert X_res.dtypes.equals(wider.dtypes)
    pd.testing.assert_frame_equal(X_res.iloc[:N], wider)
    assert set(X_res["kind"].iloc[N:]) <= set("abc")
    narrower = X.assign(kind=X["kind"].cat.set_categories(list("ab")))
    drifted(augmenter, narrower, y, "column 'kind' is category of ['a', 'b']")
    ordered = X.assign(kind=X["kind"].cat.as_ordered())
    drifted(augmenter, ordered, y, "'kind' is ordered category")


def test_fault_36_new_strings_are_harmless(quick, table):
    X, y = table
    augmenter = quick().fit(X, y)
    other = X.assign(kind="new", amount=1e9)
    X_res, _ = augmenter.resample(other, y)
    pd.testing.assert_frame_equal(X_res.iloc[:N], other)
    assert set(X_res["kind"].iloc[N:]) <= set("abc")


def test_fault_36_transform_checks_the_columns(quick, table):
    X, y = table
    augmenter = quick(mode="replace").fit(X, y)
    with pytest.raises(SchemaDriftError, match="missing: 'kind'"):
        augmenter.transform(X.drop(columns="kind"))
    numbers = X.set_axis([1, 2, 3], axis=1)
    augmenter.fit(numbers, y)
    with pytest.raises(SchemaDriftError, match="in another place"):
        augmenter.transform(numbers[[3, 2, 1]])
