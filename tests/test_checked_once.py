"""Input is checked once: what people pass is not decoded, converted or looked at twice."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import SMOTE
from sklearn.linear_model import LogisticRegression

from ganaug import AugmentedClassifier, GANAugmenter
from ganaug.data import labels, polars
from ganaug.images import containers


@contextmanager
def calls_of(*functions: Callable[..., Any]) -> Iterator[Counter[str]]:
    """Count the calls of functions, whatever name each module has imported them by."""
    names: dict[CodeType, str] = {function.__code__: function.__name__ for function in functions}
    found: Counter[str] = Counter()

    def look(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code in names:
            found[names[frame.f_code]] += 1

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        yield found
    finally:
        sys.setprofile(before)


def quick() -> GANAugmenter:
    return GANAugmenter(max_steps=2, random_state=0)


@pytest.fixture
def table() -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"amount": rng.normal(size=60), "kind": list("abc") * 20})
    return frame, np.repeat(["common", "rare"], [45, 15])


def test_sixty_pil_images_are_decoded_sixty_times() -> None:
    image = pytest.importorskip("PIL.Image", reason="PIL images need the extra vision")
    pixels = np.random.default_rng(0).integers(0, 256, (60, 8, 8), np.uint8)
    images = [image.fromarray(one) for one in pixels]
    decode = image.Image.__array_interface__.fget
    with calls_of(decode, containers.stack) as found:
        quick().fit_resample(images, np.repeat([0, 1], [45, 15]))
    assert found == {"__array_interface__": 60, "stack": 1}


def test_a_polars_frame_is_converted_once(table: tuple[pd.DataFrame, np.ndarray]) -> None:
    pl = pytest.importorskip("polars", reason="polars frames need the extra polars")
    frame = pl.DataFrame(table[0].to_dict("list"))
    with calls_of(polars.to_pandas) as found:
        quick().fit_resample(frame, table[1])
    assert found == {"to_pandas": 1}


@pytest.mark.parametrize("mode", ["append", "replace"])
def test_labels_are_checked_once_in_a_fit(
    table: tuple[pd.DataFrame, np.ndarray], mode: str
) -> None:
    augmenter = quick().set_params(mode=mode)
    with calls_of(labels.check_labels) as found:
        getattr(augmenter, "fit_resample" if mode == "append" else "fit_transform")(*table)
    assert found == {"check_labels": 1}


@pytest.mark.parametrize(
    ("sampler", "each_fold"),
    [(quick(), 1), (SMOTE(random_state=0), 0)],
    ids=["ganaug", "SMOTE"],
)
def test_dose_auto_checks_labels_once_and_at_most_once_a_fold(
    table: tuple[pd.DataFrame, np.ndarray], sampler: Any, each_fold: int
) -> None:
    """The one check of a fold is ganaug's own: it is called as any other sampler is."""
    X = table[0][["amount"]].to_numpy()
    model = AugmentedClassifier(LogisticRegression(), sampler, dose="auto", cv=2)
    with calls_of(labels.check_labels) as found:
        model.fit(X, table[1])
    folds = model.dose_report_.n_folds
    last = int(model.dose_report_.chosen.remedy == "ganaug")  # the fit on all rows
    assert found == {"check_labels": 1 + each_fold * folds + last}
