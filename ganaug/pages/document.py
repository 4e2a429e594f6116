"""What every report can be written as: a picture, JSON and a page."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ganaug.errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMAT = 1
LIBRARIES = ("numpy", "pandas", "scikit-learn", "imbalanced-learn", "torch")


class Document(ABC):
    """Findings for people and for programs."""

    def plot(self) -> Figure:
        """Draw the findings as one picture.

        Returns
        -------
        matplotlib.figure.Figure
            With ``savefig``.

        Raises
        ------
        ConfigError
            If matplotlib is missing (the extra ``report``).

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.tree import DecisionTreeClassifier
        >>> from ganaug import compare
        >>> X, y = load_iris(return_X_y=True)
        >>> found = compare(X[:120], y[:120], DecisionTreeClassifier(), ["class weights"])
        >>> found.plot().savefig("comparison.png")  # doctest: +SKIP
        """
        need("matplotlib")
        return self._picture()

    def to_json(self, path: str | Path | None = None) -> str:
        """Return all that was found as JSON, without any row of the data.

        Parameters
        ----------
        path : str, Path or None, default=None
            File to write as well.

        Returns
        -------
        str

        Examples
        --------
        >>> import json
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.tree import DecisionTreeClassifier
        >>> from ganaug import compare
        >>> X, y = load_iris(return_X_y=True)
        >>> found = compare(X[:120], y[:120], DecisionTreeClassifier(), ["class weights"])
        >>> sorted(json.loads(found.to_json()))
        ['advice', 'advised', 'facts', 'folds', 'format', 'kind', 'methods', 'scoring']
        """
        head = {"kind": f"ganaug.{type(self).__name__}", "format": FORMAT}
        document = finite({**head, **self._content()})
        return written(json.dumps(document, indent=1, allow_nan=False, default=str), path)

    def to_html(self, path: str | Path | None = None) -> str:
        """Return a page for people: one file that loads nothing from anywhere.

        The page of a quality report shows real and synthetic rows (as dots and in columns) or
        images: treat it as you treat the data.

        Parameters
        ----------
        path : str, Path or None, default=None
            File to write as well.

        Returns
        -------
        str

        Raises
        ------
        ConfigError
            If matplotlib or jinja2 is missing (the extra ``report``).

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.tree import DecisionTreeClassifier
        >>> from ganaug import compare
        >>> X, y = load_iris(return_X_y=True)
        >>> found = compare(X[:120], y[:120], DecisionTreeClassifier(), ["class weights"])
        >>> found.to_html("comparison.html")  # doctest: +SKIP
        """
        need("matplotlib", "jinja2")
        return written(self._page(), path)

    @abstractmethod
    def _content(self) -> dict[str, Any]:
        """Return what JSON holds beyond the head."""

    @abstractmethod
    def _picture(self) -> Figure: ...

    @abstractmethod
    def _page(self) -> str: ...


def need(*modules: str) -> None:
    """Refuse to go on without libraries that only reports need.

    Raises
    ------
    ConfigError
        Names them and the extra that brings them.
    """
    from importlib.util import find_spec

    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise ConfigError(
            f"This needs {' and '.join(missing)}, which is missing: pip install 'ganaug[report]'"
        )


def finite(value: Any) -> Any:
    """Return plain values for JSON: NaN becomes None, numpy's scalars Python's."""
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    plain = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(plain, float) and not np.isfinite(plain) else plain


def written(text: str, path: str | Path | None) -> str:
    """Return a text, written into a file where there is a path."""
    if path is not None:
        from ganaug.storage.files import write_output

        write_output(str(path), text.encode())
    return text
