"""The checker: look at one query through every channel and fuse what they see.

`Checker` is loaded once a process and may be slow to load (numpy, scipy, the text index; torch when code is
to be run), so daemon and CLI talk to it in a worker process (`python -P -m experiments.novelty`), never here.

What a channel cannot look at it leaves out.  A slot that behaves as the reference's is no change and is not
held against anybody.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from .artefact import Query
from .catalogue import Catalogue, load_catalogue
from .fusion import fuse
from .measured import track_evidence
from .memory import Memory
from .probes.init_weights import probe_init_weights
from .probes.report import not_probed
from .probes.schedule import probe_schedule
from .programs import program_evidence, tuning_of
from .slots import probe_slot
from .structure.settings import moves_in_tables
from .structure.source import looks_like_code
from .verdict import Channel, Evidence, Relation, Strength, Verdict
from .words import formula_evidence, reads_as_formula, tuning_evidence

__all__ = ["Checker", "LikenessChannel", "Opinion", "TextChannel"]

_TELLING = 8  # words from which a claim says what is done; a judgement
_CONSIDERED = 0.1  # of likeness's first candidate, from which a rule of the same name speaks; a judgement
_HEAVY = 8.0  # weight of a rule whose score no longer rises (`programs.py`)
_WRITTEN = (Channel.STRUCTURE, Channel.LIKENESS)
_OPEN = (None, Strength.SUSPECTED)  # what a probe or a rule has decided no model is asked about


class TextChannel(Protocol):
    """What the checker needs of the text channel."""

    def evidence(self, text: str, code: str = "") -> Sequence[Evidence]:
        """Candidates for a claim's words, best first; flags only above the calibrated threshold."""

    def candidates(self, text: str, code: str = "") -> Sequence[str]:
        """Ids of the likeliest techniques, best first, however unlikely."""


class LikenessChannel(Protocol):
    """What the checker needs of the likeness channel (`likeness.matcher`)."""

    def evidence(self, code: str, found: Sequence[Evidence]) -> Sequence[Evidence]:
        """Candidates for a program, given what rules and probes found; only the first may flag."""


class Opinion(Protocol):
    """What the checker needs of a language model (`judge.Judge`)."""

    def evidence(
        self, claim: str, code: str, candidates: Sequence[str], catalogue: Catalogue
    ) -> list[Evidence]:
        """Checked evidence for one of the candidates, or words on why there is none."""


class Checker:
    """Recognises known techniques; see the module.

    `text` may be absent: then words are not judged.  So may `likeness`: then rules speak for themselves.
    """

    def __init__(
        self,
        catalogue: Catalogue | None = None,
        text: TextChannel | None = None,
        judge: Opinion | None = None,
        likeness: LikenessChannel | None = None,
    ) -> None:
        self._catalogue = catalogue or load_catalogue()
        self._text = text
        self._judge = judge
        self._likeness = likeness
        self.memory = Memory()
        """What it was told about trials of the swarm."""

    def check(self, query: Query) -> Verdict:
        """The fused verdict on one query; never raises for what the query says."""
        query = _sorted_out(query)
        evidence = _behaviour(query)
        evidence += formula_evidence(query.claim, query.layers)
        evidence += _tuning(query)
        words = self._words(query)
        if query.code:
            evidence += _heard(self._code(query), words, query.claim)
        evidence += [*words, *self.memory.evidence(query)]
        verdict = fuse(evidence, self._catalogue)
        if self._judge is None or self._text is None or verdict.strength not in _OPEN:
            return verdict
        offered = self._text.candidates(query.claim, query.code)
        opinion = self._judge.evidence(query.claim, query.code, offered, self._catalogue)
        return fuse([*evidence, *opinion], self._catalogue)

    def _words(self, query: Query) -> Sequence[Evidence]:
        if self._text is None or not (query.claim.strip() or query.code):
            return ()
        return self._text.evidence(query.claim, query.code)

    def _code(self, query: Query) -> list[Evidence]:
        """What the code shows; rules that likeness does not support are hints."""
        found = program_evidence(query.code, query.claim, self._catalogue)
        if self._likeness is None or any(item.relation is Relation.TUNING for item in found):
            return found
        likely = self._likeness.evidence(query.code, found)
        return [
            replace(item, relation=Relation.NEAR)
            if item.channel is Channel.STRUCTURE and item.flags and not _supported(item, likely)
            else item
            for item in found
        ] + list(likely)


def _supported(rule: Evidence, likely: Sequence[Evidence]) -> bool:
    """Whether a rule speaks: likeness puts it first, or is sure of nothing and the rule is heavy."""
    for item in likely[:1]:
        if item.technique == rule.technique and (item.flags or item.score >= _CONSIDERED):
            return True
        if item.flags:
            return False
    considered = {item.technique for item in likely}
    return rule.technique in considered and dict(rule.numbers).get("rule weight", _HEAVY) >= _HEAVY


def _heard(found: Sequence[Evidence], words: Sequence[Evidence], claim: str) -> list[Evidence]:
    """Rules and likeness that the words of a telling claim do not even consider are hints, no flags.

    A rule sees one expression of a program that may do something else around it. On a stranger's 76 claims
    with code seven rules spoke up against the words; two of them were right.
    """
    if not words or len(claim.split()) < _TELLING:
        return list(found)
    considered = {item.technique for item in words}
    return [
        replace(item, relation=Relation.NEAR)
        if item.channel in _WRITTEN and item.flags and item.technique not in considered
        else item
        for item in found
    ]


def _sorted_out(query: Query) -> Query:
    """A claim that is code, with none given, is taken as the code."""
    if query.code or reads_as_formula(query.claim) or not looks_like_code(query.claim):
        return query
    return replace(query, claim="", code=query.claim)


def _tuning(query: Query) -> list[Evidence]:
    moves = moves_in_tables(dict(query.baseline), dict(query.settings))
    return [*(tuning_of(move) for move in moves), *tuning_evidence(query.claim)]


def _behaviour(query: Query) -> list[Evidence]:
    found: list[Evidence] = []
    reference = dict(query.reference)
    for slot, text in query.expressions:
        seen = probe_slot(slot, text, query.layers)
        if slot in reference and _same(seen[0], probe_slot(slot, reference[slot], query.layers)[0]):
            seen = (not_probed(f"slot {slot}: it does the same as the reference"),)
        found += seen
    if query.weights:
        found += probe_init_weights(query.weights)
    if query.lr_log:
        found += probe_schedule(np.array(query.lr_log))
    return [*found, *track_evidence(query)]


def _same(one: Evidence, other: Evidence) -> bool:
    """Whether two artefacts measured the same, by everything that was measured."""
    if (one.relation, one.technique, one.mode) != (other.relation, other.technique, other.mode):
        return False
    if one.relation is Relation.NOT_PROBED:
        return one.summary == other.summary
    numbers = zip(one.numbers, other.numbers, strict=False)
    return all(math.isclose(a, b, rel_tol=1e-3, abs_tol=1e-6) for (_, a), (_, b) in numbers)
