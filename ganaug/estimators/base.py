"""Base class of the estimators: checked parameters, seeds, copies and saved folders."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from ganaug.errors import ModeCollapseWarning, warn
from ganaug.estimators import parameters, saving
from ganaug.models.parts import Arrays
from ganaug.runtime.rng import derive, seed_from
from ganaug.storage import artifact
from ganaug.training.job import Job

if TYPE_CHECKING:
    from typing import Self

    from ganaug.training.history import History

_FITTED = ("_modality", "_one_hot", "_source", "_target", "_seed", "_calls")
"""Private attributes that fit sets, besides the public ones whose names end in an underscore."""


class Learner(BaseEstimator):
    """Estimator that trains a model: checked parameters, seeds, copies and saved folders."""

    _parameter_constraints: ClassVar[dict[str, Any]]
    _saved_as: ClassVar[str]
    """Name of the estimator in a saved folder. Subclasses keep it, so they load the folder too."""

    _seed: int
    _calls: int
    history_: History

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name.

        Parameters
        ----------
        **params
            Parameters of the estimator. To change a field of a recipe, use ``Recipe.replace``.

        Returns
        -------
        self

        Raises
        ------
        ConfigError
            If there is no such parameter. The message names the nearest one.

        Examples
        --------
        >>> from ganaug import GANAugmenter
        >>> GANAugmenter().set_params(max_steps=10).max_steps
        10
        """
        parameters.check_parameter_names(params, self._get_param_names(), type(self).__name__)
        return super().set_params(**params)

    def save_pretrained(self, path: str | Path) -> None:
        """Save the fitted augmenter in a folder, atomically.

        The file of a `GANAugmenter` contains encoded training rows, so treat it as you treat the
        data: anchored and interpolated rows start from real rows, and selection compares synthetic
        rows with real ones. The file of a `Pix2PixAugmenter` holds the generator and no training
        images, but a network may have memorised some.

        Parameters
        ----------
        path : str or Path
            Folder; it is created if it does not exist.

        Raises
        ------
        ArtifactError
            If the folder cannot be written, or holds a ``config.json`` that is not ganaug's.

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
        names = getattr(self, "feature_names_in_", None)
        run = saving.Run(self._seed, self._calls, self.history_, names)
        data, model, arrays = self._state()
        params = saving.params_to_dict(self.get_params(deep=False))
        saved = {"params": params, **data, **run.to_dict()}
        artifact.write(Path(path), {"model": model, "estimator": saved}, arrays, self._saved_as)

    @classmethod
    def _load(cls, folder: Path) -> Self:
        """Return the estimator saved in a folder, on the CPU.

        Raises
        ------
        ArtifactError
            If the folder does not exist, is damaged or holds another estimator.
        """
        config, arrays = artifact.read(folder, cls._saved_as)
        with saving.damage_as_artifact_error(folder):
            data = config["estimator"]
            loaded = cls(**saving.params_from_dict(data["params"], cls._get_param_names()))
            cls._restore_fit(loaded, data, config["model"], arrays)
        return loaded

    def _restore_fit(self, data: saving.Saved, model: saving.Saved, arrays: Arrays) -> None:
        """Set the state of the fit that was saved."""
        self._check_params()
        self._restore(data, model, arrays)
        run = saving.Run.from_dict(data)
        self._seed, self._calls, self.history_ = run.seed, run.calls, run.history
        if run.feature_names is not None:
            self.feature_names_in_ = run.feature_names

    @abstractmethod
    def _state(self) -> tuple[saving.Saved, saving.Saved, Arrays]:
        """Return the fitted state: values of the estimator, values of the model, and arrays."""

    @abstractmethod
    def _restore(self, data: saving.Saved, model: saving.Saved, arrays: Arrays) -> None:
        """Set the fitted state that :meth:`_state` returned."""

    def _check_params(self) -> None:
        params = self.get_params(deep=False)
        parameters.check_options(self._parameter_constraints, params, type(self).__name__)

    @contextmanager
    def _fitting(self) -> Iterator[None]:
        """Drop the state of the last fit, and that of this one if it fails.

        Otherwise the state could mix two fits.
        """
        self._forget()
        try:
            yield
        except BaseException:
            self._forget()
            raise

    def _forget(self) -> None:
        for name in list(vars(self)):
            if name in _FITTED or (name.endswith("_") and not name.startswith("_")):
                delattr(self, name)

    def _job(self, seed: int, device: torch.device) -> Job:
        """Return the settings of the training run, in which 0 stands for "auto"."""
        return Job(
            0 if self.max_steps == "auto" else int(self.max_steps),
            0 if self.batch_size == "auto" else int(self.batch_size),
            seed,
            device,
            tuple(self.callbacks or ()),
            self.max_seconds,
            bool(self.verbose),
        )

    def _warn_of_collapse(self, finding: str, remedy: str) -> None:
        warn(f"Mode collapse: {finding}. Try {remedy}.", ModeCollapseWarning)

    def _start_stream(self) -> int:
        """Start the estimator's stream of seeds; return the seed of the fit."""
        self._seed, self._calls = seed_from(self.random_state), 0
        return self._seed

    def _next_seed(self) -> int:
        """Return the seed of the next call from the estimator's stream."""
        seed = derive(self._seed, "sample", self._calls)
        self._calls += 1
        return seed

    def _seed_of(self, random_state: Any) -> int:
        """Return the seed of a call: that of ``random_state``, or the next one of the stream."""
        return self._next_seed() if random_state is None else seed_from(random_state)

    # The default copies would call __getstate__, which moves the model to the CPU.
    def __copy__(self) -> Self:
        copied = type(self).__new__(type(self))
        copied.__dict__.update(vars(self))
        return copied

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        copied = memo[id(self)] = type(self).__new__(type(self))
        copied.__dict__.update(copy.deepcopy(vars(self), memo))
        return copied

    def __getstate__(self) -> dict[str, Any]:
        # Pickles hold the model on the CPU, so that machines without the device can load them.
        state = dict(super().__getstate__())
        model = state.get("model_")
        if model is not None and model.device.type != "cpu":
            state["model_"] = copy.deepcopy(model).to("cpu")
        return state
