"""How an encoded row is laid out: the only thing codecs and networks have to agree on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SegmentKind = Literal["value", "choice", "code"]


@dataclass(frozen=True)
class Segment:
    """A run of adjacent columns in the encoded matrix that belong together.

    Parameters
    ----------
    kind : {"value", "choice", "code"}
        ``value``: real numbers on a standard-normal scale. ``choice``: a one-hot vector.
        ``code``: one row of a fixed table of embeddings, for categories with many levels.
    start, width : int
        Place in the encoded row.
    levels : int
        Number of categories of a ``choice`` or ``code``; 0 for a ``value``.
    column : int
        The table's column that it encodes, possibly together with other segments: a number's
        ``choice`` says first whether its ``value`` counts; a ``code`` may have one for missing.
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
    """All segments of an encoded row: first the values, then the choices, then the codes.

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
        own = self.of_kind(kind)
        return slice(own[0].start, own[-1].stop) if own else slice(0, 0)

    @property
    def width(self) -> int:
        """Columns of the encoded matrix."""
        return self.segments[-1].stop if self.segments else 0
