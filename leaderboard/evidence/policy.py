"""The public policy: every number that decides what the common board says, in one frozen value.

The common board of all nodes uses `COMMON`; its payload is part of the board's digest, so two nodes that
disagree about policy can never seem to agree about results. Change a number and `version` changes with it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from ..codec import ValueMap

__all__ = ["COMMON", "Policy"]


@dataclass(frozen=True, slots=True)
class Policy:
    """What it takes to be confirmed."""

    version: int = 2
    odds: int = 20
    """1/alpha: the false discovery rate is at most 1/20, intervals cover 19 times in 20."""
    least_replicators: int = 2
    """Distinct non-authors whose fresh seeds count; below, a claim cannot be confirmed or refuted."""
    removal_from: int = 3
    """From this many replicators on, evidence must survive the removal of any f of them; f is at least 1 and
    a third of the others (leaderboard.evidence.pool.spare)."""
    replicator_cap: int = 32
    """Most seeds of one replicator that count for one claim: the first ones it committed to."""
    environment_cap: int = 64
    """Most seeds of one environment class where several took part. A guess: with a between-environment
    standard deviation of half a seed's, 3 x 30 pooled seeds confirm 9 % of null claims."""
    known_after: int = 2
    """A replicator is known once it has delivered on this many other claims of other authors."""
    grace: int = 3
    """An accept is overdue once its author has delivered this many accepts it made later."""
    in_flight: int = 4
    """Honest nodes have at most this many accepts open; with more open, all of them are overdue."""
    tie_parts: int = 20
    """Medians within one part in so many of the track's effect_bound can tie on the board."""
    second_opinion: int = 2
    """Distinct peers whose re-runs must contradict a number before it is called wrong."""

    def payload(self) -> ValueMap:
        """Canonical map, part of every board's digest."""
        return asdict(self)


COMMON = Policy()
"""The fixed public policy of the common board."""
