"""The private functions of other libraries that ganaug uses.

A new version of a library may move or change them. Only this module imports them, so that only one
module must be checked then.
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
    """Return the container set by ``set_output`` of the estimator, or else globally."""
    return str(_get_output_config("transform", estimator)["dense"])


def scores_decisions(scorer: Any) -> bool:
    """Return whether a scorer uses predicted classes, not probabilities or ranks.

    For a function that is not a scorer of scikit-learn this is unknown, so False is returned.
    """
    return getattr(scorer, "_response_method", None) == "predict"


def score_decisions(scorer: Any, truth: Any, predicted: Any) -> float:
    """Return a scorer's value for predicted classes; higher is better."""
    return float(scorer._sign * scorer._score_func(truth, predicted, **scorer._kwargs))


def score_function(scorer: Any) -> tuple[Callable[..., Any] | None, dict[str, Any]]:
    """Return the metric of a scorer and its options; None for a scorer not of scikit-learn."""
    function = getattr(scorer, "_score_func", None)
    return function, {} if function is None else dict(scorer._kwargs)


def with_score_option(scorer: Any, name: str, value: Any) -> Any:
    """Return a copy of a scorer with one option of its metric set."""
    changed = copy.copy(scorer)
    changed._kwargs = {**scorer._kwargs, name: value}
    return changed


# ------------------------------------------------------------------ imbalanced-learn


def only_adds_rows(sampler: Any) -> bool:
    """Return whether imbalanced-learn marks a sampler as an over-sampler."""
    return getattr(sampler, "_sampling_type", None) == "over-sampling"


# ------------------------------------------------------------------ torch


def lerp_all(values: Tensors, others: Tensors, weight: float) -> None:
    """Move each tensor towards its partner, in place, by ``weight`` of their difference."""
    # One operation for all tensors, which is faster than a loop over many small ones.
    torch._foreach_lerp_(values, others, weight)


def differences(values: Tensors, others: Tensors) -> Tensors:
    """Return the difference of each tensor and its partner."""
    return torch._foreach_sub(values, others)


def norms(tensors: Tensors) -> Tensors:
    """Return the Euclidean norm of each tensor."""
    return torch._foreach_norm(tensors)


def flatten_tree(sample: Any) -> tuple[list[Any], Any]:
    """Return the leaves of nested containers, and the structure without them."""
    return tree_flatten(sample)


def unflatten_tree(leaves: list[Any], structure: Any) -> Any:
    """Return nested containers of this structure with these leaves."""
    return tree_unflatten(leaves, structure)
