"""A fitted table model as plain values and arrays, and back."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from ganaug.anchors import AnchorBank
from ganaug.artifact import tag, untag
from ganaug.codecs.columns import CategoryCodec, NumberCodec
from ganaug.codecs.dtypes import ColumnType
from ganaug.codecs.tabular import Column, TableCodec
from ganaug.errors import ArtifactError
from ganaug.evidence import EvidenceEnsemble
from ganaug.nets.mlp import MLPGenerator
from ganaug.recipe import Recipe
from ganaug.rng import torch_stream
from ganaug.sampling import TableModel
from ganaug.selection import Selector

Arrays = dict[str, NDArray[Any]]

_SAFE_DTYPE = re.compile(r"[A-Za-z0-9_\[\]<>|=, :/+\-.]{1,80}")


def model_to_parts(model: TableModel) -> tuple[dict[str, Any], Arrays]:
    """Return the plain values and the arrays of a model."""
    arrays: Arrays = {}
    columns = [_column_out(i, column, arrays) for i, column in enumerate(model.codec.columns)]
    modules = {f"generator.{i}": g for i, g in enumerate(model.generators)}
    modules["anchors"] = model.anchors
    if model.selector is not None:
        modules["selector"] = model.selector
    for prefix, module in modules.items():
        for name, tensor in module.state_dict().items():
            arrays[f"{prefix}.{name}"] = tensor.detach().cpu().numpy()
    config = {
        "recipe": model.recipe.to_dict(),
        "columns": columns,
        "methods": model.methods,
        "n_generators": len(model.generators),
        "has_selector": model.selector is not None,
    }
    return config, arrays


def model_from_parts(config: dict[str, Any], arrays: Arrays) -> TableModel:
    """Return the model, on the CPU.

    Raises
    ------
    ArtifactError
        If a part is missing or has the wrong shape.
    """
    try:
        recipe = Recipe.from_dict(config["recipe"])
        codec = TableCodec([_column_in(i, c, arrays) for i, c in enumerate(config["columns"])])
        methods = list(config["methods"])
        anchors = _anchors(codec, arrays)
        generators = [
            _generator(recipe, codec, _under(arrays, f"generator.{i}."))
            for i in range(config["n_generators"])
        ]
        selector = None
        if config["has_selector"]:
            selector = _selector(codec, len(methods), _under(arrays, "selector."))
    except ArtifactError:
        raise
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise ArtifactError(f"The saved model does not fit together: {error}.") from None
    return TableModel(recipe, codec, methods, generators, anchors, selector)


def _under(arrays: Arrays, prefix: str) -> dict[str, torch.Tensor]:
    return {
        name[len(prefix) :]: torch.from_numpy(array.copy())
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def _anchors(codec: TableCodec, arrays: Arrays) -> AnchorBank:
    state = _under(arrays, "anchors.")
    counts = state["counts"].tolist()
    return AnchorBank(state["rows"], counts, state["neighbours"], codec.layout)


def _generator(recipe: Recipe, codec: TableCodec, state: dict[str, torch.Tensor]) -> MLPGenerator:
    tables = [torch.from_numpy(table) for table in codec.tables]
    generator = MLPGenerator(
        codec.layout, tables, state["anchored"], recipe.architecture, torch_stream(0)
    )
    generator.load_state_dict(state)
    return generator.eval().requires_grad_(False)


def _selector(codec: TableCodec, n_classes: int, state: dict[str, torch.Tensor]) -> Selector:
    evidence = EvidenceEnsemble(codec.layout.width, n_classes, torch_stream(0))
    names = ("edges", "keep", "radius", "references", "counts")
    selector = Selector(evidence, *(state[name] for name in names))
    selector.load_state_dict(state)
    return selector.eval().requires_grad_(False)


def _column_out(index: int, column: Column, arrays: Arrays) -> dict[str, Any]:
    codec, kind = column.codec, column.type
    out: dict[str, Any] = {
        "name": name_out(column.name),
        "kind": kind.kind,
        "storage": kind.storage,
        "unit": kind.unit,
        "dtype": _dtype_out(kind.dtype),
        "has_missing": codec.has_missing,
    }
    if isinstance(codec, NumberCodec):
        arrays[f"column.{index}.knots"] = codec.knots
        arrays[f"column.{index}.atoms"] = codec.atoms
        return {**out, "decimals": codec.decimals, "grain": str(codec.grain)}
    if codec.table is not None:
        arrays[f"column.{index}.table"] = codec.table
    return {**out, "levels": [tag(level) for level in codec.levels]}


def _column_in(index: int, data: dict[str, Any], arrays: Arrays) -> Column:
    kind = ColumnType(data["kind"], _dtype_in(data["dtype"]), data["storage"], data["unit"])
    codec: NumberCodec | CategoryCodec
    if data["kind"] == "number":
        codec = NumberCodec(
            arrays[f"column.{index}.knots"],
            arrays[f"column.{index}.atoms"],
            data["has_missing"],
            data["decimals"],
            int(data["grain"]),
        )
    else:
        levels = [untag(level) for level in data["levels"]]
        codec = CategoryCodec(levels, data["has_missing"], arrays.get(f"column.{index}.table"))
    return Column(name_in(data["name"]), kind, codec)


def name_out(name: Any) -> Any:
    """Return a column name as JSON; those of a MultiIndex are lists."""
    return [tag(part) for part in name] if isinstance(name, tuple) else tag(name)


def name_in(data: Any) -> Any:
    """Return the name that :func:`name_out` described."""
    return tuple(untag(part) for part in data) if isinstance(data, list) else untag(data)


def _dtype_out(dtype: Any) -> Any:
    if isinstance(dtype, pd.CategoricalDtype):
        levels = [tag(level) for level in dtype.categories.tolist()]
        inner = str(dtype.categories.dtype)
        return {"levels": levels, "ordered": bool(dtype.ordered), "inner": inner}
    if isinstance(dtype, pd.SparseDtype):
        fill = dtype.fill_value
        return {"sparse": str(dtype.subtype), "fill": tag(fill)}
    return str(dtype)


def _dtype_in(data: Any) -> Any:
    if isinstance(data, dict) and "levels" in data:
        levels = pd.Index([untag(level) for level in data["levels"]], dtype=data["inner"])
        return pd.CategoricalDtype(levels, ordered=data["ordered"])
    if isinstance(data, dict):
        return pd.SparseDtype(np.dtype(data["sparse"]), untag(data["fill"]))
    if not isinstance(data, str) or not _SAFE_DTYPE.fullmatch(data):
        raise ArtifactError(f"Not a dtype: {data!r}.")
    return pd.api.types.pandas_dtype(data)
