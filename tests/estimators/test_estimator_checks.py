"""Every estimator check of scikit-learn and of imbalanced-learn, the inherent exceptions by name.

An exception that is no longer one fails its test (``xfail_strict``), and so does a check that skips
itself for a reason that is not listed here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import SkipTest

import pytest
from imblearn.utils.estimator_checks import estimator_checks_generator as imblearn_checks
from imblearn.utils.estimator_checks import parametrize_with_checks as with_imblearn_checks
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import estimator_checks_generator as sklearn_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from ganaug import AugmentedClassifier, GANAugmenter

Check = Callable[[Any], None]

ESTIMATORS = {
    "append": GANAugmenter(random_state=0, max_steps=1),
    "replace": GANAugmenter(random_state=0, max_steps=1, mode="replace"),
    "classifier": AugmentedClassifier(
        LogisticRegression(), GANAugmenter(random_state=0, max_steps=1)
    ),
    "gate": AugmentedClassifier(
        LogisticRegression(), GANAugmenter(random_state=0, max_steps=1), dose="auto", cv=2
    ),
}

NOT_WEIGHT_EQUIVALENT = (
    "A row of weight 2 is not two rows to a generator: the classes' counts, and so the number and "
    "the content of the synthetic rows, differ."
)
BY_CHANCE = {
    "gate": {
        "check_sample_weight_equivalence_on_dense_data",
        "check_sample_weight_equivalence_on_sparse_data",
    }
}
"""Checks whose outcome depends on whether the gate adds rows to what the check makes: it does with
some versions of scikit-learn, and then they fail as those of the classifier do."""

EXPECTED_TO_FAIL: dict[str, dict[str, str]] = {
    "append": {},
    "replace": {},
    "gate": {},
    "classifier": {
        "check_sample_weight_equivalence_on_dense_data": NOT_WEIGHT_EQUIVALENT,
        "check_sample_weight_equivalence_on_sparse_data": NOT_WEIGHT_EQUIVALENT,
    },
}

SINCE_LATER_VERSIONS = {"check_array_api_input"}
"""Checks that scikit-learn 1.6, the oldest supported version, does not run for every estimator."""

NO_ARRAY_API = "SCIPY_ARRAY_API is not set"
NON_DETERMINISTIC = "non deterministic"
"""fit_transform swaps rows and transform does not: replace mode says so by its tag."""

SKIP_THEMSELVES: dict[str, dict[str, str]] = {
    "append": {"check_array_api_input": NO_ARRAY_API},
    "replace": {
        "check_array_api_input": NO_ARRAY_API,
        "check_pipeline_consistency": NON_DETERMINISTIC,
        "check_transformer_data_not_an_array": NON_DETERMINISTIC,
        "check_transformer_general": NON_DETERMINISTIC,
    },
    "classifier": {"check_array_api_input": NO_ARRAY_API},
    "gate": {"check_array_api_input": NO_ARRAY_API},
}


def _name(check: Any) -> str:
    return getattr(check, "func", check).__name__


def _which(estimator: BaseEstimator) -> str:
    if isinstance(estimator, AugmentedClassifier):
        return "gate" if estimator.dose == "auto" else "classifier"
    return str(estimator.mode)


def _expected(estimator: BaseEstimator) -> dict[str, str]:
    return EXPECTED_TO_FAIL[_which(estimator)]


def _run(estimator: Any, check: Check) -> None:
    skipped = ""
    try:
        check(estimator)
    except SkipTest as skip:
        skipped = str(skip) or "without a word"
    except AssertionError:
        if _name(check) not in BY_CHANCE.get(_which(estimator), ()):
            raise
        pytest.xfail(NOT_WEIGHT_EQUIVALENT)
    if skipped:
        reason = SKIP_THEMSELVES[_which(estimator)].get(_name(check), "nothing")
        assert reason in skipped, f"{_name(check)} skipped itself: {skipped}"
        pytest.skip(reason)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")
@parametrize_with_checks(list(ESTIMATORS.values()), expected_failed_checks=_expected)
def test_scikit_learn(estimator: Any, check: Check) -> None:
    """Each check of scikit-learn passes, or fails as listed."""
    _run(estimator, check)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")
@with_imblearn_checks(list(ESTIMATORS.values()), expected_failed_checks=_expected)
def test_imbalanced_learn(estimator: Any, check: Check) -> None:
    """Each check of imbalanced-learn passes, or fails as listed."""
    _run(estimator, check)


@pytest.mark.parametrize("which", ESTIMATORS)
def test_exceptions_are_checks_that_exist(which: str) -> None:
    estimator = ESTIMATORS[which]
    generated = [*sklearn_checks(estimator), *imblearn_checks(estimator)]
    names = {_name(check) for _, check in generated}
    assert set(EXPECTED_TO_FAIL[which]) <= names
    assert set(SKIP_THEMSELVES[which]) - SINCE_LATER_VERSIONS <= names


def test_each_mode_is_checked_as_what_it_is() -> None:
    """Tags decide which checks run: none of them may get lost."""
    names = {w: {_name(c) for _, c in imblearn_checks(e)} for w, e in ESTIMATORS.items()}
    assert len(names["append"]) >= 15
    assert {"check_samplers_sparse", "check_samplers_string", "check_samplers_nan"} <= names[
        "append"
    ]
    assert not names["replace"], "replace mode is a transformer, not a sampler"
    transformer = {_name(check) for _, check in sklearn_checks(ESTIMATORS["replace"])}
    assert {"check_transformer_general", "check_transformer_n_iter"} <= transformer
    classifier = {_name(check) for _, check in sklearn_checks(ESTIMATORS["classifier"])}
    assert {
        "check_classifiers_train",
        "check_classifiers_one_label_sample_weights",
        "check_sample_weight_equivalence_on_dense_data",
    } <= classifier
