"""A run on images: all arms of a seed, and what the images that they trained on are like."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks import _environment as environment
from benchmarks._images_arms import SOURCES, Arm, Made, Request, copied, make
from benchmarks._images_data import ImageSet, by_class, to_tensor
from benchmarks._images_metrics import Judges, describe_class
from benchmarks._images_net import Protocol, accuracies, predict, train
from benchmarks._run import Run, Unit, fingerprint

FORMAT = 1
"""Raise this when an arm, the classifier or a score comes to mean something else."""


@dataclass(frozen=True)
class ImageSettings:
    """What a run on images does.

    Attributes
    ----------
    protocol : Protocol
    arms : tuple of Arm
    seeds : tuple of int
        Of the GAN, of the classifier's initial weights and of its batches.
    device : str
    max_steps : int or None
        Of the GAN; None leaves the default.
    max_minutes : float or None
        No seed is begun that would probably end after this.
    fresh : bool
        Whether fits and scores of earlier runs are ignored.
    """

    protocol: Protocol
    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    device: str = "cpu"
    max_steps: int | None = None
    max_minutes: float | None = None
    fresh: bool = False

    @property
    def sources(self) -> list[str]:
        """Where the arms take images from."""
        return [name for name in SOURCES if any(arm.source == name for arm in self.arms)]

    def describe(self) -> dict[str, Any]:
        """Return the settings as plain values."""
        return {**asdict(self), "arms": [arm.name for arm in self.arms]}


@dataclass
class ImageRun(Run[int]):
    """A run on images; a unit is a seed.

    Attributes
    ----------
    settings : ImageSettings
    data : ImageSet
    """

    settings: ImageSettings
    data: ImageSet = field(kw_only=True)

    def units(self) -> Iterator[Unit[int]]:
        """Yield the seeds."""
        name = self.data.name
        for seed in self.settings.seeds:
            yield Unit(f"{name}, seed {seed}", kind=name, cut=seed, work=seed)

    def measure(self, work: int) -> None:
        """Score every arm, then look at the images made."""
        Turn(self, work).execute()

    @cached_property
    def device(self) -> torch.device:
        """The device of the classifiers."""
        return torch.device(self.settings.device)

    @cached_property
    def judges(self) -> Judges:
        """The classifiers that judge images."""
        return Judges(self.data, self.settings.protocol, self.device)

    def key(self, seed: int, *what: str, source: str | None) -> str:
        """Return the key of a result; ``source`` is where its images are from."""
        ganaug = source == "ganaug"
        return fingerprint(
            ganaug=ganaug,
            device=self.machine,
            format=FORMAT,
            what=what,
            seed=seed,
            data=[self.data.name, self.data.digest],
            protocol=asdict(self.settings.protocol),
            max_steps=self.settings.max_steps if ganaug else None,
            torch=environment.package_version("torch"),
        )

    @property
    def machine(self) -> str:
        """The accelerator, or "cpu"."""
        return environment.device() if self.settings.device == "cuda" else self.settings.device


@dataclass
class Turn:
    """One seed of a run."""

    run: ImageRun
    seed: int
    made: dict[str, Made] = field(default_factory=dict)

    def execute(self) -> None:
        """Score every arm, then look at the images made."""
        for arm in self.run.settings.arms:
            key = self.run.key(self.seed, "score", arm.name, source=arm.source)
            if key in self.run.done:
                self.run.rows.append(self.run.done[key])
            else:
                self.run.add(self._score(arm, key))
        self._describe()

    def _score(self, arm: Arm, key: str) -> dict[str, Any]:
        data, settings = self.run.data, self.run.settings
        images, codes = data.images, data.codes
        made = None if arm.source is None else self._made(arm.source)
        if made is not None:
            images = np.concatenate([images, made.images])
            codes = np.concatenate([codes, made.codes])
        begun = time.perf_counter()
        network = train(
            settings.protocol,
            to_tensor(images),
            torch.from_numpy(codes),
            len(data.classes),
            self.seed,
            balanced=arm.balanced,
            moved=arm.moved,
            device=self.run.device,
        )
        seconds = time.perf_counter() - begun
        predicted = predict(network, to_tensor(data.test_images), self.run.device)
        truth = torch.from_numpy(data.test_codes)
        scores = accuracies(predicted, truth, len(data.classes), data.rare)
        self.run.say(
            f"    {arm.name}: balanced {scores['balanced']:.4f}, rare {scores['rare']:.4f}"
        )
        return {
            "key": key,
            "kind": "score",
            "set": data.name,
            "seed": self.seed,
            "method": arm.name,
            "train_images": len(codes),
            "classifier_seconds": seconds,
            "fit": None if made is None else made.record,
            **scores,
        }

    def _made(self, source: str) -> Made:
        """Return a source's images: of this run, of an earlier one, or by a timed fit."""
        if source not in self.made:
            data, settings = self.run.data, self.run.settings
            key = self.run.key(self.seed, "made", source, source=source)
            store = self.run.cache / f"{data.name}-{source}-{self.seed}-{key}.npz"
            found = None if settings.fresh else Made.read(store)
            if found is None:
                request = Request(data, self.seed, settings.device, settings.max_steps)
                found = make(source, request)
                self.run.say(f"    {source}: {found.seconds:.1f} s, load before {found.load}")
                if source == "ganaug":  # the others are made again in a moment
                    found.write(store)
            self.made[source] = found
        return self.made[source]

    def _describe(self) -> None:
        """Look at the images of each source and class beside held-out ones."""
        run, sources = self.run, self.run.settings.sources
        if not sources:
            return
        names = [*sources, "copies", "real"]
        depends = "ganaug" if "ganaug" in sources else None
        key = run.key(self.seed, "pictures", *sources, source=depends)
        lacking = [code for code, n in enumerate(run.data.deficits) if n]
        keys = {(name, code): f"{key}-{name}-{code}" for code in lacking for name in names}
        if all(one in run.done for one in keys.values()):
            run.rows += [run.done[one] for one in keys.values()]
            return
        made = {name: self._made(name) for name in sources}
        made["copies"] = copied(Request(run.data, self.seed))
        for code in lacking:
            pools = {k: to_tensor(m.images[by_class(m.codes, code)]) for k, m in made.items()}
            found = describe_class(run.judges, code, pools, self.seed)
            run.add(
                *(
                    {
                        "key": keys[name, code],
                        "kind": "picture",
                        "set": run.data.name,
                        "seed": self.seed,
                        "source": name,
                        "class": run.data.classes[code],
                        "train_images": run.data.counts[code],
                        **found[name],
                    }
                    for name in names
                )
            )


def by_kind(rows: Sequence[dict[str, Any]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of a run apart.

    Returns
    -------
    scores : DataFrame
        One row a seed and arm.
    pictures : DataFrame
        One row a seed, source and class.
    """
    scores, pictures = (
        pd.DataFrame([row for row in rows if row["kind"] == kind]) for kind in ("score", "picture")
    )
    return scores, pictures
