"""Paired per-seed values of a candidate and its opponent: what a result or a replication measured.

Arrays, never means: any reader can recompute every statistic on the board. A run that diverged (NaN or
infinity) is None, is never dropped, and loses against any number.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, replace

from .codec import ValueMap
from .errors import LocalError
from .fields import Fields

__all__ = ["MAX_SEEDS", "MAX_SEED_VALUE", "Measurement"]

MAX_SEEDS = 256
"""Most seeds in one measurement; more is another record."""
MAX_SEED_VALUE = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Measurement:
    """Values of the track's metric, one per seed, candidate and opponent in the same environment."""

    seeds: tuple[int, ...]
    candidate: tuple[float | None, ...]
    opponent: tuple[float | None, ...]
    stable: tuple[bool, ...]
    """Per seed: did a twin run perturbed by 2 ulp agree (the sensitivity gate of class D0)? False where no
    twin was run: the gate is paid for by whoever replays."""
    environment: str
    """Short class of the machine (processor family, library versions), for caps and heterogeneity."""
    calibration: float
    """The track's calibration run on this machine, in units of the metric."""
    sandbox: str
    """Confinement reached: `none` for recipes without programs."""
    cost_ms: int
    """Wall time of all runs, in milliseconds."""

    def __post_init__(self) -> None:
        lengths = {len(self.seeds), len(self.candidate), len(self.opponent), len(self.stable)}
        if len(lengths) != 1:
            raise LocalError(f"measurement arrays differ in length: {sorted(lengths)}")

    def extended(self, more: Measurement) -> Measurement:
        """These seeds and then those of `more`, measured on the same machine right after."""
        return Measurement(
            seeds=self.seeds + more.seeds,
            candidate=self.candidate + more.candidate,
            opponent=self.opponent + more.opponent,
            stable=self.stable + more.stable,
            environment=more.environment,
            calibration=more.calibration,
            sandbox=more.sandbox,
            cost_ms=self.cost_ms + more.cost_ms,
        )

    def only(self, wanted: Container[int]) -> Measurement:
        """The part on the `wanted` seeds, in the same order; its cost is that of the whole."""
        kept = [index for index, seed in enumerate(self.seeds) if seed in wanted]
        return replace(
            self,
            seeds=tuple(self.seeds[index] for index in kept),
            candidate=tuple(self.candidate[index] for index in kept),
            opponent=tuple(self.opponent[index] for index in kept),
            stable=tuple(self.stable[index] for index in kept),
        )

    def payload(self) -> ValueMap:
        return {
            "calibration": self.calibration,
            "candidate": self.candidate,
            "cost_ms": self.cost_ms,
            "environment": self.environment,
            "opponent": self.opponent,
            "sandbox": self.sandbox,
            "seeds": self.seeds,
            "stable": self.stable,
        }

    @classmethod
    def read(cls, fields: Fields) -> Measurement:
        seeds = fields.integers("seeds", MAX_SEEDS, 0, MAX_SEED_VALUE)
        candidate = fields.optional_numbers("candidate", MAX_SEEDS)
        opponent = fields.optional_numbers("opponent", MAX_SEEDS)
        stable = fields.booleans("stable", MAX_SEEDS)
        fields.require(
            len(seeds) == len(candidate) == len(opponent) == len(stable), "arrays differ in length"
        )
        fields.require(len(set(seeds)) == len(seeds), "a seed occurs twice")
        return cls(
            seeds=seeds,
            candidate=candidate,
            opponent=opponent,
            stable=stable,
            environment=fields.text("environment", 120),
            calibration=fields.number("calibration"),
            sandbox=fields.text("sandbox", 32),
            cost_ms=fields.integer("cost_ms", 0, 2**53),
        )
