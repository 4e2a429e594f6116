"""Gain of a classifier by adding synthetic rows, for several doses."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganaug.choose.remedies import DOSES
from ganaug.report.columns import Matrix
from ganaug.report.findings import MEASURES
from ganaug.report.usefulness import (
    ClassifierData,
    average_precision,
    bootstrap_weights,
    interval,
    select_rows,
)
from ganaug.report.views import Encoder, stacked
from ganaug.runtime.rng import derive, numpy_stream

SCORES = ("balanced_accuracy", "average_precision")


def dose_gains(data: ClassifierData, encoder: Encoder, seed: int) -> list[dict[str, Any]]:
    """Return the gain of a classifier on held-out real rows for each dose of synthetic rows.

    For each dose, a classifier trained on the real rows and the first of the synthetic rows is
    compared with one trained on the real rows alone. The interval comes from a bootstrap of the
    held-out rows within each class.

    Parameters
    ----------
    data : ClassifierData
    encoder : Encoder
    seed : int

    Returns
    -------
    list of dict
        One for each dose and score: ``dose``, ``rows`` added, name of the ``score``, ``real`` (the
        score with real rows alone), ``gain``, ``low`` and ``high``. Empty if no class needs rows,
        or fewer than two classes have enough held-out rows.
    """
    counts = np.bincount(data.test_codes, minlength=len(data.labels))
    judged = [code for code, n in enumerate(counts) if n >= MEASURES["augmented_gain"].enough]
    if not data.to_add or len(judged) < 2:
        return []
    weights = bootstrap_weights(data.test_codes, numpy_stream(seed, "bootstrap"))
    state = derive(seed, "classifier")  # the same for all, so that only their rows differ
    n_classes = len(data.labels)

    def scores(rows: Any, codes: NDArray[np.int64]) -> dict[str, Matrix]:
        probabilities = encoder.class_probabilities(rows, codes, data.test, n_classes, state)
        return _scores(data.test_codes, probabilities, judged, weights)

    baseline = scores(data.train, data.train_codes)
    gains: list[dict[str, Any]] = []
    for dose in DOSES:
        chosen = [
            np.flatnonzero(data.synthetic_codes == code)[: round(dose * missing)]
            for code, missing in data.to_add.items()
        ]
        added = sum(map(len, chosen))
        if not added:
            continue
        new, new_codes = select_rows(data.synthetic, data.synthetic_codes, chosen)
        both = np.concatenate([data.train_codes, new_codes])
        with_dose = scores(stacked(data.train, new), both)
        for name in SCORES:
            gain = with_dose[name] - baseline[name]
            low, high = interval(gain)
            gains.append(
                {
                    "dose": dose,
                    "rows": added,
                    "score": name,
                    "real": float(baseline[name][0]),
                    "gain": float(gain[0]),
                    "low": low,
                    "high": high,
                }
            )
    return gains


def _scores(
    codes: NDArray[np.int64], probabilities: Matrix, judged: list[int], weights: Matrix
) -> dict[str, Matrix]:
    """Return each score for each row of weights, as a mean over the judged classes."""
    predicted = probabilities.argmax(1)
    recalls = [
        weights @ ((codes == c) & (predicted == c)) / np.maximum(weights @ (codes == c), 1)
        for c in judged
    ]
    precisions = [average_precision(codes == c, probabilities[:, c], weights) for c in judged]
    return {
        "balanced_accuracy": np.mean(recalls, axis=0),
        "average_precision": np.mean(precisions, axis=0),
    }
