"""What the novelty checker says: one lattice of relations, the evidence for it, and the words shown.

All channels (text, likeness, structure, behaviour, memory) speak this vocabulary, strongest relation first:

    equal               the same thing; nothing was fitted but scales that the class treats as settings
    special_case_of     a member of a known parametric family; the fitted parameters are named
    reparametrisation   equal after a rescaling or shift (another gain, an affine map, stretched time)
    combination_of      a sum, product, composition or sequence of known parts
    tuning              a mere move of a setting that every recipe has, told as a ratio to the baseline
    near                something known is close; informational, never a flag
    unmatched           nothing in the catalogue of this version matches
    not_probed          the artefact could not be probed; says nothing about novelty

The first four are flags.  We never call a result new: the absence of a match is not novelty.

A verdict is plain data; `payload.py` carries it in and out of a signed `Finding`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "FLAGS",
    "Candidate",
    "Channel",
    "Evidence",
    "Known",
    "Relation",
    "Strength",
    "Verdict",
]


class Relation(StrEnum):
    """How a candidate relates to what is known; see the module's lattice."""

    EQUAL = "equal"
    SPECIAL_CASE = "special_case_of"
    REPARAMETRISATION = "reparametrisation"
    COMBINATION = "combination_of"
    TUNING = "tuning"
    NEAR = "near"
    UNMATCHED = "unmatched"
    NOT_PROBED = "not_probed"


class Channel(StrEnum):
    """Which kind of look produced a piece of evidence."""

    BEHAVIOUR = "behaviour"
    STRUCTURE = "structure"
    LIKENESS = "likeness"
    TEXT = "text"
    MEMORY = "memory"


class Strength(StrEnum):
    """How far a flag may be believed: measured behaviour, equal structure, or words alone."""

    CONFIRMED = "confirmed"
    STRONG = "strong"
    SUSPECTED = "suspected"


FLAGS = frozenset(
    {Relation.EQUAL, Relation.SPECIAL_CASE, Relation.REPARAMETRISATION, Relation.COMBINATION},
)
_REDISCOVERY = frozenset({Relation.EQUAL, Relation.SPECIAL_CASE})

_NO_GAIN_WORTH_SAYING = 0.005  # a gain within half a per cent of 1 is shown as none


@dataclass(frozen=True, slots=True)
class Known:
    """A technique as a person needs it to look it up: who, when, where, and its name in a library."""

    id: str
    name: str
    aliases: tuple[str, ...] = ()
    year: int | None = None
    paper: str = ""
    symbol: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One channel's finding, with numbers that a reader can check.

    `gain` is the ratio of the artefact's scale to the canonical one (1.3 means 1.3 times He's standard
    deviation), or, for `tuning`, the ratio of the new setting to the baseline's.  `score` lies in [0, 1] and
    orders candidates inside one channel; it is a probability only where `docs/novelty.md` says so.
    `parts` names the technique ids of a combination, `what_differs` says in words what makes it a variant.
    """

    channel: Channel
    relation: Relation
    technique: str
    score: float
    summary: str
    numbers: tuple[tuple[str, float], ...] = ()
    mode: str = ""
    gain: float | None = None
    what_differs: str = ""
    parts: tuple[str, ...] = ()

    @property
    def flags(self) -> bool:
        return self.relation in FLAGS


@dataclass(frozen=True, slots=True)
class Candidate:
    """A line of the top five: what else was considered, and how well it fitted."""

    technique: str
    name: str
    score: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """The fused answer.  `evidence` holds every channel's view, also where channels disagree."""

    relation: Relation
    catalogue_version: str
    catalogue_size: int
    technique: Known | None = None
    strength: Strength | None = None
    score: float = 0.0
    mode: str = ""
    gain: float | None = None
    what_differs: str = ""
    parts: tuple[Known, ...] = ()
    top: tuple[Candidate, ...] = ()
    evidence: tuple[Evidence, ...] = ()

    @property
    def flagged(self) -> bool:
        """Whether this says "known": exactly the first four relations, with a technique named."""
        return self.relation in FLAGS and self.technique is not None

    @property
    def label(self) -> str:
        """The coarse class: rediscovery, variant, tuning, unmatched or not_probed."""
        if self.relation is Relation.TUNING:
            return "tuning"
        if self.relation is Relation.NOT_PROBED:
            return "not_probed"
        if not self.flagged:
            return "unmatched"
        return "rediscovery" if self.relation in _REDISCOVERY else "variant"

    @property
    def headline(self) -> str:
        """One line for the board, for example `variant of Kaiming initialization (fan_in, gain 1.30x)`."""
        body = _headline_body(self)
        if self.strength is Strength.SUSPECTED:
            return f"suspected {body} ({self._suspicion})"
        return body

    @property
    def _suspicion(self) -> str:
        """What a suspicion rests on."""
        ids = {part.id for part in (self.technique, *self.parts) if part is not None}
        alike = any(e.channel is Channel.LIKENESS and e.flags and e.technique in ids for e in self.evidence)
        return "by its code's likeness to others" if alike else "by its description alone"

    @property
    def citation(self) -> str:
        """Paper, year and library symbol of the named technique, or nothing."""
        if self.technique is None:
            return ""
        known = self.technique
        paper = known.paper if known.paper else known.name
        dated = f"{paper} ({known.year})" if known.year and str(known.year) not in paper else paper
        return f"{dated}, {known.symbol}" if known.symbol else dated


def _headline_body(verdict: Verdict) -> str:
    match verdict.label:
        case "not_probed":
            return "not probed: no artefact that a probe could run"
        case "tuning":
            return _tuning_words(verdict)
        case "unmatched":
            return f"no match among {verdict.catalogue_size} techniques"
    assert verdict.technique is not None  # flagged, or the label had been another
    if verdict.relation is Relation.COMBINATION and verdict.parts:
        return "combination of " + " + ".join(part.name for part in verdict.parts)
    details = ", ".join(_details(verdict))
    return f"{verdict.label} of {verdict.technique.name}" + (f" ({details})" if details else "")


def _tuning_words(verdict: Verdict) -> str:
    name = verdict.technique.name if verdict.technique else "a setting"
    if verdict.gain is not None:
        return f"tuning: {name}, {verdict.gain:.3g}x the baseline"
    return f"tuning: {name}" + (f" ({verdict.what_differs})" if verdict.what_differs else "")


def _details(verdict: Verdict) -> list[str]:
    details = [verdict.mode] if verdict.mode else []
    if verdict.gain is not None and abs(verdict.gain - 1.0) > _NO_GAIN_WORTH_SAYING:
        details.append(f"gain {verdict.gain:.2f}x")
    if verdict.what_differs:
        details.append(verdict.what_differs)
    return details
