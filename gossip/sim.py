"""Swarms of 20, 660 or 10,000 nodes in one process: a seeded heap of events drives the protocol machines.

The machines are those that run over libp2p: batches (`proto.push`), sync sessions with their frames
(`proto.session`, `proto.server`), conduct (`proto.conduct`). What libp2p does is modelled: GossipSub as eager
push along a random mesh, each message passed on once; streams as frames that arrive in order after the
link's latency. A lost push copy is lost; a lost stream is a session that never answers.

Everything is drawn from one seed, so equal settings give equal digests, and a digest is what a test compares.
All nodes share one archive of records and hold a bit for each, so that size is bounded by events and not by
copies. Not modelled: bandwidth, CPU, GossipSub's IHAVE (sync repairs what it would), TCP's slow start.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from heapq import heappop, heappush
from random import Random
from typing import Any

from leaderboard.envelope import content_id
from leaderboard.errors import PeerError
from leaderboard.ids import ContentId, SwarmId
from leaderboard.ledger import Admission, Verdict

from .proto.buckets import Buckets
from .proto.conduct import REJECTED_RECORD, Conduct
from .proto.lookup import above
from .proto.messages import Busy
from .proto.peerid import PeerId
from .proto.push import PushQueue, read_batch
from .proto.ranges import Order
from .proto.replica import LogPage
from .proto.riblt import Keys
from .proto.server import SyncServer
from .proto.session import SOON_SECONDS, SYNC_ATTEMPTS, SyncSession
from .proto.steps import (
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
from .proto.summary import Summary, View

__all__ = ["Archive", "Settings", "Simulation", "Tally"]

_KEYS = Keys.of(SwarmId(hashlib.sha256(b"simulation").digest()))
_PUSH, _FLUSH, _TURN, _UP, _DOWN, _CALL = range(6)


@dataclass(frozen=True, slots=True)
class Settings:
    """A network. Latencies are one way and per link: lognormal around the median, fixed for the run."""

    nodes: int
    seed: int = 1
    degree: int = 6
    latency: float = 0.045
    """Median, seconds."""
    spread: float = 0.5
    """Standard deviation of the logarithm of the latency."""
    loss: float = 0.0
    """Probability that a copy of a pushed message, or a whole sync session, is lost."""
    silent: float = 0.0
    """Part of the nodes that take and pass nothing on, and do not answer sync."""
    sync_seconds: float = 0.0
    """Mean pause between sessions of a node; 0 for no sync."""
    symbols: int = 512
    """Symbols in each node's sketch."""


@dataclass(slots=True)
class Tally:
    """What happened."""

    events: int = 0
    copies: int = 0
    """Pushed messages that arrived, new or not."""
    push_bytes: int = 0
    sync_bytes: int = 0
    sessions: int = 0
    equal: int = 0
    bans: int = 0
    hops: list[int] = field(default_factory=list)
    """For each first arrival of a message at a node, how many links it came over."""
    arrivals: list[float] = field(default_factory=list)
    """For each first arrival, seconds since the message left its maker."""


class Archive:
    """All records of a simulation, numbered; each exists once."""

    def __init__(
        self, envelopes: Sequence[bytes], times: Sequence[int], bad: frozenset[int] = frozenset()
    ) -> None:
        """`bad`: numbers of records that every honest ledger rejects."""
        self.envelopes = envelopes
        self.times = times
        self.bad = bad
        self.ids = [content_id(envelope) for envelope in envelopes]
        self.number = {identifier: index for index, identifier in enumerate(self.ids)}
        self.of_envelope = {envelope: index for index, envelope in enumerate(envelopes)}
        self.order = sorted(range(len(envelopes)), key=lambda index: self.ids[index])
        self.sorted = [self.ids[index] for index in self.order]


class _Replica:
    """A node's set, as one byte per record of the archive."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self.have = bytearray(len(archive.envelopes))
        self.taken: list[int] = []

    def __len__(self) -> int:
        return len(self.taken)

    def __contains__(self, identifier: ContentId) -> bool:
        return bool(self.have[self._archive.number[identifier]])

    def log(self, cursor: int, limit: int) -> LogPage:
        part = self.taken[cursor : cursor + limit]
        archive = self._archive
        ids, times = [archive.ids[i] for i in part], [archive.times[i] for i in part]
        return LogPage(ids, times, cursor + len(part), 0)

    def ids_between(self, low: bytes, high: bytes, limit: int) -> list[ContentId]:
        archive = self._archive
        found: list[ContentId] = []
        start = bisect_left(archive.sorted, low)
        stop = bisect_left(archive.sorted, high) if high else len(archive.sorted)
        for place in range(start, stop):
            if self.have[archive.order[place]]:
                found.append(archive.sorted[place])
                if len(found) == limit:
                    break
        return found

    def wanted(self, prefix: bytes) -> bool:
        return not self.ids_between(prefix, above(prefix), 1)

    def refuses(self, author: PeerId) -> bool:
        del author
        return False

    def envelopes(self, ids: Sequence[ContentId]) -> list[bytes]:
        numbers = (self._archive.number[identifier] for identifier in ids)
        return [self._archive.envelopes[i] for i in numbers if self.have[i]]

    async def admit(self, batch: Sequence[bytes], source: PeerId) -> list[Admission]:
        del source
        return self.judge(batch)

    def judge(self, batch: Sequence[bytes]) -> list[Admission]:
        """A verdict for each envelope; what is accepted is in the set."""
        return [self._judge(self._archive.of_envelope[envelope]) for envelope in batch]

    def _judge(self, index: int) -> Admission:
        identifier = self._archive.ids[index]
        if index in self._archive.bad:
            return Admission(Verdict.REJECT, identifier, "bad")
        known = not self.take(index)
        return Admission(Verdict.ACCEPT, identifier, "known" if known else "")

    def take(self, index: int) -> bool:
        """Add a good record; whether it was new."""
        if self.have[index]:
            return False
        self.have[index] = 1
        self.taken.append(index)
        return True


class _Node:
    """A simulated node; what it does is in `Simulation`, which knows the network."""

    __slots__ = (
        "buckets",
        "conduct",
        "links",
        "queue",
        "replica",
        "restless",
        "seen",
        "silent",
        "summary",
        "syncing",
        "up",
    )

    def __init__(self, archive: Archive) -> None:
        self.replica = _Replica(archive)
        self.links: list[tuple[int, float]] = []
        self.queue = PushQueue()
        self.seen: set[int] = set()
        self.conduct = Conduct()
        self.buckets = Buckets()
        self.summary: Summary | None = None
        self.syncing = False
        self.restless = True
        self.silent = False
        self.up = True


@dataclass(slots=True)
class _Session:
    asking: int
    answering: int
    latency: float
    client: SyncSession
    server: SyncServer


class Simulation:
    """Schedule what happens, then `run` up to a time; look at `tally` and `coverage`."""

    def __init__(self, settings: Settings, archive: Archive) -> None:
        self.settings = settings
        self.archive = archive
        self.tally = Tally()
        self.now = 0.0
        self._random = Random(settings.seed)  # noqa: S311 - for repeating runs, not for secrets
        self._heap: list[tuple[float, int, int, int, int, Any]] = []
        self._sequence = 0
        self._group: Sequence[int] | None = None
        self._messages: list[tuple[int, float, int, tuple[int, ...], bool]] = []
        """Maker, time of leaving, size, records, whether any is bad."""
        self.nodes = [_Node(archive) for _ in range(settings.nodes)]
        self._connect()

    # What may be scheduled

    def publish(self, at: float, node: int, records: Sequence[int]) -> None:
        """Have a node make records (numbers of the archive) and push them."""

        def make() -> None:
            maker = self.nodes[node]
            for index in records:
                maker.replica.take(index)
            maker.queue.put([self.archive.envelopes[index] for index in records])
            self._flush(node)

        self.call(at, make)

    def partition(self, start: float, stop: float, group: Sequence[int]) -> None:
        """Let nothing through between nodes of different groups for a while."""
        self.call(start, lambda: self._divide(group))
        self.call(stop, lambda: self._divide(None))

    def outage(self, node: int, start: float, stop: float) -> None:
        """Take a node down for a while; it keeps its set and syncs when it is back."""
        self.call(start, lambda: self._power(node, False))
        self.call(stop, lambda: self._power(node, True))

    def call(self, at: float, action: Callable[[], None]) -> None:
        """Have anything done at a time."""
        self._at(at, _CALL, 0, 0, action)

    # What can be read off

    def coverage(self, records: Sequence[int]) -> float:
        """Part of all (honest node, record) pairs where the node has the record."""
        honest = [node for node in self.nodes if not node.silent]
        return sum(node.replica.have[i] for node in honest for i in records) / (len(honest) * len(records))

    def digest(self) -> str:
        """A hash of every node's set, in its order of arrival, and of all counters."""
        state = hashlib.sha256()
        for node in self.nodes:
            state.update(repr(node.replica.taken).encode())
        tally = self.tally
        state.update(
            repr((tally.events, tally.copies, tally.push_bytes, tally.sync_bytes, tally.sessions)).encode()
        )
        return state.hexdigest()

    def run(self, until: float) -> Tally:
        """Let time pass."""
        heap, tally, nodes, messages = self._heap, self.tally, self.nodes, self._messages
        events = copies = size = 0
        while heap and heap[0][0] <= until:
            self.now, _, kind, first, second, what = heappop(heap)
            events += 1
            if kind == _PUSH:
                # Five of six copies are of a message that is there already: they are worth a short way.
                number, hops = what
                me = nodes[first]
                if me.up:
                    copies += 1
                    size += messages[number][2]
                    if number not in me.seen:
                        me.seen.add(number)
                        self._deliver(first, second, number, hops)
            else:
                self._happen(kind, first, what)
        self.now = until
        tally.events += events
        tally.copies += copies
        tally.push_bytes += size
        return tally

    def _happen(self, kind: int, node: int, what: Any) -> None:
        if kind == _FLUSH:
            self._flush(node)
        elif kind == _TURN:
            self._turn(node)
        elif kind == _CALL:
            what()
        else:
            self._frame(kind, what)

    # The network

    def _connect(self) -> None:
        """A random mesh: each node links to half its degree, so that degrees vary around it."""
        settings, random = self.settings, self._random
        nodes = settings.nodes
        links: set[tuple[int, int]] = set()
        for node in range(nodes):
            extra = settings.degree % 2 and node % 2
            wanted = min(nodes - 1, max(1, settings.degree // 2 + extra))
            while wanted:
                peer = random.randrange(nodes)
                if peer != node:
                    links.add((min(node, peer), max(node, peer)))
                    wanted -= 1
        for left, right in sorted(links):
            self._link(left, right)
        for node in random.sample(range(nodes), round(settings.silent * nodes)):
            self.nodes[node].silent = True
        if settings.sync_seconds:
            for node in range(nodes):
                self._at(random.uniform(0.0, settings.sync_seconds), _TURN, node, 0, None)

    def _link(self, left: int, right: int) -> None:
        latency = self.settings.latency * self._random.lognormvariate(0.0, self.settings.spread)
        self.nodes[left].links.append((right, latency))
        self.nodes[right].links.append((left, latency))

    def _replace(self, node: int, silent: int) -> None:
        """As `net.links` does with a peer that never shows it is a member: let go, and find another."""
        self.nodes[node].links = [link for link in self.nodes[node].links if link[0] != silent]
        self.nodes[silent].links = [link for link in self.nodes[silent].links if link[0] != node]
        known = {peer for peer, _ in self.nodes[node].links} | {node, silent}
        peer = self._random.randrange(self.settings.nodes)
        if peer not in known:
            self._link(node, peer)

    def _at(self, time: float, kind: int, first: int, second: int, what: object) -> None:
        self._sequence += 1
        heappush(self._heap, (time, self._sequence, kind, first, second, what))

    def _divide(self, group: Sequence[int] | None) -> None:
        self._group = group

    def _power(self, node: int, up: bool) -> None:
        self.nodes[node].up = up
        if up and self.settings.sync_seconds:
            self._sync(node)

    def _reaches(self, left: int, right: int) -> bool:
        if self._group is not None and self._group[left] != self._group[right]:
            return False
        return self.nodes[right].up

    # Push

    def _flush(self, node: int) -> None:
        """Send what is due, and come back for the rest."""
        queue = self.nodes[node].queue
        message = queue.take(self.now)
        if message is not None:
            self._send_on(node, node, self._number(node, message), 0)
        due = queue.due()
        if due is not None:
            self._at(max(due, self.now), _FLUSH, node, 0, None)

    def _number(self, maker: int, message: bytes) -> int:
        """Messages are decoded once, since all nodes see the same bytes."""
        records = tuple(self.archive.of_envelope[envelope] for envelope in read_batch(message))
        bad = not self.archive.bad.isdisjoint(records)
        self._messages.append((maker, self.now, len(message), records, bad))
        number = len(self._messages) - 1
        self.nodes[maker].seen.add(number)
        return number

    def _send_on(self, node: int, source: int, number: int, hops: int) -> None:
        loss, random, now = self.settings.loss, self._random.random, self.now
        heap, group, sequence = self._heap, self._group, self._sequence
        onward = (number, hops + 1)
        for peer, latency in self.nodes[node].links:
            if peer == source or (loss and random() < loss):
                continue
            if group is not None and group[node] != group[peer]:
                continue
            sequence += 1
            heappush(heap, (now + latency, sequence, _PUSH, peer, node, onward))
        self._sequence = sequence

    def _deliver(self, node: int, source: int, number: int, hops: int) -> None:
        """A message that is new to a node."""
        me = self.nodes[node]
        maker, left, _, records, bad = self._messages[number]
        if me.silent or (bad and not self._tolerates(me, maker, records)):
            return
        self.tally.hops.append(hops)
        self.tally.arrivals.append(self.now - left)
        have, taken = me.replica.have, me.replica.taken
        for index in records:
            if not have[index] and not (bad and index in self.archive.bad):
                have[index] = 1
                taken.append(index)
        self._send_on(node, source, number, hops)

    def _tolerates(self, me: _Node, maker: int, records: Sequence[int]) -> bool:
        """Blame a maker of bad records; False once it is banned, and then nothing of it is passed on."""
        peer = PeerId(str(maker))
        if me.conduct.banned(peer, self.now):
            return False
        for index in records:
            if index in self.archive.bad and me.conduct.blame(peer, REJECTED_RECORD, self.now):
                self.tally.bans += 1
        return True

    # Sync

    def _turn(self, node: int) -> None:
        self._sync(node)
        pause = self.settings.sync_seconds * self._random.uniform(0.6, 1.4)
        self._at(self.now + pause, _TURN, node, 0, None)

    def _sync(self, node: int) -> None:
        """Open a session with a random peer; as in `net.syncing`, try others if one does not answer."""
        me = self.nodes[node]
        if me.silent or me.syncing or not me.up:
            return
        for _ in range(SYNC_ATTEMPTS):
            if not me.links:
                return
            peer, latency = self._random.choice(me.links)
            if self.nodes[peer].silent:
                self._replace(node, peer)
            elif self._random.random() >= self.settings.loss and self._reaches(node, peer):
                self._open(node, peer, latency)
                return

    def _open(self, node: int, peer: int, latency: float) -> None:
        me = self.nodes[node]
        me.syncing = True
        self.tally.sessions += 1
        half = self._random.randbytes(16)
        client = SyncSession(me.replica, self._view(me), _KEYS, me.buckets, salt=half, wide=me.restless)
        server = SyncServer(self.nodes[peer].replica, self._view(self.nodes[peer]), half[::-1])
        session = _Session(node, peer, latency, client, server)
        self._ask(session, Opened())

    def _view(self, node: _Node) -> View:
        if node.summary is None:
            node.summary = Summary(_KEYS, self.settings.symbols)
        while node.summary.catch_up(node.replica):
            pass
        return node.summary.view()

    def _ask(self, session: _Session, event: Event) -> None:
        (effect,) = session.client.handle(event, self.now)
        if isinstance(effect, Finish):
            self.nodes[session.asking].syncing = False
            self.tally.equal += effect.outcome.ending is Ending.EQUAL
            self.nodes[session.asking].restless = effect.outcome.ending is not Ending.EQUAL
            if effect.outcome.received + effect.outcome.given:
                pause = SOON_SECONDS * self._random.uniform(0.5, 1.5)
                self.call(self.now + pause, partial(self._sync, session.asking))
        elif isinstance(effect, Send):
            self.tally.sync_bytes += len(effect.frame)
            self._at(self.now + session.latency, _UP, 0, 0, (session, effect.frame))
        else:
            self._ask(session, self._perform(effect, self.nodes[session.asking]))

    def _frame(self, kind: int, what: tuple[_Session, bytes]) -> None:
        session, frame = what
        if not self._reaches(session.asking, session.answering) or not self.nodes[session.asking].up:
            session.client.abandoned(self.now)
            self.nodes[session.asking].syncing = False
            return
        if kind == _DOWN:
            self._ask(session, Received(frame))
            return
        answer = self._answer(session, Received(frame))
        self.tally.sync_bytes += len(answer)
        self._at(self.now + session.latency, _DOWN, 0, 0, (session, answer))

    def _answer(self, session: _Session, event: Event) -> bytes:
        try:
            (effect,) = session.server.handle(event, self.now)
        except PeerError:
            return Busy().encode()
        if isinstance(effect, Send):
            return effect.frame
        return self._answer(session, self._perform(effect, self.nodes[session.answering]))

    @staticmethod
    def _perform(effect: Effect, node: _Node) -> Event:
        if isinstance(effect, Admit):
            return Admitted(node.replica.judge(effect.envelopes))
        assert isinstance(effect, Arrange)
        order = Order()
        while order.catch_up(node.replica):
            pass
        return Arranged(order.keys())
