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
    """Transform that turns source images into target images, with new noise on each call.

    ``Pix2PixAugmenter.as_transform`` returns one. Its input is an image, a sample such as
    ``(image, label)``, or a batch that a ``DataLoader`` collated from samples. Everything but the
    image is returned unchanged. Images are PIL images, uint8 tensors, ``tv_tensors.Image``, or
    floats in [0, 1] as ``v2.ToDtype(torch.float32, scale=True)`` returns them. The output has the
    type of the input and the channels of the targets. uint8 values have the range that uint8
    images had at fit; otherwise black is 0 and white is 255. Masks may be ``tv_tensors.Mask``,
    ``torch.bool`` or PIL images of mode "1".

    If a sample has no PIL image, ``tv_tensors.Image`` or ``tv_tensors.Mask``, its first tensor of
    two or more dimensions is the image, as in torchvision's own transforms.

    Parameters
    ----------
    model : PairModel
        ``model_`` of a fitted ``Pix2PixAugmenter``. It is copied to the CPU.
    seed : int or None, default=0
        Seed of the transform's own random stream; None draws a new one. See Notes.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        When a sample has no image, or its image is unlike the sources at fit.

    Notes
    -----
    The stream is handled as in :class:`ReplaceRare`: the global random states are neither read nor
    changed, workers and epochs differ, and a loader with a seeded ``generator`` is repeatable.

    The network runs in the worker for every image. If there are few sources, let
    ``Pix2PixAugmenter.make_pool`` translate them once.

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

    It takes batches, too:

    >>> pipeline(torch.from_numpy(masks[:4, None])).shape
    torch.Size([4, 3, 8, 8])
    """

    def __init__(self, model: PairModel, *, seed: int | None = 0) -> None:
        super().__init__()
        self.model = copy.deepcopy(model).to("cpu")
        self.seed = seed_from(seed)
        self._stream = Stream(self.seed, "Translate")

    def forward(self, *inputs: Any) -> Any:
        """Return the sample with its source image replaced by a target image.

        Parameters
        ----------
        *inputs : Any
            An image, a sample or a batch, in one or several arguments.

        Returns
        -------
        Any
            A sample of the same structure. The input is not changed.
        """
        sample = inputs if len(inputs) > 1 else inputs[0] if inputs else ()
        leaves, structure = flatten_tree(sample)
        for position in _find_images(leaves):
            leaves[position] = self._translate(leaves[position])
        return unflatten_tree(leaves, structure)

    def _translate(self, image: Any) -> Any:
        if not isinstance(image, Tensor) or image.ndim < 4:
            return self._translate_some([image])[0]
        if not len(image):  # an empty batch cannot be stacked
            return image.new_empty(0, *self.model.target.shape)
        made = torch.stack(self._translate_some(image.as_subclass(Tensor).unbind()))
        return tv_tensors.wrap(made, like=image) if type(image) is not Tensor else made

    def _translate_some(self, images: list[Any] | tuple[Tensor, ...]) -> list[Any]:
        """Return a target for each of the images, which have one size and type."""
        images = [_plain(image, self.model.source) for image in images]
        forms = [form_of(image, self.model.source.shape, REMEDIES) for image in images]
        sources = torch.stack(
            [
                _bytes(image, form, self.model.source)
                for image, form in zip(images, forms, strict=True)
            ]
        )
        # Each image has its own seed, so its noise does not depend on the others in a batch.
        seeds = self._stream.generator().integers(0, 2**63 - 1, len(images)).tolist()
        noise = torch.stack([self.model.noise(seed) for seed in seeds])
        target = self.model.target
        decoded = target.decode(self.model.translate(sources, noise))
        full_range = target.to_bytes(decoded)
        # uint8 targets keep the range they had at fit; floats in [0, 1] need the full range.
        fit_range = decoded if decoded.dtype == np.uint8 else full_range
        return [
            _form_of_target(form, self.model.source.shape[0], target.shape[0]).make(
                torch.from_numpy(in_fit_range if form.levels is None else in_full_range)
            )
            for form, in_fit_range, in_full_range in zip(forms, fit_range, full_range, strict=True)
        ]

    def extra_repr(self) -> str:
        """Return the description that ``repr`` shows."""
        codecs = (self.model.source, self.model.target)
        source, target = ("x".join(map(str, codec.shape)) for codec in codecs)
        return f"{source} to {target}, seed={self.seed}"


REMEDIES = Remedies(
    "Place Translate where sources have the size they had at fit: before v2.Resize and crops, or "
    "after a v2.Resize to that size.",
    "Place Translate before v2.Normalize and all other transforms that change the values; only "
    "v2.ToDtype(torch.float32, scale=True) may come first.",
    "the augmenter",
)


def _plain(image: Any, source: ImageCodec) -> Any:
    """Return masks and black-and-white images as uint8 images; others as they are.

    Raise `InvalidInputError` for uint8 images of 0 and 1 if the sources at fit were booleans:
    white would be 1 of 255 otherwise.
    """
    if isinstance(image, Image.Image):
        return image.convert("L") if image.mode == "1" else image
    if isinstance(image, tv_tensors.Mask):
        image = tv_tensors.wrap(image.as_subclass(Tensor), like=tv_tensors.Image(image))
    if isinstance(image, Tensor) and image.dtype == torch.bool:
        image = tv_tensors.wrap(image.as_subclass(Tensor).byte() * 255, like=image)
    is_uint8 = isinstance(image, Tensor) and image.dtype == torch.uint8
    if source.dtype == np.bool_ and is_uint8 and int(image.max()) == 1:
        raise InvalidInputError(
            "The sources are uint8 with values 0 and 1, but at fit they were booleans. Pass them "
            "as torch.bool, or with white as 255."
        )
    return image


def _find_images(leaves: list[Any]) -> list[int]:
    """Return the positions of the images among the leaves of a sample.

    They are all leaves of an image type, otherwise all masks, otherwise the first plain tensor.
    """
    found = [i for i, x in enumerate(leaves) if isinstance(x, (Image.Image, tv_tensors.Image))]
    if not found:
        found = [i for i, x in enumerate(leaves) if isinstance(x, tv_tensors.Mask)]
    if not found:
        plain = (i for i, x in enumerate(leaves) if type(x) is Tensor and x.ndim >= 2)
        found = [position for position in (next(plain, None),) if position is not None]
    if not found:
        raise InvalidInputError(
            "Translate needs an image (PIL, a tensor or a tv_tensors.Image), but the sample has "
            "none."
        )
    return found


def _bytes(image: Any, form: Form, source: ImageCodec) -> Tensor:
    """Return an image as uint8 of shape (channels, height, width), black 0 and white 255."""
    if isinstance(image, Image.Image):
        values = torch.from_numpy(np.array(image))
        if form.layout == "HW" and values.ndim == 3:  # a grey image that its loader made RGB
            values = values[..., 0]
    else:
        values = image.detach().as_subclass(Tensor).cpu()
        if form.levels is not None:
            values = (values.double() * 255).round().byte()
    if form.levels is None and source.dtype == np.uint8:  # from the range they had at fit
        values = torch.from_numpy(source.to_bytes(values.numpy()))
    if form.layout == "HW":
        return values[None]
    return values.permute(2, 0, 1) if form.layout == "HWC" else values


def _form_of_target(form: Form, before: int, after: int) -> Form:
    """Return the form of targets, which may have more or fewer channels than sources."""
    if before == after:
        return form
    if form.kind == "pil":
        return replace(form, layout="HW" if after == 1 else "HWC", mode=_MODES[after])
    return replace(form, layout="CHW")
