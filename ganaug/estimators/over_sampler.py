"""Base class of :class:`~ganaug.augmenter.GANAugmenter`: checks, sampling and saving."""

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
    """Over-sampler with a fitted model: checks of data, synthetic rows, scikit-learn's tags.

    Attributes
    ----------
    model_ : Model
    classes_ : ndarray
    class_counts_, sampling_strategy_, plan_ : dict
        See :class:`~ganaug.augmenter.GANAugmenter`.
    """

    # scikit-learn's _SetOutputMixin would set this too. But it would also replace the descriptor of
    # transform by a plain function, which is available in both modes.
    _sklearn_auto_wrap_output_keys: ClassVar[set[str]] = {"transform"}
    _saved_as: ClassVar[str] = "GANAugmenter"

    _modality: Modality
    _one_hot: bool
    model_: Model
    classes_: NDArray[Any]

    def _state(self) -> tuple[Saved, Saved, Arrays]:
        learned = LearnedClasses(
            self._modality,
            self.model_,
            self.classes_,
            self.class_counts_,
            self.sampling_strategy_,
            self._one_hot,
        )
        return learned.to_parts()

    def _restore(self, data: Saved, model: Saved, arrays: Arrays) -> None:
        learned = LearnedClasses.from_parts(data, model, arrays, self.image_options)
        self._modality, self._one_hot = learned.modality, learned.one_hot
        self.model_ = learned.model
        self.n_features_in_ = learned.n_features
        self.classes_ = learned.classes
        self.class_counts_, self.sampling_strategy_ = learned.counts, learned.to_add
        self.plan_ = dict(zip(learned.classes.tolist(), learned.model.methods, strict=True))

    def check_rows(self, X: Any, y: Any) -> tuple[Any, NDArray[np.int64]]:
        """Compare data with those at fit, and return rows and class numbers.

        Reports compute their figures from them.

        Parameters
        ----------
        X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features), or images
        y : array-like of shape (n_samples,)

        Returns
        -------
        rows : DataFrame, or ndarray of shape (n_samples, channels, height, width)
        codes : ndarray of shape (n_samples,)
            Position of each row's class in ``classes_``.

        Raises
        ------
        GanaugError
            If the data differ in format from those at fit.

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
        """Raise before any row is made.

        The rows may need too much memory, or be wanted of a class with a single row.
        """
        self._check_request(wanted.values())
        methods = dict(zip(self.classes_.tolist(), self.model_.methods, strict=True))
        for label, count in wanted.items():
            if count and methods[label] == "duplicate" and self.on_singleton == "raise":
                raise one_row_error(label)

    def _check_again(self, X: Any, y: Any) -> tuple[Any, NDArray[Any], bool]:
        """Return data in the modality's form, the labels, and whether ``y`` was one-hot."""
        check_is_fitted(self, "model_")
        data = self._modality.check(X, check_budget(self.memory_budget))
        labels, one_hot = check_labels(y, len(data))
        self._modality.compare(self, X, data, training=True)
        for label in np.unique(labels).tolist():
            if label not in self.classes_:
                raise InvalidInputError(unknown_class(label, self.classes_.tolist()))
        return data, labels, one_hot

    def _synthesise(self, wanted: Mapping[Any, int], seed: int) -> tuple[Any, NDArray[np.int64]]:
        """Return decoded rows, class by class, and their class numbers."""
        code_of = {label: code for code, label in enumerate(self.classes_.tolist())}
        # The empty first part gives the result its shape if no rows are wanted.
        parts, codes = [self.model_.sample(0, 0, seed)], [np.zeros(0, np.int64)]
        for label, count in wanted.items():
            code = code_of[label]
            parts.append(self.model_.sample(code, count, seed))
            codes.append(np.full(count, code, np.int64))
        return self._modality.decode(self.model_, parts), np.concatenate(codes)

    def _append(
        self, X: Any, y: Any, data: Any, labels: NDArray[Any], wanted: Mapping[Any, int]
    ) -> tuple[Any, Any]:
        """Return ``X`` and ``y``, followed by synthetic rows and their labels.

        ``data`` and ``labels`` are the checked forms of ``X`` and ``y``.
        """
        synthetic, codes = self._synthesise(wanted, self._next_seed())
        X_res = self._modality.append(X, data, synthetic)
        self.synthetic_mask_ = np.arange(len(labels) + len(codes)) >= len(labels)
        new_labels = self.classes_[codes]
        return X_res, append_target(X, X_res, y, new_labels, self._one_hot)

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
        raise NotImplementedError  # abstract in imbalanced-learn; fit_resample does not call it
