"""Saved folders and pools, rebuilt from small JSON files.

No weights are kept: of an array that a network learned, its JSON says the shape and between which
bounds to draw its values. Arrays whose values mean something (quantiles, real rows, neighbours,
thresholds) stand there as they were.
"""

from __future__ import annotations

import hashlib
import json
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import safetensors.numpy
from numpy.typing import NDArray

from ganaug import GANAugmenter, Pix2PixAugmenter

Arrays = dict[str, NDArray[Any]]


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def drawn(name: str, shape: tuple[int, ...], low: float, high: float) -> NDArray[np.float32]:
    """Return values between two bounds that depend on the name alone."""
    # The raw stream of PCG64 is the same in all versions of numpy; a Generator's draws need not be.
    raw = np.random.PCG64(zlib.crc32(name.encode())).random_raw(math.prod(shape))
    unit = (np.reshape(raw, shape) >> np.uint64(40)).astype(np.float32) / np.float32(2**24)
    return np.float32(low) + unit * np.float32(high - low)


def array_of(name: str, data: dict[str, Any]) -> NDArray[Any]:
    """Return the array that its JSON describes."""
    shape, dtype = tuple(data["shape"]), np.dtype(data["dtype"])
    if "between" in data:
        return drawn(name, shape, *data["between"]).astype(dtype)
    number = float if dtype.kind == "f" else int  # JSON has no infinity: it is the text "-inf"
    return np.array([number(value) for value in data["values"]], dtype).reshape(shape)


def rebuild(case: Path, folder: Path) -> None:
    """Write the folder of a model from its ``config.json`` and ``arrays.json``."""
    described = read_json(case / "arrays.json")
    payload = safetensors.numpy.save({k: array_of(k, data) for k, data in described.items()})
    digest = hashlib.sha256(payload).hexdigest()
    config = read_json(case / "config.json")
    config |= {"weights": f"model-{digest[:16]}.safetensors", "sha256": digest}
    folder.mkdir()
    (folder / config["weights"]).write_bytes(payload)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")


def rebuild_pool(case: Path, path: Path) -> None:
    """Write the file of a pool from its ``pool.json``."""
    data = read_json(case / "pool.json")
    images, text = array_of("images", data["images"]), data["ganaug"]
    digest = hashlib.sha256(text.encode() + images.tobytes()).hexdigest()
    metadata = {"ganaug": text, "sha256": digest}
    path.write_bytes(safetensors.numpy.save({"images": images}, metadata))


def results(folder: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Return as plain values what the model of a folder is, and what it makes."""
    seed = request["seed"]
    if "sources" in request:
        pairs = Pix2PixAugmenter.from_pretrained(folder)
        shape = (request["sources"], 8, 8)
        sources = drawn("sources", shape, 0, 255).astype(np.uint8)
        return {
            **_options(pairs, "max_steps", "random_state"),
            "features": int(pairs.n_features_in_),
            "transform": plain(pairs.transform(sources)),
            "sample": plain(pairs.sample(sources, 2, random_state=seed)),
        }
    model = GANAugmenter.from_pretrained(folder)
    made, labels = model.sample(dict(request["counts"]), random_state=seed)
    more, their = model.sample(request["more"])
    names = getattr(model, "feature_names_in_", None)
    return {
        **_options(model, "max_steps", "random_state", "on_singleton", "mode"),
        "features": int(model.n_features_in_) if names is None else names.tolist(),
        "plan": [[label, method] for label, method in model.plan_.items()],
        "counts": [[label, count] for label, count in model.class_counts_.items()],
        "lacking": [[label, count] for label, count in model.sampling_strategy_.items()],
        "sample": [plain(made), labels.tolist()],
        # Of all classes by their shares, from the stream where it was when the model was saved.
        "more": [plain(more), their.tolist()],
    }


def _options(model: Any, *names: str) -> dict[str, Any]:
    options = model.get_params(deep=False)
    recipe = options["recipe"]
    name = recipe if isinstance(recipe, str) else recipe.name
    return {"recipe": name, **{each: options[each] for each in names}}


def plain(made: Any) -> dict[str, Any]:
    """Return rows or images as JSON; a table by its columns."""
    if isinstance(made, pd.DataFrame):
        return {str(name): _column(made[name]) for name in made.columns}
    array = np.asarray(made)
    return {"dtype": str(array.dtype), "shape": list(array.shape), "values": _rounded(array)}


def _column(series: pd.Series) -> dict[str, Any]:
    present = series.astype(object).where(series.notna(), None)
    values = [v.isoformat() if isinstance(v, pd.Timestamp) else v for v in present.tolist()]
    return {
        "dtype": str(series.dtype),
        "values": [float(f"{v:.8g}") if isinstance(v, float) else v for v in values],
    }


def _rounded(array: NDArray[Any]) -> list[Any]:
    whole = array.dtype.kind in "iub"
    return array.ravel().tolist() if whole else [float(f"{v:.8g}") for v in array.ravel().tolist()]
