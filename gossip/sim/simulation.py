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
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from random import Random
from typing import Any

from gossip.proto.conduct import REJECTED_RECORD
from gossip.proto.peerid import PeerId
from gossip.proto.push import read_batch

from .nodes import Archive, Node
from .sessions import Sessions
from .settings import Settings, Tally

__all__ = ["Simulation"]

_PUSH, _FLUSH, _TURN, _CALL = range(4)


class Simulation:
    """Schedule what happens, then `run` up to a time; look at `tally` and `coverage`."""

    def __init__(self, settings: Settings, archive: Archive) -> None:
        self.settings = settings
        self.archive = archive
        self.tally = Tally()
        self.now = 0.0
        self.random = Random(settings.seed)  # noqa: S311 - for repeating runs, not for secrets
        self._heap: list[tuple[float, int, int, int, int, Any]] = []
        self._sequence = 0
        self._group: Sequence[int] | None = None
        self._messages: list[tuple[int, float, int, tuple[int, ...], bool]] = []
        """Maker, time of leaving, size, records, whether any is bad."""
        self.nodes = [Node(archive) for _ in range(settings.nodes)]
        self._sessions = Sessions(self)
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
        else:
            what()

    # The network

    def _connect(self) -> None:
        """A random mesh: each node links to half its degree, so that degrees vary around it."""
        settings, random = self.settings, self.random
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
        latency = self.settings.latency * self.random.lognormvariate(0.0, self.settings.spread)
        self.nodes[left].links.append((right, latency))
        self.nodes[right].links.append((left, latency))

    def replace(self, node: int, silent: int) -> None:
        """As `net.links` does with a peer that never shows it is a member: let go, and find another."""
        self.nodes[node].links = [link for link in self.nodes[node].links if link[0] != silent]
        self.nodes[silent].links = [link for link in self.nodes[silent].links if link[0] != node]
        known = {peer for peer, _ in self.nodes[node].links} | {node, silent}
        peer = self.random.randrange(self.settings.nodes)
        if peer not in known:
            self._link(node, peer)

    def _at(self, time: float, kind: int, first: int, second: int, what: object) -> None:
        self._sequence += 1
        heappush(self._heap, (time, self._sequence, kind, first, second, what))

    def _turn(self, node: int) -> None:
        self._sessions.begin(node)
        pause = self.settings.sync_seconds * self.random.uniform(0.6, 1.4)
        self._at(self.now + pause, _TURN, node, 0, None)

    def _divide(self, group: Sequence[int] | None) -> None:
        self._group = group

    def _power(self, node: int, up: bool) -> None:
        self.nodes[node].up = up
        if up and self.settings.sync_seconds:
            self._sessions.begin(node)

    def reaches(self, left: int, right: int) -> bool:
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
        loss, random, now = self.settings.loss, self.random.random, self.now
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

    def _tolerates(self, me: Node, maker: int, records: Sequence[int]) -> bool:
        """Blame a maker of bad records; False once it is banned, and then nothing of it is passed on."""
        peer = PeerId(str(maker))
        if me.conduct.banned(peer, self.now):
            return False
        for index in records:
            if index in self.archive.bad and me.conduct.blame(peer, REJECTED_RECORD, self.now):
                self.tally.bans += 1
        return True
