"""Scores on held-out real rows of classifiers trained on synthetic rows, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganaug.report.columns import Matrix
from ganaug.report.findings import EVERY_CLASS, MEASURES, Finding
from ganaug.report.views import Encoder, Views, stacked
from ganaug.runtime.rng import derive, numpy_stream

RESAMPLED = 500
"""Bootstrap samples of the held-out rows; a 2.5% quantile then rests on about 12 of them."""

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class ClassifierData:
    """Rows to train and to test classifiers on, with their class numbers.

    Parameters
    ----------
    labels : sequence
        The classes, in the order of their numbers.
    train, synthetic, test : Views
    train_codes, synthetic_codes, test_codes : ndarray of int
    to_add : mapping of int to int
        Number of synthetic rows of each class number that are added to the training rows.
    """

    labels: Sequence[Any]
    train: Views
    train_codes: Codes
    synthetic: Views
    synthetic_codes: Codes
    test: Views
    test_codes: Codes
    to_add: Mapping[int, int]


def usefulness(data: ClassifierData, encoder: Encoder, seed: int) -> list[Finding]:
    """Return the findings ``tstr_f1`` and ``augmented_gain`` of each class and of all classes.

    The first is a score of a classifier trained on synthetic rows only, the second the gain by
    adding synthetic rows to the real ones.
    """
    counts = np.bincount(data.test_codes, minlength=len(data.labels))
    keys = ("tstr_f1", "augmented_gain")
    large = [c for c, n in enumerate(counts) if n >= MEASURES["tstr_f1"].enough]
    made = set(data.synthetic_codes.tolist())
    judged = [c for c in large if c in made]
    reasons = {c: _missing_reason(int(n), c in made) for c, n in enumerate(counts)}
    if len(judged) < 2:
        general = "fewer than two classes have enough rows"
        of_classes = [(data.labels[c], reason or general) for c, reason in reasons.items()]
        labelled = [(EVERY_CLASS, general), *of_classes]
        return [Finding(label, key, reason=reason) for key in keys for label, reason in labelled]
    scores = _scores(data, encoder, judged, seed)
    findings = [
        *_tstr_findings(data, judged, counts, scores),
        *_gain_findings(data, judged, counts, scores),
    ]
    for code, reason in reasons.items():
        if reason:
            fields = {"label": data.labels[code], "n_held_out": int(counts[code]), "reason": reason}
            findings += [Finding(key=key, **fields) for key in keys]
    return findings


def _missing_reason(held_out: int, made: bool) -> str:
    """Return the reason why a class has no figure; empty if it has one."""
    enough = MEASURES["tstr_f1"].enough
    if held_out < enough:
        return f"{held_out} held-out rows; {enough} are needed"
    return "" if made else "no synthetic rows: one real row can only be repeated"


Scores = dict[tuple[str, str], Matrix]
"""Arrays (1 + RESAMPLED, 1 + n_judged), the mean over classes first, by training data and score."""


def _scores(data: ClassifierData, encoder: Encoder, judged: Sequence[int], seed: int) -> Scores:
    """Return the scores of classifiers that are trained on different rows.

    The first row of an array is the score, the others are scores of bootstrap samples of the
    held-out rows. All classifiers share these samples, so that differences are paired.
    """
    weights = bootstrap_weights(data.test_codes, numpy_stream(seed, "bootstrap"))
    scores: Scores = {}
    for name, (rows, codes) in _training_sets(data, seed).items():
        state = derive(seed, "classifier")  # the same for all, so that only their rows differ
        probabilities = encoder.class_probabilities(rows, codes, data.test, len(data.labels), state)
        predicted = probabilities.argmax(1)
        true = {c: data.test_codes == c for c in judged}
        for score, by_class in (
            ("f1", [f1_score(true[c], predicted == c, weights) for c in judged]),
            ("ap", [average_precision(true[c], probabilities[:, c], weights) for c in judged]),
        ):
            stack = np.column_stack(by_class)
            scores[name, score] = np.column_stack([stack.mean(1), stack])
    return scores


def _training_sets(data: ClassifierData, seed: int) -> dict[str, tuple[Views, Codes]]:
    """Return the training rows of each classifier.

    "real" and "synthetic" have the same number of rows of each class. "added" has synthetic rows
    besides the real ones; "repeated", its baseline, has as many copies of real rows instead.
    """
    counts = np.bincount(data.train_codes, minlength=len(data.labels))
    rng = numpy_stream(seed, "repeat")
    as_many, added, repeated = [], [], []
    for code, count in enumerate(counts):
        synthetic = np.flatnonzero(data.synthetic_codes == code)
        extra = min(data.to_add.get(code, 0), len(synthetic))
        as_many.append(synthetic[:count])
        added.append(synthetic[:extra])
        real = np.flatnonzero(data.train_codes == code)
        repeated.append(rng.choice(real, extra) if extra else real[:0])
    parts = {
        "real": (data.train, data.train_codes),
        "synthetic": select_rows(data.synthetic, data.synthetic_codes, as_many),
    }
    if any(len(rows) for rows in added):
        for name, source, codes, chosen in (
            ("added", data.synthetic, data.synthetic_codes, added),
            ("repeated", data.train, data.train_codes, repeated),
        ):
            new, new_codes = select_rows(source, codes, chosen)
            both = np.concatenate([data.train_codes, new_codes])
            parts[name] = stacked(data.train, new), both
    return parts


def select_rows(views: Views, codes: Codes, rows: Sequence[Codes]) -> tuple[Views, Codes]:
    """Return the rows at the given positions, a list for each class, and their class numbers."""
    chosen = np.concatenate(rows)
    return views[chosen], codes[chosen]


def bootstrap_weights(codes: Codes, rng: np.random.Generator) -> Matrix:
    """Return weights of the held-out rows: first all 1, then counts of bootstrap samples.

    Samples are drawn within each class, so that its number of rows stays.
    """
    weights = np.zeros((1 + RESAMPLED, len(codes)))
    weights[0] = 1
    for code in np.unique(codes):
        rows = np.flatnonzero(codes == code)
        drawn = rows[rng.integers(0, len(rows), (RESAMPLED, len(rows)))]
        np.add.at(weights, (np.arange(1, 1 + RESAMPLED)[:, None], drawn), 1)
    return weights


def f1_score(true: NDArray[np.bool_], predicted: NDArray[np.bool_], weights: Matrix) -> Matrix:
    """Return the F1 of a class for each row of weights."""
    right, sizes = weights @ (true & predicted), weights @ true + weights @ predicted
    return np.asarray(2 * right / np.maximum(sizes, 1), np.float64)


def average_precision(true: NDArray[np.bool_], probability: Matrix, weights: Matrix) -> Matrix:
    """Return the average precision of a class for each row of weights.

    It equals ``sklearn.metrics.average_precision_score`` with sample weights, computed for all
    rows of weights at once.
    """
    order = np.argsort(-probability, kind="stable")
    # Rows of equal probability share a threshold; the sums at the last of them count.
    last = np.append(np.diff(probability[order]) != 0, True)
    hits = np.cumsum(weights[:, order] * true[order], axis=1)[:, last]
    retrieved = np.cumsum(weights[:, order], axis=1)[:, last]
    recall_steps = np.diff(hits, axis=1, prepend=0) / np.maximum(hits[:, -1:], 1)
    return np.asarray((recall_steps * hits / np.maximum(retrieved, 1e-9)).sum(1), np.float64)


def interval(values: Matrix) -> tuple[float, float]:
    """Return the 95% bootstrap interval of values; the first value, the figure, is left out."""
    low, high = np.quantile(values[1:], [0.025, 0.975])
    return float(low), float(high)


def _tstr_findings(
    data: ClassifierData,
    judged: Sequence[int],
    counts: Codes,
    scores: Scores,
) -> list[Finding]:
    findings = []
    for k, label, held in _each(data, judged, counts):
        made, real = (scores[name, "f1"][:, k] for name in ("synthetic", "real"))
        findings.append(
            Finding(
                label, "tstr_f1", float(made[0]), float(real[0]), *interval(real), *interval(made),
                *interval(made - real), n_held_out=held, n_synthetic=len(data.synthetic),
            )
        )  # fmt: skip
    return findings


def _gain_findings(
    data: ClassifierData,
    judged: Sequence[int],
    counts: Codes,
    scores: Scores,
) -> list[Finding]:
    findings = []
    for k, label, held in _each(data, judged, counts):
        if ("added", "ap") not in scores:
            reason = "no class lacks rows, so none would be added"
            findings.append(Finding(label, "augmented_gain", n_held_out=held, reason=reason))
            continue
        gain, other = (
            scores[name, "ap"][:, k] - scores["real", "ap"][:, k] for name in ("added", "repeated")
        )
        added = sum(data.to_add.values())
        findings.append(
            Finding(
                label, "augmented_gain", float(gain[0]), float(other[0]), *interval(other),
                *interval(gain), *interval(gain), n_held_out=held, n_synthetic=added,
            )
        )  # fmt: skip
    return findings


def _each(data: ClassifierData, judged: Sequence[int], counts: Codes) -> list[tuple[int, Any, int]]:
    """Return column of the scores, label and held-out rows, for the mean and for each class."""
    of_classes = [(data.labels[code], int(counts[code])) for code in judged]
    rows = [(EVERY_CLASS, sum(n for _, n in of_classes)), *of_classes]
    return [(column, label, held) for column, (label, held) in enumerate(rows)]
