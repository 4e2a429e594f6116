"""What networks are built for when they are checked: shapes, classes and real data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ganaug.errors import ConfigError
from ganaug.images.fitting import TRAINING_DATA
from ganaug.images.saving import filled
from ganaug.nets.blueprint import Blueprint
from ganaug.nets.layout import Layout
from ganaug.nets.mlp import MLPCritic, MLPGenerator
from ganaug.nets.unet import PatchCritic, UNetGenerator
from ganaug.recipe import Architecture, Recipe
from ganaug.recipe.rules import CHANGING_KINDS
from ganaug.runtime.rng import numpy_stream, torch_stream
from ganaug.tables.anchors import AnchorBank
from ganaug.tables.codec import TableCodec
from ganaug.testing.samples import sample_table
from ganaug.training.data import Batch, TrainingRows
from ganaug.training.images import TrainingImages
from ganaug.training.pairs import SourcesAndTargets

Shape = tuple[int, ...]
Make = Callable[[torch.Generator], Any]
Networks = tuple[Callable[..., Any], Callable[..., Any]]

ROWS = 24
"""Real rows or images of a setting: a multiple of all numbers of classes."""

BATCH = 8
"""Rows made at once: a multiple of ``pac``."""

OTHERS = ("mlp", "unet")
"""Kinds that are not built from a blueprint of images: those of tables and of pairs."""

CLOSE = 1e-4
"""How far apart two results may be that differ only by rounding."""

SMALL = Architecture(width=4, depth=1, noise_dim=6, embedding_dim=4)


@dataclass(frozen=True)
class Setting:
    """One thing that a pair of networks can be built for.

    Parameters
    ----------
    title : str
        For messages.
    shape : tuple of int
        Of what the generator makes.
    make_generator, make_critic : callable
        Return a network with weights from a stream.
    reload : callable
        Return a generator with the weights of a state, as loading a saved model does.
    rows : TrainingRows
        Real data, as the networks are shown them in training.
    told : Tensor of shape (BATCH, ...)
        Labels, or source images.
    start : Tensor of shape (BATCH, *shape)
        Real rows for a generator that starts from them.
    pac : int
    varies_by : {"class", "start", "source", ""}
        What the generator's output must depend on, beside the noise.
    told_critic : bool
        Whether the critic's answer must depend on ``told``.
    layout : Layout or None
        Of encoded rows; None for images.
    """

    title: str
    shape: Shape
    make_generator: Make
    make_critic: Make
    reload: Callable[[dict[str, Tensor]], nn.Module]
    rows: TrainingRows
    told: Tensor
    start: Tensor
    pac: int = 1
    varies_by: str = "class"
    told_critic: bool = True
    layout: Layout | None = None

    def generator(self, seed: int = 0) -> Any:
        """Return a generator, in training mode."""
        return self.make_generator(torch_stream(seed, "generator"))

    def critic(self, seed: int = 0) -> Any:
        """Return a critic, in training mode."""
        return self.make_critic(torch_stream(seed, "critic"))

    def noise(self, generator: Any, seed: int = 0) -> Tensor:
        """Return noise for a batch."""
        return torch.randn((BATCH, generator.noise_dim), generator=torch_stream(seed, "noise"))

    def run(
        self,
        generator: Any,
        noise: Tensor | None = None,
        told: Tensor | None = None,
        start: Tensor | None = None,
    ) -> Tensor:
        """Return what a generator makes, by default of the same inputs each time."""
        first = (self.start if start is None else start) if generator.uses_anchors else None
        return generator(
            self.noise(generator) if noise is None else noise,
            self.told if told is None else told,
            first,
            torch_stream(0, "draws"),
        )

    def batch(self, generator: Any, seed: int = 0) -> Batch:
        """Return real and generated rows, as the critic sees them in training."""
        return self.rows.draw_batch(generator, BATCH, self.pac, torch_stream(seed, "batch"))


def allows(kind: str, **changes: Any) -> bool:
    """Return whether the rules of recipes let a kind of network have these fields.

    Examples
    --------
    >>> from ganaug.testing.settings import allows
    >>> allows("dcgan", progressive=0.5), allows("image-mlp", progressive=0.5)
    (True, False)
    """
    needed: dict[str, Any] = {"reconstruction": 1.0} if kind == "warp" else {}
    try:
        Recipe().replace(kind=kind, **needed, **changes)
    except ConfigError:
        return False
    return True


def settings_of(kind: str, networks: Networks) -> list[Setting]:
    """Return all settings of a kind of network; ``networks`` are those of images."""
    if kind == "mlp":
        told = {"projection": 3, "concat": 2, "per-class": 1}
        packed = table_setting("projection", 2, pac=2)
        return [*(table_setting(*each) for each in told.items()), packed]
    if kind == "unet":
        shapes = [((1, 8, 8), (3, 8, 8)), ((3, 16, 16), (1, 16, 16)), ((2, 9, 13), (2, 9, 13))]
        return [pair_setting(*both) for both in shapes]
    named = ("projection", "concat", "per-class")
    ways = [way for way in named if allows(kind, conditioning=way)]
    settings = [
        image_setting(kind, networks, (1, 8, 8), 1 if way == "per-class" else 3, way)
        for way in ways
    ]
    settings.append(image_setting(kind, networks, (3, 9, 13), 2, ways[0]))
    pac = 2 if allows(kind, pac=2) else 1
    return [*settings, image_setting(kind, networks, (4, 16, 16), 4, ways[0], pac)]


def image_setting(
    kind: str,
    networks: Networks,
    shape: tuple[int, int, int],
    n_classes: int,
    conditioning: str,
    pac: int = 1,
    **sizes: Any,
) -> Setting:
    """Return what a pair of networks of images is built for."""
    architecture = replace(SMALL, **{"kind": kind, **sizes})
    counts = torch.full((n_classes,), ROWS // n_classes)
    plan = Blueprint(shape, counts, conditioning, pac, architecture)
    images = torch.rand((ROWS, *shape), generator=torch_stream(0, "images")) * 2 - 1
    codes = torch.arange(ROWS) % n_classes
    rows = TRAINING_DATA.get(kind, TrainingImages)(
        images, codes, n_classes, 1.0, torch.device("cpu")
    )
    make_generator, make_critic = networks
    shown = plan
    if kind in TRAINING_DATA:  # their critics see smaller images, or layouts
        network = make_generator(plan, torch_stream(0))
        seen = rows.draw_batch(network, BATCH, pac, torch_stream(0)).real.shape
        shown = replace(plan, shape=(seen[1], seen[2], seen[3]))
    # A saved model does not know how many images it has seen, and no packs.
    saved = replace(plan, counts=torch.ones(n_classes), pac=1)
    return Setting(
        f"{shape[1]}x{shape[2]} with {shape[0]} channel(s), {n_classes} class(es), "
        f"conditioning={conditioning!r}, pac={pac}",
        shape,
        lambda random: make_generator(plan, random),
        lambda random: make_critic(shown, random),
        lambda state: filled(lambda: make_generator(saved, torch_stream(1)), state),
        rows,
        (torch.arange(BATCH) // pac) % n_classes,
        images[:BATCH],
        pac,
        _varies_by(kind, n_classes),
        n_classes > 1 and kind != "light",
    )


def _varies_by(kind: str, n_classes: int) -> str:
    if kind in CHANGING_KINDS:
        return "start"
    return "class" if n_classes > 1 else ""


def table_setting(conditioning: str, n_classes: int, pac: int = 1) -> Setting:
    """Return what the networks of tables are built for; half of the classes are anchored."""
    frame = sample_table(ROWS * 2)
    codec = TableCodec.fit(frame, [False] * frame.shape[1], seed=0)
    encoded = codec.encode(frame, numpy_stream(0))
    codes = np.arange(len(frame)) % n_classes
    anchored = torch.arange(n_classes) % 2 == 1
    bank = AnchorBank.build(encoded, codes, anchored.tolist(), codec.layout)
    layout, tables = codec.layout, [torch.from_numpy(table) for table in codec.tables]

    def make(random: torch.Generator) -> MLPGenerator:
        return MLPGenerator(layout, tables, anchored, SMALL, random)

    def reload(state: dict[str, Tensor]) -> nn.Module:
        network = make(torch_stream(1))
        network.load_state_dict(state)
        return network.eval()

    rows = torch.from_numpy(encoded)
    return Setting(
        f"a table, {n_classes} class(es), conditioning={conditioning!r}, pac={pac}",
        (layout.width,),
        make,
        lambda random: MLPCritic(layout.width, n_classes, conditioning, pac, SMALL, random),
        reload,
        TrainingRows(rows, torch.from_numpy(codes), n_classes, 1.0, torch.device("cpu"), bank),
        (torch.arange(BATCH) // pac) % n_classes,
        rows[:BATCH],
        pac,
        "class" if n_classes > 1 else "",
        n_classes > 1,
        layout,
    )


def pair_setting(source: tuple[int, int, int], target: tuple[int, int, int]) -> Setting:
    """Return what the networks of pairs of images are built for."""
    sizes = replace(SMALL, kind="unet", dropout=0.5)
    random = torch_stream(0, "pairs")
    sources, targets = (
        torch.rand((ROWS, *shape), generator=random) * 2 - 1 for shape in (source, target)
    )

    def make(random: torch.Generator) -> UNetGenerator:
        return UNetGenerator(source, target, sizes, random)

    return Setting(
        f"{source[1]}x{source[2]}, {source[0]} channel(s) to {target[0]}",
        target,
        make,
        lambda random: PatchCritic(source, target, sizes, random),
        lambda state: filled(lambda: make(torch_stream(1)), state),
        SourcesAndTargets(sources, targets, torch.device("cpu")),
        sources[:BATCH],
        targets[:BATCH],
        varies_by="source",
    )


class NetworkSubject:
    """A generator and a critic under test.

    Parameters
    ----------
    kind : str
        Kind of network of a recipe.
    networks : tuple of callable
        What makes both; unused for the kinds that are not in ``IMAGE_NETWORKS``.
    """

    def __init__(self, kind: str, networks: Networks) -> None:
        self.kind, self.networks = kind, networks

    @cached_property
    def settings(self) -> list[Setting]:
        """All that the networks are built for here."""
        return settings_of(self.kind, self.networks)

    def generators(self) -> Iterator[tuple[Setting, Any]]:
        """Yield a generator of each setting, as it samples."""
        for setting in self.settings:
            yield setting, setting.generator().eval()
