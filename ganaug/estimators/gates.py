"""Methods that exist only sometimes, and say themselves what does the job when they do not.

scikit-learn's ``available_if`` hides a method too, but its error only says that there is no such
attribute; the reason stands in ``__cause__``, where few look.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import MethodType
from typing import Any, TypeVar, cast

from ganaug.errors import NotAvailableError

_Method = TypeVar("_Method", bound=Callable[..., Any])


class GatedMethod:
    """A method behind a check: the descriptor that :func:`gated` puts into a class.

    On the class it is a plain function, with the method's signature and docstring.
    """

    def __init__(self, method: Callable[..., Any], check: Callable[[Any, str], None]) -> None:
        @functools.wraps(method)
        def unbound(self: Any, *args: Any, **kwargs: Any) -> Any:
            check(self, method.__name__)
            return method(self, *args, **kwargs)

        functools.update_wrapper(cast("Callable[..., Any]", self), method)
        self._method, self._check = method, check
        self._unbound = unbound  # made once: pickle wants the very same function each time

    def __get__(self, instance: Any, owner: type | None = None) -> Callable[..., Any]:
        if instance is None:
            return self._unbound
        self._check(instance, self._method.__name__)
        return MethodType(self._method, instance)


def gated(check: Callable[[Any, str], None]) -> Callable[[_Method], _Method]:
    """Return a decorator that hides a method while ``check`` raises an ``AttributeError``.

    Parameters
    ----------
    check : callable
        Called with the object and the name of the method, whenever the method is looked up.

    Examples
    --------
    >>> from ganaug.errors import NotAvailableError
    >>> def only_open(shop, name):
    ...     if not shop.open:
    ...         raise NotAvailableError(f"{name!r} is not available at night.")
    >>> class Shop:
    ...     open = False
    ...     @gated(only_open)
    ...     def buy(self):
    ...         return "bread"
    >>> hasattr(Shop(), "buy")
    False
    """

    def decorate(method: _Method) -> _Method:
        return cast("_Method", GatedMethod(method, check))

    return decorate


def in_mode(mode: str, instead: str) -> Callable[[_Method], _Method]:
    """Return a decorator for methods of one ``mode``; its error in the other says ``instead``."""

    def check(estimator: Any, name: str) -> None:
        # A misspelt mode hides nothing: calling the method then says what is wrong with it.
        other = isinstance(estimator.mode, str) and estimator.mode in {"append", "replace"} - {mode}
        if other:
            raise NotAvailableError(
                f'{name!r} is not available with mode="{estimator.mode}", which {instead}'
            )

    return gated(check)


append_only = in_mode(
    "append",
    'keeps the number of rows; use fit_transform, or GANAugmenter(mode="append") '
    "in imblearn.pipeline.Pipeline, or AugmentedClassifier in sklearn.pipeline.Pipeline.",
)
replace_only = in_mode(
    "replace",
    "adds rows, as no transformer can; use fit_resample, "
    "imblearn.pipeline.Pipeline, AugmentedClassifier in sklearn.pipeline.Pipeline, or "
    'GANAugmenter(mode="replace").',
)


def of_estimator(method: _Method) -> _Method:
    """Decorate a method that exists where the wrapped ``estimator`` has one of that name."""

    def check(wrapper: Any, name: str) -> None:
        inner = getattr(wrapper, "estimator_", wrapper.estimator)
        try:
            getattr(inner, name)
        except AttributeError as error:
            # Where scikit-learn hides a method, its reason is the cause.
            raise NotAvailableError(
                f"{type(wrapper).__name__} has {name!r} where its classifier has it: "
                f"{error.__cause__ or error}"
            ) from error

    return gated(check)(method)
