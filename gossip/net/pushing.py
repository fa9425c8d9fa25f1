"""Push over GossipSub: our new records out in batches, everybody's in, through the one door.

GossipSub's validator knows yes and no, runs before a message is passed on, and its answer is remembered; it
checks the frame only, and who passes on a broken frame is to blame for it. Verdicts on records come later,
from the ledger; then the message's signer is to blame, who may not be whom we got it from.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import trio
from libp2p.peer.id import ID

from gossip.proto.conduct import BROKEN_PROTOCOL, REJECTED_RECORD
from gossip.proto.peerid import PeerId
from gossip.proto.push import PushQueue, read_batch
from gossip.proto.replica import Replica
from leaderboard.errors import PeerError
from leaderboard.ledger import Verdict

from .contain import Contained
from .host import Host
from .links import Links
from .tally import Tally

__all__ = ["Push"]

_PACE_SECONDS = 0.002
"""Pause between batches of a burst, so that sending keeps up with the queues."""
_MOST_READ = 64
"""Batches read by the validator and not delivered yet: usually one."""
_BACKLOG = 256
"""Batches that wait for the ledger, at most 86 MB. Beyond it they are dropped, counted, and left to sync."""


class Push:
    """The push side of one node."""

    def __init__(self, host: Host, replica: Replica, tally: Tally, links: Links) -> None:
        self._host = host
        self._replica = replica
        self._tally = tally
        self._links = links
        self._me = ID.from_base58(host.me).to_bytes()
        self._read: OrderedDict[tuple[bytes, bytes], tuple[bytes, ...]] = OrderedDict()
        self._queue = PushQueue()
        self._ready = trio.Event()
        self._inbox_in, self._inbox_out = trio.open_memory_channel[tuple[PeerId, tuple[bytes, ...]]](_BACKLOG)

    @property
    def waiting(self) -> int:
        """Records that have not left yet."""
        return len(self._queue)

    def put(self, envelopes: Sequence[bytes]) -> None:
        """Queue records that the ledger has admitted."""
        self._queue.put(envelopes)
        self._ready.set()

    async def subscribe(self) -> Any:
        """Join the topic: before the first connection, or the mesh forms a heartbeat late and lopsided."""
        self._host.pubsub.set_topic_validator(self._host.topic, self._valid, False)
        return await self._host.pubsub.subscribe(self._host.topic)

    async def run(self, subscription: Any) -> None:
        """Send and receive until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._send_loop)
            nursery.start_soon(self._receive_loop, subscription)
            nursery.start_soon(self._admit_loop)

    def _valid(self, forwarder: ID, message: Any) -> bool:
        """GossipSub's validator. Who is banned is not heard through others either.

        Not through GossipSub's own blacklist: adding a peer to it that is just leaving ends the process.
        What was read is kept for the delivery that follows: decoding is the dearest thing we do per message.
        """
        if forwarder.to_bytes() == self._me:
            return True
        now, signer, sender = trio.current_time(), _text(message.from_id), _text(forwarder.to_bytes())
        if any(self._links.conduct.banned(peer, now) for peer in (sender, signer)):
            self._links.refuse("push: from a banned peer")
            return False
        if self._replica.refuses(signer):
            self._links.refuse("push: from a refused author")
            return False
        try:
            self._read[message.from_id, message.seqno] = read_batch(message.data)
        except PeerError:
            self._links.blame(sender, BROKEN_PROTOCOL, "push: broken batch")
            return False
        while len(self._read) > _MOST_READ:
            self._read.popitem(last=False)
        return True

    async def _send_loop(self) -> None:
        while True:
            self._ready = trio.Event()
            due = self._queue.due()
            if due is None:
                await self._ready.wait()
                continue
            await trio.sleep_until(max(due, trio.current_time()))
            waiting = len(self._queue)
            message = self._queue.take(trio.current_time())
            if message is None:
                continue
            self._tally.pushed_batches += 1
            self._tally.pushed_records += waiting - len(self._queue)
            with Contained(self._not_sent):
                await self._host.pubsub.publish(self._host.topic, message)
            await trio.sleep(_PACE_SECONDS)

    def _not_sent(self, error: Exception) -> None:
        self._tally.refuse(f"push: not sent, {type(error).__name__}")

    async def _receive_loop(self, subscription: Any) -> None:
        while True:
            message = await subscription.get()
            signer = _text(message.from_id)
            if signer == self._host.me:
                continue
            self._tally.delivered_batches += 1
            batch = self._read.pop((message.from_id, message.seqno), None)
            try:
                self._inbox_in.send_nowait((signer, read_batch(message.data) if batch is None else batch))
            except trio.WouldBlock:
                self._tally.refuse("push: backlog full, left to sync")

    async def _admit_loop(self) -> None:
        async for signer, envelopes in self._inbox_out:
            self._tally.delivered_records += len(envelopes)
            admissions = await self._replica.admit(envelopes, signer)
            for admission in admissions:
                if admission.verdict is Verdict.REJECT:
                    self._links.blame(signer, REJECTED_RECORD, f"push: {admission.reason}")
                elif admission.verdict is Verdict.IGNORE:
                    self._tally.refuse(f"push: ignored, {admission.reason}")
                elif admission.reason != "known":
                    self._tally.new_records += 1


@lru_cache(maxsize=1024)
def _text(peer: bytes) -> PeerId:
    """A PeerId as text; base58 costs more than anything else that is done to it."""
    return PeerId(str(ID(peer)))
