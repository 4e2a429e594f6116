"""Conversion of a fitted table model to plain values and arrays for a model file, and back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch

from ganaug.errors import ArtifactError
from ganaug.models.parts import (
    PLAN_METHODS,
    Arrays,
    arrays_of,
    artifact_errors,
    name_in,
    name_out,
    require,
    tensors_under,
)
from ganaug.models.selection import Selector
from ganaug.nets.mlp import MLPGenerator
from ganaug.recipe import Architecture, Recipe
from ganaug.runtime.rng import torch_stream
from ganaug.storage.artifact import tag, untag
from ganaug.tables.anchors import ANCHOR_NEIGHBOURS, AnchorBank
from ganaug.tables.checks import MAX_WIDTH
from ganaug.tables.codec import Column, TableCodec
from ganaug.tables.columns import (
    CODE_WIDTH,
    KNOTS,
    MAX_ATOMS,
    MAX_DECIMALS,
    ONE_HOT_LEVELS,
    CategoryCodec,
    NumberCodec,
)
from ganaug.tables.dtypes import ColumnType
from ganaug.tables.evidence import EvidenceEnsemble
from ganaug.tables.sampling import TableModel

_STORAGES = ("int", "uint64", "float", "datetime", "timedelta", "period", "objects", "levels")
_SAFE_DTYPE = re.compile(r"[A-Za-z0-9_\[\]<>|=, :/+\-.]{1,80}")
"""Names that may be given to pandas to parse; a file can hold any string."""


def table_to_parts(model: TableModel) -> tuple[dict[str, Any], Arrays]:
    """Return the plain values and the arrays of a model."""
    arrays: Arrays = {}
    columns = [_column_out(i, column, arrays) for i, column in enumerate(model.codec.columns)]
    arrays |= arrays_of(model)
    config = {
        "recipe": model.recipe.to_dict(),
        "columns": columns,
        "methods": model.methods,
        "n_generators": len(model.generators),
        "has_selector": model.selector is not None,
    }
    return config, arrays


def table_from_parts(config: Mapping[str, Any], arrays: Arrays) -> TableModel:
    """Return the model, on the CPU.

    Raises
    ------
    ArtifactError
        If a part is missing or has the wrong shape.
    """
    with artifact_errors():
        recipe = Recipe.from_dict(config["recipe"])
        codec = TableCodec([_column_in(i, c, arrays) for i, c in enumerate(config["columns"])])
        require(codec.layout.width <= MAX_WIDTH, "width")
        methods = list(config["methods"])
        require(methods and set(methods) <= set(PLAN_METHODS), "methods")
        expected = len(methods) if recipe.conditioning == "per-class" else 1
        require(config["n_generators"] == expected, "n_generators")
        anchors = _anchors(codec, arrays, len(methods))
        generators = [
            _generator(recipe, codec, tensors_under(arrays, f"generator.{i}."))
            for i in range(config["n_generators"])
        ]
        selector = None
        if config["has_selector"] is True:
            selector = _selector(codec, len(methods), tensors_under(arrays, "selector."))
    return TableModel(recipe, codec, methods, generators, anchors, selector)


def _anchors(codec: TableCodec, arrays: Arrays, n_classes: int) -> AnchorBank:
    state = tensors_under(arrays, "anchors.")
    rows, near, counts = state["rows"], state["neighbours"], state["counts"].tolist()
    types = (rows.dtype, near.dtype, state["counts"].dtype)
    require(types == (torch.float32, torch.int64, torch.int64), "anchors")
    require(rows.shape[1:] == (codec.layout.width,), "anchors.rows")
    require(len(counts) == n_classes and min(counts) >= 0, "anchors.counts")
    require(sum(counts) == len(rows), "anchors.counts")
    require(near.shape == (len(rows), ANCHOR_NEIGHBOURS), "anchors.neighbours")
    require(near.numel() == 0 or 0 <= near.min() <= near.max() < len(rows), "anchors.neighbours")
    return AnchorBank(state["rows"], counts, state["neighbours"], codec.layout)


def _generator(recipe: Recipe, codec: TableCodec, state: dict[str, torch.Tensor]) -> MLPGenerator:
    _check_sizes(recipe.architecture, codec.layout.width, state)
    tables = [torch.from_numpy(table) for table in codec.tables]
    # The seed does not matter: the weights of the file replace the random ones.
    generator = MLPGenerator(
        codec.layout, tables, state["anchored"], recipe.architecture, torch_stream(0)
    )
    generator.load_state_dict(state)
    return generator.eval().requires_grad_(False)


def _check_sizes(sizes: Architecture, width: int, state: dict[str, torch.Tensor]) -> None:
    """Raise `ArtifactError` if the recipe and the weights disagree about sizes.

    Otherwise a huge number in a small file would allocate that much memory.
    """
    blocks = {name.split(".")[1] for name in state if name.startswith("blocks.")}
    require(len(blocks) == sizes.depth, "depth")
    require(state["leave.weight"].shape == (width, sizes.width), "width")
    require(state["classes"].shape == (len(state["anchored"]), sizes.embedding_dim), "classes")
    inputs = sizes.noise_dim + sizes.embedding_dim
    inputs += width if state["anchored"].any() else 0
    require(state["enter.weight"].shape == (sizes.width, inputs), "noise_dim")


def _selector(codec: TableCodec, n_classes: int, state: dict[str, torch.Tensor]) -> Selector:
    evidence = EvidenceEnsemble(codec.layout.width, n_classes, torch_stream(0))
    names = ("floor", "radius", "references", "counts")
    types = [state[name].dtype for name in names]
    require(types == [torch.float32] * 3 + [torch.int64], "selector")
    width = codec.layout.width
    require(state["floor"].shape == (n_classes,), "selector.floor")
    require(state["radius"].shape == state["counts"].shape == (n_classes,), "selector.radius")
    require(state["references"].shape == (state["counts"].sum(), width), "selector.references")
    selector = Selector(evidence, *(state[name] for name in names))
    selector.load_state_dict(state)
    return selector.eval().requires_grad_(False)


def _column_out(index: int, column: Column, arrays: Arrays) -> dict[str, Any]:
    """Return a column as plain values, and add its arrays to ``arrays``."""
    codec, kind = column.codec, column.type
    out: dict[str, Any] = {
        "name": name_out(column.name),
        "kind": kind.kind,
        "storage": kind.storage,
        "unit": kind.unit,
        "blank": kind.blank,
        "dtype": _dtype_out(kind.dtype, column.name),
        "has_missing": codec.has_missing,
    }
    if isinstance(codec, NumberCodec):
        arrays[f"column.{index}.knots"] = codec.knots
        arrays[f"column.{index}.atoms"] = codec.atoms
        # The grain is text, because many readers of JSON round integers beyond 2**53.
        return {**out, "decimals": codec.decimals, "grain": str(codec.grain)}
    if codec.table is not None:
        arrays[f"column.{index}.table"] = codec.table
    return {**out, "levels": [tag(level) for level in codec.levels]}


def _column_in(index: int, data: dict[str, Any], arrays: Arrays) -> Column:
    require(data["storage"] in _STORAGES, f"storage of column {index}")
    require(isinstance(data["has_missing"], bool), f"has_missing of column {index}")
    require(data["blank"] in ("nan", "None", "NA"), f"blank of column {index}")
    dtype = _dtype_in(data["dtype"])
    kind = ColumnType(data["kind"], dtype, data["storage"], data["unit"], data["blank"])
    codec = _numbers_in if kind.kind == "number" else _levels_in
    return Column(name_in(data["name"]), kind, codec(index, data, arrays))


def _numbers_in(index: int, data: dict[str, Any], arrays: Arrays) -> NumberCodec:
    knots, atoms = arrays[f"column.{index}.knots"], arrays[f"column.{index}.atoms"]
    require(knots.ndim == atoms.ndim == 1, f"knots of column {index}")
    require(knots.dtype == atoms.dtype and knots.dtype in (np.int64, np.float64), "knots")
    require(len(knots) <= KNOTS and len(atoms) <= MAX_ATOMS, f"knots of column {index}")
    grain = int(data["grain"])
    require(data["decimals"] in range(-1, MAX_DECIMALS + 1) and grain >= 1, "decimals")
    return NumberCodec(knots, atoms, data["has_missing"], data["decimals"], grain)


def _levels_in(index: int, data: dict[str, Any], arrays: Arrays) -> CategoryCodec:
    levels = [untag(level) for level in data["levels"]]
    table = arrays.get(f"column.{index}.table")
    total = len(levels) + data["has_missing"]
    if total > ONE_HOT_LEVELS:
        require(table is not None and table.dtype == np.float32, f"table {index}")
        require(table is not None and table.shape == (len(levels), CODE_WIDTH), f"table {index}")
    else:
        require(table is None, f"table {index}")
    return CategoryCodec(levels, data["has_missing"], table)


def _dtype_out(dtype: Any, name: Any) -> Any:
    """Return a dtype as plain values; raise `ArtifactError` if it could not be read again."""
    data = _describe(dtype)
    try:
        same = _dtype_in(data) == dtype
    except (TypeError, ValueError, ImportError):
        same = False
    if not same:
        raise ArtifactError(
            f"Column {name!r} has dtype {dtype}, which cannot be saved. Convert the column before "
            "fit."
        )
    return data


def _describe(dtype: Any) -> Any:
    if isinstance(dtype, pd.CategoricalDtype):
        levels = [tag(level) for level in dtype.categories.tolist()]
        inner = _describe(dtype.categories.dtype)
        return {"levels": levels, "ordered": bool(dtype.ordered), "inner": inner}
    if isinstance(dtype, pd.SparseDtype):
        return {"sparse": str(dtype.subtype), "fill": tag(dtype.fill_value)}
    if isinstance(dtype, pd.StringDtype):
        missing = "NA" if getattr(dtype, "na_value", pd.NA) is pd.NA else "nan"
        return {"string": dtype.storage, "missing": missing}
    if isinstance(dtype, pd.ArrowDtype) and str(dtype) == "string[pyarrow]":
        return {"arrow": "string"}  # pandas parses its name as another string dtype
    return str(dtype)


def _dtype_in(data: Any) -> Any:
    if isinstance(data, dict) and "levels" in data:
        inner = _dtype_in(data["inner"])
        levels = pd.Index([untag(level) for level in data["levels"]], dtype=inner)
        return pd.CategoricalDtype(levels, ordered=data["ordered"])
    if isinstance(data, dict) and "sparse" in data:
        return pd.SparseDtype(np.dtype(data["sparse"]), untag(data["fill"]))
    if isinstance(data, dict) and "string" in data:
        if data["missing"] == "NA":
            return pd.StringDtype(data["string"])
        return pd.StringDtype(data["string"], na_value=np.nan)
    if data == {"arrow": "string"}:
        import pyarrow

        return pd.ArrowDtype(pyarrow.string())
    if not isinstance(data, str) or not _SAFE_DTYPE.fullmatch(data):
        raise ArtifactError(f"The saved model does not fit together: {data!r} is not a dtype.")
    return pd.api.types.pandas_dtype(data)
