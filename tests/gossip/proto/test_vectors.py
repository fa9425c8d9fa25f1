"""The vectors of docs/spec/{gossip,sync,peers}-v1.md; WRITE_VECTORS=1 writes them anew, on purpose."""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from pathlib import Path
from typing import Any

from Crypto.Cipher import Salsa20

from gossip.memory import MemoryReplica
from gossip.proto.exchange import Acquaintance, Ask, Tell
from gossip.proto.frames import frame
from gossip.proto.messages import (
    Bucket,
    Busy,
    Compare,
    Far,
    Give,
    More,
    Open,
    Parts,
    Records,
    Salt,
    Same,
    SymbolRun,
    Took,
    Want,
    Whole,
)
from gossip.proto.peerid import PeerId, peer_id_of
from gossip.proto.push import read_batch
from gossip.proto.ranges import Order, Range, Salted, session_salt
from gossip.proto.riblt import Keys
from gossip.proto.summary import Summary
from leaderboard.codec import encode
from leaderboard.envelope import swarm_id

PATH = Path(__file__).resolve().parents[2] / "vectors" / "gossip-v1.json"
SWARM = swarm_id("vectors")


def envelopes() -> list[bytes]:
    bodies = [encode({"label": f"record {i}", "time": 1_700_000_000_000 + 250 * (i // 3)}) for i in range(40)]
    return [encode([1, body, bytes(64)]) for body in bodies]


def vectors() -> dict[str, Any]:
    replica = MemoryReplica()
    replica.admit_now(envelopes(), PeerId("self"))
    summary, order = Summary(Keys.of(SWARM)), Order()
    summary.catch_up(replica)
    order.catch_up(replica)
    view, salt = summary.view(), session_salt(b"a" * 16, b"b" * 16)
    salted, whole = Salted(order.keys(), salt), Range(b"", b"")
    # Stored, not deflated: the bytes of level 0 do not depend on the zlib at hand.
    packed = zlib.compress(encode(envelopes()[:2]), 0)
    key = hashlib.sha256(b"vectors").digest()
    return {
        "swarm": SWARM.hex(),
        "peer_id": {"public_key": key.hex(), "text": peer_id_of(key)},
        "envelopes": [envelope.hex() for envelope in envelopes()],
        "times": replica.log(0, 99).times,
        "ids": [identifier.hex() for identifier in replica.log(0, 99).ids],
        "batch": frame(64, packed).hex(),
        "private": {
            "key": "5a" * 32,
            "nonce": "0102030405060708",
            "key_stream_200": Salsa20.new(key=b"\x5a" * 32, nonce=bytes(range(1, 9)))
            .encrypt(bytes(200))
            .hex(),
        },
        "digest": view.digest.hex(),
        "lanes": view.lanes.hex(),
        "symbols": view.symbols.wire(0, 12).hex(),
        "symbols_16384_sha256": hashlib.sha256(view.symbols.wire(0, 16_384)).hexdigest(),
        "salt": salt.hex(),
        "fingerprint": salted.fingerprint(whole),
        "frames": {
            "Open": Open(view.size, view.digest, view.lanes).encode().hex(),
            "More": More(16).encode().hex(),
            "Want": Want((b"p" * 16, b"q" * 16)).encode().hex(),
            "Give": Give(packed).encode().hex(),
            "Bucket": Bucket(b"\x10", b"").encode().hex(),
            "Compare": Compare((whole, Range(b"\x01", b"\x02"))).encode().hex(),
            "Same": Same().encode().hex(),
            "Far": Far(1_000_000).encode().hex(),
            "Whole": Whole(b"b" * 16, salted.fingerprint(whole)).encode().hex(),
            "Parts": Parts((salted.describe(whole), salted.describe(Range(b"\x01", b"\x02")))).encode().hex(),
            "Busy": Busy().encode().hex(),
            "Salt": Salt(b"a" * 16).encode().hex(),
            "SymbolRun": SymbolRun(view.size, view.symbols.wire(0, 2)).encode().hex(),
            "Records": Records(packed, True).encode().hex(),
            "Took": Took(2).encode().hex(),
            "Ask": Ask(("/ip4/192.0.2.1/tcp/4001",), 32).encode().hex(),
            "Tell": Tell((), (Acquaintance(peer_id_of(key), ("/dns4/a.example/tcp/1",)),)).encode().hex(),
        },
    }


def test_vectors() -> None:
    if os.environ.get("WRITE_VECTORS"):
        PATH.write_text(json.dumps(vectors(), indent=1, sort_keys=True) + "\n")
    assert json.loads(PATH.read_text()) == vectors()


def test_the_batch_of_the_vectors_reads_back() -> None:
    stored = json.loads(PATH.read_text())
    assert list(read_batch(bytes.fromhex(stored["batch"]))) == envelopes()[:2]
