"""Turning what strangers wrote into quoted data for a prompt.

One line of JSON per item: a line break, a quotation mark or a control character in a peer's text is escaped,
so it cannot leave its string, its line or the block; and the block's marks carry a random code that a peer
cannot know. Text is cut to a length that leaves room for everybody. This does not make a model immune to
what it reads; it makes sure that it can tell data from orders, and the answer is checked as if it came from
an enemy anyway: the worst that a persuaded model can do is to propose a bad recipe.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

__all__ = ["Field", "fill", "quoted"]

Field: TypeAlias = "str | float | bool | None"

_MAX_STRING = 300  # characters of one string


def quoted(kind: str, fields: Mapping[str, Field]) -> str:
    """One line of data."""
    return json.dumps({"kind": kind, **{name: _short(value) for name, value in fields.items()}})


def _short(value: Field) -> Field:
    if isinstance(value, str):
        return value if len(value) <= _MAX_STRING else value[:_MAX_STRING] + "..."
    if isinstance(value, float):
        return float(f"{value:.4g}")
    return value


def fill(groups: Iterable[Iterator[str]], room: int) -> list[list[str]]:
    """Lines of each group as far as they fit into `room` characters: the groups take turns, in order.

    So no group, however long, leaves another one without its first lines.
    """
    waiting = [(place, iter(group)) for place, group in enumerate(groups)]
    chosen: list[list[str]] = [[] for _ in waiting]
    while waiting:
        still = []
        for place, lines in waiting:
            line = next(lines, None)
            if line is None or len(line) + 1 > room:
                continue
            room -= len(line) + 1
            chosen[place].append(line)
            still.append((place, lines))
        waiting = still
    return chosen
