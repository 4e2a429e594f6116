"""Representation of images for the figures: small versions, and features of two networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from ganaug.images.codec import ImageCodec
from ganaug.images.evidence import PART, ImageEvidence, ShiftedImages
from ganaug.images.selection import small_versions
from ganaug.models.selection import cross_fit
from ganaug.report.columns import Flags, Matrix
from ganaug.report.views import Views
from ganaug.runtime.rng import derive, torch_stream
from ganaug.training.images import to_signed

STEPS = 300
"""Training steps of a classifier. They take most of the time of a report on images."""

MEMBERS = 3
"""Networks whose probabilities are averaged. A single one varies much with its seed."""

CELLS = 2
"""Height and width to which the last feature maps are pooled, which leaves a rough position."""

FLOOR = 0.1
"""Least spread by which a feature is divided, as a share of the mean spread.

Otherwise a feature that is nearly always zero would outweigh the others.
"""


class ImageEncoder:
    """Encoder of images.

    Parameters
    ----------
    codec : ImageCodec
    n_classes : int
    label_safe : sequence of str
        Transformations of an image that do not change its label, such as mirroring.
    seed : int
    """

    name: ClassVar[str] = "image"

    def __init__(
        self, codec: ImageCodec, n_classes: int, label_safe: Sequence[str], seed: int
    ) -> None:
        self.codec, self.n_classes, self.label_safe, self.seed = codec, n_classes, label_safe, seed
        self.numeric: Flags = np.zeros(0, np.bool_)
        self.networks: dict[str, nn.Module] = {}
        self.scales: dict[str, tuple[Tensor, Tensor]] = {}

    def learn(self, pixels: NDArray[Any], codes: NDArray[np.int64], others: NDArray[Any]) -> None:
        """Train the feature network on images; scale features by their spread over others."""
        self.networks = {
            "trained": self._trained(self.codec.encode(pixels), codes, self.seed),
            "random": self._network(self.seed).eval().requires_grad_(False),
        }
        stored = self.codec.encode(others)
        for name in self.networks:
            values = self._features(name, stored)
            spread = values.std(0, correction=0)
            least = float(spread.mean().clamp_min(1e-6)) * FLOOR  # also where all spreads are 0
            self.scales[name] = values.mean(0), spread.clamp_min(least)

    def views(self, data: NDArray[Any]) -> Views:
        """Return all representations of images."""
        stored = self.codec.encode(data)
        features = {
            name: (self._features(name, stored) - mean) / spread
            for name, (mean, spread) in self.scales.items()
        }
        return Views(
            small_versions(stored).double(),
            self.keys(data),
            torch.cat(list(features.values()), 1).numpy(),
            np.zeros((len(data), 0)),
            stored,
            features,
        )

    def keys(self, data: NDArray[Any]) -> NDArray[Any]:
        """Return each image as bytes, which are equal only for equal images."""
        each = [np.ascontiguousarray(image).tobytes() for image in data]
        return np.array([*each, b""], dtype=object)[:-1]

    def for_class(self, real: Views) -> ImageEncoder:
        """Return the encoder itself, since pixels have the same unit in every class."""
        return self

    def rescaled(self, views: Views) -> Views:
        """Return the representations unchanged."""
        return views

    def two_sample_classifier(self, state: int) -> Any:
        """Return a linear classifier of the features of both networks."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        # Strongly regularised (C=0.01): there are more features than images of a small class.
        return make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300))

    def class_probabilities(
        self, rows: Views, codes: NDArray[np.int64], test: Views, n_classes: int, seed: int
    ) -> Matrix:
        """Train a few small networks; return the mean probabilities of the test images."""
        out = np.zeros((len(test), n_classes))
        for member in range(MEMBERS):
            network = self._trained(rows.stored, codes, derive(seed, member))
            with torch.inference_mode():
                logits = [network(to_signed(part)) for part in test.stored.split(PART)]
            out += torch.cat(logits).double().softmax(1).numpy() / MEMBERS
        return out

    def _network(self, seed: int) -> nn.Sequential:
        random = torch_stream(seed, "report-network")
        member = ImageEvidence(self.codec.shape, self.n_classes, random, folds=1).members[0]
        assert isinstance(member, nn.Sequential)
        return member

    def _trained(self, stored: Tensor, codes: NDArray[np.int64], seed: int) -> nn.Sequential:
        cpu = torch.device("cpu")
        random = torch_stream(seed, "report-network")
        model = ImageEvidence(self.codec.shape, self.n_classes, random, folds=1)
        labels = torch.from_numpy(codes)
        source = ShiftedImages(stored, labels, self.n_classes, 0.5, cpu, (), self.label_safe)
        cross_fit(model, [source], STEPS, seed, cpu)
        member = model.members[0]
        assert isinstance(member, nn.Sequential)
        return member

    @torch.inference_mode()
    def _features(self, name: str, stored: Tensor) -> Tensor:
        body = self.networks[name].get_submodule("0.0")
        maps = [body(to_signed(part)) for part in stored.split(PART)]
        return torch.cat([adaptive_avg_pool2d(part, CELLS).flatten(1) for part in maps]).double()
