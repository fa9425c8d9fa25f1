"""Novelty verdicts on one claim, grouped so that agreement and disagreement are both visible.

Each author has one voice per slot: its latest finding there (by its own clock, then by id). Findings of
equivocators and findings their authors took back are silent. Verdicts agree if they name the same relation,
technique and mode; what is shown for a group is its first member in order of record id.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ..evidence.facts import ClaimFacts
from ..ids import AuthorId, ContentId
from ..records import Finding
from .rows import FindingView

__all__ = ["findings_of"]

_Verdict: TypeAlias = tuple[str, str, str | None, str]


def findings_of(facts: ClaimFacts, silent: Callable[[AuthorId, ContentId], bool]) -> tuple[FindingView, ...]:
    """Groups of agreeing findings, the most supported first within each slot."""
    voices: dict[tuple[AuthorId, str], tuple[int, ContentId]] = {}
    for key, (author, finding, time_ms) in facts.findings.items():
        voice = (author, finding.slot)
        if not silent(author, key) and (time_ms, key) > voices.get(voice, (-1, b"")):
            voices[voice] = (time_ms, key)
    groups: dict[_Verdict, list[tuple[ContentId, AuthorId]]] = {}
    for (author, _), (_, key) in voices.items():
        finding = facts.findings[key][1]
        verdict = (finding.slot, finding.relation, finding.technique, finding.mode)
        groups.setdefault(verdict, []).append((key, author))
    per_slot: dict[str, set[AuthorId]] = {}
    for author, slot in voices:
        per_slot.setdefault(slot, set()).add(author)
    views = [
        _view(facts.findings[min(members)[0]][1], {author for _, author in members}, per_slot)
        for members in groups.values()
    ]
    return tuple(sorted(views, key=lambda view: (view.slot, -len(view.authors), view.label, view.mode)))


def _view(finding: Finding, authors: set[AuthorId], per_slot: dict[str, set[AuthorId]]) -> FindingView:
    return FindingView(
        label=finding.label,
        relation=finding.relation,
        technique=finding.technique,
        mode=finding.mode,
        slot=finding.slot,
        gain=finding.gain,
        strength=finding.strength,
        paper=finding.paper,
        symbol=finding.symbol,
        authors=tuple(sorted(authors)),
        others=len(per_slot[finding.slot] - authors),
    )
