"""Residual multilayer perceptrons for encoded tables."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from ganaug.encoding import Layout
from ganaug.nets.blocks import ResidualBlock, activate, embedding, linear
from ganaug.recipe import Architecture

ANCHOR_LOGIT = 4.0
"""How strongly an anchor's category is preferred before the network has learned anything."""

TEMPERATURE = 0.5
"""Temperature of the relaxed categories that carry the generator's gradient."""


class TableHead(nn.Module):
    """Turns raw outputs into an encoded row: numbers stay, categories are drawn.

    A category is drawn exactly (Gumbel-max) and its gradient is that of the relaxed draw
    (straight-through Gumbel-softmax, Jang et al. 2017), so the critic sees one-hot vectors from
    both sides and cannot tell them apart by softness.

    Parameters
    ----------
    layout : Layout
        Of the encoded row.
    tables : sequence of Tensor of shape (levels, width)
        The fixed embedding table of each ``code`` segment.
    n_classes : int
        Classes that :attr:`offsets` distinguishes.
    """

    def __init__(self, layout: Layout, tables: Sequence[Tensor], n_classes: int) -> None:
        super().__init__()
        self.layout = layout
        self.values = layout.span("value")
        self.choices = layout.span("choice")
        choices = layout.of_kind("choice")
        widest = max((segment.width for segment in choices), default=0)
        # Choices of different widths become one padded block, so that any number of categorical
        # columns costs the same handful of operations.
        pad = torch.full((len(choices), widest), self.choices.stop - self.choices.start)
        back = []
        for row, segment in enumerate(choices):
            first = segment.start - self.choices.start
            pad[row, : segment.width] = torch.arange(first, first + segment.width)
            back.append(torch.arange(segment.width) + row * widest)
        self.register_buffer("pad", pad, persistent=False)
        back_index = torch.cat(back) if back else torch.zeros(0, dtype=torch.long)
        self.register_buffer("back", back_index, persistent=False)
        width = self.choices.stop - self.choices.start
        self.register_buffer("offsets", torch.zeros(n_classes, width))
        self.code_segments = layout.of_kind("code")
        for i, table in enumerate(tables):
            self.register_buffer(f"table_{i}", table, persistent=False)

    def forward(self, raw: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Map (batch, width) raw outputs to (batch, width) encoded rows."""
        parts = [raw[:, self.values]]
        if self.pad.numel():
            logits = raw[:, self.choices] + self.offsets[labels]
            parts.append(self._draw_choices(logits, generator))
        for i, segment in enumerate(self.code_segments):
            table = getattr(self, f"table_{i}")
            hard, _ = _gumbel(raw[:, segment.start : segment.stop] @ table.T, generator)
            parts.append(hard @ table)
        return torch.cat(parts, 1) if len(parts) > 1 else parts[0]

    def probabilities(self, raw: Tensor, labels: Tensor) -> Tensor:
        """Return the probability of each category, (batch, choice columns)."""
        logits = raw[:, self.choices] + self.offsets[labels]
        return self._unpad(self._padded(logits).softmax(-1))

    def _padded(self, logits: Tensor) -> Tensor:
        low = logits.new_full((logits.shape[0], 1), -1e9)
        return torch.cat([logits, low], 1)[:, self.pad]

    def _unpad(self, block: Tensor) -> Tensor:
        return block.flatten(1)[:, self.back]

    def _draw_choices(self, logits: Tensor, generator: torch.Generator) -> Tensor:
        hard, _ = _gumbel(self._padded(logits), generator)
        return self._unpad(hard)


def _gumbel(logits: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw a category along the last axis; return the straight-through one-hot and its index."""
    noise = torch.empty_like(logits).exponential_(generator=generator).clamp_min_(1e-20)
    perturbed = logits - noise.log()
    index = perturbed.detach().argmax(-1)
    hard = one_hot(index, logits.shape[-1]).to(logits.dtype)
    if not logits.requires_grad:
        return hard, index
    soft = (perturbed / TEMPERATURE).softmax(-1)
    return hard - soft.detach() + soft, index


class MLPGenerator(nn.Module):
    """Noise, class and (for anchored classes) a real row's encoding in; an encoded row out.

    An anchored class is generated as ``anchor + delta(noise, class, anchor)``: with few rows of
    a class, moving a point that is known to be plausible is easier than inventing one.

    Parameters
    ----------
    layout : Layout
        Of the encoded row.
    tables : sequence of Tensor
        See :class:`TableHead`.
    anchored : Tensor of shape (n_classes,)
        1 for classes whose rows start from an anchor, else 0.
    architecture : Architecture
        Sizes.
    generator : torch.Generator
        Source of the initial weights.
    """

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
        self.enter = linear(inputs, width, generator)
        self.blocks = nn.ModuleList(
            ResidualBlock(width, kind, generator) for _ in range(architecture.depth)
        )
        # A small last layer: an anchored class starts out as its anchors.
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
            gated = anchors * self.anchored[labels].unsqueeze(1)
            inputs.append(gated)
            shift = gated * self.anchor_scale
        hidden = self.enter(torch.cat(inputs, 1))
        for block in self.blocks:
            hidden = block(hidden)
        raw = self.leave(activate(hidden))
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


class MLPCritic(nn.Module):
    """Scores packed rows: (batch, width) and labels in, (batch / pac,) logits and features out."""

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
        inputs = width_in * pac + (n_classes if self.concat else 0)
        width, kind = architecture.width, architecture.critic_norm
        self.enter = linear(inputs, width, generator)
        self.blocks = nn.ModuleList(
            ResidualBlock(width, kind, generator) for _ in range(architecture.depth)
        )
        self.leave = linear(width, 1, generator, gain=1.0)
        self.classes: nn.Parameter | None = None
        if conditioning == "projection":
            self.classes = embedding(n_classes, width, generator, scale=width**-0.5)

    def forward(self, rows: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits of shape (batch / pac,) and features of shape (batch / pac, hidden)."""
        packed = rows.reshape(rows.shape[0] // self.pac, -1)
        labels = labels[:: self.pac]
        if self.concat:
            packed = torch.cat([packed, one_hot(labels, self.n_classes).to(packed.dtype)], 1)
        hidden = self.enter(packed)
        for block in self.blocks:
            hidden = block(hidden)
        features = activate(hidden)
        logits = self.leave(features).squeeze(1)
        if self.classes is not None:
            logits = logits + (features * self.classes[labels]).sum(1)
        return logits, features
