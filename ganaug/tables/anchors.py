"""Anchors: points between a real row and a neighbour of the same class.

A class of a few rows is sampled from the anchors directly. This is the interpolation of SMOTE
(Chawla et al. 2002) in the encoded space: numbers are on a normal scale, and each category comes
from one of the two parents. For a larger class the generator moves such a point; the class is then
"anchored".
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors
from torch import Tensor, nn

from ganaug.nets.layout import Layout

ANCHOR_NEIGHBOURS = 5
"""Neighbours of each row, as in SMOTE (Chawla et al. 2002)."""

ANCHOR_ROWS = 2000
"""Most rows of a class that are anchors.

It bounds the neighbour search and the model file; the generator is trained on all rows anyway.
"""


class AnchorBank(nn.Module):
    """Encoded rows of some classes with their nearest neighbours of the same class.

    It is a module so that its tensors are moved between devices and saved like weights.

    Parameters
    ----------
    rows : Tensor of shape (n, width)
        Encoded rows, grouped by class.
    counts : sequence of int
        Rows of each class; 0 for a class without anchors.
    neighbours : Tensor of shape (n, ANCHOR_NEIGHBOURS)
        Numbers of the neighbouring rows, repeated cyclically if a class has fewer.
    layout : Layout
        Layout of an encoded row.
    """

    rows: Tensor
    neighbours: Tensor
    counts: Tensor
    starts: Tensor
    coin: Tensor
    gated: Tensor
    gate: Tensor

    def __init__(
        self, rows: Tensor, counts: Sequence[int], neighbours: Tensor, layout: Layout
    ) -> None:
        super().__init__()
        self.layout = layout
        sizes = torch.as_tensor(list(counts), dtype=torch.long)
        self.register_buffer("rows", rows)
        self.register_buffer("neighbours", neighbours)
        self.register_buffer("counts", sizes)
        self.register_buffer("starts", sizes.cumsum(0) - sizes, persistent=False)
        for name, index in _coin_indices(layout).items():
            self.register_buffer(name, index, persistent=False)
        self.n_coins = len({segment.column for segment in layout.segments})

    @classmethod
    def build(
        cls,
        encoded: NDArray[np.float32],
        codes: NDArray[np.int64],
        keep: Sequence[bool],
        layout: Layout,
    ) -> AnchorBank:
        """Choose anchors of the classes marked in ``keep`` and find their neighbours."""
        rows: list[NDArray[np.float32]] = []
        neighbours: list[NDArray[np.int64]] = []
        counts: list[int] = []
        offset = 0
        for label, kept in enumerate(keep):
            members = encoded[_thinned(np.flatnonzero(codes == label))] if kept else encoded[:0]
            counts.append(len(members))
            if len(members):
                rows.append(members)
                neighbours.append(offset + _neighbours(members))
                offset += len(members)
        empty = np.zeros((0, ANCHOR_NEIGHBOURS), np.int64)
        return cls(
            torch.from_numpy(np.concatenate([encoded[:0], *rows])),
            counts,
            torch.from_numpy(np.concatenate([empty, *neighbours])),
            layout,
        )

    def draw(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Return an interpolated row for each label; zeros if its class has no anchors."""
        if not self.rows.shape[0]:  # every class is made from noise
            return self.rows.new_zeros((labels.shape[0], self.layout.width))
        device, batch = self.rows.device, labels.shape[0]
        # Three uniform numbers for each label: which row, which neighbour, how far towards it.
        u = torch.rand((3, batch, 1), generator=generator, device=device)
        counts = self.counts[labels]
        # Clamped, because a class without anchors has no valid row; its result is zeroed below.
        first = self.starts[labels] + (u[0, :, 0] * counts).long().clamp_max_(
            (counts - 1).clamp_min(0)
        )
        first = first.clamp_max_(self.rows.shape[0] - 1)
        second = self.neighbours[first, (u[1, :, 0] * ANCHOR_NEIGHBOURS).long()]
        parents = self.rows[first], self.rows[second]
        # A category is taken whole from one of the two parents: one coin for each column of the
        # table decides. Numbers are interpolated. But there is nothing between two numbers if
        # either is missing or an atom (a frequent value, encoded as a category): then the number
        # comes from the same parent as the category.
        coins = torch.rand((batch, self.n_coins), generator=generator, device=device)
        weight = (coins < u[2]).to(self.rows.dtype).index_select(1, self.coin)
        values = self.layout.span("value")
        by_coin = weight[:, self.gated]
        weight[:, values] = u[2]
        both_numbers = parents[0][:, self.gate] * parents[1][:, self.gate] > 0
        weight[:, self.gated] = torch.where(both_numbers, u[2], by_coin)
        drawn = torch.lerp(parents[0], parents[1], weight)
        return drawn * (counts > 0).unsqueeze(1)


def _coin_indices(layout: Layout) -> dict[str, Tensor]:
    """Return the indices with which `AnchorBank.draw` interpolates encoded rows.

    ``coin`` is the number of the coin of each encoded column; all segments of one column of the
    table share a coin. ``gated`` are the encoded numbers of columns that also have categories (an
    atom or "missing"). ``gate`` are the encoded columns that are 1 where those numbers count.
    """
    columns = sorted({segment.column for segment in layout.segments})
    widths = torch.tensor([segment.width for segment in layout.segments], dtype=torch.long)
    coins = torch.tensor([columns.index(segment.column) for segment in layout.segments])
    switches = {segment.column: segment.start for segment in layout.of_kind("choice")}
    gated = [value for value in layout.of_kind("value") if value.column in switches]
    return {
        "coin": coins.repeat_interleave(widths),
        "gated": torch.tensor([value.start for value in gated], dtype=torch.long),
        "gate": torch.tensor([switches[value.column] for value in gated], dtype=torch.long),
    }


def _thinned(places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return at most ANCHOR_ROWS of the places, evenly spread from beginning to end."""
    return places[:: -(-len(places) // ANCHOR_ROWS)] if len(places) > ANCHOR_ROWS else places


def _neighbours(rows: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the numbers of the nearest rows of each row; a single row is its own neighbour."""
    available = min(ANCHOR_NEIGHBOURS, len(rows) - 1)
    if available == 0:
        return np.zeros((len(rows), ANCHOR_NEIGHBOURS), np.int64)
    finder = NearestNeighbors(n_neighbors=available).fit(rows)
    found = finder.kneighbors(return_distance=False)
    return found[:, np.arange(ANCHOR_NEIGHBOURS) % available].astype(np.int64)
