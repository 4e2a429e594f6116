"""Checks of adversarial losses: what they return, and what critic and generator learn from it.

The first line of each check's docstring is what it asks of a loss.
"""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ganaug.errors import ConfigError, did_you_mean
from ganaug.registry import LOSSES
from ganaug.runtime.rng import torch_stream
from ganaug.testing.randomness import global_state
from ganaug.testing.report import CheckReport, Checks, OnFail, require, run_checks, skip

PARTS = ("critic", "generator")

SIDES = ("real", "fake")

EXTREME = (1e2, 1e4)
"""Logits of a critic that is far too sure: exp(100) is infinite in float32, 1e4 squared is not."""

SMOOTHING = 0.2


class LossSubject:
    """A loss under test.

    Parameters
    ----------
    entry : str or callable
        What stands in, or could be put into, :data:`ganaug.registry.LOSSES`.
    """

    def __init__(self, entry: str | Callable[..., Any]) -> None:
        self.entry = entry

    @cached_property
    def function(self) -> Callable[..., Any]:
        """The function that returns the loss."""
        entry = LOSSES[self.entry] if isinstance(self.entry, str) else self.entry
        return pkgutil.resolve_name(entry) if isinstance(entry, str) else entry

    @cached_property
    def smooths(self) -> bool:
        """Whether the function takes the label smoothing."""
        return bool(inspect.signature(self.function).parameters)

    def make(self, smoothing: float = 0.0) -> Any:
        """Return the loss, made as training makes it."""
        return self.function(smoothing) if self.smooths else self.function()

    @cached_property
    def loss(self) -> Any:
        """The loss without label smoothing."""
        return self.make()


def logits(*values: float, dtype: torch.dtype = torch.float64) -> Tensor:
    """Return logits that have a gradient."""
    return torch.tensor(values, dtype=dtype, requires_grad=True)


def drawn(n: int, seed: int) -> Tensor:
    """Return the logits of a critic that is not sure."""
    return torch.rand(n, generator=torch_stream(seed), dtype=torch.float64) - 0.5


def slope(value: Tensor, by: Tensor) -> Tensor | None:
    """Return the gradient of a number, None if it does not depend on the logits."""
    if not value.requires_grad:
        return None
    (found,) = torch.autograd.grad(value, by, retain_graph=True, allow_unused=True)
    return found


def makes_a_loss(subject: LossSubject) -> None:
    """Return a Loss: two functions, each of the real and the fake logits."""
    for part in PARTS:
        function = getattr(subject.loss, part, None)
        require(callable(function), f"the result has no function {part}")
        try:
            inspect.signature(getattr(subject.loss, part)).bind("real", "fake")
        except (TypeError, ValueError) as error:
            require(False, f"{part} does not take (real, fake): {error}")


def returns_one_number(subject: LossSubject) -> None:
    """Return one number for logits of shape (batch,), whatever the batch size."""
    for part in PARTS:
        for n in (1, 2, 7):
            value = getattr(subject.loss, part)(drawn(n, 0), drawn(n, 1))
            require(isinstance(value, Tensor), f"{part} returns a {type(value).__name__}")
            require(value.numel() == 1, f"{part} returns {value.numel()} numbers for {n} logits")


def is_a_mean(subject: LossSubject) -> None:
    """Give the same number for a batch shown twice over: a mean, not a sum."""
    for part in PARTS:
        function, real, fake = getattr(subject.loss, part), drawn(5, 0), drawn(5, 1)
        once, twice = function(real, fake), function(real.repeat(2), fake.repeat(2))
        require(
            torch.allclose(once, twice),
            f"{part} gives {once.item():g} for a batch and {twice.item():g} for two of it",
        )


def keeps_the_dtype(subject: LossSubject) -> None:
    """Return a number of the dtype of the logits, float32 or float64."""
    for part in PARTS:
        for dtype in (torch.float32, torch.float64):
            value = getattr(subject.loss, part)(drawn(4, 0).to(dtype), drawn(4, 1).to(dtype))
            require(value.dtype == dtype, f"{part} makes {value.dtype} of {dtype}")


def teaches_both_networks(subject: LossSubject) -> None:
    """Give the critic a gradient by both logits, the generator one by the fake logits."""
    for part, sides in (("critic", ("real", "fake")), ("generator", ("fake",))):
        pair = {side: drawn(6, i).requires_grad_(side in sides) for i, side in enumerate(SIDES)}
        value = getattr(subject.loss, part)(*(pair[side] * 1.0 for side in SIDES))
        for side in sides:
            found = slope(value, pair[side])
            moves = found is not None and bool(found.any())
            require(moves, f"{part} does not depend on the {side} logits")


def stays_finite(subject: LossSubject) -> None:
    """Stay finite, value and gradient, where the critic is far too sure."""
    for part in PARTS:
        for size in (0.0, *EXTREME):
            for sign in (1.0, -1.0):
                real, fake = (logits(s * size, dtype=torch.float32) for s in (sign, -sign))
                value = getattr(subject.loss, part)(real * 1.0, fake * 1.0)
                found = [slope(value, side) for side in (real, fake)]
                numbers = [value, *(each for each in found if each is not None)]
                finite = all(bool(torch.isfinite(each).all()) for each in numbers)
                where = f"real {sign * size:g} and fake {-sign * size:g}"
                require(finite, f"{part} has a value or gradient that is not finite at {where}")


def critic_prefers_right_answers(subject: LossSubject) -> None:
    """Cost the critic less for right answers than for wrong ones, and point to them."""
    high, low = logits(1.0, 1.0), logits(-1.0, -1.0)
    right, wrong = (
        subject.loss.critic(*pair) for pair in ((high * 1, low * 1), (low * 1, high * 1))
    )
    require(right < wrong, f"right answers cost {right.item():g}, wrong ones {wrong.item():g}")
    real, fake = logits(-0.5, -0.5), logits(0.5, 0.5)
    value = subject.loss.critic(real * 1.0, fake * 1.0)
    up, down = slope(value, real), slope(value, fake)
    require(up is None or (up < 0).all(), "a higher logit of a real sample costs the critic")
    require(down is None or (down > 0).all(), "a higher logit of a fake one rewards the critic")


def generator_learns_to_fool(subject: LossSubject) -> None:
    """Point the generator to higher logits of what it makes, as long as the critic sees through."""
    for level in (-1.0, -0.3, 0.0):
        real, fake = logits(0.5, 0.2, 1.0), logits(level, level - 0.2, level - 0.4)
        found = slope(subject.loss.generator(real.detach(), fake * 1.0), fake)
        require(
            found is None or (found < 0).all(),
            f"at fake logits of about {level:g} a higher one costs the generator",
        )


def smooths_the_real_label_only(subject: LossSubject) -> None:
    """Lower the critic's best logit for real samples by label smoothing, and nothing else."""
    if not subject.smooths:
        skip("the function has no argument for label smoothing")
    plain, smooth = subject.loss, subject.make(SMOOTHING)
    grid, fixed = torch.linspace(-10, 10, 401, dtype=torch.float64), torch.zeros(1).double()
    costs = [torch.stack([each.critic(r[None], fixed) for r in grid]) for each in (plain, smooth)]
    best, lower = (float(grid[cost.argmin()]) for cost in costs)
    require(lower < best, f"the best real logit is {best:g} without and {lower:g} with smoothing")
    real, fake = drawn(6, 0), drawn(6, 1)
    same = torch.equal(plain.generator(real, fake), smooth.generator(real, fake))
    require(same, "smoothing changes the generator's loss")
    by_fake = [critic_slope(each, real, fake) for each in (plain, smooth)]
    # A loss of the difference of the logits, such as the relativistic one, has one answer only.
    if torch.equal(by_fake[0], critic_slope(plain, real + 1.0, fake)):
        require(torch.equal(*by_fake), "smoothing changes the answer for fake samples")


def critic_slope(loss: Any, real: Tensor, fake: Tensor) -> Tensor:
    """Return the gradient of the critic's loss by the fake logits."""
    leaf = fake.clone().requires_grad_()
    found = slope(loss.critic(real, leaf * 1.0), leaf)
    return torch.zeros_like(fake) if found is None else found


def repeats_itself(subject: LossSubject) -> None:
    """Return the same number for the same logits."""
    for part in PARTS:
        first, again = (getattr(subject.loss, part)(drawn(5, 0), drawn(5, 1)) for _ in range(2))
        require(torch.equal(first, again), f"{part} gives {first.item():g}, then {again.item():g}")


def leaves_the_logits_alone(subject: LossSubject) -> None:
    """Leave the logits as they are: penalties use them afterwards."""
    for part in PARTS:
        real, fake = drawn(5, 0) * 10, drawn(5, 1) * 10
        getattr(subject.loss, part)(real, fake)
        kept = torch.equal(real, drawn(5, 0) * 10) and torch.equal(fake, drawn(5, 1) * 10)
        require(kept, f"{part} changes its logits")


def stays_on_the_device(subject: LossSubject) -> None:
    """Stay on the device of the logits."""
    for part in PARTS:
        # The "meta" device has shapes and no memory, and like a GPU it does not mix with the CPU.
        real, fake = (torch.empty(5, device="meta") for _ in SIDES)
        value = getattr(subject.loss, part)(real, fake)
        require(value.device.type == "meta", f"{part} returns a number on {value.device}")


def leaves_global_random_state(subject: LossSubject) -> None:
    """Leave the global generators of Python, numpy and torch alone."""
    before = global_state()
    for part in PARTS:
        getattr(subject.make(), part)(drawn(5, 0), drawn(5, 1))
    require(global_state() == before, "a global random state has moved")


LOSS_CHECKS: Checks[LossSubject] = {
    makes_a_loss: (),
    returns_one_number: (makes_a_loss,),
    is_a_mean: (returns_one_number,),
    keeps_the_dtype: (returns_one_number,),
    teaches_both_networks: (returns_one_number,),
    stays_finite: (returns_one_number,),
    critic_prefers_right_answers: (teaches_both_networks,),
    generator_learns_to_fool: (teaches_both_networks,),
    smooths_the_real_label_only: (teaches_both_networks,),
    repeats_itself: (returns_one_number,),
    leaves_the_logits_alone: (returns_one_number,),
    stays_on_the_device: (returns_one_number,),
    leaves_global_random_state: (makes_a_loss,),
}
"""What every loss must pass."""


def check_loss(loss: str | Callable[..., Any], *, on_fail: OnFail = "raise") -> CheckReport:
    """Check a loss: its values, its gradients and what they teach.

    Parameters
    ----------
    loss : str or callable
        A name in :data:`ganaug.registry.LOSSES`, or a function as could stand there: it returns a
        :class:`~ganaug.objectives.losses.Loss`, and if it has an argument, that is the label
        smoothing.
    on_fail : {"raise", "report"}, default="raise"
        What to do if a check fails: raise the table of what is missing, or return all results.

    Returns
    -------
    CheckReport

    Raises
    ------
    CheckError
        If a check fails and ``on_fail`` is "raise".
    ConfigError
        If there is no loss of this name.

    Examples
    --------
    >>> from ganaug.objectives.losses import Loss
    >>> from ganaug.testing import check_loss
    >>> def total():
    ...     return Loss(lambda real, fake: (fake - real).sum(), lambda real, fake: -fake.mean())
    >>> print(check_loss(total, on_fail="report").missing())
    loss 'total': 11 checks passed, 1 failed, 1 skipped
    missing    why
    is_a_mean  Give the same number for a batch shown twice over: a mean, not a sum. Found: critic
               gives 0.762637 for a batch and 1.52527 for two of it
    """
    if isinstance(loss, str) and loss not in LOSSES:
        raise ConfigError(f"loss={loss!r} is not possible; {did_you_mean(loss, LOSSES)}")
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)
    return run_checks(f"loss {name!r}", LOSS_CHECKS, LossSubject(loss), on_fail)
