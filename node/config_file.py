"""Changing a few dials in `config.toml` and nothing else: comments, order and other dials stay as they are.

A dial's line, commented out or in force, is replaced where it stands; one that has no line gets one at the
end of its section, and a missing section is added. What comes out is read again as configuration before it
replaces the file, in one step, so that a mistake changes nothing.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping

from .config import load, spelled, template
from .errors import Misuse
from .files import make_folder, replace_file
from .home import Home

__all__ = ["set_dials"]


def set_dials(home: Home, settings: Mapping[str, object]) -> None:
    """Write `settings` (`section.key` to value) into the configuration file, made anew if there is none.

    Raises Misuse if the file or a value is not valid; then nothing has changed.
    """
    load(home, {}, settings)  # a mistake is named in the words of the dial that it is about
    try:
        text = home.config.read_text(encoding="utf-8")
    except FileNotFoundError:
        text = ""
    changed = _with(text, settings) if text else template(settings)
    _check(changed, settings)
    make_folder(home.path)
    replace_file(home.config, changed)


def _with(text: str, settings: Mapping[str, object]) -> str:
    lines = text.splitlines()
    for name, value in settings.items():
        section, _, key = name.partition(".")
        _set(lines, section, f"{key} = {spelled(value)}", key)
    return "\n".join(lines) + "\n"


def _set(lines: list[str], section: str, line: str, key: str) -> None:
    heads = [number for number, text in enumerate(lines) if re.match(r"\s*\[", text)]
    start = next((number for number in heads if re.match(rf"\s*\[\s*{section}\s*\]", lines[number])), None)
    if start is None:
        lines += ["", f"[{section}]", line]
        return
    end = next((number for number in heads if number > start), len(lines))
    in_force, commented_out = rf"\s*{key}\s*=", rf"#\s*{key}\s*="
    for pattern in (in_force, commented_out):
        for number in range(start + 1, end):
            if re.match(pattern, lines[number]):
                lines[number] = line
                return
    while end > start + 1 and not lines[end - 1].strip():
        end -= 1
    lines.insert(end, line)


def _check(text: str, settings: Mapping[str, object]) -> None:
    """The file must say what was wanted: a dial that spans lines, say, is left to a person."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        tables = {}
    for name, value in settings.items():
        section, _, key = name.partition(".")
        table = tables.get(section)
        if not isinstance(table, dict) or table.get(key) != value:
            raise Misuse(f"`{name}` cannot be set in this file", "set it by hand: docs/configuration.md")
