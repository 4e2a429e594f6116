"""Tables that are saved, and augmenters that are quick to fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from ganaug import GANAugmenter

N = 60
CODES = np.repeat([0, 1], [45, 15])


def quick(**options: Any) -> GANAugmenter:
    return GANAugmenter(**{"max_steps": 2, "random_state": 0, **options})


def mixed_frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    when = pd.Series(pd.date_range("2020-01-01", periods=N, freq="7h"))
    numbers = pd.Series(rng.integers(0, 99, N))
    words = pd.Series(rng.choice(list("abc"), N))
    return pd.DataFrame(
        {
            "float": rng.normal(size=N),
            "float32": rng.normal(size=N).astype("float32"),
            "int8": numbers.astype("int8"),
            "uint64": (numbers.astype("uint64") + 2**63),
            "id": 2**60 + numbers * 3,
            "Int64": numbers.astype("Int64").mask(numbers % 4 == 0),
            "Float32": numbers.astype("Float32").mask(numbers % 4 == 0),
            "boolean": (numbers > 50).astype("boolean").mask(numbers % 4 == 0),
            "bool": numbers > 50,
            "object": words.astype(object).where(numbers > 20, None),
            "object_int": numbers.astype(object),
            "str": words,
            "string": words.astype("string").mask(numbers % 4 == 0),
            "string_python": words.astype(pd.StringDtype("python")),
            "category": pd.Categorical(words, categories=list("xcba")),
            "ordered": pd.Categorical(numbers % 3, categories=[2, 0, 1, 9], ordered=True),
            "floats": pd.Categorical(numbers % 3 + 0.5),
            "bins": pd.cut(numbers, 4),
            "days": pd.Categorical(when.dt.normalize()),
            "wide": [f"street {i % 47}" if i % 5 else None for i in range(N)],
            "datetime": when,
            "datetime_s": when.astype("datetime64[s]").mask(numbers % 4 == 0),
            "berlin": when.dt.tz_localize("Europe/Berlin"),
            "offset": when.dt.tz_localize("+03:30"),
            "timedelta": when - when[0],
            "month": when.dt.to_period("M"),
            "sparse": pd.arrays.SparseArray(
                np.where(numbers > 50, numbers * 1.0, 0.0), fill_value=0.0
            ),
            "sparse_nan": pd.arrays.SparseArray(np.where(numbers > 50, numbers * 1.0, np.nan)),
            "constant": 7,
            "empty": np.nan,
        }
    )


def equal(left: Any, right: Any) -> None:
    assert type(left) is type(right)
    if isinstance(left, pd.DataFrame):
        pd.testing.assert_frame_equal(left, right, check_freq=False)
    elif isinstance(left, pd.Series):
        pd.testing.assert_series_equal(left, right)
    elif sp.issparse(left):
        assert (left != right).nnz == 0
    else:
        np.testing.assert_array_equal(np.asarray(left), np.asarray(right))
        assert np.asarray(left).dtype == np.asarray(right).dtype
