"""Checks a database whose daemon is down, and saves what can be saved of a damaged one.

A repair never edits the damaged file: readable records are verified again, id and signature, and written to
a new database in their order; the old one stays beside it. What SQLite does not find any more is looked for
in the pages themselves (node.store_salvage). What could not be read comes back from peers, and is counted as
far as the table of ids can still be read. The file of views is a cache and is simply thrown away.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from leaderboard.envelope import Envelope, open_envelope, presumed_id
from leaderboard.errors import PeerError
from leaderboard.ids import ContentId, SwarmId

from .errors import Misuse, StoreBroken
from .store import Store
from .store_salvage import salvage
from .store_schema import connect, index_key, require_current

__all__ = ["Diagnosis", "diagnose", "repair"]

_MOST_COMPLAINTS = 10
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is in a database, and what is wrong with it."""

    records: int
    complaints: tuple[str, ...]
    """Empty where nothing is wrong."""


@dataclass(frozen=True, slots=True)
class Repair:
    """What a repair saved, and where the old file is."""

    saved: int
    lost: int
    """Records that the table of ids still lists and that were not found anywhere."""
    salvaged: int
    """Of those saved: how many SQLite itself did not find any more."""
    old: Path


def diagnose(path: Path, swarm: SwarmId) -> Diagnosis:
    """Check structure, then every record's id and signature; about 0.1 ms a record."""
    complaints: list[str] = []
    count = 0
    try:
        with closing(connect(path, writable=False)) as connection:
            require_current(path)
            complaints += _structure(connection)
            seen: set[ContentId] = set()
            for row, item, raw in connection.execute(_ROWS):
                count += 1
                envelope = None if raw is None else _verified(raw, swarm)
                complaint = _complaint(item, envelope, seen) or _unlisted(connection, row, envelope)
                if complaint and len(complaints) < _MOST_COMPLAINTS:
                    complaints.append(f"row {row}: {complaint}")
    except (StoreBroken, sqlite3.DatabaseError) as error:
        complaints.append(str(error))
    return Diagnosis(count, tuple(complaints))


def repair(path: Path, swarm: SwarmId) -> Repair:
    """Replace `path` by a new database with every record that verifies; raises Misuse if nothing is there."""
    if not path.exists():
        raise Misuse(f"there is no database at {path}", "nothing to repair; `consilience up` makes one")
    fresh = path.with_name(f"{path.name}.repaired")
    old = path.with_name(f"{path.name}.damaged-{int(time.time())}")
    _remove(fresh)
    with Store(fresh, swarm) as store:
        lost, salvaged = _copy(path, swarm, store)
        saved = store.count()
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(old.with_name(old.name + suffix))
    fresh.rename(path)
    return Repair(saved, lost, salvaged, old)


def _copy(path: Path, swarm: SwarmId, store: Store) -> tuple[int, int]:
    """Append to `store` what verifies; returns how many records are missing, and how many were salvaged."""
    seen: set[ContentId] = set()
    _append(store, _new(_readable(path), swarm, seen))
    found = len(seen)
    _append(store, _new(salvage(path), swarm, seen))
    missing = sum(item not in seen for item in _listed(path))
    return missing, len(seen) - found


def _append(store: Store, envelopes: Iterator[Envelope]) -> None:
    while batch := list(islice(envelopes, _BATCH)):
        store.append(batch)


def _new(raws: Iterable[bytes], swarm: SwarmId, seen: set[ContentId]) -> Iterator[Envelope]:
    """Records that verify and were not seen before."""
    for raw in raws:
        if presumed_id(raw) in seen:
            continue
        envelope = _verified(raw, swarm)
        if envelope is not None:
            seen.add(envelope.id)
            yield envelope


def _listed(path: Path) -> Iterator[ContentId]:
    """Ids in the table of ids, as far as it can be read."""
    with suppress(StoreBroken, sqlite3.DatabaseError), closing(connect(path, writable=False)) as connection:
        for (item,) in connection.execute("SELECT id FROM records"):
            yield ContentId(item)


_ROWS = "SELECT records.row, id, raw FROM records LEFT JOIN bodies USING (row) ORDER BY records.row"


def _structure(connection: sqlite3.Connection) -> list[str]:
    found = [row[0] for row in connection.execute(f"PRAGMA integrity_check({_MOST_COMPLAINTS})")]
    return [] if found == ["ok"] else [str(line) for line in found]


def _complaint(item: bytes, envelope: Envelope | None, seen: set[ContentId]) -> str:
    if envelope is None:
        return "the record does not verify"
    if envelope.id != item:
        return "the record has another id than its index says"
    if envelope.id in seen:
        return "the record is stored twice"
    seen.add(envelope.id)
    return ""


def _unlisted(connection: sqlite3.Connection, row: int, envelope: Envelope | None) -> str:
    """Whether look-ups would miss a sound record."""
    if envelope is None:
        return ""
    for table, key in (("ids", envelope.id), ("subjects", envelope.subject)):
        query = f"SELECT 1 FROM {table} WHERE key = ? AND row = ?"  # noqa: S608 - our own names
        if key is not None and connection.execute(query, (index_key(key), row)).fetchone() is None:
            return f"the table of {table} does not list the record"
    return ""


def _verified(raw: bytes, swarm: SwarmId) -> Envelope | None:
    try:
        envelope = open_envelope(raw, swarm)
    except PeerError:
        return None
    return envelope if envelope.signature_holds() else None


def _readable(path: Path) -> Iterator[bytes]:
    """Wire bytes of every row that SQLite can still find, one look-up a row, past damaged pages."""
    try:
        connection = connect(path, writable=False)
    except StoreBroken:
        return
    with closing(connection):
        try:
            (last,) = connection.execute("SELECT max(row) FROM bodies").fetchone()
        except sqlite3.DatabaseError:
            return
        for row in range(1, (last or 0) + 1):
            try:
                found = connection.execute("SELECT raw FROM bodies WHERE row = ?", (row,)).fetchone()
            except sqlite3.DatabaseError:
                continue
            if found is not None and isinstance(found[0], bytes):
                yield found[0]


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
