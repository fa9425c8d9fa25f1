"""The boards' file: a cache that survives kills, notices what it no longer fits, and is built again."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import trio
from structlog.testing import capture_logs

from leaderboard.evidence.synthetic import SWARM, Actor, Contest
from leaderboard.standings import Standings
from leaderboard.tables import FLAG, NUMBER, Codec
from node.boards import Boards
from node.replica import Entrance, NodeReplica
from node.store import Store
from node.store_views import ViewFile, ViewsBroken, inspect

RAW: Codec[bytes] = Codec(bytes, bytes)


def history(claims: int = 12) -> list[bytes]:
    contest = Contest()
    actors = [Actor(f"a{number}", contest) for number in range(5)]
    records = [actors[0].track()]
    for number in range(claims):
        author = actors[number % 5]
        claim = author.claim(3.0 + number, text=str(number))
        records += [claim, author.result(claim, 3.0 + number)]
        for other, peer in enumerate(actors):
            if peer is not author and (number + other) % 3:
                accept = peer.accept(claim)
                records += [accept, peer.deliver(accept, 3.0 + number)]
    return [record.raw for record in records]


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "records.db", SWARM) as opened:
        yield opened


def replica_of(store: Store, path: Path) -> NodeReplica:
    return NodeReplica(store, SWARM, Entrance(me=Actor("a1", Contest()).id), path)


def digest(standings: Standings) -> bytes:
    (track,) = standings.tracks()
    return standings.digest(track) + standings.board(track).digest


async def folded(store: Store) -> bytes:
    """The boards of the whole log, by the shortest way."""
    fresh = NodeReplica(store, SWARM)
    await fresh.load()
    return digest(fresh.standings)


def damage(path: Path, table: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f'UPDATE "{table}" SET value = zeroblob(length(value))')
        connection.commit()


async def test_a_start_goes_on_where_the_file_ends(store, tmp_path):
    records, path = history(), tmp_path / "boards.db"
    first = replica_of(store, path)
    await first.open()
    await first.admit(records[:40], "")
    first.boards.save()
    await first.admit(records[40:60], "")  # not saved: as if the process were killed here
    first.boards._close()
    again = replica_of(store, path)
    await again.open()
    assert again.boards.row == 40
    assert not again.boards.caught_up
    assert again.boards.progress == pytest.approx(100 * 40 / 60)
    await again.admit(records[60:], "")  # while it has not caught up
    assert again.boards.row == 40
    await again.boards.catch_up(lambda: again.cursor)
    assert again.boards.progress == 100
    assert digest(again.standings) == await folded(store)
    again.close()
    last = replica_of(store, path)
    await last.open()
    assert last.boards.caught_up
    assert digest(last.standings) == await folded(store)
    last.close()


async def test_first_rows_are_read_without_their_records(store, tmp_path, monkeypatch):
    contest, path = Contest(), tmp_path / "boards.db"
    author, *peers = (Actor(f"a{number}", contest) for number in range(4))
    claim = author.claim(5.0)
    accepts = [peer.accept(claim) for peer in peers]
    late = peers[0].accept(author.claim(1.0, text="another"))
    runs = [peer.deliver(accept, 5.0) for peer, accept in zip(peers, accepts, strict=True)]
    first = replica_of(store, path)
    await first.open()
    await first.admit([item.raw for item in (author.track(), claim, *accepts, *runs)], "")
    track = contest.manifest.id
    rows = first.standings.top(track)
    assert [row.view.id for row in rows] == [claim.id]
    first.close()
    again = replica_of(store, path)
    await again.open()
    with monkeypatch.context() as patched:
        patched.setattr(Store, "on_claim", lambda *_: pytest.fail("a record was read"))
        assert again.standings.top(track) == rows
    await again.admit([author.result(claim, 5.0).raw, late.raw], "")
    assert again.standings.top(track)[0].view.evidence.author is not None
    again.close()


async def test_any_batches_saves_and_kills_end_at_the_same_boards(store, tmp_path):
    chance, records = random.Random(5), history(20)
    path, done = tmp_path / "boards.db", 0
    replica = replica_of(store, path)
    await replica.open()
    while done < len(records):
        size = chance.randint(1, 12)
        await replica.admit(records[done : done + size], "")
        done += size
        deed = chance.randrange(4)
        if deed == 0:
            await replica.boards.save_gently()
        elif deed == 1:
            replica.boards._close()
            replica = replica_of(store, path)
            await replica.open()
            if chance.random() < 0.7:
                await replica.boards.catch_up(store.count)
    await replica.boards.catch_up(store.count)
    assert digest(replica.standings) == await folded(store)
    replica.close()


@pytest.mark.parametrize("fault", ["no database", "another edition", "another log", "older log", "torn"])
async def test_a_file_that_does_not_fit_is_built_again(store, tmp_path, fault):
    records, path = history(), tmp_path / "boards.db"
    first = replica_of(store, path)
    await first.open()
    await first.admit(records, "")
    first.close()
    if fault == "no database":
        path.write_bytes(b"not a database, but long enough to look at" * 200)
    elif fault == "another edition":
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("UPDATE about SET value = x'00' WHERE key = 'edition'")
            connection.commit()
    elif fault == "another log":
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("UPDATE about SET value = zeroblob(32) WHERE key = 'at'")
            connection.commit()
    elif fault == "older log":
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("UPDATE about SET value = 10000 WHERE key = 'row'")
            connection.commit()
    else:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    again = replica_of(store, path)
    await again.load()
    assert digest(again.standings) == await folded(store)
    again.close()


@pytest.mark.parametrize("tenths", range(11))
async def test_a_log_of_the_file_cut_anywhere_is_an_earlier_save(store, tmp_path, tenths):
    """What kills and power cuts leave behind: the file as it was at some save."""
    records, path = history(), tmp_path / "boards.db"
    first = replica_of(store, path)
    await first.open()
    saved = {0}
    for start in range(0, len(records), 9):
        await first.admit(records[start : start + 9], "")
        first.boards.save()
        saved.add(first.boards.row)
        if start == 27:
            first.boards._file.fold_log()
    copy = tmp_path / "copy.db"
    copy.write_bytes(path.read_bytes())
    log = path.with_name("boards.db-wal").read_bytes()
    copy.with_name("copy.db-wal").write_bytes(log[: len(log) * tenths // 10 + tenths])
    first.boards._close()
    again = replica_of(store, copy)
    await again.open()
    assert again.boards.row in saved
    await again.boards.catch_up(lambda: again.cursor)
    assert digest(again.standings) == await folded(store)
    again.close()


async def test_damage_that_is_met_later_throws_the_file_away(store, tmp_path):
    records, path = history(), tmp_path / "boards.db"
    first = replica_of(store, path)
    await first.open()
    await first.admit(records[:-4], "")
    first.close()
    damage(path, "entries")
    again = replica_of(store, path)
    await again.open()
    assert again.boards.caught_up
    with pytest.raises(ViewsBroken, match="damaged"):
        digest(again.standings)
    await again.admit(records[-4:], "")
    assert not again.boards.caught_up
    await again.boards.catch_up(lambda: again.cursor)
    assert digest(again.standings) == await folded(store)
    again.close()


async def test_the_doctor_sees_every_flipped_bit_in_a_value(store, tmp_path):
    path = tmp_path / "boards.db"
    first = replica_of(store, path)
    await first.open()
    await first.admit(history(3), "")
    first.close()
    assert inspect(path) == ""
    with closing(sqlite3.connect(path)) as connection:
        ((key, value),) = connection.execute('SELECT key, value FROM "entries" LIMIT 1').fetchall()
        flipped = bytes([value[0] ^ 4]) + value[1:]
        connection.execute('UPDATE "entries" SET value = ? WHERE key = ?', (flipped, key))
        connection.commit()
    assert inspect(path) == "table entries is damaged"
    path.write_bytes(path.read_bytes()[:5_000])
    assert inspect(path)


async def test_boards_are_caught_up_and_saved_in_the_background(store, tmp_path, monkeypatch):
    monkeypatch.setattr("node.replica._SAVE_SECONDS", 0.0)
    records, path = history(), tmp_path / "boards.db"
    early = NodeReplica(store, SWARM)
    await early.admit(records[:50], "")
    replica = replica_of(store, path)
    await replica.open()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(replica.keep_boards)
        with trio.fail_after(60):
            await replica.wait_caught_up()
            await replica.admit(records[50:], "")
            while replica.boards._file.row < len(records):  # noqa: ASYNC110 - nobody is told of a save
                await trio.sleep(0.001)
        nursery.cancel_scope.cancel()
    replica.boards._close()
    saved = Boards(store, path, replica.entrance.me)
    saved.open(frozenset())
    assert saved.row == len(records)
    saved.close()


async def test_a_log_that_lost_records_does_not_go_unnoticed(store, tmp_path):
    records, path = history(3), tmp_path / "boards.db"
    with Store(tmp_path / "whole.db", SWARM) as whole:
        first = replica_of(whole, path)
        await first.open()
        await first.admit(records, "")
        first.close()
    await NodeReplica(store, SWARM).admit(records[:-2], "")
    shorter = replica_of(store, path)
    with capture_logs() as said:
        await shorter.load()
    assert [line["missing"] for line in said if "missing" in line] == [2]
    assert digest(shorter.standings) == await folded(store)
    shorter.close()


def test_tables_in_a_file_are_like_tables_in_memory(tmp_path):
    chance, model = random.Random(3), {}
    file = ViewFile(tmp_path / "v.db", b"e")
    table = file.table("t", RAW)
    for step in range(3_000):
        key = bytes(chance.choices(b"ab\xff", k=chance.randint(0, 4)))
        deed = chance.randrange(7)
        if deed < 3:
            model[key] = bytes([step % 251])
            table.put(key, model[key])
        elif deed == 3:
            model.pop(key, None)
            table.drop(key)
        elif deed == 4:
            assert table.get(key) == model.get(key)
        elif deed == 5:
            backwards = chance.random() < 0.5
            expected = sorted((k, v) for k, v in model.items() if k.startswith(key))
            assert list(table.scan(key, backwards=backwards)) == expected[:: -1 if backwards else 1]
        elif chance.random() < 0.05:
            file.save(step, None)
            saved = dict(model)
        elif chance.random() < 0.03 and file.row:
            file.close()
            file, model = ViewFile(tmp_path / "v.db", b"e"), dict(saved)
            table = file.table("t", RAW)
    file.close()


def test_many_keys_go_through_little_memory(tmp_path):
    file = ViewFile(tmp_path / "v.db", b"e")
    table = file.table("n", NUMBER)
    for number in range(10_000):
        table.put(number.to_bytes(4, "big"), number)
    assert [value for _, value in table.scan(b"\x00\x00")] == list(range(10_000))
    assert table.get((9_999).to_bytes(4, "big")) == 9_999
    assert len(list(file.table("empty", FLAG).scan(b""))) == 0
    file.close()
