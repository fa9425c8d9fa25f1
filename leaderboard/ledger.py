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
from .envelope import Envelope, open_envelope, presumed_id
from .errors import PeerError
from .ids import AuthorId, ContentId, SwarmId

__all__ = [
    "CLOCK_AHEAD_MS",
    "QUOTA_WAIT_S",
    "Admission",
    "Ledger",
    "Part",
    "Spread",
    "Store",
    "Verdict",
    "genuine",
]

CLOCK_AHEAD_MS = 10 * 60 * 1000
"""Records from further ahead of our clock are ignored until it has caught up."""
_PART = 64
"""Signatures that are checked in one go: some three milliseconds."""
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


Part: TypeAlias = "Sequence[Envelope | Admission]"
Spread: TypeAlias = "Callable[[Iterable[Part], int], Iterable[list[bool]]]"
"""`genuine` for each part of a batch of so many records, in order."""


class Store(Protocol):
    """Where records rest. `append` returns only when the records would survive a power cut."""

    def known(self, ids: Collection[ContentId]) -> set[ContentId]:
        """Which of `ids` are in the set."""

    def append(self, envelopes: Iterable[Envelope]) -> None:
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
        on_admitted: Callable[[Sequence[Envelope]], None] = lambda _: None,
        spread: Spread = lambda parts, _: map(genuine, parts),
    ) -> None:
        """`members`: if any are named, nobody else is heard. `work_bits`: what the swarm asks of each record.

        `quotas`: none delay anything if left out. `spread` checks signatures, elsewhere if it likes.
        """
        self._store = store
        self._swarm = swarm
        self._refused = frozenset(refused)
        self._members = frozenset(members)
        self._work_bits = work_bits
        self._quotas = quotas
        self._on_admitted = on_admitted
        self._spread = spread

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
        looked: list[Envelope | Admission] = []
        accepted: dict[ContentId, Envelope] = {}
        admissions: list[Admission] = []

        def parts() -> Iterator[Part]:
            """While one part's signatures are checked elsewhere, the next is looked at."""
            for start in range(0, len(batch), _PART):
                raws = batch[start : start + _PART]
                known = self._store.known({item for raw in raws if (item := presumed_id(raw)) is not None})
                part = [self._look(raw, known, now_ms, door) for raw in raws]
                looked.extend(part)
                yield part

        def fresh() -> Iterator[Envelope]:
            answers = chain.from_iterable(self._spread(parts(), len(batch)))
            for is_genuine, item in zip(answers, looked, strict=True):  # `looked` grows before its answers
                before = len(accepted)
                verdict = item if isinstance(item, Admission) else _signed(item, is_genuine, accepted, door)
                admissions.append(verdict)
                if len(accepted) > before and isinstance(item, Envelope):
                    yield item

        items = fresh()
        first = next(items, None)
        if first is not None:
            self._store.append(chain((first,), items))
            self._on_admitted(list(accepted.values()))
        return admissions

    def _look(
        self, raw: bytes, known: set[ContentId], now_ms: int, door: _Quota | None
    ) -> Envelope | Admission:
        """The verdict if it needs no signature, else the envelope."""
        item = self._open(raw)
        return item if isinstance(item, Admission) else self._judge(item, known, now_ms, door)

    def _open(self, raw: bytes) -> Envelope | Admission:
        try:
            return open_envelope(raw, self._swarm)
        except PeerError as error:
            return Admission(Verdict.REJECT, None, str(error))

    def _judge(
        self, envelope: Envelope, known: set[ContentId], now_ms: int, door: _Quota | None
    ) -> Envelope | Admission:
        """The verdict where it needs no signature, else the envelope."""
        if self._work_bits and not has_work(envelope.id, self._work_bits):
            return Admission(Verdict.REJECT, envelope.id, "lacks the proof of work of this swarm")
        if envelope.id in known:
            return Admission(Verdict.ACCEPT, envelope.id, "known")
        if envelope.author in self._refused:
            return _ignored(envelope, "author is on the local refuse-list", inf)
        if self._members and envelope.author not in self._members:
            return _ignored(envelope, "author is not on the list of members", inf)
        if envelope.time_ms > now_ms + CLOCK_AHEAD_MS:
            return _ignored(envelope, "dated ahead of this node's clock", _CLOCK_WAIT_S)
        delay = "" if door is None else door.delay(envelope)
        return _ignored(envelope, delay, QUOTA_WAIT_S) if delay else envelope


class _Quota:
    """The quotas as they apply to one batch."""

    def __init__(self, quotas: Quotas, source: str, now: float) -> None:
        self._quotas = quotas
        self._source = source
        self._now = now

    def delay(self, envelope: Envelope) -> str:
        """Before the signature is looked at: is there room at all?"""
        return self._quotas.delay(envelope.author, self._source, len(envelope.raw), self._now)

    def charge(self, envelope: Envelope) -> str:
        """Once the record is known to be its author's: pay, or wait."""
        return self._quotas.charge(envelope.author, self._source, len(envelope.raw), self._now)


def genuine(part: Part) -> list[bool]:
    """Which items of a part are envelopes whose signature is their author's."""
    return [isinstance(item, Envelope) and item.signature_holds() for item in part]


def _signed(
    envelope: Envelope, is_genuine: bool, accepted: dict[ContentId, Envelope], door: _Quota | None
) -> Admission:
    """The verdict on a record whose signature was checked; enters it in `accepted` if it is that."""
    if not is_genuine:
        return Admission(Verdict.REJECT, envelope.id, "the signature is not the author's")
    if envelope.id in accepted:
        return Admission(Verdict.ACCEPT, envelope.id, "known")
    delay = "" if door is None else door.charge(envelope)
    if delay:
        return _ignored(envelope, delay, QUOTA_WAIT_S)
    accepted[envelope.id] = envelope
    return Admission(Verdict.ACCEPT, envelope.id, "")


def _ignored(envelope: Envelope, reason: str, wait_s: float) -> Admission:
    return Admission(Verdict.IGNORE, envelope.id, reason, wait_s)
