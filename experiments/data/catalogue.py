"""Where public texts are, how large they may be, and what they must hash to if that is known."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from leaderboard.errors import LocalError

__all__ = ["Source", "catalogue", "find_source"]


@dataclass(frozen=True, slots=True)
class Source:
    """A public text."""

    name: str
    title: str
    url: str
    form: str
    """`text`, `zip` (one member of an archive) or `parquet` (one column of a table)."""
    member: str
    """Name of the member or of the column; empty for `text`."""
    download_limit: int
    """Bytes; a longer download is refused before and while it is stored."""
    limit: int
    """Bytes of plain text."""
    licence: str
    download_sha256: bytes | None = None
    sha256: bytes | None = None
    """Of the plain text; None: the first download on a machine pins it."""


@cache
def catalogue() -> Mapping[str, Source]:
    """All public texts by name."""
    text = resources.files(__package__).joinpath("catalogue.toml").read_text(encoding="utf-8")
    return {name: _source(name, table) for name, table in tomllib.loads(text).items()}


def find_source(name: str) -> Source:
    """The public text of that name; LocalError names those there are."""
    if (source := catalogue().get(name)) is None:
        raise LocalError(
            f"no public text is called {name[:64]!r}; there are: {', '.join(sorted(catalogue()))}"
        )
    return source


def _source(name: str, table: Mapping[str, str | int]) -> Source:
    def text(key: str) -> str:
        return str(table.get(key, ""))

    def digest(key: str) -> bytes | None:
        return bytes.fromhex(text(key)) if key in table else None

    return Source(
        name=name,
        title=text("title"),
        url=text("url"),
        form=text("form"),
        member=text("member"),
        download_limit=int(table["download_limit"]),
        limit=int(table["limit"]),
        licence=text("licence"),
        download_sha256=digest("download_sha256"),
        sha256=digest("sha256"),
    )
