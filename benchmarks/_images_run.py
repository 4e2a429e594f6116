"""Running the arms of the image benchmark over seeds; every score goes to a file as it comes."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import torch

from benchmarks import _environment as environment
from benchmarks._images_arms import SOURCES, Arm, Made, Request, copied, make
from benchmarks._images_data import ImageSet, by_class, to_tensor
from benchmarks._images_metrics import Judges, describe_class
from benchmarks._images_net import Protocol, accuracies, predict, train

FORMAT = 1
"""Raise this when an arm, the classifier or a score comes to mean something else."""


@dataclass(frozen=True)
class Settings:
    """What a run does.

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
        No seed but the first is begun that would probably end after this.
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
class Run:
    """A run on disk.

    Attributes
    ----------
    settings : Settings
    data : ImageSet
    lines : Path
        JSON Lines file of the scores.
    cache : Path
        Folder of the images made.
    say : callable
        Receives progress, a line at a time.
    cut : list of int
        Seeds that the time limit left out.
    rows : list of dict
        Scores of the arms, and what the images made are like.
    """

    settings: Settings
    data: ImageSet
    lines: Path
    cache: Path
    say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True)
    cut: list[int] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lines.parent.mkdir(parents=True, exist_ok=True)
        self.cache.mkdir(parents=True, exist_ok=True)
        (self.cache / ".gitignore").write_text("*\n")
        if self.settings.fresh:
            self.lines.unlink(missing_ok=True)
        if self.lines.is_file() and not self.lines.read_text().endswith("\n"):
            with self.lines.open("a") as file:
                file.write("\n")  # a kill cut the last line short: the next begins anew

    @cached_property
    def device(self) -> torch.device:
        """The device of the classifiers."""
        return torch.device(self.settings.device)

    @cached_property
    def judges(self) -> Judges:
        """The classifiers that judge images."""
        return Judges(self.data, self.settings.protocol, self.device)

    def execute(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Run everything that is not yet on disk.

        Returns
        -------
        scores : DataFrame
            One row a seed and arm.
        pictures : DataFrame
            One row a seed, source and class.
        """
        done = {row["key"]: row for row in self._read()}
        started, slowest = time.perf_counter(), 0.0
        for number, seed in enumerate(self.settings.seeds, 1):
            begun = time.perf_counter()
            limit = 60 * (self.settings.max_minutes or float("inf"))
            if number > 1 and begun - started + slowest > limit:
                self.cut.append(seed)
                continue
            self.say(f"[{number}/{len(self.settings.seeds)}] {self.data.name} seed {seed}")
            Turn(self, seed, done).execute()
            slowest = max(slowest, time.perf_counter() - begun)
        frames = [
            pd.DataFrame([row for row in self.rows if row["kind"] == kind])
            for kind in ("score", "picture")
        ]
        return frames[0], frames[1]

    def add(self, rows: list[dict[str, Any]]) -> None:
        """Keep new rows and write them to the file."""
        with self.lines.open("a") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
        self.rows += rows

    def key(self, seed: int, *what: str, source: str | None) -> str:
        """Return a hash of all that some result depends on."""
        ganaug = source == "ganaug"
        facts = {
            "format": FORMAT,
            "what": what,
            "seed": seed,
            "data": [self.data.name, self.data.digest],
            "protocol": asdict(self.settings.protocol),
            "max_steps": self.settings.max_steps if ganaug else None,
            "source": environment.ganaug_source_digest() if ganaug else "",
            "torch": environment.package_version("torch"),
            "machine": [self.machine, joblib.cpu_count()],
        }
        text = json.dumps(facts, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def machine(self) -> str:
        """The accelerator, or "cpu"."""
        return environment.device() if self.settings.device == "cuda" else self.settings.device

    def _read(self) -> list[dict[str, Any]]:
        """Return the rows on disk; a last line cut short by a kill is dropped."""
        rows = []
        if self.lines.is_file():
            for line in self.lines.read_text().splitlines():
                try:
                    rows.append(json.loads(line))
                except json.JSONDecodeError:
                    continue
        return rows


@dataclass
class Turn:
    """One seed of a run."""

    run: Run
    seed: int
    done: Mapping[str, dict[str, Any]]
    made: dict[str, Made] = field(default_factory=dict)

    def execute(self) -> None:
        """Score every arm, then look at the images made."""
        for arm in self.run.settings.arms:
            key = self.run.key(self.seed, "score", arm.name, source=arm.source)
            if key in self.done:
                self.run.rows.append(self.done[key])
            else:
                self.run.add([self._score(arm, key)])
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
        if all(one in self.done for one in keys.values()):
            run.rows += [self.done[one] for one in keys.values()]
            return
        made = {name: self._made(name) for name in sources}
        made["copies"] = copied(Request(run.data, self.seed))
        for code in lacking:
            pools = {k: to_tensor(m.images[by_class(m.codes, code)]) for k, m in made.items()}
            found = describe_class(run.judges, code, pools, self.seed)
            run.add(
                [
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
                ]
            )
