"""One track under one electorate: entries, the bar, margins chained through opponents, and the order.

`refresh` takes the claims whose facts changed and does work in proportion to what follows from them: the
bar moves only at doublings, margins propagate to claims made against a changed opponent, and the ranking
keeps the tiers that were not touched. Everything is kept in tables (leaderboard.tables); records are read
again only for claims that changed and for those that somebody looks at.

A claim is confirmed if its evidence clears the bar and its opponent is the reference or itself confirmed by
evidence: otherwise anybody could claim a poor recipe and beat it. The opponent's evidence counts whatever
became of its author: a retraction or an author's lie about its own numbers must not unseat the descendants.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from ..evidence.archive import Archive
from ..evidence.electorate import Electorate
from ..evidence.facts import ClaimFacts
from ..evidence.fdr import bar_level
from ..evidence.policy import Policy
from ..evidence.pool import spare
from ..evidence.shares import Terms
from ..evidence.standing import Assessment, Standing, assess
from ..ids import AuthorId, ContentId, RecipeId
from ..manifest import TrackManifest
from ..register import Register
from ..tables import CLAIM, FLAG, Tables, mark, ordered, packed
from .entry import ENTRY, Card, Entry, entry_of, order_of
from .ranking import Margin, Placed, Ranking

__all__ = ["Sources", "TrackBoard", "Verdict"]

_REFERENCE = Margin(0.0, 0.0, 0.0, chained=False)


@dataclass(frozen=True, slots=True)
class Sources:
    """Where boards read, and where they keep what they found."""

    tables: Tables
    register: Register
    archive: Archive
    silent: Callable[[AuthorId, ContentId], bool]
    """Whether a finding or an ablation does not speak: its author equivocated or took it back."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A claim's standing after the comparison with all others."""

    standing: Standing
    reason: str
    margin: Margin | None


@dataclass(frozen=True, slots=True)
class _Totals:
    """What the entries of a board add up to."""

    bar_level: int = 0
    tested: int = 0
    levels: tuple[tuple[int, int], ...] = ()
    """How many claims that are not held back have which evidence level."""
    confirmed: int = 0
    essence: bytes = bytes(32)
    """Sum of the entries' hashes, which depends on no order."""


_TOTALS = packed(
    lambda total: (total.bar_level, total.tested, total.levels, total.confirmed, total.essence), _Totals
)


class TrackBoard:
    """The state behind one board; identical for any order in which facts changed."""

    def __init__(
        self, manifest: TrackManifest, policy: Policy, electorate: Electorate, sources: Sources
    ) -> None:
        self.manifest = manifest
        self.policy = policy
        self._terms = Terms(manifest, policy, electorate)
        self._sources = sources
        self._register = sources.register
        # Who made two boards with one prefix would spend 2^64 hashes to spoil its own two tracks.
        self._prefix = hashlib.sha256((electorate.viewer or b"") + manifest.id).digest()[:16]
        tables = sources.tables
        self.ranking = Ranking(manifest.effect_bound / policy.tie_parts, tables, self._prefix)
        self._entries = tables.table("entries", ENTRY)
        self._graded = tables.table("graded", FLAG)
        self._held = tables.table("held", FLAG)
        self._personal = tables.table("personal", FLAG)
        self._promising = tables.table("promising", FLAG)
        self._listed = tables.table("listed", FLAG)
        self._supported = tables.table("supported", FLAG)
        self._shown = tables.table("shown", CLAIM)
        self._totals = tables.table("totals", _TOTALS)
        total = self._totals.get(self._prefix) or _Totals()
        self.bar_level, self.tested, self.confirmed = total.bar_level, total.tested, total.confirmed
        self._levels = Counter(dict(total.levels))
        self._essence = int.from_bytes(total.essence, "big")

    def refresh(self, changed: Iterable[ContentId]) -> set[ContentId]:
        """Bring the board up to date with claims (of this track) whose facts changed.

        Returns every claim whose verdict may have changed, unless the bar moved, which changes all.
        """
        stale = list(changed)
        for claim in stale:
            self._reassess(claim)
            self._sources.archive.trim()
        level = bar_level(self.tested, self._levels)
        if level != self.bar_level:
            lower, self.bar_level = min(level, self.bar_level), level
            stale.extend(self._reaching(lower))
        moved = self._remargin(stale).union(stale)
        for recipe in {self._compare(claim) for claim in moved}:
            self._show(recipe)
        levels = tuple(sorted(self._levels.items()))
        essence = self._essence.to_bytes(32, "big")
        total = _Totals(self.bar_level, self.tested, levels, self.confirmed, essence)
        self._totals.put(self._prefix, total)
        return moved

    @property
    def key(self) -> bytes:
        """What tells this board from others in the same tables."""
        return self._prefix

    @property
    def essence(self) -> bytes:
        """A hash of all entries."""
        return self._essence.to_bytes(32, "big")

    def assess(self, facts: ClaimFacts) -> Assessment:
        """A claim's evidence before it is compared with others, from its records."""
        return assess(facts, self._terms)

    def entry(self, claim: ContentId) -> Entry:
        """What is remembered of a claim; it must have been refreshed."""
        found = self._entries.get(self._prefix + claim)
        assert found is not None
        return found

    def verdict(self, found: Assessment) -> Verdict:
        """How the claim stands; it must have been refreshed."""
        entry = self.entry(found.claim)
        match entry.verdict:
            case Standing.RETRACTED:
                return Verdict(Standing.RETRACTED, "taken back by its author", None)
            case Standing.CONFIRMED:
                return Verdict(Standing.CONFIRMED, self._confirmed_reason(found), entry.margin)
            case Standing.REPLICATED:
                return Verdict(Standing.REPLICATED, self._pending_reason(found), None)
        return Verdict(found.standing, found.reason, None)

    def rest(self) -> Iterator[ContentId]:
        """The claims under which recipes without rank are shown: by standing, the latest first."""
        return (ContentId(key[25:]) for key, _ in self._listed.scan(self._prefix))

    def open_claims(self, most: int) -> list[ContentId]:
        """Claims that replication may still change, at most four times `most`.

        The best ones by what their authors measured, then the newest, replicated and not, then the confirmed
        ones from the top.
        """
        best = (key[24:] for key, _ in islice(self._promising.scan(self._prefix), most))
        listings = (self._listed.scan(self._prefix + order_of(standing)) for standing in _OPEN)
        newest = (key[25:] for listing in listings for key, _ in islice(listing, most))
        top = (placed.claim for _, placed in self.ranking.top(most))
        return list(dict.fromkeys(map(ContentId, (*best, *newest, *top))))

    def held_back(self) -> list[ContentId]:
        """Claims whose evidence clears the bar and which wait for a run by the viewer; best effects first."""
        held = []
        for key, _ in self._held.scan(self._prefix):
            claim = ContentId(key[16:])
            entry = self.entry(claim)
            if (entry.level or 0) >= self.bar_level and entry.verdict is Standing.REPLICATED:
                held.append((-(entry.median or 0.0), claim))
        return [claim for _, claim in sorted(held)]

    def base(self, claim: ContentId) -> Margin | None:
        """Margin of the claim's opponent over the reference; None if that is not confirmed."""
        opponent = self._card(claim).opponent
        if opponent is None:
            return _REFERENCE
        entry = self._entries.get(self._prefix + opponent)
        return None if entry is None else entry.margin

    def own_best(self, author: AuthorId, apart_from: ContentId) -> float | None:
        """The best margin that an author measured itself, over its other claims."""
        others = (claim for claim in self.best_of(author) if claim != apart_from)
        best = next(others, None)
        return None if best is None else self.entry(best).personal

    def best_of(self, author: AuthorId) -> Iterator[ContentId]:
        """An author's claims by what it measured itself, the best first."""
        return (ContentId(key[56:]) for key, _ in self._personal.scan(self._prefix + author))

    def is_decided(self, recipe: RecipeId, apart_from: ContentId) -> bool:
        """Whether another claim of the recipe is confirmed or refuted."""
        return any(
            claim != apart_from
            for standing in (Standing.CONFIRMED, Standing.REFUTED)
            for claim in islice(self._claims_of(recipe, order_of(standing)), 2)
        )

    def also_claimed(self, claim: ContentId) -> tuple[ContentId, ...]:
        """Other claims of the same recipe on this track, the best supported first; at most 64."""
        claims = islice(self._claims_of(self._card(claim).recipe), _MOST_OTHERS + 1)
        return tuple(other for other in claims if other != claim)[:_MOST_OTHERS]

    def _claims_of(self, recipe: RecipeId, prefix: bytes = b"") -> Iterator[ContentId]:
        """Claims of a recipe on this track, the best supported first."""
        keys = self._supported.scan(self._prefix + recipe + prefix)
        return (ContentId(key[-32:]) for key, _ in keys)

    def recipe_of(self, claim: ContentId) -> RecipeId:
        """The recipe of a claim of this track."""
        return self._card(claim).recipe

    def _card(self, claim: ContentId) -> Card:
        card = self._register.card(claim)
        assert card is not None
        return card

    def _reassess(self, claim: ContentId) -> None:
        facts = self._sources.archive.get(claim)
        assert facts is not None
        found = self.assess(facts)
        before = self._entries.get(self._prefix + claim)
        after = entry_of(
            found, self.manifest, self.policy, retracted=facts.retracted, voices=self._voices(facts)
        )
        if before is not None:
            after = after.placed_like(before)
            self._account(claim, before, -1)
        self._account(claim, after, 1)
        self._write(claim, before, after)

    def _voices(self, facts: ClaimFacts) -> bytes:
        if not facts.findings and not facts.ablations:
            return b""
        spoken = [(key, author) for key, (author, *_) in facts.findings.items()]
        spoken += [(key, author) for key, (author, _) in facts.ablations.items()]
        heard = sorted(key for key, author in spoken if not self._sources.silent(author, key))
        return hashlib.sha256(b"".join(heard)).digest()[:16] if heard else b""

    def _account(self, claim: ContentId, entry: Entry, sign: int) -> None:
        self.tested += sign * entry.tested
        if entry.level is None:
            return
        key = self._prefix + min(entry.level, _MOST_LEVEL).to_bytes(2, "big") + claim
        if entry.held:
            mark(self._held, self._prefix + claim, present=sign > 0)
            return
        mark(self._graded, key, present=sign > 0)
        self._levels[entry.level] += sign
        if not self._levels[entry.level]:
            del self._levels[entry.level]

    def _reaching(self, level: int) -> list[ContentId]:
        """Claims whose evidence has at least this level."""
        found = []
        for key, _ in self._graded.scan(self._prefix, backwards=True):
            if int.from_bytes(key[16:18], "big") < level:
                break
            found.append(ContentId(key[18:]))
        return found

    def _write(self, claim: ContentId, before: Entry | None, after: Entry) -> None:
        if before == after:
            return
        self._entries.put(self._prefix + claim, after)
        for entry, sign in ((before, -1), (after, 1)):
            if entry is not None:
                essence = hashlib.sha256(claim + entry.essence).digest()
                self._essence = (self._essence + sign * int.from_bytes(essence, "big")) % 2**256
                if entry.personal is not None and entry.verdict in _OPEN:
                    key = self._prefix + ordered(-entry.personal) + claim
                    mark(self._promising, key, present=sign > 0)

    def _remargin(self, stale: Iterable[ContentId]) -> set[ContentId]:
        """Recompute margins of `stale` claims and of whatever was measured against one that changed."""
        changed: set[ContentId] = set()
        queue = list(stale)
        while queue:
            claim = queue.pop()
            before = self._entries.get(self._prefix + claim)
            if before is None:
                continue  # its own turn to be refreshed has not come
            base = self.base(claim)
            margin, personal = self._margin(claim, before, base), _personal(before, base)
            if (margin, personal) == (before.margin, before.personal):
                continue
            if personal != before.personal:
                self._index_personal(claim, before.personal, personal)
            self._write(claim, before, replace(before, margin=margin, personal=personal))
            if margin != before.margin:
                changed.add(claim)
                queue.extend(self._register.against(claim))
        return changed

    def _margin(self, claim: ContentId, entry: Entry, base: Margin | None) -> Margin | None:
        if entry.held or entry.level is None or entry.level < self.bar_level:
            return None
        if base is None or entry.median is None:
            return None
        return Margin(
            lower=base.lower + entry.lowers[self.bar_level],
            median=base.median + entry.median,
            upper=base.upper + entry.upper,
            chained=self._card(claim).opponent is not None,
        )

    def _index_personal(self, claim: ContentId, before: float | None, after: float | None) -> None:
        author = self._card(claim).author
        for value, sign in ((before, -1), (after, 1)):
            if value is not None:
                mark(self._personal, self._prefix + author + ordered(-value) + claim, present=sign > 0)

    def _compare(self, claim: ContentId) -> RecipeId:
        """Enter a claim among those of its recipe, by how well it is supported."""
        entry, recipe = self.entry(claim), self._card(claim).recipe
        if entry.support != entry.rank:
            if entry.support:
                self._supported.drop(self._prefix + recipe + entry.support + claim)
            self._supported.put(self._prefix + recipe + entry.rank + claim, True)
            self._entries.put(self._prefix + claim, replace(entry, support=entry.rank))
        return recipe

    def _show(self, recipe: RecipeId) -> None:
        """Enter the best supported claim of a recipe into the ranking or the rest, and no other."""
        best = next(self._claims_of(recipe))
        before = self._shown.get(self._prefix + recipe)
        if before is not None and before != best:
            self._stand(before, ranked=False, listed=None)
        if before != best:
            self._shown.put(self._prefix + recipe, best)
        verdict = self.entry(best).verdict
        ranked = verdict is Standing.CONFIRMED
        self._stand(best, ranked=ranked, listed=None if ranked else verdict)

    def _stand(self, claim: ContentId, *, ranked: bool, listed: Standing | None) -> None:
        entry, card = self.entry(claim), self._card(claim)
        if ranked and entry.margin is not None:
            self.ranking.put(Placed(claim, entry.margin, card.recipe_bytes))
        elif entry.ranked:
            self.ranking.remove(claim)
        if (ranked, listed) == (entry.ranked, entry.listed):
            return
        for standing, present in ((entry.listed, False), (listed, True)):
            if standing is not None:
                mark(self._listed, self._prefix + _listing(standing, card, claim), present=present)
        self.confirmed += ranked - entry.ranked
        self._entries.put(self._prefix + claim, replace(entry, ranked=ranked, listed=listed))

    def _confirmed_reason(self, found: Assessment) -> str:
        spared = spare(found.replicators, self.policy)
        any_of = "any one" if spared == 1 else f"any {spared}"
        tail = f" and survives the removal of {any_of}" if spared else ""
        return f"confirmed by {found.replicators} replicators{tail}"

    def _pending_reason(self, found: Assessment) -> str:
        if found.level is None:
            return f"{found.reason}: {'; '.join(found.shortfall)}"
        if found.held:
            return f"{found.reason}: {found.held}"
        if found.level < self.bar_level:
            return f"{found.reason}: the evidence is below the bar of {self.policy.odds << self.bar_level}"
        return f"{found.reason}: it beat an opponent that is not confirmed itself"


_OPEN = (Standing.REPLICATED, Standing.MEASURED)
_MOST_LEVEL = 2**16 - 1
_MOST_OTHERS = 64


def _personal(entry: Entry, base: Margin | None) -> float | None:
    return None if base is None or entry.own_median is None else base.median + entry.own_median


def _listing(standing: Standing, card: Card, claim: ContentId) -> bytes:
    """The key that sorts rows without rank: by standing, the latest first, then by id."""
    return order_of(standing) + (2**64 - 1 - card.time_ms).to_bytes(8, "big") + claim
