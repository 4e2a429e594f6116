"""``quality_report``: figures on synthetic rows, and whether adding them helps a classifier."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganaug.pages.document import LIBRARIES
from ganaug.report.advice import advise
from ganaug.report.columns import missing_shares, pairs_of
from ganaug.report.data import Part, ReportData, prepare
from ganaug.report.doses import dose_gains
from ganaug.report.findings import EVERY_CLASS, IMAGE_ONLY, MEASURES, TABLE_ONLY, Finding
from ganaug.report.image_views import ImageEncoder
from ganaug.report.per_class import ClassFindings, ClassRows, compare_class
from ganaug.report.result import Report
from ganaug.report.sketches import Sketches
from ganaug.report.usefulness import ClassifierData, usefulness
from ganaug.report.views import Encoder, TableEncoder, Views
from ganaug.runtime.rng import derive, numpy_stream, seed_from
from ganaug.version import __version__

LEARNED = ("tstr_f1", "augmented_gain")
"""Figures that need classifiers of all classes, and so are not computed class by class."""


def quality_report(
    augmenter: Any,
    X: Any,
    y: Any,
    *,
    X_test: Any = None,
    y_test: Any = None,
    test_size: float = 0.3,
    random_state: Any = None,
) -> Report:
    """Compare synthetic rows or images with real ones that the augmenter has not seen.

    For each class, the report has these figures: how well a classifier recognises synthetic rows,
    likeness of columns and of pairs of columns (for images the kernel distance of features),
    density and coverage, diversity, exact copies, memorisation, and scores of classifiers that are
    trained on synthetic rows. Each figure has a baseline, the same figure of real rows. If a class
    has too few rows for a figure, the report gives the reason instead.

    Parameters
    ----------
    augmenter : GANAugmenter
        It is not changed. ``X_test`` decides whether it or a clone is judged.
    X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features), or images
        As for ``fit``.
    y : array-like of shape (n_samples,)
    X_test, y_test : like X and y, default=None
        Real rows to compare with. Without them, a part of ``X`` is held out and a clone of the
        augmenter is fitted on the rest; the report is about this clone. With them, a fitted
        augmenter is judged itself and must have been fitted on ``X`` and ``y``; an unfitted one is
        cloned, and the clone is fitted.
    test_size : float, default=0.3
        Share of each class that is held out if ``X_test`` is None.
    random_state : int, RandomState, Generator or None, default=None
        Seed of the split, of the samples and of the report's own classifiers. The same seed gives
        the same report on the CPU with the same number of threads.

    Returns
    -------
    Report

    Raises
    ------
    GanaugError
        If the data or an option cannot be used, or no row can be held out.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from ganaug import GANAugmenter, quality_report
    >>> X, y = make_classification(200, weights=[0.8], random_state=0)
    >>> report = quality_report(GANAugmenter(max_steps=5), X, y, random_state=0)
    >>> frame = report.to_frame()
    >>> frame.loc[(1, "density"), "reason"]
    '12 held-out rows; 50 are needed'
    """
    seed = seed_from(random_state)
    data = prepare(augmenter, X, y, X_test, y_test, test_size, derive(seed, "report"))
    encoder, fresh = _encoder(data)
    keys = [key for key in _keys(data) if key not in LEARNED]
    views = {name: encoder.views(part.rows) for name, part in (
        ("thinned", data.thinned), ("held_out", data.held_out), ("synthetic", data.synthetic))
    }  # fmt: skip
    pairs = pairs_of(len(encoder.numeric), numpy_stream(data.seed, "pairs"))
    known = encoder.keys(data.training.rows)
    compared: dict[Any, ClassFindings] = {}
    for code in _order(data):
        rows, class_encoder = _class_rows(data, encoder, code, views, fresh, known)
        class_seed = derive(data.seed, code)
        compared[rows.label] = compare_class(rows, class_encoder, pairs, keys, class_seed)
    findings = [finding for result in compared.values() for finding in result.findings]
    classifier_data, state = _classifier_data(data, views), derive(data.seed, "usefulness")
    findings += usefulness(classifier_data, encoder, state)
    findings = _sorted(findings, list(compared))
    columns = _columns(data, encoder, views, compared)
    # For images, each dose would train the report's networks again, which takes most of its time.
    doses = dose_gains(classifier_data, encoder, state) if data.kind == "table" else []
    facts = {**_facts(data, list(compared)), "doses": doses, "seed": seed}
    return Report(
        findings=findings,
        columns=columns,
        advice=advise(findings, columns, facts, data.augmenter.history_),
        notes=data.notes,
        facts=facts,
        history=data.augmenter.history_,
        sketches=Sketches(data, encoder, views, pairs, compared),
    )


def _keys(data: ReportData) -> list[str]:
    """Return the keys of the figures that these data can have."""
    absent: tuple[str, ...] = IMAGE_ONLY if data.kind == "table" else TABLE_ONLY
    if data.kind == "table" and data.training.rows.shape[1] < 2:
        absent = (*absent, "pair_trends")
    return [key for key in MEASURES if key not in absent]


def _order(data: ReportData) -> list[int]:
    """Return the class numbers: first classes to which rows are added, each group by size."""
    counts = data.counts(data.training)
    return sorted(range(len(counts)), key=lambda code: (code not in data.to_add, counts[code]))


def _encoder(data: ReportData) -> tuple[Encoder, NDArray[np.bool_]]:
    """Return the encoder, and a mask of the thinned training rows that it was not trained on."""
    codec = data.augmenter.model_.codec
    fresh = np.ones(len(data.thinned), np.bool_)
    if data.kind == "table":
        frames = [part.rows for part in (data.training, data.held_out, data.synthetic)]
        return TableEncoder(codec, frames, data.thinned.rows), fresh
    # The feature network is trained on half of the images. Those of the other half, which it has
    # not seen, are compared with the held-out images.
    rng = numpy_stream(data.seed, "half")
    for code in range(len(data.labels)):
        rows = rng.permutation(np.flatnonzero(data.thinned.codes == code))
        fresh[rows[: len(rows) // 2]] = False
    options = data.augmenter.image_options
    safe = options.label_safe if options is not None else ()
    encoder = ImageEncoder(codec, len(data.labels), safe, derive(data.seed, "networks"))
    learned = data.thinned.take(~fresh) if (~fresh).any() else data.thinned
    encoder.learn(learned.rows, learned.codes, data.thinned.take(fresh).rows)
    return encoder, fresh


def _class_rows(
    data: ReportData,
    encoder: Encoder,
    code: int,
    views: dict[str, Views],
    fresh: NDArray[np.bool_],
    known: NDArray[Any],
) -> tuple[ClassRows, Encoder]:
    """Return the rows of a class, and the encoder of this class."""
    parts: dict[str, Part] = {
        "thinned": data.thinned, "held_out": data.held_out, "synthetic": data.synthetic
    }  # fmt: skip
    of_class = {name: views[name][part.codes == code] for name, part in parts.items()}
    class_encoder = encoder.for_class(of_class["thinned"])
    scaled = {name: class_encoder.rescaled(part) for name, part in of_class.items()}
    rows = ClassRows(
        data.labels[code],
        scaled["thinned"],
        scaled["thinned"][fresh[data.thinned.codes == code]],
        scaled["held_out"],
        scaled["synthetic"],
        frozenset(known[data.training.codes == code].tolist()),
    )
    return rows, class_encoder


def _classifier_data(data: ReportData, views: dict[str, Views]) -> ClassifierData:
    return ClassifierData(
        data.labels,
        views["thinned"],
        data.thinned.codes,
        views["synthetic"],
        data.synthetic.codes,
        views["held_out"],
        data.held_out.codes,
        data.to_add,
    )


def _sorted(findings: list[Finding], labels: list[Any]) -> list[Finding]:
    """Return the findings sorted by class and measure; those about all classes come last."""
    position = {label: k for k, label in enumerate(labels)}
    measures = list(MEASURES)
    return sorted(
        findings,
        key=lambda f: (
            len(position) if f.key in LEARNED and _is_all(f) else position[f.label],
            measures.index(f.key),
        ),
    )


def _is_all(finding: Finding) -> bool:
    return finding.label is EVERY_CLASS  # by identity, since a class may have the same name


def _columns(
    data: ReportData, encoder: Encoder, views: dict[str, Views], compared: dict[Any, ClassFindings]
) -> list[dict[str, Any]]:
    """Return the figures of each column of each class of a table; nothing for images."""
    if not isinstance(encoder, TableEncoder):
        return []
    rows = []
    for label, comparison in compared.items():
        if not len(comparison.shapes):
            continue
        code = data.labels.index(label)
        missing = {
            name: missing_shares(views[name].columns[part.codes == code], encoder.numeric)
            for name, part in (("held_out", data.held_out), ("synthetic", data.synthetic))
        }
        rows += [
            {
                "class": label,
                "column": str(name),
                "kind": encoder.types[j].storage if encoder.numeric[j] else "category",
                "shape": float(comparison.shapes[j]),
                "shape_baseline": float(comparison.shapes_real[j]),
                "missing": float(missing["synthetic"][j]),
                "missing_baseline": float(missing["held_out"][j]),
            }
            for j, name in enumerate(encoder.names)
        ]
    return rows


def _facts(data: ReportData, labels: list[Any]) -> dict[str, Any]:
    """Return numbers of rows, plans, recipes and versions as plain values."""
    augmenter, codes = data.augmenter, {label: code for code, label in enumerate(data.labels)}
    parts = {
        "training": data.training, "held_out": data.held_out, "synthetic": data.synthetic
    }  # fmt: skip
    plan_of_all = data.plan_of_all
    counts = {name: data.counts(part) for name, part in parts.items()}
    classes = [
        {
            "class": label,
            "plan": augmenter.plan_[label],
            "plan_of_all": plan_of_all[label],
            "lacks": int(augmenter.sampling_strategy_.get(label, 0)),
            "adds": int(data.to_add_of_all.get(label, 0)),
            **{name: int(count[codes[label]]) for name, count in counts.items()},
        }
        for label in labels
    ]
    recipes = getattr(augmenter.model_, "recipes", None) or [augmenter.model_.recipe]
    shape = data.training.rows.shape
    return {
        "kind": data.kind,
        "shape": [int(size) for size in shape[1:]],
        "held_out": f"share {data.split:g} of X" if data.split else "given",
        "classes": classes,
        "steps": len(augmenter.history_) and int(augmenter.history_.records[-1].get("step", 0)),
        "recipe": augmenter.model_.recipe.name,
        "recipes": [recipe.to_dict() for recipe in recipes],
        "versions": {
            "ganaug": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in LIBRARIES},
        },
    }
