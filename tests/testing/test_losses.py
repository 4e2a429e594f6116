"""check_loss: all losses of ours pass, and each check fails for a loss that breaks it."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch.nn.functional import softplus

from ganaug import ConfigError
from ganaug.objectives.losses import Loss
from ganaug.registry import LOSSES
from ganaug.testing import check_loss
from ganaug.testing.losses import LOSS_CHECKS


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_of_ours_passes(name):
    assert check_loss(name).passed


def critic(real, fake):
    return softplus(-real).mean() + softplus(fake).mean()


def generator(real, fake):
    return softplus(-fake).mean()


def made(**parts: Any) -> Any:
    return lambda: Loss(**{"critic": critic, "generator": generator, **parts})


def clipped(real, fake):
    fake.data.clamp_(-1, 1)
    return critic(real, fake)


TURNS = itertools.count()


def unsteady():
    # Growing by a rounding error's worth a turn, so that a mean stays close to a mean.
    return Loss(critic, lambda real, fake: generator(real, fake) + 1e-9 * next(TURNS))


def two_sided(smoothing=0.0):
    return Loss(lambda r, f: critic(r, f) + smoothing * (r - f).mean(), generator)


def backwards(smoothing=0.0):
    return Loss(lambda r, f: critic(r, f) - smoothing * r.mean(), generator)


def smoothing_the_generator(smoothing=0.0):
    return Loss(
        lambda r, f: critic(r, f) + smoothing * r.mean(), lambda r, f: generator(r, f - smoothing)
    )


BROKEN = [
    ("makes_a_loss", lambda: (critic, generator)),
    ("makes_a_loss", made(generator=lambda fake: generator(fake, fake))),
    ("makes_a_loss", Loss(critic, generator)),
    ("returns_one_number", made(critic=lambda r, f: softplus(f - r))),
    ("returns_one_number", made(generator=lambda r, f: 0.5)),
    ("is_a_mean", made(critic=lambda r, f: softplus(-r).sum() + softplus(f).sum())),
    ("keeps_the_dtype", made(critic=lambda r, f: critic(r.float(), f.float()))),
    ("keeps_the_dtype", made(generator=lambda r, f: generator(r, f).double())),
    ("teaches_both_networks", made(generator=lambda r, f: -r.mean())),
    ("teaches_both_networks", made(critic=lambda r, f: softplus(-r).mean())),
    ("teaches_both_networks", made(generator=lambda r, f: generator(r, f.detach()))),
    ("stays_finite", made(generator=lambda r, f: -f.sigmoid().log().mean())),
    ("critic_prefers_right_answers", made(critic=lambda r, f: critic(f, r))),
    ("generator_learns_to_fool", made(generator=lambda r, f: softplus(f).mean())),
    ("smooths_the_real_label_only", two_sided),
    ("smooths_the_real_label_only", backwards),
    ("smooths_the_real_label_only", smoothing_the_generator),
    ("smooths_the_real_label_only", lambda smoothing=0.0: Loss(critic, generator)),
    ("repeats_itself", unsteady),
    ("leaves_the_logits_alone", made(critic=clipped)),
    ("stays_on_the_device", made(generator=lambda r, f: generator(r, f + torch.zeros(1)))),
    (
        "leaves_global_random_state",
        made(critic=lambda r, f: critic(r, f) + 0 * torch.rand((), device=r.device)),
    ),
]


@pytest.mark.parametrize(("check", "loss"), BROKEN)
def test_a_broken_loss_fails_this_check_and_no_other(check, loss):
    report = check_loss(loss, on_fail="report")
    assert report.failed == (check,), report


def test_every_check_can_fail():
    assert {check for check, _ in BROKEN} == {check.__name__ for check in LOSS_CHECKS}


def test_a_registered_loss_is_found_by_its_name(monkeypatch):
    monkeypatch.setitem(LOSSES, "mine", made())
    assert check_loss("mine").part == "loss 'mine'"
    with pytest.raises(ConfigError, match="did you mean 'hinge'"):
        check_loss("hing")
