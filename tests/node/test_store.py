"""The store: what goes in comes out, in every order that readers ask for, and errors say what to do."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.envelope import Envelope, swarm_id
from leaderboard.errors import LocalError
from leaderboard.ids import ContentId, SwarmId, to_text
from leaderboard.ledger import Ledger, Verdict
from leaderboard.records import Claim, Note
from node.errors import Ambiguous, Misuse, NotFound, StoreBroken
from node.store import Store
from node.store_schema import index_key

if TYPE_CHECKING:
    from .conftest import Author, Story

TIME_MS = 1_790_000_000_000


def test_bytes_come_back_verbatim_and_in_the_order_asked(store: Store, story: Story) -> None:
    store.append(story.all)
    ids = [item.id for item in reversed(story.all)]
    assert store.count() == len(story.all)
    assert store.envelopes([*ids, ContentId(b"\x00" * 32)]) == list(reversed(story.all))
    assert store.raw(ids) == {item.id: item.raw for item in story.all}
    assert store.known([*ids, ContentId(b"\x00" * 32)]) == set(ids)


def test_a_ledger_writes_through_it(store: Store, story: Story, swarm: SwarmId) -> None:
    ledger = Ledger(store, swarm)
    offered = [item.raw for item in story.all]
    assert [a.verdict for a in ledger.admit(offered, TIME_MS)] == [Verdict.ACCEPT] * 6
    assert {a.reason for a in ledger.admit(offered, TIME_MS)} == {"known"}
    assert store.count() == 6


def test_records_survive_reopening(tmp_path: Path, swarm: SwarmId, story: Story) -> None:
    with Store(tmp_path / "r.db", swarm) as first:
        first.append(story.all[:3])
    with Store(tmp_path / "r.db", swarm) as again:
        again.append(story.all[3:])
        assert [s.row for s in again.since(0)] == [1, 2, 3, 4, 5, 6]
        assert [s.envelope for s in again.since(4)] == story.all[4:]


def test_readers_find_by_subject_kind_author_and_time(store: Store, story: Story) -> None:
    store.append(list(reversed(story.all)))
    claim = story.claim.record
    assert isinstance(claim, Claim)
    assert list(store.about(claim.track)) == [story.claim, story.track]
    assert list(store.about(story.claim.id)) == [
        story.finding, story.replication, story.accept, story.result,
    ]  # fmt: skip
    assert list(store.about(claim.track, "track")) == [story.track]
    assert list(store.of_kind("replication")) == [story.replication]
    assert list(store.of_kind("track")) == [story.track]
    assert list(store.by_author(story.claim.author)) == [story.track, story.claim, story.result]
    assert list(store.in_order()) == story.all
    assert list(store.in_order(TIME_MS + 1, TIME_MS + 3)) == [story.claim, story.result]
    with pytest.raises(Misuse, match="no record kind"):
        store.of_kind("x' OR 1 --")


def test_time_order_breaks_ties_by_id(store: Store, alice: Author) -> None:
    notes = [alice.seal(Note(None, f"same moment {n}")) for n in range(20)]
    store.append(notes)
    assert list(store.in_order()) == sorted(notes, key=lambda item: item.id)


def test_the_log_pages_in_order_of_arrival(store: Store, alice: Author) -> None:
    notes = alice.notes(25)
    store.append(notes)
    page = store.log(0, 10)
    assert page == [(n + 1, item.time_ms, item.id) for n, item in enumerate(notes[:10])]
    assert [row for row, _, _ in store.log(10, 100)] == list(range(11, 26))
    assert store.log(25, 10) == []


def test_ids_come_in_byte_order_between_bounds(store: Store, alice: Author) -> None:
    store.append(alice.notes(60))
    ids = sorted(item for _, _, item in store.log(0, 100))
    assert store.ids_between(b"", b"", 100) == ids
    assert store.ids_between(b"", b"", 7) == ids[:7]
    assert store.ids_between(ids[10], ids[20], 100) == ids[10:20]
    assert store.ids_between(b"\x80", b"", 100) == [item for item in ids if item[0] >= 0x80]
    assert store.ids_between(b"\x40", b"\x80", 100) == [item for item in ids if 0x40 <= item[0] < 0x80]


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_index_keys_keep_the_order_of_ids(one: bytes, other: bytes) -> None:
    assert (index_key(one) <= index_key(other)) == (one[:8] <= other[:8])


def test_a_unique_prefix_names_a_record(store: Store, alice: Author) -> None:
    notes = alice.notes(40)
    store.append(notes)
    for item in notes:
        text = to_text(item.id)
        assert store.find(text) == item.id
        assert store.find(text[:12].upper()) == item.id


def test_prefixes_that_name_nothing_or_too_much(store: Store, alice: Author) -> None:
    store.append(alice.notes(3))
    with pytest.raises(NotFound, match="no record starts"):
        store.find("aaaaaaaa")
    with pytest.raises(Misuse, match="4 to 52 characters"):
        store.find("abc")
    with pytest.raises(Misuse, match="not an id"):
        store.find("ab!89")


def test_an_ambiguous_prefix_asks_for_more(store: Store, alice: Author) -> None:
    one = alice.seal(Note(None, "one"))
    twin = replace(one, id=ContentId(one.id[:4] + bytes(28)))  # no two real ids that share 20 bits at hand
    store.append([one, twin])
    with pytest.raises(Ambiguous, match="more than one"):
        store.find(to_text(one.id)[:4])
    assert store.find(to_text(twin.id)[:12]) == twin.id


def test_tips_end_each_chain(store: Store, alice: Author, swarm: SwarmId) -> None:
    store.append(list(reversed(alice.notes(3))))
    first = alice.tip
    alice.tip = type(first)(b"\x77" * 16, -1, None)
    store.append(alice.notes(2))
    assert store.tips(alice.signer.author) == [first, alice.tip]
    assert store.tips(type(first.prev)(b"\x09" * 32)) == []  # type: ignore[misc]


def test_equivocation_is_found_at_its_place(store: Store, alice: Author) -> None:
    start = alice.tip
    one = alice.seal(Note(None, "one"))
    alice.tip = start
    other = alice.seal(Note(None, "other"))
    store.append([one, other])
    assert store.at(alice.signer.author, start.chain, 0) == [one, other]
    assert store.at(alice.signer.author, start.chain, 1) == []


def test_a_batch_is_all_or_nothing(store: Store, alice: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    notes = alice.notes(5)
    broken = notes[4]
    object.__setattr__(broken, "raw", "not bytes")  # a bug of ours, in the last record of the batch
    with pytest.raises(sqlite3.Error):
        store.append(notes)
    assert store.count() == 0
    store.append(notes[:4])
    assert store.count() == 4


def test_iterators_read_the_snapshot_they_began_with(store: Store, alice: Author) -> None:
    store.append(alice.notes(600))
    with closing(store.since(0)) as rows:
        first = next(rows)
        store.append(alice.notes(600))
        assert first.row == 1
        assert sum(1 for _ in rows) == 599
    assert store.count() == 1200


def test_readers_and_the_writer_work_side_by_side(store: Store, alice: Author) -> None:
    batches = [alice.notes(20) for _ in range(20)]
    failures: list[str] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            rows = [stored.row for stored in store.since(0)]
            if rows != list(range(1, len(rows) + 1)) or len(rows) % 20:
                failures.append(f"half a batch was visible: {len(rows)}")

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for batch in batches:
        store.append(batch)
    done.set()
    for reader in readers:
        reader.join()
    assert failures == []
    assert store.count() == 400


def test_another_swarms_file_is_refused(tmp_path: Path, swarm: SwarmId) -> None:
    Store(tmp_path / "r.db", swarm).close()
    for read_only in (False, True):
        with pytest.raises(StoreBroken, match="another swarm"):
            Store(tmp_path / "r.db", swarm_id("other"), read_only=read_only)


def test_a_reader_opens_a_closed_nodes_store(tmp_path: Path, swarm: SwarmId, story: Story) -> None:
    with Store(tmp_path / "r.db", swarm) as store:
        store.append(story.all)
    with Store(tmp_path / "r.db", swarm, read_only=True) as reader:
        assert list(reader.in_order()) == story.all
        with pytest.raises(LocalError, match="opened for reading"):
            reader.append(story.all)


def test_a_reader_needs_a_file(tmp_path: Path, swarm: SwarmId) -> None:
    with pytest.raises(StoreBroken, match="cannot be opened") as caught:
        Store(tmp_path / "none.db", swarm, read_only=True)
    assert "consilience init" in caught.value.hint


def test_a_newer_format_is_refused_untouched(tmp_path: Path, swarm: SwarmId) -> None:
    path = tmp_path / "r.db"
    Store(path, swarm).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreBroken, match="newer version"):
        Store(path, swarm)


def test_foreign_files_are_refused(tmp_path: Path, swarm: SwarmId) -> None:
    garbage, foreign = tmp_path / "garbage.db", tmp_path / "foreign.db"
    garbage.write_bytes(b"\x00garbage" * 2_000)
    with closing(sqlite3.connect(foreign)) as connection:
        connection.execute("CREATE TABLE diary (day TEXT)")
    with pytest.raises(StoreBroken, match="not a database"):
        Store(garbage, swarm)
    with pytest.raises(StoreBroken, match="not a consilience database"):
        Store(foreign, swarm)


def test_a_damaged_file_says_how_to_repair(tmp_path: Path, swarm: SwarmId, alice: Author) -> None:
    path = tmp_path / "r.db"
    with Store(path, swarm) as store:
        store.append(alice.notes(2_000))
    content = bytearray(path.read_bytes())
    content[8192:-8192] = b"\xa5" * (len(content) - 16384)
    path.write_bytes(content)
    with pytest.raises(StoreBroken, match="damaged") as caught, Store(path, swarm) as store:
        list(store.since(0))
    assert "consilience doctor" in caught.value.hint


def test_a_locked_file_says_who(tmp_path: Path, swarm: SwarmId, alice: Author) -> None:
    path = tmp_path / "r.db"
    with Store(path, swarm) as store, closing(sqlite3.connect(path)) as rival:
        store._writing().execute("PRAGMA busy_timeout = 1")
        rival.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBroken, match="another process"):
            store.append(alice.notes(1))
        rival.rollback()
        store.append(alice.notes(1))
        assert store.count() == 1


def test_a_full_disk_loses_nothing_and_passes(store: Store, alice: Author) -> None:
    kept: list[Envelope] = alice.notes(10)
    store.append(kept)
    writer = store._writing()
    (pages,) = writer.execute("PRAGMA page_count").fetchone()
    writer.execute(f"PRAGMA max_page_count = {pages + 2}")
    flood = alice.notes(500)
    with pytest.raises(StoreBroken, match="disk is full") as caught:
        store.append(flood)
    assert "free some space" in caught.value.hint
    assert [stored.envelope for stored in store.since(0)] == kept
    writer.execute("PRAGMA max_page_count = 1000000")
    store.append(flood)
    assert store.count() == 510


def test_a_closed_store_says_so(tmp_path: Path, swarm: SwarmId) -> None:
    store = Store(tmp_path / "r.db", swarm)
    store.close()
    with pytest.raises(LocalError, match="closed"):
        store.count()
    with pytest.raises(LocalError, match="closed"):
        store.append([])
