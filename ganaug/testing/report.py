"""Run named checks on a part, and show the results as a table."""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from ganaug.errors import ConfigError, GanaugError, GanaugWarning, did_you_mean

Subject = TypeVar("Subject")

Check = Callable[[Subject], None]
"""A check returns nothing if the part passes; else it calls :func:`require` or :func:`skip`."""

Checks = Mapping[Check[Subject], Sequence[Check[Subject]]]
"""Checks in order, each with those that it needs: without them its answer would mean nothing."""

Outcome = Literal["passed", "failed", "skipped"]
OnFail = Literal["raise", "report"]

WIDTH = 100
"""Columns of a printed table: the line length of this project."""


class CheckError(GanaugError, AssertionError):
    """A part of a GAN fails checks; the message is the table of what is missing.

    Parameters
    ----------
    report : CheckReport
        All results.

    Examples
    --------
    >>> from ganaug.objectives.losses import Loss
    >>> from ganaug.testing import CheckError, check_loss
    >>> def backwards():
    ...     return Loss(lambda real, fake: (fake - real).mean(), lambda real, fake: fake.mean())
    >>> try:
    ...     check_loss(backwards)
    ... except CheckError as error:
    ...     print(error.report.failed)
    ('generator_learns_to_fool',)
    """

    def __init__(self, report: CheckReport) -> None:
        super().__init__(report.missing())
        self.report = report

    def __reduce__(self) -> tuple[type[CheckError], tuple[CheckReport]]:
        return type(self), (self.report,)


class CheckFailed(Exception):
    """A check does not hold; the message says why."""


class NotApplicable(Exception):
    """A check does not apply to this part; the message says why."""


@dataclass(frozen=True)
class CheckRow:
    """The result of one check.

    Parameters
    ----------
    check : str
        Name of the check.
    outcome : {"passed", "failed", "skipped"}
    why : str
        What was found, or why the check was skipped; empty if it passed.
    holds : str
        What the check asks of a part.

    Examples
    --------
    >>> from ganaug.testing import CheckRow
    >>> CheckRow("returns_one_number", "failed", "critic returns 4 numbers").outcome
    'failed'
    """

    check: str
    outcome: Outcome
    why: str = ""
    holds: str = ""


@dataclass(frozen=True)
class CheckReport:
    """The results of all checks of a part. ``print`` shows them as a table.

    Parameters
    ----------
    part : str
        What was checked.
    rows : tuple of CheckRow

    Examples
    --------
    >>> from ganaug.testing import check_loss
    >>> report = check_loss("hinge")
    >>> report.passed, report.failed
    (True, ())
    >>> print(str(report).splitlines()[0])
    loss 'hinge': 12 checks passed, 0 failed, 1 skipped
    """

    part: str
    rows: tuple[CheckRow, ...]

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not self.failed

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the checks that failed."""
        return self.named("failed")

    def named(self, outcome: Outcome) -> tuple[str, ...]:
        """Return the names of the checks with this outcome."""
        return tuple(row.check for row in self.rows if row.outcome == outcome)

    def missing(self) -> str:
        """Return the table of the checks that failed, each with what it asks for."""
        rows = [row for row in self.rows if row.outcome == "failed"]
        lines = [(row.check, f"{row.holds} Found: {row.why}") for row in rows]
        return "\n".join([self._summary(), *_table(("missing", "why"), lines)])

    def __str__(self) -> str:
        lines = [(row.check, row.outcome, row.why or row.holds) for row in self.rows]
        return "\n".join([self._summary(), *_table(("check", "result", "why"), lines)])

    def _summary(self) -> str:
        passed, failed, skipped = (len(self.named(o)) for o in ("passed", "failed", "skipped"))
        return f"{self.part}: {passed} checks passed, {failed} failed, {skipped} skipped"


def require(holds: object, why: str) -> None:
    """Raise :class:`CheckFailed` with the reason if something does not hold."""
    if not holds:
        raise CheckFailed(why)


def skip(why: str) -> None:
    """Raise :class:`NotApplicable` with the reason."""
    raise NotApplicable(why)


def run_checks(part: str, checks: Checks[Any], subject: Any, on_fail: OnFail) -> CheckReport:
    """Run checks in order and return their results.

    Parameters
    ----------
    part : str
        What is checked, for the table.
    checks : mapping of check to sequence of checks
        A check is skipped if one that it needs has failed or was skipped for this reason.
    subject : object
        What each check is called with.
    on_fail : {"raise", "report"}

    Raises
    ------
    CheckError
        If a check fails and ``on_fail`` is "raise".
    """
    if on_fail not in ("raise", "report"):
        nearest = did_you_mean(str(on_fail), ("raise", "report"))
        raise ConfigError(f"on_fail={on_fail!r} is not possible; {nearest}")
    rows: list[CheckRow] = []
    out: set[Check[Any]] = set()
    for check, needs in checks.items():
        lacking = [need.__name__ for need in needs if need in out]
        outcome, why = _result(check, subject) if not lacking else _blocked(lacking)
        if lacking or outcome == "failed":
            out.add(check)
        holds = (check.__doc__ or "").partition("\n")[0]
        rows.append(CheckRow(check.__name__, outcome, why, holds))
    report = CheckReport(part, tuple(rows))
    if on_fail == "raise" and not report.passed:
        raise CheckError(report)
    return report


def _result(check: Check[Any], subject: Any) -> tuple[Outcome, str]:
    try:
        with warnings.catch_warnings():
            # What ganaug warns of here are the tiny data and the few steps.
            warnings.simplefilter("ignore", GanaugWarning)
            check(subject)
    except NotApplicable as reason:
        return "skipped", str(reason)
    except CheckFailed as fault:
        return "failed", str(fault)
    except Exception as error:  # the part may raise anything
        return "failed", f"{type(error).__name__}: {error}"
    return "passed", ""


def _blocked(lacking: Sequence[str]) -> tuple[Outcome, str]:
    return "skipped", f"needs {', '.join(lacking)}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return aligned lines; the last column is wrapped."""
    narrow = list(zip(*(row[:-1] for row in (head, *rows)), strict=True))
    widths = [max(map(len, column)) for column in narrow]
    left = sum(widths) + 2 * len(widths)
    lines = []
    for row in (head, *rows):
        start = "".join(f"{cell:<{width + 2}}" for cell, width in zip(row, widths, strict=False))
        parts = textwrap.wrap(row[-1], max(WIDTH - left, 40)) or [""]
        lines += [(start + parts[0]).rstrip(), *(" " * left + part for part in parts[1:])]
    return lines
