"""Callbacks: user code that runs during training."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ganaug.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from typing import Self

    from ganaug.recipe import Recipe
    from ganaug.training.history import History


class TrainingRun(Protocol):
    """Attributes of a training run that a callback may read; it may also set ``stop``."""

    stop: bool
    """Set this to true to end training after the present step."""

    @property
    def recipe(self) -> Recipe:
        """The recipe of the GAN that is trained."""

    @property
    def labels(self) -> Sequence[str]:
        """Names of the classes that this run trains on."""

    @property
    def rows(self) -> Any:
        """Encoded rows or images, sorted by class, as `TrainingRows`."""

    @property
    def average(self) -> Any:
        """The generator to sample from: a moving average of the trained one (EMA)."""

    @property
    def history(self) -> History:
        """The records so far."""

    @property
    def steps(self) -> int:
        """Planned number of generator steps."""

    @property
    def batch_size(self) -> int:
        """Rows in a step."""

    @property
    def step(self) -> int:
        """The present step, from 0."""


class Callback:
    """Base class of callbacks: override the methods that you need.

    ``sklearn.base.clone`` returns the callback itself, not a copy. All fits of a cross-validation
    therefore share its open file or its list of results.

    Examples
    --------
    >>> from ganaug import Callback
    >>> class Print(Callback):
    ...     def on_record(self, trainer, record):
    ...         print(record["step"], record["critic_loss"])
    """

    def on_train_begin(self, trainer: TrainingRun) -> None:
        """Do something before the first step."""

    def on_step_end(self, trainer: TrainingRun) -> None:
        """Do something after each step; ``trainer.stop = True`` ends training."""

    def on_record(self, trainer: TrainingRun, record: dict[str, float]) -> None:
        """Do something with each new record of the history."""

    def on_train_end(self, trainer: TrainingRun) -> None:
        """Do something after the last step."""

    def __sklearn_clone__(self) -> Self:
        return self


def run_name(trainer: TrainingRun) -> str:
    """Return a name for the files of a run: the recipe, and the class if each class has a GAN."""
    name = trainer.recipe.name.rstrip("*")
    if trainer.recipe.conditioning == "per-class":
        name += "-" + re.sub(r"\W", "_", trainer.labels[0])
    return name


class EarlyStop(Callback):
    """End training when a column of the history has stopped improving.

    A GAN's losses say little about its samples. Prefer a column such as ``diversity``, or compute
    one of your own in a subclass.

    Parameters
    ----------
    monitor : str, default="diversity"
        Column of the history.
    patience : int, default=20
        Records without improvement before training ends.
    mode : {"max", "min"}, default="max"
        Whether larger or smaller is better.

    Examples
    --------
    >>> from ganaug import EarlyStop, GANAugmenter
    >>> augmenter = GANAugmenter(callbacks=[EarlyStop("diversity", patience=10)])
    """

    def __init__(self, monitor: str = "diversity", patience: int = 20, mode: str = "max") -> None:
        if mode not in ("max", "min"):
            raise ConfigError(
                f"mode={mode!r} is not possible; {did_you_mean(mode, ['max', 'min'])}"
            )
        self.monitor = monitor
        self.patience = patience
        self.mode = mode
        self._sign = 1.0 if mode == "max" else -1.0

    def on_train_begin(self, trainer: TrainingRun) -> None:
        """Start anew, without the values of an earlier run."""
        self._best = -float("inf")
        self._waited = 0

    def on_record(self, trainer: TrainingRun, record: dict[str, float]) -> None:
        """Compare the new record with the best so far."""
        if self.monitor not in record:
            known = ", ".join(record)
            raise ConfigError(
                f"EarlyStop: the history has no column {self.monitor!r}; it has {known}."
            )
        score = self._sign * record[self.monitor]
        if score > self._best:
            self._best, self._waited = score, 0
        else:
            self._waited += 1
            trainer.stop = trainer.stop or self._waited >= self.patience
