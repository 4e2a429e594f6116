"""The one file format: a folder with safetensors for arrays and checked JSON for everything else.

Nothing in it can run code. The JSON names the weights file and its checksum and is replaced last,
atomically, so a folder is always the old model or the new one, never a mixture.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from ganaug.errors import ArtifactError

FORMAT = 1
CONFIG = "config.json"
_KIND = "ganaug.GANAugmenter"
_SCALARS: dict[str, Any] = {"str": str, "int": int, "float": float, "bool": bool}


def tag(value: Any) -> Any:
    """Return a label or level as JSON that remembers its type ({1: ...} must not become "1").

    Raises
    ------
    ArtifactError
        If the type cannot be stored.
    """
    if isinstance(value, np.generic):
        value = value.item()
    kind = type(value).__name__
    if kind in _SCALARS:
        return {kind: repr(value) if kind == "float" else value}
    raise ArtifactError(f"A value of type {kind} cannot be saved: {value!r}.")


def untag(data: Any) -> Any:
    """Return the value that :func:`tag` described."""
    if not isinstance(data, dict) or len(data) != 1:
        raise ArtifactError(f"Not a stored value: {data!r}.")
    ((kind, value),) = data.items()
    if kind == "float" and isinstance(value, str):
        return float(value)
    if kind not in _SCALARS or type(value) is not _SCALARS[kind]:
        raise ArtifactError(f"Not a stored value: {data!r}.")
    return value


def write(folder: Path, config: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
    """Write a model; a crash at any instant leaves the previous one readable."""
    folder.mkdir(parents=True, exist_ok=True)
    payload = save_tensors({k: np.ascontiguousarray(v) for k, v in arrays.items()})
    digest = hashlib.sha256(payload).hexdigest()
    weights = f"model-{digest[:16]}.safetensors"
    document = {"kind": _KIND, "format": FORMAT, "weights": weights, "sha256": digest, **config}
    text = json.dumps(document, indent=1, allow_nan=False)
    _replace(folder / weights, payload)
    _replace(folder / CONFIG, text.encode())
    for stale in folder.glob("model-*.safetensors"):
        if stale.name != weights:
            stale.unlink(missing_ok=True)


def read(folder: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read what :func:`write` wrote.

    Raises
    ------
    ArtifactError
        If the folder is missing, damaged, of another kind or of a newer format.
    """
    try:
        config = json.loads((folder / CONFIG).read_bytes())
    except (OSError, ValueError) as error:
        raise ArtifactError(f"No saved augmenter can be read from {folder}: {error}.") from None
    if not isinstance(config, dict) or config.get("kind") != _KIND:
        raise ArtifactError(f"{folder / CONFIG} does not describe a GANAugmenter.")
    if config.get("format") != FORMAT:
        raise ArtifactError(
            f"{folder} has format {config.get('format')!r}; this version reads {FORMAT}. "
            "Upgrade ganaug."
        )
    name = config.get("weights")
    if not isinstance(name, str) or Path(name).name != name or not name.endswith(".safetensors"):
        raise ArtifactError(f"{folder / CONFIG} names an impossible weights file: {name!r}.")
    try:
        payload = (folder / name).read_bytes()
    except OSError as error:
        raise ArtifactError(f"The weights cannot be read: {error}.") from None
    if hashlib.sha256(payload).hexdigest() != config.get("sha256"):
        raise ArtifactError(f"{folder / name} is damaged: its checksum does not match.")
    return config, load_tensors(payload)


def _replace(path: Path, data: bytes) -> None:
    """Write a file completely or not at all."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".tmp-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
