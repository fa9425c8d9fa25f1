"""Fetches that stopped half way go on later, with what they had and nothing else, under the quota."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from random import Random

import pytest

from leaderboard.blob import CHUNK_BYTES, blob_id, head_of
from leaderboard.errors import Refused
from leaderboard.ids import to_text
from node.blobs import BlobStore
from node.blobs_check import check_blobs
from node.blobs_file import IncomingFile

QUOTA = 1 << 20
ROOT = Path(__file__).parents[2]


def some(size: int, seed: int = 0) -> bytes:
    return Random(seed).randbytes(size)


def half(store: BlobStore, data: bytes, indices: Collection[int]) -> IncomingFile:
    """A fetch that has got so far."""
    incoming = store.begin(head_of(data))
    for index in indices:
        incoming.write(index, data[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES])
    return incoming


def had(store: BlobStore, data: bytes) -> Collection[int]:
    """What a fetch would go on with."""
    incoming = store.begin(head_of(data))
    incoming.drop()
    return incoming.have


@pytest.mark.parametrize("orderly", [True, False])
def test_a_fetch_goes_on_where_it_stopped_also_after_a_restart(tmp_path: Path, orderly: bool) -> None:
    data = some(4 * CHUNK_BYTES + 3)
    incoming = half(BlobStore(tmp_path, QUOTA), data, (4, 0, 2))
    if orderly:
        incoming.drop()
    store = BlobStore(tmp_path, QUOTA)
    again = half(store, data, (1, 3))
    assert again.have == {0, 2, 4}
    again.keep()
    again.drop()
    incoming.drop()  # only closes the file: it is another's now
    assert BlobStore(tmp_path, QUOTA).get(blob_id(data)) == data
    assert not list((tmp_path / "partial").iterdir())
    assert store.size_bytes == sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())


def test_a_fetch_that_got_nothing_leaves_nothing(tmp_path: Path) -> None:
    store = BlobStore(tmp_path, QUOTA)
    half(store, some(CHUNK_BYTES), ()).drop()
    assert store.size_bytes == 0
    assert not list((tmp_path / "partial").iterdir())


def test_pieces_are_believed_one_by_one(tmp_path: Path) -> None:
    data = some(3 * CHUNK_BYTES)
    half(BlobStore(tmp_path, QUOTA), data, (0, 1, 2)).drop()
    (path,) = (tmp_path / "partial").iterdir()
    whole = path.read_bytes()
    for damaged, left in (
        (b"", set[int]()),
        (whole[: 104 + CHUNK_BYTES + 5], {0}),
        (whole[:110] + b"?" + whole[111:], {1, 2}),
        (b"?" * 104 + whole[104:], {0, 1, 2}),  # a torn head is written anew
        (whole + b"?" * 1_000_000, {0, 1, 2}),
    ):
        path.write_bytes(damaged)
        store = BlobStore(tmp_path, QUOTA)
        incoming = store.begin(head_of(data))
        assert incoming.have == left
        for index in {0, 1, 2} - left:
            incoming.write(index, data[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES])
        incoming.keep()
        incoming.drop()
        assert not check_blobs(tmp_path).damaged
        assert store.get(blob_id(data)) == data
        (tmp_path / "fetched" / to_text(blob_id(data))).unlink()


def test_what_is_not_whole_counts_and_is_the_first_to_go(tmp_path: Path) -> None:
    store = BlobStore(tmp_path, 1_000_000)
    whole = half(store, some(CHUNK_BYTES, 1), (0,))
    whole.keep()
    whole.drop()
    for seed in (2, 3):
        half(store, some(2 * CHUNK_BYTES, seed), (0, 1)).drop()
    assert store.size_bytes == sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert BlobStore(tmp_path, 1_000_000).size_bytes == store.size_bytes
    half(store, some(4 * CHUNK_BYTES, 4), ()).drop()
    assert had(store, some(2 * CHUNK_BYTES, 2)) == set()  # the older of the two went
    assert blob_id(some(CHUNK_BYTES, 1)) in store
    with pytest.raises(Refused):
        store.begin(head_of(some(1_100_000)))
    assert had(store, some(2 * CHUNK_BYTES, 3)) == {0, 1}  # and nothing for what cannot fit


def test_not_more_than_so_many_stopped_fetches_are_kept(tmp_path: Path) -> None:
    store = BlobStore(tmp_path, 1 << 30)
    for seed in range(70):
        half(store, some(10, seed), (0,)).drop()
    assert len(list((tmp_path / "partial").iterdir())) == 64
    assert had(store, some(10, 5)) == set()
    assert had(store, some(10, 69)) == {0}
    for number in range(70):
        (tmp_path / "partial" / f"{to_text(blob_id(some(11, number)))}.1").write_bytes(b"x")
    BlobStore(tmp_path, 1 << 30)
    assert len(list((tmp_path / "partial").iterdir())) == 64


def test_two_fetches_of_one_blob_do_not_write_to_one_file(tmp_path: Path) -> None:
    store, data = BlobStore(tmp_path, QUOTA), some(3 * CHUNK_BYTES)
    first, second = half(store, data, (0,)), half(store, data, (1, 2))
    assert second.have == set()
    second.drop()
    first.drop()
    assert had(store, data) == {1, 2}  # the larger of the two
    assert store.put(data) == blob_id(data)
    assert len(BlobStore(tmp_path, QUOTA)) == 1


def test_other_peoples_files_in_the_folder_of_drafts_are_cleared_away(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    target.write_text("mine")
    (tmp_path / "store" / "partial").mkdir(parents=True)
    (tmp_path / "store" / "partial" / f"{to_text(bytes(32))}.link").symlink_to(target)
    (tmp_path / "store" / "partial" / "0123abcd").write_text("a draft")
    BlobStore(tmp_path / "store", QUOTA)
    assert not list((tmp_path / "store" / "partial").iterdir())
    assert target.read_text() == "mine"


def test_a_full_disk_is_not_filled_with_what_cannot_be_finished(tmp_path: Path) -> None:
    code = (
        "import resource, signal, sys; from pathlib import Path; from node.blobs import BlobStore\n"
        "from leaderboard.blob import CHUNK_BYTES, head_of\n"
        "from leaderboard.errors import Refused\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "store = BlobStore(Path(sys.argv[1]), 10**9)\n"
        "incoming = store.begin(head_of(bytes(500_000)))\n"
        "incoming.write(0, bytes(CHUNK_BYTES))\n"
        "try: incoming.write(1, bytes(CHUNK_BYTES))\n"
        "except Refused: incoming.drop(); print('refused', store.size_bytes)\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, str(tmp_path)],
        capture_output=True,
        check=False,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.stdout == "refused 0\n", done.stderr
    assert not list((tmp_path / "partial").iterdir())


@pytest.mark.slow
def test_killed_in_the_middle_of_a_fetch_it_goes_on_with_what_it_had(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from node.blobs import BlobStore\n"
        "from leaderboard.blob import CHUNK_BYTES, head_of\n"
        "data = b''.join(n.to_bytes(4, 'big') * (CHUNK_BYTES // 4) for n in range(200))\n"
        "incoming = BlobStore(Path(sys.argv[1]), 10**9).begin(head_of(data))\n"
        "for index in sorted(set(range(200)) - incoming.have)[:45]:\n"
        "    incoming.write(index, data[index * CHUNK_BYTES:][:CHUNK_BYTES]); print(index, flush=True)\n"
        "sys.stdin.read()\n"  # who kills it may be late: there must be something left to fetch
    )
    promised, asked = set[int](), 0
    for _ in range(4):
        with subprocess.Popen(
            [sys.executable, "-P", "-c", code, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        ) as child:
            assert child.stdout is not None
            lines = [child.stdout.readline() for _ in range(20)]
            child.kill()
            lines += [line for line in child.stdout if line.endswith(b"\n")]
        asked += len(lines)
        promised |= set(map(int, lines))
    assert len(promised) == asked  # nothing was fetched twice
    data = b"".join(n.to_bytes(4, "big") * (CHUNK_BYTES // 4) for n in range(200))
    assert set(had(BlobStore(tmp_path, 10**9), data)) >= promised
