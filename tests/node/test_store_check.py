"""`doctor`: finds damage, saves what verifies, and never touches the damaged file."""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from leaderboard.ids import SwarmId
from leaderboard.records import Note
from node.config import template
from node.errors import Misuse
from node.identity import create
from node.store import Store
from node.store_check import diagnose, repair
from node.store_salvage import salvage

if TYPE_CHECKING:
    from .conftest import Author


@pytest.fixture
def path(tmp_path: Path, swarm: SwarmId, alice: Author) -> Path:
    """A database with 300 records."""
    path = tmp_path / "records.db"
    with Store(path, swarm) as store:
        store.append(alice.notes(300))
    return path


def edit(path: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement, values)
        connection.commit()


def test_a_sound_database_has_no_complaints(path: Path, swarm: SwarmId) -> None:
    found = diagnose(path, swarm)
    assert (found.records, found.complaints) == (300, ())


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        (
            "UPDATE bodies SET raw = substr(raw, 1, length(raw) - 1) WHERE row = 7",
            "row 7: the record does not",
        ),
        ("DELETE FROM bodies WHERE row = 9", "row 9: the record does not verify"),
        ("UPDATE records SET id = zeroblob(32) WHERE row = 3", "row 3: the record has another id"),
        (
            "UPDATE bodies SET raw = (SELECT raw FROM bodies WHERE row = 1) WHERE row = 2",
            "row 2: the record has another id",
        ),
        ("DELETE FROM ids_0 WHERE row = 4", "row 4: the table of ids does not list"),
    ],
)
def test_wrong_rows_are_named(path: Path, swarm: SwarmId, statement: str, complaint: str) -> None:
    edit(path, statement)
    (found,) = diagnose(path, swarm).complaints
    assert found.startswith(complaint)


def test_a_subject_that_is_not_listed_is_named(tmp_path: Path, swarm: SwarmId, alice: Author) -> None:
    path = tmp_path / "r.db"
    (note,) = alice.notes(1)
    with Store(path, swarm) as store:
        store.append([note, alice.seal(Note(note.id, "about it"))])
    assert diagnose(path, swarm).complaints == ()
    edit(path, "DELETE FROM subjects_0")
    assert diagnose(path, swarm).complaints == ("row 2: the table of subjects does not list the record",)
    assert repair(path, swarm).saved == 2
    assert diagnose(path, swarm).complaints == ()


def test_a_record_stored_twice_is_named(tmp_path: Path, swarm: SwarmId, alice: Author) -> None:
    (note,) = alice.notes(1)
    with Store(tmp_path / "r.db", swarm) as store:
        store.append([note, note])  # what the ledger never does
    assert diagnose(tmp_path / "r.db", swarm).complaints == ("row 2: the record is stored twice",)
    assert repair(tmp_path / "r.db", swarm).saved == 1


def test_a_repair_keeps_what_verifies_and_the_old_file(path: Path, swarm: SwarmId) -> None:
    edit(path, "UPDATE bodies SET raw = zeroblob(100) WHERE row IN (5, 6)")
    before = path.read_bytes()
    done = repair(path, swarm)
    assert (done.saved, done.lost) == (298, 2)
    assert done.old.read_bytes() == before
    assert diagnose(path, swarm).complaints == ()
    with Store(path, swarm) as store:
        assert store.count() == 298


def test_damaged_pages_cost_their_records_only(path: Path, swarm: SwarmId) -> None:
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 4096] = random.Random(5).randbytes(4096)
    path.write_bytes(content)
    assert diagnose(path, swarm).complaints
    done = repair(path, swarm)
    assert done.saved >= 250
    assert diagnose(path, swarm).complaints == ()


def test_a_lost_root_hides_no_record(path: Path, swarm: SwarmId) -> None:
    """SQLite finds nothing behind a page that it cannot read; the pages themselves are all there."""
    with closing(sqlite3.connect(path)) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'bodies'").fetchone()
    content = bytearray(path.read_bytes())
    content[4096 * (root - 1) : 4096 * root] = bytes(4096)
    path.write_bytes(content)
    assert diagnose(path, swarm).complaints
    done = repair(path, swarm)
    assert (done.saved, done.lost, done.salvaged) == (300, 0, 300)
    assert diagnose(path, swarm).complaints == ()


def test_a_lost_head_hides_no_record(path: Path, swarm: SwarmId) -> None:
    content = bytearray(path.read_bytes())
    content[:4096] = bytes(4096)
    path.write_bytes(content)
    assert repair(path, swarm).saved == 300


@pytest.mark.parametrize("tenths", range(1, 10))
def test_a_file_cut_anywhere_keeps_what_is_before_the_cut(path: Path, swarm: SwarmId, tenths: int) -> None:
    content = path.read_bytes()
    cut = len(content) * tenths // 10 + 7 * tenths
    whole = content[: cut // 4096 * 4096]
    with Store(path, swarm, read_only=True) as store:
        there = sum(stored.envelope.raw in whole for stored in store.since(0))
    path.write_bytes(content[:cut])
    assert diagnose(path, swarm).complaints
    done = repair(path, swarm)
    assert done.saved >= there
    assert done.saved + done.lost <= 300
    assert diagnose(path, swarm).complaints == ()


@pytest.mark.parametrize("tenths", range(10))
def test_a_log_cut_or_broken_anywhere_loses_only_what_is_gone(
    tmp_path: Path, swarm: SwarmId, alice: Author, tenths: int
) -> None:
    """Records that are in the log alone, whose frames no longer follow one another."""
    path = tmp_path / "live.db"
    notes = alice.notes(200)
    with Store(path, swarm) as store:
        store.append(notes[:100])
    with Store(path, swarm) as store:
        for start in range(100, 200, 10):
            store.append(notes[start : start + 10])
        files = {name: path.with_name(path.name + name).read_bytes() for name in ("", "-wal")}
    place = tmp_path / "copy.db"
    log = files["-wal"]
    at = len(log) * tenths // 10
    place.write_bytes(files[""])
    place.with_name("copy.db-wal").write_bytes(log[:at] + bytes(24) + log[at + 24 :])
    with Store(place, swarm, read_only=True) as store:
        found = store.count()
    assert 100 <= found <= 200
    assert repair(place, swarm).saved >= max(found, 185)
    cut = tmp_path / "cut.db"
    cut.write_bytes(files[""])
    cut.with_name("cut.db-wal").write_bytes(log[:at])
    with Store(cut, swarm) as store:  # what a power cut leaves: a start simply goes on
        assert [stored.envelope for stored in store.since(0)] == notes[: store.count()]
        assert store.count() >= 100
        store.append(notes[store.count() :])
    assert diagnose(cut, swarm) == diagnose(path, swarm)


def test_long_records_are_salvaged_through_their_overflow_pages(
    tmp_path: Path, swarm: SwarmId, alice: Author
) -> None:
    path = tmp_path / "long.db"
    long = [alice.seal(Note(None, str(number) * 3_900)) for number in range(9)]
    long += [alice.seal(Note(None, "\N{SNOWMAN}" * 4_000)) for _ in range(3)]
    with Store(path, swarm) as store:
        store.append(long)
    assert sorted(set(salvage(path))) == sorted(envelope.raw for envelope in long)


def test_garbage_leaves_an_empty_database(tmp_path: Path, swarm: SwarmId) -> None:
    path = tmp_path / "records.db"
    path.write_bytes(b"\x5a" * 50_000)
    assert diagnose(path, swarm).complaints
    assert repair(path, swarm).saved == 0
    assert diagnose(path, swarm) == replace(diagnose(path, swarm), records=0, complaints=())
    with pytest.raises(Misuse, match="no database"):
        repair(tmp_path / "none.db", swarm)


def doctor(home: Path, *words: str) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "node.cli", "--home", str(home), "doctor", "--json", *words],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, {item["name"]: item for item in json.loads(done.stdout)}


@pytest.mark.slow
def test_the_command_finds_and_repairs(path: Path, tmp_path: Path) -> None:
    create(tmp_path / "identity.key")
    (tmp_path / "config.toml").write_text(template({"node.swarm": "test-swarm", "api.port": 0}))
    code, said = doctor(tmp_path)
    assert (code, said["database"]["says"]) == (0, "300 records, every signature checked")
    assert said["identity"]["state"] == "good"
    edit(path, "UPDATE bodies SET raw = zeroblob(100) WHERE row = 5")
    code, said = doctor(tmp_path)
    assert (code, said["database"]["state"]) == (7, "bad")
    assert "doctor --repair" in said["database"]["remedy"]
    (tmp_path / "boards.db").write_bytes(b"no database" * 999)
    code, said = doctor(tmp_path)
    assert (code, said["boards"]["state"]) == (7, "bad")
    (tmp_path / "identity.key").chmod(0o644)
    code, said = doctor(tmp_path, "--repair")
    assert (code, said["database"]["state"], said["identity"]["state"]) == (7, "good", "bad")
    assert said["boards"]["state"] == "good"
