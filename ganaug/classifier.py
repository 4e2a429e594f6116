"""AugmentedClassifier: rebalancing inside ``fit``, for pipelines that cannot change rows."""

from __future__ import annotations

import copy
import math
import numbers
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import pandas as pd
import scipy.sparse as sp
from imblearn.over_sampling.base import BaseOverSampler
from numpy.typing import NDArray
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    MetaEstimatorMixin,
    _clone_parametrized,
    clone,
)
from sklearn.utils import get_tags
from sklearn.utils.validation import (
    _check_sample_weight,
    _num_samples,
    check_is_fitted,
    has_fit_parameter,
    validate_data,
)

from ganaug.errors import ConfigError, InvalidInputError, InvalidTypeError, warn
from ganaug.frames import refuse_lazy
from ganaug.gates import of_estimator
from ganaug.targets import check_labels, check_strategy
from ganaug.validate import check_names

if TYPE_CHECKING:
    from typing import Self


class AugmentedClassifier(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """Fit a classifier on its training rows plus synthetic rows of the rare classes.

    Rows are added inside ``fit`` only, so cross-validation never leaks: the generator sees
    the training fold alone and test rows are never changed.

    Parameters
    ----------
    estimator : classifier
    augmenter : GANAugmenter or imbalanced-learn sampler, default=None
        ``None`` is ``GANAugmenter()``.
    dose : float, default=1.0
        Fraction of each class's deficit to add: 1 balances the classes, 0 adds nothing.
    synthetic_weight : float, default=1.0
        Weight of a synthetic row, as a multiple of the mean weight of the real rows of its class.
    prefit : bool, default=False
        Use ``augmenter`` as it is fitted, and leave it as it is. It must not have seen the rows
        tested on. ``clone`` keeps what it has learned.
    memory : str, joblib.Memory or None, default=None
        Cache of the augmented data, so that a search over the classifier's parameters trains each
        generator once.

    Attributes
    ----------
    estimator_ : classifier
    augmenter_ : sampler
    classes_ : ndarray of shape (n_classes,)
    n_synthetic_ : int
        Rows added.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from ganaug import AugmentedClassifier, GANAugmenter
    >>> X, y = make_classification(200, weights=[0.9], random_state=0)
    >>> augmenter = GANAugmenter(max_steps=20, random_state=0)
    >>> model = AugmentedClassifier(LogisticRegression(), augmenter).fit(X, y)
    >>> model.predict(X).shape
    (200,)
    """

    def __init__(
        self,
        estimator: Any,
        augmenter: Any = None,
        *,
        dose: float = 1.0,
        synthetic_weight: float = 1.0,
        prefit: bool = False,
        memory: Any = None,
    ) -> None:
        self.estimator = estimator
        self.augmenter = augmenter
        self.dose = dose
        self.synthetic_weight = synthetic_weight
        self.prefit = prefit
        self.memory = memory

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **fit_params: Any) -> Self:
        """Augment the training rows and fit the classifier.

        Parameters
        ----------
        X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
            Or images, if the classifier takes them as they are.
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,) or None
        **fit_params
            Passed to the classifier's ``fit``.

        Returns
        -------
        self

        Raises
        ------
        ConfigError
            If an option is impossible.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.linear_model import LogisticRegression
        >>> from imblearn.over_sampling import SMOTE
        >>> from ganaug import AugmentedClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> AugmentedClassifier(LogisticRegression(max_iter=500), SMOTE()).fit(X, y).n_synthetic_
        0
        """
        self._check_options()
        refuse_lazy(X)
        n_rows = _num_samples(X)
        if n_rows == 0:
            raise InvalidInputError("Found array with 0 sample(s); there is nothing to learn from.")
        if isinstance(X, pd.DataFrame):
            check_names(X)
        labels, _ = check_labels(y, n_rows)
        self.classes_ = np.unique(labels)
        self._check_columns(X, reset=True)
        weights = self._check_weights(sample_weight, X)
        X_res, y_res, synthetic = self._augment(X, y, labels)
        if weights is not None:
            weights = self._spread(weights, labels, y_res, synthetic)
            fit_params = {**fit_params, "sample_weight": weights}
        self.estimator_ = clone(self.estimator).fit(X_res, y_res, **fit_params)
        self.classes_ = getattr(self.estimator_, "classes_", self.classes_)
        self.n_synthetic_ = 0 if synthetic is None else int(synthetic.sum())
        return self

    def _check_options(self) -> None:
        for name in ("dose", "synthetic_weight"):
            value = getattr(self, name)
            number = isinstance(value, numbers.Real) and not isinstance(value, bool)
            if not number or not 0 <= value < math.inf:
                raise ConfigError(f"{name} must be a finite number of at least 0, got {value!r}.")
        if not self.prefit:
            return
        if not hasattr(self.augmenter, "resample"):
            raise ConfigError("prefit=True needs a fitted GANAugmenter with mode='append'.")
        check_is_fitted(self.augmenter)

    def _check_weights(self, sample_weight: Any, X: Any) -> NDArray[np.float64] | None:
        """Return the weights of the real rows, None where those of all rows will be equal."""
        if sample_weight is None and self.synthetic_weight == 1:
            return None
        if not has_fit_parameter(self.estimator, "sample_weight"):
            raise ConfigError(
                f"{type(self.estimator).__name__} does not take sample_weight, which "
                "sample_weight or synthetic_weight needs."
            )
        try:
            return _check_sample_weight(sample_weight, X, dtype=np.float64)
        except ValueError as error:
            raise InvalidInputError(str(error)) from None

    def _augment(
        self, X: Any, y: Any, labels: NDArray[Any]
    ) -> tuple[Any, Any, NDArray[np.bool_] | None]:
        """Return the augmented rows and which are synthetic (None: cannot be told)."""
        from ganaug.augmenter import GANAugmenter

        n_rows = len(labels)
        if self.dose == 0 or len(self.classes_) < 2:
            return X, y, np.zeros(n_rows, bool)
        augmenter = GANAugmenter() if self.augmenter is None else self.augmenter
        # A fitted augmenter is copied, so that its stream and its parameters stay the user's.
        augmenter = copy.copy(augmenter) if self.prefit else clone(augmenter)
        if self.dose != 1:
            augmenter.set_params(sampling_strategy=self._targets(augmenter, labels))
        if self.prefit:
            warn("prefit=True: the augmenter must not have seen the rows this model is tested on.")
            X_res, y_res = augmenter.resample(X, y)
            self.augmenter_ = augmenter
        else:
            memory = self.memory
            if not hasattr(memory, "cache"):
                memory = joblib.Memory(memory, verbose=0)
            X_res, y_res, self.augmenter_ = memory.cache(_fit_resample)(augmenter, X, y)
        return X_res, y_res, _synthetic_rows(self.augmenter_, X, X_res)

    def _targets(self, augmenter: Any, labels: NDArray[Any]) -> dict[Any, int]:
        """Return the rows that each class shall have: the sampler's targets scaled to the dose."""
        if getattr(augmenter, "_sampling_type", None) != "over-sampling":
            raise ConfigError(
                f"dose={self.dose} needs an over-sampler; {type(augmenter).__name__} takes dose=1."
            )
        added = check_strategy(augmenter.sampling_strategy, labels)
        classes, counts = np.unique(labels, return_counts=True)
        present = dict(zip(classes.tolist(), counts.tolist(), strict=True))
        return {c: present[c] + round(self.dose * n) for c, n in added.items()}

    def _spread(
        self,
        real: NDArray[np.float64],
        labels: NDArray[Any],
        y_res: Any,
        synthetic: NDArray[np.bool_] | None,
    ) -> NDArray[np.float64]:
        """Return the weights of the augmented rows."""
        if synthetic is None:
            kept = getattr(self.augmenter_, "sample_indices_", None)
            if kept is not None:
                return real[kept]
            raise ConfigError(
                f"{type(self.augmenter_).__name__} removes or changes rows, so weights cannot "
                "follow them."
            )
        weights = np.empty(len(synthetic))
        weights[~synthetic] = real
        new, _ = check_labels(y_res, len(synthetic))
        for label in np.unique(labels):
            mean = real[labels == label].mean()
            weights[synthetic & (new == label)] = self.synthetic_weight * mean
        return weights

    @of_estimator
    def predict(self, X: Any) -> NDArray[Any]:
        """Return the class of each row, by the fitted classifier."""
        check_is_fitted(self, "estimator_")
        return self.estimator_.predict(self._checked(X))

    @of_estimator
    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Return the probability of each class, (n_samples, n_classes)."""
        check_is_fitted(self, "estimator_")
        return self.estimator_.predict_proba(self._checked(X))

    @of_estimator
    def predict_log_proba(self, X: Any) -> NDArray[Any]:
        """Return the log-probability of each class, (n_samples, n_classes)."""
        check_is_fitted(self, "estimator_")
        return self.estimator_.predict_log_proba(self._checked(X))

    @of_estimator
    def decision_function(self, X: Any) -> NDArray[Any]:
        """Return the classifier's confidence scores."""
        check_is_fitted(self, "estimator_")
        return self.estimator_.decision_function(self._checked(X))

    def _checked(self, X: Any) -> Any:
        shape = getattr(X, "shape", None)
        if shape is not None and len(shape) < 2:  # images have more dimensions
            raise InvalidInputError(
                f"Expected a 2D table, got an array of shape {shape}. Reshape your data with "
                "array.reshape(1, -1) if it is one row, or array.reshape(-1, 1) if one column."
            )
        self._check_columns(X, reset=False)
        return X

    def _check_columns(self, X: Any, *, reset: bool) -> None:
        if len(getattr(X, "shape", ())) > 2 or (
            isinstance(X, list) and len(X) and np.ndim(X[0]) > 1
        ):
            return  # Images: how they must look is the augmenter's and the classifier's to say.
        try:
            validate_data(self, X, skip_check_array=True, reset=reset)
        except TypeError as error:  # names of which only some are strings
            raise InvalidTypeError(str(error)) from None

    def __sklearn_clone__(self) -> Self:
        copied = _clone_parametrized(self)
        if self.prefit:
            copied.augmenter = copy.copy(self.augmenter)
        return copied

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.input_tags.sparse = inner.input_tags.sparse
        tags.input_tags.allow_nan = inner.input_tags.allow_nan
        return tags


def _fit_resample(augmenter: Any, X: Any, y: Any) -> tuple[Any, Any, Any]:
    """Return the augmented rows and the fitted sampler (a function of its own, to be cached)."""
    X_res, y_res = augmenter.fit_resample(X, y)
    return X_res, y_res, augmenter


def _synthetic_rows(sampler: Any, X: Any, X_res: Any) -> NDArray[np.bool_] | None:
    """Return which rows a sampler made: its own mask, else whatever stands behind the originals."""
    mask: NDArray[np.bool_] | None = getattr(sampler, "synthetic_mask_", None)
    if mask is not None:
        return mask
    before, after = _num_samples(X), _num_samples(X_res)
    if after < before or getattr(sampler, "_sampling_type", "") != "over-sampling":
        return None
    # A combination such as SMOTEENN calls itself an over-sampler and removes rows too.
    if not isinstance(sampler, BaseOverSampler) and not _starts_with(X_res, X, before):
        return None
    return np.arange(after) >= before


def _starts_with(longer: Any, table: Any, n: int) -> bool:
    if sp.issparse(table):
        return bool((longer[:n] != table).nnz == 0)
    return pd.DataFrame(np.asarray(longer)[:n]).equals(pd.DataFrame(np.asarray(table)))
