"""The figures and words that a report may use, each with the records that it follows from.

A book is made from the records of one track alone, by the same fold that makes the board. A number has a
key (`effect`, `seeds`, ...) and a subject: a claim, by a prefix of its id, or `track`. Nothing can be looked
up that the records do not say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from leaderboard.ablation import Ablation
from leaderboard.board.rows import Board, ClaimView, Row, as_float
from leaderboard.envelope import Envelope
from leaderboard.evidence.standing import Standing
from leaderboard.ids import ContentId, TrackId, to_text
from leaderboard.manifest import TrackManifest
from leaderboard.records import Claim, Finding, Note, Replication, Result, Retraction
from leaderboard.standings import Standings

from ..views import recipe_line

__all__ = ["SHORT", "TRACK", "Book", "Figure", "Words"]

TRACK = "track"
"""The subject of figures about the whole track."""
SHORT = 10
"""Characters of an id that a report shows."""
_LEAST_PREFIX = 4
_MS_PER_HOUR = 3_600_000


@dataclass(frozen=True, slots=True)
class Figure:
    """A number and where it comes from."""

    value: float
    sources: tuple[ContentId, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """Text that a record says, and which record."""

    text: str
    sources: tuple[ContentId, ...]


@dataclass(frozen=True, slots=True)
class _About:
    """Records about one claim, by kind, in order of id."""

    results: list[ContentId] = field(default_factory=list)
    replications: list[ContentId] = field(default_factory=list)
    ablations: list[ContentId] = field(default_factory=list)
    findings: list[ContentId] = field(default_factory=list)
    retractions: list[ContentId] = field(default_factory=list)
    notes: list[ContentId] = field(default_factory=list)


class Book:
    """Figures and words of one track."""

    def __init__(self, standings: Standings, track: TrackId, envelopes: Iterable[Envelope]) -> None:
        self.manifest: TrackManifest = standings.tracks()[track]
        self.board: Board = standings.board(track)
        self.rows: Sequence[Row] = self.board.rows
        self._views = {row.view.id: row.view for row in self.rows}
        for row in self.rows:
            self._views.update({other: standings.claim(other) for other in row.also_claimed})
        self.records: dict[ContentId, Envelope] = {}
        self._about: dict[ContentId, _About] = {claim: _About() for claim in self._views}
        for envelope in envelopes:
            self._file(envelope)
        self._names = {author: profile.name for author, profile in standings.profiles().items()}
        self._figures = {(TRACK, key): figure for key, figure in self._totals().items()}
        self._words: dict[tuple[str, str], Words] = {}
        for view in self._views.values():
            subject = to_text(view.id)
            self._figures.update({(subject, key): figure for key, figure in self._numbers(view).items()})
            self._words.update({(subject, key): words for key, words in self._said(view).items()})
        self._subjects = sorted(to_text(claim) for claim in self._views)

    # Looking up

    @property
    def views(self) -> Iterable[ClaimView]:
        """Every claim of the track."""
        return self._views.values()

    def figure(self, key: str, subject: str) -> Figure | None:
        """The number with this key; None if the records do not say it, or the prefix fits several claims."""
        return self._figures.get((self._full(subject), key))

    def words(self, key: str, subject: str) -> Words | None:
        """The text with this key; None as above."""
        return self._words.get((self._full(subject), key))

    def keys(self, subject: str) -> tuple[str, ...]:
        """What can be said about a subject."""
        full = self._full(subject)
        return tuple(sorted(key for found, key in (*self._figures, *self._words) if found == full))

    def about(self, claim: ContentId) -> _About:
        return self._about[claim]

    def _full(self, subject: str) -> str:
        if subject == TRACK or len(subject) < _LEAST_PREFIX:
            return subject
        fitting = [known for known in self._subjects if known.startswith(subject)]
        return fitting[0] if len(fitting) == 1 else ""

    # Making

    def _file(self, envelope: Envelope) -> None:
        record = envelope.record
        match record:
            case Claim() if envelope.id in self._views:
                self.records[envelope.id] = envelope
                return
            case Result() | Replication() | Ablation() | Finding():
                claim = record.claim
            case Retraction(target=target):
                claim = target
            case Note(about=about) if about is not None:
                claim = about
            case _:
                return
        about_it = self._about.get(claim)
        if about_it is None:
            return
        self.records[envelope.id] = envelope
        kept = {
            "result": about_it.results,
            "replication": about_it.replications,
            "ablation": about_it.ablations,
            "finding": about_it.findings,
            "retraction": about_it.retractions,
            "note": about_it.notes,
        }
        kept[envelope.kind].append(envelope.id)

    def _totals(self) -> dict[str, Figure]:
        standings = Counter(view.standing for view in self._views.values())
        claims = tuple(sorted(self._views))
        replications = tuple(sorted(key for item in self._about.values() for key in item.replications))
        results = tuple(sorted(key for item in self._about.values() for key in item.results))
        spent = sum(self._cost_ms(key) for key in (*results, *replications))
        found = {
            "claims": Figure(len(claims), claims),
            "results": Figure(len(results), results),
            "replications": Figure(len(replications), replications),
            "hours": Figure(spent / _MS_PER_HOUR, (*results, *replications)),
            "authors": Figure(len({view.author for view in self._views.values()}), claims),
            "bar": Figure(self.board.bar, claims),
            "delta_min": Figure(self.manifest.delta_min, ()),
        }
        for standing in Standing:
            of_it = tuple(sorted(v.id for v in self._views.values() if v.standing is standing))
            # That there is none follows from all of them.
            found[standing.value] = Figure(standings[standing], of_it or claims)
        return found

    def _cost_ms(self, key: ContentId) -> int:
        match self.records[key].record:
            case Result(measurement=measured):
                return measured.cost_ms
            case Replication(own=own, replay=replay):
                return own.cost_ms + (replay.cost_ms if replay else 0)
        return 0

    def _numbers(self, view: ClaimView) -> dict[str, Figure]:
        evidence, about = view.evidence, self._about[view.id]
        by_others = (view.id, *about.replications)
        total = evidence.total
        found: dict[str, float | None] = {
            "effect": evidence.median,
            "low": evidence.interval[0] if evidence.interval else None,
            "high": evidence.interval[1] if evidence.interval else None,
            "at_least": view.margin.lower if view.margin else None,
            "seeds": len(evidence.ordered),
            "wins": total.wins,
            "losses": total.losses,
            "ties": total.ties,
            "diverged": total.diverged,
            "overdue": evidence.overdue,
            "replicators": evidence.replicators,
            "evidence": as_float(evidence.e_value),
            "same": len(evidence.check.supporters),
            "different": len(evidence.check.mismatched),
            "unstable": len(evidence.check.unstable),
        }
        figures = {key: Figure(value, by_others) for key, value in found.items() if value is not None}
        if evidence.author is not None:
            own = (view.id, *about.results)
            figures["own_seeds"] = Figure(evidence.author.seeds, own)
            figures["own_diverged"] = Figure(evidence.author.diverged, own)
            if evidence.author.median is not None:
                figures["measured"] = Figure(evidence.author.median, own)
        if view.claim.predicted_effect is not None:
            figures["predicted"] = Figure(view.claim.predicted_effect, (view.id,))
        for number, cause in enumerate(view.causes):
            taken_apart = (view.id, *about.ablations)
            figures[f"cause{number}"] = Figure(cause.effect, taken_apart)
            figures[f"cause{number}_seeds"] = Figure(cause.seeds, taken_apart)
            if cause.interval is not None:
                figures[f"cause{number}_low"] = Figure(cause.interval[0], taken_apart)
                figures[f"cause{number}_high"] = Figure(cause.interval[1], taken_apart)
        return figures

    def _said(self, view: ClaimView) -> dict[str, Words]:
        about, one = self._about[view.id], (view.id,)
        found = {
            "claim": Words(to_text(view.id)[:SHORT], one),
            "recipe": Words(recipe_line(view.claim.recipe, self.manifest.reference), one),
            "hypothesis": Words(view.claim.hypothesis, one),
            "author": Words(self._names.get(view.author) or to_text(view.author)[:SHORT], one),
            "proposer": Words(view.claim.proposer, one),
            "reason": Words(view.reason, (view.id, *about.replications)),
        }
        for number, finding in enumerate(view.findings):
            source = (view.id, *about.findings)
            paper = "; ".join(part for part in (finding.paper, finding.symbol) if part)
            found[f"label{number}"] = Words(finding.label, source)
            found[f"paper{number}"] = Words(paper, source)
            found[f"strength{number}"] = Words(finding.strength, source)
        for number, cause in enumerate(view.causes):
            found[f"change{number}"] = Words(cause.name, (view.id, *about.ablations))
        for number, key in enumerate((*about.retractions, *about.notes)):
            match self.records[key].record:
                case Retraction(reason=reason):
                    found[f"said{number}"] = Words(reason, (key,))
                case Note(text=text):
                    found[f"said{number}"] = Words(text, (key,))
        return found
