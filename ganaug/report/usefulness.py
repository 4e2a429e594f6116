"""What classifiers learn from synthetic rows: scores on held-out real rows, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganaug.report.columns import Matrix
from ganaug.report.findings import EVERY_CLASS, MEASURES, Finding
from ganaug.report.views import Lens, Views, stacked
from ganaug.runtime.rng import derive, numpy_stream

RESAMPLED = 500
"""Times that the held-out rows are drawn again."""

MOST_TESTED = 3000
"""Held-out rows that classifiers are tested on, at most."""

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Lesson:
    """Rows to learn from and to be tested on, with their class numbers.

    Parameters
    ----------
    labels : sequence
        The classes.
    train, synthetic, test : Views
    train_codes, synthetic_codes, test_codes : ndarray of int
    to_add : mapping of int to int
        Synthetic rows of each class that are added to the training rows.
    """

    labels: Sequence[Any]
    train: Views
    train_codes: Codes
    synthetic: Views
    synthetic_codes: Codes
    test: Views
    test_codes: Codes
    to_add: Mapping[int, int]


def usefulness(lesson: Lesson, lens: Lens, seed: int) -> list[Finding]:
    """Return what classifiers trained on synthetic rows, or with them, score on real ones."""
    counts = np.bincount(lesson.test_codes, minlength=len(lesson.labels))
    judged = [c for c, n in enumerate(counts) if n >= MEASURES["tstr_f1"].enough]
    made = set(lesson.synthetic_codes.tolist())
    known = [c for c in judged if c in made]
    refusals = {c: _refusal(int(n), c in made) for c, n in enumerate(counts)}
    if len(known) < 2:
        why = "fewer than two classes have enough rows"
        every = [(EVERY_CLASS, why), *((lesson.labels[c], r or why) for c, r in refusals.items())]
        keys = ("tstr_f1", "augmented_gain")
        return [Finding(label, key, reason=reason) for key in keys for label, reason in every]
    scores = _scores(lesson, lens, known, seed)
    findings = [*_taught(lesson, known, counts, scores), *_gains(lesson, known, counts, scores)]
    for code, reason in refusals.items():
        if reason:
            own = {"label": lesson.labels[code], "n_held_out": int(counts[code]), "reason": reason}
            findings += [Finding(key=key, **own) for key in ("tstr_f1", "augmented_gain")]
    return findings


def _refusal(held_out: int, made: bool) -> str:
    enough = MEASURES["tstr_f1"].enough
    if held_out < enough:
        return f"{held_out} held-out rows; {enough} are needed"
    return "" if made else "no synthetic rows: one real row can only be repeated"


Scores = dict[tuple[str, str], Matrix]
"""By what was trained on and how it was scored: (n_draws, 1 + n_judged), the mean first."""


def _scores(lesson: Lesson, lens: Lens, judged: Sequence[int], seed: int) -> Scores:
    """Return the scores of classifiers, each trained on other rows.

    The first row is the score, the others are those of held-out rows drawn again, the same for
    every classifier, so that differences are paired.
    """
    weights = draws(lesson.test_codes, numpy_stream(seed, "bootstrap"))
    found: Scores = {}
    for name, (rows, codes) in _parts(lesson, seed).items():
        state = derive(seed, "classifier")  # the same for all: they differ in their rows only
        chances = lens.chances(rows, codes, lesson.test, len(lesson.labels), state)
        answers = chances.argmax(1)
        for how, each in (
            ("f1", [f1_score(lesson.test_codes == c, answers == c, weights) for c in judged]),
            ("ap", [precision(lesson.test_codes == c, chances[:, c], weights) for c in judged]),
        ):
            stack = np.column_stack(each)
            found[name, how] = np.column_stack([stack.mean(1), stack])
    return found


def _parts(lesson: Lesson, seed: int) -> dict[str, tuple[Views, Codes]]:
    """Return what each classifier learns from."""
    counts = np.bincount(lesson.train_codes, minlength=len(lesson.labels))
    rng = numpy_stream(seed, "repeat")
    alike, added, repeated = [], [], []
    for code, count in enumerate(counts):
        own = np.flatnonzero(lesson.synthetic_codes == code)
        extra = min(lesson.to_add.get(code, 0), len(own))
        alike.append(own[:count])
        added.append(own[:extra])
        real = np.flatnonzero(lesson.train_codes == code)
        repeated.append(rng.choice(real, extra) if extra else real[:0])
    parts = {
        "real": (lesson.train, lesson.train_codes),
        "synthetic": taken(lesson.synthetic, lesson.synthetic_codes, alike),
    }
    if any(len(rows) for rows in added):
        for name, source, codes, chosen in (
            ("added", lesson.synthetic, lesson.synthetic_codes, added),
            ("repeated", lesson.train, lesson.train_codes, repeated),
        ):
            new, new_codes = taken(source, codes, chosen)
            both = np.concatenate([lesson.train_codes, new_codes])
            parts[name] = stacked(lesson.train, new), both
    return parts


def taken(views: Views, codes: Codes, rows: Sequence[Codes]) -> tuple[Views, Codes]:
    """Return some rows of each class, and their class numbers."""
    chosen = np.concatenate(rows)
    return views[chosen], codes[chosen]


def draws(codes: Codes, rng: np.random.Generator) -> Matrix:
    """Return how often each held-out row counts: first once, then as drawn again class by class."""
    weights = np.zeros((1 + RESAMPLED, len(codes)))
    weights[0] = 1
    for code in np.unique(codes):
        own = np.flatnonzero(codes == code)
        drawn = own[rng.integers(0, len(own), (RESAMPLED, len(own)))]
        np.add.at(weights, (np.arange(1, 1 + RESAMPLED)[:, None], drawn), 1)
    return weights


def f1_score(true: NDArray[np.bool_], said: NDArray[np.bool_], weights: Matrix) -> Matrix:
    """Return the F1 of a class for each row of weights."""
    right, sizes = weights @ (true & said), weights @ true + weights @ said
    return np.asarray(2 * right / np.maximum(sizes, 1), np.float64)


def precision(true: NDArray[np.bool_], chance: Matrix, weights: Matrix) -> Matrix:
    """Return the average precision of a class for each row of weights."""
    order = np.argsort(-chance, kind="stable")
    last = np.append(np.diff(chance[order]) != 0, True)  # of rows with one chance
    found = np.cumsum(weights[:, order] * true[order], axis=1)[:, last]
    shown = np.cumsum(weights[:, order], axis=1)[:, last]
    gained = np.diff(found, axis=1, prepend=0) / np.maximum(found[:, -1:], 1)
    return np.asarray((gained * found / np.maximum(shown, 1e-9)).sum(1), np.float64)


def between(values: Matrix) -> tuple[float, float]:
    """Return the 95% interval of a figure whose first value is the figure itself."""
    low, high = np.quantile(values[1:], [0.025, 0.975])
    return float(low), float(high)


def _taught(
    lesson: Lesson,
    judged: Sequence[int],
    counts: Codes,
    scores: Scores,
) -> list[Finding]:
    findings = []
    for k, label, held in _each(lesson, judged, counts):
        made, real = (scores[name, "f1"][:, k] for name in ("synthetic", "real"))
        findings.append(
            Finding(
                label, "tstr_f1", float(made[0]), float(real[0]), *between(real), *between(made),
                *between(made - real), n_held_out=held, n_synthetic=len(lesson.synthetic),
            )
        )  # fmt: skip
    return findings


def _gains(
    lesson: Lesson,
    judged: Sequence[int],
    counts: Codes,
    scores: Scores,
) -> list[Finding]:
    findings = []
    for k, label, held in _each(lesson, judged, counts):
        if ("added", "ap") not in scores:
            reason = "no class lacks rows, so none would be added"
            findings.append(Finding(label, "augmented_gain", n_held_out=held, reason=reason))
            continue
        gain, other = (
            scores[name, "ap"][:, k] - scores["real", "ap"][:, k] for name in ("added", "repeated")
        )
        added = sum(lesson.to_add.values())
        findings.append(
            Finding(
                label, "augmented_gain", float(gain[0]), float(other[0]), *between(other),
                *between(gain), *between(gain), n_held_out=held, n_synthetic=added,
            )
        )  # fmt: skip
    return findings


def _each(lesson: Lesson, judged: Sequence[int], counts: Codes) -> list[tuple[int, Any, int]]:
    """Return the column of scores, the label and the held-out rows of the mean and each class."""
    named = [(lesson.labels[code], int(counts[code])) for code in judged]
    every = [(EVERY_CLASS, sum(n for _, n in named)), *named]
    return [(k, label, held) for k, (label, held) in enumerate(every)]
