"""Checks of recipes: as data, and as GANs that train, sample and are saved.

The first line of each check's docstring is what it asks of a recipe.
"""

from __future__ import annotations

import dataclasses
import json
import math
import pickle
import tempfile
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from ganaug.augmenter import GANAugmenter
from ganaug.errors import ConfigError, did_you_mean
from ganaug.pix2pix import Pix2PixAugmenter
from ganaug.recipe import Recipe
from ganaug.recipe.presets import PRESETS
from ganaug.testing.randomness import global_state
from ganaug.testing.report import CheckReport, Checks, OnFail, require, run_checks, skip
from ganaug.testing.samples import sample_images, sample_labels, sample_pairs, small_table

STEPS = 3
"""Generator steps of a fit: enough for every part of a step to have been taken more than once."""

MEMBERS = {"table": 60, "image": 36, "pair": 16}
RARE = 14
"""Rows of the rare class: above the least number from which "auto" trains a generator."""

NEW = 5
"""Synthetic rows that are asked for."""


class RecipeSubject:
    """A recipe under test.

    Parameters
    ----------
    recipe : Recipe
    data : {"table", "image", "pair"}
        What it is for.
    """

    def __init__(self, recipe: Recipe, data: str) -> None:
        self.recipe, self.data = recipe, data

    def members(self) -> tuple[Any, Any]:
        """Return new data: rows and labels, or sources and targets."""
        n = MEMBERS[self.data]
        if self.data == "pair":
            return sample_pairs(n)
        X = small_table(n) if self.data == "table" else sample_images(n)
        return X, sample_labels(n, RARE)

    def fit(self, X: Any, y: Any) -> Any:
        """Return a fitted estimator."""
        options: dict[str, Any] = {"recipe": self.recipe, "max_steps": STEPS}
        kind = Pix2PixAugmenter if self.data == "pair" else GANAugmenter
        return kind(**options, device="cpu", random_state=0).fit(X, y)

    @cached_property
    def first(self) -> tuple[Any, bool, bool]:
        """A fitted estimator; whether its data, and a global random state, were changed."""
        X, y = self.members()
        before = global_state()
        fitted = self.fit(X, y)
        self.sample(fitted)
        kept = all(same(one, other) for one, other in zip((X, y), self.members(), strict=True))
        return fitted, not kept, global_state() != before

    @property
    def fitted(self) -> Any:
        """A fitted estimator."""
        return self.first[0]

    def sample(self, fitted: Any, n: int = NEW, seed: int = 0) -> Any:
        """Return synthetic members: of the rare class, or of the first source."""
        if self.data == "pair":
            return fitted.sample(self.members()[0][:1], n, random_state=seed)
        return fitted.sample({"rare": n}, random_state=seed)[0]


def same(one: Any, other: Any) -> bool:
    """Return whether two tables or arrays are equal in every value."""
    if isinstance(one, pd.DataFrame):
        return bool(one.equals(other))
    return bool(np.array_equal(np.asarray(one), np.asarray(other)))


def keeps_the_rules(subject: RecipeSubject) -> None:
    """Keep the rules of recipes, also when it is made again from its own fields."""
    recipe = subject.recipe
    require(isinstance(recipe, Recipe), f"{type(recipe).__name__} is not a Recipe")
    again = Recipe(**{f.name: getattr(recipe, f.name) for f in dataclasses.fields(Recipe)})
    require(again.to_dict() == Recipe.to_dict(recipe), "made again, it has other fields")


def survives_json(subject: RecipeSubject) -> None:
    """Come back equal from JSON."""
    text = json.dumps(subject.recipe.to_dict())
    again = Recipe.from_dict(json.loads(text))
    plain = Recipe.to_dict(subject.recipe)
    differing = [name for name, value in again.to_dict().items() if value != plain[name]]
    require(not differing, f"{', '.join(differing)} came back changed")


def replaces_one_field(subject: RecipeSubject) -> None:
    """Return a changed copy from ``replace``, with a starred name; raise if a field is unknown."""
    recipe = subject.recipe
    before = recipe.to_dict()
    require(recipe.replace() == recipe, "replace() without changes changes something")
    changed = recipe.replace(learning_rate=0.125)
    require(changed.schedule.learning_rate == 0.125, "the field that was replaced is not changed")
    undone = changed.replace(learning_rate=recipe.schedule.learning_rate, name=recipe.name)
    require(undone.to_dict() == before, "replace changed other fields too")
    require(changed.name.endswith("*"), f"the name of the copy is {changed.name!r}, without a star")
    require(recipe.to_dict() == before, "replace changed the recipe itself")
    try:
        recipe.replace(learning_rat=0.1)
    except ConfigError:
        return
    require(False, "a field that does not exist can be replaced")


def trains(subject: RecipeSubject) -> None:
    """Train for a few steps, to the last one, with a history of finite numbers."""
    history = subject.fitted.history_
    require(len(history) > 0, "the history is empty")
    for record in history.records:
        odd = [k for k, v in record.items() if isinstance(v, float) and not math.isfinite(v)]
        require(not odd, f"{', '.join(odd)} of the history is not finite")
    last = max(record["step"] for record in history.records)
    require(last == STEPS, f"training ended after step {last} of {STEPS}")


def makes_exact_counts(subject: RecipeSubject) -> None:
    """Make exactly as many members as are asked for, also none."""
    for n in (0, 1, NEW):
        made = len(subject.sample(subject.fitted, n))
        require(made == n, f"{made} synthetic members, {n} were asked for")
    X, y = subject.members()
    if subject.data == "pair":
        require(len(subject.fitted.transform(X)) == len(X), "transform returns another number")
        return
    more, labels = subject.fitted.resample(X, y)
    counts = dict(zip(*np.unique(labels, return_counts=True), strict=True))
    require(len(more) == len(labels), f"{len(more)} rows with {len(labels)} labels")
    require(len(set(counts.values())) == 1, f"the classes have {counts} after resampling")
    require(same(more[: len(X)], X), "the original members do not come first, unchanged")


def looks_like_the_data(subject: RecipeSubject) -> None:
    """Make members of the shape and dtypes of the data, within their bounds."""
    made = subject.sample(subject.fitted)
    X, target = subject.members()
    real = target if subject.data == "pair" else X
    if isinstance(real, pd.DataFrame):
        require(made.dtypes.equals(real.dtypes), "the columns have other dtypes or names")
        for name in real.select_dtypes("number"):
            low, high = real[name].min(), real[name].max()
            inside = made[name].dropna().between(low, high).all()
            require(inside, f"column {name!r} leaves the observed bounds {low:g} to {high:g}")
        return
    require(made.shape[1:] == real.shape[1:], f"images of {made.shape[1:]}, not {real.shape[1:]}")
    require(made.dtype == real.dtype, f"images of {made.dtype}, not {real.dtype}")


def repeats_with_the_seed(subject: RecipeSubject) -> None:
    """Make the same members when it is fitted and sampled again with the same seeds."""
    first = subject.sample(subject.fitted)
    require(same(first, subject.sample(subject.fitted)), "a second call makes others")
    again = subject.sample(subject.fit(*subject.members()))
    require(same(first, again), "a second fit makes others")


def follows_the_seed(subject: RecipeSubject) -> None:
    """Make other members with another seed."""
    if subject.data == "pair" and not subject.recipe.architecture.dropout:
        skip("without dropout a U-Net has no noise")
    first, other = (subject.sample(subject.fitted, seed=seed) for seed in (0, 1))
    require(not same(first, other), "another seed makes the same")


def continues_shorter_requests(subject: RecipeSubject) -> None:
    """Begin what it makes for a larger request with what it makes for a smaller one."""
    few, many = (subject.sample(subject.fitted, n) for n in (2, NEW))
    require(same(many[:2], few), "the first members of a larger request are others")


def survives_saving(subject: RecipeSubject) -> None:
    """Make the same members after it was saved to a folder and loaded."""
    with tempfile.TemporaryDirectory() as folder:
        subject.fitted.save_pretrained(folder)
        again = type(subject.fitted).from_pretrained(folder)
    require(again.recipe.to_dict() == subject.recipe.to_dict(), "the loaded recipe differs")
    equal = same(subject.sample(subject.fitted), subject.sample(again))
    require(equal, "the loaded model makes others")


def pickles(subject: RecipeSubject) -> None:
    """Make the same members after it was pickled."""
    again = pickle.loads(pickle.dumps(subject.fitted))
    require(again.recipe == subject.recipe, "the recipe came back changed")
    equal = same(subject.sample(subject.fitted), subject.sample(again))
    require(equal, "the model that came back makes others")


def leaves_the_data_alone(subject: RecipeSubject) -> None:
    """Leave the data it learns from as they are."""
    require(not subject.first[1], "the data were changed in place")


def leaves_global_random_state(subject: RecipeSubject) -> None:
    """Leave the global generators of Python, numpy and torch alone."""
    require(not subject.first[2], "a global random state has moved")


RECIPE_CHECKS: Checks[RecipeSubject] = {
    keeps_the_rules: (),
    survives_json: (keeps_the_rules,),
    replaces_one_field: (keeps_the_rules,),
    trains: (keeps_the_rules,),
    makes_exact_counts: (trains,),
    looks_like_the_data: (trains,),
    repeats_with_the_seed: (trains,),
    follows_the_seed: (trains,),
    continues_shorter_requests: (makes_exact_counts,),
    survives_saving: (trains, survives_json),
    pickles: (trains,),
    leaves_the_data_alone: (trains,),
    leaves_global_random_state: (trains,),
}
"""What every recipe must pass."""


def check_recipe(
    recipe: str | Recipe, data: str = "table", *, on_fail: OnFail = "raise"
) -> CheckReport:
    """Check a recipe: as data, and by training it for a few steps on made-up data.

    Parameters
    ----------
    recipe : Recipe or str
        A recipe, or the name of a preset.
    data : {"table", "image", "pair"}, default="table"
        What it is for. It is trained through :class:`~ganaug.GANAugmenter`, or for pairs through
        :class:`~ganaug.Pix2PixAugmenter`, on the CPU.
    on_fail : {"raise", "report"}, default="raise"
        What to do if a check fails: raise the table of what is missing, or return all results.

    Returns
    -------
    CheckReport

    Raises
    ------
    CheckError
        If a check fails and ``on_fail`` is "raise".
    ConfigError
        If there is no such preset or no such data.

    Examples
    --------
    >>> from ganaug import Recipe
    >>> from ganaug.testing import check_recipe
    >>> recipe = Recipe.preset("cgan").replace(width=16, name="narrow")
    >>> print(str(check_recipe(recipe)).splitlines()[0])
    recipe 'narrow' for table data: 13 checks passed, 0 failed, 0 skipped
    """
    if data not in PRESETS:
        raise ConfigError(f"data={data!r} is not possible; {did_you_mean(str(data), PRESETS)}")
    made: Any = _preset(recipe, data) if isinstance(recipe, str) else recipe
    name = getattr(made, "name", type(made).__name__)
    part = f"recipe {name!r} for {data} data"
    return run_checks(part, RECIPE_CHECKS, RecipeSubject(made, data), on_fail)


def _preset(name: str, data: Any) -> Recipe:
    return Recipe.preset(name, data)
