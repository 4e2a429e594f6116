"""GANAugmenter appends rows or replaces some: each mode has its own methods."""

from __future__ import annotations

import inspect
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from ganaug import GANAugmenter, NotAvailableError, SchemaDriftError
from tests.tables.support import numbers, quick, table

pytestmark = pytest.mark.filterwarnings("ignore::ganaug.GanaugWarning")


@pytest.mark.parametrize(
    ("mode", "hidden", "instead"),
    [
        ("append", "transform", "AugmentedClassifier"),
        ("append", "fit_transform", "fit_resample"),
        ("append", "set_output", "replace"),
        ("replace", "fit_resample", "fit_transform"),
        ("replace", "resample", "append"),
    ],
)
def test_a_mode_hides_the_other_ones_methods(mode: Any, hidden: str, instead: str) -> None:
    augmenter = quick(mode=mode)
    assert not hasattr(augmenter, hidden)
    message = f"'{hidden}' is not available with mode=\"{mode}\".*{instead}"
    with pytest.raises(AttributeError, match=message) as caught:
        getattr(augmenter, hidden)
    assert isinstance(caught.value, NotAvailableError)
    with pytest.raises(AttributeError, match=message):
        getattr(GANAugmenter, hidden)(augmenter)
    other = {"append": "replace", "replace": "append"}[mode]
    assert hasattr(augmenter.set_params(mode=other), hidden)


def test_a_gated_method_is_an_ordinary_one_to_tools() -> None:
    assert list(inspect.signature(GANAugmenter.transform).parameters) == ["self", "X"]
    assert "prediction time" in (inspect.getdoc(GANAugmenter.transform) or "")
    assert pickle.loads(pickle.dumps(GANAugmenter.transform)) is GANAugmenter.transform
    X, y = numbers((60, 30))
    method = pickle.loads(pickle.dumps(quick(mode="replace").fit(X, y).transform))
    assert method.__name__ == "transform"
    assert list(inspect.signature(method).parameters) == ["X"]
    assert np.array_equal(method(X), X)


def make_replace(p: float = 0.5) -> tuple[GANAugmenter, Any, Any, Any]:
    X, y = numbers((60, 30, 12))
    augmenter = quick(mode="replace", p=p)
    return augmenter, X, y, augmenter.fit_transform(X, y)


def test_replace_swaps_rare_rows_only() -> None:
    augmenter, X, y, X_new = make_replace()
    changed = (X_new != X).any(1)
    assert X_new.shape == X.shape
    assert X_new.dtype == X.dtype
    assert np.array_equal(changed, augmenter.synthetic_mask_)
    assert not changed[y == 0].any(), "the majority is never rare"
    assert 0 < changed[y == 1].sum() < 30
    assert 0 < changed[y == 2].sum() < 12


@pytest.mark.parametrize(("p", "share"), [(0.0, 0), (1.0, 1)])
def test_replace_with_certainty(p: float, share: int) -> None:
    """With p=0 no rare row is swapped, with p=1 each one."""
    augmenter, _, y, _ = make_replace(p)
    assert augmenter.synthetic_mask_[y > 0].mean() == share


def test_replace_gives_a_row_of_the_same_class() -> None:
    y = np.repeat([0, 1, 2], (40, 12, 12))
    y = np.random.default_rng(0).permutation(y)
    X = pd.DataFrame({"of": np.array(["zero", "one", "two"])[y], "n": np.arange(64.0)})
    X_new = quick(mode="replace", p=1.0, max_steps=150).fit_transform(X, y)
    own = X_new["of"] == X["of"]
    assert own[y > 0].mean() > 0.8, "synthetic rows were put in places of another class"


def test_replace_leaves_prediction_data_alone() -> None:
    augmenter, X, _, _ = make_replace()
    other, _ = numbers((9, 1), seed=5)
    assert np.array_equal(augmenter.transform(other), other)
    assert np.array_equal(augmenter.transform(X), X)
    with pytest.raises(SchemaDriftError):
        augmenter.transform(X[:, :2])


def test_replace_returns_lists_for_lists() -> None:
    X, y = numbers((60, 30, 12))
    augmenter = quick(mode="replace")
    assert isinstance(augmenter.fit_transform(X.tolist(), y), list)
    assert augmenter.transform(X.tolist()) == X.tolist()
    augmenter.set_output(transform="pandas")
    assert augmenter.transform(X.tolist()).to_numpy().tolist() == X.tolist()
    assert isinstance(augmenter.fit_transform(X.tolist(), y), pd.DataFrame)


@pytest.mark.parametrize("make", [sp.csr_matrix, sp.csc_array, np.ndarray.tolist, pd.DataFrame])
def test_replace_keeps_the_container(make: Any) -> None:
    X, y = numbers((60, 30, 12))
    given = make(X)
    X_new = quick(mode="replace").fit_transform(given, y)
    assert type(X_new) is type(given)
    plain = X_new.toarray() if sp.issparse(X_new) else np.asarray(X_new)
    assert np.array_equal(plain[y == 0], X[y == 0])
    assert plain.shape == X.shape


def test_replace_keeps_dtypes_and_index_of_a_frame() -> None:
    X, y = table()
    X.index = pd.Index([f"r{i}" for i in range(len(X))])
    before = X.copy(deep=True)
    X_new = quick(mode="replace").fit_transform(X, y)
    assert X_new.dtypes.equals(X.dtypes)
    assert X_new.index.equals(X.index)
    common = (y == "common").to_numpy()
    pd.testing.assert_frame_equal(X_new[common], X[common])
    pd.testing.assert_frame_equal(X, before)


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_set_output(container: str) -> None:
    """set_output chooses pandas, polars or arrays, as for any transformer."""
    frames = pytest.importorskip(container, reason=f"{container} is not installed")
    X, y = numbers((60, 30, 12))
    augmenter = quick(mode="replace").set_output(transform=container)
    X_new = augmenter.fit_transform(X, y)
    assert isinstance(X_new, frames.DataFrame)
    assert list(X_new.columns) == ["x0", "x1", "x2"]
    assert isinstance(augmenter.transform(X), frames.DataFrame)
    assert isinstance(augmenter.set_output(transform="default").transform(X), np.ndarray)


def test_set_output_keeps_the_index() -> None:
    X, y = numbers((60, 30, 12))
    frame = pd.DataFrame(X, index=np.arange(len(X)) * 3, columns=list("abc"))
    augmenter = quick(mode="replace").set_output(transform="pandas")
    X_new = augmenter.fit_transform(frame, y)
    assert X_new.index.equals(frame.index)
    assert list(X_new.columns) == list("abc")
    assert augmenter.get_feature_names_out().tolist() == list("abc")
