"""What was acknowledged survives: a process killed at any moment, and a log cut or spoiled at any byte."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from leaderboard.ids import SwarmId, from_text
from node.store import Store
from node.store_check import diagnose

if TYPE_CHECKING:
    from .conftest import Author

WRITER = """
import sys
from pathlib import Path
from leaderboard.envelope import ChainTip, seal, swarm_id
from leaderboard.ids import to_text
from leaderboard.records import Note
from leaderboard.signing import Signer
from node import store_runs
from node.store import Store

store_runs._MERGED_EVERY = (8, 64)  # so that kills fall into merges, too
signer, swarm = Signer(b"\\1" * 32), swarm_id("test-swarm")
store = Store(Path(sys.argv[1]), swarm)
tip = ChainTip(sys.argv[2].encode(), -1, None)
while True:
    batch = []
    for _ in range(7):
        batch.append(seal(Note(tip.prev, "x" * 400), signer, swarm, tip, 1_790_000_000_000))
        tip = batch[-1].tip
    store.append(batch)
    print(*(to_text(item.id) for item in batch), flush=True)
"""


def run_and_kill(path: Path, chain: str, acknowledgements: int) -> list[bytes]:
    """Ids that a writer acknowledged before SIGKILL, which strikes while it is busy with the next ones."""
    command = [sys.executable, "-P", "-c", WRITER, str(path), chain]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(acknowledgements)]
        child.send_signal(signal.SIGKILL)
        lines += [line for line in child.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    assert child.returncode == -signal.SIGKILL
    return [from_text(word) for line in lines for word in line.split()]


def assert_sound(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.slow
def test_sigkill_loses_nothing_acknowledged(tmp_path: Path, swarm: SwarmId) -> None:
    path = tmp_path / "r.db"
    promised: set[bytes] = set()
    for run in range(25):
        promised.update(run_and_kill(path, f"chain-{run:010}", 1 + 3 * run % 17))
        with Store(path, swarm) as store:
            found = [item for _, _, item in store.log(0, 10**6)]
        assert promised <= set(found)
        assert len(found) == len(set(found))
        assert len(found) % 7 == 0  # no half batches
        assert_sound(path)
    assert diagnose(path, swarm).complaints == ()


def logged(tmp_path: Path, swarm: SwarmId, alice: Author) -> tuple[Path, list[tuple[int, int]]]:
    """A database left as by a crash, and after each batch (length of the log, records acknowledged)."""
    live, left = tmp_path / "live.db", tmp_path / "left.db"
    marks = []
    with Store(live, swarm) as store:
        wal = Path(f"{live}-wal")
        for size in (3, 1, 12, 5, 40, 2):
            store.append(alice.notes(size))
            marks.append((wal.stat().st_size, store.count()))
        shutil.copy(live, left)
        shutil.copy(wal, f"{left}-wal")
    return left, marks


def recovered(path: Path, swarm: SwarmId) -> int:
    with Store(path, swarm) as store:
        assert sum(1 for _ in store.since(0)) == store.count()
        count = store.count()
    assert_sound(path)
    return count


@pytest.mark.parametrize("spoil", ["cut", "garbage", "zeros"])
def test_a_log_spoiled_at_any_point_keeps_what_was_synced(
    tmp_path: Path, swarm: SwarmId, alice: Author, spoil: str
) -> None:
    left, marks = logged(tmp_path, swarm, alice)
    log = Path(f"{left}-wal").read_bytes()
    first = marks[0][0]
    points = {first, *(size for size, _ in marks), *(size - 1 for size, _ in marks[1:])}
    points |= set(range(first, len(log), 7 * 4096 + 1234))
    for point in sorted(points):
        copy = tmp_path / f"{spoil}-{point}.db"
        shutil.copy(left, copy)
        rest = len(log) - point
        tail = {"cut": b"", "garbage": b"\xa5" * rest, "zeros": bytes(rest)}[spoil]
        Path(f"{copy}-wal").write_bytes(log[:point] + tail)
        acknowledged = max((count for size, count in marks if size <= point), default=0)
        assert recovered(copy, swarm) == acknowledged


def test_a_writer_goes_on_after_a_spoiled_log(tmp_path: Path, swarm: SwarmId, alice: Author) -> None:
    left, marks = logged(tmp_path, swarm, alice)
    wal = Path(f"{left}-wal")
    wal.write_bytes(wal.read_bytes()[: marks[2][0] + 100])
    with Store(left, swarm) as store:
        assert store.count() == marks[2][1]
        store.append(alice.notes(9))
    assert recovered(left, swarm) == marks[2][1] + 9
