"""What each identity did across claims: chains, accepts kept and not kept, and proofs of equivocation.

Two envelopes of one author with one (chain, seq) are a transferable proof that it equivocated; its
measurements then stop counting, whichever envelope arrived first. Positions are remembered by 16 bytes of
the id: telling two envelopes apart wrongly would take 2^64 hashes.

An accept without delivery is *overdue*, and its seeds losses, once its author has delivered `grace` accepts
that it made later in the same chain, or once it holds more than `in_flight` open accepts (which also
catches abandoning a chain). No clock takes part: a slow honest node is never overdue for being slow.

Everything is kept in tables (leaderboard.tables) in pieces of bounded size, so that an author with a million
records costs no more to hear once more than one with ten.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass
from enum import Enum

from ..envelope import Envelope
from ..ids import AuthorId, ContentId
from ..tables import CLAIM, FLAG, NUMBER, Codec, Tables, packed
from .electorate import Weight
from .facts import Commitment
from .policy import Policy

__all__ = ["Identities", "Identity", "Placement", "Places"]

_MARK = 16
_SEGMENT = 32
"""Positions of a chain in one piece of the table."""
_UNHELD = (b"", bytes(_MARK))


class Placement(Enum):
    """What an envelope's place in its chain says about it."""

    NEW = "new"
    DUPLICATE = "known already"
    FORK = "another envelope holds its place"


class Places:
    """Which envelope holds which position of which chain: 16 bytes each where chains have no gaps."""

    def __init__(self, tables: Tables) -> None:
        self._segments = tables.table("places", _BYTES)
        self._forks = tables.table("forks", FLAG)

    def place(self, envelope: Envelope) -> Placement:
        """Enter an envelope; the same one again is a duplicate."""
        mark, slot = envelope.id[:_MARK], envelope.seq % _SEGMENT
        key = _segment_key(envelope)
        segment = self._segments.get(key) or b""
        holder = segment[slot * _MARK : (slot + 1) * _MARK]
        if holder in _UNHELD:
            start = segment[: slot * _MARK].ljust(slot * _MARK, b"\x00")
            self._segments.put(key, start + mark + segment[(slot + 1) * _MARK :])
            return Placement.NEW
        if holder == mark:
            return Placement.DUPLICATE
        fork = key + slot.to_bytes(1, "big") + mark
        if self._forks.get(fork):
            return Placement.DUPLICATE
        self._forks.put(fork, True)
        return Placement.FORK

    def is_taken(self, envelope: Envelope) -> bool:
        """Whether another envelope holds the place that this one, which is not in the set, claims."""
        slot = envelope.seq % _SEGMENT
        segment = self._segments.get(_segment_key(envelope)) or b""
        return segment[slot * _MARK : (slot + 1) * _MARK] not in (*_UNHELD, envelope.id[:_MARK])


def _segment_key(envelope: Envelope) -> bytes:
    """Half of the author's key is enough: nobody can make one that begins like somebody else's."""
    return envelope.author[:16] + envelope.chain + (envelope.seq // _SEGMENT).to_bytes(8, "big")


_BYTES: Codec[bytes] = Codec(bytes, bytes)


@dataclass(frozen=True, slots=True)
class _Conduct:
    """The figures of one identity."""

    equivocated: bool = False
    fresh: int = 0
    """Accepts without delivery, not overtaken."""
    late: int = 0
    """Accepts without delivery, and overtaken by later deliveries in the same chain."""
    kept: int = 0
    claims: int = 0
    """Distinct claims on which it kept an accept."""


_CONDUCT = packed(astuple, _Conduct)
_FRESH, _LATE, _KEPT = b"f", b"l", b"k"


class Identities:
    """Everyone with a record in the set."""

    def __init__(self, tables: Tables, policy: Policy) -> None:
        self.policy = policy
        self.conduct = tables.table("conduct", _CONDUCT)
        self.wrote = tables.table("wrote", NUMBER)
        """Author and claim: how many accepts of the claim were kept, of whoever wrote about it."""
        self.promises = tables.table("promises", CLAIM)
        """Author, state, chain, seq and accept: the claim that was to be run."""

    def __iter__(self) -> Iterator[AuthorId]:
        return (AuthorId(key) for key, _ in self.conduct.scan(b""))

    def __getitem__(self, author: AuthorId) -> Identity:
        """An author's conduct; somebody without records has none to speak of."""
        return Identity(self, author)

    def get(self, author: AuthorId) -> Identity | None:
        """The same, or None for somebody without records."""
        return None if self.conduct.get(author) is None else Identity(self, author)

    def meet(self, author: AuthorId) -> None:
        """Remember that an author has a record."""
        if self.conduct.get(author) is None:
            self.conduct.put(author, _Conduct())


class Identity:
    """One author's conduct as a replicator; a view of the tables."""

    __slots__ = ("_all", "author")

    def __init__(self, identities: Identities, author: AuthorId) -> None:
        self._all = identities
        self.author = author

    @property
    def _figures(self) -> _Conduct:
        return self._all.conduct.get(self.author) or _NOTHING

    def _change(
        self, *, equivocated: bool = False, fresh: int = 0, late: int = 0, kept: int = 0, claims: int = 0
    ) -> None:
        now = self._figures
        changed = _Conduct(
            now.equivocated or equivocated, now.fresh + fresh, now.late + late, now.kept + kept,
            now.claims + claims,
        )  # fmt: skip
        self._all.conduct.put(self.author, changed)

    @property
    def equivocated(self) -> bool:
        """Whether two of its records claim one place in a chain."""
        return self._figures.equivocated

    def equivocate(self) -> None:
        """Two of its records claim one place in a chain."""
        self._change(equivocated=True)

    def write(self, claim: ContentId) -> None:
        """It wrote something about `claim`."""
        if self._all.wrote.get(self.author + claim) is None:
            self._all.wrote.put(self.author + claim, 0)

    @property
    def claims(self) -> list[ContentId]:
        """Claims that it wrote about, in order of id."""
        return [ContentId(key[32:]) for key, _ in self._all.wrote.scan(self.author)]

    def accept(self, promised: Commitment, claim: ContentId) -> None:
        """It committed itself to run `claim`."""
        self._reopen(promised.chain, promised.seq, promised.id, claim)

    def deliver(self, promised: Commitment, claim: ContentId) -> None:
        """The accept now has a valid delivery."""
        place = _place(promised.chain, promised.seq, promised.id)
        was_late = self._all.promises.get(self.author + _LATE + place) is not None
        self._all.promises.drop(self.author + (_LATE if was_late else _FRESH) + place)
        self._all.promises.put(self.author + _KEPT + place, claim)
        known = self._all.wrote.get(self.author + claim) or 0
        self._all.wrote.put(self.author + claim, known + 1)
        self._change(late=-was_late, fresh=was_late - 1, kept=1, claims=known == 0)
        self._overtake(promised.chain)

    def undeliver(self, promised: Commitment, claim: ContentId) -> None:
        """The delivery turned out to be contradicted by another one under the same accept."""
        place = _place(promised.chain, promised.seq, promised.id)
        self._all.promises.drop(self.author + _KEPT + place)
        known = self._all.wrote.get(self.author + claim) or 0
        self._all.wrote.put(self.author + claim, known - 1)
        again = list(self._all.promises.scan(self.author + _LATE + promised.chain))
        self._change(kept=-1, claims=-(known == 1), late=-len(again))
        for key, other in again:
            self._all.promises.drop(key)
            self._reopen(*_placed(key), other)
        self._reopen(promised.chain, promised.seq, promised.id, claim)

    def is_overdue(self, promised: Commitment) -> bool:
        """Whether an accept without delivery is no longer believed to be running."""
        figures = self._figures
        crowded = figures.fresh > self._all.policy.in_flight
        if not crowded and not figures.late:
            return False
        place = _place(promised.chain, promised.seq, promised.id)
        if self._all.promises.get(self.author + _LATE + place) is not None:
            return True
        return crowded and self._all.promises.get(self.author + _FRESH + place) is not None

    @property
    def withholds(self) -> bool:
        """Whether it left more accepts overdue than it delivered."""
        figures = self._figures
        crowd = figures.fresh if figures.fresh > self._all.policy.in_flight else 0
        return figures.late + crowd > figures.kept

    @property
    def delivered(self) -> int:
        """How many of its accepts have a valid delivery."""
        return self._figures.kept

    @property
    def pending(self) -> int:
        """How many of its accepts have none."""
        return self._figures.fresh + self._figures.late

    def open_accepts(self) -> list[tuple[ContentId, ContentId]]:
        """Accepts without delivery, each after its claim."""
        found = [item for state in (_FRESH, _LATE) for item in self._all.promises.scan(self.author + state)]
        return [(claim, _placed(key)[2]) for key, claim in found]

    def weight(self, claim: ContentId) -> Weight:
        """How the common board hears it on `claim`."""
        if self.equivocated:
            return Weight.EQUIVOCATED
        if self.withholds:
            return Weight.WITHHOLDS
        elsewhere = self._figures.claims - bool(self._all.wrote.get(self.author + claim))
        return Weight.KNOWN if elsewhere >= self._all.policy.known_after else Weight.NEWCOMER

    @property
    def conduct(self) -> tuple[bool, bool, int]:
        """What its weight on any claim depends on: if this changes, all its claims must be looked at."""
        known = min(self._figures.claims, self._all.policy.known_after + 1)
        return (self.equivocated, self.withholds, known)

    def unsettled(self) -> list[ContentId]:
        """Claims whose open accepts may become overdue, or cease to be, by its next record."""
        fresh = self._figures.fresh
        if not fresh or fresh > self._all.policy.in_flight + 1:
            return []  # none is open, or all are overdue already and stay so
        return [claim for _, claim in self._all.promises.scan(self.author + _FRESH)]

    def _overtaken_below(self, chain: bytes) -> int:
        """Accepts at positions below this one have `grace` later deliveries in their chain."""
        if self._figures.kept < self._all.policy.grace:
            return -1
        later = self._all.promises.scan(self.author + _KEPT + chain, backwards=True)
        for number, (key, _) in enumerate(later, 1):
            if number == self._all.policy.grace:
                return _placed(key)[1]
        return -1

    def _reopen(self, chain: bytes, seq: int, accept: ContentId, claim: ContentId) -> None:
        late = seq < self._overtaken_below(chain)
        state = _LATE if late else _FRESH
        self._all.promises.put(self.author + state + _place(chain, seq, accept), claim)
        self._change(late=late, fresh=not late)

    def _overtake(self, chain: bytes) -> None:
        below = self._overtaken_below(chain)
        overtaken: list[tuple[bytes, ContentId]] = []
        if self._figures.fresh and below >= 0:
            for key, claim in self._all.promises.scan(self.author + _FRESH + chain):
                if _placed(key)[1] >= below:
                    break
                overtaken.append((key, claim))
        for key, claim in overtaken:
            self._all.promises.drop(key)
            self._all.promises.put(self.author + _LATE + key[33:], claim)
        if overtaken:
            self._change(late=len(overtaken), fresh=-len(overtaken))


_NOTHING = _Conduct()


def _place(chain: bytes, seq: int, accept: ContentId) -> bytes:
    return chain + seq.to_bytes(8, "big") + accept


def _placed(key: bytes) -> tuple[bytes, int, ContentId]:
    """Chain, seq and accept of a promise's key."""
    return key[33:49], int.from_bytes(key[49:57], "big"), ContentId(key[57:])
