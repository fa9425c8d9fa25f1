"""What was given to whom lately, so that nobody is given the same again at every session.

A peer that ignores records (an author it refuses, a quota that is used up) goes on lacking them, and each
comparison finds them anew. It fetches what it wants by itself; giving it all of them every few seconds is a
waste of both ends' lines. So what was given once is not given again for a while, whatever became of it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from .peerid import PeerId

__all__ = ["Offered"]

AGAIN_SECONDS = 60.0
_MOST_PEERS = 128
_MOST_PREFIXES = 8192


class Offered:
    """Id prefixes given to each peer, with the time; bounded, the oldest are forgotten first."""

    def __init__(self) -> None:
        self._peers: OrderedDict[PeerId, OrderedDict[bytes, float]] = OrderedDict()

    def note(self, peer: PeerId, prefixes: Iterable[bytes], now: float) -> None:
        """These were given to `peer`."""
        given = self._peers.setdefault(peer, OrderedDict())
        self._peers.move_to_end(peer)
        for prefix in prefixes:
            given[prefix] = now
            given.move_to_end(prefix)
        while len(given) > _MOST_PREFIXES:
            given.popitem(last=False)
        while len(self._peers) > _MOST_PEERS:
            self._peers.popitem(last=False)

    def lately(self, peer: PeerId, prefix: bytes, now: float) -> bool:
        """Whether `peer` was given this within the last minute."""
        given = self._peers.get(peer)
        at = None if given is None else given.get(prefix)
        return at is not None and now - at < AGAIN_SECONDS
