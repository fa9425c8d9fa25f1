"""Blobs on the disk: one file each, under a quota, checked whenever they are read.

A file (`node.blobs_file`) is named by the blob's id. The name is never believed: what is read is checked
against the id, and a file that does not hold what its name says is removed. A file is written under
`partial/`, synced, renamed and its folder synced, so a crash shows a whole blob or none. What a fetch has
written by then stays for the next one (`node.blobs_unfinished`).

`own/` holds what this node made (programs of its own claims); it never goes away by itself, because nobody
else may have it. `fetched/` holds copies of others' blobs. When room is needed, first what is not whole goes,
then copies that no record refers to, then the others, least recently used first.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from leaderboard.blob import CHUNK_BYTES, MAX_BLOB_BYTES, BlobHead, BlobId, head_of
from leaderboard.errors import PeerError, Refused
from leaderboard.ids import from_text, to_text

from .blobs_file import DIGEST_BYTES, SIZE_BYTES, IncomingFile, file_bytes, read_head, start_of
from .blobs_unfinished import Unfinished

__all__ = ["FOLDERS", "BlobStore"]

FOLDERS = ("own", "fetched")


@dataclass(slots=True)
class _Entry:
    own: bool
    bytes: int
    """Of the file."""
    used_ns: int


class BlobStore:
    """The blobs of one node. Calls block on the disk and may come from any thread."""

    def __init__(self, path: Path, most_bytes: int) -> None:
        """`most_bytes`: the quota for all of them together."""
        self._path = path
        self._most_bytes = most_bytes
        self._lock = threading.RLock()
        self._entries: dict[BlobId, _Entry] = {}
        self._reserved = 0
        for folder in (*FOLDERS, "partial"):
            (path / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
        for folder in reversed(FOLDERS):  # what is in both, by a crash in between, is our own
            self._scan(folder)
        self._unfinished = Unfinished(path / "partial", self._entries)

    def __contains__(self, blob: BlobId) -> bool:
        return blob in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def size_bytes(self) -> int:
        """Bytes of all files, and of the room reserved for those on their way."""
        with self._lock:
            whole = sum(entry.bytes for entry in self._entries.values())
            return self._reserved + whole + self._unfinished.size_bytes

    def put(self, data: bytes) -> BlobId:
        """Keep a blob of this node's own, durable on return; Refused if it does not fit."""
        head = head_of(data)
        with self._lock:
            known = self._entries.get(head.id)
        if known is None:
            incoming = self.begin(head, own=True)
            try:
                for index in range(head.chunks):
                    incoming.write(index, data[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES])
                incoming.keep()
            finally:
                incoming.drop()
        elif not known.own:
            self._adopt(head.id, known)
        return head.id

    def get(self, blob: BlobId, most_bytes: int = MAX_BLOB_BYTES) -> bytes | None:
        """The whole blob; None if it is not here, damaged, or has more than `most_bytes`."""
        head = self.head(blob)
        if head is None or head.size > most_bytes:
            return None
        parts = [self.chunk(blob, index) for index in range(head.chunks)]
        data = b"".join(part for part in parts if part is not None)
        self._use(blob)
        return data if len(data) == head.size else None

    def head(self, blob: BlobId) -> BlobHead | None:
        """The head of a blob that is here."""
        with self._opened(blob) as file:
            if file is None:
                return None
            head = read_head(file)
        if head is None or head.id != blob:
            self._remove(blob)
            return None
        return head

    def chunk(self, blob: BlobId, index: int) -> bytes | None:
        """Chunk `index` of a blob; None beyond its end, if the blob is not here, or damaged."""
        with self._opened(blob) as file:
            if file is None:
                return None
            size = int.from_bytes(file.read(SIZE_BYTES), "big")
            if size > MAX_BLOB_BYTES or not 0 <= index * CHUNK_BYTES < size:
                return None
            file.seek(SIZE_BYTES + index * DIGEST_BYTES)
            only = BlobHead(min(CHUNK_BYTES, size - index * CHUNK_BYTES), file.read(DIGEST_BYTES))
            file.seek(start_of(size) + index * CHUNK_BYTES)
            data = file.read(CHUNK_BYTES)
        if not only.holds(0, data):
            self._remove(blob)
            return None
        return data

    def fits(self, head: BlobHead) -> bool:
        """Whether there is room without removing anything."""
        return self.size_bytes + file_bytes(head) <= self._most_bytes

    def begin(self, head: BlobHead, *, own: bool = False, referenced: Collection[bytes] = ()) -> IncomingFile:
        """Reserve room, if need be at the cost of fetched blobs, `referenced` ones last; Refused if none.

        What an earlier fetch of this blob left is gone on with, and read for that: see `IncomingFile.have`.
        """
        need = file_bytes(head)
        with self._lock:
            stopped = None if own else self._unfinished.take(head.id)  # its bytes are a part of `need`
            try:
                self._make_room(need, referenced)
            except Refused:
                if stopped is not None:
                    self._unfinished.keep(head.id, stopped)
                raise
            self._reserved += need
        path = stopped or self._unfinished.path(head.id, own=own)

        def settle(partial: Path) -> None:
            self._settle(head, partial, own=own)

        def leave(partial: Path, useful: bool) -> None:
            self._leave(head, partial, useful and not own)

        try:
            return IncomingFile(head, path, settle=settle, leave=leave)
        except Refused:
            self._leave(head, path, False)
            raise

    def _make_room(self, need: int, referenced: Collection[bytes]) -> None:
        spare = [(blob, entry) for blob, entry in self._entries.items() if not entry.own]
        spare.sort(key=lambda item: (item[0] in referenced, item[1].used_ns))
        short_of = self.size_bytes + need - self._most_bytes
        if short_of > sum(entry.bytes for _, entry in spare) + self._unfinished.size_bytes:
            raise Refused(
                f"no room for a blob of {need} bytes: {self._path} may hold {self._most_bytes}; "
                "raise `limits.blob_mb`"
            )
        short_of = self._unfinished.make_room(short_of)
        for blob, entry in spare:
            if short_of <= 0:
                return
            short_of -= entry.bytes
            self._forget(blob)

    def _settle(self, head: BlobHead, partial: Path, *, own: bool) -> None:
        """Make a whole and synced file visible."""
        folder = self._path / FOLDERS[not own]
        with self._lock:
            self._unfinished.give_up(head.id)
            known = self._entries.get(head.id)
            if known is not None and known.own >= own:
                return  # it came another way meanwhile; this copy is dropped
            self._forget(head.id)  # at most a fetched copy of what is now our own
            partial.replace(folder / to_text(head.id))
            _sync_folder(folder)
            self._entries[head.id] = _Entry(own, file_bytes(head), _stamp(folder / to_text(head.id)))

    def _leave(self, head: BlobHead, partial: Path, useful: bool) -> None:
        """Nobody writes to a file any more: it was settled, goes, or stays for the next fetch."""
        with self._lock:
            self._reserved -= file_bytes(head)
            if useful and head.id not in self._entries and partial.exists():
                self._unfinished.keep(head.id, partial)
            else:
                partial.unlink(missing_ok=True)

    def _adopt(self, blob: BlobId, entry: _Entry) -> None:
        with self._lock, suppress(FileNotFoundError):
            (self._path / "fetched" / to_text(blob)).replace(self._path / "own" / to_text(blob))
            _sync_folder(self._path / "own")
            entry.own = True

    def _use(self, blob: BlobId) -> None:
        with self._lock, suppress(OSError):
            if (entry := self._entries.get(blob)) is not None:
                os.utime(self._file(blob, entry))
                entry.used_ns = _stamp(self._file(blob, entry))

    def _opened(self, blob: BlobId) -> _Opened:
        with self._lock:
            entry = self._entries.get(blob)
            if entry is not None:
                with suppress(OSError):
                    return _Opened(self._file(blob, entry).open("rb"))
        return _Opened(None)

    def _remove(self, blob: BlobId) -> None:
        with self._lock:
            self._forget(blob)

    def _forget(self, blob: BlobId) -> None:
        entry = self._entries.pop(blob, None)
        if entry is not None:
            self._file(blob, entry).unlink(missing_ok=True)

    def _file(self, blob: BlobId, entry: _Entry) -> Path:
        return self._path / FOLDERS[not entry.own] / to_text(blob)

    def _scan(self, folder: str) -> None:
        """Index the files of a folder; what is not named by an id is none of ours and left alone."""
        for found in os.scandir(self._path / folder):
            with suppress(PeerError):
                status = found.stat(follow_symlinks=False)
                blob = BlobId(from_text(found.name))
                self._forget(blob)
                self._entries[blob] = _Entry(folder == "own", status.st_size, status.st_mtime_ns)


class _Opened:
    """`with _Opened(file) as file`, where there may be none."""

    def __init__(self, file: BinaryIO | None) -> None:
        self._file = file

    def __enter__(self) -> BinaryIO | None:
        return self._file

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()


def _stamp(path: Path) -> int:
    return path.stat().st_mtime_ns


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
