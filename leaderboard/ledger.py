"""The one door: every record, made here, pushed or pulled, enters through `Ledger.admit`.

Order of checks is order of cost: size and form, swarm, proof of work, known already, refused author, clock,
quotas, signature; then the batch is made durable, and only then is it visible to anyone. Each record gets
one of three answers: ACCEPT (in the set now, or was before), REJECT (malformed: costs the sender), IGNORE
(not now: ahead of our clock, over a quota, author on the refuse-list; costs nobody and may be offered again).

Delays are the only discretion: nothing here makes the set depend on the order of arrival. A quota must not
hold up the proof that an author equivocated; only who knows the set's places can tell such a record, so
whoever calls offers it again without a source (`node.replica`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import chain
from math import inf
from typing import Protocol, TypeAlias

from .admission import Quotas, has_work
from .envelope import Envelope, Glimpse, Slip, glimpse, open_envelope, presumed_id
from .errors import PeerError
from .ids import AuthorId, ContentId, SwarmId

__all__ = [
    "CLOCK_AHEAD_MS",
    "QUOTA_WAIT_S",
    "Admission",
    "Kept",
    "Ledger",
    "Part",
    "Spread",
    "Store",
    "Verdict",
    "examine",
    "examined",
]

CLOCK_AHEAD_MS = 10 * 60 * 1000
"""Records from further ahead of our clock are ignored until it has caught up."""
_PART = 64
"""Records that are looked at in one go: some four milliseconds."""
_CLOCK_WAIT_S = 60.0
QUOTA_WAIT_S = 10.0
"""`Admission.wait_s` of records that a quota delays, and of no others."""


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
    wait_s: float = 0.0
    """Of an ignored record: how long offering it again is a waste; infinite while nobody changes a list."""


Kept: TypeAlias = "Envelope | Slip"
"""A record whose signature is its author's, opened here or elsewhere."""
Part: TypeAlias = "Sequence[bytes | Admission]"
"""Records of a batch: their bytes, or the verdict where it needs no signature."""
Spread: TypeAlias = "Callable[[Iterable[Part], int], Iterable[list[Kept | Admission]]]"
"""`examined` for each part of a batch of so many records, in order."""


class Store(Protocol):
    """Where records rest. `append` returns only when the records would survive a power cut."""

    def known(self, ids: Collection[ContentId]) -> set[ContentId]:
        """Which of `ids` are in the set."""

    def append(self, envelopes: Iterable[Kept]) -> None:
        """Add records that are not in the set, as they come, all or none, durably.

        `envelopes` may ask what is `known` while it is read.
        """


class Ledger:
    """Decides admission. Not thread-safe: callers serialise `admit` (the daemon has one writer thread)."""

    def __init__(
        self,
        store: Store,
        swarm: SwarmId,
        *,
        refused: Collection[AuthorId] = (),
        members: Collection[AuthorId] = (),
        work_bits: int = 0,
        quotas: Quotas | None = None,
        on_admitted: Callable[[Sequence[Kept]], None] = lambda _: None,
        spread: Spread | None = None,
    ) -> None:
        """`members`: if any are named, nobody else is heard. `work_bits`: what the swarm asks of each record.

        `quotas`: none delay anything if left out. `spread` opens records and checks signatures, in other
        processes if it likes; left out, it is done here.
        """
        self._store = store
        self._swarm = swarm
        self._refused = frozenset(refused)
        self._members = frozenset(members)
        self._work_bits = work_bits
        self._quotas = quotas
        self._on_admitted = on_admitted
        self._spread = spread or (lambda parts, _: (examined(part, swarm) for part in parts))

    def refuse(self, authors: Collection[AuthorId]) -> None:
        """From now on, records of these authors and of no others are on the refuse-list."""
        self._refused = frozenset(authors)

    def admit(
        self, batch: Sequence[bytes], now_ms: int, *, source: str = "", now: float = 0.0
    ) -> list[Admission]:
        """One verdict per element of `batch`, in order. What is ACCEPTed is durable on return.

        `source` is the peer that brought it; what was made here has none, and no quota. `now` is this
        machine's monotonic clock in seconds, by which quotas refill.
        """
        door = None if self._quotas is None or not source else _Quota(self._quotas, source, now)
        accepted: dict[ContentId, Kept] = {}
        admissions: list[Admission] = []

        def parts() -> Iterator[Part]:
            """While one part is opened and its signatures are checked elsewhere, the next is looked at."""
            for start in range(0, len(batch), _PART):
                yield self._look(batch[start : start + _PART], now_ms, door)

        def fresh() -> Iterator[Kept]:
            for item in chain.from_iterable(self._spread(parts(), len(batch))):
                before = len(accepted)
                verdict = item if isinstance(item, Admission) else _entered(item, accepted, door)
                admissions.append(verdict)
                if len(accepted) > before and not isinstance(item, Admission):
                    yield item

        items = fresh()
        first = next(items, None)
        if first is not None:
            self._store.append(chain((first,), items))
            self._on_admitted(list(accepted.values()))
        return admissions

    def _look(self, raws: Sequence[bytes], now_ms: int, door: _Quota | None) -> Part:
        """The verdicts that need no signature; what they leave open stays as it is.

        Where what is seen without opening a record speaks against it, the record is opened: it may be worse.
        """
        seen = [glimpse(raw) for raw in raws]
        ids = (presumed_id(raw) if item is None else item.id for raw, item in zip(raws, seen, strict=True))
        known = self._store.known({item for item in ids if item is not None})
        part: list[bytes | Admission] = []
        for raw, item in zip(raws, seen, strict=True):
            if item is None or self._judge(item, len(raw), known, now_ms, door) is not None:
                part.append(self._open(raw, known, now_ms, door) or raw)
            else:
                part.append(raw)
        return part

    def _open(self, raw: bytes, known: set[ContentId], now_ms: int, door: _Quota | None) -> Admission | None:
        try:
            envelope = open_envelope(raw, self._swarm)
        except PeerError as error:
            return Admission(Verdict.REJECT, None, str(error))
        return self._judge(envelope, len(raw), known, now_ms, door)

    def _judge(
        self, item: Envelope | Glimpse, size: int, known: set[ContentId], now_ms: int, door: _Quota | None
    ) -> Admission | None:
        """The verdict where it needs no signature."""
        if self._work_bits and not has_work(item.id, self._work_bits):
            return Admission(Verdict.REJECT, item.id, "lacks the proof of work of this swarm")
        if item.id in known:
            return Admission(Verdict.ACCEPT, item.id, "known")
        if item.author in self._refused:
            return _ignored(item.id, "author is on the local refuse-list", inf)
        if self._members and item.author not in self._members:
            return _ignored(item.id, "author is not on the list of members", inf)
        if item.time_ms > now_ms + CLOCK_AHEAD_MS:
            return _ignored(item.id, "dated ahead of this node's clock", _CLOCK_WAIT_S)
        delay = "" if door is None else door.delay(item.author, size)
        return _ignored(item.id, delay, QUOTA_WAIT_S) if delay else None


class _Quota:
    """The quotas as they apply to one batch."""

    def __init__(self, quotas: Quotas, source: str, now: float) -> None:
        self._quotas = quotas
        self._source = source
        self._now = now

    def delay(self, author: AuthorId, size: int) -> str:
        """Before the signature is looked at: is there room at all?"""
        return self._quotas.delay(author, self._source, size, self._now)

    def charge(self, author: AuthorId, size: int) -> str:
        """Once the record is known to be its author's: pay, or wait."""
        return self._quotas.charge(author, self._source, size, self._now)


def examine(raw: bytes, swarm: SwarmId) -> Envelope | Admission:
    """Everything that a record's own bytes can tell: the envelope if it is in order and its author's."""
    try:
        envelope = open_envelope(raw, swarm)
    except PeerError as error:
        return Admission(Verdict.REJECT, None, str(error))
    if not envelope.signature_holds():
        return Admission(Verdict.REJECT, envelope.id, "the signature is not the author's")
    return envelope


def examined(part: Part, swarm: SwarmId) -> list[Kept | Admission]:
    """A part with `examine` done for what has no verdict yet."""
    return [item if isinstance(item, Admission) else examine(item, swarm) for item in part]


def _entered(item: Kept, accepted: dict[ContentId, Kept], door: _Quota | None) -> Admission:
    """The verdict on a record that is its author's; enters it in `accepted` if it is that."""
    if item.id in accepted:
        return Admission(Verdict.ACCEPT, item.id, "known")
    delay = "" if door is None else door.charge(item.author, len(item.raw))
    if delay:
        return _ignored(item.id, delay, QUOTA_WAIT_S)
    accepted[item.id] = item
    return Admission(Verdict.ACCEPT, item.id, "")


def _ignored(identifier: ContentId, reason: str, wait_s: float) -> Admission:
    return Admission(Verdict.IGNORE, identifier, reason, wait_s)
