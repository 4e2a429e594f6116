"""Tables as a kind of data: each row is a member of a class."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.validation import validate_data

from ganaug.data import containers, polars
from ganaug.errors import ConfigError, InvalidTypeError, SchemaDriftError
from ganaug.models.classes import Classes
from ganaug.models.modality import Modality
from ganaug.models.parts import name_in, name_out
from ganaug.recipe import Recipe
from ganaug.runtime.privates import output_config, wrap_data_with_container
from ganaug.runtime.rng import derive, numpy_stream
from ganaug.tables import checks, saving
from ganaug.tables.checks import check_columns, check_request
from ganaug.tables.codec import TableCodec
from ganaug.tables.fitting import fit_table_model
from ganaug.tables.plan import auto_steps, plan_methods
from ganaug.training.job import Job, fit_batch_size

if TYPE_CHECKING:
    from typing import Self

    from ganaug.models.model import Model
    from ganaug.training.history import History


class TableData(Modality):
    """Tables of numbers, categories, dates and missing values.

    Parameters
    ----------
    categorical_features : object
        Option of the augmenter.
    """

    name: ClassVar[str] = "table"

    def __init__(self, categorical_features: Any = None) -> None:
        self.categorical_features = categorical_features
        self.template: Any = None

    def check(self, X: Any, budget: int) -> pd.DataFrame:
        """Return ``X`` as a frame that shares its data if possible."""
        return checks.check_table(X, budget)

    def remember(self, estimator: Any, X: Any, data: pd.DataFrame) -> None:
        """Set the names and the number of features, and keep an empty table of the same kind."""
        try:
            validate_data(estimator, X, skip_check_array=True, reset=True)
        except TypeError as error:  # only some of the column names are strings
            raise InvalidTypeError(str(error)) from None
        if polars.is_polars(X):
            self.template = X.clear()
        elif isinstance(X, pd.DataFrame):
            self.template = X.iloc[:0].copy()
        else:
            self.template = np.empty((0, 0), containers.dtype_of(X))

    def compare(self, estimator: Any, X: Any, data: pd.DataFrame, *, training: bool) -> None:
        """Raise `SchemaDriftError` if the columns differ from those seen at fit.

        Dtypes are compared only if ``training``, because then synthetic rows will be added.
        """
        if polars.is_polars(self.template) and polars.is_polars(X):
            fitted, found = polars.schema_of(self.template), polars.schema_of(X)
        else:
            columns = estimator.model_.codec.columns
            fitted = [(column.name, column.type.dtype) for column in columns]
            found = list(zip(data.columns, data.dtypes, strict=True))
        fitted = [(name, dtype if training else None) for name, dtype in fitted]
        by_name = _has_names(self.template) and _has_names(X)
        drift = checks.describe_drift(fitted, found, by_name=by_name)
        try:
            validate_data(estimator, X, skip_check_array=True, reset=False)
        except (ValueError, TypeError) as error:
            raise SchemaDriftError(f"{error}\n{drift}".strip()) from None
        if drift:
            raise SchemaDriftError(drift)

    def rows(self, data: pd.DataFrame) -> pd.DataFrame:
        """Return the table."""
        return data

    def plan(self, classes: Classes, recipe: str | Recipe) -> list[str]:
        """Return the method that makes each class, from its number of rows."""
        return plan_methods(classes.counts, _recipe(recipe))

    def train(
        self, data: pd.DataFrame, classes: Classes, recipe: str | Recipe, job: Job, budget: int
    ) -> tuple[Model, History]:
        """Fit the codec of the columns, then train on the encoded rows."""
        recipe = _recipe(recipe)
        if recipe.architecture.kind != "mlp":
            raise ConfigError(
                f"A recipe with kind={recipe.architecture.kind!r} is for images, and X is a table. "
                "Images as flat rows need image_options=ImageOptions(shape=...)."
            )
        categorical = checks.check_categorical(self.categorical_features, data)
        codec = TableCodec.fit(data, categorical, derive(job.seed, "codec"))
        check_columns(codec, data, budget)
        check_request(codec, len(data), classes.to_add.values(), budget)
        encoded = codec.encode(data, numpy_stream(job.seed, "encode"))
        # Steps and batch size of 0 stand for "auto" until the number of rows is known.
        job = replace(
            job,
            steps=job.steps or auto_steps(len(data)),
            batch_size=fit_batch_size(job.batch_size or "auto", recipe, len(data)),
            seed=derive(job.seed, "fit"),
        )
        methods = self.plan(classes, recipe)
        return fit_table_model(recipe, codec, encoded, classes.codes, classes.names, methods, job)

    def check_request(self, model: Model, wanted: Iterable[int], budget: int) -> None:
        """Raise `MemoryBudgetError` if the wanted rows do not fit the budget."""
        check_request(model.codec, 0, wanted, budget)

    def decode(self, model: Model, parts: list[NDArray[Any]]) -> pd.DataFrame:
        """Return encoded rows as a table."""
        return model.codec.decode(np.concatenate(parts))

    def take(self, synthetic: pd.DataFrame, order: NDArray[np.int64]) -> pd.DataFrame:
        """Return the rows in another order, with a new index."""
        return synthetic.iloc[order].reset_index(drop=True)

    def append(self, X: Any, data: pd.DataFrame, synthetic: pd.DataFrame) -> Any:
        """Return ``X`` followed by the synthetic rows."""
        return containers.append_table(X, synthetic)

    def replace(
        self, X: Any, data: pd.DataFrame, rows: NDArray[np.bool_], synthetic: pd.DataFrame
    ) -> Any:
        """Return a copy of ``X`` in which the marked rows are synthetic."""
        return containers.replace_rows(X, rows, synthetic)

    def present(self, synthetic: pd.DataFrame) -> Any:
        """Return synthetic rows in the container seen at fit."""
        return containers.like_table(self.template, synthetic)

    def unchanged(self, X: Any) -> Any:
        """Return tables and lists unchanged; other sequences become arrays."""
        return X if hasattr(X, "shape") or isinstance(X, list) else containers.as_array(X)

    def wrap(self, estimator: Any, result: Any, X: Any) -> Any:
        """Return transformed rows in the container that ``set_output`` asks for."""
        if polars.is_polars(X) and output_config(estimator) == "pandas":
            return polars.to_pandas(result)
        if not isinstance(X, list):
            return wrap_data_with_container("transform", result, X, estimator)
        # scikit-learn would take the method "index" of a list for the index of a frame.
        array = containers.as_array(result)
        wrapped = wrap_data_with_container("transform", array, array, estimator)
        return result if wrapped is array else wrapped

    def model_to_parts(self, model: Any) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return a model as plain values and arrays."""
        return saving.table_to_parts(model)

    def to_dict(self) -> dict[str, Any]:
        """Return the kind of container as plain values; the model has the columns."""
        if polars.is_polars(self.template):
            return {"polars_schema": polars.schema_to_list(self.template)}
        framed = isinstance(self.template, pd.DataFrame)
        names = self.template.columns.names if framed else []
        return {
            "column_names": [None if n is None else name_out(n) for n in names] if framed else None,
            "array_dtype": None if framed else str(self.template.dtype),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], model: Model) -> Self:
        """Return an instance from the values that :meth:`to_dict` returned."""
        restored = cls()
        if "polars_schema" in data:
            restored.template = polars.empty_from_list(data["polars_schema"])
            return restored
        if data["array_dtype"] is not None:
            restored.template = np.empty((0, 0), np.dtype(data["array_dtype"]))
            return restored
        template = model.codec.decode(np.zeros((0, model.codec.layout.width), np.float32))
        names = [None if name is None else name_in(name) for name in data["column_names"]]
        template.columns = template.columns.set_names(names)
        restored.template = template
        return restored


def _recipe(recipe: str | Recipe) -> Recipe:
    return recipe if isinstance(recipe, Recipe) else Recipe.preset(recipe)


def _has_names(X: Any) -> bool:
    return isinstance(X, pd.DataFrame) or polars.is_polars(X)
