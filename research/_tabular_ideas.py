"""Ideas for tables that ablations try: parts of the library exchanged for a while, or relabelled.

What stayed is in the library; what is only here measured no better (docs/research.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import NearestNeighbors
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from benchmarks._classifiers import make_classifier
from benchmarks._methods import Augment, Augmented, Training, deficits, ganaug_with
from ganaug import Callback
from ganaug.models.selection import EVIDENCE_FOLDS, OVERSAMPLING, Selector
from ganaug.nets.layout import Layout
from ganaug.tables.anchors import AnchorBank
from ganaug.training.trainer import Trainer

ALWAYS = 10**9
LEAST_ANCHORS = 10
OVERLAP_SHARE = 0.1
WARM_UP_STEPS, HIDDEN_SHARE = 100, 0.3


@contextmanager
def exchanged(parts: Mapping[str, Any]) -> Iterator[None]:
    """Exchange parts of ganaug for a while, such as ``tables.plan.INTERPOLATE_BELOW``."""
    with ExitStack() as stack:
        for name, value in parts.items():
            stack.enter_context(patch(f"ganaug.{name}", value))
        yield


def with_parts(parts: Mapping[str, Any], **options: Any) -> Augment:
    """Return ganaug's augmentation with parts exchanged; options as of ``ganaug_with``."""

    def augment(fold: Training) -> Augmented:
        with exchanged(parts):
            return ganaug_with(**options)(fold)

    return augment


def with_amount(share: float) -> Augment:
    """Return ganaug's augmentation by a share of what each class lacks."""

    def augment(fold: Training) -> Augmented:
        counts = fold.y.value_counts()
        wanted = {k: int(counts[k]) + round(share * n) for k, n in deficits(fold.y).items()}
        return ganaug_with(sampling_strategy=wanted)(fold)

    return augment


def with_weights(
    weigh: Callable[[Training, Augmented], NDArray[np.float64]],
    recipe: Mapping[str, Any] | None = None,
) -> Augment:
    """Return ganaug's augmentation with weights of the synthetic rows, for classifiers."""

    def augment(fold: Training) -> Augmented:
        found = ganaug_with(recipe=dict(recipe or {}))(fold)
        weights = np.concatenate([np.ones(len(fold.y)), weigh(fold, found)])
        return replace(found, weights=pd.Series(weights))

    return augment


def half(fold: Training, found: Augmented) -> NDArray[np.float64]:
    """Let a synthetic row count half."""
    return np.full(len(found.y) - len(fold.y), 0.5)


def by_evidence(fold: Training, found: Augmented) -> NDArray[np.float64]:
    """Let a synthetic row count as much as trees believe its class, on average as a real row."""
    encoder = make_classifier("forest", fold.categorical, fold.seed)[:-1]
    trees = ExtraTreesClassifier(
        200, min_samples_leaf=3, class_weight="balanced", random_state=fold.seed
    )
    # Numbers for labels: balanced forests of scikit-learn 1.9 refuse strings of digits.
    codes = np.unique(found.y.to_numpy(str), return_inverse=True)[1]
    trees.fit(encoder.fit_transform(fold.X), codes[: len(fold.y)])
    labels = codes[len(fold.y) :]
    chance = trees.predict_proba(encoder.transform(found.X.iloc[len(fold.y) :]))
    own = pd.Series(chance[np.arange(len(labels)), labels])
    weights: NDArray[np.float64] = (own / own.groupby(labels).transform("mean")).to_numpy()
    return weights


def with_overlap_class(fold: Training) -> Augmented:
    """Make the majority rows that look rare a class of their own (Zhao et al. 2024, ORD).

    They are the tenth of the largest class to which out-of-fold trees give the highest chance of
    being rare. The GAN sees them as one more class; the classifiers never do.
    """
    counts = fold.y.value_counts()
    largest = str(counts.index[0])
    encoder = make_classifier("forest", fold.categorical, fold.seed)[:-1]
    rows = encoder.fit_transform(fold.X)
    trees = ExtraTreesClassifier(200, min_samples_leaf=3, random_state=fold.seed)
    chance = cross_val_predict(trees, rows, fold.y == largest, cv=3, method="predict_proba")
    common = np.flatnonzero(fold.y == largest)
    confusable = common[np.argsort(chance[common, 1])[: round(OVERLAP_SHARE * len(common))]]
    y = fold.y.reset_index(drop=True).astype(object)
    y.iloc[confusable] = "overlap"
    wanted = {k: int(counts.iloc[0]) for k in deficits(fold.y)}
    parted = Training(fold.X, y, fold.categorical, fold.seed)
    found = ganaug_with(sampling_strategy=wanted)(parted)
    labels = found.y.astype(object).where(found.y != "overlap", largest)
    return Augmented(found.X, labels.astype(fold.y.dtype), found.made, found.note)


class WarmUp(Callback):
    """Teach the generator to complete rows before the game begins, as TAEGAN does.

    A share of the columns of a row is taken from another row of the table; the generator is to
    give the row back.
    """

    def on_train_begin(self, trainer: Any) -> None:
        """Train the generator alone."""
        network, rows, random = trainer.generator, trainer.rows, trainer.random
        if not network.uses_anchors:
            return
        optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
        values, choices = network.layout.span("value"), network.layout.of_kind("choice")
        owner = torch.zeros(network.layout.width, dtype=torch.long)
        for segment in network.layout.segments:
            owner[segment.start : segment.stop] = segment.column
        for _ in range(WARM_UP_STEPS):
            labels = rows.draw_labels(trainer.batch_size, 1, random)
            real = rows.draw_rows(labels, random)
            other = real[torch.randperm(len(real), generator=random)]
            hidden = torch.rand((len(real), int(owner.max()) + 1), generator=random) < HIDDEN_SHARE
            start = torch.where(hidden[:, owner.clamp_min(0)], other, real)
            noise = torch.randn((len(real), network.noise_dim), generator=random)
            raw = network.raw(noise, labels, start)
            loss = mse_loss(raw[:, values], real[:, values]) if values.stop else raw.new_zeros(())
            for one in choices:
                span = slice(one.start, one.stop)
                loss = loss + cross_entropy(raw[:, span], real[:, span].argmax(1)) / len(choices)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


class Judge(nn.Module):
    """Evidence by another rule than cross-fitted classifiers."""

    def __init__(self, rule: Callable[[Tensor, int], Tensor]) -> None:
        super().__init__()
        self.rule = rule

    @torch.inference_mode()
    def margins(self, rows: Tensor, fold: Tensor, label: int) -> Tensor:
        """Return what the rule says of each row; the fold does not matter."""
        return self.rule(rows, label)


class KeepsCritic(Trainer):
    """A trainer that leaves its critic behind."""

    latest: Any = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        KeepsCritic.latest = self.critic


def critic_evidence(_: Tensor, labels: Tensor, *__: Any, **___: Any) -> tuple[Judge, Tensor]:
    """Return the trained critic as the judge."""
    critic = KeepsCritic.latest

    def rule(candidates: Tensor, label: int) -> Tensor:
        own = torch.full((len(candidates),), label)
        answers: Tensor = critic(candidates, own)[0]
        return answers

    return Judge(rule), torch.zeros_like(labels)


def distance_evidence(rows: Tensor, labels: Tensor, *_: Any, **__: Any) -> tuple[Judge, Tensor]:
    """Return a judge that wants distance from other classes, in the manner of ProWSyn."""

    def rule(candidates: Tensor, label: int) -> Tensor:
        others, own = (rows[labels != label], rows[labels == label])
        near = torch.cdist(candidates, own).topk(min(5, len(own)), largest=False).values.mean(1)
        return torch.cdist(candidates, others).topk(5, largest=False).values.mean(1) - near

    return Judge(rule), torch.zeros_like(labels)


class Matching(Selector):
    """Accepts candidates so that their evidence is spread as that of the real rows is."""

    bins = 10

    @torch.inference_mode()
    def choose(self, rows: Tensor, label: int) -> Tensor:
        """Return the rows that are kept: a row of a common margin needs more luck."""
        if not self.counts[label]:
            return torch.arange(len(rows))
        end = int(self.counts[: label + 1].sum())
        own = self.references[end - int(self.counts[label]) : end]
        fold = torch.arange(len(rows)) % EVIDENCE_FOLDS
        margin = self.evidence.margins(rows, fold, label)
        real = self.evidence.margins(own, torch.arange(len(own)) % EVIDENCE_FOLDS, label)
        edges = torch.quantile(real, torch.linspace(0, 1, self.bins + 1))[1:-1]
        place = torch.bucketize(margin, edges)
        share = torch.bincount(place, minlength=self.bins) / len(rows)
        accept = (1 / self.bins) / share.clamp_min(1e-6)
        accept = accept / accept[share > 0].max()
        luck = torch.rand(len(rows), generator=torch.Generator().manual_seed(label))
        kept = torch.nonzero((luck < accept[place]) & ~self._near_copies(rows, label)).squeeze(1)
        enough = -(-len(rows) // OVERSAMPLING)
        return kept if len(kept) >= enough else torch.arange(enough)


class Sociable(AnchorBank):
    """Anchors without isolated rows, unless fewer than ten others are left.

    None of the seven nearest rows of such a row belongs to its class; Borderline-SMOTE (Han et al.
    2005) calls it noise.
    """

    @classmethod
    def build(
        cls,
        encoded: NDArray[np.float32],
        codes: NDArray[np.int64],
        keep: Sequence[bool],
        layout: Layout,
    ) -> AnchorBank:
        """Collect the rows that have another of their class near."""
        finder = NearestNeighbors(n_neighbors=min(8, len(codes))).fit(encoded)
        near = finder.kneighbors(encoded, return_distance=False)
        akin = (codes[near] == codes[:, None]) & (near != np.arange(len(codes))[:, None])
        among = akin.any(1)
        among |= np.bincount(codes, among)[codes] < LEAST_ANCHORS
        return AnchorBank.build(encoded[among], codes[among], keep, layout)


def interpolate(_: Any, anchors: Any, labels: Tensor, random: torch.Generator) -> Tensor:
    """Return the starting points themselves, in place of what the generator makes of them."""
    rows: Tensor = anchors.draw(labels, random)
    return rows
