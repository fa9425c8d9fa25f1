"""Commands that compute here ask a child process, so that the command line itself loads nothing heavy."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import deque
from threading import Thread
from typing import IO

import click

from ..api.values import Json, JsonMap
from ..errors import HintedError

__all__ = ["ask_child", "maps", "number_of"]


def ask_child(command: list[str], content: bytes, doing: str) -> JsonMap:
    """The one JSON object that a child answers with; its complaint becomes ours."""
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        last: deque[str] = deque(maxlen=1)
        watcher = Thread(target=_watch, args=(child.stderr, doing, last), daemon=True)
        watcher.start()
        try:
            child.stdin.write(content)
            child.stdin.close()
        except BrokenPipeError:
            pass  # it died at once; what it said comes next
        said = child.stdout.read()
        watcher.join()
    try:
        answer = json.loads(said)
    except ValueError:
        words = last[0] if last else f"exit code {child.returncode}"
        hint = "is the installation complete? `make install`"
        raise HintedError(f"{command[3]} failed: {words}", hint) from None
    if "error" in answer:
        raise HintedError(str(answer["error"]))
    found: JsonMap = answer
    return found


def _watch(stream: IO[bytes], doing: str, last: deque[str]) -> None:
    """Show a child's `done/all` lines as one moving line on a terminal, and keep its last other line."""
    moving = bool(doing) and sys.stderr.isatty()
    for line in stream:
        text = line.decode("utf-8", "replace").rstrip("\n")
        if not text.replace("/", "").isdigit():
            last.append(text)
        elif moving:
            click.echo(f"\r{doing} {text} ", nl=False, err=True)
    if moving:
        click.echo("\r" + " " * 40 + "\r", nl=False, err=True)


def number_of(value: Json) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def maps(value: Json) -> list[JsonMap]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
