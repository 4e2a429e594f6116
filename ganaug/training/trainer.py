"""The training loop, one for all GANs.

A GAN is two networks that are trained against each other. The *generator* makes rows from noise.
The *critic* scores rows: its output, the *logit*, should be high for real rows and low for
generated ("fake") rows. The critic is trained to tell the two apart, the generator to get high
logits for its rows. A row here is an encoded row of a table or an image. Each row comes with a
label, the number of its class. With ``pac`` above 1 the critic scores that many rows of a class
together, as one pack.

One step of :meth:`Trainer.run`:

1. The learning rates are set. The balance of the classes and the resolution of the images are set
   as well, if the recipe changes them during training (:meth:`Trainer._follow_schedule`).
2. A batch is drawn (:meth:`Trainer.draw_batch`): random labels, a real row of each label, and a
   fake row of each label, which the generator makes from new noise. For anchored classes it also
   starts from a real row of the class, and moves that. With ``replay``, some fake rows are then
   replaced by those of earlier steps.
3. The critic learns (:meth:`Trainer.critic_step`). It scores the real and the fake rows, the loss
   compares the logits, penalties are added, and one optimizer step changes the critic. Fake rows
   are detached from the generator, which must not change here. Points 2 and 3 are repeated
   ``n_critic`` times.
4. The generator learns from the last batch (:meth:`Trainer.generator_step`). The critic, now
   updated, scores it again, and the gradient flows through the critic into the generator. One
   optimizer step changes the generator alone.
5. The averaged generator moves towards the new weights (:meth:`Trainer.average_weights`). It is an
   exponential moving average (EMA), whose rows vary less from step to step; samples come from it.
6. From time to time, losses, gradient norms and the diversity of generated rows are added to the
   history, and callbacks run.

No network and no GAN is known by name here. The recipe is data: it holds the numbers above and
names the loss and the penalties, which are functions that the two steps call.
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
from ganaug.training.diversity import Monitor
from ganaug.training.history import History
from ganaug.training.replay import Replay

if TYPE_CHECKING:
    from ganaug.recipe import Recipe
    from ganaug.training.job import Job


Side = tuple[Tensor, Tensor]
"""The critic's logits and features of either the real or the fake rows of a batch."""


class Trainer:
    """Trains one generator against one critic.

    Parameters
    ----------
    recipe : Recipe
        Loss, penalties and schedule.
    generator, critic : Module
        The networks, on the device of ``rows``.
    rows : TrainingRows
        Encoded real rows, from which batches are drawn.
    labels : sequence of str
        Names of the classes, for the history.
    judged : sequence of bool
        Whether the diversity of each class is measured.
    job : Job
        Steps, rows in a step (a multiple of the recipe's ``pac``), seed, callbacks and limits.

    Attributes
    ----------
    average : Module
        The averaged generator (EMA), in eval mode: the one to sample from.
    history : History
        The records so far.
    step : int
        The present step, from 0.
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
        # The only buffers that change are the running statistics of batch norm.
        buffers = dict(self.generator.named_buffers())
        self.running_statistics = [
            (buffer, buffers[name])
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
        self.judged_labels = [name for name, yes in zip(labels, judged, strict=True) if yes]
        schedule = recipe.schedule
        self.loss = make_loss(recipe.loss, schedule.label_smoothing)
        check_loss(recipe.loss, self.loss)  # users can register losses of their own
        self.critic_penalties = self._make_weighted(CRITIC_PENALTIES)
        self.generator_penalties = self._make_weighted(GENERATOR_PENALTIES)
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
        every = -(-self.steps // self.rows.records)  # rounded up
        for step in self._progress_bar():
            self.step = step
            self._follow_schedule()
            for repeat in range(self.recipe.schedule.n_critic):
                # The generator learns from the critic's last batch. A batch of its own would have
                # to be generated, which takes a sixth of the step.
                is_last = repeat + 1 == self.recipe.schedule.n_critic
                batch = self.draw_batch(differentiable=is_last)
                self.critic_step(self.replay.mix(batch, self.critic.pac, self.random))
            self.generator_step(batch)
            self.average_weights()
            if (step + 1) % every == 0 or step + 1 == self.steps:
                self._record()
            self._notify("on_step_end")
            if self.stop or self._out_of_time():
                break
        # A callback or the time limit may have ended training between two records.
        if not self.history.records or self.history["step"][-1] != self.step + 1:
            self._record()
        self._notify("on_train_end")
        if self.recipe.architecture.progressive and not self.average.growth.done:
            warn(
                "Training ended before the networks had grown to full size: images have the detail "
                f"of {self.average.growth.resolution} rows of pixels. Train longer, or lower "
                "progressive."
            )
        return self.history

    def draw_batch(self, *, differentiable: bool) -> Batch:
        """Return labels, and a real and a generated row of each.

        Parameters
        ----------
        differentiable : bool
            Whether a gradient can flow from the generated rows into the generator.
        """
        with torch.set_grad_enabled(differentiable):
            return self.rows.draw_batch(
                self.generator, self.batch_size, self.critic.pac, self.random
            )

    def critic_step(self, batch: Batch) -> None:
        """Train the critic to distinguish real rows from generated ones."""
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
        """Train the generator to make rows that the critic scores as real."""
        with torch.no_grad():  # real rows do not depend on the generator
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
        averages: list[Tensor] = list(self.average.parameters())
        weights: list[Tensor] = list(self.generator.parameters())
        lerp_all(averages, weights, 1.0 - decay)
        for copy_of_statistic, statistic in self.running_statistics:
            copy_of_statistic.copy_(statistic)

    def _score(self, batch: Batch, *, differentiable: bool) -> Context:
        """Return the critic's scores of both halves of a batch, detached from the generator.

        Parameters
        ----------
        differentiable : bool
            Whether a penalty differentiates the scores by the rows.
        """
        labels, real, fake = batch.labels, batch.real.detach(), batch.fake.detach()
        if differentiable:
            # Leaf tensors of their own: a penalty differentiates by one of the halves only.
            real, fake = real.requires_grad_(), fake.requires_grad_()
        if differentiable or self.recipe.architecture.critic_mixes_rows:
            # Real and fake rows are scored apart, so that batch statistics are those of one kind
            # as in the generator's step; with statistics of both, the logits there would be wrong.
            real_side, fake_side = self.critic(real, labels), self.critic(fake, labels)
        else:
            logits, features = self.critic(torch.cat([real, fake]), torch.cat([labels, labels]))
            real_side, fake_side = zip(logits.chunk(2), features.chunk(2), strict=True)
        detached = Batch(labels, real, fake)
        return self._context(detached, real_side, fake_side, self.critic_optimizer)

    def _context(
        self, batch: Batch, real_side: Side, fake_side: Side, optimizer: torch.optim.Adam
    ) -> Context:
        """Return what penalties may use, of a batch and the critic's scores of it."""
        half = batch.labels[::2]  # noise pairs make two rows for each label: a batch in all
        return Context(
            self.critic, batch.real, batch.fake, batch.labels, real_side[0], fake_side[0],
            real_side[1], fake_side[1], self.random, optimizer.param_groups[0]["params"],
            lambda: self.rows.draw_noise_pairs(self.generator, half, self.random),
            lambda: self.rows.reconstruction_loss(self.generator, batch.labels, self.random),
        )  # fmt: skip

    def _make_weighted(self, penalties: Mapping[str, Callable[[], Penalty]]) -> dict[str, Penalty]:
        """Return the penalties to which the recipe gives a weight above 0."""
        weights = self.recipe.regularizers
        return {name: make() for name, make in penalties.items() if getattr(weights, name)}

    def _due_weights(self) -> dict[str, float]:
        """Return the weights of the critic's penalties that are applied in this step.

        Penalties by the input gradient are applied at every ``penalty_every``-th step only, with
        as many times the weight (lazy regularization, Karras et al. 2020).
        """
        schedule, every = self.recipe.schedule, self.recipe.regularizers.penalty_every
        fade = schedules.burn_in(self.done, schedule.burn_in, schedule.final_penalty)
        weights: dict[str, float] = {}
        for name in self.critic_penalties:
            interval = every if name in BY_INPUT else 1
            if self.critic_steps % interval == 0:
                weight = interval * getattr(self.recipe.regularizers, name)
                weights[name] = weight * fade if name in FADING else weight
        return weights

    def _update(self, optimizer: torch.optim.Adam, loss: Tensor, norm_name: str) -> None:
        """Take one optimizer step on the weights of one network.

        Gradients are computed by these weights alone. ``loss.backward()`` would also compute those
        of the other network, through which the loss may pass.
        """
        weights = optimizer.param_groups[0]["params"]
        # Networks that grow have layers that are not in use yet.
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
            fused=self.rows.device.type in ("cpu", "cuda"),  # one kernel for all weights
        )

    @property
    def done(self) -> float:
        """Fraction of the planned steps that are done."""
        return self.step / self.steps

    def _follow_schedule(self) -> None:
        """Set what changes during training: learning rates, class balance, resolution."""
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
        """Set the resolution of all networks; replay forgets images of another resolution."""
        done = (self.step + 1) / self.steps  # the last step is at the last resolution
        before = self.generator.growth.top
        for network in (self.generator, self.critic, self.average):
            network.growth.set(schedules.growth(done, length, network.growth.stages))
        if self.generator.growth.top != before:
            self.replay.forget()

    def _record(self) -> None:
        """Add losses, gradient norms and diversity to the history, and check that all are finite.

        Reading a number waits for the device. This is the only place where training does.
        """
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
            # The norm of all gradients together is the norm of their norms.
            record[name] = float(torch.stack(norms(gradients)).norm())
        record |= self.monitor.diversity(
            lambda labels, random: self.rows.generated(self.average, labels, random),
            self.average.growth.coarse if self.recipe.architecture.progressive else None,
        )
        for name, value in record.items():
            # Only NaN differs from itself.
            if value != value or value in (float("inf"), -float("inf")):
                raise DivergenceError(
                    f"Training diverged: {name} is {value} at step {self.step + 1}. Lower "
                    "learning_rate, or use a recipe with a penalty on the critic (wgan-gp, auto)."
                )
        self.history.append(record)
        for callback in self.callbacks:
            callback.on_record(self, record)

    def _title(self) -> str:
        """Return the name of the recipe, and of the class if each class has its own GAN."""
        alone = self.recipe.conditioning == "per-class" and len(self.judged_labels) == 1
        return f"{self.recipe.name}, class {self.judged_labels[0]}" if alone else self.recipe.name

    def _progress_bar(self) -> Iterator[int]:
        """Yield the number of each step, with a progress bar if the job has one."""
        bar = tqdm(range(self.steps), desc=f"ganaug [{self._title()}]", disable=not self.progress)
        for step in bar:
            yield step
            if self.progress and self.history.records:
                last = self.history.records[-1]
                # The bar refreshes itself, at most ten times a second.
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
    """Make the networks and return their trainer.

    Each network has a random stream of its own, so that the weights of one do not depend on the
    size of the other.

    Parameters
    ----------
    recipe, rows, labels, judged, job
        As for :class:`Trainer`.
    make_generator, make_critic : callable
        ``make(random)`` returns a network whose initial weights are drawn from ``random``.
    """
    generator = make_generator(torch_stream(job.seed, "generator")).to(job.device)
    critic = make_critic(torch_stream(job.seed, "critic")).to(job.device)
    if recipe.architecture.spectral_norm:
        normalise_spectrally(critic, torch_stream(job.seed, "spectral"))
    return Trainer(recipe, generator, critic, rows, labels, judged, job)
