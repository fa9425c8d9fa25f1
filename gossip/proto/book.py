"""The address book: where peers may be found, and when to try them again.

Addresses are opaque text here (multiaddrs without the peer id). Every address of a peer is tried, not only
the first. After a failure a peer is left alone for a second, then two, up to six (up to a minute if it was
not seen lately); bootstrap peers are never forgotten, others after a day without contact. What peers tell us
about others is hearsay: it is bounded per source and yields to what we saw ourselves.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from .peerid import PeerId

if TYPE_CHECKING:
    from random import Random

__all__ = ["MAX_ADDRESSES", "AddressBook", "Entry"]

MAX_ADDRESSES = 8
"""Addresses kept per peer."""
MAX_PEERS = 1024
_FIRST_BACKOFF = 1.0
_MAX_BACKOFF = 60.0
_FOREIGN_SECONDS = 120.0
"""Else whoever mistook the name of its swarm calls its bootstrap peer every second, and is hung up on."""
_MAX_BACKOFF_KNOWN = 6.0
_KNOWN_SECONDS = 3600.0
"""Bootstrap peers, and peers that were there within the hour, are tried more often: a network that was cut
in two must be one again within seconds of healing."""
_FORGET_SECONDS = 86_400.0
_HOPELESS = 12
"""Failures in a row, about eight minutes of trying, after which hearsay is forgotten."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one peer; a value that the node can keep on disk and hand back."""

    peer: PeerId
    addresses: tuple[str, ...]
    bootstrap: bool = False
    last_seen: float | None = None
    """Seconds of the book's clock; None if it was never reached."""
    failures: int = 0
    not_before: float = field(default=float("-inf"))


class AddressBook:
    """Peers and their addresses. Its clock is whatever `now` counts, in seconds."""

    def __init__(self, me: PeerId) -> None:
        self._me = me
        self._entries: dict[PeerId, Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def entries(self) -> tuple[Entry, ...]:
        """Everything known, for saving."""
        return tuple(self._entries.values())

    def get(self, peer: PeerId) -> Entry | None:
        return self._entries.get(peer)

    def learn(self, peer: PeerId, addresses: Sequence[str], *, bootstrap: bool = False) -> bool:
        """Add addresses, newest first; True if the book did not know one of them."""
        if peer == self._me or not addresses:
            return False
        old = self._entries.get(peer)
        if old is None and len(self._entries) >= MAX_PEERS and not bootstrap and not self._make_room():
            return False
        old = old or Entry(peer, (), bootstrap)
        merged = tuple(dict.fromkeys((*addresses, *old.addresses)))[:MAX_ADDRESSES]
        new = set(merged) - set(old.addresses)
        known = replace(old, addresses=merged, bootstrap=old.bootstrap or bootstrap)
        # A new address is a new chance: do not let it wait for the backoff of a dead one.
        self._entries[peer] = replace(known, not_before=float("-inf")) if new else known
        return bool(new)

    def restore(self, entries: Collection[Entry]) -> None:
        """Take over saved entries; their clock readings are of another process and are dropped."""
        for entry in entries:
            self.learn(entry.peer, entry.addresses, bootstrap=entry.bootstrap)

    def reached(self, peer: PeerId, address: str | None, now: float) -> None:
        """A connection stands; `address`, if we dialled it, is tried first the next time."""
        entry = self._entries.get(peer)
        if entry is None:
            return
        ordered = dict.fromkeys((address, *entry.addresses)) if address else dict.fromkeys(entry.addresses)
        addresses = tuple(a for a in ordered if a)[:MAX_ADDRESSES]
        self._entries[peer] = replace(
            entry, addresses=addresses, last_seen=now, failures=0, not_before=float("-inf")
        )

    def failed(self, peer: PeerId, now: float, random: Random) -> None:
        """No address of a peer answered: leave it alone for a while."""
        entry = self._entries.get(peer)
        if entry is None:
            return
        failures = entry.failures + 1
        old = entry.last_seen is None or now - entry.last_seen > _FORGET_SECONDS
        if failures > _HOPELESS and old and not entry.bootstrap:
            del self._entries[peer]
            return
        known = entry.bootstrap or (entry.last_seen is not None and now - entry.last_seen < _KNOWN_SECONDS)
        most = _MAX_BACKOFF_KNOWN if known else _MAX_BACKOFF
        pause = min(most, _FIRST_BACKOFF * 2 ** min(failures - 1, 10)) * random.uniform(0.75, 1.25)
        self._entries[peer] = replace(entry, failures=failures, not_before=now + pause)

    def foreign(self, peer: PeerId, now: float) -> None:
        """A peer answered and is not of our swarm, or not yet: others first."""
        entry = self._entries.get(peer)
        if entry is not None:
            self._entries[peer] = replace(entry, not_before=now + _FOREIGN_SECONDS)

    def to_dial(
        self, avoid: Collection[PeerId], count: int, now: float, random: Random, *, lost: bool = False
    ) -> list[Entry]:
        """Up to `count` peers to try now: those seen before and bootstrap peers first, then at random.

        `lost`: only peers that were there within the hour.
        """
        ready = [
            e
            for e in self._entries.values()
            if e.peer not in avoid
            and e.not_before <= now
            and (not lost or (e.last_seen is not None and now - e.last_seen < _KNOWN_SECONDS))
        ]
        random.shuffle(ready)
        ready.sort(key=lambda e: (e.failures, e.last_seen is None and not e.bootstrap))
        return ready[:count]

    def sample(self, avoid: Collection[PeerId], count: int, random: Random) -> list[Entry]:
        """Peers worth telling others about: those we have reached ourselves."""
        seen = [e for e in self._entries.values() if e.last_seen is not None and e.peer not in avoid]
        return random.sample(seen, min(count, len(seen)))

    def _make_room(self) -> bool:
        loose = [e for e in self._entries.values() if not e.bootstrap and e.last_seen is None]
        if not loose:
            return False
        del self._entries[max(loose, key=lambda e: e.failures).peer]
        return True
