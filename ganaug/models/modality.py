"""What the augmenter does differently for tables and for images: the interface of both."""

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
    """Reads one kind of data, trains on it, and puts synthetic members behind the originals.

    One belongs to each fit: what it remembers is what the data looked like then.
    """

    name: ClassVar[str]
    on_mps: ClassVar[bool] = True
    """Whether all that training needs exists on Apple's GPUs."""

    @abstractmethod
    def check(self, X: Any, budget: int) -> Any:
        """Return ``X`` in the form used inside; its ``len`` is the number of rows."""

    @abstractmethod
    def remember(self, estimator: Any, X: Any, data: Any) -> None:
        """Set the attributes that scikit-learn asks for, and keep what ``X`` looked like."""

    @abstractmethod
    def compare(self, estimator: Any, X: Any, data: Any, *, training: bool) -> None:
        """Refuse data unlike those at fit; in prediction dtypes may differ."""

    @abstractmethod
    def rows(self, data: Any) -> Any:
        """Return checked data as a frame or an array, a row or an image each."""

    @abstractmethod
    def plan(self, classes: Classes, recipe: str | Recipe) -> list[str]:
        """Return how each class will be made."""

    @abstractmethod
    def train(
        self, data: Any, classes: Classes, recipe: str | Recipe, job: Job, budget: int
    ) -> tuple[Model, History]:
        """Check what is asked, then train and freeze a model."""

    @abstractmethod
    def check_request(self, model: Model, wanted: Iterable[int], budget: int) -> None:
        """Refuse to make more rows than the budget holds."""

    @abstractmethod
    def decode(self, model: Model, parts: list[NDArray[Any]]) -> Any:
        """Return what a model sampled as synthetic rows."""

    @abstractmethod
    def take(self, synthetic: Any, order: NDArray[np.int64]) -> Any:
        """Return synthetic rows in another order."""

    @abstractmethod
    def append(self, X: Any, data: Any, synthetic: Any) -> Any:
        """Return ``X``, checked as ``data``, followed by the synthetic rows."""

    @abstractmethod
    def replace(self, X: Any, data: Any, rows: NDArray[np.bool_], synthetic: Any) -> Any:
        """Return a copy of ``X``, checked as ``data``, whose marked rows are synthetic ones."""

    @abstractmethod
    def present(self, synthetic: Any) -> Any:
        """Return synthetic rows in the container seen at fit."""

    @abstractmethod
    def unchanged(self, X: Any) -> Any:
        """Return ``X`` as ``transform`` does at prediction time."""

    @abstractmethod
    def wrap(self, estimator: Any, result: Any, X: Any) -> Any:
        """Return transformed rows in the container that ``set_output`` asks for."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return what is remembered as plain values, for a model file."""

    @abstractmethod
    def model_to_parts(self, model: Any) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return a model as plain values and arrays, for a model file."""
