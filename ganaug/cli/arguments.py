"""Values of command-line options, from the text that was typed."""

from __future__ import annotations

from typing import Any

import typer

from ganaug.errors import ConfigError, did_you_mean


def parse_columns(options: list[str] | None, names: list[str], target: str) -> Any:
    """Return the columns of ``--categorical``; a comma separates unless it is part of a name."""
    columns: list[str] = []
    for option in options or []:
        parts = [option] if option in names else [part.strip() for part in option.split(",")]
        columns += [part for part in parts if part and part != target]
    features = [name for name in names if name != target]
    for name in columns:
        if name not in features:
            raise ConfigError(f"--categorical: no column {name!r}; {did_you_mean(name, features)}")
    return columns or "auto"


def parse_pairs(options: list[str]) -> dict[str, int]:
    """Return LABEL=COUNT pairs; a comma separates pairs unless it is part of a label."""
    pairs: dict[str, int] = {}
    for option in options:
        parts = option.split(",")
        for part in parts if all("=" in part for part in parts) else [option]:
            label, _, number = part.rpartition("=")
            if not number.strip().isdecimal():
                raise ConfigError(f"{part!r} is not LABEL=COUNT with a count of at least 0.")
            pairs[label] = int(number)
    return pairs


def parse_strategy(options: list[str] | None, classes: list[Any]) -> Any:
    """Return ``--sampling-strategy`` in a form that imbalanced-learn accepts."""
    if not options:
        return "auto"
    if any("=" in option for option in options):
        return by_label(parse_pairs(options), classes)
    if len(options) > 1:
        raise ConfigError("Only LABEL=COUNT may be given more than once to --sampling-strategy.")
    try:
        return float(options[0])
    except ValueError:
        return options[0]


def parse_counts(options: list[str]) -> Any:
    """Return ``--count`` as a number or as a dictionary by the text of the label."""
    try:
        if any("=" in option for option in options):
            return parse_pairs(options)
    except ConfigError as error:
        raise typer.BadParameter(str(error), param_hint="--count / -n") from None
    if len(options) > 1 or not options[0].isdecimal():
        raise typer.BadParameter(
            "give one number, or LABEL=COUNT once or more", param_hint="--count / -n"
        )
    return int(options[0])


def by_label(pairs: dict[str, int], classes: list[Any]) -> dict[Any, int]:
    """Return the counts by label; on the command line a label is text, such as "1" for 1."""
    label_of = {str(label): label for label in classes}
    for text in pairs:
        if text not in label_of:
            raise ConfigError(f"There is no class {text!r}; {did_you_mean(text, label_of)}")
    return {label_of[text]: count for text, count in pairs.items()}
