"""Records of a training run.

:mod:`ganaug.training.mode_collapse` and :mod:`ganaug.training.overpowering_critic` decide when it
has failed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ganaug.training.mode_collapse import collapsed_labels
from ganaug.training.overpowering_critic import critic_overpowers

if TYPE_CHECKING:
    import pandas as pd

Record = dict[str, Any]


class History:
    """Records of a training run, written every few steps.

    Attributes
    ----------
    records : list of dict
        Keys: ``step``, ``samples``, ``seconds``, ``critic_loss``, ``generator_loss``,
        ``critic_grad_norm``, ``generator_grad_norm``, ``critic_accuracy`` (how often the critic
        scores a real row above a generated one of the same class), ``diversity[label]`` (mean
        distance between generated rows of the class over that between real ones), ``diversity``
        (the smallest of these), ``mode_collapse`` and ``overpowering_critic`` (0 or 1). Recipes
        that train a GAN for each class add ``class``.

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
        """Return the records as a data frame with one row for each record.

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
        """Return the names of the signals that are on at the end of training.

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
        return collapsed_labels(self.last())

    def last(self) -> list[Record]:
        """Return the last record of each run; with a GAN for each class there are several runs.

        Examples
        --------
        >>> from ganaug import History
        >>> History([{"step": 1}, {"step": 2}]).last()
        [{'step': 2}]
        """
        return list({record.get("class"): record for record in self.records}.values())

    def append(self, record: Record) -> Record:
        """Add a record, set its signals from it and the earlier ones, and return it."""
        self.records.append(record)
        record["mode_collapse"] = float(bool(self.collapsed()))
        record["overpowering_critic"] = float(critic_overpowers(self.records))
        return record
