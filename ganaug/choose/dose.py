"""The gate: what to do about the imbalance, chosen by cross-validation. Nothing is an answer."""

from __future__ import annotations

import inspect
import math
import numbers
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import get_scorer, get_scorer_names
from sklearn.model_selection import StratifiedKFold, check_cv

from ganaug.choose.remedies import DOSES, NOTHING, WEIGHTS, Arm, arms_of, scaled_targets
from ganaug.choose.trials import Fold, Scorer, Task, Trials, run_trials
from ganaug.errors import ConfigError, did_you_mean
from ganaug.runtime.privates import score_function, scores_decisions, with_score_option
from ganaug.runtime.rng import derive

if TYPE_CHECKING:
    import pandas as pd

SCORING = "balanced_accuracy"
REPEATS = 2
"""Times that the rows are divided into folds anew: the error of three differences is noise."""
RANKING = 1.5
"""Standard errors that all remedies together must gain, where a score looks at ranks."""


@dataclass(frozen=True)
class ArmResult:
    """What a remedy in a dose scored.

    Attributes
    ----------
    remedy : str
    dose : float
        Share of each class's deficit that was added; 0 for nothing and for class weights.
    score : float
        Mean over the folds; NaN if it could not run.
    difference : float
        Mean difference to doing nothing on the same folds.
    error : float
        Its standard error, repeats of the same rows counted once.
    chosen : bool
    reason : str
        Why it could not run.
    """

    remedy: str
    dose: float
    score: float = math.nan
    difference: float = math.nan
    error: float = math.nan
    chosen: bool = False
    reason: str = ""

    @property
    def arm(self) -> Arm:
        """The remedy and its dose."""
        return Arm(self.remedy, self.dose)


@dataclass(frozen=True, repr=False)
class DoseReport:
    """What ``AugmentedClassifier(dose="auto")`` chose, and the evidence.

    Attributes
    ----------
    arms : tuple of ArmResult
        Doing nothing first.
    scoring : str
    n_folds : int
        Repetitions included; 0 where nothing was tried.
    reason : str
        Why nothing was tried, or why nothing was changed.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from ganaug import AugmentedClassifier, GANAugmenter
    >>> X, y = make_classification(200, weights=[0.85], class_sep=0.5, random_state=0)
    >>> augmenter = GANAugmenter(max_steps=5, random_state=0)
    >>> model = AugmentedClassifier(LogisticRegression(), augmenter, dose="auto").fit(X, y)
    >>> report = model.dose_report_
    >>> report.n_folds, len(report.arms), report.chosen.chosen
    (6, 14, True)
    """

    arms: tuple[ArmResult, ...]
    scoring: str
    n_folds: int = 0
    reason: str = ""

    @property
    def chosen(self) -> ArmResult:
        """The arm that the classifier was fitted with."""
        return next(each for each in self.arms if each.chosen)

    def to_frame(self) -> pd.DataFrame:
        """Return the arms as a table, one a row.

        Returns
        -------
        pandas.DataFrame

        Examples
        --------
        >>> from ganaug.choose.dose import ArmResult, DoseReport
        >>> report = DoseReport((ArmResult("nothing", 0.0, 0.5, chosen=True),), "f1", 6)
        >>> report.to_frame().columns.tolist()
        ['remedy', 'dose', 'score', 'difference', 'error', 'chosen', 'reason']
        """
        import pandas as pd

        return pd.DataFrame([asdict(each) for each in self.arms])

    def __repr__(self) -> str:
        lines = [f"DoseReport({self.scoring}, {self.n_folds} folds)"]
        for each in self.arms:
            name = f"{each.remedy} {each.dose:g}" if each.dose else each.remedy
            text = each.reason or (f"{each.score:.3f}  {each.difference:+.3f} ± {each.error:.3f}")
            lines.append(f"{'*' if each.chosen else ' '} {name:24}{text}")
        return "\n".join([*lines, self.reason] if self.reason else lines)


# ------------------------------------------------------------------ options


def check_scoring(scoring: Any, labels: NDArray[Any] | None = None) -> tuple[str, Scorer]:
    """Return the name of a scorer, and the scorer.

    Of two ``labels`` of which none is 1, the rarer is the positive one, where a score needs one.

    Raises
    ------
    ConfigError
        If there is none of that name.
    """
    if scoring is None:
        scoring = SCORING
    if isinstance(scoring, str):
        names = get_scorer_names()
        if scoring not in names:
            raise ConfigError(
                f"scoring={scoring!r} is not possible; {did_you_mean(scoring, names)}"
            )
        return scoring, _with_positive(get_scorer(scoring), labels)
    if not callable(scoring):
        raise ConfigError(f"scoring must be a name or a callable, got {scoring!r}.")
    name = getattr(scoring, "__name__", None) or repr(scoring)
    return name, _with_positive(scoring, labels)


def _with_positive(scorer: Any, labels: NDArray[Any] | None) -> Any:
    function, options = score_function(scorer)
    if labels is None or function is None or "pos_label" in options:
        return scorer
    classes, counts = np.unique(labels, return_counts=True)
    one = len(classes) == 2 and 1 not in classes.tolist()
    if not one or options.get("average", "binary") != "binary":
        return scorer
    if "pos_label" not in inspect.signature(function).parameters:
        return scorer
    return with_score_option(scorer, "pos_label", classes.tolist()[int(counts.argmin())])


def cv_folds(labels: NDArray[Any], cv: Any, seed: int, repeats: int = REPEATS) -> list[Fold]:
    """Return training and test rows: repeated stratified folds, or those of a splitter.

    A number of folds is lowered to the rows of the rarest class, so that each test fold has one.

    Raises
    ------
    ConfigError
        If ``cv`` is neither a number of at least 2 nor a splitter.
    """
    blank = np.zeros(len(labels))
    if isinstance(cv, numbers.Integral) and not isinstance(cv, bool):
        if cv < 2:
            raise ConfigError(f"cv must be at least 2, got {cv}.")
        n_folds = min(int(cv), int(np.unique(labels, return_counts=True)[1].min()))
        if n_folds < 2:
            return []
        states = [derive(seed, "folds", turn) % 2**32 for turn in range(repeats)]
        splitters = [StratifiedKFold(n_folds, shuffle=True, random_state=s) for s in states]
        return [fold for splitter in splitters for fold in splitter.split(blank, labels)]
    try:
        return list(check_cv(cv, labels, classifier=True).split(blank, labels))
    except ValueError as error:
        raise ConfigError(f"cv: {error}") from None


# ------------------------------------------------------------------ the choice


def choose_dose(
    task: Task,
    samplers: Mapping[str, Any],
    *,
    cv: Any,
    scoring: Any,
    seed: int,
    doses: Sequence[float] = DOSES,
) -> DoseReport:
    """Try every remedy in every dose on the same folds, and choose.

    Raises
    ------
    ConfigError
        If ``cv`` or ``scoring`` is impossible.
    """
    name, scorer = check_scoring(scoring, task.labels)
    folds = cv_folds(task.labels, cv, seed)
    nothing = ArmResult(NOTHING, 0.0, chosen=True)
    classes, counts = np.unique(task.labels, return_counts=True)
    present = dict(zip(classes.tolist(), counts.tolist(), strict=True))
    lacking = scaled_targets(task.strategy, task.labels, 1.0) if len(present) > 1 else {}
    missing = {label: target - present[label] for label, target in lacking.items()}
    if not any(missing.values()):
        return DoseReport((nothing,), name, reason="Nothing is done: no class lacks rows.")
    if not folds:
        rare = min(present, key=lambda label: present[label])
        why = f"Nothing is done: class {rare!r} has one row, so no remedy can be tested."
        return DoseReport((nothing,), name, reason=why)
    if len(folds) < 2:
        raise ConfigError("cv must make two or more folds: one difference has no standard error.")
    arms = arms_of((NOTHING, WEIGHTS, *samplers), doses)
    idle = {
        arm: "adds no row"
        for arm in arms
        if arm.dose and not any(round(arm.dose * n) for n in missing.values())
    }
    trials = run_trials(task, [a for a in arms if a not in idle], samplers, folds, {name: scorer})
    trials.reasons.update(idle)
    return decide(trials, name, arms, decisions=scores_decisions(scorer))


def decide(
    trials: Trials, scoring: str, arms: Sequence[Arm] | None = None, *, decisions: bool
) -> DoseReport:
    """Choose among arms by their scores on the folds.

    An arm must gain more than its standard error. Of those that do, the one is taken whose gain,
    averaged with that of all doses of its remedy, is the largest: of many arms one is lucky.

    Rebalancing moves decisions by design, rankings and probabilities only by what it adds. So
    where a score is not of ``decisions``, the mean over all remedies must gain too, by RANKING
    standard errors: one that gains alone, among others that lose, is more often luck.

    Parameters
    ----------
    trials : Trials
    scoring : str
        Of the scores that count.
    arms : sequence of Arm or None
        The order of the table, with those that could not run.
    decisions : bool
        Whether the score looks at decisions alone.
    """
    scores = trials.scores[scoring]
    results = compared(scores, trials.repeats / len(scores[Arm(NOTHING)]))
    chosen, why = _choice(scores, results, trials.repeats, decisions)
    table = [
        replace(results[arm], chosen=arm == chosen)
        if arm in results
        else ArmResult(arm.remedy, arm.dose, reason=trials.reasons[arm])
        for arm in (arms or list(results))
    ]
    return DoseReport(tuple(table), scoring, len(scores[Arm(NOTHING)]), why)


def _choice(
    scores: Mapping[Arm, Sequence[float]],
    results: Mapping[Arm, ArmResult],
    repeats: float,
    decisions: bool,
) -> tuple[Arm, str]:
    """Return the arm to take, and why it is none."""
    base = np.asarray(scores[Arm(NOTHING)])
    gains: dict[str, list[NDArray[np.float64]]] = {}
    for arm, own in scores.items():
        if arm.remedy != NOTHING:
            gains.setdefault(arm.remedy, []).append(np.asarray(own) - base)
    means = {remedy: np.mean(each, axis=0) for remedy, each in gains.items()}
    if means and not decisions:
        together = np.mean(list(means.values()), axis=0)
        error = standard_error(together, repeats / len(together))
        if not together.mean() > RANKING * error:
            gain = f"{together.mean():+.3f}, {RANKING} standard errors are {RANKING * error:.3f}"
            return Arm(NOTHING), f"Nothing is done: the remedies together gain too little ({gain})."
    able = [e for e in results.values() if e.remedy != NOTHING and e.difference > e.error]
    if not able:
        why = "Nothing is done: no remedy beats that by more than its standard error."
        return Arm(NOTHING), why
    best = max(able, key=lambda each: means[each.remedy].mean() + each.difference)
    return best.arm, ""


def compared(scores: Mapping[Arm, Sequence[float]], share: float) -> dict[Arm, ArmResult]:
    """Return what each arm scored, beside doing nothing; see :func:`standard_error`."""
    base = np.asarray(scores[Arm(NOTHING)])
    found = {}
    for arm, own in scores.items():
        differences = np.asarray(own) - base
        error = standard_error(differences, share)
        mean, gain = float(np.mean(own)), float(differences.mean())
        found[arm] = ArmResult(arm.remedy, arm.dose, mean, gain, error)
    return found


def standard_error(differences: NDArray[np.float64], share: float) -> float:
    """Return the standard error of a mean difference over folds.

    ``share`` is what one fold counts. Independent folds count ``1 / n``. The gate counts repeats
    of the same rows once: ``repeats / n``. Intervals for other training rows, as in ``compare``,
    need more, since folds share those: ``1 / n`` and the ratio of test to training rows (Nadeau
    and Bengio 2003).

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.choose.dose import standard_error
    >>> round(standard_error(np.array([0.0, 0.1, 0.2]), 1 / 3 + 1 / 2), 3)
    0.091
    """
    return math.sqrt(share * float(np.var(differences, ddof=1)))
