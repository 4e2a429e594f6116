"""The fields of a report that its pictures and its page are drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ganaug.report.advice import Advice
    from ganaug.report.findings import Finding
    from ganaug.report.sketches import Sketches
    from ganaug.training.history import History


class ReportContents(Protocol):
    """A report as plots and pages read it; see :class:`~ganaug.report.result.Report`."""

    @property
    def findings(self) -> Sequence[Finding]:
        """Every figure of every class."""

    @property
    def columns(self) -> Sequence[dict[str, Any]]:
        """Of tables: each column of each class."""

    @property
    def advice(self) -> Sequence[Advice]:
        """What is bad and what to do."""

    @property
    def notes(self) -> Sequence[str]:
        """What was compared with what."""

    @property
    def facts(self) -> dict[str, Any]:
        """Rows, plan, recipe and versions."""

    @property
    def history(self) -> History:
        """Of the training."""

    @property
    def sketches(self) -> Sketches:
        """The rows and images that pictures show."""
