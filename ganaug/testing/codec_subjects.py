"""Codecs under test, of tables and of images, behind one interface."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganaug.images.formats import check_images
from ganaug.images.options import ImageOptions
from ganaug.nets.layout import Segment
from ganaug.runtime.rng import numpy_stream
from ganaug.training.images import to_signed

NOISE = 200
"""Rows of noise that are decoded: what a network may put out."""

SCALES = (0.1, 1.0, 30.0)

NEARLY = 1e-3
"""How far a number may come back from where it was, as a share of its column's range."""

BUDGET = 2**40


class CodecSubject(ABC):
    """A codec and data that it encodes.

    Parameters
    ----------
    entry : object
        The class of a codec, or a codec that was made for ``data``.
    data : DataFrame or ndarray
    """

    def __init__(self, entry: Any, data: Any) -> None:
        self.entry, self._own = entry, data.copy()

    @property
    def data(self) -> Any:
        """A fresh copy of the data: a codec that writes into them spoils one check only."""
        return self._own.copy()

    def fit(self, data: Any = None) -> Any:
        """Return a codec of the data; one that was handed in is that one."""
        if not inspect.isclass(self.entry):
            return self.entry
        return self.make(self.data if data is None else data)

    @cached_property
    def codec(self) -> Any:
        """A codec of the data."""
        return self.fit()

    @cached_property
    def back(self) -> Any:
        """The data, encoded and decoded."""
        return self.decode(self.encode(self.data))

    @abstractmethod
    def make(self, data: Any) -> Any:
        """Return a codec of the class under test for data."""

    @abstractmethod
    def encode(self, data: Any, codec: Any = None) -> Any:
        """Return encoded data, as the codec returns them."""

    @abstractmethod
    def decode(self, encoded: Any, codec: Any = None) -> Any:
        """Return what encoded data stand for."""

    @abstractmethod
    def same(self, one: Any, other: Any) -> bool:
        """Return whether two encoded, or two decoded, data are equal."""

    @abstractmethod
    def noise(self, scale: float) -> Any:
        """Return what a network may put out."""

    @abstractmethod
    def unseen(self) -> Any:
        """Return data of the same kind with other values."""

    @abstractmethod
    def form_fault(self, encoded: Any, n: int) -> str:
        """Return what is wrong with the type, the shape or the numbers of encoded data."""

    def strange(self) -> Any:
        """Return data with categories that were not there, None if there are no categories."""
        return None

    @abstractmethod
    def layout_fault(self, encoded: Any) -> str:
        """Return where the codec's own description and what it encodes disagree."""

    @abstractmethod
    def kind_fault(self, decoded: Any) -> str:
        """Return which names, dtypes or shapes are not those of the data."""

    @abstractmethod
    def exact_fault(self) -> str:
        """Return what should have come back exactly and did not."""

    @abstractmethod
    def nearly_fault(self) -> str:
        """Return which numbers came back too far from where they were."""

    @abstractmethod
    def gaps_fault(self) -> str | None:
        """Return where missing values are others than before; None if the data have none."""

    @abstractmethod
    def bounds_fault(self, decoded: Any) -> str:
        """Return which values could not have been in the data."""


class TableSubject(CodecSubject):
    """A codec of tables: ``fit(frame, categorical, seed)``, ``encode(frame, rng)``, ``decode``."""

    def make(self, data: pd.DataFrame) -> Any:
        """Return a codec of the class under test for a table."""
        return self.entry.fit(data, [False] * data.shape[1], 0)

    def encode(self, data: pd.DataFrame, codec: Any = None) -> Any:
        """Return the encoded rows."""
        return (codec or self.codec).encode(data, numpy_stream(0))

    def decode(self, encoded: Any, codec: Any = None) -> pd.DataFrame:
        """Return the table that encoded rows stand for."""
        return (codec or self.codec).decode(encoded)

    def same(self, one: Any, other: Any) -> bool:
        """Return whether two matrices or two tables are equal."""
        frames = isinstance(one, pd.DataFrame)
        return bool(one.equals(other) if frames else np.array_equal(one, other))

    def noise(self, scale: float) -> NDArray[np.float32]:
        """Return rows of normal numbers."""
        shape = (NOISE, self.codec.layout.width)
        return (numpy_stream(1).normal(size=shape) * scale).astype(np.float32)

    def unseen(self) -> pd.DataFrame:
        """Return the table with other numbers, some of them outside of what was seen."""
        changed = self.data
        for name in changed.select_dtypes("number"):
            column = self.data[name]
            if column.dtype.kind in "iuf" and column.notna().any():
                spread = column.max() - column.min()
                moved = column + (np.arange(len(column)) % 3 - 1) * (spread // 2)
                changed[name] = moved.astype(column.dtype)
        return changed

    def form_fault(self, encoded: Any, n: int) -> str:
        """Return what is wrong with the type, the shape or the numbers of encoded rows."""
        if not isinstance(encoded, np.ndarray) or encoded.dtype != np.float32:
            return f"{getattr(encoded, 'dtype', type(encoded).__name__)}, not float32 of numpy"
        if encoded.shape != (n, self.codec.layout.width):
            return f"shape {encoded.shape}, not {(n, self.codec.layout.width)}"
        return "" if np.isfinite(encoded).all() else "numbers that are not finite"

    def strange(self) -> pd.DataFrame | None:
        """Return the table with words in its first row that no category column has seen."""
        changed = self.data
        for name in self.data.columns:
            if not _is_ordered(self.data[name]):
                words = self.data[name].astype(object)
                changed[name] = words.where(np.arange(len(words)) > 0, "never seen before")
        return None if changed.equals(self.data) else changed

    def layout_fault(self, encoded: NDArray[np.float32]) -> str:
        """Return where the layout and encoded rows disagree."""
        layout = self.codec.layout
        order = {"value": 0, "choice": 1, "code": 2}
        place, last = 0, 0
        for segment in layout.segments:
            if segment.start != place or order[segment.kind] < last:
                return f"a {segment.kind} segment at {segment.start} is out of place"
            place, last = segment.stop, order[segment.kind]
            fault = self._segment_fault(segment, encoded[:, segment.start : segment.stop])
            if fault:
                return f"column {segment.column}: {fault}"
        if not layout.segments:
            return "the layout is empty"
        levels = [segment.levels for segment in layout.of_kind("code")]
        tables = [len(table) for table in self.codec.tables]
        return "" if levels == tables else f"embeddings of {tables} levels for codes of {levels}"

    def _segment_fault(self, segment: Segment, part: NDArray[np.float32]) -> str:
        if segment.kind != "choice":
            return ""
        sharp = ((part == 0) | (part == 1)).all() and (part.sum(1) == 1).all()
        return "" if sharp else "a choice is not one-hot"

    def kind_fault(self, decoded: pd.DataFrame) -> str:
        """Return which names or dtypes are not those of the data."""
        if list(decoded.columns) != list(self.data.columns):
            return f"columns {list(decoded.columns)}"
        pairs = zip(decoded.dtypes, self.data.dtypes, self.data.columns, strict=True)
        wrong = [f"{name!r} is {new}, not {old}" for new, old, name in pairs if new != old]
        return "; ".join(wrong)

    def exact_fault(self) -> str:
        """Return which columns other than floats did not come back exactly."""
        differing = []
        for i, name in enumerate(self.data.columns):
            real, back = self.data.iloc[:, i], self.back.iloc[:, i]
            # Where both have a value: gaps and dtypes are checks of their own.
            both = (real.notna() & back.notna().to_numpy()).to_numpy()
            if not _is_float(real) and real[both].tolist() != back[both].tolist():
                differing.append(repr(name))
        return f"{', '.join(differing)} came back changed" if differing else ""

    def nearly_fault(self) -> str:
        """Return which columns of floats came back too far from where they were."""
        far = []
        for i, name in enumerate(self.data.columns):
            real, back = self.data.iloc[:, i], self.back.iloc[:, i]
            if _is_float(real) and real.notna().any():
                reach = NEARLY * max(real.max() - real.min(), abs(real.max()), 1e-300)
                distance = (real.to_numpy(float) - back.to_numpy(float)).astype(float)
                if np.nanmax(np.abs(distance), initial=0.0) > reach:
                    far.append(repr(name))
        return f"numbers of {', '.join(far)} came back as others" if far else ""

    def gaps_fault(self) -> str | None:
        """Return which columns have other gaps than before."""
        if not self.data.isna().any(axis=None):
            return None
        before, after = self.data.isna().to_numpy(), self.back.isna().to_numpy()
        moved = self.data.columns[(before != after).any(axis=0)]
        return f"other values are missing in {', '.join(map(repr, moved))}" if len(moved) else ""

    def bounds_fault(self, decoded: pd.DataFrame) -> str:
        """Return which columns have values that could not have been in the data."""
        for i, name in enumerate(self.data.columns):
            real, new = self.data.iloc[:, i], decoded.iloc[:, i]
            if new.isna().any() and not real.isna().any():
                return f"{name!r} has missing values, and the data have none there"
            new, real = new.dropna(), real.dropna()
            if not _is_ordered(real):
                if not set(new) <= set(real):
                    return f"{name!r} has categories that the data have not"
            elif len(new) and not (real.min() <= new.min() and new.max() <= real.max()):
                return f"{name!r} leaves the bounds {real.min()} to {real.max()}"
        return ""


def _is_ordered(column: pd.Series) -> bool:
    """Return whether a column holds numbers or dates."""
    types = pd.api.types
    if types.is_bool_dtype(column):
        return False
    return bool(types.is_numeric_dtype(column) or column.dtype.kind in "Mm")


def _is_float(column: pd.Series) -> bool:
    return bool(pd.api.types.is_float_dtype(column))


class ImageSubject(CodecSubject):
    """A codec of images: ``Codec(shape, dtype, low, high, whole)``, ``encode`` and ``decode``."""

    def __init__(self, entry: Any, data: Any) -> None:
        found = check_images(data, ImageOptions(), BUDGET)
        super().__init__(entry, np.ascontiguousarray(found.pixels))
        self.form = found.form

    def make(self, data: NDArray[Any]) -> Any:
        """Return a codec of the class under test for images."""
        form = self.form
        return self.entry(form.shape, form.dtype, form.low, form.high, form.whole)

    def encode(self, data: NDArray[Any], codec: Any = None) -> Any:
        """Return the stored images."""
        return (codec or self.codec).encode(data)

    def decode(self, encoded: Tensor, codec: Any = None) -> NDArray[Any]:
        """Return pixels; stored bytes become numbers between -1 and 1 first, as in a batch."""
        return (codec or self.codec).decode(to_signed(encoded))

    def same(self, one: Any, other: Any) -> bool:
        """Return whether two stacks of images are equal."""
        return bool(np.array_equal(np.asarray(one), np.asarray(other)))

    def noise(self, scale: float) -> Tensor:
        """Return images of normal numbers."""
        drawn = numpy_stream(1).normal(size=(NOISE // 10, *self.form.shape)) * scale
        return torch.from_numpy(drawn.astype(np.float32))

    def unseen(self) -> NDArray[Any]:
        """Return images upside down, and black and white ones."""
        changed = self.data[:, :, ::-1].copy()
        changed[0], changed[-1] = self.form.low, self.form.high
        return changed

    def form_fault(self, encoded: Any, n: int) -> str:
        """Return what is wrong with the type, the shape or the numbers of stored images."""
        known = (torch.uint8, torch.float32)
        if not isinstance(encoded, Tensor) or encoded.dtype not in known:
            return f"{getattr(encoded, 'dtype', type(encoded).__name__)}, not bytes or float32"
        if encoded.shape != (n, *self.form.shape):
            return f"shape {tuple(encoded.shape)}, not {(n, *self.form.shape)}"
        signed = to_signed(encoded.clone())
        inside = bool(torch.isfinite(signed).all() and (signed.abs() <= 1).all())
        return "" if inside else "numbers that are not between -1 and 1"

    def layout_fault(self, encoded: Tensor) -> str:
        """Return where what the codec says of itself and the images disagree."""
        own = tuple(self.codec.shape), str(self.codec.dtype)
        wanted = self.form.shape, self.form.dtype
        return "" if own == wanted else f"the codec says {own} of images {wanted}"

    def kind_fault(self, decoded: NDArray[Any]) -> str:
        """Return whether shape or dtype are not those of the data."""
        own = decoded.shape[1:], str(decoded.dtype)
        wanted = self.form.shape, self.form.dtype
        return "" if own == wanted else f"decoded to {own}, not {wanted}"

    def exact_fault(self) -> str:
        """Return whether images of whole numbers did not come back exactly."""
        if self.form.whole and not np.array_equal(self.back, self.data):
            return "images of whole numbers came back changed"
        return ""

    def nearly_fault(self) -> str:
        """Return whether images came back too far from where they were."""
        reach = NEARLY * (self.form.high - self.form.low)
        far = np.abs(self.back.astype(float) - self.data.astype(float)).max(initial=0.0) > reach
        return "images came back as others" if far and not self.form.whole else ""

    def gaps_fault(self) -> str | None:
        """Return None: images have no missing pixels."""
        return None

    def bounds_fault(self, decoded: NDArray[Any]) -> str:
        """Return whether values lie outside of black and white."""
        low, high = float(decoded.min()), float(decoded.max())
        inside = self.form.low <= low and high <= self.form.high
        return "" if inside else f"values from {low:g} to {high:g}"
