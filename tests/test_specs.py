"""The specifications name every message, field, limit and vector that the code has."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from gossip.net import patches, syncing
from gossip.net.blobs import _AT_ONCE, _FETCHES, _PER_PEER, _SESSION_SECONDS
from gossip.net.streams import FRAME_SECONDS
from gossip.proto import blobs, exchange, messages
from gossip.proto.blobs import MAX_RUN
from gossip.proto.conduct import BAN_GUILT, BROKEN_PROTOCOL, REJECTED_RECORD
from gossip.proto.frames import MAX_FRAME_BYTES, PACK_BYTES
from gossip.proto.messages import MAX_RANGES, MAX_WANTED
from gossip.proto.push import MAX_BATCH_RECORDS
from gossip.proto.riblt import MAX_SYMBOLS
from leaderboard.admission import MAX_WORK_BITS
from leaderboard.blob import CHUNK_BYTES, MAX_BLOB_BYTES, MAX_CHUNKS, BlobHead
from leaderboard.codec import MAX_DEPTH, MAX_ITEMS, MAX_RECORD_BYTES
from leaderboard.measurement import MAX_SEEDS
from leaderboard.records import KINDS, MAX_TEXT

from .leaderboard.examples import EXAMPLES

ROOT = Path(__file__).parents[1]
SPECS = {path.stem.removesuffix("-v1"): path.read_text() for path in (ROOT / "docs" / "spec").glob("*.md")}


def test_every_protocol_is_specified_shortly_with_its_versions_and_vectors() -> None:
    assert SPECS.keys() == {"record", "gossip", "sync", "peers", "blobs"}
    for name, text in SPECS.items():
        assert len(text.splitlines()) <= 150, name
        assert re.search(r"^## \d+\. Versions$", text, re.MULTILINE), name
        vectors = re.search(r"Test vectors:(.*?)\.\s*\n\n", text, re.DOTALL)
        assert vectors, name
        for file in re.findall(r"`(?:tests/vectors/)?([\w-]+\.json)`", vectors[1]):
            assert (ROOT / "tests" / "vectors" / file).exists(), file
    every = " ".join(SPECS.values())
    for path in (ROOT / "tests" / "vectors").iterdir():
        assert path.name in every, path.name


@pytest.mark.parametrize(("name", "module", "first"), [("sync", messages, 0), ("blobs", blobs, 112)])
def test_every_message_stands_in_its_table(name: str, module: object, first: int) -> None:
    rows = dict(re.findall(r"^\| (\d+) \| (\w+) \|", SPECS[name], re.MULTILINE))
    classes = [item for item in vars(module).values() if isinstance(item, type) and hasattr(item, "encode")]
    assert sorted(item.__name__ for item in classes) == sorted(rows.values())
    vectors = "gossip-v1.json" if name == "sync" else "blobs-v1.json"
    frames = json.loads((ROOT / "tests" / "vectors" / vectors).read_text())["frames"]
    for kind, message in rows.items():
        encoded = bytes.fromhex(frames[message])
        assert encoded[0] == 1, message
        assert int(kind) == (encoded[2] if encoded[2] < 0x80 else encoded[3]), message


def test_peer_exchange_and_push_say_their_kinds() -> None:
    assert exchange.Ask((), 1).encode()[2] == 96
    assert "frame(96, listening, count)" in SPECS["peers"]
    assert "frame(97, listening, [[peer, addresses]...])" in SPECS["peers"]
    assert "frame(64, packed)" in SPECS["gossip"]


def test_every_kind_of_record_stands_in_the_table_with_its_keys() -> None:
    text = SPECS["record"]
    rows = dict(re.findall(r"^\| `(\w+)` \| (`.*) \|$", text, re.MULTILINE))
    shown = {example.kind for example in EXAMPLES}
    assert shown == KINDS.keys()
    for example in EXAMPLES:
        for key in example.payload():
            assert f"`{key}`" in rows[example.kind], (example.kind, key)
    for key in (
        "seeds",
        "candidate",
        "opponent",
        "stable",
        "environment",
        "calibration",
        "sandbox",
        "cost_ms",
    ):
        assert f"`{key}`" in text


def grouped(number: float) -> str:
    return f"{number:,.0f}"


def test_limits_are_what_the_code_has() -> None:
    limits = {
        "record": [MAX_RECORD_BYTES, MAX_ITEMS],
        "gossip": [MAX_FRAME_BYTES, PACK_BYTES, MAX_RECORD_BYTES],
        "sync": [MAX_SYMBOLS, MAX_WANTED, MAX_RANGES],
        "blobs": [MAX_BLOB_BYTES, CHUNK_BYTES, MAX_CHUNKS - 1, MAX_RUN, MAX_FRAME_BYTES],
    }
    for name, values in limits.items():
        for value in values:
            assert grouped(value) in SPECS[name], (name, value)
    assert f"nest at most {MAX_DEPTH} deep" in SPECS["record"]
    assert f"1 to {MAX_WORK_BITS}" in SPECS["record"]
    assert f"up to {MAX_SEEDS} distinct integers" in SPECS["record"]
    assert f"t({MAX_TEXT})" in SPECS["record"]
    assert f"| {BROKEN_PROTOCOL:.0f} | a broken frame" in SPECS["gossip"]
    assert f"| {REJECTED_RECORD:.0f} | a record that the ledger rejects" in SPECS["gossip"]
    assert f"| time for a frame to arrive or to be taken | {FRAME_SECONDS:.0f} s |" in SPECS["gossip"]
    assert f"| a session | {_SESSION_SECONDS:.0f} s," in SPECS["blobs"]
    assert f"| {_PER_PEER} per peer, {_AT_ONCE} in all," in SPECS["blobs"]
    assert f"| blobs fetched at once | {_FETCHES} |" in SPECS["blobs"]
    sync_places = f"{syncing._PER_PEER} per peer, {syncing._AT_ONCE} in all"
    assert f"| sync sessions served at once | {sync_places}" in SPECS["gossip"]
    assert f"| a sync session | {syncing._SESSION_SECONDS:.0f} s," in SPECS["gossip"]
    assert f"| {patches.MAX_PEER_STREAMS} per connection;" in SPECS["gossip"]
    assert f"{patches.MAX_REFUSED_STREAMS} such end the connection" in SPECS["gossip"]
    assert f"| {patches.CONNECTION_BUFFER_BYTES >> 20} MiB, then it is closed |" in SPECS["gossip"]
    assert f"1 to {MAX_BATCH_RECORDS} envelopes" in SPECS["gossip"]
    assert f"At {BAN_GUILT:.0f} a peer is banned" in SPECS["gossip"]
    longest = max(
        len(blobs.Head(BlobHead(MAX_BLOB_BYTES, bytes(32 * MAX_CHUNKS))).encode()),
        len(blobs.Chunk(bytes(CHUNK_BYTES)).encode()),
    )
    assert f"the longest honest one here has {longest:,}" in SPECS["blobs"]
