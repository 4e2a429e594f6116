"""A trained model, which makes rows of a class in reproducible chunks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganaug.runtime.rng import torch_stream
from ganaug.training.data import generate

if TYPE_CHECKING:
    from typing import Self

    from ganaug.recipe import Recipe


GENERATED = ("gan", "anchored")
"""Methods by which a generator makes the rows of a class: from noise, or by moving real rows."""

CHUNK = 2048
"""Candidates in a chunk: enough rows to share the cost of a call, and few to make for one row."""


@dataclass
class Model:
    """A trained model: everything that sampling needs.

    Attributes
    ----------
    recipe : Recipe
    codec : TableCodec or ImageCodec
    methods : list of str
        How each class is made. ``duplicate``: its rows are repeated. ``interpolate``: points
        between neighbouring rows. ``anchored``: a real row of the class, or a point between two,
        is moved by the generator. ``gan``: the generator starts from noise.
    generators : list of Module
        One for all classes, or one for each class.
    anchors : AnchorBank or ImageBank
    selector : Selector or None
        Without a selector all candidates are kept.
    """

    kind: ClassVar[str]
    """``table`` or ``image``."""

    recipe: Recipe
    codec: Any
    methods: list[str]
    generators: list[Any]
    anchors: Any
    selector: Any = None

    @property
    def device(self) -> torch.device:
        """Device of the tensors."""
        return self.anchors.rows.device

    @property
    def chunk(self) -> int:
        """Candidates in a chunk."""
        return CHUNK

    def pack(self, rows: Tensor) -> NDArray[Any]:
        """Return rows as an array in the memory of the CPU."""
        return rows.cpu().numpy()

    def to(self, device: torch.device | str) -> Self:
        """Move all tensors to ``device`` and return the model."""
        for module in (*self.generators, self.anchors, self.selector):
            if module is not None:
                module.to(device)
        return self

    def generator_of(self, label: int) -> tuple[Any, int]:
        """Return the generator of a class, and the class's number in that generator."""
        # A generator of one class knows it as number 0.
        shared = len(self.generators) == 1 and self.recipe.conditioning != "per-class"
        return (self.generators[0], label) if shared else (self.generators[label], 0)

    @torch.inference_mode()
    def candidates(self, label: int, random: torch.Generator) -> Tensor:
        """Return a chunk of encoded candidates of a class, before selection."""
        if self.methods[label] not in GENERATED:
            labels = torch.full((self.chunk,), label, device=self.device)
            return self.anchors.draw(labels, random)
        generator, local = self.generator_of(label)
        labels = torch.full((self.chunk,), local, device=self.device)
        return generate(generator, self.anchors, labels, random)

    def sample(self, label: int, n: int, seed: int, *, select: bool = True) -> NDArray[Any]:
        """Return exactly ``n`` encoded rows of a class.

        Each chunk has a random stream of its own, so a larger ``n`` starts with the rows of a
        smaller one.
        """
        # An array of no rows gives a request for no rows its shape and dtype.
        parts, n_rows, chunk = [self.pack(self.empty)], 0, 0
        while n_rows < n:
            rows = self._chunk(label, chunk, seed, select)
            parts.append(self.pack(rows))
            n_rows, chunk = n_rows + len(rows), chunk + 1
        return np.concatenate(parts)[:n]

    @property
    def empty(self) -> Tensor:
        """A tensor of no rows, of the right width and dtype."""
        return self.anchors.rows[:0]

    def _chunk(self, label: int, chunk: int, seed: int, select: bool) -> Tensor:
        random = torch_stream(seed, label, chunk, device=self.device)
        return self.chosen(label, random) if select else self.candidates(label, random)

    def chosen(self, label: int, random: torch.Generator) -> Tensor:
        """Return the candidates of one chunk that the selector keeps."""
        rows = self.candidates(label, random)
        if self.selector is None or self.methods[label] not in GENERATED:
            return rows
        return rows[self.selector.choose(rows, label)]
