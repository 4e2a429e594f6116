"""Residual multilayer perceptrons for encoded tables."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from ganaug.nets.blocks import (
    ProjectionOutput,
    ResidualBody,
    embedding,
    group_deviation,
    linear,
)
from ganaug.nets.layout import Layout
from ganaug.recipe import Architecture

ANCHOR_LOGIT = 4.0
"""Logit of an anchor's own category before training: e^4, about 55, to 1 against each other."""

TEMPERATURE = 0.5
"""Temperature of the relaxed categories that carry the generator's gradient.

A lower one is closer to the drawn category, and its gradient varies more (Jang et al. 2017)."""


class TableHead(nn.Module):
    """Turns raw outputs into an encoded row: numbers stay, categories are drawn.

    A category is drawn exactly (Gumbel-max), and its gradient is that of the relaxed draw
    (straight-through Gumbel-softmax, Jang et al. 2017). Real and generated rows then both have
    one-hot vectors, and the critic cannot distinguish them by softness.

    Parameters
    ----------
    layout : Layout
        Segments of the encoded row.
    tables : sequence of Tensor of shape (levels, width)
        The fixed embedding table of each ``code`` segment.
    n_classes : int
        Rows of :attr:`offsets`.

    Attributes
    ----------
    offsets : Tensor of shape (n_classes, choice columns)
        Added to the logits of the categories outside training; calibration sets them.
    """

    offsets: Tensor
    pad: Tensor
    firsts: Tensor
    owner: Tensor
    member: Tensor

    def __init__(self, layout: Layout, tables: Sequence[Tensor], n_classes: int) -> None:
        super().__init__()
        self.layout = layout
        self.values = layout.span("value")
        self.choices = layout.span("choice")
        self.code_segments = layout.of_kind("code")
        width = self.choices.stop - self.choices.start
        self.register_buffer("offsets", torch.zeros(n_classes, width))
        # Not persistent: these follow from the layout and the tables, which are saved elsewhere.
        for name, index in _choice_indices(layout).items():
            self.register_buffer(name, index, persistent=False)
        for i, table in enumerate(tables):
            self.register_buffer(f"table_{i}", table, persistent=False)

    def forward(self, raw: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Map (batch, width) raw outputs to (batch, width) encoded rows."""
        parts = [raw[:, self.values]]
        if self.firsts.numel():
            parts.append(self._draw_choices(self._logits(raw, labels), generator))
        for i, segment in enumerate(self.code_segments):
            table = getattr(self, f"table_{i}")
            logits = raw[:, segment.start : segment.stop] @ table.T
            parts.append(_draw_one(logits, generator) @ table)
        return torch.cat(parts, 1) if len(parts) > 1 else parts[0]

    def probabilities(self, raw: Tensor, labels: Tensor) -> Tensor:
        """Return the probability of each category, (batch, choice columns)."""
        logits = self._logits(raw, labels)
        return self._segment_softmax(logits, self._padded(logits).amax(-1))

    def _logits(self, raw: Tensor, labels: Tensor) -> Tensor:
        logits = raw[:, self.choices]
        # Calibration sets the offsets after training; until then they are zero.
        return logits if self.training else logits + self.offsets[labels]

    def _padded(self, logits: Tensor) -> Tensor:
        """Return (batch, segments, widest segment); a padded place is never the largest."""
        # -1e9 is below every logit.
        low = logits.new_full((logits.shape[0], 1), -1e9)
        wide = torch.cat([logits, low], 1).index_select(1, self.pad)
        return wide.reshape(logits.shape[0], self.firsts.shape[0], -1)

    def _segment_softmax(self, logits: Tensor, largest: Tensor) -> Tensor:
        """Return the softmax within each segment, for all segments at once."""
        share = (logits - largest.index_select(1, self.owner)).exp()
        return share / (share @ self.member).index_select(1, self.owner)

    def _draw_choices(self, logits: Tensor, generator: torch.Generator) -> Tensor:
        """Draw a category for each segment; return the straight-through one-hot vectors."""
        perturbed = logits + _gumbel_noise(logits, generator)
        largest, chosen = self._padded(perturbed.detach()).max(-1)
        hard = torch.zeros_like(logits).scatter_(1, chosen + self.firsts, 1.0)
        if not logits.requires_grad:
            return hard
        soft = self._segment_softmax(perturbed / TEMPERATURE, largest / TEMPERATURE)
        return hard - soft.detach() + soft  # the value of hard, the gradient of soft


def _choice_indices(layout: Layout) -> dict[str, Tensor]:
    """Return index tensors that treat all ``choice`` segments as one block.

    Segments of different widths become one padded block, so that any number of categorical columns
    costs the same handful of operations: ``pad`` (its columns in the flat logits), ``firsts`` (the
    first column of each segment), ``owner`` (the segment of each column) and ``member`` (1 where
    a column belongs to a segment).
    """
    choices, span = layout.of_kind("choice"), layout.span("choice")
    widest = max((segment.width for segment in choices), default=0)
    pad = torch.full((len(choices), widest), span.stop - span.start)
    firsts = torch.tensor([segment.start - span.start for segment in choices], dtype=torch.long)
    for row, segment in enumerate(choices):
        pad[row, : segment.width] = firsts[row] + torch.arange(segment.width)
    widths = torch.tensor([segment.width for segment in choices], dtype=torch.long)
    owner = torch.arange(len(choices)).repeat_interleave(widths)
    member = one_hot(owner, len(choices)).float() if len(choices) else torch.zeros(0, 0)
    return {"pad": pad.flatten(), "firsts": firsts, "owner": owner, "member": member}


def _gumbel_noise(logits: Tensor, generator: torch.Generator) -> Tensor:
    """Return standard Gumbel noise of the shape of ``logits``: -log(-log(u)), u uniform."""
    # Uniform numbers are drawn several times faster than exponential ones.
    uniform = torch.rand(logits.shape, generator=generator, device=logits.device)
    # Bounds inside (0, 1) in single precision keep both logarithms finite.
    return uniform.clamp_(1e-20, 1.0 - 2**-24).log_().neg_().log_().neg_()


def _draw_one(logits: Tensor, generator: torch.Generator) -> Tensor:
    """Draw a category along the last axis; return the straight-through one-hot."""
    perturbed = logits + _gumbel_noise(logits, generator)
    hard = one_hot(perturbed.detach().argmax(-1), logits.shape[-1]).to(logits.dtype)
    if not logits.requires_grad:
        return hard
    soft = (perturbed / TEMPERATURE).softmax(-1)
    return hard - soft.detach() + soft


class MLPGenerator(ResidualBody):
    """Makes encoded rows from noise and a class, for anchored classes also from a real row.

    An anchored class is generated as ``anchor + delta(noise, class, anchor)``: each synthetic row
    starts from a real row of the class and is moved by the generator. With few rows of a class,
    moving a plausible point is easier to learn than making one from noise.

    Parameters
    ----------
    layout : Layout
        Segments of the encoded row.
    tables : sequence of Tensor
        See :class:`TableHead`.
    anchored : Tensor of shape (n_classes,)
        1 for classes whose rows start from an anchor, else 0.
    architecture : Architecture
        Sizes.
    generator : torch.Generator
        Source of the initial weights.
    """

    anchored: Tensor
    anchor_scale: Tensor

    def __init__(
        self,
        layout: Layout,
        tables: Sequence[Tensor],
        anchored: Tensor,
        architecture: Architecture,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        n_classes = anchored.shape[0]
        self.layout = layout
        self.noise_dim = architecture.noise_dim
        self.register_buffer("anchored", anchored.float())
        self.uses_anchors = bool(anchored.any())
        self.classes = embedding(n_classes, architecture.embedding_dim, generator)
        inputs = architecture.noise_dim + architecture.embedding_dim
        inputs += layout.width if self.uses_anchors else 0
        width, kind = architecture.width, architecture.generator_norm
        self.make_body(inputs, width, architecture.depth, kind, generator)
        # Small: before training, the rows of an anchored class are close to their anchors.
        self.leave = linear(width, layout.width, generator, gain=0.3)
        scale = torch.ones(layout.width)
        scale[layout.span("choice")] = ANCHOR_LOGIT
        self.register_buffer("anchor_scale", scale, persistent=False)
        self.head = TableHead(layout, tables, n_classes)

    def raw(self, noise: Tensor, labels: Tensor, anchors: Tensor | None) -> Tensor:
        """Return the outputs before categories are drawn, (batch, width)."""
        inputs = [noise, self.classes[labels]]
        shift: Tensor | None = None
        if self.uses_anchors and anchors is not None:
            # Zero for the classes that are not anchored, which start from noise alone.
            gated = anchors * self.anchored[labels].unsqueeze(1)
            inputs.append(gated)
            shift = gated * self.anchor_scale
        raw: Tensor = self.leave(self.body(torch.cat(inputs, 1)))
        return raw if shift is None else raw + shift

    def forward(
        self, noise: Tensor, labels: Tensor, anchors: Tensor | None, generator: torch.Generator
    ) -> Tensor:
        """Generate encoded rows.

        Parameters
        ----------
        noise : Tensor of shape (batch, noise_dim)
        labels : Tensor of shape (batch,)
        anchors : Tensor of shape (batch, width) or None
        generator : torch.Generator
            Draws the categories.

        Returns
        -------
        Tensor of shape (batch, width)
        """
        return self.head(self.raw(noise, labels, anchors), labels, generator)


class MLPCritic(ResidualBody, ProjectionOutput):
    """Scores packs of ``pac`` rows of one class.

    Parameters
    ----------
    width_in : int
        Columns of a row.
    n_classes : int
    conditioning : {"projection", "concat", "per-class"}
    pac : int
        Rows in a pack.
    architecture : Architecture
        Sizes.
    generator : torch.Generator
        Source of the initial weights.
    """

    def __init__(
        self,
        width_in: int,
        n_classes: int,
        conditioning: str,
        pac: int,
        architecture: Architecture,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.pac = pac
        self.n_classes = n_classes
        self.concat = conditioning == "concat"
        self.compares = architecture.minibatch_stddev
        inputs = width_in * pac + (n_classes if self.concat else 0) + self.compares
        width, kind = architecture.width, architecture.critic_norm
        self.make_body(inputs, width, architecture.depth, kind, generator)
        self.make_output(width, n_classes if conditioning == "projection" else 0, generator)

    def forward(self, rows: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits of shape (batch / pac,) and features of shape (batch / pac, hidden)."""
        packed = rows.reshape(rows.shape[0] // self.pac, -1)
        labels = labels[:: self.pac]  # the rows of a pack have one class
        if self.concat:
            packed = torch.cat([packed, one_hot(labels, self.n_classes).to(packed.dtype)], 1)
        if self.compares:
            packed = torch.cat([packed, group_deviation(packed)], 1)
        features = self.body(packed)
        return self.logits(features, labels), features
