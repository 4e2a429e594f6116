"""Containers of images: one array from any container, and synthetic images back in that container.

Real images are never converted: they are returned bit for bit, in the container they came in.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from ganaug.data import containers, polars
from ganaug.errors import ConfigError, InvalidInputError, InvalidTypeError
from ganaug.images.options import MAX_CHANNELS, MAX_SIZE, ImageOptions
from ganaug.tables import checks

PIL_MODES = ("L", "LA", "RGB", "RGBA", "I;16")
"""Modes of PIL whose pixels are grey values or colours. In mode "P" they are numbers of colours."""

TENSOR_DTYPES = {str(dtype).removeprefix("torch."): dtype for dtype in (
    torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64,
    torch.uint16, torch.uint32, torch.uint64,
    torch.float16, torch.bfloat16, torch.float32, torch.float64,
)}  # fmt: skip

Holder = Literal["array", "tensor", "list", "rows"]
Pixels = NDArray[Any]


@dataclass(frozen=True)
class Container:
    """The container that holds images.

    Parameters
    ----------
    holder : {"array", "tensor", "list", "rows"}
        ``rows`` are flat images in an array, a frame, a list of lists or a tensor.
    item : str, default=""
        Kind of the images in a list: "array", "tensor", "nested" (lists of lists), or the mode of
        PIL images. "tensor" if the holder is a tensor.
    tensor : str, default=""
        Name of torch's dtype if the images are tensors.
    """

    holder: Holder
    item: str = ""
    tensor: str = ""


def are_images(X: Any, options: ImageOptions | None) -> bool:
    """Return whether ``X`` holds images.

    It does if the user gave options for images, if the items of a list are images, or if an array
    has three dimensions or more.
    """
    if options is not None:
        return True
    if is_listed(X) and len(X):
        return _kind_of(X[0]) != ""
    return len(getattr(X, "shape", ())) >= 3


def is_listed(X: Any) -> bool:
    """Return whether ``X`` is a list, or a sequence such as a column of a Hugging Face dataset."""
    return isinstance(X, Sequence) and not isinstance(X, (str, bytes)) and not hasattr(X, "shape")


def _is_pil(item: Any) -> bool:
    # If PIL was never imported, the item is not a PIL image, and PIL need not be imported.
    pil = sys.modules.get("PIL.Image")
    return pil is not None and isinstance(item, pil.Image)


def _kind_of(item: Any) -> str:
    """Return the kind of an image in a list; empty if the item is not an image."""
    if _is_pil(item):
        return "pil"
    if isinstance(item, torch.Tensor):
        return "tensor" if item.ndim >= 2 else ""
    if isinstance(item, (list, tuple)):
        try:
            return "nested" if np.ndim(item) >= 2 else ""
        except ValueError:  # lists of different lengths
            return ""
    return "array" if np.ndim(item) >= 2 else ""


# ------------------------------------------------------------------ reading


def stack(X: Any, options: ImageOptions, budget: int) -> tuple[Container, Pixels]:
    """Return the container of the images, and one array of all images.

    Raises
    ------
    InvalidInputError
        If images differ in size, mode or dtype, cannot be read, or are flat rows without a shape.
    InvalidTypeError
        If a list holds images of several kinds.
    ConfigError
        If ``resize`` is set and the images are not a list of PIL images.
    """
    kind = is_listed(X) and len(X) > 0 and _kind_of(X[0])
    if options.resize is not None and kind != "pil":
        raise ConfigError(
            "ImageOptions(resize=...) is for lists of PIL images. Resize arrays first."
        )
    if kind:
        X = list(X)  # a column of a dataset decodes an image each time that it is read
        item, stacked = _stack_pil(X, options) if kind == "pil" else _stack_items(X, kind)
        return Container("list", item, _dtype_name(X[0])), stacked
    if isinstance(X, torch.Tensor):
        holder: Holder = "rows" if X.ndim == 2 else "tensor"
        values = _array_of(X)
        values = _shaped(values, options, budget) if X.ndim == 2 else values
        return Container(holder, "tensor", _dtype_name(X)), values
    if np.ndim(X) == 2:
        return Container("rows"), _shaped(X, options, budget)
    return Container("array"), containers.as_array(X)


def _dtype_name(item: Any) -> str:
    return str(item.dtype).removeprefix("torch.") if isinstance(item, torch.Tensor) else ""


def _array_of(tensor: torch.Tensor) -> Pixels:
    values = tensor.detach().cpu()
    # numpy has no bfloat16.
    return (values.float() if values.dtype == torch.bfloat16 else values).numpy()


def _stack_items(X: Sequence[Any], kind: str) -> tuple[str, Pixels]:
    """Return the kind and one array of a list of arrays, tensors or nested lists."""
    try:
        items = [_array_of(x) if isinstance(x, torch.Tensor) else np.asarray(x) for x in X]
    except (ValueError, TypeError) as error:
        raise InvalidInputError(
            f"An image in the list cannot be read as an array: {error}."
        ) from None
    _check_alike([_kind_of(x) for x in X], "is of kind", "pass one kind")
    _check_alike([item.shape for item in items], "has shape", "bring them to one size")
    if kind != "nested":
        _check_alike([str(item.dtype) for item in items], "has dtype", "convert them to one")
    return kind, np.stack(items)


def _stack_pil(X: Sequence[Any], options: ImageOptions) -> tuple[str, Pixels]:
    """Return the mode and one array of a list of PIL images, resized if the options say so."""
    _check_alike([_kind_of(x) for x in X], "is of kind", "pass one kind")
    remedy = 'convert all to one, for instance with image.convert("RGB")'
    _check_alike([image.mode for image in X], "has mode", remedy)
    if X[0].mode not in PIL_MODES:
        raise InvalidInputError(
            f"PIL images of mode {X[0].mode!r} cannot be learned (known: {', '.join(PIL_MODES)}). "
            'Convert them, for instance with image.convert("RGB").'
        )
    if options.resize is not None:
        height, width = cast("tuple[int, int]", options.resize)
        for i, image in enumerate(X):
            _decoded(i, image)  # a broken file raises an error that names it
        X = [image.resize((width, height)) for image in X]
    remedy = "set image_options=ImageOptions(resize=(height, width))"
    _check_alike([image.size[::-1] for image in X], "has height and width", remedy)
    return X[0].mode, np.stack([_decoded(i, image) for i, image in enumerate(X)])


def _decoded(number: int, image: Any) -> Pixels:
    """Return the pixels of a PIL image; raise `InvalidInputError` if its file is broken."""
    try:
        return np.asarray(image)
    except (OSError, SyntaxError) as error:  # PIL reads the pixels of a file only here
        name = getattr(image, "filename", "") or "in memory"
        raise InvalidInputError(
            f"Image {number} ({name}) cannot be read: {error}. Drop or repair it; "
            "ganaug.vision.load_images can skip such files."
        ) from None


def _check_alike(values: Sequence[Any], what: str, remedy: str) -> None:
    """Raise an error with the ``remedy`` unless all images have the same value."""
    for i, value in enumerate(values):
        if value != values[0]:
            error = InvalidTypeError if what == "is of kind" else InvalidInputError
            raise error(
                f"Image {i} {what} {value or 'unknown'}, image 0 {values[0]}. All must be alike: "
                f"{remedy}."
            )


def _shaped(X: Any, options: ImageOptions, budget: int) -> Pixels:
    """Return flat rows as images of the shape in the options."""
    if options.shape is None:
        raise InvalidInputError(
            "Images as flat rows need their shape: set "
            "image_options=ImageOptions(shape=(height, width))."
        )
    rows = checks.check_table(X, budget, widest=MAX_CHANNELS * MAX_SIZE**2).to_numpy()
    if rows.shape[1] != np.prod(options.shape):
        raise InvalidInputError(
            f"ImageOptions(shape={options.shape}) needs {int(np.prod(options.shape)):,} columns; "
            f"X has {rows.shape[1]:,}."
        )
    return rows.reshape(len(rows), *options.shape)


# ------------------------------------------------------------------ writing


def empty_like(X: Any, container: Container, dtype: str) -> Any:
    """Return a container like that of ``X`` with no images.

    If ``X`` is None, as for a model from a file, ``container`` and ``dtype`` describe it.
    """
    if isinstance(X, pd.DataFrame):
        return X.iloc[:0].copy()
    if polars.is_polars(X):
        return X.clear()
    if isinstance(X, torch.Tensor):
        # On the CPU, because it is pickled and may be loaded on another machine.
        return torch.empty(0, dtype=X.dtype)
    if container.tensor:
        return torch.empty(0, dtype=TENSOR_DTYPES[container.tensor])
    return np.empty((0, 0), dtype)


def restore(images: Pixels, container: Container, like: Any) -> Any:
    """Return images, whose axes have their final order, in a container of this kind.

    ``like`` is an example of the container, which gives the columns of a frame or the device and
    the dtype of tensors.
    """
    if container.holder == "list":
        return [_item(image, container, like) for image in images]
    flat = _flat(images) if container.holder == "rows" else images
    if container.tensor:
        return torch.from_numpy(np.ascontiguousarray(flat)).to(like)
    if container.holder == "rows":
        return containers.like_table(like, pd.DataFrame(flat))
    return np.ascontiguousarray(flat)


def _flat(images: Pixels) -> Pixels:
    return images.reshape(len(images), math.prod(images.shape[1:]))


def _item(image: Pixels, container: Container, like: Any) -> Any:
    if container.item == "nested":
        return image.tolist()
    if container.item == "array":
        return image.copy()
    if container.item == "tensor":
        # The images of a list are examples; the template of a fit is one empty tensor.
        return torch.from_numpy(image.copy()).to(like[0] if is_listed(like) else like)
    from PIL import Image

    # The mode follows from dtype and channels: L, LA, RGB, RGBA or I;16.
    return Image.fromarray(np.ascontiguousarray(image))


def append_images(X: Any, images: Pixels, container: Container) -> Any:
    """Return ``X`` followed by the synthetic images, in its container."""
    if container.holder == "rows" and not container.tensor:
        return containers.append_table(X, pd.DataFrame(_flat(images)))
    new = restore(images, container, X)
    if container.holder == "list":
        return [*X, *new]
    if container.tensor:
        return torch.cat([X, new])
    old = containers.as_array(X)
    return np.concatenate([old, new], dtype=old.dtype)


def replace(X: Any, rows: NDArray[np.bool_], images: Pixels, container: Container) -> Any:
    """Return a copy of ``X`` in which the marked images are synthetic."""
    if container.holder == "rows" and not container.tensor:
        table = pd.DataFrame(_flat(images))
        return containers.replace_rows(X, rows, table)
    new = restore(images, container, X)
    if container.holder == "list":
        fresh = iter(new)
        return [next(fresh) if swap else image for image, swap in zip(X, rows, strict=True)]
    if container.tensor:
        # torch cannot assign to a mask in its unsigned dtypes of 16 bits and more; numpy can.
        if X.dtype in (torch.uint16, torch.uint32, torch.uint64):
            swapped = X.detach().cpu().numpy().copy()
            swapped[rows] = new.cpu().numpy()
            return torch.from_numpy(swapped).to(X.device)
        changed_tensor = X.clone()
        changed_tensor[torch.from_numpy(rows).to(X.device)] = new
        return changed_tensor
    changed = containers.as_array(X).copy()
    changed[rows] = new
    return changed
