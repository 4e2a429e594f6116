"""AugmentedClassifier: resampling inside ``fit``, for pipelines whose steps cannot add rows."""

from __future__ import annotations

import copy
import math
import numbers
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    MetaEstimatorMixin,
    clone,
)
from sklearn.utils import get_tags
from sklearn.utils.validation import (
    check_is_fitted,
    has_fit_parameter,
    validate_data,
)

from ganaug.choose.dose import choose_dose
from ganaug.choose.priors import correct_probabilities
from ganaug.choose.remedies import (
    WEIGHTS,
    Rows,
    check_classifier,
    samplers_of,
    scaled_targets,
    with_class_weights,
)
from ganaug.choose.samplers import check_over_sampler, fit_resample
from ganaug.choose.trials import Task
from ganaug.data.labels import check_label_list, check_labels
from ganaug.data.polars import refuse_lazy
from ganaug.errors import ConfigError, InvalidInputError, InvalidTypeError, warn
from ganaug.estimators.conditional_methods import of_estimator
from ganaug.runtime.privates import check_sample_weight, clone_parametrized, num_samples
from ganaug.runtime.rng import seed_from
from ganaug.tables.checks import check_column_names

if TYPE_CHECKING:
    from typing import Self


class AugmentedClassifier(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """Fit a classifier on its training rows plus synthetic rows of the rare classes.

    Rows are added inside ``fit`` only, so cross-validation does not leak: the generator is trained
    on the training fold alone, and test rows are not changed.

    Parameters
    ----------
    estimator : classifier
    augmenter : GANAugmenter or imbalanced-learn sampler, default=None
        ``None`` is ``GANAugmenter()``.
    dose : float or "auto", default=1.0
        Share of the rows that each class lacks to add: 1 adds all of them (balanced classes by
        default), 0 adds none.

        With ``"auto"``, a remedy is chosen by cross-validation on the training rows. Candidates are
        doing nothing; class weights, if the classifier has ``class_weight``; and random
        duplication, SMOTE and the augmenter in doses of .1, .25, .5 and 1. Doing nothing stays
        unless a candidate is better by more than its standard error. If ``scoring`` depends on
        ranks or probabilities, the mean over all remedies must also be better, by 1.5 standard
        errors. See ``dose_report_``. Each fold trains the generator once.
    synthetic_weight : float, default=1.0
        Weight of a synthetic row, as a multiple of the mean weight of the real rows of its class.
    prefit : bool, default=False
        Use an ``augmenter`` that is fitted already, and do not change it. It must not have seen the
        rows that the classifier is tested on. ``clone`` keeps it fitted.
    cv : int or splitter, default=3
        Folds of ``dose="auto"``. An integer is the number of stratified folds, which are shuffled
        by the augmenter's ``random_state`` and made twice. If a class has fewer rows than that,
        there are as many folds as it has rows.
    scoring : str, callable or None, default=None
        Score that ``dose="auto"`` improves, as scikit-learn names it. Choose the one that matters
        for your task. ``None`` is ``"balanced_accuracy"``.
    correct_prior : bool, default=False
        Correct probabilities for the real class frequencies, which added rows, sample weights and
        class weights change (Saerens et al. 2002). ``predict`` does not use the corrected
        probabilities, since that would undo the rebalancing.
    memory : str, joblib.Memory or None, default=None
        Cache of the augmented data. With it, a search over the classifier's parameters trains each
        generator once.

    Attributes
    ----------
    estimator_ : classifier
    augmenter_ : sampler
    classes_ : ndarray of shape (n_classes,)
    n_synthetic_ : int
        Number of rows added.
    dose_report_ : DoseReport
        Defined if ``dose="auto"``. The candidates, their scores, and which one was chosen.
    prior_ratio_ : ndarray of shape (n_classes,)
        Defined if ``correct_prior=True``. The share of each class among the real rows, divided by
        its share among the rows the classifier was trained on.

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
        dose: float | Literal["auto"] = 1.0,
        synthetic_weight: float = 1.0,
        prefit: bool = False,
        cv: Any = 3,
        scoring: Any = None,
        correct_prior: bool = False,
        memory: Any = None,
    ) -> None:
        self.estimator = estimator
        self.augmenter = augmenter
        self.dose = dose
        self.synthetic_weight = synthetic_weight
        self.prefit = prefit
        self.cv = cv
        self.scoring = scoring
        self.correct_prior = correct_prior
        self.memory = memory

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **fit_params: Any) -> Self:
        """Augment the training rows and fit the classifier.

        Parameters
        ----------
        X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
            Or images, if the classifier accepts them.
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,) or None
            Weights of the rows in every fit. The scores of ``dose="auto"`` do not use them.
        **fit_params
            Passed to the classifier's ``fit``. None of them may have a value for each row.

        Returns
        -------
        self

        Raises
        ------
        ConfigError
            If a parameter is impossible.
        InvalidTypeError
            If ``estimator`` is not a classifier.
        InvalidInputError
            If the rows, labels or weights cannot be used.

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
        check_classifier(self.estimator)
        self._check_options()
        refuse_lazy(X)
        n_rows = num_samples(X)
        if n_rows == 0:
            raise InvalidInputError("Found array with 0 sample(s); there is nothing to learn from.")
        if isinstance(X, pd.DataFrame):
            check_column_names(X)
        labels = (
            check_label_list(y, n_rows, 'dose="auto"')
            if self.dose == "auto"
            else check_labels(y, n_rows)[0]
        )
        self._check_fit_params(fit_params, n_rows)
        self.classes_ = np.unique(labels)
        self._check_columns(X, reset=True)
        weights = self._check_weights(sample_weight, X)
        # A former fit may have set these under other parameters.
        for stale in ("dose_report_", "prior_ratio_", "augmenter_"):
            self.__dict__.pop(stale, None)
        task = self._task(X, y, labels, weights, fit_params)
        sampler, dose, estimator = self._choose_remedy(task)
        rows = self._augment(task, sampler, dose)
        self.estimator_ = task.fit(rows, estimator)
        if self.correct_prior:
            self.prior_ratio_ = self.estimator_.ratio
            self.estimator_ = self.estimator_.estimator
        self.classes_ = getattr(self.estimator_, "classes_", self.classes_)
        self.n_synthetic_ = 0 if rows.synthetic is None else int(rows.synthetic.sum())
        return self

    def _check_options(self) -> None:
        for name in ("dose", "synthetic_weight"):
            value = getattr(self, name)
            number = isinstance(value, numbers.Real) and not isinstance(value, bool)
            if name == "dose" and isinstance(value, str) and value == "auto":
                continue
            if not number or not 0 <= value < math.inf:
                also = ' or "auto"' if name == "dose" else ""
                raise ConfigError(
                    f"{name} must be a finite number of at least 0{also}, got {value!r}."
                )
        if not self.prefit:
            return
        if not hasattr(self.augmenter, "resample"):
            raise ConfigError("prefit=True needs a fitted GANAugmenter with mode='append'.")
        check_is_fitted(self.augmenter)
        if self.dose == "auto":
            raise ConfigError(
                'dose="auto" needs prefit=False: a fitted augmenter has seen the rows that the '
                "doses are tested on."
            )

    def _check_fit_params(self, fit_params: Mapping[str, Any], n_rows: int) -> None:
        """Raise `ConfigError` if a parameter has a value for each row.

        Synthetic rows would have no value, and each fold would need a part of the values.
        """
        if self.dose == 0:  # No row is added, and nothing is cross-validated.
            return
        for name, value in fit_params.items():
            if isinstance(value, (str, bytes, Mapping)):
                continue
            shape = getattr(value, "shape", None)
            if shape is None:
                shape = (len(value),) if hasattr(value, "__len__") else ()
            if tuple(shape[:1]) == (n_rows,):
                raise ConfigError(
                    f"{name} has a value for each row, and synthetic rows have none. Only "
                    "sample_weight can be passed with a value for each row."
                )

    def _check_weights(self, sample_weight: Any, X: Any) -> NDArray[np.float64] | None:
        """Return the weights of the real rows, or None if all rows will have equal weights."""
        if sample_weight is None and self.synthetic_weight == 1:
            return None
        if not has_fit_parameter(self.estimator, "sample_weight"):
            raise ConfigError(
                f"{type(self.estimator).__name__} does not take sample_weight. Leave "
                "sample_weight out and set synthetic_weight=1, or use another classifier."
            )
        try:
            return check_sample_weight(sample_weight, X, dtype=np.float64)
        except ValueError as error:
            raise InvalidInputError(str(error)) from None

    def _task(
        self,
        X: Any,
        y: Any,
        labels: NDArray[Any],
        weights: NDArray[np.float64] | None,
        fit_params: dict[str, Any],
    ) -> Task:
        memory = self.memory
        if not hasattr(memory, "cache"):
            memory = joblib.Memory(memory, verbose=0)
        return Task(
            estimator=self.estimator,
            X=X,
            y=y,
            labels=labels,
            weights=weights,
            synthetic_weight=self.synthetic_weight,
            fit_params=fit_params,
            correct_prior=self.correct_prior,
            strategy=getattr(self.augmenter, "sampling_strategy", "auto"),
            # Hashing the labels would take time and add nothing: they are those of y.
            cached=memory.cache(fit_resample, ignore=["labels"]),
        )

    def _choose_remedy(self, task: Task) -> tuple[Any, float, Any]:
        """Return the sampler, its dose, and the unfitted classifier."""
        from ganaug.augmenter import GANAugmenter

        augmenter = GANAugmenter() if self.augmenter is None else self.augmenter
        if self.dose != "auto":
            return augmenter, float(self.dose), self.estimator
        check_over_sampler(augmenter, 'dose="auto"')
        # The copy leaves a random generator of the user's where it is; the last fit advances it.
        seed = seed_from(copy.deepcopy(getattr(augmenter, "random_state", None)))
        samplers = samplers_of(augmenter, seed)
        self.dose_report_ = choose_dose(task, samplers, cv=self.cv, scoring=self.scoring, seed=seed)
        arm = self.dose_report_.chosen
        estimator = self.estimator
        if arm.remedy == WEIGHTS:
            estimator = with_class_weights(estimator)
        return samplers.get(arm.remedy, augmenter), arm.dose, estimator

    def _augment(self, task: Task, sampler: Any, dose: float) -> Rows:
        """Return the training rows followed by those that the sampler adds."""
        if dose == 0 or len(self.classes_) < 2:
            return task.rows()
        # The copy keeps the random stream and the parameters of the user's fitted augmenter.
        sampler = copy.copy(sampler) if self.prefit else clone(sampler)
        if dose != 1:
            check_over_sampler(sampler, f"dose={dose}")
            targets = scaled_targets(sampler.sampling_strategy, task.labels, dose)
            sampler.set_params(sampling_strategy=targets)
        if self.prefit:
            warn("prefit=True: the augmenter must not have seen the rows this model is tested on.")
            X_res, y_res = sampler.resample(task.X, task.y)
            self.augmenter_ = sampler
        else:
            X_res, y_res, self.augmenter_ = task.cached(sampler, task.X, task.y, task.labels)
        return Rows.resampled(task.X, X_res, y_res, self.augmenter_)

    @of_estimator
    def predict(self, X: Any) -> NDArray[Any]:
        """Return the class of each row, as the fitted classifier predicts it."""
        check_is_fitted(self, "estimator_")
        return self.estimator_.predict(self._check_rows(X))

    @of_estimator
    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Return the probability of each class, of shape (n_samples, n_classes)."""
        check_is_fitted(self, "estimator_")
        probabilities = self.estimator_.predict_proba(self._check_rows(X))
        if not self.correct_prior:
            return probabilities
        return correct_probabilities(probabilities, self.prior_ratio_)

    @of_estimator
    def predict_log_proba(self, X: Any) -> NDArray[Any]:
        """Return the log-probability of each class, of shape (n_samples, n_classes)."""
        check_is_fitted(self, "estimator_")
        if self.correct_prior:
            with np.errstate(divide="ignore"):  # log(0) is -inf, as scikit-learn returns it
                return np.log(self.predict_proba(X))
        return self.estimator_.predict_log_proba(self._check_rows(X))

    @of_estimator
    def decision_function(self, X: Any) -> NDArray[Any]:
        """Return the classifier's confidence scores."""
        check_is_fitted(self, "estimator_")
        return self.estimator_.decision_function(self._check_rows(X))

    def _check_rows(self, X: Any) -> Any:
        """Return ``X`` if it has the columns seen at fit."""
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
            return  # Images are checked by the augmenter and the classifier.
        try:
            validate_data(self, X, skip_check_array=True, reset=reset)
        except TypeError as error:  # Some column names are strings and others are not.
            raise InvalidTypeError(str(error)) from None

    def __sklearn_clone__(self) -> Self:  # By default, clone would drop what was learned.
        copied = clone_parametrized(self)
        if self.prefit:
            copied.augmenter = copy.copy(self.augmenter)
        return copied

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.input_tags.sparse = inner.input_tags.sparse
        tags.input_tags.allow_nan = inner.input_tags.allow_nan
        return tags
