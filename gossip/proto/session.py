"""The asking side of a sync session: find out what differs, fetch what we lack, give what the other lacks.

States, in order: comparing (`Open`, then `More` until the difference decodes), fetching (`Want` or, for a
node that lacks most of the set, `Bucket`), giving (`Give`), done. A difference that does not decode is no
reason to stop: what was recovered so far is exchanged, and the session ends as PARTIAL.
"""

from __future__ import annotations

from collections.abc import Sequence

from leaderboard.envelope import content_id
from leaderboard.errors import PeerError
from leaderboard.ledger import Admission, Verdict

from .buckets import Buckets, Span
from .frames import pack, pages, unpack
from .lookup import resolve
from .messages import (
    MAX_WANTED,
    Answer,
    Bucket,
    Busy,
    Far,
    Give,
    More,
    Open,
    Question,
    Records,
    Same,
    SymbolRun,
    Took,
    Want,
    read_answer,
)
from .replica import Replica
from .riblt import MAX_SYMBOLS, PREFIX_BYTES, Difference, Keys, Symbols, difference
from .steps import Admit, Admitted, Effect, Ending, Event, Finish, Opened, Outcome, Received, Send
from .summary import View

__all__ = ["SyncSession"]

_GROWTH = 0.25
"""Symbols asked for after a failed attempt, as a part of those at hand."""
_MIN_MORE = 16


class SyncSession:
    """Drives one stream from its opening to `Finish`. `buckets` is shared by the sessions of one node."""

    def __init__(self, replica: Replica, view: View, keys: Keys, buckets: Buckets) -> None:
        self._replica = replica
        self._view = view
        self._keys = keys
        self._buckets = buckets
        self._span: Span | None = None
        self._symbols = Symbols.empty()
        self._wanted: list[bytes] = []
        self._question: Question | None = None
        self._bulk = False
        self._gifts: list[list[bytes]] = []
        self._ending = Ending.RECONCILED
        self._received = self._given = self._rejected = self._rounds = 0

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Next effects; raises PeerError if the other side breaks the protocol."""
        match event:
            case Opened():
                view = self._view
                return [self._ask(Open(view.size, view.digest, view.lanes))]
            case Received(frame):
                return self._answered(read_answer(frame), now)
            case Admitted(admissions):
                self._count(admissions)
                return self._next(now)

    def abandoned(self, now: float) -> None:
        """The stream broke: hand back the bucket this session was working on."""
        if self._span is not None:
            self._buckets.give_back(self._span, now)
            self._span = None

    def _answered(self, answer: Answer, now: float) -> list[Effect]:
        question, self._question = self._question, None
        match question, answer:
            case _, Busy():
                self.abandoned(now)
                effects = self._finish(Ending.BUSY if self._rounds == 1 else Ending.PARTIAL)
            case Open(), Same():
                effects = self._finish(Ending.EQUAL)
            case Open(), Far(size):
                effects = self._far(size, now)
            case Open() | More(), SymbolRun():
                effects = self._decode(answer, now)
            case Want(prefixes), Records():
                effects = self._take_wanted(prefixes, answer)
            case Bucket(), Records():
                effects = self._take_bucket(answer)
            case Give(), Took(new):
                self._given += min(new, len(self._gifts.pop(0)))
                effects = self._next(now)
            case _:
                raise PeerError(f"{type(answer).__name__} does not answer {type(question).__name__}")
        return effects

    def _decode(self, run: SymbolRun, now: float) -> list[Effect]:
        self._symbols = self._symbols.extended(run.symbols)
        found = difference(self._keys, self._view.symbols, self._symbols)
        at_hand = len(self._symbols)
        if not found.complete and at_hand < MAX_SYMBOLS:
            return [self._ask(More(min(MAX_SYMBOLS - at_hand, max(_MIN_MORE, round(_GROWTH * at_hand)))))]
        if not found.complete:
            self._ending = Ending.PARTIAL
        return self._exchange(found, now)

    def _exchange(self, found: Difference, now: float) -> list[Effect]:
        self._wanted = [prefix for prefix in found.theirs if not resolve(self._replica, (prefix,))]
        self._gifts = pages(self._replica.envelopes(resolve(self._replica, found.ours)))
        return self._next(now)

    def _far(self, size: int, now: float) -> list[Effect]:
        if self._view.size > size:
            return self._finish(Ending.LARGER)
        self._buckets.plan(size, now)
        self._bulk = True
        self._ending = Ending.PARTIAL
        return self._next(now)

    def _take_wanted(self, asked: tuple[bytes, ...], answer: Records) -> list[Effect]:
        """Each answer must bring something that was asked for, so asking for the rest must end."""
        envelopes = unpack(answer.pack)
        got = {content_id(envelope)[:PREFIX_BYTES] for envelope in envelopes}
        if not got.issubset(asked) or (answer.more and not got):
            raise PeerError("sent records that were not asked for, or none although it has more")
        left = [prefix for prefix in asked if prefix not in got]
        if answer.more:
            self._wanted[:0] = left
        elif left:
            self._ending = Ending.PARTIAL
        return [Admit(envelopes)]

    def _take_bucket(self, answer: Records) -> list[Effect]:
        assert self._span is not None
        envelopes = unpack(answer.pack)
        self._span = self._span.after([content_id(envelope) for envelope in envelopes], answer.more)
        if self._span is None:
            self._buckets.done()
        return [Admit(envelopes)]

    def _count(self, admissions: Sequence[Admission]) -> None:
        for admission in admissions:
            self._received += admission.verdict is Verdict.ACCEPT and admission.reason != "known"
            self._rejected += admission.verdict is Verdict.REJECT

    def _next(self, now: float) -> list[Effect]:
        if self._bulk and self._span is None:
            self._span = self._buckets.take(now)
        if self._span is not None:
            return [self._ask(Bucket(self._span.low, self._span.high))]
        if self._wanted:
            asked, self._wanted = tuple(self._wanted[:MAX_WANTED]), self._wanted[MAX_WANTED:]
            return [self._ask(Want(asked))]
        if self._gifts:
            return [self._ask(Give(pack(self._gifts[0])))]
        return self._finish(self._ending)

    def _ask(self, question: Question) -> Send:
        self._rounds += 1
        self._question = question
        return Send(question.encode())

    def _finish(self, ending: Ending) -> list[Effect]:
        outcome = Outcome(ending, self._received, self._given, self._rejected, self._rounds)
        return [Finish(outcome)]
