"""Digits to learn, and figures of what a recipe makes of them: shared by gans.py and research/.

Only training images of ``mnist_imbalanced`` are read. The classes that are rare in the file are
left out: too few of their images would remain to judge by.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks._images_data import ImageSet, to_tensor
from benchmarks._images_metrics import Judges, describe_class
from benchmarks._images_net import DIGITS

MADE = 200
"""Images of each class that are judged."""
FIGURES = ("recognised_held_out", "diversity", "copy_rate", "mmd", "mmd_random_net")


@dataclass(frozen=True)
class Digits:
    """Images to learn from, and others of the same classes to judge by.

    Attributes
    ----------
    data : ImageSet
        ``images`` are learned from, ``test_images`` are the rest of the training file.
    """

    data: ImageSet

    @classmethod
    def cut(cls, source: ImageSet, n_images: int, seed: int = 0) -> Digits:
        """Take about ``n_images`` of the common classes, equally many of each."""
        kept = source.plentiful()
        each = n_images // len(kept)
        name = f"{source.name}, {each * len(kept):,} images"
        return cls(source.redivided(name, dict.fromkeys(kept, each), seed))

    @cached_property
    def judges(self) -> Judges:
        """Classifiers, each trained when it is first asked."""
        return Judges(self.data, DIGITS, torch.device("cpu"))

    def describe(self, images: NDArray[np.uint8], codes: NDArray[np.int64]) -> dict[str, Any]:
        """Return the figures of made images, and of real ones, each a mean over the classes."""
        made = to_tensor(images)
        ours, real = [], []
        for code in range(len(self.data.classes)):
            own = {"made": made[torch.from_numpy(codes == code)]}
            found = describe_class(self.judges, code, own, 0)
            ours.append(found["made"])
            real.append(found["real"])
        return {
            **_means(ours),
            "lowest_recognised": min(one["recognised_held_out"] for one in ours),
            "lowest_diversity": min(one["diversity"] for one in ours),
            "real": _means(real) | {"recognised": float(np.mean([r["recognised"] for r in real]))},
        }


def _means(each: list[dict[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([one[name] for one in each])) for name in FIGURES}


def learn(
    digits: Digits, recipe: Any, seed: int, **options: Any
) -> tuple[Any, dict[str, Any], NDArray[np.uint8], NDArray[np.int64]]:
    """Fit through the public API; return the augmenter, what the fit cost, and images."""
    from ganaug import GANAugmenter

    data = digits.data
    begun = time.perf_counter()
    augmenter = GANAugmenter(recipe=recipe, random_state=seed, device="cpu", **options)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        augmenter.fit(data.images, data.codes)
    seconds = time.perf_counter() - begun
    images, codes = augmenter.sample(dict.fromkeys(range(len(data.classes)), MADE), random_state=0)
    history = augmenter.history_
    facts = {
        "seconds": seconds,
        "steps": int(sum(last["step"] for last in history.last())),
        "signals": history.signals(),
        "warnings": sorted({w.category.__name__ for w in caught}),
        **_gradients(history),
    }
    return augmenter, facts, images, codes


def _gradients(history: Any) -> Mapping[str, float]:
    """Return the median gradient norms over the second half of training."""
    frame = history.to_frame()
    late = frame[frame["step"] > frame["step"].max() / 2]
    names = ("generator_grad_norm", "critic_grad_norm")
    return {name: float(late[name].median()) for name in names}
