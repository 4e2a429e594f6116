"""From a trained generator to rows of a class: chunked, selected, reproducible.

Candidates come in full chunks of :data:`CHUNK` rows, each with a stream of its own derived from
seed, class and chunk number. What a chunk yields depends on nothing else, so the first rows of a
longer request are the rows of a shorter one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganaug.rng import torch_stream
from ganaug.training.data import generate

if TYPE_CHECKING:
    from typing import Self

    from ganaug.anchors import AnchorBank
    from ganaug.codecs.tabular import TableCodec
    from ganaug.nets.mlp import MLPGenerator
    from ganaug.recipe import Recipe
    from ganaug.selection import Selector

GENERATED = ("gan", "anchored")
"""Methods by which a generator makes the rows of a class."""

CHUNK = 2048
CALIBRATION_ROUNDS = 3
CALIBRATION_CHUNKS = 2


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


class TableModel(Model):
    """A model of encoded rows; its codec is a :class:`~ganaug.codecs.tabular.TableCodec`."""

    kind: ClassVar[str] = "table"
    codec: TableCodec
    generators: list[MLPGenerator]
    anchors: AnchorBank
    selector: Selector | None


@torch.no_grad()
def calibrate_choices(
    model: TableModel, encoded: NDArray[np.float32], codes: NDArray[np.int64], seed: int
) -> None:
    """Shift the category logits of each class until their mean probabilities are the real ones.

    A generator learns dependencies well and marginal frequencies only roughly; the share of
    missing values, for one, is known exactly. Where there is a selector, the shares are those of
    the rows that it keeps.
    """
    span = model.codec.layout.span("choice")
    if span.start == span.stop:
        return
    overall = torch.from_numpy(encoded[:, span].mean(0)).to(model.device)
    for label, method in enumerate(model.methods):
        if method not in GENERATED:
            continue
        own = torch.from_numpy(encoded[codes == label][:, span]).to(model.device)
        # One pseudo-row at the overall frequencies: a category unseen in a class stays rare.
        target = (own.sum(0) + overall) / (len(own) + 1)
        generator, local = model.generator_of(label)
        for _ in range(CALIBRATION_ROUNDS):
            random = torch_stream(seed, "calibrate", label, device=model.device)
            found = _category_shares(model, label, random, overall)
            shift = ((target + 1e-6) / (found + 1e-6)).log().clamp(-3.0, 3.0)
            generator.head.offsets[local] += shift


def _category_shares(
    model: TableModel, label: int, random: torch.Generator, overall: Tensor
) -> Tensor:
    """Return how often each category comes out for a class, (choice columns,)."""
    if model.selector is not None:
        rows = torch.cat([model.chosen(label, random) for _ in range(CALIBRATION_CHUNKS)])
        kept = rows[:, model.codec.layout.span("choice")]
        return (kept.sum(0) + overall) / (len(kept) + 1)
    generator, local = model.generator_of(label)
    labels = torch.full((CHUNK,), local, device=model.device)
    noise = torch.randn((CHUNK, generator.noise_dim), generator=random, device=model.device)
    start = model.anchors.draw(labels, random) if generator.uses_anchors else None
    raw = generator.raw(noise, labels, start)
    return generator.head.probabilities(raw, labels).mean(0)


def turns_of(classes: Sequence[Any], to_add: Mapping[Any, int], n_rows: int) -> NDArray[np.int64]:
    """Return the class number of each of ``n_rows``, in the proportions of the rows to add."""
    weights = [to_add.get(label, 0) for label in classes]
    return interleave(weights if any(weights) else [1] * len(weights), n_rows)


def interleave(weights: Sequence[float], n: int) -> NDArray[np.int64]:
    """Return ``n`` class numbers in proportion to ``weights``, such that any start is too.

    Webster's method: each next row goes to the class that is furthest behind its share, so asking
    for more rows never changes the first ones.
    """
    weight = np.asarray(weights, dtype=float)
    share = weight / weight.sum()
    most = np.ceil(share * n).astype(np.int64) + 1
    labels = np.repeat(np.arange(len(weight)), most)
    turn = np.concatenate([np.arange(count) for count in most])
    due = (turn + 0.5) / np.maximum(weight[labels], 1e-300)
    return labels[np.lexsort((labels, due))][:n]
