"""Callbacks that pass the history on during training: to TensorBoard, or to any function."""

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
    """Return a name for a column of the history: ``diversity/rare`` for ``diversity[rare]``.

    Characters that some loggers do not accept become underscores.
    """
    return re.sub(r"[^\w\-. /:]", "_", re.sub(r"\[(.*)\]$", r"/\1", key, flags=re.DOTALL))


class _PerRun(Callback):
    """A callback with a state for each run, since fits in several threads may share a callback."""

    def __init__(self) -> None:
        self._open: WeakKeyDictionary[TrainingRun, Any] = WeakKeyDictionary()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_open"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._open = WeakKeyDictionary()  # a copy in another process has no runs


class MetricsLogger(_PerRun):
    """Pass each record of the history to a function during training.

    Parameters
    ----------
    log : callable
        Function that is called as ``log(metrics, step)``, with a dict of floats by name and an int,
        such as ``wandb.log`` or ``mlflow.log_metrics``.

    Notes
    -----
    A callback may get several runs: a GAN for each class, or the fits of a cross-validation. The
    names of the second run start with ``run-2/``, and so on, so that no curve is overwritten. Steps
    are counted on from run to run, because some loggers ignore a step below an earlier one. The
    step within the run is the metric ``step``.

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
        """Choose the prefix and the first step of a new run."""
        self._runs += 1
        prefix = f"run-{self._runs}/" if self._runs > 1 else ""
        self._open[trainer] = prefix, self._last

    def on_record(self, trainer: TrainingRun, record: dict[str, float]) -> None:
        """Pass the record to the function."""
        prefix, before = self._open[trainer]
        step = before + int(record["step"])
        self._last = max(self._last, step)
        self.log({prefix + metric_name(key): float(value) for key, value in record.items()}, step)


class TensorBoardLogger(_PerRun):
    """Write each record of the history for TensorBoard during training.

    ``tensorboard --logdir LOG_DIR`` shows the curves, also while training runs, and the recipe as
    text.

    Parameters
    ----------
    log_dir : str or Path
        Folder in which each run gets a new folder, named after the recipe and numbered: ``auto-1``,
        ``auto-2``; with a GAN for each class ``gan-CLASS-1``. Later fits and fits in other
        processes overwrite nothing.
    per_class : int, default=0
        Images only: number of each class to show beside the curves, always from the same noise.
    every : int, default=4
        Records from one picture to the next.

    Raises
    ------
    ConfigError
        If tensorboard is missing, or if training starts on a table with ``per_class`` set.

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
                "TensorBoardLogger needs tensorboard, which is missing: "
                "pip install 'ganaug[tensorboard]'"
            ) from None
        super().__init__()
        self.log_dir = Path(log_dir)
        self.per_class = per_class
        self.every = every

    def on_train_begin(self, trainer: TrainingRun) -> None:
        """Make a folder for the run, and write the recipe into it."""
        from torch.utils.tensorboard import SummaryWriter

        if self.per_class:
            require_images(trainer, "TensorBoardLogger(per_class=...)")
        writer = SummaryWriter(str(_new_folder(self.log_dir, run_name(trainer))))
        self._open[trainer] = writer
        settings = {"steps": trainer.steps, "batch_size": trainer.batch_size}
        document = json.dumps({**settings, "recipe": trainer.recipe.to_dict()}, indent=2)
        writer.add_text("recipe", f"```json\n{document}\n```")

    def on_record(self, trainer: TrainingRun, record: dict[str, float]) -> None:
        """Write a point of each curve, and at every ``every``-th record a picture."""
        writer, step = self._open[trainer], int(record["step"])
        for key, value in record.items():
            if key != "step":
                writer.add_scalar(metric_name(key), float(value), step)
        if self.per_class and len(trainer.history) % self.every == 0:
            picture = tile(sample_images(trainer, self.per_class), self.per_class)
            form = "HW" if picture.ndim == 2 else "HWC"
            writer.add_image("samples", picture, step, dataformats=form)
        writer.flush()  # so that the curves are complete if training is interrupted

    def on_train_end(self, trainer: TrainingRun) -> None:
        """Close the file."""
        self._open.pop(trainer).close()


def _new_folder(parent: Path, name: str) -> Path:
    """Make the first of ``name-1``, ``name-2`` ... that does not exist, and return it.

    Another process may make the same folder at the same time, so existence is not checked before.
    """
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
