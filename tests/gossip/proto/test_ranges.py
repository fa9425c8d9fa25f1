"""Comparison by ranges: certain to end, and exact."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gossip.proto.compare import Comparison
from gossip.proto.messages import Compare, Parts, read_answer, read_question
from gossip.proto.ranges import KEY_BYTES, LEAF, WAYS, Listing, Order, Range, Salted, Split, session_salt
from leaderboard.errors import PeerError

WHOLE = Range(b"", b"")
LABELS = st.sets(st.integers(0, 2_000), max_size=400)


def salted(replica: Any, labels: Any, salt: bytes = b"s" * 16) -> Salted:
    order = Order()
    filled = replica(list(labels))
    while order.catch_up(filled):
        pass
    return Salted(order.keys(), salt)


@given(mine=LABELS, theirs=LABELS)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_two_sets_are_told_apart_exactly(replica: Any, mine: set[int], theirs: set[int]) -> None:
    left, right = salted(replica, mine), salted(replica, theirs)
    comparison = Comparison(left, right.fingerprint(WHOLE))
    rounds = 0
    while (question := comparison.next()) is not None:
        rounds += 1
        asked = read_question(question.encode())
        assert isinstance(asked, Compare)
        answer = Parts(tuple(right.describe(part) for part in asked.ranges))
        comparison.take(read_answer(answer.encode()))  # type: ignore[arg-type]
    assert rounds <= 4
    have, lack = set(left.prefixes(WHOLE)), set(right.prefixes(WHOLE))
    assert set(comparison.ours) == have - lack
    assert set(comparison.theirs) == lack - have


@given(labels=LABELS)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_parts_of_a_range_add_up_to_it(replica: Any, labels: set[int]) -> None:
    whole = salted(replica, labels)
    described = whole.describe(WHOLE)
    if isinstance(described, Listing):
        assert len(labels) <= LEAF
        assert len(described.prefixes) == len(labels)
        return
    parts = described.parts(WHOLE)
    assert sum(theirs for _, theirs in parts) % (1 << 64) == whole.fingerprint(WHOLE)
    assert [whole.fingerprint(part) for part, _ in parts] == [theirs for _, theirs in parts]
    assert sum(whole.size(part) for part, _ in parts) == len(labels)


def test_the_salt_decides_the_fingerprint(replica: Any) -> None:
    one = salted(replica, range(9), session_salt(b"a" * 16, b"b" * 16))
    other = salted(replica, range(9), session_salt(b"b" * 16, b"a" * 16))
    assert one.fingerprint(WHOLE) != other.fingerprint(WHOLE)


SUMS = tuple(range(WAYS))


@pytest.mark.parametrize(
    "bounds",
    [
        [b"\x01"] * (WAYS - 1),
        [bytes((WAYS - i,)) for i in range(WAYS - 1)],
        [bytes((i + 1,)) for i in range(WAYS - 2)],
        [b"", *(bytes((i + 1,)) for i in range(WAYS - 2))],
        [bytes((i + 1,)) for i in range(WAYS - 2)] + [b"\xff"],
    ],
)
def test_cuts_that_make_no_progress_are_refused(bounds: list[bytes]) -> None:
    with pytest.raises(PeerError):
        Split(tuple(bounds), SUMS).parts(Range(b"", b"\xf0"))


def test_an_endless_comparison_ends(replica: Any) -> None:
    """A server that says everything differs, for ever, runs out of bounds to put between bounds."""
    mine = Comparison(salted(replica, range(100)), 1)

    def lie(asked: Range) -> Split | Listing:
        bounds = tuple(asked.low.ljust(2, b"\0") + bytes((i + 1,)) for i in range(WAYS - 1))
        return Split(
            bounds, tuple(int.from_bytes(hashlib.sha256(b).digest()[:8], "big") for b in (*bounds, b"x"))
        )

    def pursue() -> None:
        for _ in range(10_000):
            question = mine.next()
            assert question is not None
            mine.take(Parts(tuple(lie(part) for part in question.ranges)))

    with pytest.raises(PeerError):
        pursue()


def test_bounds_are_short(replica: Any) -> None:
    described = salted(replica, range(2_000)).describe(WHOLE)
    assert isinstance(described, Split)
    assert max(map(len, described.bounds)) < KEY_BYTES // 2 + 4


@pytest.mark.parametrize("answers", [0, 2])
def test_every_range_must_be_described(replica: Any, answers: int) -> None:
    mine = Comparison(salted(replica, range(100)), 1)
    mine.next()
    with pytest.raises(PeerError, match="described"):
        mine.take(Parts((Listing(()),) * answers))
