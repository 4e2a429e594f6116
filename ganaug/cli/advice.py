"""Advice of error messages as options of the command line."""

from __future__ import annotations

from ganaug.errors import GanaugError, Remedy


def message_of(error: GanaugError) -> str:
    """Return the message of an error; its advice names options of the command line."""
    if error.remedy is None:
        return str(error)
    return f"{error.problem} {_advice(error.remedy)}"


def _advice(remedy: Remedy) -> str:
    match remedy.action:
        case "resize" if remedy.size is not None:
            height, width = remedy.size
            return f"Use --resize {height}x{width}."
        case "resize":
            return "Use --resize 64, for instance."
        case "smaller":
            return "Use --resize with a smaller size."
        case "rgb":
            return "Use --rgb to read all as RGB."
        case "skip":
            return "Repair or remove it, or use --skip-unreadable."
        case "duplicate":
            return (
                "Collect more, drop the class, or set --on-singleton duplicate to repeat the row."
            )
        # These two have no option: the files themselves have to change.
        case "repair":
            return "Repair or remove them."
        case "shrink":
            return "Remove it, or make it smaller."
