"""Tables and folds: what a benchmark reads, and the only place where rows are divided."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

LABEL = "label"
FLOOR = 20
"""A class is never cut below this many rows: its scores would be noise."""


@dataclass(frozen=True)
class TableSet:
    """A table to classify.

    Attributes
    ----------
    name : str
    X : DataFrame
        Numeric columns as numbers, categorical columns as strings with missing values.
    y : Series of str
    categorical : tuple of str
        Names of the categorical columns.
    digest : str
        Hash of the file.
    rows_in_file : int
        Rows before any cut.
    """

    name: str
    X: pd.DataFrame
    y: pd.Series
    categorical: tuple[str, ...]
    digest: str
    rows_in_file: int

    @property
    def numeric_binary(self) -> bool:
        """Whether methods for numeric columns and two classes run on it."""
        return not self.categorical and self.y.nunique() == 2

    @property
    def rarest(self) -> str:
        """The label with the fewest rows: the positive class of a binary set."""
        return str(self.y.value_counts().index[-1])

    def capped(self, max_rows: int | None) -> TableSet:
        """Return the set cut to about ``max_rows``, the classes in proportion (see FLOOR)."""
        if max_rows is None or len(self.y) <= max_rows:
            return self
        share = max_rows / len(self.y)
        rng = np.random.default_rng(0)
        keep: list[NDArray[np.int64]] = []
        for label in sorted(self.y.unique()):
            own = np.flatnonzero(self.y == label)
            n = min(len(own), max(round(len(own) * share), FLOOR))
            keep.append(rng.choice(own, n, replace=False))
        rows = np.sort(np.concatenate(keep))
        return replace(
            self,
            X=self.X.iloc[rows].reset_index(drop=True),
            y=self.y.iloc[rows].reset_index(drop=True),
        )


@dataclass(frozen=True)
class Fold:
    """One division of a set into training and test rows.

    Attributes
    ----------
    seed, number : int
        Repetition, and fold within it. The seed is also the methods' ``random_state``.
    train, test : arrays of int
        Row numbers.
    """

    seed: int
    number: int
    train: NDArray[np.int64]
    test: NDArray[np.int64]


def folds_of(table: TableSet, n_folds: int, seeds: Sequence[int]) -> Iterator[Fold]:
    """Yield the folds of a repeated stratified k-fold, one repetition a seed."""
    for seed in seeds:
        splitter = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
        for number, (train, test) in enumerate(splitter.split(table.X, table.y)):
            yield Fold(seed, number, train, test)


def set_names(folder: Path) -> list[str]:
    """Return the names of the sets in a folder, from its ``manifest.json``."""
    return list(_manifest(folder))


def load_set(folder: Path, name: str) -> TableSet:
    """Read ``NAME.csv`` as its manifest describes it.

    Parameters
    ----------
    folder : Path
        Has ``manifest.json``, which maps a name to an object with the key ``categorical``, and a
        CSV file for each name, with the class in the column ``label``.
    name : str

    Returns
    -------
    TableSet
    """
    categorical = tuple(_manifest(folder)[name]["categorical"])
    path = folder / f"{name}.csv"
    frame = pd.read_csv(path, dtype=dict.fromkeys((*categorical, LABEL), "str"))
    return TableSet(
        name=name,
        X=frame.drop(columns=LABEL),
        y=frame[LABEL],
        categorical=categorical,
        digest=hashlib.sha256(path.read_bytes()).hexdigest()[:16],
        rows_in_file=len(frame),
    )


def _manifest(folder: Path) -> dict[str, dict[str, list[str]]]:
    path = folder / "manifest.json"
    if not path.is_file():
        raise SystemExit(f"No {path}: name the folder of the data sets with --data.")
    manifest: dict[str, dict[str, list[str]]] = json.loads(path.read_text())
    return manifest
