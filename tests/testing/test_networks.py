"""check_network: all networks of ours pass, and each check fails for networks that break it."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import nn

from ganaug import ConfigError
from ganaug.nets.image_mlp import ImageMLPCritic, ImageMLPGenerator
from ganaug.recipe.rules import KINDS
from ganaug.registry import IMAGE_NETWORKS
from ganaug.runtime.rng import torch_stream
from ganaug.testing import check_network
from ganaug.testing.networks import NETWORK_CHECKS


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_network_of_ours_passes(kind):
    assert check_network(kind).passed


def weight(*shape: int, random: torch.Generator) -> nn.Parameter:
    return nn.Parameter(torch.randn(shape, generator=random) * 0.3)


class Generator(nn.Module):
    """The smallest generator that passes: a bilinear map of noise and class."""

    uses_anchors = False

    def __init__(self, plan: Any, random: torch.Generator) -> None:
        super().__init__()
        self.plan, self.noise_dim = plan, plan.architecture.noise_dim
        self.classes = weight(plan.n_classes, self.noise_dim, random=random)
        self.sheets = weight(self.noise_dim, *plan.shape, random=random)

    def forward(self, noise, labels, anchors, random):
        return torch.tanh(torch.einsum("bn,nchw->bchw", noise + self.classes[labels], self.sheets))

    def coarse(self, images):
        return images


class Critic(nn.Module):
    """The smallest critic that passes: scores of each class."""

    def __init__(self, plan: Any, random: torch.Generator) -> None:
        super().__init__()
        self.pac = plan.pac
        channels, height, width = plan.shape
        inputs = channels * height * width * plan.pac
        self.enter = weight(inputs, 4, random=random)
        self.classes = weight(plan.n_classes, 4, random=random)

    def forward(self, images, labels):
        features = torch.tanh(images.reshape(len(images) // self.pac, -1) @ self.enter)
        return (features * self.classes[labels[:: self.pac]]).sum(1), features


def test_the_smallest_networks_pass():
    report = check_network(Generator, Critic)
    assert report.named("skipped") == ("grows",)


class Whole(Generator):
    def __init__(self, plan, random):
        super().__init__(plan, random)
        self.sheets = nn.Parameter(self.sheets.detach().double())


class NoSize(Generator):
    def __init__(self, plan, random):
        super().__init__(plan, random)
        self.length = self.noise_dim
        del self.noise_dim


class NotCoarse(Generator):
    coarse = None


class NoPacks(Critic):
    def __init__(self, plan, random):
        super().__init__(plan, random)
        self.pac = 1


class Cropped(Generator):
    def forward(self, noise, labels, anchors, random):
        return super().forward(noise, labels, anchors, random)[..., 1:]


class Unbounded(Generator):
    def forward(self, noise, labels, anchors, random):
        return torch.einsum("bn,nchw->bchw", noise + self.classes[labels], self.sheets)


class Double(Generator):
    def forward(self, noise, labels, anchors, random):
        return super().forward(noise, labels, anchors, random).double()


class Column(Critic):
    def forward(self, images, labels):
        logits, features = super().forward(images, labels)
        return logits[:, None], features


class LogitsOnly(Critic):
    def forward(self, images, labels):
        return super().forward(images, labels)[0]


TURNS = itertools.count(1)


class Unseeded(Generator):
    def __init__(self, plan, random):
        super().__init__(plan, random)
        self.sheets.data += next(TURNS) * 0.01


class OneStart(Critic):
    def __init__(self, plan, random):
        super().__init__(plan, torch_stream(0))


class Unsteady(Generator):
    def forward(self, noise, labels, anchors, random):
        return super().forward(noise * (1 + next(TURNS) / 100), labels, anchors, random)


class Mixed(Generator):
    def forward(self, noise, labels, anchors, random):
        return super().forward(noise + noise.mean(0), labels, anchors, random)


class BatchNormed(Critic):
    def forward(self, images, labels):
        return super().forward(images - images.mean(0), labels)


class FirstOfPack(Critic):
    def forward(self, images, labels):
        first = images[:: self.pac].repeat_interleave(self.pac, 0)
        return super().forward(first, labels)


class Deaf(Generator):
    def forward(self, noise, labels, anchors, random):
        return super().forward(torch.ones_like(noise), labels, anchors, random)


class Untold(Generator):
    def forward(self, noise, labels, anchors, random):
        return super().forward(noise, labels * 0, anchors, random)


class UntoldCritic(Critic):
    def forward(self, images, labels):
        return super().forward(images, labels * 0)


class Spare(Generator):
    def __init__(self, plan, random):
        super().__init__(plan, random)
        self.spare = weight(3, random=random)


class Switched(Critic):
    def forward(self, images, labels):
        logits, features = super().forward(images, labels)
        return logits + 0 * self.spare.sum(), features

    def __init__(self, plan, random):
        super().__init__(plan, random)
        self.spare = weight(3, random=random)


class Unsaved(Generator):
    def __init__(self, plan, random):
        super().__init__(plan, random)
        self.shift = float(torch.rand((), generator=random))

    def forward(self, noise, labels, anchors, random):
        return super().forward(noise + self.shift, labels, anchors, random)


class KnowsCounts(Generator):
    def __init__(self, plan, random):
        super().__init__(plan, random)
        self.rare = 1 / float(plan.counts.min())

    def forward(self, noise, labels, anchors, random):
        return super().forward(noise + self.rare, labels, anchors, random)


class Shared(Generator):
    def __deepcopy__(self, memo):
        return self


class Stray(Generator):
    def __init__(self, plan, random):
        super().__init__(plan, random)
        self.half = torch.tensor(0.5)


class StrayList(Generator):
    def __init__(self, plan, random):
        super().__init__(plan, random)
        self.halves = [torch.tensor(0.5)]


class Global(Generator):
    def forward(self, noise, labels, anchors, random):
        return super().forward(noise + 0 * torch.rand(()), labels, anchors, random)


class NoModule:
    uses_anchors = False
    noise_dim = 6

    def __init__(self, plan, random):
        pass


BROKEN: list[tuple[str, Any, Any]] = [
    ("builds", NoModule, Critic),
    ("builds", Generator, lambda plan: None),
    ("builds", Whole, Critic),
    ("has_what_training_reads", NoSize, Critic),
    ("has_what_training_reads", NotCoarse, Critic),
    ("has_what_training_reads", Generator, NoPacks),
    ("makes_the_shape", Cropped, Critic),
    ("stays_in_range", Unbounded, Critic),
    ("makes_finite_floats", Double, Critic),
    ("scores_each_pack", Generator, Column),
    ("scores_each_pack", Generator, LogitsOnly),
    ("same_seed_same_weights", Unseeded, Critic),
    ("other_seed_other_weights", Generator, OneStart),
    ("repeats_itself", Unsteady, Critic),
    ("keeps_samples_apart", Mixed, Critic),
    ("critic_keeps_packs_apart", Generator, BatchNormed),
    ("critic_keeps_packs_apart", Generator, FirstOfPack),
    ("noise_matters", Deaf, Critic),
    ("every_weight_learns", Spare, Critic),
    ("every_weight_learns", Generator, Switched),
    ("survives_saving", Unsaved, Critic),
    ("survives_saving", KnowsCounts, Critic),
    ("copies_are_their_own", Shared, Critic),
    ("moves_between_devices", Stray, Critic),
    ("moves_between_devices", StrayList, Critic),
    ("leaves_global_random_state", Global, Critic),
    ("condition_matters", Untold, Critic),
    ("critic_is_told", Generator, UntoldCritic),
]


@pytest.mark.parametrize(("check", "generator", "critic"), BROKEN)
def test_broken_networks_fail_this_check_and_no_other(check, generator, critic):
    report = check_network(generator, critic, on_fail="report")
    assert report.failed == (check,), report


def test_a_network_that_forgets_how_far_it_has_grown_fails(monkeypatch):
    from ganaug.nets.dcgan import DCGANCritic, DCGANGenerator

    class Forgetful(DCGANGenerator):
        def load_state_dict(self, state, *arguments, **options):
            found = super().load_state_dict(state, *arguments, **options)
            self.growth.at = float(self.growth.stages)
            return found

    monkeypatch.setitem(IMAGE_NETWORKS, "dcgan", (Forgetful, DCGANCritic))
    assert check_network("dcgan", on_fail="report").failed == ("grows",)


def test_every_check_can_fail():
    assert {check for check, *_ in BROKEN} | {"grows"} == {c.__name__ for c in NETWORK_CHECKS}


def test_a_generator_that_claims_a_real_image_is_refused():
    starts = type("Starts", (Generator,), {"uses_anchors": True})
    report = check_network(starts, Critic, on_fail="report")
    assert report.failed == ("has_what_training_reads",)


def test_networks_are_given_by_kind_or_as_two(monkeypatch):
    monkeypatch.setitem(IMAGE_NETWORKS, "mine", (ImageMLPGenerator, ImageMLPCritic))
    assert check_network("mine").part == "networks 'mine'"
    with pytest.raises(ConfigError, match="did you mean 'dcgan'"):
        check_network("dcgann")
    for wrong in ((Generator, None), ("dcgan", Critic)):
        with pytest.raises(ConfigError, match="a generator and a critic"):
            check_network(*wrong)
