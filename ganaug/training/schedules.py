"""Schedules: pure functions of the progress of training."""

from __future__ import annotations

import math


def burn_in(progress: float, length: float, final: float) -> float:
    """Return a factor that falls along a cosine from 1 to ``final``.

    Parameters
    ----------
    progress : float
        Fraction of the steps that are done, in [0, 1].
    length : float
        Fraction of the steps over which the factor falls; 0 keeps it at 1.
    final : float
        Value at the end of the burn-in.

    Examples
    --------
    >>> [round(burn_in(p, 0.5, 0.2), 3) for p in (0.0, 0.25, 0.5, 1.0)]
    [1.0, 0.6, 0.2, 0.2]
    """
    if length <= 0:
        return 1.0
    done = min(progress / length, 1.0)
    return final + (1.0 - final) * 0.5 * (1.0 + math.cos(math.pi * done))


def ema_decay(step: int, decay: float) -> float:
    """Return the decay of the averaged generator in a step.

    It is at most ``(1 + step) / (10 + step)``, so that the untrained weights of the start have no
    lasting weight in the average.

    Examples
    --------
    >>> round(ema_decay(0, 0.999), 3), ema_decay(10**6, 0.999)
    (0.1, 0.999)
    """
    return min(decay, (1.0 + step) / (10.0 + step))


def growth(progress: float, length: float, stages: int) -> float:
    """Return the number of doublings of the resolution so far.

    A fraction is the share to which the next resolution has faded in. Each resolution is kept for
    as long as the next one takes to fade in (Karras et al. 2018).

    Parameters
    ----------
    progress : float
        Fraction of the steps that are done, in [0, 1].
    length : float
        Fraction of the steps over which the networks grow.
    stages : int
        Number of doublings at the end.

    Examples
    --------
    >>> [round(growth(p, 0.8, 2), 3) for p in (0.0, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9)]
    [0.0, 0.0, 0.5, 1.0, 1.0, 1.5, 2.0]
    """
    position = min(progress / length, 1.0) * stages
    stable = math.floor(position)
    return min(stable + max(2.0 * (position - stable) - 1.0, 0.0), float(stages))
