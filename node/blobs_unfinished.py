"""What fetches that stopped half way left on the disk, so that the next one goes on from there.

A node goes down, is killed, or finds no peer with the rest: the file stays in `partial/`, named by the blob's
id and some random digits. Nothing is noted about what it holds. Whoever goes on reads it and believes each
chunk that has its digest, so there is nothing that a crash or a stranger could make wrong.

The store holds its lock around every call, counts these bytes, and makes room of these files first.
"""

from __future__ import annotations

import secrets
from collections.abc import Container
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

from leaderboard.blob import BlobId
from leaderboard.errors import PeerError
from leaderboard.ids import from_text, to_text

__all__ = ["Unfinished"]

_MOST = 64
"""Stopped fetches that are kept, however small; those that rested longest go first."""


@dataclass(frozen=True, slots=True)
class _Stopped:
    path: Path
    bytes: int


class Unfinished:
    """The files in `partial/` that nobody is writing to, the one that rested longest first."""

    def __init__(self, folder: Path, whole: Container[BlobId]) -> None:
        """Index what is there; what is of no use (blobs that are `whole` meanwhile, drafts) is removed."""
        self._folder = folder
        self._stopped: dict[BlobId, _Stopped] = {}
        files = [(path.lstat(), path) for path in folder.iterdir()]
        for status, path in sorted(files, key=lambda item: item[0].st_mtime_ns):
            with suppress(PeerError):
                blob = BlobId(from_text(path.name.partition(".")[0]))
                if S_ISREG(status.st_mode) and blob not in whole:
                    self.keep(blob, path)
                    continue
            path.unlink()

    @property
    def size_bytes(self) -> int:
        """Bytes of all of them."""
        return sum(stopped.bytes for stopped in self._stopped.values())

    def path(self, blob: BlobId, *, own: bool) -> Path:
        """Where to write: a name of its own for each writer. What is our `own` is never gone on with."""
        return self._folder / f"{'own' if own else to_text(blob)}.{secrets.token_hex(8)}"

    def take(self, blob: BlobId) -> Path | None:
        """The file to go on with, which now belongs to the caller."""
        stopped = self._stopped.pop(blob, None)
        return None if stopped is None else stopped.path

    def keep(self, blob: BlobId, path: Path) -> None:
        """Keep a file that somebody stopped writing to; of two for one blob, the larger."""
        other = self._stopped.pop(blob, None)
        stopped = _Stopped(path, path.stat().st_size)
        if other is not None:
            less, stopped = sorted((other, stopped), key=lambda s: s.bytes)
            less.path.unlink(missing_ok=True)
        self._stopped[blob] = stopped
        if len(self._stopped) > _MOST:
            self.give_up(next(iter(self._stopped)))

    def give_up(self, blob: BlobId) -> None:
        """Remove what there is of a blob."""
        path = self.take(blob)
        if path is not None:
            path.unlink(missing_ok=True)

    def make_room(self, short_of: int) -> int:
        """Remove files until `short_of` bytes are free; how many then still are not, 0 or less if none."""
        while short_of > 0 and self._stopped:
            blob = next(iter(self._stopped))
            short_of -= self._stopped[blob].bytes
            self.give_up(blob)
        return short_of
