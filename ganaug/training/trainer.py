"""The training loop: small step functions that know no GAN by name.

What differs between GANs is data (the recipe) and functions (losses and penalties); the steps below
only call them. Read :meth:`Trainer.run`, then :meth:`Trainer.critic_step`.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from ganaug.errors import DivergenceError, warn
from ganaug.nets.spectral import normalise_spectrally
from ganaug.objectives.losses import check_loss
from ganaug.objectives.regularizers import (
    BY_INPUT,
    CRITIC_PENALTIES,
    FADING,
    GENERATOR_PENALTIES,
    Context,
    Penalty,
    clip_weights,
)
from ganaug.registry import make_loss
from ganaug.runtime.privates import lerp_all, norms
from ganaug.runtime.rng import torch_stream
from ganaug.training import schedules
from ganaug.training.data import Batch, TrainingRows
from ganaug.training.history import History
from ganaug.training.monitor import Monitor
from ganaug.training.replay import Replay

if TYPE_CHECKING:
    from ganaug.recipe import Recipe
    from ganaug.training.job import Job


Side = tuple[Tensor, Tensor]
"""The critic's logits and features for the real or the generated half of a step."""


class Trainer:
    """Trains one generator against one critic.

    Parameters
    ----------
    recipe : Recipe
        What to train.
    generator, critic : Module
        The networks, on the device of ``rows``.
    rows : TrainingRows
        Real rows by class.
    labels : sequence of str
        Names of the classes, for the history.
    judged : sequence of bool
        Classes whose samples the history's diversity is about.
    job : Job
        Steps, rows in each (a multiple of the recipe's ``pac``), seed, callbacks and limits.

    Attributes
    ----------
    average : Module
        The exponentially averaged generator, in eval mode: the one to sample from.
    history : History
    stop : bool
        Set by a callback to end training.
    """

    def __init__(
        self,
        recipe: Recipe,
        generator: Any,
        critic: Any,
        rows: TrainingRows,
        labels: Sequence[str],
        judged: Sequence[bool],
        job: Job,
    ) -> None:
        self.recipe, self.rows, self.labels = recipe, rows, labels
        self.generator, self.critic = generator.train(), critic.train()
        self.average = copy.deepcopy(generator).eval().requires_grad_(False)
        # Of the buffers only batch norm's statistics change.
        theirs = dict(self.generator.named_buffers())
        self.running_statistics = [
            (buffer, theirs[name])
            for name, buffer in self.average.named_buffers()
            if "running_" in name
        ]
        self.steps, self.batch_size = job.steps, job.batch_size
        self.callbacks, self.max_seconds, self.progress = (
            job.callbacks,
            job.max_seconds,
            job.progress,
        )
        self.random = torch_stream(job.seed, "train", device=rows.device)
        self.monitor = Monitor(rows, labels, judged, job.seed)
        self.subjects = [name for name, shown in zip(labels, judged, strict=True) if shown]
        schedule = recipe.schedule
        self.loss = make_loss(recipe.loss, schedule.label_smoothing)
        check_loss(recipe.loss, self.loss)
        self.critic_penalties = self._chosen(CRITIC_PENALTIES)
        self.generator_penalties = self._chosen(GENERATOR_PENALTIES)
        self.replay = Replay(schedule.replay)
        self.generator_optimizer = self._adam(generator, schedule.learning_rate)
        self.critic_optimizer = self._adam(critic, schedule.critic_learning_rate)
        self.history = History()
        self.step = self.critic_steps = 0
        self.stop = False
        self.last: dict[str, Tensor] = {}
        self.gradients: dict[str, list[Tensor]] = {}

    def run(self) -> History:
        """Train to the end and return the history."""
        self.started = time.monotonic()
        self._notify("on_train_begin")
        every = -(-self.steps // self.rows.records)
        for step in self._countdown():
            self.step = step
            self._follow_schedule()
            for turn in range(self.recipe.schedule.n_critic):
                # The generator learns from the last batch that the critic has seen: generating
                # it once saves a sixth of the step.
                last = turn + 1 == self.recipe.schedule.n_critic
                batch = self.draw_batch(differentiable=last)
                self.critic_step(self.replay.mix(batch, self.critic.pac, self.random))
            self.generator_step(batch)
            self.average_weights()
            if (step + 1) % every == 0 or step + 1 == self.steps:
                self._record()
            self._notify("on_step_end")
            if self.stop or self._out_of_time():
                break
        if not self.history.records or self.history["step"][-1] != self.step + 1:
            self._record()
        self._notify("on_train_end")
        if self.recipe.architecture.progressive and not self.average.growth.done:
            warn(
                "Training ended before the networks had grown: images have the detail of "
                f"{self.average.growth.resolution} rows of pixels. Train longer, or lower "
                "progressive."
            )
        return self.history

    def draw_batch(self, *, differentiable: bool) -> Batch:
        """Return classes, a real row of each, and a generated one."""
        with torch.set_grad_enabled(differentiable):
            return self.rows.draw_batch(
                self.generator, self.batch_size, self.critic.pac, self.random
            )

    def critic_step(self, batch: Batch) -> None:
        """Teach the critic to tell real rows from generated ones."""
        weights = self._due_weights()
        context = self._score(batch, differentiable=not weights.keys().isdisjoint(BY_INPUT))
        loss = self.loss.critic(context.real_logits, context.fake_logits)
        self.last["critic_loss"] = loss.detach()
        self.last["margin"] = (context.real_logits - context.fake_logits).detach()
        for name, weight in weights.items():
            loss = loss + weight * self.critic_penalties[name](context)
        self._update(self.critic_optimizer, loss, "critic_grad_norm")
        if limit := self.recipe.regularizers.weight_clip:
            clip_weights(self.critic.parameters(), limit)
        self.critic_steps += 1

    def generator_step(self, batch: Batch) -> None:
        """Teach the generator to make rows that the critic takes for real."""
        with torch.no_grad():
            real_side = self.critic(batch.real, batch.labels)
        fake_side = self.critic(batch.fake, batch.labels)
        context = self._context(batch, real_side, fake_side, self.generator_optimizer)
        loss = self.loss.generator(context.real_logits, context.fake_logits)
        self.last["generator_loss"] = loss.detach()
        for name, penalty in self.generator_penalties.items():
            value = penalty(context)
            self.last[name] = value.detach()
            loss = loss + getattr(self.recipe.regularizers, name) * value
        self._update(self.generator_optimizer, loss, "generator_grad_norm")

    @torch.no_grad()
    def average_weights(self) -> None:
        """Move the averaged generator towards the trained one."""
        decay = schedules.ema_decay(self.step, self.recipe.schedule.ema)
        mine: list[Tensor] = list(self.average.parameters())
        theirs: list[Tensor] = list(self.generator.parameters())
        lerp_all(mine, theirs, 1.0 - decay)
        for mine_statistic, statistic in self.running_statistics:
            mine_statistic.copy_(statistic)

    def _score(self, batch: Batch, *, differentiable: bool) -> Context:
        """Show real and generated rows to the critic, apart from the generator's gradient."""
        labels, real, fake = batch.labels, batch.real.detach(), batch.fake.detach()
        if differentiable:
            # Apart, so that a penalty differentiates only through its own half.
            real, fake = real.requires_grad_(), fake.requires_grad_()
        if differentiable or self.recipe.architecture.critic_mixes_rows:
            # Batch statistics too are of real or generated rows, as in the generator's step: those
            # of both together would turn the critic's answers around.
            real_side, fake_side = self.critic(real, labels), self.critic(fake, labels)
        else:
            logits, features = self.critic(torch.cat([real, fake]), torch.cat([labels, labels]))
            real_side, fake_side = zip(logits.chunk(2), features.chunk(2), strict=True)
        shown = Batch(labels, real, fake)
        return self._context(shown, real_side, fake_side, self.critic_optimizer)

    def _context(
        self, batch: Batch, real_side: Side, fake_side: Side, optimizer: torch.optim.Adam
    ) -> Context:
        few = batch.labels[::2]  # two of each
        return Context(
            self.critic, batch.real, batch.fake, batch.labels, real_side[0], fake_side[0],
            real_side[1], fake_side[1], self.random, optimizer.param_groups[0]["params"],
            twins=lambda: self.rows.twins(self.generator, few, self.random),
            lesson=lambda: self.rows.lesson(self.generator, batch.labels, self.random),
        )  # fmt: skip

    def _chosen(self, penalties: Mapping[str, Callable[[], Penalty]]) -> dict[str, Penalty]:
        """Return those penalties to which the recipe gives a weight."""
        weights = self.recipe.regularizers
        return {name: make() for name, make in penalties.items() if getattr(weights, name)}

    def _due_weights(self) -> dict[str, float]:
        """Return the weights of the critic's penalties in this step."""
        schedule, every = self.recipe.schedule, self.recipe.regularizers.penalty_every
        fade = schedules.burn_in(self.done, schedule.burn_in, schedule.final_penalty)
        weights: dict[str, float] = {}
        for name in self.critic_penalties:
            lazy = every if name in BY_INPUT else 1
            if self.critic_steps % lazy == 0:
                weight = lazy * getattr(self.recipe.regularizers, name)
                weights[name] = weight * fade if name in FADING else weight
        return weights

    def _update(self, optimizer: torch.optim.Adam, loss: Tensor, norm_name: str) -> None:
        """Take one optimizer step, differentiating by nothing but its own weights."""
        weights = optimizer.param_groups[0]["params"]
        # Networks that grow have layers that wait for their turn.
        growing = self.recipe.architecture.progressive > 0
        gradients = torch.autograd.grad(loss, weights, allow_unused=growing)
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.grad = gradient
        self.gradients[norm_name] = [gradient for gradient in gradients if gradient is not None]
        optimizer.step()

    def _adam(self, network: nn.Module, rate: float) -> torch.optim.Adam:
        schedule = self.recipe.schedule
        return torch.optim.Adam(
            network.parameters(),
            lr=rate,
            betas=(schedule.beta1, schedule.beta2),
            fused=self.rows.device.type in ("cpu", "cuda"),
        )

    @property
    def done(self) -> float:
        """Fraction of the planned samples seen so far."""
        return self.step / self.steps

    def _follow_schedule(self) -> None:
        schedule = self.recipe.schedule
        factor = schedules.burn_in(self.done, schedule.burn_in, schedule.final_rate)
        for optimizer, rate in (
            (self.generator_optimizer, schedule.learning_rate),
            (self.critic_optimizer, schedule.critic_learning_rate),
        ):
            optimizer.param_groups[0]["lr"] = rate * factor
        if (start := schedule.class_balance_start) is not None:
            self.rows.set_balance(start + (schedule.class_balance - start) * self.done)
        if length := self.recipe.architecture.progressive:
            self._grow(length)

    def _grow(self, length: float) -> None:
        """Bring all networks to the resolution of this step."""
        done = (self.step + 1) / self.steps  # the last step is at the last resolution
        before = self.generator.growth.top
        for network in (self.generator, self.critic, self.average):
            network.growth.set(schedules.growth(done, length, network.growth.stages))
        if self.generator.growth.top != before:
            self.replay.forget()

    def _record(self) -> None:
        """Read the step's tensors (the only time the device is waited for) into the history."""
        record: dict[str, Any] = {
            "step": self.step + 1,
            "samples": (self.step + 1) * self.batch_size,
            "seconds": time.monotonic() - self.started,
            "critic_loss": float(self.last["critic_loss"]),
            "generator_loss": float(self.last["generator_loss"]),
            "critic_accuracy": float((self.last["margin"] > 0).float().mean()),
        }
        record |= {name: float(self.last[name]) for name in self.generator_penalties}
        if self.recipe.architecture.progressive:
            record["resolution"] = self.generator.growth.resolution
        for name, gradients in self.gradients.items():
            record[name] = float(torch.stack(norms(gradients)).norm())
        record |= self.monitor.diversity(
            lambda labels, random: self.rows.generated(self.average, labels, random),
            self.average.growth.coarse if self.recipe.architecture.progressive else None,
        )
        for name, value in record.items():
            if value != value or value in (float("inf"), -float("inf")):
                raise DivergenceError(
                    f"Training diverged: {name} is {value} at step {self.step + 1}. Lower "
                    "learning_rate, or use a recipe with a penalty on the critic (wgan-gp, auto)."
                )
        self.history.append(record)
        for callback in self.callbacks:
            callback.on_record(self, record)

    def _title(self) -> str:
        """Return what the bar is about: where each class has a GAN of its own, which one."""
        alone = self.recipe.conditioning == "per-class" and len(self.subjects) == 1
        return f"{self.recipe.name}, class {self.subjects[0]}" if alone else self.recipe.name

    def _countdown(self) -> Iterator[int]:
        bar = tqdm(range(self.steps), desc=f"ganaug [{self._title()}]", disable=not self.progress)
        for step in bar:
            yield step
            if self.progress and self.history.records:
                last = self.history.records[-1]
                bar.set_postfix(critic=f"{last['critic_loss']:.3f}", refresh=False)

    def _out_of_time(self) -> bool:
        if self.max_seconds is None:
            return False
        return time.monotonic() - self.started >= self.max_seconds

    def _notify(self, event: str) -> None:
        for callback in self.callbacks:
            getattr(callback, event)(self)


def make_trainer(
    recipe: Recipe,
    make_generator: Callable[[torch.Generator], nn.Module],
    make_critic: Callable[[torch.Generator], nn.Module],
    rows: TrainingRows,
    labels: Sequence[str],
    judged: Sequence[bool],
    job: Job,
) -> Trainer:
    """Return a trainer of new networks; the other parameters are those of :class:`Trainer`.

    Parameters
    ----------
    make_generator, make_critic : callable
        Return a network whose initial weights are drawn from the stream that they get.
    """
    generator = make_generator(torch_stream(job.seed, "generator")).to(job.device)
    critic = make_critic(torch_stream(job.seed, "critic")).to(job.device)
    if recipe.architecture.spectral_norm:
        normalise_spectrally(critic, torch_stream(job.seed, "spectral"))
    return Trainer(recipe, generator, critic, rows, labels, judged, job)
