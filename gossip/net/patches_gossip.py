"""Changes to py-libp2p's GossipSub against members that abuse it (see `patches`).

modest-control (topics that nobody is in fill the memory, a request for one message a thousand times has it
copied a thousand times), no-introductions (a peer names addresses, and we dial them), forget-messages (it
holds a thousand whole messages, however big, and all times of delivery).
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Any

import trio
from libp2p.pubsub.gossipsub import GossipSub
from libp2p.pubsub.mcache import MessageCache
from libp2p.pubsub.utils import safe_bytes_from_hex

from .patches_flow import Change

__all__ = ["CACHE_BYTES", "GOSSIP", "WANTED_BYTES"]

CACHE_BYTES = 16 * 1024 * 1024
"""Messages kept for peers that ask for them by id, in the three seconds for which they are kept at all."""
WANTED_BYTES = 512 * 1024
"""Messages that one request gets: what is longer than 1 MiB in all, the other side drops unread."""
_MOST_CONTROLS = 16
"""Control messages of one kind that are looked at together; honest peers send one for each topic."""


def _modest_control() -> list[Change]:
    # Backoffs, floods and rates are noted by topic, whichever a peer names, and kept for ever. What is asked
    # for is put together in one packet without a limit: a request of 1 MB for one message can make gigabytes.
    handle = GossipSub.handle_rpc

    async def modest(self: GossipSub, rpc: Any, sender: Any) -> None:
        control = rpc.control
        for field in (control.ihave, control.graft, control.prune):
            _keep(field, [item for item in field if item.topicID in self.mesh][:_MOST_CONTROLS])
        _keep(control.idontwant, control.idontwant[:_MOST_CONTROLS])
        _keep(control.iwant, control.iwant[:_MOST_CONTROLS])
        room, seen = WANTED_BYTES, set[bytes]()
        for wanted in control.iwant:
            some = []
            for name in wanted.messageIDs:
                number = safe_bytes_from_hex(name) or b""  # an id has several spellings
                message = self.mcache.get(number)
                if message is not None and number not in seen and room > 0:
                    seen.add(number)
                    room -= len(message.data)
                    some.append(name)
            _keep(wanted.messageIDs, some)
        await handle(self, rpc, sender)

    return [(GossipSub, "handle_rpc", modest)]


def _keep(field: Any, items: Iterable[Any]) -> None:
    """Leave only `items` in a repeated field."""
    kept = list(items)
    if len(kept) < len(field):
        del field[:]
        field.extend(kept)


def _no_introductions() -> list[Change]:
    async def decline(self: GossipSub, peers: Any) -> None:
        del self, peers
        await trio.lowlevel.checkpoint()

    return [(GossipSub, "_do_px", decline)]


def _forget_messages() -> list[Change]:
    # A check for two messages of one number keeps the last thousand messages; the second one never comes so
    # far, because it has the id of the first. Times of delivery are for the adaptive mode, which is off. The
    # cache is bounded by time, and so by nothing that its bytes would know of.
    begin, put, shift = GossipSub.__init__, MessageCache.put, MessageCache.shift

    def begun(self: Any, *arguments: Any, **options: Any) -> None:
        begin(self, *arguments, **options)
        self.recent_message_deliveries = defaultdict(lambda: deque(maxlen=1))

    def unchecked(self: Any, message: Any) -> bool:
        del self, message
        return True

    def bounded(self: Any, message: Any) -> None:
        held = getattr(self, "_held_bytes", 0) + len(message.data)
        if held <= CACHE_BYTES:
            self._held_bytes = held
            put(self, message)

    def shifted(self: Any) -> None:
        shift(self)
        self._held_bytes = sum(len(message.data) for message in self.msgs.values())

    return [
        (GossipSub, "__init__", begun),
        (GossipSub, "_check_equivocation", unchecked),
        (MessageCache, "put", bounded),
        (MessageCache, "shift", shifted),
    ]


GOSSIP: dict[str, Callable[[], list[Change]]] = {
    "modest-control": _modest_control,
    "no-introductions": _no_introductions,
    "forget-messages": _forget_messages,
}
