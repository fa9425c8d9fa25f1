"""Runs of keys: whatever was merged when, look-ups find what an ordinary index would; old files get them."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from leaderboard.ids import SwarmId, to_text
from leaderboard.records import Note
from node import store_runs
from node.errors import StoreBroken
from node.store import Store
from node.store_check import diagnose
from node.store_schema import _VERSION_1, SCHEMA_VERSION, index_key

if TYPE_CHECKING:
    from .conftest import Author, Story

LEVELS = ("ids_0", "ids_1", "ids_2", "subjects_0", "subjects_1", "subjects_2")


def sizes(path: Path) -> list[int]:
    with closing(sqlite3.connect(path)) as connection:
        return [connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in LEVELS]


@pytest.fixture
def small_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_runs, "_MERGED_EVERY", (4, 16))


@pytest.mark.usefixtures("small_runs")
def test_merges_are_due_by_the_rows_of_the_log(tmp_path: Path, swarm: SwarmId, alice: Author) -> None:
    path, seen = tmp_path / "r.db", []
    (first,) = alice.notes(1)
    with Store(path, swarm) as store:
        store.append([first])
        for number in range(16):
            store.append([alice.seal(Note(first.id, str(number)))])
            seen.append(sizes(path))
    assert seen[:5] == [
        [2, 0, 0, 1, 0, 0], [3, 0, 0, 2, 0, 0], [0, 4, 0, 0, 3, 0], [1, 4, 0, 1, 3, 0], [2, 4, 0, 2, 3, 0],
    ]  # fmt: skip
    assert seen[13:] == [[3, 12, 0, 3, 11, 0], [0, 0, 16, 0, 0, 15], [1, 0, 16, 1, 0, 15]]


@pytest.mark.usefixtures("small_runs")
def test_look_ups_see_all_runs(tmp_path: Path, swarm: SwarmId, alice: Author) -> None:
    chance, path = random.Random(2), tmp_path / "r.db"
    notes = alice.notes(20)
    notes += [alice.seal(Note(chance.choice(notes).id, str(number))) for number in range(60)]
    done = 0
    with Store(path, swarm) as store:
        while done < len(notes):
            size = chance.choice([1, 2, 3, 30])
            store.append(notes[done : done + size])
            done += size
            here = notes[:done]
            absent = [note.id for note in notes[done:]]
            assert store.known([note.id for note in here] + absent) == {note.id for note in here}
            assert store.ids_between(b"", b"", 1_000) == sorted(note.id for note in here)
            for subject in (notes[0].id, notes[7].id):
                expected = [note for note in here if note.record.about == subject]
                assert list(store.about(subject)) == expected
                assert list(store.about(subject, "claim")) == []
    assert diagnose(path, swarm).complaints == ()


@pytest.mark.usefixtures("small_runs")
def test_ids_with_one_key_are_told_apart(
    tmp_path: Path, swarm: SwarmId, alice: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.store.index_key", lambda identifier: index_key(identifier) >> 62)
    notes = alice.notes(30)
    with Store(tmp_path / "r.db", swarm) as store:
        for start in range(0, 30, 7):
            store.append(notes[start : start + 7])
        ids = sorted(note.id for note in notes)
        assert store.ids_between(b"", b"", 100) == ids
        assert store.ids_between(ids[3], ids[20], 100) == ids[3:20]
        assert store.known(ids[:5]) == set(ids[:5])
        assert store.find(to_text(ids[4])) == ids[4]


def old_file(path: Path, swarm: SwarmId, story: Story) -> None:
    """A file of version 1, as that version wrote it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(_VERSION_1)
        connection.execute("PRAGMA user_version = 1")
        connection.execute("PRAGMA application_id = 0x434F4E53")
        connection.execute("INSERT INTO meta VALUES ('swarm', ?)", (swarm,))
        for row, item in enumerate(story.all, start=1):
            subject = item.subject
            values = (
                row, index_key(item.id), item.id, item.time_ms, item.kind, index_key(item.author),
                index_key(item.chain), item.seq, None if subject is None else index_key(subject),
            )  # fmt: skip
            connection.execute(f"INSERT INTO records VALUES ({','.join('?' * len(values))})", values)
            connection.execute("INSERT INTO bodies VALUES (?, ?)", (row, item.raw))
        connection.commit()


def test_a_file_of_version_1_is_brought_up_to_date(tmp_path: Path, swarm: SwarmId, story: Story) -> None:
    path = tmp_path / "r.db"
    old_file(path, swarm, story)
    with pytest.raises(StoreBroken, match="older version") as caught:
        Store(path, swarm, read_only=True)
    assert "consilience up" in caught.value.hint
    assert "older version" in diagnose(path, swarm).complaints[0]
    with Store(path, swarm) as store:
        assert [stored.envelope for stored in store.since(0)] == story.all
        assert store.known([item.id for item in story.all]) == {item.id for item in story.all}
        for item in story.all:
            subject = item.subject
            assert subject is None or item in list(store.about(subject))
    assert diagnose(path, swarm).complaints == ()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
