"""One class: its synthetic rows against held-out real ones, and real ones against real ones.

Both comparisons are made several times with equally many rows: the first with other synthetic rows
each time, the second with the real rows divided anew. How the second ones differ says what chance
does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import binomtest, t
from sklearn.model_selection import StratifiedKFold, cross_val_score

from ganaug.report import columns
from ganaug.report.columns import Matrix
from ganaug.report.distances import (
    density_and_coverage,
    kernel_mmd,
    mean_distance,
    median_distance,
    nearest,
)
from ganaug.report.findings import MEASURES, Finding
from ganaug.report.views import Lens, Views, stacked
from ganaug.runtime.rng import derive, numpy_stream

DIVISIONS = 8
"""Times that cheap figures are taken anew."""

TRIALS = 3
"""Times that synthetic rows are told from real ones, which is not cheap."""

MOST_COMPARED = 500
"""Rows of a class and source that are compared, at most."""

MOST_NEIGHBOURS = 2000
"""Training rows of a class among which the nearest is sought, at most."""

CLASSIFIER_FOLDS = 4

Figures = dict[str, Any]
"""Numbers by the key of their measure; for columns and pairs one each."""


@dataclass(frozen=True)
class ClassRows:
    """The rows of one class.

    Parameters
    ----------
    label : object
    training : Views
        Real rows that the augmenter learned from.
    fresh : Views
        Those of them that no network of the report was trained on.
    held_out : Views
        Real rows that nothing was trained on.
    synthetic : Views
    known : set of bytes
        Keys of every training row of the class.
    """

    label: Any
    training: Views
    fresh: Views
    held_out: Views
    synthetic: Views
    known: frozenset[bytes]


@dataclass(frozen=True)
class ClassFindings:
    """What was found about a class.

    Parameters
    ----------
    findings : list of Finding
    shapes, shapes_real : ndarray of shape (n_columns,)
        Of each column.
    trends, trends_real : ndarray of shape (n_pairs,)
        Of each pair of columns.
    """

    findings: list[Finding]
    shapes: Matrix = field(default_factory=lambda: np.zeros(0))
    shapes_real: Matrix = field(default_factory=lambda: np.zeros(0))
    trends: Matrix = field(default_factory=lambda: np.zeros(0))
    trends_real: Matrix = field(default_factory=lambda: np.zeros(0))


def compare_class(
    rows: ClassRows, lens: Lens, pairs: NDArray[np.int64], keys: Sequence[str], seed: int
) -> ClassFindings:
    """Take every figure of a class, or say why not.

    Parameters
    ----------
    rows : ClassRows
    lens : Lens
    pairs : ndarray of shape (n_pairs, 2)
        Columns to compare together.
    keys : sequence of str
        Measures to take.
    seed : int
    """
    findings = {"copy_rate": _copies(rows), "memorisation": _memorisation(rows, seed)}
    two = [key for key in keys if key not in findings]
    found: dict[str, tuple[list[Any], list[Any]]] = {key: ([], []) for key in two}
    sizes = _sizes(rows)
    possible = [key for key in two if not _lacking(key, rows)]
    if possible:
        _repeat(rows, lens, pairs, possible, sizes, seed, found)
    for key in two:
        findings[key] = _judged(key, rows, sizes, *found[key])
    details = {
        name: _mean(found[key][k]) if found.get(key, ([], []))[0] else np.zeros(0)
        for key, name in (("column_shapes", "shapes"), ("pair_trends", "trends"))
        for k, name in ((0, name), (1, f"{name}_real"))
    }
    return ClassFindings([findings[key] for key in keys], **details)


def _sizes(rows: ClassRows) -> tuple[int, int]:
    """Return how many held-out rows are compared, and how many synthetic or other real ones."""
    held = min(len(rows.held_out), MOST_COMPARED)
    return held, min(held, len(rows.fresh), len(rows.synthetic))


def _lacking(key: str, rows: ClassRows) -> str:
    """Return why a figure is refused; empty if it is not."""
    enough = MEASURES[key].enough
    have = {"held-out": len(rows.held_out), "training": len(rows.fresh)}
    for what, count in have.items():
        if count < enough:
            return f"{count} {what} rows; {enough} are needed"
    if len(rows.synthetic) < enough:
        return "no synthetic rows: one real row can only be repeated"
    return ""


def _repeat(
    rows: ClassRows,
    lens: Lens,
    pairs: NDArray[np.int64],
    keys: Sequence[str],
    sizes: tuple[int, int],
    seed: int,
    found: Mapping[str, tuple[list[Any], list[Any]]],
) -> None:
    """Append the figures of every division to those found: synthetic ones, then real ones."""
    held, other = sizes
    real = stacked(rows.held_out, rows.fresh)
    measure = _Measure(lens, pairs, rows.held_out, keys)
    for turn in range(DIVISIONS):
        rng = numpy_stream(seed, "division", turn)
        state = derive(seed, "judge", turn) % 2**32
        order = rng.permutation(len(real))
        drawn = (
            (
                rows.held_out[rng.permutation(len(rows.held_out))[:held]],
                rows.synthetic[rng.permutation(len(rows.synthetic))[:other]],
            ),
            (real[order[:held]], real[order[held:][:other]]),
        )
        for which, (reference, sample) in enumerate(drawn):
            found_now = measure(reference, sample, state, told=bool(which) or turn < TRIALS)
            for key, value in found_now.items():
                found[key][which].append(value)


class _Measure:
    """Takes the figures that compare two samples."""

    def __init__(
        self, lens: Lens, pairs: NDArray[np.int64], real: Views, keys: Sequence[str]
    ) -> None:
        self.lens, self.pairs, self.keys = lens, pairs, set(keys)
        some = real[np.arange(len(real))[:MOST_COMPARED]]
        self.typical = {name: median_distance(v) for name, v in some.features.items()}

    def __call__(self, real: Views, made: Views, state: int, *, told: bool) -> Figures:
        """Return the figures; whether one can be told from the other only if ``told``."""
        each: dict[str, Callable[[], Any]] = {
            "column_shapes": lambda: columns.shapes(real.columns, made.columns, self.lens.numeric),
            "pair_trends": lambda: columns.trends(
                real.columns, made.columns, self.lens.numeric, self.pairs
            ),
            "mmd_trained": lambda: self._mmd("trained", real, made),
            "mmd_random": lambda: self._mmd("random", real, made),
            "diversity": lambda: _ratio(mean_distance(made.points), mean_distance(real.points)),
        }
        found = {key: take() for key, take in each.items() if key in self.keys}
        if "c2st_auc" in self.keys and told:
            found["c2st_auc"] = told_apart(real, made, self.lens.judge(state), state)
        if "density" in self.keys:
            points = ("trained",) if real.features else ()
            near = (_space(real, points), _space(made, points))
            found["density"], found["coverage"] = density_and_coverage(*near)
        return found

    def _mmd(self, name: str, real: Views, made: Views) -> float:
        return kernel_mmd(real.features[name], made.features[name], self.typical[name])


def _space(views: Views, names: Sequence[str]) -> torch.Tensor:
    """Return what neighbours are sought on: features of images, else the points."""
    return views.features[names[0]] if names else views.points


def _ratio(above: float, below: float) -> float:
    return above / below if below > 0 else math.nan


def told_apart(real: Views, made: Views, judge: Any, state: int) -> float:
    """Return the area under the ROC curve of a classifier that tells made rows from real ones.

    The classifier is cross-validated.
    """
    rows = np.concatenate([real.inputs, made.inputs])
    truth = np.repeat([0, 1], [len(real), len(made)])
    folds = StratifiedKFold(CLASSIFIER_FOLDS, shuffle=True, random_state=state)
    return float(cross_val_score(judge, rows, truth, cv=folds, scoring="roc_auc").mean())


def _judged(
    key: str, rows: ClassRows, sizes: tuple[int, int], made: list[Any], real: list[Any]
) -> Finding:
    """Return the finding from the figures of the divisions."""
    if reason := _lacking(key, rows):
        return Finding(rows.label, key, n_held_out=len(rows.held_out), reason=reason)
    own = [float(_mean([value])) if np.ndim(value) == 0 else _nanmean(value) for value in made]
    others = [float(value) if np.ndim(value) == 0 else _nanmean(value) for value in real]
    value = _nanmean(own)
    if math.isnan(value):
        reason = "all is constant or missing: there is nothing to compare"
        return Finding(rows.label, key, n_held_out=len(rows.held_out), reason=reason)
    low, high = np.clip(expected_range(others), *MEASURES[key].bounds).tolist()
    held, other = sizes
    return Finding(
        rows.label, key, value, _nanmean(others), low, high, n_held_out=held, n_synthetic=other
    )


def expected_range(values: Sequence[float]) -> tuple[float, float]:
    """Return between what one more such value lies, with 95% probability, if they are normal."""
    known = np.array([value for value in values if not math.isnan(value)])
    if len(known) < 2:
        return math.nan, math.nan
    reach = float(t.ppf(0.975, len(known) - 1) * known.std(ddof=1) * math.sqrt(1 + 1 / len(known)))
    return float(known.mean()) - reach, float(known.mean()) + reach


def _nanmean(values: Any) -> float:
    known = np.asarray(values, np.float64)
    known = known[~np.isnan(known)]
    return float(known.mean()) if len(known) else math.nan


def _mean(values: Sequence[Any]) -> Matrix:
    """Return the mean of each place over the divisions, NaN where there is none."""
    stack = np.array(values, np.float64)
    known = ~np.isnan(stack)
    total = np.where(known, stack, 0.0).sum(0)
    with np.errstate(invalid="ignore"):
        return np.asarray(total / known.sum(0), np.float64)


def _alone(key: str, rows: ClassRows) -> Finding | None:
    """Return a refusal of a figure about single rows, if there are too few."""
    enough, held = MEASURES[key].enough, len(rows.held_out)
    reason = ""
    if not len(rows.synthetic):
        reason = "no synthetic rows: one real row can only be repeated"
    elif held < enough:
        reason = f"{held} held-out rows; {enough} are needed"
    return Finding(rows.label, key, n_held_out=held, reason=reason) if reason else None


def _copies(rows: ClassRows) -> Finding:
    """Return the share of rows that equal a training row."""
    if refusal := _alone("copy_rate", rows):
        return refusal
    made, real = (
        sum(key in rows.known for key in views.keys) for views in (rows.synthetic, rows.held_out)
    )
    n, held = len(rows.synthetic), len(rows.held_out)
    between = binomtest(real, held).proportion_ci(method="wilson")
    low, high = float(between.low), float(between.high)
    return Finding(
        rows.label, "copy_rate", made / n, real / held, low, high, n_held_out=held, n_synthetic=n
    )


def _memorisation(rows: ClassRows, seed: int) -> Finding:
    """Return how near synthetic rows are to training rows, as a share of how near real ones are."""
    if refusal := _alone("memorisation", rows):
        return refusal
    rng = numpy_stream(seed, "neighbours")
    some = rng.permutation(len(rows.training))[:MOST_NEIGHBOURS]
    reference = rows.training.points[torch.from_numpy(some)]
    real, _ = nearest(rows.held_out.points, reference)
    made, _ = nearest(rows.synthetic.points, reference)
    if not float(real.mean()) > 0:
        reason = "the held-out rows equal training rows, so nothing can be nearer"
        return Finding(rows.label, "memorisation", n_held_out=len(real), reason=reason)
    halves = []
    for _ in range(DIVISIONS):
        order = torch.from_numpy(rng.permutation(len(real)))
        first, second = real[order[::2]].mean(), real[order[1::2]].mean()
        halves.append(_ratio(float(first), float(second)))
    low, high = np.clip(expected_range(halves), 0.0, None).tolist()
    value = float(made.mean() / real.mean())
    n, held = len(made), len(real)
    return Finding(
        rows.label, "memorisation", value, 1.0, low, high, n_held_out=held, n_synthetic=n
    )
