"""Who has gone silent: a watchdog that counts in ticks of our own event loop instead of seconds.

A frozen process, a pulled cable and a sleeping laptop look alike: nothing comes any more, and TCP notices
after minutes. Anything at all that a peer sends is a sign of life, so only silent peers are pinged, and only
those that stay silent are dropped. Deadlines in seconds drop everybody when *we* were asleep or busy: after
five seconds without the CPU every answer is overdue, though each lies in the socket. A tick happens once per
round of our own loop, however long that took, so a peer always gets the same number of chances to be heard
and the deadline stretches with our own lag by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .peerid import PeerId

__all__ = ["DROP_TICKS", "PING_TICKS", "TICK_SECONDS", "Pulse", "Silence"]

TICK_SECONDS = 0.5
PING_TICKS = 8
"""Silence after which a peer is asked for a sign of life: 4 s."""
DROP_TICKS = 30
"""Silence after which it is dropped: 15 s. A busy honest node answers within a few (guess, not measured)."""


@dataclass(frozen=True, slots=True)
class Silence:
    """What to do after a tick."""

    ping: tuple[PeerId, ...]
    drop: tuple[PeerId, ...]


class Pulse:
    """Ticks without a sign of life, per connected peer."""

    def __init__(self) -> None:
        self._silent: dict[PeerId, tuple[float, int]] = {}

    def tick(self, heard: Mapping[PeerId, float]) -> Silence:
        """`heard`: for every connected peer, when it was last heard, on any clock that only moves on."""
        before, self._silent = self._silent, {}
        ping, drop = [], []
        for peer, last in heard.items():
            known, ticks = before.get(peer, (None, 0))
            ticks = ticks + 1 if known == last else 0
            self._silent[peer] = (last, ticks)
            if ticks and ticks % DROP_TICKS == 0:
                drop.append(peer)
            elif ticks and ticks % PING_TICKS == 0:
                ping.append(peer)
        return Silence(tuple(ping), tuple(drop))
