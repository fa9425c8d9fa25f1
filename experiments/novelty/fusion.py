"""Fuse what the channels found into one verdict.

Rules, in order:

1. Behaviour that matches is a confirmed flag, whatever the words say.  Only where likeness flags a
   technique of another category is that one told: what was measured is then mostly a part of something larger
   (of 56 such programs by unknown authors the part was meant in 7, what likeness said in 32).
2. Equal structure without a probe is a strong flag, where likeness supports it; so is a hint of structure
   that the words agree with.
3. A mere move of a setting, seen in the settings themselves, is tuning.
4. Words alone are a suspicion, and only above the calibrated threshold of the text channel.  Where a probe
   ran and found no match, the artefact has contradicted the words, and they need the higher threshold.
5. So is likeness to other people's programs alone; of a name by words and another by likeness the likelier
   is told, and what both think possible is flagged although each alone would not.
6. Otherwise: no match, or not probed if there was nothing to look at.

All evidence is kept, also what lost, so that a reader sees channels that disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from .catalogue import Catalogue, Technique
from .verdict import Candidate, Channel, Evidence, Known, Relation, Strength, Verdict

__all__ = ["fuse", "known_of"]

_CHANNEL_ORDER = (Channel.BEHAVIOUR, Channel.STRUCTURE, Channel.LIKENESS, Channel.TEXT)
_JUDGED = (Channel.LIKENESS, Channel.TEXT)  # channels whose scores are probabilities
_STRENGTH = {
    Channel.BEHAVIOUR: Strength.CONFIRMED,
    Channel.STRUCTURE: Strength.STRONG,
    Channel.LIKENESS: Strength.SUSPECTED,
    Channel.TEXT: Strength.SUSPECTED,
}
_RELATION_ORDER = tuple(Relation)  # the lattice, strongest first
_TOP = 5
_LIKELY = 0.2  # text score from which words agree with a hint of structure; a judgement, not measured
_AGREED = 0.7
_POSSIBLE = 0.35  # probability from which two channels that agree need no more; a judgement
_CONTRADICTED = 0.9  # text score needed against a probe that found no match; a judgement, not measured


def fuse(evidence: Sequence[Evidence], catalogue: Catalogue) -> Verdict:
    """One verdict from all channels' evidence."""
    ordered = sorted(evidence, key=_rank)
    winner = _winner(ordered, catalogue)
    top = _top(ordered, winner, catalogue)
    if winner is None:
        return Verdict(
            relation=_fallback(ordered),
            catalogue_version=catalogue.version,
            catalogue_size=len(catalogue),
            score=max((item.score for item in ordered), default=0.0),
            top=top,
            evidence=tuple(ordered),
        )
    return Verdict(
        relation=winner.relation,
        catalogue_version=catalogue.version,
        catalogue_size=len(catalogue),
        technique=known_of(winner.technique, catalogue),
        strength=None if winner.relation is Relation.TUNING else _STRENGTH[winner.channel],
        score=winner.score,
        mode=winner.mode,
        gain=winner.gain,
        what_differs=winner.what_differs,
        parts=tuple(known_of(part, catalogue) for part in winner.parts),
        top=top,
        evidence=tuple(ordered),
    )


def known_of(technique: str, catalogue: Catalogue) -> Known:
    """What a person needs to look the technique up; the id alone if the catalogue has no such entry."""
    entry = catalogue.lookup(technique)
    if entry is None:
        return Known(technique, technique)
    return Known(
        id=entry.id,
        name=entry.name,
        aliases=_all_names(entry, catalogue),
        year=entry.year,
        paper=f"{entry.authors[0]} et al., {entry.paper_title}" if entry.authors else entry.paper_title,
        symbol=entry.symbol or "",
    )


def _all_names(entry: Technique, catalogue: Catalogue) -> tuple[str, ...]:
    """Aliases, and the names of the entry's equivalence class: they are names of the same thing."""
    same = [other.name for other in catalogue.equivalents(entry.id)]
    return (*entry.aliases, *same)


def _rank(item: Evidence) -> tuple[int, int, float]:
    channel = _CHANNEL_ORDER.index(item.channel) if item.channel in _CHANNEL_ORDER else len(_CHANNEL_ORDER)
    return (channel if item.flags else channel + 10, _RELATION_ORDER.index(item.relation), -item.score)


def _winner(ordered: Sequence[Evidence], catalogue: Catalogue) -> Evidence | None:
    measured, alike = _measured(ordered), _likeness(ordered, catalogue)
    if measured is not None and alike is not None and _other_kind(measured, alike, catalogue):
        return alike
    written = measured or _structure(ordered)
    if written is not None:
        return written
    tuned = (e for e in ordered if e.relation is Relation.TUNING and e.channel is not Channel.TEXT)
    return next(tuned, None) or _likelier(_words(ordered), alike) or _agreed(ordered)


def _measured(ordered: Sequence[Evidence]) -> Evidence | None:
    """The strongest relation that a probe found; of several names for one behaviour the likelier by words."""
    flags = [e for e in ordered if e.flags and e.channel is Channel.BEHAVIOUR]
    words = {e.technique: e.score for e in ordered if e.channel is Channel.TEXT}
    equals = [e for e in flags if e.summary == flags[0].summary]
    return max(equals, key=lambda e: words.get(e.technique, 0.0), default=None)


def _structure(ordered: Sequence[Evidence]) -> Evidence | None:
    """The best rule that holds; words decide between rules, and let a mere hint speak where they agree."""
    words = {e.technique: e.score for e in ordered if e.channel is Channel.TEXT}
    best, most = None, 0.0
    for item in ordered:
        likely = words.get(item.technique, 0.0)
        hint = item.relation is Relation.NEAR and likely >= _LIKELY
        if item.channel is Channel.STRUCTURE and (item.flags or hint) and item.score + likely > most:
            best, most = item, item.score + likely
    if best is not None and not best.flags:
        return replace(best, relation=Relation.EQUAL, score=_AGREED)
    return best


def _words(ordered: Sequence[Evidence]) -> Evidence | None:
    contradicted = _contradicted(ordered)
    for item in ordered:
        if item.channel is Channel.TEXT and (item.flags or item.relation is Relation.TUNING):
            return item if item.score >= _CONTRADICTED or not contradicted else None
    return None


def _other_kind(measured: Evidence, alike: Evidence, catalogue: Catalogue) -> bool:
    """Whether likeness names a technique of another category than what was measured."""
    one, other = catalogue.lookup(measured.technique), catalogue.lookup(alike.technique)
    return one is not None and other is not None and one.category != other.category


def _likeness(ordered: Sequence[Evidence], catalogue: Catalogue) -> Evidence | None:
    """What likeness flags; of a technique that can be probed only surely where a probe matched nothing."""
    alike = next((e for e in ordered if e.channel is Channel.LIKENESS and e.flags), None)
    if alike is None or alike.score >= _CONTRADICTED or not _contradicted(ordered):
        return alike
    entry = catalogue.lookup(alike.technique)
    return alike if entry is None or entry.probe is None else None


def _contradicted(ordered: Sequence[Evidence]) -> bool:
    """Whether a probe ran and matched nothing."""
    return any(e.channel is Channel.BEHAVIOUR and e.relation is Relation.UNMATCHED for e in ordered)


def _likelier(one: Evidence | None, other: Evidence | None) -> Evidence | None:
    if one is None or other is None:
        return one or other
    return max(one, other, key=lambda item: item.score)


def _agreed(ordered: Sequence[Evidence]) -> Evidence | None:
    """What words and likeness both think possible, the likeliest."""
    words = {e.technique: e.score for e in ordered if e.channel is Channel.TEXT}
    both = [
        (1.0 - (1.0 - e.score) * (1.0 - words[e.technique]), e)
        for e in ordered
        if e.channel is Channel.LIKENESS and min(e.score, words.get(e.technique, 0.0)) >= _POSSIBLE
    ]
    if not both:
        return None
    chance, item = max(both, key=lambda pair: pair[0])
    return replace(item, relation=Relation.EQUAL, score=chance)


def _fallback(ordered: Sequence[Evidence]) -> Relation:
    relations = {item.relation for item in ordered}
    if Relation.NEAR in relations:
        return Relation.NEAR
    looked = relations - {Relation.NOT_PROBED}
    return Relation.UNMATCHED if looked or not relations else Relation.NOT_PROBED


def _top(ordered: Iterable[Evidence], winner: Evidence | None, catalogue: Catalogue) -> tuple[Candidate, ...]:
    """The likeliest techniques: the winner, others that are flagged, then by words.

    There a hint of structure adds to what the words say; alone, as a rule that matched some part of a larger
    program, it comes after them.
    """
    named = (winner.parts or (winner.technique,)) if winner else ()
    best: dict[str, Candidate] = {}
    place: dict[str, tuple[bool, bool, float]] = {}
    for item in ordered:
        for technique in item.parts or (item.technique,):
            if not technique:
                continue
            flagged, worded, weight = place.get(technique, (False, False, 0.0))
            said = item.channel in _JUDGED
            place[technique] = (flagged or item.flags, worded or said, weight + item.score)
            if technique not in best:
                best[technique] = Candidate(technique, known_of(technique, catalogue).name, item.score)
    likeliest = sorted(
        best.values(), key=lambda one: (one.technique in named, place[one.technique]), reverse=True
    )
    return tuple(likeliest[:_TOP])
