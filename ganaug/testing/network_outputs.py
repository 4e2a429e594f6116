"""Checks of what networks make and answer.

The first line of each check's docstring is what it asks of a generator and a critic.
"""

from __future__ import annotations

import numbers

import torch
from torch import Tensor, nn

from ganaug.testing.report import require, skip
from ganaug.testing.settings import BATCH, CLOSE, NetworkSubject


def builds(subject: NetworkSubject) -> None:
    """Build from any size, channels, classes and conditioning, as modules of torch."""
    for setting in subject.settings:
        for made in (setting.generator(), setting.critic()):
            module = isinstance(made, nn.Module)
            require(module, f"{type(made).__name__} is not a torch.nn.Module")
            floats = {weight.dtype for weight in made.parameters()} <= {torch.float32}
            require(floats, f"{type(made).__name__} has weights that are not float32")


def has_what_training_reads(subject: NetworkSubject) -> None:
    """Have the attributes that training reads: noise_dim, uses_anchors and coarse; pac."""
    for setting, generator in subject.generators():
        size = getattr(generator, "noise_dim", None)
        whole = isinstance(size, numbers.Integral) and int(size) >= 1
        require(whole, f"the generator's noise_dim is {size!r}, not a number of at least 1")
        starts = getattr(generator, "uses_anchors", None)
        require(isinstance(starts, bool), f"the generator's uses_anchors is {starts!r}, not a bool")
        if setting.varies_by in ("class", "") and setting.layout is None:
            require(not starts, "uses_anchors is True, but added networks start from noise")
            shown = getattr(generator, "coarse", lambda images: None)(setting.start)
            same = isinstance(shown, Tensor) and shown.shape == setting.start.shape
            require(same, "the generator has no method coarse(images) that returns such images")
        pac = getattr(setting.critic(), "pac", None)
        require(pac == setting.pac, f"the critic's pac is {pac!r}, not {setting.pac}")


def makes_the_shape(subject: NetworkSubject) -> None:
    """Make as many images or rows as there are noises, each of the shape that was asked for."""
    for setting, generator in subject.generators():
        for network in (generator, setting.generator()):
            made, wanted = setting.run(network).shape, (BATCH, *setting.shape)
            require(made == wanted, f"{setting.title}: makes {tuple(made)}, not {wanted}")


def stays_in_range(subject: NetworkSubject) -> None:
    """Make images between -1 and 1, or rows whose categories are one-hot."""
    for setting, generator in subject.generators():
        made = setting.run(generator, setting.noise(generator) * 30)
        for segment in setting.layout.of_kind("choice") if setting.layout else ():
            part = made[:, segment.start : segment.stop]
            sharp = bool(((part == 0) | (part == 1)).all()) and bool((part.sum(1) == 1).all())
            require(sharp, f"{setting.title}: a category is not one-hot")
        if setting.layout is None:
            low, high = made.min().item(), made.max().item()
            inside = -1 <= low <= high <= 1
            require(inside, f"{setting.title}: values from {low:g} to {high:g}")


def makes_finite_floats(subject: NetworkSubject) -> None:
    """Make finite float32 numbers."""
    for setting, generator in subject.generators():
        made = setting.run(generator)
        require(made.dtype == torch.float32, f"{setting.title}: makes {made.dtype}")
        require(torch.isfinite(made).all(), f"{setting.title}: makes numbers that are not finite")


def scores_each_pack(subject: NetworkSubject) -> None:
    """Answer with finite logits (batch / pac,) and features (batch / pac, n) of real rows."""
    for setting, generator in subject.generators():
        critic, batch = setting.critic(), setting.batch(generator)
        answer = critic(batch.real, batch.labels)
        two = isinstance(answer, tuple) and len(answer) == 2
        require(two, f"the critic returns a {type(answer).__name__}, not (logits, features)")
        packs = BATCH // setting.pac
        (logits, features), where = answer, setting.title
        require(logits.shape == (packs,), f"{where}: logits of shape {tuple(logits.shape)}")
        flat = features.ndim == 2 and len(features) == packs
        require(flat, f"{where}: features of shape {tuple(features.shape)}")
        finite = bool(torch.isfinite(logits).all() and torch.isfinite(features).all())
        require(finite, f"{where}: logits or features that are not finite")


def repeats_itself(subject: NetworkSubject) -> None:
    """Make the same of the same noise, condition and stream of draws when sampling."""
    for setting, generator in subject.generators():
        same = torch.equal(setting.run(generator), setting.run(generator))
        require(same, f"{setting.title}: a second call makes something else")


def keeps_samples_apart(subject: NetworkSubject) -> None:
    """Make each sample from its own inputs alone when sampling."""
    for setting, generator in subject.generators():
        others = setting.noise(generator, 1)
        others[0] = setting.noise(generator)[0]
        told, start = setting.told.roll(1, 0), setting.start.roll(1, 0)
        told[0], start[0] = setting.told[0], setting.start[0]
        one, other = setting.run(generator), setting.run(generator, others, told, start)
        apart = torch.allclose(one[0], other[0], atol=CLOSE)
        require(apart, f"{setting.title}: a sample changes with the others of its batch")


def critic_keeps_packs_apart(subject: NetworkSubject) -> None:
    """Answer to each pack from all its members, and from nothing else, without a batch norm."""
    for setting, generator in subject.generators():
        critic, batch = setting.critic(), setting.batch(generator)
        before = critic(batch.real, batch.labels)[0]
        for place in range(setting.pac):
            changed = batch.real.clone()
            changed[place] = changed[place] * 0.5 - 0.3
            moved = (critic(changed, batch.labels)[0] - before).abs() > CLOSE * 0.01
            require(moved[0], f"{setting.title}: member {place} of a pack does not count")
            alone = not bool(moved[1:].any())
            require(alone, f"{setting.title}: an answer changes with the others of its batch")


def noise_matters(subject: NetworkSubject) -> None:
    """Make other samples of other noise."""
    for setting, generator in subject.generators():
        one, other = setting.run(generator), setting.run(generator, setting.noise(generator, 1))
        differs = not torch.allclose(one, other, atol=1e-6)
        require(differs, f"{setting.title}: other noise makes the same")


def condition_matters(subject: NetworkSubject) -> None:
    """Make other samples of another class, source or real image, whichever the kind is told."""
    for setting, generator in subject.generators():
        if not setting.varies_by:
            continue
        if setting.varies_by == "start":
            changed = setting.run(generator, start=setting.start.roll(1, 0))
        else:
            changed = setting.run(generator, told=setting.told.roll(setting.pac, 0))
        differs = not torch.allclose(setting.run(generator), changed, atol=1e-6)
        require(differs, f"{setting.title}: another {setting.varies_by} makes the same")


def critic_is_told(subject: NetworkSubject) -> None:
    """Judge a sample by what it should be, where the critic is told that."""
    told = [setting for setting in subject.settings if setting.told_critic]
    if not told:
        skip(f"the critic of {subject.kind!r} judges without the class")
    for setting in told:
        critic, batch = setting.critic(), setting.batch(setting.generator())
        real, rolled = batch.real, batch.labels.roll(setting.pac, 0)
        differs = not torch.allclose(critic(real, batch.labels)[0], critic(real, rolled)[0])
        require(differs, f"{setting.title}: the answer does not depend on what the critic is told")
