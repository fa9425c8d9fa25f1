"""Records to test with: real keys, real signatures, fixed seeds."""

from __future__ import annotations

import pytest

from leaderboard.envelope import ChainTip, Envelope, seal, swarm_id
from leaderboard.ids import ContentId
from leaderboard.records import Record
from leaderboard.signing import Signer

SWARM = swarm_id("test-swarm")


class Author:
    """One identity with its chain, sealing records one after the other."""

    def __init__(self, number: int) -> None:
        self.signer = Signer(bytes([number]) * 32)
        self.tip = ChainTip(bytes([number]) * 16, -1, None)

    def seal(self, record: Record, time_ms: int = 1_700_000_000_000) -> Envelope:
        envelope = seal(record, self.signer, SWARM, self.tip, time_ms)
        self.tip = envelope.tip
        return envelope


class MemoryStore:
    """The smallest Store: what a ledger test needs to see."""

    def __init__(self) -> None:
        self.rows: dict[ContentId, bytes] = {}

    def known(self, ids: set[ContentId]) -> set[ContentId]:
        return {i for i in ids if i in self.rows}

    def append(self, envelopes: list[Envelope]) -> None:
        self.rows.update({e.id: e.raw for e in envelopes})


@pytest.fixture
def alice() -> Author:
    return Author(1)


@pytest.fixture
def bob() -> Author:
    return Author(2)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()
