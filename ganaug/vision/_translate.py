"""A torchvision transform that turns source images into targets."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from ganaug.errors import InvalidInputError
from ganaug.runtime.privates import flatten_tree, unflatten_tree
from ganaug.runtime.rng import seed_from
from ganaug.vision._forms import PIL_CHANNELS, Form, Remedies, form_of
from ganaug.vision._stream import Stream

if TYPE_CHECKING:
    from ganaug.images.codec import ImageCodec
    from ganaug.pairs.sampling import PairModel

_MODES = {channels: mode for mode, channels in PIL_CHANNELS.items()}


class Translate(v2.Transform):
    """Turn source images into targets, each time with another noise.

    ``Pix2PixAugmenter.as_transform`` makes one. It takes an image, a sample such as
    ``(image, label)``, or what a ``DataLoader`` collates from samples; everything but the image
    stays. Images are PIL images, uint8 tensors, ``tv_tensors.Image``, or the floats in [0, 1] that
    ``v2.ToDtype(torch.float32, scale=True)`` makes of them; what comes out is of the same type,
    with the channels of the targets. Bytes have the range that bytes had at fit; otherwise black is
    0 and white 255. Masks may be ``tv_tensors.Mask``, ``torch.bool`` or PIL images of mode "1".

    Without PIL images, ``tv_tensors.Image`` and ``tv_tensors.Mask``, the first tensor with two
    dimensions or more is the image: as in torchvision's own transforms.

    Parameters
    ----------
    model : PairModel
        ``model_`` of a fitted ``Pix2PixAugmenter``; it is copied to the CPU.
    seed : int or None, default=0
        Of the transform's own random stream; None takes a fresh one. See Notes.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        By a sample without an image, or an image unlike the sources at fit.

    Notes
    -----
    The stream is handled as in :class:`ReplaceRare`: the global random states are neither read nor
    moved, workers and epochs differ, and a loader with a seeded ``generator`` repeats itself.

    The network runs in the worker, at every image. Where the sources are few,
    ``Pix2PixAugmenter.make_pool`` translates them once.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from torchvision.transforms import v2
    >>> from ganaug import Pix2PixAugmenter
    >>> masks = np.random.default_rng(0).integers(0, 256, (10, 8, 8), np.uint8)
    >>> photos = np.stack([masks, masks, 255 - masks], 1)
    >>> augmenter = Pix2PixAugmenter(max_steps=2, random_state=0).fit(masks, photos)
    >>> pipeline = v2.Compose([augmenter.as_transform(), v2.RandomHorizontalFlip()])
    >>> image, label = pipeline(torch.from_numpy(masks[:1]), 1)
    >>> image.shape, label
    (torch.Size([3, 8, 8]), 1)

    Batches too:

    >>> pipeline(torch.from_numpy(masks[:4, None])).shape
    torch.Size([4, 3, 8, 8])
    """

    def __init__(self, model: PairModel, *, seed: int | None = 0) -> None:
        super().__init__()
        self.model = copy.deepcopy(model).to("cpu")
        self.seed = seed_from(seed)
        self._stream = Stream(self.seed, "Translate")

    def forward(self, *inputs: Any) -> Any:
        """Return the sample with a target in the place of its source.

        Parameters
        ----------
        *inputs : Any
            An image, a sample or a batch, in one or several arguments.

        Returns
        -------
        Any
            Of the same structure. The input itself is never changed.
        """
        sample = inputs if len(inputs) > 1 else inputs[0] if inputs else ()
        leaves, structure = flatten_tree(sample)
        for place in _find_images(leaves):
            leaves[place] = self._translate(leaves[place])
        return unflatten_tree(leaves, structure)

    def _translate(self, image: Any) -> Any:
        if not isinstance(image, Tensor) or image.ndim < 4:
            return self._translate_some([image])[0]
        if not len(image):
            return image.new_empty(0, *self.model.target.shape)
        made = torch.stack(self._translate_some(image.as_subclass(Tensor).unbind()))
        return tv_tensors.wrap(made, like=image) if type(image) is not Tensor else made

    def _translate_some(self, images: list[Any] | tuple[Tensor, ...]) -> list[Any]:
        """Return a target for each of the images, which are alike."""
        images = [_plain(image, self.model.source) for image in images]
        forms = [form_of(image, self.model.source.shape, REMEDIES) for image in images]
        sources = torch.stack(
            [
                _bytes(image, form, self.model.source)
                for image, form in zip(images, forms, strict=True)
            ]
        )
        seeds = self._stream.generator().integers(0, 2**63 - 1, len(images)).tolist()
        noise = torch.stack([self.model.noise(seed) for seed in seeds])
        target = self.model.target
        made = target.decode(self.model.translate(sources, noise))
        scaled = target.to_bytes(made)
        made = made if made.dtype == np.uint8 else scaled  # bytes keep the range they had at fit
        return [
            _form_of_target(form, self.model.source.shape[0], target.shape[0]).make(
                torch.from_numpy(own if form.levels is None else as_bytes)
            )
            for form, own, as_bytes in zip(forms, made, scaled, strict=True)
        ]

    def extra_repr(self) -> str:
        """Return what ``repr`` shows."""
        source, target = ("x".join(map(str, side.shape)) for side in _sides(self.model))
        return f"{source} to {target}, seed={self.seed}"


REMEDIES = Remedies(
    "Place Translate where sources are as they were at fit: before v2.Resize and crops, or after "
    "what brings them to that size.",
    "Place Translate before v2.Normalize and whatever else changes the values; "
    "v2.ToDtype(torch.float32, scale=True) may come first.",
    "the augmenter",
)


def _sides(model: PairModel) -> tuple[ImageCodec, ImageCodec]:
    return model.source, model.target


def _plain(image: Any, source: ImageCodec) -> Any:
    """Return a mask as an image; black and white as bytes."""
    if isinstance(image, Image.Image):
        return image.convert("L") if image.mode == "1" else image
    if isinstance(image, tv_tensors.Mask):
        image = tv_tensors.wrap(image.as_subclass(Tensor), like=tv_tensors.Image(image))
    if isinstance(image, Tensor) and image.dtype == torch.bool:
        image = tv_tensors.wrap(image.as_subclass(Tensor).byte() * 255, like=image)
    bytewise = isinstance(image, Tensor) and image.dtype == torch.uint8
    if source.dtype == np.bool_ and bytewise and int(image.max()) == 1:
        raise InvalidInputError(
            "The sources are bytes of 0 and 1 and those at fit were true or false: pass them as "
            "torch.bool, or with white as 255."
        )
    return image


def _find_images(leaves: list[Any]) -> list[int]:
    """Return which leaves of a sample are images: all that say so, else masks, else a tensor."""
    found = [i for i, x in enumerate(leaves) if isinstance(x, (Image.Image, tv_tensors.Image))]
    if not found:
        found = [i for i, x in enumerate(leaves) if isinstance(x, tv_tensors.Mask)]
    if not found:
        plain = (i for i, x in enumerate(leaves) if type(x) is Tensor and x.ndim >= 2)
        found = [place for place in (next(plain, None),) if place is not None]
    if not found:
        raise InvalidInputError(
            "Translate needs an image (PIL, a tensor or a tv_tensors.Image), and the sample has "
            "none."
        )
    return found


def _bytes(image: Any, form: Form, source: ImageCodec) -> Tensor:
    """Return an image as bytes (channels, height, width), black 0 and white 255."""
    if isinstance(image, Image.Image):
        values = torch.from_numpy(np.array(image))
        if form.layout == "HW" and values.ndim == 3:  # a grey image that its loader made RGB
            values = values[..., 0]
    else:
        values = image.detach().as_subclass(Tensor).cpu()
        if form.levels is not None:
            values = (values.double() * 255).round().byte()
    if form.levels is None and source.dtype == np.uint8:  # bytes in the range they had at fit
        values = torch.from_numpy(source.to_bytes(values.numpy()))
    if form.layout == "HW":
        return values[None]
    return values.permute(2, 0, 1) if form.layout == "HWC" else values


def _form_of_target(form: Form, before: int, after: int) -> Form:
    """Return the form that targets take, which may have other channels than sources."""
    if before == after:
        return form
    if form.kind == "pil":
        return replace(form, layout="HW" if after == 1 else "HWC", mode=_MODES[after])
    return replace(form, layout="CHW")
