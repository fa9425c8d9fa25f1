"""Conduct of identities: chains, forks, overdue accepts, and a model that keeps no clever state."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from leaderboard.envelope import ChainTip
from leaderboard.evidence.electorate import Weight
from leaderboard.evidence.identities import Chain, Identity, Placement
from leaderboard.evidence.policy import COMMON
from leaderboard.evidence.synthetic import Actor, Contest
from leaderboard.ids import ContentId
from leaderboard.records import Note


def cid(number: int) -> ContentId:
    return ContentId(number.to_bytes(32, "big"))


def test_a_chain_knows_duplicates_and_forks_in_any_order() -> None:
    actor = Actor("x", Contest())
    records = [actor.write(Note(None, str(i))) for i in range(4)]
    actor.rewind(records[1].tip)
    fork = actor.write(Note(None, "fork"))
    chain = Chain()
    order = [records[3], records[0], fork, records[1], records[2]]
    assert [chain.place(r) for r in order] == [
        Placement.NEW,
        Placement.NEW,
        Placement.NEW,
        Placement.NEW,
        Placement.FORK,
    ]
    assert {chain.place(r) for r in order} == {Placement.DUPLICATE}


def test_a_far_position_costs_no_memory() -> None:
    actor = Actor("x", Contest())
    first = actor.write(Note(None, "a"))
    actor.rewind(ChainTip(first.chain, 2**62, first.id))
    far = actor.write(Note(None, "b"), time_ms=1)
    chain = Chain()
    assert chain.place(far) is Placement.NEW
    assert chain.place(far) is Placement.DUPLICATE
    assert len(chain.dense) == 0


def model_overdue(accepts: list[tuple[int, int]], kept: set[int], which: int) -> bool:
    """The rule as it is written down, computed from nothing but the set."""

    def late(index: int) -> bool:
        chain, seq = accepts[index]
        later = sum(1 for k in kept if accepts[k][0] == chain and accepts[k][1] > seq)
        return later >= COMMON.grace

    if which in kept:
        return False
    fresh = [i for i in range(len(accepts)) if i not in kept and not late(i)]
    return late(which) or len(fresh) > COMMON.in_flight


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 30)), unique=True, min_size=1, max_size=14),
    st.lists(st.tuples(st.booleans(), st.integers(0, 13)), max_size=40),
)
def test_overdue_is_a_function_of_the_set(
    accepts: list[tuple[int, int]], steps: list[tuple[bool, int]]
) -> None:
    identity = Identity(COMMON)
    for index, (chain, seq) in enumerate(accepts):
        identity.accept(cid(index), bytes([chain]) * 16, seq, cid(100 + index % 5))
    kept: set[int] = set()
    for deliver, raw in steps:
        index = raw % len(accepts)
        if deliver and index not in kept:
            identity.deliver(cid(index))
            kept.add(index)
        elif not deliver and index in kept:
            identity.undeliver(cid(index))
            kept.remove(index)
        overdue = [model_overdue(accepts, kept, i) for i in range(len(accepts))]
        assert [identity.is_overdue(cid(i)) for i in range(len(accepts))] == overdue
        assert identity.withholds == (sum(overdue) > len(kept))


def test_newcomers_become_known_elsewhere() -> None:
    identity = Identity(COMMON)
    for index in range(3):
        identity.accept(cid(index), b"c" * 16, index, cid(100 + index))
        identity.deliver(cid(index))
    assert identity.weight(cid(999)) is Weight.KNOWN
    assert identity.weight(cid(100)) is Weight.KNOWN
    identity.undeliver(cid(2))
    assert identity.weight(cid(100)) is Weight.NEWCOMER
