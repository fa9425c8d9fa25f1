"""Which change caused the gain: a recipe measured against itself with one change undone at a time.

A recipe that differs from its baseline in several ways may owe its gain to one of them. Leave-one-out on
paired seeds tells: for each change, `measurement` has the whole recipe as candidate and the recipe without
that change as opponent, on seeds of the record author's own pool (leaderboard.evidence.seeds.author_seeds).
Anybody may publish an ablation of any claim; it explains a claim and never ranks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from .codec import ValueMap
from .errors import PeerError
from .fields import Fields
from .ids import ContentId
from .measurement import Measurement

__all__ = ["MAX_CHANGES", "Ablation", "Change"]

MAX_CHANGES = 12
"""Most changes in one record."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference from the baseline, undone."""

    name: str
    """The slot or setting that differs, e.g. `init_std`."""
    without: ValueMap
    """The recipe with this change undone: what the opponent's runs ran."""
    measurement: Measurement

    def payload(self) -> ValueMap:
        return {"measurement": self.measurement.payload(), "name": self.name, "without": self.without}

    @classmethod
    def read(cls, fields: Fields) -> Change:
        return cls(
            name=fields.text("name", 64),
            without=fields.mapping("without"),
            measurement=Measurement.read(fields.fields("measurement")),
        )


@dataclass(frozen=True, slots=True)
class Ablation:
    """The part of each change in a claim's gain."""

    kind: ClassVar[str] = "ablation"
    claim: ContentId
    baseline: ContentId | None
    """The claim whose recipe the changes start from; None means the track's reference recipe."""
    changes: tuple[Change, ...]

    def payload(self) -> ValueMap:
        return {
            "baseline": self.baseline,
            "changes": [change.payload() for change in self.changes],
            "claim": self.claim,
        }

    @classmethod
    def read(cls, fields: Fields) -> Ablation:
        baseline = fields.optional_id("baseline")
        changes = tuple(_change(item, n) for n, item in enumerate(fields.sequence("changes", MAX_CHANGES)))
        fields.require(bool(changes), "no change is undone")
        fields.require(len({change.name for change in changes}) == len(changes), "a change occurs twice")
        return cls(
            claim=ContentId(fields.id("claim")),
            baseline=None if baseline is None else ContentId(baseline),
            changes=changes,
        )


def _change(item: object, number: int) -> Change:
    where = f"ablation.changes[{number}]"
    if not isinstance(item, Mapping):
        raise PeerError(f"{where}: not a map")
    fields = Fields(item, where)
    change = Change.read(fields)
    fields.done()
    return change
