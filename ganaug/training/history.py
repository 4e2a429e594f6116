"""What happened in training, and two signals that something went wrong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

COLLAPSE_RATIO = 0.25
COLLAPSE_AFTER = 200
"""A class has collapsed when its samples have less than the first, a share of the real diversity,
after as many steps as the second: an untrained generator is not varied either."""

OVERPOWERED_ACCURACY = 0.95
STARVED_GRADIENT = 0.05
"""The critic overpowers the generator when it tells real from fake more often than the first
while the generator's gradient has fallen below the second, as a share of its own peak."""

_WINDOW = 5

Record = dict[str, Any]


class History:
    """Records of one training run, one every few steps.

    Attributes
    ----------
    records : list of dict
        Keys: ``step``, ``samples``, ``seconds``, ``critic_loss``, ``generator_loss``,
        ``critic_grad_norm``, ``generator_grad_norm``, ``critic_accuracy`` (how often the critic
        scores a real row above a generated one of the same class), ``diversity`` (the smallest of
        the classes), ``diversity[label]`` (mean distance between generated rows of the class over
        that between real ones), ``mode_collapse`` and ``overpowering_critic`` (0 or 1);
        ``class``, for recipes that train a GAN for each class.

    Examples
    --------
    >>> from ganaug import History
    >>> history = History([{"step": 1, "critic_loss": 1.386}])
    >>> history["critic_loss"]
    [1.386]
    """

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self.records: list[Record] = [dict(record) for record in records]

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, column: str) -> list[float]:
        return [record[column] for record in self.records]

    def __repr__(self) -> str:
        return f"History({len(self)} records, signals: {', '.join(self.signals()) or 'none'})"

    def to_frame(self) -> pd.DataFrame:
        """Return the records as a table, one row a record.

        Returns
        -------
        pandas.DataFrame

        Examples
        --------
        >>> from ganaug import History
        >>> History([{"step": 1}, {"step": 2}]).to_frame()["step"].tolist()
        [1, 2]
        """
        import pandas as pd

        return pd.DataFrame(self.records)

    def signals(self) -> list[str]:
        """Return the names of the signals raised at the end of training.

        Returns
        -------
        list of str
            Any of ``"mode_collapse"`` and ``"overpowering_critic"``.

        Examples
        --------
        >>> from ganaug import History
        >>> History([{"mode_collapse": 1.0, "overpowering_critic": 0.0}]).signals()
        ['mode_collapse']
        """
        names = ("mode_collapse", "overpowering_critic")
        return [name for name in names if any(last.get(name) for last in self.last())]

    def collapsed(self) -> list[str]:
        """Return the labels whose samples had collapsed at the end of training.

        Examples
        --------
        >>> from ganaug import History
        >>> History([{"diversity[rare]": 0.01, "diversity[common]": 0.9}]).collapsed()
        ['rare']
        """
        prefix = "diversity["
        return [
            key[len(prefix) : -1]
            for last in self.last()
            if last.get("step", COLLAPSE_AFTER) >= COLLAPSE_AFTER
            for key, value in last.items()
            if key.startswith(prefix) and value < COLLAPSE_RATIO
        ]

    def last(self) -> list[Record]:
        """Return the last record of each run: recipes with a GAN for each class have several.

        Examples
        --------
        >>> from ganaug import History
        >>> History([{"step": 1}, {"step": 2}]).last()
        [{'step': 2}]
        """
        return list({record.get("class"): record for record in self.records}.values())

    def append(self, record: Record) -> Record:
        """Add a record, judge the signals from it and the ones before, and return it."""
        self.records.append(record)
        record["mode_collapse"] = float(bool(self.collapsed()))
        record["overpowering_critic"] = float(self._overpowered())
        return record

    def _overpowered(self) -> bool:
        recent = self.records[-_WINDOW:]
        if len(recent) < _WINDOW:
            return False
        gradients = np.asarray(self["generator_grad_norm"])
        accuracy = np.mean([record["critic_accuracy"] for record in recent])
        starved = np.median(gradients[-_WINDOW:]) < STARVED_GRADIENT * gradients.max()
        return bool(accuracy > OVERPOWERED_ACCURACY and starved)
