"""A trained model: from generators to rows of a class, chunked and reproducible."""

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
"""Methods by which a generator makes the rows of a class."""

CHUNK = 2048


@dataclass
class Model:
    """Everything that sampling needs.

    Attributes
    ----------
    recipe : Recipe
    codec : TableCodec or ImageCodec
    methods : list of str
        How each class is made: duplicate, interpolate, anchored or gan.
    generators : list of Module
        One for all classes, or one a class.
    anchors : AnchorBank
    selector : Selector or None
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
        """Where the tensors are."""
        return self.anchors.rows.device

    @property
    def chunk(self) -> int:
        """Candidates made at once."""
        return CHUNK

    def pack(self, rows: Tensor) -> NDArray[Any]:
        """Return rows as they leave the device."""
        return rows.cpu().numpy()

    def to(self, device: torch.device | str) -> Self:
        """Move all tensors to ``device`` and return the model."""
        for module in (*self.generators, self.anchors, self.selector):
            if module is not None:
                module.to(device)
        return self

    def generator_of(self, label: int) -> tuple[Any, int]:
        """Return the generator of a class and the number by which it knows the class."""
        shared = len(self.generators) == 1 and self.recipe.conditioning != "per-class"
        return (self.generators[0], label) if shared else (self.generators[label], 0)

    @torch.inference_mode()
    def candidates(self, label: int, random: torch.Generator) -> Tensor:
        """Return a chunk of encoded rows of a class as they come."""
        if self.methods[label] not in GENERATED:
            labels = torch.full((self.chunk,), label, device=self.device)
            return self.anchors.draw(labels, random)
        generator, own = self.generator_of(label)
        labels = torch.full((self.chunk,), own, device=self.device)
        return generate(generator, self.anchors, labels, random)

    def sample(self, label: int, n: int, seed: int, *, select: bool = True) -> NDArray[Any]:
        """Return exactly ``n`` encoded rows of a class."""
        parts, have, chunk = [self.pack(self.empty)], 0, 0
        while have < n:
            rows = self._chunk(label, chunk, seed, select)
            parts.append(self.pack(rows))
            have, chunk = have + len(rows), chunk + 1
        return np.concatenate(parts)[:n]

    @property
    def empty(self) -> Tensor:
        """No rows, of the right shape."""
        return self.anchors.rows[:0]

    def _chunk(self, label: int, chunk: int, seed: int, select: bool) -> Tensor:
        random = torch_stream(seed, label, chunk, device=self.device)
        return self.chosen(label, random) if select else self.candidates(label, random)

    def chosen(self, label: int, random: torch.Generator) -> Tensor:
        """Return the rows of one chunk of candidates that are kept."""
        rows = self.candidates(label, random)
        if self.selector is None or self.methods[label] not in GENERATED:
            return rows
        return rows[self.selector.choose(rows, label)]
