"""GANAugmenter: over-sample rare classes of tables and images with a conditional GAN.

The estimator checks its parameters and the data, has a model trained by a :class:`Modality` (tables
or images), and returns synthetic rows in the user's container. See `ganaug.training.trainer` for
the training itself.
"""

from __future__ import annotations

import numbers
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from tqdm.auto import tqdm

from ganaug.data import containers
from ganaug.data.labels import check_labels, check_strategy
from ganaug.errors import ConfigError, SchemaDriftError
from ganaug.estimators import parameters
from ganaug.estimators.conditional_methods import append_only, replace_only
from ganaug.estimators.pool_maker import PoolMaker
from ganaug.images.containers import are_images
from ganaug.images.data import ImageData
from ganaug.images.options import ImageOptions
from ganaug.models.classes import (
    Classes,
    check_counts,
    check_single_rows,
    turns_of,
    warn_of_small_classes,
)
from ganaug.models.modality import Modality
from ganaug.recipe import Recipe
from ganaug.runtime.device import choose_device
from ganaug.runtime.memory import check_budget
from ganaug.runtime.rng import numpy_stream
from ganaug.sharing.hub import PretrainedMixin
from ganaug.tables.data import TableData

if TYPE_CHECKING:
    from typing import Self


class GANAugmenter(PretrainedMixin, PoolMaker):
    """Over-sample rare classes with a conditional GAN learned from the data.

    All classes are learned together, so that rare classes borrow structure from common ones. Rows
    of one class are made by conditioning the generator on it.

    Parameters
    ----------
    recipe : str or Recipe, default="auto"
        A preset ("auto", "gan", "cgan", "wgan", "wgan-gp"; for images also "dcgan", "warp" and
        "light") or a :class:`Recipe`. Only "auto" may use another method for a class that
        is too small for a GAN; see ``plan_``.
    sampling_strategy : float, str, dict or callable, default="auto"
        Sampling information to resample the data set, as in imbalanced-learn.

        - When ``float``, the desired ratio of the number of samples in the minority class over the
          number of samples in the majority class after resampling. Binary targets only.
        - When ``str``, the classes targeted by the resampling: "minority", "not minority",
          "not majority", "all" or "auto" (equivalent to "not majority"). The number of samples in
          the different classes will be equalized.
        - When ``dict``, the keys are the targeted classes, the values the desired number of samples
          for each.
        - When callable, a function that takes ``y`` and returns such a ``dict``.
    mode : {"append", "replace"}, default="append"
        ``append`` adds synthetic rows after the originals (``fit_resample``). ``replace`` swaps
        rows of the rare classes for synthetic ones (``fit_transform``). It keeps the number of
        rows, so the data vary more but are not rebalanced.
    p : float, default=0.5
        Probability that ``replace`` swaps a row of a rare class.
    categorical_features : "auto", None, or array-like of str, int or bool, default="auto"
        Columns of numbers that are categories. Strings, booleans and categorical dtypes always are.
    image_options : ImageOptions or None, default=None
        What images do not show by themselves: the shape of flat rows, the range of values, a size
        to resize to. Arrays of three or four dimensions and lists of images need no options.
    on_singleton : {"raise", "duplicate"}, default="raise"
        If a class of one row needs more: raise an error, or repeat the row.
    max_steps : "auto" or int, default="auto"
        Generator steps. "auto" depends on the number of rows, not on the speed of the machine.
    batch_size : "auto" or int, default="auto"
        Rows in a step, drawn with replacement. "auto" takes the recipe's batch size.
    max_seconds : float or None, default=None
        Stop training after this time. The result then depends on the speed of the machine.
    device : str or torch.device, default="auto"
        "auto" uses CUDA if it is available, else MPS, else the CPU.
    memory_budget : "auto", int or str, default="auto"
        Limit for a job: bytes, or a size such as "2GB". "auto" is half of the free memory.
    callbacks : list of Callback or None, default=None
        Called during training.
    verbose : int, default=0
        1 prints the plan and shows a progress bar, on standard error.
    random_state : int, RandomState, Generator or None, default=None
        Seed. It gives the same rows on the same machine with the same number of threads.

    Attributes
    ----------
    plan_ : dict
        How rows of each class are made: "duplicate" (copies of its one row), "interpolate" (between
        neighbouring rows), "anchored" (a row starts from a real row of the class and is moved by
        the generator) or "gan" (from noise alone). It follows from recipe and class size.
    classes_ : ndarray of shape (n_classes,)
    class_counts_ : dict
        Number of rows of each class at fit.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Defined only if all column names are strings.
    sampling_strategy_ : dict
        Number of rows to add to each class.
    history_ : History
        Losses, gradient norms and warning signals of training.
    synthetic_mask_ : ndarray of bool
        True for the synthetic rows of the last result.
    model_ : TableModel or ImageModel
        The trained generator and what sampling needs.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from ganaug import GANAugmenter
    >>> X, y = make_classification(200, weights=[0.9], random_state=0)
    >>> augmenter = GANAugmenter(max_steps=20, random_state=0)
    >>> X_res, y_res = augmenter.fit_resample(X, y)
    >>> bool((y_res == 0).sum() == (y_res == 1).sum())
    True
    >>> X_new, y_new = augmenter.sample({1: 5})
    >>> X_new.shape
    (5, 20)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = parameters.OPTIONS

    def __init__(
        self,
        *,
        recipe: str | Recipe = "auto",
        sampling_strategy: Any = "auto",
        mode: Literal["append", "replace"] = "append",
        p: float = 0.5,
        categorical_features: Any = "auto",
        image_options: ImageOptions | None = None,
        on_singleton: Literal["raise", "duplicate"] = "raise",
        max_steps: int | Literal["auto"] = "auto",
        batch_size: int | Literal["auto"] = "auto",
        max_seconds: float | None = None,
        device: str | torch.device = "auto",
        memory_budget: int | str = "auto",
        callbacks: Any = None,
        verbose: int = 0,
        random_state: Any = None,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.recipe = recipe
        self.mode = mode
        self.p = p
        self.categorical_features = categorical_features
        self.image_options = image_options
        self.on_singleton = on_singleton
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.max_seconds = max_seconds
        self.device = device
        self.memory_budget = memory_budget
        self.callbacks = callbacks
        self.verbose = verbose
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:
        """Learn the distribution of each class.

        Parameters
        ----------
        X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features), or images
            Columns of numbers, strings, booleans, dates or categories; missing values are learned
            too. Frames are of pandas or polars. Images are arrays or tensors of three or four
            dimensions, lists of images, or flat rows with ``image_options``.
        y : array-like of shape (n_samples,)
            Classes, or a one-hot matrix.

        Returns
        -------
        self

        Raises
        ------
        GanaugError
            If the data or a parameter cannot be used; before training starts.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from ganaug import GANAugmenter
        >>> X, y = load_iris(return_X_y=True)
        >>> GANAugmenter(max_steps=5, random_state=0).fit(X, y).plan_
        {0: 'anchored', 1: 'anchored', 2: 'anchored'}
        """
        self._learn(X, y, requested=False)
        return self

    def _learn(self, X: Any, y: Any, *, requested: bool) -> tuple[Any, NDArray[Any]]:
        """Fit; return the data in the modality's form, and the labels.

        ``requested`` is True if the caller makes rows of every rare class next.
        """
        with self._fitting():
            self._check_params()
            budget = check_budget(self.memory_budget)
            self._modality = self._modality_of(X)
            data = self._modality.check(X, budget)
            labels, self._one_hot = check_labels(y, len(data))
            self._modality.remember(self, X, data)
            classes = self._classes_of(labels)
            sizes = self.class_counts_, self.sampling_strategy_, self.on_singleton
            if requested:  # Otherwise only sample() would raise, after the training.
                check_single_rows(*sizes)
            warn_of_small_classes(*sizes)
            device = choose_device(self.device, mps=self._modality.on_mps)
            job = self._job(self._start_stream(), device)
            methods = self._modality.plan(classes, self.recipe)
            self.plan_ = dict(zip(classes.names, methods, strict=True))
            if self.verbose:
                tqdm.write(f"ganaug plan: {self._plan_text()}", file=sys.stderr)
            self.model_, self.history_ = self._modality.train(
                data, classes, self.recipe, job, budget
            )
        if collapsed := self.history_.collapsed():
            self._warn_of_collapse(
                f"the samples of class(es) {', '.join(collapsed)} have lost most of the variety of "
                "the real ones",
                'recipe="auto", more steps, or a recipe with a larger n_critic',
            )
        return data, labels

    def _classes_of(self, labels: NDArray[Any]) -> Classes:
        """Return the classes, and set the public attributes that describe them."""
        self.sampling_strategy_ = check_strategy(self.sampling_strategy, labels)
        self.classes_, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
        names = self.classes_.tolist()
        self.class_counts_ = dict(zip(names, counts.tolist(), strict=True))
        return Classes(names, codes, counts.tolist(), self.sampling_strategy_)

    def _plan_text(self) -> str:
        counts = self.class_counts_
        return ", ".join(f"{c} ({counts[c]}) {method}" for c, method in self.plan_.items())

    def _modality_of(self, X: Any) -> Modality:
        if are_images(X, self.image_options):
            return ImageData(self.image_options or ImageOptions())
        return TableData(self.categorical_features)

    @append_only
    def fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Learn the classes and append synthetic rows to the rare ones.

        Parameters
        ----------
        X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)

        Returns
        -------
        X_resampled : same container and dtypes as ``X``
            The original rows, unchanged, followed by the synthetic ones.
        y_resampled : same container and dtype as ``y``

        Examples
        --------
        >>> import pandas as pd
        >>> from ganaug import GANAugmenter
        >>> X = pd.DataFrame({"amount": range(40), "kind": list("ab") * 20})
        >>> y = [0] * 30 + [1] * 10
        >>> X_res, y_res = GANAugmenter(max_steps=5, random_state=0).fit_resample(X, y)
        >>> len(X_res), X_res.dtypes.equals(X.dtypes)
        (60, True)
        """
        data, labels = self._learn(X, y, requested=True)
        return self._append(X, y, data, labels, self.sampling_strategy_)

    @append_only
    def resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Append synthetic rows without another fit.

        Parameters
        ----------
        X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
            With the columns seen at fit.
        y : array-like of shape (n_samples,)

        Returns
        -------
        X_resampled, y_resampled
            See :meth:`fit_resample`.

        Examples
        --------
        >>> from sklearn.datasets import make_classification
        >>> from ganaug import GANAugmenter
        >>> X, y = make_classification(100, weights=[0.8], random_state=0)
        >>> augmenter = GANAugmenter(max_steps=5, random_state=0).fit(X, y)
        >>> X_res, y_res = augmenter.resample(X, y)
        >>> bool((X_res[:100] == X).all()), bool((y_res == 0).sum() == (y_res == 1).sum())
        (True, True)
        """
        data, labels, one_hot = self._check_again(X, y)
        if one_hot != self._one_hot:
            now = "one-hot" if one_hot else "not one-hot"
            raise SchemaDriftError(f"y is {now}, unlike at fit. Pass it in the same form.")
        wanted = check_strategy(self.sampling_strategy, labels)
        self._check_wanted(wanted)
        return self._append(X, y, data, labels, wanted)

    @replace_only
    def fit_transform(self, X: Any, y: Any) -> Any:
        """Learn the classes and swap rows of the rare ones for synthetic rows of their class.

        Parameters
        ----------
        X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)

        Returns
        -------
        X_new : same container, shape and dtypes as ``X``

        Examples
        --------
        >>> from sklearn.datasets import make_classification
        >>> from ganaug import GANAugmenter
        >>> X, y = make_classification(100, weights=[0.8], random_state=0)
        >>> augmenter = GANAugmenter(mode="replace", p=0.3, max_steps=5, random_state=0)
        >>> augmenter.fit_transform(X, y).shape
        (100, 20)
        """
        data, labels = self._learn(X, y, requested=True)
        rare = [label for label, missing in self.sampling_strategy_.items() if missing > 0]
        seed = self._next_seed()
        draws = numpy_stream(seed, "replace").random(len(labels))
        swapped = np.isin(labels, rare) & (draws < self.p)
        counts = {label: int((swapped & (labels == label)).sum()) for label in rare}
        synthetic, codes = self._synthesise(counts, seed)
        # Rows are made class by class; each goes to the place of a swapped row of its class.
        order = np.searchsorted(self.classes_, labels[swapped])
        self.synthetic_mask_ = swapped
        synthetic = self._modality.take(synthetic, containers.in_turn(codes, order))
        return self._modality.wrap(self, self._modality.replace(X, data, swapped, synthetic), X)

    @replace_only
    def transform(self, X: Any) -> Any:
        """Return ``X`` unchanged: at prediction time nothing is replaced.

        Parameters
        ----------
        X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        X : unchanged

        Examples
        --------
        >>> from sklearn.datasets import make_classification
        >>> from ganaug import GANAugmenter
        >>> X, y = make_classification(100, weights=[0.8], random_state=0)
        >>> augmenter = GANAugmenter(mode="replace", max_steps=5, random_state=0).fit(X, y)
        >>> bool((augmenter.transform(X) == X).all())
        True
        """
        check_is_fitted(self, "model_")
        data = self._modality.check(X, check_budget(self.memory_budget))
        self._modality.compare(self, X, data, training=False)
        return self._modality.wrap(self, self._modality.unchanged(X), X)

    @replace_only
    def set_output(self, *, transform: str | None = None) -> Self:
        """Choose the container that ``fit_transform`` and ``transform`` return.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"} or None

        Returns
        -------
        self

        Examples
        --------
        >>> from ganaug import GANAugmenter
        >>> augmenter = GANAugmenter(mode="replace").set_output(transform="pandas")
        """
        if transform is not None:  # The attribute is that of scikit-learn's own mixin.
            self._sklearn_output_config = {"transform": transform}
        return self

    def sample(
        self, n_samples: int | Mapping[Any, int], *, random_state: Any = None
    ) -> tuple[Any, NDArray[Any]]:
        """Return synthetic rows.

        Parameters
        ----------
        n_samples : int or dict
            Rows of each class. An int is split over the classes in proportion to
            ``sampling_strategy_``.
        random_state : int, RandomState, Generator or None
            With a seed, the estimator does not change, and a larger request starts with the rows of
            a smaller one. Without a seed, each call continues the estimator's random stream.

        Returns
        -------
        X : DataFrame if fitted on one (pandas or polars), else ndarray, of shape (n, n_features)
            Images have the container they had at fit; tensors are on the CPU.
        y : ndarray of shape (n,)

        Examples
        --------
        >>> from sklearn.datasets import make_classification
        >>> from ganaug import GANAugmenter
        >>> X, y = make_classification(100, weights=[0.8], random_state=0)
        >>> augmenter = GANAugmenter(max_steps=5, random_state=0).fit(X, y)
        >>> X_new, y_new = augmenter.sample({0: 2, 1: 3}, random_state=1)
        >>> y_new.tolist()
        [0, 0, 1, 1, 1]
        """
        check_is_fitted(self, "model_")
        order: NDArray[np.int64] | None = None
        if isinstance(n_samples, Mapping):
            wanted = check_counts(n_samples, self.classes_.tolist())
        elif isinstance(n_samples, numbers.Integral) and not isinstance(n_samples, bool):
            if n_samples < 0:
                raise ConfigError(f"n_samples must be at least 0, got {n_samples}.")
            self._check_request([int(n_samples)])
            order = turns_of(self.classes_.tolist(), self.sampling_strategy_, int(n_samples))
            counts = np.bincount(order, minlength=len(self.classes_)).tolist()
            wanted = dict(zip(self.classes_.tolist(), counts, strict=True))
        else:
            raise ConfigError(f"n_samples must be an int or a dict, got {n_samples!r}.")
        self._check_wanted(wanted)
        synthetic, codes = self._synthesise(wanted, self._seed_of(random_state))
        if order is not None:
            synthetic = self._modality.take(synthetic, containers.in_turn(codes, order))
            codes = order
        return self._modality.present(synthetic), self.classes_[codes]
