"""The one door: verdicts, durability before visibility, and the laws of the set."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.codec import decode, encode
from leaderboard.envelope import ChainTip, seal, swarm_id
from leaderboard.ledger import CLOCK_AHEAD_MS, Ledger, Verdict
from leaderboard.records import Note
from leaderboard.signing import Signer

SWARM = swarm_id("test-swarm")
NOW = 1_700_000_000_000


class MemorySet:
    """A Store in memory that remembers the order of its calls."""

    def __init__(self):
        self.rows, self.log = {}, []

    def known(self, ids):
        return {i for i in ids if i in self.rows}

    def append(self, envelopes):
        self.log.append("stored")
        self.rows.update({e.id: e.raw for e in envelopes})


def _notes(author: int, count: int) -> list[bytes]:
    signer, tip, raws = Signer(bytes([author]) * 32), ChainTip(bytes([author]) * 16, -1, None), []
    for number in range(count):
        envelope = seal(Note(None, f"{author}/{number}"), signer, SWARM, tip, NOW)
        tip = envelope.tip
        raws.append(envelope.raw)
    return raws


POOL = [raw for author in (1, 2, 3) for raw in _notes(author, 4)]
BATCHES = st.lists(st.lists(st.sampled_from(POOL), max_size=6), max_size=6)


def _merge(*batches):
    store = MemorySet()
    for batch in batches:
        Ledger(store, SWARM).admit(batch, NOW)
    return store.rows


@given(st.permutations(POOL), st.permutations(POOL))
def test_merge_is_commutative(one, two):
    assert _merge(one, two) == _merge(two, one) == _merge(POOL)


@given(BATCHES, BATCHES, BATCHES)
def test_merge_is_associative_and_idempotent(a, b, c):
    left = _merge(list(_merge(*a, *b).values()), list(_merge(*c).values()))
    right = _merge(list(_merge(*a).values()), list(_merge(*b, *c).values()))
    assert left == right == _merge(*a, *b, *c, *a, *b, *c)


def test_new_known_and_duplicate_records():
    store = MemorySet()
    ledger = Ledger(store, SWARM)
    verdicts = ledger.admit([POOL[0], POOL[0], POOL[1]], NOW)
    assert [(v.verdict, v.reason) for v in verdicts] == [(0, ""), (0, "known"), (0, "")]
    assert [v.reason for v in ledger.admit([POOL[1]], NOW)] == ["known"]
    assert store.log == ["stored"]


@pytest.mark.parametrize("time_ms", [0, NOW], ids=["of which no glimpse is had", "usual"])
def test_a_known_record_with_another_signature_is_known(time_ms):
    sealed = seal(Note(None, "x"), Signer(b"\x07" * 32), SWARM, ChainTip(b"\x07" * 16, -1, None), time_ms)
    ledger = Ledger(MemorySet(), SWARM)
    assert ledger.admit([sealed.raw], NOW)[0].reason == ""
    forged = sealed.raw[:-1] + bytes([sealed.raw[-1] ^ 1])
    assert [(a.verdict, a.reason) for a in ledger.admit([forged], NOW)] == [(Verdict.ACCEPT, "known")]


def test_records_are_durable_before_anyone_sees_them():
    store = MemorySet()
    Ledger(store, SWARM, on_admitted=lambda _: store.log.append("seen")).admit(POOL[:2], NOW)
    assert store.log == ["stored", "seen"]


def test_a_store_that_fails_shows_nothing():
    class FullDisk(MemorySet):
        def append(self, envelopes):
            raise OSError("no space left on device")

    seen = []
    ledger = Ledger(FullDisk(), SWARM, on_admitted=seen.extend)
    with pytest.raises(OSError, match="no space"):
        ledger.admit(POOL[:2], NOW)
    assert seen == []


def test_the_answers_have_reasons():
    store = MemorySet()
    version, body, signature = decode(POOL[0])
    forged = encode([version, body, signature[:40] + bytes(24)])
    signer = Signer(b"\x09" * 32)
    early = seal(Note(None, "e"), signer, SWARM, ChainTip(b"\x09" * 16, -1, None), NOW + CLOCK_AHEAD_MS + 1)
    refused_author = Signer(b"\x02" * 32).author
    ledger = Ledger(store, SWARM, refused=[refused_author])
    answers = ledger.admit([b"garbage", forged, early.raw, POOL[4], POOL[0]], NOW)
    assert [a.verdict for a in answers] == [
        Verdict.REJECT,
        Verdict.REJECT,
        Verdict.IGNORE,
        Verdict.IGNORE,
        Verdict.ACCEPT,
    ]
    assert "signature" in answers[1].reason
    assert "clock" in answers[2].reason
    assert "refuse-list" in answers[3].reason
    assert list(store.rows.values()) == [POOL[0]]
    assert ledger.admit([early.raw], NOW + 2)[0].verdict is Verdict.ACCEPT


def test_a_forged_copy_in_front_does_not_shut_out_the_genuine_record():
    version, body, signature = decode(POOL[0])
    forged = encode([version, body, signature[:40] + bytes(24)])
    answers = Ledger(MemorySet(), SWARM).admit([forged, POOL[0]], NOW)
    assert [a.verdict for a in answers] == [Verdict.REJECT, Verdict.ACCEPT]
