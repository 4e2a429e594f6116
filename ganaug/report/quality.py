"""``quality_report``: whether synthetic rows are any good, and whether adding them helps."""

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
from ganaug.report.image_views import ImageLens
from ganaug.report.per_class import ClassFindings, ClassRows, compare_class
from ganaug.report.result import Report
from ganaug.report.sketches import Sketches
from ganaug.report.usefulness import Lesson, usefulness
from ganaug.report.views import Lens, TableLens, Views
from ganaug.runtime.rng import derive, numpy_stream, seed_from
from ganaug.version import __version__

LEARNED = ("tstr_f1", "augmented_gain")


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

    Per class: how well a classifier tells synthetic from real rows, how alike columns and pairs of
    columns are (of images: the kernel distance of features), density and coverage, diversity, exact
    copies, memorisation, and what classifiers learn from synthetic rows. Every figure stands
    beside what real rows get in the place of the synthetic ones, and is refused with a reason
    where a class has too few rows for it.

    Parameters
    ----------
    augmenter : GANAugmenter
        Left as it is. See ``X_test`` for what is done with it.
    X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features), or images
        As for ``fit``.
    y : array-like of shape (n_samples,)
    X_test, y_test : like X and y, default=None
        Real rows to compare with. Without them, rows of ``X`` are held out, and a clone of the
        augmenter is fitted on the others: the report is about that clone. With them, a fitted
        augmenter is judged as it is and must have been fitted on ``X`` and ``y``; of one that is
        not fitted, a clone is.
    test_size : float, default=0.3
        Share of each class that is held out where there is no ``X_test``.
    random_state : int, RandomState, Generator or None, default=None
        Seed of the division, of the samples and of the report's own classifiers. The same seed
        gives the same report, on the CPU and with the same number of threads.

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
    case = prepare(augmenter, X, y, X_test, y_test, test_size, derive(seed, "report"))
    lens, fresh = _lens(case)
    keys = [key for key in _keys(case) if key not in LEARNED]
    views = {name: lens.look(part.rows) for name, part in (
        ("thinned", case.thinned), ("held_out", case.held_out), ("synthetic", case.synthetic))
    }  # fmt: skip
    pairs = pairs_of(len(lens.numeric), numpy_stream(case.seed, "pairs"))
    known = lens.keys(case.training.rows)
    compared: dict[Any, ClassFindings] = {}
    for code in _order(case):
        rows, own = _class_rows(case, lens, code, views, fresh, known)
        compared[rows.label] = compare_class(rows, own, pairs, keys, derive(case.seed, code))
    findings = [finding for each in compared.values() for finding in each.findings]
    lesson, state = _lesson(case, views), derive(case.seed, "usefulness")
    findings += usefulness(lesson, lens, state)
    findings = _sorted(findings, list(compared))
    columns = _columns(case, lens, views, compared)
    # Of images each dose would train the networks of the report anew, which is most of its time.
    doses = dose_gains(lesson, lens, state) if case.kind == "table" else []
    facts = {**_facts(case, list(compared)), "doses": doses, "seed": seed}
    return Report(
        findings=findings,
        columns=columns,
        advice=advise(findings, columns, facts, case.augmenter.history_),
        notes=case.notes,
        facts=facts,
        history=case.augmenter.history_,
        sketches=Sketches(case, lens, views, pairs, compared),
    )


def _keys(case: ReportData) -> list[str]:
    absent: tuple[str, ...] = IMAGE_ONLY if case.kind == "table" else TABLE_ONLY
    if case.kind == "table" and case.training.rows.shape[1] < 2:
        absent = (*absent, "pair_trends")
    return [key for key in MEASURES if key not in absent]


def _order(case: ReportData) -> list[int]:
    """Return the classes that are to be filled up first, the smallest first."""
    counts = case.counts(case.training)
    return sorted(range(len(counts)), key=lambda code: (code not in case.to_add, counts[code]))


def _lens(case: ReportData) -> tuple[Lens, NDArray[np.bool_]]:
    """Return how rows are looked at, and which training rows that was not learned from."""
    codec = case.augmenter.model_.codec
    fresh = np.ones(len(case.thinned), np.bool_)
    if case.kind == "table":
        frames = [part.rows for part in (case.training, case.held_out, case.synthetic)]
        return TableLens(codec, frames, case.thinned.rows), fresh
    rng = numpy_stream(case.seed, "half")
    for code in range(len(case.labels)):
        own = rng.permutation(np.flatnonzero(case.thinned.codes == code))
        fresh[own[: len(own) // 2]] = False
    options = case.augmenter.image_options
    safe = options.label_safe if options is not None else ()
    lens = ImageLens(codec, len(case.labels), safe, derive(case.seed, "networks"))
    learned = case.thinned.take(~fresh) if (~fresh).any() else case.thinned
    lens.learn(learned.rows, learned.codes, case.thinned.take(fresh).rows)
    return lens, fresh


def _class_rows(
    case: ReportData,
    lens: Lens,
    code: int,
    views: dict[str, Views],
    fresh: NDArray[np.bool_],
    known: NDArray[Any],
) -> tuple[ClassRows, Lens]:
    """Return the rows of a class, and the lens that looks at them."""
    parts: dict[str, Part] = {
        "thinned": case.thinned, "held_out": case.held_out, "synthetic": case.synthetic
    }  # fmt: skip
    own = {name: views[name][part.codes == code] for name, part in parts.items()}
    near = lens.near(own["thinned"])
    scaled = {name: near.refocused(part) for name, part in own.items()}
    rows = ClassRows(
        case.labels[code],
        scaled["thinned"],
        scaled["thinned"][fresh[case.thinned.codes == code]],
        scaled["held_out"],
        scaled["synthetic"],
        frozenset(known[case.training.codes == code].tolist()),
    )
    return rows, near


def _lesson(case: ReportData, views: dict[str, Views]) -> Lesson:
    return Lesson(
        case.labels,
        views["thinned"],
        case.thinned.codes,
        views["synthetic"],
        case.synthetic.codes,
        views["held_out"],
        case.held_out.codes,
        case.to_add,
    )


def _sorted(findings: list[Finding], labels: list[Any]) -> list[Finding]:
    """Return the findings by class, those about all classes last, in the order of the measures."""
    place = {label: k for k, label in enumerate(labels)}
    measures = list(MEASURES)
    return sorted(
        findings,
        key=lambda f: (
            len(place) if f.key in LEARNED and _is_all(f) else place[f.label],
            measures.index(f.key),
        ),
    )


def _is_all(finding: Finding) -> bool:
    return finding.label is EVERY_CLASS  # a class may have that name


def _columns(
    case: ReportData, lens: Lens, views: dict[str, Views], compared: dict[Any, ClassFindings]
) -> list[dict[str, Any]]:
    """Return what was found about each column of each class of a table."""
    if not isinstance(lens, TableLens):
        return []
    out = []
    for label, comparison in compared.items():
        if not len(comparison.shapes):
            continue
        code = case.labels.index(label)
        missing = {
            name: missing_shares(views[name].columns[part.codes == code], lens.numeric)
            for name, part in (("held_out", case.held_out), ("synthetic", case.synthetic))
        }
        out += [
            {
                "class": label,
                "column": str(name),
                "kind": lens.types[j].storage if lens.numeric[j] else "category",
                "shape": float(comparison.shapes[j]),
                "shape_baseline": float(comparison.shapes_real[j]),
                "missing": float(missing["synthetic"][j]),
                "missing_baseline": float(missing["held_out"][j]),
            }
            for j, name in enumerate(lens.names)
        ]
    return out


def _facts(case: ReportData, labels: list[Any]) -> dict[str, Any]:
    """Return what was compared with what, by what, as plain values."""
    augmenter, numbers = case.augmenter, {label: k for k, label in enumerate(case.labels)}
    parts = {
        "training": case.training, "held_out": case.held_out, "synthetic": case.synthetic
    }  # fmt: skip
    planned = case.plan_of_all
    counts = {name: case.counts(part) for name, part in parts.items()}
    classes = [
        {
            "class": label,
            "plan": augmenter.plan_[label],
            "plan_of_all": planned[label],
            "lacks": int(augmenter.sampling_strategy_.get(label, 0)),
            "adds": int(case.to_add_of_all.get(label, 0)),
            **{name: int(count[numbers[label]]) for name, count in counts.items()},
        }
        for label in labels
    ]
    trained = getattr(augmenter.model_, "recipes", None) or [augmenter.model_.recipe]
    shape = case.training.rows.shape
    return {
        "kind": case.kind,
        "shape": [int(size) for size in shape[1:]],
        "held_out": f"share {case.split:g} of X" if case.split else "given",
        "classes": classes,
        "steps": len(augmenter.history_) and int(augmenter.history_.records[-1].get("step", 0)),
        "recipe": augmenter.model_.recipe.name,
        "recipes": [recipe.to_dict() for recipe in trained],
        "versions": {
            "ganaug": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in LIBRARIES},
        },
    }
