"""What made images are like, class by class, beside what real images are like.

Everything is measured against held-out real images, which neither a GAN nor the classifier that
supplies the features has seen. The held-out images of a class are divided at random: one half is
the reference, the other stands for a perfect source ("real"). Numbers are means over several
divisions, with equally many images from every source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool2d

from benchmarks._images_data import ImageSet, by_class, to_tensor
from benchmarks._images_net import (
    Classifier,
    Protocol,
    as_numbers,
    features,
    predict,
    train,
)
from ganaug.report.distances import kernel_mmd, mean_distance, median_distance

DIVISIONS = 10
MOST_IMAGES = 1000
"""Images of a class and source that are looked at."""
NEIGHBOURS = 5
ENOUGH = 50
"""Real images from which coverage says anything."""
COPY_QUANTILE = 0.02
"""Share of the held-out images of a class that are this near to another of them."""
JUDGE_SEED = 1_000_003
"""Of the classifiers that judge; no arm has it."""

METRICS = (
    "mmd",
    "mmd_random_net",
    "coverage",
    "memorisation",
    "copy_rate",
    "diversity",
    "recognised",
    "recognised_held_out",
)


def coverage(real: Tensor, made: Tensor) -> float:
    """Return the share of real points that have a made one among their nearest neighbours.

    Naeem et al. (2020): within the distance to the fifth nearest real point. NaN with fewer than
    50 real points.
    """
    if len(real) < ENOUGH or not len(made):
        return float("nan")
    radius = torch.cdist(real, real).kthvalue(NEIGHBOURS + 1, dim=1).values  # the first is itself
    return float((torch.cdist(real, made).amin(1) <= radius).double().mean())


def look(images: Tensor) -> Tensor:
    """Return images at half their size, flat: there a shift by half a pixel is no difference."""
    return avg_pool2d(as_numbers(images), 2).flatten(1).double()


@dataclass(frozen=True)
class Judges:
    """Classifiers that judge images; each is trained when it is first asked.

    Attributes
    ----------
    data : ImageSet
    protocol : Protocol
    device : torch.device
    """

    data: ImageSet
    protocol: Protocol
    device: torch.device

    @cached_property
    def images(self) -> Tensor:
        """The training images."""
        return to_tensor(self.data.images)

    @cached_property
    def test_images(self) -> Tensor:
        """The held-out images."""
        return to_tensor(self.data.test_images)

    @cached_property
    def trained(self) -> Classifier:
        """Trained on the training images."""
        return self._trained(self.images, self.data.codes)

    @cached_property
    def held_out(self) -> Classifier:
        """Trained on the held-out images, which no arm saw: it knows the rare classes better."""
        return self._trained(self.test_images, self.data.test_codes)

    @cached_property
    def random(self) -> Classifier:
        """Not trained at all."""
        shape = (self.images.shape[1], self.images.shape[2], self.images.shape[3])
        n_classes = len(self.data.classes)
        return Classifier(self.protocol, shape, n_classes, JUDGE_SEED).to(self.device).eval()

    def _trained(self, images: Tensor, codes: NDArray[np.int64]) -> Classifier:
        return train(
            self.protocol,
            images,
            torch.from_numpy(codes),
            len(self.data.classes),
            JUDGE_SEED,
            balanced=True,
            moved=True,
            device=self.device,
        )

    @cached_property
    def scales(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Mean and standard deviation of each feature over the held-out images.

        Not over the training images, among which features of rare classes hardly vary.
        """
        found = {}
        for name in ("trained", "random"):
            values = features(getattr(self, name), self.test_images, self.device)
            spread = values.std(0)
            # A feature that is nearly always zero must not outweigh the others.
            found[name] = values.mean(0), spread.clamp_min(0.1 * float(spread.mean()))
        return found

    def features(self, name: str, images: Tensor) -> Tensor:
        """Return standardised features by the network ``name``."""
        mean, spread = self.scales[name]
        return (features(getattr(self, name), images, self.device) - mean) / spread

    def recognised(self, name: str, images: Tensor, code: int, told: bool) -> float:
        """Return the share of images that a network assigns to the class; NaN unless ``told``."""
        if not told:
            return float("nan")
        return float((predict(getattr(self, name), images, self.device) == code).double().mean())


@dataclass(frozen=True)
class Views:
    """Images of one class and source, in the ways that the metrics look at them."""

    pixels: Tensor
    small: Tensor
    to_train: Tensor
    trained: Tensor
    random: Tensor

    def __getitem__(self, rows: Any) -> Views:
        return Views(**{name: value[rows] for name, value in vars(self).items()})


def describe_class(
    judges: Judges, code: int, made: Mapping[str, Tensor], seed: int
) -> dict[str, dict[str, float]]:
    """Return the metrics of one class.

    Parameters
    ----------
    judges : Judges
    code : int
        The class.
    made : mapping of str to uint8 Tensor of shape (n, channels, height, width)
        Images of the class by source. "real" is added. "copies" are training images.
    seed : int
        Of the divisions.

    Returns
    -------
    dict of str to dict of str to float
        :data:`METRICS` by source; NaN where one would say nothing.
    """
    data = judges.data
    training = judges.images[by_class(data.codes, code)]
    held_out = judges.test_images[by_class(data.test_codes, code)]
    pools = {name: images[:MOST_IMAGES] for name, images in made.items()}
    reference = look(training)
    sources = {name: _views(judges, images, reference) for name, images in pools.items()}
    rng = np.random.default_rng([seed, code])
    result = _against_real(_views(judges, held_out, reference), sources, rng)
    for name, images in (pools | {"real": held_out}).items():
        result[name] |= {
            # A classifier says nothing about the images that it was trained on.
            "recognised": judges.recognised("trained", images, code, name != "copies"),
            "recognised_held_out": judges.recognised("held_out", images, code, name != "real"),
        }
    return result


def _against_real(
    held_out: Views, sources: Mapping[str, Views], rng: np.random.Generator
) -> dict[str, dict[str, float]]:
    """Return the metrics that compare images with held-out ones, by source."""
    half = len(held_out.pixels) // 2
    size = min([half, *(len(views.pixels) for views in sources.values())])
    between = torch.cdist(held_out.small, held_out.small).fill_diagonal_(torch.inf)
    near = float(torch.quantile(between.amin(1), COPY_QUANTILE))
    typical = median_distance(held_out.trained), median_distance(held_out.random)
    found: dict[str, list[dict[str, float]]] = {name: [] for name in (*sources, "real")}
    for _ in range(DIVISIONS):
        order = rng.permutation(len(held_out.pixels))
        drawn = {
            name: views[rng.permutation(len(views.pixels))[:size]]
            for name, views in sources.items()
        }
        drawn["real"] = held_out[order[half:][:size]]
        for name, views in drawn.items():
            found[name].append(_compare(held_out[order[:half]], views, near, typical))
    return {
        name: {metric: float(np.mean([one[metric] for one in values])) for metric in values[0]}
        for name, values in found.items()
    }


def _views(judges: Judges, images: Tensor, reference: Tensor) -> Views:
    small = look(images)
    return Views(
        pixels=as_numbers(images).flatten(1).double(),
        small=small,
        to_train=torch.cdist(small, reference).amin(1),
        trained=judges.features("trained", images),
        random=judges.features("random", images),
    )


def _compare(
    real: Views, made: Views, near: float, typical: tuple[float, float]
) -> dict[str, float]:
    """Return the metrics of made images against real ones.

    ``near`` is the distance of a copy, ``typical`` that between features by either network.
    """
    return {
        "mmd": kernel_mmd(real.trained, made.trained, typical[0]),
        "mmd_random_net": kernel_mmd(real.random, made.random, typical[1]),
        "coverage": coverage(real.trained, made.trained),
        "memorisation": float(made.to_train.mean() / real.to_train.mean()),
        "copy_rate": float((made.to_train < near).double().mean()),
        "diversity": mean_distance(made.pixels) / mean_distance(real.pixels),
    }
