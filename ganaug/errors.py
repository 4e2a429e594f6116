"""Every error and warning that ganaug raises on purpose.

Each error is a :class:`GanaugError` and also the built-in type that scikit-learn users already
catch, so ``except ValueError`` keeps working.
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
    """The data cannot be used as they are; the message names the column, class or file.

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
    """The columns differ from those seen at fit; the message lists the differences.

    Examples
    --------
    >>> from ganaug import InvalidInputError, SchemaDriftError
    >>> issubclass(SchemaDriftError, InvalidInputError)
    True
    """


class ConfigError(GanaugError, ValueError):
    """An option, or a combination of options, is impossible.

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
    """The request needs more memory than the budget; the message carries the estimate.

    Examples
    --------
    >>> from ganaug import MemoryBudgetError
    >>> issubclass(MemoryBudgetError, ValueError)
    True
    """


class NotAvailableError(GanaugError, AttributeError):
    """The method does not exist in this mode; the message names the one that does.

    An ``AttributeError``, so that ``hasattr`` says no.

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
    """An augmenter cannot be saved, or a saved one not read: missing, damaged, not one of ours.

    Examples
    --------
    >>> from ganaug import ArtifactError, GANAugmenter
    >>> try:
    ...     GANAugmenter.from_pretrained("no-such-folder")
    ... except ArtifactError as error:
    ...     print("refused")
    refused
    """


class GanaugWarning(UserWarning):
    """Base of all warnings raised by ganaug.

    Examples
    --------
    >>> import warnings
    >>> from ganaug import GanaugWarning
    >>> warnings.simplefilter("error", GanaugWarning)  # be strict
    >>> warnings.resetwarnings()
    """


class ModeCollapseWarning(GanaugWarning):
    """The generator's samples of a class have lost most of the variety of the real ones.

    Examples
    --------
    >>> from ganaug import GanaugWarning, ModeCollapseWarning
    >>> issubclass(ModeCollapseWarning, GanaugWarning)
    True
    """


def near(name: str, known: Iterable[str]) -> str | None:
    """Return the known option that ``name`` misspells, if one is close enough."""
    found = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return found[0] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of an error message that names the nearest known option."""
    known = sorted(known)
    nearest = near(name, known)
    return f"known: {', '.join(known)}." if nearest is None else f"did you mean {nearest!r}?"


def warn(message: str, category: type[GanaugWarning] = GanaugWarning) -> None:
    """Warn at the line that called into ganaug, however deep in it the reason was found."""
    frame, level = inspect.currentframe(), 1
    # joblib stands between AugmentedClassifier and its augmenter.
    while frame and frame.f_back and _package(frame) in ("ganaug", "joblib"):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def _package(frame: FrameType) -> str:
    name: str = frame.f_globals.get("__name__", "")
    return name.partition(".")[0]
