"""Bytes from a hostile other end, for every protocol: refused by `PeerError`, or read back exactly as sent.

What is bounded here is what a frame may make of itself (memory), what it may make us send, and how long a
machine may be kept busy (questions, answers); CPU per byte is measured in `bench/reconcile.py` (K8).
"""

from __future__ import annotations

import tracemalloc
import zlib
from collections.abc import Callable
from itertools import pairwise
from random import Random
from typing import Any

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gossip.memory import MemoryReplica, synthetic
from gossip.net.streams import FrameStream
from gossip.proto.blobs import Absent, Chunk, Find, Head, Read, read_blob_answer, read_blob_question
from gossip.proto.blobs_server import BlobServer, Found, Load, Loaded, Look
from gossip.proto.buckets import Buckets
from gossip.proto.exchange import Acquaintance, Ask, Tell, read_ask, read_tell
from gossip.proto.frames import MAX_FRAME_BYTES, frame, pack, parse, unpack
from gossip.proto.messages import (
    MAX_RANGES,
    MAX_WANTED,
    Bucket,
    Busy,
    Compare,
    Far,
    Give,
    More,
    Open,
    Parts,
    Question,
    Records,
    Salt,
    Same,
    SymbolRun,
    Took,
    Want,
    Whole,
    read_answer,
    read_question,
)
from gossip.proto.peerid import PeerId, peer_id_of
from gossip.proto.push import read_batch
from gossip.proto.ranges import WAYS, Listing, Order, Range, Split
from gossip.proto.riblt import MAX_SYMBOLS, SYMBOL_BYTES
from gossip.proto.server import SyncServer
from gossip.proto.session import SyncSession
from gossip.proto.steps import (
    Admit,
    Admitted,
    Arrange,
    Arranged,
    Effect,
    Event,
    Finish,
    Opened,
    Received,
    Send,
)
from gossip.proto.summary import NARROW_BYTES, WIDE_BYTES, Summary
from leaderboard.blob import CHUNK_BYTES, BlobId, head_of
from leaderboard.codec import encode
from leaderboard.envelope import ChainTip, open_envelope, seal, swarm_id
from leaderboard.errors import PeerError
from leaderboard.ledger import Verdict
from leaderboard.records import Note
from leaderboard.signing import Signer

SWARM = swarm_id("hostile")
HEAD = head_of(bytes(3 * CHUNK_BYTES))
BLOBS = [HEAD.id, BlobId(bytes(32))]
PACK = pack([synthetic(f"{i}", i) for i in range(3)])
CUT = Split(tuple(bytes([i + 1]) for i in range(WAYS - 1)), tuple(range(WAYS)))
PEER = peer_id_of(bytes(32))
Reader = Callable[[bytes], Any]
patient = settings(
    deadline=None, max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

MESSAGES: list[tuple[Reader, Any]] = [
    (read_question, Open(7, bytes(8), bytes(NARROW_BYTES))),
    (read_question, Open(7, bytes(8), bytes(WIDE_BYTES))),
    (read_question, More(16)),
    (read_question, Want((b"p" * 16, b"q" * 16))),
    (read_question, Give(PACK)),
    (read_question, Bucket(b"\x01", b"\x02")),
    (read_question, Salt(bytes(16))),
    (read_question, Compare((Range(b"", b"\x10"), Range(b"\x10", b"")))),
    (read_answer, Same()),
    (read_answer, SymbolRun(7, bytes(4 * SYMBOL_BYTES))),
    (read_answer, Far(1 << 39)),
    (read_answer, Records(PACK, True)),
    (read_answer, Took(3)),
    (read_answer, Whole(bytes(16), (1 << 64) - 1)),
    (read_answer, Parts((Listing((b"p" * 16,)), CUT))),
    (read_answer, Busy()),
    (read_blob_question, Find(HEAD.id)),
    (read_blob_question, Read(HEAD.id, 1, 2)),
    (read_blob_answer, Head(HEAD)),
    (read_blob_answer, Chunk(b"x" * 50)),
    (read_blob_answer, Absent()),
    (read_ask, Ask(("/ip4/1.2.3.4/tcp/1",), 7)),
    (read_tell, Tell(("/ip4/1.2.3.4/tcp/1",), (Acquaintance(PEER, ("/dns4/a.example/tcp/2",)),))),
]
READERS = (read_question, read_answer, read_blob_question, read_blob_answer, read_ask, read_tell)
RECORD = seal(Note(None, "hello"), Signer(bytes(32)), SWARM, ChainTip(bytes(16), -1, None), 1).raw

EDITS = st.lists(
    st.tuples(st.sampled_from(["set", "cut", "insert", "repeat"]), st.floats(0, 1), st.binary(max_size=5)),
    min_size=1,
    max_size=4,
)


def edited(data: bytes, edits: list[tuple[str, float, bytes]]) -> bytes:
    """Some bytes set, taken away, put in or repeated."""
    out = bytearray(data)
    for kind, place, piece in edits:
        at = int(place * len(out))
        match kind:
            case "set":
                out[at : at + len(piece)] = piece
            case "cut":
                del out[at : at + 1 + len(piece)]
            case "insert":
                out[at:at] = piece
            case _:
                out[at:at] = out[at : at + 9] * (1 + len(piece))
    return bytes(out)


@given(which=st.sampled_from(MESSAGES), edits=EDITS)
@patient
def test_a_changed_frame_is_refused_or_says_exactly_what_it_is(
    which: tuple[Reader, Any], edits: list[tuple[str, float, bytes]]
) -> None:
    read, message = which
    assert read(message.encode()) == message
    data = edited(message.encode(), edits)
    try:
        found = read(data)
    except PeerError:
        return
    assert found.encode() == data


@given(edits=EDITS, at=st.sampled_from([0, 1]))
@patient
def test_a_changed_pack_or_record_is_refused_or_means_what_it_holds(
    edits: list[tuple[str, float, bytes]], at: int
) -> None:
    data = edited(RECORD if at else frame(64, PACK), edits)
    try:
        if at:
            assert open_envelope(data, SWARM).raw == data
        else:
            assert all(0 < len(envelope) <= 65_536 for envelope in read_batch(data))
    except PeerError:
        return


def full(content: bytes) -> bytes:
    """A frame of the greatest size, from repeated content."""
    return b"\x01" + (content * (MAX_FRAME_BYTES // len(content) + 1))[: MAX_FRAME_BYTES - 1]


BLOATED = {
    "empty arrays": full(b"\xdc\x40\x00" + b"\x90" * 16_384),
    "empty maps": full(b"\xdc\x40\x00" + b"\x80" * 16_384),
    "small numbers": full(b"\xdc\x40\x00" + b"\x01" * 16_384),
    "deep arrays": full(b"\x91"),
    "texts of one letter": full(b"\xdc\x40\x00" + b"\xa1x" * 16_384),
    "an array that is not there": b"\x01\xdd\xff\xff\xff\xff",
    "arrays in arrays that are not there": b"\x01" + b"\xdc\x40\x00" * 100_000,
    "a few arrays in arrays that are not there": b"\x01" + b"\xdc\x03\xf0" * 340,
    "some arrays in arrays that are not there": b"\x01" + b"\xdc\x04\x00" * 700,
    "a text that is not there": b"\x01\xdb\xff\xff\xff\xff",
    "a map that is not there": b"\x01\xdf\xff\xff\xff\xff",
    "a bomb": Give(zlib.compress(bytes(100_000_000), 9)).encode(),
    "a bomb of envelopes": frame(64, zlib.compress(encode([b"x"] * 4096) * 500, 9)),
    "all prefixes": Want(tuple(i.to_bytes(16, "big") for i in range(MAX_WANTED))).encode(),
    "all ranges": Compare((Range(b"x" * 24, b"y" * 24),) * MAX_RANGES).encode(),
    "all cuts": Parts((CUT,) * MAX_RANGES).encode(),
    "all listings": Parts((Listing((b"p" * 16,) * 32),) * MAX_RANGES).encode(),
    "all symbols": SymbolRun(1, bytes(MAX_SYMBOLS * SYMBOL_BYTES)).encode(),
}


@pytest.mark.parametrize("name", BLOATED)
def test_no_frame_takes_much_more_memory_than_it_has_bytes(name: str) -> None:
    """The dearest byte is an empty array, which Python makes 56 bytes and a place of 8 of."""
    data = BLOATED[name]
    assert len(data) <= MAX_FRAME_BYTES
    for read in (
        read_question,
        read_answer,
        read_blob_question,
        read_blob_answer,
        read_ask,
        read_tell,
        opened,
    ):
        tracemalloc.start()
        try:
            read(data)
        except PeerError:
            pass
        finally:
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        assert peak < 72 * len(data) + (3 << 20), read


def opened(data: bytes) -> tuple[bytes, ...]:
    """The pack in any frame, unpacked."""
    match parse(data)[1]:
        case [bytes(packed), *_]:
            return unpack(packed)
    raise PeerError("no pack")


# Machines

RANGES = st.builds(Range, st.binary(max_size=24), st.binary(max_size=24))
QUESTIONS = st.one_of(
    st.builds(Open, st.integers(0, 1 << 39), st.binary(min_size=8, max_size=8), st.just(bytes(NARROW_BYTES))),
    st.builds(More, st.integers(1, MAX_SYMBOLS)),
    st.builds(Want, st.lists(st.binary(min_size=16, max_size=16), min_size=1, max_size=40).map(tuple)),
    st.builds(Bucket, st.binary(max_size=32), st.binary(max_size=32)),
    st.builds(Give, st.sampled_from([PACK, pack([b"junk"]), pack([]), b"", zlib.compress(bytes(1 << 22))])),
    st.builds(Salt, st.binary(min_size=16, max_size=16)),
    st.builds(Compare, st.lists(RANGES, min_size=1, max_size=40).map(tuple)),
)


def perform(effect: Effect, replica: MemoryReplica) -> Event | None:
    """What a driver does with an effect, but for sending."""
    if isinstance(effect, Admit):
        return Admitted(replica.admit_now(effect.envelopes, PeerId("hostile")))
    if isinstance(effect, Arrange):
        order = Order()
        while order.catch_up(replica):
            pass
        return Arranged(order.keys())
    return None


@given(questions=st.lists(st.tuples(QUESTIONS, st.none() | EDITS), max_size=30))
@settings(parent=patient, max_examples=100)
def test_a_sync_server_gives_each_question_one_answer_of_bounded_size(
    replica: Any, keys: Any, questions: list[tuple[Question, Any]]
) -> None:
    mine, summary = replica(range(60)), Summary(keys)
    summary.catch_up(mine)
    server = SyncServer(mine, summary.view(), b"s" * 16)
    before = mine.ids()
    arranged = 0
    for question, edits in questions:
        data = question.encode()
        try:
            effects = server.handle(Received(data if edits is None else edited(data, edits)), 0.0)
            while not isinstance(effects[0], Send):
                arranged += isinstance(effects[0], Arrange)
                event = perform(effects[0], mine)
                assert event is not None
                effects = server.handle(event, 0.0)
        except PeerError:
            break  # the stream ends here, and the peer is blamed
        (answer,) = effects
        assert isinstance(answer, Send)
        assert len(answer.frame) <= MAX_FRAME_BYTES
        read_answer(answer.frame)
    assert arranged <= 1  # a pass over all ids, once a session
    assert before <= mine.ids() <= before | {a.id for a in MemoryReplica().admit_now(unpack(PACK), PEER)}


def lie(question: Question, random: Random, known: list[bytes]) -> bytes:
    """An answer of the right kind, whose content is made up."""
    records = [random.choice(known) for _ in range(random.randrange(4))]
    match question:
        case Open() | More():
            run = SymbolRun(
                random.randrange(1 << 20), random.randbytes(SYMBOL_BYTES * random.randrange(1, 60))
            )
            return random.choice([run, run, run, Far(random.randrange(1 << 39)), Same()]).encode()
        case Want() | Bucket():
            fresh = sorted(
                (synthetic(f"{random.random()}", 1) for _ in range(3)), key=lambda _: random.random()
            )
            return Records(pack(random.choice([records, fresh, [b"junk"]])), random.random() < 0.5).encode()
        case Give():
            return Took(random.randrange(1 << 39)).encode()
        case Salt():
            return Whole(random.randbytes(16), random.randrange(1 << 64)).encode()
        case Compare(ranges):
            return Parts(tuple(described(part, random) for part in ranges)).encode()


def described(part: Range, random: Random) -> Listing | Split:
    if random.random() < 0.6:
        return Listing(tuple(random.randbytes(16) for _ in range(random.randrange(33))))
    bounds = sorted({part.low + bytes([1 + n]) for n in random.sample(range(250), WAYS - 1)})
    return Split(
        tuple(bound[-24:] for bound in bounds), tuple(random.randrange(1 << 64) for _ in range(WAYS))
    )


@given(seed=st.integers(0, 1 << 32))
@settings(parent=patient, max_examples=100)
def test_a_lying_server_keeps_a_session_busy_for_a_bounded_time_and_changes_nothing(
    replica: Any, keys: Any, seed: int
) -> None:
    random = Random(seed)
    mine = replica(range(40))
    mine._judge = lambda envelope, source: Verdict.REJECT
    before, known = mine.ids(), [*mine.envelopes(sorted(mine.ids()))]
    summary = Summary(keys)
    summary.catch_up(mine)
    session = SyncSession(mine, summary.view(), keys, Buckets(), salt=b"c" * 16, audit=seed % 2 == 0)
    event: Event = Opened()
    for _ in range(2000):
        try:
            effects = session.handle(event, 0.0)
            for effect in effects:
                if isinstance(effect, Send):
                    assert len(effect.frame) <= MAX_FRAME_BYTES
                    event = Received(lie(read_question(effect.frame), random, known))
                elif not isinstance(effect, Finish):
                    happened = perform(effect, mine)
                    assert happened is not None
                    effects += session.handle(happened, 0.0)
        except PeerError:
            break
        if isinstance(effect, Finish):
            assert effect.outcome.received == 0
            break
    else:
        raise AssertionError("the session does not end")
    assert mine.ids() == before


@given(
    questions=st.lists(
        st.tuples(
            st.one_of(
                st.just(Find(HEAD.id)),
                st.builds(
                    Read, st.sampled_from([HEAD.id, BlobId(bytes(32))]), st.integers(0, 5), st.integers(1, 9)
                ),
            ),
            st.none() | EDITS,
        ),
        max_size=20,
    )
)
@patient
def test_a_blob_server_looks_up_one_thing_at_a_time_and_answers_in_order(questions: list[Any]) -> None:
    server = BlobServer()
    for question, edits in questions:
        data = question.encode()
        try:
            effects = server.handle(Received(data if edits is None else edited(data, edits)), 0.0)
        except PeerError:
            return
        sent = 0
        while effects:
            effect, *effects = effects
            match effect:
                case Send(answer):
                    read_blob_answer(answer)
                    sent += 1
                case Look(blob):
                    effects += server.handle(Found(HEAD if blob == HEAD.id else None), 0.0)
                case Load(blob, index):
                    here = blob == HEAD.id and index < HEAD.chunks
                    effects += server.handle(Loaded(bytes(CHUNK_BYTES) if here else None), 0.0)
            assert len([e for e in effects if not isinstance(e, Send)]) <= 1
        assert 1 <= sent <= 65


class Pieces:
    """A stream whose bytes come in these pieces."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces

    async def read(self, most: int) -> bytes:
        await trio.lowlevel.checkpoint()
        return self.pieces.pop(0) if self.pieces else b""


def heard(data: bytes, cuts: list[float]) -> tuple[list[bytes], bool, int]:
    """The frames in a stream, whether it was broken, and the most bytes that waited."""
    places = sorted({int(cut * len(data)) for cut in cuts} | {*range(0, len(data), 65_536), len(data)})
    pieces = [data[start:stop] for start, stop in pairwise(places) if stop > start]
    stream, frames, waited = FrameStream(Pieces(pieces)), list[bytes](), 0

    async def listen() -> bool:
        nonlocal waited
        try:
            while (one := await stream.read()) is not None:
                frames.append(one)
                waited = max(waited, len(stream._buffer))
        except PeerError:
            waited = max(waited, len(stream._buffer))
            return True
        return False

    return frames, trio.run(listen), waited


def framed(data: bytes) -> bytes:
    length, prefix = len(data), bytearray()
    while length >= 0x80:
        prefix.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes((*prefix, length)) + data


@given(
    sizes=st.lists(st.sampled_from([1, 2, 127, 128, 300, 16_384, 70_000]), max_size=6),
    cuts=st.lists(st.floats(0, 1), max_size=20),
)
@settings(parent=patient, max_examples=60)
def test_frames_arrive_whole_however_the_stream_is_cut(sizes: list[int], cuts: list[float]) -> None:
    sent = [bytes([index + 1]) * size for index, size in enumerate(sizes)]
    frames, broken, _ = heard(b"".join(map(framed, sent)), cuts)
    assert frames == sent
    assert not broken


@given(data=st.binary(min_size=1, max_size=2000), cuts=st.lists(st.floats(0, 1), max_size=9))
@settings(parent=patient, max_examples=100)
def test_a_stream_of_anything_gives_frames_within_the_limits_or_breaks(
    data: bytes, cuts: list[float]
) -> None:
    frames, broken, waited = heard(data, cuts)
    assert all(0 < len(one) <= MAX_FRAME_BYTES for one in frames)
    assert waited <= MAX_FRAME_BYTES + 65_536
    assert broken or b"".join(map(framed, frames)) == data


def test_the_longest_frame_is_read_and_one_byte_more_is_not_waited_for() -> None:
    longest = bytes(MAX_FRAME_BYTES)
    assert heard(framed(longest), []) == ([longest], False, 0)
    frames, broken, waited = heard(framed(longest + b"x"), [])
    assert (frames, broken) == ([], True)
    assert waited <= 65_536
