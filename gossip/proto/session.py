"""The asking side of a sync session: find out what differs, fetch what we lack, give what the other lacks.

States, in order: comparing by symbols (`Open`, then `More` until the difference decodes), fetching (`Want`
or, for a node that lacks most of the set, `Bucket`), giving (`Give`), done. Symbols can fail: too many
differences, a stalled decoder, a phantom that nobody can deliver. Then what they did yield is exchanged, and
the same session goes on to compare by ranges (`Salt`, `Compare`), which cannot fail, and to exchange the
rest. Nobody is to blame for a failure of symbols. `audit` goes to ranges even if the digests agree.

In a bulk transfer a few packs are admitted together, because each admission waits for the disk, and the next
pack is asked for before that, so that the other side reads and sends while this one verifies and stores: two
effects at once, and the answer is awaited after both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from leaderboard.envelope import content_id
from leaderboard.errors import PeerError
from leaderboard.ledger import Admission, Verdict

from .buckets import Buckets
from .bulk import Bulk
from .compare import Comparison
from .frames import pack, unpack
from .lookup import first_page, resolve
from .messages import (
    MAX_WANTED,
    Answer,
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
    read_answer,
)
from .ranges import Arrangement, Salted, session_salt
from .replica import Replica
from .riblt import NO_DIFFERENCE, PREFIX_BYTES, Keys, Symbols, apart, difference, enough_symbols
from .steps import (
    Admit,
    Admitted,
    Arrange,
    Arranged,
    Effect,
    Ending,
    Event,
    Finish,
    Opened,
    Outcome,
    Received,
    Send,
)
from .summary import NARROW_BYTES, View

__all__ = ["SOON_SECONDS", "SYNC_ATTEMPTS", "SyncSession"]

SOON_SECONDS = 0.5
"""Pause before the next comparison after one that found something: news spreads as an epidemic."""
SYNC_ATTEMPTS = 3
"""Peers tried when a node's turn to compare comes, until one answers. With a fifth of all sessions lost and
a third of the peers silent, one attempt took six rounds to bring everybody everything, three took two."""
_GROWTH = 0.06
_MIN_MORE = 8
"""Least symbols asked for after a failed attempt, as a part of those at hand and as a number."""
_HOPELESS = 1.2
"""Below so many symbols per estimated difference decoding is not even tried."""


class SyncSession:
    """Drives one stream from its opening to `Finish`. `buckets` is shared by the sessions of one node."""

    def __init__(
        self,
        replica: Replica,
        view: View,
        keys: Keys,
        buckets: Buckets,
        *,
        salt: bytes,
        wide: bool = True,
        audit: bool = False,
        lately: Callable[[bytes], bool] = lambda _: False,
    ) -> None:
        """`salt`: 16 fresh random bytes. `wide`: expect a difference. `audit`: do not believe a digest.

        `lately`: whether the other side was given the record with this id prefix a moment ago.
        """
        self._replica = replica
        self._half = salt
        self._wide = wide
        self._audit = audit
        self._lately = lately
        self.gave: list[bytes] = []
        """Prefixes of what was given in this session."""
        self._view = view
        self._keys = keys
        self._buckets = buckets
        self._part = Bulk(buckets)
        self._symbols = Symbols.empty()
        self._found = NO_DIFFERENCE
        self._wanted: list[bytes] = []
        self._spare: list[bytes] = []
        self._comparison: Comparison | None = None
        self._theirs: Whole | None = None
        self._fallback = False
        self._question: Question | None = None
        self._bulk = False
        self._offered = 0
        self._ending = Ending.RECONCILED
        self._differed = 0
        self._received = self._given = self._rejected = self._rounds = 0

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Next effects; raises PeerError if the other side breaks the protocol."""
        match event:
            case Opened():
                view = self._view
                lanes = view.lanes if self._wide else view.lanes[:NARROW_BYTES]
                return [self._ask(Open(view.size, view.digest, lanes))]
            case Received(frame):
                return self._answered(read_answer(frame), now)
            case Admitted(admissions):
                self._count(admissions, now)
                self._part.admitted()
                return self._next(now) if self._question is None else []
            case Arranged(arrangement):
                return self._arranged(arrangement, now)

    def abandoned(self, now: float) -> None:
        """The stream broke: hand back the bucket this session was working on."""
        self._part.abandon(now)

    def _answered(self, answer: Answer, now: float) -> list[Effect]:
        question, self._question = self._question, None
        match question, answer:
            case _, Busy():
                self.abandoned(now)
                effects = self._finish(self._ending_when_busy())
            case Open(), Same():
                self._ending = Ending.EQUAL
                effects = [self._ask(Salt(self._half))] if self._audit else self._finish(Ending.EQUAL)
            case Open(), Far(size):
                effects = self._far(size, now)
            case Open() | More(), SymbolRun():
                effects = self._decode(answer, now)
            case Want(prefixes), Records():
                effects = self._take_wanted(prefixes, answer)
            case Bucket(), Records():
                effects = self._take_bucket(answer, now)
            case Give(), Took(new):
                self._given += min(new, self._offered)
                effects = self._next(now)
            case Salt(), Whole():
                self._theirs = answer
                effects = [Arrange()]
            case Compare(), Parts():
                effects = self._compared(answer, now)
            case _:
                raise PeerError(f"{type(answer).__name__} does not answer {type(question).__name__}")
        return effects

    def _ending_when_busy(self) -> Ending:
        if self._rounds == 1:
            return Ending.BUSY
        return Ending.EQUAL if self._ending is Ending.EQUAL else Ending.PARTIAL

    def _decode(self, run: SymbolRun, now: float) -> list[Effect]:
        self._symbols = self._symbols.extended(run.symbols)
        ours, at_hand = self._view.symbols, len(self._symbols)
        if at_hand > len(ours):
            raise PeerError(f"sent {at_hand} symbols, the limit is {len(ours)}")
        guess = apart(ours, self._symbols, run.size - self._view.size)
        if at_hand < _HOPELESS * guess and at_hand < len(ours):
            return [self._ask(More(self._lacking(guess)))]
        self._found = found = difference(self._keys, ours, self._symbols, self._found)
        if not found.complete and at_hand < len(ours):
            return [self._ask(More(self._lacking(guess)))]
        self._fallback = not found.complete
        return self._exchange(found.theirs, found.ours, now)

    def _lacking(self, guess: float) -> int:
        """How many symbols to ask for after those at hand did not do."""
        at_hand = len(self._symbols)
        more = max(_MIN_MORE, round(_GROWTH * at_hand), enough_symbols(guess) - at_hand)
        return min(len(self._view.symbols) - at_hand, more)

    def _exchange(self, theirs: Sequence[bytes], ours: Sequence[bytes], now: float) -> list[Effect]:
        self._differed += len(theirs) + len(ours)
        self._wanted = [prefix for prefix in theirs if self._replica.wanted(prefix)]
        self._spare = [prefix for prefix in ours if not self._lately(prefix)]
        return self._next(now)

    def _far(self, size: int, now: float) -> list[Effect]:
        if self._view.size > 2 * size:
            return self._finish(Ending.LARGER)
        if 2 * self._view.size >= size or not self._buckets.worth(now):
            return [self._ask(Salt(self._half))]
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
        elif left and self._comparison is None:
            self._fallback = True  # a phantom, or forgotten since
        return [Admit(envelopes)]

    def _take_bucket(self, answer: Records, now: float) -> list[Effect]:
        pile = self._part.arrived(unpack(answer.pack), answer.more, now)
        effects: list[Effect] = [self._ask_bucket()] if self._part.span is not None else []
        # Nothing to admit: more of this range is to come first, or it was empty and another one follows.
        return [*effects, Admit(pile)] if pile or not effects else effects

    def _count(self, admissions: Sequence[Admission], now: float) -> None:
        if self._bulk:
            ignored = sum(1 for admission in admissions if admission.verdict is Verdict.IGNORE)
            self._buckets.came(len(admissions) - ignored, ignored, now)
        for admission in admissions:
            self._received += admission.verdict is Verdict.ACCEPT and admission.reason != "known"
            self._rejected += admission.verdict is Verdict.REJECT

    def _next(self, now: float) -> list[Effect]:
        if self._bulk and (self._part.span or self._part.take(now)) is not None:
            return [self._ask_bucket()]
        if self._wanted:
            asked, self._wanted = tuple(self._wanted[:MAX_WANTED]), self._wanted[MAX_WANTED:]
            return [self._ask(Want(asked))]
        while self._spare:
            some, self._spare = self._spare[:MAX_WANTED], self._spare[MAX_WANTED:]
            gifts = self._gifts(some)
            if gifts:
                return [self._ask(Give(pack(gifts)))]
        return self._compare_on()

    def _gifts(self, prefixes: list[bytes]) -> list[bytes]:
        """A pack's worth of what we have of `prefixes`; what does not fit goes back to the others."""
        ids = resolve(self._replica, prefixes)
        gifts, more = first_page(self._replica, ids)
        if more:
            self._spare[:0] = [identifier[:PREFIX_BYTES] for identifier in ids[len(gifts) :]]
        self._offered = len(gifts)
        self.gave += [identifier[:PREFIX_BYTES] for identifier in ids[: len(gifts)]]
        return gifts

    def _compare_on(self) -> list[Effect]:
        """Everything found so far is exchanged: find more, or stop."""
        if self._comparison is not None:
            question = self._comparison.next()
            if question is not None:
                return [self._ask(question)]
        elif self._fallback:
            return [self._ask(Salt(self._half))]
        return self._finish(self._ending)

    def _arranged(self, arrangement: Arrangement, now: float) -> list[Effect]:
        assert self._theirs is not None
        salted = Salted(arrangement, session_salt(self._half, self._theirs.half))
        self._comparison = Comparison(salted, self._theirs.fingerprint)
        return self._next(now)

    def _compared(self, answer: Parts, now: float) -> list[Effect]:
        assert self._comparison is not None
        comparison = self._comparison
        comparison.take(answer)
        theirs, comparison.theirs = comparison.theirs, []
        ours, comparison.ours = comparison.ours, []
        if theirs or ours:
            self._ending = Ending.RECONCILED
        return self._exchange(theirs, ours, now)

    def _ask_bucket(self) -> Send:
        assert self._part.span is not None
        return self._ask(Bucket(self._part.span.low, self._part.span.high))

    def _ask(self, question: Question) -> Send:
        self._rounds += 1
        self._question = question
        return Send(question.encode())

    def _finish(self, ending: Ending) -> list[Effect]:
        outcome = Outcome(ending, self._received, self._given, self._rejected, self._rounds, self._differed)
        return [Finish(outcome)]
