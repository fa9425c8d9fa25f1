"""What peers did to us, and what follows: nothing, a pause, or a ban that ends.

Only what a peer must be guilty of counts: records our ledger rejected although the peer vouches for them
(it signed the message, or served them from its own set), frames that break a protocol, floods. Not counted:
records we ignore, phantoms of reconciliation, refusals, timeouts. Guilt halves every ten minutes, and the
third ban is as short as the second, because keys are free: a ban saves work, it does not deter.
"""

from __future__ import annotations

from dataclasses import dataclass

from .peerid import PeerId

__all__ = ["BAN_GUILT", "BROKEN_PROTOCOL", "REJECTED_RECORD", "Conduct"]

BROKEN_PROTOCOL = 30.0
REJECTED_RECORD = 12.0
BAN_GUILT = 100.0
"""Nine rejected records or four broken frames within a few minutes. A guess, not measured."""
_HALF_LIFE = 600.0
_BAN_SECONDS = 600.0
_MAX_TRACKED = 4096


@dataclass(slots=True)
class _Record:
    guilt: float
    since: float
    banned_until: float


class Conduct:
    """Guilt per peer. Bounded: the least guilty are forgotten first."""

    def __init__(self) -> None:
        self._peers: dict[PeerId, _Record] = {}

    def blame(self, peer: PeerId, guilt: float, now: float) -> bool:
        """Add to a peer's guilt; True if that bans it now."""
        record = self._peers.setdefault(peer, _Record(0.0, now, float("-inf")))
        record.guilt = self._decayed(record, now) + guilt
        record.since = now
        self._forget_some(now)
        if record.guilt < BAN_GUILT:
            return False
        record.guilt = BAN_GUILT / 2
        record.banned_until = now + _BAN_SECONDS
        return True

    def banned(self, peer: PeerId, now: float) -> bool:
        """Whether we want nothing to do with a peer for the time being."""
        record = self._peers.get(peer)
        return record is not None and record.banned_until > now

    def guilt(self, peer: PeerId, now: float) -> float:
        """A peer's guilt: 0 is innocent, `BAN_GUILT` is banned."""
        record = self._peers.get(peer)
        return 0.0 if record is None else self._decayed(record, now)

    def bans(self, now: float) -> list[PeerId]:
        """Who is banned."""
        return [peer for peer, record in self._peers.items() if record.banned_until > now]

    @staticmethod
    def _decayed(record: _Record, now: float) -> float:
        return float(record.guilt * 0.5 ** ((now - record.since) / _HALF_LIFE))

    def _forget_some(self, now: float) -> None:
        if len(self._peers) <= _MAX_TRACKED:
            return
        rank = {peer: (r.banned_until, self._decayed(r, now)) for peer, r in self._peers.items()}
        for peer in sorted(rank, key=lambda p: rank[p])[: _MAX_TRACKED // 4]:
            del self._peers[peer]
