"""The history as it is written: to TensorBoard, or to any function."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from ganaug.errors import ConfigError
from ganaug.training.callbacks import Callback, TrainingRun, run_name
from ganaug.training.grids import require_images, sample_images, tile


def metric_name(key: str) -> str:
    """Return a column of the history as loggers take it: ``diversity[rare]``, ``diversity/rare``.

    Characters that some of them refuse become underscores.
    """
    return re.sub(r"[^\w\-. /:]", "_", re.sub(r"\[(.*)\]$", r"/\1", key, flags=re.DOTALL))


class _PerRun(Callback):
    """Keeps something for each run that is going on: fits in several threads share a callback."""

    def __init__(self) -> None:
        self._open: WeakKeyDictionary[TrainingRun, Any] = WeakKeyDictionary()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_open"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._open = WeakKeyDictionary()  # runs stay where they are


class MetricsLogger(_PerRun):
    """Pass each line of the history to a function, as training goes.

    Parameters
    ----------
    log : callable
        Called as ``log(metrics, step)``, with a dict of floats by name and an int. ``wandb.log``
        and ``mlflow.log_metrics`` are such functions.

    Notes
    -----
    One callback may see several runs: a GAN for each class, the fits of a cross-validation. The
    names in the second begin with ``run-2/``, and so on, so that no curve is overwritten. Steps
    go on from run to run, because some loggers drop a step that goes back; the step of the run
    itself is the metric ``step``.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from ganaug import GANAugmenter, MetricsLogger
    >>> lines = []
    >>> watch = MetricsLogger(lambda metrics, step: lines.append((step, metrics)))
    >>> X, y = make_classification(100, weights=[0.8], random_state=0)
    >>> augmenter = GANAugmenter(max_steps=5, callbacks=[watch], random_state=0).fit(X, y)
    >>> [step for step, _ in lines], "critic_loss" in lines[0][1]
    ([1, 2, 3, 4, 5], True)
    """

    def __init__(self, log: Callable[[dict[str, float], int], Any]) -> None:
        if not callable(log):
            raise ConfigError(f"log must be a function of (metrics, step), got {log!r}.")
        super().__init__()
        self.log = log
        self._runs = self._last = 0

    def on_train_begin(self, trainer: TrainingRun) -> None:
        """Begin another run."""
        self._runs += 1
        prefix = f"run-{self._runs}/" if self._runs > 1 else ""
        self._open[trainer] = prefix, self._last

    def on_record(self, trainer: TrainingRun, record: dict[str, float]) -> None:
        """Call the function."""
        prefix, before = self._open[trainer]
        step = before + int(record["step"])
        self._last = max(self._last, step)
        self.log({prefix + metric_name(key): float(value) for key, value in record.items()}, step)


class TensorBoardLogger(_PerRun):
    """Write each line of the history for TensorBoard, as training goes.

    ``tensorboard --logdir LOG_DIR`` shows the curves while training goes on, and the recipe as
    text.

    Parameters
    ----------
    log_dir : str or Path
        Each run gets a new folder in it, named after the recipe and numbered: ``auto-1``,
        ``auto-2``; with a GAN for each class ``gan-CLASS-1``. Nothing is overwritten, by later
        fits or by those in other processes.
    per_class : int, default=0
        For images: how many of each class to show beside the curves, always from the same noise.
    every : int, default=4
        Lines of history between two pictures.

    Raises
    ------
    ConfigError
        If tensorboard is missing, or when training begins on a table with ``per_class`` set.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import make_classification
    >>> from ganaug import GANAugmenter, TensorBoardLogger
    >>> X, y = make_classification(100, weights=[0.8], random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     watch = TensorBoardLogger(folder)
    ...     augmenter = GANAugmenter(max_steps=5, callbacks=[watch], random_state=0)
    ...     for _ in range(2):
    ...         augmenter = augmenter.fit(X, y)
    ...     sorted(path.name for path in Path(folder).iterdir())
    ['auto-1', 'auto-2']
    """

    def __init__(self, log_dir: str | Path, per_class: int = 0, every: int = 4) -> None:
        try:
            import tensorboard  # noqa: F401
        except ModuleNotFoundError:
            raise ConfigError(
                "TensorBoardLogger writes with tensorboard, which is missing: "
                "pip install 'ganaug[tensorboard]'"
            ) from None
        super().__init__()
        self.log_dir = Path(log_dir)
        self.per_class = per_class
        self.every = every

    def on_train_begin(self, trainer: TrainingRun) -> None:
        """Begin a folder, and write the recipe into it."""
        from torch.utils.tensorboard import SummaryWriter

        if self.per_class:
            require_images(trainer, "TensorBoardLogger(per_class=...)")
        writer = SummaryWriter(str(_new_folder(self.log_dir, run_name(trainer))))
        self._open[trainer] = writer
        settings = {"steps": trainer.steps, "batch_size": trainer.batch_size}
        document = json.dumps({**settings, "recipe": trainer.recipe.to_dict()}, indent=2)
        writer.add_text("recipe", f"```json\n{document}\n```")

    def on_record(self, trainer: TrainingRun, record: dict[str, float]) -> None:
        """Write a point of each curve, and now and then a picture."""
        writer, step = self._open[trainer], int(record["step"])
        for key, value in record.items():
            if key != "step":
                writer.add_scalar(metric_name(key), float(value), step)
        if self.per_class and len(trainer.history) % self.every == 0:
            picture = tile(sample_images(trainer, self.per_class), self.per_class)
            form = "HW" if picture.ndim == 2 else "HWC"
            writer.add_image("samples", picture, step, dataformats=form)
        writer.flush()  # a training that is cut short leaves its curves

    def on_train_end(self, trainer: TrainingRun) -> None:
        """Close the file."""
        self._open.pop(trainer).close()


def _new_folder(parent: Path, name: str) -> Path:
    """Make and return the first of ``name-1``, ``name-2`` ... that is free, in any process."""
    parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        folder = parent / f"{name}-{number}"
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
        else:
            return folder
