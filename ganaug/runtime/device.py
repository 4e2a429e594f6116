"""Choice of the device to train on."""

from __future__ import annotations

import torch

from ganaug.errors import ConfigError, did_you_mean

DEVICES = ("auto", "cpu", "cuda", "mps")
"""Values of the option ``device``; an index may follow, as in ``"cuda:1"``."""


def choose_device(option: str | torch.device, *, mps: bool = True) -> torch.device:
    """Return the device to train on.

    Parameters
    ----------
    option : str or torch.device
        "auto" chooses CUDA if available, else MPS if available and possible, else the CPU.
    mps : bool, default=True
        Whether these data can be trained on with MPS.

    Raises
    ------
    ConfigError
        If the device is unknown or not available.
    """
    if option == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if mps and torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(option)
    except (RuntimeError, ValueError, OverflowError) as error:
        nearest = did_you_mean(str(option).lower(), DEVICES)
        raise ConfigError(f"device={option!r} is not possible; {nearest} ({error})") from None
    if device.type not in DEVICES:
        raise ConfigError(f"device={str(option)!r} is not possible; known: {', '.join(DEVICES)}.")
    if device.type == "mps" and not mps:
        raise ConfigError('Training on images is not possible on MPS: set device="cpu".')
    count = _count_devices(device.type)
    if not count:
        name = device.type.upper()
        raise ConfigError(
            f"device={str(option)!r} is not possible: {name} is not available here. Use "
            'device="auto".'
        )
    if (device.index or 0) >= count:
        raise ConfigError(
            f"device={str(option)!r} is not possible: the last device here is "
            f"'{device.type}:{count - 1}'."
        )
    return device


def _count_devices(kind: str) -> int:
    if kind == "cuda":
        return torch.cuda.device_count() if torch.cuda.is_available() else 0
    return int(kind == "cpu" or torch.backends.mps.is_available())
