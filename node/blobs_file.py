"""A blob's file, and the writing of one: eight bytes of size, the digests, then each chunk at its place."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from leaderboard.blob import CHUNK_BYTES, MAX_BLOB_BYTES, BlobHead
from leaderboard.errors import PeerError, Refused
from leaderboard.ids import short

__all__ = ["DIGEST_BYTES", "SIZE_BYTES", "IncomingFile", "file_bytes", "read_head", "start_of"]

SIZE_BYTES = 8
DIGEST_BYTES = 32


def start_of(size: int) -> int:
    """Where the chunks of a blob of `size` bytes begin in its file."""
    return SIZE_BYTES + DIGEST_BYTES * -(-size // CHUNK_BYTES)


def file_bytes(head: BlobHead) -> int:
    """The length of a blob's file."""
    return start_of(head.size) + head.size


def read_head(file: BinaryIO) -> BlobHead | None:
    """The head at the start of a blob's file, as it stands there; None if it is none."""
    size = int.from_bytes(file.read(SIZE_BYTES), "big")
    if size > MAX_BLOB_BYTES:
        return None
    with suppress(PeerError):
        return BlobHead(size, file.read(start_of(size) - SIZE_BYTES))
    return None


class IncomingFile:
    """A blob that is being written, in the order in which its chunks come.

    `have`: the chunks that an earlier fetch left in the file; they have been checked.
    """

    def __init__(
        self,
        head: BlobHead,
        path: Path,
        *,
        settle: Callable[[Path], None],
        leave: Callable[[Path, bool], None],
    ) -> None:
        """Write to `path`, and go on with what is in it. `settle` makes the finished file visible; `leave`
        hears of the end, and whether the file is worth keeping for the next fetch."""
        self._head = head
        self._path = path
        self._settle = settle
        self._leave = leave
        try:
            self._file = path.open("r+b" if path.exists() else "x+b")
        except OSError as error:
            raise Refused(f"cannot write a blob to {path.parent}: {error.strerror}") from None
        self._open = True
        self._useful = False
        self.have = self._written()
        self._place(0, head.size.to_bytes(SIZE_BYTES, "big") + head.digests)

    def write(self, index: int, chunk: bytes) -> None:
        """Keep a chunk; Refused if it is not the blob's, or the disk is full."""
        if not self._head.holds(index, chunk):
            raise Refused(f"a chunk that is not of blob {short(self._head.id)}")
        self._place(start_of(self._head.size) + index * CHUNK_BYTES, chunk)
        self._useful = True

    def keep(self) -> None:
        """Make the blob durable, then visible."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._settle(self._path)
        except OSError as error:
            self._useful = False
            raise Refused(f"cannot keep a blob: {error.strerror}") from None

    def drop(self) -> None:
        """Stop writing; harmless after `keep` and when repeated. What was fetched so far stays for the next
        fetch, unless the disk failed us."""
        if self._open:
            self._open = False
            with suppress(OSError):  # what could not be flushed will be fetched again
                self._file.close()
            self._leave(self._path, self._useful)

    def _written(self) -> frozenset[int]:
        """The chunks that stand in the file; anything beyond the end is cut off."""
        try:
            self._file.truncate(min(os.fstat(self._file.fileno()).st_size, file_bytes(self._head)))
            self._file.seek(start_of(self._head.size))
            chunks = iter(lambda: self._file.read(CHUNK_BYTES), b"")
            found = frozenset(i for i, chunk in enumerate(chunks) if self._head.holds(i, chunk))
        except OSError:  # a file that cannot be read holds nothing
            found = frozenset()
        self._useful = bool(found)
        return found

    def _place(self, offset: int, data: bytes) -> None:
        try:
            self._file.seek(offset)
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            self._useful = False
            raise Refused(f"cannot write a blob: {error.strerror}") from None
