"""Sync sessions between simulated nodes: both machines of `gossip.proto`, and frames that take their time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Protocol

from gossip.proto.messages import Busy
from gossip.proto.ranges import Order
from gossip.proto.riblt import Keys
from gossip.proto.server import SyncServer
from gossip.proto.session import SOON_SECONDS, SYNC_ATTEMPTS, SyncSession
from gossip.proto.steps import (
    Admit,
    Admitted,
    Arrange,
    Arranged,
    Effect,
    Ending,
    Event,
    Finish,
    Opened,
    Received,
    Send,
)
from gossip.proto.summary import Summary, View
from leaderboard.errors import PeerError
from leaderboard.ids import SwarmId

from .nodes import Node
from .settings import Settings, Tally

__all__ = ["Sessions", "World"]

_KEYS = Keys.of(SwarmId(hashlib.sha256(b"simulation").digest()))


class World(Protocol):
    """What sessions need of the network around them."""

    settings: Settings
    tally: Tally
    nodes: list[Node]
    random: Random
    now: float

    def call(self, at: float, action: Callable[[], None]) -> None:
        """Have something done at a time."""
        ...

    def reaches(self, left: int, right: int) -> bool:
        """Whether a frame from one node arrives at the other."""
        ...

    def replace(self, node: int, silent: int) -> None:
        """Give a node another link for one to a peer that says nothing."""
        ...


@dataclass(slots=True)
class _Session:
    asking: int
    answering: int
    latency: float
    client: SyncSession
    server: SyncServer


class Sessions:
    """Opens sessions and carries their frames."""

    def __init__(self, world: World) -> None:
        self._world = world

    def begin(self, node: int) -> None:
        """Open a session with a random peer; as in `net.syncing`, try others if one does not answer."""
        world, me = self._world, self._world.nodes[node]
        if me.silent or me.syncing or not me.up:
            return
        for _ in range(SYNC_ATTEMPTS):
            if not me.links:
                return
            peer, latency = world.random.choice(me.links)
            if world.nodes[peer].silent:
                world.replace(node, peer)
            elif world.random.random() >= world.settings.loss and world.reaches(node, peer):
                self._open(node, peer, latency)
                return

    def _open(self, node: int, peer: int, latency: float) -> None:
        me, other = self._world.nodes[node], self._world.nodes[peer]
        me.syncing = True
        self._world.tally.sessions += 1
        half = self._world.random.randbytes(16)
        client = SyncSession(me.replica, self._view(me), _KEYS, me.buckets, salt=half, wide=me.restless)
        server = SyncServer(other.replica, self._view(other), half[::-1])
        self._ask(_Session(node, peer, latency, client, server), Opened())

    def _view(self, node: Node) -> View:
        if node.summary is None:
            node.summary = Summary(_KEYS, self._world.settings.symbols)
        while node.summary.catch_up(node.replica):
            pass
        return node.summary.view()

    def _ask(self, session: _Session, event: Event) -> None:
        for effect in session.client.handle(event, self._world.now):
            self._do(session, effect)

    def _do(self, session: _Session, effect: Effect) -> None:
        world, me = self._world, self._world.nodes[session.asking]
        if isinstance(effect, Finish):
            me.syncing = False
            me.restless = effect.outcome.ending is not Ending.EQUAL
            world.tally.equal += not me.restless
            if effect.outcome.received + effect.outcome.given:
                pause = SOON_SECONDS * world.random.uniform(0.5, 1.5)
                world.call(world.now + pause, partial(self.begin, session.asking))
        elif isinstance(effect, Send):
            world.tally.sync_bytes += len(effect.frame)
            self._carry(session, effect.frame, up=True)
        else:
            self._ask(session, self._perform(effect, me))

    def _carry(self, session: _Session, frame: bytes, *, up: bool) -> None:
        arrived = partial(self._arrived, session, frame, up=up)
        self._world.call(self._world.now + session.latency, arrived)

    def _arrived(self, session: _Session, frame: bytes, *, up: bool) -> None:
        world, asking = self._world, self._world.nodes[session.asking]
        if not world.reaches(session.asking, session.answering) or not asking.up:
            session.client.abandoned(world.now)
            asking.syncing = False
            return
        if not up:
            self._ask(session, Received(frame))
            return
        answer = self._answer(session, Received(frame))
        world.tally.sync_bytes += len(answer)
        self._carry(session, answer, up=False)

    def _answer(self, session: _Session, event: Event) -> bytes:
        try:
            (effect,) = session.server.handle(event, self._world.now)
        except PeerError:
            return Busy().encode()
        if isinstance(effect, Send):
            return effect.frame
        return self._answer(session, self._perform(effect, self._world.nodes[session.answering]))

    @staticmethod
    def _perform(effect: Effect, node: Node) -> Event:
        if isinstance(effect, Admit):
            return Admitted(node.replica.judge(effect.envelopes))
        assert isinstance(effect, Arrange)
        order = Order()
        while order.catch_up(node.replica):
            pass
        return Arranged(order.keys())
