"""Comparison of one class: synthetic rows with held-out real rows, and real rows with real rows.

Both comparisons are repeated with equal numbers of rows. The first takes other synthetic rows each
time, the second divides the real rows at random again. The spread of the second shows how much a
figure varies by chance.
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
from ganaug.report.views import Encoder, Views, stacked
from ganaug.runtime.rng import derive, numpy_stream

DIVISIONS = 8
"""Repetitions of each comparison; with fewer, the range of chance would be much wider."""

TRIALS = 3
"""Repetitions of the comparison by a classifier with synthetic rows, which takes most time."""

MOST_COMPARED = 500
"""Maximal number of rows of a class and source in a comparison; distances take its square."""

MOST_NEIGHBOURS = 2000
"""Maximal number of training rows of a class among which the nearest is searched."""

CLASSIFIER_FOLDS = 4
"""Folds of the classifier that recognises synthetic rows; of 20 rows, each fold tests on 5."""

Figures = dict[str, Any]
"""Values by the key of their measure; an array for columns and for pairs."""


@dataclass(frozen=True)
class ClassRows:
    """The rows of one class.

    Parameters
    ----------
    label : object
    training : Views
        Real rows that the augmenter was trained on.
    fresh : Views
        Training rows that no network of the report was trained on.
    held_out : Views
        Real rows that neither augmenter nor report was trained on.
    synthetic : Views
    known : set of bytes
        Keys of all training rows of the class.
    """

    label: Any
    training: Views
    fresh: Views
    held_out: Views
    synthetic: Views
    known: frozenset[bytes]


@dataclass(frozen=True)
class ClassFindings:
    """Findings about a class, with details of columns and pairs.

    Parameters
    ----------
    findings : list of Finding
    shapes, shapes_real : ndarray of shape (n_columns,)
        Likeness of each column, for synthetic and for real rows.
    trends, trends_real : ndarray of shape (n_pairs,)
        Likeness of each pair of columns.
    """

    findings: list[Finding]
    shapes: Matrix = field(default_factory=lambda: np.zeros(0))
    shapes_real: Matrix = field(default_factory=lambda: np.zeros(0))
    trends: Matrix = field(default_factory=lambda: np.zeros(0))
    trends_real: Matrix = field(default_factory=lambda: np.zeros(0))


def compare_class(
    rows: ClassRows, encoder: Encoder, pairs: NDArray[np.int64], keys: Sequence[str], seed: int
) -> ClassFindings:
    """Return every figure of a class, or the reason why there is none.

    Parameters
    ----------
    rows : ClassRows
    encoder : Encoder
    pairs : ndarray of shape (n_pairs, 2)
        Pairs of columns to compare.
    keys : sequence of str
        Keys of the figures to compute.
    seed : int
    """
    findings = {"copy_rate": _copies(rows), "memorisation": _memorisation(rows, seed)}
    two_sample = [key for key in keys if key not in findings]
    # For each key the values of all divisions: of synthetic rows, and of real rows.
    values: dict[str, tuple[list[Any], list[Any]]] = {key: ([], []) for key in two_sample}
    sizes = _sizes(rows)
    possible = [key for key in two_sample if not _too_few(key, rows)]
    if possible:
        _repeat(rows, encoder, pairs, possible, sizes, seed, values)
    for key in two_sample:
        findings[key] = _finding(key, rows, sizes, *values[key])
    details = {
        name: _mean(values[key][k]) if values.get(key, ([], []))[0] else np.zeros(0)
        for key, name in (("column_shapes", "shapes"), ("pair_trends", "trends"))
        for k, name in ((0, name), (1, f"{name}_real"))
    }
    return ClassFindings([findings[key] for key in keys], **details)


def _sizes(rows: ClassRows) -> tuple[int, int]:
    """Return the number of held-out rows in a comparison, and of rows compared with them."""
    held = min(len(rows.held_out), MOST_COMPARED)
    return held, min(held, len(rows.fresh), len(rows.synthetic))


def _too_few(key: str, rows: ClassRows) -> str:
    """Return the reason why there are too few rows for a figure; empty if there are enough."""
    enough = MEASURES[key].enough
    counts = {"held-out": len(rows.held_out), "training": len(rows.fresh)}
    for name, count in counts.items():
        if count < enough:
            return f"{count} {name} rows; {enough} are needed"
    if len(rows.synthetic) < enough:
        return "no synthetic rows: one real row can only be repeated"
    return ""


def _repeat(
    rows: ClassRows,
    encoder: Encoder,
    pairs: NDArray[np.int64],
    keys: Sequence[str],
    sizes: tuple[int, int],
    seed: int,
    values: Mapping[str, tuple[list[Any], list[Any]]],
) -> None:
    """Append the figures of each division to ``values``."""
    held, other = sizes
    real = stacked(rows.held_out, rows.fresh)
    comparison = _Comparison(encoder, pairs, rows.held_out, keys)
    for division in range(DIVISIONS):
        rng = numpy_stream(seed, "division", division)
        state = derive(seed, "judge", division) % 2**32
        order = rng.permutation(len(real))
        samples = (
            (
                rows.held_out[rng.permutation(len(rows.held_out))[:held]],
                rows.synthetic[rng.permutation(len(rows.synthetic))[:other]],
            ),
            # Real rows of the same numbers, divided at random.
            (real[order[:held]], real[order[held:][:other]]),
        )
        for is_real, (reference, sample) in enumerate(samples):
            # The baseline needs all divisions for its range, the value is a mean of a few.
            with_classifier = bool(is_real) or division < TRIALS
            figures = comparison(reference, sample, state, with_classifier=with_classifier)
            for key, value in figures.items():
                values[key][is_real].append(value)


class _Comparison:
    """Computes the figures that compare two samples."""

    def __init__(
        self, encoder: Encoder, pairs: NDArray[np.int64], real: Views, keys: Sequence[str]
    ) -> None:
        self.encoder, self.pairs, self.keys = encoder, pairs, set(keys)
        # The kernels of both comparisons need the same bandwidth, so it comes from real rows.
        sample = real[np.arange(len(real))[:MOST_COMPARED]]
        self.bandwidths = {name: median_distance(v) for name, v in sample.features.items()}

    def __call__(self, real: Views, made: Views, state: int, *, with_classifier: bool) -> Figures:
        """Return the figures; that of the classifier only if ``with_classifier``."""
        functions: dict[str, Callable[[], Any]] = {
            "column_shapes": lambda: columns.shapes(
                real.columns, made.columns, self.encoder.numeric
            ),
            "pair_trends": lambda: columns.trends(
                real.columns, made.columns, self.encoder.numeric, self.pairs
            ),
            "mmd_trained": lambda: self._mmd("trained", real, made),
            "mmd_random": lambda: self._mmd("random", real, made),
            "diversity": lambda: _ratio(mean_distance(made.points), mean_distance(real.points)),
        }
        figures = {key: function() for key, function in functions.items() if key in self.keys}
        if "c2st_auc" in self.keys and with_classifier:
            classifier = self.encoder.two_sample_classifier(state)
            figures["c2st_auc"] = classifier_auc(real, made, classifier, state)
        if "density" in self.keys:
            points = (_neighbour_space(real), _neighbour_space(made))
            figures["density"], figures["coverage"] = density_and_coverage(*points)
        return figures

    def _mmd(self, name: str, real: Views, made: Views) -> float:
        return kernel_mmd(real.features[name], made.features[name], self.bandwidths[name])


def _neighbour_space(views: Views) -> torch.Tensor:
    """Return the points whose neighbours are searched: features of images, rows of tables."""
    return views.features["trained"] if views.features else views.points


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0 else math.nan


def classifier_auc(real: Views, made: Views, classifier: Any, state: int) -> float:
    """Return the cross-validated ROC AUC of a classifier that recognises made rows."""
    rows = np.concatenate([real.inputs, made.inputs])
    truth = np.repeat([0, 1], [len(real), len(made)])
    folds = StratifiedKFold(CLASSIFIER_FOLDS, shuffle=True, random_state=state)
    return float(cross_val_score(classifier, rows, truth, cv=folds, scoring="roc_auc").mean())


def _finding(
    key: str, rows: ClassRows, sizes: tuple[int, int], made: list[Any], real: list[Any]
) -> Finding:
    """Return the finding from the values of the divisions, of synthetic and of real rows."""
    if reason := _too_few(key, rows):
        return Finding(rows.label, key, n_held_out=len(rows.held_out), reason=reason)
    synthetic = [
        float(_mean([value])) if np.ndim(value) == 0 else _nanmean(value) for value in made
    ]
    baselines = [float(value) if np.ndim(value) == 0 else _nanmean(value) for value in real]
    value = _nanmean(synthetic)
    if math.isnan(value):
        reason = "all values are constant or missing, so there is nothing to compare"
        return Finding(rows.label, key, n_held_out=len(rows.held_out), reason=reason)
    low, high = np.clip(expected_range(baselines), *MEASURES[key].bounds).tolist()
    held, other = sizes
    return Finding(
        rows.label, key, value, _nanmean(baselines), low, high, n_held_out=held, n_synthetic=other
    )


def expected_range(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95% prediction interval for one more value, if values are normal."""
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
    """Return the mean of each entry over the divisions; NaN if all its values are missing."""
    stack = np.array(values, np.float64)
    known = ~np.isnan(stack)
    total = np.where(known, stack, 0.0).sum(0)
    with np.errstate(invalid="ignore"):
        return np.asarray(total / known.sum(0), np.float64)


def _missing_finding(key: str, rows: ClassRows) -> Finding | None:
    """Return a finding without a figure if there are too few rows, for figures of single rows."""
    enough, held = MEASURES[key].enough, len(rows.held_out)
    reason = ""
    if not len(rows.synthetic):
        reason = "no synthetic rows: one real row can only be repeated"
    elif held < enough:
        reason = f"{held} held-out rows; {enough} are needed"
    return Finding(rows.label, key, n_held_out=held, reason=reason) if reason else None


def _copies(rows: ClassRows) -> Finding:
    """Return the share of rows that equal a training row."""
    if missing := _missing_finding("copy_rate", rows):
        return missing
    made, real = (
        sum(key in rows.known for key in views.keys) for views in (rows.synthetic, rows.held_out)
    )
    n, held = len(rows.synthetic), len(rows.held_out)
    interval = binomtest(real, held).proportion_ci(method="wilson")
    low, high = float(interval.low), float(interval.high)
    return Finding(
        rows.label, "copy_rate", made / n, real / held, low, high, n_held_out=held, n_synthetic=n
    )


def _memorisation(rows: ClassRows, seed: int) -> Finding:
    """Return the ratio of mean distances from synthetic and real rows to training rows."""
    if missing := _missing_finding("memorisation", rows):
        return missing
    rng = numpy_stream(seed, "neighbours")
    chosen = rng.permutation(len(rows.training))[:MOST_NEIGHBOURS]
    reference = rows.training.points[torch.from_numpy(chosen)]
    real, _ = nearest(rows.held_out.points, reference)
    made, _ = nearest(rows.synthetic.points, reference)
    if not float(real.mean()) > 0:
        reason = "the held-out rows equal training rows, so no row can be nearer"
        return Finding(rows.label, "memorisation", n_held_out=len(real), reason=reason)
    # The range of chance: ratios of random halves of the real rows.
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
