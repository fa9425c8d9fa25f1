"""Where records rest: an append-only SQLite file that survives kill -9 and a power cut.

The writer is one connection under one lock: `append` commits a batch in a single transaction and returns
when the log is on the disk. Readers are other connections (WAL): each iterator reads the snapshot at which
it began and never waits for the writer. Close an iterator early (`contextlib.closing`) or run it out, so
that its connection goes back; a forgotten one keeps the log from being truncated.

Nothing here is asynchronous. The daemon calls from worker threads (`trio.to_thread.run_sync`), except for
point look-ups, which cost some ten microseconds.

Records of authors on the refuse-list stay on the disk and are `hide`den: every question but `known`, `since`
and those about chains is answered as if they were not there.

Not covered: a disk that lies about fsync, and giving back the room that hidden records take.
"""

from __future__ import annotations

import base64
import sqlite3
import threading
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import Any

from leaderboard.envelope import ChainTip, Envelope, Slip, open_envelope
from leaderboard.errors import LocalError
from leaderboard.ids import ID_BYTES, AuthorId, ContentId, SwarmId
from leaderboard.records import KINDS

from .errors import Ambiguous, Misuse, NotFound, StoreBroken
from .store_runs import add_keys, merge_runs
from .store_schema import connect, index_key, migrate, require_current, translated

__all__ = ["Store", "Stored"]

_BATCH_IDS = 500
"""Ids per `IN (...)`: SQLite parses each statement once per size, and this one is nearly always full."""
_PAGE_ROWS = 256
_PART = 64
"""Records that are written in one go while others are still being verified."""
_SPARE_READERS = 4
_TEXT_DIGITS = 52
_LEAST_PREFIX = 4
_SWARM_KEY = "swarm"


@dataclass(frozen=True, slots=True)
class Stored:
    """A record and its place in the order of arrival."""

    row: int
    envelope: Envelope


class Store:
    """The records of one swarm in one file. Implements `leaderboard.ledger.Store`."""

    def __init__(self, path: Path, swarm: SwarmId, *, read_only: bool = False) -> None:
        """Open (and create or migrate) `path`; raises StoreBroken with what to do about it."""
        self._path = path
        self._swarm = swarm
        self._lock = threading.RLock()  # whoever makes the records of a batch may ask what is known
        self._readers: list[sqlite3.Connection] = []
        self._writer: sqlite3.Connection | None = None
        self._closed = False
        self._hidden: frozenset[AuthorId] = frozenset()
        self._visible = ""
        if not read_only:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._writer = connect(path, writable=True)
            migrate(self._writer, path)
        else:
            require_current(path)
        self._bind_swarm()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection; the last one folds the log into the database file."""
        with self._lock:
            self._closed = True
            for reader in self._readers:
                reader.close()
            self._readers.clear()
            if self._writer is not None:
                self._writer.close()
                self._writer = None

    # --- writing: what the ledger calls

    def known(self, ids: Collection[ContentId]) -> set[ContentId]:
        """Which of `ids` are in the set, asked on the writer (whose cache `append` needs next)."""
        with self._lock, translated(self._path):
            return {item for _, item in _rows_of(self._writing(), ids)}

    def append(self, envelopes: Iterable[Envelope | Slip]) -> None:
        """Add records that are not in the set, all or none; on return they are on the disk.

        They are written as they come, so that whoever makes them can go on meanwhile.
        """
        items = iter(envelopes)
        with self._lock, translated(self._path):
            writer = self._writing()
            first = row = _last_row(writer)
            writer.execute("BEGIN IMMEDIATE")
            try:
                while part := list(enumerate(islice(items, _PART), row + 1)):
                    _write(writer, part)
                    row = part[-1][0]
                merge_runs(writer, first, row)
                writer.execute("COMMIT")
            except BaseException:
                if writer.in_transaction:  # a full disk rolls back by itself
                    writer.execute("ROLLBACK")
                raise

    def hide(self, authors: Collection[AuthorId]) -> None:
        """Answer from now on as if these authors, and no others, had no records here."""
        keys = ", ".join(str(index_key(author)) for author in authors)
        self._hidden = frozenset(authors)
        self._visible = f" AND author NOT IN ({keys})" if keys else ""

    # --- reading: points

    def count(self) -> int:
        """Number of records, which is also the last row: rows are never deleted."""
        with self._reading() as reader:
            return _last_row(reader)

    def hidden_count(self) -> int:
        """Number of hidden records; a scan if there are any."""
        if not self._hidden:
            return 0
        with self._reading() as reader:
            (visible,) = reader.execute(f"SELECT count(*) FROM records WHERE 1{self._visible}").fetchone()  # noqa: S608
            return _last_row(reader) - int(visible)

    def holds(self, low: bytes, high: bytes) -> bool:
        """Whether a record, hidden or not, has an id in [low, high); an empty `high` means no bound."""
        with closing(self._ids_between(low, high or b"\xff" * (ID_BYTES + 1), "")) as ids:
            return any(item != high for item in ids)

    def size_bytes(self) -> int:
        """Bytes on disk, log included."""
        files = (self._path, self._path.with_name(self._path.name + "-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def raw(self, ids: Collection[ContentId]) -> dict[ContentId, bytes]:
        """Wire bytes of those of `ids` that are in the set."""
        with self._reading() as reader:
            rows = list(_rows_of(reader, ids, self._visible))
            return {item: _body(reader, row) for row, item in rows}

    def opened(self, item: Envelope | Slip) -> Envelope:
        """The record itself, where another process has opened it."""
        return item if isinstance(item, Envelope) else self._open(item.raw)

    def envelopes(self, ids: Sequence[ContentId]) -> list[Envelope]:
        """The records of `ids` in that order, unknown ones left out."""
        found = self.raw(ids)
        return [self._open(found[item]) for item in ids if item in found]

    def find(self, prefix: str) -> ContentId:
        """The one id that starts with `prefix` (base32 text); raises NotFound, Ambiguous or Misuse."""
        low, high = _text_range(prefix)
        with closing(self._ids_between(low, high, self._visible)) as ids:
            found = list(islice(ids, 2))
        if not found:
            raise NotFound(f"no record starts with {prefix!r}", "it may not have reached this node yet")
        if len(found) > 1:
            raise Ambiguous(f"more than one record starts with {prefix!r}", "give more characters of the id")
        return found[0]

    def tips(self, author: AuthorId) -> list[ChainTip]:
        """The last record of each of an author's chains, the most recently received one last; a scan."""
        # With a lone max(), SQLite takes the other columns from the row that holds the maximum.
        query = "SELECT row, max(seq) FROM records WHERE author = ? GROUP BY chain"
        with self._reading() as reader:
            rows = sorted(row for row, _ in reader.execute(query, (index_key(author),)))
            opened = [self._open(_body(reader, row)) for row in rows]
        return [envelope.tip for envelope in opened if envelope.author == author]

    def at(self, author: AuthorId, chain: bytes, seq: int) -> list[Envelope]:
        """Records that claim one place in a chain; two of them prove equivocation. A scan."""
        where = "WHERE author = ? AND chain = ? AND seq = ?"
        found = self._envelopes(where, (index_key(author), index_key(chain), seq))
        return [item for item in found if item.author == author and item.chain == chain]

    # --- reading: many

    def log(self, row: int, limit: int) -> list[tuple[int, int, ContentId]]:
        """At most `limit` lines (row, time, id) of the log after `row`: enough for sketches."""
        query = f"SELECT row, time, id FROM records WHERE row > ?{self._visible} ORDER BY row LIMIT ?"  # noqa: S608
        with self._reading() as reader:
            return reader.execute(query, (row, limit)).fetchall()

    def ids_between(self, low: bytes, high: bytes, limit: int) -> list[ContentId]:
        """At most `limit` ids in [low, high) in order of their bytes; an empty `high` means no bound."""
        with closing(self._ids_between(low, high or b"\xff" * (ID_BYTES + 1), self._visible)) as ids:
            return list(islice((item for item in ids if item != high), limit))

    def since(self, row: int) -> Generator[Stored]:
        """Records after `row`, in order of arrival."""
        for found, raw in self._rows("SELECT row, raw FROM bodies WHERE row > ? ORDER BY row", (row,)):
            yield Stored(found, self._open(raw))

    def in_order(self, from_ms: int = 0, until_ms: int = 2**62) -> Generator[Envelope]:
        """Records with from_ms <= time < until_ms in (time, id) order; sorts, so it costs a scan."""
        return self._envelopes("WHERE time >= ? AND time < ? ORDER BY time, id", (from_ms, until_ms))

    def of_kind(self, kind: str) -> Generator[Envelope]:
        """Records of one kind in order of arrival; a scan for every kind but tracks."""
        if kind not in KINDS:
            raise Misuse(f"there is no record kind {kind!r}", f"kinds: {', '.join(sorted(KINDS))}")
        # Spelled out rather than bound, so that SQLite can use the partial index of tracks.
        return self._envelopes(f"WHERE kind = '{kind}' ORDER BY records.row", ())

    def about(self, subject: bytes, kind: str | None = None) -> Generator[Envelope]:
        """Records whose subject is `subject` (see `leaderboard.records.subject_of`), in order of arrival."""
        where = f"WHERE row IN ({_ABOUT}) AND (?2 IS NULL OR kind = ?2) ORDER BY records.row"
        found = self._envelopes(where, (index_key(subject), kind))
        return (item for item in found if item.subject == subject)

    def on_claim(self, claim: ContentId, until: int) -> Generator[Envelope]:
        """A claim's record and everything about it but notes, among the first `until` rows."""
        rows = f"SELECT row FROM ids WHERE key = ?1 UNION ALL {_ABOUT}"  # noqa: S608
        where = f"WHERE row IN ({rows}) AND kind <> 'note' AND row <= ?2"
        for item in self._envelopes(where, (index_key(claim), until)):
            if claim in (item.id, item.subject):
                yield item

    def id_at(self, row: int) -> ContentId | None:
        """The record in a row of the log, hidden or not; None past its end."""
        with self._reading() as reader:
            found = reader.execute("SELECT id FROM records WHERE row = ?", (row,)).fetchone()
        return None if found is None else ContentId(found[0])

    def by_author(self, author: AuthorId) -> Generator[Envelope]:
        """An author's records, chain by chain; a scan."""
        found = self._envelopes("WHERE author = ? ORDER BY chain, seq", (index_key(author),))
        return (item for item in found if item.author == author)

    # --- inside

    def _open(self, raw: bytes) -> Envelope:
        return open_envelope(raw, self._swarm)

    def _envelopes(self, where: str, parameters: Sequence[object]) -> Generator[Envelope]:
        # The clause sees the slim table alone, and bodies are fetched row by row in its order.
        query = f"SELECT (SELECT raw FROM bodies WHERE bodies.row = records.row) FROM records {where}"  # noqa: S608
        for (raw,) in self._rows(query, parameters):
            envelope = self._open(raw)
            if envelope.author not in self._hidden:
                yield envelope

    def _ids_between(self, low: bytes, high: bytes, visible: str) -> Generator[ContentId]:
        """Ids in [low, high], by key first; those with one key are few and sorted here."""
        item = f"(SELECT id FROM records WHERE records.row = ids.row{visible})"  # noqa: S608
        query = f"SELECT key, {item} FROM ids WHERE key BETWEEN ? AND ? ORDER BY key"  # noqa: S608
        keys = (index_key(low.ljust(8, b"\x00")), index_key(high.ljust(8, b"\x00")))
        with closing(self._rows(query, keys)) as rows:
            for _, group in groupby(rows, itemgetter(0)):
                for item in sorted(item for _, item in group if item is not None):
                    if low <= item <= high:
                        yield ContentId(item)

    def _rows(self, query: str, parameters: Sequence[object]) -> Generator[tuple[Any, ...]]:
        with self._reading() as reader, closing(reader.cursor()) as cursor:
            cursor.execute(query, tuple(parameters))
            while page := cursor.fetchmany(_PAGE_ROWS):
                yield from page

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._closed:
                raise LocalError("the store is closed")
            reader = self._readers.pop() if self._readers else None
        if reader is None:
            reader = connect(self._path, writable=False)
        try:
            with translated(self._path):
                yield reader
        finally:
            with self._lock:
                if self._closed or len(self._readers) >= _SPARE_READERS:
                    reader.close()
                else:
                    self._readers.append(reader)

    def _writing(self) -> sqlite3.Connection:
        if self._writer is None:
            raise LocalError("the store is closed or was opened for reading")
        return self._writer

    def _bind_swarm(self) -> None:
        """Remember whose records these are: they mean nothing in another swarm."""
        with self._reading() as reader:
            row = reader.execute("SELECT value FROM meta WHERE key = ?", (_SWARM_KEY,)).fetchone()
        if row is None and self._writer is not None:
            with translated(self._path):
                self._writer.execute("INSERT INTO meta (key, value) VALUES (?, ?)", (_SWARM_KEY, self._swarm))
        elif row is None or row[0] != self._swarm:
            self.close()
            raise StoreBroken(
                f"{self._path} holds the records of another swarm",
                "give each swarm its own state directory (`--home DIR`)",
            )


_ABOUT = "SELECT row FROM subjects WHERE key = ?1"


def _write(writer: sqlite3.Connection, part: Sequence[tuple[int, Envelope | Slip]]) -> None:
    """Insert records with their rows."""
    writer.executemany(
        "INSERT INTO records (row, id, time, kind, author, chain, seq) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (row, item.id, item.time_ms, item.kind, index_key(item.author), index_key(item.chain), item.seq)
            for row, item in part
        ],
    )
    writer.executemany("INSERT INTO bodies (row, raw) VALUES (?, ?)", [(row, item.raw) for row, item in part])
    subjects = [(subject, row) for row, item in part if (subject := item.subject) is not None]
    add_keys(
        writer,
        [(index_key(item.id), row) for row, item in part],
        [(index_key(subject), row) for subject, row in subjects],
    )


def _last_row(connection: sqlite3.Connection) -> int:
    (last,) = connection.execute("SELECT max(row) FROM records").fetchone()
    return last or 0


def _body(connection: sqlite3.Connection, row: int) -> bytes:
    (raw,) = connection.execute("SELECT raw FROM bodies WHERE row = ?", (row,)).fetchone()
    return bytes(raw)


def _rows_of(
    connection: sqlite3.Connection, ids: Collection[ContentId], visible: str = ""
) -> Iterator[tuple[int, ContentId]]:
    """(row, id) of those of `ids` that are stored, as far as the condition `visible` lets see."""
    wanted = list(ids)
    for start in range(0, len(wanted), _BATCH_IDS):
        part = wanted[start : start + _BATCH_IDS]
        marks = ",".join("?" * len(part))
        rows = f"SELECT row FROM ids WHERE key IN ({marks})"  # noqa: S608 - no user text
        query = f"SELECT row, id FROM records WHERE row IN ({rows}){visible}"  # noqa: S608
        sought = set(part)
        for row, item in connection.execute(query, [index_key(item) for item in part]):
            if item in sought:
                yield row, ContentId(item)


def _text_range(prefix: str) -> tuple[bytes, bytes]:
    """The least and the greatest id whose text starts with `prefix`."""
    text = prefix.strip().upper()
    if not _LEAST_PREFIX <= len(text) <= _TEXT_DIGITS:
        raise Misuse(
            f"an id has {_LEAST_PREFIX} to {_TEXT_DIGITS} characters", "copy it from `consilience board`"
        )
    try:
        # 52 digits hold 260 bits: the low four bits of the last digit fall off.
        low, high = (base64.b32decode(text.ljust(_TEXT_DIGITS, digit) + "====") for digit in "A7")
    except ValueError:
        raise Misuse(f"{prefix!r} is not an id", "ids consist of a-z and 2-7") from None
    return low[:ID_BYTES], high[:ID_BYTES]
