"""What records say: one frozen dataclass per kind, and the only reader of their wire form.

`Record.payload()` gives the canonical map; `parse_payload(kind, map)` is its inverse and checks every
type, bound and spelling, because payloads come from strangers. Whether a measurement's seeds are the right
ones, whether an accept preceded it, whether its claim exists: those need other records, which may arrive
later, so they are decided in views (leaderboard.evidence), never here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from .ablation import Ablation
from .codec import ValueMap, encode
from .errors import PeerError
from .fields import Fields
from .ids import ContentId, RecipeId, TrackId
from .manifest import TrackManifest
from .measurement import Measurement

__all__ = [
    "KINDS",
    "MAX_TEXT",
    "Ablation",
    "Accept",
    "Claim",
    "Finding",
    "Note",
    "Profile",
    "Record",
    "Replication",
    "Result",
    "Retraction",
    "Track",
    "commitment",
    "parse_payload",
    "recipe_id",
    "subject_of",
]

MAX_TEXT = 4_000
"""Longest free text in one field, in characters."""
MAX_ACCEPTED_SEEDS = 256
_RECIPE_DOMAIN = b"consilience/recipe/v1\x00"
_COMMITMENT_DOMAIN = b"consilience/commitment/v1\x00"


def recipe_id(recipe: ValueMap) -> RecipeId:
    """The content id of a recipe payload (canonical form makes equal recipes equal bytes)."""
    return RecipeId(hashlib.sha256(_RECIPE_DOMAIN + encode(recipe)).digest())


def commitment(claim: ContentId, author: bytes, secret: bytes) -> bytes:
    """What an `Accept` publishes before the run; the `Replication` reveals `secret` (32 bytes)."""
    return hashlib.sha256(_COMMITMENT_DOMAIN + claim + author + secret).digest()


@dataclass(frozen=True, slots=True)
class Track:
    """Makes a contest known to the swarm: whoever holds this record can label its board."""

    kind: ClassVar[str] = "track"
    manifest: TrackManifest

    def payload(self) -> ValueMap:
        return {"manifest": self.manifest.payload()}

    @classmethod
    def read(cls, fields: Fields) -> Track:
        return cls(TrackManifest.read(fields.fields("manifest")))


@dataclass(frozen=True, slots=True)
class Claim:
    """Signed before the run: this recipe will beat that opponent on this track."""

    kind: ClassVar[str] = "claim"
    track: TrackId
    recipe: ValueMap
    opponent: ContentId | None
    """The claim whose recipe is the opponent; None means the track's reference recipe."""
    hypothesis: str
    predicted_effect: float | None
    """Expected gain in the track's metric (positive is better), or None if the author names none."""
    parents: tuple[ContentId, ...]
    proposer: str
    """Who proposed it: `search/...`, `llm/MODEL`, `person`."""
    licence: str
    """SPDX expression or empty."""
    derivable: bool
    """False asks agents not to use this recipe as a parent."""

    def payload(self) -> ValueMap:
        return {
            "derivable": self.derivable,
            "hypothesis": self.hypothesis,
            "licence": self.licence,
            "opponent": self.opponent,
            "parents": self.parents,
            "predicted_effect": self.predicted_effect,
            "proposer": self.proposer,
            "recipe": self.recipe,
            "track": self.track,
        }

    @classmethod
    def read(cls, fields: Fields) -> Claim:
        opponent = fields.optional_id("opponent")
        return cls(
            track=TrackId(fields.id("track")),
            recipe=fields.mapping("recipe"),
            opponent=None if opponent is None else ContentId(opponent),
            hypothesis=fields.text("hypothesis", MAX_TEXT),
            predicted_effect=fields.optional_number("predicted_effect"),
            parents=tuple(ContentId(i) for i in fields.ids("parents", 8)),
            proposer=fields.text("proposer", 64),
            licence=fields.text("licence", 64),
            derivable=fields.boolean("derivable"),
        )


@dataclass(frozen=True, slots=True)
class Accept:
    """A replicator's commitment before it runs: seeds accepted and not delivered count as losses."""

    kind: ClassVar[str] = "accept"
    claim: ContentId
    seeds: int
    commitment: bytes

    def payload(self) -> ValueMap:
        return {"claim": self.claim, "commitment": self.commitment, "seeds": self.seeds}

    @classmethod
    def read(cls, fields: Fields) -> Accept:
        return cls(
            claim=ContentId(fields.id("claim")),
            seeds=fields.integer("seeds", 1, MAX_ACCEPTED_SEEDS),
            commitment=fields.id("commitment"),
        )


@dataclass(frozen=True, slots=True)
class Result:
    """The author's own measurement of its claim; never counts as evidence on the common board."""

    kind: ClassVar[str] = "result"
    claim: ContentId
    measurement: Measurement

    def payload(self) -> ValueMap:
        return {"claim": self.claim, "measurement": self.measurement.payload()}

    @classmethod
    def read(cls, fields: Fields) -> Result:
        return cls(ContentId(fields.id("claim")), Measurement.read(fields.fields("measurement")))


@dataclass(frozen=True, slots=True)
class Replication:
    """Another node's measurement: its fresh seeds are evidence, its replay checks the author's honesty."""

    kind: ClassVar[str] = "replication"
    claim: ContentId
    accept: ContentId
    secret: bytes
    own: Measurement
    replay: Measurement | None
    """One of the author's own seeds run again; None where the author published no result to replay."""

    def payload(self) -> ValueMap:
        return {
            "accept": self.accept,
            "claim": self.claim,
            "own": self.own.payload(),
            "replay": None if self.replay is None else self.replay.payload(),
            "secret": self.secret,
        }

    @classmethod
    def read(cls, fields: Fields) -> Replication:
        replay = fields.optional_fields("replay")
        return cls(
            claim=ContentId(fields.id("claim")),
            accept=ContentId(fields.id("accept")),
            secret=fields.id("secret"),
            own=Measurement.read(fields.fields("own")),
            replay=None if replay is None else Measurement.read(replay),
        )


@dataclass(frozen=True, slots=True)
class Finding:
    """A novelty verdict on a claim, with the evidence that a person can check."""

    kind: ClassVar[str] = "finding"
    claim: ContentId
    relation: str
    """The verdict's place in the lattice: `equal`, `special_case_of`, ..., `unmatched`, `not_probed`."""
    label: str
    """What people read: `rediscovery of Kaiming/He initialization (fan_in)`."""
    technique: str | None
    """Catalogue id, e.g. `kaiming-init`; None without a match."""
    paper: str
    symbol: str
    mode: str
    slot: str
    gain: float | None
    """Ratio to the technique's canonical constant; 1.0 means the textbook value."""
    strength: str
    """`confirmed` (behaviour), `strong` (structure) or `suspected` (likeness or text)."""
    evidence: tuple[str, ...]
    catalogue: str
    """Catalogue version, so that verdicts of different versions can be told apart."""

    def payload(self) -> ValueMap:
        return {
            "catalogue": self.catalogue,
            "claim": self.claim,
            "evidence": self.evidence,
            "gain": self.gain,
            "label": self.label,
            "mode": self.mode,
            "paper": self.paper,
            "relation": self.relation,
            "slot": self.slot,
            "strength": self.strength,
            "symbol": self.symbol,
            "technique": self.technique,
        }

    @classmethod
    def read(cls, fields: Fields) -> Finding:
        return cls(
            claim=ContentId(fields.id("claim")),
            relation=fields.text("relation", 32),
            label=fields.text("label", 400),
            technique=fields.optional_text("technique", 64),
            paper=fields.text("paper", 400),
            symbol=fields.text("symbol", 200),
            mode=fields.text("mode", 64),
            slot=fields.text("slot", 64),
            gain=fields.optional_number("gain"),
            strength=fields.text("strength", 32),
            evidence=fields.texts("evidence", 16, 400),
            catalogue=fields.text("catalogue", 64),
        )


@dataclass(frozen=True, slots=True)
class Note:
    """Free text, optionally about a record."""

    kind: ClassVar[str] = "note"
    about: ContentId | None
    text: str

    def payload(self) -> ValueMap:
        return {"about": self.about, "text": self.text}

    @classmethod
    def read(cls, fields: Fields) -> Note:
        about = fields.optional_id("about")
        return cls(None if about is None else ContentId(about), fields.text("text", MAX_TEXT))


@dataclass(frozen=True, slots=True)
class Retraction:
    """An author takes back its own record; by anybody else it has no effect."""

    kind: ClassVar[str] = "retraction"
    target: ContentId
    reason: str

    def payload(self) -> ValueMap:
        return {"reason": self.reason, "target": self.target}

    @classmethod
    def read(cls, fields: Fields) -> Retraction:
        return cls(ContentId(fields.id("target")), fields.text("reason", MAX_TEXT))


@dataclass(frozen=True, slots=True)
class Profile:
    """What a node says about itself; shown, never trusted."""

    kind: ClassVar[str] = "profile"
    name: str
    software: str
    device: str

    def payload(self) -> ValueMap:
        return {"device": self.device, "name": self.name, "software": self.software}

    @classmethod
    def read(cls, fields: Fields) -> Profile:
        return cls(fields.text("name", 64), fields.text("software", 64), fields.text("device", 120))


Record: TypeAlias = (
    "Track | Claim | Accept | Result | Replication | Ablation | Finding | Note | Retraction | Profile"
)

KINDS: dict[str, type[Record]] = {
    cls.kind: cls
    for cls in (
        Track,
        Claim,
        Accept,
        Result,
        Replication,
        Ablation,
        Finding,
        Note,
        Retraction,
        Profile,
    )
}


def parse_payload(kind: str, payload: ValueMap) -> Record:
    """The record that a payload map says; raises PeerError on anything malformed or unknown."""
    record_type = KINDS.get(kind)
    if record_type is None:
        raise PeerError(f"unknown record kind {kind[:32]!r}")
    fields = Fields(payload, kind)
    record = record_type.read(fields)
    fields.done()
    return record


def subject_of(record: Record) -> bytes | None:
    """The id of what this record is about, by which it is looked up; None for records about nothing."""
    match record:
        case Track(manifest):
            return manifest.id
        case Claim(track=track):
            return track
        case (
            Accept(claim=claim)
            | Result(claim=claim)
            | Replication(claim=claim)
            | Ablation(claim=claim)
            | Finding(claim=claim)
        ):
            return claim
        case Note(about=about):
            return about
        case Retraction(target=target):
            return target
    return None
