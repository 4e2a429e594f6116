"""Advice from the figures of a report: what is bad, and what to do about it."""

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

# The verdict of a figure says whether chance explains a difference from real rows. These bounds
# say how large a difference must be, besides, to be worth a warning.

CERTAIN_AUC = 0.95
"""AUC from which a classifier recognises nearly every synthetic row: the advice is "bad"."""

CLEAR_AUC = 0.75
"""AUC from which the advice is "caution". Good synthetic rows can reach smaller values."""

ALIKE = 0.9
"""Likeness below which a column is named, if real rows have a higher one."""

LESS = 0.05
"""Difference of likeness from real rows that counts as clear."""

TOO_NEAR = 0.5
"""Ratio of nearest distances below which synthetic rows are less than half as far as real ones."""

LITTLE_VARIETY = 0.7
"""Ratio of mean distances below which the advice names mode collapse."""

MUCH_VARIETY = 1.4
"""Ratio of mean distances above which rows are too varied; about 1 / LITTLE_VARIETY."""

LOW_SHARE = 0.7
"""Share of the density or coverage of real rows below which a warning is given."""

COPIED = 0.01
"""Difference of the shares of exact copies above which a warning is given."""

LEAKED = 0.2
"""Share of held-out rows equal to training rows above which the split itself is suspect."""

MOST_SINGLE = 2
"""Classes up to which each gets its own sentence; more classes share one."""

NAMED = 5
"""Maximal number of columns or classes that are named in a sentence."""


@dataclass(frozen=True)
class Advice:
    """A finding in words, and a remedy.

    Parameters
    ----------
    level : {"bad", "caution", "note"}
    about : str
        The class or classes, such as "class 8"; empty if it is not about a class.
    found : str
        What is wrong, with the figure.
    remedy : str
        What to do.
    """

    level: Level
    about: str
    found: str
    remedy: str

    def __str__(self) -> str:
        start = f"{self.about[0].upper()}{self.about[1:]}: " if self.about else ""
        return f"{start}{self.found} {self.remedy}".strip()


@dataclass(frozen=True)
class RuleInput:
    """Input of a rule: a finding, the plan of its class, all columns, and whether recipe="auto"."""

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
    """Return all advice, the most severe first.

    Parameters
    ----------
    findings : sequence of Finding
    columns : sequence of mapping
        Figures of each column of each class.
    facts : mapping
        As in `Report.facts`.
    history : History
    """
    plans = {row["class"]: row for row in facts["classes"]}
    auto = facts["recipe"] == "auto"
    advice_list = [*_about_training(history, auto), *_about_use(findings, plans)]
    by_rule: dict[tuple[str, str], list[Advice]] = {}
    for finding in findings:
        rule = _RULES.get(finding.key)
        if rule is None or finding.refused or finding.label not in plans:
            continue
        plan = plans[finding.label]
        for advice in rule(RuleInput(finding, plan, columns, auto)):
            if advice.level == "bad" and not plan["lacks"]:
                advice = replace(advice, level="caution")  # no rows of this class are added
            # Equal level and remedy come from one rule, and can share a sentence.
            by_rule.setdefault((advice.level, advice.remedy), []).append(advice)
    advice_list += [advice for same in by_rule.values() for advice in _merged(same)]
    advice_list += [*_about_size(findings, plans), *_about_plan(plans)]
    if facts["kind"] == "image":
        advice_list = [_for_images(advice) for advice in advice_list]
    levels: list[Level] = ["bad", "caution", "note"]
    return sorted(advice_list, key=lambda advice: levels.index(advice.level))


def _merged(same: Sequence[Advice]) -> Sequence[Advice]:
    """Return one advice about several classes in place of one for each, if they are many."""
    if len(same) <= MOST_SINGLE:
        return same
    # The figure of a single class, in parentheses, is left out.
    found = same[0].found.partition(" (")[0].rstrip(".") + "."
    labels = [advice.about.removeprefix("class ") for advice in same]
    return [replace(same[0], about=f"classes {_listed(labels)}", found=found)]


def _for_images(advice: Advice) -> Advice:
    """Return advice that speaks of images in place of rows."""

    def reworded(text: str) -> str:
        return re.sub(r"\bRows\b", "Images", re.sub(r"\brows\b", "images", text))

    return replace(advice, found=reworded(advice.found), remedy=reworded(advice.remedy))


def _more_variety(auto: bool) -> str:
    other_recipe = "" if auto else 'recipe="auto", '
    return f"Try {other_recipe}more steps, or a recipe with a larger n_critic."


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
    """Yield advice on whether a classifier gains from the added rows."""
    all_gains = [f for f in findings if f.key == "augmented_gain"]
    gains = [f for f in all_gains if not f.refused]
    unknown = [f for f in all_gains if f.refused and f.label in plans and plans[f.label]["lacks"]]
    if unknown:
        yield Advice(
            "caution", "", "Whether the synthetic rows help the class they are added to was not "
            f"judged, for lack of held-out rows: {_listed([str(f.label) for f in unknown])}.",
            "Hold out more rows, or cross-validate your own classifier.",
        )  # fmt: skip
    for finding in gains:
        is_mean = finding.label not in plans
        if not is_mean and not plans[finding.label]["lacks"]:
            continue  # among many classes without new rows, some seem to lose by chance
        all_classes = "the classes that could be judged" if unknown else "all classes"
        about = all_classes if is_mean else _named(finding)
        size = f"{finding.value:+.3f} (95% interval {finding.low:+.3f} to {finding.high:+.3f})"
        if finding.verdict == "harms":
            yield Advice(
                "bad", about, "With the synthetic rows added, average precision on held-out rows "
                f"changes by {size}.",
                'Do not add them as they are. Try fewer rows (AugmentedClassifier with dose="auto" '
                "or below 1), class weights, or a tuned threshold.",
            )  # fmt: skip
        elif is_mean and finding.verdict == "not shown":
            yield Advice(
                "caution", about, "It is not shown that adding the synthetic rows helps: mean "
                f"average precision changes by {size}.",
                "Before you rely on them, compare with class weights and a tuned threshold on your "
                "own classifier.",
            )  # fmt: skip


def _recognised(rule_input: RuleInput) -> Iterator[Advice]:
    finding = rule_input.finding
    if finding.bad and finding.value >= CLEAR_AUC:
        worst = _worst(rule_input.columns, finding.label)
        where = f" Least alike: {_listed(worst)}." if worst else ""
        yield Advice(
            "bad" if finding.value >= CERTAIN_AUC else "caution",
            _named(finding),
            f"A classifier recognises synthetic rows (AUC {finding.value:.2f}; for real rows "
            f"{finding.baseline:.2f}).{where}",
            "Look at the pictures. More steps or another recipe may help. Rows that are easily "
            "recognised may still be useful: see the gain.",
        )  # fmt: skip


def _worst(columns: Columns, label: Any) -> list[str]:
    """Return the columns of a class that are clearly less alike than real ones, worst first."""
    of_class = [row for row in columns if row["class"] == label]
    bad = [row for row in of_class if row["shape"] < min(ALIKE, row["shape_baseline"] - LESS)]
    return [row["column"] for row in sorted(bad, key=lambda row: row["shape"])]


def _uncovered(rule_input: RuleInput) -> Iterator[Advice]:
    finding = rule_input.finding
    if finding.bad and finding.value < LOW_SHARE * finding.baseline:
        yield Advice(
            "caution", _named(finding),
            f"Synthetic rows miss parts of the class (coverage {finding.value:.2f}, real rows "
            f"{finding.baseline:.2f}).",
            f"{_more_variety(rule_input.auto)} More real rows help most.",
        )  # fmt: skip


def _sparse(rule_input: RuleInput) -> Iterator[Advice]:
    finding = rule_input.finding
    if finding.bad and finding.value < LOW_SHARE * finding.baseline:
        yield Advice(
            "caution", _named(finding),
            f"Many synthetic rows are where real ones are rare (density {finding.value:.2f}, real "
            f"rows {finding.baseline:.2f}).",
            "Train longer."
            if rule_input.auto
            else 'Try recipe="auto", which drops candidates that are unlike their class.',
        )  # fmt: skip


def _varied(rule_input: RuleInput) -> Iterator[Advice]:
    finding = rule_input.finding
    if finding.bad and finding.value < LITTLE_VARIETY:
        yield Advice(
            "bad", _named(finding),
            f"Synthetic rows vary little ({finding.value:.2f} of real rows): mode collapse.",
            _more_variety(rule_input.auto),
        )  # fmt: skip
    if finding.bad and finding.value > MUCH_VARIETY:
        yield Advice(
            "caution", _named(finding),
            f"Synthetic rows vary more than real ones ({finding.value:.2f} times): many are unlike "
            "the class.",
            "Train longer, and look in the pictures for values out of range.",
        )  # fmt: skip


def _copied(rule_input: RuleInput) -> Iterator[Advice]:
    finding = rule_input.finding
    if finding.bad and finding.value - finding.baseline > COPIED:
        yield Advice(
            "caution", _named(finding),
            f"{finding.value:.0%} of the synthetic rows equal a training row; of held-out real "
            f"rows {finding.baseline:.0%} do.",
            "Exact copies have no more effect than class weights.",
        )  # fmt: skip
    if finding.baseline > LEAKED:
        yield Advice(
            "caution", _named(finding),
            f"{finding.baseline:.0%} of the held-out real rows equal a training row: the data "
            "repeat rows, or the two parts overlap.",
            "Drop duplicates before you split. All figures on held-out rows are too good.",
        )  # fmt: skip


def _near(rule_input: RuleInput) -> Iterator[Advice]:
    finding = rule_input.finding
    if finding.bad and finding.value < TOO_NEAR:
        plan = rule_input.plan["plan"]
        why = "" if plan == "gan" else f" {_STARTS_FROM_REAL[plan]}"
        yield Advice(
            "caution", _named(finding),
            f"Synthetic rows are much nearer to training rows than new real rows are (memorisation "
            f"{finding.value:.2f}).{why}",
            "They add little information. More real rows help. Do not publish such rows as "
            "anonymous data.",
        )  # fmt: skip


_STARTS_FROM_REAL = {
    "anchored": 'The plan is "anchored": each starts from a real row of the class and is moved by '
    "the generator.",
    "interpolate": 'The plan is "interpolate": each is between two real rows of the class.',
    "duplicate": 'The plan is "duplicate": each is a copy of a real row of the class.',
}

_RULES: dict[str, Callable[[RuleInput], Iterator[Advice]]] = {
    "c2st_auc": _recognised,
    "coverage": _uncovered,
    "density": _sparse,
    "diversity": _varied,
    "copy_rate": _copied,
    "memorisation": _near,
}


def _about_size(findings: Sequence[Finding], plans: Mapping[Any, Any]) -> Iterator[Advice]:
    too_small = [
        finding.label
        for finding in findings
        if finding.refused and finding.label in plans and "are needed" in finding.reason
    ]
    if too_small:
        held = [f"{label} ({plans[label]['held_out']})" for label in dict.fromkeys(too_small)]
        yield Advice(
            "note", "", f"Too few held-out rows for some figures: {_listed(held)}.",
            "Hold out more (test_size), or pass more held-out rows (X_test and y_test). A figure "
            "that is missing says nothing in favour of the rows.",
        )  # fmt: skip


def _about_plan(plans: Mapping[Any, Any]) -> Iterator[Advice]:
    others = [
        f"{label} ({row['plan_of_all']} instead of {row['plan']})"
        for label, row in plans.items()
        if row["plan_of_all"] != row["plan"]
    ]
    if others:
        yield Advice(
            "caution", "", "Fitted on all rows, the augmenter has other plans than the clone that "
            f"was judged: {_listed(others)}.",
            "Hold out fewer rows with test_size, or pass held-out rows, so that the augmenter "
            'itself is judged. (An "anchored" row starts from a real row of the class and is moved '
            'by the generator; "interpolate" takes a point between two real rows.)',
        )  # fmt: skip
    for plan, method in (("interpolate", "interpolation between"), ("duplicate", "repetition of")):
        labels = [str(label) for label, row in plans.items() if row["plan"] == plan]
        if labels:
            yield Advice(
                "note", "", f"Made by {method} real rows, not by a GAN: {_listed(labels)}.",
                "Synthetic rows cannot hold more information than the few rows of the class.",
            )  # fmt: skip


def _named(finding: Finding) -> str:
    return f"class {finding.label}"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(str(name) for name in names[:NAMED])
    rest = len(names) - NAMED
    return f"{shown} and {rest} more" if rest > 0 else shown
