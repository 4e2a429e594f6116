"""Models of tables, and the calibration of their category frequencies.

Candidates are made in full chunks of :data:`CHUNK` rows. Each chunk has a random stream of its own,
derived from seed, class and chunk number, and depends on nothing else. So a longer request starts
with the rows of a shorter one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganaug.models.model import CHUNK, GENERATED, Model
from ganaug.runtime.rng import torch_stream

if TYPE_CHECKING:
    from ganaug.models.selection import Selector
    from ganaug.nets.mlp import MLPGenerator
    from ganaug.tables.anchors import AnchorBank
    from ganaug.tables.codec import TableCodec


CALIBRATION_ROUNDS = 5
"""Corrections of the logits: a mean of probabilities is not linear in them, so one is not exact.

Selection moves the shares again, so that a correction has less effect than it should. After three
rounds the missing rate of a class of 300 rows was off by .021 (booleans) and .023 (40 numbers),
root mean square over six tables; after five rounds by .017 and .014. New draws in each round were
worse where there are many categories: the chance in their logarithms adds up.
"""

CALIBRATION_CHUNKS = 2
"""Chunks on which shares are measured after selection, which may keep a third of their rows."""


class TableModel(Model):
    """A model of encoded rows; its codec is a :class:`~ganaug.tables.codec.TableCodec`."""

    kind: ClassVar[str] = "table"
    codec: TableCodec
    generators: list[MLPGenerator]
    anchors: AnchorBank
    selector: Selector | None


@torch.no_grad()
def calibrate_choices(
    model: TableModel, encoded: NDArray[np.float32], codes: NDArray[np.int64], seed: int
) -> None:
    """Shift the category logits of each class until their mean probabilities match the real rows.

    A generator learns how columns depend on each other better than it learns how frequent each
    category is, and the real frequencies are known exactly. If the model has a selector, the
    frequencies are measured on the rows that it keeps.
    """
    span = model.codec.layout.span("choice")
    if span.start == span.stop:
        return
    overall = torch.from_numpy(encoded[:, span].mean(0)).to(model.device)
    for label, method in enumerate(model.methods):
        if method not in GENERATED:
            continue
        members = torch.from_numpy(encoded[codes == label][:, span]).to(model.device)
        # One row at the frequencies of the whole table is added, so that a category that does not
        # occur in the class stays possible and rare.
        target = (members.sum(0) + overall) / (len(members) + 1)
        generator, local = model.generator_of(label)
        for _ in range(CALIBRATION_ROUNDS):
            random = torch_stream(seed, "calibrate", label, device=model.device)
            found = _category_shares(model, label, random, overall)
            # 1e-6 avoids the logarithm of 0; a round changes odds by at most a factor of e**3 = 20.
            shift = ((target + 1e-6) / (found + 1e-6)).log().clamp(-3.0, 3.0)
            generator.head.offsets[local] += shift


def _category_shares(
    model: TableModel, label: int, random: torch.Generator, overall: Tensor
) -> Tensor:
    """Return the frequency of each category among generated rows of a class, (choice columns,)."""
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
