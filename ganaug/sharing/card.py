"""Model cards, which describe a saved augmenter to people who did not train it.

A card lists names and types of columns, names and sizes of classes, the recipe, and figures from
the end of training. It shows no row of the training data, and its pictures are synthetic.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from ganaug.images.codec import ImageCodec
from ganaug.recipe import Recipe
from ganaug.tables.columns import NumberCodec
from ganaug.training.mode_collapse import COLLAPSE_RATIO
from ganaug.version import __version__

CARD = "README.md"
CURVES = "training.png"
SAMPLES = "samples.png"

MOST = 50
"""Maximal number of columns, or classes, that are listed; a card stays readable at this length."""

LONGEST = 60
"""Maximal characters of a name; longer names are cut, so that tables stay narrow."""

METRICS = (
    "step", "seconds", "critic_loss", "generator_loss", "critic_accuracy", "diversity", "l1",
)  # fmt: skip

_MADE = {
    "duplicate": "copies of its one row",
    "interpolate": "points between neighbouring rows of the class",
    "anchored": "real rows of the class, moved by the generator",
    "gan": "the generator, from noise",
}

_KINDS = {
    "table": ("rows of a table", ["tabular"]),
    "image": ("images", ["image"]),
    "pair": ("images out of other images", ["image", "image-to-image"]),
}


def write_card(augmenter: Any, folder: str | Path, repo_id: str = "user/name") -> Path:
    """Write the model card of a fitted augmenter, with pictures if matplotlib is installed.

    Parameters
    ----------
    augmenter : GANAugmenter or Pix2PixAugmenter
        A fitted augmenter.
    folder : str or Path
        Folder for ``README.md`` and the pictures, created if it does not exist.
    repo_id : str, default="user/name"
        Id of the model on the Hub, for the example that loads it.

    Returns
    -------
    Path
        Path of the card.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_iris
    >>> from ganaug import GANAugmenter
    >>> from ganaug.card import write_card
    >>> augmenter = GANAugmenter(max_steps=5, random_state=0).fit(*load_iris(return_X_y=True))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     text = write_card(augmenter, folder).read_text()
    >>> text.splitlines()[:2]
    ['---', 'library_name: ganaug']
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    kind = _kind(augmenter)
    pictures = _draw(augmenter, folder, kind)
    parts = [
        _head(augmenter, kind, repo_id),
        _usage(augmenter, kind, repo_id),
        _data(augmenter, kind),
        _recipe(augmenter),
        _training(augmenter, pictures),
        _samples(pictures),
        _limits(augmenter, kind),
    ]
    path = folder / CARD
    path.write_text("\n\n".join(part for part in parts if part) + "\n", encoding="utf-8")
    return path


def _kind(augmenter: Any) -> str:
    return str(augmenter.model_.kind)


def _head(augmenter: Any, kind: str, repo_id: str) -> str:
    makes, tags = _KINDS[kind]
    listed = ["ganaug", "gan", "synthetic-data", "data-augmentation", *tags]
    return "\n".join(
        [
            "---",
            "library_name: ganaug",
            "tags:",
            *(f"- {tag}" for tag in listed),
            "---",
            "",
            f"# {_cell(repo_id.rpartition('/')[2])}",
            "",
            f"A generative adversarial network that generates synthetic {makes} for the training "
            f"of classifiers. It is a `{type(augmenter).__name__}` of ganaug {__version__}.",
            "",
            "This card was generated. Whoever shares the model should add a description of the "
            "data, who may use it, and a licence.",
        ]
    )


def _usage(augmenter: Any, kind: str, repo_id: str) -> str:
    name = type(augmenter).__name__
    use = "images = augmenter.transform(sources)"
    if kind != "pair":
        label = _rarest(augmenter)
        plain = type(label) in (str, int, float, bool)
        use = f"X_new, y_new = augmenter.sample({{{label!r}: 100}})" if plain else ""
        use = use or "X_new, y_new = augmenter.sample(100)"
    lines = [
        "## How to load it",
        "",
        "```python",
        f"from ganaug import {name}",
        "",
        f"augmenter = {name}.from_pretrained({json.dumps(repo_id)})",
        use,
        "```",
        "",
        "This needs ganaug with the extra `hub`. Loading runs no code: the model is one file of "
        "numbers (safetensors) and one of JSON.",
    ]
    return "\n".join(lines)


def _rarest(augmenter: Any) -> Any:
    """Return the class to which most rows are added."""
    to_add = augmenter.sampling_strategy_
    return max(to_add, key=to_add.__getitem__) if to_add else augmenter.classes_.tolist()[0]


def _data(augmenter: Any, kind: str) -> str:
    sections = ["## What it was trained on", "No row of the training data is shown here."]
    if kind == "pair":
        model = augmenter.model_
        pair = {"Sources": model.source, "Targets": model.target}
        sections += [f"{name}: {_images(codec)}." for name, codec in pair.items()]
        return "\n\n".join(sections)
    if kind == "image":
        sections.append(_images(augmenter.model_.codec) + ".")
    else:
        sections.append(_columns(augmenter.model_.codec.columns))
    return "\n\n".join([*sections, _classes(augmenter)])


def _images(codec: ImageCodec) -> str:
    channels, height, width = codec.shape
    size = f"{height} high and {width} wide, {channels} channel(s)"
    return f"Images {size}, `{codec.dtype}` from {codec.low:g} to {codec.high:g}"


def _columns(columns: Sequence[Any]) -> str:
    rows = []
    for column in columns:
        number = isinstance(column.codec, NumberCodec)
        holds = "numbers" if number else f"{len(column.codec.levels)} categories"
        missing = "some" if column.codec.has_missing else "none"
        rows.append((_cell(column.name), holds, f"`{column.type.dtype}`", missing))
    return _table(("column", "holds", "dtype", "missing values"), rows)


def _classes(augmenter: Any) -> str:
    rows = [
        (
            _cell(label),
            f"{augmenter.class_counts_[label]:,}" if augmenter.class_counts_ else "not recorded",
            f"{augmenter.sampling_strategy_.get(label, 0):,}",
            _MADE[method],
        )
        for label, method in augmenter.plan_.items()
    ]
    return _table(("class", "members at fit", "lacking", "new ones are made from"), rows)


def _recipe(augmenter: Any) -> str:
    trained = getattr(augmenter.model_, "recipes", None) or [augmenter.model_.recipe]
    parts = list(dict.fromkeys(_one_recipe(recipe) for recipe in trained))
    return "\n\n".join(["## Recipe", *parts])


def _one_recipe(recipe: Recipe) -> str:
    penalties = {k: v for k, v in recipe.to_dict()["regularizers"].items() if v}
    penalties.pop("penalty_every")  # an interval of steps, not a penalty
    shown = [
        ("recipe", f"`{recipe.name}`" if recipe.name else "-"),
        ("networks", f"`{recipe.architecture.kind}`, width {recipe.architecture.width}"),
        ("conditioning", recipe.conditioning),
        ("loss", recipe.loss),
        ("penalties", ", ".join(f"{k} {v:g}" for k, v in penalties.items()) or "none"),
        ("critic steps for each of the generator's", str(recipe.schedule.n_critic)),
    ]
    details = json.dumps(recipe.to_dict(), indent=1)
    return "\n\n".join(
        [
            _table(("what", "value"), shown),
            f"<details><summary>All fields</summary>\n\n```json\n{details}\n```\n\n</details>",
        ]
    )


def _training(augmenter: Any, pictures: Iterable[str]) -> str:
    runs = augmenter.history_.last()
    if not runs:
        return "## Training\n\nNo network was trained: all classes are small."
    head = (
        ("at the end of training", *(f"class {_cell(run['class'])}" for run in runs))
        if ("class" in runs[0])
        else ("at the end of training", "value")
    )
    rows = [
        (f"`{name}`", *(_number(run.get(name)) for run in runs))
        for name in METRICS
        if any(name in run for run in runs)
    ]
    signals = ", ".join(f"`{name}`" for name in augmenter.history_.signals()) or "none"
    parts = ["## Training", _table(head, rows), f"Warning signals at the end: {signals}."]
    if collapsed := augmenter.history_.collapsed():
        names = ", ".join(_cell(label) for label in collapsed)
        parts.append(
            f"**Mode collapse** in {names}: the samples have less than {COLLAPSE_RATIO:.0%} of the "
            "variety of the real ones."
        )
    parts.append(
        "`critic_accuracy` is how often the critic scores a real member above a generated one. "
        "`diversity` is the spread of generated members divided by that of real ones, in the worst "
        "class. Neither shows whether a classifier improves: test it on real data that the model "
        "has not seen."
    )
    if CURVES in pictures:
        parts.append(f"![Losses, diversity and critic accuracy over the steps]({CURVES})")
    return "\n\n".join(parts)


def _samples(pictures: Iterable[str]) -> str:
    if SAMPLES not in pictures:
        return ""
    return f"## Samples\n\nSynthetic images only.\n\n![Synthetic images, by class]({SAMPLES})"


def _n_stored(model: Any, kind: str) -> int:
    """Return the number of training rows or images that the file holds."""
    # Anchors and references of the selector overlap, so that rows of both are counted once.
    rows = model.anchors.rows
    if kind == "table" and model.selector is not None:
        rows = torch.cat([rows, model.selector.references.to(rows.device)]).unique(dim=0)
    return len(rows)


def _limits(augmenter: Any, kind: str) -> str:
    n_stored = 0 if kind == "pair" else _n_stored(augmenter.model_, kind)
    members = "images" if kind == "image" else "rows"
    stored = (
        f"The file holds {n_stored:,} encoded {members} of the training data, from which synthetic "
        "ones start or with which they are compared. "
        if n_stored
        else ""
    )
    lines = [
        f"- **It is not anonymous.** {stored}A network may also have memorised training data, and "
        "nothing in this card measures that. Protect the model as you protect the data.",
        "- It has learned only its training data, with their errors and biases. A class of few "
        "members gives hardly more information than these members.",
        "- Use synthetic data to train, never to test: a score on synthetic data has no meaning.",
        "- A classifier trained with added members of a class predicts this class with too high "
        "probabilities: calibrate it on real data.",
        "- Class weights and a tuned threshold are simpler and hard to beat. Compare with them.",
    ]
    if kind == "table":
        lines.append(
            "- Synthetic values respect the bounds and categories of each column; rules between "
            "columns are learned only approximately."
        )
    return "\n".join(["## Limits", "", *lines])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [" | ".join(head), " | ".join("---" for _ in head)]
    lines += [" | ".join(row) for row in rows[:MOST]]
    more = f"\n\nand {len(rows) - MOST:,} more." if len(rows) > MOST else ""
    return "\n".join(f"| {line} |" for line in lines) + more


def _cell(name: Any) -> str:
    """Return a name that cannot break a table, a link or a tag."""
    text = " ".join(str(name).split())
    text = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    return re.sub(r"([\\`*_{}\[\]<>|#!~&])", r"\\\1", text) or '""'


def _number(value: Any) -> str:
    return "-" if value is None else f"{value:,.4g}"


def _draw(augmenter: Any, folder: Path, kind: str) -> list[str]:
    """Write the pictures that can be drawn; return their names."""
    if find_spec("matplotlib") is None:
        return []
    from ganaug.sharing.card_pictures import draw_curves, draw_samples

    drawn = []
    if augmenter.history_.records:
        draw_curves(augmenter.history_, folder / CURVES)
        drawn.append(CURVES)
    if kind == "image" and draw_samples(augmenter, _shown(augmenter.plan_), folder / SAMPLES):
        drawn.append(SAMPLES)
    return drawn


def _shown(plan: Mapping[Any, str]) -> list[Any]:
    """Return the classes to show; copies of a real image are left out."""
    return [label for label, method in plan.items() if method != "duplicate"]
