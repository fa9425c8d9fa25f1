"""How the CLI speaks: escaped text, plain tables, ages, JSON, errors.

Tables are drawn here instead of by rich's Table, whose import alone costs 45 ms of CPU, a third of what a
command may use; of rich comes the width of characters, which no table gets right by counting them.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Sequence

import click
from rich.cells import cell_len, set_cell_size

from leaderboard.errors import ConsilienceError

from ..errors import hint_of
from ..text import visible
from ..typed import plain

__all__ = [
    "age",
    "amount",
    "note",
    "print_json",
    "report_error",
    "say",
    "short_id",
    "style",
    "table",
    "width",
]

_SHORT = 10
_GAP = "  "
_COLOURS = {
    "confirmed": "green",
    "replicated": "cyan",
    "refuted": "red",
    "unstable": "yellow",
    "retracted": "bright_black",
    "claimed": "bright_black",
    "measured": "bright_black",
    "running": "green",
    "failed": "red",
    "waiting": "yellow",
}


def say(text: str = "") -> None:
    """A line of data on stdout; colour is dropped where nobody sees it, or where nobody wants it."""
    click.echo(text, color=_colour())


def note(text: str) -> None:
    """A line for the person at the keyboard, on stderr."""
    click.echo(text, err=True, color=_colour())


def _colour() -> bool | None:
    """False where NO_COLOR (no-color.org) says so; None leaves it to click, which asks the terminal."""
    return False if os.environ.get("NO_COLOR") else None


def print_json(value: object) -> None:
    """The answer as one JSON document; ASCII only, so that no terminal is surprised."""
    click.echo(json.dumps(plain(value), indent=2))


def report_error(error: ConsilienceError, *, as_json: bool) -> None:
    """An error on stderr, with what to do next."""
    message, hint = visible(str(error)), visible(hint_of(error))
    if as_json:
        note(json.dumps({"error": message, "hint": hint}))
        return
    note(f"{click.style('error:', fg='red', bold=True)} {message}")
    if hint:
        note(f"  {hint}")


def style(word: str) -> str:
    """A standing or a state in its colour; the word itself carries the meaning."""
    return click.style(word, fg=_COLOURS[word]) if word in _COLOURS else word


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: str = "",
    below: Sequence[Sequence[str]] = (),
) -> None:
    """Aligned columns, escaped; the last one is cut so that a line fits the terminal.

    `right` names the columns (by head) to align right, separated by spaces; `below` has, for each row, lines
    that follow it, already safe to show.
    """
    cells = [[visible(cell) for cell in row] for row in rows]
    widths = [max(cell_len(row[n]) for row in [list(head), *cells]) for n in range(len(head))]
    flush = {n for n, name in enumerate(head) if name in right.split()}
    room = max(8, width() - sum(widths[:-1]) - len(_GAP) * (len(head) - 1))
    widths[-1] = min(widths[-1], room)
    say(click.style(_line(head, widths, flush), bold=True))
    for number, row in enumerate(cells):
        say(_line(row, widths, flush))
        for line in below[number] if below else ():
            say(line)


def _line(row: Sequence[str], widths: Sequence[int], flush: set[int]) -> str:
    parts = []
    for n, (cell, size) in enumerate(zip(row, widths, strict=True)):
        spare = size - cell_len(cell)
        if spare < 0:
            parts.append(set_cell_size(cell, size - 1) + "…")
        elif n in flush:
            parts.append(" " * spare + cell)
        else:
            padded = cell if n == len(row) - 1 else cell + " " * spare
            parts.append(style(cell) + padded[len(cell) :])
    return _GAP.join(parts).rstrip()


def width() -> int:
    """Columns of the terminal; 80 where there is none."""
    return shutil.get_terminal_size((80, 24)).columns if sys.stdout.isatty() else 80


def short_id(text: str) -> str:
    return text[:_SHORT]


def amount(value: float | None) -> str:
    """A number in four digits; a dash where there is none."""
    return "-" if value is None else f"{value:.4g}"


def age(time_ms: int) -> str:
    """How long ago, in the largest unit that fits."""
    seconds = max(0, int(time.time() - time_ms / 1000))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
