"""What adding synthetic rows is worth, dose by dose: the evidence on which a gate would decide."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganaug.choose.remedies import DOSES
from ganaug.report.columns import Matrix
from ganaug.report.findings import MEASURES
from ganaug.report.usefulness import Lesson, between, draws, precision, taken
from ganaug.report.views import Lens, stacked
from ganaug.runtime.rng import derive, numpy_stream

SCORES = ("balanced_accuracy", "average_precision")


def dose_gains(lesson: Lesson, lens: Lens, seed: int) -> list[dict[str, Any]]:
    """Return what a classifier gains on held-out real rows by each dose of synthetic ones.

    One classifier a dose, on the real rows and the first of the synthetic ones, against one on the
    real rows alone; the interval is of held-out rows drawn again, class by class.

    Parameters
    ----------
    lesson : Lesson
    lens : Lens
    seed : int

    Returns
    -------
    list of dict
        One for each dose and score: ``dose``, ``rows`` added, ``score`` by its name, ``real`` (of
        the real rows alone), ``gain``, ``low`` and ``high``. Empty if no class lacks rows, or
        fewer than two have held-out rows enough.
    """
    counts = np.bincount(lesson.test_codes, minlength=len(lesson.labels))
    judged = [code for code, n in enumerate(counts) if n >= MEASURES["augmented_gain"].enough]
    if not lesson.to_add or len(judged) < 2:
        return []
    weights = draws(lesson.test_codes, numpy_stream(seed, "bootstrap"))
    state = derive(seed, "classifier")  # the same for all: they differ in their rows only
    n_classes = len(lesson.labels)

    def scores(rows: Any, codes: NDArray[np.int64]) -> dict[str, Matrix]:
        chances = lens.chances(rows, codes, lesson.test, n_classes, state)
        return _scores(lesson.test_codes, chances, judged, weights)

    real = scores(lesson.train, lesson.train_codes)
    found: list[dict[str, Any]] = []
    for dose in DOSES:
        chosen = [
            np.flatnonzero(lesson.synthetic_codes == code)[: round(dose * missing)]
            for code, missing in lesson.to_add.items()
        ]
        added = sum(map(len, chosen))
        if not added:
            continue
        new, new_codes = taken(lesson.synthetic, lesson.synthetic_codes, chosen)
        both = np.concatenate([lesson.train_codes, new_codes])
        own = scores(stacked(lesson.train, new), both)
        for name in SCORES:
            gain = own[name] - real[name]
            low, high = between(gain)
            found.append(
                {
                    "dose": dose,
                    "rows": added,
                    "score": name,
                    "real": float(real[name][0]),
                    "gain": float(gain[0]),
                    "low": low,
                    "high": high,
                }
            )
    return found


def _scores(
    codes: NDArray[np.int64], chances: Matrix, judged: list[int], weights: Matrix
) -> dict[str, Matrix]:
    """Return scores for each row of weights, means over the judged classes."""
    answers = chances.argmax(1)
    recalls = [
        weights @ ((codes == c) & (answers == c)) / np.maximum(weights @ (codes == c), 1)
        for c in judged
    ]
    precisions = [precision(codes == c, chances[:, c], weights) for c in judged]
    return {
        "balanced_accuracy": np.mean(recalls, axis=0),
        "average_precision": np.mean(precisions, axis=0),
    }
