"""Parts of saved models that all kinds of data share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganaug.errors import ArtifactError
from ganaug.models.model import Model
from ganaug.storage.artifact import tag, untag

Arrays = dict[str, NDArray[Any]]

PLAN_METHODS = ("duplicate", "interpolate", "anchored", "gan")
"""All methods that a plan can give a class."""


def arrays_of(model: Model) -> Arrays:
    """Return the weights and buffers of a model's generators, anchors and selector."""
    modules: dict[str, torch.nn.Module] = {
        f"generator.{i}": g for i, g in enumerate(model.generators)
    }
    modules["anchors"] = model.anchors
    if model.selector is not None:
        modules["selector"] = model.selector
    return {
        f"{prefix}.{name}": tensor.detach().cpu().numpy()
        for prefix, module in modules.items()
        for name, tensor in module.state_dict().items()
    }


def tensors_under(arrays: Arrays, prefix: str) -> dict[str, torch.Tensor]:
    """Return the arrays of one module as tensors, their names without ``prefix``."""
    chosen = {name: array for name, array in arrays.items() if name.startswith(prefix)}
    for name, array in chosen.items():
        # load_state_dict converts other dtypes without an error.
        require(array.dtype in (np.float32, np.int64), name)
    return {name[len(prefix) :]: torch.from_numpy(array.copy()) for name, array in chosen.items()}


@contextmanager
def artifact_errors() -> Iterator[None]:
    """Raise `ArtifactError` in place of the errors that damaged parts of a model file cause.

    Any part may be missing, of another type or of another shape.
    """
    try:
        yield
    except ArtifactError:
        raise
    except (KeyError, IndexError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise ArtifactError(f"The saved model does not fit together: {error}.") from None


def require(holds: object, what: str) -> None:
    """Raise `ArtifactError` about ``what`` unless the condition ``holds``.

    The sizes in a file are checked before memory is allocated for them.
    """
    if not holds:
        raise ArtifactError(f"The saved model does not fit together: {what}.")


def name_out(name: Any) -> Any:
    """Return a column name as a value for JSON; a name from a MultiIndex becomes a list."""
    return [tag(part) for part in name] if isinstance(name, tuple) else tag(name)


def name_in(data: Any) -> Any:
    """Return the column name from the value that :func:`name_out` returned."""
    return tuple(untag(part) for part in data) if isinstance(data, list) else untag(data)
