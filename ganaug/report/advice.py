"""What the figures mean for somebody who has to decide: what is bad, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from ganaug.report.findings import Finding
from ganaug.training.history import History

Level = Literal["bad", "caution", "note"]
Columns = Sequence[Mapping[str, Any]]
Plan = Mapping[str, Any]

CERTAIN_AUC = 0.95
CLEAR_AUC = 0.75
"""From here a difference is worth a warning; chance alone can make smaller ones visible."""

ALIKE = 0.9
"""Columns below this are named, where real rows are above."""

TOO_NEAR = 0.5
LITTLE_VARIETY = 0.7
MUCH_VARIETY = 1.4
HALF_COVERED = 0.7
COPIED = 0.01
LEAKED = 0.2

TOLD_ONE_BY_ONE = 2
"""Classes of which the same is said one by one, at most."""

NAMED = 5
"""Columns or classes that are named, at most."""


@dataclass(frozen=True)
class Advice:
    """A sentence about what was found, and what to do.

    Parameters
    ----------
    level : {"bad", "caution", "note"}
    about : str
        The class or classes, such as "class 8", or empty.
    found : str
    remedy : str
    """

    level: Level
    about: str
    found: str
    remedy: str

    def __str__(self) -> str:
        start = f"{self.about[0].upper()}{self.about[1:]}: " if self.about else ""
        return f"{start}{self.found} {self.remedy}".strip()


@dataclass(frozen=True)
class Seen:
    """A figure, what is known of its class, of all columns, and of the recipe."""

    finding: Finding
    plan: Plan
    columns: Columns
    auto: bool


def advise(
    findings: Sequence[Finding],
    columns: Sequence[Mapping[str, Any]],
    facts: Mapping[str, Any],
    history: History,
) -> list[Advice]:
    """Return the warnings, the gravest first."""
    plans = {row["class"]: row for row in facts["classes"]}
    auto = facts["recipe"] == "auto"
    made = [*_about_training(history, auto), *_about_use(findings, plans)]
    by_rule: dict[tuple[str, str], list[Advice]] = {}
    for finding in findings:
        rule = _RULES.get(finding.key)
        if rule is None or finding.refused or finding.label not in plans:
            continue
        plan = plans[finding.label]
        for advice in rule(Seen(finding, plan, columns, auto)):
            if advice.level == "bad" and not plan["lacks"]:
                advice = replace(advice, level="caution")  # no rows of this class are added
            by_rule.setdefault((advice.level, advice.remedy), []).append(advice)
    made += [advice for same in by_rule.values() for advice in _together(same)]
    made += [*_about_size(findings, plans), *_about_plan(plans)]
    if facts["kind"] == "image":
        made = [_of_images(advice) for advice in made]
    grades: list[Level] = ["bad", "caution", "note"]
    return sorted(made, key=lambda advice: grades.index(advice.level))


def _together(same: Sequence[Advice]) -> Sequence[Advice]:
    """Return one sentence about many classes instead of many about one each."""
    if len(same) <= TOLD_ONE_BY_ONE:
        return same
    found = same[0].found.partition(" (")[0].rstrip(".") + "."
    labels = [advice.about.removeprefix("class ") for advice in same]
    return [replace(same[0], about=f"classes {_listed(labels)}", found=found)]


def _of_images(advice: Advice) -> Advice:
    def reworded(text: str) -> str:
        return re.sub(r"\bRows\b", "Images", re.sub(r"\brows\b", "images", text))

    return replace(advice, found=reworded(advice.found), remedy=reworded(advice.remedy))


def _more_variety(auto: bool) -> str:
    other = "" if auto else 'recipe="auto", '
    return f"Try {other}more steps, or a recipe with a larger n_critic."


def _about_training(history: History, auto: bool) -> Iterator[Advice]:
    if collapsed := history.collapsed():
        yield Advice(
            "bad", "", f"Training ended in mode collapse for {_listed(collapsed)}.",
            _more_variety(auto),
        )  # fmt: skip
    if "overpowering_critic" in history.signals():
        yield Advice(
            "caution", "", "The critic overpowered the generator at the end of training.",
            "Try a smaller critic learning rate, label_smoothing, or a relativistic or Wasserstein "
            "loss.",
        )  # fmt: skip


def _about_use(findings: Sequence[Finding], plans: Mapping[Any, Any]) -> Iterator[Advice]:
    """Say whether adding the rows helps a classifier: what counts in the end."""
    all_gains = [f for f in findings if f.key == "augmented_gain"]
    gains = [f for f in all_gains if not f.refused]
    unknown = [f for f in all_gains if f.refused and f.label in plans and plans[f.label]["lacks"]]
    if unknown:
        yield Advice(
            "caution", "", "Whether the synthetic rows help the class they are added to was not "
            f"judged, for lack of held-out rows: {_listed([str(f.label) for f in unknown])}.",
            "Hold out more rows, or judge by cross-validation of your own classifier.",
        )  # fmt: skip
    for finding in gains:
        everywhere = finding.label not in plans
        if not everywhere and not plans[finding.label]["lacks"]:
            continue  # of many classes, some seem to lose by chance
        every = "the classes that could be judged" if unknown else "all classes"
        about = every if everywhere else _named(finding)
        size = f"{finding.value:+.3f} (95% interval {finding.low:+.3f} to {finding.high:+.3f})"
        if finding.verdict == "harms":
            yield Advice(
                "bad", about, "With the synthetic rows added, average precision on held-out rows "
                f"changes by {size}.",
                'Do not add them as they are. Try fewer (AugmentedClassifier with dose="auto" or '
                "below 1), class weights, or a tuned threshold.",
            )  # fmt: skip
        elif everywhere and finding.verdict == "not shown":
            yield Advice(
                "caution", about, "That adding the synthetic rows helps is not shown: mean average "
                f"precision changes by {size}.",
                "Compare with class weights and a tuned threshold on your own classifier before "
                "you rely on them.",
            )  # fmt: skip


def _told_apart(seen: Seen) -> Iterator[Advice]:
    finding = seen.finding
    if finding.bad and finding.value >= CLEAR_AUC:
        worst = _worst(seen.columns, finding.label)
        where = f" Least alike: {_listed(worst)}." if worst else ""
        yield Advice(
            "bad" if finding.value >= CERTAIN_AUC else "caution",
            _named(finding),
            f"A classifier tells synthetic rows from real ones (AUC {finding.value:.2f}, real "
            f"from real {finding.baseline:.2f}).{where}",
            "Look at the pictures. More steps or another recipe may help. Rows that are easy to "
            "tell may still be useful: see the gain.",
        )  # fmt: skip


def _worst(columns: Columns, label: Any) -> list[str]:
    """Return the columns of a class that are clearly less alike than real ones, worst first."""
    own = [row for row in columns if row["class"] == label]
    bad = [row for row in own if row["shape"] < min(ALIKE, row["shape_baseline"] - 0.05)]
    return [row["column"] for row in sorted(bad, key=lambda row: row["shape"])]


def _uncovered(seen: Seen) -> Iterator[Advice]:
    finding = seen.finding
    if finding.bad and finding.value < HALF_COVERED * finding.baseline:
        yield Advice(
            "caution", _named(finding),
            f"Synthetic rows miss parts of the class (coverage {finding.value:.2f}, real rows "
            f"{finding.baseline:.2f}).",
            f"{_more_variety(seen.auto)} More real rows help most.",
        )  # fmt: skip


def _sparse(seen: Seen) -> Iterator[Advice]:
    finding = seen.finding
    if finding.bad and finding.value < HALF_COVERED * finding.baseline:
        yield Advice(
            "caution", _named(finding),
            f"Many synthetic rows lie where real ones are rare (density {finding.value:.2f}, real "
            f"rows {finding.baseline:.2f}).",
            "Train longer."
            if seen.auto
            else 'Try recipe="auto", which drops candidates that are unlike their class.',
        )  # fmt: skip


def _varied(seen: Seen) -> Iterator[Advice]:
    finding = seen.finding
    if finding.bad and finding.value < LITTLE_VARIETY:
        yield Advice(
            "bad", _named(finding),
            f"Synthetic rows vary little ({finding.value:.2f} of real rows): mode collapse.",
            _more_variety(seen.auto),
        )  # fmt: skip
    if finding.bad and finding.value > MUCH_VARIETY:
        yield Advice(
            "caution", _named(finding),
            f"Synthetic rows vary more than real ones ({finding.value:.2f} times): many are unlike "
            "the class.",
            "Train longer, and look at the pictures for what runs out of bounds.",
        )  # fmt: skip


def _copied(seen: Seen) -> Iterator[Advice]:
    finding = seen.finding
    if finding.bad and finding.value - finding.baseline > COPIED:
        yield Advice(
            "caution", _named(finding),
            f"{finding.value:.0%} of the synthetic rows equal a training row; of held-out real "
            f"rows {finding.baseline:.0%} do.",
            "Such rows add nothing that class weights would not.",
        )  # fmt: skip
    if finding.baseline > LEAKED:
        yield Advice(
            "caution", _named(finding),
            f"{finding.baseline:.0%} of the held-out real rows equal a training row: the data "
            "repeat rows, or the two parts overlap.",
            "Drop duplicates before you split; all figures on held-out rows are too good.",
        )  # fmt: skip


def _near(seen: Seen) -> Iterator[Advice]:
    finding = seen.finding
    if finding.bad and finding.value < TOO_NEAR:
        how = seen.plan["plan"]
        why = "" if how == "gan" else f' The class is made from real rows by design ("{how}").'
        yield Advice(
            "caution", _named(finding),
            f"Synthetic rows lie much nearer to training rows than new real rows do (memorisation "
            f"{finding.value:.2f}).{why}",
            "They hold little that is new. More real rows help; do not publish such rows as if "
            "nobody were in them.",
        )  # fmt: skip


_RULES: dict[str, Callable[[Seen], Iterator[Advice]]] = {
    "c2st_auc": _told_apart,
    "coverage": _uncovered,
    "density": _sparse,
    "diversity": _varied,
    "copy_rate": _copied,
    "memorisation": _near,
}


def _about_size(findings: Sequence[Finding], plans: Mapping[Any, Any]) -> Iterator[Advice]:
    refused: dict[Any, int] = {}
    for finding in findings:
        if finding.refused and finding.label in plans and "are needed" in finding.reason:
            refused[finding.label] = refused.get(finding.label, 0) + 1
    if refused:
        held = [f"{label} ({plans[label]['held_out']})" for label in refused]
        yield Advice(
            "note", "", f"Too few held-out rows for some figures: {_listed(held)}.",
            "Hold out more (test_size), or pass more held-out rows (X_test and y_test). What is "
            "not measured is not known to be good.",
        )  # fmt: skip


def _about_plan(plans: Mapping[Any, Any]) -> Iterator[Advice]:
    others = [
        f"{label} ({row['plan_of_all']} instead of {row['plan']})"
        for label, row in plans.items()
        if row["plan_of_all"] != row["plan"]
    ]
    if others:
        yield Advice(
            "caution", "", "Fitted on all rows the augmenter makes other plans than the clone that "
            f"was judged: {_listed(others)}.",
            "Hold out fewer rows by test_size, or pass held-out rows and judge the augmenter "
            "itself.",
        )  # fmt: skip
    for plan, what in (("interpolate", "interpolation between"), ("duplicate", "repetition of")):
        labels = [str(label) for label, row in plans.items() if row["plan"] == plan]
        if labels:
            yield Advice(
                "note", "", f"Made by {what} real rows, not by a GAN: {_listed(labels)}.",
                "A class of a few rows holds a few rows' worth of information.",
            )  # fmt: skip


def _named(finding: Finding) -> str:
    return f"class {finding.label}"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(str(name) for name in names[:NAMED])
    rest = len(names) - NAMED
    return f"{shown} and {rest} more" if rest > 0 else shown
