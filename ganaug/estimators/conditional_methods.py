"""Methods available in one mode only; otherwise the error names the alternative.

scikit-learn's ``available_if`` also hides methods. Its error only says that there is no such
attribute, and the reason is hidden in ``__cause__``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import MethodType
from typing import Any, TypeVar, cast

from ganaug.errors import NotAvailableError

_Method = TypeVar("_Method", bound=Callable[..., Any])


class GatedMethod:
    """Descriptor of a method that is available only while a check passes.

    :func:`gated` puts it into a class. Looked up on the class, it is a function with the signature
    and docstring of the method.
    """

    def __init__(self, method: Callable[..., Any], check: Callable[[Any, str], None]) -> None:
        @functools.wraps(method)
        def unbound(self: Any, *args: Any, **kwargs: Any) -> Any:
            check(self, method.__name__)
            return method(self, *args, **kwargs)

        functools.update_wrapper(cast("Callable[..., Any]", self), method)
        self._method, self._check = method, check
        self._unbound = unbound  # made once: pickle needs the same object at each look-up

    def __get__(self, instance: Any, owner: type | None = None) -> Callable[..., Any]:
        if instance is None:
            return self._unbound
        self._check(instance, self._method.__name__)
        return MethodType(self._method, instance)


def gated(check: Callable[[Any, str], None]) -> Callable[[_Method], _Method]:
    """Return a decorator that hides a method while ``check`` raises `AttributeError`.

    Parameters
    ----------
    check : callable
        Called with the object and the name of the method at each look-up of the method.

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
    """Return a decorator for methods of one ``mode``.

    In the other mode the error ends with ``instead``, which names the alternative.
    """

    def check(estimator: Any, name: str) -> None:
        # A misspelt mode hides no method, so that calling one raises the error about the mode.
        hide = isinstance(estimator.mode, str) and estimator.mode in {"append", "replace"} - {mode}
        if hide:
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
    "adds rows, which a transformer must not do; use fit_resample, "
    "imblearn.pipeline.Pipeline, AugmentedClassifier in sklearn.pipeline.Pipeline, or "
    'GANAugmenter(mode="replace").',
)


def of_estimator(method: _Method) -> _Method:
    """Hide a method of a wrapper if its ``estimator`` has no method of that name."""

    def check(wrapper: Any, name: str) -> None:
        inner = getattr(wrapper, "estimator_", wrapper.estimator)
        try:
            getattr(inner, name)
        except AttributeError as error:
            # If scikit-learn's available_if hides the method, its reason is in __cause__.
            raise NotAvailableError(
                f"{type(wrapper).__name__} has {name!r} where its classifier has it: "
                f"{error.__cause__ or error}"
            ) from error

    return gated(check)(method)
