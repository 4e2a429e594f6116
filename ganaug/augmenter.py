"""GANAugmenter: the estimator that users meet. It checks, delegates and puts things back."""

from __future__ import annotations

import copy
import numbers
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, cast

import numpy as np
import pandas as pd
import torch
from imblearn.over_sampling.base import BaseOverSampler
from numpy.typing import NDArray
from sklearn.utils._param_validation import Hidden, Interval, StrOptions
from sklearn.utils._set_output import _wrap_data_with_container
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from ganaug import artifact, containers, validate
from ganaug.codecs.columns import CategoryCodec
from ganaug.codecs.tabular import TableCodec
from ganaug.errors import (
    ArtifactError,
    ConfigError,
    GanaugWarning,
    InvalidInputError,
    InvalidTypeError,
    MemoryBudgetError,
    ModeCollapseWarning,
    NotAvailableError,
    SchemaDriftError,
    did_you_mean,
)
from ganaug.fitting import Job, auto_steps, fit_table_model, plan_methods
from ganaug.persistence import (
    model_from_parts,
    model_to_parts,
    name_in,
    name_out,
    params_from_dict,
    params_to_dict,
)
from ganaug.recipe import Recipe
from ganaug.rng import derive, numpy_stream, seed_from
from ganaug.sampling import interleave
from ganaug.training.callbacks import Callback
from ganaug.training.history import History

if TYPE_CHECKING:
    from typing import Self

SMALL_CLASS = 10
ID_ROWS = 50
MAX_LEVELS = 20_000

_Method = TypeVar("_Method", bound=Callable[..., Any])


def _in_mode(mode: str, instead: str) -> Callable[[_Method], _Method]:
    """Gate a method: in another mode its AttributeError says what does the job."""

    def check(self: GANAugmenter) -> bool:
        # A misspelt mode hides nothing: calling the method then says what is wrong with it.
        if self.mode != mode and self.mode in ("append", "replace"):
            raise NotAvailableError(f'Not available with mode="{self.mode}". {instead}')
        return True

    return cast("Callable[[_Method], _Method]", available_if(check))


_append_only = _in_mode(
    "append",
    'mode="replace" keeps the number of rows; use fit_transform, or GANAugmenter(mode="append") '
    "in imblearn.pipeline.Pipeline, or AugmentedClassifier in sklearn.pipeline.Pipeline.",
)
_replace_only = _in_mode(
    "replace",
    'mode="append" adds rows, which a transformer cannot; use fit_resample, '
    "imblearn.pipeline.Pipeline, AugmentedClassifier in sklearn.pipeline.Pipeline, or "
    'GANAugmenter(mode="replace").',
)


class GANAugmenter(BaseOverSampler):
    """Over-sample rare classes with a conditional GAN learned from the data.

    All classes are learned together, so rare ones borrow structure from common ones. Rows of a
    class are made by conditioning on it.

    Parameters
    ----------
    recipe : str or Recipe, default="auto"
        A preset ("auto", "gan", "cgan", "wgan", "wgan-gp") or a :class:`Recipe`. Only "auto"
        may choose another method for a class too small for a GAN; see ``plan_``.
    sampling_strategy : float, str, dict or callable, default="auto"
        How many rows each class shall have, in every form imbalanced-learn knows.
    mode : {"append", "replace"}, default="append"
        ``append`` adds synthetic rows behind the originals (``fit_resample``). ``replace`` swaps
        rows of the rare classes for synthetic ones while fitting and keeps the number of rows
        (``fit_transform``), which varies the data but does not rebalance them.
    p : float, default=0.5
        Probability with which ``replace`` swaps a row of a rare class.
    categorical_features : "auto", None, or array-like of str, int or bool, default="auto"
        Columns that are categories. Strings, booleans and categorical dtypes always are.
    on_singleton : {"raise", "duplicate"}, default="raise"
        What to do with a class of one row that needs more.
    max_steps : "auto" or int, default="auto"
        Generator steps. "auto" depends on the number of rows only, never on a clock.
    batch_size : "auto" or int, default="auto"
        Rows in a step; "auto" is the recipe's.
    max_seconds : float or None, default=None
        Stop training after this time. The result then depends on the machine's speed.
    device : str or torch.device, default="auto"
        "auto" is CUDA where there is one, then MPS, then the CPU.
    memory_budget : "auto", int or str, default="auto"
        Bytes, or a size such as "2GB", that a job may need; "auto" is half of the free memory.
    callbacks : list of Callback or None, default=None
        Hooks into training.
    verbose : int, default=0
        1 shows a progress bar on standard error.
    random_state : int, RandomState, Generator or None, default=None
        Seed. The same seed gives the same rows on the same machine and number of threads.

    Attributes
    ----------
    plan_ : dict
        Method by class: "duplicate", "interpolate", "anchored" or "gan".
    classes_ : ndarray of shape (n_classes,)
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if the column names are all strings.
    sampling_strategy_ : dict
        Rows to add to each class.
    history_ : History
        Losses, gradient norms and warning signals of training.
    synthetic_mask_ : ndarray of bool
        Which rows of the last result are synthetic.
    model_ : TableModel
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

    # What scikit-learn's _SetOutputMixin sets: that mixin itself would defeat the gates below.
    _sklearn_auto_wrap_output_keys: ClassVar[set[str]] = {"transform"}

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "recipe": [str, Recipe],
        "sampling_strategy": [
            Interval(numbers.Real, 0, 1, closed="right"),
            StrOptions({"auto", "minority", "not minority", "not majority", "all"}),
            Mapping,
            callable,
        ],
        "mode": [StrOptions({"append", "replace"})],
        "p": [Interval(numbers.Real, 0, 1, closed="both")],
        "categorical_features": [str, numbers.Integral, "array-like", None],
        "on_singleton": [StrOptions({"raise", "duplicate"})],
        "max_steps": [StrOptions({"auto"}), Interval(numbers.Integral, 1, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(numbers.Integral, 2, None, closed="left")],
        "max_seconds": [Interval(numbers.Real, 0, None, closed="neither"), None],
        "device": [str, Hidden(torch.device)],
        "memory_budget": [str, Interval(numbers.Integral, 1, None, closed="left")],
        "callbacks": [list, tuple, None],
        "verbose": ["verbose"],
        "random_state": ["random_state", Hidden(np.random.Generator)],
    }

    def __init__(
        self,
        *,
        recipe: str | Recipe = "auto",
        sampling_strategy: Any = "auto",
        mode: Literal["append", "replace"] = "append",
        p: float = 0.5,
        categorical_features: Any = "auto",
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
        self.on_singleton = on_singleton
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.max_seconds = max_seconds
        self.device = device
        self.memory_budget = memory_budget
        self.callbacks = callbacks
        self.verbose = verbose
        self.random_state = random_state

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name.

        Parameters
        ----------
        **params
            Parameters of the augmenter. Those of a recipe are changed with ``Recipe.replace``.

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
        known = self._get_param_names()
        for name in params:
            if name.startswith("recipe__"):
                field = name.removeprefix("recipe__")
                raise ConfigError(f"{name!r}: set recipe=Recipe.preset(...).replace({field}=...).")
            if name not in known:
                nearest = did_you_mean(name, known)
                raise ConfigError(f"GANAugmenter has no parameter {name!r}; {nearest}")
        return super().set_params(**params)

    def fit(self, X: Any, y: Any) -> Self:
        """Learn the distribution of each class.

        Parameters
        ----------
        X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
            Numbers, strings, booleans, dates, categories; missing values are learned too.
        y : array-like of shape (n_samples,)
            Classes, or a one-hot matrix.

        Returns
        -------
        self

        Raises
        ------
        GanaugError
            Before any training, if the data or an option cannot be used.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from ganaug import GANAugmenter
        >>> X, y = load_iris(return_X_y=True)
        >>> GANAugmenter(max_steps=5, random_state=0).fit(X, y).plan_
        {0: 'anchored', 1: 'anchored', 2: 'anchored'}
        """
        return self._learn(X, y, requested=False)

    def _learn(self, X: Any, y: Any, *, requested: bool) -> Self:
        """Fit; ``requested`` says that rows of every lacking class will be made right after."""
        self._check_params()
        budget = validate.check_budget(self.memory_budget)
        frame = validate.check_table(X, budget)
        labels, self._one_hot = validate.check_labels(y, len(frame))
        self._remember_columns(X)
        framed = isinstance(X, pd.DataFrame)
        self._template = X.iloc[:0].copy() if framed else np.empty((0, 0), _dtype(X))
        self.sampling_strategy_ = validate.check_strategy(self.sampling_strategy, labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        recipe = self._recipe()
        methods = self._plan(np.bincount(codes), recipe, requested)
        self._seed, self._calls = seed_from(self.random_state), 0
        categorical = validate.check_categorical(self.categorical_features, frame)
        codec = TableCodec.fit(frame, categorical, derive(self._seed, "codec"))
        self._check_columns(codec, frame, budget)
        self._check_request(codec, len(frame), self.sampling_strategy_, budget)
        encoded = codec.encode(frame, numpy_stream(self._seed, "encode"))
        job = Job(
            auto_steps(len(frame)) if self.max_steps == "auto" else int(self.max_steps),
            self._batch(recipe, len(frame)),
            derive(self._seed, "fit"),
            _device(self.device),
            tuple(self.callbacks or ()),
            self.max_seconds,
            bool(self.verbose),
        )
        self.model_, self.history_ = fit_table_model(
            recipe, codec, encoded, codes, self.classes_.tolist(), methods, job
        )
        self.plan_ = dict(zip(self.classes_.tolist(), methods, strict=True))
        self._warn_collapse()
        return self

    @_append_only
    def fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Learn the classes and append synthetic rows to the rare ones.

        Parameters
        ----------
        X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)

        Returns
        -------
        X_resampled : same container and dtypes as ``X``
            The original rows, untouched and first, then the synthetic ones.
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
        return self._learn(X, y, requested=True).resample(X, y)

    @_append_only
    def resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Append synthetic rows without learning again.

        Parameters
        ----------
        X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
            With the columns seen at fit.
        y : array-like of shape (n_samples,)

        Returns
        -------
        X_resampled, y_resampled
            As from :meth:`fit_resample`.

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
        frame, labels = self._check_again(X, y)
        wanted = validate.check_strategy(self.sampling_strategy, labels)
        budget = validate.check_budget(self.memory_budget)
        self._check_request(self.model_.codec, 0, wanted, budget)
        synthetic, codes = self._synthesise(wanted, self._next_seed())
        X_res = containers.append_table(X, synthetic)
        new = containers.like_labels(y, self.classes_[codes], self._one_hot)
        same_index = isinstance(X, pd.DataFrame) and getattr(y, "index", None) is not None
        index = X_res.index[len(frame) :] if same_index and X.index.equals(y.index) else None
        y_res = containers.append_labels(y, new, index)
        self.synthetic_mask_ = np.arange(len(frame) + len(codes)) >= len(frame)
        return X_res, y_res

    @_replace_only
    def fit_transform(self, X: Any, y: Any) -> Any:
        """Learn the classes and swap rows of the rare ones for synthetic rows of the same class.

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
        self._learn(X, y, requested=True)
        frame, labels = self._check_again(X, y)
        rare = [label for label, missing in self.sampling_strategy_.items() if missing > 0]
        seed = self._next_seed()
        coin = numpy_stream(seed, "replace").random(len(frame))
        swapped = np.isin(labels, rare) & (coin < self.p)
        counts = {label: int((swapped & (labels == label)).sum()) for label in rare}
        synthetic, codes = self._synthesise(counts, seed)
        order = np.argsort(
            np.argsort(np.searchsorted(self.classes_, labels[swapped]), kind="stable"),
            kind="stable",
        )
        by_class = synthetic.iloc[np.argsort(codes, kind="stable")].iloc[order]
        self.synthetic_mask_ = swapped
        return self._wrap(containers.replace_rows(X, swapped, by_class), X)

    @_replace_only
    def transform(self, X: Any) -> Any:
        """Return ``X`` as it is: at prediction time nothing is replaced.

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
        frame = validate.check_table(X, validate.check_budget(self.memory_budget))
        self._check_schema(X, frame, dtypes=False)
        same = X if hasattr(X, "shape") else np.asarray(X)
        return self._wrap(same, X)

    @_replace_only
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
        if transform is not None:
            self._sklearn_output_config = {"transform": transform}
        return self

    def sample(
        self, n_samples: int | Mapping[Any, int], *, random_state: Any = None
    ) -> tuple[Any, NDArray[Any]]:
        """Make new rows.

        Parameters
        ----------
        n_samples : int or dict
            Rows of each class; an int is split over the classes as ``sampling_strategy_`` would.
        random_state : int, RandomState, Generator or None
            With a seed the call is pure, and more rows begin with the same ones. Without one,
            successive calls continue the estimator's stream.

        Returns
        -------
        X : DataFrame if fitted on one, else ndarray, of shape (n, n_features)
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
            wanted = self._check_counts(n_samples)
        elif isinstance(n_samples, numbers.Integral) and not isinstance(n_samples, bool):
            if n_samples < 0:
                raise ConfigError(f"n_samples must be at least 0, got {n_samples}.")
            weights = [self.sampling_strategy_.get(c, 0) for c in self.classes_.tolist()]
            if not any(weights):
                weights = [1] * len(weights)
            self._check_request(self.model_.codec, int(n_samples), {}, self._budget())
            order = interleave(weights, int(n_samples))
            counts = np.bincount(order, minlength=len(weights))
            wanted = dict(zip(self.classes_.tolist(), counts.tolist(), strict=True))
        else:
            raise ConfigError(f"n_samples must be an int or a dict, got {n_samples!r}.")
        self._check_request(self.model_.codec, 0, wanted, self._budget())
        seed = self._next_seed() if random_state is None else seed_from(random_state)
        synthetic, codes = self._synthesise(wanted, seed)
        if order is not None:
            place = np.argsort(np.argsort(order, kind="stable"), kind="stable")
            synthetic, codes = synthetic.iloc[place].reset_index(drop=True), codes[place]
        return containers.like_table(self._template, synthetic), self.classes_[codes]

    def save_pretrained(self, path: str | Path) -> None:
        """Save the fitted augmenter in a folder, atomically.

        Anchored and interpolated classes are made from real rows, and selection compares with
        them, so the file contains encoded training rows: treat it as you treat the data.

        Parameters
        ----------
        path : str or Path
            Folder, made if absent.

        Examples
        --------
        >>> import tempfile
        >>> from sklearn.datasets import make_classification
        >>> from ganaug import GANAugmenter
        >>> X, y = make_classification(100, weights=[0.8], random_state=0)
        >>> augmenter = GANAugmenter(max_steps=5, random_state=0).fit(X, y)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     augmenter.save_pretrained(folder)
        ...     again = GANAugmenter.from_pretrained(folder)
        >>> a, b = (x.sample({1: 3}, random_state=0)[0] for x in (augmenter, again))
        >>> bool((a == b).all())
        True
        """
        check_is_fitted(self, "model_")
        config, arrays = model_to_parts(self.model_)
        artifact.write(Path(path), {"model": config, "estimator": self._estimator_out()}, arrays)

    @classmethod
    def from_pretrained(cls, path: str | Path) -> Self:
        """Load an augmenter saved by :meth:`save_pretrained`, onto the CPU.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        GANAugmenter

        Raises
        ------
        ArtifactError
            If the folder is missing, damaged, or not a saved augmenter.

        Examples
        --------
        >>> from ganaug import ArtifactError, GANAugmenter
        >>> try:
        ...     GANAugmenter.from_pretrained("no-such-folder")
        ... except ArtifactError:
        ...     print("nothing there")
        nothing there
        """
        config, arrays = artifact.read(Path(path))
        try:
            return cls._from_parts(config["estimator"], config["model"], arrays)
        except ArtifactError:
            raise
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ArtifactError(f"{path} lacks a part of an augmenter: {error!r}.") from None

    def _estimator_out(self) -> dict[str, Any]:
        names = getattr(self, "feature_names_in_", None)
        levels: Any = self._template.columns if isinstance(self._template, pd.DataFrame) else None
        template = None if isinstance(self._template, pd.DataFrame) else str(self._template.dtype)
        return {
            "params": params_to_dict(self.get_params(deep=False)),
            "column_names": None if levels is None else [_named(name) for name in levels.names],
            "classes": [artifact.tag(label) for label in self.classes_.tolist()],
            "classes_dtype": str(self.classes_.dtype),
            "to_add": [[artifact.tag(k), v] for k, v in self.sampling_strategy_.items()],
            "array_dtype": template,
            "feature_names": None if names is None else names.tolist(),
            "one_hot": self._one_hot,
            "seed": str(self._seed),
            "calls": self._calls,
            "history": self.history_.records,
        }

    @classmethod
    def _from_parts(cls, data: Any, model: Any, arrays: dict[str, NDArray[Any]]) -> Self:
        self = cls(**params_from_dict(data["params"]))
        self._check_params()
        self.model_ = model_from_parts(model, arrays)
        labels = [artifact.untag(label) for label in data["classes"]]
        self.classes_ = np.array(labels, dtype=data["classes_dtype"])
        self.sampling_strategy_ = {artifact.untag(k): v for k, v in data["to_add"]}
        self.plan_ = dict(zip(labels, self.model_.methods, strict=True))
        self.history_ = History(data["history"])
        self._one_hot, self._calls = data["one_hot"], data["calls"]
        self._seed = int(data["seed"])
        self.n_features_in_ = len(self.model_.codec.columns)
        if data["feature_names"] is not None:
            self.feature_names_in_ = np.array(data["feature_names"], dtype=object)
        if data["array_dtype"] is None:
            empty = np.zeros((0, self.model_.codec.layout.width), np.float32)
            names = [None if name is None else name_in(name) for name in data["column_names"]]
            self._template = self.model_.codec.decode(empty)
            self._template.columns = self._template.columns.set_names(names)
        else:
            self._template = np.empty((0, 0), np.dtype(data["array_dtype"]))
        return self

    def _budget(self) -> int:
        return validate.check_budget(self.memory_budget)

    def _check_counts(self, wanted: Mapping[Any, int]) -> dict[Any, int]:
        known = self.classes_.tolist()
        for label, count in wanted.items():
            if label not in known:
                raise InvalidInputError(validate.unknown_class(label, known))
            if isinstance(count, bool) or not isinstance(count, numbers.Integral) or count < 0:
                raise ConfigError(f"The count of class {label!r} must be an int >= 0: {count!r}.")
        return {label: int(count) for label, count in wanted.items()}

    def _check_params(self) -> None:
        try:
            self._validate_params()
        except ValueError as error:
            raise _as_config_error(error) from None
        for callback in self.callbacks or ():
            if not isinstance(callback, Callback):
                raise ConfigError(f"callbacks must be instances of Callback, got {callback!r}.")

    def _recipe(self) -> Recipe:
        return self.recipe if isinstance(self.recipe, Recipe) else Recipe.preset(self.recipe)

    def _plan(self, counts: NDArray[np.int64], recipe: Recipe, requested: bool) -> list[str]:
        """Choose each class's method; refuse or warn about classes too small to learn."""
        for label, count in zip(self.classes_.tolist(), counts.tolist(), strict=True):
            if not self.sampling_strategy_.get(label, 0) or count >= SMALL_CLASS:
                continue
            problem = f"Class {label!r} has only {count} rows; synthetic ones hardly vary more."
            if count == 1:
                problem = _singleton(label)
                if requested and self.on_singleton == "raise":
                    raise InvalidInputError(problem)
            warnings.warn(problem, GanaugWarning, stacklevel=5)
        return plan_methods(counts.tolist(), recipe)

    def _check_columns(self, codec: TableCodec, frame: pd.DataFrame, budget: int) -> None:
        widest, most = "", 0
        for position, column in enumerate(codec.columns):
            unique = column.type.storage != "float" and _looks_like_id(frame.iloc[:, position])
            if unique and len(frame) >= ID_ROWS:
                warnings.warn(
                    f"Column {column.name!r} looks like an identifier: every value is different. "
                    "Synthetic identifiers mean nothing; drop the column.",
                    GanaugWarning,
                    stacklevel=4,
                )
            if isinstance(column.codec, CategoryCodec) and column.codec.n_levels > most:
                widest, most = str(column.name), column.codec.n_levels
        if most > MAX_LEVELS or 4 * most * 2048 * 3 > budget:
            raise MemoryBudgetError(
                f"Column {widest!r} has {most:,} categories, which needs about "
                f"{validate.readable(4 * most * 2048 * 3)} a step (at most {MAX_LEVELS:,} "
                "categories). Drop it if it is an identifier, or group rare categories."
            )
        detail = f"The widest category is {widest!r} with {most} levels." if most else ""
        validate.check_width(codec.layout.width, detail, len(frame))

    def _check_request(
        self, codec: TableCodec, n_rows: int, wanted: Mapping[Any, int], budget: int
    ) -> None:
        total = n_rows + sum(wanted.values())
        what = f"Making {sum(wanted.values()):,} rows" if wanted else "This table"
        validate.check_memory(total, len(codec.columns), codec.layout.width, budget, what)

    def _batch(self, recipe: Recipe, n_rows: int) -> int:
        if self.batch_size == "auto":
            return recipe.schedule.batch_size
        if self.batch_size > n_rows:
            warnings.warn(
                f"batch_size={self.batch_size} is more than the {n_rows} rows; using {n_rows}.",
                GanaugWarning,
                stacklevel=4,
            )
        return int(min(self.batch_size, n_rows))

    def _warn_collapse(self) -> None:
        if collapsed := self.history_.collapsed():
            warnings.warn(
                f"Mode collapse: the samples of class(es) {', '.join(collapsed)} have lost most of "
                'the variety of the real rows. Try recipe="auto", pac=2 or more steps.',
                ModeCollapseWarning,
                stacklevel=3,
            )

    def _check_again(self, X: Any, y: Any) -> tuple[pd.DataFrame, NDArray[Any]]:
        check_is_fitted(self, "model_")
        frame = validate.check_table(X, self._budget())
        labels, one_hot = validate.check_labels(y, len(frame))
        if one_hot != self._one_hot:
            raise SchemaDriftError("y is one-hot now and was not at fit, or the other way round.")
        self._check_schema(X, frame)
        for label in np.unique(labels).tolist():
            if label not in self.classes_:
                raise InvalidInputError(validate.unknown_class(label, self.classes_.tolist()))
        return frame, labels

    def _remember_columns(self, X: Any) -> None:
        try:
            validate_data(self, X, skip_check_array=True, reset=True)
        except TypeError as error:  # names of which only some are strings
            raise InvalidTypeError(str(error)) from None

    def _check_schema(self, X: Any, frame: pd.DataFrame, *, dtypes: bool = True) -> None:
        seen = [(c.name, c.type.dtype if dtypes else None) for c in self.model_.codec.columns]
        by_name = isinstance(self._template, pd.DataFrame) and isinstance(X, pd.DataFrame)
        drift = validate.describe_drift(seen, frame, by_name=by_name)
        try:
            validate_data(self, X, skip_check_array=True, reset=False)
        except (ValueError, TypeError) as error:
            raise SchemaDriftError(f"{error}\n{drift}".strip()) from None
        if drift:
            raise SchemaDriftError(drift)

    def _synthesise(
        self, wanted: Mapping[Any, int], seed: int
    ) -> tuple[pd.DataFrame, NDArray[np.int64]]:
        """Return decoded rows of each class in turn, and their class numbers."""
        numbers_of = {label: code for code, label in enumerate(self.classes_.tolist())}
        width = self.model_.codec.layout.width
        parts, codes = [np.zeros((0, width), np.float32)], [np.zeros(0, np.int64)]
        for label, count in wanted.items():
            code = numbers_of[label]
            single = self.model_.methods[code] == "duplicate" and count
            if single and self.on_singleton == "raise":
                raise InvalidInputError(_singleton(label))
            parts.append(self.model_.sample(code, count, seed))
            codes.append(np.full(count, code, np.int64))
        return self.model_.codec.decode(np.concatenate(parts)), np.concatenate(codes)

    def _next_seed(self) -> int:
        """Return the seed of the next call: the estimator's stream goes on."""
        seed = derive(self._seed, "sample", self._calls)
        self._calls += 1
        return seed

    def _wrap(self, data: Any, X: Any) -> Any:
        return _wrap_data_with_container("transform", data, X, self)

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        model = state.get("model_")
        if model is not None and model.device.type != "cpu":
            state["model_"] = copy.deepcopy(model).to("cpu")
        return state

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


def _singleton(label: Any) -> str:
    return (
        f"Class {label!r} has one row: there is nothing to learn from. Collect more, drop the "
        'class, or set on_singleton="duplicate" to repeat the row.'
    )


def _as_config_error(error: ValueError) -> Exception:
    """Return scikit-learn's parameter error as ours, still of the type that its checks expect."""
    from sklearn.utils._param_validation import InvalidParameterError

    kind = type("InvalidOption", (ConfigError, InvalidParameterError), {})
    return kind(f"{error}{validate.nearest_option(str(error))}")


def _named(name: Any) -> Any:
    return None if name is None else name_out(name)


def _dtype(X: Any) -> np.dtype[Any]:
    """Return the dtype of an array-like; strings become objects."""
    dtype = (
        X.dtype if hasattr(X, "dtype") and isinstance(X.dtype, np.dtype) else np.asarray(X).dtype
    )
    return np.dtype(object) if dtype.kind in "US" else dtype


def _looks_like_id(series: pd.Series) -> bool:
    plain = pd.api.types.is_integer_dtype(series.dtype) or pd.api.types.is_string_dtype(series)
    return bool(plain and series.is_unique)


def _device(option: str | torch.device) -> torch.device:
    """Return the device to train on."""
    if option == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(option)
    except RuntimeError as error:
        nearest = did_you_mean(str(option).lower(), ("auto", "cpu", "cuda", "mps"))
        raise ConfigError(f"device={option!r} is not possible; {nearest} ({error})") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"device={option!r} was asked for, but CUDA is not available here.")
    return device
