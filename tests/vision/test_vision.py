"""The package as a whole: without torchvision, in training, and its page of the documentation."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest
import torch

pytest.importorskip("torchvision", reason="the adapter needs the extra 'vision'")
from torch.utils.data import ConcatDataset, DataLoader, WeightedRandomSampler
from torchvision.transforms import v2

from ganaug.vision import AugmentedDataset
from tests.vision.support import RARE, SIZE, cifar, make_pool, plain_floats, to_floats


def test_without_torchvision_the_error_says_what_to_install():
    code = (
        "import sys; sys.modules['torchvision'] = None\n"
        "import ganaug, ganaug.pool\n"
        "try:\n    import ganaug.vision\n"
        "except ImportError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "pip install 'ganaug[vision]'" in done.stdout


def test_a_weighted_sampler_balances_by_the_targets():
    dataset = AugmentedDataset(cifar(40, transform=plain_floats()), make_pool(n=20))
    counts = Counter(dataset.targets)
    weights = [1 / counts[label] for label in dataset.targets]
    sampler = WeightedRandomSampler(weights, 600, generator=torch.Generator().manual_seed(0))
    seen = Counter(torch.cat([y for _, y in DataLoader(dataset, 50, sampler=sampler)]).tolist())
    assert all(150 < seen[label] < 250 for label in (0, 1, 2))


def test_concatenation_with_a_pool_that_has_the_transform():
    base = cifar(transform=v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]))
    pool = make_pool().with_transform(v2.ToDtype(torch.float32, scale=True))
    images, labels = next(iter(DataLoader(ConcatDataset([base, pool]), 25)))
    assert images.shape == (25, 3, SIZE, SIZE)
    assert images[20:].min() > 0.7
    assert labels[20:].tolist() == [RARE] * 5


@pytest.mark.parametrize("mode", ["append", "replace"])
def test_a_training_loop_learns_the_rare_class(mode):
    torch.manual_seed(0)
    # All real rare images are dark like the others; only the synthetic ones show the class.
    dataset = AugmentedDataset(cifar(60, transform=to_floats()), make_pool(n=30), mode, p=0.9)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * SIZE * SIZE, 3))
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for epoch in range(5):
        dataset.set_epoch(epoch)
        for images, labels in DataLoader(dataset, 15, shuffle=True, num_workers=2):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(images), labels).backward()
            optimizer.step()
    fresh = plain_floats()(v2.ToPILImage()(make_pool().images[0]))
    assert int(model(fresh[None]).argmax()) == RARE


@pytest.mark.slow
def test_the_blocks_of_the_page_run_in_order(root, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    source = (root / "docs" / "vision.md").read_text(encoding="utf-8")
    blocks = re.findall(
        r"^<!-- runnable -->\n```python\n(.*?)^```$", source, re.DOTALL | re.MULTILINE
    )
    assert len(blocks) == source.count("```python")
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks:
        exec(block, namespace)
        printed = capsys.readouterr().out.splitlines()
        assert printed == re.findall(r"^print\(.*\)(?:  |\n)# (.*)$", block, re.MULTILINE)
