"""Do published numbers replay? Re-runs of seeds that somebody else measured, compared by tolerance class.

A replication's `replay` re-runs seeds which the claim's author, or an earlier replicator (whose secret is
revealed by then), has published. Classes: D0, equality to 1e-7 (1+|b|) on any machine, only where the
checker found the seed insensitive to a 2 ulp perturbation; D1, the same within one environment class; D2, a
band around the machines' calibration runs; D3 and sensitive seeds are never compared. NaN against a number
is a sign of an unstable candidate, not of fraud. Rounded values and hashes are never compared: they
straddle boundaries.

Equal numbers prove little by themselves (a dead net gives 2.302585 on every seed, and numbers can be
copied), so agreement earns trust only for the side that published first (leaderboard.evidence.trust).
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

from ..ids import AuthorId
from ..measurement import Measurement
from .facts import ClaimFacts

__all__ = [
    "Agreement",
    "Check",
    "Comparison",
    "Run",
    "compare",
    "comparisons",
    "contested_seeds",
    "contradictions",
    "cross_check",
    "own_comparisons",
    "seeds_run_again",
    "settle",
]

_D0_TOLERANCE = 1e-7
"""Relative tolerance of exact replay: float64 metrics agree to ~1e-13 on insensitive seeds."""
_D2_BAND = 0.02
"""Relative half-width of the calibrated band of class D2: a guess, not measured."""


class Agreement(Enum):
    """What comparing two runs of one seed says."""

    SAME = "same"
    DIFFERENT = "different"
    UNSTABLE = "unstable"
    UNKNOWN = "not comparable"


@dataclass(frozen=True, slots=True)
class Run:
    """One node's numbers for one seed of one claim."""

    candidate: float | None
    opponent: float | None
    stable: bool
    environment: str
    calibration: float

    @classmethod
    def of(cls, measurement: Measurement) -> Iterator[tuple[int, Run]]:
        """Every seed of a measurement with its run."""
        yield from ((seed, cls.at(measurement, index)) for index, seed in enumerate(measurement.seeds))

    @classmethod
    def at(cls, measurement: Measurement, index: int) -> Run:
        """What a measurement says of its seed number `index`."""
        return cls(
            measurement.candidate[index],
            measurement.opponent[index],
            measurement.stable[index],
            measurement.environment,
            measurement.calibration,
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """`checker` ran again a seed that `publisher` had published."""

    publisher: AuthorId
    checker: AuthorId
    seed: int
    agreement: Agreement
    copyable: bool = False
    """Whether the publisher ran the seed again too, and so could have copied the number it shows."""


@dataclass(slots=True)
class Check:
    """Which peers' re-runs agreed with one publisher's numbers for one claim."""

    matched: set[AuthorId] = field(default_factory=set)
    mismatched: set[AuthorId] = field(default_factory=set)
    unstable: set[AuthorId] = field(default_factory=set)

    def note(self, comparison: Comparison) -> None:
        if comparison.agreement is Agreement.SAME:
            self.matched.add(comparison.checker)
        elif comparison.agreement is Agreement.DIFFERENT:
            self.mismatched.add(comparison.checker)
        elif comparison.agreement is Agreement.UNSTABLE:
            self.unstable.add(comparison.checker)

    @property
    def supporters(self) -> set[AuthorId]:
        """Peers who found agreement and nothing else."""
        return self.matched - self.mismatched - self.unstable

    def contradicted(self, opinions: int, arbiter: AuthorId | None = None) -> bool:
        """Whether enough distinct peers, and more than support it, found different numbers.

        `arbiter` (the viewer of "my board") decides alone.
        """
        if arbiter in self.mismatched:
            return True
        return len(self.mismatched) >= opinions and len(self.mismatched) > len(self.supporters)

    def shaky(self, opinions: int, arbiter: AuthorId | None = None) -> bool:
        """The same for NaN against a number."""
        if arbiter in self.unstable:
            return True
        return len(self.unstable) >= opinions and len(self.unstable) > len(self.supporters)


def comparisons(facts: ClaimFacts, tolerance: str) -> Sequence[Comparison]:
    """Every re-run of a published seed of this claim, set against what was published."""
    found = facts.compared.get(tolerance)
    if found is None:
        found = facts.compared[tolerance] = tuple(_comparisons(facts, tolerance))
    return found


def _comparisons(facts: ClaimFacts, tolerance: str) -> Iterator[Comparison]:
    reruns = _reruns(facts)
    published = _published(facts, {seed for _, seed, _ in reruns}) if reruns else {}
    for checker, seed, rerun in reruns:
        for publisher, run in published.get(seed, ()):
            if publisher != checker:
                yield Comparison(publisher, checker, seed, compare(tolerance, run, rerun))


def own_comparisons(facts: ClaimFacts, tolerance: str, viewer: AuthorId) -> Iterator[Comparison]:
    """What the viewer's own re-runs say about peers: their published seeds, and their re-runs.

    A peer's re-run may be a copy of the published number, so agreeing with it earns nothing; a difference
    is held against a peer that invents mismatches to discredit an honest author.
    """
    reruns = _reruns(facts)
    mine = [(seed, run) for checker, seed, run in reruns if checker == viewer]
    if not mine:
        return
    yield from (item for item in comparisons(facts, tolerance) if item.checker == viewer)
    for peer, seed, theirs in reruns:
        for own_seed, run in mine:
            if peer != viewer and own_seed == seed:
                yield Comparison(peer, viewer, seed, compare(tolerance, theirs, run), copyable=True)


def contested_seeds(facts: ClaimFacts, tolerance: str) -> frozenset[Comparison]:
    """Seeds on which a re-run contradicts what was published: a third run tells who is wrong."""
    return frozenset(item for item in comparisons(facts, tolerance) if item.agreement is Agreement.DIFFERENT)


def seeds_run_again(facts: ClaimFacts, viewer: AuthorId) -> frozenset[int]:
    """The published seeds of this claim that `viewer` has already run again."""
    mine = (item for item in facts.deliveries.values() if item.commitment.author == viewer)
    return frozenset(seed for item in mine if item.replay is not None for seed in item.replay.seeds)


def contradictions(facts: ClaimFacts, tolerance: str, rerun: Measurement) -> dict[int, Agreement]:
    """Seeds of a re-run, not published yet, on which somebody's published number is another one.

    The worst of what each seed says: `DIFFERENT`, else `UNSTABLE`. Whoever finds one should run the seed a
    second time before saying so: an honest machine errs, too.
    """
    published, found = _published(facts, rerun.seeds), dict[int, Agreement]()
    for index, seed in enumerate(rerun.seeds):
        said = {compare(tolerance, run, Run.at(rerun, index)) for _, run in published.get(seed, ())}
        for agreement in (Agreement.DIFFERENT, Agreement.UNSTABLE):
            if agreement in said:
                found.setdefault(seed, agreement)
    return found


def settle(facts: ClaimFacts, tolerance: str, first: Measurement, second: Measurement) -> Measurement:
    """A re-run after its contradicted seeds were run a second time: what may be published.

    A doubted seed is published as the second run has it, if that agrees with what was published or with the
    first run; otherwise this machine contradicts itself there and says nothing.
    """
    doubted, still = contradictions(facts, tolerance, first), contradictions(facts, tolerance, second)
    before = {seed: index for index, seed in enumerate(first.seeds)}
    sure = {
        seed
        for index, seed in enumerate(second.seeds)
        if seed in doubted
        and (seed not in still or _agree(Run.at(first, before[seed]), Run.at(second, index)))
    }
    kept = first.only([seed for seed in first.seeds if seed not in doubted])
    return kept.extended(second.only(sure))


def _agree(a: Run, b: Run) -> bool:
    """Two runs of one seed on one machine: equal within class D0."""
    return _close(a.candidate, b.candidate, 0.0, _D0_TOLERANCE) and _close(
        a.opponent, b.opponent, 0.0, _D0_TOLERANCE
    )


def cross_check(facts: ClaimFacts, tolerance: str, silent: Container[AuthorId]) -> dict[AuthorId, Check]:
    """Per publisher, what the re-runs of peers who are not in `silent` say about its numbers."""
    checks: dict[AuthorId, Check] = {}
    for comparison in comparisons(facts, tolerance):
        if comparison.checker not in silent:
            checks.setdefault(comparison.publisher, Check()).note(comparison)
    return checks


def compare(tolerance: str, published: Run, rerun: Run) -> Agreement:
    """Set a re-run against what was published, under a tolerance class, `D0` to `D3`.

    Only the checker's sensitivity gate counts: a publisher who could exempt its seeds would.
    """
    a, b = published, rerun
    if tolerance == "D3" or (tolerance == "D1" and a.environment != b.environment):
        return Agreement.UNKNOWN
    for x, y in ((a.candidate, b.candidate), (a.opponent, b.opponent)):
        if (x is None) != (y is None):
            return Agreement.UNSTABLE
    if not rerun.stable:
        return Agreement.UNKNOWN
    shift = a.calibration - b.calibration if tolerance == "D2" else 0.0
    relative = _D2_BAND if tolerance == "D2" else _D0_TOLERANCE
    same = _close(a.candidate, b.candidate, shift, relative) and _close(
        a.opponent, b.opponent, shift, relative
    )
    return Agreement.SAME if same else Agreement.DIFFERENT


def _close(a: float | None, b: float | None, shift: float, relative: float) -> bool:
    if a is None or b is None:
        return a is b
    return abs(a - shift - b) <= relative * (1.0 + abs(b))


def _reruns(facts: ClaimFacts) -> list[tuple[AuthorId, int, Run]]:
    return [
        (delivery.commitment.author, seed, Run.at(delivery.replay, index))
        for delivery in facts.deliveries.values()
        if delivery.replay is not None
        for index, seed in enumerate(delivery.replay.seeds)
    ]


def _published(facts: ClaimFacts, wanted: Container[int]) -> dict[int, list[tuple[AuthorId, Run]]]:
    """Who published which of the `wanted` seeds: the author's results and the replicators' own seeds."""
    found: dict[int, list[tuple[AuthorId, Run]]] = {}
    shown = [(facts.author, measurement) for measurement in facts.measured]
    shown += [(delivery.commitment.author, delivery.own) for delivery in facts.deliveries.values()]
    for author, measurement in shown:
        for index, seed in enumerate(measurement.seeds):
            if author is not None and seed in wanted:
                found.setdefault(seed, []).append((author, Run.at(measurement, index)))
    return found
