"""The arms of the comparison: what each method does to a training fold.

An arm is an augmentation and a way to decide. The augmentation sees training rows only. Methods
that measure distances get standardised numeric columns, as their users give them, and only the
rows they add are taken from their answer, so that the original rows are the same in every arm.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from benchmarks._data import LABEL, TableSet

MISSING = "<missing>"
CTGAN_DRAWS = 20
"""Rows drawn from CTGAN for each row asked of a class, at most."""


@dataclass
class Augmented:
    """An augmented training fold.

    Attributes
    ----------
    X, y : DataFrame, Series
    made : dict of str to int
        Rows made, by the technique that made them.
    note : str
        What was unusual, or why the method failed; then X and y are the fold as it was.
    weights : Series or None
        Of the rows, for classifiers that take weights.
    """

    X: pd.DataFrame
    y: pd.Series
    made: dict[str, int] = field(default_factory=dict)
    note: str = ""
    weights: pd.Series | None = None


@dataclass(frozen=True)
class Training:
    """What an augmentation may see: the training rows of a fold.

    Attributes
    ----------
    X, y : DataFrame, Series
    categorical : tuple of str
        Names of the categorical columns.
    seed : int
    """

    X: pd.DataFrame
    y: pd.Series
    categorical: tuple[str, ...]
    seed: int


Augment = Callable[[Training], Augmented]


@dataclass(frozen=True)
class Arm:
    """A method.

    Attributes
    ----------
    name : str
    augment : callable or None
        Returns the augmented fold; None changes nothing.
    decision : {"plain", "class_weight", "threshold"}
        What is done about the imbalance in the classifier.
    needs : tuple of str
        Distributions whose versions belong to the result.
    numeric_binary_only : bool
        Whether the method is defined for numeric columns and two classes only.
    """

    name: str
    augment: Augment | None = None
    decision: Literal["plain", "class_weight", "threshold"] = "plain"
    needs: tuple[str, ...] = ()
    numeric_binary_only: bool = False

    def applies_to(self, table: TableSet) -> bool:
        """Whether the method can run on a set."""
        return table.numeric_binary or not self.numeric_binary_only


class Scaler:
    """Numbers standardised and filled, and the way back; categories as strings without gaps."""

    def __init__(self, X: pd.DataFrame, categorical: tuple[str, ...]) -> None:
        self.categorical = list(categorical)
        self.numeric = [c for c in X.columns if c not in categorical]
        self.columns = list(X.columns)
        numbers = X[self.numeric].astype(float)
        self.median = numbers.median()
        self.mean = numbers.mean()
        self.scale = numbers.std(ddof=0).replace(0.0, 1.0)

    def forward(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return standardised rows."""
        numbers = X[self.numeric].astype(float).fillna(self.median)
        result = (numbers - self.mean) / self.scale
        if self.categorical:
            texts = X[self.categorical].astype(object)
            result = result.join(texts.where(texts.notna(), MISSING))
        return result[self.columns]

    def back(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return rows in the original units."""
        result = X[self.numeric].astype(float) * self.scale + self.mean
        if self.categorical:
            texts = X[self.categorical].astype(object)
            result = result.join(texts.where(texts != MISSING, np.nan))
        return result[self.columns]


def append(
    X: pd.DataFrame, y: pd.Series, X_new: pd.DataFrame, y_new: Any, how: str, note: str = ""
) -> Augmented:
    """Return the fold with new rows after it, dtypes widened where the new rows need it."""
    labels = pd.Series(np.asarray(y_new, dtype=object), dtype=y.dtype, name=y.name)
    frame = pd.concat([X, X_new[list(X.columns)]], ignore_index=True)
    for column in X.columns.intersection(X_new.columns):
        if not pd.api.types.is_numeric_dtype(X[column]):
            frame[column] = frame[column].astype(X[column].dtype)
    y_all = pd.concat([y, labels], ignore_index=True)
    return Augmented(frame, y_all, {how: len(X_new)}, note)


def deficits(y: pd.Series) -> dict[str, int]:
    """Return how many rows each class lacks to be as large as the largest."""
    counts = y.value_counts()
    return {str(k): int(counts.iloc[0] - n) for k, n in counts.items() if n < counts.iloc[0]}


def random_over(fold: Training) -> Augmented:
    """Duplicate rare rows."""
    X, y = fold.X, fold.y
    rng = np.random.default_rng(fold.seed)
    rows = [rng.choice(np.flatnonzero(y == k), n) for k, n in deficits(y).items()]
    picks = np.concatenate(rows) if rows else np.zeros(0, np.int64)
    return append(X, y, X.iloc[picks], y.iloc[picks], "duplicate")


def smote(fold: Training) -> Augmented:
    """Run SMOTE, SMOTENC or SMOTEN, by the columns."""
    from imblearn.over_sampling import SMOTE, SMOTEN, SMOTENC

    X, y, categorical, seed = fold.X, fold.y, fold.categorical, fold.seed
    k, note = neighbours(y)
    if not categorical:
        sampler: Any = SMOTE(k_neighbors=k, random_state=seed)
    elif len(categorical) == X.shape[1]:
        sampler = SMOTEN(k_neighbors=k, random_state=seed)
    else:
        sampler = SMOTENC(list(categorical), k_neighbors=k, random_state=seed)
    scaler = Scaler(X, categorical)
    X_all, y_all = sampler.fit_resample(scaler.forward(X), y)
    new = scaler.back(X_all.iloc[len(X) :])
    return append(X, y, new, y_all.iloc[len(X) :], type(sampler).__name__, note)


def neighbours(y: pd.Series) -> tuple[int, str]:
    """Return SMOTE's five neighbours, or as many as the smallest class has, and a note."""
    smallest = int(y.value_counts().iloc[-1])
    k = min(5, smallest - 1)
    return max(k, 1), f"{k} neighbours: the smallest class has {smallest} rows" if k < 5 else ""


def on_indicators(make: Callable[[int, int], Any]) -> Augment:
    """Return an augmentation for samplers that know numbers only.

    Categories become 0/1 indicators; of a new row, the largest indicator is its category.
    """

    def augment(fold: Training) -> Augmented:
        X, y, categorical = fold.X, fold.y, fold.categorical
        k, note = neighbours(y)
        sampler = make(k, fold.seed)
        scaler = Scaler(X, categorical)
        scaled = scaler.forward(X)
        parts = [scaled[scaler.numeric].to_numpy(float)]
        levels = {c: np.unique(scaled[c].astype(str)) for c in categorical}
        parts += [(scaled[[c]].to_numpy(str) == levels[c]).astype(float) for c in categorical]
        rows, y_all = sampler.fit_resample(np.hstack(parts), y.to_numpy(str))
        rows = rows[len(X) :]
        new = pd.DataFrame(rows[:, : len(scaler.numeric)], columns=scaler.numeric)
        start = len(scaler.numeric)
        for column in categorical:
            stop = start + len(levels[column])
            new[column] = levels[column][rows[:, start:stop].argmax(axis=1)].astype(object)
            start = stop
        return append(X, y, scaler.back(new), y_all[len(X) :], type(sampler).__name__, note)

    return augment


def adasyn(k: int, seed: int) -> Any:
    """Return imbalanced-learn's ADASYN."""
    from imblearn.over_sampling import ADASYN

    return ADASYN(n_neighbors=k, random_state=seed)


def borderline(k: int, seed: int) -> Any:
    """Return imbalanced-learn's Borderline-SMOTE."""
    from imblearn.over_sampling import BorderlineSMOTE

    return BorderlineSMOTE(k_neighbors=k, random_state=seed)


def smote_variant(name: str) -> Augment:
    """Return an augmentation by a sampler of smote_variants: numbers, two classes."""

    def augment(fold: Training) -> Augmented:
        import smote_variants

        logging.getLogger("smote_variants").setLevel(logging.ERROR)
        X, y = fold.X, fold.y
        rare = str(y.value_counts().index[-1])
        scaler = Scaler(X, fold.categorical)
        sampler = getattr(smote_variants, name)(random_state=fold.seed)
        rows, _ = sampler.sample(scaler.forward(X).to_numpy(float), (y == rare).to_numpy(int))
        new = pd.DataFrame(rows[len(X) :], columns=scaler.columns)
        return append(X, y, scaler.back(new), [rare] * len(new), name)

    return augment


def ctgan_with(**options: Any) -> Augment:
    """Return an augmentation by CTGAN, at its defaults unless options are given.

    The label is the first column of the frame, hence the first discrete one: CTGAN's conditional
    sampling mistakes another column for the one asked for otherwise (sdv-dev/CTGAN#169).
    """

    def augment(fold: Training) -> Augmented:
        from ctgan import CTGAN

        X, y, categorical = fold.X, fold.y, fold.categorical
        numeric = [c for c in X.columns if c not in categorical]
        frame = X.copy()
        frame[numeric] = frame[numeric].fillna(frame[numeric].median())
        frame.insert(0, LABEL, y)
        model = CTGAN(**options)
        model.set_random_state(fold.seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(frame, [LABEL, *categorical])
            parts, short = _ctgan_rows(model, deficits(y))
        note = f"CTGAN gave {short} rows too few of the classes asked for" if short else ""
        if not parts:
            return Augmented(X, y, {}, note)
        new = pd.concat(parts, ignore_index=True)
        return append(X, y, new.drop(columns=LABEL), new[LABEL], "ctgan", note)

    return augment


def _ctgan_rows(model: Any, wanted: dict[str, int]) -> tuple[list[pd.DataFrame], int]:
    """Draw each class by condition, and keep the rows that came out as that class."""
    parts, short = [], 0
    for label, n in wanted.items():
        drawn, have = 0, 0
        while have < n and drawn < CTGAN_DRAWS * n + 2000:
            size = max(n - have, 500)
            rows = model.sample(size, LABEL, label)
            rows = rows[rows[LABEL].astype(str) == label].head(n - have)
            drawn, have = drawn + size, have + len(rows)
            parts.append(rows)
        short += n - have
    return parts, short


def ganaug_with(**options: Any) -> Augment:
    """Return an augmentation by ``GANAugmenter``; ``recipe`` may be a dict of changes to auto."""

    def augment(fold: Training) -> Augmented:
        from ganaug import GANAugmenter, Recipe

        changes = dict(options)
        if isinstance(changes.get("recipe"), dict):
            changes["recipe"] = Recipe.preset("auto").replace(**changes["recipe"])
        augmenter = GANAugmenter(**changes, random_state=fold.seed)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            if changes.get("mode") == "replace":
                X_all, y_all = augmenter.fit_transform(fold.X, fold.y), fold.y
            else:
                X_all, y_all = augmenter.fit_resample(fold.X, fold.y)
        made: dict[str, int] = {}
        mask = getattr(augmenter, "synthetic_mask_", None)
        if mask is None:  # replace mode keeps the order of the rows: the changed ones are new
            old, new = fold.X.reset_index(drop=True), X_all.reset_index(drop=True)
            mask = ~((old == new) | (old.isna() & new.isna())).all(axis=1)
        synthetic = pd.Series(np.asarray(y_all))[np.asarray(mask)]
        for label, count in synthetic.value_counts().items():
            how = str(augmenter.plan_[label])
            made[how] = made.get(how, 0) + int(count)
        note = "; ".join(dict.fromkeys(str(w.message).splitlines()[0] for w in caught))
        return Augmented(X_all, y_all, made, note)

    return augment


ARMS: dict[str, Arm] = {
    arm.name: arm
    for arm in (
        Arm("none"),
        Arm("class_weight", decision="class_weight"),
        Arm("threshold", decision="threshold"),
        Arm("random", random_over),
        Arm("smote", smote, needs=("imbalanced-learn",)),
        Arm("adasyn", on_indicators(adasyn), needs=("imbalanced-learn",)),
        Arm("borderline_smote", on_indicators(borderline), needs=("imbalanced-learn",)),
        Arm(
            "polynom_fit_smote",
            smote_variant("polynom_fit_SMOTE_star"),
            needs=("smote-variants",),
            numeric_binary_only=True,
        ),
        Arm(
            "prowsyn",
            smote_variant("ProWSyn"),
            needs=("smote-variants",),
            numeric_binary_only=True,
        ),
        Arm("ctgan", ctgan_with(), needs=("ctgan", "torch")),
        Arm("ganaug", ganaug_with(), needs=("ganaug", "torch")),
        Arm(
            "ganaug_gan_only",
            ganaug_with(recipe={"small_classes": "gan"}),
            needs=("ganaug", "torch"),
        ),
        Arm("ganaug_replace", ganaug_with(mode="replace"), needs=("ganaug", "torch")),
    )
}


def warm_up(arms: list[Arm]) -> None:
    """Import what the arms need and take one step of each, so that no timed fit pays for it."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(60, 3)), columns=["a", "b", "c"])
    y = pd.Series(["0"] * 40 + ["1"] * 20, name=LABEL)
    short: dict[str, Augment] = {
        "ctgan": ctgan_with(epochs=1),
        "ganaug": ganaug_with(max_steps=1),
        "ganaug_gan_only": ganaug_with(max_steps=1, recipe={"small_classes": "gan"}),
        "ganaug_replace": ganaug_with(max_steps=1, mode="replace"),
    }
    for arm in arms:
        augment = short.get(arm.name, arm.augment)
        if augment is not None:
            augment(Training(X, y, (), 0))
