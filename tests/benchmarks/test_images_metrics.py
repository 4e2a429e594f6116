"""What made images are like: the metrics tell copies, noise and real images apart."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
import torch

from benchmarks import _images_arms, _images_metrics
from benchmarks._images_arms import Request
from benchmarks._images_data import to_tensor
from benchmarks._images_net import DIGITS
from tests.benchmarks.image_sets import image_set

CPU = torch.device("cpu")


def test_coverage_of_known_points():
    real = torch.arange(60, dtype=torch.float64)[:, None]
    assert _images_metrics.coverage(real, real + 0.1) == 1
    assert _images_metrics.coverage(real, real + 1000) == 0
    # One point is among the five nearest of those up to 3 away, 2 or 3 of them on each side.
    assert 5 / 60 <= _images_metrics.coverage(real, torch.tensor([[30.0]]).double()) <= 7 / 60
    assert math.isnan(_images_metrics.coverage(real[:49], real))


def test_metrics_tell_copies_noise_and_real_images_apart():
    data = image_set()
    judges = _images_metrics.Judges(data, replace(DIGITS, steps=60), CPU)
    noise = torch.randint(0, 256, (40, 1, 16, 16), generator=torch.Generator().manual_seed(0))
    copies = _images_arms.copied(Request(data, 0))
    pools = {
        "noise": noise.to(torch.uint8),
        "copies": to_tensor(copies.images[copies.codes == 2]),
    }
    found = _images_metrics.describe_class(judges, 2, pools, 0)
    assert found["copies"]["copy_rate"] == 1
    assert found["copies"]["memorisation"] == pytest.approx(0, abs=1e-6)
    assert math.isnan(found["copies"]["recognised"])
    assert found["real"]["copy_rate"] < 0.1
    assert found["real"]["memorisation"] == pytest.approx(1, abs=0.1)
    assert found["real"]["diversity"] == pytest.approx(1, abs=0.1)
    assert abs(found["real"]["mmd"]) < found["noise"]["mmd"] / 5
    assert found["noise"]["memorisation"] > 1.5
    # Half of the 60 held-out images are too few for coverage.
    assert all(math.isnan(values["coverage"]) for values in found.values())
    again = _images_metrics.describe_class(judges, 2, pools, 0)
    assert json.dumps(found) == json.dumps(again)  # NaN equals NaN only in writing


def test_coverage_needs_a_hundred_held_out_images():
    data = image_set(test=100)
    judges = _images_metrics.Judges(data, replace(DIGITS, steps=4), CPU)
    found = _images_metrics.describe_class(judges, 1, {"copies": judges.images[:1]}, 0)
    assert 0 <= found["real"]["coverage"] <= 1
