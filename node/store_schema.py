"""The database file: tables, migrations, and what SQLite's errors mean to a person.

Two tables, in order of arrival: `records` says in some 70 bytes all that a query needs, so that scans of a
million records (sketches, sorting for export) touch a tenth of the file; `bodies` has the wire bytes. Which
rows have an id, and which are about something, is in node.store_runs.

| column | what |
|---|---|
| row | order of arrival: the position in the log that listeners and server-sent events resume from |
| id | ContentId, 32 bytes |
| time | the author's clock, UTC milliseconds |
| kind | record kind, text |
| author, chain, seq | keys of AuthorId and chain, and the number in the chain; not indexed |

Random index entries are what ingest costs, so there are few: the rare questions about an author scan
`records`, 0.1 s a million. That a record is stored once is the ledger's business (`known` before `append`,
one writer).

Why WAL with `synchronous=FULL`: a commit is one fsync of the log, readers never wait, and an acknowledged
record survives a power cut (`NORMAL` survives a crash of the process only).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from .errors import StoreBroken
from .store_runs import MIGRATION

__all__ = [
    "SCHEMA_VERSION",
    "connect",
    "index_key",
    "migrate",
    "require_current",
    "translated",
]

SCHEMA_VERSION = 2
_APPLICATION_ID = 0x434F4E53  # "CONS", shown by file(1)
_BUSY_MS = 5_000
_READ_CACHE_KIB = 4 * 1024
_WRITE_CACHE_KIB = 32 * 1024
# Checkpoint every 64 MiB of log: index pages that are dirtied again and again are then written back once
# (measured at 300,000 records with one index each: 7 us a row less than with 16 MiB).
_CHECKPOINT_PAGES = 16_384
_JOURNAL_LIMIT_BYTES = 64 * 1024 * 1024

_VERSION_1 = """
CREATE TABLE records (
    row INTEGER PRIMARY KEY,
    key INTEGER NOT NULL,
    id BLOB NOT NULL,
    time INTEGER NOT NULL,
    kind TEXT NOT NULL,
    author INTEGER NOT NULL,
    chain INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    subject INTEGER
) STRICT;
CREATE TABLE bodies (row INTEGER PRIMARY KEY, raw BLOB NOT NULL) STRICT;
CREATE INDEX by_key ON records (key);
CREATE INDEX by_subject ON records (subject) WHERE subject IS NOT NULL;
CREATE INDEX tracks ON records (row) WHERE kind = 'track';
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
"""
_MIGRATIONS = (_VERSION_1, MIGRATION)
"""Script number n takes a database from version n to n + 1."""


def index_key(identifier: bytes) -> int:
    """The first eight bytes as SQLite's signed integer, in the order of the bytes."""
    return int.from_bytes(identifier[:8], "big") - 2**63


def connect(path: Path, *, writable: bool) -> sqlite3.Connection:
    """A connection usable from any one thread at a time, with our pragmas; raises StoreBroken."""
    with translated(path):
        mode = "rwc" if writable else "ro"
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
            if writable:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
                connection.execute(f"PRAGMA journal_size_limit = {_JOURNAL_LIMIT_BYTES}")
                connection.execute(f"PRAGMA cache_size = -{_WRITE_CACHE_KIB}")
            else:
                connection.execute("PRAGMA query_only = ON")
                connection.execute(f"PRAGMA cache_size = -{_READ_CACHE_KIB}")
        except BaseException:
            connection.close()
            raise
    return connection


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the database to SCHEMA_VERSION, one transaction a step; raises StoreBroken if it is newer."""
    with translated(path):
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (objects,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if version > SCHEMA_VERSION:
        raise StoreBroken(
            f"{path} was written by a newer version of consilience (format {version})",
            f"update consilience; this version reads format {SCHEMA_VERSION}",
        )
    if objects and application != _APPLICATION_ID:
        raise StoreBroken(f"{path} is not a consilience database", "move it away and start again")
    for number in range(version, SCHEMA_VERSION):
        _run_step(connection, path, number)


def require_current(path: Path) -> None:
    """Raise StoreBroken if the database is of an older version, which only a writer can bring up to date."""
    with closing(connect(path, writable=False)) as connection, translated(path):
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if 0 < version < SCHEMA_VERSION:
            raise StoreBroken(
                f"{path} was written by an older version of consilience (format {version})",
                "start the node once (`consilience up`), which brings it up to date",
            )


def _run_step(connection: sqlite3.Connection, path: Path, number: int) -> None:
    with translated(path):
        connection.execute("BEGIN IMMEDIATE")
        try:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version == number:  # else another process was faster
                for statement in _MIGRATIONS[number].split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number + 1}")
                connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors about the file into StoreBroken with what to do; bugs of ours pass through."""
    try:
        yield
    except sqlite3.IntegrityError:
        raise
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        message, hint = _ADVICE.get(code, ("", ""))
        if not message:
            raise
        raise StoreBroken(f"{path}: {message} ({error})", hint) from error


_ADVICE = {
    sqlite3.SQLITE_FULL: (
        "the disk is full",
        "free some space; nothing that was acknowledged is lost, and the node goes on by itself",
    ),
    sqlite3.SQLITE_BUSY: (
        "another process holds the database",
        "stop the other consilience that uses this state directory",
    ),
    sqlite3.SQLITE_LOCKED: (
        "another connection holds the database",
        "stop the other consilience that uses this state directory",
    ),
    sqlite3.SQLITE_CORRUPT: (
        "the database is damaged",
        "stop the daemon and run `consilience doctor --repair`; what cannot be saved comes back from peers",
    ),
    sqlite3.SQLITE_NOTADB: (
        "this is not a database",
        "stop the daemon and run `consilience doctor --repair`; what cannot be saved comes back from peers",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "the database cannot be opened",
        "run `consilience init`, or check the state directory and its permissions",
    ),
    sqlite3.SQLITE_READONLY: (
        "the database cannot be written",
        "check the permissions of the state directory",
    ),
    sqlite3.SQLITE_PERM: ("no permission", "check the permissions of the state directory"),
    sqlite3.SQLITE_IOERR: (
        "the disk reports an error",
        "check the disk; then run `consilience doctor`",
    ),
}
