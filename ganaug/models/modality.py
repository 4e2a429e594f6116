"""Interface that tables and images implement."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ganaug.models.classes import Classes

if TYPE_CHECKING:
    from ganaug.models.model import Model
    from ganaug.recipe import Recipe
    from ganaug.training.history import History
    from ganaug.training.job import Job


class Modality(ABC):
    """Reader, trainer and writer of one kind of data: tables or images.

    Each fit has an instance of its own, which remembers what the data of that fit looked like.
    """

    name: ClassVar[str]
    on_mps: ClassVar[bool] = True
    """Whether Apple's GPUs support all operations of a training step."""

    @abstractmethod
    def check(self, X: Any, budget: int) -> Any:
        """Return checked ``X`` in the internal form, whose ``len`` is the number of rows."""

    @abstractmethod
    def remember(self, estimator: Any, X: Any, data: Any) -> None:
        """Set the attributes that scikit-learn requires, and keep the container and dtype of X."""

    @abstractmethod
    def compare(self, estimator: Any, X: Any, data: Any, *, training: bool) -> None:
        """Raise `SchemaDriftError` if the data differ from those seen at fit.

        Dtypes are compared only if ``training``, because then synthetic rows will be added.
        """

    @abstractmethod
    def rows(self, data: Any) -> Any:
        """Return checked data as a frame or an array, a row or an image each."""

    @abstractmethod
    def plan(self, classes: Classes, recipe: str | Recipe) -> list[str]:
        """Return the method that makes each class: duplicate, interpolate, anchored or gan."""

    @abstractmethod
    def train(
        self, data: Any, classes: Classes, recipe: str | Recipe, job: Job, budget: int
    ) -> tuple[Model, History]:
        """Check that the request fits the budget, then train a model and freeze it."""

    @abstractmethod
    def check_request(self, model: Model, wanted: Iterable[int], budget: int) -> None:
        """Raise `MemoryBudgetError` if the wanted rows do not fit the budget."""

    @abstractmethod
    def decode(self, model: Model, parts: list[NDArray[Any]]) -> Any:
        """Return synthetic rows from the arrays that a model sampled."""

    @abstractmethod
    def take(self, synthetic: Any, order: NDArray[np.int64]) -> Any:
        """Return synthetic rows in another order."""

    @abstractmethod
    def append(self, X: Any, data: Any, synthetic: Any) -> Any:
        """Return ``X``, checked as ``data``, followed by the synthetic rows."""

    @abstractmethod
    def replace(self, X: Any, data: Any, rows: NDArray[np.bool_], synthetic: Any) -> Any:
        """Return a copy of ``X``, checked as ``data``, whose marked rows are synthetic."""

    @abstractmethod
    def present(self, synthetic: Any) -> Any:
        """Return synthetic rows in the container seen at fit."""

    @abstractmethod
    def unchanged(self, X: Any) -> Any:
        """Return ``X`` as ``transform`` returns it at prediction time, without synthetic rows."""

    @abstractmethod
    def wrap(self, estimator: Any, result: Any, X: Any) -> Any:
        """Return transformed rows in the container that ``set_output`` asks for."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return what was remembered at fit as plain values, for a model file."""

    @abstractmethod
    def model_to_parts(self, model: Any) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return a model as plain values and arrays, for a model file."""
