"""A track's manifest: everything that defines a contest, hashed into its id.

The data (by hash), the budget, the metric and its direction, the reference recipe, the search space, the
tolerance class and the evaluator's version are all inside, so two boards with one id measured one thing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from .codec import ValueMap, encode
from .fields import Fields
from .ids import TrackId

__all__ = ["TrackManifest"]

_DOMAIN = b"consilience/track/v1\x00"


@dataclass(frozen=True, slots=True)
class TrackManifest:
    """The public definition of a research contest."""

    name: str
    version: int
    question: str
    """What is being asked, in one sentence for people."""
    metric: str
    direction: str
    """`min` or `max`: which way the metric improves."""
    data: bytes
    """SHA-256 of the data the evaluator uses."""
    budget: ValueMap
    """Counted limits of a trial, e.g. `{"samples": 38400}`; never wall time."""
    reference: ValueMap
    """Recipe payload of the opponent that every claim without another one meets."""
    space: ValueMap
    """Settings with ranges and slots with their variables; read by people and proposers."""
    tolerance: str
    """`D0` (exact across machines) to `D3` (statistical)."""
    delta_min: float
    """Smallest effect worth a claim, in units of the metric: the null is an effect of at most this."""
    effect_bound: float
    """Effects are clipped to plus or minus this; a divergence counts as the bound."""
    author_seeds: int
    replicator_seeds: int
    evaluator: int
    """Version of the code that turns a recipe into a number."""

    @property
    def id(self) -> TrackId:
        """The track's id."""
        return TrackId(hashlib.sha256(_DOMAIN + encode(self.payload())).digest())

    def payload(self) -> ValueMap:
        return {
            "author_seeds": self.author_seeds,
            "budget": self.budget,
            "data": self.data,
            "delta_min": self.delta_min,
            "direction": self.direction,
            "effect_bound": self.effect_bound,
            "evaluator": self.evaluator,
            "metric": self.metric,
            "name": self.name,
            "question": self.question,
            "reference": self.reference,
            "replicator_seeds": self.replicator_seeds,
            "space": self.space,
            "tolerance": self.tolerance,
            "version": self.version,
        }

    @classmethod
    def read(cls, fields: Fields) -> TrackManifest:
        manifest = cls(
            name=fields.text("name", 64),
            version=fields.integer("version", 1, 2**31),
            question=fields.text("question", 400),
            metric=fields.text("metric", 64),
            direction=fields.text("direction", 3),
            data=fields.id("data"),
            budget=fields.mapping("budget"),
            reference=fields.mapping("reference"),
            space=fields.mapping("space"),
            tolerance=fields.text("tolerance", 2),
            delta_min=fields.number("delta_min"),
            effect_bound=fields.number("effect_bound"),
            author_seeds=fields.integer("author_seeds", 1, 256),
            replicator_seeds=fields.integer("replicator_seeds", 1, 256),
            evaluator=fields.integer("evaluator", 1, 2**31),
        )
        fields.require(manifest.direction in ("min", "max"), "direction is neither min nor max")
        fields.require(manifest.tolerance in ("D0", "D1", "D2", "D3"), "unknown tolerance class")
        fields.require(manifest.delta_min >= 0.0, "delta_min is negative")
        fields.require(manifest.effect_bound > manifest.delta_min, "effect_bound is not above delta_min")
        return manifest
