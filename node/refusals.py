"""The operator's refuse-list on the disk: one author id a line, in `<state>/refused.txt`.

It is a file beside the database and not a part of it, so that it outlives a repair, and can be read and
edited while the daemon is down.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from leaderboard.errors import PeerError
from leaderboard.ids import AuthorId, from_text, to_text

from .errors import Misuse
from .files import read_file, replace_file

__all__ = ["load", "save"]

_MOST_BYTES = 1 << 20


def load(path: Path) -> frozenset[AuthorId]:
    """The authors whose records this node leaves out; Misuse names the line that is none."""
    try:
        lines = read_file(path, _MOST_BYTES).decode("utf-8", "replace").splitlines()
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
    replace_file(path, "".join(f"{to_text(author)}\n" for author in sorted(authors)))
