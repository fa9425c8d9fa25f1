"""Push batches, address book, conduct, peer exchange, packs and PeerIds."""

from __future__ import annotations

import zlib
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gossip.proto.book import MAX_ADDRESSES, MAX_PEERS, AddressBook
from gossip.proto.buckets import Buckets, Span
from gossip.proto.conduct import BAN_GUILT, BROKEN_PROTOCOL, Conduct
from gossip.proto.exchange import MAX_TOLD, Acquaintance, Ask, Tell, read_ask, read_tell
from gossip.proto.frames import MAX_FRAME_BYTES, frame, pack, parse, unpack
from gossip.proto.lookup import above
from gossip.proto.peerid import PeerId, peer_id_of, public_key_of
from gossip.proto.push import FLUSH_SECONDS, MAX_BATCH_BYTES, MAX_BATCH_RECORDS, PushQueue, read_batch
from leaderboard.codec import encode
from leaderboard.errors import LocalError, PeerError
from leaderboard.ids import ContentId


def peer(number: int) -> PeerId:
    return peer_id_of(number.to_bytes(32, "big"))


# Push


@given(sizes=st.lists(st.integers(1, 60_000), max_size=60), gaps=st.lists(st.floats(0, 1), max_size=60))
@settings(max_examples=60, deadline=None)
def test_every_record_leaves_once_in_order_and_in_time(sizes: list[int], gaps: list[float]) -> None:
    queue, now, sent, waits = PushQueue(), 100.0, [], []
    records = [bytes((i % 256,)) * size for i, size in enumerate(sizes)]
    for index, record in enumerate(records):
        queue.put([record])
        entered = now
        while (due := queue.due()) is not None and due <= now + (gaps[index] if index < len(gaps) else 0):
            message = queue.take(max(now, due))
            assert message is not None
            batch = read_batch(message)
            assert sum(map(len, batch)) <= MAX_BATCH_BYTES
            sent.extend(batch)
            waits.append(max(now, due) - entered)
        now += gaps[index] if index < len(gaps) else 0
    while (due := queue.due()) is not None:
        message = queue.take(due)
        assert message is not None
        sent.extend(read_batch(message))
    assert sent == records
    assert all(wait <= FLUSH_SECONDS + 1e-6 for wait in waits)


def test_the_first_record_after_a_pause_leaves_at_once_and_the_next_waits_for_company() -> None:
    queue = PushQueue()
    queue.put([b"a"])
    assert queue.take(10.0) is not None
    queue.put([b"b"])
    assert queue.take(10.1) is None
    queue.put([b"c"])
    message = queue.take(10.0 + FLUSH_SECONDS)
    assert message is not None
    assert read_batch(message) == (b"b", b"c")


def test_a_full_batch_does_not_wait() -> None:
    queue = PushQueue()
    queue.put([b"x"] * (2 * MAX_BATCH_RECORDS + 1))
    assert [len(read_batch(m)) for _ in range(3) if (m := queue.take(5.0))] == [256, 256]
    assert len(queue) == 1


@pytest.mark.parametrize("record", [b"", bytes(64 * 1024 + 1)])
def test_a_record_that_could_not_be_read_is_not_sent(record: bytes) -> None:
    with pytest.raises(LocalError):
        PushQueue().put([record])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01",
        frame(64),
        frame(64, pack([])),
        frame(64, pack([b"x"] * 257)),
        frame(64, b"x"),
        frame(65, pack([b"x"])),
    ],
)
def test_what_is_not_a_batch_is_refused(data: bytes) -> None:
    with pytest.raises(PeerError):
        read_batch(data)


# Packs and frames


@given(st.lists(st.binary(min_size=1, max_size=200), max_size=50))
@settings(deadline=None)
def test_packs_round_trip(envelopes: list[bytes]) -> None:
    assert unpack(pack(envelopes)) == tuple(envelopes)


@pytest.mark.parametrize(
    "packed",
    [
        zlib.compress(bytes(50_000_000), 9),
        zlib.compress(encode([b"x"]))[:-1],
        zlib.compress(encode([b"x"])) + b"y",
        zlib.compress(encode({"a": 1})),
        zlib.compress(encode([1])),
        zlib.compress(encode([b""])),
        b"",
    ],
)
def test_packs_that_are_none_are_refused(packed: bytes) -> None:
    with pytest.raises(PeerError):
        unpack(packed)


@given(st.binary(max_size=200))
def test_frames_of_garbage_give_peer_error(data: bytes) -> None:
    try:
        kind, fields = parse(data)
    except PeerError:
        return
    assert frame(kind, *fields) == data


def test_frames_beyond_the_limit_are_not_looked_at() -> None:
    with pytest.raises(PeerError, match="1 to"):
        parse(bytes(MAX_FRAME_BYTES + 1))


# Address book


def test_who_answered_and_is_of_another_swarm_is_left_alone_for_a_while() -> None:
    book, random = AddressBook(peer(0)), Random(1)
    book.learn(peer(1), ["/ip4/1.2.3.4/tcp/1"], bootstrap=True)
    book.reached(peer(1), None, 0.0)
    book.foreign(peer(1), 30.0)
    book.foreign(peer(2), 30.0)  # called us, and is in no book
    assert book.to_dial((), 9, 90.0, random) == []
    assert len(book.to_dial((), 9, 150.0, random)) == 1


def test_backoff_grows_and_ends_with_contact() -> None:
    book, random, now = AddressBook(peer(0)), Random(1), 0.0
    book.learn(peer(1), ["/ip4/1.2.3.4/tcp/1"])
    pauses = []
    for _ in range(7):
        book.failed(peer(1), now, random)
        entry = book.get(peer(1))
        assert entry is not None
        pauses.append(entry.not_before - now)
        now = entry.not_before
    assert pauses[0] < 1.3
    assert 30 < pauses[-1] < 80
    assert book.to_dial((), 9, now - 1, random) == []
    assert len(book.to_dial((), 9, now, random)) == 1
    book.reached(peer(1), None, now)
    assert book.get(peer(1)).failures == 0  # type: ignore[union-attr]


def test_hearsay_that_never_answers_is_forgotten_and_bootstrap_peers_are_not() -> None:
    book, random = AddressBook(peer(0)), Random(1)
    book.learn(peer(1), ["/ip4/1.2.3.4/tcp/1"])
    book.learn(peer(2), ["/ip4/1.2.3.4/tcp/2"], bootstrap=True)
    for _ in range(50):
        book.failed(peer(1), 0.0, random)
        book.failed(peer(2), 0.0, random)
    assert [entry.peer for entry in book.entries()] == [peer(2)]


def test_a_peer_lost_lately_is_tried_every_few_seconds() -> None:
    """Two halves of a network must find each other within ten seconds of its healing."""
    book, random = AddressBook(peer(0)), Random(1)
    book.learn(peer(1), ["/ip4/1.2.3.4/tcp/1"])
    book.reached(peer(1), None, 0.0)
    for attempt in range(30):
        book.failed(peer(1), float(attempt), random)
    entry = book.get(peer(1))
    assert entry is not None
    assert entry.not_before - 29.0 < 8.0


def test_the_book_is_bounded_and_keeps_what_it_has_seen() -> None:
    book = AddressBook(peer(0))
    book.learn(peer(1), ["/ip4/1.2.3.4/tcp/1"])
    book.reached(peer(1), None, 0.0)
    for number in range(2, 3 * MAX_PEERS):
        book.learn(peer(number), [f"/ip4/1.2.3.4/tcp/{number}" for _ in range(20)])
    assert len(book) == MAX_PEERS
    assert book.get(peer(1)) is not None
    book.learn(peer(1), [f"/ip4/1.2.3.4/tcp/{number}" for number in range(50)])
    assert len(book.get(peer(1)).addresses) == MAX_ADDRESSES  # type: ignore[union-attr]
    assert not book.learn(peer(0), ["/ip4/1.2.3.4/tcp/1"])


def test_only_peers_we_reached_are_told_of() -> None:
    book = AddressBook(peer(0))
    for number in (1, 2, 3):
        book.learn(peer(number), ["/ip4/1.2.3.4/tcp/1"])
    book.reached(peer(2), None, 1.0)
    assert [entry.peer for entry in book.sample((), 9, Random(1))] == [peer(2)]


# Conduct


def test_guilt_bans_for_a_while_and_is_forgotten() -> None:
    conduct = Conduct()
    assert not any(conduct.blame(peer(1), BROKEN_PROTOCOL, float(i)) for i in range(3))
    assert conduct.blame(peer(1), BROKEN_PROTOCOL, 3.0)
    assert conduct.banned(peer(1), 4.0)
    assert conduct.bans(4.0) == [peer(1)]
    assert not conduct.banned(peer(1), 4.0 + 3600)
    assert conduct.guilt(peer(1), 4.0 + 7200) < BAN_GUILT / 100
    assert not conduct.banned(peer(2), 4.0)


def test_the_memory_of_conduct_is_bounded_and_keeps_the_banned() -> None:
    conduct = Conduct()
    conduct.blame(peer(1), BAN_GUILT, 0.0)
    for number in range(2, 12_000):
        conduct.blame(peer(number), 1.0, 1.0)
    assert conduct.banned(peer(1), 2.0)
    assert len(conduct._peers) <= 4096


# Exchange


def test_exchange_round_trips() -> None:
    ask = Ask(("/ip4/1.2.3.4/tcp/1",), 7)
    assert read_ask(ask.encode()) == ask
    tell = Tell(("/dns4/example.org/tcp/2",), (Acquaintance(peer(1), ("/ip6/::1/tcp/3",)),))
    assert read_tell(tell.encode()) == tell


@pytest.mark.parametrize(
    "data",
    [
        frame(96, ["/a"] * 9, 1),
        frame(96, [], MAX_TOLD + 1),
        frame(96, [], -1),
        frame(96, [], True),
        frame(96, ["no slash"], 1),
        frame(96, ["/" + "x" * 300], 1),
        frame(96, ["/\u00e9"], 1),
        frame(96, ["/\n"], 1),
        frame(97, [], [["nobody", []]]),
        frame(97, [], [[peer(1), [], 1]]),
        frame(97, [], [[peer(1), []]] * (MAX_TOLD + 1)),
        b"",
    ],
)
def test_exchange_beyond_the_limits_is_refused(data: bytes) -> None:
    for read in (read_ask, read_tell):
        with pytest.raises(PeerError):
            read(data)


# Buckets


def test_a_bulk_transfer_covers_every_id_once_and_deals_lost_ranges_again() -> None:
    buckets = Buckets()
    buckets.plan(100_000, 0.0)
    buckets.plan(5, 0.0)
    spans: list[Span] = []
    lost = buckets.take(0.0)
    assert lost is not None
    buckets.give_back(lost, 0.0)
    while (span := buckets.take(0.0)) is not None:
        spans.append(span)
        buckets.done()
    assert not buckets.active
    assert spans[0].low == bytes(2)
    assert spans[-1].high == b""
    assert [s.high for s in spans[:-1]] == [s.low for s in spans[1:]]


@pytest.mark.parametrize(
    "ids", [[b"\x02" * 32, b"\x01" * 32], [b"\x01" * 32, b"\x01" * 32], [b"\x00" * 32], [b"\x30" * 32], []]
)
def test_records_outside_a_range_or_out_of_order_are_refused(ids: list[bytes]) -> None:
    with pytest.raises(PeerError):
        Span(b"\x01", b"\x03").after([ContentId(i) for i in ids], more=True)


@given(st.binary(max_size=6))
def test_above_is_the_least_string_above_all_with_a_prefix(prefix: bytes) -> None:
    bound = above(prefix)
    if bound:
        assert prefix + b"\xff" * 9 < bound
        assert not any(prefix + b"\xff" * 9 < bound[:i] for i in range(len(bound)))
    else:
        assert prefix.strip(b"\xff") == b""


# PeerIds


@given(st.binary(min_size=32, max_size=32))
def test_peer_ids_hold_the_key(key: bytes) -> None:
    assert public_key_of(peer_id_of(key)) == key


def test_a_known_peer_id() -> None:
    """The key of the seed 07…07, and what libp2p calls it."""
    key = bytes.fromhex("ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c")
    assert peer_id_of(key) == "12D3KooWRawPbxPtP1eZaJpumGnyWX2DcUyd3RQnydr3eAto4Az7"


@pytest.mark.parametrize("text", ["", "12D3KooW", "0" * 52, "Qm" + "a" * 50, "1" * 52, "z" * 52])
def test_what_is_not_the_id_of_an_ed25519_key_is_refused(text: str) -> None:
    with pytest.raises(PeerError):
        public_key_of(text)
