"""`logs`: the daemon's log file, for people."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import click

from ..errors import NotFound
from ..text import visible
from .group import Session, shared
from .output import say

__all__ = ["logs_command"]

_LEVELS = ("debug", "info", "warning", "error", "critical")
_COLOURS = {"warning": "yellow", "error": "red", "critical": "red"}
_LEADING = ("timestamp", "level", "part", "event")
_TRACES = ("exception", "traceback")
_POLL_S = 0.2


@click.command("logs")
@click.option("-n", "--lines", default=30, show_default=True, type=click.IntRange(0), help="Last lines.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is logged from now on.")
@click.option("--level", type=click.Choice(_LEVELS), default="debug", help="Least level to show.")
@shared
def logs_command(session: Session, lines: int, follow: bool, level: str) -> None:
    """What the daemon logged. With --json, the lines as they are in the file."""
    path, position = session.home.log, 0
    if not path.exists():
        raise NotFound(f"there is no log at {path}", "it begins with the first `consilience up`")
    last: deque[bytes] = deque(maxlen=lines)
    for line in _whole_lines(path, 0):
        position += len(line)
        if _passes(line, level):
            last.append(line)
    for line in last:
        _show(line, session.as_json)
    while follow:
        time.sleep(_POLL_S)
        with suppress(FileNotFoundError):  # the daemon is about to begin another file
            position = 0 if path.stat().st_size < position else position
            for line in _whole_lines(path, position):
                position += len(line)
                if _passes(line, level):
                    _show(line, session.as_json)


def _whole_lines(path: Path, position: int) -> Iterator[bytes]:
    """Lines from `position` on; one that is being written is left for the next look."""
    with path.open("rb") as file:
        file.seek(position)
        yield from (line for line in file if line.endswith(b"\n"))


def _passes(line: bytes, level: str) -> bool:
    said = _fields(line).get("level")
    return said not in _LEVELS or _LEVELS.index(said) >= _LEVELS.index(level)


def _show(line: bytes, as_json: bool) -> None:
    if as_json:
        say(line.decode("utf-8", "replace").rstrip("\n"))
        return
    fields = _fields(line)
    if not fields:
        say(visible(line.decode("utf-8", "replace").rstrip("\n")))
        return
    rest = "  ".join(f"{key}={value}" for key, value in fields.items() if key not in (*_LEADING, *_TRACES))
    moment = fields.get("timestamp", "")[11:19]
    level = fields.get("level", "")
    coloured = click.style(f"{level:8}", fg=_COLOURS.get(level))
    say(f"{moment} {coloured} {fields.get('part', ''):12} {fields.get('event', '')}  {rest}".rstrip())
    for name in _TRACES:
        for call in fields.get(name, "").splitlines():
            say(f"    {call}")


def _fields(line: bytes) -> dict[str, str]:
    """The line's fields as text that is safe to show; nothing if it is not one of ours."""
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    if not isinstance(said, dict):
        return {}
    return {visible(str(key)): visible(str(value), lines=key in _TRACES) for key, value in said.items()}
