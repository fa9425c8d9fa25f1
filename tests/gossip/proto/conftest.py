"""Two ends of a sync in one process: the machines of `gossip.proto` with nothing in between."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from gossip.memory import MemoryReplica, synthetic
from gossip.proto.buckets import Buckets
from gossip.proto.peerid import PeerId
from gossip.proto.ranges import Order
from gossip.proto.riblt import Keys
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
    Outcome,
    Received,
    Send,
)
from gossip.proto.summary import Summary, View
from leaderboard.ids import SwarmId

KEYS = Keys.of(SwarmId(b"k" * 32))
Tamper = Callable[[bytes], bytes]


class BrokenStreamError(Exception):
    """The stream broke."""


def _view(replica: MemoryReplica) -> View:
    summary = Summary(KEYS)
    while summary.catch_up(replica):
        pass
    return summary.view()


@dataclass
class Wire:
    """Runs sessions between two replicas, and may cut them short or change what the server says."""

    asking: MemoryReplica
    answering: MemoryReplica
    cut_after: int | None = None
    """Frames after which the stream breaks."""
    tamper: Tamper = bytes
    """What becomes of each frame of the server."""
    buckets: Buckets = field(default_factory=Buckets)
    up: int = 0
    down: int = 0
    frames: int = 0

    def sync(self, *, wide: bool = True, audit: bool = False) -> Outcome:
        """One session; BrokenStreamError if it was cut."""
        client = SyncSession(
            self.asking, _view(self.asking), KEYS, self.buckets, salt=b"c" * 16, wide=wide, audit=audit
        )
        server = SyncServer(self.answering, _view(self.answering), b"s" * 16)
        event: Event = Opened()
        try:
            while True:
                effects = client.handle(event, 0.0)
                for effect in effects:
                    if isinstance(effect, Finish):
                        return effect.outcome
                    if isinstance(effect, Send):
                        self.up += self._passes(effect.frame)
                        answer = self.tamper(self._serve(server, Received(effect.frame)))
                        self.down += self._passes(answer)
                    else:
                        effects.extend(client.handle(_perform(effect, self.asking), 0.0))
                event = Received(answer)
        finally:
            client.abandoned(0.0)

    def _passes(self, frame: bytes) -> int:
        self.frames += 1
        if self.cut_after is not None and self.frames > self.cut_after:
            raise BrokenStreamError
        return len(frame)

    def _serve(self, server: SyncServer, event: Event) -> bytes:
        (effect,) = server.handle(event, 0.0)
        if isinstance(effect, Send):
            return effect.frame
        return self._serve(server, _perform(effect, self.answering))


def _perform(effect: Effect, replica: MemoryReplica) -> Event:
    if isinstance(effect, Admit):
        return Admitted(replica.admit_now(effect.envelopes, PeerId("peer")))
    assert isinstance(effect, Arrange)
    order = Order()
    while order.catch_up(replica):
        pass
    return Arranged(order.keys())


def _replica(labels: Iterable[int], size: int = 130) -> MemoryReplica:
    """A replica with one record per label; clocks repeat, so that the order is decided by ids too."""
    replica = MemoryReplica()
    times = (int.from_bytes(hashlib.sha256(b"%d" % label).digest()[:1], "big") for label in labels)
    envelopes = [synthetic(str(label), time, size) for label, time in zip(labels, times, strict=False)]
    replica.admit_now(envelopes, PeerId("self"))
    return replica


@pytest.fixture
def wire() -> type[Wire]:
    return Wire


@pytest.fixture
def replica() -> Any:
    """`replica(labels)`: equal labels are equal records."""
    return _replica


@pytest.fixture
def broken() -> type[Exception]:
    return BrokenStreamError


@pytest.fixture
def keys() -> Keys:
    return KEYS
