"""Columns of an encoded row: the interface between codecs and networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SegmentKind = Literal["value", "choice", "code"]


@dataclass(frozen=True)
class Segment:
    """Adjacent columns of the encoded matrix that belong together.

    Parameters
    ----------
    kind : {"value", "choice", "code"}
        ``value``: real numbers on a standard-normal scale. ``choice``: a one-hot vector.
        ``code``: one row of a fixed table of embeddings, for categories with many levels.
    start, width : int
        First column, and number of columns.
    levels : int
        Number of categories of a ``choice`` or ``code``; 0 for a ``value``.
    column : int
        Column of the table that it encodes. A column may have two segments: a numeric one has a
        ``choice`` where single values are frequent or missing, which decides whether the ``value``
        is used; a ``code`` has one where values are missing.
    """

    kind: SegmentKind
    start: int
    width: int
    levels: int = 0
    column: int = -1

    @property
    def stop(self) -> int:
        """First column after the segment."""
        return self.start + self.width


@dataclass(frozen=True)
class Layout:
    """All segments of an encoded row, in the order values, choices, codes.

    Parameters
    ----------
    segments : tuple of Segment
        In order, without gaps.
    """

    segments: tuple[Segment, ...]

    def of_kind(self, kind: SegmentKind) -> tuple[Segment, ...]:
        """Return the segments of one kind."""
        return tuple(segment for segment in self.segments if segment.kind == kind)

    def span(self, kind: SegmentKind) -> slice:
        """Return the columns of all segments of one kind, which are adjacent."""
        segments = self.of_kind(kind)
        return slice(segments[0].start, segments[-1].stop) if segments else slice(0, 0)

    @property
    def width(self) -> int:
        """Columns of the encoded matrix."""
        return self.segments[-1].stop if self.segments else 0
