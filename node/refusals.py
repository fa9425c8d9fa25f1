"""The operator's refuse-list on the disk: one author id a line, in `<state>/refused.txt`.

It is a file beside the database and not a part of it, so that it outlives a repair, and can be read and
edited while the daemon is down.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from leaderboard.errors import PeerError
from leaderboard.ids import AuthorId, from_text, to_text

from .errors import Misuse

__all__ = ["load", "save"]

_MOST_BYTES = 1 << 20


def load(path: Path) -> frozenset[AuthorId]:
    """The authors whose records this node leaves out; Misuse names the line that is none."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            lines = file.read(_MOST_BYTES).splitlines()
    except FileNotFoundError:
        return frozenset()
    authors = set()
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                authors.add(AuthorId(from_text(line.strip())))
            except PeerError:
                raise Misuse(
                    f"line {number} of {path} is not an author id", "remove it, or write the whole id"
                ) from None
    return frozenset(authors)


def save(path: Path, authors: Collection[AuthorId]) -> None:
    """Replace the list, all or nothing; durable on return."""
    fresh = path.with_name(path.name + ".new")
    with fresh.open("w", encoding="utf-8") as file:
        file.writelines(f"{to_text(author)}\n" for author in sorted(authors))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
