"""Checks of the weights of networks: where they come from, how they learn, are saved and moved.

The first line of each check's docstring is what it asks of a generator and a critic.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

from ganaug.testing.randomness import global_state
from ganaug.testing.report import require, skip
from ganaug.testing.settings import (
    BATCH,
    CLOSE,
    OTHERS,
    NetworkSubject,
    Setting,
    allows,
    image_setting,
)


def same_seed_same_weights(subject: NetworkSubject) -> None:
    """Draw all weights from the stream that is handed in: the same seed gives the same ones."""
    for setting in subject.settings:
        for make in (setting.generator, setting.critic):
            pairs = zip(make(3).state_dict().items(), make(3).state_dict().values(), strict=True)
            moved = [name for (name, one), other in pairs if not torch.equal(one, other)]
            require(not moved, f"{', '.join(moved[:3])} differ for one seed")


def other_seed_other_weights(subject: NetworkSubject) -> None:
    """Have other weights for another seed."""
    for setting in subject.settings:
        for make in (setting.generator, setting.critic):
            one, other = (list(make(seed).parameters()) for seed in (3, 4))
            same = all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
            require(not same, f"{type(make(3)).__name__} has the same weights for every seed")


def every_weight_learns(subject: NetworkSubject) -> None:
    """Have a finite gradient by every weight of both networks, as training takes it."""
    for setting in subject.settings:
        generator, critic = setting.generator(), setting.critic()
        batch = setting.batch(generator)
        taught, weights = _taught(setting, generator, critic, batch), list(critic.parameters())
        # Unequal weights: a sum of equal ones could cancel.
        value = (critic(batch.real, batch.labels)[0] * _ramp(BATCH // setting.pac)).sum()
        _require_gradients(f"{setting.title}: critic", critic, value, weights)
        _require_gradients(
            f"{setting.title}: generator", generator, taught, list(generator.parameters())
        )


def _taught(setting: Setting, generator: Any, critic: Any, batch: Any) -> Tensor:
    value = (critic(batch.fake, batch.labels)[0] * _ramp(BATCH // setting.pac)).sum()
    if not hasattr(generator, "reconstruction_loss"):
        return value
    return value + setting.rows.reconstruction_loss(
        generator, batch.labels, torch.Generator().manual_seed(0)
    )


def _ramp(n: int) -> Tensor:
    return torch.linspace(0.5, 2.0, n)


def _require_gradients(where: str, network: Any, value: Tensor, weights: list[Any]) -> None:
    found = torch.autograd.grad(value, weights, allow_unused=True, retain_graph=True)
    names = [name for name, _ in network.named_parameters()]
    for name, gradient in zip(names, found, strict=True):
        require(gradient is not None, f"{where}: the loss does not depend on {name}")
        if gradient is not None:
            good = bool(torch.isfinite(gradient).all() and gradient.any())
            require(good, f"{where}: the gradient by {name} is zero or not finite")


def survives_saving(subject: NetworkSubject) -> None:
    """Make the same again from its saved weights, which are float32 or int64."""
    for setting, generator in subject.generators():
        state = {name: each.clone() for name, each in generator.state_dict().items()}
        odd = [n for n, each in state.items() if each.dtype not in (torch.float32, torch.int64)]
        require(not odd, f"{', '.join(odd[:3])} cannot be saved: not float32 or int64")
        again = setting.reload(state)
        same = torch.allclose(setting.run(again), setting.run(generator), atol=1e-6)
        require(same, f"{setting.title}: a loaded generator makes something else")
        critic, other = setting.critic(), setting.critic(5)
        other.load_state_dict(critic.state_dict())
        batch = setting.batch(generator)
        answers = (each(batch.real, batch.labels)[0] for each in (critic, other))
        require(torch.equal(*answers), f"{setting.title}: a loaded critic answers something else")


def copies_are_their_own(subject: NetworkSubject) -> None:
    """Have deep copies that make the same, and that can change without the original."""
    for setting, generator in subject.generators():
        before, twin = setting.run(generator), copy.deepcopy(generator)
        require(torch.equal(setting.run(twin), before), f"{setting.title}: a copy makes others")
        with torch.no_grad():
            for weight in twin.parameters():
                weight.mul_(1.5).add_(0.1)
        kept = torch.equal(setting.run(generator), before)
        require(kept, f"{setting.title}: changing a copy changes the original")


def moves_between_devices(subject: NetworkSubject) -> None:
    """Move all its tensors with ``.to``: each is a parameter or a buffer."""
    for setting in subject.settings:
        for network in (setting.generator(), setting.critic()):
            for name, module in network.named_modules():
                stray = [key for key, value in vars(module).items() if _holds_tensors(value)]
                where = ".".join(filter(None, (name, *stray[:1])))
                require(not stray, f"{where} holds tensors that are neither parameters nor buffers")
            # The "meta" device is on every machine.
            moved = copy.deepcopy(network).to("meta")
            stays = [n for n, each in moved.state_dict().items() if each.device.type != "meta"]
            require(not stays, f"{', '.join(stays[:3])} stay behind")


def _holds_tensors(value: Any) -> bool:
    """Return whether an attribute is a tensor, or a list of some; torch's own are dictionaries."""
    parts = value if isinstance(value, (list, tuple)) else [value]
    return any(isinstance(part, Tensor) for part in parts)


def grows(subject: NetworkSubject) -> None:
    """Grow from the smallest resolution to the images' and save how far, where the kind grows."""
    if subject.kind in OTHERS or not allows(subject.kind, progressive=0.5):
        skip("progressive does not go with this kind")
    setting = image_setting(
        subject.kind, subject.networks, (2, 16, 16), 2, "projection", progressive=0.5
    )
    generator, critic = setting.generator().eval(), setting.critic()
    stages = generator.growth.stages
    for level in (0.0, 0.5, 1.0, float(stages)):
        generator.growth.set(level)
        critic.growth.set(level)
        made = setting.run(generator)
        require(made.shape == setting.start.shape, f"at level {level:g}: {tuple(made.shape)}")
        coarse = torch.allclose(generator.coarse(made), made, atol=CLOSE) or level % 1
        require(coarse, f"at level {level:g} images have more detail than the real ones shown")
        finite = torch.isfinite(critic(made, setting.told)[0]).all()
        require(finite, f"at level {level:g} the critic's answer is not finite")
        require(generator.growth.done == (level == stages), f"growth.done is wrong at {level:g}")
        again = setting.reload(generator.state_dict())
        same = torch.allclose(setting.run(again), made, atol=1e-6)
        require(same, f"a generator saved at level {level:g} makes something else when loaded")


def leaves_global_random_state(subject: NetworkSubject) -> None:
    """Leave the global generators of Python, numpy and torch alone."""
    for setting in subject.settings:
        before = global_state()
        generator, critic = setting.generator(), setting.critic()
        batch = setting.batch(generator)
        critic(batch.fake, batch.labels)
        setting.run(generator.eval())
        require(global_state() == before, f"{setting.title}: a global random state has moved")
