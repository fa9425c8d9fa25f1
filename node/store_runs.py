"""Which rows have an id or a subject: eight-byte keys in sorted runs, so that a random key is cheap to add.

Ids are random, so one index of a million of them has a page of its own for nearly every new record: four
kilobytes written twice, to the log and to the file, for some twenty bytes. Here new keys go into a small run
(level 0) that fits a few pages. Every 4,096 rows of the log it is merged into a middle one, and that every
65,536 rows into the large one, in order of the keys, so that a page which is written takes many of them
(O'Neil and others, The log-structured merge-tree, 1996; two merges are enough for millions). A merge is part
of the transaction that makes it due, and which rows it falls on follows from the log alone: there is nothing
to remember and nothing to repair.

Readers ask the views `ids` and `subjects`, which put the runs together. A key is the first eight bytes of an
id; who looks one up compares the whole id afterwards, so whoever grinds two ids with one key gains a wasted
comparison.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

__all__ = ["MIGRATION", "add_keys", "merge_runs"]

_MERGED_EVERY = (4_096, 65_536)
"""Rows of the log between two merges of level 0, 1, ...; the last level is merged into nothing."""
_LEVELS = len(_MERGED_EVERY) + 1
_TABLES = ("ids", "subjects")


def _created(table: str) -> str:
    names = [f"{table}_{level}" for level in range(_LEVELS)]
    columns = "(key INTEGER NOT NULL, row INTEGER NOT NULL, PRIMARY KEY (key, row)) STRICT, WITHOUT ROWID"
    runs = "".join(f"CREATE TABLE {name} {columns};\n" for name in names)
    together = " UNION ALL ".join(f"SELECT key, row FROM {name}" for name in names)  # noqa: S608 - our names
    return f"{runs}CREATE VIEW {table} AS {together}"


MIGRATION = f"""
{_created("ids")};
{_created("subjects")};
INSERT INTO ids_{_LEVELS - 1} SELECT key, row FROM records ORDER BY key, row;
INSERT INTO subjects_{_LEVELS - 1}
    SELECT subject, row FROM records WHERE subject IS NOT NULL ORDER BY subject, row;
DROP INDEX by_key;
DROP INDEX by_subject;
ALTER TABLE records DROP COLUMN key;
ALTER TABLE records DROP COLUMN subject
"""  # noqa: S608 - our own names
"""From indexes over columns of `records` (version 1) to runs."""


def add_keys(
    connection: sqlite3.Connection, ids: Iterable[tuple[int, int]], subjects: Iterable[tuple[int, int]]
) -> None:
    """Add (key, row) pairs of new records, within the transaction that adds the records."""
    connection.executemany("INSERT INTO ids_0 VALUES (?, ?)", ids)
    connection.executemany("INSERT INTO subjects_0 VALUES (?, ?)", subjects)


def merge_runs(connection: sqlite3.Connection, before: int, after: int) -> None:
    """Merge the runs that are due because the log grew from row `before` to row `after`."""
    for level, size in enumerate(_MERGED_EVERY):
        if before // size != after // size:
            for table in _TABLES:
                connection.execute(
                    f"INSERT INTO {table}_{level + 1} SELECT key, row FROM {table}_{level} ORDER BY key, row"  # noqa: S608
                )
                connection.execute(f"DELETE FROM {table}_{level}")  # noqa: S608
