"""The notebook's file: tables, full-text index, migrations.

| table | what |
|---|---|
| attempts | one row per (track, recipe): an idea and what became of it |
| lessons | one row per (track, key): a sentence, the records that support it, its revision |
| revisions | what a lesson said before |
| words | FTS5 over the texts of both; row 2n is attempt n, row 2n + 1 lesson n |
| spent | what language models have cost on the latest day that they were asked |

`synchronous=NORMAL`: a crash of the process loses nothing, a power cut perhaps the last moments, and those of
them that matter are in the records, which are flushed.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from .errors import StoreBroken
from .store_schema import translated

__all__ = ["NOTEBOOK_VERSION", "open_notebook"]

NOTEBOOK_VERSION = 1
_APPLICATION_ID = 0x434F4E4E  # "CONN", shown by file(1)
_BUSY_MS = 5_000

_VERSION_1 = """
CREATE TABLE attempts (
    row INTEGER PRIMARY KEY,
    track BLOB NOT NULL,
    recipe_id BLOB NOT NULL,
    recipe BLOB NOT NULL,
    proposer TEXT NOT NULL,
    hypothesis TEXT NOT NULL,
    mechanism TEXT NOT NULL,
    predicted REAL,
    claim BLOB,
    outcome TEXT NOT NULL,
    effect REAL,
    low REAL,
    high REAL,
    seeds INTEGER NOT NULL,
    standing TEXT NOT NULL,
    why TEXT NOT NULL,
    because BLOB,
    time INTEGER NOT NULL,
    UNIQUE (track, recipe_id)
) STRICT;
CREATE TABLE lessons (
    row INTEGER PRIMARY KEY,
    track BLOB NOT NULL,
    key TEXT NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    support BLOB NOT NULL,
    revision INTEGER NOT NULL,
    withdrawn INTEGER NOT NULL,
    imported INTEGER NOT NULL,
    time INTEGER NOT NULL,
    UNIQUE (track, key)
) STRICT;
CREATE TABLE revisions (
    lesson INTEGER NOT NULL REFERENCES lessons (row),
    revision INTEGER NOT NULL,
    text TEXT NOT NULL,
    support BLOB NOT NULL,
    withdrawn INTEGER NOT NULL,
    time INTEGER NOT NULL,
    PRIMARY KEY (lesson, revision)
) STRICT, WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5 (text, tokenize = 'unicode61');
CREATE TABLE spent (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    day INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    dollars REAL NOT NULL,
    seconds REAL NOT NULL
) STRICT;
INSERT INTO spent VALUES (1, 0, 0, 0, 0.0, 0.0)
"""
_MIGRATIONS = (_VERSION_1,)
"""Script number n takes a notebook from version n to n + 1."""


def open_notebook(path: Path, *, writable: bool) -> sqlite3.Connection:
    """A connection for one thread at a time, migrated if it may write; raises StoreBroken."""
    if writable:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with translated(path):
        mode = "rwc" if writable else "ro"
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
            if writable:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")
                path.chmod(0o600)
                _migrate(connection)
            _check(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def _check(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application != _APPLICATION_ID:
        raise StoreBroken(f"{path} is not a notebook", "move it away and start again")
    if version != NOTEBOOK_VERSION:
        raise StoreBroken(
            f"{path} is a notebook of format {version}; this version reads format {NOTEBOOK_VERSION}",
            "update consilience",
        )


def _migrate(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (objects,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        for number in range(version, NOTEBOOK_VERSION) if version or not objects else ():
            for statement in _MIGRATIONS[number].split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number + 1}")
            connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
