"""The answering side of a sync session.

It holds almost nothing: a view of the set as it was when the session opened, how many symbols it has
handed out, and how much it has spent on this peer. Every question is answered or refused at once.
"""

from __future__ import annotations

from leaderboard.errors import PeerError
from leaderboard.ledger import Verdict

from .frames import pack, unpack
from .lookup import first_page, resolve
from .messages import (
    Bucket,
    Busy,
    Compare,
    Far,
    Give,
    More,
    Open,
    Parts,
    Question,
    Records,
    Salt,
    Same,
    SymbolRun,
    Took,
    Want,
    Whole,
    read_question,
)
from .ranges import Range, Salted, session_salt
from .replica import Replica
from .riblt import enough_symbols
from .steps import Admit, Admitted, Arrange, Arranged, Effect, Event, Received, Send
from .summary import View, estimate

__all__ = ["SyncServer"]

_MARGIN = 1.06
"""On the estimate, for the first symbols: two sessions of three then need no second run."""
_SESSION_QUESTIONS = 4096
"""A million records in packs of 256 kB take half of this."""
_SESSION_BYTES = 1 << 30
"""Bytes handed out in one session; a peer that wants more opens another."""
_FAR = 0.55
"""Differences per symbol of the sketch from which symbols are not worth trying: about 9,000."""
_BUCKET_IDS = 1024
"""Ids looked up for one pack; more than fit are looked up in vain."""


class SyncServer:
    """Answers one stream: one `Send` per question, and an `Admit` before the answer to `Give`."""

    def __init__(self, replica: Replica, view: View, salt: bytes, *, ranges: bool = True) -> None:
        """`salt`: 16 fresh random bytes. `ranges`: whether to compare by ranges, which costs O(n) once."""
        self._replica = replica
        self._view = view
        self._half = salt
        self._ranges = ranges
        self._theirs = b""
        self._salted: Salted | None = None
        self._symbols_sent = 0
        self._questions = 0
        self._bytes = 0
        self.rejected = 0
        """Records given by the peer that our ledger rejected."""
        self.received = 0
        """Records given by the peer that were new here."""

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Answer; raises PeerError on what the protocol does not allow. `now` is unused: no timers here."""
        del now
        match event:
            case Received(frame):
                return self._answer(read_question(frame))
            case Arranged(arrangement):
                self._salted = Salted(arrangement, session_salt(self._theirs, self._half))
                return [self._send(Whole(self._half, self._salted.fingerprint(Range(b"", b""))).encode())]
            case Admitted(admissions):
                new = sum(1 for a in admissions if a.verdict is Verdict.ACCEPT and a.reason != "known")
                self.received += new
                self.rejected += sum(1 for a in admissions if a.verdict is Verdict.REJECT)
                return [self._send(Took(new).encode())]
            case _:
                return []

    def _answer(self, question: Question) -> list[Effect]:  # noqa: PLR0911 - one for each kind
        self._questions += 1
        if self._questions > _SESSION_QUESTIONS or self._bytes > _SESSION_BYTES:
            return [self._send(Busy().encode())]
        match question:
            case Open():
                return [self._send(self._compare(question))]
            case More(count):
                return [self._send(self._symbols(count))]
            case Want(prefixes):
                envelopes, more = first_page(self._replica, resolve(self._replica, prefixes))
                return [self._send(Records(pack(envelopes), more).encode())]
            case Bucket(low, high):
                return [self._send(self._bucket(low, high))]
            case Give(packed):
                return [Admit(unpack(packed))]
            case Salt(half):
                return self._arrange(half)
            case Compare(ranges):
                return [self._send(self._describe(ranges))]

    def _compare(self, question: Open) -> bytes:
        view = self._view
        if question.size == view.size and question.digest == view.digest:
            return Same().encode()
        differences = estimate(view, question.size, question.lanes)
        if differences > _FAR * len(view.symbols):
            return Far(view.size).encode()
        self._symbols_sent = 0
        return self._symbols(enough_symbols(_MARGIN * differences))

    def _symbols(self, count: int) -> bytes:
        start, stop = self._symbols_sent, min(len(self._view.symbols), self._symbols_sent + count)
        if start == stop:
            raise PeerError(f"asks for symbols beyond the limit of {stop}")
        self._symbols_sent = stop
        return SymbolRun(self._view.size, self._view.symbols.wire(start, stop)).encode()

    def _bucket(self, low: bytes, high: bytes) -> bytes:
        ids = self._replica.ids_between(low, high, _BUCKET_IDS)
        envelopes, more = first_page(self._replica, ids)
        return Records(pack(envelopes), more or len(ids) == _BUCKET_IDS).encode()

    def _arrange(self, half: bytes) -> list[Effect]:
        if not self._ranges:
            return [self._send(Busy().encode())]
        self._ranges = False  # once a session: it takes a pass over all ids
        self._theirs = half
        return [Arrange()]

    def _describe(self, ranges: tuple[Range, ...]) -> bytes:
        if self._salted is None:
            raise PeerError("asks about ranges before the salt was made")
        return Parts(tuple(self._salted.describe(part) for part in ranges)).encode()

    def _send(self, frame: bytes) -> Send:
        self._bytes += len(frame)
        return Send(frame)
