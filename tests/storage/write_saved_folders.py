"""Write the files from which ``test_saved_by_*.py`` rebuilds saved folders.

Run by hand, once for each format, with the version that the folder is named after:
``python tests/storage/write_saved_folders.py tests/storage/saved_by_VERSION``.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import safe_open

from ganaug import GANAugmenter, ImageOptions, Pix2PixAugmenter, Recipe, SyntheticPool

if __name__ == "__main__":  # by hand: another package may have a module "tests"
    from rebuilt import drawn, rebuild, results
else:
    from tests.storage.rebuilt import drawn, rebuild, results

LITERAL = ("anchors.", "column.", "selector.floor", "selector.radius", "selector.references")
"""Beginnings of the names of arrays whose values mean something; whole numbers always do."""

LAST = ("leave.weight", "field.weight")
"""Layers that begin small. They, and the classifiers that choose, are drawn three times as large:
after two steps the networks would do next to nothing."""

DAY = np.timedelta64(24 * 3600 * 10**9, "ns")

TINY: dict[str, Any] = {"width": 6, "depth": 1, "noise_dim": 3, "embedding_dim": 2}


def mixed_table() -> tuple[pd.DataFrame, NDArray[Any]]:
    rng = np.random.default_rng(0)
    y = np.repeat(["common", "few", "lone", "rare"], [18, 6, 1, 12])
    n = len(y)
    X = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "price": np.round(rng.gamma(2.0, 30.0, n), 2),
            "height": rng.normal(170, 9, n),
            "amount": np.where(rng.random(n) < 0.5, 0.0, np.round(rng.exponential(9, n), 1)),
            "gaps": pd.Series(rng.normal(5, 1, n).round(3)).mask(rng.random(n) < 0.3),
            "visits": pd.Series(rng.integers(0, 9, n)).astype("Int64").mask(rng.random(n) < 0.2),
            "town": pd.Series(rng.choice(["Bonn", "Köln", "Ulm"], n), dtype=object),
            "note": pd.Series(rng.choice(list("ab"), n), dtype=object).where(rng.random(n) < 0.7),
            "street": pd.Series([f"street {k % 34}" for k in range(n)], dtype=object),
            "member": rng.random(n) < 0.4,
            "level": pd.Categorical(rng.integers(1, 4, n), [3, 1, 2], ordered=True),
            "day": np.datetime64("2021-03-01", "ns") + rng.integers(0, 400, n) * DAY,
        }
    )
    return X, y


def images(channels: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return images of which many values, but no two neighbours by rule, are equal.

    An even background would be bent into values that differ by rounding only, and their order,
    which decides the result, by processor.
    """
    rng = np.random.default_rng(1)
    y = np.repeat([3, 5, 7], [6, 4, 1])
    X = rng.integers(0, 256, (len(y), 8, 8, channels), np.uint8)
    X[rng.random(X.shape[:3]) < 0.35] = 90
    return (X[..., 0] if channels == 1 else X), y


def fitted() -> dict[str, tuple[Any, dict[str, Any]]]:
    """Return models and what is asked of them."""
    options: dict[str, Any] = {
        "max_steps": 2, "random_state": 0, "on_singleton": "duplicate", "device": "cpu"
    }  # fmt: skip

    def model(recipe: Recipe | str, X: Any, y: Any, **more: Any) -> GANAugmenter:
        return GANAugmenter(recipe=recipe, **options, **more).fit(X, y)

    frame, words = mixed_table()
    rows = np.random.default_rng(2).normal(size=(23, 3))
    rows[:, 2] = (rows[:, 2] > 0) + 1
    numbers = np.repeat([0, 1, 2], [12, 10, 1])
    grey, colour = images(1), images(3)
    names = {"common": 4, "few": 6, "lone": 2, "rare": 9}
    few = {"counts": [[3, 2], [5, 2], [7, 1]], "more": 2, "seed": 4}
    cgan = Recipe.preset("cgan").replace(**TINY, selection="evidence")
    light = Recipe.preset("light", "image").replace(width=6, noise_dim=3)
    dcgan = Recipe.preset("dcgan", "image").replace(width=2, noise_dim=3, batch_size=8)
    pairs = Recipe.preset("pix2pix", "pair").replace(width=2)
    chosen = {"sampling_strategy": {1: 14, 2: 13}, "categorical_features": [2]}
    return {
        "table_auto": (
            model(Recipe.preset("auto").replace(**TINY), frame, words),
            {"counts": list(names.items()), "more": 6, "seed": 3},
        ),
        "table_gan": (
            model(Recipe.preset("gan").replace(**TINY), rows, numbers, **chosen),
            {"counts": [[0, 6], [1, 6], [2, 2]], "more": 5, "seed": 3},
        ),
        "table_cgan": (
            model(cgan, rows, numbers),
            {"counts": [[0, 6], [1, 6], [2, 1]], "more": 5, "seed": 3},
        ),
        "images_auto": (model("auto", *grey), few),
        "images_light": (
            model(light, *colour, image_options=ImageOptions(label_safe=("hflip",))),
            few,
        ),
        "images_dcgan": (model(dcgan, (grey[0] / 255).astype(np.float32), grey[1]), few),
        "pairs": (
            Pix2PixAugmenter(recipe=pairs, max_steps=2, device="cpu", random_state=0).fit(
                grey[0], 255 - colour[0]
            ),
            {"sources": 2, "seed": 4},
        ),
    }


def described(name: str, array: NDArray[Any]) -> dict[str, Any]:
    """Return an array as JSON; one that a network learned by its shape and bounds."""
    out: dict[str, Any] = {"dtype": str(array.dtype), "shape": list(array.shape)}
    if name.startswith(LITERAL) or array.dtype.kind in "iu" or name.endswith(".anchored"):
        keep = 17 if name.startswith("column.") and array.dtype == np.float64 else 3
        values = array.ravel().tolist()
        return {**out, "values": [_short(value, keep) for value in values]}
    reach = 3**0.5 * array.std()  # a uniform draw then spreads as the weights did
    low, high = max(array.min(), array.mean() - reach), min(array.max(), array.mean() + reach)
    if name.endswith(LAST) or name.startswith("selector.evidence."):
        low, high = 3 * low, 3 * high
    return {**out, "between": [round(float(low), 4), round(float(high), 4)]}


def _short(value: Any, digits: int) -> Any:
    if not isinstance(value, float):
        return value
    short = round(value, digits) if np.isfinite(value) else str(value)
    return int(short) if short == 0 or short == 1 else short


def write(path: Path, data: Any) -> None:
    path.write_text(json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n", "utf-8")


def write_model(case: Path, model: Any, request: dict[str, Any]) -> None:
    case.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        (weights,) = Path(folder).glob("*.safetensors")
        arrays = safetensors.numpy.load_file(weights)
        config = json.loads((Path(folder) / "config.json").read_text("utf-8"))
    write(case / "config.json", config)
    write(case / "arrays.json", {name: described(name, arrays[name]) for name in sorted(arrays)})
    with tempfile.TemporaryDirectory() as folder:
        again = Path(folder) / "again"
        rebuild(case, again)
        write(case / "expected.json", {"request": request, **results(again, request)})


def write_pool(case: Path) -> None:
    case.mkdir(parents=True)
    shape = (5, 1, 8, 8)
    pool = SyntheticPool(
        drawn("images", shape, 0, 255).astype(np.uint8), ["cat", "cat", "owl", "owl", "owl"],
        classes=["owl", "cat", "elk"],
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "some.pool"
        pool.save(path)
        with safe_open(path, framework="np") as file:
            text = file.metadata()["ganaug"]
    image = {"dtype": "uint8", "shape": shape, "between": [0, 255]}
    write(case / "pool.json", {"ganaug": text, "images": image})


def main() -> None:
    root = Path(sys.argv[1])
    for name, (model, request) in fitted().items():
        write_model(root / name, model, request)
    write_pool(root / "pool")


if __name__ == "__main__":
    main()
