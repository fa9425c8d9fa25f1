"""Blobs on the disk: durable, checked, never named by anything but their content, never above the quota."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from leaderboard.blob import CHUNK_BYTES, BlobId, blob_id, head_of
from leaderboard.errors import Refused
from leaderboard.ids import to_text
from node.blobs import BlobStore
from node.blobs_check import check_blobs

QUOTA = 1 << 20
ROOT = Path(__file__).parents[2]


def some(size: int, seed: int = 0) -> bytes:
    return Random(seed).randbytes(size)


def fetched(store: BlobStore, data: bytes, referenced: set[bytes] | None = None) -> BlobId:
    """As a fetch does it: chunks in any order."""
    head = head_of(data)
    incoming = store.begin(head, referenced=referenced or set())
    order = list(range(head.chunks))
    Random(7).shuffle(order)
    for index in order:
        incoming.write(index, data[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES])
    incoming.keep()
    incoming.drop()
    return head.id


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])
def test_what_is_put_can_be_got_also_after_a_restart(tmp_path: Path, size: int) -> None:
    data = some(size)
    blob = BlobStore(tmp_path, QUOTA).put(data)
    assert blob == blob_id(data)
    store = BlobStore(tmp_path, QUOTA)
    assert store.get(blob) == data
    assert store.head(blob) == head_of(data)
    assert store.chunk(blob, head_of(data).chunks) is None
    assert store.get(blob, size - 1) is None
    assert store.get(blob_id(b"another")) is None
    assert store.size_bytes == sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())


def test_chunks_may_come_in_any_order(tmp_path: Path) -> None:
    store, data = BlobStore(tmp_path, QUOTA), some(5 * CHUNK_BYTES + 3)
    assert store.get(fetched(store, data)) == data


def test_a_blob_is_seen_whole_or_not_at_all(tmp_path: Path) -> None:
    store, data = BlobStore(tmp_path, QUOTA), some(2 * CHUNK_BYTES)
    incoming = store.begin(head_of(data))
    incoming.write(0, data[:CHUNK_BYTES])
    assert blob_id(data) not in store
    assert store.get(blob_id(data)) is None
    assert len(BlobStore(tmp_path, QUOTA)) == 0  # as after a crash
    incoming.write(1, data[CHUNK_BYTES:])
    assert blob_id(data) not in store
    incoming.keep()
    assert blob_id(data) in store
    incoming.drop()
    assert store.get(blob_id(data)) == data


def test_a_wrong_chunk_is_refused(tmp_path: Path) -> None:
    store, data = BlobStore(tmp_path, QUOTA), some(2 * CHUNK_BYTES)
    incoming = store.begin(head_of(data))
    with pytest.raises(Refused):
        incoming.write(0, data[CHUNK_BYTES:])
    incoming.drop()


@pytest.mark.parametrize("at", [0, 7, 8, 60, 8 + 64 + 5, 8 + 64 + CHUNK_BYTES + 5, -1])
def test_a_damaged_file_is_noticed_and_removed(tmp_path: Path, at: int) -> None:
    store, data = BlobStore(tmp_path, QUOTA), some(2 * CHUNK_BYTES)
    blob = store.put(data)
    path = tmp_path / "own" / to_text(blob)
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    assert store.get(blob) is None
    assert blob not in store
    assert not path.exists()


def test_a_file_under_anothers_name_is_not_believed(tmp_path: Path) -> None:
    store = BlobStore(tmp_path, QUOTA)
    path = tmp_path / "own" / to_text(store.put(b"true"))
    path.rename(path.with_name(to_text(blob_id(b"false"))))
    store = BlobStore(tmp_path, QUOTA)
    assert blob_id(b"false") in store
    assert store.get(blob_id(b"false")) is None
    assert len(store) == 0


def test_files_that_are_no_blobs_are_left_alone(tmp_path: Path) -> None:
    BlobStore(tmp_path, QUOTA)
    note = tmp_path / "own" / "README"
    note.write_text("mine")
    assert len(BlobStore(tmp_path, QUOTA)) == 0
    assert note.exists()


def test_a_cut_or_vanished_file_is_not_here(tmp_path: Path) -> None:
    store = BlobStore(tmp_path, QUOTA)
    first, second = store.put(some(300)), store.put(some(300, 1))
    os.truncate(tmp_path / "own" / to_text(first), 100)
    (tmp_path / "own" / to_text(second)).unlink()
    assert store.get(first) is None
    assert store.get(second) is None


def test_room_is_made_of_what_nobody_refers_to_then_of_copies_never_of_our_own(tmp_path: Path) -> None:
    store = BlobStore(tmp_path, 1_010_000)
    own = store.put(some(200_000, 1))
    old, referenced, new = (fetched(store, some(200_000, seed)) for seed in (2, 3, 4))
    for used, blob in enumerate((referenced, old, new)):
        os.utime(tmp_path / "fetched" / to_text(blob), ns=(used, used))
    store = BlobStore(tmp_path, 1_010_000)
    fetched(store, some(300_000, 5), {referenced})
    assert {b for b in (own, old, referenced, new) if b in store} == {own, referenced, new}
    fetched(store, some(300_000, 6), {referenced, blob_id(some(300_000, 5))})
    assert {b for b in (own, old, referenced, new) if b in store} == {own, referenced}
    assert store.get(own) == some(200_000, 1)
    with pytest.raises(Refused, match=r"limits\.blob_mb"):
        store.begin(head_of(some(900_000)))
    assert len(store) == 4
    assert store.size_bytes <= 1_010_000


def test_room_is_reserved_before_anything_comes(tmp_path: Path) -> None:
    store = BlobStore(tmp_path, 500_000)
    first = store.begin(head_of(some(300_000)))
    with pytest.raises(Refused):
        store.begin(head_of(some(300_000, 1)))
    first.drop()
    store.begin(head_of(some(300_000, 1))).drop()


def test_what_was_fetched_and_is_put_becomes_our_own(tmp_path: Path) -> None:
    store, data = BlobStore(tmp_path, QUOTA), some(1000)
    blob = fetched(store, data)
    assert store.put(data) == blob
    assert (tmp_path / "own" / to_text(blob)).exists()
    assert BlobStore(tmp_path, QUOTA).get(blob) == data


def test_the_check_finds_what_is_damaged_and_changes_nothing(tmp_path: Path) -> None:
    store = BlobStore(tmp_path, QUOTA)
    good, bad, cut, longer = [store.put(some(CHUNK_BYTES + 10, seed)) for seed in range(4)]
    fetched(store, some(10, 5))
    (tmp_path / "own" / "README").write_text("mine")
    files = {blob: tmp_path / "own" / to_text(blob) for blob in (good, bad, cut, longer)}
    content = bytearray(files[bad].read_bytes())
    content[-1] ^= 1
    files[bad].write_bytes(content)
    os.truncate(files[cut], 1000)
    files[longer].write_bytes(files[longer].read_bytes() + b"x")
    found = check_blobs(tmp_path)
    assert found.blobs == 5
    assert set(found.damaged) == {files[bad], files[cut], files[longer]}
    assert all(file.exists() for file in files.values())
    assert check_blobs(tmp_path / "nowhere").blobs == 0


@pytest.mark.slow
def test_killed_at_any_moment_it_shows_whole_blobs_only(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from node.blobs import BlobStore\n"
        "store = BlobStore(Path(sys.argv[1]), 10**9)\n"
        "for number in range(int(sys.argv[2]), int(sys.argv[2]) + 300):\n"
        "    print(store.put(number.to_bytes(4, 'big') * 100_000).hex(), flush=True)\n"
        "sys.stdin.read()\n"  # who kills it may be late: all that it writes has to fit
    )
    promised = set[bytes]()
    for start in range(6):
        with subprocess.Popen(
            [sys.executable, "-P", "-c", code, str(tmp_path), str(1000 * start)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        ) as child:
            assert child.stdout is not None
            for _ in range(3):
                promised.add(bytes.fromhex(child.stdout.readline().decode()))
            child.kill()
            promised |= {bytes.fromhex(line.decode()) for line in child.stdout if line.endswith(b"\n")}
        assert not check_blobs(tmp_path).damaged
    store = BlobStore(tmp_path, 10**9)
    assert not list((tmp_path / "partial").iterdir())
    assert all(store.get(BlobId(blob)) is not None for blob in promised)
    assert len(promised) >= 18


@pytest.mark.slow
def test_doctor_names_damaged_blobs(tmp_path: Path) -> None:
    blob = BlobStore(tmp_path / "blobs", QUOTA).put(some(100))
    path = tmp_path / "blobs" / "own" / to_text(blob)
    command = [sys.executable, "-P", "-m", "node.cli", "--home", str(tmp_path), "doctor", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def says() -> tuple[str, str]:
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
        (found,) = [item for item in json.loads(done.stdout) if item["name"] == "blobs"]
        return found["state"], found["says"]

    assert says()[0] == "good"
    os.truncate(path, 50)
    state, words = says()
    assert state == "bad"
    assert str(path) in words
    assert path.exists()


def test_our_own_stays_our_own_however_it_comes(tmp_path: Path) -> None:
    data = some(1000)
    for first, second in ((True, False), (False, True), (True, True), (False, False)):
        store = BlobStore(tmp_path / f"{first}{second}", QUOTA)
        both = [store.begin(head_of(data), own=own) for own in (first, second)]
        for incoming in both:
            incoming.write(0, data)
            incoming.keep()
            incoming.drop()
        assert store.get(blob_id(data)) == data
        (file,) = [path for path in (tmp_path / f"{first}{second}").rglob("*") if path.is_file()]
        assert (file.parent.name == "own") == (first or second)
        assert store.size_bytes == file.stat().st_size


def test_a_crash_while_a_copy_becomes_our_own(tmp_path: Path) -> None:
    store, data = BlobStore(tmp_path, QUOTA), some(1000)
    blob = fetched(store, data)
    copy = (tmp_path / "fetched" / to_text(blob)).read_bytes()
    (tmp_path / "own" / to_text(blob)).write_bytes(copy)
    store = BlobStore(tmp_path, QUOTA)
    assert store.get(blob) == data
    assert not list((tmp_path / "fetched").iterdir())


def test_a_full_disk_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    code = (
        "import resource, signal, sys; from pathlib import Path; from node.blobs import BlobStore\n"
        "from leaderboard.errors import Refused\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "store = BlobStore(Path(sys.argv[1]), 10**9)\n"
        "try: store.put(bytes(500_000))\n"
        "except Refused as error: print('refused', store.size_bytes, len(store))\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, str(tmp_path)],
        capture_output=True,
        check=False,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.stdout == "refused 0 0\n", done.stderr
    assert not list((tmp_path / "partial").iterdir())
