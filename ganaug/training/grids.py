"""Pictures of generated images during training."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganaug.errors import ConfigError
from ganaug.runtime.rng import torch_stream
from ganaug.training.callbacks import Callback, TrainingRun, run_name
from ganaug.training.images import TrainingImages


class SampleGrid(Callback):
    """Save pictures of generated images during training.

    A picture has one row for each class. All pictures use the same noise, so that paging through
    the files shows what the generator learns. The first pictures show noise.

    Parameters
    ----------
    folder : str or Path
        Folder for the files ``RECIPE-000100.png`` and so on, named after the training step. It is
        made if it does not exist. With a GAN for each class, the file name includes the class.
    per_class : int, default=10
        Images of each class.
    every : int, default=4
        Records from one picture to the next; training on images has about 20 records.

    Raises
    ------
    ConfigError
        If Pillow is missing, or if training starts on a table.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_digits
    >>> from ganaug import GANAugmenter, SampleGrid
    >>> X, y = load_digits(n_class=2, return_X_y=True)
    >>> X = X.reshape(-1, 8, 8) / 16
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     watch = SampleGrid(folder)
    ...     augmenter = GANAugmenter(max_steps=8, callbacks=[watch], random_state=0).fit(X, y)
    ...     [path.name for path in sorted(Path(folder).iterdir())]
    ['warp-000004.png', 'warp-000008.png']
    """

    def __init__(self, folder: str | Path, per_class: int = 10, every: int = 4) -> None:
        try:
            import PIL  # noqa: F401
        except ModuleNotFoundError:
            raise ConfigError(
                "SampleGrid needs Pillow, which is missing: pip install 'ganaug[vision]'"
            ) from None
        self.folder = Path(folder)
        self.per_class = per_class
        self.every = every

    def on_train_begin(self, trainer: TrainingRun) -> None:
        """Raise `ConfigError` for tables."""
        require_images(trainer, "SampleGrid")
        self._records = 0

    def on_record(self, trainer: TrainingRun, record: dict[str, float]) -> None:
        """Save a picture at every ``every``-th record."""
        self._records += 1
        if self._records % self.every:
            return
        from PIL import Image

        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{run_name(trainer)}-{int(record['step']):06d}.png"
        Image.fromarray(tile(sample_images(trainer, self.per_class), self.per_class)).save(path)


def require_images(trainer: TrainingRun, owner: str) -> None:
    """Raise `ConfigError` if the run is on a table; ``owner`` is the callback in the message."""
    if not isinstance(trainer.rows, TrainingImages):
        raise ConfigError(
            f"{owner} is for images, and this augmenter is fitted on a table. Leave it out."
        )


@torch.no_grad()
def sample_images(trainer: TrainingRun, per_class: int) -> Tensor:
    """Return ``per_class`` images of each class in turn, between -1 and 1, from fixed noise."""
    rows = trainer.rows
    random = torch_stream(0, "grid", device=rows.device)
    labels = torch.arange(rows.n_classes, device=rows.device).repeat_interleave(per_class)
    return rows.generated(trainer.average, labels, random)


def tile(images: Tensor, columns: int, gap: int = 2) -> NDArray[Any]:
    """Return one picture of all images: (height, width) or (height, width, 3) bytes.

    Parameters
    ----------
    images : Tensor of shape (n, channels, height, width)
        Values between -1 and 1. With three channels or more, the first three are shown as colours;
        otherwise the first one is shown.
    columns : int
        Images in a row.
    gap : int, default=2
        Grey pixels between two images.
    """
    # From [-1, 1] to [0, 255].
    bytes_ = images.float().cpu().clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8).numpy()
    pixels = bytes_[:, :3] if bytes_.shape[1] >= 3 else bytes_[:, :1]
    n, channels, height, width = pixels.shape
    rows = math.ceil(n / columns)
    # 128 is the grey of the gaps.
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, channels), 128)
    sheet = sheet.astype(np.uint8)
    for i, image in enumerate(pixels):
        top, left = i // columns * (height + gap), i % columns * (width + gap)
        sheet[top : top + height, left : left + width] = image.transpose(1, 2, 0)
    return sheet[:, :, 0] if channels == 1 else sheet
