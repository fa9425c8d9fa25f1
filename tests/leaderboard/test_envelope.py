"""Sealed records open again, and nothing else does; the published vectors stay true."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.admission import has_work
from leaderboard.codec import MAX_RECORD_BYTES, decode, encode
from leaderboard.envelope import ChainTip, _split, content_id, glimpse, open_envelope, seal, swarm_id
from leaderboard.errors import LocalError, PeerError
from leaderboard.ids import from_text, to_text
from leaderboard.records import Note
from leaderboard.signing import Signer

from .examples import EXAMPLES

SWARM = swarm_id("test-swarm")
VECTORS = Path(__file__).parents[1] / "vectors" / "record-v1.json"


@pytest.mark.parametrize("record", EXAMPLES, ids=lambda r: r.kind)
def test_seal_and_open(alice, record):
    sealed = alice.seal(record)
    opened = open_envelope(sealed.raw, SWARM)
    assert opened == sealed
    assert opened.signature_holds()
    assert content_id(sealed.raw) == sealed.id


@pytest.mark.parametrize("work_bits", [0, 3])
@pytest.mark.parametrize("record", EXAMPLES, ids=lambda r: r.kind)
def test_a_glimpse_sees_what_opening_finds(alice, record, work_bits):
    sealed = seal(record, alice.signer, SWARM, ChainTip(b"c" * 16, -1, None), 2**41, work_bits=work_bits)
    assert glimpse(sealed.raw) == (sealed.id, sealed.author, sealed.time_ms)


@given(st.integers(0, 2**53), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=2))
def test_a_glimpse_of_what_opens_is_true_or_nothing(time_ms, changes):
    signer, tip = Signer(b"g" * 32), ChainTip(b"c" * 16, -1, None)
    raw = bytearray(seal(Note(None, "x"), signer, SWARM, tip, time_ms).raw)
    for place, byte in changes:
        raw[place % len(raw)] = byte
    seen = glimpse(bytes(raw))
    assert seen is not None or changes or time_ms < 2**32
    with contextlib.suppress(PeerError):
        opened = open_envelope(bytes(raw), SWARM)
        assert seen is None or seen == (opened.id, opened.author, opened.time_ms)


@given(st.binary(max_size=90))
def test_a_glimpse_of_garbage_is_harmless(garbage):
    seen = glimpse(garbage)
    assert seen is None or len(seen.id) == len(seen.author) == 32


def test_a_chain_points_backwards(alice):
    first, second = alice.seal(Note(None, "1")), alice.seal(Note(None, "2"))
    assert (first.seq, first.prev) == (0, None)
    assert (second.seq, second.prev) == (1, first.id)
    assert second.chain == first.chain


def test_a_record_means_nothing_in_another_swarm(alice):
    with pytest.raises(PeerError, match="another swarm"):
        open_envelope(alice.seal(Note(None, "x")).raw, swarm_id("elsewhere"))


def test_a_rewritten_swarm_breaks_the_signature(alice):
    version, body, signature = decode(alice.seal(Note(None, "x")).raw)
    moved = encode({**decode(body), "swarm": swarm_id("elsewhere")})
    assert not open_envelope(encode([version, moved, signature]), swarm_id("elsewhere")).signature_holds()


def test_the_id_does_not_cover_the_signature(alice):
    sealed = alice.seal(Note(None, "x"))
    _, body, _ = decode(sealed.raw)
    assert content_id(encode([1, body, b"\x01" * 64])) == sealed.id


def test_sealing_what_nobody_would_accept_is_our_own_error(alice):
    with pytest.raises(LocalError, match="cannot seal"):
        alice.seal(Note(None, "x" * 5_000))


@pytest.mark.parametrize(
    "change",
    [
        {"author": b"short"},
        {"author": (1).to_bytes(32, "little")},  # the neutral element as a key
        {"chain": b"x"},
        {"seq": -1},
        {"seq": 3},  # a later record without prev
        {"prev": b"\x01" * 32},  # a first record with prev
        {"time": -1},
        {"kind": "prophecy"},
        {"payload": []},
        {"extra": None},
    ],
)
def test_malformed_bodies_are_refused(alice, change):
    _, body, signature = decode(alice.seal(Note(None, "x")).raw)
    with pytest.raises(PeerError):
        open_envelope(encode([1, encode({**decode(body), **change}), signature]), SWARM)


def test_unknown_versions_and_oversized_envelopes_are_refused(alice):
    _, body, signature = decode(alice.seal(Note(None, "x")).raw)
    with pytest.raises(PeerError, match="version 2"):
        open_envelope(encode([2, body, signature]), SWARM)
    with pytest.raises(PeerError, match="limit"):
        open_envelope(b"\x00" * (MAX_RECORD_BYTES + 1), SWARM)


RAW = seal(Note(None, "garble me"), Signer(b"\x05" * 32), SWARM, ChainTip(b"\x05" * 16, -1, None), 1).raw


@given(st.integers(0, len(RAW) - 1), st.integers(1, 255))
def test_no_flipped_byte_survives_both_form_and_signature(at, flip):
    bad = bytearray(RAW)
    bad[at] ^= flip
    try:
        envelope = open_envelope(bytes(bad), SWARM)
    except PeerError:
        return
    assert not envelope.signature_holds()


@given(st.binary(max_size=300))
def test_garbage_is_a_peer_error_and_nothing_else(data):
    with pytest.raises(PeerError):
        open_envelope(data, SWARM)
    with contextlib.suppress(PeerError):
        content_id(data)


@given(st.binary(min_size=32, max_size=32))
def test_ids_have_one_spelling(identifier):
    text = to_text(identifier)
    assert from_text(text) == identifier
    for other in (
        text.upper(),
        text + "=",
        text[:-1],
        " " + text,
        text[:-1] + ("b" if text[-1] != "b" else "c"),
    ):
        with pytest.raises(PeerError):
            from_text(other)


def _vectors() -> dict[str, object]:
    signer, tip, records = Signer(b"\x2a" * 32), ChainTip(b"\x2a" * 16, -1, None), []
    astral = Note(None, "\U0001f9ea" * 4000)  # 4000 characters, 8000 of UTF-16, 16,000 bytes
    for number, record in enumerate((*EXAMPLES, astral)):
        envelope = seal(record, signer, SWARM, tip, 1_700_000_000_000 + number)
        tip = envelope.tip
        records.append({"kind": record.kind, "envelope": envelope.raw.hex(), "id": to_text(envelope.id)})
    worked_swarm = swarm_id("test-swarm", 8)
    worked = seal(Note(None, "work"), signer, worked_swarm, ChainTip(b"\x2b" * 16, -1, None), 1, work_bits=8)
    idle = seal(Note(None, "none"), signer, worked_swarm, ChainTip(b"\x2b" * 16, -1, None), 1)
    assert not has_work(idle.id, 8)
    return {
        "swarm_name": "test-swarm",
        "swarm": SWARM.hex(),
        "seed": "2a" * 32,
        "author": signer.author.hex(),
        "records": records,
        "refused": _refused(signer),
        "work": {
            "bits": 8,
            "swarm": worked_swarm.hex(),
            "envelope": worked.raw.hex(),
            "id": to_text(worked.id),
            "refused": idle.raw.hex(),
        },
    }


def _refused(signer: Signer) -> list[dict[str, str]]:
    good = seal(Note(None, "vector"), signer, SWARM, ChainTip(b"\x01" * 16, -1, None), 1).raw
    _, body, signature = decode(good)
    order = 2**252 + 27742317777372353535851937790883648493
    s = int.from_bytes(signature[32:], "little")
    small = (1).to_bytes(32, "little")
    cases = {
        "S not below L": [1, body, signature[:32] + (s + order).to_bytes(32, "little")],
        "R of small order": [1, body, small + signature[32:]],
        "R not canonical": [1, body, (2**255 - 18).to_bytes(32, "little") + signature[32:]],
        "A of small order": [1, encode({**decode(body), "author": small}), signature],
        "A not canonical": [
            1,
            encode({**decode(body), "author": (2**255 - 16).to_bytes(32, "little")}),
            signature,
        ],
        "wrong signature": [1, body, signature[:63] + bytes([signature[63] ^ 1])],
        "version 2": [2, body, signature],
        "version true": [True, body, signature],
        "kind unknown": [1, encode({**decode(body), "kind": "prophecy"}), signature],
        "time is a float": [1, encode({**decode(body), "time": 1.0}), signature],
        "seq is true": [1, encode({**decode(body), "seq": True}), signature],
        "prev in a first record": [1, encode({**decode(body), "prev": bytes(32)}), signature],
        "chain of 15 bytes": [1, encode({**decode(body), "chain": bytes(15)}), signature],
        "work of 7 bytes": [1, encode({**decode(body), "work": bytes(7)}), signature],
        "payload lacks a key": [1, encode({**decode(body), "payload": {"text": ""}}), signature],
        "payload has a key more": [
            1,
            encode({**decode(body), "payload": {"about": None, "text": "", "x": 1}}),
            signature,
        ],
        "text of 4001 characters": [
            1,
            encode({**decode(body), "payload": {"about": None, "text": "x" * 4001}}),
            signature,
        ],
        "signature of 63 bytes": [1, body, signature[:63]],
        "an element more": [1, body, signature, None],
        "another swarm": [1, encode({**decode(body), "swarm": b"\x00" * 32}), signature],
        "unknown key": [1, encode({**decode(body), "zzz": 1}), signature],
    }
    rows = [{"why": why, "envelope": encode(parts).hex()} for why, parts in cases.items()]
    return [*rows, {"why": "integer not shortest", "envelope": (good[:1] + b"\xcc\x01" + good[2:]).hex()}]


def test_published_vectors():
    if os.environ.get("WRITE_VECTORS"):
        VECTORS.write_text(json.dumps(_vectors(), indent=1) + "\n")
    assert json.loads(VECTORS.read_text()) == _vectors()


def test_vectors_open_and_the_refused_ones_do_not():
    vectors = json.loads(VECTORS.read_text())
    for row in vectors["records"]:
        envelope = open_envelope(bytes.fromhex(row["envelope"]), SWARM)
        assert envelope.signature_holds()
        assert (envelope.kind, to_text(envelope.id)) == (row["kind"], row["id"])
    for row in vectors["refused"]:
        try:
            envelope = open_envelope(bytes.fromhex(row["envelope"]), SWARM)
        except PeerError:
            continue
        assert not envelope.signature_holds(), row["why"]


@given(st.binary(max_size=400), st.integers(0, 500), st.binary(min_size=1, max_size=3))
def test_envelopes_are_taken_apart_as_canonical_arrays_are(body: bytes, at: int, patch: bytes) -> None:
    """The short cut through the first bytes accepts exactly what decoding accepts, with the same parts."""
    raw = encode([1, body, bytes(64)])
    for data in (raw, raw[:at] + patch + raw[at + len(patch) :], raw[:at], raw + patch):
        try:
            expected = decode(data)
        except PeerError:
            expected = None
        is_envelope = (
            isinstance(expected, list)
            and [type(part) for part in expected] == [int, bytes, bytes]
            and len(expected[2]) == 64
        )
        if is_envelope:
            assert list(_split(data)) == expected
        else:
            with pytest.raises(PeerError):
                _split(data)


@pytest.mark.parametrize("size", [10, 300])
def test_no_beginning_of_an_envelope_is_one(size: int) -> None:
    raw = encode([1, bytes(size), bytes(64)])
    for length in range(len(raw)):
        with pytest.raises(PeerError):
            _split(raw[:length])
