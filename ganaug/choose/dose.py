"""Choose a remedy for imbalance by cross-validation; "do nothing" is a candidate.

This is ``AugmentedClassifier(dose="auto")``. A candidate is an arm: a remedy and its dose. How good
the rule is was measured by ``research/gate.py``; docs/choose.md has the results.
"""

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
"""Times that the rows are divided into folds: three differences alone give a poor error."""
RANKING_ERRORS = 1.5
"""Standard errors that all remedies together must gain if a score depends on ranks.

Chosen on average precision with ``research/gate.py``; docs/choose.md compares it with other rules.
"""


@dataclass(frozen=True)
class ArmResult:
    """Scores of one arm: a remedy and its dose.

    Attributes
    ----------
    remedy : str
    dose : float
        Share of the rows that each class lacks; 0 for doing nothing and for class weights.
    score : float
        Mean over the folds; NaN if the arm could not run.
    difference : float
        Mean difference from doing nothing on the same folds.
    error : float
        Standard error of the difference. Repeats of the same rows count once.
    chosen : bool
    reason : str
        Why the arm could not run.
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
    """Choice of ``AugmentedClassifier(dose="auto")``, and the scores behind it.

    Attributes
    ----------
    arms : tuple of ArmResult
        All candidates; the first is doing nothing.
    scoring : str
    n_folds : int
        Number of folds, repetitions included; 0 if nothing was tried.
    reason : str
        Why nothing was tried, or why doing nothing was chosen.

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
        """Return the arms as a table with one row for each.

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

    If there are two classes, none of them is 1 and the score needs a positive class, then the rarer
    class of ``labels`` is the positive one.

    Raises
    ------
    ConfigError
        If there is no scorer of that name.
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
    """Return the scorer, with the rarer class as its ``pos_label`` if it needs one."""
    function, options = score_function(scorer)
    if labels is None or function is None or "pos_label" in options:
        return scorer
    classes, counts = np.unique(labels, return_counts=True)
    # scikit-learn's default is pos_label=1.
    no_default = len(classes) == 2 and 1 not in classes.tolist()
    if not no_default or options.get("average", "binary") != "binary":
        return scorer
    if "pos_label" not in inspect.signature(function).parameters:
        return scorer
    return with_score_option(scorer, "pos_label", classes.tolist()[int(counts.argmin())])


def cv_folds(labels: NDArray[Any], cv: Any, seed: int, repeats: int = REPEATS) -> list[Fold]:
    """Return training and test rows: repeated stratified folds, or the folds of a splitter.

    There are at most as many folds as the rarest class has rows, so that each test fold has a row
    of it. There are none if it has a single row.

    Raises
    ------
    ConfigError
        If ``cv`` is neither a number of at least 2 nor a splitter.
    """
    blank = np.zeros(len(labels))  # Splitters need an X and look at its length only.
    if isinstance(cv, numbers.Integral) and not isinstance(cv, bool):
        if cv < 2:
            raise ConfigError(f"cv must be at least 2, got {cv}.")
        n_folds = min(int(cv), int(np.unique(labels, return_counts=True)[1].min()))
        if n_folds < 2:
            return []
        # scikit-learn accepts seeds of at most 32 bits.
        states = [derive(seed, "folds", repeat) % 2**32 for repeat in range(repeats)]
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
    """Score every remedy in every dose on the same folds, and choose one.

    Raises
    ------
    ConfigError
        If ``cv`` or ``scoring`` cannot be used.
    """
    name, scorer = check_scoring(scoring, task.labels)
    folds = cv_folds(task.labels, cv, seed)
    nothing = ArmResult(NOTHING, 0.0, chosen=True)
    classes, counts = np.unique(task.labels, return_counts=True)
    present = dict(zip(classes.tolist(), counts.tolist(), strict=True))
    targets = scaled_targets(task.strategy, task.labels, 1.0) if len(present) > 1 else {}
    missing = {label: target - present[label] for label, target in targets.items()}
    if not any(missing.values()):
        return DoseReport((nothing,), name, reason="Nothing is done: no class lacks rows.")
    if not folds:
        rare = min(present, key=lambda label: present[label])
        why = f"Nothing is done: class {rare!r} has one row, so no remedy can be tested."
        return DoseReport((nothing,), name, reason=why)
    if len(folds) < 2:
        raise ConfigError("cv must make two or more folds: one fold gives no standard error.")
    arms = arms_of((NOTHING, WEIGHTS, *samplers), doses)
    # A small dose of few rows rounds to none.
    empty = {
        arm: "adds no row"
        for arm in arms
        if arm.dose and not any(round(arm.dose * n) for n in missing.values())
    }
    trials = run_trials(task, [a for a in arms if a not in empty], samplers, folds, {name: scorer})
    trials.reasons.update(empty)
    return decide(trials, name, arms, decisions=scores_decisions(scorer))


def decide(
    trials: Trials, scoring: str, arms: Sequence[Arm] | None = None, *, decisions: bool
) -> DoseReport:
    """Choose among arms by their scores on the folds.

    The gain of an arm must be larger than its standard error. Among the arms for which it is, the
    one is chosen whose gain, averaged with the mean gain of all doses of its remedy, is the
    largest. With many arms the best single one is often lucky; a mean over doses is so less often.

    Rebalancing always changes decisions. It changes rankings and probabilities only if the rows
    added hold information. So if a score does not depend on ``decisions`` alone, the mean gain over
    all remedies must also be larger than RANKING_ERRORS standard errors: one remedy that gains
    while the others lose is more often luck.

    Parameters
    ----------
    trials : Trials
    scoring : str
        Name of the score to choose by.
    arms : sequence of Arm or None
        Order of the table, including arms that could not run.
    decisions : bool
        Whether the score depends on decisions alone.
    """
    scores = trials.scores[scoring]
    results = arm_results(scores, trials.repeats / len(scores[Arm(NOTHING)]))
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
    """Return the chosen arm, and the reason if it is doing nothing."""
    base = np.asarray(scores[Arm(NOTHING)])
    gains: dict[str, list[NDArray[np.float64]]] = {}
    for arm, arm_scores in scores.items():
        if arm.remedy != NOTHING:
            gains.setdefault(arm.remedy, []).append(np.asarray(arm_scores) - base)
    means = {remedy: np.mean(each, axis=0) for remedy, each in gains.items()}
    if means and not decisions:
        together = np.mean(list(means.values()), axis=0)
        error = standard_error(together, repeats / len(together))
        least = RANKING_ERRORS * error
        if not together.mean() > least:
            gain = f"{together.mean():+.3f}, {RANKING_ERRORS} standard errors are {least:.3f}"
            return Arm(NOTHING), f"Nothing is done: the remedies together gain too little ({gain})."
    able = [e for e in results.values() if e.remedy != NOTHING and e.difference > e.error]
    if not able:
        why = "Nothing is done: no remedy is better by more than its standard error."
        return Arm(NOTHING), why
    best = max(able, key=lambda each: means[each.remedy].mean() + each.difference)
    return best.arm, ""


def arm_results(scores: Mapping[Arm, Sequence[float]], share: float) -> dict[Arm, ArmResult]:
    """Return the mean score of each arm and its difference from doing nothing.

    For ``share`` see :func:`standard_error`.
    """
    base = np.asarray(scores[Arm(NOTHING)])
    found = {}
    for arm, arm_scores in scores.items():
        differences = np.asarray(arm_scores) - base
        error = standard_error(differences, share)
        mean, gain = float(np.mean(arm_scores)), float(differences.mean())
        found[arm] = ArmResult(arm.remedy, arm.dose, mean, gain, error)
    return found


def standard_error(differences: NDArray[np.float64], share: float) -> float:
    """Return the standard error of a mean difference over folds.

    ``share`` is the factor by which the variance over folds is multiplied. For ``n`` independent
    folds it is ``1 / n``. ``dose="auto"`` counts repeats of the same rows once, which makes it
    ``repeats / n``. Intervals for other training rows, as in ``compare``, are wider because folds
    share training rows: ``1 / n`` plus the ratio of test to training rows (Nadeau and Bengio 2003).

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.choose.dose import standard_error
    >>> round(standard_error(np.array([0.0, 0.1, 0.2]), 1 / 3 + 1 / 2), 3)
    0.091
    """
    return math.sqrt(share * float(np.var(differences, ddof=1)))
