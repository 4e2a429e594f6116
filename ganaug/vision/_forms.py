"""The types and layouts of images in a pipeline, and conversion of pool images to them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torchvision import tv_tensors

from ganaug.errors import InvalidInputError, InvalidTypeError

PIL_CHANNELS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}
Shape = tuple[int, int, int]


class Remedies(NamedTuple):
    """Advice that error messages end with.

    Parameters
    ----------
    size : str
        Advice for images of another size.
    values : str
        Advice for images with other values.
    reference : str
        Owner of the images that these are compared with.
    """

    size: str
    values: str
    reference: str = "the pool"


@dataclass(frozen=True)
class Form:
    """The type and layout of an image.

    Parameters
    ----------
    kind : {"pil", "tensor", "tv_tensor", "array"}
    layout : {"CHW", "HWC", "HW"}
        Order of the axes. For PIL images, that of the array they are made from.
    mode : str
        Mode of PIL images.
    levels : Tensor of shape (256,) or None
        Floating-point values of the bytes 0 to 255; None if the image holds whole numbers.
    device : torch.device or None
        Device of tensors.
    """

    kind: Literal["pil", "tensor", "tv_tensor", "array"]
    layout: str
    mode: str = ""
    levels: Tensor | None = None
    device: torch.device | None = None

    def make(self, pixels: Tensor) -> Any:
        """Return a uint8 image of shape (C, H, W) in this form."""
        if self.layout == "HWC":
            pixels = pixels.permute(1, 2, 0).contiguous()
        elif self.layout == "HW":
            pixels = pixels[0]
        if self.levels is not None:
            pixels = self.levels[pixels.int()]
        if self.kind == "array":
            return pixels.numpy()
        if self.kind == "pil":
            image = Image.fromarray(pixels.numpy())
            # A gray pool may stand in for gray images that a loader made RGB.
            return image if image.mode == self.mode else image.convert(self.mode)
        pixels = pixels.to(self.device)
        return tv_tensors.Image(pixels) if self.kind == "tv_tensor" else pixels


def form_of(image: Any, shape: Shape, remedies: Remedies, *, any_size: bool = False) -> Form:
    """Return the form of an image that a pool image of the given ``shape`` can replace.

    Parameters
    ----------
    image : PIL image, Tensor, tv_tensor or ndarray
    shape : (C, H, W)
        Shape of the pool's images.
    remedies : Remedies
        Advice for the error messages.
    any_size : bool
        Whether height and width may differ because a transform will make them equal.

    Raises
    ------
    InvalidTypeError
        If it is not an image, or its values are neither uint8 nor scaled from uint8.
    InvalidInputError
        If its size or channels differ from those of the pool.
    """
    if isinstance(image, Image.Image):
        return _pil_form(image, shape, remedies, any_size)
    numbers = isinstance(image, np.ndarray) and image.dtype.kind in "uif"
    if not numbers and type(image) not in (Tensor, tv_tensors.Image):
        raise InvalidTypeError(
            "An image must be a PIL image, a tensor or an array of numbers, got "
            f"{type(image).__name__}."
        )
    layout = _layout(image, shape, remedies, any_size)
    levels = _levels(image, remedies.values)
    if isinstance(image, np.ndarray):
        return Form("array", layout, levels=levels)
    kind: Literal["tv_tensor", "tensor"]
    kind = "tv_tensor" if isinstance(image, tv_tensors.Image) else "tensor"
    return Form(kind, layout, levels=levels, device=image.device)


def _pil_form(image: Image.Image, shape: Shape, remedies: Remedies, any_size: bool) -> Form:
    channels, height, width = shape
    if image.mode not in PIL_CHANNELS:
        raise InvalidTypeError(
            f"PIL images of mode {image.mode!r} are not supported (supported: "
            f'{", ".join(PIL_CHANNELS)}). Convert them first, for instance to "RGB".'
        )
    # Loaders such as ImageFolder's convert every file to RGB. The channels of a gray file are
    # equal then, and a gray pool fits.
    grayish = channels == 1 and image.mode == "RGB" and _is_gray(image)
    if PIL_CHANNELS[image.mode] != channels and not grayish:
        raise _mismatch(f"has mode {image.mode!r}", shape, "channels", remedies)
    if not any_size and image.size != (width, height):
        raise _mismatch(f"is {image.height}x{image.width}", shape, "height and width", remedies)
    return Form("pil", "HW" if channels == 1 else "HWC", mode=image.mode)


def _is_gray(image: Image.Image) -> bool:
    red, green, blue = (np.asarray(band) for band in image.split())
    return bool((red == green).all() and (green == blue).all())


def _layout(image: Tensor | NDArray[Any], shape: Shape, remedies: Remedies, any_size: bool) -> str:
    found = tuple(image.shape)
    channels, *size = shape
    layouts = {"CHW": (channels, *size), "HWC": (*size, channels)}
    if channels == 1:
        layouts["HW"] = tuple(size)
    if isinstance(image, Tensor):
        del layouts["HWC"]  # tensors have channels first, by torchvision's convention
    exact = [layout for layout, expected in layouts.items() if found == expected]
    if exact:
        return exact[0]
    alike = [layout for layout, expected in layouts.items() if _same_axes(layout, found, expected)]
    if alike and any_size:
        return alike[0]
    what = "height and width" if alike else "shape"
    raise _mismatch(f"has shape {found}", shape, what, remedies)


def _same_axes(layout: str, found: tuple[int, ...], expected: tuple[int, ...]) -> bool:
    """Return whether two shapes have the same number of axes and of channels."""
    if len(found) != len(expected):
        return False
    return "C" not in layout or found[layout.index("C")] == expected[layout.index("C")]


def _mismatch(found: str, shape: Shape, what: str, remedies: Remedies) -> InvalidInputError:
    channels, height, width = shape
    verb = "differ" if " and " in what or what == "channels" else "differs"
    return InvalidInputError(
        f"The {what} of the images {verb} from {remedies.reference}'s: an image {found}, those of "
        f"{remedies.reference} are {height}x{width} with {channels} channel(s). {remedies.size}"
    )


def _levels(image: Tensor | NDArray[Any], remedy: str) -> Tensor | None:
    """Return the floating-point value of each uint8 value; None for a uint8 image.

    Raise `InvalidTypeError` for any other image, since a synthetic image could not be given the
    same values.
    """
    values = torch.tensor(image) if isinstance(image, np.ndarray) else image.detach()
    values = values.as_subclass(Tensor).cpu()
    if values.dtype == torch.uint8:
        return None
    if values.is_floating_point():
        wide = values if values.dtype == torch.float64 else values.float()
        # Values must equal a scaling exactly: jittered images are in [0, 1], too.
        index = (wide * 255).round()
        if bool(((index >= 0) & (index <= 255)).all()):
            for levels in _scalings(values.dtype):
                if torch.equal(levels[index.int()], values):
                    return levels
    wide = values.double()
    raise InvalidTypeError(
        f"The images are {values.dtype} with values from {wide.min().item():g} to "
        f"{wide.max().item():g}. Images must be uint8, or floats in [0, 1] that are exact scalings "
        f"of uint8; others have already been processed. {remedy}"
    )


@cache
def _scalings(dtype: torch.dtype) -> list[Tensor]:
    """Return 0..255 scaled to [0, 1] as different libraries do it.

    The results differ in the last bit, and images are compared bit by bit.
    """
    whole = torch.arange(256)
    divided = [(whole.to(wide) / 255).to(dtype) for wide in (dtype, torch.float32, torch.float64)]
    return [*divided, whole.to(dtype).mul_(1.0 / 255)]
