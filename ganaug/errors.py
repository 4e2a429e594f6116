"""All errors and warnings of ganaug.

Each error is a :class:`GanaugError`, and also the built-in type that scikit-learn raises in such a
case, so that ``except ValueError`` catches it.
"""

from __future__ import annotations

import difflib
import inspect
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from types import FrameType
from typing import Literal

Action = Literal["resize", "smaller", "shrink", "rgb", "skip", "repair", "duplicate"]
"""What a :class:`Remedy` is about; the command line has its own words for each."""


@dataclass(frozen=True)
class Remedy:
    """Advice that names Python options, and what it is about for those who have other options.

    Parameters
    ----------
    text : str
        The advice for Python code; it ends the message of the error.
    action : str
        One of `Action`.
    size : (int, int) or None
        Height and width, if the action is "resize" and one size fits.
    """

    text: str
    action: Action
    size: tuple[int, int] | None = None


class GanaugError(Exception):
    """Base of all errors raised by ganaug.

    Parameters
    ----------
    message : str
        What is wrong and, without `remedy`, what to do about it.
    remedy : Remedy or None
        Advice; its text is added to the message.

    Attributes
    ----------
    problem : str
        The message without the text of the remedy.
    remedy : Remedy or None

    Examples
    --------
    >>> from ganaug import ConfigError, GanaugError
    >>> issubclass(ConfigError, GanaugError) and issubclass(ConfigError, ValueError)
    True
    """

    def __init__(self, message: str = "", *, remedy: Remedy | None = None) -> None:
        super().__init__(message if remedy is None else f"{message} {remedy.text}")
        self.problem = message
        self.remedy = remedy


class InvalidInputError(GanaugError, ValueError):
    """The data cannot be used; the message names the column, class or file.

    Examples
    --------
    >>> from ganaug import InvalidInputError
    >>> issubclass(InvalidInputError, ValueError)
    True
    """


class InvalidTypeError(GanaugError, TypeError):
    """The data or an argument has a type that cannot be used.

    Examples
    --------
    >>> from ganaug import InvalidTypeError
    >>> issubclass(InvalidTypeError, TypeError)
    True
    """


class SchemaDriftError(InvalidInputError):
    """The columns differ from those at fit; the message lists the differences.

    Examples
    --------
    >>> from ganaug import InvalidInputError, SchemaDriftError
    >>> issubclass(SchemaDriftError, InvalidInputError)
    True
    """


class ConfigError(GanaugError, ValueError):
    """An option, or a combination of options, is not valid.

    Examples
    --------
    >>> from ganaug import ConfigError, Recipe
    >>> try:
    ...     Recipe.preset("wgan-gp").replace(n_critics=3)
    ... except ConfigError as error:
    ...     print(error)
    Recipe has no field 'n_critics'; did you mean 'n_critic'?
    """


class MemoryBudgetError(GanaugError, ValueError):
    """The request needs more memory than the budget; the message gives the estimate.

    Examples
    --------
    >>> from ganaug import MemoryBudgetError
    >>> issubclass(MemoryBudgetError, ValueError)
    True
    """


class NotAvailableError(GanaugError, AttributeError):
    """The method is not available in this mode; the message names the alternative.

    It is an ``AttributeError``, so that ``hasattr`` returns False.

    Examples
    --------
    >>> from ganaug import GANAugmenter
    >>> hasattr(GANAugmenter(mode="append"), "transform")
    False
    """


class DivergenceError(GanaugError, RuntimeError):
    """Training produced a value that is not finite.

    Examples
    --------
    >>> from ganaug import DivergenceError
    >>> issubclass(DivergenceError, RuntimeError)
    True
    """


class ArtifactError(GanaugError, ValueError):
    """A model cannot be saved, or cannot be read: it is missing, damaged or of another kind.

    Examples
    --------
    >>> from ganaug import ArtifactError, GANAugmenter
    >>> try:
    ...     GANAugmenter.from_pretrained("no-such-folder")
    ... except ArtifactError as error:
    ...     print("not a saved augmenter")
    not a saved augmenter
    """


class GanaugWarning(UserWarning):
    """Base of all warnings raised by ganaug.

    Examples
    --------
    >>> import warnings
    >>> from ganaug import GanaugWarning
    >>> warnings.simplefilter("error", GanaugWarning)  # turn these warnings into errors
    >>> warnings.resetwarnings()
    """


class ModeCollapseWarning(GanaugWarning):
    """The generated samples of a class have lost most of the diversity of the real ones.

    Examples
    --------
    >>> from ganaug import GanaugWarning, ModeCollapseWarning
    >>> issubclass(ModeCollapseWarning, GanaugWarning)
    True
    """


def near(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is closest to ``name``, or None if none is close enough."""
    matches = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)  # difflib's default
    return matches[0] if matches else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of an error message: the closest known name, or else all known names."""
    known = sorted(known)
    nearest = near(name, known)
    return f"known: {', '.join(known)}." if nearest is None else f"did you mean {nearest!r}?"


def warn(message: str, category: type[GanaugWarning] = GanaugWarning) -> None:
    """Warn with the position of the user's line that called ganaug, at any depth of calls."""
    frame, level = inspect.currentframe(), 1
    # Frames of joblib lie between AugmentedClassifier and its augmenter.
    while frame and frame.f_back and _package(frame) in ("ganaug", "joblib"):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def _package(frame: FrameType) -> str:
    """Return the name of the top-level package whose code a frame runs."""
    name: str = frame.f_globals.get("__name__", "")
    return name.partition(".")[0]
