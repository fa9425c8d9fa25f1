"""Finds records in the pages of a damaged database without asking SQLite where they are.

A B-tree that lost its root or an inner page hides thousands of sound records behind it, and a log (`-wal`)
whose checksums break in the middle hides every page after that. So the files are read page by page: whatever
looks like a leaf of a table, at its place in the file or as a frame of the log, is taken apart into cells
(SQLite file format, sections 1.6 and 2.1), long ones followed through their overflow pages, and every value
that may be a record is handed out with its row number. Nothing here is believed: old copies of pages and
chance finds are sorted out by whoever verifies the signatures.

Memory is bounded by one record; time is that of reading the files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from leaderboard.codec import MAX_RECORD_BYTES

__all__ = ["salvage"]

_LEAF = 0x0D
_FRAME_HEADER, _LOG_HEADER = 24, 32
_USUAL_PAGE = 4096
_BEGINNING = b"\x93\x01\xc4", b"\x93\x01\xc5"
"""How every envelope of version 1 begins: an array of three, the version, the body's length."""


def salvage(path: Path) -> Iterator[bytes]:
    """Everything in the database at `path` and in its log that looks like a record, some of it repeatedly."""
    size = _page_size(path)
    with path.open("rb") as file:
        yield from _file_records(_Pages(file.fileno(), path.stat().st_size, size))
    log = path.with_name(path.name + "-wal")
    if log.exists():
        with log.open("rb") as file, path.open("rb") as base:
            pages = _Pages(base.fileno(), path.stat().st_size, size)
            file.seek(_LOG_HEADER)
            while len(frame := file.read(_FRAME_HEADER + size)) > _FRAME_HEADER:
                yield from _leaf_records(frame[_FRAME_HEADER:], 0, pages)


class _Pages:
    """Pages by number, counted from 1; what lies beyond the end is empty."""

    def __init__(self, descriptor: int, length: int, size: int) -> None:
        self.size = size
        self.count = -(-length // size)
        self._descriptor = descriptor

    def __getitem__(self, number: int) -> bytes:

        return os.pread(self._descriptor, self.size, (number - 1) * self.size)


def _page_size(path: Path) -> int:
    with path.open("rb") as file:
        head = file.read(18)
    size = int.from_bytes(head[16:18], "big")
    size = 65_536 if size == 1 else size
    return size if size >= 512 and size & (size - 1) == 0 else _USUAL_PAGE


def _file_records(pages: _Pages) -> Iterator[bytes]:
    for number in range(1, pages.count + 1):
        yield from _leaf_records(pages[number], 100 if number == 1 else 0, pages)


def _leaf_records(page: bytes, start: int, pages: _Pages) -> Iterator[bytes]:
    if len(page) < start + 8 or page[start] != _LEAF:
        return
    cells = int.from_bytes(page[start + 3 : start + 5], "big")
    for index in range(min(cells, (len(page) - start - 8) // 2)):
        place = start + 8 + 2 * index
        record = _record(page, int.from_bytes(page[place : place + 2], "big"), pages)
        if record is not None:
            yield record


def _record(page: bytes, at: int, pages: _Pages) -> bytes | None:
    """The blob of one cell if it may be an envelope: (header length, row as NULL, blob)."""
    length, at = _varint(page, at)
    _, at = _varint(page, at)  # the row number
    if not 4 < length <= MAX_RECORD_BYTES + 16:
        return None
    payload = _payload(page, at, length, pages)
    header, first = _varint(payload, 0)
    if not 0 < header <= 12:
        return None
    _, second = _varint(payload, first)  # the row again, as NULL: its number stands in the cell
    kind, _ = _varint(payload, second)
    blob = payload[header:]
    if kind < 12 or kind % 2 or (kind - 12) // 2 != len(blob) or not blob.startswith(_BEGINNING):
        return None
    return blob


def _payload(page: bytes, at: int, length: int, pages: _Pages) -> bytes:
    """The bytes of a cell, followed through overflow pages (file format, section 1.6)."""
    usable = pages.size
    most = usable - 35
    if length <= most:
        return page[at : at + length]
    least = (usable - 12) * 32 // 255 - 23
    local = least + (length - least) % (usable - 4)
    local = local if local <= most else least
    found = page[at : at + local]
    following = int.from_bytes(page[at + local : at + local + 4], "big")
    while len(found) < length and 0 < following <= pages.count:
        overflow = pages[following]
        found += overflow[4 : 4 + length - len(found)]
        following = int.from_bytes(overflow[:4], "big")
        if len(overflow) < usable:
            break
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number and where it ends; whatever stands at the end of the data if it does not."""
    value = 0
    for index in range(at, min(at + 8, len(data))):
        value = value << 7 | data[index] & 0x7F
        if data[index] < 0x80:
            return value, index + 1
    return value, min(at + 9, len(data))
