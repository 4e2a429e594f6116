"""Images as a kind of data: each image is a member of a class."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import validate_data

from ganaug.data import polars
from ganaug.errors import InvalidTypeError, SchemaDriftError
from ganaug.images import containers, formats, saving
from ganaug.images.codec import ImageCodec
from ganaug.images.containers import Pixels, is_listed
from ganaug.images.fitting import fit_image_model
from ganaug.images.formats import ImageBatch, ImageFormat
from ganaug.images.options import ImageOptions
from ganaug.images.plan import image_recipe, plan_image_methods
from ganaug.models.classes import Classes
from ganaug.models.modality import Modality
from ganaug.models.parts import name_in, name_out
from ganaug.runtime.rng import derive

if TYPE_CHECKING:
    from typing import Self

    from ganaug.models.model import Model
    from ganaug.recipe import Recipe
    from ganaug.training.history import History
    from ganaug.training.job import Job


class ImageData(Modality):
    """Images of one size and one number of channels.

    Parameters
    ----------
    options : ImageOptions
        Option of the augmenter.
    """

    name: ClassVar[str] = "image"
    on_mps: ClassVar[bool] = False  # MPS has no gradient of cubic resampling

    def __init__(self, options: ImageOptions) -> None:
        self.options = options
        self.form: ImageFormat | None = None
        self.template: Any = None

    @property
    def fitted_form(self) -> ImageFormat:
        """Format of the images seen at fit."""
        assert self.form is not None
        return self.form

    def check(self, X: Any, budget: int) -> ImageBatch:
        """Return the images as one array, with their format."""
        return formats.check_images(X, self.options, budget, self.form)

    def remember(self, estimator: Any, X: Any, data: ImageBatch) -> None:
        """Set the number of features (values of an image), and keep the format and container."""
        self.form = data.form
        if _has_columns(X, data):
            try:
                validate_data(estimator, X, skip_check_array=True, reset=True)
            except TypeError as error:  # only some of the column names are strings
                raise InvalidTypeError(str(error)) from None
        estimator.n_features_in_ = int(np.prod(data.form.shape))
        self.template = containers.empty_like(X, data.form.container, data.form.dtype)

    def compare(self, estimator: Any, X: Any, data: ImageBatch, *, training: bool) -> None:
        """Raise `SchemaDriftError` if the shape of the images differs from that at fit.

        Dtype and range of the values are compared only if ``training``, because then synthetic
        images will be added.
        """
        drift = formats.describe_drift(self.fitted_form, data)
        if drift and (training or data.form.shape != self.fitted_form.shape):
            raise SchemaDriftError(drift)
        if _has_columns(X, data):
            try:
                validate_data(estimator, X, skip_check_array=True, reset=False)
            except (ValueError, TypeError) as error:
                raise SchemaDriftError(str(error)) from None

    def rows(self, data: ImageBatch) -> Pixels:
        """Return the images, (n, channels, height, width)."""
        return data.pixels

    def plan(self, classes: Classes, recipe: str | Recipe) -> list[str]:
        """Return the method that makes each class, from its number of images."""
        # The device decides the kind of network of `auto`, but not the methods.
        return plan_image_methods(classes, image_recipe(recipe, torch.device("cpu")))

    def train(
        self, data: ImageBatch, classes: Classes, recipe: str | Recipe, job: Job, budget: int
    ) -> tuple[Model, History]:
        """Check that all images fit the budget, then train on the encoded images."""
        form = self.fitted_form
        chosen = image_recipe(recipe, job.device)
        formats.check_fits(
            len(data) + sum(classes.to_add.values()),
            form.shape,
            budget,
            "Real and synthetic images",
        )
        codec = ImageCodec(form.shape, form.dtype, form.low, form.high, form.whole)
        job = replace(job, seed=derive(job.seed, "fit"))
        return fit_image_model(
            chosen, codec, codec.encode(data.pixels), classes, self.options.label_safe, job
        )

    def check_request(self, model: Model, wanted: Iterable[int], budget: int) -> None:
        """Raise `MemoryBudgetError` if the wanted images do not fit the budget."""
        n_new = sum(wanted)
        formats.check_fits(n_new, model.codec.shape, budget, f"{n_new:,} synthetic images")

    def decode(self, model: Model, parts: list[NDArray[Any]]) -> Pixels:
        """Return all parts as one array; the model has decoded them."""
        return np.concatenate(parts)

    def take(self, synthetic: Pixels, order: NDArray[np.int64]) -> Pixels:
        """Return the images in another order."""
        return synthetic[order]

    def append(self, X: Any, data: ImageBatch, synthetic: Pixels) -> Any:
        """Return ``X`` followed by the synthetic images, in its container."""
        return containers.append_images(X, _ordered(synthetic, data.form), data.form.container)

    def replace(self, X: Any, data: ImageBatch, rows: NDArray[np.bool_], synthetic: Pixels) -> Any:
        """Return a copy of ``X`` in which the marked images are synthetic."""
        new = _ordered(synthetic, data.form)
        return containers.replace(X, rows, new, data.form.container)

    def unchanged(self, X: Any) -> Any:
        """Return the images unchanged; sequences become lists, as in ``replace``."""
        return list(X) if is_listed(X) and not isinstance(X, list) else X

    def wrap(self, estimator: Any, result: Any, X: Any) -> Any:
        """Return the images unchanged, because a frame cannot hold them."""
        return result

    def present(self, synthetic: Pixels) -> Any:
        """Return images in the container seen at fit."""
        form = self.fitted_form
        return containers.restore(_ordered(synthetic, form), form.container, self.template)

    def model_to_parts(self, model: Any) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return a model as plain values and arrays."""
        return saving.image_to_parts(model)

    def to_dict(self) -> dict[str, Any]:
        """Return the format of the images and the columns of flat rows as plain values."""
        if polars.is_polars(self.template):
            return {
                "format": asdict(self.fitted_form),
                "polars_schema": polars.schema_to_list(self.template),
            }
        framed = isinstance(self.template, pd.DataFrame)
        columns = (
            list(zip(self.template.columns, self.template.dtypes, strict=True)) if framed else []
        )
        return {
            "format": asdict(self.fitted_form),
            "columns": [[name_out(name), str(dtype)] for name, dtype in columns]
            if framed
            else None,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], options: ImageOptions | None) -> Self:
        """Return an instance from the values that :meth:`to_dict` returned."""
        restored = cls(options or ImageOptions())
        form = restored.form = saving.format_from_dict(data["format"])
        restored.template = containers.empty_like(None, form.container, form.dtype)
        if "polars_schema" in data:
            restored.template = polars.empty_from_list(data["polars_schema"])
        elif data["columns"] is not None:
            restored.template = pd.DataFrame(
                {i: np.empty(0, np.dtype(dtype)) for i, (_, dtype) in enumerate(data["columns"])}
            ).set_axis(pd.Index([name_in(name) for name, _ in data["columns"]]), axis=1)
        return restored


def _has_columns(X: Any, data: ImageBatch) -> bool:
    """Return whether the images are rows of a table, whose names scikit-learn compares."""
    return data.form.container.holder == "rows" and not isinstance(X, torch.Tensor)


def _ordered(synthetic: Pixels, form: ImageFormat) -> Pixels:
    """Return synthetic images with their axes in the order of the user's images."""
    return formats.from_channels_first(synthetic, form.layout)
