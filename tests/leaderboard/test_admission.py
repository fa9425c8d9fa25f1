"""Quotas delay and never decide; proofs of equivocation pass; work is cheap to check; a flood is bounded."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.admission import (
    RECORD_COST,
    Allowance,
    Postponed,
    Quotas,
    Rate,
    Standing,
    has_work,
)
from leaderboard.envelope import ChainTip, Envelope, open_envelope, seal, swarm_id
from leaderboard.errors import LocalError
from leaderboard.ids import AuthorId
from leaderboard.ledger import Ledger, Verdict
from leaderboard.records import Note
from leaderboard.signing import Signer

SWARM = swarm_id("test-swarm")
NOW_MS = 1_700_000_000_000
ROOMY = Rate(1e12, 1e9)


class MemorySet:
    def __init__(self) -> None:
        self.rows: dict[Any, bytes] = {}

    def known(self, ids: Any) -> Any:
        return {i for i in ids if i in self.rows}

    def append(self, envelopes: Any) -> None:
        self.rows.update({e.id: e.raw for e in envelopes})


def notes(author: int, count: int, chain: int = 0, text: str = "") -> list[Envelope]:
    tip, made = ChainTip(bytes([chain]) * 16, -1, None), []
    for number in range(count):
        envelope = seal(Note(None, f"{text}{number}"), Signer(bytes([author]) * 32), SWARM, tip, NOW_MS)
        tip = envelope.tip
        made.append(envelope)
    return made


POOL = [envelope.raw for author in range(1, 5) for envelope in notes(author, 4)]
COST = len(POOL[0]) + RECORD_COST


def tight(author: float = 2.5, source: float = 5.5, pool: float = 7.5, standing: Any = None) -> Quotas:
    """Room for so many records at once, and one more a second."""
    rates = (Rate(COST * burst, COST) for burst in (author, source, pool))
    return Quotas(Allowance(*rates), standing or (lambda _: Standing.STRANGER))


ARRIVALS = st.lists(
    st.tuples(
        st.lists(st.sampled_from(POOL), max_size=8), st.sampled_from("ab"), st.floats(0.0, 3.0, width=32)
    ),
    max_size=6,
)


@given(ARRIVALS, st.permutations(POOL))
def test_the_set_does_not_depend_on_the_order_of_arrival(arrivals: Any, rest: list[bytes]) -> None:
    """What is over a quota is offered again, as sync does; in the end everything is in."""
    store, now = MemorySet(), 0.0
    ledger = Ledger(store, SWARM, quotas=tight())
    for batch, source, pause in arrivals:
        now += pause
        for answer in ledger.admit(batch, NOW_MS, source=source, now=now):
            assert answer.verdict is not Verdict.REJECT
    waiting = list(rest)
    for _ in range(len(POOL) + 4):
        answers = ledger.admit(waiting, NOW_MS, source="a", now=now)
        waiting = [raw for raw, a in zip(waiting, answers, strict=True) if a.verdict is Verdict.IGNORE]
        now += 1.0
    assert not waiting
    assert set(store.rows.values()) == set(POOL)


def test_each_quota_says_which_it_is_and_ends() -> None:
    mine = notes(1, 9)
    for quotas, reason in (
        (Quotas(Allowance(Rate(2.5 * COST, COST), ROOMY, ROOMY)), "author's quota"),
        (Quotas(Allowance(ROOMY, Rate(2.5 * COST, COST), ROOMY)), "peer that brought it"),
        (Quotas(Allowance(ROOMY, ROOMY, Rate(2.5 * COST, COST))), "strangers share"),
    ):
        ledger = Ledger(MemorySet(), SWARM, quotas=quotas)
        answers = ledger.admit([item.raw for item in mine], NOW_MS, source="peer", now=10.0)
        assert [a.verdict for a in answers] == [0, 0] + [2] * 7
        assert all(reason in a.reason for a in answers[2:])
        assert ledger.admit([mine[2].raw], NOW_MS, source="peer", now=10.1)[0].verdict is Verdict.IGNORE
        assert ledger.admit([mine[2].raw], NOW_MS, source="peer", now=11.0)[0].verdict is Verdict.ACCEPT


def test_what_is_made_here_waits_for_nothing() -> None:
    ledger = Ledger(MemorySet(), SWARM, quotas=tight(author=1, source=1, pool=1))
    assert {a.verdict for a in ledger.admit(POOL, NOW_MS)} == {Verdict.ACCEPT}


def test_forged_records_use_up_nobodys_quota() -> None:
    store, (genuine,) = MemorySet(), notes(1, 1)
    ledger = Ledger(store, SWARM, quotas=tight(author=1.5))
    forged = [item.raw[:-24] + bytes(24) for item in notes(1, 20, text="forged")]
    assert {a.verdict for a in ledger.admit(forged, NOW_MS, source="liar")} == {Verdict.REJECT}
    assert ledger.admit([genuine.raw], NOW_MS, source="liar")[0].verdict is Verdict.ACCEPT


def test_strangers_cannot_use_up_what_neighbours_and_the_trusted_have() -> None:
    standings = {
        Signer(bytes([1]) * 32).author: Standing.TRUSTED,
        Signer(bytes([2]) * 32).author: Standing.NEIGHBOUR,
    }
    quotas = tight(9, 99, 2.5, lambda author: standings.get(author, Standing.STRANGER))
    ledger = Ledger(MemorySet(), SWARM, quotas=quotas)
    flood = [item.raw for author in (3, 4) for item in notes(author, 4)]
    answers = ledger.admit(flood, NOW_MS, source="flooder")
    assert sum(a.verdict is Verdict.ACCEPT for a in answers) == 2
    for author, admitted in ((1, 4), (2, 2), (3, 0)):
        answers = ledger.admit([n.raw for n in notes(author, 4, chain=9)], NOW_MS, source="friend")
        assert sum(a.verdict is Verdict.ACCEPT for a in answers) == admitted


def test_members_only() -> None:
    member, other = notes(1, 1)[0], notes(2, 1)[0]
    ledger = Ledger(MemorySet(), SWARM, members=[member.author])
    answers = ledger.admit([member.raw, other.raw], NOW_MS, source="p")
    assert [a.verdict for a in answers] == [Verdict.ACCEPT, Verdict.IGNORE]
    assert "members" in answers[1].reason


def test_the_refuse_list_can_change_while_the_ledger_runs() -> None:
    (one, two), store = notes(1, 2), MemorySet()
    ledger = Ledger(store, SWARM)
    ledger.refuse([one.author])
    assert ledger.admit([one.raw], NOW_MS)[0].verdict is Verdict.IGNORE
    ledger.refuse([])
    assert {a.verdict for a in ledger.admit([one.raw, two.raw], NOW_MS)} == {Verdict.ACCEPT}


# Proof of work


def test_work_is_done_by_the_author_and_looked_at_by_the_receiver() -> None:
    swarm = swarm_id("costly", 8)
    signer, tip = Signer(b"\1" * 32), ChainTip(b"\1" * 16, -1, None)
    worked = seal(Note(None, "x"), signer, swarm, tip, NOW_MS, work_bits=8)
    idle = next(
        item
        for item in (seal(Note(None, str(i)), signer, swarm, tip, NOW_MS) for i in range(99))
        if not has_work(item.id, 8)
    )
    forged = idle.raw[:-1] + bytes(
        [idle.raw[-1] ^ 1]
    )  # which nobody finds out, because work is looked at first
    ledger = Ledger(MemorySet(), swarm, work_bits=8)
    answers = ledger.admit([worked.raw, forged], NOW_MS, source="p")
    assert [a.verdict for a in answers] == [Verdict.ACCEPT, Verdict.REJECT]
    assert "proof of work" in answers[1].reason
    assert open_envelope(worked.raw, swarm) == worked
    assert worked.signature_holds()
    assert worked.id[-1] == 0


@given(st.integers(0, 10), st.text(max_size=20))
def test_work_of_any_size_is_in_the_last_bits(bits: int, text: str) -> None:
    swarm = swarm_id("any", bits)
    envelope = seal(
        Note(None, text), Signer(b"\2" * 32), swarm, ChainTip(b"\1" * 16, -1, None), 5, work_bits=bits
    )
    assert has_work(envelope.id, bits)
    assert int.from_bytes(envelope.id, "big") % 2**bits == 0


def test_swarms_that_ask_for_different_work_are_different_swarms() -> None:
    assert len({swarm_id("one", bits) for bits in range(5)} | {swarm_id("two", 3)}) == 6
    assert swarm_id("one", 0) == swarm_id("one")
    with pytest.raises(LocalError, match="0 to 32 bits"):
        swarm_id("one", 33)


# What a flood can do


def test_a_flood_of_free_identities_stores_the_pool_and_no_more() -> None:
    """A simulated day: fresh identities all the time, each with a record, from 64 connections."""
    quotas, stored, cost, authors = Quotas(Allowance.daily(64)), 0, 65_000, 0
    for minute in range(24 * 60):
        for _ in range(100):
            authors += 1
            author = AuthorId(authors.to_bytes(32, "big"))
            if not quotas.charge(author, f"peer {authors % 64}", cost, 60.0 * minute):
                stored += cost + RECORD_COST
    assert authors * cost > 8_000 * 2**20  # what was offered
    assert 120 * 2**20 < stored <= 128 * 2**20  # the burst and a day's refill
    assert quotas.tracked() < 140_000


def test_buckets_are_forgotten_when_they_are_full_again() -> None:
    quotas = tight(author=3, source=1e6, pool=1e6)
    for number in range(100):
        quotas.charge(AuthorId(bytes([number]) * 32), "p", 100, float(number))
    assert quotas.tracked() < 10


def test_a_record_larger_than_a_bucket_passes_when_it_is_full() -> None:
    quotas = Quotas(Allowance(Rate(10, 1), Rate(10, 1), Rate(10, 1)))
    author = AuthorId(bytes(32))
    assert not quotas.charge(author, "p", 60_000, 0.0)
    assert quotas.delay(author, "p", 1, 60_000.0)
    assert not quotas.charge(author, "p", 60_000, 60_000.0 + RECORD_COST)


def test_a_quota_of_nothing_is_refused() -> None:
    with pytest.raises(LocalError, match="delay for ever"):
        Rate(1, 0)


def test_what_was_put_off_is_asked_for_again_and_the_memory_is_bounded() -> None:
    postponed = Postponed(most=10)
    postponed.put_off(b"x", 5.0)
    assert postponed.waits(b"x", 4.9)
    assert not postponed.waits(b"x", 5.1)
    for number in range(99):
        postponed.put_off(bytes([number]), 9.0)
    assert len(postponed) == 10
    postponed.clear()
    assert not postponed.waits(bytes([98]), 0.0)
