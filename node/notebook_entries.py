"""What stands in the notebook, as values and as lines of an export.

An `Attempt` is one idea of this researcher and what became of it, from the moment it was thought of; records
know only the claims. A `Lesson` is a sentence with the records that support it. Both come back from files
that people carry around, so the reader of lines trusts nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypeAlias

from leaderboard.codec import Value, ValueMap, decode, encode
from leaderboard.errors import LocalError, PeerError
from leaderboard.ids import ContentId, RecipeId, TrackId, from_text, to_text
from leaderboard.records import recipe_id

__all__ = ["Attempt", "Entry", "Lesson", "Outcome", "read_line", "write_line"]

_MAX_TEXT: Final = 8_000  # characters of one text
_MAX_SUPPORT: Final = 64
_MAX_KEYS: Final = 64


class Outcome(StrEnum):
    """What became of an idea. The words are stable: exports carry them."""

    PLANNED = "planned"  # thought of, not claimed yet
    CLAIMED = "claimed"  # signed; the result is owed
    MEASURED = "measured"  # it has an effect, or diverged
    FAILED = "failed"  # the trial gave no value at all
    KNOWN = "known"  # not run: another claim has shown already what it would show


@dataclass(frozen=True, slots=True)
class Attempt:
    """One idea. There is one attempt for each recipe on a track."""

    track: TrackId
    recipe: ValueMap
    """Canonical payload (`experiments.recipe.Recipe.to_payload`)."""
    proposer: str
    hypothesis: str = ""
    mechanism: str = ""
    predicted: float | None = None
    claim: ContentId | None = None
    outcome: Outcome = Outcome.PLANNED
    effect: float | None = None
    """Best estimate of the gain; None where there is none, or where every seed diverged."""
    interval: tuple[float, float] | None = None
    seeds: int = 0
    standing: str = ""
    why: str = ""
    """What the harness or the novelty checker said, where that decided."""
    because: ContentId | None = None
    """The claim that has shown what this idea would show; `standing` is then that claim's."""
    time_ms: int = 0
    """When it last changed, UTC milliseconds."""

    @property
    def id(self) -> RecipeId:
        """The content id of the recipe."""
        return recipe_id(self.recipe)

    def after(self, before: Attempt) -> Attempt:
        """This entry, with what only the one that it replaces knew."""
        same = self.outcome is before.outcome
        return replace(
            self,
            proposer=self.proposer or before.proposer,
            hypothesis=self.hypothesis or before.hypothesis,
            mechanism=self.mechanism or before.mechanism,
            predicted=before.predicted if self.predicted is None else self.predicted,
            claim=self.claim or before.claim,
            why=self.why or (before.why if same else ""),
            because=self.because or (before.because if same else None),
        )

    def says_as_much_as(self, before: Attempt) -> bool:
        """Whether nothing but the time differs."""
        return replace(self, time_ms=before.time_ms) == before


@dataclass(frozen=True, slots=True)
class Lesson:
    """Something learned on a track."""

    track: TrackId
    key: str
    """What it is about, unique within the track: the same key later is the same lesson, revised."""
    kind: str
    text: str
    support: tuple[ContentId, ...] = ()
    """Records from which it follows."""
    revision: int = 0
    withdrawn: bool = False
    """The evidence no longer says so."""
    imported: bool = False
    """It came with an import: this node's records neither support nor withdraw it."""
    time_ms: int = 0


Entry: TypeAlias = "Attempt | Lesson"


def write_line(entry: Entry) -> str:
    """One line of an export, without its end."""
    said: dict[str, object]
    if isinstance(entry, Attempt):
        said = {
            "kind": "attempt",
            "track": to_text(entry.track),
            "recipe": _plain(entry.recipe),
            "proposer": entry.proposer,
            "hypothesis": entry.hypothesis,
            "mechanism": entry.mechanism,
            "predicted": entry.predicted,
            "claim": None if entry.claim is None else to_text(entry.claim),
            "outcome": entry.outcome.value,
            "effect": entry.effect,
            "interval": entry.interval,
            "seeds": entry.seeds,
            "standing": entry.standing,
            "why": entry.why,
            "because": None if entry.because is None else to_text(entry.because),
            "time_ms": entry.time_ms,
        }
    else:
        said = {
            "kind": "lesson",
            "track": to_text(entry.track),
            "key": entry.key,
            "about": entry.kind,
            "text": entry.text,
            "support": [to_text(record) for record in entry.support],
            "revision": entry.revision,
            "withdrawn": entry.withdrawn,
            "time_ms": entry.time_ms,
        }
    return json.dumps(said)


def read_line(line: str) -> Entry:
    """The entry that a line of an export says; PeerError for anything else."""
    try:
        said = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise PeerError(f"not a line of a notebook: {error}") from None
    if not isinstance(said, dict):
        raise PeerError("not a line of a notebook: no object")
    fields = _Fields(said)
    kind = fields.text("kind")
    if kind == "attempt":
        return _attempt(fields)
    if kind == "lesson":
        return _lesson(fields)
    raise PeerError(f"a line of a notebook of unknown kind {kind[:32]!r}")


def _attempt(fields: _Fields) -> Attempt:
    word = fields.text("outcome")
    if word not in set(Outcome):
        raise PeerError(f"unknown outcome {word[:32]!r}")
    return Attempt(
        track=TrackId(fields.id("track")),
        recipe=_recipe(fields.get("recipe")),
        proposer=fields.text("proposer"),
        hypothesis=fields.text("hypothesis"),
        mechanism=fields.text("mechanism"),
        predicted=fields.number("predicted"),
        claim=fields.record("claim"),
        outcome=Outcome(word),
        effect=fields.number("effect"),
        interval=fields.interval("interval"),
        seeds=fields.whole("seeds"),
        standing=fields.text("standing"),
        why=fields.text("why"),
        because=fields.record("because"),
        time_ms=fields.whole("time_ms"),
    )


def _lesson(fields: _Fields) -> Lesson:
    support = fields.get("support")
    if not isinstance(support, list) or len(support) > _MAX_SUPPORT:
        raise PeerError("support is no short list of records")
    return Lesson(
        track=TrackId(fields.id("track")),
        key=fields.text("key"),
        kind=fields.text("about"),
        text=fields.text("text"),
        support=tuple(ContentId(from_text(str(record))) for record in support),
        revision=fields.whole("revision"),
        withdrawn=fields.get("withdrawn") is True,
        time_ms=fields.whole("time_ms"),
    )


class _Fields:
    """A line's fields, each read as what it must be."""

    def __init__(self, said: Mapping[str, object]) -> None:
        self._said = said

    def get(self, name: str) -> object:
        if name not in self._said:
            raise PeerError(f"the field {name!r} is missing")
        return self._said[name]

    def text(self, name: str) -> str:
        value = self.get(name)
        if not isinstance(value, str) or len(value) > _MAX_TEXT:
            raise PeerError(f"{name} is no text of at most {_MAX_TEXT} characters")
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise PeerError(f"{name} holds halves of characters")
        return value

    def id(self, name: str) -> bytes:
        return from_text(self.text(name))

    def record(self, name: str) -> ContentId | None:
        return None if self.get(name) is None else ContentId(self.id(name))

    def number(self, name: str) -> float | None:
        value = self.get(name)
        return None if value is None else _finite(value, name)

    def whole(self, name: str) -> int:
        value = self.get(name)
        if type(value) is not int or not 0 <= value < 2**63:
            raise PeerError(f"{name} is no whole number")
        return value

    def interval(self, name: str) -> tuple[float, float] | None:
        value = self.get(name)
        if value is None:
            return None
        if not isinstance(value, list) or len(value) != 2:
            raise PeerError(f"{name} has no two ends")
        return _finite(value[0], name), _finite(value[1], name)


def _finite(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e300:
        raise PeerError(f"{name} is no number")
    if math.isnan(value):
        raise PeerError(f"{name} is no number")
    return float(value)


def _plain(recipe: ValueMap) -> dict[str, object]:
    """A recipe without bytes: the hash of a program as hex."""
    program = recipe.get("program")
    return {**recipe, "program": program.hex()} if isinstance(program, bytes) else dict(recipe)


def _recipe(value: object) -> ValueMap:
    """A recipe payload, in bounds and in canonical form; whether a track takes it is seen when it is used."""
    if not isinstance(value, dict) or len(value) > _MAX_KEYS:
        raise PeerError("the recipe is no small map")
    found: dict[str, Value] = dict(value)
    if isinstance(value.get("program"), str):
        try:
            found["program"] = bytes.fromhex(value["program"])
        except ValueError:
            raise PeerError("the recipe's program is no hash") from None
    try:
        again = decode(encode(found))
    except LocalError as error:
        raise PeerError(f"the recipe {error}") from None
    assert isinstance(again, Mapping)  # what is decoded is what was encoded
    return again
