"""Both ends of a sync: any two sets, any loss, any order, any lie."""

from __future__ import annotations

import zlib
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gossip.memory import MemoryReplica, synthetic
from gossip.proto.buckets import Buckets
from gossip.proto.frames import frame
from gossip.proto.messages import (
    Bucket,
    Far,
    More,
    Open,
    Parts,
    Records,
    Same,
    SymbolRun,
    Whole,
    read_answer,
    read_question,
)
from gossip.proto.peerid import PeerId
from gossip.proto.ranges import WAYS, Listing, Split
from gossip.proto.riblt import MAX_SYMBOLS, SYMBOL_BYTES
from gossip.proto.server import SyncServer
from gossip.proto.session import SyncSession
from gossip.proto.steps import Admitted, Ending, Finish, Opened, Received, Send
from gossip.proto.summary import NARROW_BYTES, Summary
from leaderboard.errors import PeerError
from leaderboard.ledger import Verdict

LARGE = MemoryReplica()
LARGE.admit_now([synthetic(str(number), number, 60_000) for number in range(100)], PeerId("self"))
LABELS = st.lists(st.integers(0, 300), unique=True, max_size=80)
relaxed = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60
)


@given(mine=LABELS, theirs=LABELS)
@relaxed
def test_any_two_sets_end_equal_in_one_session(
    wire: Any, replica: Any, mine: list[int], theirs: list[int]
) -> None:
    link = wire(replica(mine), replica(theirs))
    outcome = link.sync()
    assert link.asking.ids() == link.answering.ids() == replica({*mine, *theirs}).ids()
    assert outcome.received == len(set(theirs) - set(mine))
    assert outcome.given == len(set(mine) - set(theirs))
    assert link.sync().ending is Ending.EQUAL


@given(mine=LABELS, theirs=LABELS, cuts=st.lists(st.integers(0, 9), max_size=6))
@relaxed
def test_sessions_that_break_anywhere_do_no_harm(
    wire: Any, replica: Any, broken: type[Exception], mine: list[int], theirs: list[int], cuts: list[int]
) -> None:
    link = wire(replica(mine), replica(theirs))
    before = link.asking.ids() | link.answering.ids()
    for cut in cuts:
        link.cut_after, link.frames = cut, 0
        try:
            link.sync()
        except broken:
            assert link.asking.ids() | link.answering.ids() == before
    link.cut_after = None
    link.sync()
    assert link.asking.ids() == link.answering.ids() == before


@given(mine=LABELS, order=st.randoms(use_true_random=False))
@relaxed
def test_the_summary_does_not_depend_on_the_order_of_arrival(
    keys: Any, replica: Any, mine: list[int], order: Random
) -> None:
    shuffled = list(mine)
    order.shuffle(shuffled)
    views = []
    for labels in (mine, shuffled):
        summary = Summary(keys)
        summary.catch_up(replica(labels))
        views.append(summary.view())
    assert views[0].digest == views[1].digest
    assert views[0].lanes == views[1].lanes
    assert views[0].symbols.wire(0, 64) == views[1].symbols.wire(0, 64)


@pytest.mark.parametrize("extra", [(0, 9_800), (5_000, 5_200), (9_800, 9_900)])
@pytest.mark.slow
def test_more_differences_than_symbols_can_hold(wire: Any, replica: Any, extra: tuple[int, int]) -> None:
    mine, theirs = extra
    common = range(1_000)
    link = wire(
        replica([*common, *range(10_000, 10_000 + mine)]), replica([*common, *range(50_000, 50_000 + theirs)])
    )
    for _ in range(3):
        link.sync()
    assert link.asking.ids() == link.answering.ids()
    assert len(link.asking) == 1_000 + mine + theirs


def test_who_has_far_more_leaves_it_to_the_other_to_pull(wire: Any, replica: Any) -> None:
    full, empty = replica(range(9_500)), replica([])
    assert wire(full, empty).sync().ending is Ending.LARGER
    assert wire(empty, full).sync().received == 9_500
    assert full.ids() == empty.ids()


@given(mine=LABELS, theirs=LABELS, seed=st.integers(0, 2**32))
@relaxed
def test_spoilt_symbols_are_survived_by_ranges(
    wire: Any, replica: Any, mine: list[int], theirs: list[int], seed: int
) -> None:
    """Phantoms, stalls and nonsense in symbols: the session blames nobody and still ends equal."""
    random = Random(seed)

    def spoil(answer: bytes) -> bytes:
        message = read_answer(answer)
        if not isinstance(message, SymbolRun):
            return answer
        spoilt = bytearray(message.symbols)
        for _ in range(random.randrange(1, 4)):
            spoilt[random.randrange(len(spoilt))] ^= random.randrange(1, 256)
        return SymbolRun(message.size, bytes(spoilt)).encode()

    link = wire(replica(mine), replica(theirs), tamper=spoil)
    link.sync()
    assert link.asking.ids() == link.answering.ids()


def test_a_phantom_is_asked_for_once_and_then_ranges_decide(wire: Any, replica: Any, keys: Any) -> None:
    """A well-formed symbol run that decodes to an id nobody has."""
    from gossip.proto.riblt import Sketch, as_words

    real = replica(range(20))
    ghost = Sketch(keys)
    ghost.add(as_words(b"".join(i[:16] for i in real.ids()) + b"g" * 16))

    def haunt(answer: bytes) -> bytes:
        message = read_answer(answer)
        if isinstance(message, SymbolRun):
            return SymbolRun(21, ghost.symbols().wire(0, len(message.symbols) // SYMBOL_BYTES)).encode()
        return answer

    link = wire(replica(range(10)), real, tamper=haunt)
    outcome = link.sync()
    assert link.asking.ids() == real.ids()
    assert outcome.received == 10
    assert outcome.rejected == 0


def test_a_bulk_transfer_that_is_ignored_is_given_up(wire: Any, replica: Any) -> None:
    """A node that takes nobody's records must not fetch all of them again and again."""

    class Picky(MemoryReplica):
        offered = 0

        def admit_now(self, batch: Any, source: Any) -> Any:
            self.offered += len(batch)
            return super().admit_now(batch, source)

    picky = Picky(lambda envelope, source: Verdict.IGNORE)
    link = wire(picky, replica(range(12_000)))
    outcome = link.sync()
    assert outcome.ending is Ending.PARTIAL
    assert 1024 < picky.offered < 4000  # given up after a few ranges
    offered = picky.offered
    picky.wanted = lambda prefix: False  # type: ignore[method-assign]
    outcome = link.sync()
    assert picky.offered == offered
    assert outcome.differed == 12_000
    assert outcome.received == 0


def test_forged_digests_are_found_out_by_an_audit(wire: Any, replica: Any) -> None:
    def claim_same(answer: bytes) -> bytes:
        return Same().encode() if isinstance(read_answer(answer), SymbolRun) else answer

    link = wire(replica(range(40)), replica(range(50)), tamper=claim_same)
    assert link.sync().ending is Ending.EQUAL
    assert len(link.asking) == 40
    assert link.sync(audit=True).ending is Ending.RECONCILED
    assert len(link.asking) == 50


def test_equal_sets_cost_64_bytes_with_framing(wire: Any, replica: Any) -> None:
    link = wire(replica(range(2_000)), replica(range(2_000)))
    link.sync(wide=False)
    assert link.up + link.down + 2 <= 64


@given(data=st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_garbage_gives_peer_error_and_nothing_else(data: bytes) -> None:
    for prefix in (b"", b"\x01", b"\x01\x92", b"\x01\x93\x11"):
        for read in (read_question, read_answer):
            try:
                found = read(prefix + data)
            except PeerError:
                continue
            assert found.encode() == prefix + data


HOSTILE = st.one_of(
    st.just(Same()),
    st.builds(
        SymbolRun,
        st.integers(0, 1 << 39),
        st.binary(min_size=25, max_size=2_500).map(lambda b: b[: len(b) // 25 * 25]),
    ),
    st.builds(Far, st.integers(0, 1 << 39)),
    st.builds(Records, st.sampled_from([zlib.compress(b"\x90", 1), b"junk", b""]), st.booleans()),
    st.builds(Whole, st.just(b"h" * 16), st.integers(0, (1 << 64) - 1)),
    st.builds(
        Parts,
        st.lists(
            st.one_of(
                st.builds(Listing, st.lists(st.binary(min_size=16, max_size=16), max_size=32).map(tuple)),
                st.builds(
                    Split,
                    st.lists(st.binary(min_size=1, max_size=9), min_size=WAYS - 1, max_size=WAYS - 1).map(
                        tuple
                    ),
                    st.lists(st.integers(0, 9), min_size=WAYS, max_size=WAYS).map(tuple),
                ),
            ),
            max_size=3,
        ).map(tuple),
    ),
)


@given(answers=st.lists(HOSTILE, min_size=1, max_size=40))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_hostile_server_cannot_make_the_asking_side_do_more_than_raise(
    replica: Any, keys: Any, answers: list[Any]
) -> None:
    mine = replica(range(30))
    before = mine.ids()
    summary = Summary(keys)
    summary.catch_up(mine)
    session = SyncSession(mine, summary.view(), keys, Buckets(), salt=b"c" * 16)
    effects = session.handle(Opened(), 0.0)
    try:
        for answer in answers:
            effects = [effect for effect in effects if len(effects) == 1 or not isinstance(effect, Send)]
            while effects and not isinstance(effects[0], Send):
                if isinstance(effects[0], Finish):
                    return
                event = Admitted(mine.admit_now(getattr(effects[0], "envelopes", ()), None))
                if not hasattr(effects[0], "envelopes"):
                    return
                effects = session.handle(event, 0.0)
            effects = session.handle(Received(answer.encode()), 0.0)
            assert 1 <= len(effects) <= 2
    except PeerError:
        pass
    assert mine.ids() == before


@given(
    questions=st.lists(
        st.one_of(
            st.builds(
                Open,
                st.integers(0, 1 << 39),
                st.binary(min_size=8, max_size=8),
                st.binary(min_size=NARROW_BYTES, max_size=NARROW_BYTES),
            ),
            st.builds(More, st.integers(1, MAX_SYMBOLS)),
            st.builds(Bucket, st.binary(max_size=32), st.binary(max_size=32)),
        ),
        max_size=30,
    )
)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_server_answers_or_raises_and_hands_out_no_more_than_a_sketch(
    replica: Any, keys: Any, questions: list[Any]
) -> None:
    mine = replica(range(30))
    summary = Summary(keys)
    summary.catch_up(mine)
    server = SyncServer(mine, summary.view(), b"s" * 16)
    for question in questions:
        try:
            (answer,) = server.handle(Received(question.encode()), 0.0)
        except PeerError:
            assert isinstance(question, More)
            continue
        assert isinstance(answer, Send)
        read_answer(answer.frame)


def test_a_bucket_server_that_repeats_itself_is_caught(wire: Any, replica: Any) -> None:
    """It must bring new ids in order every time, so a transfer cannot be kept going for ever.

    Of the ranges asked for, the answer fits one; repeated for what follows, it is out of place.
    """
    full = replica(range(200))
    stuck: list[bytes] = []

    def repeat(answer: bytes) -> bytes:
        message = read_answer(answer)
        if isinstance(message, SymbolRun):
            return Far(100_000).encode()
        if isinstance(message, Records):
            stuck.append(Records(message.pack, True).encode())
            return stuck[0]
        return answer

    with pytest.raises(PeerError, match="out of order"):
        wire(replica([]), full, tamper=repeat).sync()


@pytest.mark.parametrize("cut", range(2, 24))
def test_what_a_broken_transfer_did_not_admit_is_fetched_again(
    wire: Any, replica: Any, broken: type[Exception], cut: int
) -> None:
    """Sixteen ranges of up to three packs, cut at any frame."""

    def far(answer: bytes) -> bytes:
        return Far(100).encode() if isinstance(read_answer(answer), SymbolRun) else answer

    link = wire(replica([]), LARGE, tamper=far, cut_after=cut)
    with pytest.raises(broken):
        link.sync()
    missing, waiting = LARGE.ids() - link.asking.ids(), link.buckets._waiting
    assert missing
    assert all(any(span.low <= item < (span.high or b"\xff" * 33) for span in waiting) for item in missing)
    assert link.buckets._out == 0
    while link.buckets.active:
        link.cut_after = None
        link.sync()
    assert link.asking.ids() == LARGE.ids()


@pytest.mark.parametrize("answer", [Far(5), Whole(b"h" * 16, 0), Parts(())])
def test_answers_to_questions_that_were_not_asked(wire: Any, replica: Any, answer: Any) -> None:
    first = Far(5) if not isinstance(answer, Far) else SymbolRun(5, bytes(SYMBOL_BYTES * 4))
    sequence = iter([answer.encode() if not isinstance(answer, Far) else first.encode(), answer.encode()])
    with pytest.raises(PeerError):
        wire(replica(range(5)), replica(range(9)), tamper=lambda _: next(sequence)).sync()


def test_unknown_versions_and_kinds_are_refused() -> None:
    with pytest.raises(PeerError, match="version 2"):
        read_question(b"\x02" + frame(0)[1:])
    with pytest.raises(PeerError, match="not a question"):
        read_question(frame(63))
