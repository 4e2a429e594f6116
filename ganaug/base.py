"""What scikit-learn asks of the augmenter, and how it gets back at what it has learned."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from ganaug import checks, targets, validate
from ganaug.errors import InvalidInputError, SchemaDriftError
from ganaug.rng import derive
from ganaug.sampling import interleave

if TYPE_CHECKING:
    from typing import Self

_FITTED = ("_modality", "_one_hot", "_source", "_target", "_seed", "_calls")


class Learner(BaseEstimator):
    """What every estimator with a model does: checked parameters, seeds, copies and pickles."""

    _parameter_constraints: ClassVar[dict[str, Any]]
    _seed: int
    _calls: int

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name.

        Parameters
        ----------
        **params
            Parameters of the estimator. Those of a recipe are changed with ``Recipe.replace``.

        Returns
        -------
        self

        Raises
        ------
        ConfigError
            If there is no such parameter; the nearest one is named.

        Examples
        --------
        >>> from ganaug import GANAugmenter
        >>> GANAugmenter().set_params(max_steps=10).max_steps
        10
        """
        checks.check_names(params, self._get_param_names(), type(self).__name__)
        return super().set_params(**params)

    def _check_params(self) -> None:
        params = self.get_params(deep=False)
        checks.check_options(self._parameter_constraints, params, type(self).__name__)

    def _forget(self) -> None:
        """Drop what a fit has set, so that a failed one leaves no mixture of two."""
        for name in list(vars(self)):
            if name in _FITTED or (name.endswith("_") and not name.startswith("_")):
                delattr(self, name)

    def _next_seed(self) -> int:
        """Return the seed of the next call: the estimator's stream goes on."""
        seed = derive(self._seed, "sample", self._calls)
        self._calls += 1
        return seed

    # By themselves, copies would go through __getstate__ and leave the device.
    def __copy__(self) -> Self:
        same = type(self).__new__(type(self))
        same.__dict__.update(vars(self))
        return same

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        same = memo[id(self)] = type(self).__new__(type(self))
        same.__dict__.update(copy.deepcopy(vars(self), memo))
        return same

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        model = state.get("model_")
        if model is not None and model.device.type != "cpu":
            state["model_"] = copy.deepcopy(model).to("cpu")
        return state


class OverSampler(Learner, BaseOverSampler):
    """The private side of :class:`~ganaug.augmenter.GANAugmenter`.

    Checks of later data against the fitted ones, decoded rows; tags and containers of the output
    for scikit-learn.
    """

    # What scikit-learn's _SetOutputMixin sets: that mixin itself would defeat the gates.
    _sklearn_auto_wrap_output_keys: ClassVar[set[str]] = {"transform"}

    def _check_request(self, wanted: Iterable[int]) -> None:
        budget = validate.check_budget(self.memory_budget)
        self._modality.check_request(self.model_, wanted, budget)

    def _check_wanted(self, wanted: Mapping[Any, int]) -> None:
        """Refuse, before a row is made, what does not fit or cannot be made of one row."""
        self._check_request(wanted.values())
        methods = dict(zip(self.classes_.tolist(), self.model_.methods, strict=True))
        for label, count in wanted.items():
            if count and methods[label] == "duplicate" and self.on_singleton == "raise":
                raise InvalidInputError(checks.one_row(label))

    def _check_again(self, X: Any, y: Any) -> tuple[Any, NDArray[Any]]:
        """Return data like those at fit, checked, and their labels."""
        check_is_fitted(self, "model_")
        data = self._check_data(X)
        labels, one_hot = targets.check_labels(y, len(data))
        if one_hot != self._one_hot:
            raise SchemaDriftError("y is one-hot now and was not at fit, or the other way round.")
        self._modality.compare(self, X, data, training=True)
        for label in np.unique(labels).tolist():
            if label not in self.classes_:
                raise InvalidInputError(targets.unknown_class(label, self.classes_.tolist()))
        return data, labels

    def _check_data(self, X: Any) -> Any:
        return self._modality.check(X, validate.check_budget(self.memory_budget))

    def _synthesise(self, wanted: Mapping[Any, int], seed: int) -> tuple[Any, NDArray[np.int64]]:
        """Return decoded rows of each class in turn, and their class numbers."""
        numbers_of = {label: code for code, label in enumerate(self.classes_.tolist())}
        parts, codes = [self.model_.sample(0, 0, seed)], [np.zeros(0, np.int64)]
        for label, count in wanted.items():
            code = numbers_of[label]
            parts.append(self.model_.sample(code, count, seed))
            codes.append(np.full(count, code, np.int64))
        return self._modality.decode(self.model_, parts), np.concatenate(codes)

    def _turns(self, n_rows: int) -> NDArray[np.int64]:
        """Return the class number of each of ``n_rows``, in the proportions of the strategy."""
        weights = [self.sampling_strategy_.get(label, 0) for label in self.classes_.tolist()]
        return interleave(weights if any(weights) else [1] * len(weights), n_rows)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        if self.mode == "replace":
            from sklearn.utils import TransformerTags

            tags.transformer_tags = TransformerTags()
            tags.sampler_tags = None
            tags.non_deterministic = True
        return tags

    def _more_tags(self) -> dict[str, Any]:
        tags = {**super()._more_tags(), "allow_nan": True}
        return {**tags, "non_deterministic": True} if self.mode == "replace" else tags

    def _fit_resample(self, X: Any, y: Any, **params: Any) -> Any:
        raise NotImplementedError  # fit_resample is overridden whole.
