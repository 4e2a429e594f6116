"""Output of every report: a picture, JSON and an HTML page."""

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
"""Version of the JSON document."""

LIBRARIES = ("numpy", "pandas", "scikit-learn", "imbalanced-learn", "torch")
"""Libraries whose versions reports record, since results depend on them."""


class Document(ABC):
    """Base of reports, which can be drawn, written as JSON and written as an HTML page."""

    def plot(self) -> Figure:
        """Draw the findings as one picture.

        Returns
        -------
        matplotlib.figure.Figure
            Use its ``savefig`` to write a file.

        Raises
        ------
        ConfigError
            If matplotlib is not installed (the extra ``report``).

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
        """Return all findings as JSON, without rows of the data.

        Parameters
        ----------
        path : str, Path or None, default=None
            File into which the JSON is also written.

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
        """Return an HTML page that needs no other file and no network.

        The page of a quality report shows real and synthetic rows (as points and in columns) or
        images. Protect it as you protect the data.

        Parameters
        ----------
        path : str, Path or None, default=None
            File into which the page is also written.

        Returns
        -------
        str

        Raises
        ------
        ConfigError
            If matplotlib or jinja2 is not installed (the extra ``report``).

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
        """Return the content of the JSON document after its kind and format."""

    @abstractmethod
    def _picture(self) -> Figure:
        """Return the figure of :meth:`plot`."""

    @abstractmethod
    def _page(self) -> str:
        """Return the page of :meth:`to_html`."""


def need(*modules: str) -> None:
    """Raise `ConfigError` if a library that only reports need is not installed.

    Raises
    ------
    ConfigError
        The message names the libraries and the extra that installs them.
    """
    from importlib.util import find_spec

    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise ConfigError(
            f"This needs {' and '.join(missing)}, which is missing: pip install 'ganaug[report]'"
        )


def finite(value: Any) -> Any:
    """Return plain values for JSON: NaN and infinity become None, numpy scalars Python ones."""
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    plain = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(plain, float) and not np.isfinite(plain) else plain


def written(text: str, path: str | Path | None) -> str:
    """Return a text, after writing it into a file if there is a path."""
    if path is not None:
        from ganaug.storage.files import write_output

        write_output(str(path), text.encode())
    return text
