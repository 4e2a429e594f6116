"""Messages on standard error, and the exit statuses of the command line."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer

from ganaug.cli.advice import message_of
from ganaug.errors import GanaugError, GanaugWarning

ERROR, INTERRUPTED, PIPE_CLOSED = 1, 130, 141
"""Exit statuses; shells report the last two after SIGINT (128 + 2) and SIGPIPE (128 + 13)."""


def say(message: str, kind: str = "") -> None:
    """Write one line to standard error."""
    line = " ".join(message.split())
    typer.echo(f"ganaug: {kind}: {line}" if kind else f"ganaug: {line}", err=True)


@contextmanager
def session(debug: bool) -> Iterator[None]:
    """Turn errors and warnings of a command into one line each, and errors into an exit status.

    Parameters
    ----------
    debug : bool
        Raise errors with their traceback, and show the warnings of other libraries too.
    """
    with warnings.catch_warnings():
        if not debug:
            warnings.simplefilter("ignore")
        warnings.simplefilter("always", GanaugWarning)
        warnings.showwarning = _show_warning  # type: ignore[assignment]
        try:
            yield
            sys.stdout.flush()
        except BrokenPipeError:
            _silence_stdout()
            raise typer.Exit(PIPE_CLOSED) from None
        except KeyboardInterrupt:
            say("interrupted", "error")
            raise typer.Exit(INTERRUPTED) from None
        except (typer.Exit, typer.BadParameter):
            raise
        except Exception as error:
            if debug:
                raise
            say(_explain(error), "error")
            raise typer.Exit(ERROR) from None


def _show_warning(message: Warning | str, category: type[Warning], *_: Any) -> None:
    ours = issubclass(category, GanaugWarning)
    say(str(message) if ours else f"{category.__name__}: {message}", "warning")


def _explain(error: Exception) -> str:
    if isinstance(error, GanaugError):
        return message_of(error)
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, MemoryError):
        return "out of memory"
    return f"unexpected {type(error).__name__}: {error} (--debug shows where)"


def _silence_stdout() -> None:
    """Redirect standard output to nowhere; the interpreter flushes it at exit, which would fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
