"""A recipe on the command line: `--slot NAME=EXPR` and `--set NAME=VALUE` where it differs, and its files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import click

from ..files import read_file

__all__ = ["pair_of", "recipe_options", "text_of", "value_of"]

P = ParamSpec("P")
T = TypeVar("T")

_MOST_BYTES = 100_000
"""Of a recipe or a program in a file: three times what a program may have in canonical form."""


def recipe_options(command: Callable[P, T]) -> Callable[P, T]:
    """Give a command the arguments `slots` and `settings`."""
    slot = click.option(
        "--slot", "slots", multiple=True, metavar="NAME=EXPR", help="An expression, e.g. init_std=..."
    )
    setting = click.option(
        "--set", "settings", multiple=True, metavar="NAME=VALUE", help="A setting, e.g. lr=0.02."
    )
    return slot(setting(command))


def pair_of(text: str) -> tuple[str, str]:
    """NAME=VALUE taken apart; a usage error if it is something else."""
    name, separator, value = text.partition("=")
    if not separator or not name.strip():
        raise click.UsageError(f"{text!r} is not NAME=VALUE")
    return name.strip(), value.strip()


def text_of(file: Path) -> str:
    """A recipe or a program; Misuse if it is longer than one can be or cannot be read."""
    return read_file(file, _MOST_BYTES).decode("utf-8", "replace")


def value_of(text: str) -> bool | int | float | str:
    """A setting as its type says: true and false, whole numbers, numbers, else text."""
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
