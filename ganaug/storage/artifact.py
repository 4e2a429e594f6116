"""The file format of models: a folder with safetensors for arrays and JSON for everything else.

Reading a model runs no code from its files. The JSON holds the name of the weights file and its
checksum. It is replaced last, atomically, so that a folder always holds the old model or the new
one, never a mixture.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from ganaug.errors import ArtifactError
from ganaug.storage.files import write_atomically

FORMAT = 1
"""Version of the file format; a reader accepts its own and older ones."""

CONFIG = "config.json"
WEIGHTS = "model-*.safetensors"
"""The files of a model: ``CONFIG``, and the one matching ``WEIGHTS`` that ``CONFIG`` names."""

_KIND = re.compile(r"ganaug\.(GANAugmenter|Pix2PixAugmenter)")
_WEIGHTS = re.compile(r"model-[0-9a-f]{16}\.safetensors")
_SCALARS: dict[str, Any] = {"str": str, "int": int, "float": float, "bool": bool}
_MOMENTS: dict[str, Any] = {"Timestamp": pd.Timestamp, "Timedelta": pd.Timedelta}


def tag(value: Any) -> Any:
    """Return a label or category as JSON that includes its type.

    Plain JSON would turn the integer 1 into the string "1" where it is a key, and has no dates.

    Raises
    ------
    ArtifactError
        If the type cannot be stored.
    """
    if isinstance(value, np.generic):
        value = value.item()
    kind = type(value).__name__
    if kind in _SCALARS:
        # As text, since JSON has neither NaN nor infinity.
        return {kind: repr(value) if kind == "float" else value}
    if kind in _MOMENTS:
        return {kind: value.isoformat()}
    if isinstance(value, pd.Interval):
        return {"Interval": [tag(value.left), tag(value.right), value.closed]}
    raise ArtifactError(f"A value of type {kind} cannot be saved: {value!r}.")


def untag(data: Any) -> Any:
    """Return the value of which :func:`tag` returned ``data``.

    Raises
    ------
    ArtifactError
        If ``data`` is not the result of :func:`tag`.
    """
    if not isinstance(data, dict) or len(data) != 1:
        raise ArtifactError(f"Not a stored value: {data!r}.")
    ((kind, value),) = data.items()
    try:
        if kind == "float" and isinstance(value, str):
            return float(value)
        if kind in _MOMENTS and isinstance(value, str):
            return _MOMENTS[kind](value)
        if kind == "Interval":
            left, right, closed = value
            return pd.Interval(untag(left), untag(right), closed)
    except (ValueError, TypeError) as error:
        raise ArtifactError(f"Not a stored value: {data!r}: {error}.") from None
    if kind not in _SCALARS or type(value) is not _SCALARS[kind]:
        raise ArtifactError(f"Not a stored value: {data!r}.")
    return value


def write(
    folder: Path,
    config: dict[str, Any],
    arrays: dict[str, NDArray[Any]],
    owner: str = "GANAugmenter",
) -> None:
    """Write a model of the estimator ``owner``.

    If the process is killed at any moment, the previous model is still readable.

    Raises
    ------
    ArtifactError
        If the folder cannot be written (it is a file, it is read-only, or the disk is full), if its
        ``config.json`` is not of such a model, or if a value cannot be stored.
    """
    # safetensors writes the memory of an array as it is, so it must be contiguous.
    payload = save_tensors({k: np.asarray(v, order="C") for k, v in arrays.items()})
    digest = hashlib.sha256(payload).hexdigest()
    # Named after its content, so that the file of the previous model is not overwritten.
    weights = f"model-{digest[:16]}.safetensors"
    kind = f"ganaug.{owner}"
    document = {"kind": kind, "format": FORMAT, "weights": weights, "sha256": digest, **config}
    try:
        text = json.dumps(document, indent=1, allow_nan=False, default=_plain)
    except (TypeError, ValueError) as error:
        raise ArtifactError(f"The augmenter cannot be saved: {error}.") from None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _check_replaceable(folder / CONFIG, owner)
        write_atomically(folder / weights, payload)
        write_atomically(folder / CONFIG, text.encode())
        # Only now: until CONFIG was replaced, the previous weights belonged to the valid model.
        for stale in folder.glob(WEIGHTS):
            if stale.name != weights and _WEIGHTS.fullmatch(stale.name):
                stale.unlink(missing_ok=True)
    except OSError as error:
        raise ArtifactError(f"The augmenter cannot be saved to {folder}: {error}.") from error


def _plain(value: Any) -> Any:
    """Return a numpy scalar as one of Python; callbacks may add such values to the history."""
    if isinstance(value, np.generic) and not isinstance(value.item(), np.generic):
        return value.item()
    raise TypeError(f"{value!r} is of type {type(value).__name__}")


def _check_replaceable(path: Path, owner: str) -> None:
    """Raise `ArtifactError` if a file exists that is not the configuration of such a model.

    Other libraries save their models in folders with a ``config.json`` too.
    """
    if not path.exists():
        return
    try:
        config = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        config = None
    if _owner_of(config) != owner:
        raise ArtifactError(
            f"{path} is there already, and it does not describe a {owner}. Save to another folder."
        )


def _owner_of(config: Any) -> str:
    """Return the name of the estimator that a configuration describes, or ""."""
    kind = config.get("kind") if isinstance(config, dict) else None
    found = _KIND.fullmatch(kind) if isinstance(kind, str) else None
    return found[1] if found else ""


def read(
    folder: Path, owner: str = "GANAugmenter"
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return the configuration and the arrays that :func:`write` wrote for ``owner``.

    Raises
    ------
    ArtifactError
        If the folder is missing or damaged, or holds another kind of model or a newer format.
    """
    config = _read_config(folder, owner)
    name = config.get("weights")
    if not isinstance(name, str) or not _WEIGHTS.fullmatch(name):
        raise ArtifactError(f"{folder / CONFIG} names an impossible weights file: {name!r}.")
    try:
        payload = (folder / name).read_bytes()
    except OSError as error:
        raise ArtifactError(f"The weights cannot be read: {error}.") from None
    if hashlib.sha256(payload).hexdigest() != config.get("sha256"):
        raise ArtifactError(f"{folder / name} is damaged: its checksum does not match.")
    try:
        return config, load_tensors(payload)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ArtifactError(f"{folder / name} holds no arrays: {error}.") from None


def _read_config(folder: Path, owner: str) -> dict[str, Any]:
    """Return the checked configuration of a model of the estimator ``owner``."""
    try:
        config = json.loads((folder / CONFIG).read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ArtifactError(f"No saved augmenter can be read from {folder}: {error}.") from None
    if (found := _owner_of(config)) != owner:
        other = f" It holds a {found}: load it with {found}.from_pretrained." if found else ""
        raise ArtifactError(f"{folder / CONFIG} does not describe a {owner}.{other}")
    version = config.get("format")
    if type(version) is not int or version < 1:
        raise ArtifactError(f"{folder / CONFIG} has an impossible format: {version!r}.")
    if version > FORMAT:
        raise ArtifactError(
            f"{folder} has format {version}; this version reads up to {FORMAT}. Upgrade ganaug."
        )
    return config
