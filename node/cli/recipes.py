"""A recipe on the command line: `--slot NAME=EXPR` and `--set NAME=VALUE`, where it differs."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import click

__all__ = ["pair_of", "recipe_options", "value_of"]

P = ParamSpec("P")
T = TypeVar("T")


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
