"""Interface of a report for its pictures and its page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ganaug.report.advice import Advice
    from ganaug.report.findings import Finding
    from ganaug.report.sketches import Sketches
    from ganaug.training.history import History


class ReportContents(Protocol):
    """The fields of :class:`~ganaug.report.result.Report` that plots and pages read."""

    @property
    def findings(self) -> Sequence[Finding]:
        """Every figure of every class."""

    @property
    def columns(self) -> Sequence[dict[str, Any]]:
        """Figures of each column of each class; empty for images."""

    @property
    def advice(self) -> Sequence[Advice]:
        """Warnings and remedies, the most severe first."""

    @property
    def notes(self) -> Sequence[str]:
        """Sentences on what was compared."""

    @property
    def facts(self) -> dict[str, Any]:
        """Numbers of rows, plan, recipe and versions."""

    @property
    def history(self) -> History:
        """History of the training."""

    @property
    def sketches(self) -> Sketches:
        """Rows and images that the pictures show."""
