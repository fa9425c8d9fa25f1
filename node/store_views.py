"""Where the standings rest: tables in a SQLite file beside the records, which is nothing but a cache.

All changes since the last `save` are one open transaction, and `save` writes with them the row of the log up
to which they go. A kill at any instruction therefore leaves the tables as they were at some row, and only
what came after it has to be folded again. The file belongs to one version of our code, one policy and one
refuse-list (its *edition*) and to one log (the id of the record at its row): where any of these differ, or
SQLite or a checksum finds damage, it is thrown away and built again from the log. `synchronous=NORMAL` is
enough for that: after a power cut the file is older than it was, never torn.

Values are read once and kept while there is room; changed ones are written together, before the next scan of
their table or the next save. A row carries the CRC-32 of its key and value, because a flipped bit in a
number would otherwise be believed for ever.

`get` may be called from any thread, everything else from one.
"""

from __future__ import annotations

import sqlite3
import threading
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

import msgpack

from leaderboard.errors import PeerError
from leaderboard.ids import ContentId
from leaderboard.tables import Codec, Table

from .errors import StoreBroken
from .store_schema import translated

__all__ = ["ViewFile", "ViewsBroken", "inspect"]

V = TypeVar("V")

_FORMAT = 1
_APPLICATION_ID = 0x434F4E56  # "CONV"
_CACHE_KIB = 16 * 1024
_MOST_KEPT = 4_096
"""Values of one table in memory: some two megabytes at most."""
_FIRST_PAGE, _PAGE = 16, 256
_BEYOND = b"\xff" * 128
_UNREAD: Any = object()
"""Stands for a value that is not in memory; None is one that the file does not have."""
_FOREIGN = (
    msgpack.UnpackException,
    PeerError,
    AssertionError,
    IndexError,
    OverflowError,
    TypeError,
    ValueError,
)
"""What a codec raises on bytes that it has not written."""


class ViewsBroken(StoreBroken):
    """The file of views cannot be used any longer: build it again."""


@contextmanager
def _own(path: Path) -> Iterator[None]:
    try:
        with translated(path):
            yield
    except StoreBroken as error:
        raise ViewsBroken(str(error), "it is built again from the records") from error


class ViewFile:
    """Tables of one set of views. Implements `leaderboard.tables.Tables`."""

    def __init__(self, path: Path, edition: bytes) -> None:
        """Open what is there if it is of this `edition`, else begin with empty tables."""
        self._path = path
        self._edition = edition
        self.lock = threading.RLock()
        self._tables: dict[str, _FileTable[Any]] = {}
        self._connection = _connect(path)
        self.row = 0
        """The log is folded up to this row."""
        self.at: ContentId | None = None
        """The record in that row."""
        self._there: set[str] = set()
        """Tables that the file had when it was opened."""
        if not self._recall():
            self._begin_again()

    def close(self) -> None:
        """Forget what was not saved, and close."""
        with self.lock:
            self._connection.close()

    def table(self, name: str, codec: Codec[V]) -> Table[V]:
        """The table of that name, empty if it is new."""
        if name not in self._tables:
            if name not in self._there:
                columns = "(key BLOB PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID"
                self.execute(f'CREATE TABLE IF NOT EXISTS "{name}" {columns}')
            self._tables[name] = _FileTable(self, name, codec)
        return cast("_FileTable[V]", self._tables[name])

    def save(self, row: int, at: ContentId | None) -> None:
        """Keep everything up to here; `at` is the record in `row`."""
        with self.lock:
            for table in self._tables.values():
                table.flush()
            self.change('INSERT OR REPLACE INTO "about" VALUES (?, ?)', [("row", row), ("at", at)])
            self.execute("COMMIT")
            self.row, self.at = row, at

    def fold_log(self) -> None:
        """Move what was saved from SQLite's log into the file; may run beside everything else."""
        with _own(self._path), closing(_connect(self._path)) as other:
            other.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def execute(self, statement: str, parameters: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        """Rows of a query, or nothing."""
        with self.lock:
            try:
                return self._connection.execute(statement, parameters).fetchall()
            except sqlite3.DatabaseError:  # asked for here, and not around it: this runs four times a record
                with _own(self._path):
                    raise

    def change(self, statement: str, rows: list[tuple[object, ...]]) -> None:
        """Run a statement for each of `rows`, within the transaction that the next save ends."""
        with self.lock:
            try:
                if not self._connection.in_transaction:
                    self._connection.execute("BEGIN")
                self._connection.executemany(statement, rows)
            except sqlite3.DatabaseError:
                with _own(self._path):
                    raise

    def broken(self, name: str) -> ViewsBroken:
        """The error for a value that cannot be what was written."""
        return ViewsBroken(f"{self._path}: table {name} is damaged", "it is built again from the records")

    def _recall(self) -> bool:
        """Read what the file says about itself; False if it is not of use."""
        try:
            (application,) = self._connection.execute("PRAGMA application_id").fetchone()
            if application != _APPLICATION_ID:
                return False
            about = dict(self._connection.execute("SELECT key, value FROM about"))
            self._there = {name for (name,) in self._connection.execute("SELECT name FROM sqlite_schema")}
        except sqlite3.DatabaseError:
            return False
        row, at = about.get("row", 0), about.get("at")
        if about.get("edition") != self._edition or not isinstance(row, int):
            return False
        self.row, self.at = row, None if at is None else ContentId(at)
        return True

    def _begin_again(self) -> None:
        self._connection.close()
        self._there = set()
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        self._connection = _connect(self._path)
        with _own(self._path):
            self._connection.execute(
                "CREATE TABLE about (key TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID"
            )
            self._connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            self._connection.execute("INSERT INTO about VALUES ('edition', ?)", (self._edition,))


def inspect(path: Path) -> str:
    """What is wrong with a file of views, by its structure and every checksum; empty if nothing is."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                return str(verdict)
            names = [
                name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
            ]
            for name in names:
                if name != "about":
                    for key, row in connection.execute(f'SELECT key, value FROM "{name}"'):  # noqa: S608
                        if not _is_sound(key, row):
                            return f"table {name} is damaged"
    except sqlite3.DatabaseError as error:
        return str(error)
    return ""


def _is_sound(key: bytes, row: bytes) -> bool:
    return zlib.crc32(row[:-4], zlib.crc32(key)).to_bytes(4, "big") == row[-4:]


class _FileTable(Generic[V]):
    def __init__(self, file: ViewFile, name: str, codec: Codec[V]) -> None:
        self._file = file
        self._lock = file.lock
        self._name = name
        self._codec = codec
        self._values: dict[bytes, V | None] = {}
        """As in the file or newer; None where the file has no such key."""
        self._changed: set[bytes] = set()
        self._select = f'SELECT value FROM "{name}" WHERE key = ?'  # noqa: S608 - our own names
        self._put = f'INSERT OR REPLACE INTO "{name}" VALUES (?, ?)'  # noqa: S608
        self._delete = f'DELETE FROM "{name}" WHERE key = ?'  # noqa: S608
        between = f'SELECT key, value FROM "{name}" WHERE key >= ? AND key < ? ORDER BY key'  # noqa: S608
        self._upwards, self._downwards = between + " LIMIT ?", between + " DESC LIMIT ?"

    def get(self, key: bytes) -> V | None:
        with self._lock:
            value = self._values.get(key, _UNREAD)
            if value is not _UNREAD:
                return value
            rows = self._file.execute(self._select, (key,))
            value = self._values[key] = self._read(key, rows[0][0]) if rows else None
            if len(self._values) > _MOST_KEPT:
                self._make_room()
            return value

    def put(self, key: bytes, value: V) -> None:
        with self._lock:
            self._values[key] = value
            self._changed.add(key)
            if len(self._values) > _MOST_KEPT:
                self._make_room()

    def drop(self, key: bytes) -> None:
        with self._lock:
            if self.get(key) is not None:
                self._values[key] = None
                self._changed.add(key)

    def scan(self, prefix: bytes, *, backwards: bool = False) -> Iterator[tuple[bytes, V]]:
        """Page by page, so that no statement stays open and no lock is held meanwhile."""
        low, high, most = prefix, prefix + _BEYOND, _FIRST_PAGE
        self.flush()
        while True:
            page = self._file.execute(self._downwards if backwards else self._upwards, (low, high, most))
            for key, value in page:
                yield key, self._read(key, value)
            if len(page) < most:
                return
            if backwards:
                high = page[-1][0]
            else:
                low = page[-1][0] + b"\x00"
            most = _PAGE

    def flush(self) -> None:
        """Write what changed."""
        with self._lock:
            if not self._changed:
                return
            puts: list[tuple[object, ...]] = []
            deletions: list[tuple[object, ...]] = []
            for key in sorted(self._changed):
                value = self._values[key]
                if value is None:
                    deletions.append((key,))
                else:
                    puts.append((key, self._written(key, value)))
            if puts:
                self._file.change(self._put, puts)
            if deletions:
                self._file.change(self._delete, deletions)
            self._changed.clear()

    def _make_room(self) -> None:
        self.flush()
        self._values.clear()

    def _written(self, key: bytes, value: V) -> bytes:
        data = self._codec.write(value)
        return data + zlib.crc32(data, zlib.crc32(key)).to_bytes(4, "big")

    def _read(self, key: bytes, row: bytes) -> V:
        data = row[:-4]
        if not _is_sound(key, row):
            raise self._file.broken(self._name)
        try:
            return self._codec.read(data)
        except _FOREIGN:
            raise self._file.broken(self._name) from None


def _connect(path: Path) -> sqlite3.Connection:
    with translated(path):
        connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, cached_statements=512
        )
        with suppress(sqlite3.DatabaseError):  # whoever reads next finds out that it is no database
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    return connection
