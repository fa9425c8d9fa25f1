"""A fixed number of places, shared fairly between networks rather than between identities.

Identities cost nothing, so eight of them on one host could hold every place for as long as a session lasts.
Addresses cost something: places are counted by *group* of addresses, the network that one owner usually has.
While places are free anybody gets one. When they are all taken, a group with fewer places gets the oldest
place of the group with the most, as long as that leaves the two no worse balanced than before: in the end
each group that wants places has its equal share, and an attacker's share is that of its networks. Sessions
lose nothing by being cut short, since the next one goes on where they stopped.

Not covered: an attacker with many networks, and honest nodes that share one address with it.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from dataclasses import dataclass

from .peerid import PeerId

__all__ = ["Place", "Slots", "group_of"]

_V4_BITS = 24
_V6_BITS = 48
"""What one customer usually gets: a /24 at most of IPv4, a /48 of IPv6."""


@dataclass(frozen=True, slots=True)
class Place:
    """One taken place."""

    number: int
    peer: PeerId
    group: str


class Slots:
    """`total` places, at most `per_peer` for one peer."""

    def __init__(self, total: int, per_peer: int) -> None:
        self._total = total
        self._per_peer = per_peer
        self._taken: dict[int, Place] = {}
        self._next = 0

    def __len__(self) -> int:
        return len(self._taken)

    def held(self, peer: PeerId) -> int:
        """Places that a peer has."""
        return sum(1 for place in self._taken.values() if place.peer == peer)

    def take(self, peer: PeerId, group: str) -> tuple[Place | None, Place | None]:
        """A place, if there is one for this peer, and the place that had to make room for it."""
        if self.held(peer) >= self._per_peer:
            return None, None
        loser = None
        if len(self._taken) >= self._total:
            loser = self._oldest_of_the_largest(group)
            if loser is None:
                return None, None
            self.leave(loser)
        place = Place(self._next, peer, group)
        self._next += 1
        self._taken[place.number] = place
        return place, loser

    def leave(self, place: Place) -> None:
        """Give a place back; one that was taken away already is no longer there."""
        self._taken.pop(place.number, None)

    def _oldest_of_the_largest(self, group: str) -> Place | None:
        counts = Counter(place.group for place in self._taken.values())
        largest, most = max(counts.items(), key=lambda item: item[1])
        if most < counts[group] + 2:
            return None
        return next(place for place in self._taken.values() if place.group == largest)


def group_of(address: str | None) -> str:
    """The network that an IP address belongs to; a private address is a host of its own."""
    try:
        ip = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return "unknown"
    if not ip.is_global:
        return str(ip)
    bits = _V4_BITS if ip.version == 4 else _V6_BITS
    return str(ipaddress.ip_network((ip, bits), strict=False))
