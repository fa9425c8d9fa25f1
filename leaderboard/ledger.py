"""The one door: every record, made here, pushed or pulled, enters through `Ledger.admit`.

Order of checks is order of cost: size and form, swarm, known already, refused author, clock, signature;
then the batch is made durable, and only then is it visible to anyone. Each record gets one of three
answers: ACCEPT (in the set now, or was before), REJECT (malformed: costs the sender), IGNORE (not now:
ahead of our clock, over a quota, author on the refuse-list; costs nobody and may be offered again).

Delays are the only discretion: nothing here makes the set depend on the order of arrival.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from .envelope import Envelope, open_envelope
from .errors import PeerError
from .ids import AuthorId, ContentId, SwarmId

__all__ = ["CLOCK_AHEAD_MS", "Admission", "Ledger", "Store", "Verdict", "verify_each"]

CLOCK_AHEAD_MS = 10 * 60 * 1000
"""Records from further ahead of our clock are ignored until it has caught up."""


class Verdict(IntEnum):
    """What became of a record that was offered."""

    ACCEPT = 0
    REJECT = 1
    IGNORE = 2


@dataclass(frozen=True, slots=True)
class Admission:
    """The verdict on one offered record, and why."""

    verdict: Verdict
    id: ContentId | None
    """None where the bytes were too malformed to have an id."""
    reason: str
    """Empty for a record that was new and is now in the set; `known` if it was there already."""


class Store(Protocol):
    """Where records rest. `append` returns only when the records would survive a power cut."""

    def known(self, ids: Collection[ContentId]) -> set[ContentId]:
        """Which of `ids` are in the set."""

    def append(self, envelopes: Sequence[Envelope]) -> None:
        """Add records that are not in the set, all or none, durably."""


class Ledger:
    """Decides admission. Not thread-safe: callers serialise `admit` (the daemon has one writer thread)."""

    def __init__(
        self,
        store: Store,
        swarm: SwarmId,
        *,
        refused: Collection[AuthorId] = (),
        on_admitted: Callable[[Sequence[Envelope]], None] = lambda _: None,
        verify: Callable[[Sequence[Envelope]], Sequence[bool]] | None = None,
    ) -> None:
        """`verify` checks the signatures of many envelopes; without it they are checked one by one."""
        self._store = store
        self._swarm = swarm
        self._refused = frozenset(refused)
        self._on_admitted = on_admitted
        self._verify = verify or verify_each

    def admit(self, batch: Sequence[bytes], now_ms: int) -> list[Admission]:
        """One verdict per element of `batch`, in order. What is ACCEPTed is durable on return."""
        opened = [self._open(raw) for raw in batch]
        known = self._store.known({item.id for item in opened if isinstance(item, Envelope)})
        judged = [
            item if isinstance(item, Admission) else self._judge(item, known, now_ms) for item in opened
        ]
        unsigned = [item for item in judged if isinstance(item, Envelope)]
        genuine = iter(self._verify(unsigned))
        accepted: dict[ContentId, Envelope] = {}
        admissions: list[Admission] = []
        for item in judged:
            if isinstance(item, Admission):
                admissions.append(item)
            elif not next(genuine):
                reason = "the signature is not the author's"
                admissions.append(Admission(Verdict.REJECT, item.id, reason))
            else:
                admissions.append(Admission(Verdict.ACCEPT, item.id, "known" if item.id in accepted else ""))
                accepted.setdefault(item.id, item)
        if accepted:
            fresh = list(accepted.values())
            self._store.append(fresh)
            self._on_admitted(fresh)
        return admissions

    def _open(self, raw: bytes) -> Envelope | Admission:
        try:
            return open_envelope(raw, self._swarm)
        except PeerError as error:
            return Admission(Verdict.REJECT, None, str(error))

    def _judge(self, envelope: Envelope, known: set[ContentId], now_ms: int) -> Envelope | Admission:
        """The verdict where it needs no signature, else the envelope."""
        if envelope.id in known:
            return Admission(Verdict.ACCEPT, envelope.id, "known")
        if envelope.author in self._refused:
            return Admission(Verdict.IGNORE, envelope.id, "author is on the local refuse-list")
        if envelope.time_ms > now_ms + CLOCK_AHEAD_MS:
            return Admission(Verdict.IGNORE, envelope.id, "dated ahead of this node's clock")
        return envelope


def verify_each(envelopes: Sequence[Envelope]) -> Sequence[bool]:
    """Whether each signature is its author's, one after the other."""
    return [envelope.signature_holds() for envelope in envelopes]
