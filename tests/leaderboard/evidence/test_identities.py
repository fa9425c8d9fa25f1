"""Conduct of identities: chains, forks, overdue accepts, and a model that keeps no clever state."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from leaderboard.envelope import ChainTip
from leaderboard.evidence.electorate import Weight
from leaderboard.evidence.facts import Commitment
from leaderboard.evidence.identities import Identities, Identity, Placement, Places
from leaderboard.evidence.policy import COMMON
from leaderboard.evidence.synthetic import Actor, Contest
from leaderboard.ids import AuthorId, ContentId
from leaderboard.records import Accept, Note
from leaderboard.tables import MemoryTables


def cid(number: int) -> ContentId:
    return ContentId(number.to_bytes(32, "big"))


ME = AuthorId(b"m" * 32)


def someone() -> Identity:
    return Identities(MemoryTables(), COMMON)[ME]


def promise(number: int, chain: bytes = b"c" * 16, seq: int | None = None) -> Commitment:
    accept = Accept(cid(100 + number % 5), 4, bytes(32))
    return Commitment(cid(number), ME, chain, number if seq is None else seq, accept)


def test_a_chain_knows_duplicates_and_forks_in_any_order() -> None:
    actor = Actor("x", Contest())
    records = [actor.write(Note(None, str(i))) for i in range(4)]
    actor.rewind(records[1].tip)
    fork = actor.write(Note(None, "fork"))
    chain = Places(MemoryTables())
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
    chain = Places(MemoryTables())
    assert chain.place(far) is Placement.NEW
    assert chain.place(far) is Placement.DUPLICATE
    assert not chain.is_taken(far)
    actor.rewind(ChainTip(first.chain, 2**62, first.id))
    assert chain.is_taken(actor.write(Note(None, "c"), time_ms=2))


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
    identity = someone()
    promises = [promise(index, bytes([chain]) * 16, seq) for index, (chain, seq) in enumerate(accepts)]
    for promised in promises:
        identity.accept(promised, promised.accept.claim)
    kept: set[int] = set()
    for deliver, raw in steps:
        index = raw % len(accepts)
        if deliver and index not in kept:
            identity.deliver(promises[index], promises[index].accept.claim)
            kept.add(index)
        elif not deliver and index in kept:
            identity.undeliver(promises[index], promises[index].accept.claim)
            kept.remove(index)
        overdue = [model_overdue(accepts, kept, i) for i in range(len(accepts))]
        assert [
            index not in kept and identity.is_overdue(promises[index]) for index in range(len(accepts))
        ] == overdue
        assert identity.withholds == (sum(overdue) > len(kept))
        assert (identity.delivered, identity.pending) == (len(kept), len(accepts) - len(kept))
        assert len(identity.open_accepts()) == identity.pending


def test_newcomers_become_known_elsewhere() -> None:
    identity = someone()
    for index in range(3):
        identity.accept(promise(index), cid(100 + index))
        identity.deliver(promise(index), cid(100 + index))
    assert identity.weight(cid(999)) is Weight.KNOWN
    assert identity.weight(cid(100)) is Weight.KNOWN
    identity.undeliver(promise(2), cid(102))
    assert identity.weight(cid(100)) is Weight.NEWCOMER
