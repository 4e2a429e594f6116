"""The ``ganaug`` command: options, runs, files and the demo; `main` is its entry point."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit.

    The exit status is 0 after success, 1 after an error (one line on standard error), 2 after a
    usage error, 130 after an interrupt and 141 if the reader of standard output has closed it.

    Parameters
    ----------
    arguments : sequence of str or None
        Command and options; None means those of the process.

    Examples
    --------
    >>> from ganaug.cli import main
    >>> main(["--version"])  # doctest: +SKIP
    """
    try:
        import typer  # noqa: F401
    except ModuleNotFoundError:
        sys.exit("ganaug: error: the command line needs typer: pip install 'ganaug[cli]'")
    from ganaug.cli.app import app

    app(list(sys.argv[1:] if arguments is None else arguments), prog_name="ganaug")


if __name__ == "__main__":
    main()
