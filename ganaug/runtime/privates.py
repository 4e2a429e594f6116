"""What ganaug uses of other libraries that their authors call private.

A new version of one of them may move or change these: they stand here so that one module is to be
looked at, and no other may name a private part.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from sklearn.base import _clone_parametrized
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import (
    Hidden,
    Interval,
    InvalidParameterError,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils._set_output import _get_output_config, _wrap_data_with_container
from sklearn.utils.validation import _check_sample_weight, _num_samples
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_unflatten

Tensors = tuple[Tensor, ...] | list[Tensor]

__all__ = [
    "Hidden",
    "Interval",
    "InvalidParameterError",
    "StrOptions",
    "check_sample_weight",
    "clone_parametrized",
    "differences",
    "flatten_tree",
    "lerp_all",
    "norms",
    "num_samples",
    "only_adds_rows",
    "output_config",
    "safe_indexing",
    "score_decisions",
    "score_function",
    "scores_decisions",
    "unflatten_tree",
    "validate_parameter_constraints",
    "with_score_option",
    "wrap_data_with_container",
]

# ------------------------------------------------------------------ scikit-learn

check_sample_weight = _check_sample_weight
clone_parametrized = _clone_parametrized
num_samples = _num_samples
safe_indexing = _safe_indexing
wrap_data_with_container = _wrap_data_with_container


def output_config(estimator: Any) -> str:
    """Return the container that ``set_output`` chose, for this estimator or for all."""
    return str(_get_output_config("transform", estimator)["dense"])


def scores_decisions(scorer: Any) -> bool:
    """Return whether a scorer looks at predicted classes, not at probabilities or ranks.

    Of a function that is not a scorer of scikit-learn's this is unknown, hence False.
    """
    return getattr(scorer, "_response_method", None) == "predict"


def score_decisions(scorer: Any, truth: Any, predicted: Any) -> float:
    """Return a scorer's value for predicted classes, the higher the better."""
    return float(scorer._sign * scorer._score_func(truth, predicted, **scorer._kwargs))


def score_function(scorer: Any) -> tuple[Callable[..., Any] | None, dict[str, Any]]:
    """Return the metric of a scorer and its options; None if it is not scikit-learn's."""
    function = getattr(scorer, "_score_func", None)
    return function, {} if function is None else dict(scorer._kwargs)


def with_score_option(scorer: Any, name: str, value: Any) -> Any:
    """Return a copy of a scorer with an option of its metric set."""
    told = copy.copy(scorer)
    told._kwargs = {**scorer._kwargs, name: value}
    return told


# ------------------------------------------------------------------ imbalanced-learn


def only_adds_rows(sampler: Any) -> bool:
    """Return whether a sampler calls itself an over-sampler."""
    return getattr(sampler, "_sampling_type", None) == "over-sampling"


# ------------------------------------------------------------------ torch


def lerp_all(values: Tensors, others: Tensors, weight: float) -> None:
    """Move each tensor in place towards its partner by a share of the way."""
    torch._foreach_lerp_(values, others, weight)


def differences(values: Tensors, others: Tensors) -> Tensors:
    """Return the difference of each tensor and its partner."""
    return torch._foreach_sub(values, others)


def norms(tensors: Tensors) -> Tensors:
    """Return the Euclidean norm of each tensor."""
    return torch._foreach_norm(tensors)


def flatten_tree(sample: Any) -> tuple[list[Any], Any]:
    """Return the leaves of nested containers, and their structure."""
    return tree_flatten(sample)


def unflatten_tree(leaves: list[Any], structure: Any) -> Any:
    """Return nested containers with these leaves."""
    return tree_unflatten(leaves, structure)
