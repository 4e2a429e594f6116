"""The private side of :class:`~ganaug.augmenter.GANAugmenter`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from ganaug.data.labels import append_target, check_labels, unknown_class
from ganaug.errors import InvalidInputError
from ganaug.estimators.base import Learner
from ganaug.estimators.saving import LearnedClasses, Saved
from ganaug.models.classes import one_row_error
from ganaug.models.modality import Modality
from ganaug.models.model import Model
from ganaug.models.parts import Arrays
from ganaug.runtime.memory import check_budget


class OverSampler(Learner, BaseOverSampler):
    """Check later data against those at fit, make rows of classes, and tell scikit-learn the tags.

    Attributes
    ----------
    model_ : Model
    classes_ : ndarray
    class_counts_, sampling_strategy_, plan_ : dict
        See :class:`~ganaug.augmenter.GANAugmenter`.
    """

    # What scikit-learn's _SetOutputMixin sets: that mixin itself would defeat the gates.
    _sklearn_auto_wrap_output_keys: ClassVar[set[str]] = {"transform"}
    _saved_as: ClassVar[str] = "GANAugmenter"

    _modality: Modality
    _one_hot: bool
    model_: Model
    classes_: NDArray[Any]

    def _state(self) -> tuple[Saved, Saved, Arrays]:
        own = LearnedClasses(
            self._modality,
            self.model_,
            self.classes_,
            self.class_counts_,
            self.sampling_strategy_,
            self._one_hot,
        )
        return own.to_parts()

    def _restore(self, data: Saved, model: Saved, arrays: Arrays) -> None:
        own = LearnedClasses.from_parts(data, model, arrays, self.image_options)
        self._modality, self._one_hot, self.model_ = own.modality, own.one_hot, own.model
        self.n_features_in_ = own.n_features
        self.classes_ = own.classes
        self.class_counts_, self.sampling_strategy_ = own.counts, own.to_add
        self.plan_ = dict(zip(own.classes.tolist(), own.model.methods, strict=True))

    def check_rows(self, X: Any, y: Any) -> tuple[Any, NDArray[np.int64]]:
        """Check data against those at fit, and return them in the form used inside.

        Reports take their figures from this form.

        Parameters
        ----------
        X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features), or images
        y : array-like of shape (n_samples,)

        Returns
        -------
        rows : DataFrame, or ndarray of shape (n_samples, channels, height, width)
        codes : ndarray of shape (n_samples,)
            The place of each row's class in ``classes_``.

        Raises
        ------
        GanaugError
            If the data are unlike those at fit.

        Examples
        --------
        >>> from sklearn.datasets import make_classification
        >>> from ganaug import GANAugmenter
        >>> X, y = make_classification(100, weights=[0.8], random_state=0)
        >>> augmenter = GANAugmenter(max_steps=5, random_state=0).fit(X, y)
        >>> rows, codes = augmenter.check_rows(X, y)
        >>> rows.shape, codes.shape
        ((100, 20), (100,))
        """
        data, labels, _ = self._check_again(X, y)
        return self._modality.rows(data), np.searchsorted(self.classes_, labels)

    def _check_request(self, wanted: Iterable[int]) -> None:
        budget = check_budget(self.memory_budget)
        self._modality.check_request(self.model_, wanted, budget)

    def _check_wanted(self, wanted: Mapping[Any, int]) -> None:
        """Refuse, before a row is made, what does not fit or cannot be made of one row."""
        self._check_request(wanted.values())
        methods = dict(zip(self.classes_.tolist(), self.model_.methods, strict=True))
        for label, count in wanted.items():
            if count and methods[label] == "duplicate" and self.on_singleton == "raise":
                raise one_row_error(label)

    def _check_again(self, X: Any, y: Any) -> tuple[Any, NDArray[Any], bool]:
        """Return data like those at fit, checked, their labels, and whether these are one-hot."""
        check_is_fitted(self, "model_")
        data = self._modality.check(X, check_budget(self.memory_budget))
        labels, one_hot = check_labels(y, len(data))
        self._modality.compare(self, X, data, training=True)
        for label in np.unique(labels).tolist():
            if label not in self.classes_:
                raise InvalidInputError(unknown_class(label, self.classes_.tolist()))
        return data, labels, one_hot

    def _synthesise(self, wanted: Mapping[Any, int], seed: int) -> tuple[Any, NDArray[np.int64]]:
        """Return decoded rows of each class in turn, and their class numbers."""
        numbers_of = {label: code for code, label in enumerate(self.classes_.tolist())}
        parts, codes = [self.model_.sample(0, 0, seed)], [np.zeros(0, np.int64)]
        for label, count in wanted.items():
            code = numbers_of[label]
            parts.append(self.model_.sample(code, count, seed))
            codes.append(np.full(count, code, np.int64))
        return self._modality.decode(self.model_, parts), np.concatenate(codes)

    def _append(
        self, X: Any, y: Any, data: Any, labels: NDArray[Any], wanted: Mapping[Any, int]
    ) -> tuple[Any, Any]:
        """Return ``X`` and ``y``, checked as ``data`` and ``labels``, and synthetic rows behind."""
        synthetic, codes = self._synthesise(wanted, self._next_seed())
        X_res = self._modality.append(X, data, synthetic)
        self.synthetic_mask_ = np.arange(len(labels) + len(codes)) >= len(labels)
        new = self.classes_[codes]
        return X_res, append_target(X, X_res, y, new, self._one_hot)

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
