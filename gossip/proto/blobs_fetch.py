"""Fetching one blob from several peers at once: `handle(event, now) -> effects`, no I/O.

Each peer is asked for short runs of chunks, one run at a time, so the quick ones do most of the work. A run
that a peer does not deliver goes back and to somebody else; when nothing is left to hand out, an idle peer is
asked for what a slower one still owes, so that a peer which trickles (slow-loris) delays nobody who has an
alternative. Each chunk is checked before it is kept. A chunk, a head or a frame that is wrong costs the peer
and ends its part; silence, absence and refusal cost nothing.

What rises without a bound is nothing: the head is checked against the id before room is reserved, its size
against the caller's limit, a chunk's length against the head.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from leaderboard.blob import BlobHead, BlobId
from leaderboard.errors import PeerError
from leaderboard.ids import short

from .blobs import Chunk, Find, Head, Read, read_blob_answer
from .blobs_steps import (
    Blame,
    Dial,
    FetchEffect,
    FetchEvent,
    Finish,
    Heard,
    Lost,
    Part,
    Ready,
    Reserve,
    Reserved,
    Tell,
    Write,
    Written,
)
from .messages import Busy
from .peerid import PeerId

__all__ = ["BlobFetch"]

_AT_ONCE = 3
"""Peers that work on a blob at the same time, not counting slow ones."""
_AT_MOST = 8
"""Peers in all, slow ones included."""
_SLOW_SECONDS = 3.0
"""A peer that owes something and sent nothing for so long is slow: somebody else is asked as well."""
_LONGEST_RUN = 16
"""Chunks asked for at once: 2 MiB, which hides a round trip of 100 ms up to 20 MB/s."""
_BUSY_SECONDS = 2.0
_BUSY_TIMES = 8
"""A peer that is busy is asked again after a while: when a blob is new, everybody wants it from its maker."""
_QUICK_SECONDS = 2.0
"""A run that took less is followed by one of twice the length, from one chunk on."""


@dataclass(slots=True)
class _Session:
    """What a peer owes."""

    since: float
    """When it last gave something, or was asked."""
    opening: bool = True
    finding: bool = False
    owes: deque[int] = field(default_factory=deque)
    longest: int = 1
    asked: float = 0.0
    gave: bool = False

    @property
    def idle(self) -> bool:
        return not (self.opening or self.finding or self.owes)


class BlobFetch:
    """One blob on its way in."""

    def __init__(self, blob: BlobId, most_bytes: int, peers: Iterable[PeerId]) -> None:
        """`peers`: whom to ask, the likeliest first."""
        self._blob = blob
        self._most_bytes = most_bytes
        self._peers = deque(dict.fromkeys(peers))
        self._sessions: dict[PeerId, _Session] = {}
        self._later: deque[tuple[float, PeerId]] = deque()
        """Peers that were busy, and when they may be asked again."""
        self._busy: Counter[PeerId] = Counter()
        self._head: BlobHead | None = None
        self._room = False
        self._pool: deque[int] = deque()
        """Chunks that nobody has been asked for, or that were not delivered, ascending but for the latter."""
        self._askers: dict[int, int] = {}
        """How many peers owe a chunk."""
        self._got: set[int] = set()
        self._unwritten = 0
        self._finished = False

    def expects(self, peer: PeerId) -> bool:
        """Whether the peer owes a frame."""
        session = self._sessions.get(peer)
        return session is not None and (session.finding or bool(session.owes))

    def handle(self, event: FetchEvent, now: float) -> list[FetchEffect]:
        """What to do; never raises for anything a peer sent."""
        if self._finished:
            return []
        effects = self._react(event, now)
        if not self._finished:
            effects += self._hand_out(now)
            effects += self._dial(now)
            effects += self._end()
        return effects

    def _react(self, event: FetchEvent, now: float) -> list[FetchEffect]:
        match event:
            case Ready(peer):
                return self._ready(peer, now)
            case Heard(peer, frame) if self.expects(peer):
                return self._heard(peer, frame, now)
            case Lost(peer):
                self._forget(peer)
            case Reserved(have):
                assert self._head is not None
                self._room = True
                self._got.update(have)
                self._pool.extend(i for i in range(self._head.chunks) if i not in self._got)
                self._unwritten = len(self._pool)
            case Written():
                self._unwritten -= 1
        return []

    def _ready(self, peer: PeerId, now: float) -> list[FetchEffect]:
        session = self._sessions.get(peer)
        if session is None:
            return []
        session.opening = False
        session.since = now
        if self._head is not None:
            return []  # idle: it will be handed a run
        session.finding = True
        return [Tell(peer, Find(self._blob).encode())]

    def _heard(self, peer: PeerId, frame: bytes, now: float) -> list[FetchEffect]:
        session = self._sessions[peer]
        session.since = now
        try:
            answer = read_blob_answer(frame)
        except PeerError as error:
            return self._blame(peer, str(error))
        match answer:
            case Head(head) if session.finding:
                session.finding = False
                return self._found(peer, head)
            case Chunk(data) if session.owes:
                return self._take(peer, session, data, now)
            case Head() | Chunk():
                return self._blame(peer, "an answer to another question")
        self._forget(peer, again=False)
        self._busy[peer] += 1
        if isinstance(answer, Busy) and self._busy[peer] < _BUSY_TIMES:
            self._later.append((now + _BUSY_SECONDS, peer))
        return [Part(peer)]

    def _found(self, peer: PeerId, head: BlobHead) -> list[FetchEffect]:
        if head.id != self._blob:
            return self._blame(peer, "the head of another blob")
        if self._head is not None:
            return []
        if head.size > self._most_bytes:
            return self._finish(f"it has {head.size} bytes, and {self._most_bytes} were allowed")
        self._head = head
        return [Reserve(head)]

    def _take(self, peer: PeerId, session: _Session, data: bytes, now: float) -> list[FetchEffect]:
        assert self._head is not None
        index = session.owes[0]
        if not self._head.holds(index, data):
            return self._blame(peer, "a chunk that is not the blob's")
        session.owes.popleft()
        session.gave = True
        self._release(index)
        if not session.owes and now - session.asked < _QUICK_SECONDS:
            session.longest = min(_LONGEST_RUN, 2 * session.longest)
        if index in self._got:
            return []
        self._got.add(index)
        return [Write(index, data)]

    def _hand_out(self, now: float) -> list[FetchEffect]:
        """Give every idle peer a run."""
        effects: list[FetchEffect] = []
        for peer, session in self._sessions.items():
            if not (self._room and session.idle):
                continue
            run = self._from_pool(session.longest) or self._from_the_late(session.longest, now)
            if run:
                session.owes.extend(run)
                session.asked = session.since = now
                for index in run:
                    self._askers[index] = self._askers.get(index, 0) + 1
                effects.append(Tell(peer, Read(self._blob, run[0], len(run)).encode()))
        return effects

    def _from_pool(self, most: int) -> list[int]:
        """The first chunks of the pool that follow each other; those that came meanwhile are left out."""
        run: list[int] = []
        while self._pool and len(run) < most:
            if self._pool[0] in self._got:
                self._pool.popleft()
            elif run and self._pool[0] != run[-1] + 1:
                break
            else:
                run.append(self._pool.popleft())
        return run

    def _from_the_late(self, most: int, now: float) -> list[int]:
        """The end of the longest debt that should have been paid by now, as far as only one peer owes it."""
        late = (s for s in self._sessions.values() if now - s.asked > _QUICK_SECONDS)
        debts = (self._owed_once(session) for session in late)
        longest = max(debts, key=len, default=[])
        return longest[-min(most, -(-len(longest) // 2)) :] if longest else []

    def _owed_once(self, session: _Session) -> list[int]:
        run: list[int] = []
        for index in session.owes:
            if self._askers[index] > 1 or index in self._got:
                break
            run.append(index)
        return run

    def _dial(self, now: float) -> list[FetchEffect]:
        """Keep as many peers at work as there should be."""
        effects: list[FetchEffect] = []
        while self._later and self._later[0][0] <= now:
            self._peers.append(self._later.popleft()[1])
        slow = sum(not s.idle and now - s.since > _SLOW_SECONDS for s in self._sessions.values())
        while self._peers and len(self._sessions) < min(_AT_MOST, _AT_ONCE + slow):
            peer = self._peers.popleft()
            self._sessions[peer] = _Session(now)
            effects.append(Dial(peer))
        return effects

    def _end(self) -> list[FetchEffect]:
        if self._room and not self._unwritten:
            return self._finish("")
        missing = self._head is None or len(self._got) < self._head.chunks
        if missing and not self._sessions and not self._peers and not self._later:
            return self._finish("no connected peer gives it to us")
        return []

    def _finish(self, why: str) -> list[FetchEffect]:
        self._finished = True
        return [Finish(f"blob {short(self._blob)}: {why}" if why else "")]

    def _blame(self, peer: PeerId, reason: str) -> list[FetchEffect]:
        self._forget(peer, again=False)
        return [Blame(peer, reason), Part(peer)]

    def _forget(self, peer: PeerId, *, again: bool = True) -> None:
        """The peer is out; what it owes goes back. One that gave something may be tried `again`."""
        session = self._sessions.pop(peer, None)
        if session is None:
            return
        back = [index for index in session.owes if index not in self._got]
        for index in session.owes:
            self._release(index)
        self._pool.extendleft(reversed([i for i in back if not self._askers.get(i)]))
        if again and session.gave:
            self._peers.append(peer)

    def _release(self, index: int) -> None:
        self._askers[index] -= 1
        if not self._askers[index]:
            del self._askers[index]
